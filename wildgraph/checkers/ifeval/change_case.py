"""Upper and lower case (IFEval's ``change_case``)."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel

from wildgraph.checkers.counts import related
from wildgraph.checkers.ifeval.blank import blank
from wildgraph.checkers.ifeval.keywords import Relation
from wildgraph.checkers.ifeval.language import language_of
from wildgraph.checkers.loading import CLOSED, Count
from wildgraph.checkers.segments import words
from wildgraph.checkers.verdicts import Context, Verdict, failed, not_applicable, passed
from wildgraph.text import UNDECIDED

# Georgian has capitals in Unicode that nobody writes
_GEORGIAN = re.compile(r"[\u10d0-\u10ff\u1c90-\u1cbf]")


class EnglishCapital(BaseModel):
    """``change_case:english_capital``: the answer is in English (or the context's language) and all its letters that have case are capitals."""

    model_config = CLOSED

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        return _one_case(text, context, "upper")


class EnglishLowercase(BaseModel):
    """``change_case:english_lowercase``: the answer is in English (or the context's language) and has no capital letter."""

    model_config = CLOSED

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        return _one_case(text, context, "lower")


class CapitalWordFrequency(BaseModel):
    """``change_case:capital_word_frequency``: so many words are wholly in capitals, *I* and *A* among them.

    Attributes:
        capital_frequency: the number. capital_relation: how the count relates to it.
    """

    model_config = CLOSED

    capital_frequency: Count
    capital_relation: Relation = "at least"

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        lower, upper = _cases(text)
        if not (lower or upper) and (caseless := _without_case(text, context)) is not None:
            return caseless
        found = sum(1 for word in words(text) if _all_capitals(word))
        return related(found, self.capital_relation, self.capital_frequency, "words in capitals")


def _one_case(text: str, context: Context, wanted: Literal["upper", "lower"]) -> Verdict:
    if (empty := blank(text)) is not None:
        return empty
    lower, upper = _cases(text)
    if not (lower or upper):
        return _without_case(text, context) or failed("there are no letters")
    wrong = lower if wanted == "upper" else upper
    if wrong:
        return failed(f"{wrong!r} is not in {wanted} case")
    # the detector knows words in lower case; where it is undecided, case alone decides
    asked = context.language or "en"
    found = language_of(text.casefold())
    return passed() if found in (asked, UNDECIDED) else failed(f"is in {found!r}, not {asked!r}")


def _cases(text: str) -> tuple[str, str]:
    """A letter in lower case and a capital, the first of each, or empty strings."""
    text = _GEORGIAN.sub("", text)
    lower = text if text.isascii() else "".join(sorted(set(text)))
    found = {"lower": "", "upper": ""}
    for char in dict.fromkeys(lower):
        if char != char.upper():
            found["lower"] = found["lower"] or char
        elif char != char.lower():
            found["upper"] = found["upper"] or char
    return found["lower"], found["upper"]


def _without_case(text: str, context: Context) -> Verdict | None:
    """What is said of a text without any letter that has case, ``None`` when it has no letters at all."""
    if not any(char.isalpha() for char in text):
        return None
    if context.language and context.language not in _caseless_languages():
        return failed(f"no letter has case, although {context.language!r} is written with case")
    return not_applicable("the script has no case")


def _all_capitals(word: str) -> bool:
    lower, upper = _cases(word)
    return bool(upper) and not lower


@cache
def _caseless_languages() -> frozenset[str]:
    listed: list[str] = json.loads(files("wildgraph.checkers.ifeval").joinpath("caseless_languages.json").read_text(encoding="utf-8"))
    return frozenset(listed)
