"""A corpus of a million documents: memory and disk to read it, memory to load it, milliseconds to match and to fill a target length.

Documents are stand-ins of a line each, with lengths and vectors as real ones have them: topics lie around a few hundred fields, documents around their topic,
with cosines of about 0.6 within a topic. What the texts of real documents take on disk is reckoned from the mean of the 913 documents the project is tested on.

Run: python -m benchmarks.corpus [--documents N] [--types N] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from wildgraph.corpus import CorpusSettings, DocumentStore, build_corpus, load_corpus, read_documents, save_corpus
from wildgraph.records import PathNode, Rejection, TaskSpec, content_hash
from wildgraph.stages.pair import Frame, PairConfig, pair

DIMENSION, FIELDS, TOPICS, WITHIN = 384, 300, 20_000, 0.6
#: Bytes of a text in the document store: 10.7 MB for 913 documents of 8.2 thousand tokens on average.
STORED = 11_700


Result = TypeVar("Result")


class Vectors:
    """Gives a text that names its topic a vector near the topic's."""

    identity, dimension = "synthetic", DIMENSION

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        fields = rng.standard_normal((FIELDS, DIMENSION)) / DIMENSION**0.5
        own = rng.standard_normal((TOPICS, DIMENSION)) / DIMENSION**0.5
        topics = 0.6 * fields[rng.integers(0, FIELDS, TOPICS)] + 0.8 * own
        self.topics = topics / np.linalg.norm(topics, axis=1, keepdims=True)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors; shape (texts, DIMENSION)."""
        found = np.empty((len(texts), DIMENSION), dtype=np.float32)
        for row, text in enumerate(texts):
            noise = np.random.Generator(np.random.SFC64(int(content_hash(text), 16))).standard_normal(DIMENSION) / DIMENSION**0.5
            found[row] = WITHIN**0.5 * self.topics[int(text.split("topic")[1].split()[0])] + (1 - WITHIN) ** 0.5 * noise
        return found / np.linalg.norm(found, axis=1, keepdims=True)


class Written:
    """Counts what a stand-in says its length is."""

    identity, estimated = "synthetic", False

    def count(self, text: str) -> int:
        """The number after ``tokens``."""
        return int(text.split("tokens")[1].split()[0])

    def count_chat(self, messages: Sequence[object]) -> int:
        """No chats here."""
        raise NotImplementedError


def write(file: Path, count: int, types: int) -> None:
    """Stand-ins as a table; types by Zipf's law, and one document in fifty is a copy of an earlier one with another length and ending."""
    rng = np.random.default_rng(1)
    shares = 1 / np.arange(1, types + 1)
    kinds = rng.choice(types, count, p=shares / shares.sum())
    lengths = np.exp(rng.normal(8.5, 0.95, count)).astype(int).clip(500, 150_000)
    topics = rng.integers(0, TOPICS, count)
    with file.open("w", encoding="utf-8") as handle:
        for number in range(count):
            source = number - 7 if number % 50 == 49 else number
            words = " ".join(f"w{source}x{word}" for word in range(24))
            row = {
                "id": f"crawl/part-{number // 10_000:05d}/{number:08d}",
                "text": f"tokens {lengths[number]} topic {topics[source]} {words}{'' if source == number else ' too'}",
                "title": f"The title of document number {number} of the crawl",
                "type": f"document_type/{kinds[source]}",
                "licence": "CC-BY-4.0",
                "language": "en",
            }
            handle.write(json.dumps(row) + "\n")


