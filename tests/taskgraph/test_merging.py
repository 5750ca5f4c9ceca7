import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_graphs import TYPES, catalogue, graph, graphs, records

from wildgraph.errors import InputError
from wildgraph.stages.graph import GraphConfig, build_graphs
from wildgraph.taskgraph.checking import graph_problems
from wildgraph.taskgraph.merging import merge_published

CATALOGUE = catalogue()
sources = st.lists(graphs().map(lambda one: [one]), min_size=1, max_size=4)


def texts(merged):
    return [one.to_json() for one in merged]


@given(sources, st.randoms())
def test_the_order_of_sources_leaves_no_trace(found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    assert texts(merge_published(shuffled)) == texts(merge_published(found))


@given(sources, sources)
def test_merging_in_steps_is_merging_at_once(left, right):
    assert texts(merge_published([merge_published(left), merge_published(right)])) == texts(merge_published([*left, *right]))


@given(graphs())
def test_one_source_keeps_its_counts(found):
    (merged,) = merge_published([[found]])
    assert not merged.exact
    assert [(node.support, node.support_most) for node in merged.nodes] == [(node.support, node.support) for node in found.nodes]
    assert [(edge.users, edge.users_most) for edge in merged.edges] == [(edge.users, edge.users) for edge in found.edges]


def test_counts_become_largest_and_sum():
    a = graph({"task/a": 5, "task/b": 3}, {("task/a", "task/b"): 2}, records=6, min_support=2)
    b = graph({"task/a": 4, "task/c": 7}, {("task/a", "task/c"): 4}, records=9, min_support=3)
    (merged,) = merge_published([[a], [b]])
    assert (merged.records, merged.records_most, merged.min_support) == (9, 15, 2)
    assert [(n.concept, n.support, n.support_most) for n in merged.nodes] == [("task/a", 5, 9), ("task/b", 3, 3), ("task/c", 7, 7)]
    assert [(e.source, e.target, e.frequency, e.frequency_most) for e in merged.edges] == [(0, 1, 2, 2), (0, 2, 4, 4)]


@settings(deadline=None)
@given(records(kinds=TYPES, most=40, users=12), st.integers(1, 3), st.randoms())
def test_the_bounds_hold_for_what_both_publish(found, k, random):
    """Whichever records and users two logs share: what is behind a node in either lies between the bounds."""
    left = [item for item in found if random.random() < 0.6]
    right = [item for item in found if item not in left or random.random() < 0.3]
    config = GraphConfig(min_support=k, min_type_records=1)
    published = [build_graphs(part, config, catalogue=CATALOGUE)[0] for part in (left, right)]
    everyone = {graph.document_type: graph for graph in merge_published(published)}
    for kind, merged in everyone.items():
        assert list(graph_problems(merged)) == []
        parts = [graph for graphs in published for graph in graphs if graph.document_type == kind]
        assert max(graph.users for graph in parts) == merged.users <= merged.users_most == sum(graph.users for graph in parts)
        for node in merged.nodes:
            supports = [one.support for graph in parts for one in graph.nodes if one.concept == node.concept]
            assert (node.support, node.support_most) == (max(supports), sum(supports))
            assert node.support >= k


def test_one_id_in_two_fields_is_an_error():
    a = graph({"task/a": 5}, {})
    b = a.model_copy(update={"nodes": (a.nodes[0].model_copy(update={"field": "intent"}),)})
    with pytest.raises(InputError, match="task/a is a concept of task in one graph"):
        merge_published([[a], [b]])
