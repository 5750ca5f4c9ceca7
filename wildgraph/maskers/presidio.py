"""Personal data as Microsoft Presidio finds it, names in running text too. Needs ``pip install 'wildgraph[presidio]'``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

from presidio_analyzer import AnalyzerEngine

from wildgraph.masking import Masked, mask, replaced

#: What is masked, and as which kind. Places and dates stay: they say what a query is about.
KINDS = {
    "PERSON": "PERSON",
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP",
    "CRYPTO": "KEY",
    "US_SSN": "SSN",
}
#: Presidio's confidence from which on it is believed. [ours]
_LEAST = 0.4


@cache
def _engine() -> AnalyzerEngine:
    """Presidio with its own configuration, which names the spaCy model."""
    return AnalyzerEngine()


def mask_with_presidio(text: str, cuts: Sequence[int] = ()) -> Masked:
    """The patterns' masking first, then what Presidio's English recognisers find in the rest."""
    first = mask(text, cuts)
    found: list[tuple[int, int, str]] = []
    results = _engine().analyze(text=first.text, language="en", entities=list(KINDS), score_threshold=_LEAST)
    for one in sorted(results, key=lambda one: (one.start, -one.end)):
        overlaps = found and one.start < found[-1][1]
        if not overlaps and not set("<>") & set(first.text[one.start : one.end]):  # the patterns' marks stay whole
            found.append((one.start, one.end, f"<{KINDS[one.entity_type]}>"))
    masked, moved = replaced(first.text, found, first.cuts)
    counts = Counter(first.counts) + Counter(mark[1:-1] for _, _, mark in found)
    return Masked(masked, dict(sorted(counts.items())), tuple(moved))
