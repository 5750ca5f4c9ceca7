"""The run directory: stage files, manifest, fingerprints, private and shareable. The only writer of run files.

::

    RUN/
    ├── manifest.json            what was made of what: fingerprints, funnel, configuration; same inputs, same bytes
    ├── manifest.run.json        times and tokens, see wildgraph.bills; never the same twice
    ├── catalogue.jsonl          values with at least K users and the concept each was lifted to
    ├── graphs/TYPE.json         published task graphs
    ├── graphs/concepts.jsonl    the concepts in them and their parents
    ├── <stage>.rejected.jsonl   what did not pass: item, class, reason, file and line
    ├── pairs.jsonl              the latest sample
    ├── samples/FINGERPRINT/     every sample: pairs, surplus, rejections, specifications with their outcomes, coverage
    ├── corpus/                  vectors and table of the documents; documents.sqlite holds their texts
    └── private/                 mode 700: conversations, mined values, whole catalogue, counts, rejection details, response cache, key
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self, TypeVar

from pydantic import ValidationError
from typing_extensions import Buffer

from wildgraph import __version__
from wildgraph.atomic import writing, writing_bytes
from wildgraph.bills import BillBook
from wildgraph.errors import InputError, RunError
from wildgraph.funnel import StageCount
from wildgraph.pseudonyms import key_id, keyed_record
from wildgraph.records import Json, Record, Rejection, canonical_json, content_hash

FORMAT = "wildgraph.run"
FORMAT_VERSION = 1
_PRIVATE = "private"
_R = TypeVar("_R", bound=Record)


class RunDirectory:
    """A run directory, opened by one writer at a time; readers need no lock.

    Args:
        path: the directory.

    Attributes:
        bills: what its stages took.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bills = BillBook(path)
        self._lock: IO[str] | None = None

    @classmethod
    def open(cls, path: Path) -> Self:
        """An existing run, for reading.

        Raises:
            InputError: there is no run. RunError: it is foreign, corrupt or newer.
        """
        run = cls(path)
        if not (path / "manifest.json").is_file():
            raise InputError(f"{path} is not a run directory (no manifest.json)", "make one with `wildgraph build LOG... -o RUN`")
        run.manifest()
        return run

    @classmethod
    @contextmanager
    def write(cls, path: Path, *, existing: bool = False) -> Iterator[Self]:
        """The run as its one writer; made if it is not there.

        Args:
            path: the directory.
            existing: refuse to make one.

        Raises:
            InputError: it has to exist and does not. RunError: another process writes to it, it cannot be made, or the directory holds something else.
        """
        run = cls.open(path) if existing else cls(path)
        try:
            if path.is_dir() and any(path.iterdir()) and not (path / "manifest.json").is_file() and not (path / _PRIVATE).is_dir():
                raise RunError(f"{path} holds files but is no run directory", "name a new directory with -o")
            path.mkdir(parents=True, exist_ok=True)
            run.private.mkdir(mode=0o700, exist_ok=True)
            run.private.chmod(0o700)
            run._lock = (path / ".lock").open("a+", encoding="utf-8")
        except (OSError, NotADirectoryError) as error:
            why = "a file of that name is there" if path.is_file() else error.strerror
            raise RunError(f"cannot write to the run directory {path}: {why}", "name a folder that you may write to with -o") from error
        try:
            fcntl.flock(run._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            run._lock.close()
            raise RunError(f"another process is writing to {path}", "wait for it, or use another directory with -o") from error
        try:
            if (path / "manifest.json").is_file():
                run.manifest()
            yield run
        finally:
            run._lock.close()

    @property
    def private(self) -> Path:
        """Where private files lie."""
        return self.path / _PRIVATE

    # ----------------------------------------------------------------- manifest

    def manifest(self) -> dict[str, Any]:
        """The reproducible manifest.

        Raises:
            RunError: corrupt, foreign or newer.
        """
        file = self.path / "manifest.json"
        try:
            data = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"format": FORMAT, "version": FORMAT_VERSION}
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{file} cannot be read: {error}", "remove it; the next run makes it again from the cache") from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise RunError(f"{file} is not a wildgraph manifest", "name another directory")
        if not isinstance(data.get("version"), int) or data["version"] > FORMAT_VERSION:
            raise RunError(f"{file} has version {data.get('version')!r}", "a newer wildgraph wrote it: upgrade")
        stages = data.setdefault("stages", {})
        needed = {"fingerprint", "in", "out", "rejected", "files"}
        if not isinstance(stages, dict) or not all(isinstance(entry, dict) and needed <= entry.keys() for entry in stages.values()):
            raise RunError(f"{file} is corrupt: a stage's entry is incomplete", "remove it; the next run makes it again from the cache")
        return data

    def stage(self, name: str) -> dict[str, Any] | None:
        """A finished stage's manifest entry."""
        found = self.manifest()["stages"].get(name)
        return found if isinstance(found, dict) else None

    def fresh(self, name: str, fingerprint: str, retry: Collection[str] = ()) -> bool:
        """Whether a stage's files are there, were made from the same things, and left nothing to try again.

        Args:
            name: the stage.
            fingerprint: what it should have been made from.
            retry: rejection reasons that are to be tried again.
        """
        entry = self.stage(name)
        return (
            entry is not None
            and entry["fingerprint"] == fingerprint
            and not entry.get("transient")
            and not any(reason in reasons for reasons in entry["rejected"].values() for reason in retry)
            and all((self.path / file).is_file() for file in entry["files"])
        )

    def finish(
        self, name: str, fingerprint: str, count: StageCount, files: Mapping[str, str], about: Mapping[str, Json] | None = None
    ) -> None:
        """Enter a finished stage into both manifests.

        Args:
            name: the stage.
            fingerprint: of version, configuration and upstream fingerprints.
            count: its funnel and bill.
            files: path below the run -> ``private`` or ``shareable``.
            about: further reproducible facts.
        """
        data = self.manifest()
        data["wildgraph"] = __version__
        entry: dict[str, Json] = {"fingerprint": fingerprint, **count.funnel(), "files": dict(sorted(files.items())), **(about or {})}
        if count.transient:
            entry["transient"] = count.transient
        self._enter(data, {name: entry})
        self.bills.enter(name, count)

    def revise(self, entries: Mapping[str, Mapping[str, Json]]) -> None:
        """Put other entries of finished stages in the place of theirs."""
        self._enter(self.manifest(), entries)

    def _enter(self, data: dict[str, Any], entries: Mapping[str, Mapping[str, Json]]) -> None:
        data["stages"].update(entries)
        self.write_text("manifest.json", json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n")

    # ----------------------------------------------------------------- files

    @contextmanager
    def writing(self, name: str, *, private: bool = False) -> Iterator[IO[str]]:
        """A text file below the run, written as ``.partial`` and renamed when whole.

        Args:
            name: the file.
            private: for the owner alone (mode 600), as everything below ``private/`` is.

        Raises:
            RunError: the disk is full or the file cannot be written.
        """
        with writing(self.path / name, _mode(name, private)) as handle:
            yield handle

    def write_text(self, name: str, text: str, *, private: bool = False) -> None:
        """A whole text file, atomically."""
        with self.writing(name, private=private) as handle:
            handle.write(text)

    def write_bytes(self, name: str, data: Buffer) -> None:
        """A whole file of bytes, atomically."""
        with writing_bytes(self.path / name, _mode(name)) as handle:
            handle.write(data)

    def write_rows(self, name: str, rows: Iterable[Record | Mapping[str, Any]], *, private: bool = False) -> int:
        """JSON lines, atomically; returns how many."""
        count = 0
        with self.writing(name, private=private) as handle:
            for row in rows:
                handle.write(json_line(row))
                count += 1
        return count

    def rows(self, name: str) -> Iterator[dict[str, Any]]:
        """The objects of a JSON-lines file below the run.

        Raises:
            RunError: missing or corrupt.
        """
        file = self.path / name
        try:
            with file.open(encoding="utf-8", errors="surrogatepass", newline="\n") as handle:
                for line in handle:
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise ValueError("a row is no object")
                    yield row
        except OSError as error:
            raise RunError(f"cannot read {file}: {error.strerror}", "run `wildgraph build` again") from error
        except (ValueError, RecursionError) as error:
            raise RunError(f"{file} is corrupt: {error}", "remove it and run the same command again") from error

    def records(self, name: str, kind: type[_R], read: Callable[[Mapping[str, Any]], _R] | None = None) -> Iterator[_R]:
        """The records of a JSON-lines file below the run.

        Args:
            name: the file.
            kind: what its rows are.
            read: makes a record of a row, where validation alone does not.

        Raises:
            RunError: missing or corrupt.
        """
        for number, row in enumerate(self.rows(name), 1):
            try:
                record = read(row) if read else kind.model_validate(row)
            except ValidationError as error:
                problem = f"row {number} is no {kind.__name__}: {error.errors()[0]['msg']}"
                raise RunError(f"{self.path / name} is corrupt: {problem}", "remove it and run the same command again") from error
            yield record

    def split(
        self,
        items: Iterable[Record],
        name: str,
        count: StageCount,
        *,
        limit: float,
        observe: Callable[[StageCount], None] = lambda count: None,
        folder: str = "",
    ) -> dict[str, str]:
        """Write a stage's stream: what passed to ``name``, rejections beside it, both counted.

        What is rejected of a log is named by its keyed hash in the shareable file: whoever knows a text could else confirm that it was there.

        Args:
            items: records and rejections.
            name: file for what passed.
            count: counted into.
            limit: largest share of failures.
            observe: called after every item.
            folder: folder for the rejection files.

        Returns:
            The files written and whether they are private.

        Raises:
            RunError: too much fails, or the disk is full.
        """
        public = f"{folder}{count.stage}.rejected.jsonl"
        details = f"{_PRIVATE}/{folder}{count.stage}.rejected.jsonl"
        too_many: RunError | None = None
        key = self.key()
        with self.writing(public) as rejected, self.writing(details) as detailed:
            try:
                with self.writing(name) as passed:
                    for item in items:
                        count.entered += 1
                        if isinstance(item, Rejection):
                            count.reject(item)
                            rejected.write(json_line({**public_rejection(item), "item": keyed_record(key, item.item)}))
                            detailed.write(json_line(item))
                            count.check_rate(limit, details)
                        else:
                            count.passed += 1
                            passed.write(json_line(item))
                        observe(count)
            except RunError as error:
                too_many = error  # the rejections, which say why, are written whole all the same
        if too_many is not None:
            raise too_many
        return {name: _kind(name), public: "shareable", details: "private"}

    def key_id(self) -> str:
        """What names a key that was given from outside; empty for the run's own, which never changes."""
        given = os.environ.get("WILDGRAPH_KEY", "")
        return key_id(given.encode()) if given else ""

    def key(self, *, make: bool = True) -> bytes:
        """The key of the run's keyed hashes: ``WILDGRAPH_KEY``, else a key file (mode 600).

        Raises:
            RunError: the file is empty, or missing and it is not to ``make`` it.
        """
        given = os.environ.get("WILDGRAPH_KEY", "")
        if given:
            return given.encode()
        name = f"{_PRIVATE}/key"
        if not (self.path / name).is_file():
            if not make:
                raise RunError(f"{self.path} has no key", "set WILDGRAPH_KEY to the one that it was built with")
            self.write_text(name, secrets.token_hex(32))  # whole or not at all: an empty key would hide nobody
        key = (self.path / name).read_text(encoding="ascii").strip().encode()
        if not key:
            raise RunError(f"the key {self.path / name} is empty", "put the old key back, or remove the file and build in a new directory")
        return key


def public_rejection(item: Rejection) -> dict[str, Json]:
    """A rejection without what may quote a user or a document."""
    where = item.where.replace("\\", "/").rpartition("/")[2]  # folders can name people
    return {"stage": item.stage, "item": item.item, "class": item.kind, "reason": item.reason, "where": where}


def json_line(row: Record | Mapping[str, Any]) -> str:
    """One canonical JSON line."""
    return canonical_json(row.model_dump(mode="json") if isinstance(row, Record) else dict(row)) + "\n"


def _mode(name: str, private: bool = False) -> int:
    return 0o600 if private or _kind(name) == "private" else 0o644


def _kind(name: str) -> str:
    return "private" if name.startswith(f"{_PRIVATE}/") else "shareable"


def fingerprint(stage: str, version: int, config: object, *upstream: str) -> str:
    """The fingerprint of a stage's output: stage version, configuration, upstream fingerprints."""
    return content_hash(stage, version, config, list(upstream))


def file_hashes(files: Sequence[Path]) -> list[str]:
    """Sorted content hashes of files: their names and order do not matter.

    Raises:
        InputError: a file is missing, is a pipe or a device, or may not be read.
    """
    found = []
    for file in files:
        if file.exists() and not file.is_file():
            raise InputError(f"{file} is not a regular file", "write it to a file first: inputs are read more than once")
        try:
            with file.open("rb") as handle:
                found.append(hashlib.file_digest(handle, "sha256").hexdigest())
        except OSError as error:
            raise InputError(f"cannot read {file}: {error.strerror or error}", "check the path and its permissions") from error
    return sorted(found)
