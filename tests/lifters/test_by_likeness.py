import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wildgraph.catalogue import empty_prior, parse_prior
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.fields import DEFAULT_FIELDS, field_table
from wildgraph.lifters import Group, Lifter, SeenValue
from wildgraph.lifters.by_likeness import GroupingConfig, LikenessLifter, _distances, _linked

HASHED = HashedEmbedder(256)
INTENT = field_table(DEFAULT_FIELDS)["intent"]  # nothing but sentence vectors counts without a prior and contexts
TASK = field_table(DEFAULT_FIELDS)["task"]


class Planar:
    """Puts a text at the angle in degrees that it begins with: distances are exactly known."""

    identity, dimension = "planar", 2

    def embed(self, texts):
        angles = [math.radians(float(text.split()[0])) for text in texts]
        return np.array([[math.cos(angle), math.sin(angle)] for angle in angles], dtype=np.float32).reshape(len(texts), 2)


def apart(left, right):
    return 1 - math.cos(math.radians(float(left.split()[0]) - float(right.split()[0])))


def seen(*texts, **more):
    return [SeenValue(text, **more) for text in texts]


def planar(**config):
    return LikenessLifter(empty_prior(), Planar(), GroupingConfig(**config))


def members(groups):
    """The groups as sets of values, however ordered."""
    return {frozenset(group.members) for group in groups}


def lift(lifter, found, of=INTENT):
    return lifter.lift({of: found})[of.name]


def test_it_is_a_lifter():
    lifter = planar()
    assert isinstance(lifter, Lifter)
    assert lifter.lift({}) == {}
    assert lifter.lift({INTENT: []}) == {"intent": []}


def test_the_identity_is_that_of_all_that_decides():
    one = LikenessLifter(empty_prior(), HASHED, GroupingConfig())
    prior = parse_prior(("version: 1\nfields: {task: [{name: a}]}", "test"))
    others = [
        LikenessLifter(prior, HASHED, GroupingConfig()),
        LikenessLifter(empty_prior(), Planar(), GroupingConfig()),
        LikenessLifter(empty_prior(), HASHED, GroupingConfig(cap=0.2)),
    ]
    assert len({lifter.identity for lifter in (one, *others)}) == 4
    assert one.identity == LikenessLifter(empty_prior(), HASHED, GroupingConfig()).identity


