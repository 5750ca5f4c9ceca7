"""An embedder that keeps its vectors on disk, so that a text is embedded once, whatever runs follow."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from wildgraph.embedders import Embedder, Vectors, Wrapped
from wildgraph.embedders.vectorfile import UnkeptError, VectorFile, vector_key

#: Texts that are embedded and committed at a time: a minute of one core.
_PORTION = 1 << 13


def shared_cache() -> Path:
    """Where vectors of what ships with wildgraph are kept between runs: below ``XDG_CACHE_HOME``, else ``~/.cache``."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if root else Path.home() / ".cache") / "wildgraph" / "vectors.sqlite"


class CachedEmbedder(Wrapped):
    """Keeps vectors in SQLite under hashes of embedder and text; the texts themselves are not stored.

    Args:
        embedder: what embeds.
        file: where private texts' vectors go; mode 600.
        public: texts that ship with wildgraph; their vectors go to ``shared``, where the next run finds them.
        shared: such a file, or ``None``. If it cannot be written, such texts are kept with the others.

    Attributes:
        kept, shared: the files.
        embedded: texts that had to be embedded so far.
    """

    def __init__(self, embedder: Embedder, file: Path, public: Iterable[str] = (), shared: Path | None = None) -> None:
        super().__init__(embedder)
        self.kept = VectorFile(file)
        self.shared = None if shared is None else VectorFile(shared)
        self.embedded = 0
        self._public = frozenset(public)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, from disk where they were embedded before.

        Raises:
            UnkeptError: the file cannot be read or written.
        """
        if not texts:
            return self.embedder.embed(texts)
        found: dict[str, Vectors] = {}
        distinct = sorted(set(texts))
        if self.shared is not None and (ours := [text for text in distinct if text in self._public]):
            try:
                found |= self._found(self.shared, ours)
            except UnkeptError:
                self.shared = None  # a read-only home: they are kept in the run instead
        if rest := [text for text in distinct if text not in found]:
            found |= self._found(self.kept, rest)
        return np.stack([found[text] for text in texts])

    def _found(self, file: VectorFile, texts: Sequence[str]) -> dict[str, Vectors]:
        """Vectors of texts, those that are missing embedded and added, so many in a transaction: what is interrupted begins where it was."""
        keys = {vector_key(self.identity, text): text for text in texts}
        found = {keys[key]: vector for key, vector in file.get(list(keys), self.dimension).items()}
        missing = [(key, text) for key, text in keys.items() if text not in found]
        for start in range(0, len(missing), _PORTION):
            some = missing[start : start + _PORTION]
            vectors = self.embedder.embed([text for _, text in some])
            self.embedded += len(some)
            found.update(zip((text for _, text in some), vectors, strict=True))
            file.put({key: vector for (key, _), vector in zip(some, vectors, strict=True)})
        return found
