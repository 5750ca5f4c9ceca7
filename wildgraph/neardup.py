"""Near-duplicates: MinHash signatures, locality-sensitive hashing, and true Jaccard similarity for every pair that collides.

A text is its set of shingles: runs of ``shingle`` units, where a unit is a lower-case word, or a single character in scripts that are
written without spaces. The chance that two sets share their minimum under a random hash is their Jaccard similarity (Broder 1997);
``HASHES`` such minima make a signature, and signatures that agree in a whole band of rows are candidates. Candidates are verified on
the shingle sets themselves, so the signature decides only what is looked at, never what is found alike.

One-permutation hashing (Li, Owen, Zhang 2012) needs one hash instead of ``HASHES``, but leaves bins empty in texts of a few dozen
shingles, such as instructions, and has to guess them; vectorised, all permutations of a 10,000-token document take a few milliseconds.

All hashing is arithmetic on code points: equal texts have equal signatures on every machine.

References:
    A. Broder, "On the resemblance and containment of documents", SEQUENCES 1997.
    P. Li, A. Owen, C.-H. Zhang, "One permutation hashing", NIPS 2012.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Signature = npt.NDArray[np.uint32]

#: Minima per signature: the standard error of the estimated similarity is at most 0.5/√HASHES = 0.044.
HASHES = 128
#: Units per shingle of documents; shorter texts take less.
SHINGLE = 5
#: Share of pairs exactly at the threshold that must collide in at least one band.
RECALL = 0.999

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


def unit_starts(points: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Where words, and characters of unspaced scripts, begin; and for each code point whether it belongs to one."""
    kinds = _kinds()[points]
    inside = kinds != _SPACE
    before = np.concatenate((np.zeros(1, dtype=kinds.dtype), kinds[:-1])) if len(kinds) else kinds
    return np.flatnonzero(inside & ((kinds == _CHARACTER) | (before != _WORD))), inside


def count_units(text: str) -> int:
    """How many words, or characters of unspaced scripts, ``text`` has.

    Example:
        >>> count_units("Two words, 两个词")
        5
    """
    return len(unit_starts(code_points(text))[0])


