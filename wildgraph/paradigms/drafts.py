"""A sample while it is being written, and where in the documents its quotations stand."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from wildgraph.records import Candidate, Checker, Document, Evidence, Twin
from wildgraph.rows import clean


class Passage(BaseModel):
    """One quoted passage as a model gives it: ``document`` counts from 1, in prompt order."""

    document: int
    quote: str


@dataclass(frozen=True)
class Quote:
    """A passage and the answer that rests on it; ``document`` and ``turn`` count from 1, in prompt order."""

    document: int
    quote: str
    turn: int = 1


@dataclass(frozen=True)
class Turn:
    """One exchange: what the user says, and the answer, empty until it is written."""

    user: str
    assistant: str = ""
    thinking: str = ""


@dataclass(frozen=True)
class Draft:
    """A candidate on its way to a sample. Every step gives a new one.

    Attributes:
        candidate: specification and references.
        documents: all of the sample's documents, in order.
        shown: those that prompts show, in order.
        turns: the exchanges so far.
        left_out: names of labels that the instruction does not realise, by the writer's own account.
        quotes: passages that answers rest on.
        answer: the bare answer, where there is one. checkers: what holds an answer against it.
        twin: of an unanswerable draft, the answerable question that it was made from. made: documents that a program made of others.
    """

    candidate: Candidate
    documents: tuple[Document, ...]
    shown: tuple[Document, ...]
    turns: tuple[Turn, ...] = ()
    left_out: tuple[str, ...] = ()
    quotes: tuple[Quote, ...] = ()
    answer: str | None = None
    checkers: tuple[Checker, ...] = ()
    twin: Twin | None = None
    made: tuple[Document, ...] = ()

    @property
    def instruction(self) -> str:
        """What the user says first."""
        return self.turns[0].user if self.turns else ""

    @property
    def required(self) -> tuple[int, ...]:
        """Numbers, from 1, of the shown documents that the task needs."""
        needed = {reference.hash for reference in self.candidate.documents if reference.role == "required"}
        return tuple(place for place, document in enumerate(self.shown, 1) if document.hash in needed)


@dataclass(frozen=True)
class Declined:
    """A step found that no sample comes of a draft: the reason, a key of :data:`wildgraph.reasons.REASONS`, and what a person may want to know."""

    reason: str
    detail: str = ""


# --------------------------------------------------------------------------- where quotations stand

_FORMS = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "–": "-", "—": "-", "\u00a0": " "})


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """Where a quote stands in a text: verbatim, else up to white space, quotation marks, dashes and case.

    Args:
        quote: the passage as a model gave it.
        text: the document.

    Returns:
        ``(start, end)`` in code points of the first place, or ``None``.

    Example:
        >>> locate("the “big” dog", 'See the "big"  dog.')
        (4, 18)
    """
    bare = quote.strip().strip('"“”').strip()
    if not bare:
        return None
    # Marks around the quote may be the text's own or the model's: as they are first, then without.
    for wanted in (quote.strip(), bare):
        exact = text.find(wanted)
        if exact >= 0:
            return exact, exact + len(wanted)
    words = unicodedata.normalize("NFC", bare).translate(_FORMS).split()
    # str.translate maps one code point to one, so offsets in the mapped text are offsets in the text itself.
    found = re.search(r"\s+".join(re.escape(word) for word in words), text.translate(_FORMS), re.IGNORECASE)
    return (found.start(), found.end()) if found else None


def located(quotes: Iterable[Quote], documents: Sequence[Document]) -> tuple[Evidence, ...]:
    """Quotes as spans. One that is found nowhere keeps start = end = 0, for the grounding gate to fail; blank and repeated ones are dropped."""
    spans: dict[tuple[str, int, int, str], Evidence] = {}
    for quote in quotes:
        if not quote.quote.strip():
            continue
        order = [quote.document - 1, *(place for place in range(len(documents)) if place != quote.document - 1)]
        for place in order if 0 < quote.document <= len(documents) else ():
            found = locate(quote.quote, documents[place].text)
            if found:
                start, end = found
                span = Evidence(document_id=documents[place].id, start=start, end=end, text=documents[place].text[start:end])
                break
        else:
            named = documents[quote.document - 1].id if 0 < quote.document <= len(documents) else documents[0].id
            span = Evidence(document_id=named, start=0, end=0, text=clean(quote.quote))
        spans.setdefault((span.document_id, span.start, span.end, span.text), span)
    return tuple(spans.values())
