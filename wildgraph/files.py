"""Files that a user names: which ones are meant, and their bytes, compressed or not.

The one place that expands folders and globs and undoes compression; what is inside is decided by :mod:`wildgraph.rows` and, for documents
that are one file each, by the corpus.
"""

from __future__ import annotations

import glob
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import zstandard
from typing_extensions import Buffer

from wildgraph.errors import InputError

COMPRESSION_SUFFIXES = frozenset({".gz", ".zst", ".zstd"})

#: What reading a file can raise that is damaged, or that its disk does not give.
DAMAGED = (EOFError, OSError, zlib.error, zstandard.ZstdError)

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
UTF16 = (b"\xff\xfe", b"\xfe\xff")


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


def looks_binary(head: bytes) -> bool:
    """Whether the first bytes of a file are no text: NUL bytes, or one in ten a control character."""
    if head.startswith(UTF16):
        return True  # UTF-16: text, but none that any reader here decodes
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x08\x1b" for byte in head)
    return b"\x00" in head or controls * 10 > len(head)


# --------------------------------------------------------------------------- which files


def expand(
    paths: Sequence[Path | str], *, what: str = "file", wanted: Callable[[Path], bool] = lambda _: True
) -> Iterator[tuple[Path, Path]]:
    """The files that paths, folders and glob patterns stand for, each with the folder its name is relative to.

    Folders are walked in sorted order, hidden entries left out and links to folders not followed; a file named twice comes once.

    Args:
        paths: files, folders and patterns; ``~`` is the home folder.
        what: what is looked for, for messages.
        wanted: whether a file that lies in a folder is meant; one that a path or a pattern names is always.

    Raises:
        InputError: a path does not exist or may not be read, a pattern matches nothing, or a folder holds no such file.
    """
    seen: set[Path] = set()
    for given in paths:
        try:
            found = list(_expand_one(Path(given).expanduser(), wanted))
        except (OSError, ValueError, RuntimeError) as error:  # no right, a name too long, a pattern like **x, a home of nobody
            raise InputError(f"cannot look for {given}: {getattr(error, 'strerror', None) or error}", "check the path") from error
        if not found:
            raise InputError(f"the folder {given} holds no {what}", f"name the {what}s, or the folder that they lie in")
        for file, root in found:
            if (real := file.resolve()) not in seen:
                seen.add(real)
                yield file, root


def _expand_one(given: Path, wanted: Callable[[Path], bool]) -> Iterator[tuple[Path, Path]]:
    if given.is_dir():
        yield from ((file, given) for file in _walk(given) if wanted(file))
    elif given.exists():
        yield given, given.parent
    elif glob.has_magic(str(given)):
        magic = next(place for place, part in enumerate(given.parts) if glob.has_magic(part))
        root = Path(*given.parts[:magic])
        pattern = Path(*given.parts[magic:])
        hidden = any(part.startswith(".") for part in pattern.parts)
        matches = sorted(match for match in root.glob(str(pattern)) if hidden or not _hidden(match.relative_to(root)))
        if not matches:
            raise InputError(f"nothing matches {given}", "patterns are relative to the current folder; ** descends into folders")
        for match in matches:
            yield from ((file, root) for file in (filter(wanted, _walk(match)) if match.is_dir() else [match]))
    else:
        raise InputError(f"no such file: {given}", "check the path; patterns must be quoted or match something")


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _walk(folder: Path) -> Iterator[Path]:
    """The regular files below ``folder``; a stack of its own, since folders can lie deeper in each other than Python's stack goes."""
    left = [folder]
    while left:
        path = left.pop()
        if path == folder or (path.is_dir() and not path.is_symlink()):
            left.extend(sorted((entry for entry in path.iterdir() if not entry.name.startswith(".")), reverse=True))
        elif path.is_file():
            yield path


# --------------------------------------------------------------------------- their bytes


def open_bytes(path: Path) -> io.BufferedReader:
    """The file's bytes, decompressed where its first bytes say gzip or zstandard, whatever its name.

    Reading on may raise any of :data:`DAMAGED`.

    Raises:
        InputError: the file is missing, no regular file, or may not be read.
    """
    try:
        if path.exists() and not path.is_file():  # opening a pipe waits for somebody to write into it
            raise InputError(f"{path.as_posix()} is not a regular file", "name files, folders or patterns")
        raw = path.open("rb")
        magic = raw.peek(4)[:4]
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path.as_posix()}", "check the path") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {path.as_posix()}: {reason}", "check the path and its permissions") from error
    if magic.startswith(_GZIP):
        return Decompressed(_Gzip(fileobj=raw), raw)
    if magic == _ZSTD:
        return Decompressed(zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True, closefd=False), raw)
    return raw


class _Gzip(gzip.GzipFile):
    """Gives what there is before it says that a file is cut off; its base reads on until the buffer is full, and drops that."""

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill ``buffer`` from the front and say how far."""
        view = memoryview(buffer)
        data = self.read1(len(view))
        view[: len(data)] = data
        return len(data)


class Decompressed(io.BufferedReader):
    """A buffered decompressing stream that closes the file below it too."""

    def __init__(self, stream: object, below: io.BufferedReader) -> None:
        super().__init__(cast("io.RawIOBase", stream), 1 << 16)
        self._below = below

    def close(self) -> None:
        """Close both."""
        super().close()
        self._below.close()


def head_of(path: Path, size: int) -> bytes:
    """The first ``size`` bytes, fewer where a compressed file is cut off behind them.

    Raises:
        InputError: the file cannot be opened, or its compression cannot be undone from the start.
    """
    head = b""
    with open_bytes(path) as stream:
        try:
            while len(head) < size and (piece := stream.read1(size - len(head))):
                head += piece
        except DAMAGED as error:
            if not head:
                raise InputError(
                    f"cannot read {path.as_posix()}: it cannot be decompressed ({error})", "it is damaged or cut off; fetch it again"
                ) from error
    return head
