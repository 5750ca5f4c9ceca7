from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_graphs import catalogue, graphs, records

from wildgraph.errors import UsageError
from wildgraph.stages.graph import GraphConfig, build_graph
from wildgraph.taskgraph.coarsening import prune, round_counts

CATALOGUE = catalogue()


def built(found, k):
    return build_graph("document_type/contract", found, GraphConfig(min_support=k, min_type_records=1), CATALOGUE)[0]


def counts(graph):
    """Every count that is published, of users and of records."""
    yield from (graph.records, graph.users)
    yield from (count for node in graph.nodes for count in (node.support, node.records))
    yield from (count for edge in graph.edges for count in (edge.users, edge.frequency))


@given(records(), st.integers(1, 3), st.integers(0, 4))
def test_pruning_keeps_exactly_what_has_k_users(found, k, more):
    graph = built(found, k)
    pruned = prune(graph, k + more)
    assert pruned.min_support == k + more
    assert {node for node in graph.nodes if node.support >= k + more} == set(pruned.nodes)
    kept = {node.concept for node in pruned.nodes}
    there = {(a.concept, b.concept): (e.frequency, e.users) for a, b, e in graph.triples()}
    assert {(a.concept, b.concept): (e.frequency, e.users) for a, b, e in pruned.triples()} == {
        ends: numbers for ends, numbers in there.items() if numbers[1] >= k + more and kept.issuperset(ends)
    }
    assert type(pruned).from_json(pruned.to_json()) == pruned


@given(graphs(), st.integers(1, 3), st.integers(0, 3))
def test_pruning_in_two_steps_is_pruning_in_one(found, first, more):
    assert prune(prune(found, first), first + more) == prune(found, first + more)


def test_a_k_cannot_be_lowered():
    graph = prune(built([], 2), 5)
    with pytest.raises(UsageError, match="cannot be lowered to 4 — a lower K needs the run with its private counts"):
        prune(graph, 4)


@given(records(most=40, users=12), st.integers(2, 5))
def test_no_difference_of_two_rounded_counts_is_a_number_below_k(found, k):
    graph = built(found, k)
    rounded = round_counts(graph)
    for one, two in combinations(sorted(set(counts(rounded))), 2):
        assert abs(one - two) >= k
    if graph.nodes:
        assert all(count >= k for count in counts(rounded))


@given(records(most=40, users=12), st.integers(1, 5))
def test_rounded_counts_are_bounds_of_the_true_ones(found, k):
    graph = built(found, k)
    rounded = round_counts(graph)
    assert rounded.records <= graph.records <= rounded.records_most == rounded.records + k - 1
    for true, bound in zip(graph.nodes, rounded.nodes, strict=True):
        assert bound.support <= true.support <= bound.support_most == bound.support + k - 1
        assert bound.records <= true.records <= bound.records_most
    for true, bound in zip(graph.edges, rounded.edges, strict=True):
        assert bound.frequency <= true.frequency <= bound.frequency_most
        assert bound.users <= true.users <= bound.users_most
