"""The picture of one task graph, decided here and only painted in the browser: what is an edge, an island, a chip, and where it lies.

Drawn by raw counts a task graph is a hairball: the few labels that occur everywhere tie all others together. So labels of many
records become *chips* beside the picture, edges are scored by association instead of frequency, each label keeps its three best
edges (the *backbone*), and what hangs together closely becomes an *island*.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from wildgraph.explorer.layout import disc_radius, island_layout, pack_discs, sunflower
from wildgraph.fields import TASK
from wildgraph.taskgraph import TaskGraph

if TYPE_CHECKING:
    import networkx as nx

#: A label in more than this share of a type's records says little about any one of them.
CHIP_SHARE = 0.15
#: ... but in a small graph nearly every label is that frequent: at most this part of the labels leaves the picture.
CHIP_LIMIT = 0.25
#: Edges that a label keeps for itself; others may keep more to it.
EDGES_PER_LABEL = 3


@dataclass(frozen=True)
class Island:
    """Labels that occur together more than with others.

    Attributes:
        x, y, radius: its disc, in whole picture units.
        members: node numbers, most frequent first.
        title: node numbers of the one or two labels it is named after; empty for the labels that hang on nothing.
    """

    x: int
    y: int
    radius: int
    members: tuple[int, ...]
    title: tuple[int, ...]

    @property
    def loose(self) -> bool:
        """Whether this is the disc of labels without an edge in the backbone."""
        return not self.title


@dataclass(frozen=True)
class Picture:
    """What a renderer needs to know of one graph.

    Attributes:
        chips: node numbers of the labels that stand beside the picture, most frequent first.
        backbone: edge numbers, ascending.
        scores: association of every edge in [-1, 1], in the graph's edge order.
        islands: largest first, the loose one last among equals.
        island_of: island number per node, -1 for a chip.
        x, y: whole picture units per node, 0 for a chip.
    """

    chips: tuple[int, ...]
    backbone: tuple[int, ...]
    scores: tuple[float, ...]
    islands: tuple[Island, ...]
    island_of: tuple[int, ...]
    x: tuple[int, ...]
    y: tuple[int, ...]


def draw(graph: TaskGraph, *, seed: int = 0) -> Picture:
    """The picture of a graph; equal graphs and seeds give equal pictures.

    Args:
        graph: any task graph, also an empty one.
        seed: of the island search and the layout.
    """
    chips = chip_nodes(graph)
    scores = association(graph)
    backbone = backbone_edges(graph, scores, chips)
    islands = _place(graph, _communities(graph, scores, backbone, chips, seed), scores, backbone, seed)
    island_of, x, y = ([-1] * len(graph.nodes), [0] * len(graph.nodes), [0] * len(graph.nodes))
    for number, (island, points) in enumerate(islands):
        for node, (right, down) in zip(island.members, points, strict=True):
            island_of[node], x[node], y[node] = number, island.x + int(right), island.y + int(down)
    return Picture(
        chips=chips,
        backbone=backbone,
        scores=tuple(float(score) for score in scores),
        islands=tuple(island for island, _ in islands),
        island_of=tuple(island_of),
        x=tuple(x),
        y=tuple(y),
    )


def chip_nodes(graph: TaskGraph) -> tuple[int, ...]:
    """Node numbers of the labels that occur in more than 15% of the type's records, at most a quarter of all, most frequent first."""
    order = sorted(range(len(graph.nodes)), key=lambda node: (-graph.nodes[node].records, node))
    many = [node for node in order if graph.nodes[node].records > CHIP_SHARE * graph.records]
    return tuple(many[: int(CHIP_LIMIT * len(graph.nodes))])


def association(graph: TaskGraph) -> npt.NDArray[np.float64]:
    """How much more often than by chance the two labels of each edge meet.

    Normalised pointwise mutual information (Bouma 2009), in [-1, 1], times the discount of Pantel and Ravichandran (2004) for
    counts too small to be trusted.

    Returns:
        Shape (edges,), rounded to 1e-4 so that the last bit of a logarithm decides nothing.
    """
    if not graph.edges:
        return np.zeros(0)
    records = np.array([node.records for node in graph.nodes], dtype=np.float64)
    ends = np.array([(edge.source, edge.target) for edge in graph.edges])
    together = np.array([edge.frequency for edge in graph.edges], dtype=np.float64)
    total = max(float(graph.records), float(records.max()))
    left, right = records[ends[:, 0]], records[ends[:, 1]]
    surprise = -np.log(together / total)
    mutual = np.log(together * total / (left * right))
    npmi = np.divide(mutual, surprise, out=np.zeros_like(mutual), where=surprise > 0)
    least = np.minimum(left, right)
    discount = together / (together + 1.0) * least / (least + 1.0)
    scores: npt.NDArray[np.float64] = np.round(npmi * discount, 4)
    return scores


