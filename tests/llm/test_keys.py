"""Cache keys: equal for equal calls, different as soon as anything that decides the answer differs."""

from __future__ import annotations

from pydantic import BaseModel

from wildgraph.llm.keys import messages_key, schema_text, variables_key
from wildgraph.llm.model import ChatRequest, Decoding
from wildgraph.llm.prompts import Prompt, Template


class One(BaseModel):
    a: int


class Two(BaseModel):
    b: int


MESSAGES = [{"role": "user", "content": "Q"}]
TEMPLATE = Template("stages/mine", 1, "abc", (("user", "{{ a }}"),))


def test_messages_keys_tell_calls_apart():
    base = ("m", MESSAGES, One, Decoding(), 0, {})
    variants = [
        base,
        ("n", *base[1:]),
        ("m", [{"role": "system", "content": "Q"}], *base[2:]),
        ("m", [{"role": "user", "content": "R\ud800"}], *base[2:]),
        (*base[:2], Two, *base[3:]),
        (*base[:2], None, *base[3:]),
        (*base[:3], Decoding(temperature=0.1), 0, {}),
        (*base[:3], Decoding(seed=1), 0, {}),
        (*base[:4], 1, {}),
        (*base[:5], {"top_k": 3}),
    ]
    assert len({messages_key(*variant) for variant in variants}) == len(variants)
    assert messages_key(*base) == messages_key("m", [dict(MESSAGES[0])], One, Decoding(), 0, None)


def test_variables_keys_tell_calls_apart():
    def key(identity="m", template=TEMPLATE, variables=None, **more):
        return variables_key(identity, ChatRequest("r", Prompt(template, variables or {"a": 1, "b": [2]}), **more))

    other = Template("stages/mine", 2, "abd", TEMPLATE.parts)
    variants = [
        key(),
        key("n"),
        key(template=other),
        key(variables={"a": 2}),
        key(schema=One),
        key(decoding=Decoding(max_tokens=5)),
        key(sample=1),
    ]
    assert len(set(variants)) == len(variants)
    assert key(variables={"b": [2], "a": 1}) == key()


def test_the_order_of_fields_is_part_of_a_schema():
    class Ab(BaseModel):
        a: int
        b: int

    class Ba(BaseModel):
        b: int
        a: int

    Ba.__name__ = Ba.__qualname__ = "Ab"
    assert schema_text(Ab) != schema_text(Ba)
    assert schema_text(None) == "null"
