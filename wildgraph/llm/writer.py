"""The thread that commits answers to the response cache, in groups, and what it does when the disk is full."""

from __future__ import annotations

import errno
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from wildgraph.errors import RunError
from wildgraph.llm.seen import Seen
from wildgraph.llm.stored import COLUMNS, SCHEMA, Stored, to_row

WINDOW = 0.025
"""Seconds between the beginnings of two commits. What comes after a longer pause is committed at once, what comes sooner waits for company."""

WATCH = 0.05
"""Seconds for which the writer is taken to be the only one after it has looked."""

APPLICATION_ID = 0x57474C44
SCHEMA_VERSION = 1

_ROW = f"({','.join('?' * (COLUMNS.count(',') + 1))})"
_INSERTS = {
    rows: f"INSERT OR REPLACE INTO responses ({COLUMNS}) VALUES {','.join([_ROW] * rows)}"  # noqa: S608 - constants only
    for rows in (256, 64, 16, 4, 1)
}
"""Statements that write so many rows: one statement lets go of the interpreter once, however many rows it writes."""


class Ticket:
    """Stands for one group of answers on its way to the disk."""

    __slots__ = ("_done", "_error")

    def __init__(self) -> None:
        self._done = threading.Event()
        self._error: RunError | None = None

    def wait(self) -> None:
        """Return once the group is committed.

        Raises:
            RunError: it could not be.
        """
        self._done.wait()
        if self._error is not None:
            raise RunError(self._error.message, self._error.hint)

    def settle(self, error: RunError | None) -> None:
        """The writer's side: committed, or not and why."""
        self._error = error
        self._done.set()


class Found(NamedTuple):
    """A known answer; ``ticket`` is there while it is still on its way to the disk."""

    stored: Stored
    ticket: Ticket | None = None


