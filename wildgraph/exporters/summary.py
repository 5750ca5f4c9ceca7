"""What is counted while rows are written: the figures of the card, in memory that grows with documents and ids, not with text."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from wildgraph.exporters import Row
from wildgraph.records import Document, Json, Pair, Verdict, canonical_json, content_hash

#: Lower ends of the bins of the length histogram, in tokens.
LENGTHS = (0, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072, 262_144)
#: What stands for the parameters of the models that wrote rejected answers.
WORSE = "rejected answers"
#: Bins of the histogram of evidence positions.
POSITIONS = 10


@dataclass
class Objective:
    """Counts over the rows of one kind of data set.

    Attributes:
        rows, splits: how many. longest, longest_answer: in tokens. several: rows whose completion holds more than one answer.
        digest: of its files. counts: what is counted -> value -> rows. lengths: what is measured -> tokens of every row.
    """

    name: str
    rows: int = 0
    estimated: bool = False
    longest: int = 0
    longest_answer: int = 0
    several: int = 0
    digest: str = ""
    splits: Counter[str] = field(default_factory=Counter)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    lengths: dict[str, array[int]] = field(default_factory=dict)
    histogram: Counter[int] = field(default_factory=Counter)

    def see(self, row: Row) -> None:
        """Count a row."""
        self.rows += 1
        self.splits[str(row["split"])] += 1
        for name in ("paradigm", "document_type", "language", "bucket", "layout", "engine", "made", "checker", "origin"):
            if row.get(name):
                self.counts.setdefault(name, Counter())[str(row[name])] += 1
        for name, column in {
            "prompt" if self.name == "grpo" else "whole": "n_tokens",
            "documents": "n_tokens_documents",
            "instruction": "n_tokens_instruction",
            "response": "n_tokens_response",
        }.items():
            self.lengths.setdefault(name, array("q")).append(cast(int, row[column]))
        length = cast(int, row["n_tokens"])
        self.histogram[max(place for place, least in enumerate(LENGTHS) if least <= length)] += 1
        self.longest = max(self.longest, length)
        answers = [row.get(name) for name in ("n_tokens_answer", "n_tokens_chosen", "n_tokens_rejected", "n_tokens_response")]
        self.longest_answer = max(self.longest_answer, *(cast(int, one) for one in answers if one is not None))
        completion = row.get("completion")
        self.several += isinstance(completion, list) and len(completion) > 1
        self.estimated = self.estimated or bool(row["n_tokens_estimated"])


@dataclass
class Sources:
    """Counts over what the rows were made from, all kinds of data set together.

    Attributes:
        documents: id -> title, licence and source. prompts: templates with their hashes -> pairs. decoding: engine and parameters -> pairs.
        verdicts: gate, status and why not -> pairs. positions: tenth of the material -> spans of evidence that begin there.
    """

    documents: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    prompts: Counter[tuple[str, str]] = field(default_factory=Counter)
    decoding: Counter[tuple[str, str]] = field(default_factory=Counter)
    verdicts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    positions: Counter[int] = field(default_factory=Counter)
    pairs: int = 0
    lost_spans: int = 0
    _seen: set[bytes] = field(default_factory=set)

    def see(self, pair: Pair, documents: Sequence[Document], licences: Sequence[str], *, worse: bool) -> None:
        """Count a pair with its documents, once however many rows it gives; with the models of its ``worse`` answers where they are given."""
        key = bytes.fromhex(content_hash(pair.id))
        if key in self._seen:
            return
        self._seen.add(key)
        self.pairs += 1
        for document, licence in zip(documents, licences, strict=True):
            source = document.source.replace("\\", "/").rpartition("/")[2]  # folders can name people
            self.documents[document.id] = (document.title, licence, f"{source}:{document.line}" if source and document.line else source)
        self.prompts.update(pair.provenance.prompts.items())
        self.decoding[pair.provenance.engine, canonical_json(pair.provenance.decoding)] += 1
        for alternative in pair.alternatives if worse else ():
            self.decoding[alternative.engine, WORSE] += 1
        self.verdicts.update((verdict.gate, verdict.status, _why(verdict)) for verdict in pair.verdicts)
        starts: dict[str, int] = {}
        total = 0
        for document in documents:
            starts[document.id] = total
            total += len(document.text)
        for span in pair.evidence:
            if span.document_id in starts and total:
                self.positions[min(POSITIONS - 1, (starts[span.document_id] + span.start) * POSITIONS // total)] += 1
            else:
                self.lost_spans += 1


def _why(verdict: Verdict) -> str:
    """Why a gate did not judge."""
    return verdict.reason if verdict.status == "not_evaluated" else ""


class Version:
    """The version of a data set: a hash of its sorted row ids, whatever the order in which they came."""

    def __init__(self) -> None:
        self._keys = array("Q")

    def add(self, objective: str, row: Mapping[str, Json]) -> None:
        """Take in a row."""
        self._keys.append(int(content_hash(objective, row["split"], row["id"]), 16))

    def text(self) -> str:
        """Sixteen hexadecimal digits."""
        import numpy as np

        ordered = np.sort(np.frombuffer(self._keys, dtype=np.uint64)) if self._keys else np.zeros(0, np.uint64)
        return hashlib.sha256(ordered.astype(">u8").tobytes()).hexdigest()[:16]
