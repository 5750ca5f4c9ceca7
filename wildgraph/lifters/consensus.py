"""Several readings of the same values made one: what most of them put together stays together.

Evidence accumulation (Fred and Jain, 2005; cluster ensembles after Strehl and Ghosh, 2002): two values are as near as the share of readings
that put them into one group, and average linkage over these shares makes the groups. A single reading draws some borders by chance, at
whatever it read first; those are not drawn by the others. The shares wanted are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from wildgraph.lifters import Group

#: The average share of readings that puts a value into a group that would not have it otherwise: one in three.
_HOUSED = 1 / 3


def agreed(readings: Sequence[Sequence[Group]], agreement: float) -> list[Group]:
    """Groups of the values that readings put together.

    Args:
        readings: groups of the same values, each value in at most one group of a reading; one reading is returned as it is.
        agreement: the average share of readings, in (0, 1], that pairs of one group need. A value that is left alone so, though most readings
            did not leave it alone, joins the group that they put it with most often, if that is one time in three at least.

    Returns:
        Groups, largest first. Each has the name and the heading of the group of a reading that it is most like (Jaccard) and that no
        larger one took, else its shortest value for a name.
    """
    if len(readings) == 1:
        return list(readings[0])
    values = sorted({value for groups in readings for group in groups for value in group.members})
    place = {value: number for number, value in enumerate(values)}
    found = np.full((len(readings), len(values)), -1, dtype=np.int64)
    for row, groups in zip(found, readings, strict=True):
        for number, group in enumerate(groups):
            row[[place[value] for value in group.members]] = number
    members: dict[int, list[str]] = {}
    for value, label in zip(values, _linked(found, agreement), strict=True):
        members.setdefault(int(label), []).append(value)
    return list(_named(sorted(members.values(), key=lambda some: (-len(some), some)), readings))


def _shares(found: np.ndarray) -> np.ndarray:
    """In which share of readings two values are in one group, shape ``[values, values]``.

    Args:
        found: group numbers, shape ``[readings, values]``; -1 where a reading left the value out, which speaks neither for nor against.
    """
    together, asked = (np.zeros((found.shape[1], found.shape[1]), dtype=np.float32) for _ in range(2))
    for row in found:
        both = np.outer(row >= 0, row >= 0)
        together += both & np.equal.outer(row, row)
        asked += both
    return together / np.maximum(asked, 1)


def _linked(found: np.ndarray, agreement: float) -> np.ndarray:
    """Labels of values by average linkage, those left alone housed."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if found.shape[1] < 2:
        return np.zeros(found.shape[1], dtype=np.int64)
    shares = _shares(found)
    apart = squareform(1.0 - shares, checks=False)
    labels = np.asarray(fcluster(linkage(apart, "average"), 1.0 - agreement + 1e-6, "distance")) - 1
    sizes = np.bincount(labels)
    company = np.mean([(row >= 0) & (np.bincount(row + 1)[row + 1] > 1) for row in found], axis=0)
    groups, alone = np.flatnonzero(sizes > 1), np.flatnonzero((sizes[labels] == 1) & (company > 0.5))
    if len(groups) and len(alone):
        near = shares[alone] @ np.equal.outer(labels, groups).astype(np.float32) / sizes[groups]
        housed = near.max(axis=1) >= _HOUSED - 1e-6
        labels[alone[housed]] = groups[near.argmax(axis=1)[housed]]
    return labels


def _named(parts: Sequence[Sequence[str]], readings: Sequence[Sequence[Group]]) -> Iterator[Group]:
    """Names and headings of readings for groups of values, which come in order of rank."""
    of_value: dict[str, list[Group]] = {}
    for groups in readings:
        for group in groups:
            for value in group.members:
                of_value.setdefault(value, []).append(group)
    taken: set[str] = set()
    for part in parts:
        inside = set(part)
        candidates = {id(group): group for value in part for group in of_value[value]}.values()
        ranked = sorted(candidates, key=lambda group: -len(inside & group.members.keys()) / len(inside | group.members.keys()))
        chosen = next((group for group in ranked if group.name not in taken), None)
        name = chosen.name if chosen else min(inside - taken or inside, key=lambda value: (len(value), value))
        heading = (chosen or ranked[0]).heading
        taken.add(name)
        yield Group(name, dict.fromkeys(part, 1.0), heading="" if heading == name else heading)
