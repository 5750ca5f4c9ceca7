"""Merge published graphs: what was pruned cannot be added up, so supports and frequencies become bounds.

Let U be the users behind a node (or edge) as one source publishes it. The users behind it as any source publishes it are the union of those
sets: at least the largest of them, at most their sum. The like holds for records. What a source did not publish is in neither bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from wildgraph.errors import InputError
from wildgraph.taskgraph.graph import GraphEdge, GraphNode, TaskGraph


def merge_published(sources: Sequence[Sequence[TaskGraph]]) -> list[TaskGraph]:
    """The graphs of several sources, type by type, sorted by type: commutative and associative; counts are bounds.

    Args:
        sources: each source's graphs, at most one per type.

    Raises:
        InputError: one id is a concept of two fields.
    """
    by_type: dict[str, list[TaskGraph]] = defaultdict(list)
    for graphs in sources:
        for graph in graphs:
            by_type[graph.document_type].append(graph)
    return [_merged(by_type[kind]) for kind in sorted(by_type)]


def _merged(graphs: Sequence[TaskGraph]) -> TaskGraph:
    nodes: dict[str, list[GraphNode]] = defaultdict(list)
    edges: dict[tuple[str, str], list[GraphEdge]] = defaultdict(list)
    for graph in graphs:
        for node in graph.nodes:
            nodes[node.concept].append(node)
        for left, right, edge in graph.triples():
            edges[left.concept, right.concept].append(edge)
    for concept, found in nodes.items():
        if len({node.field for node in found}) > 1:
            raise InputError(f"{concept} is a concept of {found[0].field} in one graph and of another field in the next")
    order = sorted(nodes, key=lambda concept: (nodes[concept][0].field, concept))
    place = {concept: index for index, concept in enumerate(order)}
    joined = sorted(
        # Every source sorts its nodes alike, so an edge has one direction everywhere.
        (place[left], place[right], _bounds(found, "frequency", "users"))
        for (left, right), found in edges.items()
    )
    return TaskGraph(
        document_type=graphs[0].document_type,
        name=min(graph.name for graph in graphs),
        min_support=min(graph.min_support for graph in graphs),
        **_bounds(graphs, "records", "users"),
        nodes=tuple(
            GraphNode(
                field=nodes[concept][0].field,
                concept=concept,
                name=min(node.name for node in nodes[concept]),
                **_bounds(nodes[concept], "support", "records"),
            )
            for concept in order
        ),
        edges=tuple(GraphEdge(source=source, target=target, **counts) for source, target, counts in joined),
    )


def _bounds(parts: Sequence[GraphNode] | Sequence[GraphEdge] | Sequence[TaskGraph], *names: str) -> Mapping[str, int]:
    found = {}
    for name in names:
        found[name] = max(getattr(part, name) for part in parts)
        found[f"{name}_most"] = sum(getattr(part, name) if (most := getattr(part, f"{name}_most")) is None else most for part in parts)
    return found
