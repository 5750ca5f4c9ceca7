import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildgraph.errors import EmptyResultError, RunError
from wildgraph.funnel import StageCount, require_some
from wildgraph.reasons import REASONS
from wildgraph.records import Rejection


def rejection(reason, **more):
    return Rejection(stage="mine", item="i", reason=reason, **more)


outcomes = st.lists(st.sampled_from(sorted(REASONS)) | st.none(), max_size=30)


@given(outcomes)
def test_the_funnel_adds_up(found):
    count = StageCount("mine", entered=len(found), passed=sum(reason is None for reason in found))
    for reason in found:
        if reason:
            count.reject(rejection(reason, transient=reason == "timeout"))
    funnel = count.funnel()
    classes = funnel["rejected"]
    assert list(classes) == ["filtered", "gated", "failed"]
    assert funnel["in"] == funnel["out"] + sum(sum(reasons.values()) for reasons in classes.values())
    for kind, reasons in classes.items():
        assert all(REASONS[reason][0] == kind for reason in reasons)
        assert list(reasons) == sorted(reasons)
    assert count.transient == found.count("timeout")


@pytest.mark.parametrize(
    ("entered", "failed", "filtered", "gated", "stops"),
    [
        (50, 10, 0, 0, False),  # exactly the limit
        (50, 11, 0, 0, True),
        (49, 49, 0, 0, False),  # too few to judge
        (1000, 0, 900, 100, False),  # what was asked for and what gates took is no failure
        (100, 11, 50, 0, True),  # 11 of the 50 that were not filtered
        (100, 10, 50, 0, False),
        (99, 11, 50, 0, False),  # 49 unfiltered ones
    ],
)
def test_too_many_failures_stop_a_stage(entered, failed, filtered, gated, stops):
    count = StageCount("mine", entered=entered)
    count.rejected.update({"timeout": failed, "language_filter": filtered, "too_short": gated})
    if not stops:
        count.check_rate(0.2)
        return
    with pytest.raises(
        RunError, match=rf"stage mine: {failed} of {entered - filtered} items failed, most of them \({failed}\) with 'timeout'"
    ):
        count.check_rate(0.2)


def test_nothing_out_is_an_error_that_says_why():
    count = StageCount("mine", entered=3)
    count.rejected.update({"timeout": 2, "refused": 1})
    with pytest.raises(EmptyResultError, match="no mined records came out of 3 items: timeout 2, refused 1"):
        require_some(count, "mined records")
    with pytest.raises(EmptyResultError, match="nothing came in"):
        require_some(StageCount("mine"), "mined records")
    require_some(StageCount("mine", entered=1, passed=1), "mined records")
