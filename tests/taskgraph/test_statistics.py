import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_graphs import bounded, graph

from wildgraph.taskgraph.statistics import Supports, describe, entropy


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=20))
def test_entropy_is_between_nothing_and_the_uniform_one(counts):
    found = entropy(counts)
    assert 0 <= found <= math.log2(len(counts)) + 1e-9
    assert entropy([7] * len(counts)) == pytest.approx(math.log2(len(counts)))
    assert entropy([*counts, 0]) == found


def test_a_small_graph_in_numbers():
    small = graph(
        {"task/a": 8, "task/b": 4, "intent/c": 2, "intent/d": 2},
        {("task/a", "task/b"): 3, ("task/a", "intent/c"): 2},
        records=16,
    )
    (found,) = describe([small]).types
    assert (found.nodes, found.edges, found.isolated, found.components, found.largest) == (4, 2, 1, 2, 3)
    assert found.mean_degree == 1.0
    assert found.degree_entropy == 1.5  # degrees 2, 1, 1, 0
    assert found.label_entropy == 1.75  # shares 1/2, 1/4, 1/8, 1/8
    assert found.fields == {"intent": {"nodes": 2, "entropy": 1.0}, "task": {"nodes": 2, "entropy": 0.9183}}
    assert [(one.min_support, one.nodes, one.edges) for one in describe([small]).kept] == [(1, 4, 2), (2, 4, 2), (3, 2, 1), (5, 1, 0)]


def test_shares_are_of_what_there_is_without_pruning():
    published = graph({"task/a": 8}, {}, min_support=5)
    unpruned = graph({"task/a": 8, "task/b": 4, "task/c": 1, "task/d": 1}, {("task/a", "task/b"): 4})
    found = describe([published], Supports.of([unpruned]))
    assert found.kept_of == "private counts"
    assert [(one.min_support, one.nodes_share, one.edges_share) for one in found.kept] == [
        (1, 1.0, 1.0),
        (2, 0.5, 1.0),
        (3, 0.5, 1.0),
        (5, 0.25, 0.0),
    ]
    assert found.concepts == 1


def test_a_k_beyond_the_ladder_keeps_what_it_published():
    found = describe([graph({"task/a": 300, "task/b": 250}, {("task/a", "task/b"): 250}, min_support=250)])
    assert [(one.min_support, one.nodes, one.edges) for one in found.kept] == [(250, 2, 1)]


@given(st.lists(bounded(), max_size=3))
def test_any_graphs_can_be_described(found):
    stats = describe(found)
    assert len(stats.types) == len(found)
    for one, described in zip(found, stats.types, strict=True):
        assert described.components <= described.nodes == len(one.nodes)
        assert sum(field["nodes"] for field in described.fields.values()) == described.nodes
    shares = [kept.nodes_share for kept in stats.kept]
    assert shares == sorted(shares, reverse=True)
