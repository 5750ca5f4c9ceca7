"""A model that is a Python function: the schema shown, one correction, what is no text refused."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from wildgraph.backends.function import FunctionModel
from wildgraph.errors import PluginError
from wildgraph.llm import ChatRequest, Decoding, Prompt, Template


class Point(BaseModel):
    x: int


TEMPLATE = Template("t", 1, "0", (("system", "Be brief."), ("user", "{{ n }}")))


def request(schema: type[BaseModel] | None = Point) -> ChatRequest:
    return ChatRequest("a", Prompt(TEMPLATE, {"n": 1}), schema, Decoding(temperature=0.5, max_tokens=9))


def answered(*answers: object, schema: type[BaseModel] | None = Point):
    """The completion, and what the function was asked."""
    asked, left = [], list(answers)

    def complete(messages, decoding):
        asked.append((messages, decoding))
        return left.pop(0)

    (completion,) = FunctionModel(complete, "mine").map([request(schema)])
    return completion, asked


def test_the_schema_stands_at_the_end_where_json_is_wanted():
    completion, asked = answered('{"x": 3}')
    assert (completion.parsed, completion.requests) == (Point(x=3), 1)
    ((messages, decoding),) = asked
    assert [message["role"] for message in messages] == ["system", "user"]
    assert '"x"' in messages[-1]["content"]
    assert (decoding.temperature, decoding.max_tokens) == (0.5, 9)
    completion, asked = answered("hello", schema=None)
    assert completion.text == "hello"
    assert asked[0][0][-1]["content"] == "1"


def test_a_wrong_form_is_shown_once_more():
    completion, asked = answered("three", '{"x": 3}')
    assert (completion.parsed, completion.requests) == (Point(x=3), 2)
    assert [message["role"] for message in asked[1][0]] == ["system", "user", "assistant", "user"]
    assert "three" in asked[1][0][2]["content"]
    completion, asked = answered("three", "four")
    assert completion.failure is not None
    assert completion.failure.reason == "invalid_answer"
    assert len(asked) == 2


def test_none_is_no_answer():
    completion, _ = answered(None, None)
    assert completion.failure is not None
    assert completion.failure.reason == "empty_answer"


@pytest.mark.parametrize("answer", [3, b'{"x": 3}', {"x": 3}, json])
def test_what_is_no_text_is_named(answer):
    with pytest.raises(PluginError, match=r"the model .mine. gave .* no text"):
        answered(answer)
