"""Marks that an answer shall not have (IFEval's ``punctuation``)."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

from pydantic import BaseModel

from wildgraph.checkers.ifeval.blank import blank
from wildgraph.checkers.loading import CLOSED
from wildgraph.checkers.verdicts import Context, Verdict, failed, passed


class NoComma(BaseModel):
    """``punctuation:no_comma``: no comma of any script (``,`` ``，`` ``、`` ``،`` …), not within numbers either."""

    model_config = CLOSED

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        found = _commas().search(text)
        return passed() if found is None else failed(f"there is a comma at character {found.start() + 1}")


@cache
def _commas() -> re.Pattern[str]:
    """The marks of punctuation that Unicode calls commas."""
    marks = [
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(char) == "Po" and "COMMA" in unicodedata.name(char, "").split()
    ]
    return re.compile(f"[{re.escape(''.join(marks))}]")
