"""The answer is a number."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from pydantic import BaseModel, Field

from wildgraph.checkers.loading import CLOSED
from wildgraph.checkers.normalising import answer_in
from wildgraph.checkers.verdicts import Context, Verdict, decided, failed
from wildgraph.composing import composed

#: A longer run of digits is no number that anybody would check. [ours]
_MAX_DIGITS = 400
_MAX_UNIT_CHARS = 40
_PERCENT = ("%", "percent", "per cent", "pct", "percentage", "prozent", "процент", "процента", "процентов", "百分比")
_DASHES = str.maketrans({"−": "-", "‐": "-", "‑": "-", "–": "-", "﹣": "-", "－": "-"})
_NUMBER = re.compile(
    r"""
    (?<![A-Za-z0-9_\u00c0-\u1fff])(?<!\d[.,])         # not within a word or a version; letters of scripts without spaces may precede
    (?P<sign>(?<![\w)\]])[-+][ ]?)?
    (?P<mark>[$€£¥₹₽₩][ ]?)?
    (?P<sign2>[-+])?
    (?P<digits>\d++(?:[.,'’ \u00a0\u202f](?=\d)\d++)*+|(?<!\w)[.](?=\d)\d++)
    (?P<power>[eE][-+]?\d{1,4}(?!\w)|[ ]?[×x·*][ ]?10(?:\^[-+]?\d{1,4}|\*\*[-+]?\d{1,4}))?
    (?:[ ]?/[ ]?(?P<below>\d{1,18})(?![\w/]))?
    """,
    re.VERBOSE,
)
_SPACED = re.compile(r"[^ \u00a0\u202f]+")
_DIGITS = re.compile(r"\d+")
_GROUP_MARKS = re.compile(r"['’ \u00a0\u202f]")


class Found(NamedTuple):
    """A number in a text: its value and what stands around it as its unit, case folded."""

    value: float
    before: str
    after: str


@cache
def _multipliers() -> dict[str, float]:
    table: dict[str, list[str]] = json.loads(files("wildgraph.checkers").joinpath("multipliers.json").read_text(encoding="utf-8"))
    return {word: float(factor) for factor, words in table.items() for word in words}


@cache
def _multiplier_word() -> re.Pattern[str]:
    words = sorted(_multipliers(), key=len, reverse=True)
    return re.compile(rf"\s?({'|'.join(map(re.escape, words))})(?![^\W\d_])\.?|\s?([千万萬亿億兆])")


class Numeric(BaseModel):
    """The final number of the answer is the expected one, within a tolerance.

    Attributes:
        answer: the expected number, counted in ``unit``.
        tolerance: absolute error allowed.
        relative: relative error allowed, as a share of ``answer``; the larger of the two counts.
        unit: what is counted (``km``, ``%``, ``$``), or several words for it; the last number that has the unit is taken, if one has it.
        unit_required: a number without the unit does not pass.
        decimal: the mark before decimals where a number can be read both ways (``1.234`` or ``1,234``).
        cue: what begins the line that holds the answer; empty when the whole text is looked through.
    """

    model_config = CLOSED

    answer: float = Field(allow_inf_nan=False)
    tolerance: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    relative: float = Field(default=1e-9, ge=0.0, le=1.0)
    unit: str | tuple[str, ...] = ()
    unit_required: bool = False
    decimal: Literal[".", ","] = "."
    cue: str = Field(default="", max_length=200)

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        said = answer_in(text, self.cue)
        if said is None:
            return failed(f"no line begins with {self.cue!r}")
        found = list(numbers(said, self.decimal))
        if not found:
            return failed("there is no number")
        units = tuple(composed(unit).casefold().strip() for unit in ((self.unit,) if isinstance(self.unit, str) else self.unit))
        if any(unit in _PERCENT for unit in units):
            units = (*units, *_PERCENT)
        having = [number for number in found if any(_has(number, unit) for unit in units)]
        if units and self.unit_required and not having:
            return failed(f"no number has the unit {units[0][:40]!r}")
        last = (having or found)[-1]
        value = last.value
        if not any(unit in _PERCENT for unit in units) and any(_has(last, unit) for unit in _PERCENT):
            value /= 100
        # the sum of two decimals is a little off the decimal sum
        allowed = max(self.tolerance * (1 + 1e-9), self.relative * abs(self.answer))
        return decided(math.isfinite(value) and abs(value - self.answer) <= allowed, f"says {value!r}, not {self.answer!r}")


def unit_in(text: str) -> str:
    """A unit as it stands beside a number in running text, without marks and punctuation; ``%`` however a percentage is said.

    Example:
        >>> unit_in("%."), unit_in("per cent of the total"), unit_in("**km**,")
        ('%', '%', 'km')
    """
    bare = text.strip(" \t\r\n.,;:!?*_`()[]\"'’”")
    folded = composed(bare).casefold()
    return "%" if any(re.match(rf"{re.escape(name)}(?!\w)", folded) for name in _PERCENT) else bare


def numbers(text: str, decimal: Literal[".", ","] = ".") -> Iterator[Found]:
    """The numbers of a text, in order, with what stands before and after each as a possible unit.

    Thousands may be parted by commas, points, apostrophes or spaces in groups of three; words like *million* multiply; ``3/4`` is a
    fraction, ``1/2/2024`` is not; digits of any script count.

    Example:
        >>> [number.value for number in numbers("From 1,234.5 to 1.234,5 or 3/4 of 2.5 million, 1e3, ١٢")]
        [1234.5, 1234.5, 0.75, 2500000.0, 1000.0, 12.0]
    """
    ascii_text = _ascii_digits(composed(text)).translate(_DASHES)
    for match in _NUMBER.finditer(ascii_text):
        for value, end in _values(match, decimal):
            after = ascii_text[end : end + _MAX_UNIT_CHARS]
            word = _multiplier_word().match(after.casefold())
            if word and (word[1] or word[2]):
                value *= _multipliers()[word[1] or word[2]]
                after = after[word.end() :]
            yield Found(value, (match["mark"] or "").strip(), after.strip().casefold())


def _ascii_digits(text: str) -> str:
    return text if text.isascii() else "".join(str(unicodedata.decimal(c)) if c > "\x7f" and c.isdecimal() else c for c in text)


def _values(match: re.Match[str], decimal: str) -> Iterator[tuple[float, int]]:
    digits = match["digits"]
    read = _read(digits, decimal)
    sign = -1.0 if "-" in ((match["sign"] or "") + (match["sign2"] or "")) else 1.0
    if read is None:
        yield from _side_by_side(digits, match.start("digits"), decimal)
        return
    value = sign * read
    if match["power"]:
        value *= _power(match["power"])
    end = match.end()
    if match["below"]:
        below = float(match["below"])
        if not below or match.string[max(0, match.start() - 1) : match.start()] == "/":
            yield value, end - len(match["below"])
            value = below
        else:
            value /= below
    yield value, end


def _side_by_side(digits: str, start: int, decimal: str) -> Iterator[tuple[float, int]]:
    """Numbers with nothing but spaces between them, or the parts of a version or an enumeration."""
    for piece in _SPACED.finditer(digits):
        read = _read(piece.group(), decimal)
        if read is not None:
            yield read, start + piece.end()
            continue
        for part in _DIGITS.finditer(piece.group()):
            if len(part.group()) <= _MAX_DIGITS:
                yield float(part.group()), start + piece.start() + part.end()


def _power(text: str) -> float:
    exponent = int(re.split(r"[eE^]|\*\*", text)[-1])
    return 10.0**exponent if abs(exponent) <= 300 else (math.inf if exponent > 0 else 0.0)


def _read(digits: str, decimal: str) -> float | None:
    """The value of digits with marks between them, or ``None`` when they are not one number."""
    bare = _GROUP_MARKS.sub("_", digits)
    marks = [char for char in bare if not char.isdigit()]
    if len(digits) > _MAX_DIGITS:
        return None
    if not marks:
        return float(bare)
    last = marks[-1]
    if (
        last in ".," and marks.count(last) == 1 and not (len(marks) == 1 and last != decimal and _grouped(bare, last))
    ):  # the last mark stands before decimals
        whole, _, rest = bare.rpartition(last)
        inner = set(marks[:-1])
        if len(inner) > 1 or (inner and not _grouped(whole, marks[0])):
            return None
        return float(f"{''.join(char for char in whole if char.isdigit()) or '0'}.{rest}")
    if len(set(marks)) == 1 and _grouped(bare, last):
        return float("".join(char for char in bare if char.isdigit()))
    return None


def _grouped(digits: str, mark: str) -> bool:
    """Whether digits stand in groups of three, or in the Indian way in twos before the last three."""
    first, *groups = digits.split(mark)
    sizes = [len(group) for group in groups]
    thousands = all(size == 3 for size in sizes)
    indian = len(sizes) > 1 and mark == "," and sizes[-1] == 3 and all(size == 2 for size in sizes[:-1])
    return 1 <= len(first) <= 3 and (thousands or indian)


def _has(number: Found, unit: str) -> bool:
    if not unit:
        return False
    if number.before == unit:
        return True
    rest = number.after[len(unit) : len(unit) + 1]
    return number.after.startswith(unit) and not (unit[-1].isalpha() and rest.isalpha())