class Writer:
    """The thread that commits. Holds no reference to its cache, so that a forgotten cache can be collected and closed."""

    def __init__(self, path: Path, connection: sqlite3.Connection, ballast: int) -> None:
        self.path = path
        self.error: RunError | None = None
        self._connection = connection
        self._ballast = path.with_name(f"{path.name}.ballast")
        self._wake = threading.Condition()
        self._rows: dict[bytes, Stored] = {}
        self._under_way: dict[bytes, Stored] = {}
        self._ticket = Ticket()
        self._committing: Ticket | None = None
        self._closing = False
        self._seen: Seen | None = None
        self._complete = False
        self._shared = sqlite3.threadsafety < 3  # an SQLite whose connections belong to one thread each cannot be asked from here
        self._looked = -math.inf
        self._version = self._data_version()
        _reserve(self._ballast, ballast)
        self._thread = threading.Thread(target=self._run, name="wildgraph-cache", daemon=True)
        self._thread.start()

    def add(self, key: bytes, stored: Stored) -> Ticket:
        """Queue an answer."""
        with self._wake:
            if self._seen is not None:
                self._seen.add(key)
            self._rows[key] = stored
            if len(self._rows) == 1:
                self._wake.notify()
            return self._ticket

    def waiting(self, key: bytes) -> Found | None:
        """An answer that is not committed yet."""
        with self._wake:
            if key in self._rows:
                return Found(self._rows[key], self._ticket)
            if key in self._under_way:
                return Found(self._under_way[key], self._committing)
        return None

    def unknown(self, key: bytes, kept: Callable[[], Iterable[Sequence[bytes]]]) -> bool:
        """Whether this key is certainly neither committed nor on its way; says so only while nobody else writes to the file.

        Args:
            key: in question.
            kept: all keys in the file, page by page; asked for once.
        """
        seen = self._seen
        if seen is None:
            with self._wake:
                first = self._seen is None
                seen = self._seen = self._seen or Seen()
                if first:
                    seen.update((*self._rows, *self._under_way))
            if first:
                for page in kept():
                    with self._wake:
                        seen.update(page)
                self._complete = True
        return self._complete and key not in seen and self._alone()

    def _alone(self) -> bool:
        """Whether no other connection has committed since this one was opened."""
        if not self._shared and (now := time.monotonic()) > self._looked + WATCH:
            self._shared, self._looked = self._data_version() != self._version, now
        return not self._shared

    def _data_version(self) -> object:
        return self._connection.execute("PRAGMA data_version").fetchone()[0]

    def flush(self) -> None:
        """Return once everything queued so far is committed, or raise why not."""
        with self._wake:
            ticket = self._ticket if self._rows else self._committing
        if ticket is not None:
            ticket.wait()

    def close(self) -> None:
        """Commit what is queued and end the thread."""
        with self._wake:
            if self._closing:
                return
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        begun = -math.inf
        while True:
            with self._wake:
                while not self._rows and not self._closing:
                    self._wake.wait()
                if not self._rows:
                    break
                self._wake.wait_for(lambda: self._closing, max(0.0, begun + WINDOW - time.monotonic()))
                begun = time.monotonic()
                rows, ticket = self._rows, self._ticket
                self._rows, self._ticket = {}, Ticket()
                self._under_way, self._committing = rows, ticket
            ticket.settle(self._commit(rows))
            with self._wake:
                self._under_way, self._committing = {}, None
        self._connection.close()
        self._ballast.unlink(missing_ok=True)

    def _commit(self, rows: Mapping[bytes, Stored]) -> RunError | None:
        for last_try in (False, True):
            try:
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    _insert(self._connection, [to_row(key, stored) for key, stored in rows.items()])
            except sqlite3.Error as error:
                # Remembered even if the second try works: with the ballast gone, the next group would be lost.
                self.error = explained(self.path, error)
                if last_try:
                    return self.error
                self._make_room()
            except Exception as error:  # whoever waits for this group must not wait for ever
                self.error = RunError(f"the response cache {self.path} cannot be written: {error}".splitlines()[0])
                return self.error
            else:
                return None
        return self.error

    def _make_room(self) -> None:
        """Give up the ballast, and let the log beside the file begin again: where it may not grow, it has room at its beginning."""
        self._ballast.unlink(missing_ok=True)
        with suppress(sqlite3.Error):  # without it the second try fails as the first did, and says why
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _insert(connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    written = 0
    for size, statement in _INSERTS.items():
        while len(rows) - written >= size:
            connection.execute(statement, list(chain.from_iterable(rows[written : written + size])))
            written += size


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose commits are on the disk when they return."""
    connection = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def claim(connection: sqlite3.Connection, path: Path) -> None:
    """Make an empty file a response cache, or check that it is one."""
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if mark != APPLICATION_ID:
        if mark or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise RunError(
                f"{path} is an SQLite file of another program, not a response cache", "move it away or choose another run directory"
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute(SCHEMA)
        connection.execute("COMMIT")
    elif version > SCHEMA_VERSION:
        raise RunError(f"the response cache {path} was written by a newer wildgraph", "upgrade wildgraph or choose another run directory")


def _reserve(path: Path, size: int) -> None:
    """Real bytes on the disk, not a hole.

    Raises:
        RunError: the disk is too full even for this: what would be paid for now might not be kept.
    """
    if not size:
        return
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except (OSError, AttributeError) as error:  # a system without it goes on without
        path.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunError(
                f"the disk is full: {size >> 20} MB beside the response cache, for the last answers, cannot be had in {path.parent}",
                "free some space and run the same command again; nothing was asked",
            ) from error
    finally:
        os.close(descriptor)


def explained(path: Path, error: sqlite3.Error) -> RunError:
    """One line for what SQLite says, with what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    text = str(error)
    if code == sqlite3.SQLITE_FULL or "is full" in text:
        return RunError(
            f"the disk is full: the response cache {path} cannot grow",
            "free some space and run the same command again; nothing committed is lost",
        )
    if code == sqlite3.SQLITE_IOERR:
        return RunError(
            f"the response cache {path} cannot be written ({text}): disk full, quota or file-size limit?",
            "make room and run the same command again; nothing committed is lost",
        )
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT) or "no such" in text:
        return RunError(
            f"the response cache {path} is damaged or not a cache ({text})", "move it away; its answers will be asked for again"
        )
    if code == sqlite3.SQLITE_BUSY:
        return RunError(f"the response cache {path} is held by another process", "wait for that process or end it")
    return RunError(f"the response cache {path} cannot be used ({text})", "check that it may be read and written")
