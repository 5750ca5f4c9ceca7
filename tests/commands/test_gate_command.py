"""``wildgraph gate``: what gates said, of all pairs and of one; and the flags of ``sample`` that concern gates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from whole_runs import GRAPHS, SEEDS, rows, succeed, wildgraph

from wildgraph.gates import ORDER


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample of twelve, of which some instructions are in a benchmark that is named."""
    folder = tmp_path_factory.mktemp("gated")
    first = folder / "first"
    sample = ("sample", GRAPHS, "-d", SEEDS / "documents.jsonl", "-n", 12, "-q")
    succeed(*sample, "-o", first)
    known = [row["instruction"] for row in rows(first / "pairs.jsonl")[:3]]
    bench = folder / "bench.jsonl"
    bench.write_text("".join(json.dumps({"question": one}) + "\n" for one in known), encoding="utf-8")
    second = folder / "second"
    succeed(*sample, "-o", second, "--against", bench, "--require-gate", "contamination")
    return second


def test_pairs_that_are_in_a_named_set_are_turned_away(run: Path):
    accepted = {row["instruction"] for row in rows(run / "pairs.jsonl")}
    known = {row["question"] for row in rows(run.parent / "bench.jsonl")}
    assert len(rows(run / "pairs.jsonl")) == 12
    assert not accepted & known
    verdicts = [verdict for row in rows(run / "pairs.jsonl") for verdict in row["verdicts"] if verdict["gate"] == "contamination"]
    assert {verdict["status"] for verdict in verdicts} == {"pass"}
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    sample = manifest["stages"]["sample"]
    (file,) = sample["compared"]["contamination"]
    assert (file["file"], file["rows"], len(file["sha256"])) == ("bench.jsonl", 3, 64)
    assert sample["rejected"]["gated"]["contaminated"] == 3
    assert str(run.parent) not in json.dumps(sample)  # where it lies is nobody's business


def test_another_benchmark_under_the_same_name_is_another_sample(run: Path, tmp_path: Path):
    folders = []
    for text in ("a question of six or seven words", "another question of eight or nine words"):
        (tmp_path / "bench.jsonl").write_text(json.dumps({"q": text}) + "\n", encoding="utf-8")
        succeed(
            "sample", GRAPHS, "-d", SEEDS / "documents.jsonl", "-n", 1, "-q", "-o", tmp_path / "run", "--against", tmp_path / "bench.jsonl"
        )
        folders.append(json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))["stages"]["sample"]["fingerprint"])
    assert folders[0] != folders[1]


def test_counts_of_all_gates(run: Path):
    said = succeed("gate", run).out.splitlines()
    assert said[0].split() == ["gate", "pass", "not", "judged", "turned", "away"]
    lines = {line.split()[0]: line for line in said[1:]}
    assert set(lines) == set(ORDER)
    assert lines["contamination"].endswith("contaminated 3")
    counts = json.loads(succeed("gate", run, "--json").out)
    assert counts["contamination"] == {"contaminated": 3, "pass": counts["contamination"]["pass"]}
    assert counts["contamination"]["pass"] >= 12


def test_one_accepted_pair(run: Path):
    pair = next(row for row in rows(run / "pairs.jsonl") if row["paradigm"] == "single_document")
    said = succeed("gate", run, "--explain", pair["id"][:8]).out.splitlines()
    assert said[0].startswith(f"pair     {pair['id']} (candidate {pair['index']}, {pair['paradigm']}, ")
    assert said[1] == "outcome  accepted"
    assert [line.split()[0] for line in said[2:]] == list(ORDER)
    assert any(line.split()[:3] == ["evidence_positions", "pass", "depths"] for line in said)
    found = json.loads(succeed("gate", run, "--explain", pair["index"], "--json").out)
    assert (found["id"], found["outcome"]) == (pair["id"], "accepted")
    assert [{key: one[key] for key in ("gate", "status", "reason", "detail")} for one in found["verdicts"]] == pair["verdicts"]
    assert not any(one["late"] for one in found["verdicts"])


def test_one_pair_that_was_turned_away(run: Path):
    gated = next(row for row in _gated(run) if row["verdicts"][0]["gate"] == "contamination")
    found = json.loads(succeed("gate", run, "--explain", gated["id"], "--json").out)
    assert found["outcome"] == "gated"
    verdicts = {one["gate"]: one for one in found["verdicts"]}
    assert list(verdicts) == list(ORDER)
    assert (verdicts["contamination"]["status"], verdicts["contamination"]["late"]) == ("fail", False)
    assert (verdicts["length"]["status"], verdicts["length"]["late"]) == ("pass", True)
    assert verdicts["duplicates"]["reason"] == "it was not asked, since another gate had turned the pair away"
    shown = succeed("gate", run, "--explain", gated["id"]).out
    assert "outcome  gated by contamination" in shown
    assert "contamination       fail           contaminated: the user turn:" in shown


def _gated(run: Path) -> list[dict]:
    (file,) = run.glob("samples/*/gated.jsonl")
    return rows(file)


def test_what_is_not_there(run: Path, tmp_path: Path):
    assert "no pair 'zzzzzz'" in wildgraph("gate", run, "--explain", "zzzzzz").error
    assert wildgraph("gate", tmp_path / "nowhere").code == 3
    outcome = wildgraph(
        "sample", GRAPHS, "-d", SEEDS / "documents.jsonl", "-n", 1, "-q", "-o", tmp_path / "x", "--against", tmp_path / "none.jsonl"
    )
    assert outcome.code == 3
    assert "none.jsonl" in outcome.error
    assert (
        "does not judge"
        in wildgraph(
            "sample", GRAPHS, "-d", SEEDS / "documents.jsonl", "-n", 1, "-q", "-o", tmp_path / "x", "--require-gate", "jugde"
        ).error
    )


@pytest.mark.parametrize("gate", ["judge", "closed_book"])
def test_a_gate_that_a_model_judges_is_not_required_without_one(tmp_path: Path, gate: str):
    outcome = wildgraph("sample", GRAPHS, "-d", SEEDS / "documents.jsonl", "-n", 1, "-q", "-o", tmp_path / "x", "--require-gate", gate)
    assert outcome.code != 0
    assert f"the gate {gate} is required, but no judge is named" in outcome.error
    assert "--judge-model" in outcome.error
    assert not (tmp_path / "x").exists()


def test_an_earlier_data_set_does_not_come_again(run: Path, tmp_path: Path):
    earlier = run / "pairs.jsonl"
    sample = ("sample", GRAPHS, "-d", SEEDS / "documents.jsonl", "-n", 6, "-q", "-o", tmp_path / "later")
    succeed(*sample, "--earlier", earlier)
    again = {row["instruction"] for row in rows(tmp_path / "later" / "pairs.jsonl")}
    assert not again & {row["instruction"] for row in rows(earlier)}
