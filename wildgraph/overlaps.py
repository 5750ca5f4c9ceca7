"""Which of many sets are alike: all pairs of at least a given Jaccard similarity, exactly, found by their rarest members.

Two sets of similarity t share at least a t-th of the larger. Put the members of all sets in one order: if none of the first
``size − ⌈t · size⌉ + 1`` of one set is among the first so many of the other, too few are left to share. So only sets that have
one of these few members in common are compared (prefix filter: Chaudhuri, Ganti, Kaushik 2006; Bayardo, Ma, Srikant 2007). Any order
will do; with the rarest first there are few such sets, and a member that occurs once finds none.

References:
    S. Chaudhuri, V. Ganti, R. Kaushik, "A primitive operator for similarity joins in data cleaning", ICDE 2006.
    R. Bayardo, Y. Ma, R. Srikant, "Scaling up all pairs similarity search", WWW 2007.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]

#: Pairs of sets looked at together, and members of sets compared together: what is made of them stays in the processor's cache.
_PAIRS, _MEMBERS = 1 << 17, 1 << 19


def prefix_length(size: int, threshold: float) -> int:
    """Of how many members of a set, the first in any order, every set of at least the similarity ``threshold`` has one among its own first.

    Example:
        >>> prefix_length(10, 0.8), prefix_length(1, 0.8)
        (3, 1)
    """
    return size - math.ceil(size * threshold - _ROUNDING) + 1


#: Rounding may lengthen a prefix, never shorten it: 0.7 · 10 may come out above 7.
_ROUNDING = 1e-9


class _Sets(NamedTuple):
    """Sets in order of size, and what they share.

    Attributes:
        places: for each set, in this order, its index in the order given. sizes: how many members it has.
        ids: numbers of the members that some other set may have too, set by set, the least common first. starts: where each set's
            begin, and the end of the last. owners: of each the set. ranks: of each how many members of its set come before it.
    """

    places: Integers
    sizes: Integers
    ids: Integers
    starts: Integers
    owners: Integers
    ranks: Integers


def alike(hashes: Hashes, counts: npt.NDArray[np.intp], threshold: float) -> Integers:
    """Connected components of sets, any two with at least the Jaccard similarity ``threshold`` being connected.

    Args:
        hashes: the members of all sets, one set after another; repeats are ignored.
        counts: how many of them each set has. Sets without members are alike in nothing.
        threshold: least similarity, above 0.

    Returns:
        For each set the smallest index in its component, shape (sets,).

    Example:
        >>> alike(np.array([1, 2, 3, 9, 3, 2, 1, 1], dtype=np.uint64), np.array([3, 1, 4]), 0.9).tolist()
        [0, 1, 0]
    """
    sets = _sets(hashes, counts)
    roots = np.arange(len(counts))
    for left, right in _candidates(sets, threshold):
        apart = np.flatnonzero(roots[left] != roots[right])
        pairs = _distinct(left[apart] << 32 | right[apart])
        left, right = pairs >> 32, pairs & 0xFFFFFFFF
        close = _similarities(sets, left, right) >= threshold
        _join(roots, left[close], right[close])
    first = np.full(len(counts), len(counts))
    np.minimum.at(first, roots, sets.places)
    found = np.empty_like(first)
    found[sets.places] = first[roots]
    return found


def _sets(hashes: Hashes, counts: npt.NDArray[np.intp]) -> _Sets:
    starts = np.cumsum(counts) - counts
    owners = np.repeat(np.arange(len(counts)), counts)
    # A member alone in its slot of a table is nobody else's: most members are never given a number.
    width = max(8, min(26, 1 + len(hashes).bit_length()))
    slots = (hashes >> np.uint64(64 - width)).astype(np.int64)
    shared = np.flatnonzero(np.bincount(slots, minlength=1 << width)[slots] > 1)
    alone = counts - np.bincount(owners[shared], minlength=len(counts))
    distinct, ids, often = np.unique(hashes[shared], return_inverse=True, return_counts=True)
    width = len(distinct).bit_length()
    # One number per member: set, then how common (a power of two will do), then which.
    keys = owners[shared] << 6 | np.frexp(often)[1][ids]
    keys = _distinct(keys << width | ids)
    ids, owners = keys & ((1 << width) - 1), keys >> (width + 6)
    own = np.bincount(owners, minlength=len(counts))
    sizes = alone + own
    # Equal sets side by side, smaller ones before larger ones.
    sums = np.zeros(len(counts), dtype=np.uint64)
    if len(hashes):
        sums[counts > 0] = np.add.reduceat(hashes, starts[counts > 0])
    places = np.lexsort((sums, sizes))
    first = (np.cumsum(own) - own)[places]
    own, sizes, alone = own[places], sizes[places], alone[places]
    ends = np.cumsum(own)
    inside = np.arange(len(ids)) - np.repeat(ends - own, own)
    return _Sets(
        places=places,
        sizes=sizes,
        ids=ids[np.repeat(first, own) + inside],
        starts=np.append(0, ends),
        owners=np.repeat(np.arange(len(counts)), own),
        ranks=np.repeat(alone, own) + inside,
    )


def _distinct(keys: Integers) -> Integers:
    """The keys sorted, without repeats; np.unique hashes them first, which takes ten times as long."""
    keys.sort()
    kept = np.ones(len(keys), dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=kept[1:])
    return keys[kept]


def _candidates(sets: _Sets, threshold: float) -> Iterator[tuple[Integers, Integers]]:
    """Pairs of sets with a member of both prefixes in common and sizes near enough, some more than once."""
    few = sets.sizes - np.ceil(sets.sizes * threshold - _ROUNDING).astype(np.int64) + 1
    early = np.flatnonzero(sets.ranks < few[sets.owners])
    keys = sets.ids[early] << 32 | sets.owners[early]
    keys.sort()
    rows = keys & 0xFFFFFFFF
    # The partners of an entry follow it: they have the same member, and sets up to 1/threshold times as large.
    largest = np.searchsorted(sets.sizes, np.floor(sets.sizes / threshold + 1e-9), side="right")
    following = np.searchsorted(keys, (keys >> 32 << 32) + largest[rows]) - np.arange(1, len(keys) + 1)
    # Neighbours first: of ten thousand versions of one text few pairs are then left to compare.
    near = np.flatnonzero(following > 0)
    for some in np.array_split(near, max(1, len(near) // _PAIRS)):
        yield rows[some], rows[some + 1]
    ends = np.cumsum(following)
    first = 0
    while first < len(keys):
        done = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, done + _PAIRS, side="right")), first + 1)
        many = following[first:last]
        left = np.repeat(np.arange(first, last), many)
        yield rows[left], rows[left + 1 + np.arange(len(left)) - np.repeat(np.cumsum(many) - many, many)]
        first = last


def _similarities(sets: _Sets, left: Integers, right: Integers) -> npt.NDArray[np.float64]:
    """The Jaccard similarity of pairs of sets."""
    common = np.zeros(len(left), dtype=np.int64)
    lengths = sets.starts[left + 1] - sets.starts[left], sets.starts[right + 1] - sets.starts[right]
    ends = np.cumsum(lengths[0] + lengths[1])
    first = 0
    while first < len(left):
        done = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, done + _MEMBERS, side="right")), first + 1)
        keys = np.concatenate(
            [_members(sets, side[first:last], many[first:last]) for side, many in zip((left, right), lengths, strict=True)]
        )
        keys.sort()
        common[first:last] = np.bincount(keys[1:][keys[1:] == keys[:-1]] >> 32, minlength=last - first)
        first = last
    return common / (sets.sizes[left] + sets.sizes[right] - common)


def _members(sets: _Sets, rows: Integers, lengths: Integers) -> Integers:
    """The members of some sets, with the set's place among these above."""
    places = np.repeat(sets.starts[rows] - (np.cumsum(lengths) - lengths), lengths)
    places += np.arange(len(places))
    found: Integers = sets.ids[places]
    found |= np.repeat(np.arange(len(rows)) << 32, lengths)
    return found


def _join(roots: Integers, left: Integers, right: Integers) -> None:
    """Make one of the components of all pairs, in place; the root is the smallest."""
    while True:
        ends = roots[left], roots[right]
        apart = np.flatnonzero(ends[0] != ends[1])
        if not len(apart):
            return
        low, high = np.minimum(*ends)[apart], np.maximum(*ends)[apart]
        np.minimum.at(roots, high, low)
        while (roots != (above := roots[roots])).any():
            roots[:] = above
