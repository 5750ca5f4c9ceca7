"""Confidence bands of shares (Wilson, JASA 1927), widened where many are looked at together (Bonferroni)."""

from __future__ import annotations

import math
from statistics import NormalDist

#: How sure a band is, over all that are looked at together.
LEVEL = 0.95


def wilson(successes: int, trials: int, *, together: int = 1) -> tuple[float, float]:
    """Wilson's score interval of a share.

    Args:
        successes: between 0 and ``trials``.
        trials: how often it was tried; without any the band is everything.
        together: how many bands are looked at together; each is so wide that all hold at once with :data:`LEVEL`.

    Example:
        >>> low, high = wilson(8, 10)
        >>> round(low, 3), round(high, 3)
        (0.49, 0.943)
        >>> wilson(0, 0)
        (0.0, 1.0)
    """
    if not trials:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(1.0 - (1.0 - LEVEL) / (2 * max(1, together)))
    share, weight = successes / trials, z * z / trials
    middle = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    # At the ends the band is closed, which rounding may miss.
    return (0.0 if not successes else max(0.0, middle - half)), (1.0 if successes == trials else min(1.0, middle + half))
