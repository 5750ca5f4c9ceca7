"""What an answer is worth, and what is asked next."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from wildgraph.llm.answers import Turn, follow_up, read
from wildgraph.llm.model import Decoding
from wildgraph.llm.stored import Stored


class Point(BaseModel):
    x: int


TURN = Turn([{"role": "user", "content": "Q"}], Point, Decoding(max_tokens=100))


def test_a_good_answer_is_read():
    reading = read(Stored('<think>hm</think>{"x": 1}', reasoning="first"), Point)
    assert (reading.parsed, reading.reasoning, reading.failure) == (Point(x=1), "first\nhm", None)
    assert read(Stored("free text"), None).text == "free text"


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (Stored('{"x": 1}', finish_reason="length"), "truncated_answer"),
        (Stored('{"x": 1}', finish_reason="max_tokens"), "truncated_answer"),
        (Stored("", finish_reason="content_filter"), "content_filter"),
        (Stored("", finish_reason="refusal", detail="I will not"), "refused"),
        (Stored(""), "empty_answer"),
        (Stored("<think>only thoughts"), "empty_answer"),
        (Stored('{"y": 1}'), "invalid_answer"),
        (Stored(failure="prompt_too_long", detail="8192"), "prompt_too_long"),
    ],
)
def test_every_bad_answer_has_its_reason(stored: Stored, reason: str):
    failure = read(stored, Point).failure
    assert failure is not None
    assert failure.reason == reason


def test_a_cut_answer_gets_twice_the_room_once():
    following = follow_up(TURN, read(Stored("{", finish_reason="length"), Point))
    assert following is not None
    assert following.decoding.max_tokens == 200
    assert follow_up(following, read(Stored("{", finish_reason="length"), Point)) is None


def test_a_wrong_answer_is_corrected_once():
    following = follow_up(TURN, read(Stored('{"y": 1}'), Point))
    assert following is not None
    assert "x: Field required" in following.messages[-1]["content"]
    assert follow_up(following, read(Stored('{"y": 1}'), Point)) is None


def test_a_corrected_answer_that_is_cut_still_gets_more_room():
    corrected = follow_up(TURN, read(Stored("no"), Point))
    assert corrected is not None
    widened = follow_up(corrected, read(Stored("{", finish_reason="length"), Point))
    assert widened is not None
    assert follow_up(widened, read(Stored("{", finish_reason="length"), Point)) is None


@pytest.mark.parametrize(
    "stored", [Stored("", finish_reason="content_filter"), Stored("", finish_reason="refusal"), Stored(failure="prompt_too_long")]
)
def test_other_failures_are_final(stored: Stored):
    assert follow_up(TURN, read(stored, Point)) is None


def test_each_question_of_a_chain_has_a_key_of_its_own():
    corrected = follow_up(TURN, read(Stored("no"), Point))
    widened = follow_up(TURN, read(Stored("{", finish_reason="length"), Point))
    assert corrected is not None
    assert widened is not None
    assert len({turn.key("m", {}) for turn in (TURN, corrected, widened)}) == 3
