"""The context window: what fits, what is refused, what is shortened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from wildgraph.corpus import EstimatedCounter
from wildgraph.llm import ChatRequest, Decoding, Failure, Prompt, Template
from wildgraph.llm.answers import Reading, Turn
from wildgraph.llm.questions import Questions
from wildgraph.llm.window import ESTIMATE_MARGIN, Window


class Point(BaseModel):
    x: int


TEMPLATE = Template("t/read", 1, "abc", (("system", "Read."), ("user", "{% for text in texts %}[{{ text }}]\n{% endfor %}Now {{ ask }}.")))


def words(text: str) -> int:
    return len(text.split())


def request(*texts: str, room: int = 50, schema: type[BaseModel] | None = None) -> ChatRequest:
    return ChatRequest("r", Prompt(TEMPLATE, {"texts": list(texts), "ask": "answer"}), schema, Decoding(max_tokens=room))


def first(asked: ChatRequest, **window: object) -> Turn | Failure:
    return Questions("m", window=Window(**{"count": words, **window})).first(asked)  # type: ignore[arg-type]


def test_what_surely_fits_is_not_even_counted():
    def never(text: str) -> int:
        raise AssertionError("counted")

    assert isinstance(first(request("a b c"), size=1000, count=never), Turn)


def test_the_prompt_and_the_room_for_the_answer_have_to_fit():
    asked = request("word " * 500, room=100)
    exact = 500 + 4 + 100 + 3 * 8  # words of the rest, room, marks
    assert isinstance(first(asked, size=exact), Turn)
    refused = first(asked, size=exact - 1)
    assert isinstance(refused, Failure)
    assert refused.reason == "prompt_too_long"
    assert not refused.transient
    assert str(exact) in refused.detail


def test_an_estimate_is_raised_by_its_margin():
    asked = request("word " * 1000)
    assert isinstance(first(asked, size=1200), Turn)
    assert isinstance(first(asked, size=1200, margin=ESTIMATE_MARGIN), Failure)


def test_a_schema_takes_room_too():
    window = Window(1, words)
    assert window.needs(Turn([], Point, Decoding())) > window.needs(Turn([], None, Decoding()))


def test_truncation_leaves_out_the_middle_of_the_longest_and_says_so():
    long, short = "alpha " + "word " * 4000 + "omega", "a short text " * 5
    turn = first(request(long, short), size=2000, overflow="truncate")
    assert isinstance(turn, Turn)
    assert turn.shortened
    said = turn.messages[1]["content"]
    assert "[alpha word" in said
    assert "word omega]" in said
    assert short in said
    assert "characters are left out here" in said
    assert said.endswith("Now answer.")
    assert Window(2000, words).fits(turn)
    assert words(said) > 1700  # as much as fits


def test_the_longest_texts_are_cut_to_one_length():
    turn = first(request("a " * 3000, "b " * 5000, "c " * 400), size=3000, overflow="truncate")
    assert isinstance(turn, Turn)
    said = turn.messages[1]["content"]
    assert abs(said.count("a ") - said.count("b ")) < 30
    assert said.count("c ") == 400


def test_what_cannot_be_shortened_enough_is_refused():
    refused = first(request(*["w " * 200] * 50), size=500, overflow="truncate")
    assert isinstance(refused, Failure)
    assert isinstance(first(request("w", room=600), size=500, overflow="truncate"), Failure)


@given(st.lists(st.text(max_size=900), max_size=6), st.integers(min_value=60, max_value=1200))
def test_a_shortened_prompt_always_fits(texts: list[str], size: int):
    count = EstimatedCounter().count
    turn = first(request(*texts, room=10), size=size, count=count, overflow="truncate")
    if isinstance(turn, Turn):
        assert sum(count(message["content"]) for message in turn.messages) + 10 <= size


def test_a_longer_answer_is_not_asked_for_where_it_does_not_fit():
    asked = request("word " * 500, room=200)
    cut = Reading("", "", failure=Failure("truncated_answer"))
    for size, follows in ((800, False), (1000, True)):
        questions = Questions("m", window=Window(size, words))
        turn = questions.first(asked)
        assert isinstance(turn, Turn)
        assert (questions.following(turn, cut) is not None) is follows


@pytest.mark.parametrize("text", ["", " ", "é" * 2000, "字" * 2000, "😀" * 2000, "0123456789" * 300])
def test_the_quick_bound_is_never_below_the_count(text: str):
    turn = Turn([{"role": "user", "content": text}], None, Decoding(max_tokens=1))
    assert Window(10**9, EstimatedCounter().count).needs(turn) >= EstimatedCounter().count(text)
