"""Limits: how much is asked at once, when a run gives up, what may be spent. Pure, or on a loop without a network."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loops import on_a_loop

from wildgraph.errors import ServerError
from wildgraph.llm.limits import Concurrency, Health, Pace, Patience
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

    on_a_loop(run())


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

    on_a_loop(run())


def test_a_few_stray_complaints_do_not_throttle():
    async def run() -> None:
        limit, rng = Concurrency(64), random.Random(0)
        for _ in range(5000):
            await limit.enter()
            limit.leave(complained=rng.random() < 0.03)
        assert limit.limit == 64

    on_a_loop(run())


def test_the_limit_never_falls_below_one():
    async def run() -> None:
        limit = Concurrency(8)
        for _ in range(500):
            await limit.enter()
            limit.leave(complained=True)
        assert limit.limit == 1.0

    on_a_loop(run())


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

    on_a_loop(run())


def test_who_is_cancelled_while_waiting_passes_the_turn_on():
    async def run() -> None:
        limit = Concurrency(1)
        await limit.enter()
        gone, patient = asyncio.ensure_future(limit.enter()), asyncio.ensure_future(limit.enter())
        await asyncio.sleep(0)
        limit.leave()  # the turn is now the first one's, who is cancelled before taking it
        gone.cancel()
        await asyncio.wait_for(patient, 1)

    on_a_loop(run())


def test_who_comes_back_at_once_does_not_overtake_those_that_wait():
    async def run() -> None:
        limit, entered = Concurrency(2), []

        async def worker(name: int) -> None:
            for _ in range(5):
                await limit.enter()
                entered.append(name)
                await asyncio.sleep(0)
                limit.leave()

        await asyncio.gather(*(worker(name) for name in range(4)))
        assert [sorted(entered[place : place + 4]) for place in range(0, 20, 4)] == [[0, 1, 2, 3]] * 5

    on_a_loop(run())


def test_who_is_cancelled_during_a_pause_frees_the_place():
    async def run() -> None:
        limit = Concurrency(4)
        await _enter(limit, 4)
        for _ in range(4):
            limit.leave(complained=True, retry_after=60.0)
        paused = [asyncio.ensure_future(limit.enter()) for _ in range(6)]
        await asyncio.sleep(0.01)
        for task in paused:
            task.cancel()
        await asyncio.gather(*paused, return_exceptions=True)
        assert limit.in_flight == 0

    on_a_loop(run())


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

    on_a_loop(run())


class _Served:
    """A server with a clock of its own: beyond ``knee`` requests at once it gets less done, not more."""

    def __init__(self, knee: int, seconds: float = 1.0) -> None:
        self.now = 1000.0
        self.knee, self.seconds, self.work = knee, seconds, 1.0

    def latency(self, in_flight: int) -> float:
        return self.work * self.seconds * max(1.0, in_flight / self.knee) ** 2

    def serve(self, limit: Concurrency, answers: int) -> None:
        async def run() -> None:
            for _ in range(answers):
                while limit.in_flight < int(limit.limit):
                    await limit.enter()
                latency = self.latency(limit.in_flight)
                self.now += latency / limit.in_flight
                limit.leave(latency=latency, work=self.work)

        on_a_loop(run())


def _limited(monkeypatch: pytest.MonkeyPatch, server: _Served, maximum: int) -> Concurrency:
    monkeypatch.setattr("wildgraph.llm.limits.time.monotonic", lambda: server.now)
    return Concurrency(maximum)


def test_a_server_that_collapses_is_asked_less(monkeypatch: pytest.MonkeyPatch):
    server = _Served(knee=64)
    limit = _limited(monkeypatch, server, 64)
    server.serve(limit, 640)
    assert limit.limit == 64
    server.knee = 16  # a neighbour came: 64 at once now take 16 times as long
    server.serve(limit, 128)
    assert limit.limit < 50


def test_a_server_that_is_slow_for_good_is_asked_as_much_as_before(monkeypatch: pytest.MonkeyPatch):
    server = _Served(knee=64)
    limit = _limited(monkeypatch, server, 64)
    server.serve(limit, 640)
    server.seconds = 20.0
    server.serve(limit, 6400)
    assert limit.limit == 64


def test_harder_questions_are_no_collapse(monkeypatch: pytest.MonkeyPatch):
    server = _Served(knee=64, seconds=1.0)
    limit = _limited(monkeypatch, server, 64)
    lowest = 64.0
    for _ in range(20):  # two stages take turns
        server.serve(limit, 70)
        server.work = 30.0 if server.work == 1.0 else 1.0
        lowest = min(lowest, limit.limit)
    assert lowest == 64


# --------------------------------------------------------------------------- pace


def test_what_was_not_used_is_given_back(monkeypatch: pytest.MonkeyPatch):
    clock = [1000.0]

    async def sleep(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr("wildgraph.llm.limits.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("wildgraph.llm.limits.asyncio.sleep", sleep)

    async def run() -> None:
        pace = Pace(60_000)
        for _ in range(301):
            await pace.take(100)  # the worst case
            pace.give_back(90)

    on_a_loop(run())
    assert clock[0] == pytest.approx(1002.0, abs=0.2)  # 3,000 of a thousand a second, the first of them free


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

    on_a_loop(run())
    assert clock[0] == pytest.approx(1002.0)  # the first second's worth is free


def test_no_pace_no_waiting():
    on_a_loop(Pace(None).take(10**9))


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

    on_a_loop(run())


def test_when_everybody_doubts_the_run_ends():
    async def run() -> None:
        health = Health("http://x", Patience(doubt=5.0), streak=20)
        first = asyncio.ensure_future(health.suspect(ServerError("html"), in_flight=2))
        await asyncio.sleep(0)
        with pytest.raises(ServerError):
            await health.suspect(ServerError("html"), in_flight=2)
        with pytest.raises(ServerError):
            await first

    on_a_loop(run())


def test_a_doubt_that_nobody_settles_ends_the_run():
    async def run() -> None:
        health = Health("http://x", Patience(doubt=0.01), streak=20)
        with pytest.raises(ServerError):
            await health.suspect(ServerError("html"), in_flight=5)

    on_a_loop(run())
