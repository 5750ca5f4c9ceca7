"""The cache around a synchronous model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from wildgraph.backends.scripted import ScriptedModel
from wildgraph.errors import PluginError, UsageError
from wildgraph.llm import CachedModel, ChatRequest, Failure, Prompt, ResponseCache, Tally, Template, key_by_messages


class Point(BaseModel):
    x: int


TEMPLATE = Template("stages/mine", 1, "abc", (("user", "{{ x }}?"),))


def requests(count: int, start: int = 0, modulus: int = 10**9) -> Iterator[ChatRequest]:
    for n in range(start, start + count):
        yield ChatRequest(f"r{n}", Prompt(TEMPLATE, {"x": n % modulus}), Point)


def answers(request: ChatRequest) -> str | Failure:
    x = request.prompt.variables["x"]
    assert isinstance(x, int)
    if x % 7 == 3:
        return Failure("language_not_supported", "no")
    if x % 7 == 5:
        return Failure("server_error", "later", transient=True)
    return f'{{"x": {x}}}'


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ResponseCache]:
    with ResponseCache(tmp_path / "c.sqlite") as opened:
        yield opened


@pytest.mark.parametrize("key", [None, key_by_messages])
def test_the_second_time_only_transient_failures_are_asked(cache, key):
    inner = ScriptedModel(answers)
    model = CachedModel(inner, cache, **({"key": key} if key else {}))
    first = list(model.map(requests(100)))
    asked = len(inner.seen)
    second = list(model.map(requests(100)))
    assert [completion.request_id for completion in first] == [f"r{n}" for n in range(100)]
    assert [(c.request_id, c.text, c.parsed, c.failure) for c in first] == [(c.request_id, c.text, c.parsed, c.failure) for c in second]
    assert asked == 100
    assert [request.prompt.variables["x"] % 7 for request in inner.seen[100:]] == [5] * sum(n % 7 == 5 for n in range(100))


def test_only_what_is_new_is_asked(cache):
    inner = ScriptedModel(lambda request: '{"x": 1}')
    model = CachedModel(inner, cache)
    list(model.map(requests(50)))
    list(model.map(requests(100, start=25)))
    assert [request.id for request in inner.seen] == [f"r{n}" for n in range(125)]


def test_equal_requests_are_asked_once(cache):
    inner = ScriptedModel(answers)
    tally = Tally()
    completions = list(CachedModel(inner, cache, tally).map(requests(60, modulus=3)))
    assert len(inner.seen) == 3
    assert [completion.parsed for completion in completions] == [Point(x=n % 3) for n in range(60)]
    assert tally.total().requests == 3
    assert tally.total().hits == 57


def test_the_tally_counts_by_prompt(cache):
    tally = Tally()
    model = CachedModel(ScriptedModel(answers), cache, tally)
    list(model.map(requests(14)))
    counts = tally.by_prompt()["stages/mine"]
    assert (counts.completions, counts.requests, counts.hits) == (14, 14, 0)
    assert counts.failures == {"language_not_supported": 2, "server_error": 2}


def test_named_failures_are_asked_again(cache):
    list(CachedModel(ScriptedModel(answers), cache).map(requests(14)))
    inner = ScriptedModel(lambda request: '{"x": 9}')
    again = CachedModel(inner, cache, retry=frozenset({"language_not_supported"}))
    assert all(completion.failure is None for completion in again.map(requests(14)))
    assert len(inner.seen) == 4


def test_an_error_of_the_model_keeps_what_was_answered(cache):
    def breaks(request: ChatRequest) -> str:
        if request.id == "r10":
            raise UsageError("a prompt this engine was not written for")
        return '{"x": 1}'

    with pytest.raises(UsageError):
        list(CachedModel(ScriptedModel(breaks), cache).map(requests(20)))
    inner = ScriptedModel(lambda request: '{"x": 1}')
    list(CachedModel(inner, cache).map(requests(20)))
    assert [request.id for request in inner.seen] == [f"r{n}" for n in range(10, 20)]


def test_input_is_pulled_batch_by_batch(cache):
    pulled = []
    model = CachedModel(ScriptedModel(answers), cache)
    completions = model.map(pulled.append(request) or request for request in requests(1000))
    next(completions)
    assert len(pulled) <= 32


def test_two_requests_with_one_id_are_a_programming_error(cache):
    twice = [ChatRequest("r", Prompt(TEMPLATE, {"x": n}), Point) for n in range(2)]
    with pytest.raises(ValueError, match="share an id"):
        list(CachedModel(ScriptedModel(answers), cache).map(twice))


def test_a_model_that_loses_an_answer_is_found_out(cache):
    class Forgetful(ScriptedModel):
        def map(self, requests):
            return super().map(list(requests)[:-1])

    with pytest.raises(PluginError, match="answered 4 of 5"):
        list(CachedModel(Forgetful(answers), cache).map(requests(5)))
