"""Nothing of the benchmarks that a user names is in the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import ClassVar

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from wildgraph.gates.named_sets import NamedFile, named_files, read_file, strings
from wildgraph.gates.verdicts import failed, not_evaluated, passed
from wildgraph.records import Pair, Verdict
from wildgraph.shingling import Hashes, count_units, shingle_bag

#: Hashes kept in a row before they are sorted and made distinct.
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Benchmark:
    """A known benchmark for long contexts, as ``benchmarks.yaml`` has it.

    Attributes:
        name: as its paper calls it. source: where its data lies. revision: the one that was looked at, or empty. columns: those with text.
        paper: arXiv number or address. note: what to know before comparing.
    """

    name: str
    source: str
    revision: str
    columns: tuple[str, ...]
    paper: str = ""
    note: str = ""


@cache
def known_benchmarks() -> tuple[Benchmark, ...]:
    """The benchmarks that long-context models are measured on. None is bundled: fetch those you report on and name the files."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    rows = yaml.load(files("wildgraph.gates").joinpath("benchmarks.yaml").read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe loader
    return tuple(Benchmark(**{**row, "columns": tuple(row["columns"])}) for row in rows)


class ContaminationGate(BaseModel):
    """Instruction, answers and documents share no run of 13 words with the sets that are named, and equal none of their texts. [ours].

    Thirteen words are the measure of GPT-3's report (arXiv 2005.14165, appendix C). Texts of fewer words are compared whole, but for case,
    punctuation and white space. Documents are public and share boilerplate: one counts when a share of its runs is found. The sets' runs
    are kept as 8 bytes each: a million words of benchmark take 8 MB. With no set named nothing is judged, and the card says so.

    Attributes:
        sets: files, folders or patterns of the benchmarks' data (JSONL, JSON, parquet, CSV, text).
        columns: the columns that count; all that hold text when empty.
        words: length of a run.
        short: texts of fewer words are not compared: 'yes' is in every benchmark.
        documents: share of a document's runs from which on it is taken to be in a set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "contamination"

    sets: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    words: int = Field(default=13, ge=2)
    short: int = Field(default=5, ge=1)
    documents: float = Field(default=0.05, gt=0.0, le=1.0)

    _runs: dict[str, Hashes] | None = PrivateAttr(default=None)
    _compared: list[NamedFile] = PrivateAttr(default_factory=list)
    _documents: dict[str, str] = PrivateAttr(default_factory=dict)

    def compared(self) -> list[NamedFile]:
        """The files it compared with.

        Raises:
            InputError: one cannot be read.
        """
        self._read()
        return list(self._compared)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``contaminated``."""
        if not self.sets:
            return not_evaluated(self.name, "no set was named to compare with")
        said = [(f"the {turn.role} turn", turn.content) for turn in pair.turns]
        for what, text in (*said, *([("the bare answer", pair.answer)] if pair.answer else [])):
            if found := self._found(text):
                return failed(self.name, "contaminated", f"{what}: {found}")
        for document in pair.documents:
            if document.hash not in self._documents:
                self._documents[document.hash] = self._found(texts[document.id], self.documents)
            if found := self._documents[document.hash]:
                return failed(self.name, "contaminated", f"document {document.id}: {found}")
        return passed(self.name, f"compared with {', '.join(file.name for file in self._compared)}")

    def _found(self, text: str, share: float = 0.0) -> str:
        if count_units(text) < self.short:
            return ""
        mine = shingle_bag([text], self.words).hashes
        for name, runs in self._read().items():
            hits = int(np.isin(mine, runs).sum())
            if hits and hits >= share * len(mine):
                return f"{hits} of {len(mine)} runs of {self.words} words are in {name}" if len(mine) > 1 else f"it is in {name}"
        return ""

    def _read(self) -> Mapping[str, Hashes]:
        if self._runs is None:
            runs: dict[str, Hashes] = {}
            for file in named_files(self.sets):
                found: list[Hashes] = []
                waiting = 0
                for row in read_file(file, self._compared):
                    values = [row.values[column] for column in self.columns if column in row.values] if self.columns else [row.values]
                    texts = [text for value in values for text in strings(value) if count_units(text) >= self.short]
                    found.append(shingle_bag(texts, self.words).hashes)
                    waiting += len(found[-1])
                    if waiting > _BLOCK:
                        found, waiting = [_distinct(found)], 0
                runs[file.name] = _distinct([*found, *([runs[file.name]] if file.name in runs else [])])
            self._runs = runs
        return self._runs


def _distinct(parts: Sequence[Hashes]) -> Hashes:
    return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.uint64)
