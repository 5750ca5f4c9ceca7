"""Group unit vectors so that no two members of a group are further apart than a diameter: complete linkage for a million vectors.

Complete linkage joins the two nearest groups, as long as their furthest members are within the diameter; so unlike things never chain.
On a matrix of all distances it takes 40 GB for 100,000 vectors. Here only near pairs are held: a pair further apart than the
diameter never joins. They are looked for where they are likely, among the members of the same and of neighbouring cells of a coarse
partition, then again among the groups that came of it, whose centres are better known than their members. What was not looked at is
computed when a join depends on it: the partition decides what is found, never what is joined.

Linkage in rounds: complete linkage is reducible, so all pairs of groups that are each other's nearest can be joined at once, with the
same result as one after the other (Murtagh 1983).

References:
    F. Murtagh, "A survey of recent advances in hierarchical clustering algorithms", The Computer Journal 26, 1983.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wildgraph.errors import UsageError

Vectors = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

#: Up to so many vectors all pairs are looked at.
EXHAUSTIVE = 4096
#: Cells of the coarse partition per square root of the number of vectors, and the cells whose members a vector is compared with.
_CELLS, _PROBES = 2.0, 4
#: Dimensions in which cells are chosen; passes of k-means, and vectors per cell in its sample.
_AXES, _PASSES, _SAMPLE = 96, 3, 32
#: Near pairs held at a time, per vector and at least: when there are more, the nearest come first.
_PAIRS_EACH, _PAIRS_LEAST = 24, 1 << 21
#: Searches with another partition each, and the share of groups that must be joined for another one.
_SEARCHES, _WORTHWHILE = 4, 0.002
#: Up to so many pairs of members two groups are compared together with others.
_SMALL = 32
_REFUTED = np.float32(-2)
#: Numbers in a block of cosines.
_TILE = 1 << 20


def group(vectors: Vectors, diameter: float) -> Indices:
    """Groups of vectors no two of which are further apart than ``diameter``.

    Up to ``EXHAUSTIVE`` distinct vectors this is complete linkage cut at the diameter; beyond, members of one group may remain in two.
    It does not depend on the order of the vectors: they are taken in the order of a hash of their contents, which also decides ties.

    Args:
        vectors: unit rows, shape (n, dimension).
        diameter: largest cosine distance within a group, from 0 to below 1.

    Returns:
        The number of each vector's group, shape (n,); groups are numbered in the order of their first vectors.

    Raises:
        UsageError: rows that are not of unit length, or a diameter out of range.

    Example:
        >>> corners = np.eye(3, dtype=np.float32)
        >>> group(np.array([corners[0], corners[1], corners[0]]), 0.3).tolist()
        [0, 1, 0]
    """
    if not 0 <= diameter < 1:
        raise UsageError(f"a diameter of {diameter} is no cosine distance", "take one from 0 to below 1")
    if len(vectors) and not np.abs(np.einsum("ij,ij->i", vectors, vectors) - 1).max() <= 1e-3:  # NaN is not
        raise UsageError("vectors to be grouped are not all of length 1", "divide each by its length")
    rows, copies = _distinct(vectors)
    groups = _linked(vectors, rows, float(np.float32(1 - diameter)))
    found = groups[copies]
    _, first, numbers = np.unique(found, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[numbers]


def _distinct(vectors: Vectors) -> tuple[Indices, Indices]:
    """Rows with all distinct vectors, in an order that depends on their contents alone, and for every vector the place of its like."""
    weights = np.cumprod(np.full(vectors.shape[1], 0x9E3779B97F4A7C15, dtype=np.uint64), dtype=np.uint64)
    hashes = np.empty(len(vectors), dtype=np.uint64)
    for block in _blocks(len(vectors), vectors.shape[1]):
        bits = (vectors[block] + np.float32(0)).view(np.uint32)  # -0 is 0
        hashes[block] = (bits * weights).sum(axis=1, dtype=np.uint64)
    order = np.argsort(hashes, kind="stable")
    fresh = np.ones(len(vectors), dtype=np.bool_)
    fresh[1:] = hashes[order[1:]] != hashes[order[:-1]]
    alike = np.flatnonzero(~fresh)
    for block in _blocks(len(alike), vectors.shape[1]):
        one, two = order[alike[block]], order[alike[block] - 1]
        fresh[alike[block]] = (vectors[one] != vectors[two]).any(axis=1)
    copies = np.empty(len(vectors), dtype=np.int64)
    copies[order] = np.cumsum(fresh) - 1
    return order[fresh], copies


def _blocks(rows: int, width: int) -> Iterator[slice]:
    step = max(1, _TILE // max(1, width))
    return (slice(start, start + step) for start in range(0, rows, step))


class _Groups(NamedTuple):
    """Groups of vectors: the members of group ``i`` are ``members[starts[i]:starts[i + 1]]``, rows of the vectors."""

    members: Indices
    starts: Indices

    @property
    def sizes(self) -> Indices:
        return np.diff(self.starts)

    def merged(self, into: Indices) -> _Groups:
        """The groups with equal numbers in ``into`` as one; numbers run from 0 without gaps."""
        owners = np.repeat(into, self.sizes)
        return _Groups(self.members[np.argsort(owners, kind="stable")], np.append(0, np.cumsum(np.bincount(owners))))


def _linked(vectors: Vectors, rows: Indices, least: float) -> Indices:
    """For each of the distinct ``rows`` the number of its group, ``least`` being the least cosine within one."""
    found = np.arange(len(rows))
    groups = _Groups(rows, np.arange(len(rows) + 1))
    searches = 0
    while len(rows):
        pairs = _near(_centres(vectors, groups), least, searches)
        before = len(groups.sizes)
        into = _joined(vectors, groups, pairs, pairs.floor)
        if into[-1] + 1 == before and pairs.floor > least:  # the nearest pairs are all refuted
            into = _joined(vectors, groups, pairs, least)
        found, groups = into[found], groups.merged(into)
        after = len(groups.sizes)
        if after == before or (pairs.floor <= least and pairs.whole):
            break
        if pairs.floor <= least:
            searches += 1
            if searches == _SEARCHES or before - after < before * _WORTHWHILE:
                break
    return found


class _Centres(NamedTuple):
    """The directions of groups' means, ``vectors[rows[i]]`` for group ``i``, and the means' lengths."""

    vectors: Vectors
    rows: Indices
    lengths: npt.NDArray[np.float32]

    def means(self, some: Indices) -> Vectors:
        """The means of some groups."""
        found = self.vectors[self.rows[some]]
        found *= self.lengths[some, None]
        return found


def _centres(vectors: Vectors, groups: _Groups) -> _Centres:
    sizes = groups.sizes
    if len(groups.members) == len(sizes):  # a million vectors are not copied
        return _Centres(vectors, groups.members, np.ones(len(sizes), dtype=np.float32))
    means = np.empty((len(sizes), vectors.shape[1]), dtype=np.float32)
    step = _TILE // vectors.shape[1]
    start = 0
    while start < len(sizes):
        end = max(start + 1, int(np.searchsorted(groups.starts, groups.starts[start] + step, side="right")) - 1)
        members = vectors[groups.members[groups.starts[start] : groups.starts[end]]]
        means[start:end] = np.add.reduceat(members, groups.starts[start:end] - groups.starts[start], axis=0)
        start = end
    means /= sizes[:, None].astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", means, means))
    means /= np.maximum(lengths, np.float32(1e-9))[:, None]
    return _Centres(means, np.arange(len(sizes)), lengths)


class _Pairs(NamedTuple):
    """Pairs of groups, ``left < right``, with the mean cosine of their members, which is at least ``floor``.

    ``whole`` says that there are no others with such a cosine.
    """

    left: Indices
    right: Indices
    cosines: npt.NDArray[np.float32]
    floor: float
    whole: bool


def _near(centres: _Centres, least: float, search: int) -> _Pairs:
    """Pairs of groups whose members have a mean cosine of at least ``least``; the nearest, if there are too many to hold.

    Groups all of whose members are within the diameter of one another have such a mean.
    """
    many = len(centres.rows)
    most = max(_PAIRS_EACH * many, _PAIRS_LEAST)
    kept: list[tuple[Indices, npt.NDArray[np.float32]]] = []
    held, floor = 0, np.float32(least)
    for inner, outer in _cells(centres, search):
        means = centres.means(inner).T
        everyone = np.concatenate((inner, outer))
        for block in _blocks(len(everyone), max(len(inner), len(means))):
            some = everyone[block]
            cosines = centres.means(some) @ means
            places = np.flatnonzero(cosines >= floor)
            rows, columns = np.divmod(places, len(inner))
            rows += block.start
            apart = np.flatnonzero((rows < columns) | (rows >= len(inner)))
            one, two = everyone[rows[apart]], inner[columns[apart]]
            kept.append((np.minimum(one, two) << 32 | np.maximum(one, two), cosines.ravel()[places[apart]]))
            held += len(apart)
        if held > 2 * most:
            keys, values = _once(kept)
            if len(keys) > most:
                floor = np.partition(values, len(values) - most)[len(values) - most]
                keys, values = keys[values >= floor], values[values >= floor]
            kept, held = [(keys, values)], len(keys)
    keys, values = _once(kept)
    return _Pairs(keys >> 32, keys & 0xFFFFFFFF, values, float(floor), many <= EXHAUSTIVE)


def _once(kept: list[tuple[Indices, npt.NDArray[np.float32]]]) -> tuple[Indices, npt.NDArray[np.float32]]:
    """Pairs that were found from both sides once."""
    if not kept:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    keys, values = (np.concatenate(column) for column in zip(*kept, strict=True))
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    fresh = np.ones(len(keys), dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=fresh[1:])
    return keys[fresh], values[fresh]


def _cells(centres: _Centres, search: int) -> Iterator[tuple[Indices, Indices]]:
    """Groups that lie in one cell, and groups near it to compare them with: one cell up to ``EXHAUSTIVE``, else those of a partition."""
    many = len(centres.rows)
    if many <= EXHAUSTIVE:
        yield np.arange(many), np.zeros(0, dtype=np.int64)
        return
    count = int(_CELLS * many**0.5)
    axes = _axes(centres.vectors.shape[1], search)
    places = np.empty((many, axes.shape[1]), dtype=np.float32)
    for block in _blocks(many, len(axes)):
        places[block] = centres.vectors[centres.rows[block]] @ axes
    middles = _middles(places, count, search)
    probes = min(_PROBES, count - 1)
    near = np.empty((many, probes), dtype=np.int32)
    for block in _blocks(many, count):
        cosines = places[block] @ middles.T
        rows = np.arange(len(cosines))
        for place in range(probes):  # a few times over all is faster than a partial sort
            best = cosines.argmax(axis=1)
            near[block, place] = best
            cosines[rows, best] = _REFUTED
    inner, inner_ends = _by_cell(near[:, 0], count)
    outer, outer_ends = _by_cell(near[:, 1:].ravel(), count)
    for one, two in zip(np.split(inner, inner_ends), np.split(outer // (probes - 1), outer_ends), strict=True):
        if len(one):
            yield one, two


def _axes(dimension: int, search: int) -> Vectors:
    """Random directions, one column each: cosines of what is laid on them are near enough to choose cells by."""
    count = min(dimension, _AXES)
    return np.linalg.qr(np.random.default_rng(search).standard_normal((dimension, count)))[0].astype(np.float32)


def _middles(places: Vectors, count: int, search: int) -> Vectors:
    """The middles of ``count`` cells, by k-means over a sample."""
    sample = places[np.linspace(0, len(places) - 1, min(len(places), _SAMPLE * count)).astype(np.int64)]
    middles = sample[(np.arange(count) * (len(sample) // count) + search) % len(sample)]
    for _ in range(_PASSES):
        nearest = np.concatenate([(sample[block] @ middles.T).argmax(axis=1) for block in _blocks(len(sample), count)])
        own = np.bincount(nearest, minlength=count)
        filled = np.flatnonzero(own)
        sums = np.add.reduceat(sample[np.argsort(nearest, kind="stable")], (np.cumsum(own) - own)[filled], axis=0)
        middles[filled] = sums
        middles /= np.maximum(np.linalg.norm(middles, axis=1, keepdims=True), np.float32(1e-9))
    return middles


def _by_cell(cells: npt.NDArray[np.int32], count: int) -> tuple[Indices, Indices]:
    return np.argsort(cells, kind="stable"), np.cumsum(np.bincount(cells, minlength=count))[:-1]


def _joined(vectors: Vectors, groups: _Groups, pairs: _Pairs, least: float) -> Indices:
    """Complete linkage over the pairs, down to a cosine: for each group the number of the group it ends in, from 0 without gaps."""
    into = np.arange(len(groups.sizes))
    left, right, cosines = pairs.left, pairs.right, pairs.cosines
    # A pair's cosine is the least of its members' as far as those were looked at: all of them, or fewer.
    seen = (groups.sizes[left] * groups.sizes[right] == 1).astype(np.int64)
    complete = pairs.whole and bool((seen == 1).all())
    while True:
        products = groups.sizes[left] * groups.sizes[right]
        picked = _picked(left, right, np.where(cosines >= least, cosines, _REFUTED), len(groups.sizes))
        sure = seen == products
        doubtful = np.flatnonzero((picked > 0) & ~sure)
        joined = np.flatnonzero((picked == 2) & sure)
        if not len(doubtful) and not len(joined):
            return into
        cosines[doubtful] = _least_cosines(vectors, groups, left[doubtful], right[doubtful])
        seen[doubtful] = products[doubtful]
        cosines[cosines < least] = _REFUTED
        step = np.arange(len(groups.sizes))
        step[right[joined]] = left[joined]
        fresh = step == np.arange(len(step))
        step = (np.cumsum(fresh) - 1)[step]
        into, groups = step[into], groups.merged(step)
        if not len(joined):
            continue
        one, two = step[left], step[right]
        keys = np.minimum(one, two) << 32 | np.maximum(one, two)
        order = np.argsort(keys, kind="stable")
        order = order[(one != two)[order]]
        keys = keys[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        left, right = keys[starts] >> 32, keys[starts] & 0xFFFFFFFF
        if not len(starts):
            return into
        cosines, seen = np.minimum.reduceat(cosines[order], starts), np.add.reduceat(seen[order], starts)
        if complete:  # what is not among the pairs is too far apart
            kept = seen == groups.sizes[left] * groups.sizes[right]
            left, right, cosines, seen = left[kept], right[kept], cosines[kept], seen[kept]


def _picked(left: Indices, right: Indices, cosines: npt.NDArray[np.float32], many: int) -> Indices:
    """Of how many of its two groups each pair is the nearest; of equally near ones the first is."""
    best = np.full(many, _REFUTED, dtype=np.float32)
    np.maximum.at(best, left, cosines)
    np.maximum.at(best, right, cosines)
    picked = np.zeros(len(left), dtype=np.int64)
    first = np.full(many, len(left))
    tied = [np.flatnonzero((cosines == best[side]) & (cosines > _REFUTED)) for side in (left, right)]
    for side, places in zip((left, right), tied, strict=True):
        np.minimum.at(first, side[places], places)
    for side, places in zip((left, right), tied, strict=True):
        picked[places] += first[side[places]] == places
    return picked


def _least_cosines(vectors: Vectors, groups: _Groups, left: Indices, right: Indices) -> npt.NDArray[np.float32]:
    """The least cosine between members of two groups, for pairs of groups."""
    sizes = groups.sizes
    found = np.empty(len(left), dtype=np.float32)
    products = sizes[left] * sizes[right]
    for pair in np.flatnonzero(products > _SMALL):
        one, two = (vectors[groups.members[groups.starts[side] : groups.starts[side + 1]]] for side in (left[pair], right[pair]))
        found[pair] = min(float((one[block] @ two.T).min()) for block in _blocks(len(one), len(two)))
    small = np.flatnonzero(products <= _SMALL)
    ends = np.cumsum(products[small])
    step = max(1, _TILE // vectors.shape[1])
    first = 0
    while first < len(small):
        done = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + step, side="right")))
        some = small[first:last]
        inside = np.arange(int(ends[last - 1]) - done) - np.repeat(ends[first:last] - products[some] - done, products[some])
        width = np.repeat(sizes[right[some]], products[some])
        one = groups.members[np.repeat(groups.starts[left[some]], products[some]) + inside // width]
        two = groups.members[np.repeat(groups.starts[right[some]], products[some]) + inside % width]
        cosines = np.einsum("ij,ij->i", vectors[one], vectors[two])
        found[some] = np.minimum.reduceat(cosines, ends[first:last] - products[some] - done)
        first = last
    return found
