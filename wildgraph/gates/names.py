"""Names in an answer that no document knows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from wildgraph.gates.reading import Reading
from wildgraph.quotes import plain

_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,}).*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_LINE_HEAD = re.compile(r"^[ \t]*(?:#{1,6}[ \t].*$|(?:[-*+•–—](?=[ \t])|[>|]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])[ \t|]*)?", re.MULTILINE)
_BOLD = re.compile(r"\*\*[^*\n]{1,120}\*\*:?|__[^_\n]{1,120}__:?")
#: A label at the start of a line or sentence, up to its colon: a heading of the answer's own.
_LABEL = re.compile(r"(?:^|(?<=[.;|]))[ \t]*[^\s:.|][^:.|\n]{0,60}:(?=\s)", re.MULTILINE)
_TOKEN = re.compile(r"[^\W\d_][^\W_]*(?:[-’'.&][^\W_]+)*")
#: After these a capital letter is the rule, whatever the word.
_OPENING = re.compile(r"(?:^|[.!?:;…。\n\r\t|/]|[-–—•*]\s|[\"“„«»‘’'(\[{])\s*[\"“„«»‘’'(\[{*_]*\Z")
_ENDINGS = re.compile(r"(?:['’]s|['’]|s|es|n|an|ian|ean|ese|ish|i|er|ers|ic|ist|ists)\Z")
_LEAST = 3


@cache
def _no_names() -> frozenset[str]:
    table: dict[str, str] = json.loads(files("wildgraph.gates").joinpath("no_names.json").read_text(encoding="utf-8"))
    return frozenset(word for words in table.values() for word in words.split())


def unknown_names(answer: str, known: list[Reading]) -> Iterator[str]:
    """Capitalised words inside sentences whose every part is new: no text of ``known`` has the word, or its stem, in any case.

    Headings, labels, code, and words that open a sentence, line, quotation or bracket are left out, for there anything is capitalised; so
    are abbreviations whose letters the texts spell out. Scripts without capitals have no names that this finds.

    Args:
        answer: a text.
        known: readings of documents, instruction and titles.

    Example:
        >>> from wildgraph.gates.reading import reading
        >>> list(unknown_names("The motion of Ms Okafor was seconded by Mr Brandt.", [reading("Ms Okafor presented the motion.")]))
        ['Brandt']
    """
    prose = _LABEL.sub("\n", _BOLD.sub("\n", _LINE_HEAD.sub("\n", _FENCED.sub("\n", answer))))
    for match in _TOKEN.finditer(prose):
        word = match.group()
        if not word[0].isupper() or len(word) < _LEAST or _OPENING.search(prose[max(0, match.start() - 12) : match.start()]):
            continue
        if match.start() == 0:
            continue
        parts = [part for part in re.split(r"[-’'.&]", word) if len(part) >= _LEAST and part[0].isupper()]
        if parts and not any(_known(part, known) for part in parts) and not _spelled_out(word, known):
            yield word


def _known(word: str, known: list[Reading]) -> bool:
    folded = plain(word)
    if not folded or folded in _no_names() or any(folded in text.words for text in known):
        return True
    stem = folded
    if (ending := _ENDINGS.search(folded)) and len(folded) - len(ending.group()) >= 3:
        stem = folded[: ending.start()]
        if any(form in text.words for text in known for form in (stem, f"{stem}a", f"{stem}ia", f"{stem}e", f"{stem}y", f"{stem}s")):
            return True
    if any(f"{folded}{ending}" in text.words for text in known for ending in ("s", "es", "n", "an", "ian", "ese", "ish", "i")):
        return True
    # Inflected languages change more than the last letter.
    return not folded.isascii() and any(other.startswith(folded[: max(4, len(folded) - 3)]) for text in known for other in text.words)


def _spelled_out(word: str, known: list[Reading]) -> bool:
    """Whether an abbreviation's letters begin words in a row in one of the texts: 'GDP' where 'gross domestic product' stands."""
    if not word.isupper() or not 2 <= len(word) <= 8:
        return False
    letters = [re.escape(letter) for letter in word.casefold()]
    pattern = re.compile(r"\b" + r"\w*(?: (?:of|and|the|for|in|on|to|de|des|du|der|für|und))* ".join(letters) + r"\w*")
    return any(pattern.search(text.plain) for text in known)
