"""Texts as sets of shingles: runs of units, where a unit is a lower-case word, or a single character in scripts written without spaces.

All hashing is arithmetic on code points: equal texts have equal shingles on every machine. Many texts are hashed in one go, for a call
per text costs more than the hashing of a text as short as an instruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

#: Units per shingle of documents; shorter texts take less.
SHINGLE = 5

_SPACE, _WORD, _CHARACTER = 0, 1, 2
# Scripts without spaces between words; a character there carries about as much as a word elsewhere.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),
    (0x3040, 0x30FF),  # kana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x323AF),
)
_POINTS = 0x110000


def unspaced_ranges() -> tuple[tuple[int, int], ...]:
    """First and last code point of the blocks of scripts that put no space between words."""
    return _UNSPACED


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Per code point: between units, part of a word, or a unit of its own; shape (0x110000,)."""
    kinds = np.zeros(_POINTS, dtype=np.uint8)
    kinds[:0x20000] = np.fromiter((chr(point).isalnum() for point in range(0x20000)), dtype=np.uint8, count=0x20000)
    for first, last in _UNSPACED:
        block = kinds[first : last + 1]
        block[(block == _WORD) | (first >= 0x20000)] = _CHARACTER
    return kinds


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """The code points of ``text``, lone surrogates included; shape (len(text),)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def count_units(text: str) -> int:
    """How many words, or characters of unspaced scripts, ``text`` has.

    Example:
        >>> count_units("Two words, 两个词")
        5
    """
    return len(_unit_starts(code_points(text)))


def _unit_starts(points: npt.NDArray[np.uint32]) -> npt.NDArray[np.intp]:
    """Where words, and characters of unspaced scripts, begin."""
    kinds = _kinds().take(points)
    begins = kinds == _WORD
    begins[1:] &= begins[:-1] ^ True
    begins |= kinds == _CHARACTER
    return np.flatnonzero(begins)


def mixed(values: Hashes) -> Hashes:
    """SplitMix64's finaliser: every bit of the input reaches every bit of the output."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
#: Characters of texts hashed together: what is made of them stays in the processor's cache.
_CHUNK = 1 << 17


@cache
def _cached_powers(base: int) -> Hashes:
    return np.cumprod(np.full(2 * _CHUNK, base, dtype=np.uint64), dtype=np.uint64)


def powers(count: int, base: int = _BASE) -> Hashes:
    """The first ``count`` powers of ``base`` modulo 2^64, from the first on."""
    if count <= 2 * _CHUNK:
        return _cached_powers(base)[:count]
    return np.cumprod(np.full(count, base, dtype=np.uint64), dtype=np.uint64)


@cache
def _weights() -> Hashes:
    """What a code point adds to the hash of its unit: nothing, if it stands between units; shape (0x110000,)."""
    return np.where(_kinds() == _SPACE, np.uint64(0), np.arange(1, _POINTS + 1, dtype=np.uint64))


class Bag(NamedTuple):
    """Shingles of texts, one text after another, repeats included; and how many each text has."""

    hashes: Hashes
    counts: npt.NDArray[np.intp]


def shingle_bag(texts: Sequence[str], size: int) -> Bag:
    """The hashed shingles of texts; a text of fewer than ``size`` units is one shingle."""
    hashes, counts = [np.zeros(0, np.uint64)], [np.zeros(0, np.intp)]
    first, room = 0, _CHUNK
    for last, text in enumerate(texts, start=1):
        room -= len(text) + 1
        if room <= 0 or last == len(texts):
            units, found = _units(texts[first:last])
            bag = _windows(units, found, size)
            hashes.append(bag.hashes)
            counts.append(bag.counts)
            first, room = last, _CHUNK
    return Bag(np.concatenate(hashes), np.concatenate(counts))


def _units(texts: Sequence[str]) -> tuple[Hashes, npt.NDArray[np.intp]]:
    """The hashes of all units of texts, one text after another, and how many each text has; case does not matter.

    A unit's hash is the mixed sum of (code point + 1) × power of its place in the unit. The places in all texts together serve as well,
    once the sum is divided by the power of what lies before the unit: odd numbers have inverses modulo 2^64.
    """
    lowered = [text.lower() for text in texts]
    points = code_points(" ".join(lowered))
    starts = _unit_starts(points)
    ends = np.cumsum(np.fromiter(map(len, lowered), np.intp, len(lowered)) + 1)
    counts = starts.searchsorted(ends)
    counts[1:] -= counts[:-1].copy()
    if not len(starts):
        return np.zeros(0, dtype=np.uint64), counts
    sums = np.add.reduceat(_weights().take(points) * powers(len(points)), starts)
    inner = 1 if starts[0] == 0 else 0
    sums[inner:] *= powers(len(points), _INVERSE).take(starts[inner:] - 1)
    return mixed(sums), counts


def _windows(units: Hashes, counts: npt.NDArray[np.intp], size: int) -> Bag:
    """The shingles of texts with these units."""
    factors = powers(size)
    sums = units * factors[0]
    for step in range(1, min(size, len(units))):
        sums[:-step] += units[step:] * factors[step]
    ends = np.cumsum(counts)
    kept = np.ones(len(units), dtype=np.bool_)
    short = int(counts.min(initial=size)) < size
    for step in range(1, size):
        # Windows that reach into the next text are none, but what a short text has makes one.
        kept[(ends[counts > step] if short else ends) - step] = False
        if short:
            alone = ends[counts == step] - step
            sums[alone] = (units[alone[:, None] + np.arange(step)] * factors[:step]).sum(axis=1, dtype=np.uint64)
    return Bag(mixed(sums[kept]), np.where(counts > 0, np.maximum(counts - size + 1, 1), 0))


def shingles(text: str, size: int = SHINGLE) -> Hashes:
    """The hashed shingle set of a text, sorted and without repeats; a text of fewer than ``size`` units is one shingle.

    Example:
        >>> np.array_equal(shingles("Ann met Bob  today!", 3), shingles("ann met bob today", 3))
        True
        >>> len(shingles("the quick brown fox jumps", 3))
        3
    """
    found = _windows(*_units([text]), size).hashes
    found.sort()
    fresh = np.ones(len(found), dtype=np.bool_)
    np.not_equal(found[1:], found[:-1], out=fresh[1:])
    return found[fresh]


def jaccard(left: Hashes, right: Hashes) -> float:
    """Size of the intersection by size of the union of two shingle sets; two empty sets are alike in nothing.

    Example:
        >>> jaccard(np.array([1, 2, 3], dtype=np.uint64), np.array([2, 3, 4], dtype=np.uint64))
        0.5
    """
    common = len(np.intersect1d(left, right, assume_unique=True))
    union = len(left) + len(right) - common
    return common / union if union else 0.0
