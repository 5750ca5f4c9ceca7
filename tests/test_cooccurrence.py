import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.cooccurrence import CodedRecords, PairCounts, count_labels, count_pairs, encode
from wildgraph.errors import UsageError

ROWS = st.lists(
    st.tuples(st.sampled_from("xyz"), st.sampled_from("abcd"), st.lists(st.sampled_from([f"l{n}" for n in range(9)]), max_size=7)),
    max_size=30,
)


def counted_plainly(rows):
    """(type, label, …) -> (records, distinct users), one and two labels at a time."""
    holders = {}
    for kind, user, labels in rows:
        found = sorted(set(labels))
        for place, label in enumerate(found):
            holders.setdefault((kind, label), []).append(user)
            for other in found[place + 1 :]:
                holders.setdefault((kind, label, other), []).append(user)
    return {key: (len(users), len(set(users))) for key, users in sorted(holders.items())}


def counted(rows, min_users=1, block=1 << 20):
    coded = encode(rows)
    blocks = list(count_pairs(coded.records, min_users=min_users, block=block))
    pairs, held = PairCounts.joined(blocks), count_labels(coded.records)
    found = {
        (coded.types[kind], coded.labels[source], coded.labels[target]): counts
        for kind, source, target, *counts in zip(*(column.tolist() for column in pairs), strict=True)
    }
    assert list(found) == sorted(found)
    singles = {
        (coded.types[kind], coded.labels[one]): tuple(counts) for kind, one, *counts in zip(*(c.tolist() for c in held), strict=True)
    }
    assert list(singles) == sorted(singles)
    return {key: tuple(counts) for key, counts in found.items()}, singles


@settings(deadline=None)
@given(ROWS, st.integers(1, 3), st.sampled_from([1, 2, 5, 40, 1 << 20]))
def test_counts_are_those_of_a_dictionary(rows, min_users, block):
    expected = counted_plainly(rows)
    pairs, singles = counted(rows, min_users, block)
    assert pairs == {key: counts for key, counts in expected.items() if len(key) == 3 and counts[1] >= min_users}
    assert singles == {key: counts for key, counts in expected.items() if len(key) == 2}


@settings(deadline=None)
@given(ROWS, st.randoms())
def test_neither_order_nor_block_size_matters(rows, chance):
    def everything(rows, block):
        coded = encode(rows)
        columns = (*PairCounts.joined(count_pairs(coded.records, block=block)), *count_labels(coded.records))
        return coded.types, coded.labels, coded.users, [(column.dtype, column.tobytes()) for column in columns]

    first = everything(rows, 1 << 20)
    shuffled = [(kind, user, chance.sample(labels, len(labels))) for kind, user, labels in rows]
    chance.shuffle(shuffled)
    assert everything(shuffled, 3) == first


def test_a_label_in_every_record_is_counted_a_range_of_targets_at_a_time():
    draw = random.Random(4)
    rows = [("x", f"u{draw.randrange(50)}", ["l0", *(f"l{draw.randrange(1, 40)}" for _ in range(5))]) for _ in range(3000)]
    expected = {key: counts for key, counts in counted_plainly(rows).items() if len(key) == 3}
    coded = encode(rows)
    blocks = list(count_pairs(coded.records, block=1000))
    assert max(int(block.records.sum()) for block in blocks) <= 1000
    assert len([block for block in blocks if (block.sources == 0).any()]) > 10
    assert counted(rows, block=1000)[0] == expected


def test_codes_that_fill_all_bits_are_counted_all_the_same():
    top = 2**22 - 1  # with 2^21 users two labels and a user do not fit 63 bits at once
    labels = np.array([top - 1, top, 0, top, top - 1, top], dtype=np.int32)
    many = 2**20
    starts = np.concatenate(([0, 2, 4, 6], np.full(many, 6))).astype(np.int64)
    users = np.concatenate(([7, 8, 9], np.arange(many))).astype(np.int32)
    records = CodedRecords(starts, labels, users, np.zeros(many + 3, np.int32))
    pairs = PairCounts.joined(count_pairs(records))
    assert pairs.sources.tolist() == [0, top - 1]
    assert pairs.targets.tolist() == [top, top]
    assert pairs.records.tolist() == pairs.users.tolist() == [1, 2]


def test_rows_are_read_as_they_come():
    def rows():
        for number in range(5000):
            yield "x", f"u{number % 7}", (f"l{number % 3}", "every")

    coded = encode(rows())
    assert len(coded.records) == 5000
    assert PairCounts.joined(count_pairs(coded.records)).users.tolist() == [7, 7, 7]


def test_labels_are_numbered_as_asked():
    coded = encode([("x", "u", ["ab/1", "a/1", "a/2"])], label_order=lambda label: (label.partition("/")[2], label))
    assert coded.labels == ("a/1", "ab/1", "a/2")
    assert coded.records.labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("starts", "labels", "users", "types", "words"),
    [
        ([0, 2], [0, 1], [0, 1], [0], "do not describe the same records"),
        ([0, 1, 3], [0, 1], [0, 1], [0, 0], "do not run from 0"),
        ([0, 2, 1, 2], [0, 1], [0, 0, 0], [0, 0, 0], "do not run from 0"),
        ([0, 2], [0, -1], [0], [0], "-1 is no label"),
        ([0, 2], [0, 1], [-3], [0], "-3 is no user"),
        ([0, 0, 0, 2, 4], [0, 1, 5, 5], [0] * 4, [0] * 4, "labels of record 3 do not rise"),
        ([0, 1, 3], [4, 3, 1], [0, 0], [0, 0], "labels of record 1 do not rise"),
    ],
)
def test_arrays_that_are_no_records_are_refused(starts, labels, users, types, words):
    with pytest.raises(UsageError, match=words):
        CodedRecords(np.array(starts, np.int64), *(np.array(codes, np.int32) for codes in (labels, users, types)))


def test_records_may_be_empty_or_have_no_label():
    assert counted([]) == ({}, {})
    assert counted([("x", "u", []), ("y", "v", ["a"])]) == ({}, {("y", "a"): (1, 1)})
    records = CodedRecords(np.array([0, 0, 2, 2]), *(np.array(codes, np.int32) for codes in ([3, 5], [0, 0, 0], [1, 0, 1])))
    assert PairCounts.joined(count_pairs(records)).targets.tolist() == [5]
