"""The answer is JSON that a schema allows."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Self, cast

from pydantic import BaseModel, JsonValue, PrivateAttr, model_validator

from wildgraph.checkers.jsontext import NotJson, parse_json
from wildgraph.checkers.loading import CLOSED
from wildgraph.checkers.patterns import compiled, without_surrogates
from wildgraph.checkers.verdicts import Context, Verdict, failed, passed, undecided
from wildgraph.records import Json

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

    _Keyword = Callable[[Validator, Json, Json, Mapping[str, Json]], Iterator[ValidationError]]

#: Deeper schemas are refused, and no check takes more steps than this. [ours]
_MAX_DEPTH = 16
_MAX_STEPS = 100_000

_ONE = ("additionalProperties", "propertyNames", "items", "contains", "not", "if", "then", "else")
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_PLAIN = [
    "type",
    "enum",
    "const",
    "required",
    "minProperties",
    "maxProperties",
    "minContains",
    "maxContains",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "dependentRequired",
    "$ref",
]
#: Keywords that say something to a reader and nothing to the check.
_NOTES = ["$schema", "$comment", "title", "description", "default", "examples", "format", "deprecated", "readOnly", "writeOnly"]
_KNOWN = frozenset((*_ONE, *_MANY, *_NAMED, *_PLAIN, *_NOTES))


class _TooManySteps(Exception):  # noqa: N818 - a signal, caught below
    pass


class JsonSchema(BaseModel):
    """The whole answer, but for a code fence around it, is JSON valid under a schema of JSON Schema 2020-12.

    ``format`` is a note only; patterns are RE2's; ``$ref`` leads to ``#``, ``#/$defs/NAME`` or ``#/definitions/NAME`` and nowhere else.

    Attributes:
        schema: the schema (in Python: ``schema_``).
    """

    model_config = CLOSED | {"protected_namespaces": ()}

    schema_: dict[str, JsonValue]

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, data: object) -> object:
        return {"schema_" if key == "schema" else key: value for key, value in data.items()} if isinstance(data, dict) else data

    _validator: Validator = PrivateAttr()
    _steps: list[int] = PrivateAttr()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        schema: dict[str, Json] = self.schema_
        _look_through(schema, schema, 0)
        from jsonschema import Draft202012Validator

        try:
            # without a format checker: the one for patterns is Python's
            error = next(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema), None)
        except RecursionError:
            raise ValueError("the schema is nested too deeply") from None
        if error is not None:
            raise ValueError(f"not a schema: {error.message[:150]}")
        self._validator = _validator_kind()(schema)
        return self

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        try:
            value = parse_json(text)
        except NotJson as error:
            return failed(str(error))
        sizes: dict[int, int] = {}
        _sizes(value, sizes)
        _EFFORT.left, _EFFORT.sizes = _MAX_STEPS, sizes
        try:
            error_found = next(self._validator.iter_errors(value), None)
        except (RecursionError, _TooManySteps):
            return undecided("the schema asks for more steps than are taken")
        if error_found is None:
            return passed()
        return failed(f"{error_found.json_path[:80]}: {error_found.message[:200]}")


def _look_through(schema: Json, root: Mapping[str, Json], depth: int) -> None:
    """Refuse what this checker does not know, wherever it stands in a schema."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise ValueError("a schema is an object or a boolean")
    if depth > _MAX_DEPTH:
        raise ValueError(f"the schema is nested more than {_MAX_DEPTH} levels deep")
    unknown = next((key for key in schema if key not in _KNOWN), None)
    if unknown is not None:
        raise ValueError(f"the keyword {unknown[:60]!r} is not supported")
    for key, value in schema.items():
        if key in _ONE:
            _look_through(value, root, depth + 1)
        elif key in _MANY:
            for part in value if isinstance(value, list) else ():
                _look_through(part, root, depth + 1)
        elif key in _NAMED:
            for name, part in value.items() if isinstance(value, dict) else ():
                if key == "patternProperties":
                    compiled(name)
                _look_through(part, root, depth + 1)
        elif key == "pattern" and isinstance(value, str):
            compiled(value)
        elif key == "$ref":
            _leads_somewhere(value, root)


def _leads_somewhere(reference: Json, root: Mapping[str, Json]) -> None:
    if reference == "#":
        return
    where, _, name = reference.removeprefix("#/").partition("/") if isinstance(reference, str) else ("", "", "")
    named = root.get(where)
    if not (isinstance(reference, str) and reference.startswith("#/") and where in ("$defs", "definitions")):
        raise ValueError("a $ref leads to '#', '#/$defs/NAME' or '#/definitions/NAME'")
    if not (isinstance(named, dict) and name in named):
        raise ValueError(f"$ref {reference[:80]!r} leads nowhere")


