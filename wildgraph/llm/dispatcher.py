"""One event loop in one background thread behind a synchronous, ordered ``map``.

Stages are synchronous generators that are chained, and several of them wait for the same model. The loop must therefore never call
``next()`` on their input: a thread per map, the *feeder*, pulls the input and puts it into a bounded queue, a fixed pool of workers on
the loop takes it from there, and the consumer takes results in input order. Workers never wait for a consumer, so however many maps are
chained and however small the look-ahead, the last consumer's item is always being worked on. Which waiting item is next is decided by
:mod:`wildgraph.llm.prefixes`.
"""

from __future__ import annotations

import asyncio
import atexit
import math
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar, cast

from wildgraph.errors import WildgraphError
from wildgraph.llm.lanes import CancelledMapError, Done, Feeder, Lane, Slot, Step, Work
from wildgraph.llm.prefixes import PrefixOrder

__all__ = ["LINGER", "LOOKAHEAD", "Dispatcher", "Done", "Work"]

T = TypeVar("T")
R = TypeVar("R")

LOOKAHEAD = 16
"""Results kept ahead of the consumer, as a multiple of the workers: one slow answer at the head must not stop the others."""

LINGER = 5.0
"""Seconds without a map after which the thread ends."""


class _Run:
    """One life of the background thread. What its workers hold must not leak into the next life."""

    def __init__(self) -> None:
        self.loop = _new_loop()
        self.stop = asyncio.Event()
        self.asleep: deque[asyncio.Future[None]] = deque()
        self.ended = False
        self.thread: threading.Thread | None = None


