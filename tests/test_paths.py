from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_graphs import graph, graphs
from scipy.stats import chisquare

from wildgraph.errors import UsageError
from wildgraph.paths import Terms, sample_paths
from wildgraph.terrain import PathRules, prepare

CAPS = {"task": 2, "intent": 1, "context": 3}
#: Six nodes, caps that bind, a triangle and a tail.
SIX = graph(
    {"task/a": 40, "task/b": 30, "intent/c": 25, "output_format/d": 20, "context/e": 15, "context/f": 12},
    {
        ("task/a", "task/b"): 20,
        ("task/a", "intent/c"): 5,
        ("task/a", "output_format/d"): 10,
        ("task/b", "intent/c"): 12,
        ("task/b", "output_format/d"): 1,
        ("intent/c", "context/e"): 9,
        ("output_format/d", "context/e"): 4,
        ("intent/c", "output_format/d"): 3,
        ("context/e", "context/f"): 7,
        ("task/b", "context/f"): 2,
    },
    records=60,
)
EDGES = {frozenset((edge.source, edge.target)): edge.frequency for edge in SIX.edges}


def rules(low=2, high=4, **more):
    return PathRules(min_length=low, max_length=high, caps=CAPS, **more)


def walked(terrain, count=200, seed=7, mode="history", first=0, **terms):
    found = sample_paths(terrain, np.arange(first, first + count, dtype=np.uint64), seed, mode=mode, terms=Terms(**terms))
    return found, [tuple(nodes[:length].tolist()) for nodes, length in zip(found.nodes, found.length, strict=True)]


def enumerated(terrain, mode):
    """Every path with its exact probability, by the definition, dead ends kept from the minimum length on and else drawn again."""
    made = terrain.rules
    weight = np.diff(terrain.start, prepend=0.0) / terrain.start[-1]
    reached: dict[tuple[int, ...], float] = {}

    def go(path, chance, goal):
        held = Counter(int(terrain.field[node]) for node in path)
        options = {}
        if len(path) < goal:
            for node in terrain.neighbours(path[-1]).tolist():
                if node in path or held[int(terrain.field[node])] >= terrain.cap[terrain.field[node]]:
                    continue
                looked_at = path if mode == "history" else path[-1:]
                product = np.prod([EDGES.get(frozenset((one, node)), 0) + made.eps for one in looked_at])
                options[node] = product ** (1 / (len(looked_at) * made.temperature))
        if not options:
            if len(path) >= made.min_length:
                reached[path] = reached.get(path, 0.0) + chance
            return
        for node, share in options.items():
            go((*path, node), chance * share / sum(options.values()), goal)

    total = {}
    lengths = range(made.min_length, made.max_length + 1)
    for goal in lengths:
        reached = {}
        for node in np.flatnonzero(weight):
            go((int(node),), float(weight[node]), goal)
        alive = sum(reached.values())  # what died early starts again, at the same length
        for path, chance in reached.items():
            total[path] = total.get(path, 0.0) + chance / alive / len(lengths)
    return total


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.5])
@pytest.mark.parametrize("mode", ["history", "markov"])
def test_whole_paths_follow_the_exact_enumeration(mode, temperature):
    terrain = prepare(SIX, rules(3, 5, temperature=temperature, eps=0.3, tries=500))
    exact = enumerated(terrain, mode)
    assert sum(exact.values()) == pytest.approx(1.0)
    count = 40_000
    found, paths = walked(terrain, count, mode=mode)
    assert found.length.min() >= 3
    counts = Counter(paths)
    assert set(counts) <= set(exact)
    expected = np.array([exact[path] * count for path in exact])
    observed = np.array([counts[path] for path in exact], dtype=float)
    few = expected < 5
    expected, observed = np.append(expected[~few], expected[few].sum()), np.append(observed[~few], observed[few].sum())
    assert chisquare(observed[expected > 0], expected[expected > 0]).pvalue > 1e-3
    assert len(expected) > 25


