"""Task graphs: what one is, and what can be done with published ones: compare, check, count, coarsen, merge, hand to other programs."""

from __future__ import annotations

from wildgraph.taskgraph.graph import FORMAT, FORMAT_VERSION, GraphEdge, GraphNode, TaskGraph, graph_of, read_graphs

__all__ = ["FORMAT", "FORMAT_VERSION", "GraphEdge", "GraphNode", "TaskGraph", "graph_of", "read_graphs"]