def _mix(values: Hashes) -> Hashes:
    """SplitMix64's finaliser: every bit of the input reaches every bit of the output."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@cache
def _powers(count: int) -> Hashes:
    base = np.uint64(0x9E3779B97F4A7C15)
    return np.cumprod(np.full(count, base, dtype=np.uint64), dtype=np.uint64)


def shingles(text: str, size: int = SHINGLE) -> Hashes:
    """The hashed shingle set of a text, sorted and without repeats; a text of fewer than ``size`` units is one shingle.

    Example:
        >>> np.array_equal(shingles("Ann met Bob  today!", 3), shingles("ann met bob today", 3))
        True
        >>> len(shingles("the quick brown fox jumps", 3))
        3
    """
    points = code_points(text.lower())
    starts, inside = unit_starts(points)
    if not len(starts):
        return np.zeros(0, dtype=np.uint64)
    # A unit's hash is the mixed sum of (code point × power of its place in the unit); what lies between units adds nothing.
    points, inside, starts = points[starts[0] :], inside[starts[0] :], starts - starts[0]
    lengths = np.diff(np.append(starts, len(points)))
    place = np.arange(len(points)) - np.repeat(starts, lengths)
    powers = _powers(1 << max(8, int(lengths.max()).bit_length()))
    weighted = np.where(inside, (points.astype(np.uint64) + np.uint64(1)) * powers[place], np.uint64(0))
    units = _mix(np.add.reduceat(weighted, starts))
    if len(units) <= size:
        return _mix((units * _powers(256)[: len(units)]).sum(keepdims=True, dtype=np.uint64))
    windows = np.lib.stride_tricks.sliding_window_view(units, size)
    return np.unique(_mix((windows * _powers(256)[:size]).sum(axis=1, dtype=np.uint64)))


def jaccard(left: Hashes, right: Hashes) -> float:
    """Size of the intersection by size of the union of two shingle sets; two empty sets are alike in nothing.

    Example:
        >>> jaccard(np.array([1, 2, 3], dtype=np.uint64), np.array([2, 3, 4], dtype=np.uint64))
        0.5
    """
    common = len(np.intersect1d(left, right, assume_unique=True))
    union = len(left) + len(right) - common
    return common / union if union else 0.0


@cache
def _multipliers() -> tuple[Hashes, Hashes]:
    draw = _mix(np.arange(1, 2 * HASHES + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    return draw[:HASHES] | np.uint64(1), draw[HASHES:]


def signature(hashes: Hashes) -> Signature:
    """The MinHash signature of a shingle set: shape (HASHES,); all ones for the empty set."""
    multiply, add = _multipliers()
    least = np.full(HASHES, 0xFFFFFFFF, dtype=np.uint32)
    for block in np.array_split(hashes, max(1, len(hashes) // 2048)):  # 128 × 2048 numbers stay in the processor's cache
        if len(block):
            values = ((block[None, :] * multiply[:, None] + add[:, None]) >> np.uint64(32)).astype(np.uint32)
            least = np.minimum(least, values.min(axis=1))
    return least


def signatures(texts: Iterable[str], size: int = SHINGLE) -> Signature:
    """MinHash signatures of texts: uint32 of shape (texts, HASHES)."""
    rows = [signature(shingles(text, size)) for text in texts]
    return np.stack(rows) if rows else np.zeros((0, HASHES), dtype=np.uint32)


@cache
def band_rows(threshold: float) -> int:
    """Rows per band: as many as leave ``RECALL`` of the pairs at the threshold in at least one common band.

    Example:
        >>> band_rows(0.8), band_rows(0.5)
        (5, 2)
    """
    rows = (rows for rows in range(HASHES, 0, -1) if 1 - (1 - threshold**rows) ** (HASHES // rows) >= RECALL)
    return next(rows, 1)


def _bands(signed: Signature, threshold: float) -> Hashes:
    """One hash per band of each signature: shape (signatures, bands)."""
    rows = band_rows(threshold)
    count = HASHES // rows
    blocks = signed[:, : rows * count].reshape(len(signed), count, rows).astype(np.uint64)
    return _mix((_mix(blocks + np.uint64(1)) * _powers(256)[:rows]).sum(axis=2, dtype=np.uint64) + np.arange(count, dtype=np.uint64))


def _worth_verifying(one: Signature, many: Signature, threshold: float) -> npt.NDArray[np.bool_]:
    """Which of ``many`` estimate to at least the threshold less three standard errors."""
    error = 3 * (threshold * (1 - threshold) / HASHES) ** 0.5
    return np.asarray((many == one).mean(axis=1) >= threshold - error)


class _Forest:
    """Union-find whose roots are the smallest members (path halving)."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def root(self, member: int) -> int:
        parent = self._parent
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    def join(self, left: int, right: int) -> None:
        low, high = sorted((self.root(left), self.root(right)))
        self._parent[high] = low


def cluster_signatures(signed: Signature, shingles_of: Callable[[int], Hashes], threshold: float = 0.8) -> list[int]:
    """Connected components of the near-duplicate relation, when the texts themselves lie elsewhere.

    Args:
        signed: signatures, shape (n, HASHES).
        shingles_of: the shingle set of the i-th text; asked only for candidates.
        threshold: least Jaccard similarity of near-duplicates.

    Returns:
        For each text the smallest index in its cluster. A pair at the threshold is missed with probability 1 − RECALL at most.
    """
    forest = _Forest(len(signed))
    bands = _bands(signed, threshold)
    filled = np.flatnonzero((signed != np.uint32(0xFFFFFFFF)).any(axis=1))  # texts without a single unit are alike in nothing
    refuted: set[tuple[int, int]] = set()
    for band in range(bands.shape[1]):
        column = bands[filled, band]
        order = np.argsort(column, kind="stable")
        edges = np.flatnonzero(np.diff(column[order])) + 1
        for bucket in np.split(filled[order], edges):
            if len(bucket) > 1:
                _join_bucket(bucket, signed, shingles_of, threshold, forest, refuted)
    return [forest.root(index) for index in range(len(signed))]


