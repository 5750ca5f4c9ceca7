"""Give documents the types that queries are filed under: by what the corpus itself calls them, else by similarity of their vectors."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.catalogue import Catalogue, Prior
from wildgraph.embedders import Embedder, Vectors
from wildgraph.fields import DOCUMENT_TYPE
from wildgraph.records import Concept, Document

STAGE = "documents"
VERSION = 2


class ClassifyConfig(BaseModel):
    """How documents are typed.

    Attributes:
        signs: what the signs of a type add to the cosine of document and type when all of them are found often. [ours]
        sample_chars: how much of a document's beginning, and half as much of its middle, is looked at for signs. [ours]
        declared: least cosine between the corpus's own word for a type and a known type's phrases for the word to be believed. [ours]
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    declared: float = Field(default=0.5, ge=0.0, le=1.0)
    signs: float = Field(default=0.6, ge=0.0)
    sample_chars: int = Field(default=6000, ge=0)


class TypeClassifier:
    """Nearest document type by sentence embedding.

    Args:
        prior: known types with phrases.
        concepts: published concepts; their document types join in with their names.
        embedder: the one documents are embedded with.
        config: threshold.
    """

    def __init__(self, prior: Prior, concepts: Mapping[str, Concept], embedder: Embedder, config: ClassifyConfig) -> None:
        self.config = config
        self.embedder = embedder
        phrases = {(phrase, entry.concept.id): None for entry in prior.concepts.get(DOCUMENT_TYPE, ()) for phrase in entry.like}
        phrases.update({(concept.name, concept.id): None for _, concept in sorted(concepts.items()) if concept.field == DOCUMENT_TYPE})
        self._owners = [owner for _, owner in phrases]
        self._exact = {_spoken(phrase): owner for phrase, owner in reversed(phrases)}
        self._phrases = [phrase for phrase, _ in phrases]
        self._signs = {entry.concept.id: entry.signs for entry in prior.concepts.get(DOCUMENT_TYPE, ()) if entry.signs}

    def assign(self, documents: Sequence[Document], vectors: Vectors) -> list[str]:
        """Concept id of each document's type.

        Args:
            documents: the documents.
            vectors: their unit vectors, shape (documents, dimension).
        """
        if not self._phrases:
            return [f"{DOCUMENT_TYPE}/document"] * len(documents)
        words = [_spoken(document.declared_type) for document in documents]
        distinct = sorted({word for word in words if word and word not in self._exact})
        declared = dict(zip(distinct, self.embedder.embed(distinct) @ self._prototypes.T, strict=True))
        by_vector = vectors @ self._prototypes.T
        found = []
        for row, word in enumerate(words):
            if word in self._exact:
                found.append(self._exact[word])
            elif word and declared[word].max() >= self.config.declared:
                found.append(self._owners[int(declared[word].argmax())])
            else:
                bonus = self._bonus(documents[row])
                scores = [float(cosine) + bonus.get(owner, 0.0) for cosine, owner in zip(by_vector[row], self._owners, strict=True)]
                found.append(self._owners[int(np.argmax(scores))])
        return found

    @cached_property
    def _prototypes(self) -> Vectors:
        return self.embedder.embed(self._phrases)

    def _bonus(self, document: Document) -> dict[str, float]:
        """What a document's own looks say for each type: the mean over its signs of how often they are found, saturating at four times."""
        size, middle = self.config.sample_chars, len(document.text) // 2
        text = f"{document.title}\n{document.text[:size]}\n{document.text[max(middle, size) : max(middle, size) + size // 2]}"
        return {
            concept: self.config.signs * sum(_SATURATION[sum(1 for _ in islice(sign.finditer(text), 4))] for sign in signs) / len(signs)
            for concept, signs in self._signs.items()
        }


#: How much a sign says when it is found no, one, two, three, four or more times.
_SATURATION = (0.0, 0.5, 0.75, 0.9, 1.0)


def _spoken(word: str) -> str:
    """A column value as words.

    Example:
        >>> _spoken("Meeting_Transcript")
        'meeting transcript'
    """
    return re.sub(r"[\W_]+", " ", word).strip().casefold()


def coverage(graphs: Iterable[str], types: Iterable[str], catalogue: Catalogue, anything: str) -> dict[str, frozenset[str]]:
    """Which documents' types each graph's type covers: a document goes to the nearest of its type's ancestors that has a graph.

    A graph of a finer type that no document is known to be of takes those of the nearest type above it: a contract may well be a lease.

    Args:
        graphs: document types that have graphs.
        types: the documents' types.
        catalogue: the hierarchy.
        anything: the type that takes whatever has no graph of its own.
    """
    known, there = set(graphs), set(types)
    covered: dict[str, set[str]] = {kind: set() for kind in known}
    for kind in there:
        home = next((one for one in catalogue.lineage(kind) if one in known), anything)
        if home in covered:
            covered[home].add(kind)
    for kind, found in covered.items():
        if not found and (above := next((one for one in catalogue.lineage(kind)[1:] if one in there), None)):
            found.add(above)
    return {kind: frozenset(found) for kind, found in covered.items()}


def uncovered(covered: Mapping[str, Collection[str]]) -> list[str]:
    """Graph types that no document fits."""
    return sorted(kind for kind, found in covered.items() if not found)
