"""The demo, as it comes out of the wheel."""

from __future__ import annotations

import json
import re
import stat
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from whole_runs import copied, pairs, reproducible, requests_of, rows, succeed

from wildgraph.checkers import COLUMNS, reward
from wildgraph.corpus import DocumentStore
from wildgraph.paradigms import PARADIGMS
from wildgraph.pipeline import status
from wildgraph.published import check_graphs
from wildgraph.records import Pair
from wildgraph.taskgraph import read_graphs

pytestmark = pytest.mark.usefixtures("one_model")


def test_the_demo_ends_well_and_says_what_to_look_at(demo):
    assert demo.outcome.code == 0, demo.outcome.err
    for place in ("demo/graphs", "demo/pairs.jsonl", "demo/export", "demo/explorer.html"):
        assert place in demo.outcome.out
    assert "offline engine" in demo.outcome.out
    assert "Traceback" not in demo.outcome.err
    assert not re.search("warning", demo.outcome.err, re.IGNORECASE)


def test_there_are_enough_pairs_over_enough_document_types(demo):
    found = pairs(demo.run)
    assert len(found) >= 60
    assert len({pair.document_type for pair in found}) >= 10
    assert sum(len(pair.documents) > 1 for pair in found) >= 15
    assert len({pair.id for pair in found}) == len(found)
    assert [pair.index for pair in found] == sorted({pair.index for pair in found})


def test_every_evidence_span_stands_verbatim_in_its_document(demo):
    with DocumentStore(demo.run / "documents.sqlite") as store:
        for pair in pairs(demo.run):
            texts = {document.id: store.text(document.hash) for document in pair.documents}
            needed = {document.id for document in pair.documents if document.role == "required"}
            assert {span.document_id for span in pair.evidence} == (needed if PARADIGMS[pair.paradigm].evidence else set())
            for span in pair.evidence:
                assert span.text.strip()
                assert texts[span.document_id][span.start : span.end] == span.text


def test_rows_are_flat_and_whole(demo):
    for row in rows(demo.run / "pairs.jsonl"):
        assert row["instruction"] == row["turns"][0]["content"]
        assert row["response"] == row["turns"][-1]["content"]
        assert row["document_ids"] == [document["id"] for document in row["documents"]]
        assert row["evidence"] == [span for turn in row["turns"] for span in turn["evidence"]]
        assert row["provenance"]["engine"].startswith("offline:")
        assert {verdict["status"] for verdict in row["verdicts"]} <= {"pass", "not_evaluated"}
        assert Pair.from_row(row).row() == row


def test_no_pair_crosses_the_split(demo):
    with DocumentStore(demo.run / "documents.sqlite") as store:
        splits: dict[str, set[str]] = {}
        for pair in pairs(demo.run):
            for document in pair.documents:
                assert document.hash in store
                splits.setdefault(document.hash, set()).add(pair.split)
    assert all(len(found) == 1 for found in splits.values())


def test_the_second_demo_asks_the_model_nothing_and_changes_no_byte(demo, tmp_path: Path):
    run = copied(demo.run, tmp_path)
    before, asked = reproducible(run), requests_of(run)
    succeed("demo", "-o", run, "-q")
    assert requests_of(run) == asked > 0
    bills = json.loads((run / "manifest.run.json").read_text())["stages"]
    assert {name: bill["last"]["requests"] for name, bill in bills.items()} == dict.fromkeys(bills, 0)
    after = reproducible(run)
    assert sorted(after) == sorted(before)
    assert [name for name in before if after[name] != before[name]] == []
    assert {"pairs.jsonl", "catalogue.jsonl", "manifest.json", "explorer.html"} < set(before)


def test_a_lost_stage_file_is_made_again_from_the_cache(demo, tmp_path: Path):
    run = copied(demo.run, tmp_path)
    before, asked = reproducible(run), requests_of(run)
    for name in ("private/mined.jsonl", "graphs/contract.json", "pairs.jsonl", "corpus/vectors.npy"):
        (run / name).unlink()
    succeed("demo", "-o", run, "-q")
    assert requests_of(run) == asked
    assert {name: data for name, data in reproducible(run).items() if name != "corpus/vectors.npy"} == {
        name: data for name, data in before.items() if name != "corpus/vectors.npy"
    }


def test_private_files_are_private_and_the_manifest_names_every_file(demo):
    assert stat.S_IMODE((demo.run / "private").stat().st_mode) == 0o700
    for file in (demo.run / "private").rglob("*"):
        if file.is_file():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    named: dict[str, str] = {}
    for entry in json.loads((demo.run / "manifest.json").read_text())["stages"].values():
        named |= entry["files"]
    assert all((kind == "private") == name.startswith("private/") for name, kind in named.items())
    assert set(named.values()) == {"private", "shareable"}
    made = {file.relative_to(demo.run).as_posix() for file in demo.run.rglob("*") if file.is_file()}
    by_other_commands = {name for name in made if name.startswith("export/")} | {"explorer.html"}
    of_the_run = {"manifest.json", "manifest.run.json", ".lock", "private/cache.sqlite", "private/vectors.sqlite", "private/key"}
    assert made - by_other_commands - of_the_run == set(named)


