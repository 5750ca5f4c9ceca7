"""What can be made of a published graph without the private counts: a higher K, and counts that no subtraction can use.

Both are functions of what is published, so they tell nothing that was not told before.
"""

from __future__ import annotations

from wildgraph.errors import UsageError
from wildgraph.taskgraph.graph import GraphEdge, GraphNode, TaskGraph


def prune(graph: TaskGraph, min_support: int) -> TaskGraph:
    """The graph with only the nodes and edges of at least ``min_support`` distinct users; nothing is folded, since nobody knows whose it was.

    Raises:
        UsageError: ``min_support`` is below the K the graph was pruned at.
    """
    if min_support < graph.min_support:
        raise UsageError(
            f"the graph of {graph.name!r} was pruned at K = {graph.min_support}, which cannot be lowered to {min_support}",
            "a lower K needs the run with its private counts",
        )
    if min_support == graph.min_support:
        return graph
    kept = [index for index, node in enumerate(graph.nodes) if node.support >= min_support]
    place = {index: new for new, index in enumerate(kept)}
    edges = tuple(
        edge.model_copy(update={"source": place[edge.source], "target": place[edge.target]})
        for edge in graph.edges
        if edge.users >= min_support and edge.source in place and edge.target in place
    )
    nodes = tuple(graph.nodes[index] for index in kept)
    return graph.model_copy(update={"min_support": min_support, "nodes": nodes, "edges": edges})


def round_counts(graph: TaskGraph) -> TaskGraph:
    """The graph with every count rounded down to a multiple of its K, and bounds that say so.

    Any two counts of the result are equal or differ by at least K, so no difference of two of them is the number of a few users or records.

    Example:
        >>> graph = TaskGraph(document_type="document_type/x", name="x", records=8, users=7, min_support=3, nodes=(), edges=())
        >>> rounded = round_counts(graph)
        >>> rounded.records, rounded.records_most, rounded.users, rounded.users_most
        (6, 8, 6, 8)
    """
    unit = graph.min_support

    def bounds(part: GraphNode | GraphEdge | TaskGraph, *names: str) -> dict[str, int]:
        found = {}
        for name in names:
            least, most = getattr(part, name), getattr(part, f"{name}_most")
            found[name] = least - least % unit
            most = least if most is None else most
            found[f"{name}_most"] = most - most % unit + unit - 1
        return found

    nodes = [node.model_copy(update=bounds(node, "support", "records")) for node in graph.nodes]
    edges = [edge.model_copy(update=bounds(edge, "frequency", "users")) for edge in graph.edges]
    about = graph.model_dump(exclude={"nodes", "edges"}) | bounds(graph, "records", "users")
    return TaskGraph(**about, nodes=tuple(nodes), edges=tuple(edges))
