"""Sampling: N accepted pairs, prefixes, which resource ran out, what is kept."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from fake_server import FakeServer
from plausible_answers import plausible
from whole_runs import (
    GRAPHS,
    SEEDS,
    Outcome,
    copied,
    pairs,
    reproducible,
    requests_of,
    rows,
    seed_documents,
    succeed,
    wildgraph,
    write_rows,
)

import wildgraph as api
from wildgraph import survey
from wildgraph.errors import EmptyResultError
from wildgraph.taskgraph import read_graphs

pytestmark = pytest.mark.usefixtures("one_model")


def drawn(source: Path, *more: object, documents: Path = SEEDS / "documents.jsonl") -> Outcome:
    """Sample; with the offline engine unless another one is named."""
    return wildgraph("sample", source, "-d", documents, "-q", *more)


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., tuple[str, Path]]:
    """Writes a configuration: settings, on top of those of a run, so that its corpus serves."""

    def write(settings: str = "", run: Path | None = None) -> tuple[str, Path]:
        merged = json.loads((run / "manifest.json").read_text())["stages"]["sample"]["settings"] if run else {}
        for section, values in yaml.safe_load(settings or "{}").items():
            merged[section] = {**merged.get(section, {}), **values}
        file = tmp_path / f"config-{len(list(tmp_path.iterdir()))}.yaml"
        file.write_text(json.dumps(merged))
        return "--config", file

    return write


# --------------------------------------------------------------------------- prefixes


def test_a_smaller_sample_is_a_prefix_of_a_larger_one(demo, config, tmp_path: Path):
    run = copied(demo.run, tmp_path)
    lines = {}
    for n in (20, 40, 21):
        assert drawn(run, "-n", n, *config(run=run)).code == 0
        lines[n] = (run / "pairs.jsonl").read_bytes().splitlines(keepends=True)
        assert len(lines[n]) == n
    assert lines[40][:20] == lines[20]
    assert lines[40][:21] == lines[21]


@pytest.mark.usefixtures("remembered")
def test_waves_leave_no_trace(demo, config, tmp_path: Path):
    run = copied(demo.run, tmp_path)
    assert drawn(run, "-n", 30, *config(run=run)).code == 0
    whole, asked = (run / "pairs.jsonl").read_bytes(), requests_of(run)
    assert drawn(run, "-n", 30, *config("sample: {wave: 1}", run)).code == 0
    assert (run / "pairs.jsonl").read_bytes() == whole
    assert requests_of(run) == asked
    assert drawn(run, "-n", 30, *config("sample: {wave: 150}", run)).code == 0
    assert (run / "pairs.jsonl").read_bytes() == whole


@pytest.mark.usefixtures("remembered")
def test_seeds_and_shares_matter(demo, config, tmp_path: Path):
    run = copied(demo.run, tmp_path)
    settings = config(run=run)

    def sampled(*more: object) -> list:
        assert drawn(run, "-n", 15, *settings, *more).code == 0
        return pairs(run)

    one, two = sampled("--seed", 1), sampled("--seed", 2)
    assert [pair.id for pair in one] != [pair.id for pair in two]
    assert [pair.id for pair in sampled("--seed", 1)] == [pair.id for pair in one]
    assert {pair.provenance.seed for pair in two} == {2}
    needed = lambda pair: sum(document.role == "required" for document in pair.documents)  # noqa: E731
    assert {needed(pair) for pair in sampled("--multi", 0)} == {1}
    assert min(needed(pair) for pair in sampled("--multi", 1)) >= 2
    assert [pair.path for pair in sampled("--temperature", 0.2)] != [pair.path for pair in sampled("--temperature", 5)]
    assert sampled("--mode", "markov")
    assert len({pair.document_type for pair in sampled("--types", "uniform")}) >= 5


@pytest.mark.usefixtures("remembered")
def test_changed_gates_ask_the_model_nothing_about_the_same_candidates(demo, config, tmp_path: Path):
    run = copied(demo.run, tmp_path)
    assert drawn(run, "-n", 30, *config(run=run)).code == 0
    asked = requests_of(run)
    assert drawn(run, "-n", 20, *config("gate: {gates: [length, refusal, truncation, documents_used, grounding]}", run)).code == 0
    assert requests_of(run) == asked
    assert {verdict.gate for pair in pairs(run) for verdict in pair.verdicts} == {
        "length",
        "refusal",
        "truncation",
        "documents_used",
        "grounding",
    }


def test_order_and_place_of_documents_leave_no_trace(tmp_path: Path):
    """The same documents in one file, in two, in another order and in another place give the same sample."""
    documents = seed_documents("contract", "news article")
    one = write_rows(tmp_path / "all.jsonl", documents)
    folder = tmp_path / "folder"
    folder.mkdir()
    write_rows(folder / "b.jsonl", documents[:2])
    write_rows(folder / "a.jsonl", documents[:1:-1])
    found = []
    for name, place in (("one", one), ("many", folder)):
        assert drawn(GRAPHS, "-n", 8, "-o", tmp_path / name / "run", documents=place).code == 0
        found.append((tmp_path / name / "run/pairs.jsonl").read_bytes())
    assert found[0] == found[1]


def test_documents_that_change_their_names_are_read_again(tmp_path: Path):
    """A text file's name is its id, so that equal files under other names are other documents."""
    folder, run = tmp_path / "docs", tmp_path / "run"
    folder.mkdir()
    for number, row in enumerate(seed_documents("contract", "news article")[:4]):
        (folder / f"{number}.txt").write_text(row["text"], encoding="utf-8")
    assert drawn(GRAPHS, "-n", 2, "-o", run, documents=folder).code == 0
    for one, other in (("0", "1"), ("2", "3")):
        (folder / f"{one}.txt").rename(folder / "x")
        (folder / f"{other}.txt").rename(folder / f"{one}.txt")
        (folder / "x").rename(folder / f"{other}.txt")
    for name in ("run", "fresh"):
        assert drawn(GRAPHS, "-n", 3, "-o", tmp_path / name, documents=folder).code == 0
    assert (run / "pairs.jsonl").read_bytes() == (tmp_path / "fresh/pairs.jsonl").read_bytes()
    for pair in pairs(run):
        for span in pair.evidence:
            text = (folder / span.document_id).read_text(encoding="utf-8")
            assert text[span.start : span.end] == span.text


