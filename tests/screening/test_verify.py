"""The operator's decisions, on gains made by hand."""

import numpy as np
import pytest

from wildgraph.screening.anchors import find_anchors, query_span
from wildgraph.screening.measurements import Anchor, Gain, Measured, Measurements
from wildgraph.screening.settings import AnchorSettings, VerifySettings
from wildgraph.screening.verify import Choosing, judge_pair, shares_kept, unmoved

ANCHOR = Anchor(100, 40_000, -50_000, 40_000, -50_000)
CONFIG = VerifySettings()


def behind(entropy, loglik, chunk=7, anchor=100, control=0):
    return Gain(anchor, chunk, control, round(entropy * 10_000), round(loglik * 10_000))


@pytest.mark.parametrize(
    ("gain", "controls", "entropy", "ours"),
    [
        (behind(1.0, -1.0), [], True, True),
        (behind(2.4, -1.0), [], False, False),  # exactly ε is not more than ε
        (behind(2.39, -1.0), [], True, True),
        (behind(1.0, -5.0), [], True, False),  # surer, but not of the truth
        (behind(1.0, -9.0), [], True, False),
        (behind(1.0, -1.0), [behind(0.9, -3.0), behind(0.9, -3.0)], True, False),  # random chunks make it as sure
        (behind(1.0, -1.0), [behind(3.0, -0.5), behind(3.0, -0.9)], True, False),  # and as right
        (behind(1.0, -1.0), [behind(3.9, -5.0), behind(0.0, -0.9)], True, True),
    ],
)
def test_both_rules(gain, controls, entropy, ours):
    verdict = judge_pair(ANCHOR, gain, controls, CONFIG)
    assert (verdict.entropy, verdict.ours) == (entropy, ours)


def test_a_large_share_of_next_to_nothing_is_no_help():
    low = Anchor(100, 3_000, -9_000, 3_000, -9_000)
    verdict = judge_pair(low, behind(0.15, -0.1), [], CONFIG)
    assert (verdict.entropy, verdict.ours) == (True, False)
    assert judge_pair(Anchor(100, 0, 0, 0, 0), behind(0, 0), [], CONFIG).entropy is False


@pytest.mark.parametrize(
    ("gain", "expected"), [(behind(4.0, -5.05), True), (behind(4.0, -5.06), False), (behind(3.8, -5), True), (behind(4.21, -5), False)]
)
def test_what_changes_nothing(gain, expected):
    assert unmoved(ANCHOR, gain, 0.05) is expected


def measured(root="r", chunks=(7,)):
    other = Anchor(150, 40_000, -50_000, 40_000, -50_000)
    gains = [behind(1.0, -1.0, chunk) for chunk in chunks]
    gains += [behind(4.0, -5.0, 20, anchor) for anchor in (100, 150)]  # nothing anywhere: a hard negative
    gains += [behind(4.0, -5.0, 21)]  # nothing, but not asked everywhere
    gains += [behind(4.0, -5.0, 22), behind(3.0, -5.0, 22, 150)]  # moves the second anchor
    gains += [behind(3.9, -4.9, 90 + one, control=512) for one in range(4)]
    return Measured(root, 200, (ANCHOR, other), tuple(gains), ranks={20: 3, 21: 0, 22: 1, **dict.fromkeys(chunks, 2)})


def test_positives_help_and_negatives_were_asked_everywhere():
    choice = Choosing(CONFIG, lambda _: 512).choose(measured())
    assert (choice.positives, choice.negatives, choice.helped) == ((7,), (20,), {7: (100,)})
    assert not set(choice.positives) & set(choice.negatives)
    assert shares_kept([choice]) == (6, 1, 1)


def test_a_hub_serves_so_many_roots_and_no_more():
    choosing = Choosing(VerifySettings(hub_cap=2), lambda _: 512)
    found = [choosing.choose(measured(str(number))) for number in range(3)]
    assert [choice.positives for choice in found] == [(7,), (7,), ()]
    assert [choice.capped for choice in found] == [0, 0, 1]


def test_the_criterion_is_a_choice():
    wrong = Measured("r", 200, (ANCHOR,), (behind(1.0, -9.0),), ranks={7: 0})
    assert Choosing(VerifySettings(criterion="entropy"), lambda _: 512).choose(wrong).positives == (7,)
    assert Choosing(CONFIG, lambda _: 512).choose(wrong).positives == ()


# ----------------------------------------------------------------- anchors


def profile(**peaks):
    found = np.full(1000, 2.0, np.float32)
    for place, value in peaks.items():
        found[int(place[1:])] = value
    return found


def test_anchors_by_mean_and_deviation():
    found = find_anchors(profile(p10=9, p500=9, p700=8, p900=2.1), AnchorSettings())
    assert found.positions.tolist() == [500, 700]
    assert not find_anchors(np.full(1000, 3.0, np.float32), AnchorSettings()).positions.size
    assert not find_anchors(np.full(3, np.nan, np.float32), AnchorSettings()).positions.size


def test_anchors_by_share_and_how_many_are_left_out():
    values = np.arange(1000, dtype=np.float32) / 100
    found = find_anchors(values, AnchorSettings(rule="quantile", share=0.1))
    assert found.positions.tolist() == list(range(900, 1000))[-64:]
    assert found.left_out == {"over_cap": 36}
    sure = find_anchors(values / 10.5, AnchorSettings(rule="quantile", share=0.1))
    assert sure.left_out == {"below_h_min": 100}


def test_queries_end_where_the_root_does():
    assert query_span(5, 20, 16, causal=False) == (0, 20)
    assert query_span(5, 20, 16, causal=True) == (0, 5)


# ----------------------------------------------------------------- kept


def test_what_was_measured_comes_back_as_it_was(tmp_path):
    one = measured()
    with Measurements(tmp_path / "m.sqlite") as kept:
        assert kept.get("key", "r") is None
        kept.commit("key", one)
        kept.keep_retrieved("k", [("query", np.array([3, 1, 2]))])
    with Measurements(tmp_path / "m.sqlite") as kept:
        found = kept.get("key", "r")
        assert set(found.gains) == set(one.gains)
        assert (found.anchors, found.ranks, found.tokens) == (one.anchors, one.ranks, 200)
        assert kept.get("other", "r") is None
        assert kept.retrieved("k", ["query", "unknown"])["query"].tolist() == [3, 1, 2]
