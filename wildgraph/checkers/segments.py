"""Words and sentences by Unicode's own rules (UAX #29), in time linear in the text's length.

The properties of characters are uniseg's; the rules are regular expressions over them, since uniseg's own loops take half a minute for a
megabyte, and quadratic time for a full stop before many spaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

# one letter per class: what the rules do not tell apart shares one
_WORD_CLASSES = {
    "ALetter": "A",
    "Hebrew_Letter": "H",
    "Numeric": "N",
    "Katakana": "K",
    "ExtendNumLet": "_",
    "MidLetter": "m",
    "MidNum": "n",
    "MidNumLet": "b",
    "Single_Quote": "q",
    "Double_Quote": "d",
    "Extend": "e",
    "Format": "e",
    "ZWJ": "e",
    "CR": "\n",
    "LF": "\n",
    "Newline": "\n",
}
_SENTENCE_CLASSES = {
    "Lower": "l",
    "Upper": "u",
    "OLetter": "o",
    "Numeric": "n",
    "ATerm": "a",
    "STerm": "s",
    "Close": "k",
    "Sp": "_",
    "SContinue": "c",
    "Extend": "e",
    "Format": "e",
    "CR": "r",
    "LF": "f",
    "Sep": "p",
}
_WORD_EXTENSION = re.compile(r"(?<!\n)(?<!\A)e+")
_SENTENCE_EXTENSION = re.compile(r"(?<![rfp])(?<!\A)e+")
# WB5-WB13b: a word goes on from one class to the next; a letter of a script without spaces (I) is a word of its own
_WORD = re.compile(r"(?:[AHN_](?=[AHN_])|K(?=[K_])|_(?=K)|[AH][mbq](?=[AH])|N[nbq](?=N)|Hd(?=H))*+(?:Hq?|[ANK_])|I")
# SB6-SB11: where a sentence ends
_SENTENCE_END = re.compile(
    r"""
      rf|[rfp]                                                   # SB3, SB4
    | sk*+_*+(?![csarfp]|\Z)                                     # SB8a, SB9-SB11
    | a(?!n)(?:(?<![ul]a)|(?!u))k*+_*+(?![csarfp]|\Z)(?![^oulsarfp]*+l)   # SB6-SB11
    """,
    re.VERBOSE,
)
_SAYS = re.compile(r"[luony]")


class _Classes(dict[int, str]):
    """Code point -> letter of its class, found when first asked for."""

    def __init__(self, classify: Callable[[str], str]) -> None:
        super().__init__()
        self._classify = classify

    def __missing__(self, point: int) -> str:
        letter = self._classify(chr(point))
        self[point] = letter
        return letter


@cache
def _word_classes() -> _Classes:
    from uniseg.wordbreak import word_break

    def classify(char: str) -> str:
        return _WORD_CLASSES.get(word_break(char).value) or ("I" if char.isalnum() else ".")

    return _Classes(classify)


@cache
def _sentence_classes() -> _Classes:
    from uniseg.sentencebreak import sentence_break

    def classify(char: str) -> str:
        # y and x are both Other to these rules, but ½ and ² say something
        return _SENTENCE_CLASSES.get(sentence_break(char).value) or ("y" if char.isalnum() else "x")

    return _Classes(classify)


def words(text: str) -> list[str]:
    """The words of ``text``: UAX #29 segments that hold a letter or a digit.

    In scripts without spaces (Han, Hiragana, Thai …) the rules make each character a word.

    Example:
        >>> words("Can't stop: 3.5 km, 两个词!")
        ["Can't", 'stop', '3.5', 'km', '两', '个', '词']
    """
    classes = text.translate(_word_classes())
    if "e" not in classes:
        return [text[found.start() : found.end()] for found in _WORD.finditer(classes) if found.group().strip("_")]
    extensions = [found.span() for found in _WORD_EXTENSION.finditer(classes)]
    return _with_extensions(text, _WORD_EXTENSION.sub("", classes), extensions)


def _with_extensions(text: str, classes: str, extensions: list[tuple[int, int]]) -> list[str]:
    """Words of ``classes``, from which the combining marks at ``extensions`` were taken out, as they stand in ``text``."""
    found: list[str] = []
    shift = place = 0
    for match in _WORD.finditer(classes):
        while place < len(extensions) and extensions[place][0] - shift <= match.start():
            shift += extensions[place][1] - extensions[place][0]
            place += 1
        start = match.start() + shift
        while place < len(extensions) and extensions[place][0] - shift <= match.end():
            shift += extensions[place][1] - extensions[place][0]
            place += 1
        if match.group().strip("_"):
            found.append(text[start : match.end() + shift])
    return found


def count_words(text: str) -> int:
    """How many words ``text`` has, as :func:`words` finds them."""
    classes = _WORD_EXTENSION.sub("", text.translate(_word_classes()))
    return sum(1 for found in _WORD.finditer(classes) if found.group().strip("_"))


def count_sentences(text: str) -> int:
    """How many sentences ``text`` has: UAX #29 segments that hold a letter or a digit.

    Every line break ends one; so does the full stop of an abbreviation before a capital letter.

    Example:
        >>> count_sentences("It cost 3.5 million. Why? Nobody knows..."), count_sentences("一。二！"), count_sentences("…")
        (3, 2, 0)
    """
    classes = _SENTENCE_EXTENSION.sub("", text.translate(_sentence_classes()))
    start = count = 0
    for found in _SENTENCE_END.finditer(classes):
        count += _SAYS.search(classes, start, found.end()) is not None
        start = found.end()
    return count + (_SAYS.search(classes, start) is not None)
