"""The steps that samples are written in: questions to a model, and what a program does between them.

A step is pure: a draft becomes a question's variables, and an answer makes a new draft. Sending the questions is the stage's part. Only what
a program reads has a schema; answers are free text, since schemas degrade long ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, Field

from wildgraph.llm import Completion
from wildgraph.paradigms.drafts import Declined, Draft, Passage, Quote, Turn
from wildgraph.records import Json
from wildgraph.rows import clean


def _always(_draft: Draft) -> bool:
    return True


def _nothing(_draft: Draft) -> dict[str, Json]:
    return {}


@dataclass(frozen=True)
class Ask:
    """One question to the model.

    Attributes:
        template: name of the prompt; it begins with the shared prefix (system line, fenced documents).
        decoding: which of the stage's decoding parameters apply.
        finish: what the answer makes of the draft.
        schema: the answer's class, or ``None`` for free text.
        variables: what the prompt takes beside the shared variables.
        when: whether this draft is asked about; others pass.
        example: an answer of the right form, for estimates that ask nobody; ``None`` where any words will do.
    """

    template: str
    decoding: Literal["instruct", "answer", "cite"]
    finish: Callable[[Draft, Completion], Draft | Declined]
    schema: type[BaseModel] | None = None
    variables: Callable[[Draft], Mapping[str, Json]] = _nothing
    when: Callable[[Draft], bool] = _always
    example: Callable[[Draft], str] | None = None


@dataclass(frozen=True)
class Do:
    """Something a program does to a draft."""

    act: Callable[[Draft], Draft | Declined]


class Instruction(BaseModel):
    """The answer to the instruct prompt."""

    instruction: str
    left_out: list[str] = Field(default_factory=list)


class Citations(BaseModel):
    """The answer to the cite prompt."""

    evidence: list[Passage]


def _instructed(draft: Draft, completion: Completion) -> Draft | Declined:
    assert isinstance(completion.parsed, Instruction)
    text = clean(completion.parsed.instruction).strip()
    if not text:
        return Declined("unsuitable", ", ".join(completion.parsed.left_out))
    return replace(draft, turns=(Turn(text),), left_out=tuple(clean(one) for one in completion.parsed.left_out if one))


def answered(draft: Draft, completion: Completion) -> Draft:
    """The draft with the answer to its first turn that has none."""
    place = next(place for place, turn in enumerate(draft.turns) if not turn.assistant)
    turn = replace(draft.turns[place], assistant=clean(completion.text).strip(), thinking=clean(completion.reasoning).strip())
    return replace(draft, turns=(*draft.turns[:place], turn, *draft.turns[place + 1 :]))


def _cited(draft: Draft, completion: Completion) -> Draft:
    assert isinstance(completion.parsed, Citations)
    return replace(draft, quotes=quotes(completion.parsed.evidence))


def quotes(passages: Iterable[Passage]) -> tuple[Quote, ...]:
    """Passages that the first answer rests on."""
    return tuple(Quote(one.document, one.quote) for one in passages)


def asked(draft: Draft) -> dict[str, Json]:
    """The instruction, as prompts take it."""
    return {"instruction": draft.instruction}


def exchanged(draft: Draft) -> dict[str, Json]:
    """Instruction and answer, as prompts take them."""
    return {"instruction": draft.instruction, "answer": draft.turns[0].assistant}


INSTRUCT = Ask("stages/instruct", "instruct", _instructed, Instruction)
ANSWER = Ask("stages/answer", "answer", answered, variables=asked)
CITE = Ask("stages/cite", "cite", _cited, Citations, exchanged)
