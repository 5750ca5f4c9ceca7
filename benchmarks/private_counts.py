"""The private counts against the same records as JSON lines: size, CPU seconds to read, and what uniting two runs adds.

python benchmarks/private_counts.py [RECORDS]
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from wildgraph.counts import COUNTS, Counts, read_counts, save_counts, unite
from wildgraph.records import Concept, LabelledRecord
from wildgraph.store import RunDirectory

FIELDS, LEAVES, TYPES, REPEATS = 8, 200, 40, 3


def made(seed: int, count: int) -> Counts:
    """Records whose labels are as uneven as real ones: a few are everywhere, most are rare."""
    rng = random.Random(seed)

    def one_of(field: str, size: int) -> str:
        return f"{field}/concept-number-{int(size * rng.random() ** 3)}"

    concepts = {
        f"{field}/concept-number-{n}": Concept(id=f"{field}/concept-number-{n}", field=field, name=f"concept {n}")
        for field in [f"field_{n}" for n in range(FIELDS)]
        for n in range(LEAVES)
    }
    records = [
        LabelledRecord(
            id=f"{rng.getrandbits(64):016x}",
            user=f"{rng.randrange(count) * 0x9E3779B97F4A7C15 % 2**64:016x}",
            document_type=one_of("document_type", TYPES),
            labels=tuple(sorted({one_of(f"field_{n}", LEAVES) for n in range(FIELDS)})),
        )
        for _ in range(count)
    ]
    return Counts(sorted(records, key=lambda record: record.id), concepts, "key")


def seconds(work: Callable[[], object]) -> float:
    """Median CPU seconds of several runs."""
    found = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return statistics.median(found)


def main() -> None:
    """Print the ratios."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory() as folder:
        one, two = RunDirectory(Path(folder) / "one"), RunDirectory(Path(folder) / "two")
        for run, seed in ((one, 1), (two, 2)):
            save_counts(run, made(seed, count))
        one.write_rows("private/labels.jsonl", read_counts(one.path).records)
        parquet, lines = (one.path / COUNTS).stat().st_size, (one.path / "private/labels.jsonl").stat().st_size
        print(f"size     {parquet / count:6.1f} bytes a record, {lines / parquet:.1f} times smaller than JSON lines")
        ours, theirs = seconds(lambda: read_counts(one.path)), seconds(lambda: list(one.records("private/labels.jsonl", LabelledRecord)))
        print(f"reading  {1e6 * ours / count:6.1f} µs a record, {theirs / ours:.1f} times faster than JSON lines")
        left, right = read_counts(one.path), read_counts(two.path)
        united = seconds(lambda: unite([left, right]))
        print(f"uniting  {1e6 * united / (2 * count):6.1f} µs a record, {united / (2 * ours):.2f} times reading both runs")


if __name__ == "__main__":
    main()
