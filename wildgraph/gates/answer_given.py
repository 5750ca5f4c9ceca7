"""The answer is not in the instruction already."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.gates.reading import asked, containment
from wildgraph.gates.verdicts import failed, passed
from wildgraph.quotes import plain
from wildgraph.records import Pair, Verdict
from wildgraph.shingling import count_units
from wildgraph.text import sentences

#: An instruction that offers what is to be chosen from names the answer, and must.
_OFFERS = re.compile(
    r"\bwhich one\b|\bof [^.?!]{3,300} which\b|\bwhich (?:\w+ ){0,6}(?:first|last|earlier|later|earliest|latest)\b|\border\b|\b(?:or|oder|ou|или|whether|which of|one of|choose|select|pick|classify|label|among|options?|true or false)\b|^\s*\(?[A-Da-d][.)]\s|[①②③]|还是|或者",
    re.IGNORECASE | re.MULTILINE,
)

_SMALL = 10


class AnswerGivenGate(BaseModel):
    """What the assistant is to find out, the user has not told it: neither the bare answer, nor the sentences of the response, nor the evidence. [ours].

    A bare answer that the instruction offers for choice is not given away.

    Attributes:
        share: of an answer's longer sentences, or of the evidence, that may stand in the instruction.
        words: sentences of fewer words are not compared.
        overlap: share of a sentence's runs of five words at which it stands in the instruction.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "answer_given"

    share: float = Field(default=0.5, ge=0.0, le=1.0)
    words: int = Field(default=6, ge=1)
    overlap: float = Field(default=0.7, gt=0.0, le=1.0)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``answer_given``."""
        told, bare = "", plain(pair.answer or "")
        # A gap to fill: the passage is shown, and what is asked for is cut out of it.
        # Versions to choose from show it among others.
        hidden = bool(bare) and (f" {bare} " not in f" {plain(asked(pair))} " or bool(_OFFERS.search(asked(pair))))
        for turn in pair.turns:
            if turn.role != "assistant":
                told += f"\n{turn.content}"
                continue
            if found := self._given(turn.content, told):
                return failed(self.name, "answer_given", found)
            if turn.evidence and not hidden and self._told([span.text for span in turn.evidence], told):
                return failed(self.name, "answer_given", "the instruction holds the evidence")
        if bare and f" {bare} " in f" {plain(told)} " and not _OFFERS.search(told) and not self._counts(bare):
            return failed(self.name, "answer_given", f"the instruction has the answer: {pair.answer}")
        return passed(self.name)

    def _given(self, answer: str, told: str) -> str:
        parts = [answer[span.start : span.end] for span in sentences(answer)]
        long = [part for part in parts if count_units(part) >= self.words]
        if self._told(long, told):
            return "the instruction holds most of the answer"
        return ""

    @staticmethod
    def _counts(bare: str) -> bool:
        """Whether a bare answer is so small a number that an instruction may well have it for another reason ('in three points')."""
        return bare.isdecimal() and int(bare) <= _SMALL

    def _told(self, passages: list[str], told: str) -> bool:
        long = [passage for passage in passages if count_units(passage) >= self.words]
        held = sum(containment(passage, told) >= self.overlap for passage in long)
        return bool(long) and held > self.share * len(long)
