"""A model that is handed over as an object takes the place of the one that the configuration names, with the run's cache around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from plausible_answers import plausible
from whole_runs import SEEDS, pairs, requests_of, seed_documents, seed_queries, write_rows

import wildgraph as api
from wildgraph.backends.scripted import ScriptedModel
from wildgraph.errors import ConfigError, UsageError
from wildgraph.estimating import estimate_build, estimate_sample
from wildgraph.llm import ChatRequest, Completion

pytestmark = pytest.mark.usefixtures("remembered")


def model() -> ScriptedModel:
    return ScriptedModel(lambda request: plausible({"messages": request.prompt.messages()}), identity="mine-1")


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    write_rows(tmp_path / "log.jsonl", seed_queries(120))
    write_rows(tmp_path / "documents.jsonl", seed_documents("contract", "news article", "meeting transcript"))
    return tmp_path


def test_it_mines_lifts_and_writes_and_is_asked_once(inputs: Path):
    config = api.load_config(overrides={"sample.n": 4})
    first = model()
    built = api.build([inputs / "log.jsonl"], inputs / "run", config, model=first)
    sampled = api.sample(inputs / "run", [inputs / "documents.jsonl"], config=config, model=first)
    assert built.graphs
    assert sampled.accepted == 4
    assert {pair.provenance.engine for pair in pairs(inputs / "run")} == {"mine-1"}
    assert {request.prompt.template.name for request in first.seen} >= {"stages/mine", "stages/answer"}
    asked, again = requests_of(inputs / "run"), model()
    api.build([inputs / "log.jsonl"], inputs / "run", config, model=again)
    assert api.sample(inputs / "run", [inputs / "documents.jsonl"], config=config, model=again).reused
    assert again.seen == []
    assert requests_of(inputs / "run") == asked
    assert api.status(inputs / "run")["stages"]["mine"]["unpriced"] > 0, "what its answers cost is not known"


def test_answers_before_it_broke_are_kept(inputs: Path):
    class Broken:
        identity = "mine-1"

        def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
            for number, completion in enumerate(model().map(requests)):
                if number == 50:
                    raise RuntimeError("out of memory")
                yield completion

    with pytest.raises(RuntimeError, match="out of memory"):
        api.build([inputs / "log.jsonl"], inputs / "run", model=Broken())
    whole = model()
    api.build([inputs / "log.jsonl"], inputs / "run", model=whole)
    mined = [request for request in whole.seen if request.prompt.template.name == "stages/mine"]
    assert len(mined) == 120 - 50


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"model.name": "other"}, "the configuration names 'other'"),
        ({"model.max_cost": 1.0}, "model.max_cost does nothing"),
        ({"model.base_url": ["http://127.0.0.1:9/v1"]}, "model.base_url does nothing"),
        ({"model.context_window": 4096}, "model.context_window does nothing"),
    ],
)
def test_settings_that_it_would_not_obey_are_refused(inputs: Path, setting: dict[str, object], says: str):
    with pytest.raises(ConfigError, match=says):
        api.build([SEEDS / "queries.jsonl"], inputs / "run", api.load_config(overrides=setting), model=model())
    assert not (inputs / "run").exists()


def test_an_estimate_knows_what_it_answered_and_asks_it_nothing(inputs: Path):
    config = api.load_config(overrides={"sample.n": 4, "canonicalize.lifter": "likeness"})
    silent = model()
    before = estimate_build([inputs / "log.jsonl"], inputs / "run", config, model=silent)
    assert before.total("expected").requests == 120
    api.build([inputs / "log.jsonl"], inputs / "run", config, model=model())
    assert estimate_build([inputs / "log.jsonl"], inputs / "run", config, model=silent).total("high").requests == 0
    documents = [inputs / "documents.jsonl"]
    assert estimate_sample(inputs / "run", documents, config=config, model=silent).total("expected").requests > 4
    assert silent.seen == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"model": lambda messages: "text"}, "is no chat model — it has an identity and a method map"),
        ({"model": "gpt"}, "'gpt' is no chat model"),
        ({"config": {"ingest.limit": 60}}, "a configuration is a Config, not dict"),
    ],
)
def test_what_is_no_model_and_no_configuration_is_named(inputs: Path, tmp_path: Path, more: dict[str, object], says: str):
    with pytest.raises(UsageError, match=re.escape(says)):
        api.build(inputs / "log.jsonl", tmp_path / "run", **more)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("logs", [[{"query": "x"}], 3, pd.DataFrame({"query": ["x"]})])
def test_rows_in_place_of_files_are_named(tmp_path: Path, logs: object):
    with pytest.raises(UsageError, match="a log is a path, not"):
        api.build(logs, tmp_path / "run")


def test_files_and_folders_may_be_strings(tmp_path: Path):
    (tmp_path / "run.yaml").write_text("graph: {min_support: 4}")
    assert api.load_config(str(tmp_path / "run.yaml")).graph.min_support == 4
    assert api.read_graphs(str(SEEDS.parent / "graphs")) == api.read_graphs(SEEDS.parent / "graphs")
