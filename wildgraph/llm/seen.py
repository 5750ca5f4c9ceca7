"""Which keys a cache may hold: a small filter in memory, so that what was never asked is not looked for on the disk.

Every new question is looked up once. A look-up that finds nothing costs little itself, but it lets go of the interpreter twice, and the
threads that then take turns cost more than the rest of the request (measured: a quarter of its CPU time).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

_BYTES = 1 << 22
"""Size of the filter. A million keys leave one wrong "perhaps" in fifteen hundred, ten millions one in five; each costs a look-up."""

_PLACES = struct.Struct("<3I")


class Seen:
    """A Bloom filter over keys that are hashes already. What was added is always in it; what was not, hardly ever. Guarded by its owner.

    Example:
        >>> seen = Seen()
        >>> seen.add(b"k" * 32)
        >>> b"k" * 32 in seen, b"m" * 32 in seen
        (True, False)
    """

    def __init__(self) -> None:
        self._bits = bytearray(_BYTES)

    def add(self, key: bytes) -> None:
        """Remember a key of at least twelve bytes."""
        bits = self._bits
        for place in _PLACES.unpack_from(key, len(key) - 12):
            bits[place >> 10] |= 1 << (place & 7)

    def update(self, keys: Iterable[bytes]) -> None:
        """Remember many."""
        for key in keys:
            self.add(key)

    def __contains__(self, key: bytes) -> bool:
        bits = self._bits
        one, two, three = _PLACES.unpack_from(key, len(key) - 12)
        return bool(bits[one >> 10] >> (one & 7) & bits[two >> 10] >> (two & 7) & bits[three >> 10] >> (three & 7) & 1)
