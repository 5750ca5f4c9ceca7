"""Numbers that describe task graphs: size, components, degrees, entropies, and how much of them another K would keep."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import numpy.typing as npt

from wildgraph.frames import frame, html_table, one_line
from wildgraph.records import Json
from wildgraph.taskgraph.graph import TaskGraph

if TYPE_CHECKING:
    import pandas as pd

#: Ks for which it is said what they would keep.
LADDER = (1, 2, 3, 5, 10, 20, 50, 100)


def entropy(counts: Iterable[int]) -> float:
    """Shannon entropy in bits of a distribution given by counts.

    Example:
        >>> entropy([1, 1, 1, 1]), entropy([7]), entropy([])
        (2.0, 0.0, 0.0)
    """
    found = [count for count in counts if count > 0]
    total = sum(found)
    return max(0.0, sum(count / total * math.log2(total / count) for count in found))


@dataclass(frozen=True)
class TypeStats:
    """One graph in numbers.

    Attributes:
        document_type, name, records, users, min_support, exact: as the graph has them.
        nodes, edges: how many. isolated: nodes without an edge.
        components: connected components. largest: nodes of the largest one.
        mean_degree: edges per node, counted at both ends.
        degree_entropy: bits of the distribution of degrees over nodes.
        label_entropy: bits of the distribution of labels, each weighed by its records.
        fields: the like by field, and how many nodes it has.
    """

    document_type: str
    name: str
    records: int
    users: int
    min_support: int
    exact: bool
    nodes: int
    edges: int
    isolated: int
    components: int
    largest: int
    mean_degree: float
    degree_entropy: float
    label_entropy: float
    fields: dict[str, dict[str, float]]


@dataclass(frozen=True)
class KeptAtK:
    """What a K would keep of the graphs: how many nodes and edges, and which share of all there are."""

    min_support: int
    nodes: int
    edges: int
    nodes_share: float
    edges_share: float


@dataclass(frozen=True, repr=False)
class GraphStats:
    """Graphs in numbers.

    Attributes:
        types: one entry per graph. concepts: distinct concepts in all of them.
        kept: what each K would keep, pruning alone, without folding.
        kept_of: what the shares are of: ``private counts`` or ``published graphs``.
    """

    types: tuple[TypeStats, ...]
    concepts: int
    kept: tuple[KeptAtK, ...]
    kept_of: str

    def __repr__(self) -> str:
        nodes, edges = sum(one.nodes for one in self.types), sum(one.edges for one in self.types)
        return one_line("GraphStats", types=len(self.types), concepts=self.concepts, nodes=nodes, edges=edges)

    def _repr_html_(self) -> str:
        """In notebooks: the graphs, largest first."""
        header = ("document type", "records", "users", "K", "labels", "edges", "alone", "parts", "mean degree", "label entropy")
        rows = [
            (
                *(one.name, one.records, one.users, one.min_support, one.nodes, one.edges, one.isolated, one.components),
                *(round(one.mean_degree, 1), round(one.label_entropy, 2)),
            )
            for one in sorted(self.types, key=lambda one: (-one.records, one.document_type))
        ]
        return html_table(f"{len(rows)} task graphs, {self.concepts:,} concepts", header, rows)

    def to_pandas(self, part: Literal["types", "kept"] = "types") -> pd.DataFrame:
        """The figures as a frame.

        Args:
            part: ``types`` (one row a graph, largest first) or ``kept`` (one row a K, with what it would keep).
        """
        if part == "kept":
            return frame(map(asdict, self.kept), [one.name for one in fields(KeptAtK)])
        columns = [one.name for one in fields(TypeStats) if one.name != "fields"]
        return frame(map(asdict, sorted(self.types, key=lambda one: (-one.records, one.document_type))), columns)

    def as_json(self) -> dict[str, Json]:
        """A JSON object of everything."""
        data: dict[str, Json] = asdict(self)
        return data


@dataclass(frozen=True)
class Supports:
    """How many users are behind nodes and edges.

    Attributes:
        nodes: int64, at place ``n`` how many nodes have ``n`` users; the last place holds those with more as well.
        edges: the like of edges. Both of shape (the greatest K that is asked about + 1,).
    """

    nodes: npt.NDArray[np.int64]
    edges: npt.NDArray[np.int64]

    @classmethod
    def counted(cls, nodes: Iterable[npt.ArrayLike], edges: Iterable[npt.ArrayLike], most: int = LADDER[-1]) -> Self:
        """From numbers of users, block by block; ``most`` is the greatest K that is asked about."""
        return cls(_tally(nodes, most), _tally(edges, most))

    @classmethod
    def of(cls, graphs: Sequence[TaskGraph]) -> Self:
        """Those of graphs."""
        nodes = ([node.support for node in graph.nodes] for graph in graphs)
        return cls.counted(nodes, ([edge.users for edge in graph.edges] for graph in graphs), max(LADDER[-1], _least(graphs)))


def _tally(blocks: Iterable[npt.ArrayLike], most: int) -> npt.NDArray[np.int64]:
    found = np.zeros(most + 1, dtype=np.int64)
    for block in blocks:
        found += np.bincount(np.minimum(np.asarray(block, dtype=np.int64), most), minlength=most + 1)
    return found


def describe(graphs: Sequence[TaskGraph], unpruned: Supports | None = None) -> GraphStats:
    """Graphs in numbers; floats rounded to 1e-4.

    Args:
        graphs: the published graphs.
        unpruned: what the graphs would have at K = 1, where the private counts are at hand; else shares are of what is published.
    """
    return GraphStats(
        types=tuple(_type(graph) for graph in graphs),
        concepts=len({node.concept for graph in graphs for node in graph.nodes}),
        kept=_ladder(Supports.of(graphs), _least(graphs)) if unpruned is None else _ladder(unpruned, 1),
        kept_of="published graphs" if unpruned is None else "private counts",
    )


def _type(graph: TaskGraph) -> TypeStats:
    import networkx as nx

    plain = graph.to_networkx()
    components = sorted((len(found) for found in nx.connected_components(plain)), reverse=True)
    degrees = [degree for _, degree in plain.degree()]
    fields: dict[str, list[int]] = {}
    for node in graph.nodes:
        fields.setdefault(node.field, []).append(node.records)
    return TypeStats(
        document_type=graph.document_type,
        name=graph.name,
        records=graph.records,
        users=graph.users,
        min_support=graph.min_support,
        exact=graph.exact,
        nodes=len(graph.nodes),
        edges=len(graph.edges),
        isolated=degrees.count(0),
        components=len(components),
        largest=components[0] if components else 0,
        mean_degree=round(sum(degrees) / len(degrees), 4) if degrees else 0.0,
        degree_entropy=round(entropy(Counter(degrees).values()), 4),
        label_entropy=round(entropy(node.records for node in graph.nodes), 4),
        fields={name: {"nodes": len(counts), "entropy": round(entropy(counts), 4)} for name, counts in sorted(fields.items())},
    )


def _least(graphs: Sequence[TaskGraph]) -> int:
    return min((graph.min_support for graph in graphs), default=1)


def _ladder(supports: Supports, least: int) -> tuple[KeptAtK, ...]:
    found = []
    all_nodes, all_edges = int(supports.nodes.sum()), int(supports.edges.sum())
    for k in sorted({least, *(k for k in LADDER if k > least)}):
        nodes, edges = int(supports.nodes[k:].sum()), int(supports.edges[k:].sum())
        if not nodes:
            break
        found.append(KeptAtK(k, nodes, edges, round(nodes / max(all_nodes, 1), 4), round(edges / max(all_edges, 1), 4)))
    return tuple(found)
