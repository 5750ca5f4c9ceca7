"""Mining without a model: fields by word cues in several languages and by sentence-embedding similarity to described prototypes (English)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from wildgraph.catalogue import Prior, PriorConcept
from wildgraph.embedders import Embedder, Vectors
from wildgraph.fields import ANY_DOCUMENT, DOCUMENT_TYPE, SIMPLIFIED_INSTRUCTION
from wildgraph.records import Json

#: Languages whose cues the general catalogue carries.
CUE_LANGUAGES = ("en", "ru", "es", "de", "fr", "pt", "zh", "ja")
#: Languages the bundled embedding model reads.
EMBEDDED_LANGUAGES = ("en",)
_UNSPACED = ("zh", "ja")
_POINTERS = re.compile(
    r"(?:\b(?:the|this|that|these|those|my|our|his|her|their|your|attached|uploaded|following|below|above|pasted|same|both|two|three|each|an?|of|from)\s+(?:\w+\s+)?)$"
)


@dataclass(frozen=True)
class MinerSettings:
    """Thresholds of the offline miner, set on the project's own seed queries.

    Attributes:
        similarity: least cosine at which a prototype counts as meant, when no cue speaks for it.
        cue: what one cue of one word is worth, on the scale of cosines.
        type_similarity: the same for the document type, once it is known that there is a document.
        head_noun: what a type gains when the last word of its name stands in the query.
        parent_handicap: what a parent type loses, so that it wins only where none of its children is meant.
        margin: a further value of a multi-valued field must come within this of the best.
        fallback: value of a field for which nothing speaks.
    """

    similarity: float = 0.42
    type_similarity: float = 0.30
    cue: float = 0.30
    head_noun: float = 0.18
    parent_handicap: float = 0.15
    margin: float = 0.25
    fallback: Mapping[str, str] = field(
        default_factory=lambda: {"language_style": "plain", "sentiment": "neutral", "output_format": "short paragraph"}
    )


@dataclass(frozen=True)
class _Cue:
    concept: int
    pattern: re.Pattern[str]
    weight: float


class OfflineMiner:
    """Fills in the fields of queries from a prior catalogue.

    Args:
        prior: concepts with phrases and cues.
        embedder: for similarity to the phrases.
    """

    def __init__(self, prior: Prior, embedder: Embedder, settings: MinerSettings | None = None) -> None:
        self.prior = prior
        self.embedder = embedder
        self.settings = settings or MinerSettings()

    @cached_property
    def _prototypes(self) -> dict[str, tuple[Vectors, list[int]]]:
        """Per field: vectors of all phrases, and which concept each belongs to."""
        found = {}
        for name, concepts in self.prior.concepts.items():
            phrases = [(phrase, index) for index, entry in enumerate(concepts) for phrase in entry.like]
            found[name] = (self.embedder.embed([phrase for phrase, _ in phrases]), [index for _, index in phrases])
        return found

    @cached_property
    def _cues(self) -> dict[tuple[str, str], list[_Cue]]:
        """Compiled cues per (field, language)."""
        table: dict[tuple[str, str], list[_Cue]] = {}
        for name, concepts in self.prior.concepts.items():
            for index, entry in enumerate(concepts):
                for language, words in entry.cues.items():
                    for word in words:
                        table.setdefault((name, language), []).append(_Cue(index, _pattern(word, language), 1.0 + 0.4 * word.count(" ")))
        return table

    def mine(self, queries: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
        """An answer of the mining schema per set of prompt variables (``instruction, paste_head, language, about_document, fields``)."""
        parsed = [_Query.of(variables) for variables in queries]
        clauses = [clause for query in parsed if query.language in EMBEDDED_LANGUAGES for clause in query.embedded]
        vectors = dict(zip(clauses, self.embedder.embed(clauses), strict=True)) if clauses else {}
        return [self._answer(query, vectors) for query in parsed]

    def _answer(self, query: _Query, vectors: Mapping[str, Vectors]) -> dict[str, Json]:
        answer: dict[str, Json] = {}
        for spec in query.fields:
            name, multi = str(spec["name"]), bool(spec["multi"])
            if name == SIMPLIFIED_INSTRUCTION:
                answer[name] = {"general": _first_sentence(query.instruction), "specific": ""}
                continue
            chosen = self._choose(name, query, vectors, multi)
            values: list[Json] = [{"general": concept.concept.name, "specific": clause} for concept, clause in chosen]
            if multi:
                answer[name] = values
            else:
                answer[name] = values[0] if values else {"general": self.settings.fallback.get(name, "none"), "specific": ""}
        if not query.about_document and not query.paste:
            answer[DOCUMENT_TYPE] = {"general": "none", "specific": ""}
        elif answer.get(DOCUMENT_TYPE) == {"general": "none", "specific": ""}:
            answer[DOCUMENT_TYPE] = {"general": ANY_DOCUMENT, "specific": ""}
        return answer

    def _choose(self, name: str, query: _Query, vectors: Mapping[str, Vectors], multi: bool) -> list[tuple[PriorConcept, str]]:
        concepts = self.prior.concepts.get(name, ())
        if not concepts:
            return []
        if name == "language_style":
            return [(concept, "") for concept in concepts if concept.concept.name == _style(query)]
        scores = np.zeros(len(concepts))
        clause_of: dict[int, str] = {}
        if query.language in EMBEDDED_LANGUAGES and query.embedded:
            matrix, owner = self._prototypes[name]
            texts = query.typed if name == DOCUMENT_TYPE else query.clauses
            if texts:
                cosines = np.stack([vectors[text] for text in texts]) @ matrix.T
                best_clause, best = cosines.argmax(axis=0), cosines.max(axis=0)
                for column, index in enumerate(owner):
                    if best[column] > scores[index]:
                        scores[index] = best[column]
                        clause_of[index] = texts[best_clause[column]]
        scores += self._cue_scores(name, query, len(concepts), clause_of)
        threshold = self.settings.similarity
        if name == DOCUMENT_TYPE:
            threshold = self.settings.type_similarity
            scores += self._head_nouns(query, concepts)
            scores -= [self.settings.parent_handicap * (entry.concept.parent is None) for entry in concepts]
        order = sorted(np.flatnonzero(scores >= threshold).tolist(), key=lambda index: (-scores[index], index))
        if not order:
            return []
        if not multi:
            return [(concepts[order[0]], _clip(clause_of.get(order[0], "")))]
        best_score = scores[order[0]]
        kept = [index for index in order if scores[index] >= best_score - self.settings.margin][:3]
        # A parent beside one of its own concepts says nothing new.
        parents = {concepts[index].concept.parent for index in kept}
        return [(concepts[index], _clip(clause_of.get(index, ""))) for index in kept if concepts[index].concept.id not in parents]

    def _head_nouns(self, query: _Query, concepts: Sequence[PriorConcept]) -> list[float]:
        """'The report' alone may be any kind of report: lift every type whose name says so and let the subject decide among them."""
        words = set(re.findall(r"\w+", query.folded)) - {"document", "text"}  # 'the document' may be of any type
        return [self.settings.head_noun * (entry.concept.name.split()[-1] in words) for entry in concepts]

    def _cue_scores(self, name: str, query: _Query, size: int, clause_of: dict[int, str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        scores = np.zeros(size)
        for language in dict.fromkeys((query.language, "en")):
            for cue in self._cues.get((name, language), []):
                match = cue.pattern.search(query.folded)
                if match is None:
                    continue
                weight = cue.weight
                if name == DOCUMENT_TYPE and language == "en" and _POINTERS.search(query.folded[: match.start()][-40:]):
                    weight += 0.5  # 'the attached contract' names the document; 'contract' alone may be its subject
                scores[cue.concept] = max(scores[cue.concept], self.settings.cue * weight) + 0.02
                clause_of.setdefault(cue.concept, next((clause for clause in query.clauses if cue.pattern.search(clause.casefold())), ""))
        if query.language not in EMBEDDED_LANGUAGES:
            scores[scores > 0] += self.settings.similarity - self.settings.cue  # no embedding speaks: one cue is enough
        return scores


def _pattern(word: str, language: str) -> re.Pattern[str]:
    folded = unicodedata.normalize("NFKC", word).casefold()
    body = r"\s+".join(re.escape(part) for part in folded.split())
    # Short cues must be whole words ('u', 'act'); longer ones are word beginnings ('summar').
    end = r"\b" if len(folded) <= 4 and folded.isalnum() else ""
    return re.compile(body if language in _UNSPACED else rf"(?<!\w){body}{end}")


@dataclass(frozen=True)
class _Query:
    instruction: str
    folded: str
    paste: str
    language: str
    about_document: bool
    fields: list[dict[str, Json]]
    clauses: list[str]
    typed: list[str]

    @property
    def embedded(self) -> list[str]:
        return [*self.clauses, *self.typed]

    @classmethod
    def of(cls, variables: Mapping[str, Json]) -> _Query:
        instruction, paste = str(variables["instruction"]), str(variables["paste_head"])
        fields = variables["fields"]
        assert isinstance(fields, list)
        clauses = _clauses(instruction)
        typed = [text for text in (_clip(instruction, 400), _clip(paste, 400)) if text]
        return cls(
            instruction,
            unicodedata.normalize("NFKC", instruction[:3000]).casefold(),
            paste,
            str(variables["language"]),
            bool(variables["about_document"]),
            [spec for spec in fields if isinstance(spec, dict)],
            clauses,
            typed,
        )


def _clip(text: str, limit: int = 160) -> str:
    return " ".join(text.split())[:limit].strip()


def _first_sentence(text: str) -> str:
    sentences = [part.strip() for part in re.split(r"(?<=[.?!。？！])\s+|\n+", text) if part.strip()]
    asking = [part for part in sentences if len(part) >= 20] or sentences
    return _clip(asking[0], 200) if asking else "none"


def _clauses(text: str) -> list[str]:
    """Up to 12 clauses of an instruction, each short enough to mean one thing."""
    parts = [
        _clip(part)
        for part in re.split(r"(?<=[.?!;:。？！；])\s+|\n+|\s+(?:and then|then also|also)\s+|(?<=,)\s+and\s+|(?<=\w),\s+(?=\w+\s\w+)", text)
    ]
    kept = [part for part in dict.fromkeys(parts) if len(part) >= 8]
    return kept[:12] or [_clip(text)][: bool(text.strip())]


def _style(query: _Query) -> str:
    text, words = query.instruction, query.instruction.split()
    numbered = len(re.findall(r"(?m)^\s*(?:\d+[.)]|[-*•])\s", text))
    if numbered >= 3:
        return "precise and structured"
    if re.search(
        r"\b(?:please|could you|would you|kindly|thank|bitte|por favor|s'il vous|merci|пожалуйста|спасибо|gracias|obrigad)|请|谢谢|ください",
        query.folded,
    ):
        return "polite"
    letters = [letter for letter in text if letter.isalpha()]
    starts_low = bool(letters) and letters[0].islower()
    if re.search(r"\b(?:pls|plz|thx|gonna|wanna|kinda|lol|dont|cant|im|u|ur|hey)\b", query.folded) or (starts_low and text == text.lower()):
        return "casual"
    return "terse" if len(words) <= 12 else "plain"
