"""The shape of a sample: shares per paradigm, document type, length and language, kept by every prefix of it.

A :class:`Plan` says which *cell* (a class of every dimension) the next accepted pair belongs to. Within a dimension every prefix of h pairs
holds ``floor(h·share)`` or ``ceil(h·share)`` of each class: the *quota*. Largest remainders alone cannot do that: a class may lose a seat
when the house grows (Hamilton's method, the Alabama paradox). What can are the house-monotone quota methods, which Still characterised
(J. W. Still, SIAM J. Appl. Math. 37, 1979; after Balinski and Young, 1975): at every step any class may come that is below its upper quota
and, where later lower quotas leave no slack, is one of those that need the seat. Which of them comes is free, so it is chosen such that
combinations of classes come as often as the product of their shares says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wildgraph.chance import keys, uniforms
from wildgraph.errors import UsageError

#: The class of whatever is not named.
REST = ""
_WHOLE = 1_000_000
_LEAST = 0.001
#: A rest below this is what rounding left of the shares.
_ROUNDING = 0.002
#: Rounds of fitting at most, and the change below which it has settled.
_ROUNDS, _SETTLED = 300, 1e-7

#: Last seats that are planned together where cells had to be given up.
_ENDGAME = 32

Cell = tuple[int, ...]
_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Dimension:
    """Classes and their shares.

    Attributes:
        name: such as ``paradigm``.
        classes: names, :data:`REST` last where the named ones leave something over.
        weights: shares in millionths, all above zero, together one million.
    """

    name: str
    classes: tuple[str, ...]
    weights: tuple[int, ...]

    @classmethod
    def of(cls, name: str, shares: Mapping[str, float]) -> Dimension:
        """The dimension of these shares; what they leave over is the rest's.

        Example:
            >>> Dimension.of("paradigm", {"timeline": 0.25})
            Dimension(name='paradigm', classes=('timeline', ''), weights=(250000, 750000))

        Raises:
            UsageError: they add up to more than 1, or one is below 0.001.
        """
        named = {one: share for one, share in sorted(shares.items()) if share > 0.0}
        small = next((one for one, share in named.items() if share < _LEAST), None)
        if small is not None:
            raise UsageError(f"the share of the {name} {small!r} is below {_LEAST}", "leave it out, or give it more")
        total = sum(named.values())
        if total > 1.0 + 1e-9:
            raise UsageError(f"the shares of the {name} add up to {total:g}, which is more than 1")
        if total > 1.0 - _ROUNDING:
            named = {one: share / total for one, share in named.items()}
        else:
            named[REST] = 1.0 - total
        weights = [round(share * _WHOLE) for share in named.values()]
        weights[weights.index(max(weights))] += _WHOLE - sum(weights)
        return cls(name, tuple(named), tuple(weights))

    def quota(self, place: int, size: int) -> tuple[int, int]:
        """The least and the most of a class that a sample of this size may hold."""
        least, left = divmod(self.weights[place] * size, _WHOLE)
        return least, least + (left > 0)


@dataclass
class _Rota:
    """One dimension's turn: how often each class came, and which may come next."""

    weights: _Counts
    counts: _Counts
    drawn: int = 0

    def copy(self) -> _Rota:
        return replace(self, counts=self.counts.copy())

    def below(self) -> npt.NDArray[np.bool_]:
        """The classes below their upper quota of the next seat."""
        return np.asarray(self.counts * _WHOLE < self.weights * (self.drawn + 1))

    def eligible(self) -> npt.NDArray[np.bool_]:
        """The classes of which one may come next such that all later quotas can be kept."""
        below = self.below()
        horizon = int((-(-(self.counts + 1) * _WHOLE // self.weights)).max())
        sizes = np.arange(self.drawn + 1, max(horizon, self.drawn + 1) + 1)
        lower = sizes[:, None] * self.weights[None, :] // _WHOLE
        needed = np.maximum(self.counts, lower).sum(axis=1)
        tight = np.flatnonzero(needed >= sizes)
        if not len(tight):
            return below
        pressed = below & (self.counts < lower[tight[0]])
        return pressed if pressed.any() else below

    def take(self, place: int) -> None:
        self.counts[place] += 1
        self.drawn += 1


class Step(NamedTuple):
    """What the plan wants next: a cell, and whether it can be had at all."""

    cell: Cell
    alive: bool


@dataclass
class Plan:
    """Which cell comes next; a pure function of shares, seed, size, the cells taken so far and those that were given up.

    Args:
        dimensions: none for a sample without quotas, which has one cell.
        seed: of the sampling; decides between cells that are equally due.
        size: of the sample; makes no difference unless cells had to be given up, when the last seats make up for what they left.
    """

    dimensions: Sequence[Dimension]
    seed: int
    size: int = 0
    _rotas: list[_Rota] = field(init=False)
    _share: npt.NDArray[np.float64] = field(init=False)
    _target: npt.NDArray[np.float64] = field(init=False)
    _came: npt.NDArray[np.float64] = field(init=False)
    _noise: npt.NDArray[np.float64] = field(init=False)
    _dead: npt.NDArray[np.bool_] = field(init=False)
    _due: Step | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Start with nothing taken."""
        shape = tuple(len(one.classes) for one in self.dimensions)
        self._rotas = [_Rota(np.array(one.weights, np.int64), np.zeros(len(one.weights), np.int64)) for one in self.dimensions]
        share = np.ones(())
        for one in self.dimensions:
            share = np.multiply.outer(share, np.array(one.weights) / _WHOLE)
        self._share = self._target = np.asarray(share)
        self._came = np.zeros(shape)
        self._dead = np.zeros(shape, dtype=np.bool_)
        places = np.arange(math.prod(shape), dtype=np.uint64)
        self._noise = uniforms(keys(self.seed, "quota", places), 0).reshape(shape) * 1e-3

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return math.prod(len(one.classes) for one in self.dimensions)

    @property
    def dead(self) -> bool:
        """Whether every cell was given up."""
        return bool(self._dead.all())

    def number(self, cell: Cell) -> int:
        """A cell's place among all."""
        place = 0
        for at, one in zip(cell, self.dimensions, strict=True):
            place = place * len(one.classes) + at
        return place

    def names(self, cell: Cell) -> dict[str, str]:
        """Dimension -> class of a cell."""
        return {one.name: one.classes[at] for at, one in zip(cell, self.dimensions, strict=True)}

    def copy(self) -> Plan:
        """A plan in the same state that can be played through."""
        twin = object.__new__(Plan)
        twin.__dict__.update(self.__dict__)
        twin._rotas = [rota.copy() for rota in self._rotas]
        twin._came, twin._dead = self._came.copy(), self._dead.copy()
        return twin

    def next(self) -> Step:
        """The cell that is due; not alive where a class is due of which no pair can be had."""
        if self._due is None:
            self._due = self._found() if self.dimensions else Step((), not self.dead)
        return self._due

    def _found(self) -> Step:
        due = (self._rotas[0].drawn + 1) * self._target - self._came + self._noise
        open_cells = ~self._dead | self._lost()
        left = self.size - self._rotas[0].drawn
        if self._dead.any() and 0 < left <= _ENDGAME:
            ending = self._ending(due, open_cells, left)
            if ending.any():
                cell = _largest(due, ending)
                return Step(cell, not self._dead[cell])
        # Where no cell that is left keeps every quota, the one that breaks fewest: it is made up for as soon as it can be.
        kept = np.zeros(self._dead.shape, dtype=np.int64)
        for axis, rota in enumerate(self._rotas):
            line = self._along(axis)
            kept += (len(self._rotas) + 1) * rota.eligible().reshape(line) + rota.below().reshape(line)
        among = open_cells & (kept == kept[open_cells].max())
        cell = _largest(due, among)
        return Step(cell, not self._dead[cell])

    def _ending(self, due: npt.NDArray[np.float64], open_cells: npt.NDArray[np.bool_], left: int) -> npt.NDArray[np.bool_]:
        """The cells that take the last seats such that the whole sample keeps every quota; none where that cannot be."""
        from scipy.optimize import LinearConstraint, milp

        cells = np.argwhere(open_cells)
        rows, least, most = [np.ones(len(cells))], [left], [left]
        for axis, (one, rota) in enumerate(zip(self.dimensions, self._rotas, strict=True)):
            for place, count in enumerate(rota.counts.tolist()):
                low, high = one.quota(place, self.size)
                rows.append((cells[:, axis] == place).astype(np.float64))
                least.append(low - count)
                most.append(high - count)
        solved = milp(-due[open_cells], integrality=np.ones(len(cells)), constraints=LinearConstraint(np.array(rows), least, most))
        ending = np.zeros(self._dead.shape, dtype=np.bool_)
        if solved.x is not None:
            ending[tuple(cells[solved.x > 0.5].T)] = True
        return ending

    def _along(self, axis: int) -> list[int]:
        """The shape of one dimension's numbers among all."""
        return [-1 if place == axis else 1 for place in range(self._dead.ndim)]

    def take(self, cell: Cell) -> None:
        """A pair of this cell was accepted, or is given up for lost."""
        self._due = None
        for rota, at in zip(self._rotas, cell, strict=True):
            rota.take(at)
        self._came[cell] += 1.0

    def give_up(self, cell: Cell) -> None:
        """No pair of this cell can be had any more: the others of its classes make up for it."""
        self._due = None
        self._dead[cell] = True
        if self.dimensions and not self.dead:
            self._target = self._fitted(~self._dead | self._lost())

    def _lost(self) -> npt.NDArray[np.bool_]:
        """The cells of classes of which no cell is left: their seats stay empty."""
        lost = np.zeros(self._dead.shape, dtype=np.bool_)
        for axis in range(self._dead.ndim):
            others = tuple(one for one in range(self._dead.ndim) if one != axis)
            lost |= self._dead.all(axis=others, keepdims=True)
        return lost

    def _fitted(self, free: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Shares of the free cells that add up to those of the classes, as near to their products as can be (iterative proportional fitting)."""
        fitted = np.where(free, self._share, 0.0)
        for _ in range(_ROUNDS):
            before = fitted
            for axis, one in enumerate(self.dimensions):
                others = tuple(place for place in range(fitted.ndim) if place != axis)
                wanted = np.array(one.weights, dtype=np.float64) / _WHOLE
                there = fitted.sum(axis=others)
                factor = np.divide(wanted, there, out=np.zeros_like(wanted), where=there > 0.0)
                fitted = fitted * factor.reshape(self._along(axis))
            if np.abs(fitted - before).max() < _SETTLED:
                break
        return np.asarray(fitted)


def _largest(due: npt.NDArray[np.float64], among: npt.NDArray[np.bool_]) -> Cell:
    at = int(np.where(among, due, -np.inf).argmax())
    return tuple(int(place) for place in np.unravel_index(at, due.shape))


class Lack(NamedTuple):
    """A class that came less often than its quota.

    Attributes:
        dimension, name: of the class. got: accepted pairs. wanted: its least quota. why: most frequent reasons, a phrase.
    """

    dimension: str
    name: str
    got: int
    wanted: int
    why: str


def lacking(plan: Plan, size: int, got: Callable[[int, int], int], why: Callable[[int, int], str]) -> list[Lack]:
    """The classes whose quota a sample of ``size`` does not meet.

    Args:
        plan: its dimensions.
        size: pairs wanted.
        got: (dimension, class) -> accepted pairs.
        why: (dimension, class) -> what turned the others away.
    """
    found = []
    for number, dimension in enumerate(plan.dimensions):
        for place, name in enumerate(dimension.classes):
            least, _ = dimension.quota(place, size)
            if got(number, place) < least:
                found.append(Lack(dimension.name, name, got(number, place), least, why(number, place)))
    return found
