import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.overlaps import alike, prefix_length

SETS = st.lists(st.lists(st.integers(0, 15), max_size=9), max_size=14)


def joined(sets, threshold):
    hashes = np.array([member * 0x9E3779B97F4A7C15 % 2**64 for found in sets for member in found], dtype=np.uint64)
    return alike(hashes, np.array([len(found) for found in sets], dtype=np.intp), threshold).tolist()


def joined_plainly(sets, threshold):
    roots = list(range(len(sets)))
    for left in range(len(sets)):
        for right in range(left):
            one, two = set(sets[left]), set(sets[right])
            if one | two and len(one & two) / len(one | two) >= threshold:
                low, high = sorted((roots[left], roots[right]))
                roots = [low if root == high else root for root in roots]
    return roots


@settings(deadline=None, max_examples=300)
@given(SETS, st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0]))
def test_components_are_those_of_all_pairs(sets, threshold):
    sets += [[*found, 99] for found in sets[:3]]
    assert joined(sets, threshold) == joined_plainly(sets, threshold)


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0.05, 1.0))
def test_alike_sets_share_one_of_their_first(size, other, threshold):
    """However the shared members lie: as far back in the order as they can."""
    small, large = sorted((size, other))
    shared = next((many for many in range(small + 1) if many / (small + large - many) >= threshold), None)
    if shared is not None:  # the last ``shared`` members of both; these come behind all others in both sets
        assert small - shared < prefix_length(small, threshold)
        assert large - shared < prefix_length(large, threshold)


def test_many_versions_of_a_set_and_many_unlike_sets_with_one_common_member():
    versions = [[*range(30), 1000 + number] for number in range(700)]
    unlike = [[0, 5000 + 2 * number, 5001 + 2 * number] for number in range(700)]
    assert joined(versions + unlike, 0.8) == [0] * 700 + list(range(700, 1400))


def test_long_sets_are_compared_in_more_than_one_go():
    sets = [[number % 4, *range(10, 40_000)] for number in range(60)]
    assert joined(sets, 1.0) == [number % 4 for number in range(60)]


@pytest.mark.parametrize("sets", [[], [[]], [[], []], [[1], [], [1]]])
def test_empty_sets_are_alike_in_nothing(sets):
    assert joined(sets, 0.5) == joined_plainly(sets, 0.5)