def test_a_file_name_that_is_no_text_is_a_document_all_the_same(tmp_path: Path):
    folder = tmp_path / "docs"
    folder.mkdir()
    first, *others = seed_documents("contract")[:3]
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text(first["text"], encoding="utf-8")
    write_rows(folder / "others.jsonl", others)
    assert drawn(GRAPHS, "-n", 2, "-o", tmp_path / "run", documents=folder).code == 0


# --------------------------------------------------------------------------- bare graphs


@pytest.mark.usefixtures("remembered")
def test_a_folder_of_graphs_is_enough(tmp_path: Path):
    run = tmp_path / "out"
    outcome = drawn(GRAPHS, "-n", 12, "-o", run)
    assert outcome.code == 0, outcome.err
    assert len(pairs(run)) == 12
    assert {pair.provenance.graph for pair in pairs(run)} <= {graph.fingerprint for graph in api.read_graphs(GRAPHS)}
    stages = json.loads(succeed("status", run, "--json").out)["stages"]
    assert set(stages) == {"documents", "walk", "pair", "adapt", "gate", "contrast", "sample"}
    for entry in stages.values():
        assert entry["in"] == entry["out"] + sum(sum(reasons.values()) for reasons in entry["rejected"].values())
    succeed("export", run, "--to", "sft")
    succeed("view", run)
    succeed("view", GRAPHS, "-o", tmp_path / "graphs.html")
    assert not (GRAPHS / "explorer.html").exists()
    assert drawn(GRAPHS, "-n", 12, "-o", run).out.count("was there already") == 1


