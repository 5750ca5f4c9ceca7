import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import AgglomerativeClustering

from wildgraph import grouping
from wildgraph.errors import UsageError
from wildgraph.grouping import group


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def random_vectors(count, dimension, seed):
    return unit(np.random.default_rng(seed).standard_normal((count, dimension)))


def planted(groups, size, dimension=64, noise=0.35, seed=0):
    """Vectors around random centres, shuffled, and the number of each one's centre."""
    draw = np.random.default_rng(seed)
    centres = unit(draw.standard_normal((groups, dimension)))
    truth = draw.permutation(np.repeat(np.arange(groups), size))
    noises = draw.standard_normal((len(truth), dimension)) * (noise / dimension) ** 0.5
    return unit(centres[truth] + noises), truth


def same_groups(one, two):
    return len(set(zip(one.tolist(), two.tolist(), strict=True))) == len(set(one.tolist())) == len(set(two.tolist()))


def least_cosine_within(vectors, labels):
    wide = vectors.astype(np.float64)
    return min(float((wide[labels == one] @ wide[labels == one].T).min()) for one in np.unique(labels))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(2, 12), st.floats(0.05, 0.95), st.integers(0, 1000))
def test_it_is_complete_linkage(count, dimension, diameter, seed):
    vectors = random_vectors(count, dimension, seed)
    found = group(vectors, diameter)
    if count > 1:
        linkage = AgglomerativeClustering(n_clusters=None, metric="cosine", linkage="complete", distance_threshold=diameter)
        assert same_groups(found, linkage.fit_predict(vectors))
    assert least_cosine_within(vectors, found) >= 1 - diameter - 1e-5


def test_groups_are_numbered_by_their_first_vectors():
    vectors = np.eye(4, dtype=np.float32)[[2, 0, 2, 3, 0, 1]]
    assert group(vectors, 0.0).tolist() == [0, 1, 0, 2, 1, 3]
    assert group(vectors[:0], 0.5).tolist() == []


@pytest.mark.parametrize("exhaustive", [50, 4096])
def test_order_does_not_matter(exhaustive, monkeypatch):
    monkeypatch.setattr(grouping, "EXHAUSTIVE", exhaustive)
    vectors = random_vectors(400, 6, 3)
    vectors = np.concatenate((vectors, vectors[:30]))
    first = group(vectors, 0.4)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(vectors))
        assert same_groups(first[order], group(vectors[order], 0.4))


def test_planted_groups_are_found_across_cells(monkeypatch):
    monkeypatch.setattr(grouping, "EXHAUSTIVE", 100)
    vectors, truth = planted(groups=300, size=8)
    found = group(vectors, 0.6)
    assert least_cosine_within(vectors, found) >= 0.4 - 1e-5
    assert all(len(set(truth[found == one].tolist())) == 1 for one in np.unique(found))  # no false merge
    together = sum(int((np.bincount(found[truth == one]) ** 2).sum()) for one in range(300))
    assert together / (300 * 64) > 0.98


def test_unlike_things_never_chain(monkeypatch):
    angles = np.linspace(0, np.pi / 2, 300)
    arc = np.stack((np.cos(angles), np.sin(angles)), axis=1).astype(np.float32)
    for exhaustive in (4096, 50):
        monkeypatch.setattr(grouping, "EXHAUSTIVE", exhaustive)
        found = group(arc, 0.05)
        assert least_cosine_within(arc, found) >= 0.95 - 1e-5
        assert 5 <= len(set(found.tolist())) <= 12


def test_more_near_pairs_than_are_held_give_the_same(monkeypatch):
    vectors = random_vectors(300, 3, 5)
    expected = group(vectors, 0.3)
    monkeypatch.setattr(grouping, "_PAIRS_EACH", 2)
    monkeypatch.setattr(grouping, "_PAIRS_LEAST", 100)
    monkeypatch.setattr(grouping, "_TILE", 1 << 12)
    found = group(vectors, 0.3)
    assert least_cosine_within(vectors, found) >= 0.7 - 1e-5
    assert same_groups(found, expected)


@pytest.mark.parametrize(
    ("vectors", "diameter", "words"),
    [
        (np.ones((2, 3), np.float32), 0.3, "not all of length 1"),
        (np.full((2, 3), np.nan, np.float32), 0.3, "not all of length 1"),
        (np.eye(2, dtype=np.float32), 1.0, "no cosine distance"),
        (np.eye(2, dtype=np.float32), -0.1, "no cosine distance"),
    ],
)
def test_what_cannot_be_grouped_is_refused(vectors, diameter, words):
    with pytest.raises(UsageError, match=words):
        group(vectors, diameter)
