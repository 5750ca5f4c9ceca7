"""The OpenAI-compatible back end: its settings, then the whole against a real server on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fake_server import FakeServer
from pydantic import BaseModel

from wildgraph.backends.openai_compatible import OpenAICompatible, checked_url, server_group
from wildgraph.errors import AuthenticationError, ConfigError, ServerError
from wildgraph.llm import ChatRequest, Prompt, ResponseCache, Template


class Point(BaseModel):
    x: int
    label: str


TEMPLATE = Template("stages/mine", 1, "abc", (("system", "Be brief."), ("user", "Number {{ n }}, please.")))


def requests(count: int, schema: type[BaseModel] | None = Point, start: int = 0) -> Iterator[ChatRequest]:
    for n in range(start, start + count):
        yield ChatRequest(f"r{n}", Prompt(TEMPLATE, {"n": n}), schema)


# --------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("given", "bare"),
    [
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("https://api.example.com/v1/chat/completions", "https://api.example.com/v1"),
        (" http://[::1]:1/v1 ", "http://[::1]:1/v1"),
    ],
)
def test_addresses_are_trimmed(given: str, bare: str):
    assert checked_url(given) == bare


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://x/v1",
        "http://",
        "",
        "http://x:port/v1",
        "https://user:sk-secret@x/v1",
        "https://x/v1?key=sk-secret",
        "https://x/v1#sk-secret",
    ],
)
def test_bad_addresses_are_refused_without_repeating_a_key(url: str):
    with pytest.raises(ConfigError) as caught:
        checked_url(url)
    assert "sk-secret" not in str(caught.value)


def test_the_identity_names_model_and_server_group_and_no_port():
    assert (
        OpenAICompatible("m", "http://127.0.0.1:8000/v1").identity
        == OpenAICompatible("m", "http://localhost:9000/v1").identity
        == "openai:m@localhost"
    )
    assert OpenAICompatible("m", "http://gpu7/v1", server_group="pool").identity == "openai:m@pool"
    assert server_group("https://api.openai.com/v1") == "api.openai.com"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, fake_server: Callable[..., FakeServer]):
    server = fake_server(key="sk-env")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env")
    with closing(OpenAICompatible("fake")) as model:
        assert model.check() == ("fake",)
        assert "sk-env" not in repr(model)
        assert "sk-env" not in str(vars(model)["_terms"])


def test_a_key_with_a_line_break_is_refused(fake_server: Callable[..., FakeServer]):
    with (
        pytest.raises(ConfigError, match="OPENAI_API_KEY") as caught,
        closing(OpenAICompatible("m", fake_server().base_url, "sk-secret\n")) as model,
    ):
        model.check()
    assert "sk-secret" not in str(caught.value)


# --------------------------------------------------------------------------- the whole, against a server


@pytest.mark.parametrize("formats", [("json_schema", "json_object"), ("json_object",), ()])
def test_a_map_through_the_network_whatever_the_server_understands(formats, tmp_path: Path, fake_server: Callable[..., FakeServer]):
    server = fake_server(formats=formats)
    with ResponseCache(tmp_path / "c.sqlite") as cache, closing(OpenAICompatible("fake", server.base_url, "", 8, cache)) as model:
        completions = list(model.map(requests(60)))
        assert [completion.request_id for completion in completions] == [f"r{n}" for n in range(60)]
        assert all(isinstance(completion.parsed, Point) for completion in completions)
        assert sum(server.counted.served.values()) == 60
        assert server.counted.faults["response_format"] <= 16  # two levels at most, once per worker


def test_the_second_run_asks_nothing_and_gives_the_same(tmp_path: Path, fake_server: Callable[..., FakeServer]):
    server = fake_server()
    results = []
    for _ in range(2):
        with ResponseCache(tmp_path / "c.sqlite") as cache, closing(OpenAICompatible("fake", server.base_url, "", 8, cache)) as model:
            results.append([(c.request_id, c.text, c.parsed, c.reasoning, c.failure) for c in model.map(requests(50))])
    assert results[0] == results[1]
    assert server.counted.requests == 50


def test_concurrency_does_not_change_the_results(tmp_path: Path, fake_server: Callable[..., FakeServer]):
    server = fake_server(latency=lambda body: 0.001 * (len(str(body)) % 7))
    results = []
    for concurrency in (1, 32):
        with closing(OpenAICompatible("fake", server.base_url, "", concurrency)) as model:
            results.append([(c.request_id, c.text) for c in model.map(requests(80))])
    assert results[0] == results[1]


def test_equal_requests_in_flight_are_paid_once(tmp_path: Path, fake_server: Callable[..., FakeServer]):
    server = fake_server(latency=0.05)
    twins = [ChatRequest(f"r{n}", Prompt(TEMPLATE, {"n": n % 3}), Point) for n in range(30)]
    with ResponseCache(tmp_path / "c.sqlite") as cache, closing(OpenAICompatible("fake", server.base_url, "", 8, cache)) as model:
        completions = list(model.map(twins))
    assert [completion.request_id for completion in completions] == [f"r{n}" for n in range(30)]
    assert server.counted.requests == 3
    assert sum(completion.requests for completion in completions) == 3


def test_no_more_requests_in_flight_than_allowed(fake_server: Callable[..., FakeServer]):
    server = fake_server(latency=0.01)
    with closing(OpenAICompatible("fake", server.base_url, "", 6)) as model:
        list(model.map(requests(60)))
    assert server.counted.most_in_flight == 6


def test_none_of_those_that_wait_is_overtaken_by_later_ones(fake_server: Callable[..., FakeServer]):
    sent: list[int] = []

    def latency(body: dict[str, object]) -> float:
        sent.append(int("".join(char for char in str(body["messages"]) if char.isdigit())))
        return 0.01

    with closing(OpenAICompatible("fake", fake_server(latency=latency).base_url, "", 8)) as model:
        list(model.map(requests(200, schema=None)))
    assert max(abs(place - n) for place, n in enumerate(sent)) <= 16


def test_spend_is_what_the_server_says(tmp_path: Path, fake_server: Callable[..., FakeServer]):
    server = fake_server()
    with ResponseCache(tmp_path / "c.sqlite") as cache, closing(OpenAICompatible("fake", server.base_url, "", 8, cache)) as model:
        completions = list(model.map(requests(20)))
        list(model.map(requests(30)))
        counts = model.tally.by_prompt()["stages/mine"]
    assert (counts.completions, counts.hits, counts.requests) == (50, 20, 30)
    assert counts.usage.prompt_tokens == server.counted.prompt_tokens
    assert counts.usage.completion_tokens == server.counted.completion_tokens
    assert sum(completion.usage.completion_tokens for completion in completions) > 0


def test_check_lists_models(fake_server: Callable[..., FakeServer]):
    server = fake_server(models=("b", "a"))
    with closing(OpenAICompatible("a", server.base_url, "")) as model:
        assert model.check() == ("a", "b")


def test_check_says_what_is_wrong(fake_server: Callable[..., FakeServer]):
    server = fake_server(key="right")
    with pytest.raises(AuthenticationError, match="OPENAI_API_KEY"), closing(OpenAICompatible("a", server.base_url, "wrong")) as model:
        model.check()
    with (
        pytest.raises(ServerError, match="--base-url"),
        closing(OpenAICompatible("a", server.base_url.removesuffix("/v1"), "right")) as model,
    ):
        model.check()
    server.stop()
    with pytest.raises(ServerError, match="nothing listens"), closing(OpenAICompatible("a", server.base_url, "")) as model:
        model.check()
