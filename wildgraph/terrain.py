"""A task graph as arrays to walk on: who is next to whom, with what weight, and what a path may not hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from wildgraph.chance import Floats, Nodes
from wildgraph.errors import UsageError
from wildgraph.taskgraph import TaskGraph

#: More required labels than this would need a table of reach too large to be worth it.
MOST_REQUIRED = 8


@dataclass(frozen=True)
class PathRules:
    """What a legal path is, and how its steps are weighed.

    Attributes:
        min_length, max_length: nodes of a path.
        caps: field -> how many of its labels one path may hold; one where it is not named.
        start: field -> its share of the starts, relative to the others.
        temperature: steps are ∝ weight^(1/temperature).
        eps: added to every frequency.
        tries: walks after a dead end before a path is given up.
    """

    min_length: int = 5
    max_length: int = 8
    caps: Mapping[str, int] = field(default_factory=dict)
    start: Mapping[str, float] = field(default_factory=lambda: {"task": 1.0})
    temperature: float = 1.0
    eps: float = 0.05
    tries: int = 20


@dataclass(frozen=True, eq=False)
class Terrain:
    """A graph prepared for walking: compressed rows of half-edges. Barred nodes have none.

    Attributes:
        graph, rules: what it was made of.
        barred: nodes that no path may step on; shape (nodes,).
        required: nodes that every path has to hold.
        offset: half-edges of node i are ``offset[i]:offset[i + 1]``; shape (nodes + 1,).
        neighbour: where each half-edge leads, by field and node. weight: log(frequency + eps). edge: number of its edge in the graph, −1 where two required
            labels were joined that never occurred together; shape (half-edges,).
        fields: names of the fields. field: each node's place among them; shape (nodes,). cap: labels a path may hold; shape (fields,).
        start: cumulative weight of starting at each node; shape (nodes,).
    """

    graph: TaskGraph
    rules: PathRules
    barred: npt.NDArray[np.bool_]
    required: tuple[int, ...]
    offset: Nodes
    neighbour: Nodes
    weight: Floats
    edge: Nodes
    fields: tuple[str, ...]
    field: Nodes
    cap: npt.NDArray[np.int16]
    start: Floats

    @property
    def can_start(self) -> bool:
        """Whether there is a node to start from."""
        return bool(len(self.start)) and self.start[-1] > 0.0

    @cached_property
    def segment(self) -> Nodes:
        """Half-edges of node i into field k are ``segment[i * fields + k]`` up to the next; shape (nodes · fields + 1,)."""
        size, many = len(self.field), len(self.fields)
        owner = np.repeat(np.arange(size), np.diff(self.offset)) * many + self.field[self.neighbour]
        return np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=size * many))]).astype(np.int64)

    @cached_property
    def cumulative(self) -> Floats:
        """Segment number plus the share, within the segment, of half-edges up to this one by weight^(1/temperature); never falls."""
        return self._by_segment[0]

    @cached_property
    def mass(self) -> Floats:
        """Each node's weight^(1/temperature) into each field, in proportion to the node's heaviest edge; shape (fields, nodes)."""
        return self._by_segment[1]

    @cached_property
    def _by_segment(self) -> tuple[Floats, Floats]:
        size, many = len(self.field), len(self.fields)
        if not len(self.neighbour):
            return np.zeros(0), np.zeros((many, size))
        count = np.diff(self.segment)
        owner = np.repeat(np.arange(len(count)), count)
        top = np.full(len(count), -np.inf)
        np.maximum.at(top, owner, self.weight)
        with np.errstate(over="ignore", invalid="ignore"):
            running = np.cumsum(np.exp((self.weight - top[owner]) / self.rules.temperature))
            before = np.concatenate([[0.0], running])[self.segment]
            total = before[1:] - before[:-1]
            share = (running - before[:-1][owner]) / total[owner]
            best = top.reshape(size, many).max(axis=1)
            # Empty segments are −inf below the best; so is a lonely node below itself, which is no number.
            weight = np.nan_to_num(np.exp((top.reshape(size, many) - best[:, None]) / self.rules.temperature), nan=0.0)
        mass = weight * total.reshape(size, many)
        return owner + np.minimum(share, 1.0), np.ascontiguousarray(mass.T)

    @cached_property
    def affinity(self) -> Floats:
        """log(frequency + eps) of every two nodes, edge or none, and −inf of a node with itself; shape (nodes, nodes)."""
        size = len(self.field)
        table = np.full((size, size), np.log(self.rules.eps))
        table[np.repeat(np.arange(size), np.diff(self.offset)), self.neighbour] = self.weight
        np.fill_diagonal(table, -np.inf)
        return table

    @cached_property
    def slack(self) -> Nodes:
        """Fewest steps in which a walk at a node can still collect a set of required labels; shape (2^required, nodes).

        Required labels are all next to each other, so that is the way to the nearest one and a step for each other one. Caps and
        visited nodes are not looked at: it is a lower bound, and a walk that relied on too little dies and starts again.
        """
        size, wanted = len(self.field), self.required
        far = 10**6
        hops = np.stack([self.hops(node) for node in wanted]) if wanted else np.empty((0, size), dtype=np.int64)
        table = np.zeros((1 << len(wanted), size), dtype=np.int64)
        for mask in range(1, len(table)):
            members = [place for place in range(len(wanted)) if mask >> place & 1]
            table[mask] = np.minimum(hops[members].min(axis=0) + len(members) - 1, far)
        return table

    @cached_property
    def bit(self) -> Nodes:
        """Each node's bit among the required ones, zero for all others; shape (nodes,)."""
        bits = np.zeros(len(self.field), dtype=np.int64)
        for place, node in enumerate(self.required):
            bits[node] = 1 << place
        return bits

    @cached_property
    def room(self) -> npt.NDArray[np.int16]:
        """How many labels of each field a path may hold beside the required ones; shape (fields,)."""
        return (self.cap - np.bincount(self.field[list(self.required)], minlength=len(self.fields))).astype(np.int16)

    def edges_between(self, left: Nodes, right: Nodes) -> Nodes:
        """The number of the edge between two nodes, −1 where there is none or it is no edge of the graph.

        Args:
            left: nodes, any shape; −1 for none.
            right: nodes, the same shape.
        """
        order, sorted_ = self._ends
        key = np.where((left < 0) | (right < 0), -1, left * len(self.field) + right)
        place = np.minimum(np.searchsorted(sorted_, key), len(sorted_) - 1)
        if not len(sorted_):
            return np.full(key.shape, -1, dtype=np.int64)
        return np.where(sorted_[place] == key, self.edge[order[place]], -1)

    @cached_property
    def _ends(self) -> tuple[Nodes, Nodes]:
        key = np.repeat(np.arange(len(self.field)), np.diff(self.offset)) * len(self.field) + self.neighbour
        order = np.argsort(key)
        return order, key[order]

    def neighbours(self, node: int) -> Nodes:
        """The nodes next to one."""
        return self.neighbour[self.offset[node] : self.offset[node + 1]]

    def hops(self, goal: int) -> Nodes:
        """Steps from every node to one; a million where there is no way."""
        found = np.full(len(self.field), 10**6, dtype=np.int64)
        found[goal] = 0
        edge, steps = np.array([goal]), 0
        while len(edge):
            steps += 1
            reached = np.unique(np.concatenate([self.neighbours(int(node)) for node in edge]))
            edge = reached[found[reached] > steps]
            found[edge] = steps
        return found


