"""Which labels occur together, how often, and with how many distinct users: exact counts for millions of records.

A pair of labels of one record is a number: (source, target, user) packed into 63 bits. Sorted, equal pairs lie side by side and equal
users within them, so that one pass over the sorted numbers counts records and distinct users at once. The numbers are made and sorted
for a range of sources at a time: ranges do not overlap, so nothing is merged and nothing is spilled, whatever the number of pairs, and
a sort that stays in the processor's cache is cheaper than one sort of everything.

All counts are integers and a pure function of the records as a multiset: their order and the size of the blocks do not matter.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wildgraph.errors import UsageError

Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

#: Pairs made and sorted at a time: larger blocks leave the processor's cache, smaller ones are mostly overhead.
BLOCK = 1 << 20

_NO_CODES = np.zeros(0, dtype=np.int32)
_NO_COUNTS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class CodedRecords:
    """Records as integers: row ``i`` has the labels ``labels[starts[i]:starts[i + 1]]``.

    Attributes:
        starts: int64, shape (records + 1,), from 0 to the number of labels.
        labels: int32, from 0; rising and without repeats within a record.
        users: int32, shape (records,), from 0.
        types: int32, shape (records,), from 0.
    """

    starts: Integers
    labels: Codes
    users: Codes
    types: Codes

    def __post_init__(self) -> None:
        """Refuse arrays that are no records.

        Raises:
            UsageError: lengths disagree, a code is negative, or a record's labels do not rise.
        """
        rows = len(self.users)
        if len(self.types) != rows or len(self.starts) != rows + 1:
            raise UsageError(f"{rows} users, {len(self.types)} types and {len(self.starts)} starts do not describe the same records")
        if self.starts[0] != 0 or self.starts[-1] != len(self.labels) or (np.diff(self.starts) < 0).any():
            raise UsageError(f"the starts of {rows} records do not run from 0 to their {len(self.labels)} labels")
        for name, codes in (("label", self.labels), ("user", self.users), ("type", self.types)):
            if len(codes) and int(codes.min()) < 0:
                raise UsageError(f"{int(codes.min())} is no {name}: codes start at 0")
        falls = np.flatnonzero(self.labels[1:] <= self.labels[:-1]) + 1
        inside = falls[self.starts[np.searchsorted(self.starts, falls)] != falls]
        if len(inside):
            row = int(np.searchsorted(self.starts, inside[0], side="right")) - 1
            raise UsageError(f"the labels of record {row} do not rise", "sort a record's labels and drop repeats")

    def __len__(self) -> int:
        """How many records."""
        return len(self.users)


class Coded(NamedTuple):
    """Records as integers, and what the integers stand for: all three lists are sorted."""

    records: CodedRecords
    types: tuple[str, ...]
    labels: tuple[str, ...]
    users: tuple[str, ...]


def encode(rows: Iterable[tuple[str, str, Collection[str]]], *, label_order: Callable[[str], tuple[str, ...]] | None = None) -> Coded:
    """Records as integers; the rows are read once and none is kept.

    Args:
        rows: a record's document type, its user and its labels, in any order, repeats allowed.
        label_order: what labels are numbered by; the labels themselves by default. No two labels may be equal in it.

    Example:
        >>> coded = encode([("contract", "ann", ["task/compare", "format/table"]), ("report", "bob", ["task/compare"])])
        >>> coded.labels, coded.records.labels.tolist(), coded.records.starts.tolist()
        (('format/table', 'task/compare'), [0, 1, 1], [0, 2, 3])
    """
    kinds: dict[str, int] = {}
    people: dict[str, int] = {}
    vocabulary: dict[str, int] = {}
    types, users, lengths, labels = array("i"), array("i"), array("q"), array("i")
    for kind, user, found in rows:
        types.append(kinds.setdefault(kind, len(kinds)))
        users.append(people.setdefault(user, len(people)))
        distinct = set(found)
        lengths.append(len(distinct))
        labels.extend([vocabulary.setdefault(label, len(vocabulary)) for label in distinct])
    type_names, user_names, label_names = sorted(kinds), sorted(people), sorted(vocabulary, key=label_order)
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.frombuffer(lengths, np.int64) if lengths else [], dtype=np.int64)))
    flat = _renumbered(labels, vocabulary, label_names)
    for first in range(0, len(lengths), BLOCK):
        # Sorted record by record: the record's number above, the label below.
        last = min(first + BLOCK, len(lengths))
        span = slice(int(starts[first]), int(starts[last]))
        keys = np.repeat(np.arange(last - first, dtype=np.int64) << 32, np.diff(starts[first : last + 1])) | flat[span]
        keys.sort()
        flat[span] = keys & 0xFFFFFFFF
    coded = CodedRecords(starts, flat, _renumbered(users, people, user_names), _renumbered(types, kinds, type_names))
    return Coded(coded, tuple(type_names), tuple(label_names), tuple(user_names))


def _renumbered(codes: array[int], numbers: dict[str, int], names: list[str]) -> Codes:
    """Codes by first appearance as codes by place in ``names``."""
    places = np.zeros(len(names), dtype=np.int32)
    places[[numbers[name] for name in names]] = np.arange(len(names), dtype=np.int32)
    return places[np.frombuffer(codes, np.int32)] if codes else np.zeros(0, np.int32)


class LabelCounts(NamedTuple):
    """Per type and label, sorted by both: records that hold it and their distinct users; arrays of one length."""

    types: Codes
    labels: Codes
    records: Integers
    users: Integers


class PairCounts(NamedTuple):
    """Per type and pair of labels, sorted by type, source, target: records that hold both and their distinct users; source < target."""

    types: Codes
    sources: Codes
    targets: Codes
    records: Integers
    users: Integers

    @staticmethod
    def joined(blocks: Iterable[PairCounts]) -> PairCounts:
        """The blocks of :func:`count_pairs` as one."""
        columns = list(zip(*blocks, strict=True))
        if not columns:
            return PairCounts(_NO_CODES, _NO_CODES, _NO_CODES, _NO_COUNTS, _NO_COUNTS)
        return PairCounts(*(np.concatenate(column) for column in columns))


def count_labels(records: CodedRecords) -> LabelCounts:
    """Records and distinct users of every label of every type.

    Example:
        >>> coded = encode([("contract", "ann", ["a", "b"]), ("contract", "ann", ["b"]), ("contract", "bob", ["b"])])
        >>> counts = count_labels(coded.records)
        >>> counts.labels.tolist(), counts.records.tolist(), counts.users.tolist()
        ([0, 1], [1, 3], [1, 2])
    """
    found = [LabelCounts(_NO_CODES, _NO_CODES, _NO_COUNTS, _NO_COUNTS)]
    for part in _parts(records):
        keys = part.labels.astype(np.int64) << 32 | part.users
        keys.sort()
        # As pairs of which no more than the target is there, labels are counted like pairs.
        counts = _counted(part._replace(user_bits=32), 0, keys, 1)
        found.append(LabelCounts(counts.types, counts.targets, counts.records, counts.users))
    return LabelCounts(*(np.concatenate(column) for column in zip(*found, strict=True)))


def count_pairs(records: CodedRecords, *, min_users: int = 1, block: int = BLOCK) -> Iterator[PairCounts]:
    """Records and distinct users of every pair of labels that at least ``min_users`` distinct users have in one record of a type.

    Args:
        records: the records.
        min_users: distinct users below which a pair is left out.
        block: pairs made and sorted at a time. Held are the records, about 40 bytes per label of one type, and about 40 bytes per pair
            of one block, which is larger than this only where a single pair of labels has more records.

    Yields:
        Counts of successive ranges of (type, source, target), in order.

    Example:
        >>> coded = encode([("contract", "ann", ["a", "b"]), ("contract", "ann", ["a", "b", "c"]), ("contract", "bob", ["a", "b"])])
        >>> counts = PairCounts.joined(count_pairs(coded.records, min_users=2))
        >>> counts.sources.tolist(), counts.targets.tolist(), counts.records.tolist(), counts.users.tolist()
        ([0], [1], [3], [2])
    """
    for part in _parts(records):
        for sources in _ranges(part, block):
            for keys in _keys(part, sources, block):
                keys.sort()
                counts = _counted(part, sources.low, keys, min_users)
                if len(counts.sources):
                    yield counts


class _Part(NamedTuple):
    """The labels of one type's records, by the place they have when records stand one after another.

    Attributes:
        kind: the type.
        labels: by place. users: by place, the rank of the record's user within the type. rest: by place, how many greater labels the
            record has: of as many pairs is the place the source.
        user_bits, label_bits: widths of the two lower parts of a number.
    """

    kind: int
    labels: Codes
    users: Codes
    rest: npt.NDArray[np.unsignedinteger]
    user_bits: int
    label_bits: int


def _parts(records: CodedRecords) -> Iterator[_Part]:
    """The types that have labels, in order."""
    order = np.argsort(records.types, kind="stable")
    for rows in np.split(order, np.flatnonzero(_changes(records.types[order]))[1:]):
        lengths = records.starts[rows + 1] - records.starts[rows]
        total = int(lengths.sum())
        if not total:
            continue
        ends = np.cumsum(lengths)
        places = np.repeat(records.starts[rows] - (ends - lengths), lengths)
        places += np.arange(total)
        labels = records.labels[places]
        people, ranks = np.unique(records.users[rows], return_inverse=True)
        yield _Part(
            kind=int(records.types[rows[0]]),
            labels=labels,
            users=np.repeat(ranks.astype(np.int32), lengths),
            rest=(np.repeat(ends - 1, lengths) - np.arange(total)).astype(np.min_scalar_type(int(lengths.max()))),
            user_bits=(len(people) - 1).bit_length(),
            label_bits=int(labels.max()).bit_length(),
        )


def _changes(values: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Where a value differs from the one before; the first does."""
    changed = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=changed[1:])
    return changed


