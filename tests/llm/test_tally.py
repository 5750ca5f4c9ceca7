"""The ledger of model calls."""

from __future__ import annotations

import threading

from wildgraph.llm.model import Failure, Usage
from wildgraph.llm.tally import Counts, Tally


def test_counts_add_up():
    one = Counts(1, 0, 2, Usage(3, 4, 5), {"timeout": 1}, {"reset": 1})
    two = Counts(1, 1, 0, Usage(1, 1, 1), {"timeout": 1, "refused": 2}, {})
    assert one + two == Counts(2, 1, 2, Usage(4, 5, 6), {"refused": 2, "timeout": 2}, {"reset": 1})


def test_stages_stay_apart_and_the_total_is_their_sum():
    tally = Tally()
    tally.sent("stages/mine")
    tally.received("stages/mine", Usage(10, 2))
    tally.answered("stages/mine", 1)
    tally.sent("stages/answer")
    tally.trouble("stages/answer", "timeout")
    tally.answered("stages/answer", 1, Failure("timeout"))
    tally.answered("stages/answer", 0)
    assert list(tally.by_prompt()) == ["stages/answer", "stages/mine"]
    assert tally.by_prompt()["stages/answer"] == Counts(2, 1, 1, Usage(), {"timeout": 1}, {"timeout": 1})
    assert tally.total() == Counts(3, 1, 2, Usage(10, 2), {"timeout": 1}, {"timeout": 1})


def test_an_empty_ledger_is_zero():
    assert Tally().total() == Counts()


def test_threads_lose_nothing():
    tally = Tally()
    threads = [threading.Thread(target=lambda: [tally.sent("p") for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.total().requests == 4000
