"""What models did and what it cost, counted per prompt template so that overlapping stages stay apart."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from wildgraph.llm.model import Failure, Usage


@dataclass(frozen=True)
class Counts:
    """Totals of some model calls.

    Attributes:
        completions: completions handed to a stage. hits: those of them that came from the cache and sent nothing.
        requests: requests sent, retries included, also those whose completion nobody took. replies: those that brought an answer.
        usage: tokens as servers reported them.
        cost: what the answers cost, in picodollars. unpriced: answers of models without a known price, not in ``cost``.
        truncated: completions whose prompt was shortened to fit the context window.
        failures: completions without a usable answer, by reason.
        troubles: failed attempts by kind (``rate_limited``, ``timeout`` …), most of them mended by a retry.
    """

    completions: int = 0
    hits: int = 0
    requests: int = 0
    replies: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: int = 0
    unpriced: int = 0
    truncated: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    troubles: Mapping[str, int] = field(default_factory=dict)

    @property
    def retries(self) -> int:
        """Requests that brought no answer, those in flight included: each was, or will be, sent again or given up."""
        return self.requests - self.replies

    def __add__(self, other: Counts) -> Counts:
        return self._with(other, 1)

    def __sub__(self, other: Counts) -> Counts:
        """What came on top of ``other``, an earlier reading of the same ledger."""
        return self._with(other, -1)

    def _with(self, other: Counts, sign: int) -> Counts:
        def sums(mine: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, int]:
            both = {key: mine.get(key, 0) + sign * theirs.get(key, 0) for key in sorted({*mine, *theirs})}
            return {key: number for key, number in both.items() if number}

        return Counts(
            self.completions + sign * other.completions,
            self.hits + sign * other.hits,
            self.requests + sign * other.requests,
            self.replies + sign * other.replies,
            Usage(
                self.usage.prompt_tokens + sign * other.usage.prompt_tokens,
                self.usage.completion_tokens + sign * other.usage.completion_tokens,
                self.usage.cached_tokens + sign * other.usage.cached_tokens,
            ),
            self.cost + sign * other.cost,
            self.unpriced + sign * other.unpriced,
            self.truncated + sign * other.truncated,
            sums(self.failures, other.failures),
            sums(self.troubles, other.troubles),
        )


class Tally:
    """A thread-safe ledger that models write and the pipeline reads; one object for all models of a run.

    Example:
        >>> tally = Tally()
        >>> tally.sent("stages/mine")
        >>> tally.received("stages/mine", Usage(prompt_tokens=10, completion_tokens=2), cost=None)
        >>> tally.answered("stages/mine", requests=1)
        >>> tally.answered("stages/mine", requests=0)
        >>> tally.total().completions, tally.total().hits, tally.total().requests
        (2, 1, 1)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sheets: dict[str, _Sheet] = {}

    def sent(self, prompt: str, requests: int = 1) -> None:
        """Requests left for a server."""
        with self._lock:
            self._sheet(prompt).requests += requests

    def received(self, prompt: str, usage: Usage, cost: int | None) -> None:
        """A server answered and reported ``usage``, which costs so many picodollars; ``None`` where no price is known."""
        with self._lock:
            sheet = self._sheet(prompt)
            sheet.replies += 1
            sheet.prompt_tokens += usage.prompt_tokens
            sheet.completion_tokens += usage.completion_tokens
            sheet.cached_tokens += usage.cached_tokens
            if cost is None:
                sheet.unpriced += 1
            else:
                sheet.cost += cost

    def trouble(self, prompt: str, kind: str) -> None:
        """One attempt failed; whether it is retried is another matter."""
        with self._lock:
            self._sheet(prompt).troubles[kind] += 1

    def answered(
        self, prompt: str, requests: int, failure: Failure | None = None, *, hit: bool | None = None, truncated: bool = False
    ) -> None:
        """A completion was handed to a stage.

        Args:
            prompt: name of its template.
            requests: how many were sent for it.
            failure: why it is of no use.
            hit: whether the cache knew it; by default when nothing was sent.
            truncated: whether the prompt was shortened.
        """
        with self._lock:
            sheet = self._sheet(prompt)
            sheet.completions += 1
            sheet.hits += not requests if hit is None else hit
            sheet.truncated += truncated
            if failure is not None:
                sheet.failures[failure.reason] += 1

    def by_prompt(self) -> dict[str, Counts]:
        """Counts by template name (``stages/mine``), sorted by name."""
        with self._lock:
            return {prompt: sheet.counts() for prompt, sheet in sorted(self._sheets.items())}

    def total(self) -> Counts:
        """Everything together."""
        return sum(self.by_prompt().values(), Counts())

    def _sheet(self, prompt: str) -> _Sheet:
        sheet = self._sheets.get(prompt)
        if sheet is None:
            sheet = self._sheets[prompt] = _Sheet()
        return sheet


@dataclass
class _Sheet:
    """Running totals of one prompt; cheap to add to, since every request passes here three times."""

    completions: int = 0
    hits: int = 0
    requests: int = 0
    replies: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: int = 0
    unpriced: int = 0
    truncated: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)

    def counts(self) -> Counts:
        return Counts(
            self.completions,
            self.hits,
            self.requests,
            self.replies,
            Usage(self.prompt_tokens, self.completion_tokens, self.cached_tokens),
            self.cost,
            self.unpriced,
            self.truncated,
            dict(sorted(self.failures.items())),
            dict(sorted(self.troubles.items())),
        )