@settings(max_examples=60, deadline=None)
@given(
    found=graphs(fields=("task", "intent", "context")),
    mode=st.sampled_from(["history", "markov"]),
    low=st.integers(1, 4),
    more=st.integers(0, 4),
    seed=st.integers(0, 2**70),
)
def test_paths_are_legal_and_do_not_depend_on_their_batch(found, mode, low, more, seed):
    terrain = prepare(found, rules(low, low + more))
    _, paths = walked(terrain, 12, seed, mode)
    for index, path in enumerate(paths):
        assert walked(terrain, 1, seed, mode, first=index)[1] == [path]
        if not path:
            continue
        assert low <= len(path) <= low + more
        assert len(set(path)) == len(path)
        assert found.nodes[path[0]].field == "task"
        assert all(found.adjacency[left, right] > 0 for left, right in pairwise(path))
        for field, count in Counter(found.nodes[node].field for node in path).items():
            assert count <= CAPS[field]


def test_a_batch_larger_than_the_cache_is_the_same_as_its_parts(monkeypatch):
    terrain = prepare(SIX, rules(3, 5))
    _, whole = walked(terrain, 500)
    monkeypatch.setattr("wildgraph.paths._ROWS", 7)
    monkeypatch.setattr("wildgraph.paths._CELLS", 5)
    assert walked(terrain, 500)[1] == whole


def test_restarts_are_counted():
    fork = graph(
        {"task/a": 1, "task/b": 1, "intent/c": 1, "output_format/d": 1}, {("task/b", "intent/c"): 1, ("intent/c", "output_format/d"): 1}
    )
    found, paths = walked(prepare(fork, PathRules(min_length=3, max_length=3, tries=50)), 400)
    assert {len(path) for path in paths} == {3}
    # half of the starts die at once: a geometric distribution
    assert 0.8 < found.restarts.mean() < 1.2
    none, paths = walked(prepare(fork, PathRules(min_length=4, max_length=4, tries=3)), 10)
    assert set(paths) == {()}
    assert set(none.restarts.tolist()) == {2}


def test_starts_are_shared_among_fields():
    terrain = prepare(SIX, rules(1, 1, start={"task": 3.0, "context": 1.0}))
    starts = Counter(SIX.nodes[path[0]].concept for path in walked(terrain, 8000)[1])
    expected = {"task/a": 3 / 4 * 40 / 70, "task/b": 3 / 4 * 30 / 70, "context/e": 1 / 4 * 15 / 27, "context/f": 1 / 4 * 12 / 27}
    assert set(starts) == set(expected)
    assert chisquare([starts[one] for one in expected], [8000 * share for share in expected.values()]).pvalue > 1e-3


def test_barred_nodes_and_empty_graphs_are_not_walked():
    place = {node.concept: index for index, node in enumerate(SIX.nodes)}
    terrain = prepare(SIX, rules(), barred=[place["intent/c"], place["task/a"]])
    _, paths = walked(terrain)
    assert all({place["intent/c"], place["task/a"]}.isdisjoint(path) for path in paths)
    assert {path[0] for path in paths} == {place["task/b"]}
    empty = prepare(graph({}, {}), rules())
    assert not empty.can_start
    assert walked(empty, 3)[1] == [(), (), ()]
    assert len(sample_paths(terrain, np.zeros(0, dtype=np.uint64), 0).length) == 0


# ----------------------------------------------------------------- what is required


@pytest.mark.parametrize("mode", ["history", "markov"])
@pytest.mark.parametrize("wanted", [["context/f"], ["output_format/d", "context/f"], ["task/a", "context/f", "intent/c"]])
def test_required_labels_are_on_every_path(mode, wanted):
    place = {node.concept: index for index, node in enumerate(SIX.nodes)}
    needed = {place[concept] for concept in wanted}
    terrain = prepare(SIX, rules(4, 5, tries=50), required=sorted(needed))
    asked_for = {frozenset((a, b)) for a in needed for b in needed if a < b}
    _, paths = walked(terrain, 300, mode=mode)
    assert all(needed <= set(path) for path in paths if path)
    assert sum(bool(path) for path in paths) > 280
    assert len(set(paths)) > 10
    for path in paths:
        for step in pairwise(path):
            assert frozenset(step) in EDGES.keys() | asked_for
    assert walked(terrain, 1, mode=mode, first=17)[1] == [paths[17]]


def test_required_labels_that_never_met_are_joined():
    islands = graph(
        {"task/a": 9, "intent/b": 9, "task/x": 9, "context/y": 9}, {("task/a", "intent/b"): 5, ("task/x", "context/y"): 5}, records=20
    )
    place = {node.concept: index for index, node in enumerate(islands.nodes)}
    wanted = sorted([place["intent/b"], place["context/y"]])
    terrain = prepare(islands, rules(4, 4, tries=200), required=wanted)
    _, paths = walked(terrain, 50)
    assert all(len(path) == 4 and set(wanted) <= set(path) for path in paths)
    assert all(terrain.edges_between(np.array([wanted[0]]), np.array([wanted[1]])) == [-1])


