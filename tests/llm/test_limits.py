"""Limits: how much is asked at once, when a run gives up, what may be spent. Pure, or on a loop without a network."""

from __future__ import annotations

import asyncio
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildgraph.errors import BudgetError, ServerError
from wildgraph.llm.limits import Budget, Concurrency, Health, Pace, Patience
from wildgraph.llm.model import Failure


async def _enter(limit: Concurrency, times: int) -> None:
    for _ in range(times):
        await limit.enter()


# --------------------------------------------------------------------------- patience


@given(st.integers(min_value=1, max_value=60), st.floats(min_value=0.0, max_value=1.0))
def test_waits_grow_and_stay_bounded(attempt: int, jitter: float):
    patience = Patience(first_wait=0.5, longest_wait=30.0)
    wait = patience.wait(attempt, None, lambda: jitter)
    assert 0.25 <= wait <= 30.0
    assert patience.wait(attempt + 1, None, lambda: jitter) >= wait


@given(st.floats(min_value=0.0, max_value=300.0), st.floats(min_value=0.0, max_value=1.0))
def test_the_server_is_never_asked_sooner_than_it_wants(retry_after: float, jitter: float):
    assert retry_after <= Patience().wait(1, retry_after, lambda: jitter) <= 1.1 * retry_after


# --------------------------------------------------------------------------- concurrency


def test_no_more_than_the_limit_enter():
    async def run() -> None:
        limit = Concurrency(3)
        await _enter(limit, 3)
        fourth = asyncio.ensure_future(limit.enter())
        await asyncio.sleep(0)
        assert not fourth.done()
        limit.leave()
        await fourth
        assert limit.in_flight == 3

    asyncio.run(run())


def test_complaints_shrink_the_limit_and_peace_lets_it_grow_back():
    async def run() -> None:
        limit = Concurrency(64)
        for _ in range(64):
            await limit.enter()
            limit.leave(complained=True)
        assert limit.limit == 32
        for _ in range(400):
            await limit.enter()
            limit.leave()
        assert limit.limit == 64

    asyncio.run(run())


def test_a_few_stray_complaints_do_not_throttle():
    async def run() -> None:
        limit, rng = Concurrency(64), random.Random(0)
        for _ in range(5000):
            await limit.enter()
            limit.leave(complained=rng.random() < 0.03)
        assert limit.limit == 64

    asyncio.run(run())


def test_the_limit_never_falls_below_one():
    async def run() -> None:
        limit = Concurrency(8)
        for _ in range(500):
            await limit.enter()
            limit.leave(complained=True)
        assert limit.limit == 1.0

    asyncio.run(run())


def test_a_crowd_of_complaints_with_a_hint_pauses_everybody():
    async def run() -> None:
        limit = Concurrency(8)
        await _enter(limit, 4)
        for _ in range(4):
            limit.leave(complained=True, retry_after=0.05)
        waiting = asyncio.ensure_future(limit.enter())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await waiting

    asyncio.run(run())


def test_who_is_cancelled_while_waiting_passes_the_turn_on():
    async def run() -> None:
        limit = Concurrency(1)
        await limit.enter()
        gone, patient = asyncio.ensure_future(limit.enter()), asyncio.ensure_future(limit.enter())
        await asyncio.sleep(0)
        limit.leave()  # the turn is now the first one's, who is cancelled before taking it
        gone.cancel()
        await asyncio.wait_for(patient, 1)

    asyncio.run(run())


@given(st.lists(st.booleans(), max_size=300), st.integers(min_value=1, max_value=20))
def test_everybody_gets_in_whatever_happens(complaints: list[bool], maximum: int):
    async def run() -> None:
        limit, most = Concurrency(maximum), 0

        async def one(complains: bool) -> None:
            nonlocal most
            await limit.enter()
            most = max(most, limit.in_flight)
            await asyncio.sleep(0)
            limit.leave(complained=complains)

        await asyncio.wait_for(asyncio.gather(*(one(complains) for complains in complaints)), 10)
        assert limit.in_flight == 0
        assert most <= maximum

    asyncio.run(run())


# --------------------------------------------------------------------------- pace


