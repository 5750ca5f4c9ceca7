"""Sentence embedders: one protocol, implementations by name through the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


@runtime_checkable
class Embedder(Protocol):
    """Maps texts to unit vectors."""

    @property
    def identity(self) -> str:
        """Name and hash of what decides the vectors; part of cache keys and fingerprints."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A float32 array of shape (len(texts), dimension) with rows of norm 1, equal texts giving equal rows."""
        ...