@pytest.mark.usefixtures("remembered")
def test_a_sample_apart_from_its_graphs_knows_the_names_of_its_labels(tmp_path: Path):
    """Though the graphs that it was drawn from are gone, and without a word of another place in the run's own folder."""
    source, run = tmp_path / "graphs", tmp_path / "run"
    shutil.copytree(GRAPHS, source)
    assert drawn(source, "-n", 4, "-o", run).code == 0
    shutil.rmtree(source)
    (pair, *_) = pairs(run)
    (kept,) = run.glob("private/samples/*/graphs")
    assert {file.stat().st_mode & 0o777 for file in kept.iterdir()} == {0o600}, "they may have been for the owner alone"
    (graph,) = (one for one in read_graphs(kept) if one.fingerprint == pair.provenance.graph)
    names = {node.concept: node.name for node in graph.nodes}
    shown = succeed("show", pair.id[:12], "--run", run).out
    assert names[pair.path[0][1]] in shown
    assert "name it with --graphs" not in shown
    assert graph.name in succeed("coverage", run).out
    succeed("view", run, "-o", tmp_path / "page.html", "--png", tmp_path / "graph.png", "--type", graph.name)
    for name, shareable in (("own.html", False), ("shared.html", True)):
        succeed("view", run, "-o", tmp_path / name, "--no-compress", *(["--publish"] if shareable else []))
        assert (names[pair.path[0][1]] in (tmp_path / name).read_text(encoding="utf-8")) is not shareable
    listed = json.loads((run / "manifest.json").read_text())["stages"]["sample"]["files"]
    assert {listed[file.relative_to(run).as_posix()] for file in kept.iterdir()} == {"private"}
    assert not (run / "graphs").exists()


@pytest.mark.usefixtures("remembered")
def test_every_candidate_leaves_its_specification_and_what_became_of_it(config, tmp_path: Path):
    run = tmp_path / "run"
    settings = config("walk: {multi: 0.6, compose: 0.8, novel: 0.3}\ngate: {settings: {length: {min_answer: 120}}}")
    assert drawn(GRAPHS, "-n", 25, "-o", run, *settings).code == 0
    stages = json.loads(succeed("status", run, "--json").out)["stages"]
    (file,) = run.glob("samples/*/specs.jsonl")
    told = [survey.Outcome.model_validate(row) for row in rows(file)]
    assert [one.index for one in told] == list(range(stages["sample"]["in"]))
    made = {pair.index: pair for pair in pairs(run)}
    assert {one.index for one in told if one.accepted} == set(made)
    reasons = Counter(one.reason for one in told if one.reason)
    assert reasons == {reason: n for kind in stages["sample"]["rejected"].values() for reason, n in kind.items()}
    assert reasons["too_short"]
    for one in told:
        assert (one.spec is None) == (one.stage == "walk")
        if one.accepted:
            assert [list(step) for step in made[one.index].path] == [[node.field, node.concept] for node in one.spec.path]
            assert made[one.index].provenance.novel == one.spec.novel
    assert any(one.spec.novel for one in told if one.accepted)
    several = [one for one in told if one.accepted and one.spec.document_types]
    assert several
    types = {row["id"]: row["document_type"].replace(" ", "-") for row in seed_documents()}
    for one in several:
        there = {types[document.id] for document in made[one.index].documents}
        assert len(there) == 2 or "document" in str(one.spec.document_types)  # the graph for any document covers many types
    # the report is made of these, and says so wherever it is asked
    found = api.coverage(run)
    assert (found.candidates, found.accepted) == (len(told), 25)
    assert stages["sample"]["coverage"] == found.summary()
    assert {one.recombination for one in found.quality} == {None}  # the records lie elsewhere
    shown = succeed("coverage", run).out
    assert "court decision" in shown
    assert shown.startswith(f"reached  by {len(told)} candidates, of which 25 were accepted")
    assert json.loads(succeed("coverage", run, "--json").out)["candidates"] == len(told)
    assert "reached by accepted paths" in succeed("status", run).out


