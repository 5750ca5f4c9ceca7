"""Two runs side by side: for each document type the union of both graphs, laid out once, so that nothing moves between the two.

A label or edge is the same in both if its concept is, or else if its field and name are: catalogues of two runs number concepts apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from wildgraph.explorer.payload import PageData, TypeData, by_type, graph_block, kept_edges
from wildgraph.explorer.picture import Picture
from wildgraph.explorer.rows import accepted
from wildgraph.records import Json
from wildgraph.taskgraph import GraphEdge, GraphNode, TaskGraph

#: Standard errors by which two shares must differ to count as changed: 95% of chance lies below [ours].
SURE = 1.96
#: What became of a label, in the order of the numbers that a page has for it.
CHANGES = ("only here", "more here", "about the same", "more there", "only there")


@dataclass(frozen=True)
class TypePair:
    """One document type in two runs.

    Attributes:
        key: how links name it; unique among the types compared.
        here, there: the type in this run and in the other one; at least one is there.
        painter: lays a graph out.
    """

    key: str
    here: TypeData | None
    there: TypeData | None
    painter: Callable[[TaskGraph], Picture]

    @property
    def name(self) -> str:
        """What a reader calls it."""
        kind = self.here or self.there
        return kind.name if kind else ""

    @property
    def graphs(self) -> tuple[TaskGraph | None, TaskGraph | None]:
        """The graph in this run and in the other one."""
        return (self.here.graph if self.here else None, self.there.graph if self.there else None)

    @cached_property
    def union(self) -> Union:
        """Both graphs as one."""
        return unite(*self.graphs)

    @cached_property
    def picture(self) -> Picture:
        """The layout of the union."""
        return self.painter(self.union.graph)

    @cached_property
    def changes(self) -> list[int]:
        """Per label of the union, the number of its entry in :data:`CHANGES`."""
        totals = [graph.records if graph else 0 for graph in self.graphs]
        return [change(*counts, *totals) for counts in zip(*self.union.records, strict=True)]


@dataclass(frozen=True)
class Union:
    """Two graphs as one.

    Attributes:
        graph: labels and edges of both, counts added up, for the layout.
        places: per side, the number that each label of the union has there, or -1.
        records: per side and label of the union, in how many records it is. frequency: the same per edge.
    """

    graph: TaskGraph
    places: tuple[list[int], list[int]]
    records: tuple[list[int], list[int]]
    frequency: tuple[list[int], list[int]]


def unite(here: TaskGraph | None, there: TaskGraph | None) -> Union:
    """The union of two graphs of one document type.

    Args:
        here: the graph of this run.
        there: the graph of the other one; one of the two may be ``None``.

    Raises:
        ValueError: both are ``None``.
    """
    sides = (here, there)
    given = [graph for graph in sides if graph is not None]
    if not given:
        raise ValueError("there is no graph to unite")
    maps = _matched(here, there)
    nodes: dict[str, GraphNode] = {}
    for graph, names in zip(sides, maps, strict=True):
        for node, name in zip(graph.nodes if graph else (), names, strict=True):
            known = nodes.get(name)
            counts = {"support": node.support, "records": node.records}
            if known:
                counts = {"support": known.support + node.support, "records": known.records + node.records}
            nodes[name] = (known or node).model_copy(update={**counts, "support_most": None, "records_most": None})
    order = sorted(nodes, key=lambda name: (nodes[name].field, name))
    number = {name: place for place, name in enumerate(order)}
    edges: dict[tuple[int, int], list[int]] = {}
    users: dict[tuple[int, int], int] = {}
    for side, (graph, names) in enumerate(zip(sides, maps, strict=True)):
        for edge in graph.edges if graph else ():
            left, right = sorted((number[names[edge.source]], number[names[edge.target]]))
            edges.setdefault((left, right), [0, 0])[side] += edge.frequency
            users[left, right] = users.get((left, right), 0) + edge.users
    places = tuple([-1] * len(order) for _ in sides)
    records = tuple([0] * len(order) for _ in sides)
    for side, (graph, names) in enumerate(zip(sides, maps, strict=True)):
        for place, name in enumerate(names):
            places[side][number[name]] = place
            records[side][number[name]] += graph.nodes[place].records if graph else 0
    ends = sorted(edges)
    united = TaskGraph(
        document_type=given[0].document_type,
        name=given[0].name,
        records=sum(graph.records for graph in given),
        users=sum(graph.users for graph in given),
        min_support=min(graph.min_support for graph in given),
        nodes=tuple(nodes[name] for name in order),
        edges=tuple(
            GraphEdge(source=left, target=right, frequency=sum(edges[left, right]), users=users[left, right]) for left, right in ends
        ),
    )
    return Union(
        united, (places[0], places[1]), (records[0], records[1]), ([edges[end][0] for end in ends], [edges[end][1] for end in ends])
    )


def _matched(here: TaskGraph | None, there: TaskGraph | None) -> tuple[list[str], list[str]]:
    """Per side, the concept under which each node is counted in the union."""
    own = [node.concept for node in here.nodes] if here else []
    known = set(own)
    by_name = {(node.field, node.name): node.concept for node in here.nodes} if here else {}
    foreign = [node.concept for node in there.nodes] if there else []
    taken = known.intersection(foreign)
    matched = []
    for node in there.nodes if there else ():
        name = by_name.get((node.field, node.name), node.concept) if node.concept not in known else node.concept
        if name != node.concept and name in taken:
            name = node.concept
        taken.add(name)
        matched.append(name)
    return own, matched


def change(here: int, there: int, total_here: int, total_there: int) -> int:
    """What became of a label: the number of its entry in :data:`CHANGES`.

    Shares of two runs differ when the two-proportion z-test says that chance would not often make them differ so much.

    Args:
        here: records of this run that hold the label.
        there: records of the other one.
        total_here: records of the type in this run.
        total_there: records of the type in the other one.

    Example:
        >>> [CHANGES[change(*counts)] for counts in ((5, 0, 100, 100), (60, 20, 100, 100), (21, 20, 100, 100), (0, 5, 100, 100))]
        ['only here', 'more here', 'about the same', 'only there']
    """
    if not there:
        return 0
    if not here:
        return 4
    pooled = (here + there) / max(1, total_here + total_there)
    error = math.sqrt(max(0.0, pooled * (1 - pooled)) * (1 / max(1, total_here) + 1 / max(1, total_there)))
    apart = here / max(1, total_here) - there / max(1, total_there)
    if error == 0 or abs(apart) < SURE * error:
        return 2
    return 1 if apart > 0 else 3


def type_pairs(here: Sequence[TypeData], there: PageData, painter: Callable[[TaskGraph], Picture]) -> list[TypePair]:
    """The document types of two runs, matched by concept and else by name: those of this run first, then those of the other one alone."""
    others = [kind for kind in by_type(there, painter) if kind.graph is not None]
    found = []
    for kind in here:
        if kind.graph is None:
            continue
        match = next((other for other in others if other.graph and other.graph.document_type == kind.graph.document_type), None)
        match = match or next((other for other in others if other.name == kind.name), None)
        if match:
            others.remove(match)
        found.append(TypePair(kind.key, kind, match, painter))
    taken = {pair.key for pair in found}
    for number, kind in enumerate(others):
        found.append(TypePair(kind.key if kind.key not in taken else f"there-{number}", None, kind, painter))
    return found


def comparison(here: PageData, there: PageData, pairs: Sequence[TypePair]) -> dict[str, Json]:
    """The part of the overview that compares two runs: stages, rows and types of both."""
    stages = list(dict.fromkeys(stage.stage for run in (here, there) for stage in run.funnel))
    counts = [{stage.stage: (stage.entered, stage.passed) for stage in run.funnel} for run in (here, there)]
    return {
        "title": there.title,
        "rows": [[len(run.pairs), sum(map(accepted, run.pairs))] for run in (here, there)],
        "tokens": [_median([pair.n_tokens.total for pair in run.pairs]) for run in (here, there)],
        "funnel": [[stage, *(_stage(side.get(stage)) for side in counts)] for stage in stages],
        "reasons": _reasons(here, there),
        "types": [_card(pair) for pair in pairs],
    }


def _stage(counts: tuple[int, int] | None) -> Json:
    return [*counts] if counts else None


def _median(values: Sequence[int]) -> Json:
    return sorted(values)[len(values) // 2] if values else None


def _reasons(here: PageData, there: PageData) -> list[Json]:
    """[stage, class, reason, count here, count there], the largest first."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for side, run in enumerate((here, there)):
        for stage in run.funnel:
            for kind, reasons in stage.rejected.items():
                for reason, count in reasons.items():
                    found.setdefault((stage.stage, kind, reason), [0, 0])[side] += count
    return [[*key, *counts] for key, counts in sorted(found.items(), key=lambda item: (-max(item[1]), item[0]))]


