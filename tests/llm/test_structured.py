"""Structured answers: schemas as servers want them, and answers as they really come."""

from __future__ import annotations

import json
from typing import Literal

import pytest
from fake_server import instance
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.llm.model import Failure
from wildgraph.llm.structured import parse_answer, response_format, split_reasoning, strict_schema, with_correction, with_schema


class Tag(BaseModel):
    name: str = Field(min_length=1, max_length=50)
    weight: float = Field(default=1.0, ge=0.0)


class Mined(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    kind: Literal["report", "letter"] = "report"
    tags: list[Tag] = Field(default_factory=list, max_length=8)
    note: str | None = None


class Loose(BaseModel):
    """Every object fits it, so that only the form of the JSON can tell."""

    title: str = ""
    tags: list[Tag] = Field(default_factory=list)


class Free(BaseModel):
    values: dict[str, int]


WHOLE = {"title": "T", "kind": "letter", "tags": [{"name": "a", "weight": 2.0}], "note": None}
TEXT = json.dumps(WHOLE)
EXPECTED = Mined.model_validate(WHOLE)


def test_a_strict_schema_closes_every_object_and_requires_all_its_properties():
    text, strict = strict_schema(Mined)
    schema = json.loads(text)
    assert strict
    for node in (schema, schema["$defs"]["Tag"]):
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])
    assert "default" not in text
    assert "minLength" not in text
    assert schema["properties"]["tags"]["maxItems"] == 8


def test_property_names_that_look_like_keywords_survive():
    class Odd(BaseModel):
        title: str
        default: str
        pattern: int

    assert list(json.loads(strict_schema(Odd)[0])["properties"]) == ["title", "default", "pattern"]


def test_a_free_mapping_cannot_be_strict():
    assert strict_schema(Free)[1] is False
    assert response_format(Free, "json_schema")["json_schema"]["strict"] is False


def test_response_formats_by_level():
    assert response_format(Mined, "json_schema")["type"] == "json_schema"
    assert response_format(Mined, "json_object") == {"type": "json_object"}
    assert response_format(Mined, "text") is None
    assert response_format(None, "json_schema") is None


def test_an_instance_of_the_strict_schema_validates():
    import random

    schema = json.loads(strict_schema(Mined)[0])
    for seed in range(20):
        Mined.model_validate(instance(schema, schema, random.Random(seed)))


def test_the_schema_is_shown_without_touching_the_messages():
    messages = [{"role": "user", "content": "Q"}]
    assert "JSON schema" in with_schema(messages, Mined)[-1]["content"]
    assert messages == [{"role": "user", "content": "Q"}]


def test_the_correction_shows_answer_problem_and_schema():
    messages = with_correction([{"role": "user", "content": "Q"}], "x" * 10_000, "title: Field required", Mined)
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert len(messages[1]["content"]) < 5_000
    assert "title: Field required" in messages[2]["content"]
    assert "JSON schema" in messages[2]["content"]


@pytest.mark.parametrize(
    "answer",
    [
        TEXT,
        f"\n\n{TEXT}\n",
        f"\ufeff{TEXT}",
        f"```json\n{TEXT}\n```",
        f"Here is the JSON:\n```\n{TEXT}\n```\nHope this helps!",
        f"Sure! {TEXT}",
        f"{TEXT}\nLet me know {{if}} you need more.",
        TEXT.replace('"', "'").replace("None", "null"),
        TEXT[:-1] + ",}",
        "{title: 'T', kind: 'letter', tags: [{name: 'a', weight: 2}], note: null}",
        f"[{TEXT}]",
        "// the answer\n" + TEXT,
    ],
)
def test_json_is_found_and_repaired(answer: str):
    assert parse_answer(answer, Mined) == EXPECTED


def test_a_text_full_of_stray_quotes_is_not_repaired(monkeypatch):
    """Repair looks at all that follows each of them: an answer of the usual length would take minutes."""
    asked = []
    monkeypatch.setattr("json_repair.loads", lambda text, **_: asked.append(text) or {})
    for count, repaired in ((400, True), (600, False), (20_000, False)):
        asked.clear()
        failure = parse_answer('{"title":"' + 'a"b ' * count + '"}', Mined)
        assert isinstance(failure, Failure)
        assert failure.reason == "invalid_answer"
        assert bool(asked) is repaired
    assert (
        parse_answer(json.dumps({"title": 'a "quoted" word, ' * 600, "kind": "letter", "tags": [], "note": None}), Mined).kind == "letter"
    )


@pytest.mark.parametrize(
    "answer",
    [
        TEXT[:-1],
        TEXT[: len(TEXT) // 2],
        '{"title": "an unfinished sen',
        '{"title": "T", "tags": [{"name": "a", "weight": 1.0}',
        f"```json\n{TEXT[:-20]}",
    ],
)
def test_what_stops_in_the_middle_is_never_completed(answer: str):
    failure = parse_answer(answer, Mined)
    assert isinstance(failure, Failure)
    assert failure.reason == "invalid_answer"
    assert "stops in the middle" in failure.detail


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "empty_answer"),
        ("   \n", "empty_answer"),
        ("I cannot do that.", "invalid_answer"),
        ('{"unexpected": 1}', "invalid_answer"),
        ('{"title": 3}', "invalid_answer"),
        ('{"title": "T", "extra": 1}', "invalid_answer"),
        ("[]", "invalid_answer"),
        (f"[{TEXT}, {TEXT}]", "invalid_answer"),
        (f"[{TEXT}, ", "invalid_answer"),
        ("null", "invalid_answer"),
        ("42", "invalid_answer"),
        ("{}", "invalid_answer"),
        ("{" * 5000, "invalid_answer"),
    ],
)
def test_what_is_no_answer_has_a_reason(answer: str, reason: str):
    failure = parse_answer(answer, Mined)
    assert isinstance(failure, Failure)
    assert failure.reason == reason


def test_the_problem_is_one_line_and_names_the_field():
    failure = parse_answer('{"title": 3, "tags": [{}]}', Mined)
    assert isinstance(failure, Failure)
    problem = failure.detail.splitlines()[0]
    assert "title" in problem
    assert "tags.0.name" in problem


@pytest.mark.parametrize(
    ("text", "answer", "reasoning"),
    [
        ("<think>a</think>b", "b", "a"),
        ("<think>a</think>\n<think>c</think>b", "b", "a\nc"),
        ("<THINKING>a</THINKING>b", "b", "a"),
        ("a</think>b", "b", "a"),
        ("<think>a", "", "a"),
        ("<think></think>b", "b", ""),
        ("The tag <think> is literal.", "The tag <think> is literal.", ""),
        ("Write <think>x</think> in XML.", "Write <think>x</think> in XML.", ""),
    ],
)
def test_reasoning_is_set_aside(text: str, answer: str, reasoning: str):
    assert split_reasoning(text) == (answer, reasoning)


@given(st.text())
def test_any_text_gives_an_object_or_a_reason(text: str):
    result = parse_answer(text, Mined)
    assert isinstance(result, Mined | Failure)


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=10), max_size=3), st.integers(min_value=1))
def test_no_prefix_of_a_whole_answer_parses_as_if_whole(title: str, names: list[str], cut: int):
    whole = Mined(title=title, tags=[Tag(name=name) for name in names]).model_dump_json()
    assert parse_answer(whole, Mined) == Mined.model_validate_json(whole)
    assert isinstance(parse_answer(whole[: cut % len(whole)], Mined), Failure)
    assert isinstance(parse_answer(whole[: cut % len(whole)], Loose), Failure)
