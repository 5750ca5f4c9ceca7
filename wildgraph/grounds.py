"""One document type's graph as specifications are drawn from it: which labels are steps and which attributes, and the way to other types.

Attributes, required labels and joined walks are ours; WildLong (arXiv 2502.16684) draws each path from one graph.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from wildgraph.chance import Floats, Indices, keys, pick, uniforms
from wildgraph.errors import UsageError, did_you_mean
from wildgraph.fields import TASK
from wildgraph.paths import Mode, Terms, sample_paths
from wildgraph.records import PathNode
from wildgraph.taskgraph import TaskGraph
from wildgraph.terrain import PathRules, Terrain, prepare


@dataclass(frozen=True)
class GroundRules:
    """What a legal path is, and which labels are attributes.

    Attributes:
        paths: of steps.
        attribute_share, attribute_floor: a label in more than this share of the records, and at least so many, is an attribute.
        universal_share: so is one in more than this share, where there are as many records as the floor.
    """

    paths: PathRules = field(default_factory=PathRules)
    attribute_share: float = 0.15
    attribute_floor: int = 20
    universal_share: float = 0.8


@dataclass(eq=False)
class Ground:
    """A graph with what is asked of its paths.

    Attributes:
        graph: the published graph. rules: what a legal path is.
        required, forbidden: concept ids that every path must, or none may, hold.
    """

    graph: TaskGraph
    rules: GroundRules
    required: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    _terrains: dict[frozenset[str], Terrain] = field(default_factory=dict, repr=False)
    _overlaps: dict[tuple[str, frozenset[str]], float] = field(default_factory=dict, repr=False)

    @cached_property
    def attribute(self) -> npt.NDArray[np.bool_]:
        """Which nodes are drawn once per path instead of stepped on; shape (nodes,)."""
        rules, total = self.rules, self.graph.records
        marked = []
        for node in self.graph.nodes:
            frequent = node.records > rules.attribute_share * total and node.records >= rules.attribute_floor
            universal = node.records > rules.universal_share * total and total >= rules.attribute_floor
            marked.append(node.field != TASK and node.concept not in self.required and (frequent or universal))
        return np.array(marked, dtype=np.bool_)

    @cached_property
    def place(self) -> dict[str, int]:
        """Concept id -> node."""
        return {node.concept: index for index, node in enumerate(self.graph.nodes)}

    @cached_property
    def has_start(self) -> bool:
        """Whether there is a node to start from, whatever is required."""
        return self.terrain(frozenset()).can_start

    @property
    def can_start(self) -> bool:
        """Whether paths with all that is required can start here."""
        return self.required <= self.place.keys() and self.has_start

    def terrain(self, refused: frozenset[str]) -> Terrain:
        """The graph made walkable, without attributes, forbidden labels and those that a paradigm refuses."""
        if refused not in self._terrains:
            out = self.forbidden | refused
            barred = [index for index, node in enumerate(self.graph.nodes) if self.attribute[index] or node.concept in out]
            wanted = [self.place[concept] for concept in sorted(self.required) if concept in self.place]
            self._terrains[refused] = prepare(self.graph, self.rules.paths, barred, wanted)
        return self._terrains[refused]

    def node(self, index: int) -> PathNode:
        """The node as a path names it."""
        found = self.graph.nodes[index]
        return PathNode(field=found.field, concept=found.concept, name=found.name)

    def novel(self, path: Sequence[int], leap: int) -> tuple[tuple[str, str], ...]:
        """The pairs of labels on a path that were asked for although they never occurred together.

        Args:
            path: nodes.
            leap: place of the node that was leapt to, 0 for none.
        """
        wanted = sorted(self.place[concept] for concept in self.required if concept in self.place)
        pairs = {(left, right) for left in wanted for right in wanted if left < right and (left, right) not in self._edges}
        if leap:
            pairs.add((min(path[leap - 1], path[leap]), max(path[leap - 1], path[leap])))
        return tuple((self.graph.nodes[left].concept, self.graph.nodes[right].concept) for left, right in sorted(pairs))

    @cached_property
    def _edges(self) -> frozenset[tuple[int, int]]:
        return frozenset((edge.source, edge.target) for edge in self.graph.edges)

    # ----------------------------------------------------------------- attributes

    @cached_property
    def _pull(self) -> Floats:
        """log(frequency + eps) of every attribute with every node; shape (attributes, nodes + 1), the last column for no node."""
        marked = np.flatnonzero(self.attribute)
        row = {int(node): at for at, node in enumerate(marked)}
        table = np.full((len(marked), len(self.graph.nodes) + 1), np.log(self.rules.paths.eps))
        for edge in self.graph.edges:
            for one, other in ((edge.source, edge.target), (edge.target, edge.source)):
                if one in row:
                    table[row[one], other] = np.log(edge.frequency + self.rules.paths.eps)
        table[:, -1] = 0.0
        return table

    def attributes(self, paths: Sequence[Sequence[int]], indices: Indices, seed: int, refused: frozenset[str]) -> list[list[int]]:
        """At most one attribute per field that a path does not hold, drawn in proportion to co-occurrence with the path.

        The chance of none is the share of the type's records without any of the field's attributes that are not refused.

        Args:
            paths: nodes of each path; an empty one gets none.
            indices: their places in the sequence; shape (n,).
            seed: of the sampling.
            refused: concept ids that a paradigm refuses.
        """
        drawn: list[list[int]] = [[] for _ in paths]
        marked = np.flatnonzero(self.attribute)
        out = self.forbidden | refused
        longest = max((len(path) for path in paths), default=0)
        if not len(marked) or not longest:
            return drawn
        padded = np.array([[*path, *[-1] * (longest - len(path))] for path in paths], dtype=np.int64)
        size = np.maximum(1, np.array([len(path) for path in paths]))
        held = [{self.graph.nodes[node].field for node in path} for path in paths]
        key = keys(seed, "attributes", indices)
        names = sorted({self.graph.nodes[node].field for node in marked})
        for at, name in enumerate(names):
            options = [
                row for row, node in enumerate(marked) if self.graph.nodes[node].field == name and self.graph.nodes[node].concept not in out
            ]
            if not options:
                continue
            some = min(1.0, sum(self.graph.nodes[marked[row]].records for row in options) / max(self.graph.records, 1))
            wanted = uniforms(key, 2 * at) < some
            # Shape (options, paths): the mean over each path's nodes; what pads a path adds nothing.
            weight = np.exp(self._pull[options][:, padded].sum(axis=2) / size)
            total = np.cumsum(weight, axis=0)
            goal = uniforms(key, 2 * at + 1) * total[-1]
            chosen = np.minimum((total <= goal).sum(axis=0), len(options) - 1)
            for row, path in enumerate(paths):
                if path and wanted[row] and name not in held[row]:
                    drawn[row].append(int(marked[options[chosen[row]]]))
        return drawn

    # ----------------------------------------------------------------- the way to other types

    def overlap(self, other: Ground, refused: frozenset[str]) -> float:
        """How near another type is: Jaccard index of the labels that can be stepped on in both graphs; 1 for the graph itself."""
        key = (other.graph.document_type, refused)
        if key not in self._overlaps:
            mine, theirs = self._steps(refused), other._steps(refused)
            self._overlaps[key] = len(mine & theirs) / max(1, len(mine | theirs))
        return self._overlaps[key]

    def _steps(self, refused: frozenset[str]) -> frozenset[str]:
        degree = np.diff(self.terrain(refused).offset)
        return frozenset(node.concept for node, many in zip(self.graph.nodes, degree, strict=True) if many)


def joined(
    home: Ground,
    others: Sequence[Ground],
    path: Sequence[PathNode],
    index: int,
    seed: int,
    refused: frozenset[str],
    *,
    mode: Mode,
) -> tuple[Ground, tuple[PathNode, ...]] | None:
    """A path whose first half stays and whose second half is walked in the same or another type's graph, from a label that both share.

    The other graph is drawn in proportion to :meth:`Ground.overlap` from those that hold a label of the first half, the label evenly
    from these. Caps and the rule against repeats hold for the whole; the second half knows only the shared label's history.

    Args:
        home: where the path was walked.
        others: graphs to go to, ``home`` among them or not.
        path: the path.
        index: its place in the sequence.
        seed: of the sampling.
        refused: concept ids that the paradigm refuses.
        mode: how steps are weighed.

    Returns:
        The other graph and the whole path, as long as the given one or at least of the minimum length; ``None`` where there is none.
    """
    half = (len(path) + 1) // 2
    first = path[:half]
    shared = {
        place: [node.concept for node in first if node.concept in ground._steps(refused)]
        for place, ground in enumerate(others)
        if home.overlap(ground, refused)
    }
    options = [place for place, concepts in shared.items() if concepts]
    if not options or half == len(path):
        return None
    key = keys(seed, "join", np.array([index], dtype=np.uint64))
    weights = np.cumsum([home.overlap(others[place], refused) for place in options])
    partner = options[int(pick(weights, uniforms(key, 0))[0])]
    ground, concepts = others[partner], shared[partner]
    begin = ground.place[concepts[int(uniforms(key, 1)[0] * len(concepts))]]
    terrain = ground.terrain(refused)
    used = Counter(node.field for node in first)
    used[ground.graph.nodes[begin].field] -= 1  # it is stepped on once more
    least = max(1, home.rules.paths.min_length - half)
    terms = Terms(
        length=np.array([1 + len(path) - half]),
        least=np.array([1 + least]),
        begin=np.array([begin]),
        taken=np.array([[used[name] for name in terrain.fields]]),
        avoid=np.array([[ground.place.get(node.concept, -1) for node in first]]),
    )
    drawn = sample_paths(terrain, np.array([index], dtype=np.uint64), seed, mode=mode, terms=terms, purpose="joined")
    if not drawn.length[0]:
        return None
    return ground, (*first, *(ground.node(int(node)) for node in drawn.nodes[0, 1 : drawn.length[0]]))


def find_label(name: str, graphs: Sequence[TaskGraph]) -> str:
    """The concept id of a label as a person names it: ``field=name``, a concept id, or a name that only one field has.

    Args:
        name: what was asked for.
        graphs: where it may be.

    Raises:
        UsageError: there is no such label, or several fields have one.
    """
    field_name, sign, word = name.partition("=")
    asked = (word if sign else name).strip().casefold()
    known: dict[str, set[str]] = {}
    for graph in graphs:
        for node in graph.nodes:
            if sign and node.field != field_name.strip():
                continue
            for spelling in (node.concept, node.name, node.concept.partition("/")[2]):
                known.setdefault(spelling.casefold(), set()).add(node.concept)
    found = sorted(known.get(asked, ()))
    if not known and sign:
        fields = sorted({node.field for graph in graphs for node in graph.nodes})
        raise UsageError(f"no graph has labels of the field {field_name.strip()!r}", did_you_mean(field_name.strip(), fields))
    if not found:
        near = difflib.get_close_matches(asked, known, n=1, cutoff=0.4)  # a word of a name is enough
        nearest = sorted(known[near[0]])[0] if near else ""
        raise UsageError(
            f"no graph has a label {name!r}", f"did you mean {nearest!r}?" if near else "`wildgraph view` shows the labels of every graph"
        )
    if len(found) > 1:
        raise UsageError(f"several labels are called {name!r}: {', '.join(found)}", "name one of these")
    return found[0]


def graph_named(name: str, grounds: Sequence[Ground]) -> int:
    """The place of the graph with this id, slug or name.

    Raises:
        UsageError: there is none with documents, or no path can start in it.
    """
    known = {
        word.casefold(): place
        for place, ground in enumerate(grounds)
        for word in (ground.graph.document_type, ground.graph.slug, ground.graph.name)
    }
    place = known.get(name.casefold())
    if place is None:
        near = did_you_mean(name.casefold(), known, f"there are {', '.join(ground.graph.name for ground in grounds[:8])}")
        raise UsageError(f"a share is given to the document type {name!r}, of which there is no graph with documents", near)
    if not grounds[place].can_start:
        raise UsageError(
            f"a share is given to {name!r}, but no path with what is required can start in its graph", "share among the other types"
        )
    return place
