"""Rows to shards: streamed, deterministic to the byte, and renamed into place only when all are whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.errors import PluginError, RunError
from wildgraph.exporters import ColumnType, Exporter, Row
from wildgraph.records import Json

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SPLITS = ("train", "test")
_SHARD = re.compile(r"(train|test)-\d{5}-of-\d{5}\.(jsonl|parquet)(\.partial)?\Z|(train|test)-\d{5}\.(jsonl|parquet)\.partial\Z")


class Sizes(BaseModel):
    """How large files become.

    Attributes:
        shard_bytes: JSON bytes of a shard at most; a parquet file of the same rows is smaller.
        row_group_bytes: JSON bytes of a row group of a parquet file at most; so much is in memory at a time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard_bytes: int = Field(default=500_000_000, ge=1)
    row_group_bytes: int = Field(default=32_000_000, ge=1)


@dataclass
class _Lines:
    """One shard of JSON lines being written."""

    handle: IO[bytes]
    size: int = 0

    def add(self, row: Mapping[str, Json], line: bytes) -> None:
        self.handle.write(line)
        self.size += len(line)

    def close(self) -> None:
        self.handle.close()


@dataclass
class _Table:
    """One parquet shard being written."""

    handle: pq.ParquetWriter
    schema: pa.Schema
    row_group_bytes: int
    size: int = 0
    pending: list[Mapping[str, Json]] = field(default_factory=list)
    pending_size: int = 0

    def add(self, row: Mapping[str, Json], line: bytes) -> None:
        if self.pending and self.pending_size + len(line) > self.row_group_bytes:
            self.flush()
        self.size += len(line)
        self.pending.append(row)
        self.pending_size += len(line)

    def flush(self) -> None:
        import pyarrow as pa

        if self.pending:
            try:
                table = pa.Table.from_pylist(self.pending, schema=self.schema)
            except pa.ArrowException as error:
                raise PluginError(
                    f"rows do not have the types of their columns: {error}", "mend the exporter's rows or its columns"
                ) from error
            self.handle.write_table(table)
            self.pending, self.pending_size = [], 0

    def close(self) -> None:
        if self.handle.is_open:
            self.flush()
            self.handle.close()


class Shards:
    """The files of one kind of data set: ``{train,test}-00000-of-N``. Nothing has its name before :meth:`commit`.

    Use as a context manager: leaving it removes what was not committed.

    Args:
        folder: the data set's; the files lie in a folder of the exporter's name in it.
        exporter: says what they are and which columns they have.
        sizes: when to begin a new shard and row group; neither has more JSON bytes than asked for, unless a single row does.
    """

    def __init__(self, folder: Path, exporter: Exporter, sizes: Sizes | None = None) -> None:
        self.folder = folder / exporter.name
        self.suffix = exporter.suffix
        self.columns = dict(exporter.columns)
        self.sizes = sizes or Sizes()
        self.counts = dict.fromkeys(SPLITS, 0)
        self._opened: dict[str, _Lines | _Table] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self._remove_partials()
            return
        for shard in self._opened.values():
            # The file goes anyway: what a full disk says to closing it would hide what went wrong.
            if isinstance(shard, _Table):
                shard.pending = []
            try:
                shard.close()
            except OSError:
                continue
        self._remove_partials()

    def _remove_partials(self) -> None:
        for partial in self.folder.glob("*.partial") if self.folder.is_dir() else ():
            if _SHARD.match(partial.name):
                partial.unlink()
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def write(self, row: Row) -> None:
        """Add a row to the shards of its ``split``; what it has beside the columns is not written.

        Raises:
            RunError: the folder cannot be written to.
        """
        split = str(row["split"])
        kept = {name: row[name] for name in self.columns}
        try:
            line = orjson.dumps(kept) + b"\n"
        except TypeError as error:
            raise PluginError(
                f"the row {row.get('id')} of {self.folder.name} cannot be written: {error}", "mend the exporter's rows"
            ) from error
        try:
            shard = self._opened.get(split)
            if shard is not None and shard.size + len(line) > self.sizes.shard_bytes:
                shard.close()
                shard = None
            if shard is None:
                shard = self._opened[split] = self._open(split, self.counts[split])
                self.counts[split] += 1
            shard.add(kept, line)
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    def _open(self, split: str, number: int) -> _Lines | _Table:
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{split}-{number:05d}.{self.suffix}.partial"
        if self.suffix == "jsonl":
            return _Lines(partial.open("wb"))
        import pyarrow.parquet as pq

        schema = _schema(self.columns)
        return _Table(pq.ParquetWriter(partial, schema, compression="zstd"), schema, self.sizes.row_group_bytes)

    def close(self) -> None:
        """Finish the files; they still have no names.

        Raises:
            RunError: the folder cannot be written to.
        """
        try:
            for shard in self._opened.values():
                shard.close()
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        self._opened = {}

    def digest(self) -> str:
        """SHA-256 of the closed files that still have no names, train before test; its first 16 hexadecimal digits."""
        whole = hashlib.sha256()
        for split, count in self.counts.items():
            for number in range(count):
                with (self.folder / f"{split}-{number:05d}.{self.suffix}.partial").open("rb") as file:
                    whole.update(hashlib.file_digest(file, "sha256").digest())
        return whole.hexdigest()[:16]

    def commit(self) -> list[Path]:
        """Give the closed files their names, and remove what an earlier export left; returns the files, train before test.

        Raises:
            RunError: the folder cannot be written to.
        """
        written = []
        try:
            for split, count in self.counts.items():
                for number in range(count):
                    final = self.folder / f"{split}-{number:05d}-of-{count:05d}.{self.suffix}"
                    (self.folder / f"{split}-{number:05d}.{self.suffix}.partial").replace(final)
                    written.append(final)
            remove_shards(self.folder, written)
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        return written


def remove_shards(folder: Path, but: Iterable[Path] = ()) -> bool:
    """Remove the shards that lie in a folder, and the folder if nothing else does; returns whether there were any."""
    kept = set(but)
    stale = [file for file in folder.iterdir() if _SHARD.match(file.name) and file not in kept] if folder.is_dir() else []
    for file in stale:
        file.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    return bool(stale)


def shards_in(folder: Path) -> list[Path]:
    """The whole shards in a folder, train before test, by number."""
    found = [file for file in folder.iterdir() if _SHARD.match(file.name) and file.suffix != ".partial"] if folder.is_dir() else []
    return sorted(found, key=lambda file: (SPLITS.index(file.name.partition("-")[0]), file.name))


def _unwritable(folder: Path, error: OSError) -> RunError:
    return RunError(f"cannot write the data set to {folder}: {error.strerror or error}", "check the disk and the folder's permissions")


def _schema(columns: Mapping[str, ColumnType]) -> pa.Schema:
    import pyarrow as pa

    parts = [("role", pa.string()), ("content", pa.string())]
    train, thinking = ("train", pa.bool_()), ("thinking", pa.string())
    types = {
        "string": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "strings": pa.list_(pa.string()),
        "messages": pa.list_(pa.struct(parts)),
        "trained": pa.list_(pa.struct([*parts, train])),
        "thoughtful": pa.list_(pa.struct([*parts, thinking])),
        "trained+thoughtful": pa.list_(pa.struct([*parts, train, thinking])),
    }
    return pa.schema([(name, types[kind]) for name, kind in columns.items()])
