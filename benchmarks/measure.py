"""What the benchmarks share: CPU seconds, the memory a call adds, and one line per contender with its ratio to a named reference."""

from __future__ import annotations

import gc
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

Result = TypeVar("Result")


class Cost(NamedTuple):
    """CPU seconds of this process, wall seconds, and the largest growth of its resident memory, in MB."""

    cpu: float
    wall: float
    memory: float


def resident() -> float:
    """Resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def cost(call: Callable[[], Result], repeats: int = 1) -> tuple[Result, Cost]:
    """What a call gives, and the median of what it costs; memory is looked at every 5 ms, for getrusage never falls."""
    costs = []
    for _ in range(repeats):
        gc.collect()
        before = top = resident()
        done = threading.Event()

        def watch(done: threading.Event = done) -> None:
            nonlocal top
            while not done.wait(0.005):
                top = max(top, resident())

        watcher = threading.Thread(target=watch)
        watcher.start()
        cpu, wall = time.process_time(), time.perf_counter()
        result = call()
        costs.append(Cost(time.process_time() - cpu, time.perf_counter() - wall, 0.0))
        done.set()
        watcher.join()
        costs[-1] = costs[-1]._replace(memory=max(top, resident()) - before)
    return result, Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def show(name: str, measured: Cost, reference: float | None = None, note: str = "") -> None:
    """One line: CPU seconds first, then the ratio to the reference, wall seconds and memory."""
    ratio = f"{measured.cpu / reference:7.2f}×" if reference else " " * 8
    print(f"{name:58s} {measured.cpu:8.2f} CPU s {ratio} {measured.wall:8.2f} s {measured.memory:7.0f} MB  {note}", flush=True)
