"""Finding the document that is pasted into a query, and queries that mean a document without pasting it.

People put the instruction before the paste, after it, around it, or leave it out; they mark the paste with a label, quotes, a fence,
or not at all. A query is cut into units (lines, sentences, fenced and quoted blocks); every unit gets a score that is positive for
document-like text and negative for talk to an assistant; the paste is the contiguous run with the greatest sum (Kadane), if it is
long enough for how much speaks for it. The words are data: ``paste_cues.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import islice

import yaml

from wildgraph.records import Span
from wildgraph.text import approximate_tokens, sentences

#: Tokens a paste needs: where a fence, quotes or a label that names a text vouch for it; where the request next to it is one that works
#: on a text; where only its length speaks for it; where something new is asked for, so that it may be a list of wishes.
VOUCHED_TOKENS = 12
NEXT_TO_TASK_TOKENS = 20
BARE_TOKENS = 120
WISHES_TOKENS = 240

#: So many lines of a query must begin like a speaker's turn before any does.
_SPEAKER_LINES = 3

#: A longer unit cannot be the line that introduces a paste.
_LABEL_TOKENS = 60


@dataclass(frozen=True)
class Segmented:
    """What a query consists of.

    Attributes:
        paste: where the pasted document lies, if there is one.
        mentions: whether the words mean a document.
    """

    paste: Span | None
    mentions: bool


@dataclass(frozen=True)
class _Unit:
    """A piece of a query.

    Attributes:
        tokens: its approximate length. score: above 0 like a document, below 0 like a request.
        marked: it stands in quotes or a fence, or looks like code, a table or a transcript.
        label: it introduces what follows it. names_text: the label names a text.
    """

    start: int
    end: int
    tokens: int
    score: float
    marked: bool = False
    label: bool = False
    names_text: bool = False


# --------------------------------------------------------------------------- cues


@dataclass(frozen=True)
class _Cues:
    request: re.Pattern[str]
    polite: re.Pattern[str]
    personal: re.Pattern[str]
    on_text: re.Pattern[str]
    making: re.Pattern[str]
    pointing: re.Pattern[str]
    label: re.Pattern[str]
    wishes: re.Pattern[str]
    mention: re.Pattern[str]
    supplied: re.Pattern[str]
    bare_request: re.Pattern[str]


@cache
def _cues() -> _Cues:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    table = yaml.load(files("wildgraph").joinpath("paste_cues.yaml").read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe loader
    spaced = {kind: [word for words in table[kind].values() for word in words] for kind in table if kind != "fillers"}
    fillers = "|".join(sorted(table["fillers"], key=len, reverse=True))
    start = rf"[\W\d_]{{0,12}}(?:(?:{fillers})[\s,!.:]{{0,3}}){{0,3}}"
    requests = "|".join(spaced["requests"])
    return _Cues(
        request=re.compile(rf"{start}(?:{requests})"),
        polite=re.compile("|".join(spaced["polite"])),
        personal=re.compile("|".join(spaced["personal"])),
        on_text=re.compile("|".join(spaced["on_text"])),
        making=re.compile("|".join(spaced["making"])),
        pointing=re.compile("|".join(spaced["pointing"])),
        label=re.compile("|".join(f"(?:{word})" for word in spaced["labels"])),
        wishes=re.compile("|".join(spaced["wishes"])),
        mention=re.compile("|".join(spaced["mentions"])),
        supplied=re.compile("|".join(spaced["supplied"])),
        # a request that runs into the paste without a mark between: 'Сократи текст Развитие и внедрение …'
        bare_request=re.compile(rf"(?:{'|'.join(table['on_text']['ru'])})[а-яё]*(?:[ ][а-яё\d%-]+){{0,8}}[ ](?=[А-ЯЁA-Z«\"])"),
    )


# --------------------------------------------------------------------------- units

_FENCE = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n.*?(?:^[ \t]*\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(
    r'"""(?P<a>.{40,}?)"""|\'\'\'(?P<b>.{40,}?)\'\'\'|«(?P<c>[^«»]{80,})»|“(?P<d>[^“”]{80,})”|「(?P<e>[^「」]{40,})」|(?<![^\s:(])"(?P<f>[^"\s][^"]{120,}[^"\s])"(?![^\s.,;:!?)])',
    re.DOTALL,
)
_COLON = re.compile(r"[:：](?=\s|[^\s\d/)(*-])")
_GAP = re.compile(r"(?<=\S)(?:[ \t]{2,}|(?<=[)}\];>\"”»])[ \t]*)(?=[^\W\d_])")
_CODE = re.compile(
    r"""^\s*(?:[{}()\[\];]+[,;]?\s*$|//|/\*|\*/|\#include|\#define|<\?php|<!doctype|</?[a-z][\w-]*(?:\s[^<>\n]*)?/?>|@\w+\(?|import\s+[\w{*]|from\s+[\w.]+\s+import
    |(?:public|private|protected|static|final|async|def|class|function|const|let|var|struct|enum|interface|namespace|package|using|void|int|float|double|bool|char|return|fn|func|pub|impl|elif|else)\b.*[({:;=\]]
    |(?:if|for|while|switch|try|catch|with|case)\b.*[({:]\s*$|(?:select|insert|update|delete|create|alter|from|where|join|group\s+by|order\s+by)\s.*[,;(=*]|end\b|\$\s?\w+|[\w.\[\]"'*&>-]+(?:\([^()]*\))?\s*(?:=|\+=|-=|:=|=>|<-|<<)\s*\S)
    |[;{(]\s*(?://.*)?$|\)\s*[;{:]\s*$|^\s{4,}[\w.]+\(.*\)?$|^\s*\w+\.\w+\(|^\s*at\s+[\w.$]+\(|^\s*[\w"']+\s*:\s*["'\d\[{].*,?\s*$|^\s*"[^"]+"\s*:|</\w+>\s*$""",
    re.VERBOSE | re.IGNORECASE,
)
_TABLE = re.compile(r"\t.*\S|\|.*\|.*\||(?:[^,;\s]{0,40}[,;](?=\S)){4}|^(?:\s*[-+]?\d[\d.,]*){3}")
_SPEAKER = re.compile(
    r"^[ \t]*(?:\[?\d{1,2}:\d\d[\d:.,]*\]?[ \t]*)?[-–—*]{0,2}[ ]?[A-ZА-ЯЁ][\w.'’-]{0,30}(?:[ ][\w.'’-]{1,30}){0,2}(?:[ ]?\([^()\n]{1,40}\))?[ ]?:[ ]\S",
    re.MULTILINE,
)
_INDENTED = re.compile(r"[ ]{2}|.?\t", re.DOTALL)
_SECTION = re.compile(r"^\s*[\[【][^\[\]\n]{1,40}[\]】]\s*$")  # [Chorus]
_SEPARATOR = re.compile(r"^\s*(?:[-=_*~#—–]\s?){3,}\s*$")


def _blocks(query: str) -> list[tuple[int, int]]:
    """Fenced and quoted blocks, in order, apart from each other."""
    found = [match.span() for match in _FENCE.finditer(query)]
    for match in _QUOTED.finditer(query):
        apart = all(match.end() <= start or match.start() >= end for start, end in found)
        # a query that somebody put in quotes as a whole is no paste
        if apart and not (len(match.group()) > 0.9 * len(query) and _cues().request.match(match.group()[:200].lower())):
            found.append(match.span())
    return sorted(found)


def _units(query: str) -> Iterator[_Unit]:
    """The query cut into pieces that are either request or document."""
    transcript = sum(1 for _ in islice(_SPEAKER.finditer(query), _SPEAKER_LINES)) == _SPEAKER_LINES
    place = 0
    for start, end in _blocks(query):
        yield from _plain(query, place, start, transcript)
        tokens = approximate_tokens(query[start:end])
        yield _Unit(start, end, tokens, 2.0 * tokens + 10, marked=True)
        place = end
    yield from _plain(query, place, len(query), transcript)


def _plain(query: str, start: int, end: int, transcript: bool) -> Iterator[_Unit]:
    introduced = in_code = False
    for span in sentences(query[start:end]):
        for first, last in _cut(query, start + span.start, start + span.end):
            unit = _rated(query, first, last, transcript)
            if in_code and _INDENTED.match(query, max(first - 2, 0), first):
                unit = replace(unit, score=float(unit.tokens), marked=True, label=False, names_text=False)
            in_code = unit.marked
            if introduced and not unit.label and -unit.score == unit.tokens:
                unit = replace(unit, score=float(unit.tokens))  # a question that opens a text
            introduced = unit.names_text
            yield unit


def _cut(query: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence cut where a paste may begin or end inside it."""
    text = query[start:end]
    cues = _cues()
    for found in islice(_COLON.finditer(text[:600]), 8):
        head = text[: found.start()]
        rest = text[found.end() :]
        if approximate_tokens(head) > _LABEL_TOKENS or not rest.strip():
            break
        lowered = head.lower()
        if (cues.request.match(lowered) or cues.label.search(lowered)) and not _CODE.search(text.partition("\n")[0]):
            yield start, start + found.end()
            start += found.end() + (len(rest) - len(rest.lstrip()))
            break
    else:
        if bare := cues.bare_request.match(text[:1].lower() + text[1:400]):
            yield start, start + bare.end() - 1
            start += bare.end()
    text = query[start:end]
    for gap in _GAP.finditer(text):
        if cues.request.match(text[gap.end() :].lower()):
            yield start, start + gap.start()
            start += gap.end()
            break
    if start < end:
        yield start, end


def _rated(query: str, start: int, end: int, transcript: bool) -> _Unit:
    """A unit with its score."""
    text = query[start:end]
    lowered = text.lower()
    cues = _cues()
    tokens = approximate_tokens(text)
    if _SEPARATOR.match(text):
        return _Unit(start, end, tokens, 0.0)
    requested = cues.request.match(lowered) is not None
    polite = cues.polite.search(lowered) is not None
    line = text.partition("\n")[0]
    if (_CODE.search(line) or _TABLE.search(line) or _SECTION.match(line)) and not ((requested or polite) and _is_prose(line)):
        return _Unit(start, end, tokens, tokens, marked=True)
    if text.rstrip().endswith((":", "：")) and tokens <= _LABEL_TOKENS:
        names_text = cues.label.search(lowered) is not None
        wishes = cues.wishes.search(lowered) or (cues.making.search(lowered) and not cues.pointing.search(lowered))
        if requested or polite or names_text:
            return _Unit(start, end, tokens, -15.0 if requested or polite else -4.0, label=True, names_text=names_text and not wishes)
    if transcript and _SPEAKER.match(text):
        return _Unit(start, end, tokens, tokens, marked=True)
    if requested or polite:
        return _Unit(start, end, tokens, -(8.0 + tokens) if requested else -(4.0 + tokens / 2))
    if text.rstrip().endswith(("?", "？")):
        return _Unit(start, end, tokens, -tokens)
    return _Unit(start, end, tokens, 0.3 * tokens if cues.personal.search(lowered) else tokens)


def _is_prose(line: str) -> bool:
    """Whether a line is words rather than code: letters and spaces, six parts of seven."""
    return sum(char.isalpha() or char == " " for char in line) * 7 > len(line) * 6


# --------------------------------------------------------------------------- the run


def segment(query: str) -> Segmented:
    """The pasted document of a query, and whether its words mean one.

    Example:
        >>> text = "Summarize the following article: " + "The river rose by two metres overnight. " * 5
        >>> found = segment(text)
        >>> text[: found.paste.start], found.mentions
        ('Summarize the following article: ', True)
    """
    cues = _cues()
    units = list(_units(query))
    first, last = _best_run(units)
    paste = None
    rest = query
    if first <= last:
        run = units[first : last + 1]
        before, after = query[: run[0].start], query[run[-1].end :]
        rest = f"{before}\n{after}"
        if _believed(query, units, first, last):
            paste = Span(start=run[0].start, end=run[-1].end)
    said = query.lower() if paste is None else rest.lower()
    mention = cues.mention.search(said)
    if mention and paste is None and cues.making.search(said[: mention.start()]) and not cues.supplied.search(mention.group()):
        mention = None
    return Segmented(paste, mention is not None)


def _best_run(units: list[_Unit]) -> tuple[int, int]:
    """First and last index of the contiguous run with the greatest sum of scores; ``(0, -1)`` if none is above 0."""
    best, first, last = 0.0, 0, -1
    total, start = 0.0, 0
    for index, unit in enumerate(units):
        if total <= 0:
            total, start = 0.0, index
        total += unit.score
        if total > best:
            best, first, last = total, start, index
    return first, last


def _believed(query: str, units: list[_Unit], first: int, last: int) -> bool:
    """Whether the run is long enough for how much speaks for it."""
    cues = _cues()
    run = units[first : last + 1]
    before, after = units[:first], units[last + 1 :]
    tokens = sum(unit.tokens for unit in run)
    label = before[-1] if before and before[-1].label else None
    if 2 * sum(unit.tokens for unit in run if unit.marked) >= tokens or (label and label.names_text):
        return tokens >= VOUCHED_TOKENS
    near = [unit for unit in (*before[-2:], *before[:1], *after[:2], *after[-1:]) if unit.score < 0]
    if any(cues.on_text.search(said) or cues.mention.search(said) for said in (query[unit.start : unit.end].lower() for unit in near)):
        return tokens >= NEXT_TO_TASK_TOKENS
    # nothing but its length speaks for it: talk about oneself does not count for much
    return sum(unit.score for unit in run) >= (WISHES_TOKENS if any(unit.score < 0 for unit in before) else BARE_TOKENS)