def backbone_edges(graph: TaskGraph, scores: npt.NDArray[np.float64], chips: Sequence[int]) -> tuple[int, ...]:
    """Edge numbers of the union of every label's three best edges with a positive score, chips left out.

    Edges seen in a single record come last, whatever their score. A share of the globally best edges instead would leave whole
    regions of rare labels without any.
    """
    hidden = set(chips)
    eligible = [
        number for number, edge in enumerate(graph.edges) if scores[number] > 0 and edge.source not in hidden and edge.target not in hidden
    ]
    eligible.sort(key=lambda number: (graph.edges[number].frequency < 2, -scores[number], number))
    kept: set[int] = set()
    taken = [0] * len(graph.nodes)
    for number in eligible:
        for end in (graph.edges[number].source, graph.edges[number].target):
            if taken[end] < EDGES_PER_LABEL:
                taken[end] += 1
                kept.add(number)
    return tuple(sorted(kept))


def _communities(
    graph: TaskGraph, scores: npt.NDArray[np.float64], backbone: Sequence[int], chips: Sequence[int], seed: int
) -> list[tuple[int, ...]]:
    """Members per island, islands and members in stable order; the last entry holds the labels without an edge and may be empty."""
    import networkx as nx

    tied: nx.Graph[int] = nx.Graph()
    ends = sorted({end for number in backbone for end in (graph.edges[number].source, graph.edges[number].target)})
    tied.add_nodes_from(ends)
    for number in backbone:
        tied.add_edge(graph.edges[number].source, graph.edges[number].target, weight=float(scores[number]))
    found = nx.community.louvain_communities(tied, weight="weight", seed=seed) if ends else []
    known = {*ends, *chips}
    groups = [_by_frequency(graph, members) for members in found]
    groups.sort(key=lambda members: (-len(members), min(members)))
    return [*groups, _by_frequency(graph, (node for node in range(len(graph.nodes)) if node not in known))]


def _by_frequency(graph: TaskGraph, members: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(members, key=lambda node: (-graph.nodes[node].records, node)))


def _title(graph: TaskGraph, members: Sequence[int]) -> tuple[int, ...]:
    """The most frequent task, which says what people do here, and the most frequent label of another field."""
    first = next((node for node in members if graph.nodes[node].field == TASK), members[0])
    other = next((node for node in members if graph.nodes[node].field != graph.nodes[first].field), None)
    return (first,) if other is None else (first, other)


def _place(
    graph: TaskGraph, groups: list[tuple[int, ...]], scores: npt.NDArray[np.float64], backbone: Sequence[int], seed: int
) -> list[tuple[Island, npt.NDArray[np.int64]]]:
    """Islands with their members' points relative to the disc's centre, shape (members, 2)."""
    *tied, loose = groups
    discs = [(members, _title(graph, members)) for members in tied]
    if loose:
        discs.append((loose, ()))
    discs.sort(key=lambda disc: -len(disc[0]))
    where = {node: (number, place) for number, (members, _) in enumerate(discs) for place, node in enumerate(members)}
    inner: list[list[tuple[int, int]]] = [[] for _ in discs]
    weights: list[list[float]] = [[] for _ in discs]
    for number in backbone:
        edge = graph.edges[number]
        (left_disc, left), (right_disc, right) = where[edge.source], where[edge.target]
        if left_disc == right_disc:
            inner[left_disc].append((left, right))
            weights[left_disc].append(float(scores[number]))
    radii = [disc_radius(len(members)) for members, _ in discs]
    centres = np.round(pack_discs(radii)).astype(np.int64)
    placed = []
    for number, (members, title) in enumerate(discs):
        if title:
            edges = np.array(inner[number], dtype=np.int64).reshape(-1, 2)
            points = island_layout(len(members), edges, np.array(weights[number]), seed + number)
        else:
            points = sunflower(len(members))
        centre_x, centre_y = (int(value) for value in centres[number])
        island = Island(x=centre_x, y=centre_y, radius=math.ceil(radii[number]), members=members, title=title)
        placed.append((island, np.round(points).astype(np.int64)))
    return placed
