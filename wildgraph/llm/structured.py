"""Structured answers: how a schema is put to a server, and how an answer becomes an object or a reason. Pure functions.

A schema is put at one of three levels, from strict to lax: ``json_schema`` (the server constrains decoding), ``json_object`` (the server
promises JSON, the prompt shows the schema) and ``text`` (the prompt shows the schema, the answer is searched for JSON and repaired).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Literal

from pydantic import BaseModel, ValidationError

from wildgraph.llm.model import Failure
from wildgraph.records import Json

Level = Literal["json_schema", "json_object", "text"]

LEVELS: tuple[Level, ...] = ("json_schema", "json_object", "text")

Messages = Sequence[Mapping[str, str]]

#: Keywords that constrained decoders reject or ignore; pydantic checks them afterwards anyway.
_UNSUPPORTED = frozenset(
    [
        "default",
        "title",
        "examples",
        "pattern",
        "format",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "uniqueItems",
        "discriminator",
    ]
)
_REASONING = re.compile(r"\A\s*<(think|thinking)>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_ORPHAN_END = re.compile(r"</(think|thinking)>", re.IGNORECASE)
_ORPHAN_START = re.compile(r"\A\s*<(think|thinking)>", re.IGNORECASE)
_FENCE = re.compile(r"```[A-Za-z0-9_-]*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_SHOWN = 4000
_PLACES = 20
_DECODER = json.JSONDecoder()


@lru_cache(maxsize=256)
def strict_schema(schema: type[BaseModel]) -> tuple[str, bool]:
    """The JSON text of a schema as constrained decoders want it, and whether it may be called ``strict``.

    Every object is closed and requires all its properties; what decoders do not know is left out. A schema with free-form mappings or
    fixed tuples cannot be strict.

    Example:
        >>> class Point(BaseModel):
        ...     x: int = 0
        >>> strict_schema(Point)
        ('{"properties":{"x":{"type":"integer"}},"type":"object","required":["x"],"additionalProperties":false}', True)
    """
    strict = True

    def closed(node: object, in_properties: bool = False) -> Json:
        nonlocal strict
        if isinstance(node, list):
            return [closed(part) for part in node]
        if not isinstance(node, dict):
            assert node is None or isinstance(node, (bool, int, float, str))
            return node
        if in_properties:
            return {name: closed(part) for name, part in node.items()}
        out: dict[str, Json] = {}
        for keyword, value in node.items():
            if keyword in _UNSUPPORTED:
                continue
            if keyword in ("enum", "const", "required"):
                out[keyword] = value
            else:
                out["anyOf" if keyword == "oneOf" else keyword] = closed(value, keyword in ("properties", "$defs"))
        if node.get("type") == "object" or "properties" in node:
            properties = out.get("properties")
            if isinstance(properties, dict) and properties and node.get("additionalProperties") in (None, False):
                out["required"] = list(properties)
                out["additionalProperties"] = False
            else:
                strict = False
        if "prefixItems" in node:
            strict = False
        return out

    # Not sorted: models fill fields in the order of the schema, and the schema's author chose it.
    return json.dumps(closed(schema.model_json_schema()), ensure_ascii=False, separators=(",", ":")), strict


@lru_cache(maxsize=256)
def response_format(schema: type[BaseModel] | None, level: Level) -> dict[str, Json] | None:
    """The ``response_format`` of an OpenAI-compatible request body, ``None`` where none is sent. The same object each time: do not change it."""
    if schema is None or level == "text":
        return None
    if level == "json_object":
        return {"type": "json_object"}
    text, strict = strict_schema(schema)
    name = re.sub(r"[^A-Za-z0-9_-]", "_", schema.__name__)[:64]
    return {"type": "json_schema", "json_schema": {"name": name, "strict": strict, "schema": json.loads(text)}}


def with_schema(messages: Messages, schema: type[BaseModel]) -> list[dict[str, str]]:
    """The messages with the schema shown at the end of the last one, for servers that cannot be given it otherwise."""
    shown = [dict(message) for message in messages]
    shown[-1]["content"] += f"\n\n{_asking(schema)}"
    return shown


def with_correction(messages: Messages, answer: str, problem: str, schema: type[BaseModel]) -> list[dict[str, str]]:
    """The messages followed by the model's own answer, what is wrong with it, and the schema: one corrective retry."""
    shown = answer if len(answer) <= _SHOWN else f"{answer[:_SHOWN]} […]"
    ask = f"That answer cannot be used: {problem}\n\n{_asking(schema)}"
    return [
        *(dict(message) for message in messages),
        {"role": "assistant", "content": shown or "(empty)"},
        {"role": "user", "content": ask},
    ]