@pytest.mark.parametrize("wrong", [{"cap": -0.1}, {"cap": 1.1}, {"claim": 0}, {"claim": 1.1}, {"grouped": 1}, {"near": 0}, {"colour": 1}])
def test_settings_that_make_no_sense_are_errors(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        GroupingConfig(**wrong)


# ----------------------------------------------------------------- grain


degrees = st.lists(st.integers(0, 359), min_size=1, max_size=25, unique=True).map(lambda found: [f"{one} x" for one in found])


@settings(deadline=None, max_examples=50)
@given(degrees, st.floats(0.01, 1.0), st.floats(0.0, 0.5), st.sampled_from([2, 3, 7, 6000]), st.sampled_from([2, 5, 20_000]))
@example(["0 x", "38 x", "322 x"], 0.45, 0.0, 6000, 20_000)
def test_every_value_is_in_one_group_and_no_group_is_wider_than_the_cap(found, cut, cap, grouped, considered):
    groups = lift(planar(cut={"": cut}, cap=cap, grouped=grouped, considered=considered), seen(*found))
    held = [value for group in groups for value in group.members]
    assert sorted(held) == sorted(found)
    assert all(group.members for group in groups)
    for group in groups:
        assert group.name in group.members
        assert group.concept is group.parent is None
        assert all(-1.0 <= likeness <= 1.0 for likeness in group.members.values())
        if grouped == 6000 and considered == 20_000:  # what joins later is near to the mean, not to every member
            for left, right in combinations(group.members, 2):
                assert apart(left, right) <= cut + cap + 1e-4


def test_unlike_things_never_chain():
    """Neighbours are 10° apart, the ends 180°: single linkage would make one group of them."""
    found = [f"{10 * number} x" for number in range(19)]
    groups = lift(planar(cut={"": 0.1}, cap=0.05), seen(*found))
    assert len(groups) > 2
    for group in groups:
        assert max(apart(left, right) for left in group.members for right in group.members) <= 0.15 + 1e-4


@settings(deadline=None, max_examples=50)
@given(degrees, st.lists(st.floats(0.01, 1.2), min_size=2, max_size=4))
def test_a_smaller_cut_never_gives_fewer_groups_and_only_divides(found, cuts):
    """With a cap that divides nothing, cuts of one dendrogram are nested."""
    before = None
    for cut in sorted(cuts):
        now = members(lift(planar(cut={"": cut}, cap=1.0), seen(*found)))
        wide = any(apart(left, right) > cut + 1.0 for group in now for left in group for right in group)
        if before is not None and not wide:
            assert all(any(small <= large for large in now) for small in before)
        before = None if wide else now


def test_the_cut_of_a_field_is_its_own():
    lifter = planar(cut={"": 0.2, "intent": 0.0001})
    found = seen("0 x", "20 x")
    (whole,) = lift(lifter, found, field_table(DEFAULT_FIELDS)["sentiment"])
    assert set(whole.members) == {"0 x", "20 x"}
    assert len(lift(lifter, found)) == 2


def test_a_short_central_value_names_a_group():
    (group,) = lift(planar(cut={"": 0.5}), seen("0 a very long way to say it", "2 say", "3 say it", "25 else"))
    assert group.name == "2 say"
    assert group.members["2 say"] > group.members["25 else"] > 0.9


@settings(deadline=None, max_examples=25)
@given(degrees, st.randoms(), st.sampled_from([2, 3, 6000]), st.sampled_from([2, 5, 20_000]), st.data())
def test_the_order_of_values_leaves_no_trace(found, random, grouped, considered, data):
    users = data.draw(st.lists(st.integers(1, 3), min_size=len(found), max_size=len(found)))
    values = [SeenValue(text, users=many, contexts=("a b", "c")[: many - 1]) for text, many in zip(found, users, strict=True)]
    lifter = LikenessLifter(empty_prior(), HASHED, GroupingConfig(grouped=grouped, considered=considered))
    first = lift(lifter, values)
    random.shuffle(values)
    again = lift(lifter, values)
    assert [(group.name, dict(group.members)) for group in again] == [(group.name, dict(group.members)) for group in first]


def test_fields_do_not_touch_each_other():
    lifter = LikenessLifter(empty_prior(), HASHED, GroupingConfig())
    tasks, intents = seen("juggle balls", "juggle clubs"), seen("juggle balls", "sing")
    both = lifter.lift({TASK: tasks, INTENT: intents})
    assert both == {**lifter.lift({TASK: tasks}), **lifter.lift({INTENT: intents})}
    assert set(both) == {"task", "intent"}


# ----------------------------------------------------------------- many values


def test_values_of_most_users_are_grouped_and_the_rest_joins_or_groups_itself():
    lifter = planar(cut={"": 0.1}, grouped=2)
    often = seen("0 much", "90 much", users=5)
    groups = lift(lifter, [*often, *seen("10 x", "85 x", "200 x", "205 x")])
    assert members(groups) == {frozenset({"0 much", "10 x"}), frozenset({"90 much", "85 x"}), frozenset({"200 x", "205 x"})}
    assert groups[0].members["10 x"] == pytest.approx((1 + math.cos(math.radians(10))) / 2, abs=1e-3)


def test_values_beyond_those_that_are_considered_at_once_join_what_is_there_or_make_new_groups():
    often = seen("0 much", "90 much", users=5)
    later = seen("10 x", "85 x", "200 x", "205 x", "202 x")
    found = [planar(cut={"": 0.1}, considered=considered) for considered in (2, 20_000)]
    blocked, whole = (lift(lifter, [*often, *later]) for lifter in found)
    assert members(blocked) == members(whole)
    assert {group.name for group in blocked} >= {"0 much", "90 much"}


def test_what_later_values_are_said_of_counts_only_where_the_first_are_said_of_something():
    lifter = LikenessLifter(empty_prior(), HASHED, GroupingConfig(considered=2))
    silent = seen("review a lease", "shorten a sermon", users=3)
    spoken = [SeenValue(text, contexts=(f"note on {text}",)) for text in ("review the lease", "juggle")]
    found = lift(lifter, [*silent, *spoken], TASK)
    assert {value for group in found for value in group.members} == {value.text for value in (*silent, *spoken)}
    assert members(found) == members(lift(lifter, [*silent, *seen("review the lease", "juggle")], TASK))
    joined, left = lifter.join(TASK, spoken, [{value.text: 1.0 for value in silent}])
    assert {*joined[0], *(value.text for value in left)} == {"review the lease", "juggle"}


@pytest.mark.parametrize("considered", [2, 3, 20_000])
def test_joining_block_by_block_is_joining(considered):
    lifter = planar(cut={"": 0.3}, considered=considered)
    groups = [{"0 x": 1.0, "10 x": 1.0, "20 x": 1.0}, {"90 x": 1.0}]
    (first, second), left = lifter.join(INTENT, seen("0 x", "40 x", "60 x", "100 x", "180 x"), groups)
    assert (set(first), set(second), [value.text for value in left]) == ({"40 x"}, {"60 x", "100 x"}, ["180 x"])


def test_support_decides_who_is_grouped_first():
    for often in ("0 x", "80 x"):
        values = [SeenValue(text, users=9 if text == often else 1) for text in ("0 x", "40 x", "80 x")]
        values.append(SeenValue("180 x", users=8))
        groups = lift(planar(cut={"": 0.25}, cap=0.0, grouped=2), values)
        assert next(set(group.members) for group in groups if "40 x" in group.members) == {often, "40 x"}


def test_a_thousand_values_are_lifted_in_parts_as_well():
    found = [f"{number * 0.36:.2f} x" for number in range(1000)]
    groups = lift(planar(cut={"": 0.05}, cap=0.05, grouped=100), seen(*found))
    assert sorted(value for group in groups for value in group.members) == sorted(found)
    assert len(groups) < 60


def blobs(count, size, noise, seed=0):
    """Values around ``count`` directions of a sphere in 16 dimensions, as texts with their vectors."""
    draw = np.random.default_rng(seed)
    centres = draw.standard_normal((count, 16))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rows = np.repeat(centres, size, axis=0) + noise * draw.standard_normal((count * size, 16))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return {f"{number:04} x": row.astype(np.float32) for number, row in enumerate(rows)}


class Given:
    """Has the vectors that it was given."""

    identity, dimension = "given", 16

    def __init__(self, vectors):
        self.vectors = vectors

    def embed(self, texts):
        return np.array([self.vectors[text] for text in texts], dtype=np.float32).reshape(len(texts), 16)


def agreement(one, other):
    """F1 over pairs of values that share a set."""
    pairs = [{pair for members in sets for pair in combinations(sorted(members), 2)} for sets in (one, other)]
    return 2 * len(pairs[0] & pairs[1]) / (len(pairs[0]) + len(pairs[1]))


@pytest.mark.parametrize("grouped", [700, 150])
@pytest.mark.parametrize(("noise", "least"), [(0.14, 0.95), (0.18, 0.8)], ids=["clouds", "clouds that blur"])
def test_both_ways_agree_on_a_middling_set(noise, least, grouped):
    """1500 values around 50 directions: linked on the matrix of all distances, and as small groups of near ones."""
    vectors = blobs(50, 30, noise)
    planted = [set(list(vectors)[start : start + 30]) for start in range(0, 1500, 30)]
    exact, many = (
        members(lift(LikenessLifter(empty_prior(), Given(vectors), GroupingConfig(cut={"": 0.4}, grouped=most)), seen(*vectors)))
        for most in (6000, grouped)
    )
    assert sorted(value for group in many for value in group) == sorted(vectors)
    assert agreement(exact, many) > least
    assert agreement(planted, many) > agreement(planted, exact) - 0.02


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.floats(0.05, 1.2), st.integers(0, 1000))
def test_linking_means_is_average_linkage(count, cut, seed):
    from scipy.cluster.hierarchy import fcluster, linkage

    rows = np.array(list(blobs(1, count, 0.18, seed).values()))
    found = _linked(rows, np.ones(count), cut)
    if count > 1:
        expected = fcluster(linkage(_distances(rows), "average"), cut, "distance")
        assert len(set(zip(found, expected, strict=True))) == len(set(found)) == len(set(expected))