@pytest.mark.usefixtures("remembered")
def test_sampling_on_purpose(tmp_path: Path):
    run = tmp_path / "run"
    asked = (
        "--require",
        "task=summarize the document",
        "--forbid",
        "sentiment/neutral",
        "--type-share",
        "interview transcript=0.5",
        "--multi",
        0,
    )
    outcome = drawn(GRAPHS, "-n", 10, "-o", run, *asked)
    assert outcome.code == 0, outcome.err
    for pair in pairs(run):
        concepts = [concept for _, concept in (*pair.path, *pair.attributes)]
        assert "task/summarize-the-document" in concepts
        assert "sentiment/neutral" not in concepts
    assert sum(pair.document_type == "interview transcript" for pair in pairs(run)) >= 2
    assert drawn(GRAPHS, "-n", 4, "-o", run, "--mode", "coverage", "--start-field", "intent", "--start-field", "task=2").code == 0
    assert {pair.path[0][0] for pair in pairs(run)} <= {"intent", "task"}
    for flags, says in (
        (("--require", "task=sumarize the document"), "no graph has a label 'task=sumarize the document' — did you mean"),
        (("--require", "task/compare-documents", "--forbid", "task/compare-documents"), "is required and forbidden at once"),
        (("--type-share", "contrakt=0.5"), "did you mean 'contract'"),
        (("--type-share", "contract=half"), "is not written NAME=SHARE"),
        (("--start-field", "=2"), "names nothing"),
    ):
        outcome = drawn(GRAPHS, "-n", 4, "-o", run, *flags)
        assert outcome.code == 2
        assert says in outcome.error
        assert not list(run.rglob("*.partial")), "a sample that was never begun leaves nothing"
    assert wildgraph("coverage", tmp_path / "nowhere").code == 3


@pytest.mark.usefixtures("remembered")
def test_labels_of_graphs_without_documents_can_be_forbidden_and_are_named_when_they_are_required(tmp_path: Path):
    """A list of labels that must not come up serves every corpus."""
    job = (GRAPHS, "-n", 2, "-o", tmp_path / "run")
    documents = write_rows(tmp_path / "d.jsonl", seed_documents("contract"))
    assert drawn(*job, "--forbid", "assistant_knowledge=medicine", "--forbid", "sentiment/neutral", documents=documents).code == 0
    assert all(concept != "sentiment/neutral" for pair in pairs(tmp_path / "run") for _, concept in (*pair.path, *pair.attributes))
    outcome = drawn(*job, "--require", "assistant_knowledge=medicine", documents=documents)
    assert outcome.code == 2
    assert "assistant_knowledge/medicine is required, and only graphs without documents have it" in outcome.error
    assert "clinical case report" in outcome.error
    outcome = drawn(*job, "--forbid", "assistant_knowledge=medicin", documents=documents)
    assert outcome.code == 2
    assert "no graph has a label" in outcome.error


# --------------------------------------------------------------------------- when N is out of reach


@pytest.mark.usefixtures("remembered")
def test_a_sample_that_falls_short_says_so_keeps_what_it_has_and_can_be_asked_for_less(config, tmp_path: Path):
    documents = write_rows(tmp_path / "d.jsonl", seed_documents("contract"))
    run = tmp_path / "run"
    few = config("sample: {patience: 20}")
    outcome = drawn(GRAPHS, "-n", 500, "-o", run, *few, documents=documents)
    assert outcome.code == 7
    assert "the specifications ran out" in outcome.error
    assert str(run / "pairs.jsonl") in outcome.error
    kept = pairs(run)
    assert 5 < len(kept) < 500
    assert f"{len(kept)} of 500 pairs" in outcome.error
    assert api.status(run)["stages"]["sample"]["out"] == len(kept)
    succeed("export", run)
    succeed("view", run)
    asked = requests_of(run)
    again = drawn(GRAPHS, "-n", 500, "-o", run, *few, documents=documents)
    assert again.code == 7  # a sample that fell short is not taken for whole
    assert requests_of(run) == asked
    assert drawn(GRAPHS, "-n", 5, "-o", run, *few, documents=documents).code == 0
    assert pairs(run) == kept[:5]
    assert requests_of(run) == asked


@pytest.mark.usefixtures("remembered")
def test_documents_that_run_out_are_named(tmp_path: Path):
    documents = write_rows(tmp_path / "d.jsonl", seed_documents("contract")[:1])
    outcome = drawn(GRAPHS, "-n", 5, "-o", tmp_path / "run", "--multi", 1, documents=documents)
    assert outcome.code == 7
    assert "the documents ran out" in outcome.error
    assert "add documents, several of each type" in outcome.error
    assert "no_document_group" in outcome.error
    assert wildgraph("export", tmp_path / "run").code == 7  # never an empty data set with exit code 0
    assert not (tmp_path / "run/export").exists()


