"""What an answer presents as quoted, and whether a text says it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from wildgraph.composing import composed
from wildgraph.shingling import count_units

_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,}).*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_BLOCK_LINE = re.compile(r"^[ \t]*(?:[-*+][ \t]+)?>[> \t]*(.*)$", re.MULTILINE)
_INLINE = re.compile(
    r"“([^“”]+)”|„([^„“”]+)[“”]|«([^«»]+)»|»([^«»]+)«|「([^「」]+)」|『([^『』]+)』"
    # straight marks: an opening one has no letter before it, a closing one none after it
    r'|(?<!\w)"(?=\S)([^"\n]+?)(?<=\S)"(?!\w)'
)
_GAP = re.compile(r"\[[^\[\]]{0,80}\]|\(?(?:…|\.{3,}|\. \. \.)\)?")
# a hyphen inside a word begins no source: 'COVID-19, so many people …'
_SOURCE = re.compile(r"(?:(?:\s+[—–-]{1,2}|[—–]{1,2})\s*[^—–]{1,100}|\s*[(\[][^()\[\]]{1,100}[)\]])[.\s]*\Z")
_WORD = re.compile(r"[^\W_]+")
_LEAST_PART = 3


def quotations(answer: str, least: int) -> Iterator[str]:
    """Quotations of at least ``least`` words: what stands in quotation marks, and the lines of block quotes; code is left out.

    Example:
        >>> list(quotations('It says "the fee is due within ten days" and “no more”.', 5))
        ['the fee is due within ten days']
    """
    prose = _FENCED.sub("\n", answer)
    blocks = [match.group(1) for match in _BLOCK_LINE.finditer(prose)]
    for line in blocks:
        inner = [quote for quote in _inline(line) if _long(quote, least)]
        if inner:
            yield from inner
        elif _long(line, least):
            yield line.strip()
    for quote in _inline(_BLOCK_LINE.sub("\n", prose)):
        if _long(quote, least):
            yield quote


def _inline(text: str) -> Iterator[str]:
    for match in _INLINE.finditer(text):
        yield next(group for group in match.groups() if group is not None).strip()


def _long(quote: str, least: int) -> bool:
    units = count_units(quote)
    return units >= (2 * least if len(quote) < 2 * units else least)  # a word is about two characters in scripts without spaces


def says(text: str, quote: str) -> bool:
    r"""Whether a text holds a quotation, but for case, white space, punctuation and markup.

    Ellipses and bracketed insertions part a quotation; every part of three words or more must be there. A source at its end, after a
    dash or in brackets, may be missing.

    Example:
        >>> says("The fee is due\nwithin **ten** days.", "the fee … within ten days — Section 4")
        True
        >>> says("The fee is due within ten days.", "the fee is due within two days")
        False
    """
    words = plain_once(text)
    bare = _SOURCE.sub("", quote)
    return any(_parts_in(words, version) for version in ((quote, bare) if bare and bare != quote else (quote,)))


def _parts_in(words: str, quote: str) -> bool:
    parts = [part for part in map(plain, _GAP.split(quote)) if count_units(part) >= _LEAST_PART] or [plain(quote)]
    return all(part in words for part in parts)


def plain(text: str) -> str:
    """The words of a text, lower case, one space between them: what is left when case, white space, punctuation and markup do not count."""
    return " ".join(_WORD.findall(composed(text.replace("\u00ad", "")).casefold()))


@lru_cache(maxsize=64)
def plain_once(text: str) -> str:
    """:func:`plain`, worked out once for a text that is asked for again and again."""
    return plain(text)
