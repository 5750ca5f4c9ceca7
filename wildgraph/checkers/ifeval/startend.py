"""How an answer begins and ends (IFEval's ``startend``)."""

from __future__ import annotations

from pydantic import BaseModel

from wildgraph.checkers.ifeval.blank import blank
from wildgraph.checkers.ifeval.keywords import Keyword, folded
from wildgraph.checkers.loading import CLOSED
from wildgraph.checkers.verdicts import Context, Verdict, decided

_CLOSING = "\"'”’»」』*_`"
_PAIRS = (('"', '"'), ("“", "”"), ("„", "“"), ("„", "”"), ("«", "»"), ("»", "«"), ("「", "」"), ("『", "』"), ("＂", "＂"), ("”", "”"))


class EndChecker(BaseModel):
    """``startend:end_checker``: the answer ends with the phrase and nothing after it; case, white space, quotation marks and bold around the end are ignored.

    Attributes:
        end_phrase: the phrase.
    """

    model_config = CLOSED

    end_phrase: Keyword

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        said, phrase = folded(text).rstrip(_CLOSING + " "), folded(self.end_phrase)
        bare = phrase.strip(_CLOSING + " ") or phrase
        return decided(said.endswith(bare) or folded(text).endswith(phrase), f"ends with {said[-60:]!r}")


class Quotation(BaseModel):
    """``startend:quotation``: the whole answer stands in double quotation marks, those of any script, and is not empty between them."""

    model_config = CLOSED

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        said = text.strip()
        wrapped = len(said) > 2 and (said[0], said[-1]) in _PAIRS and blank(said[1:-1]) is None
        return decided(wrapped, "is not wrapped in double quotation marks")
