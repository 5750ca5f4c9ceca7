"""A file of vectors: what was embedded once is found again, whatever runs follow, however they end."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from wildgraph.embedders import Vectors
from wildgraph.errors import RunError

_ASKED_AT_ONCE = 500
#: Bytes of a page of a new file. With pages of 4096 a vector of 384 numbers in an index takes a page of its own, and three times its size.
_PAGE = 16384


class UnkeptError(RunError):
    """A file of vectors cannot be read or written."""


def vector_key(embedder: str, *texts: str) -> bytes:
    """What a vector of one text, or of several together, is kept under: 20 bytes, from which nothing can be read.

    Args:
        embedder: its identity.
        texts: what was embedded.
    """
    return hashlib.sha256("\0".join((embedder, *texts)).encode("utf-8", "surrogatepass")).digest()[:20]


class VectorFile:
    """Vectors by key in one SQLite file, made when it is missing, for its owner alone (mode 600).

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, keys: Sequence[bytes], dimension: int) -> dict[bytes, Vectors]:
        """Those that are kept; float32, shape (dimension,). One of another length is left out.

        Raises:
            UnkeptError: the file cannot be read.
        """
        found: dict[bytes, Vectors] = {}
        with self._opened() as database:
            for start in range(0, len(keys), _ASKED_AT_ONCE):
                part = keys[start : start + _ASKED_AT_ONCE]
                marks = ",".join("?" * len(part))
                for key, blob in database.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part):  # noqa: S608 - question marks
                    if isinstance(blob, bytes) and len(blob) == 4 * dimension:
                        found[key] = np.frombuffer(blob, dtype="<f4")
        return found

    def put(self, vectors: Mapping[bytes, Vectors]) -> None:
        """Keep vectors; they are durable, or the file is as it was.

        Raises:
            UnkeptError: the file cannot be written.
        """
        rows = [(key, np.asarray(vector, dtype="<f4").tobytes()) for key, vector in vectors.items()]
        with self._opened() as database:
            database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The database; what is written is committed at the end."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            with closing(sqlite3.connect(self.path, timeout=60)) as database, database:
                database.execute(f"PRAGMA page_size={_PAGE}")
                database.execute("PRAGMA journal_mode=WAL")
                database.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
                yield database
        except (OSError, sqlite3.Error) as error:
            raise UnkeptError(
                f"cannot keep vectors in {self.path}: {error}", "free some space, or remove the file if it is damaged"
            ) from error
