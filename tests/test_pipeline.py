"""The pipeline against a real HTTP server: same bytes whatever the speed, nothing paid for twice, status that adds up."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fake_server import Body, FakeServer
from plausible_answers import plausible
from whole_runs import (
    Outcome,
    bare_environment,
    copied,
    pairs,
    reproducible,
    requests_of,
    rows,
    seed_documents,
    seed_queries,
    succeed,
    wildgraph,
    write_rows,
)

import wildgraph as api
from wildgraph.corpus import DocumentStore
from wildgraph.errors import ServerError
from wildgraph.paradigms import PARADIGMS

pytestmark = pytest.mark.usefixtures("remembered")

QUERIES, PAIRS = 120, 18
TYPES = ("contract", "news article", "meeting transcript")


@pytest.fixture(autouse=True)
def one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """User hashes that are the same in every run."""
    monkeypatch.setenv("WILDGRAPH_KEY", "the key of these tests")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A folder with a log and documents."""
    write_rows(tmp_path / "log.jsonl", seed_queries(QUERIES))
    write_rows(tmp_path / "documents.jsonl", seed_documents(*TYPES))
    return tmp_path


@dataclass(frozen=True)
class Job:
    """Both jobs at one server."""

    server: FakeServer
    inputs: Path

    def build(self, run: Path, *more: object) -> Outcome:
        return wildgraph("build", self.inputs / "log.jsonl", "-o", run, "-q", *self._model, *more)

    def sample(self, run: Path, *more: object, n: int = PAIRS) -> Outcome:
        return wildgraph("sample", run, "-d", self.inputs / "documents.jsonl", "-n", n, "-q", *self._model, *more)

    def both(self, run: Path, *more: object) -> Path:
        for outcome in (self.build(run, *more), self.sample(run, *more)):
            assert outcome.code == 0, outcome.err
        return run

    @property
    def _model(self) -> tuple[str, ...]:
        return ("--model", "fake", "--base-url", self.server.base_url)


@pytest.fixture
def job(fake_server: Callable[..., FakeServer], inputs: Path) -> Iterator[Callable[..., Job]]:
    def start(**settings: object) -> Job:
        return Job(fake_server(answer=plausible, **settings), inputs)

    return start


def mined(run: Path) -> int:
    """Requests that mining took so far."""
    return api.status(run)["stages"]["mine"]["requests"]


# --------------------------------------------------------------------------- the same bytes


def test_speed_and_structured_output_leave_no_trace(job, tmp_path: Path):
    """One request at a time with JSON schemas, 32 with JSON mode, 8 with plain text: the same graphs, pairs, rejections and exports."""
    found = {}
    for concurrency, formats in ((1, ("json_schema", "json_object")), (32, ("json_object",)), (8, ())):
        pause = 0.0 if concurrency == 1 else 0.002
        at = job(formats=formats, latency=lambda body, pause=pause: pause * (len(body["messages"][1]["content"]) % 7))
        run = at.both(tmp_path / str(concurrency) / "run", "--concurrency", concurrency)
        succeed("export", run)
        succeed("view", run)
        found[concurrency] = reproducible(run)
        asked = {(body.get("response_format") or {}).get("type", "text") for body in at.server.counted.bodies.values()}
        assert asked >= ({"json_schema"} if formats[:1] == ("json_schema",) else {"json_object" if formats else "text"})
    one, many, text = found.values()
    assert sorted(one) == sorted(many) == sorted(text)
    assert [name for name in one if not one[name] == many[name] == text[name]] == []
    assert {"pairs.jsonl", "manifest.json", "catalogue.jsonl", "mine.rejected.jsonl", "explorer.html"} < set(one)
    assert len([name for name in one if name.startswith("graphs/")]) == len(TYPES) + 1


