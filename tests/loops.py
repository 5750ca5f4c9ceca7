"""A loop of one's own for tests: other tests of the same process may have left one in this thread (a browser's driver does)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def on_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on a new loop in a thread of its own; its result, or what it raised."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()
