"""Grouping embedded values within a diameter, against complete linkage on the matrix of all distances.

Run: python -m benchmarks.grouping [--values N] [--size MEAN]
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.measure import cost, resident, show
from wildgraph.grouping import group

DIMENSION, DIAMETER = 384, 0.45
#: Values on which scikit-learn is asked for comparison.
SMALL = 5000


def planted(count: int, mean_size: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around random centres with a direction in common, and each one's centre.

    Groups have geometric sizes; two members have a cosine of 0.67 ± 0.03, members of different groups of 0.09.
    """
    draw = np.random.default_rng(seed)
    sizes = 1 + draw.geometric(1 / mean_size, size=count)
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), count)) + 1]
    truth = draw.permutation(np.repeat(np.arange(len(sizes)), sizes)[:count])

    def directions(rows: int) -> np.ndarray:
        drawn = draw.standard_normal((rows, DIMENSION), dtype=np.float32)
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    centres = directions(len(sizes)) + 0.4 * directions(1)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = np.empty((count, DIMENSION), dtype=np.float32)
    for start in range(0, count, 1 << 14):
        some = truth[start : start + (1 << 14)]
        found = centres[some] + draw.standard_normal((len(some), DIMENSION), dtype=np.float32) * np.float32((0.5 / DIMENSION) ** 0.5)
        vectors[start : start + len(some)] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return vectors, truth


def pairs_in(labels: np.ndarray) -> int:
    """Pairs of values with one label."""
    counts = np.unique(labels, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def scores(truth: np.ndarray, found: np.ndarray) -> str:
    """Pairwise recall, and the groups that hold values of two centres."""
    both = truth.astype(np.int64) * (int(found.max()) + 1) + found
    mixed = int((np.bincount(np.unique(both) % (int(found.max()) + 1)) > 1).sum())
    return f"recall {pairs_in(both) / pairs_in(truth):.4f}, {mixed} false merges, {found.max() + 1:,} groups of {truth.max() + 1:,}"


def main() -> None:
    """Print one line per contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--values", type=int, default=100_000)
    parser.add_argument("--size", type=float, default=20.0, help="mean size of a planted group")
    arguments = parser.parse_args()

    vectors, truth = planted(arguments.values, arguments.size)
    held = resident()
    found, large = cost(lambda: group(vectors, DIAMETER))
    print(f"{vectors.nbytes / 1e6:,.0f} MB of vectors; at most {held + large.memory:,.0f} MB resident, the interpreter included")
    large_scores = scores(truth, found)

    from sklearn.cluster import AgglomerativeClustering

    vectors, truth = planted(SMALL, arguments.size)
    linkage = AgglomerativeClustering(n_clusters=None, metric="cosine", linkage="complete", distance_threshold=DIAMETER)
    found, reference = cost(lambda: linkage.fit_predict(vectors))
    show(f"scikit-learn, complete linkage, {SMALL:,} values", reference, reference.cpu, scores(truth, found))
    found, measured = cost(lambda: group(vectors, DIAMETER))
    show(f"wildgraph, {SMALL:,} values", measured, reference.cpu, scores(truth, found))
    show(f"wildgraph, {arguments.values:,} values", large, reference.cpu, large_scores)


if __name__ == "__main__":
    main()
