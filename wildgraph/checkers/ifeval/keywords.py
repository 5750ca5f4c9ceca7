"""Words that an answer shall hold, or shall not (IFEval's ``keywords``)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from wildgraph.checkers.choice import holds
from wildgraph.checkers.counts import related
from wildgraph.checkers.ifeval.blank import blank
from wildgraph.checkers.loading import CLOSED, Count
from wildgraph.checkers.verdicts import Context, Verdict, decided
from wildgraph.composing import composed

#: IFEval's two relations of a count and a number.
Relation = Literal["at least", "less than"]
Keyword = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]


def folded(text: str) -> str:
    """``text`` as keywords are looked for in it: NFKC, case folded, white space as single spaces."""
    return " ".join(composed(composed(text).casefold()).split())


class Existence(BaseModel):
    """``keywords:existence``: every keyword occurs, also inside a longer word (*cats* holds *cat*).

    Attributes:
        keywords: what shall occur.
    """

    model_config = CLOSED

    keywords: tuple[Keyword, ...] = Field(min_length=1, max_length=1000)

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        said = folded(text)
        missing = next((word for word in self.keywords if folded(word) not in said), None)
        return decided(missing is None, f"{missing!r} does not occur")


class Frequency(BaseModel):
    """``keywords:frequency``: the keyword occurs so often, also inside longer words.

    Attributes:
        keyword: what is counted. frequency: the number. relation: how the count relates to it.
    """

    model_config = CLOSED

    keyword: Keyword
    frequency: Count
    relation: Relation = "at least"

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        return related(folded(text).count(folded(self.keyword)), self.relation, self.frequency, f"times {self.keyword!r}")


class ForbiddenWords(BaseModel):
    """``keywords:forbidden_words``: none of the words occurs as a word of its own; in scripts without spaces, none occurs at all.

    Attributes:
        forbidden_words: what shall not occur.
    """

    model_config = CLOSED

    forbidden_words: tuple[Keyword, ...] = Field(min_length=1, max_length=1000)

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        said = folded(text)
        found = next((word for word in self.forbidden_words if holds(said, folded(word))), None)
        return decided(found is None, f"{found!r} occurs")


class LetterFrequency(BaseModel):
    """``keywords:letter_frequency``: the letter occurs so often, in upper or lower case.

    Attributes:
        letter: what is counted; accented letters are letters of their own. let_frequency: the number. let_relation: how the count relates to it.
    """

    model_config = CLOSED

    letter: str = Field(min_length=1, max_length=4, pattern=r"\S")
    let_frequency: Count
    let_relation: Relation = "at least"

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        return related(folded(text).count(folded(self.letter)), self.let_relation, self.let_frequency, f"times {self.letter!r}")
