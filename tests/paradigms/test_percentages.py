"""An answer passes the check that was made of it, however its percentage is written, and so does the same answer written otherwise."""

import pytest

from wildgraph.checkers import check
from wildgraph.paradigms import reasoning

WAYS = ("12.5%", "12.5%.", "12.5 per cent", "12.5 percent.", "**12.5%**", "12.5 percentage")


@pytest.mark.parametrize("final", WAYS)
def test_percentages_pass_their_own_check_and_each_others(final):
    (checker,) = reasoning._checks(final)
    for said in WAYS:
        assert check(checker.name, f"Answer: {said}", checker.args).status == "pass", said
    assert check(checker.name, "Answer: 28.5%", checker.args).status == "fail"


@pytest.mark.parametrize("final", ["5 km.", "**12 euros**", "1,200 euros,", "€1,200"])
def test_marks_around_a_unit_are_no_part_of_it(final):
    (checker,) = reasoning._checks(final)
    assert check(checker.name, f"Answer: {final}", checker.args).status == "pass"
    assert "*" not in checker.args
