"""Reading data sets back: exports, runs, and anybody's tables of rows."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wildgraph.errors import InputError
from wildgraph.exporters.files import shards_in
from wildgraph.exporters.prompts import row_keys
from wildgraph.files import expand, suffix_of
from wildgraph.frames import one_line
from wildgraph.records import Rejection, content_hash
from wildgraph.rows import TABLE_SUFFIXES, read_rows

PAIRS = "pairs.jsonl"


def dataset_rows(path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The rows of a data set, each with the objective it belongs to.

    Args:
        path: a run (its pairs), an export (all of its objectives), one folder of an export, or any file or folder of JSON lines or parquet.

    Raises:
        InputError: there is no such thing, it holds no rows, or a row cannot be read.
    """
    found = 0
    for objective, file in _files(path):
        for row in read_rows(file, stage="export"):
            if isinstance(row, Rejection):
                raise InputError(f"{row.where} cannot be read: {row.detail or row.reason}", "name a run, an export, or a table of rows")
            found += 1
            yield objective, row.values
    if not found:
        raise InputError(f"{path} holds no rows", "name a run, an export, or a table of rows")


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if (path / "manifest.json").is_file() and (path / PAIRS).is_file():
        yield "pairs", path / PAIRS
        return
    if path.is_dir():
        parts = [(folder.name, shard) for folder in sorted(path.iterdir()) if folder.is_dir() for shard in shards_in(folder)]
        if parts:
            yield from parts
            return
        if own := shards_in(path):
            yield from ((path.name, shard) for shard in own)
            return
    for file, _ in expand([path], what="data set", wanted=lambda file: suffix_of(file) in TABLE_SUFFIXES):
        yield "rows", file


def earlier_keys(paths: Iterator[Path] | list[Path]) -> frozenset[str]:
    """Ids and prompts of the rows of data sets, as keys that :func:`wildgraph.exporters.prompts.prompt_keys` gives too.

    Raises:
        InputError: a data set cannot be read, or none of its rows has an id or a prompt.
    """
    keys: set[str] = set()
    for path in paths:
        own = {key for _, row in dataset_rows(path) for key in row_keys(row)}
        if not own:
            raise InputError(f"no row of {path} has an id or a prompt", "known columns: id, prompt, messages, conversations, instruction")
        keys |= own
    return frozenset(keys)


# --------------------------------------------------------------------------- differences


@dataclass(repr=False)
class DatasetDiff:
    """What one data set has that another has not.

    Attributes:
        added, removed: ids of rows by objective; a task that was written anew counts as changed instead.
        changed: objective -> id before and after. same: rows that are equal.
        by_paradigm, by_type: (objective, value) -> rows before and after.
    """

    added: dict[str, list[str]] = field(default_factory=dict)
    removed: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    same: Counter[str] = field(default_factory=Counter)
    by_paradigm: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    by_type: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def __repr__(self) -> str:
        counts = {
            name: sum(map(len, found.values()))
            for name, found in (("added", self.added), ("removed", self.removed), ("changed", self.changed))
        }
        return one_line("DatasetDiff", **counts, same=self.same.total())

    @property
    def differs(self) -> bool:
        """Whether there is any difference."""
        return any((self.added, self.removed, self.changed))


@dataclass(frozen=True)
class _Known:
    """A row without its text: a hash of everything, what task it is, and what it is counted under."""

    whole: str
    task: str
    paradigm: str
    kind: str


def diff_datasets(before: str | Path, after: str | Path) -> DatasetDiff:
    """Compare two exports, or two runs' pairs, row by row.

    Rows are the same by id. Among the rest, a row that poses the same task (paradigm, path, attributes) over the same documents, in the
    same order of coming, is the same row changed.

    Raises:
        InputError: one cannot be read, or one is a run and the other an export.
    """
    old, new = _known(Path(before)), _known(Path(after))
    if not old.keys() & new.keys():
        raise InputError(
            f"{before} holds {', '.join(sorted(old))} and {after} holds {', '.join(sorted(new))}",
            "compare two runs, or two exports of one format",
        )
    found = DatasetDiff()
    for objective in sorted(old.keys() | new.keys()):
        _compare(objective, old.get(objective, {}), new.get(objective, {}), found)
    return found


def _compare(objective: str, old: Mapping[str, _Known], new: Mapping[str, _Known], found: DatasetDiff) -> None:
    changed = [(name, name) for name in old if name in new and old[name].whole != new[name].whole]
    same = sum(name in new and old[name].whole == new[name].whole for name in old)
    waiting: dict[str, list[str]] = {}
    for name in old:
        if name not in new:
            waiting.setdefault(old[name].task, []).append(name)
    added = []
    for name in new:
        if name not in old:
            twins = waiting.get(new[name].task)
            if twins and new[name].task:
                changed.append((twins.pop(0), name))
            else:
                added.append(name)
    removed = [name for names in waiting.values() for name in names]
    for where, what in ((found.added, added), (found.removed, removed)):
        if what:
            where[objective] = sorted(what)
    if changed:
        found.changed[objective] = sorted(changed)
    if same:
        found.same[objective] = same
    for table, attribute in ((found.by_paradigm, "paradigm"), (found.by_type, "kind")):
        counts = [Counter(getattr(one, attribute) for one in side.values()) for side in (old, new)]
        for value in sorted(counts[0].keys() | counts[1].keys()):
            table[objective, value] = (counts[0][value], counts[1][value])


def _known(path: Path) -> dict[str, dict[str, _Known]]:
    found: dict[str, dict[str, _Known]] = {}
    for objective, row in dataset_rows(path):
        whole = _hash(row)
        name = row.get("id")
        found.setdefault(objective, {})[name if isinstance(name, str) and name else whole] = _Known(
            whole, _task(row), str(row.get("paradigm") or "-"), str(row.get("document_type") or "-")
        )
    return found


def _hash(row: Mapping[str, object]) -> str:
    """A hash of all that a row holds, dates and numbers that are none included."""
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _task(row: Mapping[str, object]) -> str:
    """What names the task of a row, or nothing where it does not say."""
    hashes = row.get("document_hashes")
    documents = row.get("documents")
    if hashes is None and isinstance(documents, list):
        hashes = [one.get("hash") for one in documents if isinstance(one, Mapping)]
    if not hashes or "path" not in row:
        return ""
    return content_hash(row.get("paradigm"), row["path"], row.get("attributes"), hashes, row.get("made"))