def resident() -> float:
    """Most resident memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def build(folder: Path, count: int, types: int) -> None:
    """Read the stand-ins and save the corpus."""
    write(folder / "documents.jsonl", count, types)
    started, cpu = time.perf_counter(), time.process_time()
    with DocumentStore(folder / "documents.sqlite") as store:
        corpus, _ = build_corpus(
            read_documents([folder / "documents.jsonl"]),
            store,
            Vectors(),
            Written(),
            lambda batch, _: [document.declared_type for document in batch],
            CorpusSettings(passages=0),
        )
        save_corpus(corpus, folder / "corpus")
    used = f"{time.perf_counter() - started:8.0f} s ({time.process_time() - cpu:.0f} of the CPU) {resident():6.2f} GB"
    print(f"read      {used}  {len(set(corpus.clusters.tolist())):,} clusters")
    table, vectors = ((folder / "corpus" / name).stat().st_size / 1e9 for name in ("corpus.parquet", "vectors.npy"))
    texts = count * STORED / 1e9
    print(
        f"disk      table {table:.2f} GB, vectors {vectors:.2f} GB, texts of real documents {texts:.1f} GB: {table + vectors + texts:.1f} GB"
    )


def search(folder: Path, queries: int) -> None:
    """Load the corpus; match and fill, and compare with an exact search."""
    started = time.perf_counter()
    corpus = load_corpus(folder / "corpus")
    (kind, split), section = max(corpus.sections.items(), key=lambda item: len(item[1]))
    cells = len(np.unique(corpus.cells[section.start : section.stop]))
    print(
        f"load      {time.perf_counter() - started:8.1f} s {resident():6.2f} GB  largest type {len(section):,} documents in {cells:,} cells"
    )
    asked = Vectors().embed([f"topic {topic} asked" for topic in range(queries)])
    corpus.match(asked[0], [kind], split, 24)
    found = timed("match", [lambda vector=vector: corpus.match(vector, [kind], split, 24) for vector in asked])
    exact = timed("exact", [lambda vector=vector: corpus.match(vector, [kind], split, 24, scan=len(corpus)) for vector in asked[:50]])
    shared = [len(set(one) & set(other)) / 24 for one, other in zip(found, exact, strict=False)]
    cosines = [float(np.mean(corpus.vectors[rows] @ vector)) for rows, vector in zip(found[:50], asked, strict=False)]
    best = [float(np.mean(corpus.vectors[rows] @ vector)) for rows, vector in zip(exact, asked, strict=False)]
    print(f"found     {np.mean(shared):.1%} of the 24 nearest; mean cosine {np.mean(cosines):.3f}, of the nearest {np.mean(best):.3f}")
    for target in (8192, 131072):
        specs = [
            TaskSpec(
                index=index,
                document_type=kind,
                document_type_name=f"topic {index} asked",
                path=(PathNode(field="task", concept="task/x", name="x"),),
                paradigm="comparison" if index % 3 == 0 else "single_document",
                documents=1 + 2 * (index % 3 == 0),
                split=split,
                bucket=target,
            )
            for index in range(queries)
        ]
        chosen = pair(specs, PairConfig(batch=1), corpus=corpus, kinds={kind: [kind]}, embedder=Vectors(), seed=0, frame=Frame(30, 80))
        filled = [one for one in timed(f"fill {target // 1024}k", [chosen.__next__ for _ in specs]) if not isinstance(one, Rejection)]
        drawn = {document.id for candidate in filled for document in candidate.documents}
        print(f"          {len(filled)} of {len(specs)} filled, with {len(drawn):,} different documents")
    print(f"memory    {resident():.2f} GB at most, pages of the vectors included")


def timed(name: str, calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """What the calls give; prints mean CPU and median, 95th percentile and longest wall time of one, in milliseconds."""
    times, cpu, found = [], time.process_time(), []
    for call in calls:
        begun = time.perf_counter()
        found.append(call())
        times.append(1000 * (time.perf_counter() - begun))
    mean = 1000 * (time.process_time() - cpu) / len(calls)
    median, late = np.percentile(times, [50, 95])
    print(f"{name:9s} {mean:8.2f} ms CPU, {median:8.2f} ms (95%: {late:.2f}, most: {max(times):.2f})", flush=True)
    return found


def main() -> None:
    """Each step in a process of its own, so that its memory is its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--types", type=int, default=1)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step", choices=["build", "search"])
    asked = parser.parse_args()
    if asked.step == "build":
        build(asked.folder, asked.documents, asked.types)
    elif asked.step == "search":
        search(asked.folder, asked.queries)
    else:
        with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
            for step in ("build", "search"):
                command = [sys.executable, "-m", "benchmarks.corpus", "--folder", folder, "--step", step]
                subprocess.run([*command, *(f"--{name}={getattr(asked, name)}" for name in ("documents", "types", "queries"))], check=True)


if __name__ == "__main__":
    main()
