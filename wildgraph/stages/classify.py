"""Give documents the types that queries are filed under: by what the corpus itself calls them, else by similarity of their vectors."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.catalogue import Catalogue, Prior
from wildgraph.embedders import Embedder, Vectors
from wildgraph.fields import DOCUMENT_TYPE
from wildgraph.records import Concept, Document

STAGE = "documents"
VERSION = 1


class ClassifyConfig(BaseModel):
    """How documents are typed.

    Attributes:
        declared: least cosine between the corpus's own word for a type and a known type's phrases for the word to be believed. [ours]
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    declared: float = Field(default=0.5, ge=0.0, le=1.0)


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

    def assign(self, documents: Sequence[Document], vectors: Vectors) -> list[str]:
        """Concept id of each document's type.

        Args:
            documents: the documents.
            vectors: their unit vectors, shape (documents, dimension).
        """
        if not self._phrases:
            return [f"{DOCUMENT_TYPE}/document"] * len(documents)
        prototypes = self.embedder.embed(self._phrases)
        words = [_spoken(document.declared_type) for document in documents]
        declared = self.embedder.embed(words) @ prototypes.T
        by_vector = vectors @ prototypes.T
        found = []
        for row, word in enumerate(words):
            if word in self._exact:
                found.append(self._exact[word])
            elif word and declared[row].max() >= self.config.declared:
                found.append(self._owners[int(declared[row].argmax())])
            else:
                found.append(self._owners[int(np.argmax(by_vector[row]))])
        return found


def _spoken(word: str) -> str:
    """A column value as words.

    Example:
        >>> _spoken("Meeting_Transcript")
        'meeting transcript'
    """
    return re.sub(r"[\W_]+", " ", word).strip().casefold()


def coverage(graphs: Iterable[str], types: Iterable[str], catalogue: Catalogue, anything: str) -> dict[str, frozenset[str]]:
    """Which documents' types each graph's type covers: a document goes to the nearest of its type's ancestors that has a graph.

    Args:
        graphs: document types that have graphs.
        types: the documents' types.
        catalogue: the hierarchy.
        anything: the type that takes whatever has no graph of its own.
    """
    known = set(graphs)
    covered: dict[str, set[str]] = {kind: set() for kind in known}
    for kind in set(types):
        home = next((one for one in catalogue.lineage(kind) if one in known), anything)
        if home in covered:
            covered[home].add(kind)
    return {kind: frozenset(found) for kind, found in covered.items()}


def uncovered(covered: Mapping[str, Collection[str]]) -> list[str]:
    """Graph types that no document fits."""
    return sorted(kind for kind, found in covered.items() if not found)
