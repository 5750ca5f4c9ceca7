"""Where things lie: points inside an island's disc, and discs beside one another. Numpy only, seeded, no renderer needed.

All lengths are in picture units; a browser scales them. An island of n labels gets a disc in proportion to n, so that one label
has the same room everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]

#: Room for one label, as the side of a square; and the rim that keeps a disc's outermost labels off its outline.
SPACING = 46.0
RIM = 20.0
#: Free space between two discs; island titles stand in it.
GAP = 30.0
#: Above this size only the best connected labels are laid out by forces; the others gather around them.
FORCE_LIMIT = 900
#: Names are written from left to right, so two labels need more room beside each other than above each other.
_STRETCH = (0.62, 1.45)
_GOLDEN_ANGLE = math.pi * (3.0 - math.sqrt(5.0))
_GRID = 24


def disc_radius(size: int) -> float:
    """Radius of the disc of an island with ``size`` labels.

    Example:
        >>> disc_radius(1) < disc_radius(2) < disc_radius(100)
        True
    """
    return math.ceil(SPACING * math.sqrt(size / math.pi) * 1.08 + RIM)


def sunflower(size: int) -> Points:
    """``size`` points spread evenly over the disc that :func:`disc_radius` gives, the first in the centre, shape (size, 2)."""
    place = np.arange(size, dtype=np.float64)
    radius = (disc_radius(size) - RIM) * np.sqrt(place / max(size - 1, 1)) if size > 1 else np.zeros(size)
    angle = place * _GOLDEN_ANGLE
    return np.column_stack((radius * np.cos(angle), radius * np.sin(angle)))


def island_layout(size: int, edges: npt.NDArray[np.int64], weights: npt.NDArray[np.float64], seed: int) -> Points:
    """Points of one island, centred on the origin, all inside its disc.

    Forces decide who is near whom (Fruchterman and Reingold 1991); then radii are replaced by their rank, which fills the disc
    evenly instead of leaving a ring around a hub, and labels that are still too close push each other apart.

    Args:
        size: how many labels.
        edges: shape (m, 2), pairs of label numbers below ``size``.
        weights: shape (m,), positive; a heavier edge pulls harder.
        seed: decides the small jitter that breaks symmetry.

    Returns:
        Shape (size, 2).
    """
    degree = np.bincount(edges.ravel(), minlength=size).astype(np.float64)
    order = np.lexsort((np.arange(size), -degree))
    start = np.empty((size, 2))
    start[order] = sunflower(size)
    start += np.random.default_rng(seed).normal(scale=SPACING / 10, size=start.shape)
    if size <= FORCE_LIMIT:
        return _settle(_forces(start, edges, weights), size)
    core = order[:FORCE_LIMIT]
    place = np.full(size, -1)
    place[core] = np.arange(FORCE_LIMIT)
    inner = (place[edges] >= 0).all(axis=1)
    points = start.copy()
    points[core] = _forces(start[core], place[edges[inner]], weights[inner])
    for left, right in edges[np.lexsort((np.arange(len(edges)), -weights))]:
        for leaf, anchor in ((left, right), (right, left)):
            if place[leaf] < 0 <= place[anchor]:
                place[leaf] = place[anchor]
                angle = leaf * _GOLDEN_ANGLE
                points[leaf] = points[anchor] + SPACING * np.array([math.cos(angle), math.sin(angle)])
    return _settle(points, size)


def _forces(points: Points, edges: npt.NDArray[np.int64], weights: npt.NDArray[np.float64]) -> Points:
    """Attraction along edges against repulsion of all from all, cooling down; shape (n, 2) in and out."""
    points = points.copy()
    size = len(points)
    rounds = 120 if size <= 60 else 60
    pull = (weights / weights.mean()).clip(0.3, 3.0) if len(weights) else weights
    for step in range(rounds):
        right, down = _apart(points)
        square = np.maximum(right**2 + down**2, 1.0)
        moved = SPACING**2 * np.column_stack(((right / square).sum(axis=1), (down / square).sum(axis=1)))
        along = points[edges[:, 0]] - points[edges[:, 1]]
        tug = along * (np.sqrt((along**2).sum(axis=1)) / SPACING * pull)[:, None]
        np.add.at(moved, edges[:, 0], -tug)
        np.add.at(moved, edges[:, 1], tug)
        moved -= 0.15 * points  # holds loosely tied parts together
        length = np.sqrt((moved**2).sum(axis=1, keepdims=True)).clip(1e-9)
        heat = SPACING * 2.0 * (1.0 - step / rounds) ** 1.5 + 0.5
        points += moved / length * np.minimum(length, heat)
    return points


def _settle(points: Points, size: int) -> Points:
    """Spread over the disc by ranks of radius and angle, then push apart what is too close, never leaving the disc."""
    points = points - np.median(points, axis=0)
    limit = disc_radius(size) - RIM
    radius = np.sqrt((points**2).sum(axis=1)).clip(1e-9)
    angle = np.arctan2(points[:, 1], points[:, 0])
    even_radius = limit * np.sqrt(_rank(radius) / max(size - 1, 1))
    even_angle = 2.0 * math.pi * _rank(angle) / size - math.pi
    radius = 0.75 * even_radius + 0.25 * limit * radius / radius.max()
    angle = 0.6 * even_angle + 0.4 * angle
    points = np.column_stack((radius * np.cos(angle), radius * np.sin(angle)))
    rounds = 60 if size <= 60 else 15
    for _ in range(rounds):
        right, down = _apart(points)
        near = np.hypot(right * _STRETCH[0], down * _STRETCH[1]).clip(1e-6)
        push = 0.22 * np.maximum(SPACING * 0.92 - near, 0.0) / near  # on the diagonal it meets a difference of zero
        points = _inside(points + np.column_stack(((right * push).sum(axis=1), (down * push).sum(axis=1))), limit)
    return _inside(points, limit)


def _apart(points: Points) -> tuple[Points, Points]:
    """Differences of all with all, along each axis, shape (n, n) twice."""
    return points[:, None, 0] - points[None, :, 0], points[:, None, 1] - points[None, :, 1]


def _rank(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Place of each value in ascending order, from 0; the earlier of two equal ones first."""
    rank = np.empty(len(values))
    rank[np.argsort(values, kind="stable")] = np.arange(len(values))
    return rank


