"""Keyed hashes: what stands for a user or a record where neither may be named.

HMAC-SHA-256, cut to 64 bits. Whoever lacks the key can neither read a name off its hash nor confirm a guess; whoever has it can find a
name that is known, so that a user can be forgotten.
"""

from __future__ import annotations

import hashlib
import hmac

_DIGITS = 16


def keyed_user(key: bytes, name: str) -> str:
    """A user's name as 16 hex digits.

    Example:
        >>> keyed_user(b"k", "ann") == keyed_user(b"k", "ann") != keyed_user(b"other", "ann")
        True
    """
    return _hash(key, name)


def keyed_record(key: bytes, record: str) -> str:
    """A record's id as 16 hex digits, of another family than users: no user can be named so as to pass for a record."""
    return _hash(hmac.digest(key, b"records", "sha256"), record)


def key_id(key: bytes) -> str:
    """What names a key without telling it: 16 hex digits."""
    return _hash(hmac.digest(key, b"id", "sha256"), "")


def _hash(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:_DIGITS]
