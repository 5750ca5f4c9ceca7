"""Answers that refuse, in the languages of ``refusals.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.gates.verdicts import failed, passed
from wildgraph.records import Pair, Verdict

_SENTENCE = re.compile(r"[^.!?。！？\n]+")
_LEAD = re.compile(r"^[\W_]+")
_MARKS = str.maketrans({"’": "'", "ʼ": "'", "`": "'"})
_QUOTED = '"“„«»「『>'


@cache
def _patterns(where: str) -> re.Pattern[str]:
    table: Mapping[str, Mapping[str, list[str]]] = json.loads(
        files("wildgraph.gates").joinpath("refusals.json").read_text(encoding="utf-8")
    )
    return re.compile("|".join(f"(?:{pattern})" for patterns in table[where].values() for pattern in patterns), re.IGNORECASE)


class RefusalGate(BaseModel):
    """No answer begins with a refusal, a missing-document complaint or 'as an AI'. [ours].

    A sentence that stands in the evidence, or is quoted, is the document's, not the assistant's. Saying that a document does not mention
    something is an answer.

    Attributes:
        sentences: how many sentences at the start of an answer may hold the refusal.
        characters: and within how many characters they start.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "refusal"

    sentences: int = Field(default=3, ge=1)
    characters: int = Field(default=400, ge=1)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``refusal``."""
        cited = "\n".join(span.text for span in pair.evidence).translate(_MARKS)
        for turn in pair.turns:
            if turn.role != "assistant":
                continue
            answer = turn.content.translate(_MARKS)
            for sentence in self._opening(answer):
                said = _LEAD.sub("", sentence).strip()
                if _patterns("opening").match(said) and said not in cited:
                    return failed(self.name, "refusal", said)
            for found in _patterns("anywhere").finditer(answer):
                if found.group() not in cited:
                    return failed(self.name, "refusal", found.group())
        return passed(self.name)

    def _opening(self, answer: str) -> list[str]:
        found = [match for match in _SENTENCE.finditer(answer) if match.group().strip()][: self.sentences]
        return [match.group() for match in found if match.start() < self.characters and match.group().lstrip()[:1] not in _QUOTED]
