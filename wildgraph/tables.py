"""Cells of CSV, TSV and parquet files, streamed. :mod:`wildgraph.rows` makes rows and rejections of them."""

from __future__ import annotations

import csv
import io
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from wildgraph.errors import InputError
from wildgraph.files import Decompressed, open_bytes

if TYPE_CHECKING:
    import pyarrow as pa

_UNDECODED = re.compile("[\udc80-\udcff]")
_HEADER_CHARS = 1 << 16
_CHUNK = 1 << 18
_BATCH_ROWS = 128
_MAX_COLUMN_NAME = 100


@dataclass(frozen=True)
class Cells:
    """One row's values under their columns' names; ``line`` is the row's number in a parquet file."""

    line: int
    values: object


@dataclass(frozen=True)
class Unreadable:
    """A row that cannot be read, with a reason of :data:`wildgraph.reasons.REASONS`."""

    line: int
    reason: str
    detail: str


def delimited_rows(path: Path, *, tab: bool, limit: int) -> Iterator[Cells | Unreadable]:
    """Rows under a header; separated by whichever of ``, ; | tab`` the header has most of.

    Cells that are missing at a row's end are missing, as spreadsheets write them; rows without any content are none.

    Args:
        path: the file, compressed or not.
        tab: separated by tabs, whatever the header has.
        limit: characters in a line or cell from which on it is skipped.

    Raises:
        InputError: the file cannot be opened or has no header.
    """
    csv.field_size_limit(limit)  # process-wide, but the default of 128 KiB is a limit for nobody's sake
    with io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        first = stream.readline(_HEADER_CHARS)
        delimiter = "\t" if tab else max(",;\t|", key=first.count)
        names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
        known = [name for name in names if name]  # a column without a name is the index that some exports write
        if not known or len(set(known)) != len(known) or max(map(len, known)) > _MAX_COLUMN_NAME:
            raise InputError(f"{path.as_posix()} has no header", "its first line must name the columns, each once")
        last, too_long = "", False

        def lines() -> Iterator[str]:
            nonlocal last, too_long
            while last := stream.readline(limit):
                if len(last) == limit and not last.endswith(("\n", "\r")):
                    too_long, quotes, rest = True, 0, ""
                    while not rest.endswith(("\n", "\r")) and (rest := stream.readline(_CHUNK)):
                        quotes += rest.count('"')
                    yield last + '"' * (quotes % 2)  # what was open stays open, and what was closed closed: the next line is its own row
                else:
                    yield last

        reader = csv.reader(lines(), delimiter=delimiter, strict=True)
        while True:
            line = reader.line_num + 2  # the header, and counting from one
            try:
                cells = next(reader, None)
            except csv.Error as error:
                reason = "half_written_line" if "end of data" in str(error) else "unknown_layout"
                yield Unreadable(line, "too_long" if too_long or "field larger" in str(error) else reason, f"broken quoting: {error}")
                too_long = False
                continue
            if cells is None:
                return
            if too_long:
                too_long = False
                yield Unreadable(line, "too_long", f"more than {limit} characters without a line break")
            elif any(_UNDECODED.search(cell) for cell in cells):
                yield Unreadable(line, "undecodable", "the row is not UTF-8")
            elif len(cells) > len(names):
                yield Unreadable(line, "unknown_layout", f"{len(cells)} cells under {len(names)} column names")
            elif any(map(str.strip, cells)):
                if len(cells) < len(names) and not last.endswith(("\n", "\r")):
                    yield Unreadable(line, "half_written_line", f"{len(cells)} cells under {len(names)} column names, and no line end")
                else:
                    yield Cells(line, {name: cell for name, cell in zip(names, cells, strict=False) if name})


def parquet_rows(path: Path) -> Iterator[Cells | Unreadable]:
    """The rows of a parquet file; a row group that is damaged costs its rows, a value that is no Python value costs its row.

    Raises:
        InputError: the file cannot be opened, or its footer cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_bytes(path) as stream, ExitStack() as stack:
        seekable = stream
        if isinstance(stream, Decompressed):  # it is read from its end
            seekable = cast("io.BufferedReader", stack.enter_context(tempfile.TemporaryFile()))
            shutil.copyfileobj(stream, seekable)
            seekable.seek(0)
        try:
            table = pq.ParquetFile(seekable)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"cannot read the parquet file {path.as_posix()}: {reason}", "it may be cut off; fetch it again") from error
        done = 0
        for group in range(table.num_row_groups):
            expected = done + table.metadata.row_group(group).num_rows
            try:
                for batch in table.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group]):
                    yield from _batch(batch, done)
                    done += batch.num_rows
            except (pa.ArrowException, OSError) as error:
                yield Unreadable(done + 1, "undecodable", f"rows {done + 1} to {expected} cannot be read: {error}")
            done = expected


def _batch(batch: pa.RecordBatch, done: int) -> Iterator[Cells | Unreadable]:
    """The rows of a batch that follows ``done`` rows."""
    try:
        found: list[object] = batch.to_pylist()
    except (ValueError, OverflowError):
        # some value in it has no Python counterpart: bytes that are not UTF-8, a date out of range
        found = [_row_or_error(batch, index) for index in range(batch.num_rows)]
    for line, values in enumerate(found, start=done + 1):
        yield Unreadable(line, "undecodable", str(values)) if isinstance(values, Exception) else Cells(line, values)


def _row_or_error(batch: pa.RecordBatch, index: int) -> object:
    try:
        return batch.slice(index, 1).to_pylist()[0]
    except (ValueError, OverflowError) as error:
        return error
