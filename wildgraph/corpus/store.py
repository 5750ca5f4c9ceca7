"""Document texts, kept once by content hash in one SQLite file, so that a data set outlives the corpus it was made from."""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import zstandard

from wildgraph.errors import RunError
from wildgraph.records import Document

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    number INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL,
    text BLOB NOT NULL,
    title TEXT NOT NULL,
    declared_type TEXT NOT NULL,
    language TEXT NOT NULL,
    licence TEXT NOT NULL,
    source TEXT NOT NULL,
    line INTEGER NOT NULL,
    derived INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS by_id ON documents (id);
"""
_UPGRADE = "ALTER TABLE documents ADD COLUMN derived INTEGER NOT NULL DEFAULT 0; PRAGMA user_version = 2;"
_APPLICATION, _VERSION = 0x77_67_64_73, 2  # "wgds"
_ZSTD = b"\x28\xb5\x2f\xfd"  # how its frames begin; texts of version 1 are zlib's
_COLUMNS = "hash, id, text, title, declared_type, language, licence, source, line"
_UNCOMMITTED = 256
_LEVEL = 3  # a twelfth larger than level 9, and four times as fast


def _decompressed(blob: bytes) -> bytes:
    return zstandard.decompress(blob) if blob.startswith(_ZSTD) else zlib.decompress(blob)


class DocumentStore:
    """A content-addressed store of documents.

    A text that is put again keeps its place and takes the newer name, licence and source. A text that was derived from a document of the
    corpus (its evidence taken out, say) is put as such and never takes the place of one that was read. Safe to use from several threads of one
    process. Use as a context manager: leaving it commits and closes.

    Args:
        path: the SQLite file; made when missing.

    Raises:
        RunError: on first use, when the file is no document store, newer than this version, locked, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connected: sqlite3.Connection | None = None
        self._pending = 0

    def __enter__(self) -> Self:
        with self._open():
            return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The connection, under the lock, its errors turned into ours."""
        with self._lock:
            try:
                if self._connected is None:
                    self._connected = self._connect()
                yield self._connected
            except sqlite3.Error as error:
                raise RunError(
                    f"the document store {self.path} cannot be used: {error}",
                    "check the disk, or delete the file and read the documents again",
                ) from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=30, check_same_thread=False
        )  # a model's feeder thread reads while the caller's writes
        try:
            application, version = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
            if (application, version) == (0, 0):
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(_SCHEMA + f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_VERSION};")
            elif application != _APPLICATION:
                raise RunError(f"{self.path} is not a document store", "name another file")
            elif version > _VERSION:
                raise RunError(f"{self.path} was written by a newer version of wildgraph", "upgrade wildgraph")
            elif version < _VERSION:
                connection.executescript(_UPGRADE)
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        return connection

    def commit(self) -> None:
        """Make what was put durable: nothing may be said to be there before that."""
        with self._open() as connection:
            connection.commit()
            self._pending = 0

    def close(self) -> None:
        """Commit and close; the store opens again when it is used again."""
        with self._lock:
            if self._connected is not None:
                with self._open() as connection:
                    connection.commit()
                    connection.close()
                self._connected, self._pending = None, 0

    def put(self, document: Document, *, derived: bool = False) -> None:
        """Keep a document; committed every few hundred documents and on closing.

        Args:
            document: what to keep.
            derived: made from a document of the corpus. It may bear that one's id, which still means the document that was read, and where
                its text is that of a document that was read, that one stays as it is.
        """
        values = (
            document.hash,
            document.id,
            zstandard.compress(document.text.encode("utf-8", "surrogatepass"), _LEVEL),
            document.title,
            document.declared_type,
            document.language,
            document.licence,
            document.source,
            document.line,
            int(derived),
        )
        newer = ", ".join(f"{name} = excluded.{name}" for name in ("id", *_COLUMNS.split(", ")[3:], "derived"))
        with self._open() as connection:
            connection.execute(
                f"INSERT INTO documents ({_COLUMNS}, derived) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608 - constants only
                f"ON CONFLICT (hash) DO UPDATE SET {newer} WHERE excluded.derived <= derived",
                values,
            )
            self._pending += 1
            if self._pending >= _UNCOMMITTED:
                connection.commit()
                self._pending = 0

    def get(self, digest: str) -> Document:
        """The document with this content hash.

        Raises:
            RunError: there is none: the store is not the one that the pairs were made with.
        """
        found = self._one("hash = ?", digest)
        if found is None:
            raise RunError(f"the document store {self.path} lacks the text {digest}", "it belongs to another run, or was cut short")
        return found

    def text(self, digest: str) -> str:
        """The text with this content hash.

        Raises:
            RunError: there is none.
        """
        return self.get(digest).text

    def by_id(self, name: str) -> Document | None:
        """The document that was last put under this id, or ``None``; one that was read comes before those that were derived."""
        return self._one("id = ? ORDER BY derived, number DESC LIMIT 1", name)

    def __contains__(self, digest: object) -> bool:
        """Whether a text with this content hash is kept."""
        with self._open() as connection:
            return connection.execute("SELECT 1 FROM documents WHERE hash = ?", (digest,)).fetchone() is not None

    def __len__(self) -> int:
        """How many texts are kept."""
        with self._open() as connection:
            return int(connection.execute("SELECT count(*) FROM documents").fetchone()[0])

    def _one(self, condition: str, value: str) -> Document | None:
        with self._open() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM documents WHERE {condition}", (value,)).fetchone()  # noqa: S608 - constants only
        if row is None:
            return None
        fields = dict(zip(_COLUMNS.split(", "), row, strict=True))
        try:
            fields["text"] = _decompressed(fields["text"]).decode("utf-8", "surrogatepass")
        except (zlib.error, zstandard.ZstdError, UnicodeDecodeError) as error:
            raise RunError(f"the document store {self.path} is damaged: {error}", "delete the file and read the documents again") from error
        return Document.model_validate(fields)
