"""The task graph: a typed, undirected co-occurrence graph of concepts, one per document type (WildLong, arXiv 2502.16684 §3).

Node = (field, concept); ``support`` = distinct users who asked for it within the type; ``records`` = records that hold it.
Edge ``frequency`` = records in which both occur, ``users`` = distinct users of those records. A published graph holds only nodes and
edges with at least ``min_support`` users and nothing that points at a single record.

Counts of graphs that were merged after pruning, or that were rounded, are not known exactly. Every count ``n`` of such a graph is the least
it can be, and ``n_most`` beside it the most; an exact graph has no ``*_most`` at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError, model_validator

from wildgraph.errors import InputError, UsageError
from wildgraph.frames import frame, html_table, one_line
from wildgraph.records import Record, canonical_json, content_hash

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

FORMAT = "wildgraph.taskgraph"
#: 2 has bounds. Exact graphs are written as 1, which older versions read.
FORMAT_VERSION = 2
#: Counts above this come from no log, and would not fit the integers that graphs are walked with.
_MOST = 2**53


#: The counts of each part, which may be bounds.
_COUNTS = {"GraphNode": ("support", "records"), "GraphEdge": ("frequency", "users"), "TaskGraph": ("records", "users")}


class GraphNode(Record):
    """A concept in one type's graph.

    Attributes:
        field: meta-information field it belongs to.
        concept: concept id, such as ``task/summarize-the-document``. name: its published name.
        support: distinct users within the type. records: records within the type.
        support_most, records_most: the most they can be, where they are not exact.
    """

    field: str
    concept: str
    name: str = Field(min_length=1, max_length=120)
    support: int = Field(ge=1, le=_MOST)
    records: int = Field(ge=1, le=_MOST)
    support_most: int | None = Field(default=None, le=_MOST)
    records_most: int | None = Field(default=None, le=_MOST)


class GraphEdge(Record):
    """Two nodes that occur together in records.

    Attributes:
        source, target: their places in the graph's list of nodes, from 0, the smaller one first.
        frequency: records in which both occur. users: distinct users of those records.
        frequency_most, users_most: the most they can be, where they are not exact.
    """

    source: int = Field(ge=0)
    target: int = Field(ge=0)
    frequency: int = Field(ge=1, le=_MOST)
    users: int = Field(ge=1, le=_MOST)
    frequency_most: int | None = Field(default=None, le=_MOST)
    users_most: int | None = Field(default=None, le=_MOST)


class TaskGraph(Record):
    """One document type's graph. Nodes are sorted by (field, concept), edges by (source, target).

    Attributes:
        document_type: concept id of the type. name: its published name.
        records, users: how many records and distinct users the type has. min_support: the K it was pruned at.
        records_most, users_most: the most they can be, where they are not exact.
        nodes, edges: the graph itself.
    """

    document_type: str
    name: str
    records: int = Field(ge=0, le=_MOST)
    users: int = Field(ge=0, le=_MOST)
    min_support: int = Field(ge=1)
    records_most: int | None = Field(default=None, le=_MOST)
    users_most: int | None = Field(default=None, le=_MOST)
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]

    @model_validator(mode="after")
    def _well_formed(self) -> Self:
        keys = [(node.field, node.concept) for node in self.nodes]
        if keys != sorted(set(keys)):
            raise ValueError("nodes are not sorted by (field, concept) or repeat")
        if len({node.concept for node in self.nodes}) != len(keys):
            raise ValueError("two nodes are one concept in different fields")
        pairs = [(edge.source, edge.target) for edge in self.edges]
        if pairs != sorted(set(pairs)):
            raise ValueError("edges are not sorted by (source, target) or repeat")
        for edge in self.edges:
            if not edge.source < edge.target < len(self.nodes):
                raise ValueError(f"edge ({edge.source}, {edge.target}) does not join two nodes in order")
            least = min(self.nodes[edge.source].records, self.nodes[edge.target].records)
            if edge.frequency > least:
                raise ValueError(f"edge ({edge.source}, {edge.target}) is more frequent than one of its nodes")
        for part in (self, *self.nodes, *self.edges):
            for name in _COUNTS[type(part).__name__]:
                most = getattr(part, f"{name}_most")
                if (most is None) != self.exact:
                    raise ValueError("some counts are exact and some are bounds")
                if most is not None and most < getattr(part, name):
                    raise ValueError(f"{name}_most is below {name}")
        return self

    @property
    def exact(self) -> bool:
        """Whether its counts are counts, not bounds."""
        return self.users_most is None

    @property
    def slug(self) -> str:
        """File name stem."""
        return self.document_type.rpartition("/")[2]

    @cached_property
    def fingerprint(self) -> str:
        """Content hash of the whole graph."""
        return content_hash(self.to_json())

    @cached_property
    def adjacency(self) -> npt.NDArray[np.int64]:
        """Dense symmetric frequency matrix of shape (nodes, nodes), zero diagonal."""
        matrix = np.zeros((len(self.nodes), len(self.nodes)), dtype=np.int64)
        for edge in self.edges:
            matrix[edge.source, edge.target] = matrix[edge.target, edge.source] = edge.frequency
        return matrix

    def to_json(self) -> str:
        """The graph as canonical JSON text: equal graphs give equal bytes."""
        version = 1 if self.exact else FORMAT_VERSION
        return canonical_json({"format": FORMAT, "version": version, **self.model_dump(mode="json", exclude_none=True)}) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str = "graph") -> Self:
        """Read back what :meth:`to_json` wrote.

        Args:
            text: JSON text.
            source: file name for messages.

        Raises:
            InputError: not JSON, another format, a newer version, or inconsistent content.
        """
        import json

        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{source} is not valid JSON: {error}", "it may be cut off; build the graph again") from error
        if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
            raise InputError(f"{source} is not a wildgraph task graph", "graphs are the *.json files under RUN/graphs/")
        version = data.pop("version", None)
        if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
            raise InputError(f"{source} has graph format version {version!r}", "a newer wildgraph wrote it: upgrade")
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(f"{source} is corrupt: {'.'.join(map(str, first['loc']))} {first['msg']}", "build the graph again") from error

    @classmethod
    def read(cls, path: Path) -> Self:
        """The graph in a file.

        Raises:
            InputError: the file cannot be read or is not a graph.
        """
        try:
            return cls.from_json(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read the graph {path}: {error}") from error

    def __repr__(self) -> str:
        return one_line(
            "TaskGraph", name=repr(self.name), records=self.records, users=self.users, nodes=len(self.nodes), edges=len(self.edges)
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """In notebooks: the labels that most users asked for."""
        labels = sorted(self.nodes, key=lambda node: (-node.support, node.concept))
        rows = [(node.field, node.name, node.support, node.records) for node in labels]
        caption = f"{self.name}: {self.records:,} records of {self.users:,} users, {len(self.nodes):,} labels, {len(self.edges):,} edges"
        return html_table(caption, ("field", "label", "users", "records"), rows)

    def to_pandas(self, part: Literal["nodes", "edges"] = "nodes") -> pd.DataFrame:
        """Nodes, one a row, or edges with the names of both ends; ``*_most`` where counts are bounds.

        Args:
            part: ``nodes`` or ``edges``.
        """
        if part == "nodes":
            columns = [name for name in GraphNode.model_fields if not name.endswith("_most") or not self.exact]
            return frame((node.model_dump() for node in self.nodes), columns)
        counts = [
            name for name in GraphEdge.model_fields if name not in ("source", "target") and (not name.endswith("_most") or not self.exact)
        ]
        ends = ("source", "source_name", "target", "target_name")
        rows = (
            edge.model_dump() | dict(zip(ends, (left.concept, left.name, right.concept, right.name), strict=True))
            for left, right, edge in self.triples()
        )
        return frame(rows, (*ends, *counts))

    def to_networkx(self) -> nx.Graph[str]:
        """A networkx graph: nodes are concept ids with ``field, name, support, records``, edges carry ``frequency, users``; bounds too."""
        import networkx as nx

        graph: nx.Graph[str] = nx.Graph(**self.model_dump(exclude={"nodes", "edges"}, exclude_none=True))
        for node in self.nodes:
            graph.add_node(node.concept, **node.model_dump(exclude={"concept"}, exclude_none=True))
        for edge in self.edges:
            ends = self.nodes[edge.source].concept, self.nodes[edge.target].concept
            graph.add_edge(*ends, **edge.model_dump(exclude={"source", "target"}, exclude_none=True))
        return graph

    @classmethod
    def from_networkx(cls, graph: nx.Graph[str]) -> Self:
        """The inverse of :meth:`to_networkx`.

        Raises:
            InputError: an attribute is missing or wrong.
        """
        try:
            nodes = sorted(
                (GraphNode(concept=concept, **data) for concept, data in graph.nodes(data=True)),
                key=lambda node: (node.field, node.concept),
            )
            place = {node.concept: index for index, node in enumerate(nodes)}
            edges = []
            for left, right, data in graph.edges(data=True):
                source, target = sorted((place[left], place[right]))
                edges.append(GraphEdge(source=source, target=target, **data))
            edges.sort(key=lambda edge: (edge.source, edge.target))
            return cls(nodes=tuple(nodes), edges=tuple(edges), **graph.graph)
        except (ValidationError, TypeError) as error:
            raise InputError(f"this networkx graph is not a task graph: {str(error).splitlines()[0]}") from error

    def triples(self) -> Iterator[tuple[GraphNode, GraphNode, GraphEdge]]:
        """Every edge with both its nodes, in order."""
        for edge in self.edges:
            yield self.nodes[edge.source], self.nodes[edge.target], edge


def graph_of(graphs: Sequence[TaskGraph], document_type: str) -> TaskGraph:
    """The graph of a document type, by its concept id, file stem or name.

    Raises:
        UsageError: there is none, or several have that name.
    """
    asked = document_type.strip().casefold()
    found = [one for one in graphs if asked in (one.document_type.casefold(), one.slug.casefold())]
    found = found or [one for one in graphs if one.name.casefold() == asked]
    if len(found) == 1:
        return found[0]
    known = ", ".join(sorted(one.slug for one in graphs))
    raise UsageError(f"{'several graphs are' if found else 'no graph is'} called {document_type!r}", f"there are {known}")


def read_graphs(folder: str | Path) -> list[TaskGraph]:
    """All graphs of a folder, sorted by document type.

    Raises:
        InputError: the folder is missing, holds no graph, or one cannot be read.
    """
    folder = Path(folder)
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if not paths:
        raise InputError(f"no task graph (*.json) in {folder}", "build one with `wildgraph build LOG... -o RUN`")
    return sorted((TaskGraph.read(path) for path in paths), key=lambda graph: graph.document_type)