def prepare(graph: TaskGraph, rules: PathRules, barred: Collection[int] = (), required: Sequence[int] = ()) -> Terrain:
    """Make a graph walkable.

    Two required labels that never occurred together are joined by an edge of frequency zero: the combination was asked for.

    Args:
        graph: any task graph.
        rules: what a legal path is.
        barred: nodes that no path may step on.
        required: nodes that every path has to hold, none of them barred.

    Raises:
        UsageError: more labels are required than one path may hold.
    """
    size = len(graph.nodes)
    fields = tuple(sorted({node.field for node in graph.nodes}))
    place = {name: code for code, name in enumerate(fields)}
    codes = np.array([place[node.field] for node in graph.nodes], dtype=np.int64)
    cap = np.array([min(rules.caps.get(name, 1), rules.max_length) for name in fields], dtype=np.int16)
    closed = np.zeros(size, dtype=np.bool_)
    closed[list(barred)] = True
    if size:
        closed |= cap[codes] <= 0
    wanted = tuple(sorted(set(required)))
    _check_required(graph, wanted, closed, cap, codes, fields, rules)
    ends = np.array([(edge.source, edge.target) for edge in graph.edges], dtype=np.int64).reshape(-1, 2)
    frequency = np.array([edge.frequency for edge in graph.edges], dtype=np.float64)
    numbers = np.arange(len(ends))
    known = {(int(left), int(right)) for left, right in ends} if wanted else set()
    joined = [(left, right) for left in wanted for right in wanted if left < right and (left, right) not in known]
    if joined:
        ends = np.concatenate([ends, np.array(joined)])
        frequency = np.concatenate([frequency, np.zeros(len(joined))])
        numbers = np.concatenate([numbers, np.full(len(joined), -1)])
    open_ = ~closed[ends].any(axis=1) if len(ends) else np.zeros(0, dtype=np.bool_)
    ends, frequency, numbers = ends[open_], frequency[open_], numbers[open_]
    source, target = np.concatenate([ends[:, 0], ends[:, 1]]), np.concatenate([ends[:, 1], ends[:, 0]])
    order = np.lexsort((target, codes[target], source))
    return Terrain(
        graph=graph,
        rules=rules,
        barred=closed,
        required=wanted,
        offset=np.concatenate([[0], np.cumsum(np.bincount(source, minlength=size))]).astype(np.int64),
        neighbour=target[order],
        weight=np.log(np.concatenate([frequency, frequency])[order] + rules.eps),
        edge=np.concatenate([numbers, numbers])[order],
        fields=fields,
        field=codes,
        cap=cap,
        start=np.cumsum(_starts(graph, rules, closed)),
    )


