"""The response cache: every paid completion, committed before it is used. Resuming a run is reading this file.

SQLite in WAL mode; one thread writes (:mod:`wildgraph.llm.writer`), reading happens on the caller's thread. The file holds what models
wrote about people's queries, so it is private (mode 600).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from wildgraph.errors import RunError
from wildgraph.llm.model import Usage
from wildgraph.llm.stored import COLUMNS, Stored, from_row, integer
from wildgraph.llm.writer import Found, Ticket, Writer, claim, connect, explained

BALLAST = 4 << 20
"""Bytes kept aside on the disk, so that what has arrived can still be committed when the disk fills up."""


@dataclass(frozen=True)
class EngineStats:
    """What the cache keeps of one engine and prompt.

    Attributes:
        answers: how many. refused: those of them that are final refusals.
        usage: tokens they cost when they were paid. size: bytes of text.
    """

    engine: str
    prompt: str
    answers: int
    refused: int
    usage: Usage
    size: int


class ResponseCache:
    """Answers by key, in one SQLite file. Opens it when first used; safe to use from several threads.

    Args:
        path: the file; created with mode 600 where it is missing.
        ballast: bytes to keep aside for a full disk; 0 for none.
    """

    def __init__(self, path: Path, ballast: int = BALLAST) -> None:
        self.path = path
        self.ballast = ballast
        self._lock = threading.RLock()
        self._reader: sqlite3.Connection | None = None
        self._writer: Writer | None = None
        self._finalizer: weakref.finalize[[Writer], ResponseCache] | None = None

    def __enter__(self) -> ResponseCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, key: bytes) -> Stored | None:
        """The answer under ``key``, if it was committed.

        Raises:
            RunError: the file is not a response cache, is of a newer version, or is damaged.
        """
        return self.get_many((key,)).get(key)

    def find(self, key: bytes) -> Found | None:
        """As :meth:`get`, but also what was put and is not committed yet."""
        writer = self._writer
        if writer is not None:
            try:
                if writer.unknown(key, self._keys):
                    return None
            except sqlite3.Error as error:
                raise explained(self.path, error) from error
            if (waiting := writer.waiting(key)) is not None:
                return waiting
        stored = self.get(key)
        return None if stored is None else Found(stored)

    def get_many(self, keys: Iterable[bytes]) -> dict[bytes, Stored]:
        """Those of ``keys`` that are known, with their answers.

        Raises:
            RunError: see :meth:`get`.
        """
        wanted = list(keys)
        found: dict[bytes, Stored] = {}
        with self._lock:
            try:
                for start in range(0, len(wanted), 500):
                    part = wanted[start : start + 500]
                    marks = ",".join("?" * len(part))
                    query = f"SELECT {COLUMNS} FROM responses WHERE key IN ({marks})"  # noqa: S608 - placeholders only
                    found.update(from_row(row) for row in self._read(query, part))
            except sqlite3.Error as error:
                raise explained(self.path, error) from error
        return found

    def put(self, key: bytes, stored: Stored) -> Ticket:
        """Hand an answer to the writer; it is durable when the ticket's ``wait`` returns. Never blocks, never raises for the disk."""
        writer = self._writer
        if writer is None:
            with self._lock:
                self._open()
                writer = self._writer
        assert writer is not None
        return writer.add(key, stored)

    def failed(self) -> RunError | None:
        """Why nothing can be committed any more, if so; ask before paying for another answer."""
        return self._writer.error if self._writer is not None else None

    def stats(self) -> list[EngineStats]:
        """What is kept, by engine and prompt, sorted.

        Raises:
            RunError: see :meth:`get`.
        """
        query = (
            "SELECT engine, prompt, count(*), sum(failure != ''), sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens), "
            "sum(length(text) + length(reasoning)) FROM responses GROUP BY engine, prompt ORDER BY engine, prompt"
        )
        with self._lock:
            try:
                rows = self._read(query, ())
            except sqlite3.Error as error:
                raise explained(self.path, error) from error
        return [
            EngineStats(
                str(engine),
                str(prompt),
                integer(answers),
                integer(refused),
                Usage(integer(asked), integer(told), integer(cached)),
                integer(size),
            )
            for engine, prompt, answers, refused, asked, told, cached, size in rows
        ]

    def prune(self, engine: str | None = None, before: float | None = None) -> int:
        """Forget answers and give their room back to the disk; how many.

        Args:
            engine: only those of this engine.
            before: only those written before this time, in seconds since 1970.

        Raises:
            RunError: see :meth:`get`.
        """
        self.flush()
        query = "DELETE FROM responses WHERE (? IS NULL OR engine = ?) AND (? IS NULL OR created < ?)"
        with self._lock:
            self._open()
            try:
                with closing(connect(self.path)) as connection:
                    forgotten = connection.execute(query, (engine, engine, before, before)).rowcount
                    connection.execute("VACUUM")
            except sqlite3.Error as error:
                raise explained(self.path, error) from error
        return forgotten

    def remove(self, keys: Iterable[bytes]) -> int:
        """Remove answers so that nothing of them is left in the file; how many there were.

        Raises:
            RunError: see :meth:`get`.
        """
        self.flush()
        with self._lock:
            self._open()
            try:
                with closing(connect(self.path)) as connection:
                    connection.execute("PRAGMA secure_delete = ON")
                    connection.execute("BEGIN IMMEDIATE")
                    removed = sum(connection.execute("DELETE FROM responses WHERE key = ?", (key,)).rowcount for key in keys)
                    connection.execute("COMMIT")
                    connection.execute("VACUUM")
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log beside the file holds old pages too
            except sqlite3.Error as error:
                raise explained(self.path, error) from error
        return removed

    def export(self) -> Iterator[tuple[str, Stored]]:
        """Every answer with its key in hex, in the order of the keys.

        Raises:
            RunError: see :meth:`get`.
        """
        last = b""
        while True:  # page by page, so that a long export holds up no writer
            with self._lock:
                try:
                    rows = self._read(f"SELECT {COLUMNS} FROM responses WHERE key > ? ORDER BY key LIMIT 500", (last,))  # noqa: S608 - constants only
                except sqlite3.Error as error:
                    raise explained(self.path, error) from error
            if not rows:
                return
            for row in rows:
                last, stored = from_row(row)
                yield last.hex(), stored

    def flush(self) -> None:
        """Return once everything handed over so far is committed.

        Raises:
            RunError: it could not be.
        """
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Commit what is left and close the file. The cache opens again when it is used again."""
        with self._lock:
            finalizer, self._finalizer, self._writer = self._finalizer, None, None
            reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        if finalizer is not None:
            finalizer()

    def _keys(self) -> Iterator[list[bytes]]:
        last = b""
        while True:
            with self._lock:
                rows = self._read("SELECT key FROM responses WHERE key > ? ORDER BY key LIMIT 5000", (last,))
            if not rows:
                return
            page = [key for (key,) in rows if isinstance(key, bytes)]
            last = page[-1]
            yield page

    def _read(self, query: str, values: Sequence[object]) -> list[tuple[object, ...]]:
        self._open()
        assert self._reader is not None
        return self._reader.execute(query, values).fetchall()

    def _open(self) -> None:
        if self._writer is not None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self.path.chmod(0o600)
            connection = connect(self.path)
            claim(connection, self.path)
            self._reader = connect(self.path)
        except sqlite3.Error as error:
            raise explained(self.path, error) from error
        except OSError as error:
            raise RunError(f"cannot open the response cache {self.path}: {error.strerror or error}") from error
        try:
            writer = Writer(self.path, connection, self.ballast)
        except RunError:
            connection.close()
            self._reader.close()
            raise
        self._writer = writer
        # Whoever forgets to close must not lose what was paid for.
        self._finalizer = weakref.finalize(self, Writer.close, writer)
