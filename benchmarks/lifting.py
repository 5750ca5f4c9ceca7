"""Building from mined records whose values hardly ever recur, the worst case for lifting without a model: time and memory by stage.

    OMP_NUM_THREADS=1 python -m benchmarks.lifting --records 2000 20000
    OMP_NUM_THREADS=1 python -m benchmarks.lifting --records 100000 --hashed

Mined values of real queries are nearly all unique. Here every value is put together from operations, things, owners and places. Each number
of records is built in a process of its own, in a new folder, so that nothing is remembered but the vectors of the prior catalogue; then
with another K, then unchanged, then counted by `graph stats`. What the sentence model takes is shown apart. `--hashed` puts hashed
n-grams in its place, for what everything else takes at sizes at which the model would run for hours. How good the concepts are is not
asked here; benchmarks.concepts does.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measure import resident
from wildgraph import engines
from wildgraph.config import Config
from wildgraph.embedders import Vectors, Wrapped
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.embedders.sentence import SentenceEmbedder
from wildgraph.funnel import StageCount
from wildgraph.pipeline import build
from wildgraph.published import graph_stats

_PARTS = """
operation: review, summarize, translate, shorten, explain, compare, check, rewrite, outline, index, correct, grade, classify, annotate,
  simplify, extract, draft, plan, estimate, verify, list, update, quote, question, criticise, sort, merge, format, defend, illustrate
thing: supply contract, annual report, lab protocol, lease, sermon, meeting transcript, recipe book, user manual, patent, court ruling,
  grant proposal, survey, travel diary, budget, exam paper, press release, inventory, screenplay, thesis, insurance policy, log file,
  price list, interview, constitution, syllabus, medical record, ship log, obituary, tax form, song book
owner: bakery, harbour, school, clinic, choir, museum, farm, brewery, library, football club, orchestra, town hall, shipyard, hotel,
  cinema, law firm, foundry, zoo, theatre, railway, start-up, nursery, vineyard, university, charity, print shop, airline, pharmacy
place: Porto, Lagos, Oslo, Quito, Hanoi, Perth, Lima, Cairo, Turin, Ghent, Kyoto, Accra, Riga, Cork, Malmo, Davos, Bergen, Tunis, Delhi,
  Seoul, Bristol, Leeds, Graz, Lyon, Minsk, Tbilisi, Baku, Dakar, Santos, Natal, Hobart, Suva, Split, Bari, Vilnius, Basel, Izmir, Haifa
end: before the audit, for the new owner, after the flood, for a hearing, in plain words, for the archive, with all dates, by next week,
  for the heirs, against last year's, for beginners, with page numbers, for the council, despite gaps, without the annex
