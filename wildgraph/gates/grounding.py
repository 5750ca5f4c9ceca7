"""Evidence, quotations, figures and names are found in the documents."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.gates.figures import unknown_figures
from wildgraph.gates.follows_path import slug
from wildgraph.gates.names import unknown_names
from wildgraph.gates.reading import Reading, answers, asked, reading, titles
from wildgraph.gates.verdicts import failed, passed
from wildgraph.quotes import plain, quotations, says
from wildgraph.records import Pair, Verdict
from wildgraph.text import language_code

_WORDS = 4
_INVENTING = (
    *("story", "creative", "poem", "song", "script", "persona", "roleplay", "role-play", "brainstorm", "quiz", "create-questions"),
    *("marketing", "slogan", "translate", "translation", "code", "plan", "schedule", "continue", "dialogue", "fiction"),
    *("letter", "email", "message"),
)


class GroundingGate(BaseModel):
    """Evidence stands in its document where it says, and quotations, figures and names of an answer are in a document or in the instruction. [ours].

    Figures may be written otherwise, rounded where the answer says so, and worked out from figures that are there
    (:func:`wildgraph.gates.figures.unknown_figures`); an answer that carries its own check may compute anything; names may be inflected or abbreviated (:func:`wildgraph.gates.names.unknown_names`).
    A figure or name of the same document in the wrong place is beyond a program.

    Attributes:
        quote_words: quotations of fewer words are not checked: they may be titles, terms or irony. Twice as many characters in scripts
            without spaces.
        figures, names: whether these are checked.
        least_figure: whole numbers up to this are not checked: they count things, and stand everywhere.
        capitals: ISO 639-1 codes of languages that write all nouns with a capital, so that a name cannot be told.
        inventing: words of labels that ask for what no document holds; there only evidence is checked, since what stands in quotation
            marks is invented speech.
        shared: least share of an answer's longer words that the documents have; with fewer it is in another language, which spells names
            its own way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "grounding"

    quote_words: int = Field(default=8, ge=1)
    figures: bool = True
    names: bool = True
    least_figure: int = Field(default=10, ge=0)
    capitals: tuple[str, ...] = ("de", "lb")
    inventing: tuple[str, ...] = _INVENTING
    shared: float = Field(default=0.2, ge=0.0, le=1.0)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``ungrounded``, ``unknown_number`` or ``unknown_name``."""
        for span in pair.evidence:
            if span.document_id not in texts:
                return failed(self.name, "ungrounded", f"evidence from {span.document_id!r}, which is none of the pair's documents")
            if not span.text.strip() or texts[span.document_id][span.start : span.end] != span.text:
                return failed(self.name, "ungrounded", f"not at {span.start}–{span.end} of {span.document_id}: {span.text}")
        if label := self._invents(pair):
            return passed(self.name, f"speech, figures and names are free: {label}")
        said = f"{asked(pair)}\n{titles(texts)}"
        for answer in answers(pair):
            for quote in quotations(answer, self.quote_words):
                if not any(says(text, quote) for text in texts.values()) and not says(said, quote):
                    return failed(self.name, "ungrounded", f"quoted, but in no document: {quote}")
        return self._figures_and_names(pair, [reading(text) for text in texts.values()], [Reading(said)])

    def _invents(self, pair: Pair) -> str:
        asks = re.compile("|".join(rf"\b{re.escape(word)}" for word in self.inventing)) if self.inventing else None
        left_out = {slug(name) for name in pair.provenance.unrealised}
        labels = [concept for field, concept in pair.path if field in ("task", "output_format") and slug(concept) not in left_out]
        return next((label for label in labels if asks and asks.search(label.partition("/")[2])), "")

    def _figures_and_names(self, pair: Pair, documents: Sequence[Reading], others: Sequence[Reading]) -> Verdict:
        evidence = [span.text for span in pair.evidence]
        if pair.checkers and pair.answer:
            others = [*others, Reading(pair.answer)]  # counted or computed: the pair's own check knows whether it is right
        for answer in answers(pair):
            if self.figures:
                found = next(unknown_figures(answer, documents, others, evidence, self.least_figure), None)
                if found is not None:
                    return failed(
                        self.name, "unknown_number", f"{found}: in no document near what the answer says of it, and not worked out"
                    )
            if self.names and language_code(pair.language) not in self.capitals and self._same_language(answer, documents):
                name = next(unknown_names(answer, [*documents, *others]), None)
                if name is not None:
                    return failed(self.name, "unknown_name", f"{name}: in no document")
        return passed(self.name)

    def _same_language(self, answer: str, documents: Sequence[Reading]) -> bool:
        words = {word for word in plain(answer).split() if len(word) >= _WORDS}
        return sum(any(word in text.words for text in documents) for word in words) >= self.shared * len(words)
