"""Clients that the user configured with the SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fake_server import FakeServer, Mixture
from openai import AsyncAzureOpenAI, AsyncOpenAI, OpenAI
from pydantic import BaseModel

from wildgraph.backends.openai_client import OpenAIClient
from wildgraph.backends.openai_compatible import OpenAICompatible
from wildgraph.errors import AuthenticationError, ServerError
from wildgraph.llm import ChatRequest, Patience, Prompt, ResponseCache, Template

PATIENCE = Patience(connect=2.0, read=1.0, total=1.0, first_wait=0.01, longest_wait=0.05, outage=1.0, doubt=1.0)
TEMPLATE = Template("stages/mine", 1, "abc", (("user", "Number {{ n }}, please."),))

KINDS = pytest.mark.parametrize("kind", [AsyncOpenAI, OpenAI])


class Point(BaseModel):
    x: int


def requests(count: int) -> Iterator[ChatRequest]:
    for n in range(count):
        yield ChatRequest(f"r{n}", Prompt(TEMPLATE, {"n": n}), Point)


def model_of(client: OpenAI | AsyncOpenAI, cache: ResponseCache | None = None, **settings: object) -> OpenAIClient:
    return OpenAIClient(client, "fake", 8, cache, **{"patience": PATIENCE, **settings})  # type: ignore[arg-type]


@KINDS
def test_headers_and_further_fields_are_the_clients(kind, fake_server: Callable[..., FakeServer]):
    server = fake_server(key="secret")
    client = kind(base_url=server.base_url, api_key="secret", default_headers={"X-Team": "graphs"})
    with closing(model_of(client, extra={"top_k": 5})) as model:
        assert all(completion.parsed for completion in model.map(requests(20)))
        assert "secret" not in repr(model)
    assert {headers["x-team"] for headers in server.counted.headers} == {"graphs"}
    assert {body["top_k"] for body in server.counted.bodies.values()} == {5}


@KINDS
def test_it_shares_the_cache_of_the_plain_back_end(kind, tmp_path: Path, fake_server: Callable[..., FakeServer]):
    server = fake_server()
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        with closing(OpenAICompatible("fake", server.base_url, "", 8, cache)) as plain:
            first = [completion.text for completion in plain.map(requests(20))]
        with closing(model_of(kind(base_url=server.base_url, api_key="k"), cache)) as model:
            assert [completion.text for completion in model.map(requests(20))] == first
    assert server.counted.requests == 20


@KINDS
@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "reset", "hang", "truncated_json"])
def test_a_passing_fault_is_mended_once_not_by_two_layers(kind, fault: str, fake_server: Callable[..., FakeServer]):
    server = fake_server(fault=Mixture({fault: 0.2}))
    with closing(model_of(kind(base_url=server.base_url, api_key="k"))) as model:
        assert all(completion.failure is None for completion in model.map(requests(40)))
    assert server.counted.faults[fault] > 2
    assert server.counted.requests == 40 + server.counted.faults[fault]


@KINDS
def test_a_wrong_key_and_a_server_that_is_gone_end_the_run(kind, fake_server: Callable[..., FakeServer]):
    server = fake_server(key="right")
    client = kind(base_url=server.base_url, api_key="sk-wrong")
    with closing(model_of(client)) as model, pytest.raises(AuthenticationError) as caught:
        list(model.map(requests(100)))
    assert "sk-wrong" not in str(caught.value)
    assert server.counted.requests <= 8
    server.stop()
    with closing(model_of(client)) as model, pytest.raises(ServerError, match="cannot be reached"):
        list(model.map(requests(100)))


def test_the_loop_is_kept_as_long_as_the_model(monkeypatch: pytest.MonkeyPatch, fake_server: Callable[..., FakeServer]):
    monkeypatch.setattr("wildgraph.llm.dispatcher.LINGER", 0.0)
    server = fake_server()
    with closing(model_of(AsyncOpenAI(base_url=server.base_url, api_key="k"))) as model:
        for _ in range(3):
            assert all(completion.failure is None for completion in model.map(requests(5)))


def test_azure_clients_work_too(fake_server: Callable[..., FakeServer]):
    server = fake_server()
    paths: list[str] = []
    respond = server._respond

    def azure(method, path, headers, data, writer):  # what Azure's addresses look like
        paths.append(path)
        return respond(method, "/v1/chat/completions", headers, data, writer)

    server._respond = azure  # type: ignore[method-assign]
    client = AsyncAzureOpenAI(
        azure_endpoint=server.base_url.removesuffix("/v1"), azure_deployment="fake", api_version="2024-10-21", api_key="k"
    )
    with closing(model_of(client)) as model:
        assert all(completion.failure is None for completion in model.map(requests(5)))
    assert all("/openai/deployments/fake/chat/completions?api-version=2024-10-21" in path for path in paths)
