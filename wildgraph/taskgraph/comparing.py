"""What differs between two sets of task graphs: types, nodes and edges that only one has, and counts that changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wildgraph.frames import frame, html_table, one_line
from wildgraph.records import Json
from wildgraph.taskgraph.graph import GraphEdge, GraphNode, TaskGraph

if TYPE_CHECKING:
    import pandas as pd

Counted = Mapping[str, int]
#: Of a difference as a frame.
COLUMNS = ("type", "in", *(f"{part}_{how}" for part in ("nodes", "edges") for how in ("only_a", "only_b", "changed")))


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


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        return one_line("GraphDiff", only_a=len(self.only_a), only_b=len(self.only_b), changed=len(self.types), same=len(self.same))

    def _repr_html_(self) -> str:
        """In notebooks: the types in which something differs."""
        rows = [tuple(row.values()) for row in self._rows()]
        return html_table(f"{len(rows)} of {len(rows) + len(self.same)} types differ", COLUMNS, rows)

    def to_pandas(self) -> pd.DataFrame:
        """One row a type in which something differs: which side has it, and of its nodes and edges how many each side has alone and how many changed."""
        return frame(self._rows(), COLUMNS)

    def _rows(self) -> Iterator[dict[str, object]]:
        for side, kinds in (("a", self.only_a), ("b", self.only_b)):
            yield from ({**dict.fromkeys(COLUMNS), "type": kind, "in": side} for kind in kinds)
        for kind, found in self.types.items():
            row: dict[str, object] = {"type": kind, "in": "both"}
            for name, part in (("nodes", found.nodes), ("edges", found.edges)):
                row |= {f"{name}_only_a": len(part.only_a), f"{name}_only_b": len(part.only_b), f"{name}_changed": len(part.changed)}
            yield row

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
