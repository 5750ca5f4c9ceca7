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
        requests: requests sent, retries included, also those whose completion nobody took.
        usage: tokens as servers reported them.
        failures: completions without a usable answer, by reason.
        troubles: failed attempts by kind (``rate_limited``, ``timeout`` …), most of them mended by a retry.
    """

    completions: int = 0
    hits: int = 0
    requests: int = 0
    usage: Usage = field(default_factory=Usage)
    failures: Mapping[str, int] = field(default_factory=dict)
    troubles: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.completions + other.completions,
            self.hits + other.hits,
            self.requests + other.requests,
            self.usage + other.usage,
            dict(sorted((Counter(self.failures) + Counter(other.failures)).items())),
            dict(sorted((Counter(self.troubles) + Counter(other.troubles)).items())),
        )


class Tally:
    """A thread-safe ledger that models write and the pipeline reads; one object for all models of a run.

    Example:
        >>> tally = Tally()
        >>> tally.sent("stages/mine")
        >>> tally.received("stages/mine", Usage(prompt_tokens=10, completion_tokens=2))
        >>> tally.answered("stages/mine", requests=1)
        >>> tally.answered("stages/mine", requests=0)
        >>> tally.total().completions, tally.total().hits, tally.total().requests
        (2, 1, 1)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sheets: dict[str, _Sheet] = {}

    def sent(self, prompt: str) -> None:
        """One request left for a server."""
        with self._lock:
            self._sheet(prompt).requests += 1

    def received(self, prompt: str, usage: Usage) -> None:
        """A server answered and reported ``usage``."""
        with self._lock:
            sheet = self._sheet(prompt)
            sheet.prompt_tokens += usage.prompt_tokens
            sheet.completion_tokens += usage.completion_tokens
            sheet.cached_tokens += usage.cached_tokens

    def trouble(self, prompt: str, kind: str) -> None:
        """One attempt failed; whether it is retried is another matter."""
        with self._lock:
            self._sheet(prompt).troubles[kind] += 1

    def answered(self, prompt: str, requests: int, failure: Failure | None = None) -> None:
        """A completion was handed to a stage after ``requests`` requests; none means that the cache knew it."""
        with self._lock:
            sheet = self._sheet(prompt)
            sheet.completions += 1
            sheet.hits += not requests
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
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)

    def counts(self) -> Counts:
        usage = Usage(self.prompt_tokens, self.completion_tokens, self.cached_tokens)
        return Counts(
            self.completions, self.hits, self.requests, usage, dict(sorted(self.failures.items())), dict(sorted(self.troubles.items()))
        )
