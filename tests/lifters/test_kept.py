"""Groups that stay in the run."""

from __future__ import annotations

import pytest

from wildgraph.errors import RunError
from wildgraph.fields import DEFAULT_FIELDS, field_table
from wildgraph.lifters import Group, Lifter, SeenValue
from wildgraph.lifters.kept import GROUPS, KeptLifter
from wildgraph.store import RunDirectory

TASK, INTENT = field_table()["task"], field_table()["intent"]
VALUES = {TASK: [SeenValue("sum up", 3, 2, ("lease", "will")), SeenValue("shorten")], INTENT: [SeenValue("learn")]}


class Halves:
    """Puts all values of a field into one group, and counts how often it is asked."""

    def __init__(self, identity: str = "halves") -> None:
        self.identity = identity
        self.asked = 0

    def lift(self, values):
        self.asked += 1
        return {
            of.name: [Group(found[0].text, {one.text: 0.125 for one in found}, concept="task/x", heading="all", parent="task/y")]
            for of, found in values.items()
        }


@pytest.fixture
def run(tmp_path):
    with RunDirectory.write(tmp_path / "run") as directory:
        yield directory


def test_the_same_values_are_grouped_once_whatever_their_order(run):
    lifter = Halves()
    first = KeptLifter(lifter, run).lift(VALUES)
    turned = {of: VALUES[of][::-1] for of in reversed(VALUES)}
    assert KeptLifter(lifter, run).lift(turned) == first == Halves().lift(VALUES)
    assert lifter.asked == 1


@pytest.mark.parametrize(
    "other",
    [
        {TASK: VALUES[TASK]},
        {**VALUES, INTENT: [SeenValue("teach")]},
        {**VALUES, INTENT: [SeenValue("learn", 2)]},
        {**VALUES, INTENT: [SeenValue("learn", 1, 2)]},
        {**VALUES, INTENT: [SeenValue("learn", 1, 1, ("lease",))]},
        {TASK: VALUES[TASK], INTENT.model_copy(update={"grain": "as it comes"}): VALUES[INTENT]},
    ],
)
def test_other_values_or_fields_are_grouped_anew(run, other):
    lifter = Halves()
    KeptLifter(lifter, run).lift(VALUES)
    assert KeptLifter(lifter, run).lift(other) == Halves().lift(other)
    assert lifter.asked == 2


def test_another_lifter_groups_anew(run):
    KeptLifter(Halves(), run).lift(VALUES)
    other = Halves("thirds")
    assert KeptLifter(other, run).identity == "thirds"
    KeptLifter(other, run).lift(VALUES)
    assert other.asked == 1


@pytest.mark.parametrize("left", ["", '{"of": "something else"}\n'])
def test_a_file_of_other_groups_or_of_none_is_passed_over(run, left):
    run.write_text(GROUPS, left)
    lifter = Halves()
    assert KeptLifter(lifter, run).lift(VALUES) == Halves().lift(VALUES)
    assert lifter.asked == 1


def test_a_damaged_file_is_named(run):
    KeptLifter(Halves(), run).lift(VALUES)
    head = (run.path / GROUPS).read_text(encoding="utf-8").splitlines()[0]
    run.write_text(GROUPS, f'{head}\n{{"field": "task", "title": "sum up"}}\n')
    with pytest.raises(RunError, match=r"groups\.jsonl is corrupt"):
        KeptLifter(Halves(), run).lift(VALUES)


def test_it_is_a_lifter(run):
    assert isinstance(KeptLifter(Halves(), run), Lifter)
    assert KeptLifter(Halves(), run).lift({of: [] for of in DEFAULT_FIELDS[:0]}) == {}
