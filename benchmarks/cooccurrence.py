"""Counting label pairs of a million records, against one np.sort of as many numbers, scipy's XᵀX and networkx.

Run: python -m benchmarks.cooccurrence [--records N]
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import cost, show
from wildgraph.cooccurrence import CodedRecords, PairCounts, count_labels, count_pairs, encode

TYPES, FIELDS, LABELS_OF_A_FIELD = 15, 13, 1000
MIN_USERS = 3


def records(count: int, fields: int, labels: int, seed: int = 0) -> CodedRecords:
    """Records of one label per field, drawn by Zipf's law; a third as many users as records, some of them busy."""
    draw = np.random.default_rng(seed)

    def zipf(many: int, size: tuple[int, ...], power: float = 1.0) -> np.ndarray:
        shares = np.cumsum(1 / np.arange(1, many + 1) ** power)
        return np.searchsorted(shares / shares[-1], draw.random(size)).astype(np.int32)

    drawn = zipf(labels, (count, fields)) + np.arange(fields, dtype=np.int32) * labels
    users = (count / 3 * draw.random(count) ** 2).astype(np.int32)
    return CodedRecords(np.arange(count + 1, dtype=np.int64) * fields, drawn.ravel(), users, zipf(TYPES, (count,), 0.7))


def kept(coded: CodedRecords) -> tuple[PairCounts, int]:
    """The pairs that are published, and how many there are in all."""
    blocks, edges = [], 0
    for block in count_pairs(coded):
        enough = block.users >= MIN_USERS
        edges += len(enough)
        blocks.append(PairCounts(*(column[enough] for column in block)))
    return PairCounts.joined(blocks), edges


def packed(coded: CodedRecords) -> np.ndarray:
    """As many numbers as there are pairs, made the plainest way: (label, label, user) of every record of equal length."""
    rows = coded.labels.reshape(len(coded), -1).astype(np.int64)
    left, right = np.triu_indices(rows.shape[1], 1)
    keys = np.empty((len(left), len(rows)), dtype=np.int64)
    for place, (one, two) in enumerate(zip(left, right, strict=True)):
        keys[place] = (coded.types.astype(np.int64) << 56) | (rows[:, one] << 38) | (rows[:, two] << 20) | coded.users
    return keys.ravel()


def products(coded: CodedRecords) -> int:
    """scipy: one XᵀX per type; it counts records only."""
    from scipy.sparse import csr_array, triu

    matrix = csr_array((np.ones(len(coded.labels), np.int32), coded.labels, coded.starts), shape=(len(coded), int(coded.labels.max()) + 1))
    edges = 0
    for kind in range(TYPES):
        some = matrix[np.flatnonzero(coded.types == kind)]
        edges += triu(some.T @ some, 1).nnz
    return edges


def graphs(coded: CodedRecords, count: int) -> int:
    """networkx: an edge attribute per pair of the first ``count`` records; it counts records only."""
    import networkx as nx

    found = [nx.Graph() for _ in range(TYPES)]
    for row in range(count):
        graph = found[coded.types[row]]
        for one, two in itertools.combinations(coded.labels[coded.starts[row] : coded.starts[row + 1]].tolist(), 2):
            if graph.has_edge(one, two):
                graph[one][two]["frequency"] += 1
            else:
                graph.add_edge(one, two, frequency=1)
    return sum(graph.number_of_edges() for graph in found)


def reference_sort(coded: CodedRecords) -> tuple[float, int]:
    """CPU seconds of one np.sort, and how many distinct numbers there are."""
    keys = packed(coded)
    ordered, measured = cost(lambda: np.sort(keys), 3)
    show(f"np.sort of as many int64: {len(keys):,}", measured, measured.cpu)
    return measured.cpu, int(np.count_nonzero(np.diff(ordered))) + 1


def single_valued(count: int) -> float:
    """One label per field: wildgraph and its peers; the CPU seconds of the reference."""
    coded = records(count, FIELDS, LABELS_OF_A_FIELD)
    print(f"{count:,} records, {TYPES} types, {FIELDS} labels each")
    reference, keys = reference_sort(coded)
    (published, edges), pairs = cost(lambda: kept(coded), 3)
    show(
        "wildgraph: pairs, records and users", pairs, reference, f"{edges:,} edges; {pairs.memory * 1e6 / keys:.1f} bytes a distinct number"
    )
    _, labels = cost(lambda: count_labels(coded), 3)
    show("wildgraph: labels, records and users", labels, reference)
    print(f"both {pairs.cpu + labels.cpu:.2f} CPU s; 1.3 × np.sort + 2 s is {1.3 * reference + 2:.2f}")
    with tempfile.TemporaryDirectory() as folder:
        _, written = cost(lambda: np.savez(Path(folder) / "graph.npz", **published._asdict()))
    show("writing the pruned graph (npz)", written, reference, f"{len(published.types):,} edges with {MIN_USERS} users")
    edges, product = cost(lambda: products(coded))
    show("scipy XᵀX by type: records only", product, reference, f"{edges:,} edges")
    edges, plain = cost(lambda: graphs(coded, count // 10))
    show("networkx, a tenth of the records: records only", plain, reference, f"{edges:,} edges")
    return reference


def multi_valued(count: int, reference: float) -> None:
    """Fifteen labels a record, and the way from text to integers."""
    coded = records(count, 15, LABELS_OF_A_FIELD, seed=1)
    (_, edges), pairs = cost(lambda: kept(coded))
    show("wildgraph: pairs of 15 labels a record", pairs, reference, f"{edges:,} edges")
    names = [f"label {number}" for number in range(15 * LABELS_OF_A_FIELD)]
    tenth = [
        (
            f"type {coded.types[row]}",
            f"user {coded.users[row]}",
            [names[one] for one in coded.labels[coded.starts[row] : coded.starts[row + 1]]],
        )
        for row in range(count // 10)
    ]
    _, coding = cost(lambda: encode(tenth))
    show("encoding a tenth of these from text", coding, reference)


def main() -> None:
    """Print one line per contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    count = parser.parse_args().records
    multi_valued(count, single_valued(count))


if __name__ == "__main__":
    main()
