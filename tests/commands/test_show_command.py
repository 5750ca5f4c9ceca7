"""``wildgraph show``: a sample with its path, its evidence in place, its models and verdicts; nothing of it moves a terminal's cursor."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from made_pairs import LEASED, RENT, document, evidence, pair
from whole_runs import GRAPHS, ROOT, pairs, seed_documents, succeed, wildgraph, write_rows

from wildgraph.commands.show import _oddness, printable
from wildgraph.corpus import DocumentStore
from wildgraph.records import Alternative, Checker, Verdict
from wildgraph.showing import _passages
from wildgraph.store import RunDirectory, json_line

NASTY = document("nasty", f"Before it.\x1b[31m\x07\nThe fee is \u202e20 euros.{' And so on.' * 90} It ends on 4 May.")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with one sample of each place, made by hand."""
    folder = tmp_path_factory.mktemp("shown") / "run"
    accepted = pair(
        documents=(LEASED, NASTY),
        spans=(RENT, evidence(NASTY, "The fee is"), evidence(NASTY, "20 euros."), evidence(NASTY, "4 May")),
        roles=("required", "distractor"),
        id="abcd0123",
        answer="Twenty.",
        checkers=(Checker(name="exact", args='{"answer":"Twenty."}'),),
        pass_rate=0.25,
        verdicts=(Verdict(gate="length", status="pass"), Verdict(gate="judge:natural", status="not_evaluated", reason="left out")),
        alternatives=(Alternative(content="Thirty.", made="constraint_broken", matched=True, detail="20 became 30", engine="program"),),
    )
    failed = Verdict(gate="grounding", status="fail", reason="ungrounded", detail="not there")
    with RunDirectory.write(folder) as made, DocumentStore(folder / "documents.sqlite") as store:
        for one in (LEASED, NASTY):
            store.put(one)
        store.commit()
        made.write_text("pairs.jsonl", json_line(accepted.row()) + json_line(pair(id="abce9999").row()))
        made.write_text("samples/f/gated.jsonl", json_line(pair(id="ffff0000", verdicts=(failed,)).row()))
        made.write_text("samples/f/surplus.jsonl", json_line(pair(id="eeee0000").row()))
        manifest = {
            "format": "wildgraph.run",
            "version": 1,
            "stages": {"sample": {"fingerprint": "f", "in": 4, "out": 2, "rejected": {}, "files": {}}},
        }
        made.write_text("manifest.json", json.dumps(manifest))
    return folder


def shown(run: Path, name: str, *more: object) -> str:
    return succeed("show", name, "--run", run, *more).out


def test_a_sample_is_shown_with_everything_that_is_known_of_it(run: Path):
    text = shown(run, "abcd")
    for part in (
        "abcd0123  accepted",
        "single_document, lease agreement, train, English",
        "⟦The tenant shall pay a rent of 1,200 euros on the first day of every month.⟧ The deposit",
        "Document nasty",
        "distractor,",
        "licence CC0-1.0",
        "constraint_broken, length and form match",
        "20 became 30 (program)",
        "Thirty.",
        "Checkers; the trainee passes 25%",
        'exact {"answer":"Twenty."}',
        "not evaluated  judge:natural  left out",
        "model      scripted",
        "stages/answer, another than the installed version",
        "name it with --graphs",
    ):
        assert part in text, part
    assert "no edge" not in text  # nothing is known of the graph


def test_evidence_stands_in_its_place_and_what_lies_apart_is_cut(run: Path):
    text = shown(run, "abcd", "--context", 20)
    assert "⟦The fee is⟧" in text
    assert "⟦4 May⟧" in text
    assert text.count("And so on.") <= 4
    assert "at 0\n" in text


def test_what_moves_the_cursor_is_not_printed(run: Path):
    text = shown(run, "abcd")
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert printable("a\u2028b\x9b\x85\r") == "a\u2028b\ufffd\ufffd\ufffd"


def test_the_beginning_of_an_id_is_enough_if_it_is_one_samples(run: Path):
    assert "abce9999  accepted" in shown(run, "ABCE9")
    assert "ffff0000  gated" in shown(run, "ffff")
    assert "fail           grounding  ungrounded: not there" in shown(run, "ffff")
    assert "eeee0000  surplus" in shown(run, "eeee")
    outcome = wildgraph("show", "abc", "--run", run)
    assert outcome.code == 2
    assert "too short" in outcome.error
    assert json.loads(shown(run, "abcd", "--json"))["id"] == "abcd0123"


