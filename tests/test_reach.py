from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_graphs import graph, graphs
from whole_runs import GRAPHS

from wildgraph.reach import BARRIERS, Tour, edges_of, offers_path, reachable_edges
from wildgraph.taskgraph import read_graphs
from wildgraph.terrain import PathRules, prepare

CAPS = {"task": 2, "context": 3}


def all_paths(terrain):
    """Every legal path of an allowed length, by brute force."""
    made = terrain.rules
    found = []

    def go(path):
        if len(path) >= made.min_length and set(terrain.required) <= set(path):
            found.append(path)
        if len(path) == made.max_length:
            return
        for node in terrain.neighbours(path[-1]).tolist():
            field = terrain.field[node]
            if node not in path and sum(terrain.field[one] == field for one in path) < terrain.cap[field]:
                go((*path, node))

    for node in np.flatnonzero(np.diff(terrain.start, prepend=0.0)).tolist():
        go((node,))
    return found


@settings(max_examples=80, deadline=None)
@given(found=graphs(fields=("task", "intent", "context")), low=st.integers(1, 4), more=st.integers(0, 2), needed=st.booleans())
def test_reach_is_exact(found, low, more, needed):
    terrain = prepare(found, PathRules(min_length=low, max_length=low + more, caps=CAPS), required=[0] if needed and found.nodes else [])
    exact = {edge for path in all_paths(terrain) for edge in edges_of(terrain, path)}
    reach = reachable_edges(terrain, walks=3)
    assert set(reach.witness) == exact
    assert set(reach.barrier) == set(range(len(found.edges))) - exact
    assert "undecided" not in reach.barrier.values()
    legal = set(all_paths(terrain))
    for edge, path in reach.witness.items():
        assert path in legal
        assert edge in edges_of(terrain, path)


def test_every_barrier_is_named_for_what_it_is():
    found = graph(
        {
            **{f"task/{name}": 9 for name in "ab"},
            **{f"intent/{name}": 9 for name in "cd"},
            **{f"context/{name}": 9 for name in "efghi"},
            **{f"output_format/{name}": 9 for name in "xyz"},
        },
        {
            ("task/a", "intent/c"): 3,
            ("intent/c", "context/e"): 3,
            ("context/e", "context/f"): 3,
            ("context/f", "context/g"): 3,
            ("context/g", "output_format/z"): 3,
            ("intent/c", "intent/d"): 3,
            ("context/h", "context/i"): 3,
            ("task/b", "output_format/y"): 3,
        },
    )
    place = {node.concept: index for index, node in enumerate(found.nodes)}
    terrain = prepare(found, PathRules(min_length=3, max_length=4, caps={"task": 2, "context": 3}), barred=[place["output_format/y"]])
    names = {
        (found.nodes[found.edges[edge].source].concept, found.nodes[found.edges[edge].target].concept): why
        for edge, why in reachable_edges(terrain).barrier.items()
    }
    assert names == {
        ("output_format/y", "task/b"): "barred",
        ("context/h", "context/i"): "no_start",
        ("context/f", "context/g"): "too_far",
        ("context/g", "output_format/z"): "too_far",
        ("intent/c", "intent/d"): "caps",
    }
    assert set(names.values()) <= set(BARRIERS)


def test_a_search_without_budget_says_that_it_does_not_know():
    terrain = prepare(
        graph({"task/a": 9, "intent/c": 9, "context/d": 9}, {("task/a", "intent/c"): 3, ("intent/c", "context/d"): 3}),
        PathRules(min_length=4, max_length=4),
    )
    assert set(reachable_edges(terrain, budget=1).barrier.values()) == {"undecided"}
    assert set(reachable_edges(terrain).barrier.values()) == {"caps"}


# ----------------------------------------------------------------- the tour


def greedy(terrain):
    """How many paths an oracle needs that knows all legal paths and takes the one over most edges that are left."""
    options = [frozenset(edges_of(terrain, path)) for path in all_paths(terrain)]
    left, count = frozenset().union(*options), 0
    while left:
        best = max(options, key=lambda option: len(option & left))
        left -= best
        count += 1
    return count


def toured(terrain, count, seed=3):
    tour = Tour(len(terrain.graph.edges))
    return [tour.path(terrain, index, seed) for index in range(count)]


SMALL = [
    graph(
        {**{f"task/{n}": 9 for n in range(3)}, **{f"intent/{n}": 9 for n in range(3)}, **{f"context/{n}": 9 for n in range(4)}},
        {
            (a, b): 1 + (hash_ % 5)
            for hash_, (a, b) in enumerate(
                (f"{one}/{m}", f"{other}/{n}")
                for one, other in (("task", "intent"), ("intent", "context"), ("task", "context"))
                for m in range(3)
                for n in range(3)
                if (m + n) % 3 != salt
            )
        },
    )
    for salt in range(3)
]


@pytest.mark.parametrize(
    "found", [*SMALL, *(g for g in read_graphs(GRAPHS) if len(g.edges) < 40)], ids=lambda g: f"{g.slug}-{len(g.edges)}"
)
def test_a_tour_reaches_every_reachable_edge_in_twice_the_paths_of_a_greedy_oracle(found):
    low, high = (3, 5)
    terrain = prepare(found, PathRules(min_length=low, max_length=high, caps=CAPS))
    reach = reachable_edges(terrain)
    assert reach.witness
    covered = {edge for path in toured(terrain, 2 * greedy(terrain)) for edge in edges_of(terrain, path)}
    assert covered == set(reach.witness)


@settings(max_examples=30, deadline=None)
@given(found=graphs(fields=("task", "intent", "context")), seed=st.integers(0, 9))
def test_a_tour_walks_legal_paths_and_nothing_else(found, seed):
    terrain = prepare(found, PathRules(min_length=2, max_length=4, caps=CAPS))
    legal = set(all_paths(terrain))
    for path in toured(terrain, 6, seed):
        assert tuple(path) in legal or (not path and not legal)


def test_a_tour_begins_again_when_everything_was_visited():
    terrain = prepare(SMALL[0], PathRules(min_length=3, max_length=5, caps=CAPS))
    tour = Tour(len(SMALL[0].edges))
    reachable = sorted(reachable_edges(terrain).witness)
    for index in range(6 * greedy(terrain)):
        tour.path(terrain, index, 0)
    assert tour.visits[reachable].min() >= 3
    assert all(len(list(pairwise(path))) >= 2 for path in toured(terrain, 3))


# ----------------------------------------------------------------- any path at all


CHAIN = graph(
    {"task/a": 30, "intent/c": 9, "context/d": 9, "output_format/e": 9, "output_format/f": 9},
    {
        ("task/a", "intent/c"): 4,
        ("intent/c", "context/d"): 3,
        ("context/d", "output_format/e"): 3,
        ("output_format/e", "output_format/f"): 3,
    },
    records=30,
)


def test_a_graph_offers_a_path_of_so_many_labels_from_a_start():
    assert offers_path(CHAIN, 4), "a label of all records is a step here"
    assert not offers_path(CHAIN, 5), "a path holds one form"
    assert not offers_path(CHAIN, 4, {"context"})
    assert offers_path(CHAIN, 4, {"output_format"})
    assert offers_path(CHAIN, 4, ())
    assert not offers_path(CHAIN, 2, {"sentiment"})
    assert offers_path(CHAIN, 1)
    assert not offers_path(graph({}, {}, records=30), 1)
