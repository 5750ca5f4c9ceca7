"""OpenAI's chat-completions protocol: questions to request bodies, replies to answers or troubles. No network here."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import orjson

from wildgraph.errors import ServerError
from wildgraph.llm.answers import Turn
from wildgraph.llm.model import Usage
from wildgraph.llm.stored import Stored
from wildgraph.llm.structured import LEVELS, Level, response_format, with_schema
from wildgraph.llm.trouble import Kind, Trouble, without
from wildgraph.llm.wire import Reply
from wildgraph.records import Json

_TOO_LONG = re.compile(
    r"context[ _-]?(length|window|size)|too many (input )?tokens|prompt (is )?too long|input (is )?too long|maximum (model|prompt|input) length"
    r"|max_model_len|exceeds? the (model's )?max|reduce the length",
    re.IGNORECASE,
)
_FILTERED = re.compile(r"content[ _](filter|management|policy)|ResponsibleAI|moderation", re.IGNORECASE)
_FORMAT = re.compile(r"response_format|json_schema|json_object|guided|structured|grammar|schema", re.IGNORECASE)
_OPTIONAL = ("seed", "top_p", "temperature")


@dataclass(frozen=True)
class Dialect:
    """What a server was found to understand.

    Attributes:
        level: how it is asked for structured answers.
        room: its name for the limit of the answer's length.
        dropped: decoding parameters it refuses.
    """

    level: Level = "json_schema"
    room: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    dropped: frozenset[str] = frozenset()

    def after(self, refusal: str, structured: bool, may_fall_back: bool) -> Dialect | None:
        """What to try after a request in this dialect was refused; ``None`` when the refusal is about something else.

        Args:
            refusal: the server's words.
            structured: whether the request asked for a structured answer.
            may_fall_back: whether the level may be lowered.
        """
        if self.room == "max_tokens" and "max_completion_tokens" in refusal:
            return replace(self, room="max_completion_tokens")
        if structured and may_fall_back and self.level != "text" and _FORMAT.search(refusal):
            return replace(self, level=LEVELS[LEVELS.index(self.level) + 1])
        for parameter in _OPTIONAL:
            if (
                parameter not in self.dropped
                and re.search(rf"\b{parameter}\b", refusal)
                and re.search("unsupported|not support|unrecognized|extra", refusal, re.IGNORECASE)
            ):
                return replace(self, dropped=self.dropped | {parameter})
        return None


@dataclass(frozen=True)
class _Written:
    """How one body was written."""

    dialect: Dialect
    structured: bool


class ChatCompletions:
    """Questions to request bodies, replies to answers.

    Args:
        model: name of the model at the server.
        structured: the level to begin with; ``auto`` begins with ``json_schema`` and falls back.
        extra: further fields of the body.
        secret: text that is removed from error messages.
    """

    def __init__(
        self, model: str, structured: Level | Literal["auto"] = "auto", extra: Mapping[str, Json] | None = None, secret: str = ""
    ) -> None:
        self.dialect = Dialect(level="json_schema" if structured == "auto" else structured)
        self._model = model
        self._falls_back = structured == "auto"
        self._level_works = False
        self._extra = dict(extra or {})
        self._secret = secret

    def body(self, turn: Turn) -> tuple[bytes, object]:
        """The JSON body of a request, and how it was written."""
        dialect, decoding, schema = self.dialect, turn.decoding, turn.schema
        messages = turn.messages
        if schema is not None and dialect.level != "json_schema" and not turn.corrected:  # a correction shows the schema anyway
            messages = with_schema(messages, schema)
        fields: dict[str, object] = {
            "model": self._model,
            "messages": [dict(message) for message in messages],
            dialect.room: decoding.max_tokens,
        }
        optional: dict[str, object] = {"temperature": decoding.temperature}
        if decoding.top_p != 1.0:
            optional["top_p"] = decoding.top_p
        if decoding.seed is not None:
            optional["seed"] = decoding.seed + turn.sample
        fields.update({name: value for name, value in optional.items() if name not in dialect.dropped})
        if (asked := response_format(schema, dialect.level)) is not None:
            fields["response_format"] = asked
        fields.update(self._extra)
        return _dumped(fields), _Written(dialect, schema is not None)

    def read(self, reply: Reply, dialect: object) -> Stored:
        """The answer in a reply. Raises :class:`Trouble` where there is none."""
        assert isinstance(dialect, _Written)
        data = _loaded(reply.body)
        if reply.status == 200 and isinstance(data, dict) and not data.get("error"):
            stored = self._answer(data)
            self._level_works = self._level_works or dialect.structured
            return stored
        raise self._trouble(reply, data, dialect)

    def _answer(self, data: Mapping[str, object]) -> Stored:
        choices = data.get("choices")
        if choices is None:
            raise Trouble("malformed", f"the reply has no choices, only {', '.join(sorted(map(str, data)))[:100]}")
        if not isinstance(choices, list):
            raise Trouble("malformed", f"choices is of type {type(choices).__name__}")
        if not choices:
            raise Trouble("no_choice", "the list of choices is empty")
        choice = choices[0]
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict):
            raise Trouble("malformed", "the choice has no message")
        finish = choice.get("finish_reason")
        refusal = message.get("refusal")
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        return Stored(
            text=_content(message.get("content")),
            reasoning=reasoning if isinstance(reasoning, str) else "",
            finish_reason="refusal" if isinstance(refusal, str) and refusal else finish if isinstance(finish, str) else "stop",
            detail=refusal if isinstance(refusal, str) else "",
            usage=_usage(data.get("usage")),
            model=str(data.get("model") or ""),
        )

    def _trouble(self, reply: Reply, data: object, written: _Written) -> Trouble:
        status, error = reply.status, data.get("error") if isinstance(data, dict) else None
        if isinstance(error, dict):
            said, code = str(error.get("message") or ""), f"{error.get('code') or ''} {error.get('type') or ''}"
            if status == 200:  # some proxies put the real status into the body
                status = error["code"] if isinstance(error.get("code"), int) else 500
        else:
            said = str(error or (data.get("detail") or data.get("message") if isinstance(data, dict) else "") or "")
            code, status = "", 500 if status == 200 and error else status
        said = without(self._secret, said)
        if status == 200 and data is not None and not isinstance(data, dict):
            return Trouble("garbled", f"the reply is JSON of type {type(data).__name__}")
        if data is None:
            start = reply.body[:200].lstrip().lower()
            if start.startswith((b"<", b"\xef\xbb\xbf<")) or "html" in reply.headers.get("content-type", ""):
                if status < 500 and status != 429:
                    return Trouble("html", f"status {status}")
            elif status == 200:
                return Trouble("garbled", "the reply is not JSON or was cut off")
        text = f"status {status}" + (f": {said}" if said else "")
        kind = _kind(status, f"{said} {code}")
        if kind == "bad_request" or (kind in ("not_found", "server_error") and status in (404, 500, 501)):
            learnt = self._learn(f"{said} {code}", written, blindly=kind == "bad_request")
            if learnt:
                return Trouble("dialect", text)
        return Trouble(kind, text, _retry_after(reply.headers))

    def _learn(self, refusal: str, written: _Written, blindly: bool) -> bool:
        """Whether the request should be put again because the dialect has changed, now or since it was written."""
        if written.dialect != self.dialect:
            return True
        may_fall_back = self._falls_back
        following = written.dialect.after(refusal, written.structured, may_fall_back)
        if following is None and blindly and written.structured and may_fall_back and not self._level_works:
            # A server that never answered at this level and does not say what it dislikes.
            following = written.dialect.after("response_format", True, True)
        if following is None:
            return False
        self.dialect = following
        return True


def listed_models(reply: Reply, server: str, model: str) -> tuple[str, ...]:
    """The names in a reply to ``GET /models``, sorted.

    Raises:
        ModelError: the reply is none.
    """
    data = _loaded(reply.body)
    if reply.status == 200 and isinstance(data, dict) and isinstance(data.get("data"), list):
        return tuple(sorted(str(entry["id"]) for entry in data["data"] if isinstance(entry, dict) and "id" in entry))
    if data is None and reply.body.lstrip()[:1] == b"<":
        raise Trouble("html", f"status {reply.status}").for_the_run(server, model)
    if reply.status != 200:
        raise Trouble(_kind(reply.status, ""), f"status {reply.status}").for_the_run(server, model)
    raise ServerError(f"{server} does not list its models as an OpenAI-compatible server does", "check --base-url; it often ends in /v1")


def _kind(status: int, said: str) -> Kind:
    if status == 401:
        return "unauthorized"
    if status == 402 or "insufficient_quota" in said:
        return "quota"
    if status == 429:
        return "rate_limited"
    if status in (503, 529):
        return "overloaded"
    if status == 413 or (status in (400, 422, 500) and _TOO_LONG.search(said)):
        return "prompt_too_long"
    if status in (400, 403, 422) and _FILTERED.search(said):
        return "content_filter"
    if status == 403:
        return "forbidden"
    if status in (404, 405, 301, 302, 307, 308):
        return "not_found"
    if status in (408, 409, 425) or status >= 500 or status < 400:
        return "server_error"
    return "bad_request"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait: a number or an HTTP date."""
    if (milliseconds := headers.get("retry-after-ms")) is not None:
        return _seconds(milliseconds, 0.001)
    value = headers.get("retry-after")
    if value is None:
        return None
    if (seconds := _seconds(value, 1.0)) is not None:
        return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _seconds(text: str, unit: float) -> float | None:
    try:
        value = float(text) * unit
    except ValueError:
        return None
    return value if 0.0 <= value < float("inf") else None


def _content(content: object) -> str:
    """The text of a message, whose content is a string, a list of parts, or null."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return "".join(part["text"] for part in content if isinstance(part.get("text"), str))
    raise Trouble("malformed", f"the content is of type {type(content).__name__}")


#: A count that no answer has: a server that says so has not counted.
_ABSURD = 1 << 40


def _usage(usage: object) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else usage.get("prompt_cache_hit_tokens")
    counts = (
        value if isinstance(value, int) and 0 <= value < _ABSURD else 0
        for value in (usage.get("prompt_tokens"), usage.get("completion_tokens"), cached)
    )
    return Usage(*counts)


def _loaded(body: bytes) -> object:
    """The JSON value of a body, ``None`` when it is none."""
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:  # lone surrogates, NaN: the standard library is laxer
            value = json.loads(body)
        except (ValueError, RecursionError):
            return None
    return value


def _dumped(fields: Mapping[str, object]) -> bytes:
    try:
        return orjson.dumps(fields)
    except TypeError:  # lone surrogates from a log; a server would refuse them
        return json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")
