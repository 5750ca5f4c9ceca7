"""One map under way: its items between the thread that pulls them and the consumer that takes the results in their order."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wildgraph.llm.prefixes import Backlog

if TYPE_CHECKING:
    from wildgraph.llm.dispatcher import Dispatcher

R = TypeVar("R")

WAITING_WEIGHT = 32_000_000
"""Characters of prompts of one map that may wait so that they can be sent prefix by prefix."""

REFILL = 0.3
"""Share of what may wait that still waits when a map's feeder goes to work again."""


@dataclass(frozen=True)
class Done(Generic[R]):
    """A result that needs no work on the loop."""

    result: R


@dataclass(frozen=True)
class Work(Generic[R]):
    """Work on the loop that begins as other work does.

    Attributes:
        run: the work.
        prefix: what it has in common with other work, which should be done after the first of its kind; empty for nothing.
        weight: characters it holds in memory while it waits.
    """

    run: Callable[[], Awaitable[R]]
    prefix: str = ""
    weight: int = 0


Step = Done[R] | Work[R] | Callable[[], Awaitable[R]]


class CancelledMapError(Exception):
    """The consumer of this map, or of one further down the chain, went away."""


class Slot(Generic[R]):
    """One item between feeder and consumer."""

    __slots__ = ("done", "error", "lane", "prefix", "result", "weight", "work")

    def __init__(self, lane: Lane, step: Step[R]) -> None:
        self.lane = lane
        self.error: BaseException | None = None
        self.result: R | None = None
        self.work: Callable[[], Awaitable[R]] | None = None
        self.prefix, self.weight = "", 0
        self.done = isinstance(step, Done)
        if isinstance(step, Done):
            self.result = step.result
        elif isinstance(step, Work):
            self.work, self.prefix, self.weight = step.run, step.prefix, step.weight
        else:
            self.work = step


class Lane:
    """One map under way. Everything in it is guarded by the dispatcher's lock."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher
        self.order: deque[Slot[Any]] = deque()  # fed and not yet consumed, in input order
        self.pending: Backlog[Slot[Any]] = Backlog()  # of those, not yet taken by a worker
        self.running: dict[Slot[Any], asyncio.Task[None]] = {}
        self.ended = False
        self.input_error: BaseException | None = None
        self.cancelled = False
        self.arrived = threading.Condition(dispatcher.lock)
        self.space = threading.Condition(dispatcher.lock)
        self.feeder: Feeder | None = None

    def has_space(self, share: float = 1.0) -> bool:
        """Whether the feeder may pull one more item; with a ``share``, whether no more waits than that share of what may."""
        lookahead, waiting = self.dispatcher.lookahead, self.pending
        # What waits for the first of its prefix waits long; the rest is only wanted for workers that are about to be free.
        return (
            len(self.order) < lookahead
            and len(waiting.plain) < max(1.0, share * min(lookahead, self.dispatcher.workers))
            and waiting.weight < share * WAITING_WEIGHT
        )

    def made_space(self) -> None:
        """Wake the feeder once it has a good deal to do: waking it for every item costs more than the item."""
        if self.has_space(REFILL):
            self.space.notify()

    def cancel(self) -> None:
        """Wake whoever waits for this map; its consumer ends with :class:`CancelledMapError`."""
        with self.dispatcher.lock:
            self.cancelled = True
            self.arrived.notify_all()
            self.space.notify_all()


class Feeder(threading.Thread):
    """Pulls a map's input. Knows which map it waits for itself, so that cancelling goes up the chain."""

    def __init__(self, lane: Lane, items: Iterable[Any], prepare: Callable[[Any], Any]) -> None:
        super().__init__(name="wildgraph-feeder", daemon=True)
        self.lane = lane
        self.waiting_on: Lane | None = None
        self._items = items
        self._prepare = prepare

    def run(self) -> None:
        """Pull the input to its end, or until the map is closed."""
        lane, lock = self.lane, self.lane.dispatcher.lock
        error: BaseException | None = None
        iterator: Iterator[Any] | None = None
        try:
            iterator = iter(self._items)
            while self._wait_for_space():
                try:
                    item = next(iterator)
                except StopIteration:
                    break
                step = self._prepare(item)
                with lock:
                    if lane.cancelled:
                        break
                    lane.dispatcher.add(Slot(lane, step))
        except BaseException as raised:  # it belongs to whoever consumes this map
            error = raised
        try:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
        except BaseException as raised:
            error = error or raised
        with lock:
            lane.ended = True
            lane.input_error = error
            lane.arrived.notify_all()

    def _wait_for_space(self) -> bool:
        lane = self.lane
        with lane.dispatcher.lock:
            while not (lane.cancelled or lane.dispatcher.fatal or lane.has_space()):
                lane.space.wait()
            return not (lane.cancelled or lane.dispatcher.fatal)
