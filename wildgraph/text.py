"""Text as the stages need it: sentence spans, language, rough token counts.

Offsets count Unicode code points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Protocol

import yaml

from wildgraph.records import Span

UNDECIDED = "und"

#: A year of the last five centuries that stands as a number of its own.
YEAR = re.compile(r"(?<![\w.,-])(1[5-9]\d\d|20\d\d)(?![\w%]|[.,]\d)")

# --------------------------------------------------------------------------- sentences

#: A sentence longer than this is cut at white space: tables, minified code and text without any punctuation.
MAX_SENTENCE_CHARS = 1_000

#: A line shorter than this is a title, verse or list entry, never the first half of a hard-wrapped sentence.
_WRAPPED_FROM = 40

_BREAK = re.compile(
    r"""
    (?P<newline>\r\n|[\n\r\v\f\x85\u2028\u2029])
  | (?P<wide>[。！？｡]+[」』”’）》】"'\)]*)            # CJK: no space follows
  | (?<![.!?…؟۔।॥։።])(?P<stop>[.!?…؟۔।॥։።]++["'”’»)\]}*_]*+)(?=\s)   # others: a space must follow, so 3.5 and a.b stay whole
    """,
    re.VERBOSE,
)
_BULLET = re.compile(r"[ \t]*(?:[-*•‣◦▪–—+]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|#{1,6})[ \t]+")
_ONLY_NUMBERING = re.compile(r"\W*(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivxIVX]{1,5})\.\Z")
_LAST_WORD = re.compile(r"[\w.\-’']{1,24}\Z")


@cache
def _abbreviations() -> frozenset[str]:
    lines = files("wildgraph").joinpath("abbreviations.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def sentences(text: str) -> list[Span]:
    r"""The sentences of ``text``, trimmed of white space, in order, together covering everything that is not blank.

    A sentence ends at a terminator followed by white space (CJK terminators need none), at a line break, bullet or speaker turn; not
    after an abbreviation, an initial, a list number, nor before a lower-case letter. A single line break inside a hard-wrapped
    paragraph does not end one. Linear in the text's length.

    Example:
        >>> text = "Dr. Lee paid 3.5 million. Why?\n- to win"
        >>> [text[span.start : span.end] for span in sentences(text)]
        ['Dr. Lee paid 3.5 million.', 'Why?', '- to win']
    """
    spans: list[Span] = []
    start = 0
    for end in _ends(text):
        spans.extend(_trimmed(text, start, end))
        start = end
    spans.extend(_trimmed(text, start, len(text)))
    return spans


def _ends(text: str) -> Iterator[int]:
    """Where sentences end, ascending."""
    start = line = 0
    for found in _BREAK.finditer(text):
        if found.lastgroup == "newline":
            ends = found.start() - line < _WRAPPED_FROM or not _goes_on(text, found.end())
            line = found.end()
        elif found.lastgroup == "stop":
            ends = _stops(text, start, found)
        else:
            ends = True
        if ends:
            start = found.end()
            yield start


def _goes_on(text: str, following: int) -> bool:
    """Whether a line that starts at ``following`` goes on with the sentence of the line before."""
    return text[following : following + 1].islower() and not _BULLET.match(text, following)


def _stops(text: str, start: int, found: re.Match[str]) -> bool:
    """Whether a full stop, question or exclamation mark before white space ends a sentence."""
    following = text[found.end() : found.end() + 40]
    if following.lstrip()[:1].islower() and "\n" not in following[:3]:
        return False
    mark = found.group()
    if mark != ".":  # only a bare full stop can belong to an abbreviation
        return True
    if found.start() - start < 16 and _ONLY_NUMBERING.match(text[start : found.start() + 1].strip()):
        return False
    word = _LAST_WORD.search(text, max(start, found.start() - 24), found.start())
    if word is None:
        return True
    token = word.group()
    return token.lower() not in _abbreviations() and not (len(token) == 1 and token.isalpha() and token.isupper())


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    """The piece without white space at its ends, cut into bearable lengths; nothing if it is blank."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > MAX_SENTENCE_CHARS:
        cut = max(text.rfind(mark, start + MAX_SENTENCE_CHARS // 2, start + MAX_SENTENCE_CHARS) for mark in ("; ", " ", "\t", "\n"))
        cut = cut + 1 if cut > 0 else start + MAX_SENTENCE_CHARS
        stop = cut
        while stop > start and text[stop - 1].isspace():
            stop -= 1
        yield Span(start=start, end=stop)
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if start < end:
        yield Span(start=start, end=end)


# --------------------------------------------------------------------------- languages

#: Characters that are looked at to decide a language.
_SAMPLE_CHARS = 2_000
#: A best guess less likely than this is no guess; chosen on real queries, where formulas and code otherwise come out as Afrikaans.
_MIN_PROBABILITY = 0.3

_NOT_LANGUAGE = re.compile(
    r"```.*?(?:```|\Z)|https?://\S+|<[^<>\n]{1,200}>|`[^`\n]{1,200}`|[!-~]{0,64}[_\\={}<>|@#$%^~/][!-~]{0,64}|\d+", re.DOTALL
)

#: Scripts that one language uses alone, or nearly so, as (first, last code point, language).
_SCRIPTS: tuple[tuple[int, int, str], ...] = (
    (0x0370, 0x03FF, "el"),
    (0x0530, 0x058F, "hy"),
    (0x0590, 0x05FF, "he"),
    (0x0980, 0x09FF, "bn"),
    (0x0A00, 0x0A7F, "pa"),
    (0x0A80, 0x0AFF, "gu"),
    (0x0B00, 0x0B7F, "or"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0C00, 0x0C7F, "te"),
    (0x0C80, 0x0CFF, "kn"),
    (0x0D00, 0x0D7F, "ml"),
    (0x0D80, 0x0DFF, "si"),
    (0x0E00, 0x0E7F, "th"),
    (0x0E80, 0x0EFF, "lo"),
    (0x1000, 0x109F, "my"),
    (0x10A0, 0x10FF, "ka"),
    (0x1100, 0x11FF, "ko"),
    (0x1780, 0x17FF, "km"),
    (0x3040, 0x30FF, "kana"),
    (0x3130, 0x318F, "ko"),
    (0x3400, 0x9FFF, "han"),
    (0xAC00, 0xD7AF, "ko"),
    (0xF900, 0xFAFF, "han"),
    (0x20000, 0x323AF, "han"),
)
_RUSSIAN = re.compile(r"[а-яёА-ЯЁ]+\Z")


class _Identifier(Protocol):
    def rank(self, text: str) -> list[tuple[str, float]]: ...


@cache
def _identifier(restricted_to: tuple[str, ...] = ()) -> _Identifier:
    """The byte n-gram identifier, over all two-letter languages or a few."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = sorted({str(code) for code in identifier.nb_classes})
    identifier.set_languages([code for code in known if code in restricted_to] or [code for code in known if len(code) == 2])
    loaded: _Identifier = identifier
    return loaded


def detect_language(text: str) -> str:
    """The ISO 639-1 code of the language that most of ``text`` is written in, or ``und``.

    Code, links, markup and numbers are left out; scripts that one language uses decide alone; the rest is decided by byte n-grams
    (py3langid, a reworked langid.py: Lui & Baldwin 2012) over the first 2,000 characters. Deterministic.

    Example:
        >>> detect_language("Fasse den folgenden Vertrag bitte zusammen."), detect_language("3 + 4 = ?")
        ('de', 'und')
    """
    prose = " ".join(_NOT_LANGUAGE.sub(" ", text[: 4 * _SAMPLE_CHARS]).split())[:_SAMPLE_CHARS]
    counts: dict[str, int] = {}
    for char in prose:
        if char.isalpha():
            script = _script(char)
            # one Han or Hangul character says as much as a short word
            counts[script] = counts.get(script, 0) + (2 if script in ("han", "ko", "kana") else 1)
    if not counts:
        return UNDECIDED
    main = max(sorted(counts), key=lambda script: counts[script])
    if main in ("han", "kana"):
        return "ja" if counts.get("kana", 0) * 8 > counts.get("han", 0) else "zh"
    if main not in ("latin", "cyrillic"):
        return main
    if counts[main] < 4:
        return UNDECIDED
    words = [word for word in re.findall(r"[^\W\d_]+", prose) if _script(word[0]) == main]
    if main == "cyrillic" and all(_RUSSIAN.match(word) for word in words):
        # all letters are Russian ones: short queries else come out as any of a dozen languages
        return _best(_identifier(("ru", "bg")), " ".join(words), bias="ru")
    return _best(_identifier(), " ".join(words) if main == "cyrillic" else prose)


def _best(identifier: _Identifier, text: str, bias: str = "") -> str:
    code, probability = identifier.rank(text)[0]
    if bias and (probability < 0.9 or len(text) < 60):
        return bias
    # English is by far the likeliest language of a query without much prose
    enough = _MIN_PROBABILITY / 2 if code == "en" else _MIN_PROBABILITY
    return str(code) if probability >= enough else UNDECIDED


def _script(char: str) -> str:
    point = ord(char)
    if point < 0x0370:
        return "latin"
    if 0x0400 <= point <= 0x052F:
        return "cyrillic"
    for first, last, language in _SCRIPTS:
        if first <= point <= last:
            return language
    # Arabic and Devanagari serve several languages each: n-grams decide
    return "latin"


@cache
def _codes() -> dict[str, str]:
    """Lower-case name or code -> ISO 639-1 code."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    table: dict[str, list[str]] = yaml.load(files("wildgraph").joinpath("languages.yaml").read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe loader
    return {name: code for code, names in table.items() for name in (*names, code)}


def language_code(name_or_code: str) -> str:
    """The ISO 639-1 code for a language's name or code as logs write it, or ``und`` when unknown.

    Example:
        >>> [language_code(name) for name in ("Russian", "pt-BR", "deu", "en?", "Klingon")]
        ['ru', 'pt', 'de', 'en', 'und']
    """
    codes = _codes()
    name = name_or_code.strip().strip("?").strip().lower()
    return codes.get(name) or codes.get(re.split(r"[-_]", name)[0]) or UNDECIDED


# --------------------------------------------------------------------------- size

_WIDE = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U000323af]")
_NARROW = re.compile(r"[\x00-\u024f\u2000-\u206f]")


def approximate_tokens(text: str) -> int:
    """Roughly how many tokens a present-day tokenizer makes of ``text``: 4 Latin, 3.1 other, 1.6 CJK characters a token.

    Example:
        >>> approximate_tokens("a" * 40)
        10
    """
    wide = len(_WIDE.findall(text))
    narrow = len(_NARROW.findall(text))
    return round(wide / 1.6 + narrow / 4 + (len(text) - wide - narrow) / 3.1)
