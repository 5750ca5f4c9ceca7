"""Rows to shards of JSONL and parquet: streamed, deterministic to the byte, and renamed into place only when all are whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import orjson
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.errors import EmptyResultError, RunError
from wildgraph.exporters import ColumnType, Row
from wildgraph.records import Json

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SPLITS = ("train", "test")
_SHARD = re.compile(r"(train|test)-\d{5}-of-\d{5}\.(jsonl|parquet)(\.partial)?\Z|(train|test)-\d{5}\.(jsonl|parquet)\.partial\Z")


class Sizes(BaseModel):
    """How large files become.

    Attributes:
        shard_bytes: JSON bytes after which a new shard begins; the parquet file of the same rows is smaller.
        row_group_bytes: JSON bytes in one row group of a parquet file; so much is in memory at a time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard_bytes: int = Field(default=500_000_000, ge=1)
    row_group_bytes: int = Field(default=32_000_000, ge=1)


@dataclass
class _Shard:
    """One shard being written, in both formats."""

    lines: IO[bytes]
    table: pq.ParquetWriter
    schema: pa.Schema
    size: int = 0
    pending: list[Mapping[str, Json]] = field(default_factory=list)
    pending_size: int = 0

    def add(self, row: Mapping[str, Json], row_group_bytes: int) -> None:
        line = orjson.dumps(row) + b"\n"
        self.lines.write(line)
        self.size += len(line)
        self.pending.append(row)
        self.pending_size += len(line)
        if self.pending_size >= row_group_bytes:
            self.flush()

    def flush(self) -> None:
        import pyarrow as pa

        if self.pending:
            self.table.write_table(pa.Table.from_pylist(self.pending, schema=self.schema))
            self.pending, self.pending_size = [], 0

    def close(self) -> None:
        self.flush()
        self.table.close()
        self.lines.close()


def write_shards(rows: Iterable[Row], folder: Path, columns: Mapping[str, ColumnType], sizes: Sizes | None = None) -> list[Path]:
    """Write rows to ``{train,test}-00000-of-N.jsonl`` and ``.parquet`` in a folder; shards of an earlier export are replaced.

    Args:
        rows: with the columns, and ``split``, which decides the file and is not written.
        folder: made when missing.
        columns: names and types, in order.
        sizes: when to begin a new shard.

    Returns:
        The files, train before test, by number.

    Raises:
        EmptyResultError: there is no row; nothing is touched.
        RunError: the folder cannot be written to.
    """
    sizes = sizes or Sizes()
    shards: dict[str, list[_Shard]] = {split: [] for split in SPLITS}
    try:
        with ExitStack() as opened:
            for row in rows:
                several = shards[str(row["split"])]
                if not several or several[-1].size >= sizes.shard_bytes:
                    if several:
                        several[-1].close()
                    folder.mkdir(parents=True, exist_ok=True)
                    several.append(_open(folder, str(row["split"]), len(several), columns, opened))
                several[-1].add({name: row[name] for name in columns}, sizes.row_group_bytes)
            if not any(shards.values()):
                raise EmptyResultError("there is no pair to export", "sample some first: wildgraph sample RUN --documents PATH -n N")
            for several in shards.values():
                for shard in several:
                    shard.close()
        return _rename(folder, {split: len(several) for split, several in shards.items()})
    except OSError as error:
        raise RunError(
            f"cannot write the data set to {folder}: {error.strerror or error}", "check the disk and the folder's permissions"
        ) from error
    finally:
        for partial in folder.glob("*.partial"):
            if _SHARD.match(partial.name):
                partial.unlink()


def _open(folder: Path, split: str, number: int, columns: Mapping[str, ColumnType], opened: ExitStack) -> _Shard:
    import pyarrow.parquet as pq

    schema = _schema(columns)
    lines = opened.enter_context((folder / f"{split}-{number:05d}.jsonl.partial").open("wb"))
    table = opened.enter_context(pq.ParquetWriter(folder / f"{split}-{number:05d}.parquet.partial", schema, compression="zstd"))
    return _Shard(lines, table, schema)


def _schema(columns: Mapping[str, ColumnType]) -> pa.Schema:
    import pyarrow as pa

    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    types = {
        "string": pa.string(),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
        "strings": pa.list_(pa.string()),
        "messages": pa.list_(message),
    }
    return pa.schema([(name, types[kind]) for name, kind in columns.items()])


def _rename(folder: Path, counts: Mapping[str, int]) -> list[Path]:
    """Give all shards their names, then remove what an earlier export left."""
    written = []
    for suffix in ("jsonl", "parquet"):
        for split, count in counts.items():
            for number in range(count):
                final = folder / f"{split}-{number:05d}-of-{count:05d}.{suffix}"
                (folder / f"{split}-{number:05d}.{suffix}.partial").replace(final)
                written.append(final)
    for stale in folder.iterdir():
        if _SHARD.match(stale.name) and stale not in written:
            stale.unlink()
    return sorted(written, key=lambda file: (SPLITS.index(file.name.partition("-")[0]), file.name))
