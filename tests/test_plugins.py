"""What another package adds is blamed by its name when it misbehaves, and what was paid for before is kept."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from fake_server import FakeServer
from whole_runs import GRAPHS, Outcome, pairs, rows, seed_documents, seed_queries, succeed, wildgraph, write_rows

from wildgraph import registry
from wildgraph.checkers import check
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.errors import PluginError
from wildgraph.readers import logs

pytestmark = pytest.mark.usefixtures("remembered")

Add = Callable[[str, str, str], None]
#: Records whose tasks no catalogue knows.
MINED = [
    {"id": f"r{number}", "user": f"u{number}", "values": {"document_type": [{"general": "contract"}], "task": [{"general": task}]}}
    for number, task in enumerate(
        f"{verb} the {thing}" for verb in ("juggle", "knit", "sing", "whisk") for thing in ("lease", "annex", "schedule")
    )
]


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Iterator[Add]:
    """Adds an entry point, as an installed package does."""

    def forget() -> None:
        registry.registered.cache_clear()
        logs._reader.cache_clear()

    def add(kind: str, name: str, value: str) -> None:
        point = metadata.EntryPoint(name, value, f"wildgraph.{kind}")
        monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == point.group else [])
        forget()

    yield add
    monkeypatch.undo()
    forget()


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("documents") / "documents.jsonl", seed_documents("contract", "news article"))


@pytest.fixture
def sampled(documents: Path, tmp_path: Path, remembered: None) -> Path:
    succeed("sample", GRAPHS, "-d", documents, "-n", 3, "-q", "-o", tmp_path / "run")
    return tmp_path / "run"


def blamed(outcome: Outcome, says: str) -> None:
    assert outcome.code == 8, outcome.err
    assert re.search(says, outcome.error), outcome.error
    assert len(outcome.error) < 600


@pytest.mark.parametrize(
    ("reader", "says"),
    [
        ("BreaksAtOnce", r"a plug-in failed in misbehaving, line \d+: RuntimeError: no rows \(the reader 'desk', .*log.jsonl\)"),
        ("BreaksOnARow", r"a plug-in failed in misbehaving, line \d+: KeyError: 'customer' \(.*log.jsonl:2\)"),
        ("ReadsNothing", r"the reader 'desk' gave None for .*log.jsonl, nothing to go through"),
        ("GivesRows", r"the reader 'desk' gave \{'query': .*\} in .*log.jsonl, which is no conversation"),
    ],
)
def test_a_reader_that_misbehaves_is_named_with_file_and_row(added: Add, tmp_path: Path, reader: str, says: str):
    log = write_rows(tmp_path / "log.jsonl", [{"body": "Sum up the lease.", "customer": "a"}, {"body": "And the annex."}])
    added("readers", "desk", f"misbehaving:{reader}")
    blamed(wildgraph("build", log, "-o", tmp_path / "run", "--format", "desk"), says)


def test_a_turn_that_is_no_text_is_a_row_of_unknown_layout(added: Add, tmp_path: Path):
    queries = [{"body": f"Please sum up the lease of flat {number}.", "customer": number % 7} for number in range(40)]
    log = write_rows(tmp_path / "log.jsonl", [*queries, {"body": 5, "customer": "a"}])
    added("readers", "desk", "misbehaving:GivesNumbers")
    succeed("build", log, "-o", tmp_path / "run", "--format", "desk")
    (rejected,) = [row for row in rows(tmp_path / "run/private/ingest.rejected.jsonl") if row["reason"] == "unknown_layout"]
    assert rejected["where"].endswith("log.jsonl:41")


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        ("Breaks", r"a plug-in failed in misbehaving, line \d+: KeyError: 'no such document' \(gate mine, pair \d+\)"),
        ("SaysYes", r"the gate 'mine' gave True for pair \d+, no verdict"),
        ("SpeaksForAnother", r"the gate 'mine' gave a verdict of 'other' for pair \d+"),
        ("KnowsAnotherReason", r"the gate 'mine' fails pair \d+ for 'refusel', which is no reason — did you mean 'refused'\?"),
    ],
)
def test_a_gate_that_misbehaves_is_named_with_the_pair(added: Add, documents: Path, tmp_path: Path, gate: str, says: str):
    (tmp_path / "with.yaml").write_text(yaml.safe_dump({"gate": {"gates": ["length", "mine"]}}))
    added("gates", "mine", f"misbehaving:{gate}")
    job = ("sample", GRAPHS, "-d", documents, "-n", 3, "-o", tmp_path / "run", "--config", tmp_path / "with.yaml")
    blamed(wildgraph(*job), says)
    added("gates", "mine", "wildgraph.gates.refusal:RefusalGate")  # mended
    assert wildgraph(*job).code == 0
    assert len(pairs(tmp_path / "run")) == 3


def test_a_checker_that_misbehaves_is_named(added: Add):
    added("checkers", "mine", "misbehaving:SaysMaybe")
    with pytest.raises(PluginError, match="the checker 'mine' gave 'maybe', no verdict"):
        check("mine", "a text")


@pytest.mark.parametrize(
    ("exporter", "says"),
    [
        ("Divides", r"a plug-in failed in misbehaving, line \d+: ZeroDivisionError: .* \(exporter mine, pair \w+\)"),
        ("GivesNothing", r"the exporter 'mine' gave nothing for pair \w+"),
        ("GivesText", r"the exporter 'mine' gave '\w+' for pair \w+, no row"),
        ("LeavesOut", r"the row that the exporter 'mine' gave for pair \w+ lacks attributes, bucket, document_hashes and \d+ more"),
        ("MistakesTypes", r"rows do not have the types of their columns: .*three"),
        ("WritesObjects", r"the row \w+ of mine cannot be written: .*not JSON serializable"),
    ],
)
def test_an_exporter_that_misbehaves_is_named_and_leaves_nothing(added: Add, sampled: Path, exporter: str, says: str):
    added("exporters", "mine", f"misbehaving:{exporter}")
    there = {file for file in sampled.rglob("*") if "sqlite" not in file.name}
    blamed(wildgraph("export", sampled, "--to", "mine"), says)
    assert {file for file in sampled.rglob("*") if "sqlite" not in file.name} == there


@pytest.mark.parametrize(
    ("backend", "says"),
    [
        ("AnswersSome", r"the model odd-1 answered \d+ of \d+ requests"),
        ("AnswersWithText", r"the model odd-1 gave 'an answer', no completion of what it was asked"),
        ("AnswersOthers", r"the model odd-1 gave Completion\(.*, no completion of what it was asked"),
        ("HasNoKey", r"a plug-in failed in misbehaving, line \d+: ConnectionError: no key"),
        ("LosesItsPipe", r"a plug-in failed in misbehaving, line \d+: BrokenPipeError: \[Errno 32\] Broken pipe"),
    ],
)
def test_a_back_end_that_misbehaves_is_named(added: Add, tmp_path: Path, backend: str, says: str):
    log = write_rows(tmp_path / "log.jsonl", seed_queries(30))
    added("backends", "mine", f"misbehaving:{backend}")
    blamed(wildgraph("build", log, "-o", tmp_path / "run", "--backend", "mine", "--model", "odd-1"), says)


@pytest.mark.parametrize(
    ("masker", "says"),
    [("masks_nothing_and_loses_places", r"the masker 'mine' gave 0 places for \d+"), ("gives_text", r"the masker 'mine' gave a str")],
)
def test_a_masker_that_misbehaves_lets_nothing_through(added: Add, tmp_path: Path, masker: str, says: str):
    log = write_rows(tmp_path / "log.jsonl", seed_queries(3))
    (tmp_path / "with.yaml").write_text(yaml.safe_dump({"mine": {"masker": "mine"}}))
    added("maskers", "mine", f"misbehaving:{masker}")
    blamed(wildgraph("build", log, "-o", tmp_path / "run", "--config", tmp_path / "with.yaml"), says)
    assert not (tmp_path / "run/private/mined.jsonl").exists()


@pytest.mark.parametrize(
    ("embedder", "says"),
    [
        ("LosesOne", r"the embedder 'mine' gave float64 of shape \(\d+, 4\), not finite numbers of shape \(\d+, 4\)"),
        ("DividesByZero", r"the embedder 'mine' gave float64 of shape"),
        ("GivesLists", r"the embedder 'mine' gave <U"),
        ("IsAway", r"a plug-in failed in misbehaving, line \d+: TimeoutError: the embedding server is away"),
    ],
)
def test_an_embedder_that_misbehaves_is_named(added: Add, tmp_path: Path, embedder: str, says: str):
    mined = write_rows(tmp_path / "mined.jsonl", MINED)
    added("embedders", "mine", f"misbehaving:{embedder}")
    blamed(wildgraph("build", "--mined", mined, "-o", tmp_path / "run", "--embedder", "mine"), says)


def test_an_embedder_of_another_package_is_used(added: Add, tmp_path: Path):
    mined = write_rows(tmp_path / "mined.jsonl", MINED)
    added("embedders", "mine", "wildgraph.embedders.hashed:HashedEmbedder")
    succeed("build", "--mined", mined, "-o", tmp_path / "run", "--embedder", "mine")
    with closing(sqlite3.connect(tmp_path / "run/private/vectors.sqlite")) as kept:
        assert {length for (length,) in kept.execute("SELECT length(vector) FROM vectors")} == {4 * HashedEmbedder().dimension}


@pytest.mark.parametrize(
    ("paradigm", "says"),
    [
        ("UNFINISHED", r"the prompt template misbehaving:templates/unfinished cannot be used: TemplateSyntaxError: "),
        ("UNNAMED", r"the prompt template misbehaving:templates/unnamed cannot be used: UndefinedError: 'dokuments' is undefined"),
        ("ABSENT", r"the prompt template misbehaving:templates/absent cannot be used: FileNotFoundError: "),
    ],
)
def test_a_prompt_that_cannot_be_rendered_is_named(
    added: Add, documents: Path, tmp_path: Path, fake_server: Callable[..., FakeServer], paradigm: str, says: str
):
    added("paradigms", "briefing", f"misbehaving:{paradigm}")
    model = ("--model", "fake", "--base-url", fake_server().base_url)
    blamed(wildgraph("sample", GRAPHS, "-d", documents, "-n", 3, "-o", tmp_path / "run", "--paradigm", "briefing", *model), says)


def test_what_breaks_when_it_is_imported_cannot_be_loaded(added: Add, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "unfinished.py").write_text("def read(:\n")
    (tmp_path / "unset.py").write_text("import os\nHOME = os.environ['NO_SUCH_NAME']\n")
    monkeypatch.syspath_prepend(tmp_path)
    log = write_rows(tmp_path / "log.jsonl", seed_queries(3))
    for module, says in ("unfinished", "SyntaxError: "), ("unset", "KeyError: 'NO_SUCH_NAME'"):
        added("backends", "mine", f"{module}:Thing")
        outcome = wildgraph("build", log, "-o", tmp_path / "run", "--backend", "mine", "--model", "odd-1")
        assert outcome.code == 2
        assert f"backend 'mine' cannot be loaded: {says}" in outcome.error
