"""One answer as a server gave it, and as a row of the response cache."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from wildgraph.llm.model import Usage

COLUMNS = (
    "key, text, reasoning, finish_reason, failure, detail, prompt_tokens, completion_tokens, cached_tokens, model, engine, prompt, created"
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS responses (
    key BLOB PRIMARY KEY, text BLOB NOT NULL, reasoning BLOB NOT NULL, finish_reason TEXT NOT NULL, failure TEXT NOT NULL, detail BLOB NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
    model TEXT NOT NULL, engine TEXT NOT NULL, prompt TEXT NOT NULL, created INTEGER NOT NULL
)
"""


@dataclass(frozen=True)
class Stored:
    """One answer as the server gave it, unparsed.

    Attributes:
        text: the raw text, reasoning tags included. reasoning: what came in a field of its own.
        finish_reason: the server's word for why it stopped.
        failure: a key of :data:`wildgraph.reasons.REASONS` when the server finally refused the request, else empty.
        usage: tokens this answer cost when it was paid.
        model: the model as the server reports it. engine: identity of the asking model. prompt: name of the template.
    """

    text: str = ""
    reasoning: str = ""
    finish_reason: str = "stop"
    failure: str = ""
    detail: str = ""
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    engine: str = ""
    prompt: str = ""


def to_row(key: bytes, stored: Stored) -> tuple[object, ...]:
    """Its values in the order of :data:`COLUMNS`, written now."""
    return (
        key,
        stored.text.encode("utf-8", "surrogatepass"),
        stored.reasoning.encode("utf-8", "surrogatepass"),
        _plain(stored.finish_reason),
        stored.failure,
        stored.detail.encode("utf-8", "surrogatepass"),
        stored.usage.prompt_tokens,
        stored.usage.completion_tokens,
        stored.usage.cached_tokens,
        _plain(stored.model),
        _plain(stored.engine),
        stored.prompt,
        int(time.time()),
    )


def from_row(row: tuple[object, ...]) -> tuple[bytes, Stored]:
    """Key and answer of a row."""
    key, text, reasoning, finish_reason, failure, detail, prompt_tokens, completion_tokens, cached_tokens, model, engine, prompt, _ = row
    assert isinstance(key, bytes)
    return key, Stored(
        text=_text(text),
        reasoning=_text(reasoning),
        finish_reason=str(finish_reason),
        failure=str(failure),
        detail=_text(detail),
        usage=Usage(integer(prompt_tokens), integer(completion_tokens), integer(cached_tokens)),
        model=str(model),
        engine=str(engine),
        prompt=str(prompt),
    )


def _plain(text: str) -> str:
    """Text without lone surrogates, which SQLite's TEXT does not take."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _text(value: object) -> str:
    assert isinstance(value, bytes)
    return value.decode("utf-8", "surrogatepass")


def integer(value: object) -> int:
    """A column that is one."""
    assert isinstance(value, int)
    return value
