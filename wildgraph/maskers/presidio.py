"""Personal data as Microsoft Presidio finds it, names in running text too.

Needs ``pip install 'wildgraph[presidio]'`` and a spaCy model for English: ``python -m spacy download en_core_web_lg``.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
from spacy.util import is_package

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
#: spaCy's models for English that know persons, the one that Presidio takes by itself first.
MODELS = ("en_core_web_lg", "en_core_web_trf", "en_core_web_md", "en_core_web_sm")
#: Presidio's confidence from which on it is believed. [ours]
_LEAST = 0.4
#: Characters that are read at once: spaCy refuses a million, and takes memory for each. [ours]
_PIECE = 50_000


def _installed() -> str:
    """The first model that is there; Presidio by itself would download one, half a gigabyte, without a word."""
    found = next(filter(is_package, MODELS), None)
    if found is None:
        raise ImportError(f"it needs a spaCy model for English, and none is installed: python -m spacy download {MODELS[0]}")
    return found


MODEL = _installed()


@cache
def _engine() -> AnalyzerEngine:
    """Presidio's English recognisers."""
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)  # it warns of each recogniser of another language
    settings = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": MODEL}]}
    return AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=settings).create_engine(), supported_languages=["en"])


def mask_with_presidio(text: str, cuts: Sequence[int] = ()) -> Masked:
    """The patterns' masking first, then what Presidio's English recognisers find in the rest."""
    first = mask(text, cuts)
    found: list[tuple[int, int, str]] = []
    for start, end in _pieces(first.text):
        results = _engine().analyze(text=first.text[start:end], language="en", entities=list(KINDS), score_threshold=_LEAST)
        for one in sorted(results, key=lambda one: (one.start, -one.end)):
            left, right = start + one.start, start + one.end
            overlaps = found and left < found[-1][1]
            if not overlaps and not set("<>") & set(first.text[left:right]):  # the patterns' marks stay whole
                found.append((left, right, f"<{KINDS[one.entity_type]}>"))
    masked, moved = replaced(first.text, found, first.cuts)
    counts = Counter(first.counts) + Counter(mark[1:-1] for _, _, mark in found)
    return Masked(masked, dict(sorted(counts.items())), tuple(moved))


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Pieces of a text, cut behind the last end of a line, of a sentence or of a word: a name seldom goes over the first two."""
    start = 0
    while len(text) - start > _PIECE:
        ends = (text.rfind(sign, start, start + _PIECE) + len(sign) for sign in ("\n", ". ", " "))
        end = next((end for end in ends if end > start), start + _PIECE)
        yield start, end
        start = end
    yield start, len(text)
