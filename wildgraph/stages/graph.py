"""Build one co-occurrence graph per document type from labelled records (WildLong, arXiv 2502.16684 §3.2; k-anonymity ours).

A pure integer function of records and catalogue, independent of the records' order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.catalogue import Catalogue
from wildgraph.cooccurrence import PairCounts, count_labels, count_pairs, encode
from wildgraph.fields import ANY_DOCUMENT as GENERIC_TYPE
from wildgraph.fields import DOCUMENT_TYPE, TASK
from wildgraph.reach import offers_path
from wildgraph.records import LabelledRecord, Rejection
from wildgraph.taskgraph import GraphEdge, GraphNode, TaskGraph
from wildgraph.taskgraph.statistics import Supports

STAGE = "graph"
VERSION = 2

#: Where records go when neither their type nor its parent has enough of them, beside those of which no more is known than 'document'.
ANY_DOCUMENT = f"{DOCUMENT_TYPE}/{GENERIC_TYPE}"
NO_DOCUMENT = f"{DOCUMENT_TYPE}/no-document"
_FALLBACK_NAMES = {ANY_DOCUMENT: GENERIC_TYPE, NO_DOCUMENT: "no document"}


class GraphConfig(BaseModel):
    """How graphs are built.

    Attributes:
        min_support: K: distinct users below which a node or an edge is not published, and folds into its parent or is dropped.
        min_type_records: records below which a document type rolls up to its parent.
        min_path: labels of the shortest path that a type's graph has to offer, or the type rolls up as well: nothing could be sampled from it.
            0 keeps any graph. As ``walk.min_length``. [ours]
        no_document: whether queries without a document make a graph of their own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_support: int = Field(default=3, ge=1)
    min_type_records: int = Field(default=10, ge=1)
    min_path: int = Field(default=5, ge=0)
    no_document: Literal["drop", "keep"] = "drop"


def build_graphs(
    records: Iterable[LabelledRecord], config: GraphConfig, *, catalogue: Catalogue
) -> tuple[list[TaskGraph], list[Rejection]]:
    """The published graphs, sorted by document type, and the records that enter none.

    Args:
        records: from the canonicalize stage.
        config: thresholds.
        catalogue: the concepts' hierarchy and names.
    """
    items = sorted(records, key=lambda record: record.id)
    typed, untyped = _typed(items, config)
    rejections = [Rejection(stage=STAGE, item=record.id, reason="no_document") for record in untyped]
    graphs = []
    made: dict[str, tuple[TaskGraph, list[LabelledRecord]]] = {}
    starts = {TASK} if any(concept.field == TASK for concept in catalogue.concepts.values()) else set()

    def offers(kind: str, members: Sequence[LabelledRecord]) -> bool:
        made[kind] = build_graph(kind, members, config, catalogue)
        return offers_path(made[kind][0], config.min_path, starts)

    for kind, members in roll_up_types(typed, config, catalogue, offers if config.min_path else None).items():
        if kind is None:
            rejections += [Rejection(stage=STAGE, item=record.id, reason="rare_document_type") for record in members]
            continue
        graph, unlabelled = made[kind] if kind in made else build_graph(kind, members, config, catalogue)
        rejections += [Rejection(stage=STAGE, item=record.id, reason="no_labels") for record in unlabelled]
        if graph.nodes:
            graphs.append(graph)
    rejections.sort(key=lambda rejection: rejection.item)
    return sorted(graphs, key=lambda graph: graph.document_type), rejections


def _typed(records: Iterable[LabelledRecord], config: GraphConfig) -> tuple[list[tuple[str, LabelledRecord]], list[LabelledRecord]]:
    """Records with the type whose graph they would enter, and those that are about no document."""
    typed, untyped = [], []
    for record in records:
        kind = NO_DOCUMENT if record.document_type is None and config.no_document == "keep" else record.document_type
        if kind is None:
            untyped.append(record)
        else:
            typed.append((kind, record))
    return typed, untyped


def unpruned_supports(records: Iterable[LabelledRecord], config: GraphConfig, *, catalogue: Catalogue, kinds: Collection[str]) -> Supports:
    """How many users are behind the nodes and edges that the graphs would have if none were pruned, without making these graphs.

    Args:
        records: from the canonicalize stage.
        config: thresholds of the graphs.
        catalogue: the concepts' hierarchy.
        kinds: document types of the graphs: which ones offered a path.
    """
    pools = roll_up_types(_typed(records, config)[0], config, catalogue, (lambda kind, _: kind in kinds) if config.min_path else None)
    rows = ((kind, one.user, one.labels) for kind, members in pools.items() if kind is not None for one in members)
    coded = encode(rows).records
    return Supports.counted((count_labels(coded).users,), (block.users for block in count_pairs(coded)))


