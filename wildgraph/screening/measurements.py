"""What the model was asked and said, committed root by root before anything is decided: resuming is reading this file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from wildgraph.errors import RunError
from wildgraph.records import Json, Rejection
from wildgraph.screening.retrieve import Ranked

_SCHEMA = """
CREATE TABLE IF NOT EXISTS roots (key TEXT NOT NULL, root TEXT NOT NULL, told TEXT NOT NULL, PRIMARY KEY (key, root)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gains (
    key TEXT NOT NULL, root TEXT NOT NULL, anchor INTEGER NOT NULL, chunk INTEGER NOT NULL, control INTEGER NOT NULL,
    entropy INTEGER NOT NULL, loglik INTEGER NOT NULL,
    PRIMARY KEY (key, root, control, anchor, chunk)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS retrieved (key TEXT NOT NULL, query TEXT NOT NULL, chunks BLOB NOT NULL, PRIMARY KEY (key, query)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS places (key TEXT NOT NULL, sequence TEXT NOT NULL, told TEXT NOT NULL, PRIMARY KEY (key, sequence)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pairs (key TEXT NOT NULL, pair TEXT NOT NULL, told TEXT NOT NULL, PRIMARY KEY (key, pair)) STRICT, WITHOUT ROWID;
"""
_APPLICATION, _VERSION = 0x77_67_73_63, 1  # "wgsc"
UNIT = 10_000
"""Steps per nat in which everything is kept, so that the last bits of a float decide nothing."""


def kept(nats: float) -> int:
    """A number of nats as it is kept: in whole steps of 1e-4.

    Example:
        >>> kept(1.23456)
        12346
    """
    return round(float(nats) * UNIT)


@dataclass(frozen=True)
class Anchor:
    """An anchor as the root alone leaves it. All in steps of 1e-4 nats.

    Attributes:
        position: in the root.
        entropy, loglik: what verified gains are compared with: of the root's own pass, or of the window.
        own_entropy, own_loglik: of the root's own pass.
    """

    position: int
    entropy: int
    loglik: int
    own_entropy: int
    own_loglik: int


@dataclass(frozen=True)
class Gain:
    """A prediction behind a chunk. In steps of 1e-4 nats.

    Attributes:
        anchor: position in the root.
        chunk: number of the chunk.
        control: 0 for a candidate, else the length to which a random chunk was cut.
        entropy, loglik: what became of the anchor's.
    """

    anchor: int
    chunk: int
    control: int
    entropy: int
    loglik: int


@dataclass(frozen=True)
class Measured:
    """All that was measured of a root.

    Attributes:
        root: its name. tokens: its length.
        anchors: where it is uncertain; none is a finding, too.
        gains: by control, anchor and chunk.
        left_out: positions and chunks that were left out, by reason.
        ranks: candidate -> its best rank for any anchor, from 0.
        way: how anchors were asked, or empty. window: tokens before an anchor that were read; 0 for all.
        predicted: way -> operations by the model of cost.
        spent: operations by the model of cost, padding included, the root's own pass too.
        counted: operations that torch counted, where it was asked to; else 0.
        mean, threshold: of the root's entropies and of its anchors, in nats.
    """

    root: str
    tokens: int
    anchors: tuple[Anchor, ...] = ()
    gains: tuple[Gain, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    ranks: dict[int, int] = field(default_factory=dict)
    way: str = ""
    window: int = 0
    predicted: dict[str, float] = field(default_factory=dict)
    spent: float = 0.0
    counted: float = 0.0
    mean: float = 0.0
    threshold: float = 0.0


class Measurements:
    """The file of measurements. Opens when first used; use as a context manager.

    Args:
        path: the SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._connection is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                made = sqlite3.connect(self.path, timeout=30)
                (application,) = made.execute("PRAGMA application_id").fetchone()
                (version,) = made.execute("PRAGMA user_version").fetchone()
                if application not in (0, _APPLICATION) or version > _VERSION:
                    raise RunError(
                        f"{self.path} holds no measurements of this version", "another version of wildgraph wrote it, or it is another file"
                    )
                made.execute("PRAGMA journal_mode = WAL")
                made.executescript(f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_VERSION}; {_SCHEMA}")
                self._connection = made
            yield self._connection
        except sqlite3.OperationalError as error:
            full = "full" in str(error)
            hint = "free some space and run the same command again: what was committed is kept" if full else ""
            raise RunError(
                f"{'the disk is full: cannot write' if full else 'cannot use'} {self.path}{'' if full else f': {error}'}", hint
            ) from error
        except sqlite3.DatabaseError as error:
            raise RunError(f"{self.path} is damaged or no file of measurements: {error}", "delete it to measure again") from error

    # ------------------------------------------------------------------ roots

    def commit(self, key: str, measured: Measured) -> None:
        """Keep what was measured of a root, all of it or nothing."""
        told = {name: value for name, value in asdict(measured).items() if name not in ("root", "gains", "anchors")}
        told["anchors"] = [list(asdict(anchor).values()) for anchor in measured.anchors]
        with self._open() as connection, connection:
            connection.executemany(
                "INSERT INTO gains VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((key, measured.root, gain.anchor, gain.chunk, gain.control, gain.entropy, gain.loglik) for gain in measured.gains),
            )
            connection.execute("INSERT INTO roots VALUES (?, ?, ?)", (key, measured.root, json.dumps(told)))

    def get(self, key: str, root: str) -> Measured | None:
        """What was measured of a root under ``key``, if it was."""
        with self._open() as connection:
            row = connection.execute("SELECT told FROM roots WHERE key = ? AND root = ?", (key, root)).fetchone()
            if row is None:
                return None
            gains = connection.execute(
                "SELECT anchor, chunk, control, entropy, loglik FROM gains WHERE key = ? AND root = ? ORDER BY control, anchor, chunk",
                (key, root),
            ).fetchall()
        told = json.loads(row[0])
        anchors = tuple(Anchor(*values) for values in told.pop("anchors"))
        ranks = {int(chunk): rank for chunk, rank in told.pop("ranks").items()}
        return Measured(root=root, anchors=anchors, ranks=ranks, gains=tuple(Gain(*gain) for gain in gains), **told)

    def has(self, key: str, root: str) -> bool:
        """Whether a root was measured under ``key``."""
        with self._open() as connection:
            return connection.execute("SELECT 1 FROM roots WHERE key = ? AND root = ?", (key, root)).fetchone() is not None

    # ------------------------------------------------------------------ retrieval

    def retrieved(self, key: str, queries: Sequence[str]) -> dict[str, Ranked]:
        """Those of the queries that were looked for before, with their chunks."""
        with self._open() as connection:
            rows = (
                (query, connection.execute("SELECT chunks FROM retrieved WHERE key = ? AND query = ?", (key, query)).fetchone())
                for query in queries
            )
            return {query: np.frombuffer(row[0], dtype="<i8") for query, row in rows if row is not None}

    def keep_retrieved(self, key: str, found: Iterable[tuple[str, Ranked]]) -> None:
        """Keep queries with their chunks."""
        with self._open() as connection, connection:
            rows = ((key, query, chunks.astype("<i8").tobytes()) for query, chunks in found)
            connection.executemany("INSERT OR IGNORE INTO retrieved VALUES (?, ?, ?)", rows)

    # ------------------------------------------------------------------ in place

    def in_place(self, key: str, sequence: str) -> dict[str, int] | None:
        """How many of a sequence's verified anchors were asked again in place, and how many survived."""
        with self._open() as connection:
            row = connection.execute("SELECT told FROM places WHERE key = ? AND sequence = ?", (key, sequence)).fetchone()
        return None if row is None else json.loads(row[0])

    def keep_in_place(self, key: str, sequence: str, told: dict[str, int]) -> None:
        """Keep what :meth:`in_place` tells."""
        with self._open() as connection, connection:
            connection.execute("INSERT OR REPLACE INTO places VALUES (?, ?, ?)", (key, sequence, json.dumps(told)))

    # ------------------------------------------------------------------ pairs

    def of_pair(self, key: str, pair: str) -> dict[str, Json] | None:
        """What was measured of an instruction pair, if it was."""
        with self._open() as connection:
            row = connection.execute("SELECT told FROM pairs WHERE key = ? AND pair = ?", (key, pair)).fetchone()
        return None if row is None else json.loads(row[0])

    def keep_of_pair(self, key: str, pair: str, told: dict[str, Json]) -> None:
        """Keep what :meth:`of_pair` tells."""
        with self._open() as connection, connection:
            connection.execute("INSERT OR REPLACE INTO pairs VALUES (?, ?, ?)", (key, pair, json.dumps(told)))


def no_anchor(measured: Measured) -> Rejection:
    """The rejection of a root that is nowhere uncertain enough."""
    detail = f"mean entropy {measured.mean:.2f} nats, threshold {measured.threshold:.2f}" + "".join(
        f", {reason} {count}" for reason, count in measured.left_out.items()
    )
    return Rejection(stage="screen", item=measured.root, reason="no_anchor", detail=detail)
