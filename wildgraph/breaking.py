"""Answers broken on purpose: one figure, name, limit or place in an order is made wrong, and nothing else.

What a program changes keeps length and form, so that a model that learns to prefer the whole answer learns neither of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from wildgraph.records import content_hash
from wildgraph.shingling import count_units
from wildgraph.text import sentences

_NUMBER = re.compile(r"(?<![\w.,])[$€£¥]?\d+(?:,\d{3})*(?:\.\d+)?(?!\w)%?")
_MARKER = re.compile(r"^([ \t]*(?:\d{1,3}[.)]|[-*•–](?: \[[ x]\])?)[ \t]+)(\S.*)$", re.MULTILINE)
_ROW = re.compile(r"^\|(?![ :|-]+$).*\|[ \t]*$", re.MULTILINE)
_CAPITAL = r"[^\W\d_a-zà-öø-ÿа-яё][^\W\d_]*[^\W\d_A-ZÀ-ÖØ-ÞА-ЯЁ][\w'’-]*"
_NAME = re.compile(rf"\b{_CAPITAL}(?:[ ]{_CAPITAL}){{1,3}}\b")
_LOWER = re.compile(r"\b[^\W\d_A-ZÀ-ÖØ-ÞА-ЯЁ][\w'’-]*")
_WITHIN = re.compile(
    rf"(?<=[^\W\d_A-ZÀ-ÖØ-ÞА-ЯЁ],[ ])(?:{_CAPITAL})(?![ ]{_CAPITAL})\b|(?<=[^\W\d_A-ZÀ-ÖØ-ÞА-ЯЁ][ ])(?:{_CAPITAL})(?![ ]{_CAPITAL})\b"
)
#: A longer or shorter answer than this share of the whole one shows in its length.
SPREAD = 0.2


class _Limit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    bound: Literal["most", "least", "exactly"]
    unit: Literal["words", "items"]
    patterns: tuple[str, ...]


class _Limits(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    limits: tuple[_Limit, ...]
    opposites: tuple[tuple[str, str], ...]
    ordered: tuple[str, ...]


@cache
def _limits() -> _Limits:
    import yaml

    return _Limits.model_validate(yaml.safe_load(files("wildgraph").joinpath("limits.yaml").read_text(encoding="utf-8")))


class Broken(NamedTuple):
    """A broken answer, and what is wrong with it."""

    text: str
    detail: str


def breaks(instruction: str, answer: str, documents: Sequence[str], *, seed: str) -> Iterator[Broken]:
    """Every way in which an answer can be broken, one answer each, in an order that the seed decides.

    Args:
        instruction: what was asked; its limits and whether it asks for an order are read from it.
        answer: the whole answer.
        documents: the texts that it rests on; figures and names are exchanged with others of theirs.
        seed: decides what is exchanged.

    Example:
        >>> text = "The fee is 1,200 euros. The deposit is 2,400 euros."
        >>> next(breaks("What is the fee?", "The fee is 1,200 euros.", [text], seed="a")).text
        'The fee is 2,400 euros.'
    """
    ways: Mapping[str, Callable[[str, str, Sequence[str], str], Broken | None]] = {
        "number": _number,
        "name": _name,
        "single name": _single_name,
        "order": _order,
        "limit": _limit,
    }
    # What a statement turns round in is found nearly everywhere, and says less of a document than its facts do.
    for way in (*sorted(ways, key=lambda name: content_hash("way", seed, name)), "opposite"):
        broken = ways.get(way, _opposite)(instruction, answer, documents, seed)
        if broken is not None and broken.text != answer:
            yield broken


def _draw(seed: str, what: str, options: Sequence[str]) -> str:
    return min(options, key=lambda option: content_hash(what, seed, option))


# --------------------------------------------------------------------------- facts


def _number(instruction: str, answer: str, documents: Sequence[str], seed: str) -> Broken | None:
    """A figure of the answer exchanged with another one of the documents that looks like it."""
    there = {match.group() for text in documents for match in _NUMBER.finditer(text)}
    asked = {match.group() for match in _NUMBER.finditer(instruction)}
    markers = {place for match in _MARKER.finditer(answer) for place in range(match.start(1), match.end(1))}
    held = [match for match in _NUMBER.finditer(answer) if match.start() not in markers]
    mine = {match.group() for match in held}
    options: dict[str, list[str]] = {}
    for figure in (mine & there) - asked:
        others = [one for one in there - mine - asked if _shape(one) == _shape(figure) and not one.startswith("0")]
        if others:
            options[figure] = others
    if not options:
        return None
    figure = _draw(seed, "figure", sorted(options))
    other = _draw(seed, "other figure", sorted(options[figure]))
    parts, end = [], 0
    for match in held:
        if match.group() == figure:
            parts += [answer[end : match.start()], other]
            end = match.end()
    return Broken("".join(parts) + answer[end:], f"{figure} became {other}")


def _shape(figure: str) -> tuple[object, ...]:
    """What two figures share that can stand in for each other."""
    bare = re.sub(r"[^\d.]", "", figure)
    whole, _, decimals = bare.partition(".")
    year = len(whole) == 4 and not decimals and "," not in figure and 1500 <= int(whole) < 2100
    return (figure[0] if not figure[0].isdigit() else "", figure.endswith("%"), len(whole), len(decimals), year)


def _name(_instruction: str, answer: str, documents: Sequence[str], seed: str) -> Broken | None:
    """A name of the answer exchanged with another one of the documents, of as many words and about its length."""
    there = {match.group() for text in documents for match in _NAME.finditer(text)}
    # What also begins in lower case is no part of a name, but the first word of a sentence or heading.
    ordinary = {word for text in documents for word in _LOWER.findall(text)}
    named = {one for one in there if one.split()[0].lower() not in ordinary}
    mine = {match.group() for match in _NAME.finditer(answer)}
    options: dict[str, list[str]] = {}
    for name in mine & named:
        others = [
            one
            for one in named - mine
            if one.count(" ") == name.count(" ") and abs(len(one) - len(name)) <= max(2, len(name) // 4)
            if not set(one.split()) & set(name.split())
        ]
        if others:
            options[name] = others
    if not options:
        return None
    name = _draw(seed, "name", sorted(options))
    other = _draw(seed, "other name", sorted(options[name]))
    return Broken(re.sub(rf"\b{re.escape(name)}\b", lambda _: other, answer), f"{name} became {other}")


def _single_name(_instruction: str, answer: str, documents: Sequence[str], seed: str) -> Broken | None:
    """A name of one word, within a sentence, exchanged with another one that the documents have more than once."""
    often = Counter(match.group() for text in documents for match in _WITHIN.finditer(text))
    ordinary = {word for text in documents for word in _LOWER.findall(text)}
    there = {one for one, count in often.items() if count > 1 and one.lower() not in ordinary}
    mine = {match.group() for match in _WITHIN.finditer(answer)}
    options = {name: [one for one in there - mine if abs(len(one) - len(name)) <= 2 and one not in answer] for name in mine & there}
    options = {name: others for name, others in options.items() if others}
    if not options:
        return None
    name = _draw(seed, "name", sorted(options))
    other = _draw(seed, "other name", sorted(options[name]))
    return Broken(re.sub(rf"\b{re.escape(name)}\b", lambda _: other, answer), f"{name} became {other}")


def _opposite(_instruction: str, answer: str, _documents: Sequence[str], seed: str) -> Broken | None:
    """One word exchanged with its opposite, so that a statement is turned round."""
    turned: dict[str, str] = {}
    for one, another in _limits().opposites:
        turned.setdefault(one, another)
        turned.setdefault(another, one)
    found = list(_opposites().finditer(answer))
    # A negation makes an answer longer far more often than shorter, and many of them would show: words of one length come first.
    found = [match for match in found if abs(len(turned[match.group()]) - len(match.group())) <= 1] or found
    if not found:
        return None
    match = found[int(content_hash("opposite", seed), 16) % len(found)]
    other = turned[match.group()]
    return Broken(answer[: match.start()] + other + answer[match.end() :], f"{match.group()} became {other} at {match.start()}")


@cache
def _opposites() -> re.Pattern[str]:
    words = sorted((re.escape(word) for pair in _limits().opposites for word in pair), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(words)})\b")


# --------------------------------------------------------------------------- conditions


def _order(instruction: str, answer: str, _documents: Sequence[str], seed: str) -> Broken | None:
    """Two items of a list exchanged, where the request asks for an order."""
    if not any(re.search(pattern, instruction, re.IGNORECASE) for pattern in _limits().ordered):
        return None
    bodies = [(match.start(2), match.end(2)) for match in _MARKER.finditer(answer)]
    if len(bodies) < 3:
        bodies = [(span.start, span.end) for span in sentences(answer)] if not bodies and "|" not in answer else []
    if len(bodies) < 3:
        return None
    first = int(content_hash("place", seed), 16) % (len(bodies) - 1)
    (start, middle), (later, end) = bodies[first], bodies[first + 1]
    swapped = answer[:start] + answer[later:end] + answer[middle:later] + answer[start:middle] + answer[end:]
    return Broken(swapped, f"items {first + 1} and {first + 2} changed places")


def _limit(instruction: str, answer: str, documents: Sequence[str], seed: str) -> Broken | None:
    """One item or sentence more or less than the request allows."""
    for limit in _limits().limits:
        for pattern in limit.patterns:
            found = re.search(pattern, instruction, re.IGNORECASE)
            if found is None:
                continue
            number = int(found.group(1))
            broken = (
                _words(limit.bound, number, answer, documents, seed) if limit.unit == "words" else _items(number, answer, documents, seed)
            )
            if broken is not None:
                return broken
    return None


def _words(bound: str, number: int, answer: str, documents: Sequence[str], seed: str) -> Broken | None:
    words = count_units(answer)
    if bound == "most" and words <= number:
        longer: str | None = answer
        while longer is not None and count_units(longer) <= number:
            longer = _longer(longer, documents, f"{seed}:{len(longer)}")
        if longer is not None and len(longer) <= (1 + SPREAD) * len(answer):
            return Broken(longer, f"{count_units(longer)} words where at most {number} were asked for")
    if bound == "least" and words >= number:
        shorter: str | None = answer
        while shorter is not None and count_units(shorter) >= number:
            shorter = _shorter(shorter)
        if shorter is not None and len(shorter) >= (1 - SPREAD) * len(answer):
            return Broken(shorter, f"{count_units(shorter)} words where at least {number} were asked for")
    return None


def _items(number: int, answer: str, documents: Sequence[str], seed: str) -> Broken | None:
    if _count(answer) != number:
        return None
    made = [one for one in (_longer(answer, documents, seed), _shorter(answer)) if one is not None]
    fitting = [one for one in made if abs(len(one) - len(answer)) <= SPREAD * len(answer) and _count(one) != number]
    if not fitting:
        return None
    text = _draw(seed, "more or less", sorted(fitting))
    return Broken(text, f"{_count(text)} items where {number} were asked for")


def _count(answer: str) -> int:
    """Items of a list, rows of a table below its head, else sentences."""
    items, rows = len(_MARKER.findall(answer)), len(_ROW.findall(answer))
    return items or max(0, rows - 1) or len(sentences(answer))


def _longer(answer: str, documents: Sequence[str], seed: str) -> str | None:
    """One sentence of a document more, as an item where the answer is a list; ``None`` for tables and JSON."""
    if _ROW.search(answer) or answer.lstrip().startswith(("{", "[{", "```")):
        return None
    options = sorted(
        {
            sentence
            for text in documents
            for span in sentences(text)
            if 30 <= span.end - span.start <= 250 and "\n" not in (sentence := text[span.start : span.end]) and sentence not in answer
        }
    )
    if not options:
        return None
    sentence, items = _draw(seed, "sentence", options), list(_MARKER.finditer(answer))
    if not items:
        return f"{answer.rstrip()} {sentence}"
    mark = re.sub(r"\d+", lambda number: str(int(number.group()) + 1), items[-1].group(1))
    return f"{answer[: items[-1].end()]}\n{mark}{sentence}{answer[items[-1].end() :]}"


def _shorter(answer: str) -> str | None:
    """The answer without its last item, row or sentence."""
    items = list(_MARKER.finditer(answer)) or list(_ROW.finditer(answer))
    if len(items) > 1:
        last = items[-1]
        return (answer[: last.start()].rstrip("\n") + answer[last.end() :]).strip()
    said = sentences(answer)
    return answer[: said[-2].end] if len(said) > 1 and not items else None


# --------------------------------------------------------------------------- form


def form_of(text: str) -> str:
    r"""The form of an answer, so that two can be compared: json, code, table, numbered, bullets, checklist, headed or prose.

    Example:
        >>> form_of("1. One\n2. Two"), form_of("Just this."), form_of("| a | b |\n| --- | --- |\n| 1 | 2 |")
        ('numbered', 'prose', 'table')
    """
    bare = text.strip()
    if bare.startswith(("{", "[")) and bare.endswith(("}", "]")):
        return "json"
    if bare.startswith("```"):
        return "code"
    if len(_ROW.findall(bare)) > 1:
        return "table"
    marks = [match.group(1).strip() for match in _MARKER.finditer(bare)]
    if len(marks) > 1:
        first = marks[0]
        return "numbered" if first[0].isdigit() else "checklist" if "[" in first else "bullets"
    return "headed" if re.search(r"^#{1,6} ", bare, re.MULTILINE) else "prose"


def matches(other: int, whole: int, other_text: str, whole_text: str) -> bool:
    """Whether an answer has the length (within a fifth) and the form of another one.

    Args:
        other: length of one, in tokens.
        whole: of the other one.
        other_text: the one.
        whole_text: the other one.
    """
    return abs(other - whole) <= SPREAD * whole and form_of(other_text) == form_of(whole_text)
