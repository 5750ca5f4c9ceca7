"""Several readings made one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildgraph.lifters import Group
from wildgraph.lifters.consensus import agreed


def reading(heading="", **groups):
    return [Group(name, dict.fromkeys(members.split(), 1.0), heading=heading) for name, members in groups.items()]


def parts(groups):
    return {group.name: set(group.members) for group in groups}


def test_two_of_three_decide():
    found = agreed([reading(x="a b c", y="d e"), reading(x="a b", y="c d e"), reading(x="a b c", y="d e")], 0.66)
    assert parts(found) == {"x": {"a", "b", "c"}, "y": {"d", "e"}}


@pytest.mark.parametrize(("agreement", "together"), [(0.34, False), (0.33, True), (0.66, False), (1.0, False)])
def test_one_of_three_does_not_join_unless_that_is_enough(agreement, together):
    found = agreed([reading(x="a b c d"), reading(x="a b", y="c d"), reading(x="a b", y="c d")], agreement)
    assert (len(found) == 1) is together


def test_a_value_that_no_two_readings_place_alike_joins_where_they_put_it():
    first, others = (
        reading(x="a b e", y="c d", u="f", v="g"),
        [reading(x="a b", y="c d", z="e f", v="g"), reading(x="a b", y="c d", z="e g", u="f")],
    )
    assert parts(agreed([first, *others], 0.66))["x"] == {"a", "b", "e"}
    found = agreed([first, *others, reading(x="a b", y="c d", z="e h", u="f", v="g")], 0.66)
    assert parts(found)["x"] == {"a", "b"}, "one time in four is too seldom"
    found = agreed([first, *2 * [reading(x="a b", y="c d", z="e")]], 0.66)
    assert parts(found)["z"] == {"e"}, "two of three leave it alone"


def test_one_reading_is_as_it_is():
    only = reading(heading="h", b="x", a="y z")
    assert agreed([only], 0.66) == only


def test_groups_never_chain():
    """a with b, b with c, c with d, each by other readings: no pair of the whole is agreed upon often enough."""
    found = agreed([reading(x="a b", y="c d"), reading(x="a", y="b c", z="d"), reading(x="a b", y="c d")], 0.66)
    assert sorted(map(sorted, parts(found).values())) == [["a", "b"], ["c", "d"]]


def test_names_and_headings_are_those_of_the_group_most_alike():
    first, second = reading(heading="people", teacher="a b", pupil="c"), reading(heading="others", educator="a b c", other="d")
    found = {group.name: (group.heading, set(group.members)) for group in agreed([first, second, first], 0.66)}
    assert found == {"teacher": ("people", {"a", "b"}), "pupil": ("people", {"c"}), "other": ("others", {"d"})}


def test_no_two_groups_have_one_name():
    """One reading keeps together what the two others part; both name a part like the whole."""
    found = agreed([reading(whole="a b c d"), reading(whole="a b", rest="c d"), reading(whole="a b", left="c d")], 0.66)
    assert parts(found) == {"whole": {"a", "b"}, "rest": {"c", "d"}}
    one = [reading(whole="a1 b c d"), reading(whole="a1 b", w="c d"), reading(whole="c d", w="a1 b")]
    assert parts(agreed(one, 0.7)) == {"whole": {"a1", "b"}, "w": {"c", "d"}}
    found = agreed([reading(whole="a b c dd e"), reading(whole="a b c", w="dd e"), *2 * [reading(w="a b c", whole="dd e")]], 0.7)
    assert sorted(map(len, parts(found).values())) == [2, 3]


def test_a_group_whose_names_are_all_taken_bears_a_phrase_of_its_own():
    found = agreed([reading(x="a b c long d"), reading(x="a b c", y="long d")[:1] + reading(x="long d"), reading(x="a b c")], 0.66)
    assert parts(found) == {"x": {"a", "b", "c"}, "d": {"long", "d"}}


def test_a_value_that_a_reading_left_out_is_judged_by_the_others():
    found = agreed([reading(x="a b"), reading(x="a"), reading(x="a b")], 0.66)
    assert parts(found) == {"x": {"a", "b"}}
    assert parts(agreed([reading(x="a"), reading(y="b")], 0.66)) == {"x": {"a"}, "y": {"b"}}


VALUES = "abcdefgh"
READINGS = st.lists(st.lists(st.integers(0, 3), min_size=len(VALUES), max_size=len(VALUES)), min_size=2, max_size=5)


def drawn(numbers, turned=False):
    """Readings of numbers: the value at a place is in the group of its number."""
    made = []
    for labels in numbers:
        groups = {}
        for value, label in zip(VALUES, labels, strict=True):
            groups.setdefault(f"{label} of {len(made)}", []).append(value)
        found = [Group(name, dict.fromkeys(members[::-1] if turned else members, 1.0)) for name, members in groups.items()]
        made.append(found)
    return made


@given(READINGS, st.sampled_from([0.5, 0.66, 1.0]))
def test_every_value_is_in_one_group_and_what_all_agree_on_holds(numbers, agreement):
    found = agreed(drawn(numbers), agreement)
    assert sorted(value for group in found for value in group.members) == list(VALUES)
    assert len({group.name for group in found}) == len(found)
    of_value = {value: group.name for group in found for value in group.members}
    columns = dict(zip(VALUES, zip(*numbers, strict=True), strict=True))
    for one in VALUES:
        for other in VALUES:
            if columns[one] == columns[other]:
                assert of_value[one] == of_value[other], "all readings put them together"
    for group in found:
        for one in group.members:
            others = [columns[other] for other in group.members if other != one]
            shares = [sum(x == y for x, y in zip(columns[one], other, strict=True)) / len(numbers) for other in others]
            assert not shares or max(shares) >= min(agreement, 1 / 3) - 1e-3, "nobody is where no reading puts it"


@given(READINGS)
def test_the_order_of_members_does_not_matter(numbers):
    assert agreed(drawn(numbers), 0.66) == agreed(drawn(numbers, turned=True), 0.66)