class _Effort(threading.local):
    """What the check that runs in this thread may still do, and how large each value of its answer is."""

    left = _MAX_STEPS
    sizes: Mapping[int, int] = {}


_EFFORT = _Effort()


def _sizes(value: Json, sizes: dict[int, int]) -> int:
    """Note by identity about how many characters each part of ``value`` has."""
    if isinstance(value, dict):
        size = 2 + sum(len(key) + 4 + _sizes(part, sizes) for key, part in value.items())
    elif isinstance(value, list):
        size = 2 + sum(_sizes(part, sizes) for part in value)
    else:
        size = len(value) if isinstance(value, str) else 8
    sizes[id(value)] = size
    return size


def _counted(keyword: _Keyword) -> _Keyword:
    def step(validator: Validator, value: Json, instance: Json, schema: Mapping[str, Json]) -> Iterator[ValidationError]:
        # errors show the whole instance, and an enumeration is gone through: both cost time by their size
        _EFFORT.left -= 1 + _EFFORT.sizes.get(id(instance), 8) // 64 + (len(value) // 8 if isinstance(value, list | dict) else 0)
        if _EFFORT.left < 0:
            raise _TooManySteps
        yield from keyword(validator, value, instance, schema) or ()

    return step


@cache
def _validator_kind() -> type[Validator]:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    own: dict[str, _Keyword] = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
        "multipleOf": _multiple_of,
    }
    keywords = {name: _counted(keyword) for name, keyword in {**Draft202012Validator.VALIDATORS, **own}.items() if name in _KNOWN}
    return cast("type[Validator]", extend(Draft202012Validator, keywords))  # type: ignore[no-untyped-call]


def _error(message: str) -> ValidationError:
    from jsonschema.exceptions import ValidationError

    return ValidationError(message)


def _matches(pattern: str, text: str) -> bool:
    return compiled(pattern).search(without_surrogates(text)) is not None


def _pattern(validator: Validator, value: Json, instance: Json, schema: Mapping[str, Json]) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _matches(str(value), instance):
        yield _error(f"{instance[:80]!r} does not match {value!r}")


def _pattern_properties(validator: Validator, value: Json, instance: Json, schema: Mapping[str, Json]) -> Iterator[ValidationError]:
    if isinstance(instance, dict) and isinstance(value, dict):
        for pattern, part in value.items():
            for key, inner in instance.items():
                if _matches(pattern, key):
                    yield from _descend(validator, inner, part, key)


def _additional_properties(validator: Validator, value: Json, instance: Json, schema: Mapping[str, Json]) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    named, patterns = schema.get("properties"), schema.get("patternProperties")
    for key, inner in instance.items():
        known = isinstance(named, dict) and key in named
        if not known and not any(_matches(pattern, key) for pattern in (patterns if isinstance(patterns, dict) else ())):
            if value is False:
                yield _error(f"the property {key[:80]!r} is not allowed")
            else:
                yield from _descend(validator, inner, value, key)


def _descend(validator: Validator, instance: Json, schema: Json, path: str) -> Iterator[ValidationError]:
    descend = cast("Callable[..., Iterator[ValidationError]]", validator.descend)  # type: ignore[attr-defined]
    return descend(instance, schema, path=path)


def _unique_items(validator: Validator, value: Json, instance: Json, schema: Mapping[str, Json]) -> Iterator[ValidationError]:
    # jsonschema's own way compares every item with every other
    if value is True and isinstance(instance, list):
        forms = {json.dumps(_plain_numbers(item), sort_keys=True) for item in instance}
        if len(forms) < len(instance):
            yield _error("the items are not unique")


def _plain_numbers(value: Json) -> Json:
    """``value`` with equal numbers written alike: 1.0 as 1."""
    if isinstance(value, dict):
        return {key: _plain_numbers(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain_numbers(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _multiple_of(validator: Validator, value: Json, instance: Json, schema: Mapping[str, Json]) -> Iterator[ValidationError]:
    if isinstance(instance, bool) or not isinstance(instance, int | float) or not isinstance(value, int | float):
        return
    if isinstance(instance, int) and isinstance(value, int):
        fits = instance % value == 0
    else:
        try:
            times = instance / value
        except OverflowError:
            times = math.inf
        fits = math.isfinite(times) and abs(times - round(times)) <= 1e-9 * max(1.0, abs(times))
    if not fits:
        yield _error(f"{instance!r} is not a multiple of {value!r}")
