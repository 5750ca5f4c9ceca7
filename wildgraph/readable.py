"""Numbers, times, money and lines as people read them on a terminal of eighty columns."""

from __future__ import annotations

import math
import shutil
import sys
import textwrap


def short(number: float) -> str:
    """A count in five characters at most, up to a thousand trillions.

    Example:
        >>> [short(count) for count in (0, 9_999, 12_345, 999_999, 1_234_567, 2_000_000_000)]
        ['0', '9,999', '12.3k', '1.00M', '1.23M', '2.00G']
    """
    if number < 10_000:
        return f"{number:,.0f}"
    power = min(4, int(math.log10(number * 1.0005)) // 3)  # what would be rounded to a thousand is the next unit's one
    return f"{number / 1000.0**power:#.3g}".rstrip(".") + " kMGT"[power]


def dollars(amount: float) -> str:
    """Money, as exact as its size calls for.

    Example:
        >>> dollars(0.0), dollars(0.00213), dollars(12.3), dollars(12_345.6)
        ('$0.00', '$0.0021', '$12.30', '$12,346')
    """
    if amount >= 1000.0:
        return f"${amount:,.0f}"
    return f"${amount:.2f}" if amount == 0.0 or amount >= 1.0 else f"${amount:.4f}"


def duration(seconds: float) -> str:
    """A time in six characters, rounded up to what matters.

    Example:
        >>> [duration(seconds) for seconds in (0.2, 59, 61, 3600, 5400, 405_000)]
        ['1 s', '59 s', '2 min', '1.0 h', '1.5 h', '4.7 d']
    """
    if seconds <= 59.0:
        return f"{max(1, round(seconds))} s"
    if seconds <= 59 * 60.0:
        return f"{-(-seconds // 60):.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600.0 else f"{seconds / 86400:.1f} d"


def clipped(text: str, width: int) -> str:
    """Text in no more than ``width`` characters.

    Example:
        >>> clipped("business plan or proposal", 14), clipped("contract", 14)
        ('business plan…', 'contract')
    """
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"


def terminal_width() -> int | None:
    """Columns of the terminal that results are written to, 40 at least; ``None`` where they go elsewhere."""
    return max(40, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None


def hung(head: str, text: str, width: int | None) -> str:
    r"""``head`` and ``text`` on one line, or on several of ``width`` columns with the text below itself.

    Example:
        >>> hung("dropped  ", "gate: wrong_document 1, document_not_needed 1", 40)
        'dropped  gate: wrong_document 1,\n         document_not_needed 1'
        >>> hung("dropped  ", "gate: wrong_document 1", None)
        'dropped  gate: wrong_document 1'
    """
    if width is None or len(head) + len(text) <= width:
        return f"{head}{text}"
    lines = textwrap.wrap(text, max(20, width - len(head)), break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * len(head)}".join([f"{head}{lines[0]}", *lines[1:]])
