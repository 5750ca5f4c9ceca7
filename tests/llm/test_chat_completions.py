"""The chat-completions protocol, without a network: bodies out, replies in, dialects learnt."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import BaseModel

from wildgraph.errors import ServerError
from wildgraph.llm import Decoding
from wildgraph.llm.answers import Turn
from wildgraph.llm.chat_completions import ChatCompletions, Dialect, listed_models
from wildgraph.llm.trouble import Trouble
from wildgraph.llm.wire import Reply


class Point(BaseModel):
    x: int
    label: str


MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Q"}]


def turn(schema: type[BaseModel] | None = Point, **decoding: object) -> Turn:
    return Turn(MESSAGES, schema, Decoding(**decoding))


def written(wire: ChatCompletions, asked: Turn) -> tuple[dict, object]:
    body, dialect = wire.body(asked)
    return json.loads(body), dialect


def reply(value: object, status: int = 200, **headers: str) -> Reply:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Reply(status, {name.replace("_", "-"): text for name, text in headers.items()}, body)


def chat(message: object, finish: object = "stop", **more: object) -> Reply:
    return reply({"model": "m-1", "choices": [{"message": message, "finish_reason": finish}], **more})


# --------------------------------------------------------------------------- bodies


def test_a_body_with_a_schema():
    body, _ = written(ChatCompletions("m"), turn(temperature=0.2, top_p=0.9, seed=7, max_tokens=50))
    assert body["model"] == "m"
    assert body["messages"] == MESSAGES
    assert (body["temperature"], body["top_p"], body["seed"], body["max_tokens"]) == (0.2, 0.9, 7, 50)
    assert body["response_format"]["json_schema"]["strict"] is True


def test_a_body_of_free_text_is_bare():
    body, _ = written(ChatCompletions("m", extra={"top_k": 20}), turn(None))
    assert set(body) == {"model", "messages", "max_tokens", "temperature", "top_k"}


def test_samples_have_seeds_of_their_own():
    bodies = [written(ChatCompletions("m"), Turn(MESSAGES, None, Decoding(seed=7), sample))[0] for sample in range(3)]
    assert [body["seed"] for body in bodies] == [7, 8, 9]


@pytest.mark.parametrize(("level", "kind"), [("json_object", "json_object"), ("text", None)])
def test_lower_levels_show_the_schema_in_the_prompt(level, kind):
    body, _ = written(ChatCompletions("m", level), turn())
    assert body.get("response_format", {}).get("type") == kind
    assert "JSON schema" in body["messages"][-1]["content"]
    assert MESSAGES[-1]["content"] == "Q"


def test_lone_surrogates_are_replaced():
    body, _ = ChatCompletions("m").body(Turn([{"role": "user", "content": "a\ud800b"}], None, Decoding()))
    assert json.loads(body)["messages"][0]["content"] == "a?b"


# --------------------------------------------------------------------------- answers


def read(answer: Reply, asked: Turn | None = None):
    wire = ChatCompletions("m", secret="sk-secret")
    _, dialect = wire.body(asked or turn())
    return wire.read(answer, dialect)


def test_a_whole_answer():
    usage = {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}
    stored = read(chat({"content": "hi", "reasoning_content": "hm"}, usage=usage))
    assert (stored.text, stored.reasoning, stored.finish_reason, stored.model) == ("hi", "hm", "stop", "m-1")
    assert (stored.usage.prompt_tokens, stored.usage.completion_tokens, stored.usage.cached_tokens) == (10, 3, 8)


@pytest.mark.parametrize(
    "usage", [None, "many", {}, {"prompt_tokens": "3"}, {"prompt_tokens": -1, "prompt_tokens_details": None}, {"prompt_tokens": 2**63}]
)
def test_odd_usage_counts_as_nothing(usage):
    stored = read(chat({"content": "hi"}, usage=usage))
    assert stored.usage.prompt_tokens == 0


@pytest.mark.parametrize("nothing", [None, "", {}])
def test_an_error_that_says_nothing_is_none(nothing):
    answer = chat({"content": "hi"}, usage={"prompt_tokens": 4})
    found = read(reply({**json.loads(answer.body), "error": nothing}))
    assert (found.text, found.usage.prompt_tokens) == ("hi", 4)


def test_content_in_parts_and_null_content():
    assert read(chat({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})).text == "ab"
    assert read(chat({"content": None})).text == ""
    assert read(chat({"content": None, "refusal": "no"})).finish_reason == "refusal"
    assert read(chat({"content": "x"}, None)).finish_reason == "stop"


def test_lone_surrogates_in_an_answer_are_readable():
    assert read(reply(b'{"choices": [{"message": {"content": "a\\ud800b"}, "finish_reason": "stop"}]}')).text.startswith("a")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply({"choices": []}), "no_choice"),
        (reply({"id": 1}), "malformed"),
        (reply({"choices": {}}), "malformed"),
        (reply({"choices": [{}]}), "malformed"),
        (reply({"choices": ["hi"]}), "malformed"),
        (chat({"content": 42}), "malformed"),
        (chat({"content": [1, 2]}), "malformed"),
        (chat("hi"), "malformed"),
        (reply([]), "garbled"),
        (reply(b'{"choices": [{"mess'), "garbled"),
        (reply(b""), "garbled"),
        (reply(b"<!DOCTYPE html><html></html>", content_type="text/html"), "html"),
        (reply(b"<html>nginx</html>", 404), "html"),
        (reply(b"<html>bad gateway</html>", 502), "server_error"),
        (reply({"error": {"message": "no"}}, 401), "unauthorized"),
        (reply({"error": {"message": "no"}}, 403), "forbidden"),
        (reply({"error": {"message": "model x does not exist", "code": "model_not_found"}}, 404), "not_found"),
        (reply(b"", 302), "not_found"),
        (reply({"error": {"message": "slow down"}}, 429), "rate_limited"),
        (reply({"error": {"message": "pay", "code": "insufficient_quota"}}, 429), "quota"),
        (reply({"error": {"message": "busy"}}, 503), "overloaded"),
        (reply({"error": {"message": "oops"}}, 500), "server_error"),
        (reply({"error": "oops"}, 500), "server_error"),
        (reply({"detail": "oops"}, 500), "server_error"),
        (reply({"error": {"message": "late", "code": 504}}, 200), "server_error"),
        (reply({"error": {"message": "This model's maximum context length is 4096 tokens"}}, 400), "prompt_too_long"),
        (reply({"error": {"message": "the request exceeds the available context size"}}, 400), "prompt_too_long"),
        (reply({"error": {"message": "x", "code": "context_length_exceeded"}}, 400), "prompt_too_long"),
        (reply(b"too large", 413), "prompt_too_long"),
        (reply({"error": {"message": "content management policy", "code": "content_filter"}}, 400), "content_filter"),
    ],
)
def test_every_trouble_has_its_kind(answer: Reply, kind: str):
    with pytest.raises(Trouble) as caught:
        read(answer, turn(None))
    assert caught.value.kind == kind


def test_the_key_is_never_repeated():
    with pytest.raises(Trouble) as caught:
        read(reply({"error": {"message": "Incorrect API key provided: sk-secret"}}, 401))
    assert "sk-secret" not in str(caught.value)
    assert "***" in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "3"}, 3.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-3"}, None),
        ({"retry_after": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read(headers, seconds):
    with pytest.raises(Trouble) as caught:
        read(reply({"error": {"message": "slow"}}, 429, **headers))
    assert caught.value.retry_after == seconds


def test_retry_after_may_be_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    with pytest.raises(Trouble) as caught:
        read(reply({"error": {"message": "slow"}}, 429, retry_after=later))
    assert caught.value.retry_after is not None
    assert 20 < caught.value.retry_after <= 30


# --------------------------------------------------------------------------- dialects


def refused(wire: ChatCompletions, message: str, status: int = 400, asked: Turn | None = None) -> Trouble:
    _, dialect = wire.body(asked or turn())
    with pytest.raises(Trouble) as caught:
        wire.read(reply({"error": {"message": message}}, status), dialect)
    return caught.value


@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_structured_output_falls_back_level_by_level_and_remembers(status: int):
    wire = ChatCompletions("m")
    assert refused(wire, "response_format json_schema is not supported", status).kind == "dialect"
    assert wire.dialect.level == "json_object"
    assert refused(wire, "unknown field response_format", status).kind == "dialect"
    assert wire.dialect.level == "text"
    assert refused(wire, "unknown field response_format", status).kind != "dialect"


def test_a_named_level_is_not_left():
    wire = ChatCompletions("m", "json_schema")
    assert refused(wire, "response_format json_schema is not supported").kind == "bad_request"


def test_a_request_in_an_outdated_dialect_is_put_again():
    wire = ChatCompletions("m")
    _, old = wire.body(turn())
    refused(wire, "response_format is not supported")
    with pytest.raises(Trouble) as caught:
        wire.read(reply({"error": {"message": "response_format is not supported"}}, 400), old)
    assert caught.value.kind == "dialect"
    assert wire.dialect.level == "json_object"


def test_a_refusal_without_words_is_taken_for_the_format_until_the_format_worked():
    wire = ChatCompletions("m")
    assert refused(wire, "Bad Request").kind == "dialect"
    working = ChatCompletions("m")
    _, dialect = working.body(turn())
    working.read(chat({"content": "{}"}), dialect)
    assert refused(working, "Bad Request").kind == "bad_request"


def test_other_names_and_missing_parameters_are_learnt():
    wire = ChatCompletions("m")
    message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    assert refused(wire, message).kind == "dialect"
    assert refused(wire, "Unsupported value: 'temperature' does not support 0.7 with this model.").kind == "dialect"
    body, _ = written(wire, turn(max_tokens=5))
    assert body["max_completion_tokens"] == 5
    assert not {"max_tokens", "temperature"} & set(body)


def test_a_dialect_does_not_change_over_other_refusals():
    assert Dialect().after("the prompt is rude", structured=True, may_fall_back=True) is None


# --------------------------------------------------------------------------- lists of models


@pytest.mark.parametrize("answer", [reply({"data": 1}), reply(b"<html></html>"), reply({}, 404), reply([], 500), reply(b"\xff\xfe")])
def test_what_is_no_list_of_models_is_an_error(answer: Reply):
    with pytest.raises(ServerError):
        listed_models(answer, "http://x/v1", "m")
