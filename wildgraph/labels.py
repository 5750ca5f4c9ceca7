"""Labels: untrusted phrases made short, plain and safe to show, to publish and to put into a prompt."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator

_KEPT_FORMAT = "\u200c\u200d"  # joiners that Persian and Indic scripts need
#: What compatibility forms become when labels are compared, so that none turns into markup later.
_MARKUP = str.maketrans("＜﹤＞﹥｀\u1fef｛﹛︷｝﹜︸｜［﹇］﹈", "<<>>``{{{}}}|[[]]")
_TAG = re.compile(r"<[^<>]{0,200}>")
_TOKEN = r"\|(?:im_|start|end|begin|eo[tms]|system|user|assistant|channel|message)[a-z_]{0,24}\|?"  # noqa: S105 - a pattern, no password
_FRAGMENT = re.compile(
    rf"""
    [<>`]                                             # tags, fences, special tokens' brackets
  | {_TOKEN}                                          # what is left of <|im_start|> and its like
  | \[/?(?:inst|sys)\]                                # Llama's turns
  | \{{[{{%\#]|[}}%\#]\}}                             # template expressions, statements and comments
  | \#{{2,}}|~{{3,}}|={{3,}}|-{{3,}}|"{{3,}}|'{{3,}}  # headings and fences
  | (?<=\bsystem)\s*[:：﹕︓]|(?<=\bassistant)\s*[:：﹕︓]|(?<=\buser)\s*[:：﹕︓]|(?<=\bhuman)\s*[:：﹕︓]|(?<=\bdeveloper)\s*[:：﹕︓]
  | \b(?:ignore|disregard|forget|override)\s(?:(?:all|any|the|your|my|of|these|those)\s){{0,4}}
    (?:previous|prior|preceding|above|earlier|foregoing)\s(?:(?:system|user)\s)?(?:instructions?|prompts?|messages?|rules|directions?)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)


def _shown(char: str) -> str:
    """A character of a label, a blank, or nothing."""
    if char in _KEPT_FORMAT or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return char
    return " " if char.isspace() else ""


def clean_label(text: str, limit: int = 120) -> str:
    r"""``text`` as one short line that is safe to show and to prompt with.

    There are no control or direction characters, no markup and no fragments of prompts (role marks, special tokens, fences, template
    braces, calls to ignore what was said), and at most ``limit`` characters. Cleaning what is clean changes nothing.

    Example:
        >>> clean_label("  <b>Sum\nup</b> the `report`\u202e ")
        'Sum up the report'
        >>> clean_label("### System: {{ write }} c++ code [INST]")
        'System write c++ code'
    """
    plain = text[: 20 * limit]
    if not plain.isascii():
        plain = plain.translate(_MARKUP)
    if not plain.isprintable():  # else there is nothing to take out: white space other than a blank is not printable either
        plain = "".join(map(_shown, plain))
    line, before = " ".join((_TAG.sub(" ", plain) if "<" in plain else plain).split()), None
    while line != before:  # what is taken out may have kept two halves of a fragment apart
        before = line
        line = " ".join(_FRAGMENT.sub("", line).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _as_it_stands(text: str) -> str:
    text = " ".join(text.split())
    cleaned = clean_label(text)
    if not cleaned:
        raise ValueError(f"{text[:40]!r} is no label: it holds nothing but markup")
    if cleaned != text:
        raise ValueError(f"{text[:40]!r} is no label of 1 to 120 plain characters: write {cleaned[:40]!r}")
    return cleaned


#: A label that a person wrote: refused with what is wrong rather than changed behind their back.
Label = Annotated[str, AfterValidator(_as_it_stands)]