def test_linking_goes_on_from_groups_of_several_members():
    """Two members at 0° weigh twice as much as one at 40°, seen from 90°."""
    rows, sizes = Planar().embed(["0 x", "40 x", "90 x"]), np.array([2.0, 1.0, 1.0])
    first, last = apart("0 x", "40 x"), (2 * apart("0 x", "90 x") + apart("40 x", "90 x")) / 3
    for cut, expected in ((first - 0.01, [0, 1, 2]), (first + 0.01, [0, 0, 1]), (last - 0.01, [0, 0, 1]), (last + 0.01, [0, 0, 0])):
        assert _linked(rows, sizes, cut).tolist() == expected


def test_no_group_of_many_values_is_wider_than_the_cap():
    found = [f"{number * 0.5:.1f} x" for number in range(400)]
    groups = lift(planar(cut={"": 0.2}, cap=0.1, grouped=50), seen(*found))
    assert len(groups) < 60
    for group in groups:
        assert max(apart(left, right) for left in group.members for right in group.members) <= 0.3 + 1e-4


# ----------------------------------------------------------------- joining


def test_a_value_joins_where_its_mean_distance_is_within_the_cut():
    lifter = planar(cut={"": 0.3})
    groups = [{"0 x": 1.0, "10 x": 1.0}, {"90 x": 1.0}]
    (first, second), left = lifter.join(INTENT, seen("0 x", "40 x", "60 x", "180 x"), groups)
    assert first == {"40 x": pytest.approx((math.cos(math.radians(40)) + math.cos(math.radians(30))) / 2, abs=1e-3)}
    assert second == {"60 x": pytest.approx(math.cos(math.radians(30)), abs=1e-3)}
    assert [value.text for value in left] == ["180 x"]


