"""Which edges legal paths can reach, and a tour that reaches them all.

Exact where the search ends within its budget, which it does on graphs of up to a few hundred nodes; what it could not decide is said.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from wildgraph.chance import Floats, Indices, Nodes
from wildgraph.fields import DEFAULT_FIELDS, TASK
from wildgraph.paths import Terms, sample_paths
from wildgraph.taskgraph import TaskGraph
from wildgraph.terrain import PathRules, Terrain, prepare

Barrier = Literal["barred", "no_start", "too_far", "caps", "undecided"]

#: Why an edge is on no legal path.
BARRIERS: dict[Barrier, str] = {
    "barred": "an end is an attribute, forbidden, or of a field that paths do not step on",
    "no_start": "no way leads from a start to it",
    "too_far": "the ways to it are longer than a path",
    "caps": "every walk over it repeats a label, holds too many of a field or is too short",
    "undecided": "no path over it was found, and not all were tried",
}

#: Steps that are tried to find a path over one edge.
_BUDGET = 20_000
#: Steps that are tried for all edges of a graph together, and what beginning a search counts as.
_ALL, _BEGIN = 500_000, 2_000
#: Rounds of walks before any search.
_ROUNDS = 40
#: Walks that are tried to find any path.
_OFFERED = 256
#: Walks of a tour from which the one with most news is taken.
_SCOUTS = 48
#: What a visit takes off an edge's log-weight.
_TIRE = 3.0


@dataclass(frozen=True, eq=False)
class Reach:
    """Which edges of a graph are on some legal path.

    Attributes:
        witness: edge -> a legal path over it.
        barrier: edge -> why no legal path runs over it.
    """

    witness: Mapping[int, tuple[int, ...]]
    barrier: Mapping[int, Barrier]


def offers_path(graph: TaskGraph, length: int, starts: Collection[str] = (TASK,)) -> bool:
    """Whether walks find a path of so many labels, with as many of a field as the default table allows. Frequent labels count as steps.

    Args:
        graph: a published graph.
        length: labels of the path.
        starts: fields in which it may begin; any if there are none.
    """
    if length < 2:
        return bool(graph.nodes)
    held = {node.field for node in graph.nodes}
    caps = {field.name: field.cap for field in DEFAULT_FIELDS}
    start = dict.fromkeys(sorted(held & set(starts) if starts else held), 1.0)
    terrain = prepare(graph, PathRules(min_length=length, max_length=length, caps=caps, start=start))
    return terrain.can_start and bool(sample_paths(terrain, np.arange(_OFFERED, dtype=np.uint64), 0).length.any())


def edges_of(terrain: Terrain, path: Sequence[int]) -> list[int]:
    """Numbers of the edges that a path runs over; leaps over none are left out."""
    nodes = np.array(path, dtype=np.int64)
    found: list[int] = terrain.edges_between(nodes[:-1], nodes[1:]).tolist()
    return [edge for edge in found if edge >= 0]


def reachable_edges(terrain: Terrain, *, walks: int = 512, budget: int = _BUDGET) -> Reach:
    """Every edge that a legal path of an allowed length can run over, and why the others are on none.

    Args:
        terrain: the prepared graph.
        walks: sampled at a time before any search, as long as they find much, since most edges are easily reached.
        budget: steps of the search for each edge that is left; beyond it, or when a large graph has used up all, the edge is ``undecided``.
    """
    witness = _stumbled_on(terrain, walks) if terrain.can_start else {}
    barrier: dict[int, Barrier] = {}
    spent = 0
    walkable = set(terrain.edge.tolist())
    for edge in range(len(terrain.graph.edges)):
        if edge in witness:
            continue
        if edge not in walkable:
            barrier[edge] = "barred"
            continue
        ends = (terrain.graph.edges[edge].source, terrain.graph.edges[edge].target)
        if terrain.field[ends[0]] == terrain.field[ends[1]] and terrain.cap[terrain.field[ends[0]]] < 2:
            barrier[edge] = "caps"
            continue
        if spent >= _ALL:
            barrier[edge] = "undecided"
            continue
        search = _Search(terrain, ends, budget)
        found = search.run()
        spent += _BEGIN + budget - search.budget
        if isinstance(found, str):
            barrier[edge] = found
        else:
            for one in edges_of(terrain, found):
                witness.setdefault(one, found)
    return Reach(witness, barrier)


def _stumbled_on(terrain: Terrain, walks: int) -> dict[int, tuple[int, ...]]:
    """Edges that walks come over by chance, those not seen yet preferred, each with such a walk."""
    witness: dict[int, tuple[int, ...]] = {}
    seen = np.zeros(len(terrain.graph.edges) + 1, dtype=np.bool_)
    for turn in range(_ROUNDS):
        before = len(witness)
        indices = np.arange(turn * walks, (turn + 1) * walks, dtype=np.uint64)
        # Every neighbour alike, but where walks went before.
        flat = -terrain.weight - 2.0 * _TIRE * seen[terrain.edge]
        drawn = sample_paths(terrain, indices, 0, mode="markov", purpose="reach", discount=flat)
        over = terrain.edges_between(drawn.nodes[:, :-1], drawn.nodes[:, 1:])
        edges, where = np.unique(over, return_index=True)
        for edge, place in zip(edges.tolist(), where.tolist(), strict=True):
            if edge >= 0 and not seen[edge]:
                row = place // over.shape[1]
                witness[edge] = tuple(drawn.nodes[row, : drawn.length[row]].tolist())
        seen[edges[edges >= 0]] = True
        if len(witness) - before <= walks // 64:
            break
    return witness


class _Search:
    """Depth first for a legal path over one edge, nearest nodes first, without walking into the same dead end twice.

    Args:
        terrain: the prepared graph.
        ends: of the edge.
        budget: steps that may be tried.
    """

    def __init__(self, terrain: Terrain, ends: tuple[int, int], budget: int) -> None:
        self.terrain, self.ends, self.budget = terrain, ends, budget
        self.least, self.most = terrain.rules.min_length, terrain.rules.max_length
        # Plain lists: single numbers are read from them many times faster than from arrays.
        self.hops: list[int] = np.minimum(*(terrain.hops(end) for end in ends)).tolist()
        self.field: list[int] = terrain.field.tolist()
        self.bit: list[int] = terrain.bit.tolist()
        self.slack: list[list[int]] = terrain.slack.tolist()
        # Nodes of fields with room for several can be met again; of the others it is enough to know that the field is full.
        self.many = frozenset(np.flatnonzero(terrain.cap[terrain.field] > 1).tolist())
        self.ways: dict[int, list[int]] = {}
        self.dead: set[tuple[object, ...]] = set()

    def run(self) -> tuple[int, ...] | Barrier:
        """A legal path over the edge, or why there is none."""
        weight = np.diff(self.terrain.start, prepend=0.0)
        near = [node for node in np.flatnonzero(weight > 0.0).tolist() if self.hops[node] < 10**6]
        if not near:
            return "no_start"
        if all(self.hops[node] + 2 > self.most for node in near):
            return "too_far"
        room, everything = tuple(self.terrain.room.tolist()), (1 << len(self.terrain.required)) - 1
        for start in sorted(near, key=self.hops.__getitem__):
            after = self._stepped(start, room, everything)
            if after is not None and (found := self._from((start,), *after, False)):
                return found
        return "caps" if self.budget > 0 else "undecided"

    def _stepped(self, node: int, room: tuple[int, ...], pending: int) -> tuple[tuple[int, ...], int] | None:
        """Room and missing labels after a step; ``None`` where there is no room for it."""
        if self.bit[node] & pending:
            return room, pending & ~self.bit[node]
        kind = self.field[node]
        return ((*room[:kind], room[kind] - 1, *room[kind + 1 :]), pending) if room[kind] > 0 else None

    def _from(self, path: tuple[int, ...], room: tuple[int, ...], pending: int, crossed: bool) -> tuple[int, ...] | None:
        if crossed and not pending and len(path) >= self.least:
            return path
        last, left = path[-1], self.most - len(path) - 1
        key = (last, crossed, pending, len(path), room, self.many.intersection(path))
        if left < 0 or key in self.dead:
            return None
        for node in self._ways(last):
            over = crossed or (node in self.ends and last in self.ends)
            if not over and self.hops[node] >= left:
                break  # the rest is farther still
            self.budget -= 1
            if self.budget <= 0:
                return None
            if node in path or (after := self._stepped(node, room, pending)) is None or self.slack[after[1]][node] > left:
                continue
            if found := self._from((*path, node), *after, over):
                return found
        self.dead.add(key)
        return None

    def _ways(self, node: int) -> list[int]:
        if node not in self.ways:
            self.ways[node] = sorted(self.terrain.neighbours(node).tolist(), key=self.hops.__getitem__)
        return self.ways[node]


@dataclass(eq=False)
class Tour:
    """Paths one after the other, each over as many edges as it can that the earlier ones left out.

    Of some walks, whose weights fall with every visit of an edge, the one with most edges of fewest visits is taken; where none has any
    the tour goes over one by the path that was found for it. When all reachable edges were visited the next round begins.

    Attributes:
        edges: how many the graph has.
    """

    edges: int
    visits: Nodes = field(init=False)
    _reach: dict[Terrain, Reach] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.visits = np.zeros(self.edges, dtype=np.int64)

    def path(self, terrain: Terrain, index: int, seed: int) -> list[int]:
        """The next path; empty where the graph has none.

        Args:
            terrain: the prepared graph, the same or another one of the same edges.
            index: place in the sequence.
            seed: of the sampling.
        """
        if terrain not in self._reach:
            self._reach[terrain] = reachable_edges(terrain)
        reach = self._reach[terrain]
        reachable = np.array(sorted(reach.witness), dtype=np.int64)
        fresh = np.zeros(self.edges, dtype=np.bool_)
        if len(reachable):
            fresh[reachable[self.visits[reachable] == self.visits[reachable].min()]] = True
        indices = _scouts(index)
        drawn = sample_paths(terrain, indices, seed, mode="markov", purpose="tour", discount=self._tired(terrain))
        over = terrain.edges_between(drawn.nodes[:, :-1], drawn.nodes[:, 1:])
        news = (np.append(fresh, False)[over]).sum(axis=1) - (drawn.length == 0)
        chosen = int(news.argmax())
        best: list[int] = drawn.nodes[chosen, : drawn.length[chosen]].tolist()
        if news[chosen] <= 0 and fresh.any():
            target = int(np.flatnonzero(fresh)[0])
            best = _lengthened(terrain, list(reach.witness[target]), index, seed, self._tired(terrain))
        np.add.at(self.visits, edges_of(terrain, best), 1)
        return best

    def _tired(self, terrain: Terrain) -> Floats:
        """What visits take off each half-edge's log-weight."""
        visits = np.append(self.visits, 0)[terrain.edge]
        return np.asarray(-_TIRE * (visits - visits.min(initial=np.iinfo(np.int64).max)), dtype=np.float64)


def _scouts(index: int) -> Indices:
    """Places in a sequence of their own for the walks that one path is chosen from."""
    return np.arange(_SCOUTS, dtype=np.uint64) + np.uint64(index * _SCOUTS % (1 << 63))


def _lengthened(terrain: Terrain, path: list[int], index: int, seed: int, discount: Floats) -> list[int]:
    """A path walked on to the greatest length, where its end allows."""
    used = np.bincount(terrain.field[path], minlength=len(terrain.fields))
    used[terrain.field[path[-1]]] -= 1
    left = terrain.rules.max_length - len(path)
    if left <= 0 or terrain.required:
        return path
    terms = Terms(length=np.array([1 + left]), least=np.array([1]), begin=np.array([path[-1]]), taken=used[None, :], avoid=np.array([path]))
    more = sample_paths(terrain, np.array([index], dtype=np.uint64), seed, mode="markov", purpose="tour on", terms=terms, discount=discount)
    return [*path, *map(int, more.nodes[0, 1 : more.length[0]])]
