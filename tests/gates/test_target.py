import pytest
from made_pairs import pair, texts

from wildgraph.gates.target import TargetGate
from wildgraph.records import TokenCounts


def judged(total, bucket=4096, **settings):
    counts = TokenCounts(documents=total - 100, instruction=20, response=30, overhead=50)
    return TargetGate(**settings).judge(pair(n_tokens=counts, bucket=bucket), texts())


@pytest.mark.parametrize(
    ("total", "reason"),
    [(4096, ""), (3687, ""), (4097, "over_target"), (3686, "under_target"), (100, "under_target"), (9000, "over_target")],
)
def test_the_whole_sample_must_fill_its_target_and_never_exceed_it(total, reason):
    verdict = judged(total)
    assert (verdict.status, verdict.reason) == ("fail" if reason else "pass", reason)
    assert not reason or str(total) in verdict.detail


def test_how_much_must_be_filled_is_a_setting():
    assert judged(2050, least=0.5).status == "pass"
    assert judged(2040, least=0.5).reason == "under_target"


def test_without_a_target_it_does_not_judge():
    verdict = judged(50_000, bucket=None)
    assert (verdict.status, verdict.reason) == ("not_evaluated", "no target length was asked for")
