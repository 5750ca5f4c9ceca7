r"""Reading each kind of file row by row, streaming, with everything that can be wrong inside one.

JSONL is split at ``\n`` only, since U+2028, U+2029 and U+0085 occur inside JSON strings.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, cast

import orjson

from wildgraph.errors import InputError
from wildgraph.readers.files import Decompressed, LogFile, broken, open_bytes, row_of
from wildgraph.readers.layout import LogRow
from wildgraph.records import Rejection

if TYPE_CHECKING:
    import pyarrow as pa

#: No row is longer than this: what is longer is rejected unread, so that memory stays flat.
MAX_ROW_BYTES = 64 << 20

_BOM = b"\xef\xbb\xbf"
_PARQUET_BATCH = 256


def rows(file: LogFile, per_line: bool = False) -> Iterator[LogRow | Rejection]:
    """A file's rows in order; what cannot be read is a rejection that names the line.

    Args:
        file: from :func:`wildgraph.readers.files.look_into`.
        per_line: make every line of a text file a row, instead of the whole.

    Raises:
        InputError: the file cannot be opened, or a table has no header.
    """
    if file.empty:
        return
    line = 0
    try:
        for item in _rows_of_kind(file, per_line):
            line = item.line if isinstance(item, LogRow) else line + 1
            yield item
    except EOFError:
        yield broken(file, line + 1, "half_written_line", "the compressed file ends early")
    except (OSError, zlib.error) as error:
        yield broken(file, line + 1, "undecodable", f"the rest of the file cannot be read: {error}")


def _rows_of_kind(file: LogFile, per_line: bool) -> Iterator[LogRow | Rejection]:
    if file.kind == "parquet":
        yield from _parquet(file)
        return
    with open_bytes(file.path) as stream:
        if file.kind == "jsonl":
            yield from _jsonl(file, stream)
        elif file.kind == "json":
            yield from _json(file, stream)
        elif file.kind == "csv":
            yield from _csv(file, stream)
        elif per_line:
            yield from _lines(file, stream)
        else:
            yield _text(file, stream)


# --------------------------------------------------------------------------- lines


def _split(file: LogFile, stream: BinaryIO) -> Iterator[tuple[int, bytes] | Rejection]:
    """(Line number, bytes with their line break) of lines that are not blank; what is too long is skipped."""
    number = 0
    while line := stream.readline(MAX_ROW_BYTES):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if len(line) >= MAX_ROW_BYTES and not line.endswith(b"\n"):
            while (rest := stream.readline(MAX_ROW_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield broken(file, number, "too_long", f"the line is longer than {MAX_ROW_BYTES} bytes")
        elif not line.isspace() and line:
            yield number, line


def _jsonl(file: LogFile, stream: BinaryIO) -> Iterator[LogRow | Rejection]:
    for item in _split(file, stream):
        if isinstance(item, Rejection):
            yield item
            continue
        number, line = item
        try:
            yield row_of(file, parse_json(line), number)
        except UnicodeDecodeError as error:
            yield broken(file, number, "undecodable", str(error))
        except (ValueError, RecursionError) as error:
            cut = not line.endswith(b"\n")
            yield broken(file, number, "half_written_line" if cut else "broken_json", str(error).splitlines()[0][:200])


def parse_json(line: bytes) -> object:
    """The value of one line.

    Raises:
        UnicodeDecodeError: not UTF-8. ValueError, RecursionError: not JSON.
    """
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        # strict: NaN, lone surrogates and very deep nesting are errors to it, and to tell bad bytes from bad JSON takes a second look
        return json.loads(line.decode("utf-8"))


def _lines(file: LogFile, stream: BinaryIO) -> Iterator[LogRow | Rejection]:
    for item in _split(file, stream):
        if isinstance(item, Rejection):
            yield item
            continue
        number, line = item
        try:
            yield LogRow({"text": line.decode("utf-8").strip()}, file.name, number)
        except UnicodeDecodeError as error:
            yield broken(file, number, "undecodable", str(error))


def _text(file: LogFile, stream: BinaryIO) -> LogRow | Rejection:
    content = stream.read(MAX_ROW_BYTES + 1)
    if len(content) > MAX_ROW_BYTES:
        return broken(file, 1, "too_long", f"the file is longer than {MAX_ROW_BYTES} bytes")
    try:
        return LogRow({"text": content.removeprefix(_BOM).decode("utf-8")}, file.name, 1)
    except UnicodeDecodeError as error:
        return broken(file, 1, "undecodable", str(error))


# --------------------------------------------------------------------------- JSON values over several lines

_CHUNK = 1 << 18
_SPACE = re.compile(r"[ \t\r\n]*")
_UNDECODED = re.compile(r"[\udc80-\udcff]")
#: An error this near the end of what was read so far may only mean that more has to be read: a literal, escape or number cut in two.
_CUT_MARGIN = 32


class _UndecodableError(Exception):
    """A JSON value with bytes that are not UTF-8; the window stands behind it."""


class _Window:
    """The part of a text stream that is being parsed. Undecodable bytes stand in it as U+DC80 to U+DCFF."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self.text = ""
        self.place = 0
        self.ended = False

    def more(self) -> bool:
        """Read on, doubling what is in memory; ``False`` at the end of the stream."""
        if self.ended:
            return False
        chunk = self._stream.read(max(_CHUNK, len(self.text) - self.place))
        self.ended = not chunk
        self.text = self.text[self.place :] + self._decoder.decode(chunk, final=self.ended)
        self.place = 0
        return True

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            found = _SPACE.match(self.text, self.place)
            self.place = found.end() if found else self.place
            if self.place < len(self.text):
                return self.text[self.place]
            if not self.more():
                return ""

    def value(self) -> object:
        """The JSON value that starts here.

        Raises:
            EOFError: the stream ends inside it. ValueError, RecursionError: it is broken or too long.
            _UndecodableError: it has bytes that are not UTF-8.
        """
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.place)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated string") or error.pos >= len(self.text) - _CUT_MARGIN
                if not cut:
                    raise
                if len(self.text) - self.place > MAX_ROW_BYTES:
                    raise ValueError("longer than any row may be") from error
                if not self.more():
                    raise EOFError from error
            else:
                start, self.place = self.place, end
                if _UNDECODED.search(self.text, start, end):
                    raise _UndecodableError
                return value


