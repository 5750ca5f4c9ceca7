"""The dispatcher: order, laziness, chains, errors and cancelling. No network, no clocks."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import pytest

from wildgraph.errors import BudgetError, ServerError
from wildgraph.llm.dispatcher import Dispatcher, Done


@pytest.fixture
def dispatchers() -> Iterator[Callable[..., Dispatcher]]:
    made: list[Dispatcher] = []

    def make(workers: int = 4, lookahead: int | None = None) -> Dispatcher:
        made.append(Dispatcher(workers, lookahead))
        return made[-1]

    yield make
    for dispatcher in made:
        dispatcher.close()


async def _double(n: int) -> int:
    await asyncio.sleep(0.001 * (n % 3))
    return 2 * n


def _work(n: int) -> Callable[[], object]:
    return partial(_double, n)


def test_results_keep_the_order_of_the_input(dispatchers):
    assert list(dispatchers().map(range(200), _work)) == [2 * n for n in range(200)]


def test_no_input_no_output(dispatchers):
    assert list(dispatchers().map([], _work)) == []


def test_results_known_at_once_keep_their_place(dispatchers):
    assert list(dispatchers().map(range(50), lambda n: Done(-n) if n % 2 else partial(_double, n))) == [
        -n if n % 2 else 2 * n for n in range(50)
    ]


def test_the_input_is_pulled_no_further_than_the_look_ahead(dispatchers):
    pulled = []
    results = dispatchers(workers=2, lookahead=3).map((pulled.append(n) or n for n in range(1000)), _work)
    with closing(results):
        for taken in range(1, 20):
            next(results)
            assert len(pulled) <= taken + 3 + 1


def test_nothing_is_pulled_before_the_first_result_is_wanted(dispatchers):
    pulled = []
    dispatchers().map((pulled.append(n) or n for n in range(10)), _work)
    assert pulled == []


@pytest.mark.parametrize("lookahead", [1, 2, 64])
@pytest.mark.parametrize("workers", [1, 3])
def test_three_chained_maps_finish(dispatchers, workers: int, lookahead: int):
    dispatcher = dispatchers(workers, lookahead)

    def stage(items: Iterator[int]) -> Iterator[int]:
        for item in dispatcher.map(items, _work):
            yield item + 1

    assert list(stage(stage(stage(iter(range(60)))))) == [8 * n + 7 for n in range(60)]


def test_chained_maps_of_two_dispatchers_finish(dispatchers):
    one, two = dispatchers(1, 1), dispatchers(1, 1)
    assert list(one.map(two.map(one.map(range(40), _work), _work), _work)) == [8 * n for n in range(40)]


def test_maps_that_fan_out_and_filter_finish(dispatchers):
    dispatcher = dispatchers(2, 1)
    odd = (n for n in dispatcher.map(range(40), _work) if n % 4)
    many = (n + k for n in odd for k in range(3))
    assert len(list(dispatcher.map(many, _work))) == 60


def test_no_more_than_the_workers_run_at_once(dispatchers):
    running = most = 0

    async def busy(n: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1
        return n

    list(dispatchers(workers=5).map(range(100), lambda n: partial(busy, n)))
    assert most == 5


def test_a_slow_head_does_not_stop_the_others(dispatchers):
    finished: list[int] = []
    release = threading.Event()

    async def work(n: int) -> int:
        if n == 0:
            while not release.is_set():
                await asyncio.sleep(0.001)
        finished.append(n)
        if len(finished) == 20:
            release.set()
        return n

    assert list(dispatchers(workers=2).map(range(30), lambda n: partial(work, n))) == list(range(30))
    assert finished[0] != 0


def test_an_error_of_the_input_comes_after_the_results_before_it(dispatchers):
    def broken() -> Iterator[int]:
        yield from range(5)
        raise OSError("the file went away")

    results = dispatchers().map(broken(), _work)
    assert [next(results) for _ in range(5)] == [0, 2, 4, 6, 8]
    with pytest.raises(OSError, match="went away"):
        next(results)


def test_an_error_of_the_input_travels_down_a_chain(dispatchers):
    dispatcher = dispatchers(2, 1)

    def broken() -> Iterator[int]:
        yield 1
        raise OSError("the file went away")

    results = dispatcher.map(dispatcher.map(broken(), _work), _work)
    assert next(results) == 4
    with pytest.raises(OSError, match="went away"):
        next(results)


def test_an_error_of_one_item_is_raised_in_its_place(dispatchers):
    async def fails(n: int) -> int:
        if n == 3:
            raise ZeroDivisionError
        return n

    results = dispatchers().map(range(9), lambda n: partial(fails, n))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_an_input_that_is_not_iterable_is_an_error(dispatchers):
    with pytest.raises(TypeError):
        list(dispatchers().map(None, _work))


def test_a_fatal_error_ends_every_map_of_a_chain(dispatchers):
    dispatcher = dispatchers(2, 4)

    async def work(n: int) -> int:
        if n == 7:
            dispatcher.fail(ServerError("down", "look"))
        await asyncio.sleep(0.001)
        return n

    def endless() -> Iterator[int]:
        n = 0
        while True:
            yield n
            n += 1

    with pytest.raises(ServerError, match="down"):
        list(dispatcher.map(dispatcher.map(endless(), lambda n: partial(work, n)), _work))
    assert list(dispatcher.map(range(3), _work)) == [0, 2, 4]  # a new attempt may be made afterwards


def test_draining_lets_what_is_under_way_finish(dispatchers):
    dispatcher = dispatchers(workers=4)
    finished: list[int] = []

    async def work(n: int) -> int:
        if n == 3:
            dispatcher.fail(BudgetError("spent"), drain=True)
            raise BudgetError("spent")
        await asyncio.sleep(0.05)
        finished.append(n)
        return n

    results = dispatcher.map(range(100), lambda n: partial(work, n))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(BudgetError):
        next(results)
    assert sorted(finished)[:3] == [0, 1, 2]
    assert len(finished) < 10


def test_closing_early_cancels_what_runs_and_closes_the_input(dispatchers):
    cancelled: list[int] = []
    closed = threading.Event()

    async def forever(n: int) -> int:
        if n == 0:
            return n
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(n)
            raise
        return n

    def source() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    dispatcher = dispatchers(workers=4)
    results = dispatcher.map(source(), lambda n: partial(forever, n))
    assert next(results) == 0
    results.close()
    assert closed.wait(10)
    assert list(dispatcher.map(range(8), _work)) == [2 * n for n in range(8)]  # the workers are free again
    assert cancelled


def test_closing_the_end_of_a_chain_cancels_all_of_it(dispatchers):
    one, two = dispatchers(workers=1), dispatchers(workers=1)
    closed = threading.Event()

    async def stuck(n: int) -> int:
        if n == 1:
            await asyncio.sleep(3600)
        return n

    def source() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    def stage(items: Iterator[int]) -> Iterator[int]:
        yield from one.map(items, lambda n: partial(stuck, n))

    results = two.map(stage(source()), _work)
    assert next(results) == 0
    results.close()  # its feeder waits for item 1, which never comes
    assert closed.wait(10)


def test_an_abandoned_map_is_closed(dispatchers):
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    results = dispatchers().map(source(), _work)
    next(results)
    del results
    gc.collect()
    assert closed.wait(10)


def test_threads_do_not_pile_up(dispatchers):
    dispatcher = dispatchers()
    list(dispatcher.map(range(3), _work))
    before = threading.active_count()
    for _ in range(20):
        list(dispatcher.map(range(3), _work))
    assert threading.active_count() <= before
    dispatcher.close()


def test_a_closed_dispatcher_starts_again(dispatchers):
    dispatcher = dispatchers()
    assert list(dispatcher.map(range(3), _work)) == [0, 2, 4]
    dispatcher.close()
    assert list(dispatcher.map(range(3), _work)) == [0, 2, 4]


def test_the_thread_ends_when_idle_and_cleans_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("wildgraph.llm.dispatcher.LINGER", 0.01)
    cleaned = threading.Event()

    async def cleanup() -> None:
        cleaned.set()

    dispatcher = Dispatcher(2, cleanup=cleanup)
    list(dispatcher.map(range(3), _work))
    assert cleaned.wait(10)
    assert list(dispatcher.map(range(3), _work)) == [0, 2, 4]
    dispatcher.close()


def test_maps_on_several_threads_share_the_workers(dispatchers):
    dispatcher = dispatchers(workers=3, lookahead=2)
    results: dict[int, list[int]] = {}

    def consume(name: int) -> None:
        results[name] = list(dispatcher.map(range(50), _work))

    threads = [threading.Thread(target=consume, args=(name,)) for name in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {name: [2 * n for n in range(50)] for name in range(5)}


def test_one_call_returns_its_result(dispatchers):
    assert dispatchers().call(partial(_double, 4)) == 8
