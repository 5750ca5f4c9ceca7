"""Personal data as Microsoft Presidio finds it, names in running text too. Needs ``pip install 'wildgraph[presidio]'``."""

from __future__ import annotations

from collections import Counter
from functools import cache

from presidio_analyzer import AnalyzerEngine

from wildgraph.masking import Masked, mask

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


def mask_with_presidio(text: str) -> Masked:
    """The patterns' masking first, then what Presidio's English recognisers find in the rest."""
    first = mask(text)
    counts = Counter(first.counts)
    parts: list[str] = []
    at = 0
    found = _engine().analyze(text=first.text, language="en", entities=list(KINDS), score_threshold=_LEAST)
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        whole = first.text[one.start : one.end]
        if one.start < at or set("<>") & set(whole):  # what overlaps another, or a mark of the patterns
            continue
        counts[KINDS[one.entity_type]] += 1
        parts += first.text[at : one.start], f"<{KINDS[one.entity_type]}>"
        at = one.end
    return Masked("".join((*parts, first.text[at:])), dict(sorted(counts.items())))
