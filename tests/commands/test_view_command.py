"""``wildgraph view``: a file, two runs, or a server that follows a run while another command writes it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_pairs import LEASED, document, evidence, pair
from whole_runs import GRAPHS, ROOT, succeed, wildgraph

from wildgraph.corpus import DocumentStore
from wildgraph.errors import UsageError
from wildgraph.explorer.serving import PageServer
from wildgraph.records import Verdict
from wildgraph.store import RunDirectory, json_line
from wildgraph.taskgraph import TaskGraph, read_graphs
from wildgraph.viewing import Growth, Stored, serve, view

SECRET = "a sentence that only the document has"
SAYS = document("says", f"It opens. {SECRET}. " + "And so on. " * 40)


def make_run(folder: Path, graphs: list[TaskGraph], rows: int = 3) -> Path:
    """A finished run, made by hand: graphs, a sample and its documents."""
    failed = Verdict(gate="grounding", status="fail", reason="ungrounded")
    with RunDirectory.write(folder) as made, DocumentStore(folder / "documents.sqlite") as store:
        for one in (LEASED, SAYS):
            store.put(one)
        store.commit()
        for graph in graphs:
            made.write_text(f"graphs/{graph.slug}.json", graph.to_json())
        kind = graphs[0].document_type
        accepted = [pair(id=f"abcd{number:04}", document_type=kind, documents=(SAYS,), spans=()) for number in range(rows)]
        made.write_text("pairs.jsonl", "".join(json_line(one.row()) for one in accepted))
        gated = pair(id="ffff0000", document_type=kind, verdicts=(failed,))
        made.write_text("samples/f/gated.jsonl", json_line(gated.row()))
        stages = {
            "gate": {"fingerprint": "g", "in": rows + 1, "out": rows, "rejected": {"gated": {"ungrounded": 1}}, "files": {}},
            "graph": {"fingerprint": "g", "in": 9, "out": 9, "rejected": {}, "files": {}},
            "sample": {"fingerprint": "f", "in": 4, "out": rows, "rejected": {}, "files": {}, "seed": 0, "wanted": rows},
        }
        made.write_text("manifest.json", json.dumps({"format": "wildgraph.run", "version": 1, "stages": stages}))
    return folder


@pytest.fixture(scope="module")
def graphs() -> list[TaskGraph]:
    return sorted(read_graphs(GRAPHS), key=lambda graph: len(graph.nodes))[:3]


@pytest.fixture
def run(tmp_path: Path, graphs: list[TaskGraph]) -> Path:
    return make_run(tmp_path / "run", graphs)


def blocks(page: str) -> dict[str, dict]:
    """The data of a page made with ``--no-compress``."""
    found = re.findall(r'<script type="text/plain" id="data-([^"]+)" data-encoding="json">([^<]*)</script>', page)
    return {name: json.loads(text) for name, text in found}


def test_a_page_of_a_run_and_of_two(run: Path, tmp_path: Path, graphs: list[TaskGraph]):
    other = make_run(tmp_path / "other", graphs[1:], rows=5)
    file = tmp_path / "page.html"
    said = succeed("view", run, "--compare", other, "-o", file, "--no-compress").out
    assert str(file) in said
    front = blocks(file.read_text(encoding="utf-8"))["overview"]
    assert [stage["stage"] for stage in front["funnel"]] == ["graph", "gate"]
    assert (front["rows"], front["accepted"]) == (4, 3)
    assert front["compare"]["rows"] == [[4, 3], [6, 5]]
    assert {card["name"]: card["nodes"] for card in front["compare"]["types"]} == {
        graph.name: [len(graph.nodes), 0 if graph is graphs[0] else len(graph.nodes)] for graph in graphs
    }
    graphs_alone = tmp_path / "alone.html"
    succeed("view", run / "graphs", "--compare", run, "-o", graphs_alone)
    assert graphs_alone.is_file()


def test_a_page_to_be_published_holds_no_row_and_keeps_its_promise(run: Path, tmp_path: Path, graphs: list[TaskGraph]):
    file = tmp_path / "page.html"
    succeed("view", run, "-o", file, "--no-compress")
    assert SECRET not in file.read_text(encoding="utf-8")  # no evidence, no window
    assert "abcd0001" in file.read_text(encoding="utf-8")
    succeed("view", run, "--publish", "--compare", run, "-o", file, "--no-compress")
    page = file.read_text(encoding="utf-8")
    assert "abcd0001" not in page
    assert all(not block["rows"] for name, block in blocks(page).items() if name.startswith("rows-"))
    few = graphs[0].nodes[0].model_copy(update={"support": 1})
    broken = graphs[0].model_copy(update={"min_support": 3, "nodes": (few, *graphs[0].nodes[1:])})
    (run / "graphs" / f"{broken.slug}.json").write_text(broken.to_json(), encoding="utf-8")
    with pytest.raises(UsageError, match="fewer than K = 3"):
        view(run, file, publish=True)
    assert "fewer than K = 3" in wildgraph("view", run, "--publish", "-o", file).error


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--serve", "-o", "x.html"], "--serve writes no file"),
        (["--serve", "--no-compress"], "--serve writes no file"),
        (["--port", "8000"], "--port is for --serve"),
        (["--compare", "nowhere"], "nowhere"),
    ],
)
def test_flags_that_do_not_go_together(run: Path, flags: list[str], message: str):
    outcome = wildgraph("view", run, *flags)
    assert message in outcome.error
    assert outcome.code in (2, 3)


def test_a_foreign_file_is_not_written_over(run: Path):
    (run / "explorer.html").write_text("notes of mine", encoding="utf-8")
    assert "is no page of wildgraph" in wildgraph("view", run).error
    assert (run / "explorer.html").read_text(encoding="utf-8") == "notes of mine"


def test_documents_are_read_when_asked_for(run: Path):
    texts = Stored(run / "documents.sqlite", {SAYS.hash, "0" * 64}, lambda found: found.text)
    assert SECRET in texts[SAYS.hash]
    assert texts.get("0" * 64) is None
    assert texts.get(LEASED.hash) is None  # there, but no row has it
    assert Stored(run / "nowhere.sqlite", {SAYS.hash}, lambda found: found.text).get(SAYS.hash) is None
    assert not (run / "nowhere.sqlite").exists()


def test_an_id_with_two_texts_shows_the_one_that_each_row_has(run: Path, tmp_path: Path, graphs: list[TaskGraph]):
    without = document("says", f"It opens. Here was a sentence, and this is {SECRET[:10]}. " + "And so on. " * 40)
    rows = []
    for number, (text, quoted) in enumerate([(SAYS, SECRET), (without, "Here was a sentence")]):
        rows.append(pair(id=f"cafe{number:04}", document_type=graphs[0].document_type, documents=(text,), spans=(evidence(text, quoted),)))
    with RunDirectory.write(run) as made, DocumentStore(run / "documents.sqlite") as store:
        store.put(without, derived=True)
        made.write_text("pairs.jsonl", "".join(json_line(one.row()) for one in rows))
    file = tmp_path / "page.html"
    succeed("view", run, "-o", file, "--no-compress")
    shown = [row for name, block in blocks(file.read_text(encoding="utf-8")).items() if name.startswith("rows-") for row in block["rows"]]
    found = {row["id"]: row["documents"][0] for row in shown if row["id"].startswith("cafe")}
    assert {name: part["length"] for name, part in found.items()} == {"cafe0000": len(SAYS.text), "cafe0001": len(without.text)}
    for part in found.values():
        (window,) = part["evidence"][0]["windows"]
        assert window["found"]
        assert window["parts"][1] in (SECRET, "Here was a sentence")


# --------------------------------------------------------------------------- while a run grows


def test_growth_counts_what_is_being_written(run: Path):
    growth = Growth(run)
    still = growth.state()
    assert still == growth.state()
    assert still.doing == []
    partial = run / "private" / "mined.jsonl.partial"
    partial.write_bytes(b'{"a":1}\n{"a":')
    begun = growth.state()
    assert begun.doing == [("mined", 1)]
    assert begun.version != still.version
    with partial.open("ab") as handle:
        handle.write(b"2}\n{}\n")
    assert growth.state().doing == [("mined", 3)]
    partial.unlink()
    partial.write_bytes(b"{}\n")  # another command's
    assert growth.state().doing == [("mined", 1)]
    os.utime(partial, (1, 1))  # left behind long ago
    assert growth.state().doing == []


def drawn(run: Path, rows: int) -> Path:
    """A sample that is being drawn: whole rows, and the beginning of another one."""
    folder = run / "samples" / "new"
    folder.mkdir(parents=True, exist_ok=True)
    kind = read_graphs(run / "graphs")[0].document_type
    lines = [json_line(pair(id=f"beef{number:04}", document_type=kind, documents=(SAYS,), spans=()).row()) for number in range(rows)]
    (folder / "pairs.jsonl.partial").write_text("".join(lines) + lines[0][:40], encoding="utf-8")
    return folder


@pytest.fixture
def server(run: Path) -> Iterator[PageServer]:
    with serve(run) as found:
        yield found


def test_a_sample_that_is_being_drawn_is_shown(run: Path, server: PageServer):
    assert len(server.source.now()[1].pairs) == 4
    drawn(run, 2)
    _, data, _ = server.source.now()
    assert [one.id for one in data.pairs] == ["beef0000", "beef0001"]
    assert "2 rows so far" in data.notes[0]
    drawn(run, 6)
    assert len(server.source.now()[1].pairs) == 6
    os.utime(run / "samples/new/pairs.jsonl.partial", (1, 1))
    assert len(server.source.now()[1].pairs) == 4


def test_a_run_that_has_only_just_begun_can_be_followed(tmp_path: Path):
    (tmp_path / "begun/private").mkdir(parents=True)
    with serve(tmp_path / "begun") as found:
        _, data, _ = found.source.now()
        assert (data.graphs, data.notes) == ((), ["No stage has been finished yet."])
    assert "neither a run" not in wildgraph("view", tmp_path / "nowhere", "--serve").error
    assert wildgraph("view", tmp_path / "nowhere", "--serve").code == 3


def test_serving_ends_cleanly_on_an_interrupt(run: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from wildgraph.cli import main; sys.exit(main())", "view", str(run), "--serve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # which background shells ignore
    )
    assert process.stdout is not None
    address = re.search(r"http://127\.0\.0\.1:\d+/\S+/", process.stdout.readline())
    assert address
    with urllib.request.urlopen(address[0], timeout=60) as answer:
        assert answer.read().lower().startswith(b"<!doctype html>")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out.strip(), err) == (0, "stopped", "")
