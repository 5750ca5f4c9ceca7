r"""Rows of data files, whatever they are written in: JSONL, JSON, CSV, TSV, parquet or plain text, compressed or not.

The one place that reads tables. What a row *means* is decided by the log readers and by the corpus. Everything streams; a row that
cannot be read is a :class:`~wildgraph.records.Rejection` that names file and line, a file that cannot be read is an
:class:`~wildgraph.errors.InputError`. Lines end at ``\n`` only, since U+2028, U+2029 and U+0085 occur inside JSON strings.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson

from wildgraph.errors import InputError
from wildgraph.files import DAMAGED, UTF16, head_of, looks_binary, open_bytes, suffix_of
from wildgraph.records import Rejection
from wildgraph.tables import Cells, Unreadable, delimited_rows, parquet_rows

Layout = Literal["lines", "array", "object", "csv", "tsv", "parquet", "text"]

#: Suffix -> what such a file holds as a rule; its first bytes may say otherwise. A compression's suffix may follow.
SUFFIXES: dict[str, Layout] = {
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".json": "array",
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "text",
}
TABLE_SUFFIXES = frozenset(suffix for suffix, layout in SUFFIXES.items() if layout != "text")

#: No row may be longer: what is longer is rejected unread, so that a file without a single line break does not fill the memory.
MAX_ROW_BYTES = 64 << 20

_BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile("[\ud800-\udfff]")
# One step through JSON text: a whole string, a bracket, a comma, or a string that goes on beyond the buffer.
_JSON_STEP = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},]|"', re.DOTALL)
_HEAD_BYTES = 1 << 16
_CHUNK = 1 << 18
#: Where a JSON object that is a whole file keeps its rows, if not itself is one.
_WRAPPERS = ("data", "rows", "train")


@dataclass(frozen=True)
class Row:
    """One row of a file.

    Attributes:
        values: column or key -> value, as the file has it; lone surrogates are replaced by U+FFFD.
        source: the file, as it was named.
        line: 1-based line; the row's number in a JSON array or parquet file, where a line may hold many rows or a row many lines.
    """

    values: Mapping[str, object]
    source: str
    line: int

    @property
    def where(self) -> str:
        """``file:line``, for messages."""
        return f"{self.source}:{self.line}"


@dataclass(frozen=True)
class DataFile:
    """A file that was looked into.

    Attributes:
        path: where it is.
        layout: what it holds; ``lines`` and ``object`` are JSON.
        empty: whether it holds nothing but white space.
    """

    path: Path
    layout: Layout
    empty: bool = False

    @property
    def name(self) -> str:
        """The file, as it was named."""
        return self.path.as_posix()


def clean(text: str) -> str:
    """``text`` with lone surrogates, which no file format can hold, replaced one for one by U+FFFD.

    Example:
        >>> clean("a" + chr(0xD800))
        'a\ufffd'
    """
    return _SURROGATE.sub("\ufffd", text)


# --------------------------------------------------------------------------- what a file holds


def look_into(path: Path) -> DataFile:
    """What a file holds, by its first bytes before its name.

    Raises:
        InputError: it is missing, no file, unreadable, binary, or of no known format.
    """
    head = head_of(path, _HEAD_BYTES)
    name, suffix = path.as_posix(), suffix_of(path)
    if head.startswith(b"PAR1"):
        return DataFile(path, "parquet")
    if head.startswith(UTF16):
        raise InputError(f"{name} is UTF-16 text", "convert it to UTF-8, for instance with `iconv -f UTF-16 -t UTF-8`")
    if suffix == ".parquet" and head:
        raise InputError(f"{name} is not a parquet file", "it may be cut off or be something else under that name")
    if looks_binary(head[:8192]):
        raise InputError(f"{name} is binary", f"rows are read from {' '.join(SUFFIXES)}, also .gz and .zst; unpack archives first")
    start = head.removeprefix(_BOM).lstrip()
    if not start:
        return DataFile(path, SUFFIXES.get(suffix, "text"), empty=True)
    return DataFile(path, _layout(start, suffix, name))


def _layout(start: bytes, suffix: str, name: str) -> Layout:
    """What begins with ``start``; a text file may hold JSON, a ``.json`` file JSON lines, and a ``.jsonl`` file an array."""
    usual = SUFFIXES.get(suffix)
    first, _, rest = start.partition(b"\n")
    if usual in {"csv", "tsv"} or (usual == "text" and not isinstance(_value_or_none(first), dict | list)):
        return usual
    if start.startswith(b"["):
        # lines that are lists themselves are no rows, but not an array either
        return "lines" if rest.lstrip()[:1] in {b"[", b"{"} and isinstance(_value_or_none(first), list) else "array"
    if start.startswith(b"{"):
        return "object" if usual == "array" and not isinstance(_value_or_none(first), dict) else "lines"
    if usual is None:
        raise InputError(f"unknown format: {name} is neither JSON nor parquet", f"known suffixes: {' '.join(SUFFIXES)}")
    if usual == "array":
        raise InputError(f"{name} is not JSON", "it starts neither with [ nor with {")
    return usual


def read_rows(file: Path | DataFile, *, stage: str, per_line: bool = False) -> Iterator[Row | Rejection]:
    """The rows of one file, in order; what cannot be read is a rejection that names the line.

    JSON files may hold an array, one object, an object that wraps an array, or one object a line. A text file is one row with the
    column ``text``.

    Args:
        file: a path, or what :func:`look_into` made of it.
        stage: the stage that rejections are booked on.
        per_line: make every line of a text file a row, instead of the whole.

    Raises:
        InputError: the file is missing, binary, empty, or not what its name says.
    """
    if isinstance(file, Path):
        file = look_into(file)
    if file.empty:
        raise InputError(f"{file.name} is empty", "it has no rows; an export that failed leaves such a file")
    line = 0
    try:
        for row in _Rows(file, stage).all(per_line):
            line = row.line if isinstance(row, Row) else line + 1
            yield row
    except EOFError:
        yield _reject(file, stage, line + 1, "half_written_line", "the compressed file ends early")
    except DAMAGED as error:
        yield _reject(file, stage, line + 1, "undecodable", f"the rest of the file cannot be read: {error}")


def _reject(file: DataFile, stage: str, line: int, reason: str, detail: str) -> Rejection:
    where = f"{file.name}:{line}"
    return Rejection(stage=stage, item=where, reason=reason, where=where, detail=" ".join(detail.split())[:300])


# --------------------------------------------------------------------------- JSON values


def _decode(blob: bytes) -> object:
    """The JSON value of ``blob``.

    Raises:
        ValueError: it is not JSON or not UTF-8 (:class:`UnicodeDecodeError`).
    """
    try:
        value: object = orjson.loads(blob)
    except orjson.JSONDecodeError:
        try:
            value = _without_surrogates(json.loads(blob.decode("utf-8")))  # takes NaN, big numbers and lone surrogates
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
    return value


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): _without_surrogates(item) for key, item in value.items()}
    return value


def _value_or_none(blob: bytes) -> object:
    try:
        return _decode(blob)
    except ValueError:
        return None


# --------------------------------------------------------------------------- one file


@dataclass(frozen=True)
class _Rows:
    """The ways to the rows of one file, one per layout."""

    file: DataFile
    stage: str

    def all(self, per_line: bool) -> Iterator[Row | Rejection]:
        """The rows, by the file's layout."""
        match self.file.layout:
            case "parquet":
                return map(self._cells, parquet_rows(self.file.path))
            case "csv" | "tsv" as layout:
                return map(self._cells, delimited_rows(self.file.path, tab=layout == "tsv", limit=MAX_ROW_BYTES))
            case "array":
                return self._array()
            case "object":
                return self._object()
            case "text" if not per_line:
                return self._text()
            case "text":
                return self._text_lines()
        return self._json_lines()

    def _broken(self, line: int, reason: str, detail: str) -> Rejection:
        return _reject(self.file, self.stage, line, reason, detail)

    def _row(self, values: object, line: int) -> Row | Rejection:
        if isinstance(values, Mapping):
            return Row(values, self.file.name, line)
        return self._broken(line, "not_an_object", f"a {type(values).__name__}")

    def _cells(self, item: Cells | Unreadable) -> Row | Rejection:
        return self._broken(item.line, item.reason, item.detail) if isinstance(item, Unreadable) else self._row(item.values, item.line)

    def _json_row(self, blob: bytes, line: int, *, cut: bool = False, at: str = "") -> Row | Rejection:
        """``blob`` as a row; ``cut`` says that the file ends here without the line being closed."""
        try:
            return self._row(_decode(blob), line)
        except UnicodeDecodeError as error:
            return self._broken(line, "undecodable", f"byte {error.start} of the row is not UTF-8{at}")
        except ValueError as error:
            return self._broken(line, "half_written_line" if cut else "broken_json", f"{error}{at}")

    # ----------------------------------------------------------------------- lines

    def _lines(self) -> Iterator[tuple[int, bytes] | Rejection]:
        """(Line, bytes with their line break) of the lines that are not blank."""
        with open_bytes(self.file.path) as stream:
            line = 0
            while blob := stream.readline(MAX_ROW_BYTES + 1):
                line += 1
                if line == 1:
                    blob = blob.removeprefix(_BOM)
                if len(blob) > MAX_ROW_BYTES:
                    while blob and not blob.endswith(b"\n"):
                        blob = stream.readline(_CHUNK)
                    yield self._broken(line, "too_long", f"more than {MAX_ROW_BYTES} bytes without a line break")
                elif blob.strip():
                    yield line, blob

    def _json_lines(self) -> Iterator[Row | Rejection]:
        for item in self._lines():
            yield item if isinstance(item, Rejection) else self._json_row(item[1].strip(), item[0], cut=not item[1].endswith(b"\n"))

    def _text_lines(self) -> Iterator[Row | Rejection]:
        for item in self._lines():
            yield item if isinstance(item, Rejection) else self._text_row(item[1].strip(), item[0])

    def _text(self) -> Iterator[Row | Rejection]:
        with open_bytes(self.file.path) as stream:
            blob = stream.read(MAX_ROW_BYTES + 1)
        yield self._text_row(blob.removeprefix(_BOM), 1)

    def _text_row(self, blob: bytes, line: int) -> Row | Rejection:
        if len(blob) > MAX_ROW_BYTES:
            return self._broken(line, "too_long", f"more than {MAX_ROW_BYTES} bytes")
        try:
            return self._row({"text": blob.decode("utf-8")}, line)
        except UnicodeDecodeError as error:
            return self._broken(line, "undecodable", f"byte {error.start} is not UTF-8")

    # ----------------------------------------------------------------------- JSON over several lines

    def _object(self) -> Iterator[Row | Rejection]:
        """One object over several lines, which may wrap the rows; or lines after all, the first of them broken."""
        with open_bytes(self.file.path) as stream:
            blob = stream.read(MAX_ROW_BYTES + 1).removeprefix(_BOM).strip()
        value = _value_or_none(blob) if len(blob) <= MAX_ROW_BYTES else None
        if isinstance(value, dict):
            lists = (value.get(key) for key in _WRAPPERS)
            wrapped = next((rows for rows in lists if isinstance(rows, list) and any(isinstance(row, dict) for row in rows)), [value])
            yield from (self._row(row, number) for number, row in enumerate(wrapped, start=1))
        elif blob.partition(b"\n")[0].strip() != b"{":
            yield from self._json_lines()
        elif len(blob) > MAX_ROW_BYTES:
            yield self._broken(1, "too_long", f"one object of more than {MAX_ROW_BYTES} bytes; write one row a line")
        else:
            yield self._json_row(blob, 1, cut=not blob.endswith(b"}"))

    def _array(self) -> Iterator[Row | Rejection]:
        """The elements of one JSON array, found by their brackets, so that a broken element costs one element and memory stays flat."""
        with io.TextIOWrapper(open_bytes(self.file.path), encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            buffer = ""
            while "[" not in buffer and (more := stream.read(_CHUNK)):
                buffer += more
            start = place = buffer.index("[") + 1
            number, line, depth, closed = 1, 1 + buffer.count("\n", 0, start), 0, -1  # closed: where the element's own bracket closes
            while depth >= 0:
                step = _JSON_STEP.search(buffer, place)
                mark = step.group() if step else '"'
                if step is None or mark == '"':  # between two marks, or inside a string that goes on beyond the buffer
                    too_long = len(buffer) - start > MAX_ROW_BYTES
                    more = "" if too_long else stream.read(max(_CHUNK, len(buffer) - start))
                    if more:
                        place, closed = (step.start() if step else len(buffer)) - start, closed - start if closed >= 0 else -1
                        buffer, start = buffer[start:] + more, 0
                        continue
                    if closed >= 0 and not buffer[closed:].strip():
                        yield self._element(buffer[start:closed], number, line)
                        number += 1
                    if too_long:
                        yield self._broken(number, "too_long", f"an element of more than {MAX_ROW_BYTES} bytes; the rest was not read")
                    else:
                        yield self._broken(number, "half_written_line", "the array is not closed; an element that starts here is lost")
                    return
                place = step.end()
                depth += (mark in "[{") - (mark in "]}")
                if depth == 0 and mark in "]}" and closed < 0:
                    closed = place
                if depth < 0 or (depth == 0 and mark == ","):
                    end = step.start()
                    whole = closed if closed >= 0 else end
                    if depth == 0 or buffer[start:end].strip():
                        yield self._element(buffer[start:whole], number, line)
                        number += 1
                    if buffer[whole:end].strip():
                        yield self._broken(number, "broken_json", "no comma stands before it; it was not read")
                        number += 1
                    line += buffer.count("\n", start, end)
                    start, closed = place, -1
            if (buffer[place:] + stream.read(_CHUNK)).strip():
                yield self._broken(number, "broken_json", f"text follows the end of the array in line {line} and was not read")

    def _element(self, text: str, number: int, line: int) -> Row | Rejection:
        line += text.count("\n", 0, len(text) - len(text.lstrip()))
        return self._json_row(text.strip().encode("utf-8", "surrogateescape"), number, at=f", in the element that starts in line {line}")
