"""From a server's answer to a completion: what an answer is worth, and whether another one is asked for. Pure functions.

The chain of answers behind one request (too short, then with more room; wrong form, then corrected) is a function of the answers alone,
and each link is cached under a key of its own, so that a continued run walks the same chain through the cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import BaseModel

from wildgraph.llm.keys import messages_key
from wildgraph.llm.model import Decoding, Failure
from wildgraph.llm.stored import Stored
from wildgraph.llm.structured import Messages, parse_answer, problem_of, split_reasoning, with_correction
from wildgraph.records import Json

LENGTH_REASONS = frozenset(("length", "max_tokens", "max_output_tokens", "model_length"))
FILTER_REASONS = frozenset(("content_filter", "safety", "blocklist", "prohibited_content", "recitation"))


@dataclass(frozen=True)
class Turn:
    """One question as it is put to a server, apart from the server's dialect.

    Attributes:
        messages: rendered messages, without the schema.
        shortened: the prompt did not fit and was shortened.
        widened: the room for the answer was doubled already. corrected: the model was shown its error already.
    """

    messages: Messages
    schema: type[BaseModel] | None
    decoding: Decoding
    sample: int = 0
    shortened: bool = False
    widened: bool = False
    corrected: bool = False

    def key(self, identity: str, extra: Mapping[str, Json]) -> bytes:
        """Its key in the response cache."""
        return messages_key(identity, self.messages, self.schema, self.decoding, self.sample, extra)


@dataclass(frozen=True)
class Reading:
    """What an answer is worth: text and, where a schema was asked for, the object; or a failure."""

    text: str
    reasoning: str
    parsed: BaseModel | None = None
    failure: Failure | None = None


def read(answer: Stored, schema: type[BaseModel] | None) -> Reading:
    """Judge one answer."""
    if answer.failure:
        return Reading("", "", failure=Failure(answer.failure, answer.detail))
    text, aloud = split_reasoning(answer.text)
    reasoning = "\n".join(part for part in (answer.reasoning, aloud) if part)
    stop = answer.finish_reason.lower()
    if stop in LENGTH_REASONS:
        return Reading(
            text, reasoning, failure=Failure("truncated_answer", f"cut after {answer.usage.completion_tokens} tokens: …{text[-200:]}")
        )
    if stop in FILTER_REASONS:
        return Reading(text, reasoning, failure=Failure("content_filter", f"finish_reason is {answer.finish_reason}"))
    if stop == "refusal":
        return Reading(text, reasoning, failure=Failure("refused", answer.detail))
    if not text:
        return Reading("", reasoning, failure=Failure("empty_answer", f"finish_reason is {answer.finish_reason}"))
    if schema is None:
        return Reading(text, reasoning)
    parsed = parse_answer(text, schema)
    if isinstance(parsed, Failure):
        return Reading(text, reasoning, failure=parsed)
    return Reading(text, reasoning, parsed=parsed)


def follow_up(turn: Turn, reading: Reading) -> Turn | None:
    """The next question after a failed answer, or ``None`` when the failure is final."""
    assert reading.failure is not None
    reason = reading.failure.reason
    if reason == "truncated_answer" and not turn.widened:
        return replace(turn, decoding=turn.decoding.model_copy(update={"max_tokens": 2 * turn.decoding.max_tokens}), widened=True)
    if reason in ("invalid_answer", "empty_answer") and turn.schema is not None and not turn.corrected:
        messages = with_correction(turn.messages, reading.text, problem_of(reading.failure), turn.schema)
        return replace(turn, messages=messages, corrected=True)
    return None
