"""An embedder that keeps its vectors on disk, so that a text is embedded once, whatever runs follow."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from wildgraph.embedders import Embedder, Vectors, Wrapped
from wildgraph.errors import RunError

_ASKED_AT_ONCE = 500
#: Texts that are embedded and committed at a time: a minute of one core.
_PORTION = 1 << 13
#: Bytes of a page of a new file. With pages of 4096 a vector of 384 numbers in an index takes a page of its own, and three times its size.
_PAGE = 16384


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
        embedded: texts that had to be embedded so far.
    """

    def __init__(self, embedder: Embedder, file: Path, public: Iterable[str] = (), shared: Path | None = None) -> None:
        super().__init__(embedder)
        self.file = file
        self.shared = shared
        self.embedded = 0
        self._public = frozenset(public)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, from disk where they were embedded before.

        Raises:
            RunError: the file cannot be written.
        """
        if not texts:
            return self.embedder.embed(texts)
        found: dict[str, Vectors] = {}
        distinct = sorted(set(texts))
        if self.shared is not None and (ours := [text for text in distinct if text in self._public]):
            try:
                found |= self._kept(self.shared, ours)
            except _UnkeptError:
                self.shared = None  # a read-only home: they are kept in the run instead
        if rest := [text for text in distinct if text not in found]:
            try:
                found |= self._kept(self.file, rest)
            except _UnkeptError as error:
                raise RunError(
                    f"cannot keep vectors in {self.file}: {error}", "free some space, or remove the file if it is damaged"
                ) from error
        return np.stack([found[text] for text in texts])

    def _kept(self, file: Path, texts: Sequence[str]) -> dict[str, Vectors]:
        """Vectors of texts, those that are missing embedded and added, so many in a transaction: what is interrupted begins where it was.

        Raises:
            _UnkeptError: the file cannot be read or written; what the embedder raises is its own.
        """
        keys = {hashlib.sha256(f"{self.identity}\0{text}".encode("utf-8", "surrogatepass")).digest()[:20]: text for text in texts}
        found: dict[str, Vectors] = {}
        asked = list(keys)
        with _opened(file) as database:
            for start in range(0, len(asked), _ASKED_AT_ONCE):
                part = asked[start : start + _ASKED_AT_ONCE]
                marks = ",".join("?" * len(part))
                for key, blob in database.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part):  # noqa: S608 - question marks
                    if isinstance(blob, bytes) and len(blob) == 4 * self.dimension:  # else it is embedded again
                        found[keys[key]] = np.frombuffer(blob, dtype="<f4")
        missing = [(key, text) for key, text in keys.items() if text not in found]
        for start in range(0, len(missing), _PORTION):
            some = missing[start : start + _PORTION]
            vectors = self.embedder.embed([text for _, text in some])
            self.embedded += len(some)
            found.update(zip((text for _, text in some), vectors, strict=True))
            rows = [(key, np.asarray(vector, dtype="<f4").tobytes()) for (key, _), vector in zip(some, vectors, strict=True)]
            with _opened(file) as database:
                database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        return found


class _UnkeptError(Exception):
    """A file of vectors cannot be read or written."""


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """A file of vectors, made when it is missing; what is written is committed at the end.

    Raises:
        _UnkeptError: it cannot be read or written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(file, timeout=60)) as database, database:
            database.execute(f"PRAGMA page_size={_PAGE}")
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
            yield database
    except (OSError, sqlite3.Error) as error:
        raise _UnkeptError(str(error)) from error
