"""The answer cannot be had from a document that is not needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.gates.reading import containment
from wildgraph.gates.verdicts import failed, not_evaluated, passed
from wildgraph.quotes import plain, plain_once
from wildgraph.records import Evidence, Pair, Verdict
from wildgraph.shingling import count_units

_CONTENT = 4


class WrongDocumentGate(BaseModel):
    """No document but the required ones holds what the answer rests on: no distractor or supporting document in the prompt, and no other
    document that is handed to the gate (:func:`wildgraph.stages.gate.gate` hands over the corpus's nearest ones). [ours].

    A document holds a passage when it has most of its runs of five words. It holds a bare answer when the words stand there near what the
    instruction asks about. What a document says in other words only a model sees.

    Attributes:
        overlap: least share of a passage's runs of five words.
        words: shorter passages are not compared: several documents may well say 'payment is due monthly'.
        near: characters on each side of a bare answer in which the instruction's words are looked for.
        about: least share of the longer words that instruction and evidence share which must stand there.
    """  # noqa: D205 - one sentence

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "wrong_document"

    overlap: float = Field(default=0.6, gt=0.0, le=1.0)
    words: int = Field(default=8, ge=1)
    near: int = Field(default=300, ge=1)
    about: float = Field(default=0.6, gt=0.0, le=1.0)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``wrong_document``."""
        required = {document.id for document in pair.documents if document.role == "required"}
        others = {name: texts[name] for name in texts if name not in required}
        elsewhere: Mapping[str, str] = getattr(texts, "elsewhere", {})
        others |= {name: text for name, text in elsewhere.items() if name not in required}
        if not others:
            return not_evaluated(self.name, "there is no other document to get the answer from")
        # What the instruction shares with the evidence is what it asks about; the rest is how it asks.
        cited = set(plain("\n".join(span.text for span in pair.evidence) or "\n".join(texts[name] for name in required)).split())
        about = {word for word in plain(pair.instruction).split() if len(word) >= _CONTENT} & cited - set(plain(pair.answer or "").split())
        passages: dict[str, list[Evidence]] = {}
        for span in pair.evidence:
            if count_units(span.text) >= self.words:
                passages.setdefault(span.document_id, []).append(span)
        for name, text in others.items():
            for source, spans in passages.items():
                if source in required and all(containment(span.text, text) >= self.overlap for span in spans):
                    return failed(self.name, "wrong_document", f"{name} holds all that is cited from {source}")
            if pair.answer and self._answers(pair.answer, about, text):
                return failed(self.name, "wrong_document", f"{name} has the answer: {pair.answer}")
        return passed(self.name, f"{len(others)} other documents hold no answer")

    def _answers(self, answer: str, words: set[str], text: str) -> bool:
        bare = plain(answer)
        if not bare or len(words) < 2:
            return False
        said = f" {plain_once(text)} "
        place = said.find(f" {bare} ")
        while place >= 0:
            around = set(said[max(0, place - self.near) : place + len(bare) + self.near].split())
            if len(words & around) >= self.about * len(words):
                return True
            place = said.find(f" {bare} ", place + 1)
        return False
