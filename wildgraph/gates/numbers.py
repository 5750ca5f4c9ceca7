"""Numbers in prose, in the forms people write them in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files

#: Digits with single separators between them, and spaces between groups of three.
_DIGITS = re.compile(r"\d+(?:[.,'’\u00a0\u202f]\d+)*(?: \d{3}(?![\d.,]*\d))*", re.ASCII)
_GROUPED = re.compile(r"\d{1,3}(?:([.,'’\u00a0\u202f ])\d{3})(?:\1\d{3})*\Z")
_GROUPED_DECIMAL = re.compile(r"(\d{1,3}(?:([.,'’\u00a0\u202f ])\d{3})+)([.,])(\d+)\Z")
_DECIMAL = re.compile(r"\d+[.,]\d+\Z")
#: What a word behind a number multiplies it by. Beginnings of words; letters alone only right behind the digits.
_SCALE = re.compile(
    r"[ \u00a0-]?(?:(?P<thousand>thousand|tausend|mille\b|mil\b|тыс|k\b)|(?P<million>million|millón|millon|milhã|milhõ|miljoen|milion|mio\b|mln|млн|миллион|m\b|mm\b)"
    r"|(?P<billion>billion|milliard|mrd|bn\b|b\b|млрд|миллиард|miljard|bilh)|(?P<trillion>trillion|tn\b|трлн|триллион)|(?P<wan>万|萬)|(?P<yi>亿|億))",
    re.IGNORECASE,
)
_FACTORS = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12, "wan": 4, "yi": 8}


@dataclass(frozen=True)
class Number:
    """A number in a text.

    Attributes:
        start, end: where its digits stand, in code points.
        text: the digits as written.
        values: what it may mean: '1.200' is 1200 and 1.2, '1.2 million' is 1.2 and 1200000.
        unit: worth of its last digit that is not a filling zero, in its largest meaning; tells how far it may be rounded.
        scaled: whether a word behind it multiplies it.
        decade: whether it names a decade, as in '1990s'.
    """

    start: int
    end: int
    text: str
    values: tuple[float, ...]
    unit: float
    scaled: bool = False
    decade: bool = False


def numbers(text: str) -> Iterator[Number]:
    """The numbers of a text in order; dates, versions and section numbers give each of their parts.

    Example:
        >>> [number.values for number in numbers("1,200 euros on 31.12.2020, or 3.5 million")]
        [(1200.0, 1.2), (31.0,), (12.0,), (2020.0,), (3.5, 3500000.0)]
    """
    for match in _DIGITS.finditer(text):
        yield from _read(text, match.start(), match.group())


def _read(text: str, start: int, written: str) -> Iterator[Number]:
    values = _values(written)
    if not values:
        # No single number: a date, a version, a row of numbers.
        for part in re.finditer(r"\d+", written):
            yield _number(text, start + part.start(), part.group(), (Decimal(part.group()),))
        return
    yield _number(text, start, written, values)
    if " " in written:  # '12 300' may be two numbers as well
        for part in re.finditer(r"\d+", written):
            yield _number(text, start + part.start(), part.group(), (Decimal(part.group()),))


def _number(text: str, start: int, written: str, values: tuple[Decimal, ...]) -> Number:
    end = start + len(written)
    scale = _SCALE.match(text, end)
    power = next((_FACTORS[name] for name, found in scale.groupdict().items() if found), 0) if scale else 0
    meant = [*values, *((value.scaleb(power) for value in values) if power else ())]
    largest = max(meant)
    return Number(
        start=start,
        end=end,
        text=written,
        values=tuple(dict.fromkeys(float(value) for value in meant)),
        unit=_unit(largest, written, power),
        scaled=bool(power),
        decade=bool(re.match(r"['’]?s\b|er\b|-х\b", text[end : end + 3])),
    )


def _unit(value: Decimal, written: str, power: int) -> float:
    if value and value == value.to_integral_value() and not power:
        digits = str(int(value))
        return float(10 ** (len(digits) - len(digits.rstrip("0"))))
    places = len(re.split(r"[.,]", written)[-1]) if _DECIMAL.match(written) else 0
    return float(Decimal(1).scaleb(power - places))


def _values(written: str) -> tuple[Decimal, ...]:
    """What digits with separators may mean as one number; nothing where they cannot be one."""
    try:
        if written.isdigit():
            return (Decimal(written),)
        if _GROUPED.match(written):
            whole = (Decimal(re.sub(r"\D", "", written)),)
            return (*whole, Decimal(written.replace(",", "."))) if _DECIMAL.match(written) else whole
        if _DECIMAL.match(written):
            return (Decimal(written.replace(",", ".")),)
        if (match := _GROUPED_DECIMAL.match(written)) and match.group(2) != match.group(3):
            return (Decimal(f"{re.sub(r'[^0-9]', '', match.group(1))}.{match.group(4)}"),)
    except InvalidOperation:  # longer than any number is
        return ()
    return ()


@cache
def _words() -> tuple[re.Pattern[str], Mapping[str, Mapping[str, int]]]:
    table: dict[str, dict[str, int]] = json.loads(files("wildgraph.gates").joinpath("number_words.json").read_text(encoding="utf-8"))
    either = "|".join(sorted((word for part in table.values() for word in part), key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{either})(?:(?:[ -]| and | point )(?:{either}))*(?!\w)", re.IGNORECASE), table


def spelled_numbers(text: str) -> Iterator[tuple[int, float]]:
    """Where English words spell a number, and its value; a row of words that is no single number gives several.

    Example:
        >>> list(spelled_numbers("Twelve point five euros, for fifty million of fifteen to thirty five."))
        [(0, 12.5), (29, 50000000.0), (29, 50.0), (46, 15.0), (57, 35.0), (57, 30.0), (57, 5.0)]
    """
    pattern, table = _words()
    for match in pattern.finditer(text):
        words = re.split(r"[ -]+", match.group().casefold())
        values = dict.fromkeys([float(value) for value in (_spelled(words, table),) if value is not None])
        values |= dict.fromkeys(float(table[part][word]) for word in words for part in ("ones", "tens", "ordinals") if word in table[part])
        if "point" in words:
            values = dict.fromkeys(list(values)[:1])
        yield from ((match.start(), value) for value in values)


def _spelled(words: list[str], table: Mapping[str, Mapping[str, int]]) -> float | None:
    """The value of number words: 'two hundred and five', 'twelve point five', also 'nineteen ninety' and 'three fifty'."""
    if "point" in words:
        place = words.index("point")
        whole = _spelled(words[:place], table)
        digits = "".join(str(table["ones"].get(word, table["tens"].get(word, 0))) for word in words[place + 1 :])
        return None if whole is None or not digits else float(f"{int(whole)}.{digits}")
    total = current = 0
    for word in words:
        small = next((table[part][word] for part in ("ones", "tens", "ordinals") if word in table[part]), None)
        if small is not None:
            # what does not fit below the last word starts a second pair of digits, as years are read
            fits = not current or (current % 100 == 0) or (current % 10 == 0 and small < 10 and current % 100 >= 20)
            current = current + small if fits else current * 100 + small
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in table["scales"]:
            total += max(current, 1) * table["scales"][word]
            current = 0
    return float(total + current)
