"""Target lengths of samples (buckets): how they are written.

A thousand is 1,024 here, as in the names of context windows: ``8k`` is 8,192 tokens.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

#: Shortest target: the turns of a chat and an answer alone take some hundred tokens.
SHORTEST = 1024
_WRITTEN = re.compile(r"\s*(\d+)\s*([km]?)\s*", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024 * 1024}


def length_of(written: str | int) -> int:
    """A length in tokens from the way people write it.

    Raises:
        ValueError: it is no length, or below :data:`SHORTEST`.

    Example:
        >>> length_of("8k"), length_of("128K"), length_of(10_000)
        (8192, 131072, 10000)
    """
    found = _WRITTEN.fullmatch(str(written))
    if not found:
        raise ValueError(f"{str(written)!r} is no length: write 8k or 8192")
    length = int(found[1]) * _UNITS[found[2].lower()]
    if length < SHORTEST:
        raise ValueError(f"a target of {length} tokens is too short: {SHORTEST} at least")
    return length


def spoken(length: int) -> str:
    """A length as people write it.

    Example:
        >>> spoken(8192), spoken(1024 * 1024), spoken(10_000)
        ('8k', '1m', '10000')
    """
    for unit in ("m", "k"):
        if length % _UNITS[unit] == 0:
            return f"{length // _UNITS[unit]}{unit}"
    return str(length)


def parse_targets(written: str) -> dict[int, float]:
    """Lengths with their shares, which add up to 1, from ``8k,32k`` (equal shares) or ``8k:0.7,32k:0.3``.

    Raises:
        ValueError: no length, the same one twice, shares for some only, or a share that is not above 0.

    Example:
        >>> parse_targets("8k,32k"), parse_targets("8k:3,128k:1")
        ({8192: 0.5, 32768: 0.5}, {8192: 0.75, 131072: 0.25})
    """
    parts = [part.partition(":") for part in written.split(",") if part.strip()]
    if len({bool(sign) for _, sign, _ in parts}) > 1:
        raise ValueError("give every length a share, or none")
    try:
        shares = [(length, float(share) if sign else 1.0) for length, sign, share in parts]
    except ValueError:
        raise ValueError(f"{written!r} is not written 8k:0.7,32k:0.3") from None
    found: dict[int, float] = {}
    for length, share in shares:
        if length_of(length) in found:
            raise ValueError(f"the length {length.strip()} is named twice")
        found[length_of(length)] = share
    return normalised(found)


def normalised(shares: Mapping[int, float]) -> dict[int, float]:
    """Shares that add up to 1, by length.

    Raises:
        ValueError: a share is not a number above 0.
    """
    if any(not (math.isfinite(share) and share > 0) for share in shares.values()):
        raise ValueError("shares must be above 0")
    total = sum(shares.values())
    return {length: shares[length] / total for length in sorted(shares)}
