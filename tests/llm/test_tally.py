"""The ledger of model calls."""

from __future__ import annotations

import threading

from wildgraph.llm.model import Failure, Usage
from wildgraph.llm.tally import Counts, Tally

ONE = Counts(
    completions=1, requests=2, replies=1, usage=Usage(3, 4, 5), cost=7, truncated=1, failures={"timeout": 1}, troubles={"reset": 1}
)
TWO = Counts(completions=1, hits=1, usage=Usage(1, 1, 1), cost=1, unpriced=1, failures={"timeout": 1, "refused": 2})


def test_counts_add_up():
    both = ONE + TWO
    assert both == Counts(2, 1, 2, 1, Usage(4, 5, 6), 8, 1, 1, {"refused": 2, "timeout": 2}, {"reset": 1})
    assert both.retries == 1


def test_what_came_on_top_is_the_difference():
    assert (ONE + TWO) - ONE == TWO
    assert Counts() == ONE - ONE


def test_stages_stay_apart_and_the_total_is_their_sum():
    tally = Tally()
    tally.sent("stages/mine")
    tally.received("stages/mine", Usage(10, 2), cost=5)
    tally.answered("stages/mine", 1)
    tally.sent("stages/answer")
    tally.trouble("stages/answer", "timeout")
    tally.answered("stages/answer", 1, Failure("timeout"))
    tally.answered("stages/answer", 0)
    tally.answered("stages/answer", 0, Failure("prompt_too_long"), hit=False)
    assert list(tally.by_prompt()) == ["stages/answer", "stages/mine"]
    assert tally.by_prompt()["stages/answer"] == Counts(
        completions=3, hits=1, requests=1, failures={"timeout": 1, "prompt_too_long": 1}, troubles={"timeout": 1}
    )
    assert tally.total().usage == Usage(10, 2)
    assert (tally.total().cost, tally.total().requests, tally.total().replies) == (5, 2, 1)


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
