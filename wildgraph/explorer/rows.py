"""Rows as the page shows them: texts cut to a stated length, evidence as alternating plain and marked pieces.

The pieces are cut here, in code points, where the offsets are right; a browser counts UTF-16 units and would be off by one for every
emoji before the evidence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from wildgraph.corpus import distinct
from wildgraph.records import DocumentRef, Evidence, Json, Pair, content_hash

#: Characters of one turn that a page shows.
TEXT_LIMIT = 6000
#: Characters of context on each side of a piece of evidence.
CONTEXT = 160
#: Windows of evidence shown per document and turn.
WINDOWS = 8
#: Worse answers shown beside the chosen one.
ALTERNATIVES = 4
_PLAIN = re.compile(r"[\w.:-]{1,80}", re.ASCII)


def accepted(pair: Pair) -> bool:
    """Whether no gate failed the pair."""
    return all(verdict.status != "fail" for verdict in pair.verdicts)


def choose(pairs: Sequence[Pair], limit: int) -> list[Pair]:
    """At most ``limit`` pairs, a quarter of them rejected ones if there are so many; the choice depends on ids alone.

    Returns:
        The chosen pairs by index, then id.
    """
    order = sorted(pairs, key=lambda pair: content_hash("explorer row", pair.id))
    good = [pair for pair in order if accepted(pair)]
    bad = [pair for pair in order if not accepted(pair)]
    bad = bad[: max(limit // 4, limit - len(good))]
    return sorted([*good[: limit - len(bad)], *bad], key=lambda pair: (pair.index, pair.id))


def cut(text: str, limit: int = TEXT_LIMIT) -> str:
    """The text, or its head and a note of how much is missing.

    Example:
        >>> cut("abcdef", 4)
        'abcd … (2 more characters)'
    """
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text) - limit:,} more characters)"


def windows(text: str | None, spans: Sequence[Evidence]) -> list[Json]:
    """Evidence in context: windows of alternating plain and marked pieces, the first one plain.

    Args:
        text: the document or an excerpt of it; ``None`` when unknown.
        spans: evidence in this document. What is not where its offsets say is looked up; what is not in the text at all stands alone.

    Returns:
        ``[{"at": code-point offset in the document, "found": bool, "parts": [plain, marked, plain, …]}, …]``

    Example:
        >>> span = Evidence(document_id="d", start=6, end=11, text="world")
        >>> windows("hello world!", [span])
        [{'at': 6, 'found': True, 'parts': ['hello ', 'world', '!']}]
        >>> windows(None, [span])
        [{'at': 6, 'found': False, 'parts': ['', 'world', '']}]
    """
    marks: list[tuple[int, int, int]] = []  # start and end in text, start in the document
    alone: list[Json] = []
    for span in spans:
        start = _find(text, span)
        if start < 0:
            alone.append({"at": span.start, "found": False, "parts": ["", cut(span.text, 4 * CONTEXT), ""]})
        else:
            marks.append((start, start + len(span.text), span.start))
    groups: list[list[tuple[int, int, int]]] = []
    for mark in sorted(set(marks)):
        if groups and mark[0] <= max(end for _, end, _ in groups[-1]) + 2 * CONTEXT:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    shown: list[Json] = [_window(text or "", group) for group in groups]
    return [*shown, *alone][:WINDOWS]


def _find(text: str | None, span: Evidence) -> int:
    if text is None or not span.text:
        return -1
    return span.start if text[span.start : span.end] == span.text else text.find(span.text)


def _window(text: str, marks: Sequence[tuple[int, int, int]]) -> Json:
    start, end = _snap(text, marks[0][0] - CONTEXT, marks[0][0]), max(mark[1] for mark in marks) + CONTEXT
    parts: list[Json] = []
    place = start
    for left, right, _ in marks:
        if parts and left <= place:  # overlaps the mark before it
            if right > place:
                parts[-1] = f"{parts[-1]}{text[place:right]}"
                place = right
            continue
        parts += [text[place:left], cut(text[left:right], 8 * CONTEXT)]
        place = right
    if end < len(text):
        space = text.rfind(" ", place, end)
        parts.append(f"{text[place : space if space > place else end]} …")
    else:
        parts.append(text[place:])
    if start > 0:
        parts[0] = f"… {parts[0]}"
    return {"at": marks[0][2], "found": True, "parts": parts}


def _snap(text: str, start: int, until: int) -> int:
    """The beginning of the first whole word at or after ``start``, at most ``until``."""
    if start <= 0:
        return 0
    space = text.find(" ", start, until)
    return start if space < 0 else space + 1


def row(pair: Pair, labels: Mapping[tuple[str, str], int], documents: Mapping[str, str], titles: Mapping[str, str]) -> dict[str, Json]:
    """One pair as the page shows it.

    Args:
        pair: any pair.
        labels: (field, concept or name) -> node number in the pair's graph.
        documents: content hash of a document, or its id -> text or excerpt.
        titles: the same -> title, as the document has it.
    """
    named = distinct({one.id: title for one in pair.documents if (title := _of(one, titles)) is not None})
    return {
        "id": pair.id if _PLAIN.fullmatch(pair.id) else f"~{pair.index}",
        "index": pair.index,
        "paradigm": pair.paradigm,
        "split": pair.split,
        "language": pair.language,
        "ok": accepted(pair),
        "path": [_step(step, labels) for step in pair.path],
        "attributes": [_step(step, labels) for step in pair.attributes],
        "documents": [
            _document(pair, document, _of(document, documents), named.get(document.id, ""))
            for document in sorted(pair.documents, key=lambda document: document.order)
        ],
        "turns": [[turn.role, cut(turn.content), turn.train] for turn in pair.turns],
        "answer": None if pair.answer is None else cut(pair.answer),
        "checkers": [[checker.name, cut(checker.args, 600)] for checker in pair.checkers],
        "alternatives": [
            {
                "made": worse.made,
                "text": cut(worse.content),
                "matched": worse.matched,
                "margin": worse.margin,
                "engine": worse.engine,
                "detail": cut(worse.detail, 300),
            }
            for worse in pair.alternatives[:ALTERNATIVES]
        ],
        "more": max(0, len(pair.alternatives) - ALTERNATIVES),
        "passRate": pair.pass_rate,
        "twin": pair.twin.id if pair.twin and _PLAIN.fullmatch(pair.twin.id) else "",
        "bucket": pair.bucket,
        "gates": [[verdict.gate, verdict.status, verdict.reason, cut(verdict.detail, 300)] for verdict in pair.verdicts],
        "tokens": [pair.n_tokens.documents, pair.n_tokens.instruction, pair.n_tokens.response],
        "estimated": pair.n_tokens.estimated,
        "engine": pair.provenance.engine,
        "seed": pair.provenance.seed,
    }


def _of(document: DocumentRef, known: Mapping[str, str]) -> str | None:
    return known.get(document.hash, known.get(document.id))


def _document(pair: Pair, document: DocumentRef, text: str | None, title: str) -> Json:
    """A document with the evidence that each turn takes from it, and where in it that stands, as parts of its length."""
    shown: list[Json] = []
    places: list[Json] = []
    for number, turn in enumerate(pair.turns):
        spans = [span for span in turn.evidence if span.document_id == document.id]
        if spans:
            shown.append({"turn": number, "windows": windows(text, spans)})
        if text:
            for span in spans:
                start = _find(text, span)
                if start >= 0:
                    places.append([round(start / len(text), 4), round(min(1.0, (start + len(span.text)) / len(text)), 4)])
    return {
        "id": cut(document.id, 120),
        "title": cut(title, 200),
        "role": document.role,
        "licence": document.licence,
        "length": None if text is None else len(text),
        "evidence": shown,
        "places": places,
    }


def _step(step: tuple[str, str], labels: Mapping[tuple[str, str], int]) -> Json:
    """A node number, or [field, text] for a label that the graph does not have."""
    number = labels.get(step)
    return [step[0], cut(step[1], 120)] if number is None else number
