"""The contract of every chat model: order, ids, laziness, failures as data, no crash on odd text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fake_server import FakeServer
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from wildgraph.backends.openai_batch import OpenAIBatch
from wildgraph.backends.openai_client import OpenAIClient
from wildgraph.backends.openai_compatible import OpenAICompatible
from wildgraph.backends.scripted import ScriptedModel
from wildgraph.llm import CachedModel, ChatModel, ChatRequest, Decoding, Prompt, ResponseCache, Template


class Point(BaseModel):
    x: int
    words: list[str]


TEMPLATE = Template("contract/point", 1, "0" * 16, (("system", "Be brief."), ("user", "{{ text }}")))


def request(n: int, schema: type[BaseModel] | None = Point, text: str = "") -> ChatRequest:
    return ChatRequest(f"r{n}", Prompt(TEMPLATE, {"text": text or f"point {n}"}), schema, Decoding(max_tokens=64))


def script(asked: ChatRequest) -> str:
    return json.dumps({"x": 1, "words": [asked.id]}) if asked.schema else f"about {asked.prompt.variables['text']}"


@pytest.fixture(
    params=[
        "scripted",
        "scripted, cached",
        "openai",
        "openai, cached",
        "openai, one at a time",
        "client, asynchronous",
        "client, synchronous",
        "batch, cached",
    ]
)
def model(request: pytest.FixtureRequest, tmp_path: Path, fake_server: Callable[..., FakeServer]) -> Iterator[ChatModel]:
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        name, _, how = request.param.partition(", ")
        kept = cache if how == "cached" else None
        if name == "scripted":
            scripted = ScriptedModel(script)
            yield CachedModel(scripted, kept) if kept else scripted
            return
        if name == "client":
            kind = AsyncOpenAI if how == "asynchronous" else OpenAI
            with closing(OpenAIClient(kind(base_url=fake_server().base_url, api_key="k"), "fake", 8)) as behind:
                yield behind
            return
        if name == "batch":
            live = OpenAICompatible("fake", fake_server(batch_looks=2).base_url, "", 8, cache)
            with closing(OpenAIBatch(live, cache, tmp_path / "batches", poll=0.01, size=10)) as batches:
                yield batches
            return
        with closing(OpenAICompatible("fake", fake_server().base_url, "", 1 if how == "one at a time" else 8, kept)) as network:
            yield network


def test_it_is_a_chat_model(model: ChatModel):
    assert isinstance(model, ChatModel)
    assert model.identity
    assert model.identity == model.identity


def test_one_completion_per_request_in_order(model: ChatModel):
    completions = list(model.map(request(n) for n in range(100)))
    assert [completion.request_id for completion in completions] == [f"r{n}" for n in range(100)]
    for completion in completions:
        assert completion.failure is None
        assert isinstance(completion.parsed, Point)
        assert completion.text


def test_free_text_has_no_object(model: ChatModel):
    (completion,) = model.map([request(1, schema=None)])
    assert completion.text
    assert completion.parsed is None


def test_nothing_in_nothing_out(model: ChatModel):
    assert list(model.map([])) == []


def test_an_endless_input_is_pulled_lazily(model: ChatModel):
    def endless() -> Iterator[ChatRequest]:
        n = 0
        while True:
            yield request(n)
            n += 1

    with closing(model.map(endless())) as completions:
        assert [next(completions).request_id for _ in range(5)] == ["r0", "r1", "r2", "r3", "r4"]


def test_maps_can_be_chained(model: ChatModel):
    first = model.map(request(n) for n in range(30))
    second = model.map(request(100 + n) for n, _ in enumerate(first))
    assert [completion.request_id for completion in second] == [f"r{100 + n}" for n in range(30)]


def test_an_error_of_the_input_reaches_the_consumer(model: ChatModel):
    def broken() -> Iterator[ChatRequest]:
        yield request(0)
        raise OSError("the log went away")

    with pytest.raises(OSError, match="went away"):
        list(model.map(broken()))


@pytest.mark.parametrize("text", ["", "\ud800 lone", "a\x00b", "\u2028", "<think>", "🙂" * 100, "x" * 100_000])
def test_odd_text_does_no_harm(model: ChatModel, text: str):
    completions = list(model.map([request(0, None, text), request(1, Point, text)]))
    assert [completion.request_id for completion in completions] == ["r0", "r1"]
    assert completions[1].parsed is not None
