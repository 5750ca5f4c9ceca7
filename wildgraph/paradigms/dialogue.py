"""A conversation of several turns that moves through a long document (arXiv 2509.01185: multi-turn dialogue over a long context)."""

from __future__ import annotations

from dataclasses import replace

from pydantic import BaseModel, Field

from wildgraph.llm import Completion
from wildgraph.paradigms.drafts import Declined, Draft, Passage, Quote, Turn
from wildgraph.paradigms.paradigm import OF_SEVERAL, Paradigm
from wildgraph.paradigms.steps import Ask, answered
from wildgraph.records import Json
from wildgraph.rows import clean

#: Fewest and most user turns. The least is the paper's, the most ours.
LEAST, MOST = 3, 5


class Conversation(BaseModel):
    """The answer to the turns prompt: what the user says, turn by turn."""

    turns: list[str]
    left_out: list[str] = Field(default_factory=list)


class Supporting(Passage):
    """A passage, and which reply rests on it, from 1."""

    turn: int


class Support(BaseModel):
    """The answer to the cite prompt of conversations."""

    evidence: list[Supporting]


def _planned(draft: Draft, completion: Completion) -> Draft | Declined:
    assert isinstance(completion.parsed, Conversation)
    said = [text for text in (clean(one).strip() for one in completion.parsed.turns) if text]
    if len(said) < LEAST:
        return Declined("unsuitable", f"{len(said)} user turns, at least {LEAST} make a conversation")
    left_out = tuple(clean(one) for one in completion.parsed.left_out if one)
    return replace(draft, turns=tuple(Turn(text) for text in said[:MOST]), left_out=left_out)


def _unanswered(draft: Draft) -> bool:
    return any(not turn.assistant for turn in draft.turns)


def so_far(draft: Draft) -> dict[str, Json]:
    """The exchanges that are whole, and what the user says next."""
    whole: list[Json] = [{"user": turn.user, "assistant": turn.assistant} for turn in draft.turns if turn.assistant]
    following = next((turn.user for turn in draft.turns if not turn.assistant), "")
    return {"exchanges": whole, "next": following}


def _cited(draft: Draft, completion: Completion) -> Draft:
    assert isinstance(completion.parsed, Support)
    return replace(draft, quotes=tuple(Quote(one.document, one.quote, one.turn) for one in completion.parsed.evidence))


def _example(_draft: Draft) -> str:
    return Conversation(turns=["What does it say?"] * ((LEAST + MOST) // 2)).model_dump_json()


_TURNS = Ask("paradigms/turns", "instruct", _planned, Conversation, lambda _draft: {"least": LEAST, "most": MOST}, example=_example)
_REPLY = Ask("paradigms/reply", "answer", answered, variables=so_far, when=_unanswered)
_CITE = Ask("paradigms/cite_turns", "cite", _cited, Support, so_far)

DIALOGUE = Paradigm(
    name="dialogue",
    several=False,
    by_program=True,
    purpose="one conversation that moves through the document and needs a different part of it at every turn",
    steps=(_TURNS, *(_REPLY,) * MOST, _CITE),
    refuses=OF_SEVERAL,
)
