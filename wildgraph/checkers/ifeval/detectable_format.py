"""The form of an answer (IFEval's ``detectable_format``)."""

from __future__ import annotations

import re

from pydantic import BaseModel, Field

from wildgraph.checkers.ifeval.blank import blank
from wildgraph.checkers.ifeval.keywords import Keyword, folded
from wildgraph.checkers.jsontext import NotJson, parse_json
from wildgraph.checkers.loading import CLOSED, Count
from wildgraph.checkers.verdicts import Context, Verdict, decided, failed
from wildgraph.composing import composed

_OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_BULLET = re.compile(r"^[^\S\n]*+[-*+•‣◦▪●–—・][^\S\n]++(?=\S)(?![-*_ \t]*+$)", re.MULTILINE)
_HIGHLIGHT = re.compile(r"(?<!\*)(\*{1,3})(?=[^\s*])[^\n*]*+(?<=[^\s*])\1(?!\*)")
_TITLE = re.compile(r"<<(?=[^\n<>]*[^\W_])[^\n<>]++>>")
_LEADING = "*_`#>- \t"


class NumberBulletLists(BaseModel):
    """``detectable_format:number_bullet_lists``: exactly so many bullet points: lines that begin with ``*``, ``-``, ``+`` or ``•``, a space and text.

    Attributes:
        num_bullets: the number.
    """

    model_config = CLOSED

    num_bullets: Count

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        found = sum(1 for _ in _BULLET.finditer(text))
        return decided(found == self.num_bullets, f"{found} bullet points, exactly {self.num_bullets} are asked for")


class ConstrainedResponse(BaseModel):
    """``detectable_format:constrained_response``: the answer holds one of the options, and no other of them.

    Attributes:
        options: what may be answered; IFEval's three by default.
    """

    model_config = CLOSED

    options: tuple[Keyword, ...] = Field(default=_OPTIONS, min_length=2, max_length=100)

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        said = folded(text)
        forms = {folded(option) for option in self.options}
        found = sorted(form for form in forms if form in said)
        found = [one for one in found if not any(one != other and one in other for other in found)]
        return decided(len(found) == 1, f"holds {len(found)} of the options")


class NumberHighlightedSections(BaseModel):
    """``detectable_format:number_highlighted_sections``: at least so many parts of lines stand between one, two or three asterisks.

    Attributes:
        num_highlights: the number.
    """

    model_config = CLOSED

    num_highlights: Count

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        found = sum(1 for _ in _HIGHLIGHT.finditer(text))
        return decided(found >= self.num_highlights, f"{found} highlighted parts, at least {self.num_highlights} are asked for")


class MultipleSections(BaseModel):
    """``detectable_format:multiple_sections``: at least so many lines begin with the splitter and a number, each with text before the next.

    Attributes:
        section_spliter: ``Section``, ``Day`` or the like (the name is spelt as IFEval spells it). num_sections: the number.
    """

    model_config = CLOSED

    section_spliter: Keyword
    num_sections: Count

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        splitter = folded(self.section_spliter)
        reach = 3 * len(splitter) + 8
        sections, filled = 0, True
        for line in text.splitlines():
            bare = line.lstrip(_LEADING)
            begins = composed(composed(bare[:reach]).casefold())
            number = begins[len(splitter) :].lstrip(" .:#-").replace("\u00a0", "")
            if begins.startswith(splitter) and number[:1].isdigit():
                sections += filled
                filled = any(char.isalpha() for char in number + bare[reach:])
            else:
                filled = filled or any(char.isalnum() for char in bare)
        found = sections if filled else sections - 1
        return decided(found >= self.num_sections, f"{found} sections, at least {self.num_sections} are asked for")


class JsonFormat(BaseModel):
    """``detectable_format:json_format``: the whole answer, but for a code fence around it, is a JSON object or array."""

    model_config = CLOSED

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        try:
            value = parse_json(text)
        except NotJson as error:
            return failed(str(error))
        return decided(isinstance(value, dict | list), "is neither an object nor an array")


class Title(BaseModel):
    """``detectable_format:title``: there is a title in double angular brackets, ``<<like this>>``, on one line."""

    model_config = CLOSED

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        return decided(_TITLE.search(composed(text)) is not None, "there is no title in << >>")
