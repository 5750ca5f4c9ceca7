"""What differs between two sets of task graphs: types, nodes and edges that only one has, and counts that changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wildgraph.records import Json
from wildgraph.taskgraph.graph import GraphEdge, GraphNode, TaskGraph

Counted = Mapping[str, int]


@dataclass(frozen=True)
class PartDiff:
    """Differences between two sets of nodes, or of edges.

    Attributes:
        only_a, only_b: what one side has alone, with its counts.
        changed: what both have with different counts, with the counts of either.
        same: how many are the same.
    """

    only_a: Mapping[str, Counted]
    only_b: Mapping[str, Counted]
    changed: Mapping[str, tuple[Counted, Counted]]
    same: int

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.only_a or self.only_b or self.changed)

    def as_json(self) -> dict[str, Json]:
        """A JSON object: ``only_a, only_b, changed, same``."""
        return {
            "only_a": {key: dict(counts) for key, counts in self.only_a.items()},
            "only_b": {key: dict(counts) for key, counts in self.only_b.items()},
            "changed": {key: [dict(old), dict(new)] for key, (old, new) in self.changed.items()},
            "same": self.same,
        }


@dataclass(frozen=True)
class TypeDiff:
    """Differences between two graphs of one type.

    Attributes:
        counts: of the type itself, where they differ.
        nodes: by concept id. edges: by ``concept — concept``.
    """

    counts: tuple[Counted, Counted] | None
    nodes: PartDiff
    edges: PartDiff

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        return self.counts is None and self.nodes.empty and self.edges.empty


@dataclass(frozen=True)
class GraphDiff:
    """Differences between two sets of graphs, A and B.

    Attributes:
        only_a, only_b: types that one side has alone.
        types: types that both have and in which something differs.
        same: types that are the same.
    """

    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    types: Mapping[str, TypeDiff]
    same: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether the two are the same."""
        return not (self.only_a or self.only_b or self.types)

    def as_json(self) -> dict[str, Json]:
        """A JSON object: ``only_a, only_b, same, types: {type: counts, nodes, edges}``."""
        return {
            "only_a": list(self.only_a),
            "only_b": list(self.only_b),
            "same": list(self.same),
            "types": {
                kind: {
                    "counts": [dict(side) for side in found.counts] if found.counts else None,
                    "nodes": found.nodes.as_json(),
                    "edges": found.edges.as_json(),
                }
                for kind, found in self.types.items()
            },
        }


def compare(a: Sequence[TaskGraph], b: Sequence[TaskGraph]) -> GraphDiff:
    """What differs between two sets of graphs; everything sorted. Names are not compared: they may be edited.

    Args:
        a: graphs, at most one per type.
        b: the like.
    """
    left, right = ({graph.document_type: graph for graph in graphs} for graphs in (a, b))
    both = {kind: _types(left[kind], right[kind]) for kind in sorted(left.keys() & right.keys())}
    return GraphDiff(
        only_a=tuple(sorted(left.keys() - right.keys())),
        only_b=tuple(sorted(right.keys() - left.keys())),
        types={kind: found for kind, found in both.items() if not found.empty},
        same=tuple(kind for kind, found in both.items() if found.empty),
    )


def _types(a: TaskGraph, b: TaskGraph) -> TypeDiff:
    sides = tuple(_counts(graph, "min_support", "records", "users") for graph in (a, b))
    return TypeDiff(
        counts=(sides[0], sides[1]) if sides[0] != sides[1] else None,
        nodes=_parts(*({node.concept: _counts(node, "support", "records") for node in graph.nodes} for graph in (a, b))),
        edges=_parts(
            *(
                {f"{left.concept} — {right.concept}": _counts(edge, "frequency", "users") for left, right, edge in graph.triples()}
                for graph in (a, b)
            )
        ),
    )


def _counts(part: TaskGraph | GraphNode | GraphEdge, *names: str) -> dict[str, int]:
    """What is counted, and the most it can be where that is more: bounds that meet say what an exact count says."""
    most = {f"{name}_most": getattr(part, f"{name}_most", None) for name in names}
    exact = {name: getattr(part, name) for name in names}
    return exact | {name: count for name, count in most.items() if count is not None and count != exact[name.removesuffix("_most")]}


def _parts(a: Mapping[str, Counted], b: Mapping[str, Counted]) -> PartDiff:
    both = sorted(a.keys() & b.keys())
    changed = {key: (a[key], b[key]) for key in both if a[key] != b[key]}
    return PartDiff(
        only_a={key: a[key] for key in sorted(a.keys() - b.keys())},
        only_b={key: b[key] for key in sorted(b.keys() - a.keys())},
        changed=changed,
        same=len(both) - len(changed),
    )
