"""A question whose answer a program can check (arXiv 2509.01185: verifiable instruction–response)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, Field

from wildgraph.checkers.numeric import numbers, unit_in
from wildgraph.llm import Completion
from wildgraph.paradigms.drafts import Declined, Draft, Passage, Turn
from wildgraph.paradigms.paradigm import OF_SEVERAL, Paradigm
from wildgraph.paradigms.steps import ANSWER, Ask, quotes
from wildgraph.records import Checker, Json, canonical_json
from wildgraph.rows import clean

#: The instruction of a choice names its options by these.
LETTERS = "ABCDE"

Kind = Literal["text", "number", "choice", "list", "ordering", "free"]


class Limits(BaseModel):
    """What the instruction says about the answer's form that a program can count; ``None`` where it says nothing.

    Attributes:
        most_words, least_words: of the whole answer.
        bullets: exactly so many bullet points.
        json_only: nothing but JSON.
        ends_with: the answer's last words.
    """

    most_words: int | None = Field(default=None, ge=1)
    least_words: int | None = Field(default=None, ge=1)
    bullets: int | None = Field(default=None, ge=1)
    json_only: bool = False
    ends_with: str = ""


class Question(BaseModel):
    """The answer to the question prompt.

    Attributes:
        kind: what sort of answer it has; ``free`` where only ``limits`` can be checked.
        answer: the answer, or its items in order.
        accept: other wordings that are as right.
        options: of a choice, in order, as the instruction lists them under the letters A to E; the answer is one of them.
        evidence: where the answer is found.
    """

    instruction: str
    kind: Kind
    answer: list[str]
    accept: list[str] = Field(default_factory=list)
    options: list[str] = Field(default_factory=list)
    limits: Limits = Limits()
    evidence: list[Passage] = Field(default_factory=list)
    left_out: list[str] = Field(default_factory=list)


def questioned(draft: Draft, completion: Completion) -> Draft | Declined:
    """The draft with question, bare answer, checkers and evidence."""
    question = completion.parsed
    assert isinstance(question, Question)
    text = clean(question.instruction).strip()
    if not text:
        return Declined("unsuitable", ", ".join(question.left_out))
    items = [clean(item).strip() for item in question.answer if item.strip()]
    checkers = tuple(checks(question, items))
    if not checkers:
        return Declined("uncheckable", f"a question of the kind {question.kind!r} with {len(items)} answers")
    return replace(
        draft,
        turns=(Turn(text),),
        answer=None if question.kind == "free" else items[0] if len(items) == 1 else canonical_json(items),
        checkers=checkers,
        quotes=quotes(question.evidence),
        left_out=tuple(clean(one) for one in question.left_out if one),
    )


def checks(question: Question, items: list[str]) -> Iterator[Checker]:
    """What holds an answer against the question: the answer itself first, then the limits of its form."""
    match question.kind:
        case "text" if len(items) == 1:
            accepted = dict.fromkeys([items[0], *(clean(one).strip() for one in question.accept if one.strip())])
            yield _checker("exact", {"answer": list(accepted)})
        case "number" if len(items) == 1 and (found := list(numbers(items[0]))):
            unit = unit_in(found[0].after) or unit_in(found[0].before)
            yield _checker("numeric", {"answer": found[0].value} | ({"unit": unit} if unit else {}))
        case "choice" if len(items) == 1 and items[0] in question.options and 1 < len(question.options) <= len(LETTERS):
            letters: dict[str, Json] = dict(zip(LETTERS, (clean(one) for one in question.options), strict=False))
            yield _checker("choice", {"answer": LETTERS[question.options.index(items[0])], "options": letters})
        case "list" if len(items) > 1:
            yield _checker("set", {"answer": list(items)})
        case "ordering" if len(items) > 1:
            yield _checker("ordering", {"answer": list(items)})
        case "free":
            pass
        case _:
            return
    yield from _limits(question.limits)


def _limits(limits: Limits) -> Iterator[Checker]:
    if limits.most_words is not None or limits.least_words is not None:
        yield _checker("words", {"least": limits.least_words or 0, "most": limits.most_words})
    if limits.bullets is not None:
        yield _checker("detectable_format:number_bullet_lists", {"num_bullets": limits.bullets})
    if limits.json_only:
        yield _checker("detectable_format:json_format", {})
    if limits.ends_with.strip():
        yield _checker("startend:end_checker", {"end_phrase": clean(limits.ends_with).strip()})


def _checker(name: str, args: dict[str, Json]) -> Checker:
    return Checker(name=name, args=canonical_json(args))


def example(_draft: Draft) -> str:
    """A question of the simplest kind."""
    return Question(instruction="Which figure?", kind="number", answer=["1"]).model_dump_json()


QUESTION = Ask(
    "paradigms/question",
    "instruct",
    questioned,
    Question,
    lambda _draft: {"kinds": ["text", "number", "choice", "list", "ordering", "free"]},
    example=example,
)

VERIFIABLE = Paradigm(
    name="verifiable",
    several=False,
    by_program=True,
    purpose="one question or task about this document whose answer a program can check: it has one right answer, or limits that can be counted",
    # The question's writer knows the answer; who answers does not, so that an answer that passes the checkers was found twice.
    steps=(QUESTION, ANSWER),
    refuses=OF_SEVERAL,
)
