"""The first stage: what the readers found becomes the conversations that are mined, each with its language and its pasted document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from wildgraph.paste import VOUCHED_TOKENS, segment
from wildgraph.records import Conversation, Rejection
from wildgraph.text import UNDECIDED, approximate_tokens, detect_language, language_code

#: Part of the stage's fingerprint: raise it when equal input gives another output.
VERSION = 1
STAGE = "ingest"


class IngestConfig(BaseModel):
    """What to keep of a log.

    Attributes:
        languages: names or codes of the languages to keep; empty for all.
        drop_toxic: leave out what the log's own flags mark as toxic.
        min_chars, max_chars: length of the query in code points.
        min_tokens, max_tokens: its approximate length in tokens.
        single_turn: keep only conversations with one user turn.
        long_context_only: keep only queries that paste, mention or (as the log says) are about a document.
        limit: stop after so many accepted conversations; ``None`` for no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    languages: tuple[str, ...] = ()
    drop_toxic: bool = True
    min_chars: int = Field(default=1, ge=0)
    max_chars: int = Field(default=2_000_000, ge=1)
    min_tokens: int = Field(default=0, ge=0)
    max_tokens: int | None = Field(default=None, ge=1)
    single_turn: bool = False
    long_context_only: bool = False
    limit: int | None = Field(default=None, ge=1)

    @field_validator("languages")
    @classmethod
    def _known(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        codes = tuple(language_code(language) for language in languages)
        for language, code in zip(languages, codes, strict=True):
            if code == UNDECIDED and language != UNDECIDED:
                raise ValueError(f"unknown language {language!r}: use names or ISO 639-1 codes")
        return codes

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_chars > self.max_chars or (self.max_tokens is not None and self.min_tokens > self.max_tokens):
            raise ValueError("the least length is greater than the greatest")
        return self


def ingest(items: Iterable[Conversation | Rejection], config: IngestConfig | None = None) -> Iterator[Conversation | Rejection]:
    """Conversations with language, paste and ``refers_to_document`` filled in, and a rejection for everything left out.

    Lazy, in input order; rejections pass through. Once ``limit`` conversations are accepted nothing more is read. Memory grows only
    with the ids of conversations seen.

    Args:
        items: what :func:`wildgraph.readers.read_logs` yields.
        config: what to keep.
    """
    config = config or IngestConfig()
    seen: set[str] = set()
    accepted = 0
    for item in items:
        if isinstance(item, Rejection):
            yield item
            continue
        outcome = _reject(item, "duplicate_conversation", "") if item.id in seen else _examine(item, config)
        seen.add(item.id)
        yield outcome
        accepted += isinstance(outcome, Conversation)
        if accepted == config.limit:
            return


def without(items: Iterable[Conversation | Rejection], is_forgotten: Callable[[str], bool]) -> Iterator[Conversation | Rejection]:
    """The rows of a log without those of users that were forgotten, each of which becomes a rejection.

    Args:
        items: what :func:`wildgraph.readers.read_logs` yields.
        is_forgotten: whether the user of this name was.
    """
    for item in items:
        if isinstance(item, Conversation) and item.user is not None and is_forgotten(item.user):
            yield _reject(item, "forgotten", "")
        else:
            yield item


def _examine(item: Conversation, config: IngestConfig) -> Conversation | Rejection:
    """The conversation as it goes on, or why it does not; cheap filters first."""
    if config.drop_toxic and item.toxic:
        return _reject(item, "toxic", "")
    if config.single_turn and item.user_turns > 1:
        return _reject(item, "multi_turn", f"{item.user_turns} user turns")
    if not config.min_chars <= len(item.query) <= config.max_chars:
        return _reject(item, "length_filter", f"{len(item.query)} characters")
    if config.min_tokens or config.max_tokens is not None:
        tokens = approximate_tokens(item.query)
        if tokens < config.min_tokens or (config.max_tokens is not None and tokens > config.max_tokens):
            return _reject(item, "length_filter", f"about {tokens} tokens")
    item = _segmented(item)
    language = _language(item)
    if config.languages and language not in config.languages:
        return _reject(item, "language_filter", language)
    if config.long_context_only and not item.refers_to_document:
        return _reject(item, "no_long_context", "")
    return item.model_copy(update={"language": language})


def _segmented(item: Conversation) -> Conversation:
    """With its paste, from the log where that keeps it apart, and whether it concerns a document at all."""
    if item.paste is not None:
        pasted = item.query[item.paste.start : item.paste.end]
        paste = item.paste if approximate_tokens(pasted) >= VOUCHED_TOKENS else None
        mentions = segment(item.instruction).mentions
    else:
        found = segment(item.query)
        paste, mentions = found.paste, found.mentions
    refers = paste is not None or mentions or item.about_document
    return item.model_copy(update={"paste": paste, "refers_to_document": refers})


def _language(item: Conversation) -> str:
    """The log's own word for the language, else that of the instruction, else that of the whole query."""
    if item.language:
        code = language_code(item.language)
        if code != UNDECIDED:
            return code
    detected = detect_language(item.instruction)
    return detected if detected != UNDECIDED else detect_language(item.query)


def _reject(item: Conversation, reason: str, detail: str) -> Rejection:
    return Rejection(stage=STAGE, item=item.id, reason=reason, where=item.where, detail=detail)