def _starts(graph: TaskGraph, rules: PathRules, closed: npt.NDArray[np.bool_]) -> Floats:
    """Weight of starting at each node: its field's share, split among the field's open nodes by records."""
    weight = np.zeros(len(graph.nodes))
    for name, share in sorted(rules.start.items()):
        mine = np.array([node.records if node.field == name else 0 for node in graph.nodes], dtype=np.float64) * ~closed
        if mine.sum() > 0:
            weight += share * mine / mine.sum()
    return weight


def _check_required(
    graph: TaskGraph,
    wanted: Sequence[int],
    closed: npt.NDArray[np.bool_],
    cap: npt.NDArray[np.int16],
    codes: Nodes,
    fields: Sequence[str],
    rules: PathRules,
) -> None:
    shut = next((node for node in wanted if closed[node]), None)
    if shut is not None:
        raise UsageError(f"{graph.nodes[shut].concept} is required and forbidden at once", "take it off one of the lists")
    if len(wanted) > min(rules.max_length, MOST_REQUIRED):
        raise UsageError(f"{len(wanted)} labels are required of a path", f"{min(rules.max_length, MOST_REQUIRED)} are the most")
    for code, count in enumerate(np.bincount(codes[list(wanted)], minlength=len(fields)) if wanted else ()):
        if count > cap[code]:
            raise UsageError(f"{count} labels of {fields[code]} are required of a path that may hold {cap[code]}", "require fewer")
