"""Whole runs of the product for the end-to-end tests: the command line in-process, and one demo from the wheel for all tests."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from wildgraph.cli import main
from wildgraph.embedders.sentence import SentenceEmbedder
from wildgraph.records import Pair

ROOT = Path(__file__).resolve().parents[1]
SEEDS, GRAPHS = ROOT / "seed_queries", ROOT / "graphs"
SHARED = ROOT.parent / "shared"


# --------------------------------------------------------------------------- the command line


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that says what was wrong."""
        lines = [line for line in self.err.splitlines() if line.startswith("wildgraph: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err + self.out
        assert "internal error" not in self.err
        return lines[0]


def wildgraph(*arguments: object) -> Outcome:
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Outcome(code, out.getvalue(), err.getvalue())


def succeed(*arguments: object) -> Outcome:
    """Run a command line that has to end well."""
    outcome = wildgraph(*arguments)
    assert outcome.code == 0, outcome.err
    return outcome


# --------------------------------------------------------------------------- inputs and outputs


def rows(file: Path) -> list[dict]:
    """The objects of a JSON-lines file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def pairs(run: Path) -> list[Pair]:
    """The latest sample of a run."""
    return [Pair.from_row(row) for row in rows(run / "pairs.jsonl")]


def write_rows(file: Path, items: Iterable[Mapping[str, object]]) -> Path:
    """A JSON-lines file."""
    file.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8")
    return file


def seed_queries(count: int) -> list[dict]:
    """The first seed queries, as WildChat has them."""
    return rows(SEEDS / "queries.jsonl")[:count]


def seed_documents(*types: str) -> list[dict]:
    """The seed documents of these types; all without one."""
    return [row for row in rows(SEEDS / "documents.jsonl") if not types or row["document_type"] in types]


def chat(text: str, user: str = "u", **more: object) -> dict[str, object]:
    """A row of a WildChat log."""
    turns = [{"role": "user", "content": text, "hashed_ip": user}, {"role": "assistant", "content": "Yes."}]
    return {"conversation_hash": f"{text[:40]}{user}", "conversation": turns, "hashed_ip": user, **more}


def copied(run: Path, to: Path) -> Path:
    """A copy of a run under the same name, to change things in."""
    return Path(shutil.copytree(run, to / run.name))


def requests_of(run: Path) -> int:
    """Model requests of all commands so far."""
    bills = json.loads((run / "manifest.run.json").read_text())["stages"]
    return sum(bill["total"]["requests"] for bill in bills.values())


def reproducible(run: Path, *, private: bool = True) -> dict[str, bytes]:
    """The bytes of every file that has to be the same for the same inputs and answers."""
    changing = {"manifest.run.json", "private/cache.sqlite", "private/cache.sqlite-wal", "private/cache.sqlite-shm", "private/key", ".lock"}
    return {
        name: file.read_bytes()
        for file in sorted(run.rglob("*"))
        if file.is_file() and (name := file.relative_to(run).as_posix()) not in changing
        if not name.startswith("documents.sqlite") and (private or not name.startswith("private/"))
    }


# --------------------------------------------------------------------------- fixtures (tests/conftest.py takes them in)


@pytest.fixture(scope="session")
def one_model() -> Iterator[None]:
    """The embedding model is loaded once for all commands that run in this process."""
    load, loaded = SentenceEmbedder.__dict__["_loaded"], {}

    def shared(self: SentenceEmbedder) -> object:
        if self._folder not in loaded:
            loaded[self._folder] = load.func(self)
        return loaded[self._folder]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SentenceEmbedder, "_loaded", property(shared))
        yield


@pytest.fixture
def remembered(one_model: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that were embedded by an earlier test are not embedded again."""
    embed = SentenceEmbedder.embed

    def from_memory(self: SentenceEmbedder, texts: list[str]) -> object:
        import numpy as np

        if new := sorted({text for text in texts if (self.identity, text) not in _VECTORS}):
            _VECTORS.update({(self.identity, text): row for text, row in zip(new, embed(self, new), strict=True)})
        return np.stack([_VECTORS[self.identity, text] for text in texts]) if texts else embed(self, texts)

    monkeypatch.setattr(SentenceEmbedder, "embed", from_memory)


_VECTORS: dict[tuple[str, str], object] = {}


@dataclass(frozen=True)
class Installed:
    """Wildgraph from its wheel: the wheel, and the console script of an environment that does not see the checkout."""

    wheel: Path
    command: Path

    def __call__(self, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the console script."""
        return subprocess.run(
            [str(self.command), *map(str, arguments)], cwd=cwd, env=bare_environment(), capture_output=True, text=True, check=False
        )


def bare_environment() -> dict[str, str]:
    """The environment without what would lead Python to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "WILDGRAPH", "OPENAI"))}


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this test session that all its processes share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "whole-runs"
    folder.mkdir(exist_ok=True)
    return folder


@contextlib.contextmanager
def _once(folder: Path, name: str) -> Iterator[tuple[Path, bool]]:
    """``folder/name`` and whether it has still to be made; other processes wait meanwhile."""
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = folder / name
        yield made, not (folder / f"{name}.done").exists()
        (folder / f"{name}.done").touch()


@pytest.fixture(scope="session")
def installed(shared_folder: Path) -> Installed:
    """The wheel, built and installed into an empty environment that sees the dependencies but not the checkout."""
    with _once(shared_folder, "environment") as (home, needed):
        if needed:
            shutil.rmtree(home, ignore_errors=True)

            def run(*command: object) -> None:
                done = subprocess.run([str(part) for part in command], cwd=shared_folder, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stdout + done.stderr

            run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", home / "dist", ROOT)
            run(sys.executable, "-m", "venv", "--without-pip", home / "venv")
            (wheel,) = (home / "dist").glob("*.whl")
            run(sys.executable, "-m", "pip", "--python", home / "venv/bin/python", "install", "--no-deps", "--no-index", "--quiet", wheel)
            # A folder named in a .pth file is searched, but its own .pth files, such as that of an editable wildgraph, are not read.
            (packages,) = (home / "venv").glob("lib/python*/site-packages")
            (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        (wheel,) = (home / "dist").glob("*.whl")
        return Installed(wheel, home / "venv/bin/wildgraph")


@dataclass(frozen=True)
class Demo:
    """One run of ``wildgraph demo``: its directory, not to be changed, and what the command said."""

    run: Path
    outcome: Outcome


@pytest.fixture(scope="session")
def demo(installed: Installed, shared_folder: Path) -> Demo:
    """``wildgraph demo`` from the wheel in an empty directory."""
    with _once(shared_folder, "empty") as (empty, needed):
        said = shared_folder / "demo.json"
        if needed:
            shutil.rmtree(empty, ignore_errors=True)
            empty.mkdir()
            done = installed("demo", cwd=empty)
            said.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
        return Demo(empty / "demo", Outcome(*json.loads(said.read_text())))
