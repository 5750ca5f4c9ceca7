"""Length of instructions and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.gates.verdicts import failed, passed
from wildgraph.records import Pair, Verdict
from wildgraph.shingling import count_units


class LengthGate(BaseModel):
    """Every user turn and every assistant turn has a bearable length, in words (characters in scripts without spaces). [ours].

    Attributes:
        min_instruction, max_instruction: of a user turn.
        min_answer, max_answer: of an assistant turn; one that is the pair's bare answer, or is checked, may be shorter.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "length"

    min_instruction: int = Field(default=3, ge=0)
    max_instruction: int = Field(default=1000, ge=1)
    min_answer: int = Field(default=3, ge=0)
    max_answer: int = Field(default=6000, ge=1)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``too_short``, ``instruction_too_long`` or ``answer_too_long``."""
        limits = {
            "user": ("instruction", self.min_instruction, self.max_instruction, "instruction_too_long"),
            "assistant": ("answer", self.min_answer, self.max_answer, "answer_too_long"),
        }
        for turn in pair.turns:
            if turn.role not in limits:
                continue
            what, least, most, too_long = limits[turn.role]
            words = count_units(turn.content)
            bare = turn.role == "assistant" and words and (pair.checkers or words == count_units(pair.answer or ""))
            if words < least and not bare:
                return failed(self.name, "too_short", f"the {what} has {words} words, at least {least} are asked for")
            if words > most:
                return failed(self.name, too_long, f"the {what} has {words} words, at most {most} are allowed")
        missing = [role for role in limits if all(turn.role != role for turn in pair.turns)]
        return failed(self.name, "too_short", f"there is no {missing[0]} turn") if missing else passed(self.name)