class _Range(NamedTuple):
    """Sources from ``low`` to before ``high``, the places that hold them, and how many pairs these make."""

    low: int
    high: int
    places: npt.NDArray[np.intp]
    pairs: int


def _ranges(part: _Part, block: int) -> Iterator[_Range]:
    """Ranges of sources with at most ``block`` pairs, or of one source; no more than can be numbered in the bits that are left."""
    size = 1 << part.label_bits
    most = 1 << min(31, 63 - part.user_bits - part.label_bits)
    ends = np.cumsum(np.bincount(part.labels, weights=part.rest, minlength=size).astype(np.int64))
    lows = _cuts(ends, block, most)
    if len(lows) == 1:
        yield _Range(0, size, np.arange(len(part.labels)), int(ends[-1]))
        return
    number = np.zeros(size, dtype=np.min_scalar_type(len(lows)))
    number[lows[1:]] = 1
    number = np.cumsum(number, dtype=number.dtype)[part.labels]
    order = np.argsort(number, kind="stable")
    edges = np.cumsum(np.bincount(number, minlength=len(lows)))
    before = 0
    for low, high, places in zip(lows, [*lows[1:], size], np.split(order, edges[:-1]), strict=True):
        yield _Range(low, high, places, int(ends[high - 1]) - before)
        before = int(ends[high - 1])