def split_reasoning(text: str) -> tuple[str, str]:
    r"""The answer and what the model thought aloud before it.

    Example:
        >>> split_reasoning("<think>two and two</think>\n4")
        ('4', 'two and two')
        >>> split_reasoning("two and two</think>4")
        ('4', 'two and two')
        >>> split_reasoning("<think>two and")
        ('', 'two and')
        >>> split_reasoning("4")
        ('4', '')
    """
    thoughts: list[str] = []
    while match := _REASONING.match(text):
        thoughts.append(match.group(2).strip())
        text = text[match.end() :]
    if start := _ORPHAN_START.match(text):  # cut off while thinking
        thoughts.append(text[start.end() :].strip())
        text = ""
    elif not thoughts and (end := _ORPHAN_END.search(text)) and "<think" not in text[: end.start()].lower():
        # Chat templates that open the block themselves send only its end.
        thoughts.append(text[: end.start()].strip())
        text = text[end.end() :]
    return text.strip(), "\n".join(thought for thought in thoughts if thought)


def parse_answer(text: str, schema: type[BaseModel]) -> BaseModel | Failure:
    """The validated object in an answer, or why there is none.

    Looks for JSON as it is, in code fences, amid prose; repairs what is nearly JSON. What stops in the middle is never repaired into
    something that looks whole.
    """
    if not text.strip():
        return Failure("empty_answer", "the answer is empty")
    problem = ""
    for candidate in _candidates(text):
        try:
            return schema.model_validate_json(candidate)
        except ValidationError as error:
            if error.errors(include_url=False)[0]["type"] == "json_invalid":
                continue
            problem = problem or _explained(error)
    for candidate in _candidates(text):
        if not _whole(candidate):
            problem = problem or "the JSON stops in the middle"
            continue
        value = _repaired(candidate)
        if value is None:
            continue
        try:
            return schema.model_validate(value)
        except ValidationError as error:
            problem = problem or _explained(error)
    return Failure("invalid_answer", f"{problem or 'it holds no JSON object'}\n{text[:300]}")


def problem_of(failure: Failure) -> str:
    """What to tell the model about its answer, without quoting the answer again."""
    return failure.detail.partition("\n")[0] if failure.reason == "invalid_answer" else "it is empty"


def _asking(schema: type[BaseModel]) -> str:
    text, _ = strict_schema(schema)
    return f"Answer with one JSON object and nothing else. It must fit this JSON schema:\n{text}"


def _candidates(text: str) -> Iterator[str]:
    """Where the JSON may be, the likeliest first."""
    stripped = text.strip().lstrip("\ufeff")
    if stripped[:1] in "{[":
        yield stripped
    for fence in _FENCE.finditer(stripped):
        inner = fence.group(1).strip()
        if inner[:1] in ("{", "["):
            yield inner
    if stripped[:1] == "[":
        return  # one of several answers in a list is not the answer
    start = stripped.find("{")
    place = start
    for _ in range(_PLACES):  # whole objects amid prose
        if place < 0:
            break
        try:
            _, end = _DECODER.raw_decode(stripped, place)
        except (ValueError, RecursionError):
            end = _end_of(stripped, place)
            if end < 0:
                break  # what lies inside an object that never closes is not the answer
        else:
            yield stripped[place:end]
        place = stripped.find("{", end)
    if start >= 0:
        end = stripped.rfind("}")
        span = stripped[start : end + 1] if end > start else stripped[start:]
        # Prose after the object is dropped, an object that never closes is kept as it is, so that it is seen to be cut.
        yield span
        if not _whole(span):
            yield stripped[start:]


def _whole(text: str) -> bool:
    """Whether brackets and strings are closed at the end of ``text``."""
    start = min((place for place in (text.find("{"), text.find("[")) if place >= 0), default=-1)
    return start < 0 or _end_of(text, start) >= 0


def _end_of(text: str, start: int) -> int:
    """Where the brackets that open at ``start`` are closed again, or -1."""
    depth, quoted, escaped = 0, False, False
    for place in range(start, len(text)):
        char = text[place]
        if quoted:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if depth == 0:
                return place + 1
    return -1


#: A quotation mark where neither a string begins nor one ends.
_STRAY = re.compile(r'[^\s\[{,:\\]\s*"\s*[^\s\]},:]')
#: Of so many a text is no JSON with a slip: each costs the repair a look at all that follows, minutes in all.
_MOST_STRAY = 500


def _repaired(text: str) -> object:
    from json_repair import loads

    if next(islice(_STRAY.finditer(text), _MOST_STRAY, None), None):
        return None

    try:
        value = loads(text, skip_json_loads=False)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) and value else None


def _explained(error: ValidationError) -> str:
    """The first few problems, one line, without the values (they are shown anyway)."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{'.'.join(str(part) for part in problem['loc']) or 'the object'}: {problem['msg']}" for problem in problems[:5]]
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    return " ".join(("; ".join(lines) + more).split())