def _join_bucket(
    bucket: npt.NDArray[np.intp],
    signed: Signature,
    shingles_of: Callable[[int], Hashes],
    threshold: float,
    forest: _Forest,
    refuted: set[tuple[int, int]],
) -> None:
    """Join the bucket's members that are verified to be alike; members of one cluster are not compared again."""
    roots = np.array([forest.root(int(member)) for member in bucket])
    if (roots == roots[0]).all():
        return
    for place in range(1, len(bucket)):
        member, tested = int(bucket[place]), 0
        mine: Hashes | None = None
        while len(foreign := tested + np.flatnonzero(roots[tested:place] != roots[place])):
            block = foreign[:512]  # a bucket of ten thousand versions of one page is joined in its first blocks
            tested = int(block[-1]) + 1
            for other_place in block[_worth_verifying(signed[member], signed[bucket[block]], threshold)]:
                other = int(bucket[other_place])
                if roots[other_place] == roots[place] or (other, member) in refuted:
                    continue
                mine = shingles_of(member) if mine is None else mine
                if jaccard(mine, shingles_of(other)) >= threshold:
                    forest.join(member, other)
                    roots[(roots == roots[place]) | (roots == roots[other_place])] = forest.root(member)
                else:
                    refuted.add((other, member))


def clusters(texts: Sequence[str], threshold: float = 0.8, size: int = SHINGLE) -> list[int]:
    """For each text the smallest index of its cluster of near-duplicates; clusters are chained, as copies of copies are.

    Example:
        >>> clusters(["one two three four five six", "something else entirely", "One, two, three, four, five, six."])
        [0, 1, 0]
    """
    return cluster_signatures(signatures(texts, size), lambda index: shingles(texts[index], size), threshold)


class NearDuplicateIndex:
    """Finds near copies of what was added before, one text at a time.

    Args:
        threshold: least Jaccard similarity of near-duplicates.
        size: units per shingle; 3 suits instructions and answers.
    """

    def __init__(self, threshold: float = 0.8, size: int = 3) -> None:
        self.threshold = threshold
        self.size = size
        self._keys: list[str] = []
        self._shingles: list[Hashes] = []
        self._signatures: list[Signature] = []
        self._buckets: dict[int, list[int]] = defaultdict(list)

    def find(self, text: str) -> str | None:
        """Key of the earliest text that ``text`` is a near copy of, or ``None``."""
        return self._search(*self._sketch(text))[0]

    def add(self, key: str, text: str) -> str | None:
        """Keep ``text`` under ``key``, unless it is a near copy of an earlier one: then that one's key, and nothing is kept."""
        mine, signed = self._sketch(text)
        earlier, bands = self._search(mine, signed)
        if earlier is not None or not len(mine):
            return earlier
        for band in bands:
            self._buckets[band].append(len(self._keys))
        self._keys.append(key)
        self._shingles.append(mine)
        self._signatures.append(signed)
        return None

    def __len__(self) -> int:
        """How many texts are kept."""
        return len(self._keys)

    def _sketch(self, text: str) -> tuple[Hashes, Signature]:
        mine = shingles(text, self.size)
        return mine, signature(mine)

    def _search(self, mine: Hashes, signed: Signature) -> tuple[str | None, list[int]]:
        bands = [int(band) for band in _bands(signed[None, :], self.threshold)[0]]
        if not len(mine):
            return None, bands
        candidates = sorted({index for band in bands for index in self._buckets.get(band, ())})
        return next(self._verified(mine, signed, candidates), None), bands

    def _verified(self, mine: Hashes, signed: Signature, candidates: list[int]) -> Iterator[str]:
        if not candidates:
            return
        near = _worth_verifying(signed, np.stack([self._signatures[index] for index in candidates]), self.threshold)
        for index, close in zip(candidates, near, strict=True):
            if close and jaccard(mine, self._shingles[index]) >= self.threshold:
                yield self._keys[index]
