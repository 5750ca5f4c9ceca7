"""What is said of a sample that is not as it was asked for: what is short, why, and what to do about it. One line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from wildgraph.buckets import spoken
from wildgraph.errors import BudgetError, EmptyResultError, WildgraphError
from wildgraph.quotas import Lack
from wildgraph.reasons import REASONS

#: Rejection reason -> what ran out; gates and the model stand for all others.
RESOURCE = {
    "dead_end": "specs",
    "duplicate_spec": "specs",
    "engine_cannot": "engine",
    "exact_duplicate": "specs",
    "near_duplicate": "specs",
    "no_matching_document": "documents",
    "no_document_group": "documents",
    "bucket_not_filled": "lengths",
    "over_target": "lengths",
    "under_target": "lengths",
}


class _Said(NamedTuple):
    """Of a resource: that it ran out, and what to do."""

    why: str
    do: str


SAID = {
    "specs": _Said(
        "the specifications ran out: these graphs and documents give no further different tasks",
        "ask for fewer pairs, or add documents or logs",
    ),
    "documents": _Said(
        "the documents ran out: too few of the types that the graphs ask for",
        "add documents, several of each type, or leave out tasks over several with --multi 0",
    ),
    "lengths": _Said(
        "the documents do not fill the target lengths",
        "add longer documents or more of one type, or ask for shorter --target-tokens",
    ),
    "engine": _Said(
        "the engine finds nothing to ask in these documents for most of the sampled tasks",
        "name a model with --model, or longer documents",
    ),
    "gates": _Said("the gates turned most candidates away", "see which with `wildgraph gate {run}`"),
    "model": _Said("the model failed on most candidates", "see how in {run}/private/{folder}rejected.jsonl, or name a stronger model"),
}
#: Repeated specifications follow from whatever else is short, unless they are as large a share as this of all rejections.
_REPEATS = 2 / 3
#: Quotas and reasons that are listed.
_LISTED = 3


@dataclass(frozen=True)
class Shortfall:
    """A sample beside what was asked for.

    Attributes:
        run: the run directory. folder: the sample's own below it.
        wanted, accepted, tried: pairs asked for, accepted pairs, candidates.
        reasons: rejection reason -> candidates. unfilled: why a target length could not be filled -> candidates.
        lacks: quotas that are not met. stopped: the budget that ended it, if one did.
    """

    run: Path
    folder: str
    wanted: int
    accepted: int
    tried: int
    reasons: Counter[str]
    unfilled: Counter[str]
    lacks: Sequence[Lack]
    stopped: BudgetError | None

    @property
    def error(self) -> WildgraphError | None:
        """What to raise; ``None`` if the sample is as it was asked for."""
        got = f"{self.accepted:,} of {self.wanted:,} pairs were accepted"
        short = f", short of {self._quotas()}" if self.lacks else ""
        if self.stopped is not None:
            return BudgetError(f"{self.stopped.message}; {got}{short}", f"{self.stopped.hint}{self._kept()}")
        if self.accepted >= self.wanted and not self.lacks:
            return None
        said = SAID[self._resource()]
        done = said.do.format(run=self.run, folder=self.folder)
        if self.accepted >= self.wanted:
            return EmptyResultError(f"the sample does not have the shape that was asked for{short}", f"{done}{self._kept()}")
        return EmptyResultError(f"{got}, of {self.tried:,} candidates{short}: {said.why}{self._listed()}", f"{done}{self._kept()}")

    def _resource(self) -> str:
        """What ran out, by the most frequent kind of rejection."""
        kinds: Counter[str] = Counter()
        for reason, count in self.reasons.items():
            kinds[RESOURCE.get(reason, "gates" if REASONS[reason][0] == "gated" else "model")] += count
        if kinds["specs"] < _REPEATS * kinds.total():
            del kinds["specs"]
        return kinds.most_common(1)[0][0] if kinds else "specs"

    def _listed(self) -> str:
        parts = [] if self.lacks else [f"{reason} {count:,}" for reason, count in self.reasons.most_common(_LISTED)]
        parts += [f"{why}: {count:,} candidates" for why, count in self.unfilled.most_common(1)]
        return f" ({', '.join(parts)})" if parts else ""

    def _quotas(self) -> str:
        said = [f"{one.dimension.replace('_', ' ')} {_name(one)} {one.got:,} of {one.wanted:,} ({one.why})" for one in self.lacks]
        more = f" and {len(said) - _LISTED} more" if len(said) > _LISTED else ""
        return ", ".join(said[:_LISTED]) + more

    def _kept(self) -> str:
        return f"; the {self.accepted:,} are in {self.run / 'pairs.jsonl'}" if self.accepted else ""


def _name(lack: Lack) -> str:
    """A class as people write it: ``128k`` for a length, without its field for a type."""
    return spoken(int(lack.name)) if lack.name.isdecimal() else lack.name.rpartition("/")[2] or "of any other kind"
