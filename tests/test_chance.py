import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from wildgraph.chance import keys, pick, uniforms


def drawn(indices, seed=7, purpose="path", draw=0):
    return uniforms(keys(seed, purpose, np.array(indices, dtype=np.uint64)), draw)


def test_numbers_are_uniform_along_indices_draws_seeds_and_purposes():
    along = [
        drawn(range(20_000)),
        np.concatenate([drawn([3], draw=draw) for draw in range(4000)]),
        np.concatenate([drawn([3], seed=seed) for seed in range(2000)]),
        np.concatenate([drawn([3], purpose=f"purpose {number}") for number in range(2000)]),
    ]
    for numbers in along:
        assert numbers.min() >= 0.0
        assert numbers.max() < 1.0
        assert kstest(numbers, "uniform").pvalue > 1e-3


def test_neighbouring_numbers_are_independent():
    left, right = drawn(range(40_000)), drawn(range(40_000), draw=1)
    for one, other in ((left, right), (left[:-1], left[1:])):
        cells = np.histogram2d(one, other, bins=8)[0].ravel()
        assert chisquare(cells).pvalue > 1e-3


@settings(max_examples=40, deadline=None)
@given(
    indices=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20),
    seed=st.integers(0, 2**200),
    draw=st.integers(0, 2**70),
    data=st.data(),
)
def test_a_number_does_not_depend_on_its_batch(indices, seed, draw, data):
    whole = drawn(indices, seed, "x", draw)
    place = data.draw(st.integers(0, len(indices) - 1))
    assert drawn(indices[place : place + 1], seed, "x", draw)[0] == whole[place]
    order = data.draw(st.permutations(range(len(indices))))
    assert drawn([indices[one] for one in order], seed, "x", draw).tolist() == whole[order].tolist()


def test_keys_leave_their_indices_alone():
    indices = np.arange(5, dtype=np.uint64)
    keys(1, "x", indices)
    assert indices.tolist() == [0, 1, 2, 3, 4]


def test_places_are_drawn_in_proportion_and_never_without_weight():
    found = pick(np.cumsum([0.0, 2.0, 0.0, 1.0, 0.0]), drawn(range(3000)))
    assert set(found.tolist()) == {1, 3}
    assert chisquare([(found == 1).sum(), (found == 3).sum()], [2000, 1000]).pvalue > 1e-3


@pytest.mark.parametrize("largest", [1.0, np.nextafter(1.0, 0.0)])
def test_the_largest_number_falls_on_the_last_place_with_weight(largest):
    assert pick(np.cumsum([0.1, 0.2, 0.3, 0.0]), np.array([largest])).tolist() == [2]
