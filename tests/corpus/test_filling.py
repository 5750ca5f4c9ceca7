from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildgraph.corpus import fill


def sums(lengths):
    return {sum(chosen) for size in range(len(lengths) + 1) for chosen in combinations(lengths, size)}


@given(st.lists(st.integers(1, 60), max_size=9), st.integers(-20, 200), st.integers(0, 40))
def test_a_choice_is_found_exactly_where_there_is_one(lengths, low, width):
    high = max(0, low + width)
    places = fill(lengths, low, high)
    reachable = [total for total in sums(lengths) if low <= total <= high]
    if places is None:
        assert not reachable
        return
    assert places == sorted(set(places))
    total = sum(lengths[place] for place in places)
    assert (low <= total <= high) if low > 0 else places == []
    if places:  # none of the documents before the last one would have done
        assert not any(low <= one <= high for one in sums(lengths[: places[-1]]))


def test_nothing_is_taken_where_nothing_is_needed():
    assert fill([5, 6], 0, 10) == fill([], -3, 0) == []


def test_a_window_that_no_choice_hits():
    assert fill([10, 10, 10], 11, 19) is None
    assert fill([], 1, 9) is None


@pytest.mark.parametrize("target", [8192, 131072, 1_000_000])
def test_long_targets_are_quick_and_hit(target):
    lengths = [1000 + 37 * place % 9000 for place in range(600)]
    places = fill(lengths, target - 20, target)
    assert places is not None
    assert target - 20 <= sum(lengths[place] for place in places) <= target
