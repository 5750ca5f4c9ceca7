"""Data sets that a user names to compare with: their files, hashes and rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wildgraph.errors import InputError
from wildgraph.files import expand, suffix_of
from wildgraph.records import Json
from wildgraph.rows import SUFFIXES, Row, read_rows

STAGE = "gate"
_INSTRUCTION = ("instruction", "query", "question", "input", "prompt")
_ANSWER = ("response", "completion", "output", "answer", "chosen")
_CHATS = ("messages", "conversations", "turns", "conversation", "prompt", "completion", "chosen")
_USERS, _ASSISTANTS = frozenset({"user", "human", "prompter"}), frozenset({"assistant", "gpt", "bot", "model"})
_EDGE = 3
_LONGEST = 4_000


@dataclass(frozen=True)
class NamedFile:
    """A file that was compared with.

    Attributes:
        name: its base name: where it lies is nobody's business.
        sha256: of its bytes, in hex. rows: rows that were read. unread: rows that could not be read.
    """

    name: str
    sha256: str
    rows: int
    unread: int = 0

    def as_json(self) -> dict[str, Json]:
        """For the manifest."""
        return {"file": self.name, "sha256": self.sha256, "rows": self.rows, **({"unread": self.unread} if self.unread else {})}


@dataclass(frozen=True)
class EarlierSample:
    """A sample of an earlier data set.

    Attributes:
        where: file and line.
        instructions: what the user says, of a prompt with pasted documents its first and last paragraphs.
        answer: what the assistant says. documents: content hashes of its documents, where the row has them.
    """

    where: str
    instructions: tuple[str, ...]
    answer: str
    documents: tuple[str, ...]


def named_files(named: Sequence[str]) -> list[Path]:
    """The files behind what the user named: files, folders, glob patterns.

    Raises:
        InputError: there is nothing under a name.
    """
    paths = [Path(name) for name in named]
    return [file for file, _ in expand(paths, what="file of rows", wanted=lambda path: suffix_of(path) in SUFFIXES)] if paths else []


def read_file(file: Path, counted: list[NamedFile]) -> Iterator[Row]:
    """The rows of a file; at its end an entry is added to ``counted``.

    Raises:
        InputError: the file cannot be read, or none of its rows can.
    """
    rows = unread = 0
    for row in read_rows(file, stage=STAGE):
        if isinstance(row, Row):
            rows += 1
            yield row
        else:
            unread += 1
    if not rows:
        raise InputError(f"no row of {file.name} can be read", "a set that was not compared with must not be said to have been")
    counted.append(NamedFile(file.name, _sha256(file), rows, unread))


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def strings(value: object) -> Iterator[str]:
    """All texts in a nested value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, Iterable) and not isinstance(value, bytes):
        for part in value:
            yield from strings(part)


def earlier_sample(row: Row) -> EarlierSample:
    """What a row of an earlier data set asks and answers, in any of the layouts that exporters and chat logs write."""
    users: list[str] = []
    assistants: list[str] = []
    for key in _CHATS:
        turns = row.values.get(key)
        if isinstance(turns, Sequence) and not isinstance(turns, str | bytes):
            for turn in turns:
                if isinstance(turn, Mapping):
                    role = str(turn.get("role") or turn.get("from") or "").casefold()
                    said = next(strings(turn.get("content") or turn.get("value") or ""), "")
                    (users if role in _USERS else assistants if role in _ASSISTANTS else []).append(said)
    users += [text for key in _INSTRUCTION if isinstance(text := row.values.get(key), str)]
    assistants += [text for key in _ANSWER if isinstance(text := row.values.get(key), str)]
    hashes = row.values.get("document_hashes")
    if not hashes and isinstance(documents := row.values.get("documents"), Sequence) and not isinstance(documents, str):
        hashes = [one.get("hash") for one in documents if isinstance(one, Mapping) and one.get("hash")]
    # One by one, and all turns together, as the gate compares them.
    instructions = dict.fromkeys(part for text in (*users, "\n".join(dict.fromkeys(users))) for part in _bare(text))
    return EarlierSample(
        where=f"{Path(row.source).name}:{row.line}",
        instructions=tuple(instructions),
        answer="\n".join(dict.fromkeys(assistants)),
        documents=tuple(str(one) for one in hashes) if isinstance(hashes, Iterable) and not isinstance(hashes, str) else (),
    )


def _bare(text: str) -> Iterator[str]:
    if len(text) <= _LONGEST:
        yield text
        return
    parts = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    yield from (part for part in dict.fromkeys((*parts[:_EDGE], *parts[-_EDGE:])) if len(part) <= _LONGEST)
