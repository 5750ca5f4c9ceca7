"""Where a text is uncertain, and what to look for there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wildgraph.screening.settings import AnchorSettings


@dataclass(frozen=True)
class Anchors:
    """Positions that ask for context.

    Attributes:
        positions: ascending; shape (n,).
        left_out: why others are none, with how many: ``below_h_min`` pass the rule but are too certain, ``over_cap`` are beyond the most uncertain
            ``most``.
        threshold: entropy in nats that the rule asked for.
    """

    positions: npt.NDArray[np.int64]
    left_out: dict[str, int]
    threshold: float


def find_anchors(entropy: npt.NDArray[np.float32], config: AnchorSettings) -> Anchors:
    """The positions of a root where the model is uncertain.

    Mean, deviation and quantile are those of the whole root, its first ``skip`` tokens included: they are what the papers mean by its profile.
    Ties go to the earlier position.

    Args:
        entropy: of the prediction of each token, in nats; not a number where there is none; shape (n,).
        config: the rule.

    Example:
        >>> profile = np.full(200, 1.0, np.float32)
        >>> profile[[10, 100, 150]] = 9.0, 8.0, 7.0
        >>> find_anchors(profile, AnchorSettings()).positions
        array([100, 150])

    References:
        EntropyLong, arXiv 2510.02330: H_t > μ + α·σ [paper]; α = 2.0 [second].
    """
    known = entropy[np.isfinite(entropy)].astype(np.float64)
    if not len(known):
        return Anchors(np.zeros(0, np.int64), {}, float("nan"))
    values = np.nan_to_num(entropy.astype(np.float64), nan=-np.inf)
    if config.rule == "quantile":
        count = max(1, round(config.share * len(known)))
        threshold = float(np.sort(known)[-count])
        passing = values >= threshold
    else:
        threshold = float(known.mean() + config.alpha * known.std())
        passing = values > threshold
    passing[: config.skip] = False
    certain = passing & (values < config.h_min)
    positions = np.flatnonzero(passing & ~certain)
    left_out = {"below_h_min": int(certain.sum()), "over_cap": max(0, len(positions) - config.most)}
    best = positions[np.argsort(-values[positions], kind="stable")[: config.most]]
    return Anchors(np.sort(best), {reason: count for reason, count in left_out.items() if count}, threshold)


def query_span(anchor: int, length: int, width: int, *, causal: bool) -> tuple[int, int]:
    """The tokens that make an anchor's query: ``width`` on each side and its own, or the left ones alone.

    Args:
        anchor: position in the root.
        length: tokens of the root.
        width: tokens on a side.
        causal: leave out the anchor and what follows.

    Example:
        >>> query_span(100, 110, 16, causal=False), query_span(100, 110, 16, causal=True)
        ((84, 110), (84, 100))
    """
    return max(0, anchor - width), anchor if causal else min(length, anchor + width + 1)