def test_conditioning_leaves_the_weights_alone():
    """With the required label two steps away and two steps left the first step is by weight among the nodes next to both."""
    place = {node.concept: index for index, node in enumerate(SIX.nodes)}
    terrain = prepare(SIX, rules(3, 3, eps=0.3), barred=[place["task/b"]], required=[place["context/e"]])
    steps = Counter(SIX.nodes[path[1]].concept for path in walked(terrain, 6000, mode="markov")[1])
    weights = {"intent/c": 5.3, "output_format/d": 10.3}
    assert set(steps) == set(weights)
    assert chisquare([steps[one] for one in weights], [6000 * weight / 15.6 for weight in weights.values()]).pvalue > 1e-3


@pytest.mark.parametrize(
    ("required", "barred", "message"),
    [
        (["task/a"], ["task/a"], "task/a is required and forbidden at once"),
        (["task/a", "task/b", "task/z"], [], "3 labels of task are required of a path that may hold 2"),
        (["task/a", "intent/c", "output_format/d", "context/e", "context/f"], [], "5 labels are required of a path"),
    ],
)
def test_what_no_path_can_hold_is_refused(required, barred, message):
    more = graph({**{node.concept: 9 for node in SIX.nodes}, "task/z": 9}, {})
    place = {node.concept: index for index, node in enumerate(more.nodes)}
    with pytest.raises(UsageError, match=message):
        prepare(more, rules(), [place[one] for one in barred], [place[one] for one in required])


# ----------------------------------------------------------------- what is asked of single paths


def test_a_leap_goes_where_no_label_of_the_path_went():
    count = 300
    terrain = prepare(SIX, rules(3, 4))
    found, paths = walked(terrain, count, leap=np.full(count, 1))
    leapt = [(path, place) for path, place in zip(paths, found.leap.tolist(), strict=True) if place]
    assert len(leapt) > 200
    for path, place in leapt:
        assert place == 1
        assert frozenset(path[:2]) not in EDGES
    # where nothing is strange it steps
    whole = graph(
        {"task/a": 5, "intent/b": 5, "context/c": 5}, {("task/a", "intent/b"): 2, ("task/a", "context/c"): 2, ("intent/b", "context/c"): 2}
    )
    found, paths = walked(prepare(whole, rules(3, 3)), 20, leap=np.full(20, 2))
    assert not found.leap.any()
    assert {len(path) for path in paths} == {3}


def test_single_paths_have_terms_of_their_own():
    place = {node.concept: index for index, node in enumerate(SIX.nodes)}
    terrain = prepare(SIX, rules(2, 4))
    count = 100
    taken = np.zeros((count, len(terrain.fields)), dtype=np.int64)
    taken[:, terrain.fields.index("task")] = 1
    _, paths = walked(
        terrain,
        count,
        length=np.full(count, 3),
        least=np.full(count, 3),
        begin=np.full(count, place["intent/c"]),
        taken=taken,
        avoid=np.full((count, 1), place["task/a"]),
    )
    for path in paths:
        assert len(path) == 3
        assert path[0] == place["intent/c"]
        assert place["task/a"] not in path
        assert sum(SIX.nodes[node].field == "task" for node in path) <= 1
    assert len(set(paths)) > 3


@settings(max_examples=40, deadline=None)
@given(found=graphs(), data=st.data())
def test_half_edges_are_the_graph(found, data):
    barred = data.draw(st.sets(st.integers(0, max(0, len(found.nodes) - 1)), max_size=3)) if found.nodes else set()
    terrain = prepare(found, PathRules(), barred)
    for node in range(len(found.nodes)):
        expected = set() if node in barred else set(np.flatnonzero(found.adjacency[node]).tolist()) - barred
        assert set(terrain.neighbours(node).tolist()) == expected
    left, right = np.triu_indices(len(found.nodes), 1)
    numbers = terrain.edges_between(left, right)
    for one, other, number in zip(left.tolist(), right.tolist(), numbers.tolist(), strict=True):
        if number < 0:
            assert found.adjacency[one, other] == 0 or {one, other} & barred
        else:
            assert (found.edges[number].source, found.edges[number].target) == (one, other)
