"""Answers that stop in the middle."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.gates.verdicts import failed, passed
from wildgraph.records import Pair, Verdict
from wildgraph.shingling import count_units

_FENCE = re.compile(r"^[ \t]*(?:[-*+>][ \t]+)?(`{3,}|~{3,})(.*)$")
_JSON_START = re.compile(r"\{\s*(?:\"|\}|\Z)|\[\s*(?:[\[{\"\]]|-?\d+(?:\.\d+)?\s*,|\Z)")
_JSON_STEP = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]|"', re.DOTALL)
_ITEM = re.compile(r"^\s*(?:[-*+•‣◦–—]|\(?\d{1,3}[.):、]|\(?[a-zA-Z][.)])\s+\S")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s")
_KEY_VALUE = re.compile(r"^\W*[^\s:：][^:：]{0,60}[:：]\W*\S")
_REFERENCE = re.compile(r"(?:\[[^\[\]]{1,60}\](?:\([^()\s]*\))?|\([^()]{1,80}\)|（[^（）]{1,80}）|https?://\S+)\Z")
_ENDS_ITSELF = re.compile(r"(?:https?://\S+|\$|\\[\])])\Z")  # an address or a formula: a full stop would be part of it
_TERMINAL = frozenset(".!?…。！？｡؟۔।॥։።፧．‽")
_CLOSERS = "\"'”’»«›“)]}）】」』》〉*_~`|$\\ \t"
_OPEN_ENDS = frozenset(",;:([{（【「『《“„–—-/&=+<،؛、，；：")
_SHORT, _LINE = 12, 8


@cache
def _dangling() -> frozenset[str]:
    """Words that no sentence ends with, where it has no full stop either."""
    table: dict[str, str] = json.loads(files("wildgraph.gates").joinpath("dangling.json").read_text(encoding="utf-8"))
    return frozenset(word for words in table.values() for word in words.split())


class TruncationGate(BaseModel):
    """Every answer ends where a sentence, list, table, code block or JSON value ends. [ours].

    Names, numbers, titles, verse, sign-offs and list items need no full stop; neither does what ends with a passage of the evidence, which
    stops where the document does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "truncation"

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``truncated``."""
        for turn in pair.turns:
            if turn.role == "assistant" and (cut := what_is_cut(turn.content, tuple(span.text for span in turn.evidence))):
                return failed(self.name, "truncated", f"{cut}: …{turn.content[-80:]}")
        return passed(self.name)


def what_is_cut(answer: str, evidence: tuple[str, ...] = ()) -> str:
    """What an answer leaves open, or the empty string when it is whole.

    Args:
        answer: the text.
        evidence: passages of documents; an answer that ends with a whole one ends well.

    Example:
        >>> what_is_cut("The fee is due in May."), what_is_cut("The fee is due to the"), what_is_cut("42")
        ('', 'the last sentence has no end', '')
    """
    text = answer.rstrip()
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        return ""
    fence, closed = _fences(text)
    if fence:
        return "a code block is not closed"
    if closed:
        return ""
    if _JSON_START.match(text.lstrip()):
        return "JSON is not closed" if _json_open(text.lstrip()) else ""
    last = lines[-1].strip()
    if last.startswith("|") or (len(lines) > 1 and lines[-2].strip().startswith("|") and "|" in last):
        return "" if last.endswith("|") or not lines[-1 if len(lines) == 1 else -2].strip().endswith("|") else "a table row is not closed"
    if _HEADING.match(lines[-1]):
        return "nothing follows the last heading"
    if any(len(passage.strip()) >= 3 and _bare(text).endswith(_bare(passage)) for passage in evidence):
        return ""
    return _line_cut(last, lines[:-1])


def _bare(text: str) -> str:
    return text.rstrip().rstrip(_CLOSERS)


def _ended(line: str) -> bool:
    """Whether a line ends like a sentence, closing marks and references aside."""
    line = line.strip()
    while True:
        if line[-1:] in _TERMINAL or _bare(line)[-1:] in _TERMINAL:
            return True
        shorter = _REFERENCE.sub("", line).rstrip()
        if shorter == line or not shorter:
            return False
        line = shorter


def _line_cut(last: str, before: list[str]) -> str:
    """The verdict on a last line of prose, list, verse or sign-off."""
    if _ended(last) or _symbol(last[-1]) or _ENDS_ITSELF.search(last):
        return ""
    bare = _bare(last)
    if last[-1] in _OPEN_ENDS or bare[-1:] in _OPEN_ENDS:
        return f"it ends with {last[-1]!r}"
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", bare)
    units = count_units(last)
    if words and words[-1] in _dangling() and bare.endswith(words[-1]) and units > 1:
        return "the last sentence has no end"
    if _ITEM.match(last):
        others = [line for line in before if _ITEM.match(line)]
        unended = sum(not _ended(line) for line in others)
        return "" if 2 * unended >= len(others) and (others or units <= _SHORT) else "the last list item has no end"
    if "\u0e00" <= bare[-1:] <= "\u0eff":
        return ""  # Thai and Lao have no full stop
    if not before:
        return "" if units <= _SHORT else "the last sentence has no end"
    signed = before[-1].rstrip().endswith((",", "，", ":", "："))
    verse = 2 * sum(not _ended(line) for line in before if not _HEADING.match(line)) >= len(before)
    if units <= _SHORT and (verse or _KEY_VALUE.match(last) or (signed and units <= _LINE)):
        return ""
    return "the last sentence has no end"


def _symbol(char: str) -> bool:
    """Whether a character is an emoji or another sign that closes a line."""
    return ord(char) >= 0x1F000 or "\u2600" <= char <= "\u27bf" or char in ">™©®°%"


def _fences(text: str) -> tuple[bool, bool]:
    """Whether a fenced code block is open at the end, and whether one closes with the last line."""
    opened, closed = "", False
    for line in text.split("\n"):
        match = _FENCE.match(line)
        closed = False
        if match is None:
            continue
        marks, rest = match.group(1), match.group(2).strip()
        if not opened:
            opened = "" if marks[0] == "`" and "`" in rest else marks
        elif marks[0] == opened[0] and len(marks) >= len(opened) and not rest:
            opened, closed = "", True
    return bool(opened), closed


def _json_open(text: str) -> bool:
    """Whether brackets or a string of the JSON text are still open at its end."""
    depth = 0
    for step in _JSON_STEP.finditer(text):
        mark = step.group()
        if mark == '"':
            return True
        depth += (mark in "[{") - (mark in "]}")
        if depth == 0 and step.end() < len(text.rstrip()):
            return bool(what_is_cut(text[step.end() :]))  # prose follows
    return depth > 0
