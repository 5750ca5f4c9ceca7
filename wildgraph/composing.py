"""Unicode's composed form of any text, in bounded time."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

#: Combining marks in a row beyond this are parted, as UAX #15 does in its stream-safe format: ordering them takes quadratic time.
_MAX_MARKS = 30
_GRAPHEME_JOINER = "\u034f"


@cache
def _many_marks() -> re.Pattern[str]:
    marks = "".join(char for char in map(chr, range(0x300, 0x1E94B)) if unicodedata.combining(char))
    return re.compile(f"[{re.escape(marks)}]{{{_MAX_MARKS}}}")


def composed(text: str) -> str:
    """``text`` in Unicode's form NFKC, in time linear in its length."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _many_marks().sub(lambda found: found.group() + _GRAPHEME_JOINER, text))
