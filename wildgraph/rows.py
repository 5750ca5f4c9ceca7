"""Rows of data files, whatever they are written in: JSONL, JSON, CSV, TSV or parquet, plain, gzip or zstandard.

The one place that opens tables. What a row *means* is decided by the log readers and by the corpus. Everything streams; a row that
cannot be read is a :class:`~wildgraph.records.Rejection` that names file and line, a file that cannot be read is an
:class:`~wildgraph.errors.InputError`.
"""

from __future__ import annotations

import csv
import glob
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import orjson
import zstandard

from wildgraph.errors import InputError
from wildgraph.records import Rejection

#: Suffixes of files with rows, the compression's suffix taken off.
TABLE_SUFFIXES = frozenset({".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet"})
COMPRESSION_SUFFIXES = frozenset({".gz", ".zst", ".zstd"})

#: No row may be longer: a file without a single line break must not fill the memory.
MAX_ROW_BYTES = 256 * 1024 * 1024

_GZIP, _ZSTD, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
_SURROGATE = re.compile("[\ud800-\udfff]")
# One step through JSON text: a whole string, a bracket, a comma, or a string that goes on beyond the buffer.
_JSON_STEP = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},]|"', re.DOTALL)
_CHUNK = 1 << 20
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError)


@dataclass(frozen=True)
class Row:
    """One row of a file.

    Attributes:
        source: the file, as it was named.
        line: 1-based line, or the row's number in a parquet file.
        data: column or key -> value, as the file has it; lone surrogates are replaced by U+FFFD.
    """

    source: str
    line: int
    data: Mapping[str, object]

    @property
    def where(self) -> str:
        """``file:line``, for messages."""
        return f"{self.source}:{self.line}"


def suffix_of(path: Path) -> str:
    """The suffix in lower case, the compression's own taken off.

    Example:
        >>> suffix_of(Path("log.JSONL.gz")), suffix_of(Path("notes"))
        ('.jsonl', '')
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in COMPRESSION_SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def clean(text: str) -> str:
    """``text`` with lone surrogates, which no file format can hold, replaced one for one by U+FFFD.

    Example:
        >>> clean("a" + chr(0xD800))
        'a\ufffd'
    """
    return _SURROGATE.sub("\ufffd", text)


def looks_binary(head: bytes) -> bool:
    """Whether the first bytes of a file are no text: NUL bytes, or one in ten a control character."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True  # UTF-16: text, but none that any reader here decodes
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x08\x1b" for byte in head)
    return b"\x00" in head or controls * 10 > len(head)


def expand(paths: Sequence[Path | str]) -> Iterator[tuple[Path, Path]]:
    """The files that paths, folders and glob patterns stand for, each with the folder its name is relative to.

    Folders are walked in sorted order, hidden entries left out; a file named twice comes once.

    Raises:
        InputError: a path does not exist, a pattern matches nothing, or a folder holds no file.
    """
    seen: set[Path] = set()
    for given in map(Path, paths):
        found = list(_expand_one(given))
        if not found:
            raise InputError(f"the folder {given} holds no file", "give the folder that the data files lie in")
        for file, root in found:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file, root


def _expand_one(given: Path) -> Iterator[tuple[Path, Path]]:
    if given.is_dir():
        yield from ((file, given) for file in _walk(given))
    elif given.exists():
        yield given, given.parent
    elif glob.has_magic(str(given)):
        magic = next(place for place, part in enumerate(given.parts) if glob.has_magic(part))
        root = Path(*given.parts[:magic])
        pattern = Path(*given.parts[magic:])
        hidden = any(part.startswith(".") for part in pattern.parts)
        matches = sorted(match for match in root.glob(str(pattern)) if hidden or not _hidden(match.relative_to(root)))
        if not matches:
            raise InputError(f"nothing matches {given}", "check the folder and the pattern")
        for match in matches:
            yield from ((file, root) for file in (_walk(match) if match.is_dir() else [match]))
    else:
        raise InputError(f"{given} does not exist", "check the path")


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _walk(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot read the folder {folder}: {error.strerror}") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry)
        elif entry.is_file():
            yield entry


def open_bytes(path: Path) -> BinaryIO:
    """The file's bytes, decompressed where its first bytes say gzip or zstandard, whatever its name.

    Raises:
        InputError: the file is missing, a folder, or may not be read.
    """
    try:
        raw = path.open("rb")
        magic = raw.peek(4)[:4]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}", "check the path and its permissions") from error
    if magic.startswith(_GZIP):
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if magic == _ZSTD:
        return cast(BinaryIO, io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True, closefd=True)))
    return raw


