"""Check that published graphs keep what is promised of them; what the reader of a file refuses anyway is not repeated here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wildgraph.records import Concept
from wildgraph.taskgraph.graph import TaskGraph


def graph_problems(graph: TaskGraph, min_support: int | None = None) -> Iterator[str]:
    """What is wrong with one graph, a line each.

    Args:
        graph: the graph.
        min_support: K; the graph's own by default.
    """
    k = graph.min_support if min_support is None else min_support
    if graph.min_support < k:
        yield f"was pruned at K = {graph.min_support}, below {k}"
    if graph.users < k:
        yield f"has {graph.users} users, fewer than K = {k}"
    if graph.users > graph.records:
        yield f"has more users ({graph.users}) than records ({graph.records})"
    for node in graph.nodes:
        if node.support < k:
            yield f"node {node.concept} has {node.support} users, fewer than K = {k}"
        if node.support > node.records:
            yield f"node {node.concept} has more users ({node.support}) than records ({node.records})"
        if node.records > graph.records or node.support > graph.users:
            yield f"node {node.concept} has more records or users than the whole type"
    for left, right, edge in graph.triples():
        name = f"edge {left.concept} — {right.concept}"
        if edge.users < k:
            yield f"{name} has {edge.users} users, fewer than K = {k}"
        if edge.users > edge.frequency:
            yield f"{name} has more users ({edge.users}) than records ({edge.frequency})"
        if edge.users > min(left.support, right.support):
            yield f"{name} has more users than one of its nodes"


def hierarchy_problems(graphs: Sequence[TaskGraph], concepts: Mapping[str, Concept], known: frozenset[str] = frozenset()) -> Iterator[str]:
    """What is wrong with the concepts published beside graphs, a line each.

    Args:
        graphs: all graphs of the folder.
        concepts: the concepts by id.
        known: document types that need no concept.
    """
    shown = {node.concept: (node.field, node.name) for graph in graphs for node in graph.nodes}
    shown |= {graph.document_type: ("document_type", graph.name) for graph in graphs if graph.document_type not in known}
    for one, (field, name) in sorted(shown.items()):
        concept = concepts.get(one)
        if concept is None:
            yield f"concept {one} is in a graph and not in concepts.jsonl"
        elif (concept.field, concept.name) != (field, name):
            yield f"concept {one} has another field or name in concepts.jsonl"
    wanted = set(shown) | known
    queue = sorted(shown)
    while queue:
        concept = concepts.get(queue.pop())
        if concept is not None and concept.parent is not None:
            if concept.parent not in concepts:
                yield f"concept {concept.id} has a parent {concept.parent} that is not in concepts.jsonl"
            elif concept.parent not in wanted:
                queue.append(concept.parent)
            wanted.add(concept.parent)
    for one in sorted(concepts.keys() - wanted):
        yield f"concept {one} is in concepts.jsonl, but neither it nor a child of it is in any graph"
