"""Lift values without a model: agglomeration in the space of likeness, cut at a granularity, capped in diameter.

Average linkage, so that a group is held together by all of its members; groups whose members are further apart than the cap are divided,
so that unlike things never chain. Of very many values near ones are first taken together by :mod:`wildgraph.grouping`, which needs no
matrix of all distances; linkage then goes on with these small groups, since the mean distance of two groups is that of their means.
Of more values than are considered at once those of most users come first; the others follow block by block, join what is there, and make
new groups of what joins nothing, so that memory does not grow with the vectors of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.catalogue import Prior, PriorConcept
from wildgraph.embedders import Embedder, Vectors
from wildgraph.fields import MetaField
from wildgraph.grouping import group
from wildgraph.lifters import Group, SeenValue
from wildgraph.lifters.likeness import Features, LikenessConfig, LikenessSpace, by_field
from wildgraph.records import content_hash

_VERSION = 3
_BLOCK = 4096
_WIDEST = 0.999  # what wildgraph.grouping takes as a diameter


class GroupingConfig(BaseModel):
    """How coarse groups are. All constants are ours.

    Attributes:
        cut: mean distance (1 - likeness) at which two groups stay apart, by field; ``""`` for all that are not named: the granularity.
            Smaller for a finer catalogue.
        cap: largest distance between two members of one group, above the cut.
        claim: least mean probability at which a group is a concept of the prior.
        under: least mean probability at which a group lies under a concept, or its parent: what a rare group falls back to.
        grouped: values, or small groups of near ones, that are linked on a matrix of all distances; beyond, those of fewer users join
            what is there, and what joins nothing is linked among itself.
        considered: values whose vectors are held at a time.
        near: share of the cut within which all members of a small group lie. Half of it leaves linkage nearly all of its choices.
        likeness: what counts how much.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cut: Mapping[str, float] = Field(
        default_factory=lambda: {"": 0.48, "document_type": 0.52, "output_format": 0.47, "task": 0.58, "constraint": 0.55}
    )
    cap: float = Field(default=0.3, ge=0.0, le=1.0)
    claim: float = Field(default=0.4, gt=0.0, le=1.0)
    under: float = Field(default=0.05, gt=0.0, le=1.0)
    grouped: int = Field(default=6000, ge=2)
    considered: int = Field(default=20_000, ge=2)
    near: float = Field(default=0.5, gt=0.0, le=1.0)
    likeness: LikenessConfig = LikenessConfig()