class Dispatcher:
    """Runs the work of any number of maps with a fixed number of workers.

    Args:
        workers: how many items are worked on at once.
        lookahead: how many items of one map may be between its input and its consumer; by default :data:`LOOKAHEAD` × workers.
        cleanup: called on the loop before its thread ends.
        at_once: of the workers, how many have work that is really under way, the others wait to try again; by default all.
        linger: seconds without a map after which the thread ends; by default :data:`LINGER`.
        cached: of a result, how many tokens its prompt had and how many of them the server had cached; ``None`` when nothing was sent.
    """

    def __init__(
        self,
        workers: int,
        lookahead: int | None = None,
        cleanup: Callable[[], Awaitable[None]] | None = None,
        cached: Callable[[Any], tuple[int, int] | None] = lambda result: None,
        linger: float | None = None,
        at_once: int | None = None,
    ) -> None:
        self.workers = workers
        self.lookahead = lookahead or LOOKAHEAD * workers
        # Reentrant: collecting an abandoned generator closes its map, wherever in this module that happens.
        self.lock = threading.RLock()
        self.fatal: WildgraphError | None = None
        self._drain = False
        self._cleanup = cleanup
        self._cached = cached
        self._seconds = linger
        self._at_once = at_once or workers
        self._prefixes: PrefixOrder[Slot[Any]] = PrefixOrder(self._at_once)
        self._lanes: deque[Lane] = deque()
        self._run: _Run | None = None
        self._generation = 0

    def map(self, items: Iterable[T], prepare: Callable[[T], Step[R]]) -> Iterator[R]:
        """The results of ``items``, in their order.

        Args:
            items: pulled on a thread of its own, at most ``lookahead`` ahead of the consumer.
            prepare: called on that thread with each item; gives the result at once or the work to do on the loop.

        Raises:
            WildgraphError: what :meth:`fail` was told, or what the work raised.
            Exception: whatever the input or ``prepare`` raised, after the results before it.
        """
        lane = self._open(items, prepare)
        try:
            while (slot := self._take(lane)) is not None:
                if slot.error is not None:
                    raise slot.error
                yield cast("R", slot.result)
        finally:
            self._close(lane)

    def call(self, work: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """Run one piece of work on the loop and return its result."""
        with self.lock:
            future = asyncio.run_coroutine_threadsafe(work(), self._start().loop)
        try:
            return future.result()
        finally:
            with self.lock:
                self._linger()

    def fail(self, error: WildgraphError, drain: bool = False) -> None:
        """Stop all maps: nothing new is begun, every consumer gets ``error``.

        Args:
            error: what went wrong.
            drain: let what is under way come to its end first.
        """
        with self.lock:
            if self.fatal is None:
                self.fatal, self._drain = error, drain
            for lane in self._lanes:
                self._prefixes.drop(lane.pending)
                lane.arrived.notify_all()
                lane.space.notify_all()

    def close(self) -> None:
        """End the thread. Maps under way are cancelled; the next map starts a new thread."""
        with self.lock:
            for lane in list(self._lanes):
                lane.cancel()
                self._prefixes.drop(lane.pending)
            run = self._run
            self._end()
        if run is not None and run.thread is not None and run.thread is not threading.current_thread():
            run.thread.join()

    # ------------------------------------------------------------------ consumer and feeder side

    def _open(self, items: Iterable[T], prepare: Callable[[T], object]) -> Lane:
        lane = Lane(self)
        lane.feeder = Feeder(lane, items, prepare)
        with self.lock:
            if not self._lanes:
                self.fatal, self._drain = None, False  # a new attempt after an error was dealt with
            self._start()
            self._lanes.append(lane)
        lane.feeder.start()
        return lane

    def add(self, slot: Slot[Any]) -> None:
        """Queue an item; the feeder calls it with the lock held."""
        lane = slot.lane
        lane.order.append(slot)
        if slot.done:
            if lane.order[0] is slot:
                lane.arrived.notify()
            return
        if self._prefixes.add(lane.pending, slot, slot.prefix, slot.weight) and self._run is not None and self._run.asleep:
            self._run.loop.call_soon_threadsafe(_wake, self._run.asleep.popleft())

    def _take(self, lane: Lane) -> Slot[Any] | None:
        """The next finished slot in order, ``None`` at the end."""
        consumer = threading.current_thread()
        if isinstance(consumer, Feeder):
            # In this order, so that either we see that our own map was cancelled or the canceller sees what we wait for.
            consumer.waiting_on = lane
            if consumer.lane.cancelled:
                raise CancelledMapError("the map was closed")
        with self.lock:
            while True:
                # An item that failed because the run did is no result: first what is under way comes to its end.
                if lane.order and lane.order[0].done and not (self.fatal is not None and lane.order[0].error is not None):
                    first = lane.order.popleft()
                    lane.made_space()
                    return first
                if self.fatal is not None and not (self._drain and lane.running):
                    raise type(self.fatal)(self.fatal.message, self.fatal.hint)
                if lane.cancelled:
                    raise CancelledMapError("the map was closed")
                if lane.ended and not lane.order:
                    if lane.input_error is not None:
                        raise lane.input_error
                    return None
                lane.arrived.wait()

    def _close(self, lane: Lane) -> None:
        with self.lock:
            lane.cancel()
            lane.order.clear()
            self._prefixes.drop(lane.pending)
            if lane in self._lanes:
                self._lanes.remove(lane)
            tasks = list(lane.running.values())
            if tasks and self._run is not None:
                self._run.loop.call_soon_threadsafe(_cancel, lane)
            self._linger()
        feeder = lane.feeder
        assert feeder is not None
        if feeder.waiting_on is not None:
            feeder.waiting_on.cancel()
        if feeder is not threading.current_thread():
            feeder.join(1.0)  # it may be blocked in somebody's input; it is a daemon and ends when that returns

    # ------------------------------------------------------------------ loop side

    def _start(self) -> _Run:
        self._generation += 1
        if self._run is None:
            self._prefixes = PrefixOrder(self._at_once)  # what an earlier life left under way never came to its end
            run = self._run = _Run()
            run.thread = threading.Thread(target=self._serve_forever, args=(run,), name="wildgraph-models", daemon=True)
            run.thread.start()
            atexit.register(self.close)
        return self._run

    def _linger(self) -> None:
        seconds = LINGER if self._seconds is None else self._seconds
        if self._run is not None and not self._lanes and seconds != math.inf:
            loop = self._run.loop
            loop.call_soon_threadsafe(loop.call_later, seconds, self._stop_if_idle, self._generation)

    def _stop_if_idle(self, generation: int) -> None:
        with self.lock:
            if not self._lanes and generation == self._generation:
                self._end()

    def _end(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.ended = True
            run.loop.call_soon_threadsafe(run.stop.set)
            atexit.unregister(self.close)

    def _serve_forever(self, run: _Run) -> None:
        asyncio.set_event_loop(run.loop)
        try:
            run.loop.run_until_complete(self._serve(run))
        finally:
            asyncio.set_event_loop(None)
            run.loop.close()

    async def _serve(self, run: _Run) -> None:
        workers = [run.loop.create_task(self._work(run)) for _ in range(self.workers)]
        await run.stop.wait()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        if self._cleanup is not None:
            await self._cleanup()
        await run.loop.shutdown_asyncgens()

    async def _work(self, run: _Run) -> None:
        task = asyncio.current_task()
        assert task is not None
        while True:
            asleep = run.loop.create_future()
            slot = self._next(run, task, asleep)
            if slot is None:
                await asleep
                continue
            assert slot.work is not None
            try:
                slot.result = await slot.work()
            except asyncio.CancelledError:
                if run.ended:
                    raise
                while task.uncancel():  # only this item was cancelled, the worker goes on
                    pass
                slot.error = CancelledMapError("the map was closed")
            except Exception as error:
                slot.error = error
            slot.work = None
            self._finish(slot)

    def _next(self, run: _Run, task: asyncio.Task[None], asleep: asyncio.Future[None]) -> Slot[Any] | None:
        """An item of the map whose turn it is; ``None``, and ``asleep`` is woken by the next one, when there is none."""
        with self.lock:
            if run.ended:
                return None
            for _ in range(len(self._lanes)):
                lane = self._lanes[0]
                self._lanes.rotate(-1)
                if taken := self._prefixes.take(lane.pending):
                    slot = taken[0]
                    slot.prefix = taken[1]
                    lane.running[slot] = task
                    lane.made_space()
                    return slot
            run.asleep.append(asleep)
        return None

    def _finish(self, slot: Slot[Any]) -> None:
        lane = slot.lane
        with self.lock:
            if slot.prefix:
                self._led(slot)
            lane.running.pop(slot, None)
            slot.done = True
            if (lane.order and lane.order[0] is slot) or (self.fatal is not None and not lane.running):
                lane.arrived.notify()

    def _led(self, slot: Slot[Any]) -> None:
        """Learn from the end of an item with a prefix, and wake workers for what may follow it. Runs on the loop."""
        order, run = self._prefixes, self._run
        told = self._cached(slot.result) if slot.error is None else None
        if told is not None and not order.leads(slot, slot.prefix):
            order.heard(*told)
        freed = order.done(slot, slot.prefix, slot.error is None)
        asleep = run.asleep if run is not None else deque()
        for _ in range(min(freed, len(asleep)) if order.holds else len(asleep)):
            _wake(asleep.popleft())


def _wake(asleep: asyncio.Future[None]) -> None:
    if not asleep.done():
        asleep.set_result(None)


def _cancel(lane: Lane) -> None:
    with lane.dispatcher.lock:
        tasks = list(lane.running.values())
    for task in tasks:
        task.cancel()


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
