"""Sentence embedders: one protocol, implementations by name through the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from wildgraph.errors import PluginError, UsageError
from wildgraph.registry import BUILT_IN, load, registered

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


def make_embedder(name: str = "") -> Embedder:
    """The embedder of a name.

    Args:
        name: a registered one, another package's for instance; else folder or name of a sentence-transformers model; empty for the bundled one.

    Raises:
        UsageError: what is registered is no embedder.
    """
    if name not in registered("embedders"):
        from wildgraph.embedders.sentence import SentenceEmbedder

        return SentenceEmbedder(name)
    make = load("embedders", name)
    made = make() if callable(make) else None
    if not isinstance(made, Embedder):
        raise UsageError(f"the plug-in {name!r} is no embedder", "an embedder has an identity, a dimension, and a vector for each text")
    return made if name in BUILT_IN["embedders"] else _Promised(name, made)


class Wrapped:
    """What does something about an embedder and is known as that embedder is; how it embeds is the heirs' part."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    @property
    def identity(self) -> str:
        """The embedder's."""
        return self.embedder.identity

    @property
    def dimension(self) -> int:
        """The embedder's."""
        return self.embedder.dimension


class _Promised(Wrapped):
    """Another package's embedder, held to what an embedder gives."""

    def __init__(self, name: str, embedder: Embedder) -> None:
        super().__init__(embedder)
        self.name = name

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The embedder's vectors, as float32.

        Raises:
            PluginError: they are not one finite row of the dimension for each text.
        """
        given = np.asarray(self.embedder.embed(texts))
        wanted = (len(texts), self.dimension)
        if given.shape != wanted or not np.issubdtype(given.dtype, np.number) or not np.isfinite(given).all():
            raise PluginError(
                f"the embedder {self.name!r} gave {given.dtype} of shape {given.shape}, not finite numbers of shape {wanted}",
                "it gives a row for each text",
            )
        return given.astype(np.float32)