def _inside(points: Points, limit: float) -> Points:
    radius = np.sqrt((points**2).sum(axis=1)).clip(1e-9)
    inside: Points = points * np.minimum(1.0, limit / radius)[:, None]
    return inside


def pack_discs(radii: Sequence[float], landscape: float = 1.15) -> Points:
    """Centres for discs that do not overlap, each put where the whole grows least.

    Args:
        radii: in the order of placing; the largest first packs best.
        landscape: how much wider than high the whole should become.

    Returns:
        Shape (len(radii), 2), the whole centred on the origin.
    """
    centres = np.zeros((len(radii), 2))
    grown = np.asarray(radii, dtype=np.float64) + GAP / 2
    angles = np.linspace(0.0, 2.0 * math.pi, _GRID, endpoint=False)
    circle = np.column_stack((np.cos(angles), np.sin(angles)))
    for place in range(1, len(grown)):
        spots = _free_spots(centres, grown, place, slice(max(0, place - 64), place), circle)  # later discs are the outer ones
        if not len(spots):  # right of the rightmost disc is always room
            spots = _free_spots(centres, grown, place, slice(0, place), circle)
        low, high = (centres[:place] - grown[:place, None]).min(axis=0), (centres[:place] + grown[:place, None]).max(axis=0)
        size = np.maximum(high, spots + grown[place]) - np.minimum(low, spots - grown[place])
        away = np.sqrt(((spots - (low + high) / 2) ** 2).sum(axis=1))
        centres[place] = spots[np.argmin(np.round(np.maximum(size[:, 0] / landscape, size[:, 1]) + 0.35 * away, 3))]
    if len(grown):
        low, high = (centres - grown[:, None]).min(axis=0), (centres + grown[:, None]).max(axis=0)
        centres -= (low + high) / 2
    return centres


def _free_spots(centres: Points, grown: npt.NDArray[np.float64], place: int, beside: slice, circle: Points) -> Points:
    """Centres at which disc ``place`` touches one of the discs ``beside`` and overlaps none placed before it."""
    reach = grown[beside] + grown[place]
    spots = (centres[beside][:, None, :] + circle[None, :, :] * reach[:, None, None]).reshape(-1, 2)
    apart = np.sqrt(((spots[:, None, :] - centres[None, :place, :]) ** 2).sum(axis=2))
    free: Points = spots[(apart >= grown[None, :place] + grown[place] - 1e-6).all(axis=1)]
    return free
