"""What is told of lifting while it looks at all values together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_server import FakeServer
from plausible_answers import plausible
from whole_runs import seed_queries, write_rows

import wildgraph as api
from wildgraph import building
from wildgraph.funnel import StageCount

pytestmark = pytest.mark.usefixtures("remembered")


@pytest.fixture
def asked(fake_server: Callable[..., FakeServer], monkeypatch: pytest.MonkeyPatch) -> api.Config:
    """Settings with a slow model, watched closely."""
    monkeypatch.setattr(building, "_EVERY", 0.02)
    server = fake_server(answer=plausible, latency=0.1)
    return api.load_config(overrides={"model.name": "fake", "model.base_url": server.base_url, "model.concurrency": 64})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "log.jsonl", seed_queries(60))


def test_what_lifting_asks_and_spends_is_told_while_it_does(log: Path, asked: api.Config, tmp_path: Path):
    told: list[tuple[int, int, int | None]] = []

    def observe(count: StageCount, total: int | None) -> None:
        if count.stage == "canonicalize":
            told.append((count.entered, count.requests, total))

    api.build(log, tmp_path / "run", asked, observe=observe)
    before = [requests for entered, requests, _ in told if not entered]
    assert len(set(before)) > 1, "it grows"
    assert before == sorted(before)
    assert {total for entered, _, total in told if not entered} == {60}
    bill = json.loads((tmp_path / "run/manifest.run.json").read_text())["stages"]["canonicalize"]
    assert 0 < before[-1] <= bill["total"]["requests"] == told[-1][1]


def test_phrases_that_are_embedded_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(building, "_EVERY", 0.001)
    monkeypatch.setattr("wildgraph.embedders.cached._PORTION", 8)
    verbs, things = ("summarize", "translate", "rate", "shorten"), ("a plea", "minutes", "a lease", "ten proverbs", "a recipe", "a log")
    records = [
        {"id": f"{verb} {thing}", "user": f"{verb} {thing}", "task": f"{verb} {thing}", "document_type": "lease"}
        for verb in verbs
        for thing in things
    ]
    mined, told = write_rows(tmp_path / "mined.jsonl", records), set()
    config = api.load_config(overrides={"graph.min_support": 1, "graph.min_type_records": 1})
    api.build((), tmp_path / "run", config, mined=mined, observe=lambda count, _: told.add(count.doing))
    counts = [int(doing.removesuffix(" phrases embedded").replace(",", "")) for doing in told if doing]
    assert counts
    assert max(counts) > min(counts) > 0


def test_who_watches_and_fails_ends_the_build(log: Path, asked: api.Config, tmp_path: Path):
    def observe(count: StageCount, _: int | None) -> None:
        if count.stage == "canonicalize":
            raise ValueError("cannot look")

    with pytest.raises(ValueError, match="cannot look"):
        api.build(log, tmp_path / "run", asked, observe=observe)
    api.build(log, tmp_path / "run", asked)
