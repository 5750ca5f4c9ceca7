"""``wildgraph cache``: looking at, pruning and exporting the answers of a run."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest
from whole_runs import rows, succeed, wildgraph

from wildgraph.llm import ResponseCache, Usage
from wildgraph.llm.stored import Stored
from wildgraph.store import RunDirectory


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with RunDirectory.write(tmp_path / "run") as directory:
        directory.write_text("manifest.json", '{"format": "wildgraph.run", "version": 1, "stages": {}}')
        with ResponseCache(directory.private / "cache.sqlite") as cache:
            for n in range(12):
                stored = Stored(f"text {n} \ud800", usage=Usage(10, 2, 4), engine=f"e{n % 3}", prompt="stages/mine")
                cache.put(n.to_bytes(32, "big"), stored)
    return tmp_path / "run"


def test_stats_name_engines_prompts_and_tokens(run: Path):
    said = succeed("cache", "stats", run).out.splitlines()
    assert [line for line in said if line.startswith("engine")] == ["engine   e0", "engine   e1", "engine   e2"]
    assert said[2].split() == ["stages/mine", "4", "0", "40", "16", "8", "0.0"]
    found = json.loads(succeed("cache", "stats", run, "--json").out)
    assert [entry["answers"] for entry in found] == [4, 4, 4]
    assert found[0]["prompt_tokens"] == 40


def test_pruning_forgets_what_was_named(run: Path):
    assert "forgot   4 " in succeed("cache", "prune", run, "--engine", "e1", "--yes").out
    assert "forgot   0 " in succeed("cache", "prune", run, "--older-than", "30d", "--yes").out
    assert len(json.loads(succeed("cache", "stats", run, "--json").out)) == 2
    assert "forgot   8 " in succeed("cache", "prune", run, "--yes").out


def test_pruning_asks_first(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    refused = wildgraph("cache", "prune", run)
    assert refused.code == 130
    assert "paid for again" in refused.out + refused.err
    assert len(json.loads(succeed("cache", "stats", run, "--json").out)) == 3


def test_nothing_is_pruned_while_a_command_writes(run: Path):
    with RunDirectory.write(run):
        assert "another process" in wildgraph("cache", "prune", run, "--yes").error


def test_an_export_is_whole_private_and_readable(run: Path, tmp_path: Path):
    succeed("cache", "export", run, "-o", tmp_path / "answers.jsonl")
    found = rows(tmp_path / "answers.jsonl")
    assert [row["key"] for row in found] == [n.to_bytes(32, "big").hex() for n in range(12)]
    assert found[3]["text"].startswith("text 3")
    assert found[3]["completion_tokens"] == 2
    assert stat.S_IMODE((tmp_path / "answers.jsonl").stat().st_mode) == 0o600


def test_what_is_no_run_or_no_age_is_said(run: Path, tmp_path: Path):
    assert "no model answers" in wildgraph("cache", "stats", tmp_path).error
    assert "no age" in wildgraph("cache", "prune", run, "--older-than", "soon", "--yes").error
    (tmp_path / "file").touch()
    assert "cannot write" in wildgraph("cache", "export", run, "-o", tmp_path / "file" / "answers.jsonl").error
