"""Near-duplicates: texts whose shingle sets have at least a given Jaccard similarity.

A text is its set of shingles: runs of ``shingle`` units, where a unit is a lower-case word, or a single character in scripts that are
written without spaces. Texts in memory are compared exactly, by their rarest shingles (:mod:`wildgraph.overlaps`).

Documents that lie elsewhere are found by MinHash. The chance that two sets share their minimum under a random hash is their Jaccard
similarity (Broder 1997); ``HASHES`` such minima make a signature, and signatures that agree in a whole band of rows are candidates.
Candidates are verified on the shingle sets themselves, so the signature decides only what is looked at, never what is found alike.
One-permutation hashing (Li, Owen, Zhang 2012) needs one hash instead of ``HASHES``, but vectorised, all permutations of a 10,000-token
document take a few milliseconds.

All hashing is arithmetic on code points: equal texts have equal signatures on every machine.

References:
    A. Broder, "On the resemblance and containment of documents", SEQUENCES 1997.
    P. Li, A. Owen, C.-H. Zhang, "One permutation hashing", NIPS 2012.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from wildgraph.overlaps import alike, prefix_length
from wildgraph.shingling import SHINGLE, Bag, Hashes, jaccard, mixed, powers, shingle_bag, shingles

Signature = npt.NDArray[np.uint32]

#: Minima per signature: the standard error of the estimated similarity is at most 0.5/√HASHES = 0.044.
HASHES = 128
#: Share of pairs exactly at the threshold that must collide in at least one band.
RECALL = 0.999


@cache
def _multipliers() -> tuple[Hashes, Hashes]:
    draw = mixed(np.arange(1, 2 * HASHES + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    return draw[:HASHES] | np.uint64(1), draw[HASHES:]


def signature(hashes: Hashes) -> Signature:
    """The MinHash signature of a shingle set: shape (HASHES,); all ones for the empty set."""
    return np.asarray(_minima(Bag(hashes, np.array([len(hashes)])))[0])


def signatures(texts: Iterable[str], size: int = SHINGLE) -> Signature:
    """MinHash signatures of texts: uint32 of shape (texts, HASHES)."""
    return _minima(shingle_bag(list(texts), size))


def _minima(bag: Bag) -> Signature:
    multiply, add = _multipliers()
    least = np.full((len(bag.counts), HASHES), 0xFFFFFFFF, dtype=np.uint32)
    filled = np.flatnonzero(bag.counts)
    starts = (np.cumsum(bag.counts) - bag.counts)[filled]
    for first in range(0, len(bag.hashes), 2048):  # 128 × 2048 numbers stay in the processor's cache
        block = bag.hashes[None, first : first + 2048]
        values = ((block * multiply[:, None] + add[:, None]) >> np.uint64(32)).astype(np.uint32)
        # A text may begin before this block and end after it.
        begun, ended = int(np.searchsorted(starts, first, side="right")) - 1, int(np.searchsorted(starts, first + block.shape[1]))
        minima = np.minimum.reduceat(values, np.maximum(starts[begun:ended] - first, 0), axis=1)
        least[filled[begun:ended]] = np.minimum(least[filled[begun:ended]], minima.T)
    return least


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
    found = np.empty((len(signed), count), dtype=np.uint64)
    for first in range(0, len(signed), 16384):  # widened to 64 bits, a million signatures at once would be several GB
        part = signed[first : first + 16384, : rows * count].reshape(-1, count, rows).astype(np.uint64)
        sums = (mixed(part + np.uint64(1)) * powers(256)[:rows]).sum(axis=2, dtype=np.uint64)
        found[first : first + 16384] = mixed(sums + np.arange(count, dtype=np.uint64))
    return found


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
        starts = np.flatnonzero(np.diff(column[order], prepend=~column[order[:1]]))
        stops = np.append(starts[1:], len(order))
        for bucket in np.flatnonzero(stops - starts > 1):
            _join_bucket(filled[order[starts[bucket] : stops[bucket]]], signed, shingles_of, threshold, forest, refuted)
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
    found: list[int] = alike(*shingle_bag(texts, size), threshold).tolist()
    return found


#: Texts of an index after which it first asks what is common among them, and how many make a shingle common.
_RANK_FROM, _COMMON_FROM = 256, 16


class NearDuplicateIndex:
    """Finds near copies of what was added before, one text at a time.

    Texts are looked up by the rarest of their shingles (:mod:`wildgraph.overlaps`): no copy is missed. What is rare is settled anew
    whenever the index has doubled, for a common phrase would make every text a candidate.

    Args:
        threshold: least Jaccard similarity of near-duplicates.
        size: units per shingle; 3 suits instructions and answers.
    """

    def __init__(self, threshold: float = 0.8, size: int = 3) -> None:
        self.threshold = threshold
        self.size = size
        self._keys: list[str] = []
        self._shingles: list[Hashes] = []
        self._holders: dict[int, list[int]] = defaultdict(list)
        self._common: dict[int, int] = {}
        self._next_ranking = _RANK_FROM

    def find(self, text: str) -> str | None:
        """Key of the earliest text that ``text`` is a near copy of, or ``None``."""
        mine = shingles(text, self.size)
        return self._search(mine, self._rarest(mine))

    def add(self, key: str, text: str) -> str | None:
        """Keep ``text`` under ``key``, unless it is a near copy of an earlier one: then that one's key, and nothing is kept."""
        mine = shingles(text, self.size)
        rarest = self._rarest(mine)
        earlier = self._search(mine, rarest)
        if earlier is not None or not len(mine):
            return earlier
        for shingle in rarest:
            self._holders[shingle].append(len(self._keys))
        self._keys.append(key)
        self._shingles.append(mine)
        if len(self._keys) == self._next_ranking:
            self._rank()
        return None

    def __len__(self) -> int:
        """How many texts are kept."""
        return len(self._keys)

    def _rank(self) -> None:
        """Put what is common by now at the end of the order, and every text under its first shingles in the new order."""
        distinct, counts = np.unique_counts(np.concatenate(self._shingles))
        often = np.flatnonzero(counts >= _COMMON_FROM)
        order = often[np.lexsort((distinct[often], counts[often]))]
        self._common = {shingle: place for place, shingle in enumerate(distinct[order].tolist())}
        self._holders.clear()
        for index, mine in enumerate(self._shingles):
            for shingle in self._rarest(mine):
                self._holders[shingle].append(index)
        self._next_ranking *= 2

    def _rarest(self, mine: Hashes) -> list[int]:
        """The first shingles in the index's order: those that are not common, by their hash, then the common ones."""
        if not len(mine):
            return []
        few = prefix_length(len(mine), self.threshold)
        listed: list[int] = mine.tolist()
        rare = [shingle for shingle in listed if shingle not in self._common]
        if len(rare) < few:
            rare += sorted((shingle for shingle in listed if shingle in self._common), key=self._common.__getitem__)
        return rare[:few]

    def _search(self, mine: Hashes, rarest: list[int]) -> str | None:
        sharing = {index for shingle in rarest for index in self._holders.get(shingle, ())}
        for index in sorted(sharing):
            other = self._shingles[index]
            sizes = sorted((len(mine), len(other)))
            if sizes[0] >= self.threshold * sizes[1] and jaccard(mine, other) >= self.threshold:
                return self._keys[index]
        return None
