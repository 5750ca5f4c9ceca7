"""Reading logs: which files are meant, which layout each has, and all their conversations in one stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import cast

from wildgraph.errors import InputError, PluginError, UsageError, did_you_mean, noting
from wildgraph.files import expand, suffix_of
from wildgraph.readers.layout import STAGE, Reader, shown_keys, unknown_layout
from wildgraph.readers.tables import Table
from wildgraph.records import Conversation, Rejection
from wildgraph.registry import load, registered
from wildgraph.rows import SUFFIXES, DataFile, Row, look_into, read_rows

#: How many rows of a file are looked at to tell its layout.
SAMPLE_ROWS = 20

_END = object()

#: Layouts that claim almost any row: tried after all others.
_LAST = ("table", "text", "lines")


def read_logs(
    paths: Sequence[str | Path],
    *,
    format: str | None = None,  # noqa: A002 - the flag's name
    columns: Mapping[str, str] | None = None,
) -> Iterator[Conversation | Rejection]:
    """All conversations of one or several logs, in the order of the files and their rows, streamed.

    Every file is looked into before the first conversation is yielded, so that a missing or unknown one is noticed at once.

    Args:
        paths: files, folders (searched recursively for known suffixes) and globs.
        format: name of a registered reader; told from each file's first rows if missing.
        columns: use -> column name for any other table, see :class:`wildgraph.readers.tables.Table`.

    Raises:
        InputError: a file is missing, binary, empty or of no known format, or no file is left.
        UsageError: the format or a column use is unknown.
    """
    named = _named_reader(format, columns)
    found = _expanded(paths)
    planned: list[_Planned] = []
    empty: list[str] = []
    for path, asked_for in found:
        file = look_into(path)
        plan = None if file.empty else _plan(file, named, asked_for)
        if plan is not None:
            planned.append(plan)
        elif asked_for:
            raise InputError(f"{file.name} is empty", "it has no rows")
        else:
            empty.append(file.name)
    if not planned:
        raise InputError(f"no log has any row: {', '.join(empty[:3])}{' …' if len(empty) > 3 else ''}", "nothing to read")
    return (item for plan in planned for item in _read(plan))


def log_files(paths: Sequence[str | Path]) -> list[Path]:
    """The files that ``paths`` stand for: folders and globs expanded and sorted, none twice.

    Raises:
        InputError: a path matches nothing, or a folder holds no log.
    """
    return [path for path, _ in _expanded(paths)]


def format_names() -> list[str]:
    """The names of all registered readers."""
    return list(registered("readers"))


# --------------------------------------------------------------------------- which files


def _expanded(paths: Sequence[str | Path]) -> list[tuple[Path, bool]]:
    """Every file meant, and whether it was asked for by its own name."""
    if not paths:
        raise UsageError("no log is given", "name files, folders or globs")
    asked_for = {Path(path).expanduser() for path in paths}
    found = expand(paths, what="log", wanted=lambda file: suffix_of(file) in SUFFIXES)
    return [(file, file in asked_for) for file, _ in found]


# --------------------------------------------------------------------------- which layout


@dataclass(frozen=True)
class _Planned:
    """A file with the reader for it; without one its rows are rejections."""

    file: DataFile
    reader: Reader | None


def _named_reader(name: str | None, columns: Mapping[str, str] | None) -> Reader | None:
    if columns:
        if name not in (None, Table.name):
            raise UsageError(f"--columns describe a table, not {name}", "leave out --format")
        return Table(columns)
    return None if name is None else _reader(name)


@cache
def _reader(name: str) -> Reader:
    made = cast("type[Reader]", load("readers", name))()
    if not isinstance(made, Reader):
        raise UsageError(f"the plug-in {name!r} is no reader", "see wildgraph.readers.Reader")
    return made


def _readers() -> list[Reader]:
    """All readers, those that claim almost any row last."""
    names = registered("readers")
    return [_reader(name) for name in (*(name for name in names if name not in _LAST), *_LAST)]


def _plan(file: DataFile, named: Reader | None, asked_for: bool) -> _Planned | None:
    """The reader for a file, or ``None`` when the file has no rows.

    Raises:
        InputError: the file was asked for by name and no reader knows its layout, or it is nothing but broken rows.
    """
    sample = list(islice(read_rows(file, stage=STAGE, per_line=named is not None and named.name == "lines"), SAMPLE_ROWS))
    values = [item.values for item in sample if isinstance(item, Row)]
    if not sample:
        return None
    if not values:
        first = sample[0]
        assert isinstance(first, Rejection)
        if asked_for:
            raise InputError(
                f"{first.where}: no row can be read: {first.reason.replace('_', ' ')}: {first.detail}", "is it the right file?"
            )
        return _Planned(file, None)
    if named is not None:
        # lines recognise nothing on their own, but were asked for
        if named.name == "lines" or any(named.recognises(row) for row in values) or not asked_for:
            _check_columns(file, named, values)
            return _Planned(file, named)
        missing = named.columns["query"] if isinstance(named, Table) and named.columns else ""
        what = f"no column {missing!r}" if missing else f"not the layout {named.name!r}"
        raise InputError(f"{file.name} has {what}: its rows have {shown_keys(values[0])}", "check --format and --columns")
    votes = [(sum(reader.recognises(row) for row in values), reader) for reader in _readers()]
    most, reader = max(votes, key=lambda vote: vote[0])
    if most:
        return _Planned(file, reader)
    if asked_for:
        raise InputError(
            f"unknown format: {file.name} has rows with {shown_keys(values[0])}",
            f"name it with --format ({', '.join(format_names())}) or its columns with --columns query=NAME",
        )
    return _Planned(file, None)


def _check_columns(file: DataFile, named: Reader, values: Sequence[Mapping[str, object]]) -> None:
    """Columns that were named are there: without its users' a log has as many users as rows, and no K keeps them back.

    Raises:
        InputError: no row that was looked at has one of them.
    """
    if isinstance(named, Table):
        there = {column for row in values for column in row}
        for use, column in named.columns.items():
            if column not in there:
                raise InputError(
                    f"{file.name} has no column {column!r} for {use}: its rows have {shown_keys(values[0])}",
                    did_you_mean(column, there, "check --columns"),
                )


def _read(plan: _Planned) -> Iterator[Conversation | Rejection]:
    """A file's conversations, with the rejections of unreadable rows in between."""
    aside: list[Rejection] = []

    def readable() -> Iterator[Row]:
        for item in read_rows(plan.file, stage=STAGE, per_line=plan.reader is not None and plan.reader.name == "lines"):
            if isinstance(item, Rejection):
                aside.append(item)
            else:
                yield item

    reader = f"the reader {plan.reader.name!r}" if plan.reader else ""
    at = f"{reader}, {plan.file.name}"
    with noting(at):
        given: object = plan.reader.read(readable()) if plan.reader else map(unknown_layout, readable())
    if not isinstance(given, Iterable):
        raise PluginError(f"{reader} gave {given!r:.80} for {plan.file.name}, nothing to go through", "see wildgraph.readers.Reader")
    read = iter(given)
    while True:
        with noting(at):
            item = next(read, _END)
        if item is _END:
            break
        if not isinstance(item, Conversation | Rejection):
            raise PluginError(f"{reader} gave {item!r:.80} in {plan.file.name}, which is no conversation", "see wildgraph.readers.Reader")
        yield from aside
        aside.clear()
        yield item
    yield from aside
