"""The scripted model: answers given beforehand, parsed as a server's are."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from wildgraph.backends.scripted import ScriptedModel
from wildgraph.llm import ChatRequest, Failure, Prompt, Template


class Point(BaseModel):
    x: int


TEMPLATE = Template("t", 1, "0", (("user", "{{ n }}"),))


def request(name: str, schema: type[BaseModel] | None = Point) -> ChatRequest:
    return ChatRequest(name, Prompt(TEMPLATE, {"n": 1}), schema)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('```json\n{"x": 1}\n```', None),
        ("no", "invalid_answer"),
        ("", "empty_answer"),
        (Failure("timeout", transient=True), "timeout"),
    ],
)
def test_answers_are_read_as_a_servers_are(answer, reason):
    (completion,) = ScriptedModel(lambda asked: answer).map([request("a")])
    assert (completion.failure.reason if completion.failure else None) == reason
    assert completion.parsed == (Point(x=1) if reason is None else None)


def test_a_table_answers_by_id_and_what_it_lacks_is_refused():
    model = ScriptedModel({"a": "hello"}, identity="me")
    one, two = model.map([request("a", None), request("b", None)])
    assert one.text == "hello"
    assert two.failure is not None
    assert two.failure.reason == "refused"
    assert [asked.id for asked in model.seen] == ["a", "b"]
    assert model.identity == "me"