@pytest.mark.parametrize(("name", "says"), [("dddd", "no sample of"), ("abcd0124", "no sample of")])
def test_an_id_that_is_not_there_is_said(run: Path, name: str, says: str):
    outcome = wildgraph("show", name, "--run", run)
    assert outcome.code == 2
    assert says in outcome.error


def test_an_id_that_several_have_lists_them(run: Path, tmp_path: Path):
    text = (run / "pairs.jsonl").read_text()
    copy = tmp_path / "run"
    copy.mkdir()
    (copy / "manifest.json").write_bytes((run / "manifest.json").read_bytes())
    (copy / "pairs.jsonl").write_text(text.replace("abce9999", "abcd9999"))
    outcome = wildgraph("show", "abcd", "--run", copy)
    assert outcome.code == 2
    assert "2 samples have an id that begins with 'abcd': abcd0123, abcd9999" in outcome.error


def test_where_there_is_no_run_or_no_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert wildgraph("show", "abcd").code == 3
    assert "--run" in wildgraph("show", "abcd").error
    with RunDirectory.write(tmp_path / "wildgraph-run") as made:
        made.write_text("manifest.json", json.dumps({"format": "wildgraph.run", "version": 1, "stages": {}}))
    assert "holds no sample yet" in wildgraph("show", "abcd").error


def test_passages_keep_every_character_of_their_piece():
    text = "".join(chr(97 + place % 26) for place in range(400))
    whole = document("x", text)
    spans = [evidence(whole, text[a:b]).model_copy(update={"start": a, "end": b}) for a, b in ((10, 20), (15, 30), (60, 65), (300, 310))]
    passages = list(_passages(text, spans, 30))
    assert [passage.start for passage in passages] == [0, 270]
    for passage in passages:
        joined = "".join(passage.parts)
        assert text[passage.start : passage.start + len(joined)] == joined
    assert passages[0].parts[1::2] == (text[10:30], text[60:65])


def terminal(run: Path, **environment: str) -> str:
    """What the command writes to a terminal."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-c", "from wildgraph.cli import main; main(['show', 'abcd', '--run', __import__('sys').argv[1]])", str(run)]
    settings = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.Popen(command, stdout=follower, stderr=subprocess.PIPE, env=settings)
    os.close(follower)
    found = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        found += piece
    assert done.wait(60) == 0, done.stderr and done.stderr.read()
    os.close(leader)
    return found.decode()


def test_a_terminal_gets_colours_unless_they_are_not_wanted(run: Path):
    coloured = terminal(run, NO_COLOR="")
    assert "\x1b[30;43m" in coloured
    assert "⟦" not in coloured
    plain = terminal(run, NO_COLOR="1")
    assert "⟦The fee is⟧" in plain
    assert "\x1b[3" not in plain.replace("\x1b[3m", "")
    dumb = terminal(run, NO_COLOR="", TERM="dumb")
    assert "⟦The fee is⟧" in dumb
    assert "\x1b" not in dumb


@pytest.mark.usefixtures("remembered")
def test_a_sample_of_the_product_with_the_graph_that_was_walked(tmp_path: Path):
    documents = write_rows(tmp_path / "d.jsonl", seed_documents("contract"))
    succeed("sample", GRAPHS, "-d", documents, "-n", 2, "-o", tmp_path / "run", "-q", "--paradigm", "single_document")
    one = pairs(tmp_path / "run")[0]
    text = succeed("show", one.id[:8], "--run", tmp_path / "run", "--graphs", GRAPHS).out
    assert "name it with" not in text
    assert "records with the label before" in text
    assert " users" in text
    assert "prompt     stages/answer, version" in text
    assert "another than" not in text
    assert one.response.split("\n")[0][:60] in text


def test_without_an_id_an_ordinary_sample_is_shown(run: Path, tmp_path: Path):
    assert succeed("show", "--run", run).out == succeed("show", "abcd0123", "--run", run).out
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest["stages"]["sample"]
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "manifest.json").write_text(json.dumps(manifest))
    outcome = wildgraph("show", "--run", tmp_path / "empty")
    assert outcome.code == 3
    assert "holds no sample yet" in outcome.error


def test_an_ordinary_sample_answers_from_one_document_what_its_labels_ask():
    plainest = pair()
    assert plainest.evidence
    silent = plainest.model_copy(update={"turns": tuple(turn.model_copy(update={"evidence": ()}) for turn in plainest.turns)})
    other = plainest.model_copy(update={"paradigm": "timeline"})
    worn = plainest.model_copy(
        update={"provenance": plainest.provenance.model_copy(update={"unrealised": tuple(concept for _, concept in plainest.path)})}
    )
    assert sorted((silent, other, worn, plainest), key=_oddness) == [plainest, worn, other, silent]
