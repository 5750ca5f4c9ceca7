"""What makes sampled paths good: they hold together and yet replay nobody's query. Either alone is easy.

Both measures are ours; the shuffled baseline shows what chance alone would give.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import combinations

import numpy as np

from wildgraph.chance import Indices, keys, pick, uniforms
from wildgraph.terrain import Terrain


def coherence(paths: Sequence[Sequence[int]], terrain: Terrain) -> tuple[int, int]:
    """How many pairs of labels on the same path have an edge, and how many pairs there are.

    Args:
        paths: nodes of paths in this graph.
        terrain: the graph.
    """
    pairs = np.array([pair for path in paths for pair in combinations(sorted(set(path)), 2)], dtype=np.int64).reshape(-1, 2)
    return int((terrain.edges_between(pairs[:, 0], pairs[:, 1]) >= 0).sum()), len(pairs)


def together(paths: Sequence[Collection[str]], records: Sequence[Collection[str]]) -> float:
    """Share of the pairs of labels on the same path that some record holds together, also where their edge was too rare to be published.

    Args:
        paths: concept ids on each path.
        records: concept ids of each record, with the more general ones that they imply.

    Example:
        >>> together([{"a", "b", "c"}], [{"a", "b"}, {"b", "c"}])
        0.6666666666666666
    """
    holders = _holders(records)
    pairs = Counter(pair for path in paths for pair in combinations(sorted(set(path)), 2))
    nobody: set[int] = set()
    held = sum(count for (a, b), count in pairs.items() if not holders.get(a, nobody).isdisjoint(holders.get(b, nobody)))
    return held / pairs.total() if pairs else 0.0


def recombination(paths: Sequence[Collection[str]], records: Sequence[Collection[str]]) -> float:
    """Share of the paths whose labels do not all come from one record; 0 without paths.

    Args:
        paths: concept ids on each path.
        records: concept ids of each record, with the more general ones that they imply.

    Example:
        >>> recombination([{"a", "b"}, {"a", "c"}], [{"a", "b"}, {"c"}])
        0.5
    """
    holders = _holders(records)
    nobody: set[int] = set()
    whole = sum(bool(set.intersection(*(holders.get(concept, nobody) for concept in path))) for path in paths if path)
    return 1.0 - whole / len(paths) if paths else 0.0


def _holders(records: Sequence[Collection[str]]) -> dict[str, set[int]]:
    """The records that hold each concept."""
    holders: dict[str, set[int]] = {}
    for number, record in enumerate(records):
        for concept in record:
            holders.setdefault(concept, set()).add(number)
    return holders


def shuffled(paths: Sequence[Sequence[int]], terrain: Terrain, indices: Indices, seed: int) -> list[list[int]]:
    """For each path labels of the same fields, each drawn from its field's labels by records, whatever the others are.

    Args:
        paths: nodes of paths in this graph.
        terrain: the graph.
        indices: places of the paths in the sequence; shape (n,).
        seed: of the sampling.
    """
    open_ = ~terrain.barred
    records = np.array([node.records for node in terrain.graph.nodes], dtype=np.float64)
    totals = [np.cumsum(np.where(open_ & (terrain.field == code), records, 0.0)) for code in range(len(terrain.fields))]
    key = keys(seed, "shuffle", indices)
    longest = max((len(path) for path in paths), default=0)
    numbers = np.stack([uniforms(key, place) for place in range(longest)], axis=1) if longest else np.zeros((len(paths), 0))
    return [
        [int(pick(totals[terrain.field[node]], numbers[row, place : place + 1])[0]) for place, node in enumerate(path)]
        for row, path in enumerate(paths)
    ]
