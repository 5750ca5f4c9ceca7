"""The form of an answer, as far as a program can read it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from wildgraph.shingling import count_units
from wildgraph.text import sentences

_BULLET = re.compile(r"^\s*(?:[-*+•‣◦▪–—☐☑✓□]|\[[ xX]?\])\s*\S", re.MULTILINE)
_NUMBER = re.compile(r"^\s*(?:[*_]{0,2})\(?\d{1,3}[.):、]\s*\S", re.MULTILINE)
_ROW = re.compile(r"^\s*\|.*\|\s*$|^[^\t\n]+(?:\t[^\t\n]*)+$|<tr\b", re.MULTILINE)
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s.*$|^\s*\*\*[^*\n]{1,120}\*\*:?\s*$", re.MULTILINE)
_FENCE = re.compile(r"^\s*(?:```|~~~)\w*\s*$", re.MULTILINE)
_BLANK = re.compile(r"\n\s*\n")
_DATED = re.compile(
    r"\b(?:1[0-9]|20)\d\d\b|\b\d{1,2}[:.]\d{2}\b|\b\d{1,2} (?:January|February|March|April|May|June|July|August|September|October|November|December)"
)


def counts(answer: str) -> Mapping[str, int]:
    r"""How many words, sentences, paragraphs and items an answer has; headings count as words only.

    Example:
        >>> counts("- one thing\n- another thing")
        {'words': 4, 'sentences': 2, 'paragraphs': 1, 'items': 2}
    """
    body = _HEADING.sub("", _FENCE.sub("", answer)).strip()
    return {
        "words": count_units(answer),
        "sentences": len(sentences(body)),
        "paragraphs": len([part for part in _BLANK.split(body) if part.strip()]),
        "items": len(_BULLET.findall(body)) + len(_NUMBER.findall(body)),
    }


def _is_json(answer: str) -> bool:
    bare = _FENCE.sub("", answer).strip()
    try:
        json.loads(bare)
    except (ValueError, RecursionError):
        return False
    return bare[:1] in "[{"


_FORMS: Mapping[str, Callable[[str], bool]] = {
    "bullets": lambda answer: len(_BULLET.findall(answer)) >= 2,
    "numbers": lambda answer: len(_NUMBER.findall(answer)) >= 2,
    "table": lambda answer: len(_ROW.findall(answer)) >= 2,
    "json": _is_json,
    "csv": lambda answer: sum(line.count(",") + line.count(";") >= 1 for line in answer.splitlines()) >= 2 or "<" in answer,
    "sentence": lambda answer: counts(answer)["sentences"] <= 1,
    "paragraph": lambda answer: counts(answer)["paragraphs"] <= 1,
    "letter": lambda answer: bool(
        re.match(r"\W*(?:subject|betreff|objet|asunto|тема|dear|hi|hello|good |sehr|liebe|bonjour|estimad|уважаем)", answer, re.IGNORECASE)
    ),
    "lines": lambda answer: len(answer.splitlines()) >= 3,
    "dated": lambda answer: len(_DATED.findall(answer)) >= 2,
}


def has_form(answer: str, form: str) -> bool:
    """Whether an answer has a form of ``forms.yaml``.

    Example:
        >>> has_form('[1, 2]', "json"), has_form("one, two", "json")
        (True, False)
    """
    return _FORMS[form](answer)
