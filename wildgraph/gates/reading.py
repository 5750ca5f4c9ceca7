"""A text as gates look at it: its words, its words in a row, and its numbers, each worked out once and only when asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from wildgraph.gates.numbers import numbers, spelled_numbers
from wildgraph.quotes import plain, plain_once
from wildgraph.records import Pair
from wildgraph.shingling import Hashes, shingles

#: Units per shingle when passages are compared: short enough for a sentence, long enough not to be chance.
PASSAGE = 5


_SECTION = re.compile(r"^[ \t>*#]*((?:\d{1,3}\.)+\d{1,3})(?![\d%])", re.MULTILINE)


@dataclass(frozen=True)
class Reading:
    """A text and what is made of it. Linear in its length; a document is read once however many pairs it serves."""

    text: str

    @cached_property
    def plain(self) -> str:
        """The words in order, lower case, one space between them."""
        return plain_once(self.text)

    @cached_property
    def words(self) -> frozenset[str]:
        """The different words."""
        return frozenset(self.plain.split())

    @cached_property
    def numbers(self) -> Mapping[float, tuple[int, ...]]:
        """Value -> where it stands, in code points; a number that can be read in two ways has both values.

        Numbers in digits, and those that English words spell.
        """
        found: dict[float, list[int]] = {}
        for number in numbers(self.text):
            for value in number.values:
                found.setdefault(value, []).append(number.start)
        for start, value in spelled_numbers(self.text):
            found.setdefault(value, []).append(start)
        return {value: tuple(places) for value, places in found.items()}

    @cached_property
    def sorted_numbers(self) -> tuple[float, ...]:
        """The values, ascending."""
        return tuple(sorted(self.numbers))

    @cached_property
    def sections(self) -> frozenset[str]:
        """Dotted numbers that head a paragraph, such as ``2.3``: names of sections, and no figures."""
        return frozenset(_SECTION.findall(self.text))

    @cached_property
    def shingles(self) -> Hashes:
        """Hashed runs of :data:`PASSAGE` words, sorted, without repeats."""
        return shingles(self.text, PASSAGE)


@lru_cache(maxsize=64)
def reading(text: str) -> Reading:
    """The reading of a text, the same one while it is in use."""
    return Reading(text)


def containment(passage: str, text: str) -> float:
    """Share of a passage's runs of words that a text holds too, in [0, 1]; a passage without words is held by nothing.

    Example:
        >>> containment("the fee is due within ten days", "We say: the fee is due within ten days, or else.")
        1.0
    """
    import numpy as np

    mine = reading(passage).shingles if len(passage) > 1000 else shingles(passage, PASSAGE)
    if not len(mine):
        return 0.0
    if len(mine) == 1:  # fewer words than a run has: the words themselves
        return float(f" {plain(passage)} " in f" {reading(text).plain} ")
    theirs = reading(text).shingles
    return float(np.isin(mine, theirs, assume_unique=True).mean())


def asked(pair: Pair) -> str:
    """Everything that the user and the system say."""
    return "\n".join(turn.content for turn in pair.turns if turn.role != "assistant")


def answers(pair: Pair) -> Iterable[str]:
    """What the assistant says, turn by turn."""
    return (turn.content for turn in pair.turns if turn.role == "assistant")


def titles(texts: Mapping[str, str]) -> str:
    """The titles of a pair's documents, one a line, where the mapping knows them; their ids as well."""
    known: Mapping[str, str] = getattr(texts, "titles", {})
    return "\n".join([*texts, *known.values()])