_DECODER = json.JSONDecoder()


def _json(file: LogFile, stream: BinaryIO) -> Iterator[LogRow | Rejection]:
    """The items of an array; of an object, those of its one list of rows, or itself."""
    window = _Window(stream)
    if window.peek() == "[":
        window.place += 1
        yield from _array(file, window)
        return
    try:
        value = window.value()
    except EOFError:
        yield broken(file, 1, "half_written_line", "the file ends in the middle of a JSON value")
        return
    except _UndecodableError:
        yield broken(file, 1, "undecodable", "the file's bytes are not valid UTF-8")
        return
    except (ValueError, RecursionError) as error:
        yield broken(file, 1, "broken_json", str(error)[:200])
        return
    wrapped = (
        next((value[key] for key in ("data", "rows", "train") if isinstance(value.get(key), list)), None)
        if isinstance(value, dict)
        else None
    )
    for number, item in enumerate([value] if wrapped is None else wrapped, start=1):
        yield row_of(file, item, number)


def _array(file: LogFile, window: _Window) -> Iterator[LogRow | Rejection]:
    number = 0
    while (mark := window.peek()) not in ("]", ""):
        if mark == "," and number:
            window.place += 1
            if window.peek() in ("]", ""):
                break
        elif number:
            yield broken(file, number + 1, "broken_json", "no comma after the item before; the rest of the file was skipped")
            return
        number += 1
        try:
            yield row_of(file, window.value(), number)
        except _UndecodableError:
            yield broken(file, number, "undecodable", "the item's bytes are not valid UTF-8")
        except EOFError:
            yield broken(file, number, "half_written_line", "the file ends in the middle of a JSON value")
            return
        except (ValueError, RecursionError) as error:
            yield broken(file, number, "broken_json", f"{str(error)[:200]}; the rest of the file was skipped")
            return
    if window.peek() != "]":
        yield broken(file, number + 1, "half_written_line", "the array is not closed")
        return
    window.place += 1
    if window.peek():
        yield broken(file, number + 1, "broken_json", "something follows the array; the rest of the file was skipped")


