"""Filling a length with documents: which of them add up to what is asked for."""

from __future__ import annotations

from collections.abc import Sequence


def fill(lengths: Sequence[int], low: int, high: int) -> list[int] | None:
    """The places of documents whose lengths add up to between ``low`` and ``high``, from as few of the first ones as will do.

    A subset sum by dynamic programming: bit ``s`` of a number says whether some of the documents so far add up to ``s`` tokens, so that a document is
    one shift and one or, and a window of a few tokens is found wherever there is a choice that hits it.

    Args:
        lengths: in tokens, each at least 1, those that are wanted most first.
        low: where the window begins.
        high: where it ends, itself in it; at least 0.

    Returns:
        Places in ``lengths``, rising; empty where nothing is needed; ``None`` where no choice lands in the window. Of the sums that the first
        documents reach, the largest in the window is taken.

    Example:
        >>> fill([700, 300, 450, 200], 900, 1000), fill([700, 300, 450], 600, 650), fill([5], -3, 4)
        ([0, 1], None, [])
    """
    if low <= 0:
        return []
    within = (1 << (high + 1)) - 1
    reached = [1]
    for place, length in enumerate(lengths):
        reached.append((reached[-1] | (reached[-1] << length)) & within)
        if top := reached[-1] >> low:
            return _taken(lengths, reached, place + 1, low + top.bit_length() - 1)
    return None


def _taken(lengths: Sequence[int], reached: Sequence[int], count: int, total: int) -> list[int]:
    chosen: list[int] = []
    for place in range(count - 1, -1, -1):
        if not reached[place] >> total & 1:  # not without this one
            chosen.append(place)
            total -= lengths[place]
    return chosen[::-1]