@settings(deadline=None, max_examples=25)
@given(degrees, st.integers(1, 5), st.floats(0.0, 2.0))
def test_joining_loses_nothing(found, many, cut):
    groups = [dict.fromkeys(found[start::many], 1.0) for start in range(min(many, len(found)))]
    others = [f"{float(text.split()[0]) + 0.5} y" for text in found]
    joined, left = planar(cut={"": cut}).join(INTENT, seen(*others), groups)
    placed = [value for more in joined for value in more]
    assert sorted([*placed, *(value.text for value in left)]) == sorted(others)
    for group, more in zip(groups, joined, strict=True):
        for value, likeness in more.items():
            mean = sum(apart(value, member) for member in group) / len(group)
            assert mean == pytest.approx(1 - likeness, abs=2e-3)
            assert mean <= cut + 1e-4


def test_groups_are_completed_with_what_none_of_them_holds():
    lifter = planar(cut={"": 0.1})
    given_groups = {
        "intent": [
            Group("north", {"90 x": 1.0}, concept="intent/north"),
            Group("nothing", {}),
            Group("east", {"0 x": 1.0}, heading="sides"),
        ]
    }
    values = seen("0 x", "90 x", "5 x", "180 x", "182 x")
    north, east, west = lifter.complete({INTENT: values}, given_groups)["intent"]
    assert (north.name, north.concept, dict(north.members)) == ("north", "intent/north", {"90 x": 1.0})
    assert (east.name, east.heading, set(east.members)) == ("east", "sides", {"0 x", "5 x"})
    assert set(west.members) == {"180 x", "182 x"}


def test_what_is_complete_stays_and_what_has_no_groups_is_grouped():
    lifter = planar(cut={"": 0.1})
    whole = [Group("all", {"0 x": 1.0, "180 x": 1.0})]
    found = lifter.complete({INTENT: seen("0 x", "180 x"), TASK: seen("0 x", "1 x")}, {"intent": whole})
    assert found["intent"] == whole
    assert members(found["task"]) == {frozenset({"0 x", "1 x"})}
    assert lifter.complete({INTENT: []}, {}) == {"intent": []}


# ----------------------------------------------------------------- the prior's concepts

OPERATIONS = ("summarize", "translate", "debug", "compare", "list", "explain", "rate", "count")
SUBJECTS = ("fisheries", "housing", "rail freight", "court reform")


def operations(under=""):
    general = "fields: {task: [{name: work}]}\n" if under else ""
    entries = "\n".join(
        f"    - {{name: {one}, {f'under: {under}, ' if under else ''}like: [{', '.join(f'{one} {subject}' for subject in SUBJECTS)}]}}"
        for one in OPERATIONS
    )
    return parse_prior((f"version: 1\n{general}finer:\n  task:\n{entries}", "test"))


def test_a_group_that_plainly_means_a_concept_is_it():
    lifter = LikenessLifter(operations(), HASHED, GroupingConfig())
    groups = lift(lifter, seen("summarize harbour works", "summarize road works", "debug harbour works"), TASK)
    assert {group.concept: set(group.members) for group in groups} == {
        "task/summarize": {"summarize harbour works", "summarize road works"},
        "task/debug": {"debug harbour works"},
    }
    assert {group.name for group in groups} == {"summarize", "debug"}


def test_of_several_groups_that_could_be_a_concept_the_largest_is_and_the_others_lie_below():
    lifter = LikenessLifter(operations(), HASHED, GroupingConfig(cut={"": 0.0001}, cap=0.0))
    values = [SeenValue("summarize harbour works", records=2), SeenValue("summarize road works", records=9)]
    large, small = sorted(lift(lifter, values, TASK), key=lambda group: -len(group.concept or ""))
    assert (large.concept, set(large.members)) == ("task/summarize", {"summarize road works"})
    assert (small.concept, small.parent, small.name) == (None, "task/summarize", "summarize harbour works")


def test_a_group_between_concepts_of_one_parent_lies_under_the_parent():
    lifter = LikenessLifter(operations("work"), HASHED, GroupingConfig(claim=0.999))
    (group,) = lift(lifter, seen("zzz qqq"), TASK)
    assert (group.concept, group.parent) == (None, "task/work")


def test_an_empty_prior_claims_nothing():
    lifter = LikenessLifter(empty_prior(), HASHED, GroupingConfig())
    groups = lift(lifter, seen("summarize harbour works", "summarize road works", "debug"), TASK)
    assert {(group.concept, group.parent, group.heading) for group in groups} == {(None, None, "")}