class LikenessLifter:
    """Groups values by how alike they are.

    Args:
        prior: concepts known beforehand.
        embedder: sentence embedder.
        config: granularity and weights.
    """

    def __init__(self, prior: Prior, embedder: Embedder, config: GroupingConfig) -> None:
        self.prior = prior
        self.embedder = embedder
        self.config = config
        self._spaces: dict[str, LikenessSpace] = {}

    @property
    def identity(self) -> str:
        """Version, settings, prior and embedder."""
        return content_hash("likeness", _VERSION, self.config.model_dump(mode="json"), self.prior.fingerprint, self.embedder.identity)

    def lift(self, values: Mapping[MetaField, Sequence[SeenValue]]) -> Mapping[str, Sequence[Group]]:
        """Field name -> groups."""
        return {of.name: self._field(of, found) for of, found in values.items()}

    def complete(
        self, values: Mapping[MetaField, Sequence[SeenValue]], groups: Mapping[str, Sequence[Group]]
    ) -> Mapping[str, Sequence[Group]]:
        """Groups with all values: those that no group holds join the one they are most like, or form groups of their own.

        Args:
            values: all values by field.
            groups: groups of some of them.
        """
        whole: dict[str, Sequence[Group]] = {}
        for of, found in values.items():
            there = [group for group in groups.get(of.name, ()) if group.members]
            held = {member for group in there for member in group.members}
            if all(value.text in held for value in found):
                whole[of.name] = there
            elif there:
                known = [group.members for group in there]
                joined, left = self.join(of, found, known)
                grown = _grown(there, joined)
                whole[of.name] = [*grown, *self._field(of, left)]
            else:
                whole[of.name] = self._field(of, found)
        return whole

    def _space(self, of: MetaField) -> LikenessSpace:
        if of.name not in self._spaces:
            self._spaces[of.name] = LikenessSpace(of.name, self.prior.phrases(of.name), self.embedder, self.config.likeness)
        return self._spaces[of.name]

    def _blocks(self, values: Sequence[SeenValue]) -> list[Sequence[SeenValue]]:
        """The values in one block ordered by their words, or in several, those of most users first."""
        most = self.config.considered
        if len(values) > most:
            values = sorted(values, key=lambda value: (-value.users, -value.records, content_hash(value.text)))
        parts = [values[start : start + most] for start in range(0, len(values), most)]
        return [sorted(part, key=lambda value: value.text) for part in parts]

    def join(
        self, of: MetaField, values: Sequence[SeenValue], groups: Sequence[Mapping[str, float]]
    ) -> tuple[list[dict[str, float]], list[SeenValue]]:
        """Per group the values that join it, and those that join none: mean distance to the members at most the cut.

        Args:
            of: the field.
            values: members of groups among them stay where they are.
            groups: members that are not among ``values`` count by their words alone.
        """
        there = {value.text for value in values}
        others = sorted({member for group in groups for member in group} - there)
        space = self._space(of)
        owner = {member: number for number, group in enumerate(groups) for member in group}
        every = [*values, *map(SeenValue, others)]
        about = space.about(self._blocks(every)[0])
        sums: npt.NDArray[np.float64] | None = None
        for block in self._blocks([value for value in every if value.text in owner]):
            rows = space.features(block, about).rows
            sums = np.zeros((len(groups), rows.shape[1])) if sums is None else sums
            np.add.at(sums, [owner[value.text] for value in block], rows)
        assert sums is not None, "groups have members"
        centres = (sums / np.bincount(list(owner.values()), minlength=len(groups))[:, None]).astype(np.float32)
        joined: list[dict[str, float]] = [{} for _ in groups]
        left: list[SeenValue] = []
        for block in self._blocks([value for value in values if value.text not in owner]):
            left += [block[place] for place in self._joining(of, block, space.features(block, about), centres, joined)]
        return joined, left

    def _joining(
        self, of: MetaField, values: Sequence[SeenValue], features: Features, centres: Vectors, joined: Sequence[dict[str, float]]
    ) -> list[int]:
        """Let values join the groups with these centres; the places of those that join none."""
        left = []
        least = 1.0 - by_field(self.config.cut, of.name) * features.scale
        for start in range(0, len(values), _BLOCK):
            rows = features.rows[start : start + _BLOCK]
            best = (rows @ centres.T).argmax(axis=1)
            for place, (row, near) in enumerate(zip(rows, best.tolist(), strict=True), start):
                likeness = float(row @ centres[near])
                if likeness >= least:
                    joined[near][values[place].text] = round(likeness, 3)
                else:
                    left.append(place)
        return left

    def _field(self, of: MetaField, values: Sequence[SeenValue]) -> list[Group]:
        if not values:
            return []
        space, (first, *more) = self._space(of), self._blocks(values)
        features = space.features(first)
        groups, centres = self._grouped(of, first, features)
        joined: list[dict[str, float]] = [{} for _ in groups]
        for block in more:
            features = space.features(block, features.about)
            if left := self._joining(of, block, features, centres, joined):
                found, their = self._grouped(of, [block[place] for place in left], features.some(left))
                groups, centres = [*groups, *found], np.concatenate([centres, their])
                joined += [{} for _ in found]
        return _grown(groups, joined)

    def _grouped(self, of: MetaField, values: Sequence[SeenValue], features: Features) -> tuple[list[Group], Vectors]:
        """Groups of values in the order of their words, and the groups' centres."""
        cut = by_field(self.config.cut, of.name) * features.scale
        cap = cut + self.config.cap * features.scale
        if len(values) <= self.config.grouped:
            groups = list(_groups(_distances(features.rows), cut, cap))
        else:
            groups = list(_many(features.rows, [value.users for value in values], cut, cap, self.config))
        centres = np.stack([_mean(features.rows, rows) for rows in groups])
        return list(self._named(of, values, groups, centres, features)), centres

    def _named(
        self, of: MetaField, values: Sequence[SeenValue], groups: Sequence[Sequence[int]], centres: Vectors, features: Features
    ) -> Iterator[Group]:
        """Groups with names, and the concepts of the prior that they are or belong under; of several that could be one, the largest is."""
        concepts = self.prior.phrases(of.name)
        claims: dict[int, tuple[float, int]] = {}
        tops: list[int | None] = []
        for number, rows in enumerate(groups):
            mean = features.profile[list(rows)].mean(axis=0)
            top = int(mean.argmax()) if len(mean) else None
            if top is None or mean[top] < self.config.claim:
                tops.append(None)
                continue
            tops.append(top)
            weight = float(mean[top]) * sum(values[row].records for row in rows)
            if top not in claims or weight > claims[top][0]:
                claims[top] = (weight, number)
        for number, rows in enumerate(groups):
            alike = features.rows[list(rows)] @ centres[number]
            members = {values[row].text: round(float(one), 3) for row, one in zip(rows, alike, strict=True)}
            central = min(members, key=lambda text: (-round(members[text], 1), len(text), text))
            top = tops[number]
            if top is not None and claims[top][1] == number:
                yield Group(concepts[top].concept.name, members, concept=concepts[top].concept.id)
            else:
                mean = features.profile[list(rows)].mean(axis=0)
                yield Group(
                    central, members, parent=concepts[top].concept.id if top is not None else _under(mean, concepts, self.config.under)
                )


