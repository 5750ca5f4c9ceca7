import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.shingling import count_units, jaccard, shingle_bag, shingles


def test_case_punctuation_and_spacing_do_not_matter():
    assert np.array_equal(shingles("The  fee—ten euros—is DUE."), shingles("the fee, ten euros, is due"))


def test_unspaced_scripts_are_shingled_by_character():
    assert count_units("合同的期限") == 5
    assert count_units("การประชุม") > 1
    near = jaccard(shingles("本合同的期限为三年，自签署之日起计算。", 3), shingles("本合同的期限为五年，自签署之日起计算。", 3))
    assert 0.5 < near < 1


@settings(deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1), st.lists(st.integers(0, 400), min_size=1))
def test_jaccard_is_that_of_sets(left, right):
    arrays = [np.unique(np.array(values, dtype=np.uint64)) for values in (left, right)]
    assert jaccard(*arrays) == pytest.approx(len(set(left) & set(right)) / len(set(left) | set(right)))


@settings(deadline=None)
@given(st.lists(st.text(alphabet="aB 合ก!٣\nİΣ"), max_size=12), st.integers(1, 5))
def test_many_texts_are_shingled_as_each_one(texts, size):
    bag = shingle_bag(texts, size)
    assert len(bag.counts) == len(texts)
    for text, found in zip(texts, np.split(bag.hashes, np.cumsum(bag.counts)[:-1]), strict=False):
        assert np.array_equal(np.unique(found), shingles(text, size))
        units = count_units(text.lower())  # İ is two code points in lower case
        assert len(found) == (max(units - size + 1, 1) if units else 0)


def test_a_text_longer_than_what_is_hashed_together():
    long = " ".join(f"w{number * number % 7919}" for number in range(60_000))
    assert len(long) > 2**18
    counts = shingle_bag(["before", long, "after"], 3).counts.tolist()
    assert counts == [1, 59_998, 1]
    tail = shingles(long[long.index(" ", len(long) - 200) :], 3)
    assert len(tail) > 10
    assert np.isin(tail, shingles(long, 3)).all()


def test_units_are_told_apart():
    assert len(shingles("ab a b", 1)) == 3
    assert not np.array_equal(shingles("ab", 1), shingles("ba", 1))
    assert not np.array_equal(shingles("a b c", 3), shingles("c b a", 3))
