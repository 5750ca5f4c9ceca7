"""Rehearsals: what would be asked, counted without asking."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from wildgraph.llm import ChatRequest, Prompt, ResponseCache, Template, Usage
from wildgraph.llm.questions import Questions
from wildgraph.llm.rehearsal import Rehearsal, stand_in
from wildgraph.llm.stored import Stored
from wildgraph.llm.window import Window
from wildgraph.paradigms.steps import Citations, Instruction

TEMPLATE = Template("stages/answer", 1, "abc", (("user", "{{ text }}"),))


def words(text: str) -> int:
    return len(text.split())


def request(n: int, schema: type[BaseModel] | None = None) -> ChatRequest:
    return ChatRequest(f"r{n}", Prompt(TEMPLATE, {"text": f"word {n}"}), schema)


def test_known_answers_are_given_and_the_rest_is_stood_in_for(tmp_path: Path):
    questions = Questions("m")
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        for n in range(3):
            turn = questions.first(request(n))
            cache.put(questions.key(turn), Stored(f"answer {n}", usage=Usage(20, 5, 10)))  # type: ignore[arg-type]
        cache.flush()
        model = Rehearsal(questions, cache, words, {"stages/answer": 7}, 3)
        completions = list(model.map(request(n) for n in range(5)))
    assert [completion.text for completion in completions[:3]] == ["answer 0", "answer 1", "answer 2"]
    assert words(completions[4].text) == 7
    sheet = model.sheets["stages/answer"]
    assert (sheet.known, sheet.answers, sheet.unknown, sheet.counted, sheet.asked) == (3, 3, 2, 3 * 10, 2 * 10)
    assert sheet.usage == Usage(60, 15, 30)


def test_what_does_not_fit_is_not_counted_as_asked():
    model = Rehearsal(Questions("m", window=Window(100, words)), None, words, {}, 3)
    (completion,) = model.map([request(0)])
    assert completion.failure is not None
    assert (model.unknown, model.sheets["stages/answer"].refused) == (0, 1)


class Colour(StrEnum):
    RED = "red"


class Odd(BaseModel):
    kind: Literal["a", "b"]
    colour: Colour
    count: int = Field(ge=3)
    parts: list[Instruction] = Field(min_length=2)
    note: str | None
    good: bool


@pytest.mark.parametrize("schema", [Instruction, Citations, Odd])
def test_a_stand_in_fits_its_schema(schema: type[BaseModel]):
    schema.model_validate(stand_in(schema, "some words"))


def test_a_schema_that_words_do_not_fill_is_a_failure_not_an_error():
    class Dated(BaseModel):
        day: str = Field(pattern=r"\d{4}-\d\d-\d\d")

    model = Rehearsal(Questions("m"), None, words, {}, 3)
    (completion,) = model.map([request(0, Dated)])
    assert completion.failure is not None
    assert model.unknown == 1
