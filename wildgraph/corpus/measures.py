"""What is measured of every document when it is read, so that a paradigm can ask for documents that serve it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wildgraph.text import YEAR


def years(text: str) -> int:
    """How many different years a text names.

    Example:
        >>> years("Built in 1913, rebuilt in 1951 and, after the flood of 1951, again.")
        2
    """
    return len({match.group(1) for match in YEAR.finditer(text)})


#: Measure -> what it counts in a text. A paradigm names the least of each that its required documents must have.
MEASURES: Mapping[str, Callable[[str], int]] = {"years": years}
