"""The Batch API: submitted, polled, found again after a restart; what a batch leaves over is asked live."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from fake_server import Body, FakeServer, Mixture, _send
from pydantic import BaseModel

from wildgraph.backends.openai_batch import OpenAIBatch
from wildgraph.backends.openai_compatible import OpenAICompatible
from wildgraph.errors import AuthenticationError, BudgetError, ConfigError, RunError, ServerError
from wildgraph.llm import Budget, ChatRequest, Decoding, Patience, Prompt, ResponseCache, Template, Usage
from wildgraph.llm.batch import BatchModel
from wildgraph.llm.prices import PICO, Price

PATIENCE = Patience(connect=2.0, read=2.0, total=2.0, first_wait=0.01, longest_wait=0.05, outage=1.0, doubt=1.0)
TEMPLATE = Template("stages/mine", 1, "abc", (("user", "Number {{ n }}, please."),))
PRICE = Price(input=1.0, output=4.0)


class Point(BaseModel):
    x: int
    label: str


def requests(count: int, start: int = 0) -> Iterator[ChatRequest]:
    for n in range(start, start + count):
        yield ChatRequest(f"r{n}", Prompt(TEMPLATE, {"n": n}), Point, Decoding(max_tokens=100))


@contextmanager
def batching(server: FakeServer, folder: Path, budget: Budget | None = None, key: str = "", **settings: object) -> Iterator[OpenAIBatch]:
    with ResponseCache(folder / "c.sqlite") as cache:
        live = OpenAICompatible("fake", server.base_url, key, 8, cache, patience=PATIENCE, budget=budget, price=PRICE)
        given = {"poll": 0.01, **settings}
        with closing(OpenAIBatch(live, cache, folder / "batches", budget=live.budget, price=PRICE, **given)) as model:  # type: ignore[arg-type]
            yield model


def answers(model: OpenAIBatch, count: int = 60) -> list[tuple[str, object, object]]:
    return [(completion.request_id, completion.parsed, completion.failure) for completion in model.map(requests(count))]


@pytest.fixture
def live_answers(fake_server: Callable[..., FakeServer]) -> list[tuple[str, object, object]]:
    with closing(OpenAICompatible("fake", fake_server().base_url, "", 8)) as model:
        return [(completion.request_id, completion.parsed, completion.failure) for completion in model.map(requests(60))]


def test_a_batch_gives_what_live_requests_give(fake_server, tmp_path: Path, live_answers):
    server = fake_server(batch_looks=3)
    with batching(server, tmp_path) as model:
        assert answers(model) == live_answers
        assert answers(model) == live_answers
        counts = model.live.tally.total()
    assert len(server.batches) == 1
    assert server.counted.requests == 60
    assert server.counted.most_in_flight == 0  # nothing was asked live
    assert (counts.requests, counts.replies, counts.hits) == (60, 60, 120)
    assert counts.cost == PRICE.of(Usage(server.counted.prompt_tokens, server.counted.completion_tokens)) // 2
    assert not list((tmp_path / "batches").iterdir())


def test_few_requests_are_asked_live(fake_server, tmp_path: Path):
    server = fake_server()
    with batching(server, tmp_path) as model:
        answers(model, 19)
    assert not server.batches
    assert server.counted.most_in_flight > 0


def test_what_failed_or_is_missing_is_asked_again_and_at_last_live(fake_server, tmp_path: Path, live_answers):
    def faults(body: Body, nth: int) -> str | None:
        return Mixture({"server_error": 0.3, "missing": 0.3}, times=2)(body, nth)

    server = fake_server(fault=faults)
    with batching(server, tmp_path, least=5) as model:
        assert answers(model) == live_answers
    assert 2 <= len(server.batches) <= 3
    assert max(server.counted.served.values()) == 1


def test_corrections_go_into_a_batch_of_their_own(fake_server, tmp_path: Path):
    server = fake_server(fault=lambda body, nth: "invalid_content" if len(body["messages"]) == 1 else None)
    with batching(server, tmp_path) as model:
        assert all(failure is None for _, _, failure in answers(model))
    assert len(server.batches) == 2
    assert server.counted.most_in_flight == 0


def test_an_expired_batch_gives_what_it_has(fake_server, tmp_path: Path, live_answers):
    server = fake_server(
        batch_end="expired", fault=lambda body, nth: "missing" if nth == 0 and "7" in body["messages"][0]["content"] else None
    )
    with batching(server, tmp_path, least=50) as model:
        assert answers(model) == live_answers
    assert len(server.batches) == 1
    assert max(server.counted.served.values()) == 1


def test_a_batch_that_fails_as_a_whole_ends_the_run_saying_why(fake_server, tmp_path: Path):
    with batching(fake_server(batch_end="failed"), tmp_path) as model, pytest.raises(ServerError, match=r"malformed.*--batch"):
        answers(model)


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("moment", ["_remember", "submit", "look", "_keep"])
def test_a_killed_command_finds_its_batch_again(moment: str, fake_server, tmp_path: Path, live_answers, monkeypatch: pytest.MonkeyPatch):
    server = fake_server(batch_looks=2)
    calls = []

    def killed(after: Callable[..., object]) -> Callable[..., object]:
        def dies(*args: object) -> object:
            done = after(*args)
            calls.append(moment)
            if len(calls) == (3 if moment == "_keep" else 1):
                raise Killed
            return done

        return dies

    with monkeypatch.context() as patch, batching(server, tmp_path) as model:
        if moment in ("_remember", "_keep"):
            patch.setattr(BatchModel, moment, killed(getattr(BatchModel, moment)))
        else:
            desk = model._batches._desk
            plain = getattr(desk, moment)

            async def dies(*args: object) -> object:
                await plain(*args)
                raise Killed

            patch.setattr(desk, moment, dies)
        with pytest.raises(Killed):
            answers(model)
    assert len(list((tmp_path / "batches").glob("*.json"))) == 1
    with batching(server, tmp_path) as model:
        assert answers(model) == live_answers
    assert len(server.batches) == 1
    assert max(server.counted.served.values()) == 1
    assert not list((tmp_path / "batches").iterdir())


def test_a_cap_is_kept_by_smaller_batches(fake_server, tmp_path: Path):
    server, budget = fake_server(), Budget(max_cost=0.008)
    with batching(server, tmp_path, budget) as model, pytest.raises(BudgetError, match="--max-cost"):
        answers(model, 400)
    spent = PRICE.of(Usage(server.counted.prompt_tokens, server.counted.completion_tokens)) / 2 / PICO
    assert 0 < spent <= 0.008
    with batching(server, tmp_path) as model:
        assert len(answers(model, 400)) == 400
    assert max(server.counted.served.values()) == 1


def test_one_server_only(tmp_path: Path):
    with ResponseCache(tmp_path / "c.sqlite") as cache, pytest.raises(ConfigError, match="--batch"):
        list(OpenAIBatch(OpenAICompatible("m", ["http://a/v1", "http://b/v1"], ""), cache, tmp_path).map([]))


def test_a_server_without_batches_and_a_wrong_key_are_said(fake_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with batching(fake_server(key="right"), tmp_path, key="wrong") as model, pytest.raises(AuthenticationError):
        answers(model)
    server = fake_server()
    monkeypatch.setattr(server, "_batch", lambda method, path, data, writer: _send(writer, 404, {"detail": "Not Found"}))
    with batching(server, tmp_path) as model, pytest.raises(ServerError):
        answers(model)
    assert not list((tmp_path / "batches").iterdir())  # nothing to look for


def test_a_damaged_note_is_said(fake_server, tmp_path: Path):
    (tmp_path / "batches").mkdir()
    (tmp_path / "batches" / "x.json").write_text("{")
    with batching(fake_server(), tmp_path) as model, pytest.raises(RunError, match="damaged"):
        answers(model)


def test_the_notes_are_private(fake_server, tmp_path: Path):
    server = fake_server(batch_looks=10**9)
    with batching(server, tmp_path) as model:
        model._batches._hand_in(model._batches._wanted(list(requests(30))))
    (note,) = (tmp_path / "batches").iterdir()
    assert note.stat().st_mode & 0o777 == 0o600
    assert "Number" not in note.read_text()
    assert json.loads(note.read_text())["batch"] == "batch-0"
