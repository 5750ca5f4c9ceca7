"""The chat-model protocol: requests in, completions out, in order, synchronously."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.llm.prompts import Prompt


class Decoding(BaseModel):
    """Decoding parameters; part of the cache key.

    Attributes:
        max_tokens: room for the answer, in the server's tokens.
        seed: passed to servers that take one; ``None`` sends none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(default=0.7, ge=0.0, le=2.0)
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    max_tokens: int = Field(default=2048, ge=1)
    seed: int | None = None


@dataclass(frozen=True)
class ChatRequest:
    """One question to a model.

    Attributes:
        id: the caller's id; the completion carries it back. Unique within one ``map``.
        prompt: template and variables; a network back end renders it, the offline back end reads the variables.
        schema: the pydantic class the answer must be JSON of, or ``None`` for free text.
        decoding: decoding parameters.
        sample: 0, 1, … for several answers to the same prompt; part of the cache key.
        prefix: a name for the documents with which the prompt begins, the same for all prompts that begin with them; empty for none.
            Decides the order of sending (see :mod:`wildgraph.llm.prefixes`), never an answer.
        example: makes an answer of the right form, for a rehearsal that asks nobody; ``None`` where any words will do.
    """

    id: str
    prompt: Prompt
    schema: type[BaseModel] | None = None
    decoding: Decoding = field(default_factory=Decoding)
    sample: int = 0
    prefix: str = ""
    example: Callable[[], str] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Usage:
    """Tokens as the server reports them; zero for what was answered from the cache."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
        )


@dataclass(frozen=True)
class Failure:
    """Why a request has no usable answer.

    Attributes:
        reason: a key of :data:`wildgraph.reasons.REASONS`.
        detail: for a person; may quote the answer, so private.
        transient: the next run may try again.
    """

    reason: str
    detail: str = ""
    transient: bool = False


@dataclass(frozen=True)
class Completion:
    """The answer to one request: exactly one of ``failure`` and a usable ``text``.

    Attributes:
        request_id: the request's ``id``.
        text: the answer, reasoning stripped.
        parsed: the validated object when the request had a schema.
        reasoning: what the model thought aloud, if it did.
        failure: why there is no usable answer.
        usage: tokens of all attempts; zero when served from the cache.
        requests: how many requests were sent for it, retries included; zero when served from the cache.
    """

    request_id: str
    text: str = ""
    parsed: BaseModel | None = None
    reasoning: str = ""
    failure: Failure | None = None
    usage: Usage = field(default_factory=Usage)
    requests: int = 0


@runtime_checkable
class ChatModel(Protocol):
    """Anything that answers requests.

    ``map`` yields one completion per request, in the order of the requests, and pulls its input lazily with a bounded look-ahead.
    A failed request is a completion with a ``failure``; only what makes the whole model unusable is raised
    (:class:`wildgraph.errors.ModelError`, :class:`wildgraph.errors.BudgetError`).
    """

    @property
    def identity(self) -> str:
        """What answers: model name and revision or server group; part of the cache key and of provenance."""
        ...

    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
        """Completions in input order."""
        ...
