"""No sample twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "duplicates"

    threshold: float = Field(default=0.8, gt=0.0, le=1.0)
    scope: Literal["document", "run"] = "document"
    answer_words: int = Field(default=20, ge=1)

    _exact: dict[str, str] = PrivateAttr(default_factory=dict)
    _instructions: dict[str, NearDuplicateIndex] = PrivateAttr(default_factory=dict)
    _answers: NearDuplicateIndex = PrivateAttr()

    def model_post_init(self, context: object) -> None:
        """Start with an empty memory."""
        self._answers = NearDuplicateIndex(self.threshold)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``exact_duplicate`` or ``near_duplicate``; a pair that passes is remembered."""
        instruction = "\n".join(turn.content for turn in pair.turns if turn.role == "user")
        answer = "\n".join(turn.content for turn in pair.turns if turn.role == "assistant")
        hashes = sorted({document.hash for document in pair.documents})
        key = content_hash(hashes, " ".join(instruction.casefold().split()))
        if key in self._exact:
            return failed(self.name, "exact_duplicate", f"the instruction and the documents of {self._exact[key]}")
        scopes = hashes if self.scope == "document" else [""]
        indices = [self._instructions.setdefault(scope, NearDuplicateIndex(self.threshold)) for scope in scopes]
        for index in indices:
            if (earlier := index.find(instruction)) is not None:
                return failed(self.name, "near_duplicate", f"nearly the instruction of {earlier}")
        if count_units(answer) >= self.answer_words and (earlier := self._answers.add(pair.id, answer)) is not None:
            return failed(self.name, "near_duplicate", f"nearly the answer of {earlier}")
        for index in indices:
            index.add(pair.id, instruction)
        self._exact[key] = pair.id
        return passed(self.name)
