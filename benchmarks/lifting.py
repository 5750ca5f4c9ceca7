"""Building from mined records whose values are nearly all different, the worst case for lifting without a model: time and memory.

    OMP_NUM_THREADS=1 python -m benchmarks.lifting --records 2000 20000

Each number of records is built in a process of its own, in a new folder, so that nothing is remembered but the vectors of the prior catalogue.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_VERBS = [
    "review",
    "summarize",
    "compare",
    "explain",
    "draft",
    "rewrite",
    "extract",
    "check",
    "translate",
    "list",
    "analyze",
    "outline",
    "find",
    "calculate",
    "debug",
]
_THINGS = [
    "supply contract",
    "lease agreement",
    "meeting notes",
    "research article",
    "quarterly report",
    "python script",
    "short story",
    "exam question",
    "insurance policy",
    "court ruling",
    "patent claim",
    "product manual",
    "customer letter",
    "news item",
    "lecture transcript",
]
_PLACES = [
    "bakery",
    "museum",
    "hospital",
    "shipyard",
    "vineyard",
    "airline",
    "school",
    "bank",
    "theater",
    "farm",
    "brewery",
    "laboratory",
    "library",
    "hotel",
    "factory",
    "clinic",
]
_CITIES = [
    "Porto",
    "Lyon",
    "Gdansk",
    "Izmir",
    "Malmo",
    "Quito",
    "Cebu",
    "Leeds",
    "Turin",
    "Osaka",
    "Perth",
    "Tunis",
    "Basel",
    "Cork",
    "Ghent",
]
_KINDS = ["old", "new", "small", "large", "northern", "seasonal", "local", "private", "public", "coastal", "rural", "modern"]
_TYPES = [
    "contract",
    "research paper",
    "meeting transcript",
    "news article",
    "source code",
    "short story",
    "policy report",
    "court decision",
    "patent",
    "email",
]
_FORMS = [
    "bullet list",
    "short paragraph",
    "table",
    "one sentence",
    "email",
    "json",
    "numbered list",
    "essay of two pages",
    "story",
    "code with comments",
]


def records(count: int, seed: int = 1) -> list[dict[str, object]]:
    """Made-up mined records: some six values of each are shared with nobody or few."""
    draw = random.Random(seed)

    def place() -> str:
        return f"{draw.choice(_KINDS)} {draw.choice(_PLACES)}"

    def task() -> str:
        return f"{draw.choice(_VERBS)} the {draw.choice(_THINGS)} of a {place()} in {draw.choice(_CITIES)}"

    return [
        {
            "id": f"q{number}",
            "user": f"u{draw.randrange(count)}",
            "document_type": draw.choice(_TYPES),
            "task": [task() for _ in range(draw.choice((1, 1, 2)))],
            "intent": f"decide about the {place()}",
            "user_profile": f"{place()} manager",
            "language_style": "plain",
            "context": "work",
            "user_knowledge": "knows the field",
            "assistant_knowledge": ["law"],
            "long_context_capability": ["locating details"],
            "output_format": f"{draw.choice(_FORMS)} for the {draw.choice(_PLACES)}",
            "sentiment": "neutral",
            "constraint": [f"mention the {place()} in {draw.choice(_CITIES)}"] if draw.random() < 0.5 else [],
            "simplified_instruction": f"{task()} for me",
        }
        for number in range(count)
    ]


def measured(file: Path, run: Path) -> None:
    """Build, and print what it took; in a process of its own."""
    from wildgraph.cli import main

    started, cpu = time.perf_counter(), time.process_time()
    code = main(["build", "--mined", str(file), "-o", str(run), "-q"])
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = json.loads((run / "manifest.run.json").read_text(encoding="utf-8"))["stages"]
    stages = {name: round(entry["last"]["seconds"], 1) for name, entry in found.items()}
    print(f"exit {code}; {wall:.0f} s, {cpu:.0f} CPU s, {peak:,.0f} MB resident at most; seconds by stage: {stages}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[2000, 20_000])
    parser.add_argument("--one", type=Path, nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        measured(*chosen.one)
        return
    for count in chosen.records:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "mined.jsonl"
            file.write_text("".join(f"{json.dumps(row)}\n" for row in records(count)), encoding="utf-8")
            command = [sys.executable, "-m", "benchmarks.lifting", "--one", str(file), str(Path(folder) / "run")]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            print(f"{count:,} records: {done.stderr.strip().splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main()
