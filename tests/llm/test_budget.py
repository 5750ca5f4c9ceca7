"""Budgets: caps that are never exceeded."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loops import on_a_loop

from wildgraph.errors import BudgetError
from wildgraph.llm.budget import Budget, Spend
from wildgraph.llm.prices import PICO


def test_requests_are_capped():
    async def run() -> None:
        budget = Budget(max_requests=2)
        await budget.reserve(Spend(10))
        await budget.reserve(Spend(10))
        with pytest.raises(BudgetError, match="2 requests"):
            await budget.reserve(Spend(10))

    on_a_loop(run())


def test_tokens_wait_for_reservations_in_flight():
    async def run() -> None:
        budget = Budget(max_tokens=100)
        await budget.reserve(Spend(80))
        waiting = asyncio.ensure_future(budget.reserve(Spend(50)))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        budget.settle(Spend(80), Spend(10))
        await asyncio.wait_for(waiting, 1)
        budget.settle(Spend(50), Spend(50))
        with pytest.raises(BudgetError, match=r"60 spent.*may take 50"):
            await budget.reserve(Spend(50))

    on_a_loop(run())


def test_a_request_larger_than_the_cap_is_refused_at_once():
    async def run() -> None:
        budget = Budget(max_tokens=100)
        await budget.reserve(Spend(50))
        with pytest.raises(BudgetError):
            await budget.reserve(Spend(101))

    on_a_loop(run())


@given(
    st.lists(st.tuples(st.integers(min_value=1, max_value=50), st.floats(min_value=0, max_value=1)), max_size=60),
    st.integers(min_value=0, max_value=500),
)
def test_a_cap_is_never_exceeded(asked: list[tuple[int, float]], cap: int):
    spent = []

    async def one(budget: Budget, worst: int, share: float) -> None:
        try:
            await budget.reserve(Spend(worst))
        except BudgetError:
            return
        await asyncio.sleep(0)
        spent.append(int(worst * share))
        budget.settle(Spend(worst), Spend(spent[-1]))

    async def run() -> None:
        budget = Budget(max_tokens=cap)
        await asyncio.gather(*(one(budget, worst, share) for worst, share in asked))

    on_a_loop(run())
    assert sum(spent) <= cap


def test_a_budget_is_safe_across_threads():
    budget, done = Budget(max_requests=500), []

    def spend() -> None:
        async def run() -> None:
            while True:
                await budget.reserve(Spend(1))
                budget.settle(Spend(1), Spend(1))
                done.append(1)

        with pytest.raises(BudgetError):
            on_a_loop(run())

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 500


def test_money_waits_for_reservations_in_flight_and_is_said_in_dollars():
    async def run() -> None:
        budget = Budget(max_cost=0.01)
        await budget.reserve(Spend(0, 6 * PICO // 1000))
        waiting = asyncio.ensure_future(budget.reserve(Spend(0, 8 * PICO // 1000)))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        budget.settle(Spend(0, 6 * PICO // 1000), Spend(0, 1 * PICO // 1000))
        await asyncio.wait_for(waiting, 1)
        budget.settle(Spend(0, 8 * PICO // 1000), Spend(0, 8 * PICO // 1000))
        with pytest.raises(BudgetError, match=r"\$0\.01 is used up: \$0\.0090 spent.*--max-cost"):
            await budget.reserve(Spend(0, 2 * PICO // 1000))

    on_a_loop(run())


def test_several_requests_are_reserved_at_once():
    async def run() -> None:
        budget = Budget(max_requests=10)
        await budget.reserve(Spend(5), 8)
        with pytest.raises(BudgetError, match="10 requests"):
            await budget.reserve(Spend(5), 3)

    on_a_loop(run())
