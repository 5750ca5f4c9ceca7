"""Paths per CPU second: typed walks without repeats against networkx, random.choices and plain numpy, in one run.

The peers walk untyped and may repeat nodes: they do less. Usage: ``python benchmarks/walks.py [--repeats 5]``.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from itertools import accumulate

import networkx as nx
import numpy as np

from wildgraph.fields import DEFAULT_FIELDS
from wildgraph.paths import sample_paths
from wildgraph.taskgraph import GraphEdge, GraphNode, TaskGraph
from wildgraph.terrain import PathRules, Terrain, prepare

CAPS = {field.name: field.cap for field in DEFAULT_FIELDS}
LENGTHS = (5, 8)


def zipf_graph(nodes: int, edges: int, seed: int = 0) -> TaskGraph:
    """A typed graph whose labels and edge frequencies follow Zipf's law, as those of real logs do."""
    generator = np.random.default_rng(seed)
    fields = [field.name for field in DEFAULT_FIELDS if field.node]
    names = sorted((fields[number % len(fields)], f"{fields[number % len(fields)]}/{number:05}") for number in range(nodes))
    chance = 1.0 / (generator.permutation(nodes) + 5.0)
    chance /= chance.sum()
    pairs: set[tuple[int, int]] = set()
    while len(pairs) < edges:
        ends = generator.choice(nodes, size=(edges, 2), p=chance)
        for left, right in np.sort(ends, axis=1).tolist():
            if left != right and len(pairs) < edges:
                pairs.add((left, right))
    ordered = sorted(pairs)
    frequency = np.minimum(generator.zipf(1.8, size=edges), 500)
    records = np.ones(nodes, dtype=np.int64)
    for (left, right), count in zip(ordered, frequency, strict=True):
        records[left], records[right] = records[left] + count, records[right] + count
    total = int(records.sum())  # so many that no label is frequent enough to be an attribute
    return TaskGraph(
        document_type="document_type/synthetic",
        name="synthetic",
        records=total,
        users=total,
        min_support=1,
        nodes=tuple(
            GraphNode(field=field, concept=concept, name=concept, support=1, records=int(count))
            for (field, concept), count in zip(names, records, strict=True)
        ),
        edges=tuple(
            GraphEdge(source=left, target=right, frequency=int(count), users=1)
            for (left, right), count in zip(ordered, frequency, strict=True)
        ),
    )


def ours(terrain: Terrain, count: int, mode: str) -> int:
    found = sample_paths(terrain, np.arange(count, dtype=np.uint64), 0, mode=mode)  # type: ignore[arg-type]
    return int((found.length >= LENGTHS[0]).sum())


def by_networkx(graph: nx.Graph, count: int) -> int:
    return sum(1 for _ in nx.generate_random_paths(graph, count, path_length=6, weight="frequency", seed=0))


def by_choices(graph: TaskGraph, count: int) -> int:
    draw = random.Random(0)
    table = [np.flatnonzero(row).tolist() for row in graph.adjacency]
    weights = [list(accumulate(row[places].tolist())) for row, places in zip(graph.adjacency, table, strict=True)]
    tasks = [place for place, node in enumerate(graph.nodes) if node.field == "task" and table[place]]
    for _ in range(count):
        path = [draw.choice(tasks)]
        for _ in range(draw.randint(*LENGTHS) - 1):
            path.append(draw.choices(table[path[-1]], cum_weights=weights[path[-1]])[0])
    return count


def by_numpy(graph: TaskGraph, count: int) -> int:
    generator = np.random.default_rng(0)
    rows, columns = np.nonzero(graph.adjacency)
    mass = graph.adjacency[rows, columns].astype(np.float64)
    total = np.zeros(len(graph.nodes))
    np.add.at(total, rows, mass)
    running = np.cumsum(mass)
    offset = np.searchsorted(rows, np.arange(len(graph.nodes) + 1))
    before = np.concatenate([[0.0], running])[offset[:-1]]
    tasks = np.array([place for place, node in enumerate(graph.nodes) if node.field == "task" and total[place]])
    path = np.empty((count, LENGTHS[1]), dtype=np.int64)
    path[:, 0] = generator.choice(tasks, size=count)
    for step in range(1, LENGTHS[1]):
        last = path[:, step - 1]
        place = np.searchsorted(running, before[last] + generator.random(count) * total[last], side="right")
        path[:, step] = columns[np.minimum(place, offset[last + 1] - 1)]
    return count


def rate(work: Callable[[], int], repeats: int) -> float:
    """Median of paths per CPU second."""
    found = []
    for _ in range(repeats):
        started = time.process_time()
        done = work()
        found.append(done / (time.process_time() - started))
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    for nodes, edges, history in ((1500, 50_000, 6_000), (500, 5_000, 20_000)):
        graph = zipf_graph(nodes, edges)
        network = nx.Graph((edge.source, edge.target, {"frequency": edge.frequency}) for edge in graph.edges)
        terrain = prepare(graph, PathRules(*LENGTHS, caps=CAPS))
        rates = {
            "markov, 150,000 paths": rate(lambda terrain=terrain: ours(terrain, 150_000, "markov"), repeats),
            f"history, {history:,} paths": rate(lambda terrain=terrain, count=history: ours(terrain, count, "history"), repeats),
            "networkx generate_random_paths": rate(lambda network=network: by_networkx(network, 20), min(3, repeats)),
            "random.choices, untyped": rate(lambda graph=graph: by_choices(graph, 20_000), repeats),
            "numpy by columns, untyped": rate(lambda graph=graph: by_numpy(graph, 150_000), repeats),
        }
        base = rates["random.choices, untyped"]
        print(f"{nodes:,} nodes, {edges:,} edges, paths of {LENGTHS[0]}–{LENGTHS[1]} nodes")
        for name, found in rates.items():
            print(f"  {name:<34}{found:>12,.0f} paths per CPU second {found / base:>9.2f} × random.choices")


if __name__ == "__main__":
    main()