def read_rows(path: Path, *, stage: str) -> Iterator[Row | Rejection]:
    r"""The rows of one file, in order.

    The layout is told by the suffix, a missing or unknown one by the first bytes. JSON files may hold an array, one object, or one
    object a line; lines end at ``\n`` only (U+2028 and U+0085 do occur inside strings).

    Args:
        path: the file.
        stage: the stage that rejections are booked on.

    Raises:
        InputError: the file is missing, binary, empty, or not what its name says.
    """
    source = path.as_posix()
    try:
        with open_bytes(path) as handle:
            head = handle.read(_CHUNK)
    except _DAMAGED as error:
        raise InputError(f"{source} cannot be decompressed: {error}", "the file is damaged or cut off; fetch it again") from error
    suffix = suffix_of(path)
    text = head.removeprefix(_BOM).lstrip()
    if head.startswith(_PARQUET):
        yield from _parquet(path, source)
        return
    if suffix == ".parquet":
        raise InputError(f"{source} is not a parquet file", "the file is damaged, or its name is wrong")
    if looks_binary(head[:8192]):
        raise InputError(f"{source} is a binary file", "rows are read from JSONL, JSON, CSV, TSV and parquet, plain, gzip or zstandard")
    if not text:
        raise InputError(f"{source} is empty", "an export that failed leaves such a file; write it again")
    first = text.partition(b"\n")[0]
    if suffix in {".csv", ".tsv"}:
        rows = _delimited(path, source, stage, tab=suffix == ".tsv")
    elif text.startswith(b"[") and not (first.rstrip().endswith(b"]") and b"\n[" in text):  # JSONL of arrays: its lines are no objects
        rows = _array(path, source, stage)
    elif suffix == ".json" and text.startswith(b"{") and not _is_object(first):
        rows = _object_or_lines(path, source, stage)
    else:
        rows = _lines(path, source, stage)
    line = 0
    try:
        for row in rows:
            line = row.line if isinstance(row, Row) else line + 1
            yield row
    except _DAMAGED as error:
        yield _reject(stage, source, line + 1, "half_written_line", f"the compressed file is damaged or cut off here: {error}")


_BOM = b"\xef\xbb\xbf"


def _reject(stage: str, source: str, line: int, reason: str, detail: str) -> Rejection:
    where = f"{source}:{line}"
    return Rejection(stage=stage, item=where, reason=reason, where=where, detail=detail[:300])


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


def _is_object(blob: bytes) -> bool:
    try:
        return isinstance(_decode(blob), dict)
    except ValueError:
        return False


def _row(blob: bytes, source: str, line: int, stage: str, *, last: bool) -> Row | Rejection:
    """``blob`` as a row; ``last`` says that the file ends here without the line being closed."""
    try:
        value = _decode(blob)
    except UnicodeDecodeError as error:
        return _reject(stage, source, line, "undecodable", f"byte {error.start} of the row is not UTF-8")
    except ValueError as error:
        return _reject(stage, source, line, "half_written_line" if last else "broken_json", str(error))
    if not isinstance(value, dict):
        return _reject(stage, source, line, "not_an_object", f"a JSON {type(value).__name__}")
    return Row(source, line, value)


