"""Answers with nothing to see in them."""

from __future__ import annotations

import re

from wildgraph.checkers.verdicts import Verdict, failed

# not white space, control, zero-width and direction marks, byte order marks, fillers
_VISIBLE = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)


def blank(text: str) -> Verdict | None:
    """A fail when there is nothing to see in ``text``, else ``None``."""
    return None if _VISIBLE.search(text) else failed("the answer is empty")
