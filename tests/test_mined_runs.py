"""Whole runs from records that were mined elsewhere: lifted by likeness, corrected, and lifted again under an earlier catalogue."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from whole_runs import Outcome, reproducible, rows, succeed, wildgraph, write_rows

import wildgraph as api
from wildgraph.catalogue import load_catalogue
from wildgraph.lifters.by_likeness import LikenessLifter

pytestmark = pytest.mark.usefixtures("remembered")

SUBJECTS = ("fisheries", "housing", "rail freight", "court reform", "school meals", "harbour works")
ASKED = (
    ("summarize the debate on {}", "one paragraph", "meeting transcript"),
    ("list the main points on {}", "bullet list", "meeting transcript"),
    ("translate the clause on {} into Spanish", "translated text", "supply contract"),
    ("explain the clause on {} in plain words", "short explanation", "franchise contract"),
)


@pytest.fixture(autouse=True)
def one_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """User hashes that are the same in every run, and a home of the tests' own."""
    monkeypatch.setenv("WILDGRAPH_KEY", "the key of these tests")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def mined(subjects: tuple[str, ...] = SUBJECTS) -> list[dict[str, object]]:
    """A record per request and subject, each of a user of its own."""
    return [
        {
            "id": f"{number}-{subject}",
            "user": f"user {number} {subject}",
            "task": task.format(subject),
            "output_format": form,
            "document_type": kind,
            "simplified_instruction": f"Please {task.format(subject)}, as Jane Roe of Mill Street asked.",
        }
        for subject in subjects
        for number, (task, form, kind) in enumerate(ASKED)
    ]


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "mined.jsonl", mined())


def build(records: Path, run: Path, *more: object) -> Outcome:
    return succeed("build", "--mined", records, "-o", run, "-q", "--min-support", 3, "--min-type-records", 3, *more)