def test_the_network_run_is_what_it_claims_to_be(job, tmp_path: Path):
    at = job()
    run = at.both(tmp_path / "run")
    found = pairs(run)
    assert len(found) == PAIRS
    assert {pair.paradigm for pair in found} <= set(PARADIGMS)
    assert len({pair.paradigm for pair in found}) > 5
    with DocumentStore(run / "documents.sqlite") as store:
        for pair in found:
            texts = {document.id: store.text(document.hash) for document in pair.documents}
            assert {span.document_id for span in pair.evidence} == set(texts)
            assert all(texts[span.document_id][span.start : span.end] == span.text for span in pair.evidence)
            assert pair.provenance.engine == "openai:fake@localhost"
    stages = json.loads(succeed("status", run, "--json").out)["stages"]
    for name, entry in stages.items():
        assert entry["in"] == entry["out"] + sum(sum(reasons.values()) for reasons in entry["rejected"].values()), name
    assert stages["sample"]["rejected"]["gated"]["ungrounded"] > 0
    assert stages["sample"]["rejected"]["gated"]["unsuitable"] > 0
    assert stages["mine"]["requests"] == QUERIES
    assert 0 < stages["canonicalize"]["requests"] <= 3 * 12 * 3  # readings
    asking = [stages[name] for name in ("mine", "canonicalize", "adapt")]
    assert sum(stage["requests"] for stage in asking) == at.server.counted.requests
    assert sum(stage["prompt_tokens"] for stage in asking) == at.server.counted.prompt_tokens
    gated = rows(next((run / "samples").iterdir()) / "gated.jsonl")
    assert {row["verdicts"][0]["status"] for row in gated} == {"fail"}
    table = succeed("status", run).out
    assert re.search(rf"^mine +{QUERIES} +{QUERIES} ", table, re.MULTILINE)


def test_no_key_and_no_personal_data_leaves_the_machine_or_lands_in_the_run(job, inputs: Path, tmp_path: Path, monkeypatch):
    log = [*seed_queries(100), {"conversation_hash": "pd", "hashed_ip": "pd", "conversation": [
        {"role": "user", "content": "My mail is jane.roe@example.org, card 4111 1111 1111 1111, summarize the attached contract"}
    ]}]  # fmt: skip
    write_rows(inputs / "log.jsonl", log)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-key-1234567890")
    at = job(key="sk-very-secret-key-1234567890")
    run = at.both(tmp_path / "run")
    sent = json.dumps(list(at.server.counted.bodies.values()))
    assert "summarize the attached contract" in sent
    assert "jane.roe@example.org" not in sent
    assert "4111 1111" not in sent
    for file in run.rglob("*"):
        if file.is_file():
            assert b"very-secret" not in file.read_bytes(), file


# --------------------------------------------------------------------------- continuing


