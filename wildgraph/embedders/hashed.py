"""Hashed character n-grams: an embedder without a model, for tests, other scripts and machines where torch is too heavy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wildgraph.embedders import Vectors


class HashedEmbedder:
    """Signed feature hashing of character 3–5-grams within word boundaries (Weinberger et al. 2009, arXiv 0902.2206).

    Knows spelling, not meaning: "sum up" and "summarise" are far apart.
    """

    def __init__(self, dimension: int = 1024) -> None:
        self.dimension = dimension

    @property
    def identity(self) -> str:
        """Name and size."""
        return f"hashed:char-wb-3-5:{self.dimension}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of ``texts``; a text without any n-gram is the first unit vector."""
        from sklearn.feature_extraction.text import HashingVectorizer

        vectorizer = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=self.dimension, norm="l2")
        vectors = (
            np.asarray(vectorizer.transform(texts).todense(), dtype=np.float32) if texts else np.zeros((0, self.dimension), np.float32)
        )
        vectors[~vectors.any(axis=1), 0] = 1.0
        return vectors
