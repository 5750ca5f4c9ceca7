"""Faults that concern the whole run: each ends it with one line, soon, and leaves a run that continues."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from fake_server import Body, FakeServer, Mixture, fraction_of
from pydantic import BaseModel

from wildgraph.backends.openai_compatible import OpenAICompatible
from wildgraph.errors import AuthenticationError, BudgetError, RunError, ServerError
from wildgraph.llm import Budget, ChatRequest, Patience, Prompt, ResponseCache, Template, Usage
from wildgraph.llm.prices import PICO, Price

PATIENCE = Patience(connect=2.0, read=5.0, total=5.0, first_wait=0.01, longest_wait=0.05, outage=1.0, doubt=1.0)
TEMPLATE = Template("stages/mine", 1, "abc", (("user", "Number {{ n }}, please."),))


class Point(BaseModel):
    x: int
    label: str


def requests(count: int) -> Iterator[ChatRequest]:
    for n in range(count):
        yield ChatRequest(f"r{n}", Prompt(TEMPLATE, {"n": n}), Point)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ResponseCache]:
    with ResponseCache(tmp_path / "c.sqlite") as opened:
        yield opened


def model_at(
    url: str | list[str], cache: ResponseCache | None = None, key: str = "", concurrency: int = 8, **settings: object
) -> OpenAICompatible:
    return OpenAICompatible("fake", url, key, concurrency, cache, **{"patience": PATIENCE, **settings})  # type: ignore[arg-type]


def fails_with(error: type[Exception], model: OpenAICompatible, count: int = 500) -> str:
    with closing(model), pytest.raises(error) as caught:
        list(model.map(requests(count)))
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.hint
    return message


def continues(server: FakeServer, cache: ResponseCache, count: int, concurrency: int = 8) -> None:
    """The same requests again end well, and no body was paid for twice."""
    with closing(model_at(server.base_url, cache)) as model:
        completions = list(model.map(requests(count)))
    assert [completion.request_id for completion in completions] == [f"r{n}" for n in range(count)]
    assert all(completion.failure is None for completion in completions)
    twice = sum(times - 1 for times in server.counted.served.values())
    assert twice <= concurrency  # those that were in flight
    assert len(server.counted.served) >= count


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_wrong_key_ends_the_run_at_once(fake_server, concurrency: int):
    server = fake_server(key="right", latency=0.01)
    message = fails_with(AuthenticationError, model_at(server.base_url, key="sk-wrong", concurrency=concurrency))
    assert "OPENAI_API_KEY" in message
    assert "sk-wrong" not in message
    assert server.counted.requests <= concurrency


def test_a_server_that_is_not_there_ends_the_run_at_once():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = time.monotonic()
    message = fails_with(ServerError, OpenAICompatible("fake", f"http://127.0.0.1:{port}/v1", ""))
    assert "nothing listens at 127.0.0.1" in message
    assert time.monotonic() - started < 10


def test_an_unknown_name_ends_the_run():
    message = fails_with(ServerError, OpenAICompatible("fake", "http://no-such-host.invalid/v1", ""))
    assert "no-such-host.invalid" in message


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_server_that_answers_web_pages_ends_the_run(fake_server, concurrency: int):
    server = fake_server(fault=lambda body, nth: "html")
    message = fails_with(ServerError, model_at(server.base_url, concurrency=concurrency))
    assert "web page" in message
    assert server.counted.requests <= concurrency


def test_a_wrong_path_ends_the_run(fake_server):
    server = fake_server()
    assert "--base-url" in fails_with(ServerError, model_at(f"{server.base_url}/v2"))


def test_something_that_is_no_http_server_ends_the_run():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.sendall(b"220 mail.example.org ESMTP\r\n")
                connection.close()

        threading.Thread(target=talk, daemon=True).start()
        fails_with(ServerError, model_at(f"http://127.0.0.1:{listener.getsockname()[1]}/v1"))


def test_an_account_without_credit_ends_the_run(fake_server):
    server = fake_server(fault=lambda body, nth: "quota")
    assert "credit" in fails_with(ServerError, model_at(server.base_url))
    assert server.counted.requests <= 8


def test_a_server_that_asks_to_wait_an_hour_ends_the_run(fake_server):
    server = fake_server(fault=lambda body, nth: "rate_limited_with_hint")
    server.retry_after = "3600"
    assert "3600 s" in fails_with(ServerError, model_at(server.base_url))


def test_a_server_that_fails_every_request_ends_the_run_early(fake_server):
    server = fake_server(fault=lambda body, nth: "server_error")
    message = fails_with(ServerError, model_at(server.base_url))
    assert "in a row" in message
    assert "The server had an error" in message
    assert server.counted.requests < 60


def test_a_run_in_which_most_requests_fail_stops_and_says_why(fake_server, cache):
    def mostly(body: Body, nth: int) -> str | None:
        return "invalid_content" if fraction_of({"first": body["messages"][0]}) < 0.8 else None

    server = fake_server(fault=mostly)
    message = fails_with(ServerError, model_at(server.base_url, cache))
    assert "invalid_answer" in message
    assert server.counted.requests < 200


def test_a_server_unplugged_mid_run_leaves_a_run_that_continues(fake_server, cache):
    server = fake_server(latency=0.005)
    model = model_at(server.base_url, cache)
    with closing(model):
        completions = model.map(requests(300))
        for _ in range(50):
            next(completions)
        server.stop()
        with pytest.raises(ServerError, match="cannot be reached"):
            list(completions)
    server.start()
    continues(server, cache, 300)


def test_a_server_restarted_mid_run_is_waited_for(fake_server, cache):
    server = fake_server(latency=0.002)

    def restart() -> None:
        server.stop()
        time.sleep(0.3)
        server.start()

    restarting = threading.Thread(target=restart)
    patience = replace(PATIENCE, outage=60.0)  # a busy machine may take long to start a thread
    with closing(model_at(server.base_url, cache, patience=patience)) as model:
        for n, completion in enumerate(model.map(requests(300))):
            assert completion.failure is None
            if n == 50:
                restarting.start()
    restarting.join()
    assert len(server.counted.served) == 300


def test_of_two_servers_one_may_die(fake_server, cache):
    one, two = fake_server(latency=0.005), fake_server(latency=0.005)
    with closing(model_at([one.base_url, two.base_url], cache)) as model:
        for n, completion in enumerate(model.map(requests(400))):
            assert completion.failure is None
            if n == 50:
                one.stop()
    assert min(one.counted.requests, two.counted.requests) > 20
    assert len(one.counted.served | two.counted.served) == 400


def test_a_server_that_comes_back_is_asked_again(fake_server, cache):
    one, two = fake_server(latency=0.005), fake_server(latency=0.005)
    with closing(model_at([one.base_url, two.base_url], cache, concurrency=4)) as model:
        before = None
        for n, completion in enumerate(model.map(requests(3000))):
            assert completion.failure is None
            if n == 50:
                one.stop()
            if n == 100:
                before = one.start().counted.requests
            if before is not None and one.counted.requests > before + 20:
                break
        else:
            pytest.fail("it was never asked again")


def test_a_cap_in_dollars_is_kept_and_nearly_reached(fake_server, cache):
    server, price = fake_server(latency=0.002), Price(input=2.0, output=10.0)

    def short() -> Iterator[ChatRequest]:
        for request in requests(3000):
            yield ChatRequest(request.id, request.prompt, None, request.decoding.model_copy(update={"max_tokens": 50}))

    def bill() -> float:
        return price.of(Usage(server.counted.prompt_tokens, server.counted.completion_tokens)) / PICO

    with (
        closing(model_at(server.base_url, cache, budget=Budget(max_cost=0.05), price=price)) as model,
        pytest.raises(BudgetError, match="--max-cost"),
    ):
        list(model.map(short()))
    assert 0.045 < bill() <= 0.05
    assert model.tally.total().cost / PICO == pytest.approx(bill())
    spent = bill()
    with closing(model_at(server.base_url, cache, budget=Budget(max_cost=0.0), price=price)) as model:
        with pytest.raises(BudgetError):
            list(model.map(short()))
        assert model.tally.total().cost == 0  # what came from the cache costs nothing
    assert bill() == spent


def test_a_server_that_reports_no_tokens_may_have_charged_for_the_worst_case(fake_server, monkeypatch: pytest.MonkeyPatch):
    server = fake_server()
    reply = server._reply
    monkeypatch.setattr(server, "_reply", lambda *parts: {**reply(*parts), "usage": {"prompt_tokens": 0, "completion_tokens": 0}})
    fails_with(BudgetError, model_at(server.base_url, budget=Budget(max_tokens=30_000)))
    assert server.counted.requests < 15


def test_one_request_about_a_document_goes_first_and_the_rest_after_it(fake_server):
    template = Template("stages/answer", 1, "abc", (("user", "Document {{ d }}. Question {{ n }}"),))
    begun: list[tuple[str, bool]] = []
    finished: set[str] = set()

    def answer(body: Body) -> str:
        document = body["messages"][0]["content"].split()[1]
        finished.add(document)
        return "yes"

    def latency(body: Body) -> float:
        document = body["messages"][0]["content"].split()[1]
        begun.append((document, document in finished))
        return 0.02

    server = fake_server(answer=answer, latency=latency, cached=lambda body: 8)
    asked = [ChatRequest(f"{d} {n}", Prompt(template, {"d": d, "n": n}), prefix=str(d)) for n in range(4) for d in range(20)]
    with closing(model_at(server.base_url, concurrency=16)) as model:
        completions = list(model.map(asked))
    assert [completion.request_id for completion in completions] == [request.id for request in asked]
    assert sum(not warm for _, warm in begun) == 20  # the leaders, and nobody else, came before their document was there


def test_a_cap_on_requests_is_kept_and_the_run_continues(fake_server, cache):
    server = fake_server(latency=0.002)
    message = fails_with(BudgetError, model_at(server.base_url, cache, budget=Budget(max_requests=100)))
    assert "--max-requests" in message
    assert server.counted.requests == 100
    continues(server, cache, 300, concurrency=0)
    assert server.counted.requests == 300


def test_a_cap_on_tokens_is_kept_and_nearly_reached(fake_server, cache):
    server = fake_server(latency=0.002)

    def short() -> Iterator[ChatRequest]:
        for request in requests(2000):
            yield ChatRequest(request.id, request.prompt, None, request.decoding.model_copy(update={"max_tokens": 50}))

    with (
        closing(model_at(server.base_url, cache, budget=Budget(max_tokens=5000))) as model,
        pytest.raises(BudgetError, match="5000 tokens"),
    ):
        list(model.map(short()))
    assert 4000 < server.counted.prompt_tokens + server.counted.completion_tokens <= 5000


def test_what_is_cached_costs_no_budget(fake_server, cache):
    server = fake_server()
    with closing(model_at(server.base_url, cache)) as model:
        list(model.map(requests(50)))
    with closing(model_at(server.base_url, cache, budget=Budget(max_requests=0, max_tokens=0))) as model:
        assert len(list(model.map(requests(50)))) == 50


def test_retries_count_against_the_cap(fake_server):
    server = fake_server(fault=Mixture({"server_error": 1.0}))
    fails_with(BudgetError, model_at(server.base_url, budget=Budget(max_requests=30)), 100)
    assert server.counted.requests == 30


def test_a_full_disk_stops_the_run_and_what_was_committed_stays(fake_server, tmp_path: Path):
    server = fake_server(latency=0.002)
    small = ResponseCache(tmp_path / "c.sqlite", ballast=0)
    small.get(b"")
    assert small._writer is not None
    small._writer._connection.execute("PRAGMA max_page_count = 20")
    message = fails_with(RunError, model_at(server.base_url, small), 2000)
    assert "disk is full" in message
    small.close()
    served = sum(server.counted.served.values())
    assert served < 1500
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        continues(server, cache, 300, concurrency=64)


def test_a_crowded_server_is_approached_more_slowly(fake_server):
    server = fake_server(latency=0.01, capacity=4)
    patience = Patience(first_wait=0.01, longest_wait=0.05, waits=1000)
    with closing(model_at(server.base_url, concurrency=32, patience=patience)) as model:
        assert all(completion.failure is None for completion in model.map(requests(400)))
        troubles = model.tally.total().troubles["rate_limited"]
    assert troubles == server.counted.faults["rate_limited"]
    assert troubles < 400


def test_budgets_are_shared_between_models(fake_server):
    server, budget = fake_server(), Budget(max_requests=40)
    with (
        closing(model_at(server.base_url, budget=budget)) as one,
        closing(model_at(server.base_url, budget=budget, server_group="two")) as two,
    ):
        assert len(list(one.map(requests(30)))) == 30
        with pytest.raises(BudgetError):
            list(two.map(requests(30)))
    assert server.counted.requests == 40


def test_closing_a_map_early_keeps_what_arrived(fake_server, cache):
    server = fake_server(latency=lambda body: 0.001)
    with closing(model_at(server.base_url, cache)) as model:
        completions = model.map(requests(1000))
        for _ in range(20):
            next(completions)
        completions.close()
    continues(server, cache, 200)


def test_a_body_that_hangs_for_ever_is_one_failure(fake_server):
    def stuck(body: Body, nth: int) -> str | None:
        return "hang" if "Number 3," in body["messages"][-1]["content"] else None

    patience = Patience(total=0.2, retries=1, first_wait=0.01)
    with closing(model_at(fake_server(fault=stuck).base_url, patience=patience)) as model:
        failures = [completion.failure.reason if completion.failure else "" for completion in model.map(requests(20))]
    assert failures == ["timeout" if n == 3 else "" for n in range(20)]
