"""The cells of a sample with a shape: for each combination of classes a sequence of candidates of its own, drafted ahead and decided in turn.

A candidate belongs to one cell for good: those of the cell at place c of C have the indices c, c + C, c + 2C, …. Which cell the next accepted
pair comes from is the plan's matter (:mod:`wildgraph.quotas`); a cell's candidates are decided in their order. What is drafted ahead of the
decisions changes none of them.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from wildgraph.config import Config
from wildgraph.errors import UsageError, did_you_mean
from wildgraph.grounds import graph_named
from wildgraph.paradigms import PARADIGMS
from wildgraph.quotas import REST, Cell, Dimension, Lack, Plan, lacking
from wildgraph.records import Pair, Rejection, TaskSpec
from wildgraph.stages.walk import Sampler, distinct

PARADIGM, TYPE, BUCKET, LANGUAGE = "paradigm", "document_type", "bucket", "language"

Specs = Iterator[TaskSpec | Rejection]


#: Where candidates are turned away before anybody is asked: that costs next to nothing, and so many times the patience is spent on it. [ours]
UNPAID, _IDLE = frozenset({"walk", "pair"}), 10


class Draft(NamedTuple):
    """A candidate that was written, or was rejected before: what is decided about.

    Attributes:
        item: the pair as far as it got, or why there is none.
        written: the pair that a gate turned away while drafts were made, to be shown.
    """

    item: Pair | Rejection
    written: Pair | None = None


@dataclass
class Pool:
    """One cell's candidates.

    Attributes:
        specs: what is still to be drafted. drafts: what was, and is undecided.
        tried, accepted: decided candidates. reasons: of rejections.
        barren, idle: decided since the last accepted one, those that were written and those that were turned away before anybody was asked.
    """

    specs: Specs
    drafts: deque[Draft] = field(default_factory=deque)
    tried: int = 0
    accepted: int = 0
    barren: int = 0
    idle: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def dimensions(config: Config, sampler: Sampler) -> tuple[Dimension, ...]:
    """The dimensions in which the configuration asks for shares.

    Args:
        config: the shares.
        sampler: knows the document types.

    Raises:
        UsageError: a share is given to a paradigm or document type that is not there, or shares add up to more than 1.
    """
    asked = config.sample.quotas
    types = {sampler.grounds[graph_named(name, sampler.grounds)].graph.document_type: share for name, share in asked.document_types.items()}
    unknown = next((name for name in asked.paradigms if name not in PARADIGMS), None)
    if unknown is not None:
        raise UsageError(f"a share is given to the paradigm {unknown!r}, which is not there", did_you_mean(unknown, PARADIGMS))
    wanted: dict[str, Mapping[str, float]] = {
        PARADIGM: asked.paradigms,
        TYPE: types,
        BUCKET: {str(length): share for length, share in asked.buckets.items()},
        LANGUAGE: asked.languages,
    }
    return tuple(Dimension.of(name, shares) for name, shares in wanted.items() if shares)


class Cells:
    """All cells with their plan.

    Args:
        sampler: draws specifications.
        config: shares and patience.
        prepare: what happens to a specification besides, such as a target length.
        noted: is shown every specification that is handed out.
    """

    def __init__(
        self,
        sampler: Sampler,
        config: Config,
        noted: Callable[[TaskSpec], None],
        prepare: Callable[[Specs], Specs] = lambda specs: specs,
    ) -> None:
        self.plan = Plan(dimensions(config, sampler), config.sample.seed, config.sample.n)
        self._sampler, self._config, self._noted, self._prepare = sampler, config, noted, prepare
        self._pools: dict[Cell, Pool] = {}
        settings = config.sample
        self.patience = settings.patience if self.plan.cells == 1 else min(settings.patience, settings.quotas.patience)
        self.missing = 0

    def pool(self, cell: Cell) -> Pool:
        """The candidates of a cell."""
        found = self._pools.get(cell)
        if found is None:
            found = self._pools[cell] = Pool(self._specs(cell))
        return found

    def _specs(self, cell: Cell) -> Specs:
        """A cell's specifications, without end."""
        names = self.plan.names(cell)
        sampler = self._sampler.narrowed(
            self._allowed(PARADIGM, names, [one.name for one in self._sampler.paradigms]),
            self._allowed(TYPE, names, [ground.graph.document_type for ground in self._sampler.grounds]),
        )
        drawn = distinct(sampler.candidates(self.plan.number(cell), self.plan.cells), self._config.walk.repeats)
        update: dict[str, object] = {}
        if names.get(BUCKET):
            update["bucket"] = int(names[BUCKET])
        if names.get(LANGUAGE):
            update["language"] = names[LANGUAGE]
        return self._prepare(spec.model_copy(update=update) if update and isinstance(spec, TaskSpec) else spec for spec in drawn)

    def _allowed(self, dimension: str, names: Mapping[str, str], everything: Sequence[str]) -> list[str] | None:
        """The classes that a cell may draw from; ``None`` for all."""
        if dimension not in names:
            return None
        if names[dimension] != REST:
            return [names[dimension]]
        named = next(one.classes for one in self.plan.dimensions if one.name == dimension)
        return [one for one in everything if one not in named]

    def due(self, room: int) -> Pool | None:
        """The pool from which the next pair comes, cells that can give none passed over; ``None`` when all ``room`` seats are lost.

        Args:
            room: pairs still wanted.
        """
        while room > self.missing:
            step = self.plan.next()
            if step.alive:
                return self.pool(step.cell)
            if self.plan.dead:
                return None
            self.plan.take(step.cell)
            self.missing += 1
        return None

    def decided(self, item: Pair | Rejection) -> None:
        """The next candidate of the pool that is due was accepted or not."""
        cell = self.plan.next().cell
        pool = self.pool(cell)
        pool.tried += 1
        if isinstance(item, Pair):
            pool.accepted += 1
            pool.barren = pool.idle = 0
            self.plan.take(cell)
            return
        if item.stage in UNPAID:
            pool.idle += 1
        else:
            pool.barren += 1
        pool.reasons[item.reason] += 1
        if pool.barren >= self.patience or pool.idle >= _IDLE * self.patience:
            self.plan.give_up(cell)

    def orders(self, size: int, room: int) -> list[TaskSpec | Rejection]:
        """The specifications to draft next, in the order of their indices: those of the cells that the plan will ask next.

        Args:
            size: how many.
            room: pairs still wanted.
        """
        if self.plan.cells == 1:
            return self._drawn(self.pool(self.plan.next().cell), size)
        tried = sum(pool.tried for pool in self._pools.values())
        overall = (sum(pool.accepted for pool in self._pools.values()) + 1) / (tried + 2)
        ahead, wanted, more = self.plan.copy(), Counter[Cell](), Counter[Cell]()
        for _ in range(room):
            step = ahead.next()
            ahead.take(step.cell)
            if step.alive:
                pool = self.pool(step.cell)
                wanted[step.cell] += 1
                rate = (pool.accepted + 2 * overall) / (pool.tried + 2)
                # No more than the point of giving up needs: what follows it is paid for in vain.
                needed = min(math.ceil(wanted[step.cell] / rate), self.patience)
                more[step.cell] = max(0, needed - len(pool.drafts))
            if more.total() >= size:
                break
        found = [spec for cell, count in more.items() for spec in self._drawn(self.pool(cell), count)]
        return sorted(found, key=lambda spec: spec.index if isinstance(spec, TaskSpec) else int(spec.item))

    def _drawn(self, pool: Pool, count: int) -> list[TaskSpec | Rejection]:
        found = list(islice(pool.specs, count))
        for spec in found:
            if isinstance(spec, TaskSpec):
                self._noted(spec)
        return found

    def drafted(self, draft: Draft) -> None:
        """A draft came: it waits in its cell."""
        index = draft.item.index if isinstance(draft.item, Pair) else int(draft.item.item)
        place = index % self.plan.cells
        cell: list[int] = []
        for one in reversed(self.plan.dimensions):
            place, at = divmod(place, len(one.classes))
            cell.insert(0, at)
        self.pool(tuple(cell)).drafts.append(draft)

    def lacking(self, size: int) -> list[Lack]:
        """The classes that fall short of their quota in a sample of ``size``."""

        def got(dimension: int, place: int) -> int:
            return sum(pool.accepted for cell, pool in self._pools.items() if cell[dimension] == place)

        def why(dimension: int, place: int) -> str:
            reasons: Counter[str] = sum((pool.reasons for cell, pool in self._pools.items() if cell[dimension] == place), Counter())
            return ", ".join(f"{reason} {count}" for reason, count in reasons.most_common(2)) or "none was tried"

        return lacking(self.plan, size, got, why)

    def shape(self) -> dict[str, dict[str, int]]:
        """Dimension -> class -> accepted pairs; ``other`` for what is not named."""
        return {
            one.name: {
                name or "other": sum(pool.accepted for cell, pool in self._pools.items() if cell[number] == place)
                for place, name in enumerate(one.classes)
            }
            for number, one in enumerate(self.plan.dimensions)
        }
