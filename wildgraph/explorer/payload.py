"""The data of the page: plain JSON values, one block for the overview and two per document type (graph, rows).

A block is inflated only when a view needs it. Everything that counts is counted here; the browser filters and paints.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from wildgraph.explorer.picture import EDGES_PER_LABEL, Picture, draw
from wildgraph.explorer.rows import accepted, choose, row
from wildgraph.fields import DEFAULT_FIELDS
from wildgraph.reasons import REASONS
from wildgraph.records import Json, Pair
from wildgraph.taskgraph import TaskGraph

#: Paths per graph that a page carries.
PATHS = 400
#: Dots in the thumbnail of a graph.
THUMBNAIL_DOTS = 90
#: Lower bounds of the bins of the length histogram, in tokens.
LENGTH_BINS = (0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000)
_PLAIN = re.compile(r"[\w./:-]{1,120}", re.ASCII)


@dataclass(frozen=True)
class FunnelStage:
    """What happened to the items of one stage.

    Attributes:
        stage: its name.
        entered, passed: items in and out.
        rejected: class (``filtered``, ``gated``, ``failed``) -> reason -> count.
    """

    stage: str
    entered: int
    passed: int
    rejected: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class PageData:
    """Everything a page is made from.

    Attributes:
        title: the run's name.
        graphs: one per document type; may be empty.
        funnel: the run's stages in order; may be empty.
        pairs: all rows, accepted and gated ones; one with a failed verdict counts as rejected. The page carries a sample.
        documents: content hash of a document, or its id -> text or excerpt, for evidence in context; asked only for documents of rows
            that are shown. An id may stand for two texts: the one that was read, and one whose evidence was taken out.
        titles: the same -> title, asked likewise.
        about: what the run was made with, shown as it is.
        publish: leave out rows and documents; counts, graphs and paths remain.
        notes: what else a reader should know, such as that a stage is still at work.
    """

    title: str
    graphs: Sequence[TaskGraph]
    funnel: Sequence[FunnelStage] = ()
    pairs: Sequence[Pair] = ()
    documents: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    publish: bool = False
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class TypeData:
    """One document type: its graph, its picture and its rows.

    Attributes:
        key: how links name it; unique on the page.
        graph: ``None`` for rows whose document type has no graph.
        painter: lays the graph out.
    """

    key: str
    graph: TaskGraph | None
    pairs: Sequence[Pair]
    painter: Callable[[TaskGraph], Picture] = draw

    @property
    def name(self) -> str:
        """What a reader calls it."""
        return self.graph.name if self.graph else "other documents"

    @cached_property
    def picture(self) -> Picture | None:
        """The layout of the graph."""
        return self.painter(self.graph) if self.graph else None

    @cached_property
    def labels(self) -> dict[tuple[str, str], int]:
        """(field, concept or published name) -> node number."""
        found: dict[tuple[str, str], int] = {}
        for number, node in enumerate(self.graph.nodes if self.graph else ()):
            found.setdefault((node.field, node.name), number)
        for number, node in enumerate(self.graph.nodes if self.graph else ()):
            found[node.field, node.concept] = number
        return found

    def steps(self, pair: Pair) -> list[int]:
        """Node numbers of the path and the attributes of one of its pairs, unknown labels left out, each once."""
        found = (self.labels.get(step) for step in (*pair.path, *pair.attributes))
        return list(dict.fromkeys(number for number in found if number is not None))

    @cached_property
    def use(self) -> tuple[list[int], list[int]]:
        """Per node: in how many pairs it is used, and in how many accepted ones."""
        size = len(self.graph.nodes) if self.graph else 0
        used, good = [0] * size, [0] * size
        for pair in self.pairs:
            for number in self.steps(pair):
                used[number] += 1
                good[number] += accepted(pair)
        return used, good


def by_type(data: PageData, painter: Callable[[TaskGraph], Picture] = draw) -> list[TypeData]:
    """The document types, those with most records first, then the rows without a graph if there are any.

    Args:
        data: the run.
        painter: lays a graph out.
    """
    graphs = sorted(data.graphs, key=lambda graph: (-graph.records, graph.document_type))
    known = {name: graph for graph in reversed(graphs) for name in (graph.name, graph.document_type)}
    rows: dict[str | None, list[Pair]] = {}
    for pair in data.pairs:
        graph = known.get(pair.document_type)
        rows.setdefault(graph.document_type if graph else None, []).append(pair)
    types = []
    taken: set[str] = {"other"}
    for number, graph in enumerate(graphs):
        key = graph.slug if _PLAIN.fullmatch(graph.slug) and graph.slug not in taken else f"type-{number}"
        taken.add(key)
        types.append(TypeData(key, graph, rows.get(graph.document_type, []), painter))
    return [*types, TypeData("other", None, rows[None])] if None in rows else types


def field_order(types: Iterable[TypeData]) -> list[str]:
    """The fields of all graphs: those of the default table in its order, then others by name."""
    present = {node.field for kind in types if kind.graph for node in kind.graph.nodes}
    table = [known.name for known in DEFAULT_FIELDS]
    return sorted(present, key=lambda name: (table.index(name) if name in table else len(table), name))


def overview(
    data: PageData, types: Sequence[TypeData], fields: Sequence[str], shown: Mapping[str, int], notes: Sequence[str]
) -> dict[str, Json]:
    """The block that the page opens with.

    Args:
        data: the run.
        types: what :func:`by_type` gives.
        fields: what :func:`field_order` gives; what the page compares with may have more than its own types.
        shown: type key -> how many rows the page carries.
        notes: what was left out of the page.
    """
    labels = Counter(node.field for kind in types if kind.graph for node in kind.graph.nodes)
    return {
        "title": data.title,
        "about": [[name, value] for name, value in data.about.items()],
        "publish": data.publish,
        "notes": [*data.notes, *notes],
        "fields": list(fields),
        "fieldSizes": [labels[name] for name in fields],
        "funnel": [_stage(stage) for stage in data.funnel],
        "reasons": {reason: REASONS[reason][1] for reason in sorted(_reasons(data)) if reason in REASONS},
        "types": [_type_card(kind, fields, shown.get(kind.key, 0)) for kind in types],
        "histograms": _histograms(data.pairs),
        "rows": len(data.pairs),
        "accepted": sum(map(accepted, data.pairs)),
    }


def _reasons(data: PageData) -> set[str]:
    """Every rejection reason that the page may have to explain."""
    dropped = {reason for stage in data.funnel for reasons in stage.rejected.values() for reason in reasons}
    return dropped | {verdict.reason for pair in data.pairs for verdict in pair.verdicts}


def _stage(stage: FunnelStage) -> Json:
    drops: list[Json] = [
        [kind, reason, count]
        for kind in ("filtered", "gated", "failed", *sorted(set(stage.rejected) - {"filtered", "gated", "failed"}))
        for reason, count in sorted(stage.rejected.get(kind, {}).items(), key=lambda item: (-item[1], item[0]))
        if count
    ]
    return {"stage": stage.stage, "entered": stage.entered, "passed": stage.passed, "drops": drops}


def _type_card(kind: TypeData, fields: Sequence[str], shown: int) -> Json:
    card: dict[str, Json] = {
        "key": kind.key,
        "name": kind.name,
        "rows": len(kind.pairs),
        "accepted": sum(map(accepted, kind.pairs)),
        "shown": shown,
    }
    graph, picture = kind.graph, kind.picture
    if graph is None or picture is None:
        return card
    used, _ = kind.use
    total = Counter(node.field for node in graph.nodes)
    touched = Counter(node.field for node, times in zip(graph.nodes, used, strict=True) if times)
    tied = [island for island in picture.islands if not island.loose]
    dots = [node for island in picture.islands for node in island.members][:: max(1, len(graph.nodes) // THUMBNAIL_DOTS)]
    card.update(
        records=graph.records,
        users=graph.users,
        minSupport=graph.min_support,
        nodes=len(graph.nodes),
        edges=len(graph.edges),
        islands=[[graph.nodes[node].name for node in island.title] for island in tied[:3]],
        islandCount=len(tied),
        discs=[[island.x, island.y, island.radius, int(island.loose)] for island in picture.islands[:60]],
        dots=[[picture.x[node], picture.y[node], fields.index(graph.nodes[node].field)] for node in dots],
        coverage=[[total[name], touched[name]] for name in fields],
    )
    return card


def _histograms(pairs: Sequence[Pair]) -> Json:
    lengths = Counter(max(low for low in LENGTH_BINS if pair.n_tokens.total >= low) for pair in pairs)
    bins = [low for low in LENGTH_BINS if lengths and min(lengths) <= low <= max(lengths)]
    steps, group = Counter(len(pair.path) for pair in pairs), Counter(len(pair.documents) for pair in pairs)
    return {
        "tokens": [[f"{low // 1000}K" if low else "0", lengths[low]] for low in bins],
        "estimated": any(pair.n_tokens.estimated for pair in pairs),
        "labels": _counts(steps),
        "documents": _counts(group),
        "paradigms": [
            [name, count] for name, count in sorted(Counter(pair.paradigm for pair in pairs).items(), key=lambda item: (-item[1], item[0]))
        ],
    }


def _counts(values: Counter[int]) -> Json:
    if not values:
        return []
    return [[str(value), values[value]] for value in range(min(values), max(values) + 1)]


def kept_edges(graph: TaskGraph, picture: Picture, share: float) -> list[int]:
    """Edge numbers that a page carries: the backbone, and of the others the given part, those of the strongest association first."""
    backbone = set(picture.backbone)
    others = sorted(
        (number for number in range(len(graph.edges)) if number not in backbone), key=lambda number: (-picture.scores[number], number)
    )
    return sorted(backbone.union(others[: int(len(others) * share)]))


def graph_block(kind: TypeData, graph: TaskGraph, picture: Picture, fields: Sequence[str], edge_share: float = 1.0) -> dict[str, Json]:
    """The block of one graph, by columns.

    Edges are coded as counts per source and differences of targets, which halves what is left after compression.

    Args:
        kind: the type, for what its rows use.
        graph: its graph.
        picture: the layout of that graph.
        fields: the page's field order.
        edge_share: part of the edges outside the backbone that is kept, those of the strongest association first.
    """
    backbone = set(picture.backbone)
    kept = kept_edges(graph, picture, edge_share)
    per_source = Counter(graph.edges[number].source for number in kept)
    targets: list[Json] = []
    before = (-1, -1)
    for number in kept:
        edge = graph.edges[number]
        targets.append(edge.target - (before[1] if edge.source == before[0] else edge.source))
        before = (edge.source, edge.target)
    used, good = kind.use
    return {
        "nodes": {
            "key": [node.concept if _PLAIN.fullmatch(node.concept) else f"~{number}" for number, node in enumerate(graph.nodes)],
            "name": [node.name for node in graph.nodes],
            "field": [fields.index(node.field) for node in graph.nodes],
            "support": [node.support for node in graph.nodes],
            "records": [node.records for node in graph.nodes],
            "used": [*used],
            "accepted": [*good],
            "island": list(picture.island_of),
            "x": list(picture.x),
            "y": list(picture.y),
        },
        "edges": {
            "perSource": [per_source[number] for number in range(len(graph.nodes))],
            "target": targets,
            "frequency": [graph.edges[number].frequency for number in kept],
            "backbone": [place for place, number in enumerate(kept) if number in backbone],
            "score": [round(picture.scores[number] * 100) for number in kept if number in backbone],
        },
        "edgeCount": len(graph.edges),
        "edgesPerLabel": EDGES_PER_LABEL,
        "chips": list(picture.chips),
        "islands": [[island.x, island.y, island.radius, list(island.title), len(island.members)] for island in picture.islands],
    }


def rows_block(kind: TypeData, chosen: Sequence[Pair], data: PageData) -> dict[str, Json]:
    """The block of one type's paths and rows.

    Args:
        kind: the type.
        chosen: the rows that are shown whole.
        data: the run; one to be published shows paths only, and of these only labels that are in the graph.
    """
    place = {pair.id: number for number, pair in enumerate(chosen)}
    rest = [pair for pair in choose(kind.pairs, PATHS) if pair.id not in place]
    walked = sorted([*chosen, *rest[: max(0, PATHS - len(chosen))]], key=lambda pair: (pair.index, pair.id))
    paths: list[Json] = []
    for pair in walked:
        steps: list[Json] = [number for step in pair.path if (number := kind.labels.get(step)) is not None]
        if steps:
            paths.append([int(accepted(pair)), -1 if data.publish else place.get(pair.id, -1), steps])
    return {"paths": paths, "rows": [] if data.publish else [row(pair, kind.labels, data.documents, data.titles) for pair in chosen]}
