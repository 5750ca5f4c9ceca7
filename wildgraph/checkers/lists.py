"""The answer is a list, a set, or names things in an order."""

from __future__ import annotations

import json
import re

from pydantic import BaseModel, Field

from wildgraph.checkers.choice import find_words
from wildgraph.checkers.jsontext import NotJson, parse_json, unfenced
from wildgraph.checkers.loading import CLOSED
from wildgraph.checkers.normalising import answer_in, plain
from wildgraph.checkers.verdicts import Context, Verdict, decided, failed, passed
from wildgraph.composing import composed

_MARKED = re.compile(r"^[ \t]*+(?:[-*+•‣◦▪–—]|\(?\d{1,4}[.)、）]|\(?[a-zA-Z][.)])[ \t]++(?=\S)", re.MULTILINE)
_AND = re.compile(r",?\s+(?:and|or|und|oder|et|ou|y|и|или)\s+", re.IGNORECASE)
_SEPARATORS = (";", "；", "、", ",", "，", "،")

_MOST_ITEMS = 1000
Item = str | int | float


class _Listed(BaseModel):
    """What lists and sets have in common.

    Attributes:
        answer: the expected items; texts are compared normalised, numbers by their digits.
        cue: what begins the line that holds the answer, or stands before its list; empty when the whole text is the answer.
        drop_articles: English articles are ignored.
    """

    model_config = CLOSED

    answer: tuple[Item, ...] = Field(min_length=1, max_length=_MOST_ITEMS)
    cue: str = Field(default="", max_length=200)
    drop_articles: bool = False


class ListOf(_Listed):
    """The answer is a list of these items, in this order and no others."""

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        said = items(text, self.cue)
        if not said:
            return failed("there is no list")
        expected = [_form(str(item), self.drop_articles) for item in self.answer]
        found = [_form(item, self.drop_articles) for item in said]
        if len(found) != len(expected):
            return failed(f"{len(found)} items instead of {len(expected)}")
        wrong = next((place for place, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1]), None)
        return passed() if wrong is None else failed(f"item {wrong + 1} is {found[wrong][:100]!r}")


class SetOf(_Listed):
    """The answer is a list of these items in any order; repeated items count once.

    Attributes:
        missing: how many items may be missing. extra: how many others may be there.
    """

    missing: int = Field(default=0, ge=0)
    extra: int = Field(default=0, ge=0)

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        expected = {_form(str(item), self.drop_articles) for item in self.answer}
        found = {_form(item, self.drop_articles) for item in items(text, self.cue)}
        if not found:
            return failed("there is no list")
        missing, extra = sorted(expected - found), sorted(found - expected)
        if len(missing) > self.missing:
            return failed(f"{len(missing)} are missing, {missing[0][:100]!r} for one")
        return decided(len(extra) <= self.extra, f"{len(extra)} are too many, {extra[0][:100]!r} for one" if extra else "")


class Ordering(BaseModel):
    """The answer names all these things, each as words of its own, in this order: by first mention, and by last mention too.

    An answer that goes through several orders one after the other does not pass: its last mentions follow another order than its first.

    Attributes:
        answer: the things in the right order.
        cue: what begins the line from which on the text is looked through; empty for the whole text.
    """

    model_config = CLOSED

    answer: tuple[str, ...] = Field(min_length=2, max_length=100)
    cue: str = Field(default="", max_length=200)

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        part = _from_cue(text, self.cue)
        if part is None:
            return failed(f"no line begins with {self.cue!r}")
        said, things = plain(part), [plain(thing) for thing in self.answer]
        firsts, lasts = [], []
        for thing in things:
            # a thing whose words are part of another's is looked for where the longer ones are not
            rest = said
            for longer in sorted({other for other in things if thing in other and other != thing}, key=len, reverse=True):
                rest = rest.replace(longer, "\0" * len(longer))
            first = find_words(rest, thing)
            if not thing or first < 0:
                return failed(f"does not name {thing[:100]!r}")
            firsts.append(first)
            lasts.append(len(rest) - _find_back(rest, thing))
        for one, other in zip(range(len(things)), range(1, len(things)), strict=False):
            if firsts[one] >= firsts[other] or lasts[one] >= lasts[other]:
                return failed(f"{things[other][:100]!r} does not come after {things[one][:100]!r}")
        return passed()


def _find_back(text: str, words: str) -> int:
    """How far from the end the last mention begins, counted from the end of ``text``."""
    backwards, mirrored = text[::-1], words[::-1]
    return find_words(backwards, mirrored) + len(words)


def items(text: str, cue: str = "") -> list[str]:
    r"""The items of the list that a text is or holds: a JSON array of plain values, else its bullets or numbered lines, else one line's parts.

    Example:
        >>> items('["a", 2]'), items("Here:\n- one\n- two\n"), items("red, green and blue")
        (['a', '2'], ['one', 'two'], ['red', 'green', 'blue'])
    """
    part = _from_cue(text, cue)
    if part is None:
        return []
    array = _array(unfenced(part))
    if array is not None:
        return array
    marked = _MARKED.split(part)
    if len(marked) > 1:
        return [piece.splitlines()[0].strip() for piece in marked[1:] if piece.strip()]
    lines = [line.strip() for line in part.splitlines() if line.strip()]
    if len(lines) != 1:
        return lines
    line = " ".join(lines[0].rstrip(" .。").split())
    separator = next((mark for mark in _SEPARATORS if mark in line), None)
    if separator not in (",", None):
        return [piece.strip() for piece in line.split(separator) if piece.strip()]
    *before, last = line.split(",")
    return [piece.strip() for piece in (*before, *_AND.split(f" {last}")) if piece.strip()]


def _from_cue(text: str, cue: str) -> str | None:
    """The answer's line where it holds more than one item, else what follows the cue to the end."""
    if not cue:
        return text
    said = answer_in(text, cue)
    if said is None:
        return None
    place = text.rfind(said) if said else -1
    rest = text[place:] if place >= 0 else said
    return rest if _MARKED.match(rest) or rest.lstrip().startswith(("[", "```")) else said


def _array(text: str) -> list[str] | None:
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        found = parse_json(text)
    except NotJson:
        return None
    if not isinstance(found, list) or any(isinstance(item, list | dict) for item in found):
        return None
    return [item if isinstance(item, str) else json.dumps(item) for item in found]


def _form(item: str, drop_articles: bool) -> str:
    form = plain(item, drop_articles=drop_articles)
    number = composed(form).replace(",", "")
    try:
        return repr(float(number)) if number[:1].isdigit() or number[:2].strip("-+.")[:1].isdigit() else form
    except ValueError:
        return form
