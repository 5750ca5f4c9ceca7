"""Log files: what is in them, compressed or not."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import orjson
from typing_extensions import Buffer

from wildgraph.errors import InputError
from wildgraph.readers.layout import STAGE, LogRow
from wildgraph.records import Rejection

Kind = Literal["jsonl", "json", "parquet", "csv", "text"]

#: Suffix -> what such a file holds; ``.gz`` or ``.zst`` may follow.
SUFFIXES: dict[str, Kind] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "text",
}
COMPRESSED = (".gz", ".zst")

_HEAD_BYTES = 64 << 10
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class LogFile:
    """A file that was looked into.

    Attributes:
        path: where it is. name: as the user named it.
        kind: what it holds. empty: whether it holds nothing.
    """

    path: Path
    name: str
    kind: Kind
    empty: bool = False


def known_suffix(path: Path) -> bool:
    """Whether a file's name says that it is a log, compressed or not."""
    return _bare_suffix(path) in SUFFIXES


def _bare_suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def look_into(path: Path, name: str) -> LogFile:
    """What a file holds, by its first bytes before its name.

    Raises:
        InputError: it is missing, no file, unreadable, binary, or of no known format.
    """
    if not path.exists():
        raise InputError(f"no such file: {name}", "check the path; globs must be quoted or match something")
    if not path.is_file():
        raise InputError(f"{name} is not a regular file", "logs are files, folders or globs")
    try:
        with open_bytes(path) as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"{name} is damaged: {error}", "its compression cannot be undone; fetch or export it again") from error
    if head.startswith(b"PAR1"):
        return LogFile(path, name, "parquet")
    suffix = _bare_suffix(path)
    if head.startswith(_UTF16):
        raise InputError(f"{name} is UTF-16 text", "convert it to UTF-8, for instance with `iconv -f UTF-16 -t UTF-8`")
    if suffix == ".parquet" and head:
        raise InputError(f"{name} is not a parquet file", "it may be cut off or be something else under that name")
    if _binary(head):
        raise InputError(f"{name} is binary", f"logs are text or parquet ({' '.join(SUFFIXES)}, also .gz and .zst); unpack archives first")
    start = head.removeprefix(_BOM).lstrip()
    if not start:
        return LogFile(path, name, SUFFIXES.get(suffix, "text"), empty=True)
    return LogFile(path, name, _kind(start, suffix, name))


def _kind(start: bytes, suffix: str, name: str) -> Kind:
    """What begins with ``start``; a text file may hold JSON, and a ``.json`` file JSON lines."""
    by_suffix = SUFFIXES.get(suffix)
    if by_suffix == "csv" or (by_suffix == "text" and not _json(start.partition(b"\n")[0])):
        return by_suffix
    if start[:1] == b"[" and by_suffix != "jsonl":
        return "json"
    if start[:1] == b"{" and by_suffix != "jsonl":
        # pretty-printed: the first line alone is no value
        return "jsonl" if _json(start.partition(b"\n")[0]) or by_suffix != "json" else "json"
    if by_suffix is None:
        raise InputError(f"unknown format: {name} is neither JSON nor parquet", f"known suffixes: {' '.join(SUFFIXES)}")
    if by_suffix == "json":
        raise InputError(f"{name} is not JSON", "it starts neither with [ nor with {")
    return by_suffix


def _json(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict | list)
    except orjson.JSONDecodeError:
        return False


def _binary(head: bytes) -> bool:
    """Whether bytes are no text: NULs, or control characters in more than one of fifty places."""
    control = sum(head.count(bytes([code])) for code in (*range(1, 9), *range(14, 27), *range(28, 32)))
    return b"\0" in head or control * 50 > len(head)


def open_bytes(path: Path) -> BinaryIO:
    """A file's bytes with ``gzip`` or ``zstd`` undone, told by the first bytes, not by the name.

    Raises:
        OSError: it cannot be opened.
    """
    raw = path.open("rb")
    magic = raw.read(4)
    raw.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return cast("BinaryIO", Decompressed(gzip.GzipFile(fileobj=raw), raw))
    if magic == b"\x28\xb5\x2f\xfd":
        return cast("BinaryIO", Decompressed(_Zstd(raw), raw))
    return raw


class Decompressed(io.BufferedReader):
    """A buffered decompressing stream that closes the file below it too."""

    def __init__(self, stream: object, below: BinaryIO) -> None:
        super().__init__(cast("io.RawIOBase", stream), 1 << 16)
        self._below = below

    def close(self) -> None:
        """Close both."""
        super().close()
        self._below.close()


class _Zstd(io.RawIOBase):
    """A zstd stream whose errors are ``OSError``, like those of gzip."""

    def __init__(self, raw: BinaryIO) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._stream = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill ``buffer`` and say how far."""
        try:
            return self._stream.readinto(buffer)
        except self._error as error:
            raise OSError(str(error)) from error


def row_of(file: LogFile, values: object, line: int) -> LogRow | Rejection:
    """A row, or the rejection of a value that has no named fields."""
    if isinstance(values, Mapping):
        return LogRow(values, file.name, line)
    return broken(file, line, "not_an_object", f"it is a {type(values).__name__}")


def broken(file: LogFile, line: int, reason: str, detail: str) -> Rejection:
    """The rejection of a line that is no row."""
    where = f"{file.name}:{line}"
    return Rejection(stage=STAGE, item=where, reason=reason, where=where, detail=detail)
