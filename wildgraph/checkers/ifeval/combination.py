"""An answer in two parts (IFEval's ``combination``)."""

from __future__ import annotations

import re

from pydantic import BaseModel, Field

from wildgraph.checkers.ifeval.blank import blank
from wildgraph.checkers.ifeval.keywords import folded
from wildgraph.checkers.loading import CLOSED
from wildgraph.checkers.verdicts import Context, Verdict, decided, failed

_SIX_STARS = re.compile(r"(?<!\*)\*{6}(?!\*)")


class RepeatPrompt(BaseModel):
    """``combination:repeat_prompt``: the answer begins with the request, word for word, and goes on after it; case and white space are ignored.

    Attributes:
        prompt_to_repeat: the request.
    """

    model_config = CLOSED

    prompt_to_repeat: str = Field(min_length=1, max_length=100_000, pattern=r"\S")

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        said, asked = folded(text), folded(self.prompt_to_repeat)
        if not said.startswith(asked):
            return failed("does not begin with the request")
        return decided(any(char.isalnum() for char in said[len(asked) :]), "nothing follows the request")


class TwoResponses(BaseModel):
    """``combination:two_responses``: exactly two answers, neither empty and not the same, parted by six asterisks.

    Six asterisks may also open and close the whole.
    """

    model_config = CLOSED

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        parts = [folded(part) for part in _SIX_STARS.split(text)]
        if len(parts) > 1 and not parts[0]:
            parts = parts[1:]
        if len(parts) > 1 and not parts[-1]:
            parts = parts[:-1]
        if len(parts) != 2:
            return failed(f"{len(parts)} answers instead of two")
        if any(blank(part) for part in parts):
            return failed("one of the answers is empty")
        return decided(parts[0] != parts[1], "the two answers are the same")