def _card(pair: TypePair) -> dict[str, Json]:
    graphs = pair.graphs
    changes = pair.changes
    edges = list(zip(*pair.union.frequency, strict=True))
    return {
        "key": pair.key,
        "name": pair.name,
        "own": pair.here.key if pair.here else None,
        "records": [graph.records if graph else 0 for graph in graphs],
        "users": [graph.users if graph else 0 for graph in graphs],
        "nodes": [len(graph.nodes) if graph else 0 for graph in graphs],
        "edges": [len(graph.edges) if graph else 0 for graph in graphs],
        "rows": [len(kind.pairs) if kind else 0 for kind in (pair.here, pair.there)],
        "accepted": [sum(map(accepted, kind.pairs)) if kind else 0 for kind in (pair.here, pair.there)],
        "minSupport": [graph.min_support if graph else None for graph in graphs],
        "changes": [changes.count(number) for number in range(len(CHANGES))],
        "edgeChanges": [
            sum(there == 0 for _, there in edges),
            sum(here > 0 and there > 0 for here, there in edges),
            sum(here == 0 for here, _ in edges),
        ],
    }


def union_block(pair: TypePair, fields: Sequence[str], edge_share: float = 1.0) -> dict[str, Json]:
    """The block of one type's union: a graph block and, per side, what each label and edge has there.

    Args:
        pair: the type.
        fields: the page's field order.
        edge_share: as in :func:`~wildgraph.explorer.payload.graph_block`.
    """
    union = pair.union
    block = graph_block(TypeData(pair.key, union.graph, ()), union.graph, pair.picture, fields, edge_share)
    kept = kept_edges(union.graph, pair.picture, edge_share)
    used = [_use(kind, places) for kind, places in zip((pair.here, pair.there), union.places, strict=True)]
    block["sides"] = {
        "records": [[*side] for side in union.records],
        "used": [side[0] for side in used],
        "accepted": [side[1] for side in used],
        "frequency": [[side[number] for number in kept] for side in union.frequency],
    }
    block["change"] = [*pair.changes]
    return block


def _use(kind: TypeData | None, places: Sequence[int]) -> tuple[list[Json], list[Json]]:
    """Per label of the union: in how many pairs of one side it is used, and in how many accepted ones."""
    used, good = kind.use if kind else ([], [])
    return [used[place] if place >= 0 else 0 for place in places], [good[place] if place >= 0 else 0 for place in places]
