"""How much is asked of a server at once, how long it is given, and when a run gives up on it. All of it lives on one event loop."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from wildgraph.errors import ModelError, ServerError
from wildgraph.llm.model import Failure


@dataclass(frozen=True)
class Patience:
    """How long and how often a server is given another chance.

    Attributes:
        connect: seconds to reach the server. read: seconds between two bytes of an answer. total: seconds for one whole attempt.
        retries: further attempts after an attempt that failed on the server's side.
        waits: further attempts after the server said it is too busy (429, 503).
        first_wait, longest_wait: seconds before the first retry, doubling up to the longest, with jitter.
        longest_retry_after: a server that asks to wait longer than this ends the run.
        outage: seconds without a connection after which a server that worked before is given up.
        doubt: seconds to wait for one good answer when the first ones look as if the address were wrong.
    """

    connect: float = 5.0
    read: float = 600.0
    total: float = 600.0
    retries: int = 4
    waits: int = 30
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_retry_after: float = 300.0
    outage: float = 8.0
    doubt: float = 5.0

    def wait(self, attempt: int, retry_after: float | None, jitter: Callable[[], float] = random.random) -> float:
        """Seconds before attempt ``attempt`` + 1: the server's word, else exponential with jitter in [0.5, 1].

        Example:
            >>> Patience(first_wait=1.0).wait(3, None, jitter=lambda: 1.0)
            4.0
        """
        if retry_after is not None:
            return retry_after * (1.0 + 0.1 * jitter())
        exponential: float = min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1))
        return exponential * (0.5 + 0.5 * jitter())


class Concurrency:
    """How many requests one server works on: additive increase, multiplicative decrease on its complaints and when it is overwhelmed.

    Decides per window of at least ten answers, so that a few stray 429s do not throttle a healthy server: more than a tenth of
    complaints shrinks the limit by their share (at most by half), fewer let it grow again. A server that takes several times as long
    *and* gets less done than lately is overwhelmed: the limit shrinks by a quarter. What it did lately is forgotten within some
    windows, so that one that has become slow for good, or is asked harder questions, is not throttled for ever.

    Args:
        maximum: the limit it starts with and never exceeds.
    """

    WINDOW = 10
    TOLERANCE = 0.1
    COLLAPSED_LATENCY = 3.0
    COLLAPSED_RATE = 0.7
    FORGETTING = 1.1

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.limit = float(maximum)
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._until = 0.0
        self._answers = 0
        self._complaints = 0
        self._latencies: list[float] = []
        self._work = 0.0
        self._since = time.monotonic()
        self._usual_latency = math.inf
        self._usual_rate = 0.0

    async def enter(self) -> None:
        """Return when one more request may be sent: first come, first served, or whoever waits may wait for ever behind those who come."""
        if self.in_flight < int(self.limit) and not self._waiting:
            self.in_flight += 1
        else:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn  # whoever ends it has counted us in
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give_up_place()
                raise
        try:
            while (pause := self._until - time.monotonic()) > 0:
                await asyncio.sleep(pause * (1.0 + 0.1 * random.random()))  # noqa: S311 - jitter
        except asyncio.CancelledError:
            self._give_up_place()
            raise

    def leave(self, complained: bool = False, retry_after: float | None = None, latency: float | None = None, work: float = 1.0) -> None:
        """A request came back.

        Args:
            complained: the server said that it is too busy.
            retry_after: seconds it asks to wait.
            latency: seconds it took to answer; ``None`` when there is no answer.
            work: how much there was to do, in any unit: a long answer takes its time.
        """
        if latency is not None:
            self._latencies.append(latency / work)
            self._work += work
        self.in_flight -= 1
        self._answers += 1
        self._complaints += complained
        share = self._complaints / self._answers
        if complained and retry_after and (self._complaints > 2 and share > 3 * self.TOLERANCE):
            self._until = max(self._until, time.monotonic() + retry_after)
        if self._answers >= max(self.WINDOW, int(self.limit)):
            collapsed = self._collapsed()
            if share > self.TOLERANCE:
                self.limit = max(1.0, self.limit * max(0.5, 1.0 - share))
            elif collapsed:
                self.limit = max(1.0, 0.75 * self.limit)
            else:
                self.limit = min(float(self.maximum), self.limit * 1.1 + 1.0)
            self._answers = self._complaints = 0
        self._let_in()

    def _collapsed(self) -> bool:
        """Whether, in the window that ends now, a piece of work took much longer than lately while less was done in a second."""
        now = time.monotonic()
        elapsed, self._since = now - self._since, now
        latencies, self._latencies = sorted(self._latencies), []
        work, self._work = self._work, 0.0
        if not latencies or elapsed <= 0.0:
            return False
        latency, rate = latencies[len(latencies) // 2], work / elapsed
        collapsed = latency > self.COLLAPSED_LATENCY * self._usual_latency and rate < self.COLLAPSED_RATE * self._usual_rate
        self._usual_latency = min(latency, self.FORGETTING * self._usual_latency)
        self._usual_rate = max(rate, self._usual_rate / self.FORGETTING)
        return collapsed

    def _give_up_place(self) -> None:
        self.in_flight -= 1
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self.in_flight < int(self.limit):
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)


class Pace:
    """At most so many per minute, evenly: a bucket that holds one second's worth and may run into debt.

    Args:
        per_minute: requests or tokens; ``None`` for no limit.
    """

    def __init__(self, per_minute: float | None) -> None:
        self.per_minute = per_minute
        self._free_at = 0.0

    async def take(self, amount: float) -> None:
        """Return when ``amount`` more may be sent."""
        if self.per_minute is None:
            return
        now = time.monotonic()
        start = max(self._free_at, now - 1.0)
        self._free_at = start + amount * 60.0 / self.per_minute
        if start > now:
            await asyncio.sleep(start - now)

    def give_back(self, amount: float) -> None:
        """Of what was taken, ``amount`` was not used after all."""
        if self.per_minute is not None:
            self._free_at -= amount * 60.0 / self.per_minute


class Health:
    """Whether a server is worth asking at all. Raises the run's error once it is not.

    Args:
        name: of the server, for messages.
        patience: see :class:`Patience`.
        streak: failed attempts in a row that end the run.
        window: finished requests over which most must not fail.
    """

    def __init__(self, name: str, patience: Patience, streak: int, window: int = 50) -> None:
        self.name = name
        self.patience = patience
        self.proven = False
        self._streak = max(20, streak)
        self._failed_in_a_row = 0
        self._gone_since: float | None = None
        self._parked: list[asyncio.Future[None]] = []
        self._finished: deque[str] = deque(maxlen=window)

    def spoke(self) -> None:
        """The server answered as a model server does."""
        self._failed_in_a_row = 0
        self._gone_since = None
        if not self.proven:
            self.proven = True
            for waiting in self._parked:
                if not waiting.done():
                    waiting.set_result(None)
            self._parked.clear()

    async def suspect(self, error: ModelError, in_flight: int) -> None:
        """A failure that may mean that the address or key is wrong; return if a retry makes sense.

        Args:
            error: what to raise when it does.
            in_flight: requests in flight, this one and those that wait here included.

        Raises:
            ModelError: nobody got a good answer.
        """
        if self.proven:
            return
        if in_flight <= len(self._parked) + 1:  # nobody is left who could prove the server good
            for waiting in self._parked:
                if not waiting.done():
                    waiting.set_exception(type(error)(error.message, error.hint))
            self._parked.clear()
            raise error
        parked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._parked.append(parked)
        try:
            await asyncio.wait_for(parked, self.patience.doubt)
        except TimeoutError:
            raise error from None
        finally:
            if parked in self._parked:
                self._parked.remove(parked)

    def gone(self, error: ModelError) -> None:
        """A server that worked cannot be reached.

        Raises:
            ModelError: for longer than ``patience.outage``.
        """
        now = time.monotonic()
        if self._gone_since is None:
            self._gone_since = now
        elif now - self._gone_since > self.patience.outage:
            raise error

    def stumbled(self, detail: str) -> None:
        """An attempt failed on the server's side.

        Raises:
            ServerError: it is one of too many in a row.
        """
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= self._streak:
            raise ServerError(
                f"{self._failed_in_a_row} requests in a row failed at {self.name}, the last one with: {detail}",
                "look at the server's log; what was answered is kept, run the same command again to continue",
            )

    def finished(self, failure: Failure | None) -> None:
        """A request came to its end.

        Raises:
            ServerError: more than half of the last ones failed for reasons that lie with the server or the model.
        """
        blamed = failure is not None and failure.reason not in ("prompt_too_long", "content_filter", "refused")
        self._finished.append(failure.reason if failure is not None and blamed else "")
        reasons = Counter(reason for reason in self._finished if reason)
        if failure is not None and reasons.total() > 20 and 2 * reasons.total() > len(self._finished):
            commonest, count = reasons.most_common(1)[0]
            raise ServerError(
                f"{reasons.total()} of the last {len(self._finished)} requests failed at {self.name}, {count} of them as {commonest}: "
                + " ".join(failure.detail.split())[:200],
                "what was answered is kept; mend this and run the same command again",
            )
