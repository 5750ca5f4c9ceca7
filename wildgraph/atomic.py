"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from wildgraph.errors import RunError
from wildgraph.registry import added_by


@contextmanager
def writing(target: Path, mode: int = 0o644) -> Iterator[IO[str]]:
    """A text file that takes its place when it is whole and on the disk.

    Lone surrogates become question marks: no other program could read it with them.

    Args:
        target: the file; its folders are made.
        mode: its permissions.

    Raises:
        RunError: the disk is full or the file cannot be written.
    """
    with _replacing(target, mode) as descriptor, os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="\n") as handle:
        yield handle
        handle.flush()
        os.fsync(descriptor)


@contextmanager
def writing_bytes(target: Path, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """The same for a file of bytes."""
    with _replacing(target, mode) as descriptor, os.fdopen(descriptor, "wb") as handle:
        yield handle
        handle.flush()
        os.fsync(descriptor)


@contextmanager
def _replacing(target: Path, mode: int) -> Iterator[int]:
    """A descriptor of ``<target>.partial``, which takes the target's place when all went well; whoever gets it closes it."""
    partial = target.parent / f"{target.name}.partial"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)  # one that a killed command left has that command's mode
        yield os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        partial.replace(target)
    except OSError as error:
        if added_by(error):  # what is written came from a plug-in, and did not come
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise RunError(
                f"the disk is full while writing {target}", "free some space and run the same command again: nothing paid for is lost"
            ) from error
        raise cannot_write(target, error) from error


def cannot_write(target: Path, error: OSError) -> RunError:
    """The error for a file or folder that cannot be written."""
    return RunError(f"cannot write {target}: {error.strerror or error}", "name a place that you may write to")


def spare(file: Path, start: str, what: str, hint: str) -> None:
    """Keep a file that somebody else wrote from being written over.

    Args:
        file: what is to be written; need not be there.
        start: how ours begin, in any case of letters.
        what: what ours are.
        hint: what to do instead.

    Raises:
        RunError: there is a file that does not start as ours do, or a folder.
    """
    if file.is_dir():
        raise RunError(f"{file} is a folder", hint)
    try:
        with file.open("rb") as handle:
            ours = handle.read(len(start)).lower() == start.encode()
    except OSError:
        return  # none there, or none that can be read: writing will say what is wrong
    if not ours:
        raise RunError(f"{file} exists and is no {what} of wildgraph", hint)
