"""Parts that an answer shall have (IFEval's ``detectable_content``)."""

from __future__ import annotations

import re

from pydantic import BaseModel

from wildgraph.checkers.ifeval.blank import blank
from wildgraph.checkers.ifeval.keywords import Keyword
from wildgraph.checkers.loading import CLOSED, Count
from wildgraph.checkers.verdicts import Context, Verdict, decided, failed
from wildgraph.composing import composed

# neither a link's text nor a check box
_PLACEHOLDER = re.compile(r"\[(?=[^\[\]\n]*[^\W_])(?![xX]\])[^\[\]\n]++\](?!\()")
_LEADING = "*_`#>- \t"
_DOTS = str.maketrans("", "", ". \t")


class NumberPlaceholders(BaseModel):
    """``detectable_content:number_placeholders``: at least so many placeholders in square brackets, such as ``[address]`` or ``【地址】``.

    The text of a link and check boxes are none.

    Attributes:
        num_placeholders: the number.
    """

    model_config = CLOSED

    num_placeholders: Count

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        found = sum(1 for _ in _PLACEHOLDER.finditer(composed(text).replace("【", "[").replace("】", "]")))
        return decided(found >= self.num_placeholders, f"{found} placeholders, at least {self.num_placeholders} are asked for")


class Postscript(BaseModel):
    """``detectable_content:postscript``: a line begins with the marker, and something follows it; case, and spaces and points within the marker, are ignored.

    Attributes:
        postscript_marker: ``P.S.``, ``P.P.S`` or the like.
    """

    model_config = CLOSED

    postscript_marker: Keyword

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        marker = composed(self.postscript_marker).casefold().translate(_DOTS) or self.postscript_marker
        lines = text.splitlines()
        reach = 3 * len(self.postscript_marker) + 8
        for place, line in enumerate(lines):
            begins = composed(line.lstrip(_LEADING)[:reach]).casefold()
            rest = _after(begins, marker)
            if rest is not None:
                rest_says = any(char.isalnum() for char in rest + line.lstrip(_LEADING)[reach:])
                later_says = any(char.isalnum() for later in lines[place + 1 :] for char in later)
                if rest_says or later_says:
                    return decided(True, "")
                return failed(f"nothing follows {self.postscript_marker!r}")
        return failed(f"no line begins with {self.postscript_marker!r}")


def _after(line: str, marker: str) -> str | None:
    """What follows ``marker`` in a line that begins with it, points and spaces within it left out, or ``None``."""
    place = 0
    for number, char in enumerate(marker):
        while number and place < len(line) and line[place] in ". \t":
            place += 1
        if place >= len(line) or line[place] != char:
            return None
        place += 1
    return None if line[place : place + 1].isalnum() else line[place:]