def _grown(groups: Sequence[Group], joined: Sequence[Mapping[str, float]]) -> list[Group]:
    """Groups with the values that joined them."""
    return [replace(group, members={**group.members, **more}) for group, more in zip(groups, joined, strict=True)]


def _under(profile: npt.NDArray[np.float64], concepts: Sequence[PriorConcept], least: float) -> str | None:
    """The parent that the profile's concepts share, where they share one."""
    if not len(profile):
        return None
    shares: dict[str, float] = {}
    for share, entry in zip(profile.tolist(), concepts, strict=True):
        parent = entry.concept.parent or entry.concept.id
        shares[parent] = shares.get(parent, 0.0) + share
    best = max(shares, key=lambda parent: (shares[parent], parent), default=None)
    return best if best is not None and shares[best] >= least else None


def _mean(rows: Vectors, members: Sequence[int]) -> Vectors:
    return np.asarray(rows[list(members)].mean(axis=0), dtype=np.float32)


def _distances(rows: Vectors) -> npt.NDArray[np.float64]:
    """Condensed cosine distances, rounded so that the last bits of a product decide nothing."""
    count = len(rows)
    condensed = np.empty(count * (count - 1) // 2)
    place = 0
    for row in range(count - 1):
        condensed[place : place + count - row - 1] = 1.0 - rows[row + 1 :] @ rows[row]
        place += count - row - 1
    return np.maximum(np.round(condensed, 5), 0.0)


def _groups(distances: npt.NDArray[np.float64], cut: float, cap: float) -> Iterator[list[int]]:
    """Average linkage cut at ``cut``; groups wider than ``cap`` are divided by complete linkage. In order of their first rows."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if not len(distances):
        yield [0]
        return
    labels = fcluster(linkage(distances, "average"), cut, "distance")
    square = squareform(distances)
    found = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        inside = square[np.ix_(rows, rows)]
        if inside.max() <= cap:
            found.append(rows.tolist())
            continue
        parts = fcluster(linkage(squareform(inside, checks=False), "complete"), cap, "distance")
        found += [rows[parts == part].tolist() for part in np.unique(parts)]
    yield from sorted(found)


def _many(rows: Vectors, users: Sequence[int], cut: float, cap: float, config: GroupingConfig) -> Iterator[list[int]]:
    """What ``_groups`` does, for more rows than a matrix of all distances can be held for. In order of their first rows.

    Args:
        rows: unit rows.
        users: of each row: the best supported are linked first.
        cut: mean distance at which two groups stay apart.
        cap: largest distance between two members; from 1 on, where there is nothing in common any more, nothing is divided.
        config: how many groups are linked at a time, and how near small groups are.
    """
    labels = group(rows, min(cut * config.near, _WIDEST))
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    small = np.split(order, starts[1:])
    sizes = np.array([len(members) for members in small], dtype=np.float64)
    means = np.stack([_mean(rows, members.tolist()) for members in small])
    support = np.add.reduceat(np.asarray(users, dtype=np.int64)[order], starts)
    todo = np.lexsort((np.arange(len(small)), -support))
    found: list[list[int]] = []
    while len(todo):
        first, todo = todo[: config.grouped], todo[config.grouped :]
        linked = _linked(means[first], sizes[first], cut)
        groups = [first[linked == one].tolist() for one in range(int(linked.max()) + 1)]
        centres = np.stack([np.average(means[one], axis=0, weights=sizes[one]) for one in groups]).astype(np.float32)
        left = []
        for start in range(0, len(todo), _BLOCK):
            block = todo[start : start + _BLOCK]
            alike = np.round(means[block] @ centres.T, 5)
            best = alike.argmax(axis=1)
            near = alike[np.arange(len(block)), best] >= 1.0 - cut
            for one, place in zip(block[near].tolist(), best[near].tolist(), strict=True):
                groups[place].append(one)
            left.append(block[~near])
        todo = np.concatenate(left) if left else todo
        for one in groups:
            members = np.sort(np.concatenate([small[place] for place in one]))
            parts = group(rows[members], cap) if cap < _WIDEST else np.zeros(len(members), dtype=np.int64)
            found += [members[parts == part].tolist() for part in range(int(parts.max()) + 1)]
    yield from sorted(found)


def _linked(means: Vectors, sizes: npt.NDArray[np.float64], cut: float) -> npt.NDArray[np.int64]:
    """Average linkage of groups of several members, cut at ``cut``: the number of each one's group, from 0.

    The mean distance between the members of two groups of unit vectors is 1 less the inner product of their means. Chains of nearest
    neighbours find the same dendrogram as joining the nearest pair first (Murtagh 1983), since average linkage is reducible.
    """
    count = len(means)
    apart = np.round(1.0 - means @ means.T, 5).astype(np.float64)
    np.fill_diagonal(apart, np.inf)
    weights, parent = sizes.copy(), np.arange(count)
    alive = np.ones(count, dtype=np.bool_)
    chain: list[int] = []
    for _ in range(count - 1):
        if not chain:
            chain.append(int(np.flatnonzero(alive)[0]))
        while True:
            last = chain[-1]
            nearest = int(apart[last].argmin())
            if len(chain) > 1 and apart[last, chain[-2]] <= apart[last, nearest]:
                nearest = chain[-2]
                break
            chain.append(nearest)
        del chain[-2:]
        kept, gone = min(last, nearest), max(last, nearest)
        if apart[last, nearest] <= cut:  # heights only grow towards the root, so what is joined here lies below the cut as a whole
            parent[gone] = kept
        row = (weights[kept] * apart[kept] + weights[gone] * apart[gone]) / (weights[kept] + weights[gone])
        row[[kept, gone]] = np.inf
        apart[kept], apart[:, kept] = row, row
        apart[gone], apart[:, gone] = np.inf, np.inf
        weights[kept] += weights[gone]
        alive[gone] = False
    for one in range(count):  # a parent comes before its child
        parent[one] = parent[parent[one]]
    return np.asarray(np.unique(parent, return_inverse=True)[1], dtype=np.int64)
