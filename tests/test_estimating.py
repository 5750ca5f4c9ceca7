"""Estimates: what a job will ask and cost, without asking, held against the bill of a server that counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_server import Body, FakeServer
from plausible_answers import plausible
from whole_runs import GRAPHS, seed_documents, seed_queries, succeed, wildgraph, write_rows

from wildgraph.config import load_config
from wildgraph.errors import UsageError
from wildgraph.estimating import ENOUGH, Estimate, estimate_build, estimate_sample
from wildgraph.llm.model import Usage
from wildgraph.llm.prices import PICO, Price
from wildgraph.paradigms import PARADIGMS

pytestmark = pytest.mark.usefixtures("remembered")

TYPES = ("contract", "news article", "meeting transcript")
PRICE = Price(input=1.0, cached=0.25, output=5.0)


@pytest.fixture
def server(fake_server: Callable[..., FakeServer]) -> FakeServer:
    def cached(body: Body) -> int:
        said = body["messages"][1]["content"]
        return len(said) // 8 if "# Your part: the user" not in said and "<<<DOCUMENT" in said else 0

    return fake_server(answer=plausible, cached=cached)


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    write_rows(tmp_path / "log.jsonl", seed_queries(240))
    write_rows(tmp_path / "documents.jsonl", seed_documents(*TYPES))
    return tmp_path


def flags(server: FakeServer) -> tuple[str, ...]:
    return ("--model", "fake", "--base-url", server.base_url, "--price", "input=1,cached=0.25,output=5", "-q")


#: Mining alone, which is what can be held to the cent; lifting is estimated from assumptions.
MINED = ("--lifter", "likeness")
LIKENESS = {"canonicalize__lifter": "likeness"}


def settings(server: FakeServer, **more: object) -> dict[str, object]:
    price = {"input": 1.0, "cached": 0.25, "output": 5.0}
    return {
        "model.name": "fake",
        "model.base_url": server.base_url,
        "model.price": price,
        **{k.replace("__", "."): v for k, v in more.items()},
    }


def bill(server: FakeServer) -> float:
    """What the server charges for everything so far."""
    counted = server.counted
    return PRICE.of(Usage(counted.prompt_tokens, counted.completion_tokens, counted.cached_tokens)) / PICO


def ordered(estimate: Estimate) -> bool:
    low, expected, high = (estimate.total(case) for case in ("low", "expected", "high"))
    return bool(low.cost <= expected.cost <= high.cost)  # type: ignore[operator]


def test_a_build_is_estimated_from_assumptions_and_nobody_is_asked(server: FakeServer, inputs: Path):
    estimate = estimate_build([inputs / "log.jsonl"], inputs / "run", load_config(overrides=settings(server, **LIKENESS)))
    (mine,) = estimate.stages
    assert (mine.prompt, mine.known, mine.measured) == ("stages/mine", 0, False)
    assert server.counted.requests == 0
    assert not (inputs / "run").exists()
    succeed("build", inputs / "log.jsonl", "-o", inputs / "run", *flags(server), *MINED)
    assert mine.expected.requests == server.counted.requests
    assert mine.low.usage.prompt_tokens <= server.counted.prompt_tokens <= mine.high.usage.prompt_tokens
    assert ordered(estimate)
    assert any("assumed" in line or "expected" in line for line in estimate.assumptions)


def test_a_build_is_estimated_from_its_own_results_within_15_percent(server: FakeServer, inputs: Path):
    run = inputs / "run"
    succeed("build", inputs / "log.jsonl", "-o", run, *flags(server), *MINED, "--limit", 80, "--min-support", 1, "--min-type-records", 1)
    before = bill(server)
    estimate = estimate_build([inputs / "log.jsonl"], run, load_config(overrides=settings(server, **LIKENESS)))
    (mine,) = estimate.stages
    assert mine.measured
    assert mine.known == 80
    succeed("build", inputs / "log.jsonl", "-o", run, *flags(server), *MINED)
    assert mine.expected.cost == pytest.approx(bill(server) - before, rel=0.15)
    again = estimate_build([inputs / "log.jsonl"], run, load_config(overrides=settings(server, **LIKENESS)))
    assert again.total("high").requests == 0
    assert again.total("high").cost == 0.0


def test_lifting_by_the_model_is_estimated_too(server: FakeServer, inputs: Path):
    estimate = estimate_build([inputs / "log.jsonl"], inputs / "run", load_config(overrides=settings(server)))
    mine, lifting = estimate.stages
    assert (lifting.prompt, lifting.measured) == ("lifters/sort", False)
    succeed("build", inputs / "log.jsonl", "-o", inputs / "run", *flags(server))
    asked = server.counted.requests - mine.expected.requests
    assert 0 < asked <= lifting.high.requests
    assert ordered(estimate)


def test_records_that_were_mined_before_leave_the_lifting(server: FakeServer, inputs: Path):
    run = inputs / "run"
    succeed("build", inputs / "log.jsonl", "-o", run, *flags(server), *MINED)
    asked = server.counted.requests
    estimate = estimate_build([], inputs / "lifted", load_config(overrides=settings(server)), mined=[run / "private/mined.jsonl"])
    (lifting,) = estimate.stages
    assert lifting.prompt == "lifters/sort"
    assert server.counted.requests == asked
    assert not (inputs / "lifted").exists()
    succeed("build", "--mined", run / "private/mined.jsonl", "-o", inputs / "lifted", *flags(server))
    assert 0 < server.counted.requests - asked <= lifting.high.requests
    alone = load_config(overrides=settings(server, **LIKENESS))
    assert estimate_build([], inputs / "lifted", alone, mined=[run / "private/mined.jsonl"]).total("high").requests == 0
    with pytest.raises(UsageError, match="name logs, or mined records"):
        estimate_build([], inputs / "lifted", alone)


#: Paradigms that share their prompts, so that a small sample has enough answers to each.
WRITTEN = ("single_document", "comparison", "aggregation")


def test_a_sample_of_every_paradigm_is_estimated_prompt_by_prompt(server: FakeServer, inputs: Path):
    run, documents = inputs / "run", inputs / "documents.jsonl"
    estimate = estimate_sample(GRAPHS, [documents], out=run, config=load_config(overrides=settings(server, sample__n=60)))
    assert server.counted.requests == 0
    assert {stage.prompt for stage in estimate.stages} == {step for one in PARADIGMS.values() for step in one.templates}
    assert ordered(estimate)
    succeed("sample", GRAPHS, "-o", run, "-d", documents, "-n", 60, *flags(server))
    assert estimate.total("low").cost < bill(server) < estimate.total("high").cost


def test_a_sample_is_estimated_from_its_own_results_within_15_percent(server: FakeServer, inputs: Path):
    run, documents = inputs / "run", inputs / "documents.jsonl"
    paradigms = [flag for name in WRITTEN for flag in ("--paradigm", name)]

    def estimate(n: int) -> Estimate:
        return estimate_sample(
            GRAPHS, [documents], out=run, config=load_config(overrides=settings(server, sample__n=n, walk__paradigms=WRITTEN))
        )

    assumed = estimate(120)
    assert server.counted.requests == 0
    assert [stage.prompt for stage in assumed.stages] == ["stages/instruct", "stages/answer", "stages/cite"]
    assert not any(stage.measured for stage in assumed.stages)
    assert ordered(assumed)
    succeed("sample", GRAPHS, "-o", run, "-d", documents, "-n", 120, *flags(server), *paradigms)
    assert assumed.total("low").cost < bill(server) < assumed.total("high").cost

    spent, asked = bill(server), server.counted.requests
    measured = estimate(240)
    assert server.counted.requests == asked
    assert all(stage.measured and stage.known >= ENOUGH for stage in measured.stages)
    succeed("sample", GRAPHS, "-o", run, "-d", documents, "-n", 240, *flags(server), *paradigms)
    assert measured.total("expected").cost == pytest.approx(bill(server) - spent, rel=0.15)
    assert measured.total("expected").requests == pytest.approx(server.counted.requests - asked, rel=0.15)
    assert ordered(measured)
    assert estimate(240).total("expected").requests <= 0.05 * server.counted.requests  # what was asked is known


def test_candidates_that_cost_nothing_are_not_among_those_that_an_estimate_counts(server: FakeServer, inputs: Path):
    """Most walks end before they are long enough: what is asked about are the others, and as many of them as are wanted."""
    run, documents = inputs / "run", inputs / "documents.jsonl"
    walks = inputs / "walks.yaml"
    walks.write_text("walk: {universal_share: 0.15, min_length: 6}\n")
    config = load_config(walks, overrides=settings(server, sample__n=20))
    assumed = estimate_sample(GRAPHS, [documents], out=run, config=config)
    succeed("sample", GRAPHS, "-o", run, "-d", documents, "-n", 20, *flags(server), "--config", walks)
    stages = json.loads((run / "manifest.json").read_text())["stages"]
    assert stages["adapt"]["in"] < 0.6 * stages["sample"]["in"]
    assert assumed.total("low").requests < server.counted.requests < assumed.total("high").requests
    said = estimate_sample(GRAPHS, [documents], out=run, config=config).assumptions[0]
    assert f"{stages['sample']['out']} of {stages['adapt']['in']} were accepted in the latest sample" in said


def test_a_price_that_nobody_knows_is_asked_for(server: FakeServer, inputs: Path):
    said = succeed("estimate", "build", inputs / "log.jsonl", "-o", inputs / "run", "--model", "fake", "--base-url", server.base_url)
    assert "--price" in said.out
    assert "$" not in said.out.partition("price    not known")[0]


def test_a_dry_run_and_an_estimate_say_the_same(server: FakeServer, inputs: Path):
    job = ("build", inputs / "log.jsonl", "-o", inputs / "run", *flags(server))
    assert succeed("estimate", *job).out == succeed(*job, "--dry-run").out
    assert server.counted.requests == 0


def test_the_offline_engine_has_no_bill_to_estimate(inputs: Path):
    with pytest.raises(UsageError, match="--model"):
        estimate_build([inputs / "log.jsonl"], inputs / "run")


def test_spending_is_capped_in_dollars_and_the_manifest_holds_the_bill(server: FakeServer, inputs: Path):
    run = inputs / "run"
    build = ("build", inputs / "log.jsonl", "-o", run, *flags(server), *MINED)
    stopped = wildgraph(*build, "--max-cost", 0.3)
    assert stopped.code == 6
    assert "--max-cost" in stopped.error
    assert 0.2 < bill(server) <= 0.3
    succeed(*build)
    served = sum(server.counted.served.values())
    assert len(server.counted.served) == served
    mined = json.loads(succeed("status", run, "--json").out)["stages"]["mine"]
    assert mined["cost"] == pytest.approx(bill(server))
    assert (mined["requests"], mined["retries"]) == (served, 0)
    assert mined["cached_tokens"] == server.counted.cached_tokens
    assert (
        wildgraph("build", inputs / "log.jsonl", "-o", inputs / "two", *flags(server)[:4], "--max-cost", 1, "-q").error.count("--price")
        == 1
    )