role: clerk, owner, student, editor, teacher, nurse, engineer, lawyer, researcher, manager, translator, volunteer, accountant
form: list, table, paragraph, letter, outline, json object, summary, report, set of slides, dialogue, timeline, checklist, essay
mood: neutral, curious, urgent, worried, appreciative
style: terse, casual, polite, precise and structured, plain, formal, rambling
skill: global summarization, locating details, exhaustive extraction, cross-document comparison, multi-step reasoning
"""
#: Kind of part -> the words for it.
PARTS = {
    kind: [word.strip() for word in words.split(",")]
    for kind, _, words in (line.partition(":") for line in _PARTS.strip().replace("\n  ", " ").split("\n"))
}


def records(count: int, seed: int = 0) -> Iterator[dict[str, object]]:
    """Rows of mined records, all thirteen fields; every other user has two records."""
    draw = random.Random(seed)

    def filled(pattern: str) -> str:
        """The pattern with a word for each part named in it."""
        return " ".join(draw.choice(PARTS[part[1:]]) if part.startswith("$") else part for part in pattern.split())

    for number in range(count):
        task, limit = filled("$operation the $thing of a $owner in $place $end"), draw.randrange(2, 900)
        yield {
            "id": f"made/{number}",
            "user": f"user {number * 2 // 3}",
            "document_type": filled("$thing of a $owner"),
            "task": [task, filled("$operation the parts on the $thing in $place")],
            "intent": filled("$operation what the $owner needs $end"),
            "user_profile": filled("$role at a $owner in $place"),
            "language_style": filled("$style"),
            "context": filled("$thing of a $owner $end"),
            "user_knowledge": filled("knows the $thing of a $owner in $place"),
            "assistant_knowledge": [filled("how a $owner keeps a $thing"), filled("customs of $place")],
            "long_context_capability": [filled("$skill")],
            "output_format": filled(f"$form of {draw.randrange(2, 40)} lines for a $role"),
            "sentiment": filled("$mood"),
            "constraint": [filled(f"no more than {limit} words on the $thing"), filled("quote the $role $end")],
            "simplified_instruction": f"{task.capitalize()}, in no more than {limit} words.",
        }


class Measured(Wrapped):
    """An embedder that counts what it is asked and what it takes."""

    cpu, texts = 0.0, 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        started = time.process_time()
        found = self.embedder.embed(texts)
        Measured.cpu += time.process_time() - started
        Measured.texts += len(texts)
        return found


class Stage:
    """Prints what is done within it: CPU and wall seconds, the model's share, and memory."""

    def __init__(self, records: int) -> None:
        self.records = records
        self.start()

    def start(self) -> None:
        self.last = self.begun = (time.process_time(), time.perf_counter(), Measured.cpu, Measured.texts)

    def now(self) -> None:
        self.last = (time.process_time(), time.perf_counter(), Measured.cpu, Measured.texts)

    def end(self, name: str) -> None:
        cpu, wall, embedding, texts = (last - begun for last, begun in zip(self.last, self.begun, strict=True))
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        note = f"  {texts:,} texts embedded in {embedding:,.0f} of them" if texts else ""
        rate = self.records / max(cpu, 1e-3)
        print(
            f"  {name:26s} {cpu:8.1f} CPU s {wall:8.1f} s {rate:8,.0f} records/CPU s {resident():6,.0f} MB, at most {most:6,.0f}{note}",
            flush=True,
        )
        self.begun = self.last


def built(mined: Path, run: Path, support: int, records: int, title: str) -> None:
    """Build, and print what every stage takes: it ends when its count is shown for the last time."""
    stage, name = Stage(records), ""

    def observe(count: StageCount, total: int | None) -> None:
        nonlocal name
        if name and count.stage != name:
            stage.end(f"{title}: {name}")
        name = count.stage
        stage.now()

    config = Config()
    build(
        [],
        run,
        config.model_copy(update={"graph": config.graph.model_copy(update={"min_support": support})}),
        mined=[mined],
        observe=observe,
    )
    if not name:
        stage.now()
    stage.end(f"{title}: {name or 'nothing done'}")


def measured(count: int, hashed: bool, folder: Path) -> None:
    """Build and count; in a process of its own."""
    mined, run = folder / "mined.jsonl", folder / "run"
    with mined.open("w", encoding="utf-8") as handle:
        handle.writelines(f"{json.dumps(row)}\n" for row in records(count))
    engines.make_embedder = lambda model: Measured(HashedEmbedder(384) if hashed else SentenceEmbedder(model))  # type: ignore[assignment, misc]
    for title, support in ("first", 3), ("another K", 5), ("again", 5):
        built(mined, run, support, count, title)
    stage = Stage(count)
    graph_stats(run)
    stage.now()
    stage.end("graph stats")
    sizes = {file.name: file.stat().st_size / 1e6 for file in sorted((run / "private").iterdir())}
    print("  private files, MB: " + ", ".join(f"{name} {size:,.0f}" for name, size in sizes.items() if size >= 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[2000, 20_000])
    parser.add_argument("--hashed", action="store_true", help="hashed n-grams in the place of the sentence model")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        measured(chosen.records[0], chosen.hashed, chosen.one)
        return
    for count in chosen.records:
        print(f"{count:,} records{', hashed n-grams' if chosen.hashed else ''}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.lifting", "--records", str(count), "--one", folder, *["--hashed"] * chosen.hashed]
            home = {"XDG_CACHE_HOME": folder} if chosen.hashed else {}  # hashed vectors of the prior catalogue are of no use to anybody
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL, env={**os.environ, **home})


if __name__ == "__main__":
    main()