def _lines(path: Path, source: str, stage: str) -> Iterator[Row | Rejection]:
    with open_bytes(path) as handle:
        line = 0
        while blob := handle.readline(MAX_ROW_BYTES + 1):
            line += 1
            if len(blob) > MAX_ROW_BYTES:
                yield _reject(stage, source, line, "too_long", f"more than {MAX_ROW_BYTES} bytes without a line break")
                while blob and not blob.endswith(b"\n"):
                    blob = handle.readline(_CHUNK)
                continue
            if line == 1:
                blob = blob.removeprefix(_BOM)
            if blob.strip():
                yield _row(blob.strip(), source, line, stage, last=not blob.endswith(b"\n"))


def _object_or_lines(path: Path, source: str, stage: str) -> Iterator[Row | Rejection]:
    """One object over several lines; or lines after all, the first of them broken."""
    with open_bytes(path) as handle:
        blob = handle.read(MAX_ROW_BYTES + 1).removeprefix(_BOM)
    if len(blob) <= MAX_ROW_BYTES and _is_object(blob):
        yield _row(blob, source, 1, stage, last=False)
    else:
        yield from _lines(path, source, stage)


def _array(path: Path, source: str, stage: str) -> Iterator[Row | Rejection]:
    """The elements of one JSON array, found by their brackets, so that a broken element costs one element and memory stays flat."""
    with io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:
        buffer = handle.read(_CHUNK)
        start = place = buffer.index("[") + 1
        line, depth = 1 + buffer.count("\n", 0, start), 0
        while True:
            step = _JSON_STEP.search(buffer, place)
            mark = step.group() if step else '"'
            if step is None or mark == '"':  # between two marks, or inside a string that goes on beyond the buffer
                more = handle.read(max(_CHUNK, len(buffer) - start)) if len(buffer) - start <= MAX_ROW_BYTES else ""
                if not more:
                    yield _reject(stage, source, line, "half_written_line", "the array is not closed; the row that starts here is lost")
                    return
                place = (step.start() if step else len(buffer)) - start
                buffer, start = buffer[start:] + more, 0
                continue
            place = step.end()
            depth += (mark in "[{") - (mark in "]}")
            if depth < 0 or (depth == 0 and mark == ","):
                element = buffer[start : step.start()]
                blob = element.strip().encode("utf-8", "surrogateescape")
                if blob or depth == 0:
                    lead = len(element) - len(element.lstrip())
                    yield _row(blob, source, line + element.count("\n", 0, lead), stage, last=False)
                line += element.count("\n")
                start = place
            if depth < 0:
                break
        if (buffer[place:] + handle.read(_CHUNK)).strip():
            yield _reject(stage, source, line, "broken_json", "text follows the end of the array and was not read")


def _delimited(path: Path, source: str, stage: str, *, tab: bool) -> Iterator[Row | Rejection]:
    csv.field_size_limit(MAX_ROW_BYTES)
    with io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:
        header_line = handle.readline(_CHUNK)
        delimiter = "\t" if tab else max(",;\t|", key=header_line.count)
        header = next(csv.reader([header_line], delimiter=delimiter), [])
        reader = csv.reader(handle, delimiter=delimiter)
        while True:
            line = reader.line_num + 2  # the header, and counting from one
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield _reject(stage, source, line, "unknown_layout", str(error))
                continue
            if cells is None:
                return
            if any(_SURROGATE.search(cell) for cell in cells):
                yield _reject(stage, source, line, "undecodable", "the row is not UTF-8")
            elif len(cells) > len(header):
                yield _reject(stage, source, line, "unknown_layout", f"{len(cells)} fields under {len(header)} column names")
            elif any(cells):
                yield Row(source, line, dict(zip(header, cells, strict=False)))


def _parquet(path: Path, source: str) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    hint = "the file is damaged or cut off; fetch it again"
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{source} is not a readable parquet file: {error}".splitlines()[0], hint) from error
    with file:
        line = 0
        batches = file.iter_batches(batch_size=128)
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise InputError(f"{source} cannot be read beyond row {line}: {error}".splitlines()[0], hint) from error
            if batch is None:
                return
            for data in batch.to_pylist():
                line += 1
                yield Row(source, line, data)
