"""Counter-based randomness: a number is a hash of (seed, purpose, index, draw), so that no draw depends on another one or on its batch.

The hash is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): its output function over a Weyl sequence that starts, for each (seed, purpose,
index), at a hash of its own.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from wildgraph.records import content_hash

Indices: TypeAlias = npt.NDArray[np.uint64]
Floats: TypeAlias = npt.NDArray[np.float64]
Nodes: TypeAlias = npt.NDArray[np.int64]

_WEYL = 0x9E3779B97F4A7C15
_WORD = (1 << 64) - 1


def _mixed(words: Indices) -> Indices:
    """SplitMix64's output function, in place."""
    words ^= words >> np.uint64(30)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


def keys(seed: int, purpose: str, indices: Indices) -> Indices:
    """Where each index's sequence of draws starts.

    Args:
        seed: any integer ≥ 0.
        purpose: keeps the draws of different decisions apart.
        indices: shape (n,).

    Returns:
        Shape (n,), for :func:`uniforms`.
    """
    base = np.uint64(int(content_hash("chance", seed, purpose), 16))
    return _mixed(_mixed(indices ^ base) + base)


def uniforms(found: Indices, draw: int) -> Floats:
    """One uniform number in [0, 1) per key.

    Args:
        found: keys, shape (n,).
        draw: which of each key's numbers.

    Example:
        >>> import numpy as np
        >>> all_at_once = uniforms(keys(7, "path", np.arange(4, dtype=np.uint64)), 2)
        >>> alone = uniforms(keys(7, "path", np.array([3], dtype=np.uint64)), 2)
        >>> bool(all_at_once[3] == alone[0])
        True
    """
    words = _mixed(found + np.uint64((draw + 1) * _WEYL & _WORD))
    words >>= np.uint64(11)
    return words.astype(np.float64) * 2.0**-53


def pick(cumulative: Floats, uniform: Floats) -> Nodes:
    """Places drawn in proportion to the steps of a cumulative weight.

    Args:
        cumulative: shape (m,), not falling, the last above zero.
        uniform: shape (n,), in [0, 1).

    Example:
        >>> import numpy as np
        >>> pick(np.cumsum([1.0, 0.0, 3.0]), np.array([0.0, 0.24, 0.25, 0.99])).tolist()
        [0, 0, 2, 2]
    """
    found = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
    # Rounding can carry a number up to the total; the last place with weight is where that belongs.
    places: Nodes = np.minimum(found, np.searchsorted(cumulative, cumulative[-1], side="left"))
    return places
