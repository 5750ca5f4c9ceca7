"""What is shown while a command runs."""

from __future__ import annotations

import pytest

from wildgraph.engines import charge
from wildgraph.funnel import StageCount
from wildgraph.llm import Usage
from wildgraph.llm.prices import PICO
from wildgraph.llm.tally import Counts
from wildgraph.terminal import Progress, show_status


def counted() -> StageCount:
    count = StageCount("mine", entered=100, passed=90, seconds=2.0)
    charge(count, Counts(completions=100, hits=20, requests=95, replies=80, usage=Usage(9000, 1000, 500), cost=PICO // 4, unpriced=3))
    return count


def test_live_totals_say_requests_tokens_money_and_retries(capsys: pytest.CaptureFixture[str]):
    with Progress() as progress:
        progress(counted(), 100)
    said = capsys.readouterr().err
    assert "95 requests, 20 from cache, 10000 tokens, $0.2500, 15 retries" in said


def test_quiet_shows_nothing(capsys: pytest.CaptureFixture[str]):
    with Progress(quiet=True) as progress:
        progress(counted(), 100)
    assert capsys.readouterr() == ("", "")


def test_the_status_marks_what_has_no_price(capsys: pytest.CaptureFixture[str]):
    count = counted()
    show_status({"stages": {"mine": {**count.funnel(), **count.bill()}}})
    assert "$0.2500+?" in capsys.readouterr().out