def written(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def test_records_mined_elsewhere_become_graphs(records: Path, tmp_path: Path):
    run = tmp_path / "run"
    outcome = build(records, run)
    assert "graph" in outcome.out
    stages = api.status(run)["stages"]
    assert list(stages) == ["mine", "canonicalize", "graph"]
    assert (stages["mine"]["in"], stages["mine"]["out"], stages["mine"]["requests"]) == (24, 24, 0)
    assert stages["canonicalize"]["lifter"] == "likeness"
    assert stages["canonicalize"]["concepts"] < stages["canonicalize"]["values"]
    graphs = api.read_graphs(run / "graphs")
    assert graphs
    assert all(node.support >= 3 for graph in graphs for node in graph.nodes)
    catalogue = load_catalogue(run)
    concepts = {str(catalogue.leaf("task", f"summarize the debate on {subject}")) for subject in SUBJECTS}
    assert len(concepts) == 1, "one request about six subjects is one concept"
    for file in run.rglob("*"):
        if file.is_file() and "private" not in file.relative_to(run).parts:
            data = file.read_bytes()
            assert b"Mill Street" not in data, file
            assert b"school meals" not in data, file  # what one user wrote
    for file in (run / "private").iterdir():
        if file.is_file():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_second_build_reuses_everything_and_the_order_of_rows_leaves_no_trace(records: Path, tmp_path: Path):
    build(records, tmp_path / "one/run")
    first = reproducible(tmp_path / "one/run")
    again = build(records, tmp_path / "one/run")
    assert "reused   mine, canonicalize, graph" in again.out
    assert reproducible(tmp_path / "one/run") == first
    backwards = write_rows(tmp_path / "turned.jsonl", mined()[::-1])
    build(backwards, tmp_path / "two/run")
    second = reproducible(tmp_path / "two/run")
    same = {"catalogue.jsonl", "private/catalogue.jsonl", "private/concepts.jsonl", *(name for name in first if name.startswith("graphs/"))}
    assert {name: first[name] for name in same} == {name: second[name] for name in same}


def test_another_k_names_and_counts_anew_but_groups_once(records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    build(records, tmp_path / "fresh/run", "--min-support", 5)
    build(records, tmp_path / "run")
    with monkeypatch.context() as without:
        without.setattr(LikenessLifter, "lift", lambda lifter, values: pytest.fail("values were grouped again"))
        outcome = build(records, tmp_path / "run", "--min-support", 5)
    assert "reused   mine (" in outcome.out
    assert reproducible(tmp_path / "run") == reproducible(tmp_path / "fresh/run")


def test_edits_change_names_and_nothing_else(records: Path, tmp_path: Path):
    run = tmp_path / "run"
    build(records, run)
    before, first = load_catalogue(run), reproducible(run)
    concept = str(before.leaf("task", "summarize the debate on housing"))
    edits = written(tmp_path / "edits.yaml", f"rename: {{{concept}: sum up what was said}}\n")
    outcome = build(records, run, "--edits", edits)
    assert "reused   mine" in outcome.out
    after = load_catalogue(run)
    assert after.name(concept) == "sum up what was said"
    assert after.assignments == before.assignments
    assert {one: item for one, item in after.concepts.items() if one != concept} == {
        one: item for one, item in before.concepts.items() if one != concept
    }
    graphs = {graph.name: graph for graph in api.read_graphs(run / "graphs")}
    named = {node.name for graph in graphs.values() for node in graph.nodes}
    assert "sum up what was said" in named
    written(edits, "# nothing\n")
    build(records, run, "--edits", edits)
    assert reproducible(run) == first


def test_merges_and_pins_move_values(records: Path, tmp_path: Path):
    run = tmp_path / "run"
    build(records, run)
    before = load_catalogue(run)
    one, other = (str(before.leaf("task", f"{verb} {SUBJECTS[0]}")) for verb in ("summarize the debate on", "list the main points on"))
    assert one != other
    edits = written(
        tmp_path / "edits.yaml",
        f"merge: {{{one}: {other}}}\npin: {{task: {{List the main points on housing.: {before.leaf('task', 'translate the clause on housing into spanish')}}}}}\n",
    )
    build(records, run, "--edits", edits)
    after = load_catalogue(run)
    assert one not in after.concepts
    assert after.leaf("task", f"summarize the debate on {SUBJECTS[0]}") == other
    assert after.leaf("task", "list the main points on housing") == before.leaf("task", "translate the clause on housing into spanish")


def test_an_earlier_catalogue_brings_its_corrections_along(records: Path, tmp_path: Path):
    """Of the prior catalogue's concepts too: they would else bear their own names again, and those merged away be back."""
    run, edits = tmp_path / "run", tmp_path / "edits.yaml"
    written(
        edits,
        "rename: {task/summarize-the-document: sum up a text}\nmerge: {task/translate-a-text: task/summarize-the-document}\n"
        "move: {task/explain-a-concept: task/summarize-the-document}\n",
    )
    build(records, run, "--edits", edits)
    before = load_catalogue(run)
    assert before.name("task/summarize-the-document") == "sum up a text"
    for number in range(2):  # and on to the one after that
        run, earlier = tmp_path / f"run {number}", run
        build(records, run, "--catalogue", earlier)
        after = load_catalogue(run)
        assert after.name("task/summarize-the-document") == "sum up a text"
        assert "task/translate-a-text" not in after.concepts
        assert after.concepts["task/explain-a-concept"].parent == "task/summarize-the-document"
        assert {place: item.concept for place, item in after.assignments.items()} == {
            place: item.concept for place, item in before.assignments.items()
        }
        assert (run / "graphs/concepts.jsonl").read_bytes() == (tmp_path / "run/graphs/concepts.jsonl").read_bytes()
    written(edits, "merge: {task/summarize-the-document: task/translate-a-text}\n")
    outcome = wildgraph("build", "--mined", records, "-o", tmp_path / "circle", "-q", "--catalogue", run, "--edits", edits)
    assert outcome.code != 0
    assert "with those of the earlier catalogue, merges go in a circle" in outcome.error


def test_an_edit_that_leads_nowhere_is_an_error_of_one_line_and_leaves_the_run(records: Path, tmp_path: Path):
    run = tmp_path / "run"
    build(records, run)
    before = reproducible(run)
    edits = written(tmp_path / "edits.yaml", "rename: {task/nothing-like-it: x}\n")
    outcome = wildgraph("build", "--mined", records, "-o", run, "-q", "--min-support", 3, "--edits", edits)
    assert outcome.code != 0
    assert "task/nothing-like-it" in outcome.error
    build(records, run)
    assert reproducible(run) == before


def test_another_run_keeps_the_concepts_of_an_earlier_one(records: Path, tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    build(records, first)
    before = load_catalogue(first)
    more = write_rows(tmp_path / "more.jsonl", mined((*SUBJECTS[:3], "street lighting", "night trains")))
    build(more, second, "--catalogue", first)
    after = load_catalogue(second)
    for place, item in after.assignments.items():
        if place in before.assignments:
            assert item.concept == before.assignments[place].concept, place
    assert before.concepts.items() <= after.concepts.items()
    new = str(after.leaf("task", "summarize the debate on street lighting"))
    assert new == before.leaf("task", "summarize the debate on housing")
    assert "reused   mine, canonicalize, graph" in build(more, second, "--catalogue", first).out


def test_what_a_run_publishes_is_catalogue_enough(records: Path, tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    build(records, first)
    before = load_catalogue(first)
    succeed("purge", first, "--private", "--yes")
    build(records, second, "--catalogue", first)
    after = load_catalogue(second)
    shown = {(row["field"], row["value"]): row["concept"] for row in rows(first / "catalogue.jsonl")}
    assert shown
    assert {place: after.assignments[place].concept for place in shown} == {place: before.assignments[place].concept for place in shown}


# --------------------------------------------------------------------------- hostile rows and wrong words


def test_rows_that_are_no_records_are_counted(tmp_path: Path):
    hostile = [{"id": "x1", "taks": "mail jane.roe@example.org"}, {"id": "0-housing", "task": "twice"}]
    file = write_rows(tmp_path / "mined.jsonl", [*mined(), *hostile])
    build(file, tmp_path / "run")
    mine = api.status(tmp_path / "run")["stages"]["mine"]
    assert (mine["in"], mine["out"]) == (26, 24)
    assert mine["rejected"] == {"failed": {"unknown_layout": 1}, "filtered": {"duplicate_conversation": 1}, "gated": {}}
    public = rows(tmp_path / "run/mine.rejected.jsonl")
    assert sorted(row["where"].rpartition(":")[2] for row in public) == ["25", "26"]
    assert "jane.roe" not in json.dumps(public)
    assert "housing" not in json.dumps(public)


@pytest.mark.parametrize("both", [True, False])
def test_logs_or_records_and_not_both(records: Path, tmp_path: Path, both: bool):
    log = write_rows(tmp_path / "log.jsonl", [{"text": "Sum up the lease."}])
    outcome = wildgraph("build", *((log, "--mined", records) if both else ()), "-o", tmp_path / "run")
    assert outcome.code == 2
    assert "name logs, or mined records, and not both" in outcome.error
    assert not (tmp_path / "run").exists()


def test_an_estimate_without_a_model_has_nothing_to_estimate(records: Path, tmp_path: Path):
    outcome = wildgraph("build", "--mined", records, "-o", tmp_path / "run", "--dry-run")
    assert outcome.code == 2
    assert "the embedded offline engine asks nobody and costs nothing" in outcome.error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--mined", "nowhere.jsonl"), "nowhere.jsonl"),
        (("--mined", ""), "empty name"),
        (("--catalogue", "nowhere"), "nowhere holds no catalogue"),
        (("--edits", "nowhere.yaml"), "cannot read the edits nowhere.yaml"),
        (("--lifter", "model"), "canonicalize.lifter is 'model', but no model is named"),
    ],
)
def test_wrong_words_are_errors_of_one_line(records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags, message):
    monkeypatch.chdir(tmp_path)
    given = flags if flags[0] == "--mined" else ("--mined", records, *flags)
    outcome = wildgraph("build", *given, "-o", tmp_path / "run", "-q")
    assert outcome.code != 0
    assert message in outcome.error


def test_files_of_an_earlier_build_that_are_not_read_again_are_named(tmp_path: Path, records: Path):
    run, later = tmp_path / "run", write_rows(tmp_path / "later.jsonl", mined())
    assert "earlier build" not in build(records, run).out
    assert "earlier build" not in build(records, run).out, "the same again"
    assert "mined.jsonl, read by an earlier build into" in " ".join(build(later, run).out.split())
    both = succeed("build", "--mined", records, "--mined", later, "-o", run, "-q", "--min-support", 3, "--min-type-records", 3)
    assert "earlier build" not in both.out
    assert "later.jsonl, read by an earlier build into" in " ".join(build(records, run).out.split())
