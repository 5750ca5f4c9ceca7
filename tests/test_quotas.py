"""The shape of a sample: every prefix holds each class's share rounded down or up, combinations come as often as their product says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.errors import UsageError
from wildgraph.quotas import REST, Dimension, Plan, lacking

SHARES = st.lists(st.integers(1, 60), min_size=1, max_size=6)


def dimension(name, weights, whole=None):
    total = whole or sum(weights)
    return Dimension.of(name, {f"{name}{place}": weight / total for place, weight in enumerate(weights)})


def taken(plan, count):
    found = []
    for _ in range(count):
        step = plan.next()
        found.append(step)
        plan.take(step.cell)
    return found


@settings(max_examples=60, deadline=None)
@given(SHARES, SHARES, st.sampled_from([None, 400]), st.integers(0, 9))
def test_every_prefix_keeps_the_quota_of_every_class(first, second, whole, seed):
    dimensions = (dimension("a", first, whole), dimension("b", second))
    counts = [[0] * len(one.classes) for one in dimensions]
    for size, step in enumerate(taken(Plan(dimensions, seed), 120), 1):
        assert step.alive
        for one, count, at in zip(dimensions, counts, step.cell, strict=True):
            count[at] += 1
            for place, number in enumerate(count):
                least, most = one.quota(place, size)
                assert least <= number <= most, (one, size)


def test_whole_quotas_are_met_exactly():
    plan = Plan((Dimension.of("paradigm", {"a": 0.25, "b": 0.125}), Dimension.of("language", {"x": 0.5, "y": 0.5})), 0)
    steps = taken(plan, 80)
    names = [plan.names(step.cell) for step in steps]
    assert [sum(one["paradigm"] == name for one in names) for name in ("a", "b", REST)] == [20, 10, 50]
    assert sum(one["language"] == "x" for one in names) == 40


def test_dimensions_of_equal_shares_do_not_march_in_step():
    """Two alternating classes in two dimensions: taken one by one they would always come together."""
    plan = Plan((dimension("a", [1, 1]), dimension("b", [1, 1]), dimension("c", [1, 1])), 3)
    cells = [step.cell for step in taken(plan, 80)]
    assert {cells.count(cell) for cell in set(cells)} == {10}
    assert len(set(cells)) == 8


def test_seeds_decide_between_cells_that_are_equally_due():
    def order(seed):
        return [step.cell for step in taken(Plan((dimension("a", [1, 1, 1, 1]), dimension("b", [1, 1, 1])), seed), 12)]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_a_cell_that_was_given_up_is_made_up_for_by_others_of_its_classes():
    dimensions = (dimension("a", [1, 1]), dimension("b", [1, 1]))
    plan = Plan(dimensions, 0)
    plan.give_up((0, 0))
    cells = [step.cell for step in taken(plan, 40)]
    assert (0, 0) not in cells
    assert [sum(cell[0] == place for cell in cells) for place in (0, 1)] == [20, 20]
    assert [sum(cell[1] == place for cell in cells) for place in (0, 1)] == [20, 20]


def test_a_class_that_was_given_up_keeps_its_seats_empty():
    dimensions = (Dimension.of("a", {"rare": 0.25}), dimension("b", [1, 1]))
    plan = Plan(dimensions, 0)
    for place in (0, 1):
        plan.give_up((0, place))
    steps = taken(plan, 40)
    lost = [step for step in steps if not step.alive]
    assert {step.cell[0] for step in lost} == {0}
    assert 8 <= len(lost) <= 10
    filled = [step.cell for step in steps if step.alive]
    (lack, *others) = lacking(
        plan, 40, lambda number, place: sum(cell[number] == place for cell in filled), lambda number, place: "no document"
    )
    assert (lack.dimension, lack.name, lack.got, lack.wanted, lack.why) == ("a", "rare", 0, 10, "no document")
    assert all(one.dimension == "b" for one in others)
    assert not plan.dead
    for cell in ((1, 0), (1, 1)):
        plan.give_up(cell)
    assert plan.dead


def test_a_copy_is_played_through_without_a_trace():
    plan = Plan((dimension("a", [3, 2, 1]),), 0)
    first = plan.next()
    taken(plan.copy(), 30)
    assert plan.next() == first
    assert plan.copy().next() == first


def test_without_dimensions_there_is_one_cell():
    plan = Plan((), 0)
    assert (plan.cells, plan.next(), plan.number(())) == (1, ((), True), 0)
    plan.give_up(())
    assert plan.dead


@pytest.mark.parametrize(
    ("shares", "says"),
    [({"a": 0.7, "b": 0.4}, "add up to 1.1"), ({"a": 0.0004}, "below 0.001")],
)
def test_shares_that_cannot_be_are_refused(shares, says):
    with pytest.raises(UsageError, match=says):
        Dimension.of("paradigm", shares)


def test_rounded_thirds_leave_no_rest():
    assert Dimension.of("a", {"x": 0.333, "y": 0.333, "z": 0.333}).classes == ("x", "y", "z")
    assert sum(Dimension.of("a", {"x": 1 / 3, "y": 1 / 7}).weights) == 1_000_000
