"""No sample twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from wildgraph.gates.named_sets import NamedFile, earlier_sample, named_files, read_file
from wildgraph.gates.verdicts import failed, passed
from wildgraph.neardup import NearDuplicateIndex
from wildgraph.records import Pair, Verdict, content_hash
from wildgraph.shingling import count_units


class DuplicatesGate(BaseModel):
    """The instruction is new for its documents, and the answer is new. Remembers the pairs that passed: one gate serves one sampling. [ours].

    Attributes:
        threshold: least Jaccard similarity of 3-word shingles at which two texts are near-duplicates.
        scope: with which earlier instructions one is compared: those that share a ``document`` (the same request about another document
            is another sample), or all of the ``run``.
        answer_words: shorter answers are not compared: two tasks may well both end in 'yes'.
        earlier: data sets whose samples count as accepted before: files, folders or patterns, in any layout that exporters write. Their
            instructions are compared whatever the document, unless their rows name documents by hash (``document_hashes``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "duplicates"

    threshold: float = Field(default=0.8, gt=0.0, le=1.0)
    scope: Literal["document", "run"] = "document"
    answer_words: int = Field(default=20, ge=1)
    earlier: tuple[str, ...] = ()

    _exact: dict[str, str] = PrivateAttr(default_factory=dict)
    _instructions: dict[str, NearDuplicateIndex] = PrivateAttr(default_factory=dict)
    _answers: NearDuplicateIndex = PrivateAttr()
    _compared: list[NamedFile] | None = PrivateAttr(default=None)

    def model_post_init(self, context: object) -> None:
        """Start with an empty memory."""
        self._answers = NearDuplicateIndex(self.threshold)

    @property
    def sets(self) -> tuple[str, ...]:
        """What it compares with, as it was named."""
        return self.earlier

    def compared(self) -> list[NamedFile]:
        """The files it compared with.

        Raises:
            InputError: one cannot be read.
        """
        self._read_earlier()
        return list(self._compared or ())

    def _read_earlier(self) -> None:
        if self._compared is not None:
            return
        counted: list[NamedFile] = []
        for file in named_files(self.earlier):
            for row in read_file(file, counted):
                sample = earlier_sample(row)
                for scope in sample.documents if self.scope == "document" and sample.documents else ("",):
                    for instruction in sample.instructions:
                        self._index(scope).add(sample.where, instruction)
                if count_units(sample.answer) >= self.answer_words:
                    self._answers.add(sample.where, sample.answer)
        self._compared = counted

    def _index(self, scope: str) -> NearDuplicateIndex:
        return self._instructions.setdefault(scope, NearDuplicateIndex(self.threshold))

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``exact_duplicate`` or ``near_duplicate``; a pair that passes is remembered."""
        self._read_earlier()
        instruction = "\n".join(turn.content for turn in pair.turns if turn.role == "user")
        answer = "\n".join(turn.content for turn in pair.turns if turn.role == "assistant")
        hashes = sorted({document.hash for document in pair.documents})
        key = content_hash(hashes, " ".join(instruction.casefold().split()))
        if key in self._exact:
            return failed(self.name, "exact_duplicate", f"the instruction and the documents of {self._exact[key]}")
        scopes = hashes if self.scope == "document" else [""]
        for index in [*map(self._index, scopes), *([self._instructions[""]] if "" in self._instructions else [])]:
            if (earlier := index.find(instruction)) is not None:
                return failed(self.name, "near_duplicate", f"nearly the instruction of {earlier}")
        if count_units(pair.response) >= self.answer_words and (earlier := self._answers.find(pair.response)) is not None:
            return failed(self.name, "near_duplicate", f"nearly the answer of {earlier}")  # of a dialogue, the last answer alone
        if count_units(answer) >= self.answer_words and (earlier := self._answers.add(pair.id, answer)) is not None:
            return failed(self.name, "near_duplicate", f"nearly the answer of {earlier}")
        for scope in scopes:
            self._index(scope).add(pair.id, instruction)
        self._exact[key] = pair.id
        return passed(self.name)