def _cuts(ends: Integers, block: int, most: int) -> list[int]:
    """Where ranges begin whose items, ``ends`` being their running total, make at most ``block``, or are one; at most ``most`` items."""
    lows = [0]
    while True:
        low = lows[-1]
        done = int(ends[low - 1]) if low else 0
        high = min(max(int(np.searchsorted(ends, done + block, side="right")), low + 1), low + most)
        if high >= len(ends):
            return lows
        lows.append(high)


def _keys(part: _Part, sources: _Range, block: int) -> Iterator[Integers]:
    """The pairs of a range of sources as numbers (source, target, user), unsorted; one source's by ranges of targets if they are many."""
    if sources.pairs <= block:
        yield _packed(part, sources.low, sources.places)
        return
    few = max(1, block // int(part.rest[sources.places].max()))  # so few places have no more pairs than a block
    pieces = [sources.places[start : start + few] for start in range(0, len(sources.places), few)]
    mask = (1 << part.label_bits) - 1
    tally = np.zeros(mask + 1, dtype=np.int64)
    for piece in pieces:
        tally += np.bincount((_packed(part, sources.low, piece) >> part.user_bits) & mask, minlength=mask + 1)
    lows = _cuts(np.cumsum(tally), block, mask + 1)
    for low, high in zip(lows, [*lows[1:], mask + 1], strict=True):
        kept = []
        for piece in pieces:
            keys = _packed(part, sources.low, piece)
            targets = (keys >> part.user_bits) & mask
            kept.append(keys[(targets >= low) & (targets < high)])
        yield np.concatenate(kept)


def _packed(part: _Part, low: int, places: npt.NDArray[np.intp]) -> Integers:
    """All pairs of some places as numbers: first those with the next label of the record, then with the one after it, and so on."""
    rest = part.rest[places]
    order = np.argsort(rest, kind="stable")[::-1]
    places = places[order]
    having = len(rest) - np.cumsum(np.bincount(rest))[:-1]  # how many places have at least 1, 2, … greater labels
    numbers = part.labels[places].astype(np.int64)
    numbers -= low
    numbers <<= part.label_bits + part.user_bits
    numbers |= part.users[places]
    keys = np.empty(int(having.sum()), dtype=np.int64)
    start = 0
    for step, many in enumerate(having.tolist(), start=1):
        some = keys[start : start + many]
        some[:] = part.labels[step:].take(places[:many])
        some <<= part.user_bits
        some |= numbers[:many]
        start += many
    return keys


def _counted(part: _Part, low: int, keys: Integers, min_users: int) -> PairCounts:
    """The counts of sorted numbers."""
    pairs = keys >> part.user_bits
    opened = np.flatnonzero(_changes(pairs))
    records = np.diff(opened, append=len(keys))
    users = records.copy()
    again = np.flatnonzero(keys[1:] == keys[:-1]) + 1  # a user's second and later records with one pair
    np.subtract.at(users, np.searchsorted(opened, again, side="right") - 1, 1)
    enough = np.flatnonzero(users >= min_users)
    pairs = pairs[opened[enough]]
    return PairCounts(
        np.full(len(enough), part.kind, np.int32),
        (low + (pairs >> part.label_bits)).astype(np.int32),
        (pairs & ((1 << part.label_bits) - 1)).astype(np.int32),
        records[enough],
        users[enough],
    )