def test_nothing_private_is_in_shareable_files(demo):
    """No query, no user and no rejection detail lies outside ``private/``."""
    queries = [row["query"] for row in rows(demo.run / "private/conversations.jsonl")]
    shareable = {
        name: data.decode("utf-8", "replace")
        for name, data in reproducible(demo.run, private=False).items()
        if not name.endswith((".npy", ".parquet"))
    }
    for query in queries:
        line = json.dumps(query.strip()[:80], ensure_ascii=False)[1:-1]
        if len(line) > 60:
            assert [name for name, text in shareable.items() if line in text] == []
    users = {row["user"] for row in rows(demo.run / "private/conversations.jsonl")} - {None}
    assert users
    for name, text in shareable.items():
        assert not [user for user in users if user in text], name
    assert all(set(row) == {"stage", "item", "class", "reason", "where"} for row in rows(demo.run / "graph.rejected.jsonl"))


def test_graphs_keep_their_promise_of_anonymity(demo):
    graphs = read_graphs(demo.run / "graphs")
    assert len(graphs) >= 12
    for graph in graphs:
        assert all(node.support >= 3 for node in graph.nodes)
        assert all(edge.users >= 3 for edge in graph.edges)
    assert {tuple(sorted(row)) for row in rows(demo.run / "catalogue.jsonl")} == {("concept", "field", "name", "parent", "value")}
    users = {(row["field"], row["value"]): row["users"] for row in rows(demo.run / "private/catalogue.jsonl")}
    assert all(users[row["field"], row["value"]] >= 3 for row in rows(demo.run / "catalogue.jsonl"))
    assert check_graphs(demo.run) == []


def test_the_funnel_adds_up(demo):
    stages = status(demo.run)["stages"]
    assert list(stages)[:4] == ["ingest", "mine", "canonicalize", "graph"]
    for name, entry in stages.items():
        assert entry["in"] == entry["out"] + sum(sum(reasons.values()) for reasons in entry["rejected"].values()), name
    assert stages["ingest"]["out"] == stages["mine"]["in"] == len(rows(demo.run / "private/conversations.jsonl"))
    assert stages["walk"]["in"] == stages["sample"]["in"]
    assert stages["gate"]["out"] == stages["sample"]["out"] == len(rows(demo.run / "pairs.jsonl"))
    listed = Counter(row["reason"] for row in rows(next((demo.run / "samples").iterdir()) / "rejected.jsonl"))
    assert listed == Counter({reason: n for kind in stages["sample"]["rejected"].values() for reason, n in kind.items()})


def test_the_data_set_loads_and_matches_the_pairs(demo):
    exported = [row for file in sorted((demo.run / "export" / "sft").glob("*.parquet")) for row in pq.read_table(file).to_pylist()]
    assert len(exported) == len(rows(demo.run / "pairs.jsonl"))
    assert {folder.name for folder in (demo.run / "export").iterdir() if folder.is_dir()} == {"sft", "dpo", "grpo"}
    card = (demo.run / "export/README.md").read_text(encoding="utf-8")
    assert "baseline" in card
    by_id = {row["id"]: row for row in rows(demo.run / "pairs.jsonl")}
    with DocumentStore(demo.run / "documents.sqlite") as store:
        for row in exported:
            pair = by_id[row["id"]]
            assert row["completion"][-1] == {"role": "assistant", "content": pair["response"]}
            asked = "".join(turn["content"] for turn in row["prompt"])
            assert pair["instruction"] in asked
            assert "<<<DOCUMENT" not in asked
            for document in pair["documents"]:
                assert store.text(document["hash"]).strip()[:200] in asked


def test_every_objective_comes_from_the_same_pairs(demo, tmp_path):
    run = copied(demo.run, tmp_path)
    succeed("export", run, "--to", "sft,dpo,grpo,sharegpt,alpaca,openai", "-q")
    count = len(rows(run / "pairs.jsonl"))
    found = {
        name: [row for file in sorted((run / "export" / name).glob("*.parquet")) for row in pq.read_table(file).to_pylist()]
        for name in ("sft", "dpo", "grpo")
    }
    assert len(found["sft"]) == count
    assert found["dpo"]
    assert found["grpo"]
    by_id = {row["id"]: row for row in found["sft"]}
    assert all(by_id[row["pair_id"]]["completion"][-1:] == row["chosen"] != row["rejected"] for row in found["dpo"])
    for row in found["grpo"]:
        earned = reward(
            [row["prompt"]], [[{"role": "assistant", "content": row["answer"]}]], None, **{name: [row[name]] for name in COLUMNS}
        )
        assert earned == [1.0], row["id"]
    lines = {name: sum(len(rows(file)) for file in (run / "export" / name).glob("*.jsonl")) for name in ("sharegpt", "alpaca", "openai")}
    dialogues = sum(row["paradigm"] == "dialogue" for row in found["sft"])
    assert lines == {"sharegpt": count, "openai": count, "alpaca": count - dialogues}
