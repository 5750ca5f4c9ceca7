"""Progress bars of other libraries, which would leak into notebooks and scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def without_bars(library: Any) -> Iterator[None]:  # noqa: ANN401 - modules whose functions carry no types
    """No progress bars of a library for a while; afterwards they are as they were.

    Args:
        library: ``transformers.utils.logging`` or ``datasets.utils``.
    """
    shown = library.is_progress_bar_enabled()
    library.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            library.enable_progress_bar()
