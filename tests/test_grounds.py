from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_graphs import graph, graphs
from scipy.stats import chisquare

from wildgraph.errors import UsageError
from wildgraph.grounds import Ground, GroundRules, find_label, joined
from wildgraph.terrain import PathRules

NOBODY = frozenset()
RULES = GroundRules(PathRules(min_length=4, max_length=6, caps={"task": 2, "context": 2}), attribute_floor=20)
HOME = graph(
    {"task/a": 9, "task/b": 9, "intent/c": 9, "context/d": 9, "output_format/e": 9},
    {
        ("task/a", "intent/c"): 4,
        ("task/b", "intent/c"): 4,
        ("task/a", "context/d"): 4,
        ("intent/c", "context/d"): 3,
        ("context/d", "output_format/e"): 2,
        ("task/a", "task/b"): 2,
    },
    records=30,
    kind="document_type/contract",
)
AWAY = graph(
    {"task/a": 9, "context/d": 9, "context/z": 9, "output_format/y": 9, "user_profile/x": 9},
    {
        ("task/a", "output_format/y"): 4,
        ("context/d", "context/z"): 4,
        ("context/z", "output_format/y"): 4,
        ("context/d", "user_profile/x"): 4,
        ("task/a", "user_profile/x"): 4,
    },
    records=30,
    kind="document_type/verdict",
)
STRANGE = graph({"task/q": 9, "intent/r": 9}, {("task/q", "intent/r"): 4}, records=30, kind="document_type/novel")


def grounds():
    return [Ground(found, RULES) for found in (HOME, AWAY, STRANGE)]


def spelled(ground, *concepts):
    return [ground.node(ground.place[concept]) for concept in concepts]


def test_overlap_is_the_share_of_labels_that_both_can_step_on():
    home, away, strange = grounds()
    assert home.overlap(home, NOBODY) == 1.0
    assert home.overlap(away, NOBODY) == away.overlap(home, NOBODY) == 2 / 8
    assert home.overlap(strange, NOBODY) == 0.0
    assert home.overlap(away, frozenset({"context/d"})) == 1 / 6  # which leaves a label of the contract's alone


def test_a_joined_path_keeps_its_first_half_and_goes_on_from_a_shared_label():
    home, away, strange = grounds()
    path = spelled(home, "task/b", "intent/c", "task/a", "context/d", "output_format/e")
    ways = set()
    for index in range(60):
        found = joined(home, [away, strange], path, index, 5, NOBODY, mode="history")
        assert found == joined(home, [strange, away], path, index, 5, NOBODY, mode="history")
        if found is None:
            continue
        partner, whole = found
        assert partner is away
        concepts = [node.concept for node in whole]
        assert concepts[:3] == ["task/b", "intent/c", "task/a"]
        assert 4 <= len(concepts) <= 5
        assert len(set(concepts)) == len(concepts)
        # the first new label is next to a label of the first half that both types know
        assert AWAY.adjacency[away.place["task/a"], away.place[concepts[3]]] > 0
        assert all(AWAY.adjacency[away.place[one], away.place[other]] > 0 for one, other in pairwise(concepts[3:]))
        ways.add(tuple(concepts))
    assert ways == {
        ("task/b", "intent/c", "task/a", "output_format/y", "context/z"),
        ("task/b", "intent/c", "task/a", "user_profile/x", "context/d"),
    }


def test_caps_hold_for_the_whole_of_a_joined_path():
    home, away, _ = grounds()
    tight = GroundRules(PathRules(min_length=3, max_length=6, caps={"task": 2, "context": 1}), attribute_floor=20)
    home, away = Ground(HOME, tight), Ground(AWAY, tight)
    path = spelled(home, "task/a", "context/d", "intent/c", "task/b")
    found = [joined(home, [away], path, index, 5, NOBODY, mode="markov") for index in range(60)]
    assert any(found)
    for one in found:
        assert one is None or sum(node.field == "context" for node in one[1]) == 1


