import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_graphs import TYPES, catalogue, graph, records

from wildgraph.publishing import shown_concepts
from wildgraph.stages.graph import ANY_DOCUMENT, GraphConfig, build_graphs
from wildgraph.taskgraph.checking import graph_problems, hierarchy_problems

CATALOGUE = catalogue()
GOOD = graph({"task/translate": 5, "task/compare-prices": 4}, {("task/translate", "task/compare-prices"): 3}, records=6, min_support=3)


@settings(deadline=None)
@given(records(kinds=TYPES, most=40, users=12), st.integers(1, 4))
def test_what_is_built_has_no_problems(found, k):
    graphs, _ = build_graphs(found, GraphConfig(min_support=k, min_type_records=1), catalogue=CATALOGUE)
    assert [problem for graph in graphs for problem in graph_problems(graph)] == []
    shown = shown_concepts(graphs, CATALOGUE.concepts)
    assert list(hierarchy_problems(graphs, shown, frozenset({ANY_DOCUMENT}))) == []


def spoilt(part=None, **change):
    if part is None:
        return GOOD.model_copy(update=change)
    first, *rest = getattr(GOOD, part)
    return GOOD.model_copy(update={part: (first.model_copy(update=change), *rest)})


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (spoilt(users=2), "has 2 users, fewer than K = 3"),
        (spoilt(users=7), "has more users \\(7\\) than records"),
        (spoilt("nodes", support=2), "node .* has 2 users, fewer than K"),
        (spoilt("nodes", support=6), "node .* has more users \\(6\\) than records"),
        (spoilt("nodes", records=7), "node .* has more records or users than the whole type"),
        (spoilt("edges", users=2), "edge .* has 2 users, fewer than K"),
        (spoilt("edges", users=4), "edge .* has more users \\(4\\) than records"),
        (spoilt("edges", users=5, frequency=5), "edge .* has more users than one of its nodes"),
    ],
)
def test_every_broken_promise_is_named(graph, message):
    assert any(re.match(message, problem) for problem in graph_problems(graph)), list(graph_problems(graph))


def test_a_higher_k_can_be_asked_for():
    assert list(graph_problems(GOOD)) == []
    assert list(graph_problems(GOOD, 4)) == [
        "was pruned at K = 3, below 4",
        "edge task/compare-prices — task/translate has 3 users, fewer than K = 4",
    ]


def hierarchy(**change):
    concepts = shown_concepts([GOOD.model_copy(update={"nodes": GOOD.nodes})], CATALOGUE.concepts)
    named = [node.model_copy(update={"name": CATALOGUE.name(node.concept)}) for node in GOOD.nodes]
    return list(hierarchy_problems([GOOD.model_copy(update={"nodes": tuple(named)})], {**concepts, **change}, frozenset()))


def test_every_gap_in_the_hierarchy_is_named():
    assert hierarchy() == []
    shown = CATALOGUE.concepts
    bare = {one: concept for one, concept in shown_concepts([GOOD], shown).items() if one != "task/compare"}
    assert next(hierarchy_problems([], bare)).endswith("neither it nor a child of it is in any graph")
    assert any("parent task/compare that is not in" in problem for problem in hierarchy_problems([GOOD], bare))
    assert any("task/translate is in a graph and not in" in one for one in hierarchy_problems([GOOD], {}))
    assert hierarchy(**{"task/summarize": shown["task/summarize"]}) == [
        "concept task/summarize is in concepts.jsonl, but neither it nor a child of it is in any graph"
    ]
    renamed = shown["task/translate"].model_copy(update={"name": "other"})
    assert hierarchy(**{"task/translate": renamed}) == ["concept task/translate has another field or name in concepts.jsonl"]