def begun(job: Job, run: Path, *more: object) -> subprocess.Popen[str]:
    """A build in a process of its own that has mined a third of the queries."""
    command = ("build", job.inputs / "log.jsonl", "-o", run, "--model", "fake", "--base-url", job.server.base_url, *more)
    process = subprocess.Popen(
        [sys.executable, "-c", "from wildgraph.cli import entry; entry()", *map(str, command)],
        env={**bare_environment(), "PYTHONPATH": os.pathsep.join(sys.path), "WILDGRAPH_KEY": os.environ["WILDGRAPH_KEY"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while sum(job.server.counted.served.values()) < QUERIES // 3 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    return process


def test_a_killed_build_continues_to_the_same_bytes_and_pays_nothing_twice(job, tmp_path: Path):
    clean = job()
    assert clean.build(tmp_path / "clean/run").code == 0
    concurrency = 4
    at = job(latency=0.02)
    run = tmp_path / "killed/run"
    process = begun(at, run, "--concurrency", concurrency)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    served = sum(at.server.counted.served.values())
    assert QUERIES // 3 <= served < QUERIES
    assert not (run / "private/mined.jsonl").exists()
    killed = api.status(run)["unfinished"]["mine"]["requests"]
    assert 0 < killed <= served
    at.server.latency = 0.0
    assert at.build(run).code == 0
    bill = json.loads((run / "manifest.run.json").read_text())["stages"]["mine"]
    assert bill["total"]["requests"] == killed + bill["last"]["requests"]
    # Those in flight, and those that had arrived and were not committed yet: commits come every 50 ms, an answer every 20.
    assert sum(times - 1 for times in at.server.counted.served.values()) <= 5 * concurrency
    assert not list(run.rglob("*.partial"))
    assert reproducible(run) == reproducible(tmp_path / "clean/run")


def test_an_interrupted_build_says_how_to_go_on(job, tmp_path: Path):
    at = job(latency=0.02)
    process = begun(at, tmp_path / "run", "--concurrency", 4)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1].startswith("wildgraph: interrupted — run the same command again")
    assert "Traceback" not in err
    at.server.latency = 0.0
    assert at.build(tmp_path / "run").code == 0
    assert sum(times - 1 for times in at.server.counted.served.values()) <= 4


def test_a_sample_whose_server_went_away_continues_to_the_same_bytes(job, tmp_path: Path):
    clean, at = job(), job()
    clean.both(tmp_path / "clean/run")
    run = tmp_path / "broken/run"
    assert at.build(run).code == 0
    built = at.server.counted.requests

    def stop(body: Body, nth: int) -> str | None:
        return "quota" if at.server.counted.requests > built + 30 else None

    at.server.fault = stop
    outcome = at.sample(run, "--concurrency", 4)
    assert outcome.code == 5
    assert "credit" in outcome.error
    bill = json.loads((run / "manifest.run.json").read_text())["stages"]
    assert "adapt" not in bill or bill["adapt"]["total"]["requests"] <= 40
    at.server.fault = lambda body, nth: None
    assert at.sample(run, "--concurrency", 4).code == 0
    assert sum(times - 1 for times in at.server.counted.served.values()) <= 8
    assert reproducible(run) == reproducible(tmp_path / "clean/run")


def test_a_second_command_asks_nothing(job, tmp_path: Path):
    at = job()
    run = at.both(tmp_path / "run")
    before, asked = reproducible(run), at.server.counted.requests
    at.both(run)
    assert at.server.counted.requests == asked
    assert reproducible(run) == before


def test_a_cap_on_requests_stops_with_what_it_has_and_continues(job, tmp_path: Path):
    at = job()
    outcome = at.build(tmp_path / "run", "--max-requests", 50)
    assert outcome.code == 6
    assert "--max-requests" in outcome.error
    assert at.server.counted.requests == 50
    stopped = succeed("status", tmp_path / "run").out
    assert re.search(r"^mine +stopped; the same command goes on", stopped, re.MULTILINE), stopped
    assert re.search(r"^mine +50 .*\?", stopped, re.MULTILINE), stopped
    assert api.status(tmp_path / "run")["unfinished"]["mine"]["requests"] == 50
    assert at.build(tmp_path / "run").code == 0
    assert api.status(tmp_path / "run")["unfinished"] == {}
    assert api.status(tmp_path / "run")["stages"]["mine"]["unpriced"] == QUERIES
    assert mined(tmp_path / "run") == QUERIES
    assert requests_of(tmp_path / "run") == at.server.counted.requests


def test_failures_of_single_requests_are_counted_and_tried_again(job, tmp_path: Path):
    at = job(fault=lambda body, nth: "server_error" if "court" in body["messages"][1]["content"].partition("<<<QUERY")[2] else None)
    assert at.build(tmp_path / "run", "--config", write_config(tmp_path, "max_rejection_rate: 0.9")).code == 0
    stages = api.status(tmp_path / "run")["stages"]
    failed = stages["mine"]["rejected"]["failed"]["server_error"]
    assert 0 < failed < QUERIES / 2
    public = rows(tmp_path / "run/mine.rejected.jsonl")
    assert all(re.search(r"log\.jsonl:\d+$", row["where"]) for row in public)
    at.server.fault = lambda body, nth: None
    asked = at.server.counted.requests
    assert at.build(tmp_path / "run", "--config", tmp_path / "c.yaml").code == 0
    assert at.server.counted.requests - asked == failed
    assert api.status(tmp_path / "run")["stages"]["mine"]["out"] == QUERIES


def test_too_many_failures_stop_the_run_and_are_written_down(job, tmp_path: Path):
    at = job(fault=lambda body, nth: "invalid_content" if int(body["messages"][1]["content"].count("e")) % 3 == 0 else None)
    outcome = at.build(tmp_path / "run")
    assert outcome.code in (4, 5)
    assert "invalid_answer" in outcome.error
    if outcome.code == 4:
        (named,) = re.findall(r"see (\S+) in the run directory", outcome.error)
        assert len(rows(tmp_path / "run" / named)) >= 10


def write_config(folder: Path, text: str) -> Path:
    file = folder / "c.yaml"
    file.write_text(text)
    return file


# --------------------------------------------------------------------------- changed flags


def test_changed_flags_recompute_what_they_touch_and_the_cache_answers(job, tmp_path: Path):
    at = job()
    run = tmp_path / "run"
    assert at.build(run).code == 0
    asked, first = at.server.counted.requests, reproducible(run)

    higher = at.build(run, "--min-support", 8)
    assert higher.code == 0
    assert "reused   ingest, mine (" in higher.out
    assert at.server.counted.requests == asked
    changed = {name for name, data in reproducible(run).items() if data != first.get(name)}
    assert {"graphs/contract.json", "catalogue.jsonl", "manifest.json"} <= changed
    assert not changed & {"private/mined.jsonl", "private/conversations.jsonl", "mine.rejected.jsonl"}
    assert all(node["support"] >= 8 for node in json.loads((run / "graphs/contract.json").read_text())["nodes"])

    fewer = at.build(run, "--language", "English")
    assert fewer.code == 0
    assert "reused" not in fewer.out
    assert mined(run) == QUERIES
    asked = at.server.counted.requests  # fewer values are sorted anew
    assert api.status(run)["stages"]["ingest"]["rejected"]["filtered"]["language_filter"] > 0

    assert at.build(run).code == 0
    assert at.server.counted.requests == asked
    assert reproducible(run) == first


def test_more_logs_pay_for_the_new_queries_only(job, tmp_path: Path):
    at = job()
    assert at.build(tmp_path / "run").code == 0
    write_rows(at.inputs / "more.jsonl", seed_queries(QUERIES + 10)[QUERIES:])
    assert at.build(tmp_path / "run", at.inputs / "more.jsonl").code == 0
    assert mined(tmp_path / "run") == QUERIES + 10


def test_a_limit_takes_the_first_and_no_more(job, tmp_path: Path):
    at = job()
    assert at.build(tmp_path / "run", "--limit", 60, "--min-support", 2, "--min-type-records", 5).code == 0
    assert mined(tmp_path / "run") == 60
    assert api.status(tmp_path / "run")["stages"]["ingest"]["out"] == 60


def test_queries_without_a_document_are_dropped_or_kept(job, tmp_path: Path):
    at = job()
    run = tmp_path / "run"
    assert at.build(run, "--min-type-records", 5).code == 0
    left_out = api.status(run)["stages"]["graph"]["rejected"]["filtered"]["no_document"]
    assert left_out >= 5
    assert not (run / "graphs/no-document.json").exists()
    asked = at.server.counted.requests
    assert at.build(run, "--min-type-records", 5, "--no-document", "keep").code == 0
    graph = json.loads((run / "graphs/no-document.json").read_text())
    assert (graph["name"], graph["records"]) == ("no document", left_out)
    assert at.server.counted.requests == asked
    assert at.build(run, "--min-type-records", 5).code == 0
    assert not (run / "graphs/no-document.json").exists()


def test_a_sample_of_a_stale_graph_is_not_taken_for_the_new_one(job, tmp_path: Path):
    at = job()
    run = at.both(tmp_path / "run")
    first = (run / "pairs.jsonl").read_bytes()
    assert at.build(run, "--min-support", 8).code == 0
    assert at.sample(run).code == 0
    second = pairs(run)
    graphs = {graph.fingerprint for graph in api.read_graphs(run / "graphs")}
    assert {pair.provenance.graph for pair in second} <= graphs
    assert (run / "pairs.jsonl").read_bytes() != first
    assert len(list((run / "samples").iterdir())) == 2


# --------------------------------------------------------------------------- the three jobs as functions


def test_the_three_jobs_are_three_functions(job, tmp_path: Path):
    at = job()
    seen = []
    config = api.load_config(overrides={"model.name": "fake", "model.base_url": at.server.base_url, "sample.n": 5})
    built = api.build([at.inputs / "log.jsonl"], tmp_path / "run", config, observe=lambda count, total: seen.append(count.stage))
    assert [graph.name for graph in built.graphs] == sorted(TYPES)
    sampled = api.sample(tmp_path / "run", [at.inputs / "documents.jsonl"], config=config)
    assert (sampled.accepted, sampled.wanted, sampled.reused) == (5, 5, False)
    page = api.view(tmp_path / "run")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>") or page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    exported = api.export(tmp_path / "run")
    assert exported.rows == 5
    assert api.status(tmp_path / "run")["stages"]["sample"]["out"] == 5
    assert dict.fromkeys(seen) == dict.fromkeys(["ingest", "mine", "canonicalize", "graph"])
    at.server.stop()
    with pytest.raises(ServerError, match="cannot be reached"):
        api.build(
            [at.inputs / "documents.jsonl"],
            tmp_path / "other",
            config.model_copy(update={"logs": api.load_config(overrides={"logs.columns": {"query": "text"}}).logs}),
        )


def test_runs_can_be_moved(job, tmp_path: Path):
    at = job()
    run = at.both(tmp_path / "here/run")
    moved = copied(run, tmp_path / "there")
    before, asked = reproducible(run), at.server.counted.requests
    at.both(moved)
    assert at.server.counted.requests == asked
    assert reproducible(moved) == before
