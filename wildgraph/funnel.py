"""The funnel: what entered a stage, what passed, what was dropped and why, and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from wildgraph.errors import EmptyResultError, RunError
from wildgraph.frames import frame
from wildgraph.reasons import REASONS
from wildgraph.records import Json, Rejection

if TYPE_CHECKING:
    import pandas as pd

#: Failures are judged against the limit only after so many items.
RATE_AFTER = 50


def funnel_frame(stages: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """A manifest's funnel as a frame with the columns ``stage, in, out, class, reason, dropped``.

    A stage has a row for each reason, and one with an empty reason where nothing was dropped.
    """
    rows = []
    for name, entry in stages.items():
        own = {"stage": name, "in": entry["in"], "out": entry["out"], "class": "", "reason": "", "dropped": 0}
        drops = [(kind, reason, count) for kind, reasons in entry["rejected"].items() for reason, count in reasons.items() if count]
        rows += [own | {"class": kind, "reason": reason, "dropped": count} for kind, reason, count in drops] or [own]
    return frame(rows, ("stage", "in", "out", "class", "reason", "dropped"))


@dataclass
class StageCount:
    """The funnel entry of one stage.

    Attributes:
        entered, passed: items. rejected: reason -> items. transient: failures that the next run tries again.
        requests, prompt_tokens, completion_tokens, cached_tokens, cache_hits: of this run's model calls. seconds: wall clock.
        retries: requests that brought no answer. truncated: prompts that were shortened to fit the context window.
        cost: US dollars for what the server reported. unpriced: answers of a model without a known price, which are not in it.
        doing: what it is at, in words, where items do not tell.
    """

    stage: str
    entered: int = 0
    passed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    transient: int = 0
    requests: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cache_hits: int = 0
    truncated: int = 0
    cost: float = 0.0
    unpriced: int = 0
    seconds: float = 0.0
    doing: str = ""

    def reject(self, rejection: Rejection) -> None:
        """Count one rejection."""
        self.rejected[rejection.reason] += 1
        self.transient += rejection.transient

    def by_class(self) -> dict[str, dict[str, int]]:
        """Class -> reason -> items, sorted."""
        found: dict[str, dict[str, int]] = {"filtered": {}, "gated": {}, "failed": {}}
        for reason, count in sorted(self.rejected.items()):
            found[REASONS[reason][0]][reason] = count
        return found

    def check_rate(self, limit: float, details: str = "") -> None:
        """Stop a run in which too much fails.

        Args:
            limit: largest share of failures.
            details: file below the run that names the failed items; by default the stage's own.

        Raises:
            RunError: more than ``limit`` of the unfiltered items failed, of at least 50.
        """
        classes = self.by_class()
        failed, filtered = sum(classes["failed"].values()), sum(classes["filtered"].values())
        base = self.entered - filtered
        if base >= RATE_AFTER and failed > limit * base:
            reason, count = max(classes["failed"].items(), key=lambda item: item[1])
            raise RunError(
                f"stage {self.stage}: {failed} of {base} items failed, most of them ({count}) with {reason!r} ({REASONS[reason][1]})",
                f"see {details or f'private/{self.stage}.rejected.jsonl'} in the run directory; the limit is max_rejection_rate={limit}",
            )

    def funnel(self) -> dict[str, Json]:
        """The reproducible part: ``in``, ``out``, ``rejected``."""
        rejected: dict[str, Json] = {kind: dict(reasons) for kind, reasons in self.by_class().items()}
        return {"in": self.entered, "out": self.passed, "rejected": rejected}

    def bill(self) -> dict[str, Json]:
        """What is never the same twice: ``requests`` and ``retries``, tokens, cache hits, ``cost``, ``seconds``."""
        rare: dict[str, Json] = {"truncated": self.truncated, "unpriced": self.unpriced}
        return {
            "requests": self.requests,
            "retries": self.retries,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cached_tokens": self.cached_tokens,
            "cache_hits": self.cache_hits,
            "cost": round(self.cost, 9),
            **{name: number for name, number in rare.items() if number},
            "seconds": round(self.seconds, 3),
        }


#: The stages in the order in which items pass them.
STAGES = (
    "ingest",
    "mine",
    "canonicalize",
    "graph",
    "documents",
    "walk",
    "pair",
    "adapt",
    "gate",
    "closed_book",
    "judge",
    "contrast",
    "probe",
    "sample",
    "export",
)


def in_order(stages: Iterable[str]) -> list[str]:
    """Names of stages in the order of :data:`STAGES`; a manifest has them by name. Unknown ones come last."""
    return sorted(stages, key=lambda name: STAGES.index(name) if name in STAGES else len(STAGES))


def require_some(count: StageCount, what: str) -> None:
    """Stop where nothing came out.

    Raises:
        EmptyResultError: ``count.passed`` is zero; the message names the most frequent reasons.
    """
    if count.passed:
        return
    reasons = ", ".join(f"{reason} {number}" for reason, number in count.rejected.most_common(3)) or "nothing came in"
    raise EmptyResultError(
        f"no {what} came out of {count.entered} items: {reasons}", "the *.rejected.jsonl files in the run directory name every item"
    )


class Observer(Protocol):
    """Watches a stage's count grow."""

    def __call__(self, count: StageCount, total: int | None, /) -> None:
        """Called after items; ``total`` is how many are expected, if that is known.

        Where a stage looks at all items together, every second meanwhile, from another thread.
        """
        ...


def silent(_count: StageCount, _total: int | None, /) -> None:
    """An observer that looks away."""
