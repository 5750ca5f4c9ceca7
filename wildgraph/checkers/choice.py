"""The answer picks one option of several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Self

from pydantic import BaseModel, Field, model_validator

from wildgraph.checkers.loading import CLOSED
from wildgraph.checkers.normalising import answer_in, plain
from wildgraph.checkers.verdicts import Context, Verdict, decided, failed
from wildgraph.composing import composed

_LETTER = re.compile(r"[A-Za-zА-Яа-я0-9]{1,3}")
# how a letter is named without being a word of the sentence: alone on its line, in brackets, in bold, after a word for 'answer'
_NAMED = re.compile(
    r"""
      ^[\s*_`"'(\[]*+(\w{1,3})[\s*_`"')\].:]*+$
    | ^[\s*_`(\[]*+(\w{1,3})[*_`]*+[)\].:][*_`]*+\s
    | [(\[](\w{1,3})[)\]]
    | \*\*(\w{1,3})[.:)]?\*\*
    | \b(?:answer|option|choice|choose|antwort|ответ|вариант)\b\s*+(?:is|are|ist|это|[:—–-])*+\s*+[*_`"'(\[]*+(\w{1,3})(?![\w'’])
    | \\boxed\{\s*+(?:\\text\{)?[(]?(\w{1,3})[)]?\}
    | (?:答案|选项|选)[是为：:\s]*+[(（]?(\w{1,3})(?!\w)
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
# further letters after a named one: A, B or C
_MORE = re.compile(
    r"[*_`\"')\]]*+\s*+(?:,|/|&|;|、|\b(?:or|and|oder|und|или|и)\b)+\s*+(?:(?:or|and|oder|und|или|и)\s++)?[*_`\"'(\[]*+(\w{1,3})(?!\w)",
    re.IGNORECASE,
)


class Choice(BaseModel):
    """The answer names the right option, by its letter or by its text, and no other.

    A letter counts where it stands alone on a line, at the start of one before a bracket, point or colon, in brackets, in bold, in LaTeX's ``boxed``, or
    after a word like *answer*. Where no letter is named, the texts of the options are looked for. When several are named by letter, the last
    line that names one decides.

    Attributes:
        answer: letter of the right option.
        options: letter -> text, or the texts of the options A, B, C and so on; may be empty when letters alone are to be named.
        cue: what begins the line that holds the answer; empty when the whole text is looked through.
    """

    model_config = CLOSED

    answer: str = Field(min_length=1, max_length=3)
    options: dict[str, str] | tuple[str, ...] = ()
    cue: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if not _LETTER.fullmatch(self.answer):
            raise ValueError("the answer is a letter or number of at most three characters")
        if len(self.options) > 26:
            raise ValueError("there are more than 26 options")
        if self.options and self._letter(self.answer) not in self._table():
            raise ValueError("the answer is none of the options")
        return self

    @staticmethod
    def _letter(text: str) -> str:
        return composed(text).upper()

    def _table(self) -> Mapping[str, str]:
        if isinstance(self.options, dict):
            return {self._letter(letter): text for letter, text in self.options.items()}
        return {chr(ord("A") + place): text for place, text in enumerate(self.options)}

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        said = answer_in(text, self.cue)
        if said is None:
            return failed(f"no line begins with {self.cue!r}")
        said = composed(said)
        table = self._table()
        letters = set(table) or {chr(point) for point in range(ord("A"), ord("Z") + 1)} | {self._letter(self.answer)}
        for line in reversed(said.splitlines()):
            named = {self._letter(letter) for letter in _named(line)} & letters
            if len(named) > 1:
                return failed(f"names several: {', '.join(sorted(named))}")
            if named:
                return decided(named == {self._letter(self.answer)}, f"names {named.pop()}")
        return self._by_text(plain(said), table)

    def _by_text(self, said: str, table: Mapping[str, str]) -> Verdict:
        texts = {letter: plain(text) for letter, text in table.items()}
        told = {letter for letter, text in texts.items() if text and holds(said, text)}
        # an option whose text is part of another's is not named by the longer one
        told = {one for one in told if not any(texts[one] != texts[other] and texts[one] in texts[other] for other in told)}
        if not told:
            return failed("names no option")
        if len(told) > 1:
            return failed(f"names several: {', '.join(sorted(told))}")
        return decided(told == {self._letter(self.answer)}, f"names {told.pop()}")


def _named(line: str) -> Iterator[str]:
    """The letters that a line names, and those that follow one of them."""
    for found in _NAMED.finditer(line):
        yield next(filter(None, found.groups()))
        more = _MORE.match(line, found.end())
        while more:
            yield more[1]
            more = _MORE.match(line, more.end())


def holds(text: str, words: str, start: int = 0) -> bool:
    """Whether ``words`` stand in ``text`` with no letter or digit directly before or after them (none is asked for in scripts without spaces)."""
    return find_words(text, words, start) >= 0


def find_words(text: str, words: str, start: int = 0) -> int:
    """Where ``words`` first stand as words of their own from ``start`` on, or -1."""
    place = text.find(words, start)
    while place >= 0:
        if not (_joined(text, place) or _joined(text, place + len(words))):
            return place
        place = text.find(words, place + 1)
    return -1


def _joined(text: str, place: int) -> bool:
    """Whether a word goes on across ``place``."""
    if not 0 < place < len(text):
        return False
    left, right = text[place - 1], text[place]
    return left.isalnum() and right.isalnum() and left < "\u0e00" and right < "\u0e00"
