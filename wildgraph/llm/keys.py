"""Keys of the response cache: what makes two model calls the same call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache

import orjson
from pydantic import BaseModel

from wildgraph.llm.model import ChatRequest, Decoding
from wildgraph.records import Json, canonical_json

_HELD, _LONG = 2047, 1 << 16
"""Bytes that hashlib takes without letting go of the interpreter, and how many are hashed in such pieces: up to there the threads that
would take turns cost more than they gain."""


@lru_cache(maxsize=256)
def schema_text(schema: type[BaseModel] | None) -> str:
    """The logical schema as JSON, fields in their order, ``null`` without one: independent of how a server is asked for it."""
    return "null" if schema is None else json.dumps(schema.model_json_schema(), ensure_ascii=False)


def messages_key(
    identity: str,
    messages: Sequence[Mapping[str, str]],
    schema: type[BaseModel] | None,
    decoding: Decoding,
    sample: int,
    extra: Mapping[str, Json] | None = None,
) -> bytes:
    """32 bytes for a call of a model that reads messages.

    Args:
        identity: identity of the model.
        messages: the rendered messages, before any schema is written into them.
        schema: the logical schema.
        decoding: decoding parameters.
        sample: which of several answers to the same prompt.
        extra: further parameters that the server is sent.
    """
    return _digest("messages", identity, list(messages), schema_text(schema), decoding.model_dump(), sample, dict(extra or {}))


def variables_key(identity: str, request: ChatRequest) -> bytes:
    """32 bytes for a call of a model that reads the prompt's variables instead of messages (the offline engine)."""
    return _digest(
        "variables",
        identity,
        [request.prompt.template.hash, dict(request.prompt.variables)],
        schema_text(request.schema),
        request.decoding.model_dump(),
        request.sample,
        {},
    )


def _digest(*parts: object) -> bytes:
    try:
        text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)  # the same bytes in a tenth of the time
    except TypeError:  # lone surrogates from a log
        text = canonical_json(parts).encode("utf-8", "surrogatepass")
    digest = hashlib.sha256()
    if len(text) > _LONG:
        digest.update(text)
    else:
        for start in range(0, len(text), _HELD):
            digest.update(text[start : start + _HELD])
    return digest.digest()
