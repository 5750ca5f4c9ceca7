"""How many words, sentences or items an answer has."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from wildgraph.checkers.lists import items
from wildgraph.checkers.loading import CLOSED, Count
from wildgraph.checkers.segments import count_sentences, count_words
from wildgraph.checkers.verdicts import Context, Verdict, decided, failed

#: How a count relates to a number, in IFEval's words and a few more.
Relation = Literal["at least", "less than", "at most", "more than", "exactly", "equal to"]


class _Bounds(BaseModel):
    """A least and a most number, both included.

    Attributes:
        least: fewest that pass. most: most that pass, or ``None`` for any number.
    """

    model_config = CLOSED

    least: Count = 0
    most: Count | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.most is not None and self.most < self.least:
            raise ValueError("`most` is less than `least`")
        if not self.least and self.most is None:
            raise ValueError("neither `least` nor `most` is given")
        return self


class Words(_Bounds):
    """The text has so many words; in scripts without spaces each character is one (UAX #29)."""

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        return within(count_words(text), self.least, self.most, "words")


class Sentences(_Bounds):
    """The text has so many sentences (UAX #29)."""

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        return within(count_sentences(text), self.least, self.most, "sentences")


class Items(_Bounds):
    """The text is, or holds, a list of so many items: a JSON array, bullets, numbered lines, or one line with separators.

    Attributes:
        distinct: repeated items count once.
    """

    distinct: bool = Field(default=False)

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        found = items(text)
        if not found and self.least:
            return failed("there is no list")
        return within(len(set(found)) if self.distinct else len(found), self.least, self.most, "items")


def within(count: int, least: int, most: int | None, things: str) -> Verdict:
    """A pass when ``count`` lies from ``least`` to ``most``."""
    if most is None:
        return decided(count >= least, f"{count} {things}, at least {least} are asked for")
    return decided(least <= count <= most, f"{count} {things}, {least} to {most} are asked for")


def related(count: int, relation: Relation, number: int, things: str) -> Verdict:
    """A pass when ``count`` is in ``relation`` to ``number``.

    Example:
        >>> related(3, "at least", 3, "words").status, related(3, "less than", 3, "words").status
        ('pass', 'fail')
    """
    holds = {
        "at least": count >= number,
        "less than": count < number,
        "at most": count <= number,
        "more than": count > number,
        "exactly": count == number,
        "equal to": count == number,
    }[relation]
    return decided(holds, f"{count} {things}, {relation} {number} are asked for")
