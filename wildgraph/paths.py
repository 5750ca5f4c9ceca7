"""Sample typed paths in batches: the path at an index is the same in whatever batch it is drawn.

Steps follow WildLong (arXiv 2502.16684 §3.2) and MathScale (arXiv 2403.02884 §3), whose softmax over log(frequency + eps) is plain
proportion; the history weighing, caps, required labels and leaps are ours.

A path's length is drawn first, uniformly; then its start, then one node after the other:

- ``markov``: p(c) ∝ (f(last, c) + eps)^(1/T) over the legal neighbours c of the last node.
- ``history``: p(c) ∝ (∏ (f(i, c) + eps) over all n nodes i of the path)^(1/(n·T)) over the same candidates.

Legal is what is not barred, not on the path and within its field's cap. A walk that cannot go on is a path if it has the minimum length,
else it starts again, with new draws. Required labels condition the walk: a candidate is legal only where the labels still missing can be
reached in the steps left (:attr:`Terrain.slack`), and the same holds for the start; among legal candidates the weights are as above.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from wildgraph.chance import Floats, Indices, Nodes, keys, pick, uniforms
from wildgraph.terrain import Terrain

Mode = Literal["history", "markov"]

#: Rows that are walked at a time: their state stays in the processor's cache.
_ROWS = 32768
#: Draws by field before all legal neighbours are weighed.
_DRAWS = 4
#: Entries of a table of candidates at a time.
_CELLS = 1 << 18


@dataclass(frozen=True, eq=False)
class Paths:
    """Sampled paths.

    Attributes:
        nodes: in order, −1 behind the end; shape (n, longest).
        length: nodes of each path, 0 for a dead end; shape (n,).
        restarts: walks that died before it; shape (n,).
        leap: place of the node that was leapt to, 0 where none was; shape (n,).
    """

    nodes: Nodes
    length: Nodes
    restarts: Nodes
    leap: Nodes


@dataclass(frozen=True, eq=False)
class Terms:
    """What is asked of single paths of a batch; every array has shape (n,) if nothing else is said.

    Attributes:
        length: nodes, instead of a number drawn from the rules' range. least: fewest nodes that do.
        begin: node to start at. taken: labels held already, per field; shape (n, fields). avoid: nodes not to be stepped on, −1 for
            none; shape (n, any).
        leap: place at which the path leaps to a label that never occurred with any on it, 0 for none. Where there is none such it steps.
    """

    length: Nodes | None = None
    least: Nodes | None = None
    begin: Nodes | None = None
    taken: Nodes | None = None
    avoid: Nodes | None = None
    leap: Nodes | None = None


def sample_paths(
    terrain: Terrain,
    indices: Indices,
    seed: int,
    *,
    mode: Mode = "history",
    terms: Terms | None = None,
    purpose: str = "path",
    discount: Floats | None = None,
) -> Paths:
    """The paths at these indices.

    Args:
        terrain: the prepared graph.
        indices: places in the sequence; shape (n,).
        seed: of the sampling.
        mode: how steps are weighed.
        terms: what is asked of single paths.
        purpose: keeps the draws of different walks at one index apart.
        discount: added to the log-weight of every half-edge.
    """
    terms = terms or Terms()
    parts = [
        _walked(
            _Walkers.at_start(terrain, indices[rows], seed, purpose, _part(terms, rows)),
            mode,
            discount,
        )
        for rows in (slice(first, first + _ROWS) for first in range(0, len(indices), _ROWS))
    ]
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Paths(np.zeros((0, terrain.rules.max_length), dtype=np.int64), none, none, none)
    wide = max(part.nodes.shape[1] for part in parts)
    nodes = np.full((len(indices), wide), -1, dtype=np.int64)
    for first, part in zip(range(0, len(indices), _ROWS), parts, strict=True):
        nodes[first : first + len(part.nodes), : part.nodes.shape[1]] = part.nodes
    return Paths(
        nodes,
        np.concatenate([part.length for part in parts]),
        np.concatenate([part.restarts for part in parts]),
        np.concatenate([part.leap for part in parts]),
    )


def _part(terms: Terms, rows: slice) -> Terms:
    return Terms(**{name: None if value is None else value[rows] for name, value in vars(terms).items()})


@dataclass(eq=False)
class _Walkers:
    """Walks under way, one per row.

    Attributes:
        terrain: the ground. key: of each row's draws. goal, least: nodes wanted, and the fewest that do.
        begin, avoid, leap: see :class:`Terms`.
        path: nodes so far, one row of the table per place; shape (longest, n). size: how many.
        room: labels that each field may still take; shape (fields, n). pending: bits of the required labels that are missing.
        leapt: place of the leap, once it was made.
    """

    terrain: Terrain
    key: Indices
    goal: Nodes
    least: Nodes
    begin: Nodes | None
    avoid: Nodes | None
    leap: Nodes | None
    at_first: npt.NDArray[np.int16]
    path: Nodes = field(init=False)
    size: Nodes = field(init=False)
    room: npt.NDArray[np.int16] = field(init=False)
    pending: Nodes = field(init=False)
    leapt: Nodes = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.key)
        self.path = np.full((int(self.goal.max(initial=1)), count), -1, dtype=np.int64)
        self.size = np.zeros(count, dtype=np.int64)
        self.room = np.empty_like(self.at_first)
        self.pending = np.zeros(count, dtype=np.int64)
        self.leapt = np.zeros(count, dtype=np.int64)

    @classmethod
    def at_start(cls, terrain: Terrain, indices: Indices, seed: int, purpose: str, terms: Terms) -> _Walkers:
        rules, key = terrain.rules, keys(seed, purpose, indices)
        goal = terms.length
        if goal is None:
            span = rules.max_length - rules.min_length + 1
            goal = rules.min_length + (uniforms(key, 0) * span).astype(np.int64)
        goal = np.maximum(goal, len(terrain.required))
        least = np.full(len(key), rules.min_length) if terms.least is None else terms.least
        room = np.repeat(terrain.room[:, None], len(key), axis=1)
        if terms.taken is not None:
            room = (room - terms.taken.T).astype(np.int16)
        return cls(terrain, key, goal, least, terms.begin, terms.avoid, terms.leap, room)

    def restart(self, rows: Nodes, walk: int) -> Nodes:
        """Put rows back to their starts; returns those that have one."""
        terrain = self.terrain
        self.path[:, rows], self.room[:, rows], self.leapt[rows] = -1, self.at_first[:, rows], 0
        self.size[rows] = 0
        everything = (1 << len(terrain.required)) - 1
        self.pending[rows] = everything
        if self.begin is not None:
            first = self.begin[rows]
        elif not terrain.can_start:
            return rows[:0]
        elif not everything:
            first = pick(terrain.start, uniforms(self.key[rows], _draw(walk, 0, 0)))
        else:
            first = self._fit_starts(rows, walk)
            rows, first = rows[first >= 0], first[first >= 0]
        self.put(rows, first, 0)
        return rows

    def _fit_starts(self, rows: Nodes, walk: int) -> Nodes:
        """Starts from which the required labels are in reach; −1 where there is none."""
        terrain = self.terrain
        weight = np.diff(terrain.start, prepend=0.0)
        everything = (1 << len(terrain.required)) - 1
        need = terrain.slack[everything & ~terrain.bit, np.arange(len(weight))]
        fits = (terrain.bit > 0) | (terrain.room[terrain.field] > 0)
        found = np.full(len(rows), -1, dtype=np.int64)
        uniform = uniforms(self.key[rows], _draw(walk, 0, 0))
        for goal in np.unique(self.goal[rows]):
            mine = self.goal[rows] == goal
            total = np.cumsum(np.where(fits & (need < goal), weight, 0.0))
            if total[-1] > 0.0:
                found[mine] = pick(total, uniform[mine])
        return found

    def put(self, rows: Nodes, nodes: Nodes, step: int) -> None:
        """Step on a node, the one in this place of the path."""
        terrain = self.terrain
        self.path[step, rows] = nodes
        self.size[rows] = step + 1
        if terrain.required:
            asked = (self.pending[rows] & terrain.bit[nodes]) > 0  # its room was kept from the beginning
            self.pending[rows] &= ~terrain.bit[nodes]
            rows, nodes = rows[~asked], nodes[~asked]
        self.room[terrain.field[nodes], rows] -= 1

    def legal(self, rows: Nodes, nodes: Nodes, step: int) -> npt.NDArray[np.bool_]:
        """Whether rows, all of ``step`` nodes, may step on nodes; ``nodes`` has shape (n,) or (n, candidates)."""
        terrain = self.terrain
        shape = (-1,) + (1,) * (nodes.ndim - 1)
        wide = rows.reshape(shape)
        ok = self.room[terrain.field[nodes], wide] > 0
        if terrain.required:
            pending = self.pending[rows].reshape(shape)
            bit = terrain.bit[nodes]
            ok |= (pending & bit) > 0
            left = (self.goal[rows] - step - 1).reshape(shape)
            ok &= terrain.slack[pending & ~bit, nodes] <= left
        for place in range(step):
            ok &= nodes != self.path[place, rows].reshape(shape)
        if self.avoid is not None:
            for column in range(self.avoid.shape[1]):
                ok &= nodes != self.avoid[rows, column].reshape(shape)
        return ok


def _draw(walk: int, step: int, draw: int) -> int:
    """The number of a draw: of the length comes first, the rest by walk, step and draw."""
    return 1 + (walk * 4096 + step) * 16 + draw


def _walked(walkers: _Walkers, mode: Mode, discount: Floats | None) -> Paths:
    """Walk until every row has its path or has used up its tries."""
    count = len(walkers.key)
    open_ = np.arange(count)
    restarts = np.zeros(count, dtype=np.int64)
    for walk in range(walkers.terrain.rules.tries):
        restarts[open_] = walk
        alive = walkers.restart(open_, walk)
        for step in range(1, len(walkers.path)):
            alive = alive[walkers.goal[alive] > step]
            if not len(alive):
                break
            alive = _step(walkers, alive, walk, step, mode, discount)
        short = (walkers.size[open_] < walkers.least[open_]) | (walkers.pending[open_] > 0) | (walkers.size[open_] == 0)
        open_ = open_[short]
        if not len(open_):
            break
    walkers.size[open_], walkers.leapt[open_] = 0, 0
    walkers.path[:, open_] = -1
    return Paths(np.ascontiguousarray(walkers.path.T), walkers.size, restarts, walkers.leapt)


def _step(walkers: _Walkers, rows: Nodes, walk: int, step: int, mode: Mode, discount: Floats | None) -> Nodes:
    """One step of every row; returns the rows that made it."""
    made = np.zeros(0, dtype=np.int64)
    if walkers.leap is not None:
        leaping = rows[walkers.leap[rows] == step]
        made = _leap(walkers, leaping, walk, step)
        rows = np.setdiff1d(rows, made, assume_unique=True)
    if mode == "markov" and discount is None:
        done, rows = _by_field(walkers, rows, walk, step)
        made = np.concatenate([made, done])
    return np.concatenate([made, _by_weighing(walkers, rows, walk, step, mode, discount)])


def _by_field(walkers: _Walkers, rows: Nodes, walk: int, step: int) -> tuple[Nodes, Nodes]:
    """Draw a field that has room by its weight at the last node, then a node of it, until the step is legal; a few times. This is exact.

    Returns:
        Rows that stepped, rows that did not.
    """
    terrain, many = walkers.terrain, len(walkers.terrain.fields)
    if not len(terrain.neighbour):
        return rows[:0], rows
    last = walkers.path[step - 1]
    done, stuck = [rows[:0]], [rows[:0]]
    for draw in range(_DRAWS):
        if not len(rows):
            break
        node = last[rows]
        mass = terrain.mass[:, node]
        if not terrain.required:
            mass *= walkers.room[:, rows] > 0
        mass = np.cumsum(mass, axis=0, out=mass)
        total = mass[-1]
        if (hopeless := total <= 0.0).any():  # dead, or so cold that all weights but the best vanish
            stuck.append(rows[hopeless])
            rows, node, mass = rows[~hopeless], node[~hopeless], mass[:, ~hopeless]
            total = mass[-1]
        goal = uniforms(walkers.key[rows], _draw(walk, step, draw)) * total
        chosen = np.minimum((mass <= goal).sum(axis=0), (mass < total).sum(axis=0))
        here = np.arange(len(rows))
        low = np.where(chosen > 0, mass[chosen - 1, here], 0.0)
        # What is left of the number after the field was drawn is uniform within the field.
        share = (goal - low) / (mass[chosen, here] - low)
        segment = node * many + chosen
        place = np.searchsorted(terrain.cumulative, segment + share, side="right")
        found = terrain.neighbour[np.minimum(place, terrain.segment[segment + 1] - 1)]
        ok = walkers.legal(rows, found, step)
        walkers.put(rows[ok], found[ok], step)
        done.append(rows[ok])
        rows = rows[~ok]
    return np.concatenate(done), np.concatenate([*stuck, rows])


def _by_weighing(walkers: _Walkers, rows: Nodes, walk: int, step: int, mode: Mode, discount: Floats | None) -> Nodes:
    """Weigh every legal neighbour and draw one; returns the rows that had any."""
    terrain = walkers.terrain
    made = []
    for part, width in _blocks(rows, np.diff(terrain.offset)[walkers.path[step - 1, rows]]):
        last = walkers.path[step - 1, part]
        place = terrain.offset[last][:, None] + np.arange(width)
        there = place < terrain.offset[last + 1][:, None]
        place = np.where(there, place, 0)
        nodes = terrain.neighbour[place]
        score = terrain.weight[place]
        if mode == "history":
            for before in range(step - 1):
                score += terrain.affinity[walkers.path[before, part][:, None], nodes]
            score /= step
        if discount is not None:
            score += discount[place]
        score[~(there & walkers.legal(part, nodes, step))] = -np.inf
        made.append(_drawn(walkers, part, nodes, score, walk, step))
    return np.concatenate([rows[:0], *made])


def _drawn(walkers: _Walkers, rows: Nodes, nodes: Nodes, score: Floats, walk: int, step: int) -> Nodes:
    """Step on one of a table of nodes in proportion to exp(score / temperature); returns the rows that had a choice."""
    best = score.max(axis=1)
    some = np.isfinite(best)
    rows, nodes, score, best = rows[some], nodes[some], score[some], best[some]
    # The best is taken off first: a very small temperature would else divide infinity by infinity.
    with np.errstate(over="ignore"):
        total = np.cumsum(np.exp((score - best[:, None]) / walkers.terrain.rules.temperature), axis=1)
    goal = uniforms(walkers.key[rows], _draw(walk, step, _DRAWS)) * total[:, -1]
    found = (total <= goal[:, None]).sum(axis=1)
    ends = (total < total[:, -1:]).sum(axis=1)  # where rounding carried the goal up to the total
    walkers.put(rows, nodes[np.arange(len(rows)), np.minimum(found, ends)], step)
    return rows


def _leap(walkers: _Walkers, rows: Nodes, walk: int, step: int) -> Nodes:
    """Leap to a label that never occurred with any on the path, in proportion to records; returns the rows that found one."""
    terrain = walkers.terrain
    made = []
    records = np.log([node.records for node in terrain.graph.nodes]) if terrain.graph.nodes else np.zeros(0)
    strange = terrain.affinity <= np.log(terrain.rules.eps)
    np.fill_diagonal(strange, False)
    for part, _ in _blocks(rows, np.full(len(rows), len(records))):
        nodes = np.broadcast_to(np.arange(len(records)), (len(part), len(records)))
        ok = walkers.legal(part, nodes, step) & ~terrain.barred
        for before in range(step):
            ok &= strange[walkers.path[before, part]]
        score = np.where(ok, terrain.rules.temperature * records, -np.inf)  # the temperature is of steps, not of leaps
        made.append(_drawn(walkers, part, nodes, score, walk, step))
        walkers.leapt[made[-1]] = step
    return np.concatenate([rows[:0], *made])


def _blocks(rows: Nodes, width: Nodes) -> list[tuple[Nodes, int]]:
    """Rows of about the same number of candidates together, no block with more than a tableful of them.

    A row's numbers do not depend on its block: what is beyond its own candidates weighs nothing.
    """
    order = np.argsort(width, kind="stable")
    rows, width = rows[order], width[order]
    blocks = []
    first = int(np.searchsorted(width, 1))
    while first < len(rows):
        wide = int(width[first])
        # As many as fit at this width and a half: wider ones wait for the next block.
        last = min(int(np.searchsorted(width, wide + wide // 2 + 4, side="right")), len(rows))
        last = min(last, first + max(1, _CELLS // int(width[last - 1])))
        blocks.append((rows[first:last], int(width[last - 1])))
        first = last
    return blocks