# --------------------------------------------------------------------------- tables


def _csv(file: LogFile, stream: BinaryIO) -> Iterator[LogRow | Rejection]:
    """Rows under a header; tab-separated, or by whichever of ``, ; | tab`` the header has most of."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    header_line = text.readline(_CHUNK)
    delimiter = max(",;\t|", key=header_line.count)
    header = next(csv.reader([header_line], delimiter=delimiter), [])
    names = [name.strip() for name in header]
    if len(set(names)) != len(names) or not all(names) or any(len(name) > 100 for name in names):
        raise InputError(f"{file.name} has no header", "its first line must name the columns, each once")
    csv.field_size_limit(MAX_ROW_BYTES)  # process-wide, but the default of 128 KiB is a limit for nobody's sake
    line = ""

    def lines() -> Iterator[str]:
        nonlocal line
        while line := text.readline(MAX_ROW_BYTES):
            yield line

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 2
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cut = "end of data" in str(error)
            yield broken(file, number, "half_written_line" if cut else "unknown_layout", f"broken quoting: {error}")
            continue
        if not cells:
            continue
        if len(cells) != len(names):
            cut = len(cells) < len(names) and not line.endswith(("\n", "\r"))
            yield broken(file, number, "half_written_line" if cut else "unknown_layout", f"{len(cells)} cells under {len(names)} columns")
        elif any(_UNDECODED.search(cell) for cell in cells):
            yield broken(file, number, "undecodable", "the row's bytes are not valid UTF-8")
        else:
            yield LogRow(dict(zip(names, cells, strict=True)), file.name, number)


def _parquet(file: LogFile) -> Iterator[LogRow | Rejection]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_bytes(file.path) as stream, ExitStack() as stack:
        seekable: BinaryIO = stream
        if isinstance(stream, Decompressed):
            seekable = cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile()))
            shutil.copyfileobj(stream, seekable)
            seekable.seek(0)
        try:
            table = pq.ParquetFile(seekable)
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"cannot read the parquet file {file.name}: {str(error).splitlines()[0]}", "it may be cut off; fetch it again"
            ) from error
        done = 0
        for group in range(table.num_row_groups):
            expected = done + table.metadata.row_group(group).num_rows
            try:
                for batch in table.iter_batches(batch_size=_PARQUET_BATCH, row_groups=[group]):
                    yield from _batch(file, batch, done)
                    done += batch.num_rows
            except (pa.ArrowException, OSError) as error:
                yield broken(file, done + 1, "undecodable", f"rows {done + 1} to {expected} cannot be read: {str(error).splitlines()[0]}")
            done = expected


def _batch(file: LogFile, batch: pa.RecordBatch, done: int) -> Iterator[LogRow | Rejection]:
    """The rows of a batch that follows ``done`` rows."""
    try:
        found: list[object] = batch.to_pylist()
    except (ValueError, OverflowError):
        # some value in it has no Python counterpart: bytes that are not UTF-8, a date out of range
        found = [_row_or_error(batch, index) for index in range(batch.num_rows)]
    for number, values in enumerate(found, start=done + 1):
        yield broken(file, number, "undecodable", str(values)) if isinstance(values, Exception) else row_of(file, values, number)


def _row_or_error(batch: pa.RecordBatch, index: int) -> object:
    try:
        return batch.slice(index, 1).to_pylist()[0]
    except (ValueError, OverflowError) as error:
        return error
