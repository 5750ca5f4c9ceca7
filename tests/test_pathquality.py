from collections import Counter
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from made_graphs import graph
from scipy.stats import chisquare

from wildgraph.pathquality import coherence, recombination, shuffled, together
from wildgraph.terrain import PathRules, prepare

FOUND = graph(
    {"task/a": 30, "task/b": 10, "intent/c": 9, "intent/d": 9, "sentiment/e": 9},
    {("task/a", "intent/c"): 4, ("task/b", "intent/c"): 1},
    records=40,
)
SETS = st.lists(st.sets(st.sampled_from("abcdef"), min_size=1), max_size=8)


def test_coherence_counts_pairs_with_an_edge():
    terrain = prepare(FOUND, PathRules())
    place = {node.concept: index for index, node in enumerate(FOUND.nodes)}
    paths = [[place["task/a"], place["intent/c"], place["task/b"]], [place["intent/d"]], []]
    assert coherence(paths, terrain) == (2, 3)
    assert coherence([], terrain) == (0, 0)


@given(paths=SETS, records=SETS)
def test_recombination_and_togetherness_are_what_they_say(paths, records):
    whole = [any(path <= record for record in records) for path in paths]
    assert recombination(paths, records) == (1 - sum(whole) / len(whole) if paths else 0.0)
    pairs = [any({a, b} <= record for record in records) for path in paths for a, b in combinations(path, 2)]
    assert together(paths, records) == (sum(pairs) / len(pairs) if pairs else 0.0)


def test_shuffled_labels_keep_their_fields_and_follow_the_marginal():
    terrain = prepare(FOUND, PathRules(), barred=[2])
    place = {node.concept: index for index, node in enumerate(FOUND.nodes)}
    count = 4000
    paths = [[place["task/b"], place["intent/c"]]] * count
    found = shuffled(paths, terrain, np.arange(count, dtype=np.uint64), 5)
    assert {tuple(FOUND.nodes[node].field for node in path) for path in found} == {("task", "intent")}
    counts = Counter(FOUND.nodes[path[0]].concept for path in found)
    assert chisquare([counts["task/a"], counts["task/b"]], [3000, 1000]).pvalue > 1e-3
    both = Counter((path[0], path[1]) for path in found)
    assert chisquare([both[place["task/a"], place["intent/c"]], both[place["task/a"], place["intent/d"]]]).pvalue > 1e-3
    assert shuffled(paths[:3], terrain, np.arange(3, dtype=np.uint64), 5) == found[:3]
    assert shuffled([], terrain, np.zeros(0, dtype=np.uint64), 5) == []
