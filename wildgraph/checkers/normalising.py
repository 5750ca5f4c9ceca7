"""Answers made comparable, and the answer within a text."""

from __future__ import annotations

import re

from wildgraph.composing import composed

# marks that open or close something, not those between two words or numbers
_MARKUP = re.compile(r"(?<!\w)[*_~`]{1,3}(?=\S)|(?<=\S)[*_~`]{1,3}(?!\w)|^[ \t]{0,3}(?:#{1,6}[ \t]+|>[ \t]?)", re.MULTILINE)
_OUTER = " \t\n\r\f\v\x85\xa0\u2028\u2029\u3000\"'“”„«»‘’‹›「」『』()[].,;:!?。、，！？…"
_ARTICLE = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)


def plain(text: str, *, drop_articles: bool = False, fold: bool = True) -> str:
    """``text`` as answers are compared: NFKC, case folded, without Markdown's marks, one space between words, no punctuation around it.

    Args:
        text: any text.
        drop_articles: leave out English *a*, *an* and *the*, as SQuAD's evaluation does (Rajpurkar et al. 2016).
        fold: ignore case.

    Example:
        >>> plain("  **The  Big** Apple. "), plain("The Big Apple", drop_articles=True)
        ('the big apple', 'big apple')
    """
    folded = composed(_MARKUP.sub("", text))
    if fold:
        folded = composed(folded.casefold())
    if drop_articles:
        folded = _ARTICLE.sub(" ", folded)
    return " ".join(folded.strip(_OUTER).split())


def answer_in(text: str, cue: str) -> str | None:
    r"""What follows the last line that begins with ``cue``, to the end of that line, or the next line where nothing does; ``None`` without such a line.

    Case and Markdown's marks are ignored. An empty cue gives the whole text.

    Example:
        >>> answer_in("Let me see.\n**Answer:** 42\n", "Answer:"), answer_in("42", "Answer:")
        ('42', None)
    """
    if not cue:
        return text
    wanted = " ".join(composed(cue).casefold().split())
    lines = text.splitlines()
    for place in range(len(lines) - 1, -1, -1):
        line = _MARKUP.sub("", lines[place]).strip()
        rest = _after(line, wanted)
        if rest is not None:
            return rest.strip() or next((later.strip() for later in lines[place + 1 :] if later.strip()), "")
    return None


def _after(line: str, wanted: str) -> str | None:
    if line[: len(wanted)].casefold() == wanted:
        return line[len(wanted) :]
    if line.isascii():
        return None
    # folding and composing change lengths: the original is cut where it matches
    for end in range(1, min(len(line), 4 * len(wanted)) + 1):
        if composed(line[:end]).casefold() == wanted:
            return line[end:]
    return None