def test_where_nothing_is_shared_nothing_is_joined():
    home, _, strange = grounds()
    path = spelled(home, "task/b", "intent/c", "task/a", "context/d")
    assert joined(home, [strange], path, 0, 0, NOBODY, mode="history") is None
    assert joined(home, [], path, 0, 0, NOBODY, mode="history") is None


def test_required_labels_are_steps_and_never_attributes():
    busy = graph({"task/a": 50, "sentiment/neutral": 90}, {("task/a", "sentiment/neutral"): 40}, records=100)
    assert Ground(busy, RULES).attribute.tolist() == [True, False]
    assert not Ground(busy, RULES, frozenset({"sentiment/neutral"})).attribute.any()


def test_attributes_follow_co_occurrence_with_the_path():
    busy = graph(
        {"task/a": 50, "task/b": 50, "sentiment/calm": 40, "sentiment/urgent": 40},
        {("task/a", "sentiment/calm"): 30, ("task/a", "sentiment/urgent"): 10, ("task/b", "sentiment/urgent"): 20},
        records=80,
    )
    ground = Ground(busy, GroundRules(PathRules(eps=0.5), attribute_floor=20))
    count = 4000
    paths = [[ground.place["task/a"]]] * count
    indices = np.arange(count, dtype=np.uint64)
    drawn = [one for found in ground.attributes(paths, indices, 3, NOBODY) for one in found]
    assert len(drawn) == count  # 80 of 80 records have one
    calm = sum(busy.nodes[one].concept == "sentiment/calm" for one in drawn)
    assert chisquare([calm, count - calm], [count * 30.5 / 41, count * 10.5 / 41]).pvalue > 1e-3
    refused = ground.attributes(paths, indices, 3, frozenset({"sentiment/calm"}))
    some = sum(map(len, refused))
    assert 0.47 < some / count < 0.53  # the share of records with one that is not refused
    assert ground.attributes(paths[:5], indices[:5], 3, NOBODY) == ground.attributes(paths, indices, 3, NOBODY)[:5]
    assert ground.attributes([[], []], indices[:2], 3, NOBODY) == [[], []]


@settings(max_examples=30, deadline=None)
@given(found=graphs(), seed=st.integers(0, 99))
def test_attributes_do_not_depend_on_their_batch(found, seed):
    ground = Ground(found, GroundRules(PathRules(), attribute_share=0.1, attribute_floor=1))
    steps = np.flatnonzero(~ground.attribute).tolist()
    paths = [steps[:size] for size in range(len(steps) + 1)]
    indices = np.arange(len(paths), dtype=np.uint64)
    whole = ground.attributes(paths, indices, seed, NOBODY)
    for row, path in enumerate(paths):
        assert ground.attributes([path], indices[row : row + 1], seed, NOBODY) == [whole[row]]
        fields = [found.nodes[node].field for node in whole[row]]
        assert len(set(fields)) == len(fields)
        assert not set(fields) & {found.nodes[node].field for node in path}


@pytest.mark.parametrize("name", ["task/a", "task=a", " task = A ", "A"])
def test_labels_are_found_by_id_field_or_name(name):
    assert find_label(name, [HOME, AWAY]) == "task/a"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("task=summarise", r"no graph has a label 'task=summarise' — did you mean 'task/summarize'"),
        ("intent=summarize", r"no graph has labels of the field 'intent' — there are output_format, task"),
        ("task=zzzzzz", r"no graph has a label 'task=zzzzzz' — `wildgraph view`"),
        ("letter", r"several labels are called 'letter': output_format/letter, task/letter — name one of these"),
    ],
)
def test_labels_that_are_not_there_are_named_with_what_is(name, message):
    found = graph({"task/summarize": 9, "task/letter": 9, "output_format/letter": 9}, {})
    with pytest.raises(UsageError, match=message):
        find_label(name, [found])
