"""Faults of single requests: each is mended or becomes a counted failure, and its neighbours never notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fake_server import Body, FakeServer, Mixture, default_answer, fraction_of
from pydantic import BaseModel

from wildgraph.backends.openai_compatible import OpenAICompatible
from wildgraph.corpus import EstimatedCounter
from wildgraph.llm import ChatRequest, Completion, Patience, Prompt, ResponseCache, Template
from wildgraph.llm.window import ESTIMATE_MARGIN, Window

PATIENCE = Patience(connect=2.0, read=0.5, total=0.5, first_wait=0.01, longest_wait=0.05, doubt=2.0)
TEMPLATE = Template("stages/mine", 1, "abc", (("user", "Number {{ n }}, please."),))


class Point(BaseModel):
    x: int
    label: str


def requests(count: int, schema: type[BaseModel] | None = Point) -> Iterator[ChatRequest]:
    for n in range(count):
        yield ChatRequest(f"r{n}", Prompt(TEMPLATE, {"n": n}), schema)


def reasons(completions: list[Completion]) -> list[str]:
    return [completion.failure.reason if completion.failure else "" for completion in completions]


def seen(completions: list[Completion]) -> list[tuple[object, ...]]:
    return [(c.request_id, c.text, c.parsed, c.reasoning, c.failure) for c in completions]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., list[Completion]]:
    def run(server: FakeServer, count: int = 60, schema: type[BaseModel] | None = Point, **settings: object) -> list[Completion]:
        with ResponseCache(tmp_path / "c.sqlite") as cache:
            model = OpenAICompatible("fake", server.base_url, "", 8, cache, **{"patience": PATIENCE, **settings})  # type: ignore[arg-type]
            with closing(model):
                return list(model.map(requests(count, schema)))

    return run


@pytest.mark.parametrize(
    "fault",
    [
        "rate_limited",
        "rate_limited_with_hint",
        "overloaded",
        "server_error",
        "reset",
        "truncated_json",
        "html",
        "hang",
        "drip",
        "empty_choices",
        "wrong_types",
    ],
)
def test_a_passing_fault_is_mended_by_a_retry(fault: str, fake_server, run):
    mixture = Mixture({fault: 0.3})
    server = fake_server()
    # A web page as the very first answer, with nobody else under way, means a wrong address and ends a run: here the server is proven first.
    server.fault = lambda body, nth: mixture(body, nth) if server.counted.served else None
    server.retry_after = "0.05"
    completions = run(server)
    assert [completion.request_id for completion in completions] == [f"r{n}" for n in range(60)]
    assert reasons(completions) == [""] * 60
    assert server.counted.faults[fault] > 5
    assert server.counted.requests == 60 + server.counted.faults[fault]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("server_error", "server_error"),
        ("reset", "server_error"),
        ("truncated_json", "server_error"),
        ("hang", "timeout"),
        ("empty_choices", "empty_answer"),
        ("wrong_types", "invalid_answer"),
        ("invalid_content", "invalid_answer"),
        ("wrong_schema", "invalid_answer"),
        ("length", "truncated_answer"),
        ("refusal", "refused"),
        ("content_filter", "content_filter"),
        ("too_long", "prompt_too_long"),
    ],
)
def test_a_lasting_fault_costs_its_own_row_only(fault: str, reason: str, fake_server, run):
    def lasting(body: Body, nth: int) -> str | None:
        return fault if any("Number 7," in message["content"] for message in body["messages"]) else None

    completions = run(fake_server(fault=lasting), 30)
    assert reasons(completions) == [reason if n == 7 else "" for n in range(30)]
    assert completions[7].text == ""
    assert completions[7].parsed is None
    assert completions[7].failure is not None
    assert completions[7].failure.transient is (reason in ("server_error", "timeout") or fault in ("empty_choices", "wrong_types"))


@pytest.mark.parametrize(
    ("fault", "asked"), [("refusal", 1), ("content_filter", 1), ("too_long", 1), ("length", 2), ("invalid_content", 2), ("wrong_schema", 2)]
)
def test_a_final_failure_is_remembered(fault: str, asked: int, fake_server, run):
    server = fake_server(fault=lambda body, nth: fault)
    first = run(server, 3)
    assert server.counted.requests == 3 * asked
    assert seen(run(server, 3)) == seen(first)
    assert server.counted.requests == 3 * asked


@pytest.mark.parametrize("fault", ["refusal", "length", "invalid_content"])
def test_a_final_failure_is_asked_again_when_named(fault: str, fake_server, run):
    server = fake_server(fault=lambda body, nth: fault)
    reason = reasons(run(server, 3))[0]
    server.fault = lambda body, nth: None
    assert reasons(run(server, 3)) == [reason] * 3
    assert reasons(run(server, 3, retry=frozenset({reason}))) == [""] * 3


def test_a_wrong_answer_is_corrected_by_showing_the_error(fake_server, run):
    def wrong_at_first(body: Body, nth: int) -> str | None:
        return None if len(body["messages"]) > 1 else "wrong_schema"

    server = fake_server(fault=wrong_at_first)
    completions = run(server, 10)
    assert reasons(completions) == [""] * 10
    assert all(completion.requests == 2 for completion in completions)
    corrections = [body for body in server.counted.bodies.values() if len(body["messages"]) == 3]
    assert len(corrections) == 10
    assert "unexpected" in corrections[0]["messages"][1]["content"]
    assert "Field required" in corrections[0]["messages"][2]["content"]


def test_a_cut_answer_gets_twice_the_room(fake_server, run):
    server = fake_server(fault=lambda body, nth: "length" if body["max_tokens"] == 2048 else None)
    assert reasons(run(server, 10, schema=None)) == [""] * 10
    assert sorted(body["max_tokens"] for body in server.counted.bodies.values()) == [2048] * 10 + [4096] * 10


def test_cut_text_is_never_taken_for_whole(fake_server, run):
    completions = run(fake_server(fault=lambda body, nth: "length"), 10, schema=None)
    assert reasons(completions) == ["truncated_answer"] * 10
    assert {completion.text for completion in completions} == {""}


def test_one_over_long_prompt_costs_one_row(fake_server, run):
    server = fake_server(window=1000)

    def mixed() -> Iterator[ChatRequest]:
        for n in range(30):
            yield ChatRequest(f"r{n}", Prompt(TEMPLATE, {"n": "long " * 2000 if n == 4 else n}), Point)

    with closing(OpenAICompatible("fake", server.base_url, "", 8, patience=PATIENCE)) as model:
        assert reasons(list(model.map(mixed()))) == ["prompt_too_long" if n == 4 else "" for n in range(30)]


def test_a_prompt_beyond_the_window_is_not_sent_and_costs_one_row(fake_server, run):
    server = fake_server()

    def mixed() -> Iterator[ChatRequest]:
        for n in range(30):
            yield ChatRequest(f"r{n}", Prompt(TEMPLATE, {"n": "long " * 6000 if n == 4 else n}), Point)

    window = Window(6000, EstimatedCounter().count, ESTIMATE_MARGIN)
    with closing(OpenAICompatible("fake", server.base_url, "", 8, patience=PATIENCE, window=window)) as model:
        assert reasons(list(model.map(mixed()))) == ["prompt_too_long" if n == 4 else "" for n in range(30)]
        counts = model.tally.total()
    assert server.counted.requests == 29
    assert (counts.completions, counts.hits, counts.failures) == (30, 0, {"prompt_too_long": 1})


def test_a_prompt_beyond_the_window_is_shortened_by_choice(fake_server, run):
    server = fake_server(window=4000)
    window = Window(4000, EstimatedCounter().count, ESTIMATE_MARGIN, "truncate")
    asked = [ChatRequest("r", Prompt(TEMPLATE, {"n": f"first {'long ' * 6000} last"}), Point)]
    with closing(OpenAICompatible("fake", server.base_url, "", 8, patience=PATIENCE, window=window)) as model:
        assert reasons(list(model.map(asked))) == [""]
        assert model.tally.total().truncated == 1
    (body,) = server.counted.bodies.values()
    said = body["messages"][0]["content"]
    assert said.startswith("Number first long")
    assert "characters are left out here" in said
    assert said.endswith("last, please.")


def test_reasoning_is_kept_aside(fake_server, run):
    completions = run(fake_server(answer=lambda body: f"<think>let me see</think>{default_answer(body)}"), 5)
    assert reasons(completions) == [""] * 5
    assert {completion.reasoning for completion in completions} == {"let me see"}
    assert not any("think" in completion.text for completion in completions)


SHARES = {
    "rate_limited": 0.03,
    "rate_limited_with_hint": 0.02,
    "server_error": 0.03,
    "reset": 0.02,
    "hang": 0.01,
    "invalid_content": 0.03,
    "truncated_json": 0.01,
    "length": 0.01,
}


def test_under_mixed_faults_every_input_ends_as_a_row_or_a_counted_failure(fake_server, run):
    def mixture(body: Body, nth: int) -> str | None:
        # A third of the faults lasts, the others strike once.
        return Mixture(SHARES, times=100 if fraction_of({"m": body["messages"][0]}, "lasting") < 1 / 3 else 1)(body, nth)

    server = fake_server(fault=mixture)
    server.retry_after = "0.05"
    completions = run(server, 400)
    assert [completion.request_id for completion in completions] == [f"r{n}" for n in range(400)]
    failed = [reason for reason in reasons(completions) if reason]
    assert 0 < len(failed) < 40
    assert sum(completion.parsed is not None for completion in completions) + len(failed) == 400

    clean = fake_server()
    undisturbed = {
        completion.request_id: completion.parsed for completion in OpenAICompatible("fake", clean.base_url, "", 8).map(requests(400))
    }
    assert sum(server.counted.faults.values()) > 20
    same = sum(completion.parsed == undisturbed[completion.request_id] for completion in completions)
    assert same > 330  # only corrected and widened ones may differ
