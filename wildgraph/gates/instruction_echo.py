"""The answer is not the instruction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.gates.verdicts import failed, passed
from wildgraph.quotes import plain
from wildgraph.records import Pair, Verdict
from wildgraph.shingling import jaccard, shingles


class InstructionEchoGate(BaseModel):
    """No answer repeats what was asked, whole or nearly, instead of answering it. [ours].

    Attributes:
        threshold: least Jaccard similarity of runs of three words at which two texts are the same.
        adds: what an answer that begins with the whole instruction has to add, as a share of the instruction's words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "instruction_echo"

    threshold: float = Field(default=0.5, gt=0.0, le=1.0)
    adds: float = Field(default=0.75, ge=0.0)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``instruction_echo``."""
        earlier: list[str] = []
        for turn in pair.turns:
            if turn.role != "assistant":
                earlier.append(turn.content)
                continue
            # What an answer cites is its own, even where the instruction shows it with a gap.
            rest = turn.content
            for span in turn.evidence:
                rest = rest.replace(span.text, " ")
            for question in earlier:
                if self._same(turn.content, question) and (not plain(rest) or self._same(rest, question)):
                    return failed(self.name, "instruction_echo", turn.content)
        return passed(self.name)

    def _same(self, answer: str, question: str) -> bool:
        said, wanted = plain(answer), plain(question)
        if not said or not wanted:
            return False
        if said == wanted or jaccard(shingles(answer, 3), shingles(question, 3)) >= self.threshold:
            return True
        rest = len(said.split()) - len(wanted.split())
        return len(wanted.split()) >= 6 and wanted in said and rest < self.adds * len(wanted.split())