def roll_up_types(
    typed: Sequence[tuple[str, LabelledRecord]],
    config: GraphConfig,
    catalogue: Catalogue,
    suits: Callable[[str, Sequence[LabelledRecord]], bool] | None = None,
) -> dict[str | None, list[LabelledRecord]]:
    """Records by the type whose graph they enter: the leaf type, else its nearest ancestor, else any document, else none.

    A type that ``suits`` does not like rolls up as a rare one does; what nothing is above is not asked about. A parent's graph holds only
    what its rarer children left over, so parent and child never overlap and both have at least ``min_type_records`` records and
    ``min_support`` users.
    """
    pools: dict[str, list[LabelledRecord]] = defaultdict(list)
    for kind, record in typed:
        pools[kind].append(record)
    depth = {kind: len(catalogue.lineage(kind)) for kind in pools}
    done: dict[str | None, list[LabelledRecord]] = {}
    rolled: set[str] = set()
    while pools:
        kind = max(pools, key=lambda one: (one != ANY_DOCUMENT, depth.get(one, 1), one))
        members = pools.pop(kind)
        enough = len(members) >= config.min_type_records and len({record.user for record in members}) >= config.min_support
        if enough and (suits is None or kind in _FALLBACK_NAMES or suits(kind, members)):
            done[kind] = members
            continue
        line = catalogue.lineage(kind)
        rolled.add(kind)
        up = line[1] if len(line) > 1 and line[1] not in rolled else ANY_DOCUMENT  # parents may go in a circle
        if kind in (ANY_DOCUMENT, NO_DOCUMENT):
            done.setdefault(None, []).extend(members)
        else:
            pools[up].extend(members)
            depth.setdefault(up, len(catalogue.lineage(up)) if up != ANY_DOCUMENT else 0)
    return done


def build_graph(
    kind: str, members: Sequence[LabelledRecord], config: GraphConfig, catalogue: Catalogue
) -> tuple[TaskGraph, list[LabelledRecord]]:
    """One type's graph, and those of its records that none of its labels describes."""
    members = sorted(members, key=lambda record: record.id)
    labels = fold_rare([set(record.labels) for record in members], [record.user for record in members], config.min_support, catalogue)
    rows = ((kind, record.user, found) for record, found in zip(members, labels, strict=True))
    coded = encode(rows, label_order=lambda one: (catalogue.concepts[one].field, one))
    held = count_labels(coded.records)
    nodes = tuple(
        GraphNode(field=catalogue.concepts[concept].field, concept=concept, name=catalogue.name(concept), support=support, records=count)
        for concept, support, count in zip(coded.labels, held.users.tolist(), held.records.tolist(), strict=True)
    )
    pairs = PairCounts.joined(count_pairs(coded.records, min_users=config.min_support))
    edges = tuple(
        GraphEdge(source=source, target=target, frequency=count, users=people)
        for _, source, target, count, people in zip(*(column.tolist() for column in pairs), strict=True)
    )
    name = _FALLBACK_NAMES.get(kind) or catalogue.name(kind)
    graph = TaskGraph(
        document_type=kind,
        name=name,
        records=len(members),
        users=len(coded.users),
        min_support=config.min_support,
        nodes=nodes,
        edges=edges,
    )
    return graph, [record for record, found in zip(members, labels, strict=True) if not found]


def fold_rare(labels: Sequence[set[str]], users: Sequence[str], min_support: int, catalogue: Catalogue) -> list[set[str]]:
    """Labels with fewer than ``min_support`` distinct users replaced by their parents, deepest first; dropped where even those are rare.

    What remains has at least ``min_support`` users each, a parent counted without the children that stayed.
    """
    current = [set(found) for found in labels]
    settled: set[str] = set()
    folded: set[str] = set()
    lineage = cache(catalogue.lineage)
    while True:
        rows: dict[str, list[int]] = defaultdict(list)
        for row, found in enumerate(current):
            for one in found - settled:
                rows[one].append(row)
        if not rows:
            return current
        deepest = max(len(lineage(one)) for one in rows)
        level = [one for one in rows if len(lineage(one)) == deepest]
        settled.update(one for one in level if len({users[row] for row in rows[one]}) >= min_support)
        folded.update(one for one in level if one not in settled)
        for one in level:
            if one in settled:
                continue
            line = lineage(one)
            upwards = len(line) > 1 and line[1] not in folded  # in a circle of parents nothing is higher
            for found in map(current.__getitem__, rows[one]):
                found.discard(one)
                # Beside a sibling that stays, the parent would say nothing new, and a path would hold both.
                if upwards and not any(line[1] in lineage(other)[1:] for other in found & settled):
                    found.add(line[1])