@pytest.mark.usefixtures("remembered")
def test_gates_that_turn_most_away_are_named(config, tmp_path: Path):
    documents = write_rows(tmp_path / "d.jsonl", seed_documents("contract"))
    strict = config("gate: {settings: {length: {min_answer: 5000}}}\nsample: {patience: 20}")
    # Short answers are right where a program checks them.
    outcome = drawn(GRAPHS, "-n", 5, "-o", tmp_path / "run", *strict, "--paradigm", "single_document", documents=documents)
    assert outcome.code == 7, outcome.err
    assert "the gates turned most candidates away" in outcome.error
    assert f"see which with `wildgraph gate {tmp_path / 'run'}`" in outcome.error


@pytest.mark.usefixtures("remembered")
def test_documents_that_fit_no_graph_are_named(tmp_path: Path):
    only = tmp_path / "graphs"
    only.mkdir()
    (only / "contract.json").write_bytes((GRAPHS / "contract.json").read_bytes())
    (only / "concepts.jsonl").write_bytes((GRAPHS / "concepts.jsonl").read_bytes())
    documents = write_rows(tmp_path / "d.jsonl", seed_documents("short story"))
    outcome = drawn(only, "-n", 5, "-o", tmp_path / "run", documents=documents)
    assert outcome.code == 7
    assert "no document fits any of the 1 task graphs" in outcome.error
    assert "contract" in outcome.error


@pytest.mark.usefixtures("remembered")
def test_a_model_that_fails_is_named(fake_server: Callable[..., FakeServer], tmp_path: Path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    documents = write_rows(tmp_path / "d.jsonl", seed_documents("contract"))

    def broken(body: dict) -> str:
        return "I will not write JSON." if "whatever it says" in body["messages"][0]["content"] else plausible(body)

    server = fake_server(answer=broken)
    outcome = drawn(GRAPHS, "-n", 50, "-o", tmp_path / "run", "--model", "fake", "--base-url", server.base_url, documents=documents)
    assert outcome.code in (4, 5)
    assert "invalid_answer" in outcome.error
    assert server.counted.requests < 400


@pytest.mark.usefixtures("remembered")
def test_surplus_is_used_when_more_is_wanted(fake_server: Callable[..., FakeServer], tmp_path: Path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server, documents = fake_server(answer=plausible), write_rows(tmp_path / "d.jsonl", seed_documents("contract", "news article"))
    model = ("--model", "fake", "--base-url", server.base_url)
    run = tmp_path / "run"
    assert drawn(GRAPHS, "-n", 10, "-o", run, *model, documents=documents).code == 0
    first, asked = (run / "pairs.jsonl").read_bytes(), server.counted.requests
    assert drawn(GRAPHS, "-n", 10, "-o", run, *model, documents=documents).code == 0
    assert server.counted.requests == asked
    (surplus,) = (rows(file) for file in run.glob("samples/*/surplus.jsonl"))
    assert surplus
    assert drawn(GRAPHS, "-n", 11, "-o", run, *model, documents=documents).code == 0
    assert (run / "pairs.jsonl").read_bytes().startswith(first)
    assert rows(run / "pairs.jsonl")[10] | {"alternatives": []} == surplus[0]  # worse answers are made of what is taken
    assert server.counted.requests - asked <= 3 * 5  # the wave is a little longer, no candidate is asked about twice
    assert all(times == 1 for times in server.counted.served.values())


def test_the_error_of_the_function_is_the_error_of_the_command(tmp_path: Path):
    documents = write_rows(tmp_path / "d.jsonl", [{"id": "a", "text": ""}])
    with pytest.raises(EmptyResultError, match=r"no document is left: 1 empty_document; the first is .*d\.jsonl:1"):
        api.sample(GRAPHS, [documents], out=tmp_path / "run")
    (rejected,) = rows(tmp_path / "run/documents.rejected.jsonl")
    assert (rejected["reason"], rejected["class"]) == ("empty_document", "failed")
    assert rejected["where"].endswith("d.jsonl:1")


def test_two_samples_of_equal_runs_are_equal(demo, config, tmp_path: Path):
    found = []
    for place in ("one", "two"):
        run = copied(demo.run, tmp_path / place)
        assert drawn(run, "-n", 10, "--seed", 5, *config(run=run)).code == 0
        found.append(reproducible(run))
    assert found[0] == found[1]
