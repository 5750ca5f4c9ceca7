"""How long an answer shall be (IFEval's ``length_constraints``)."""

from __future__ import annotations

import re
from typing import Self

from pydantic import BaseModel, Field, model_validator

from wildgraph.checkers.choice import find_words
from wildgraph.checkers.counts import related
from wildgraph.checkers.ifeval.blank import blank
from wildgraph.checkers.ifeval.keywords import Keyword, Relation, folded
from wildgraph.checkers.loading import CLOSED, Count
from wildgraph.checkers.normalising import plain
from wildgraph.checkers.segments import count_sentences, count_words
from wildgraph.checkers.verdicts import Context, Verdict, decided, failed

_DIVIDER = re.compile(r"^[ \t]*+\*[ \t]?\*[ \t]?\*[ \t]*+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*+\n)++")
_FIRST_CHARS = 1_000


class NumberWords(BaseModel):
    """``length_constraints:number_words``: so many words, as UAX #29 parts them; in scripts without spaces each character is one.

    Attributes:
        num_words: the number. relation: how the count relates to it.
    """

    model_config = CLOSED

    num_words: Count
    relation: Relation = "at least"

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        return related(count_words(text), self.relation, self.num_words, "words")


class NumberSentences(BaseModel):
    """``length_constraints:number_sentences``: so many sentences, as UAX #29 parts them; every line with a word in it ends one.

    Attributes:
        num_sentences: the number. relation: how the count relates to it.
    """

    model_config = CLOSED

    num_sentences: Count
    relation: Relation = "at least"

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        return related(count_sentences(text), self.relation, self.num_sentences, "sentences")


class NumberParagraphs(BaseModel):
    """``length_constraints:number_paragraphs``: exactly so many paragraphs, parted by lines of nothing but ``***``; none of them is empty.

    Attributes:
        num_paragraphs: the number.
    """

    model_config = CLOSED

    num_paragraphs: Count = Field(ge=1)

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        parts = _DIVIDER.split(text.replace("\r\n", "\n"))
        # a divider may open and close the answer
        if len(parts) > 1 and not parts[0].strip():
            parts = parts[1:]
        if len(parts) > 1 and not parts[-1].strip():
            parts = parts[:-1]
        if not all(part.strip() for part in parts):
            return failed("there is nothing between two dividers")
        return related(len(parts), "exactly", self.num_paragraphs, "paragraphs")


class NthParagraphFirstWord(BaseModel):
    """``length_constraints:nth_paragraph_first_word``: exactly so many paragraphs, parted by blank lines, and one of them begins with a word.

    Attributes:
        num_paragraphs: how many there are. nth_paragraph: the one that is looked at, from 1. first_word: what it begins with; case, quotation marks and Markdown's marks are ignored.
    """

    model_config = CLOSED

    num_paragraphs: Count = Field(ge=1)
    nth_paragraph: Count = Field(ge=1)
    first_word: Keyword

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        if self.nth_paragraph > self.num_paragraphs:
            raise ValueError("`nth_paragraph` is larger than `num_paragraphs`")
        return self

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        paragraphs = [part for part in _BLANK_LINES.split(text.replace("\r\n", "\n")) if part.strip()]
        if len(paragraphs) != self.num_paragraphs:
            return failed(f"{len(paragraphs)} paragraphs, exactly {self.num_paragraphs} are asked for")
        begins = plain(paragraphs[self.nth_paragraph - 1].strip()[:_FIRST_CHARS])
        word = plain(self.first_word) or folded(self.first_word)
        return decided(find_words(begins[: len(word) + 1], word) == 0, f"paragraph {self.nth_paragraph} begins with {begins[:40]!r}")