def test_the_pace_is_kept(monkeypatch: pytest.MonkeyPatch):
    clock = [1000.0]

    async def sleep(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr("wildgraph.llm.limits.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("wildgraph.llm.limits.asyncio.sleep", sleep)

    async def run() -> None:
        pace = Pace(60_000)  # a thousand a second
        for _ in range(3001):
            await pace.take(1)

    asyncio.run(run())
    assert clock[0] == pytest.approx(1002.0)  # the first second's worth is free


def test_no_pace_no_waiting():
    asyncio.run(Pace(None).take(10**9))


# --------------------------------------------------------------------------- health


def test_failures_in_a_row_end_the_run_and_a_success_between_them_does_not():
    health = Health("http://x", Patience(), streak=20)
    for _ in range(19):
        health.stumbled("500")
    health.spoke()
    for _ in range(19):
        health.stumbled("500")
    with pytest.raises(ServerError, match=r"20 requests in a row failed at http://x.*500"):
        health.stumbled("500")


def test_most_of_the_last_requests_failing_ends_the_run():
    health = Health("http://x", Patience(), streak=20)
    failure = Failure("invalid_answer", "title: Field required\n{}")
    for n in range(40):
        health.finished(failure if n % 2 else None)
    health.finished(None)
    with pytest.raises(ServerError, match="invalid_answer: title: Field required") as caught:
        [health.finished(failure) for _ in range(40)]
    assert "\n" not in str(caught.value)


def test_long_prompts_and_refusals_do_not_count_against_the_server():
    health = Health("http://x", Patience(), streak=20)
    for _ in range(200):
        health.finished(Failure("prompt_too_long"))
        health.finished(Failure("refused"))


def test_an_early_doubt_is_settled_by_the_first_good_answer():
    async def run() -> None:
        health = Health("http://x", Patience(doubt=5.0), streak=20)
        doubting = asyncio.ensure_future(health.suspect(ServerError("html"), in_flight=2))
        await asyncio.sleep(0)
        health.spoke()
        await doubting
        await health.suspect(ServerError("html"), in_flight=1)  # proven: no doubt any more

    asyncio.run(run())


def test_when_everybody_doubts_the_run_ends():
    async def run() -> None:
        health = Health("http://x", Patience(doubt=5.0), streak=20)
        first = asyncio.ensure_future(health.suspect(ServerError("html"), in_flight=2))
        await asyncio.sleep(0)
        with pytest.raises(ServerError):
            await health.suspect(ServerError("html"), in_flight=2)
        with pytest.raises(ServerError):
            await first

    asyncio.run(run())


def test_a_doubt_that_nobody_settles_ends_the_run():
    async def run() -> None:
        health = Health("http://x", Patience(doubt=0.01), streak=20)
        with pytest.raises(ServerError):
            await health.suspect(ServerError("html"), in_flight=5)

    asyncio.run(run())


# --------------------------------------------------------------------------- budget


def test_requests_are_capped():
    async def run() -> None:
        budget = Budget(max_requests=2)
        await budget.reserve(10)
        await budget.reserve(10)
        with pytest.raises(BudgetError, match="2 requests"):
            await budget.reserve(10)

    asyncio.run(run())


def test_tokens_wait_for_reservations_in_flight():
    async def run() -> None:
        budget = Budget(max_tokens=100)
        await budget.reserve(80)
        waiting = asyncio.ensure_future(budget.reserve(50))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        budget.settle(80, 10)
        await asyncio.wait_for(waiting, 1)
        budget.settle(50, 50)
        with pytest.raises(BudgetError, match=r"60 spent.*may take 50"):
            await budget.reserve(50)

    asyncio.run(run())


def test_a_request_larger_than_the_cap_is_refused_at_once():
    async def run() -> None:
        budget = Budget(max_tokens=100)
        await budget.reserve(50)
        with pytest.raises(BudgetError):
            await budget.reserve(101)

    asyncio.run(run())


@given(
    st.lists(st.tuples(st.integers(min_value=1, max_value=50), st.floats(min_value=0, max_value=1)), max_size=60),
    st.integers(min_value=0, max_value=500),
)
def test_a_cap_is_never_exceeded(asked: list[tuple[int, float]], cap: int):
    spent = []

    async def one(budget: Budget, worst: int, share: float) -> None:
        try:
            await budget.reserve(worst)
        except BudgetError:
            return
        await asyncio.sleep(0)
        spent.append(int(worst * share))
        budget.settle(worst, spent[-1])

    async def run() -> None:
        budget = Budget(max_tokens=cap)
        await asyncio.gather(*(one(budget, worst, share) for worst, share in asked))

    asyncio.run(run())
    assert sum(spent) <= cap


def test_a_budget_is_safe_across_threads():
    budget, done = Budget(max_requests=500), []

    def spend() -> None:
        async def run() -> None:
            while True:
                await budget.reserve(1)
                budget.settle(1, 1)
                done.append(1)

        with pytest.raises(BudgetError):
            asyncio.run(run())

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 500
