"""What a run may spend: caps that are never exceeded, since every request reserves its worst case before it is sent."""

from __future__ import annotations

import asyncio
import threading
from typing import NamedTuple

from wildgraph.errors import BudgetError
from wildgraph.llm.prices import PICO


class Spend(NamedTuple):
    """What a request takes: tokens (prompt and answer together) and money in picodollars."""

    tokens: int = 0
    cost: int = 0


class Budget:
    """Caps on requests, tokens and money, shared by the models and threads of a run.

    Args:
        max_requests: requests, retries included; ``None`` for no cap.
        max_tokens: prompt and completion tokens together; ``None`` for no cap.
        max_cost: US dollars; ``None`` for no cap. Whoever asks must know its price.
    """

    def __init__(self, max_requests: int | None = None, max_tokens: int | None = None, max_cost: float | None = None) -> None:
        self.max_requests = max_requests
        self.max_tokens = max_tokens
        self.max_cost = max_cost
        self._lock = threading.Lock()
        self._requests = 0
        self._spent = [0, 0]
        self._reserved = [0, 0]
        self._caps = (max_tokens, None if max_cost is None else int(max_cost * PICO))

    async def reserve(self, worst: Spend, requests: int = 1) -> None:
        """Set the worst case of some requests aside; wait for requests in flight whose reserve may be released.

        Args:
            worst: of all the requests together.
            requests: how many.

        Raises:
            BudgetError: it does not fit and nothing in flight can change that.
        """
        while not self._fits(worst, requests):
            await asyncio.sleep(0.02)

    def settle(self, worst: Spend, used: Spend) -> None:
        """Replace a reservation by what was used."""
        with self._lock:
            for place in (0, 1):
                self._reserved[place] -= worst[place]
                self._spent[place] += used[place]

    def _fits(self, worst: Spend, requests: int) -> bool:
        with self._lock:
            if self.max_requests is not None and self._requests + requests > self.max_requests:
                raise BudgetError(
                    f"the budget of {self.max_requests} requests is used up", "raise --max-requests and run the same command again"
                )
            for place, cap in enumerate(self._caps):
                if cap is None or self._reserved[place] + worst[place] <= cap - self._spent[place]:
                    continue
                if self._reserved[place] and worst[place] <= cap - self._spent[place]:
                    return False
                raise self._exhausted(place, worst)
            self._requests += requests
            for place in (0, 1):
                self._reserved[place] += worst[place]
            return True

    def _exhausted(self, place: int, worst: Spend) -> BudgetError:
        if place == 0:
            said = f"the budget of {self.max_tokens} tokens is used up: {self._spent[0]} spent, the next request may take {worst.tokens}"
            return BudgetError(said, "raise --max-tokens and run the same command again")
        spent, next_one = self._spent[1] / PICO, worst.cost / PICO
        said = f"the budget of ${self.max_cost:g} is used up: ${spent:.4f} spent, the next request may take ${next_one:.4f}"
        return BudgetError(said, "raise --max-cost and run the same command again")
