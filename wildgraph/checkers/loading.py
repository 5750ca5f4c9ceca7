"""Checks from names and arguments that anybody may have written: everything is refused here, or never."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, NoReturn, Protocol, runtime_checkable

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from wildgraph.checkers.jsontext import deeper_than, no_number
from wildgraph.checkers.verdicts import NOTHING_KNOWN, Context, Verdict, undecided
from wildgraph.errors import InputError, PluginError, noting
from wildgraph.registry import load

#: Longer texts are not judged. [ours]
MAX_TEXT_CHARS = 4_000_000
#: Longer arguments are refused. [ours]
MAX_ARGS_CHARS = 1_000_000
_MAX_DEPTH = 64
_MAX_SHOWN = 80

#: The configuration of every checker's arguments: closed, frozen, and of the very types that are asked for.
CLOSED = ConfigDict(frozen=True, extra="forbid", strict=True)


def _whole(value: object) -> object:
    # a table that holds nulls turns its integers into floats
    return int(value) if isinstance(value, float) and value.is_integer() else value


#: A number of things: a whole number from 0 to a million, also when written as ``3.0``.
Count = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=1_000_000)]


@runtime_checkable
class Checker(Protocol):
    """Judges one text: a closed pydantic model whose fields are the checker's arguments.

    A checker is deterministic, says something of any string at all, and its time is bounded by the length of text and arguments.
    """

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """A checker with its arguments, ready to be called with a text.

    Attributes:
        name: the name the checker is registered under.
        checker: the checker itself.
    """

    name: str
    checker: Checker

    def __call__(self, text: str, context: Context = NOTHING_KNOWN) -> Verdict:
        """The verdict on a text; texts of more than four million characters are not judged.

        Raises:
            PluginError: a checker of another package gives none.
        """
        if len(text) > MAX_TEXT_CHARS:
            return undecided(f"{len(text)} characters are more than are looked at")
        with noting(f"checker {self.name}"):
            verdict: object = self.checker.judge(text, context)
        if not isinstance(verdict, Verdict):
            raise PluginError(
                f"the checker {self.name!r} gave {verdict!r:.80}, no verdict", "a checker returns decided(...) or undecided(...)"
            )
        return verdict


@lru_cache(maxsize=4096)
def load_check(name: str, args: str = "{}") -> Check:
    """The check of a name and its arguments.

    Args:
        name: of a registered checker.
        args: a JSON object as text; keys whose value is null count as absent, since tables fill objects with nulls.

    Raises:
        UsageError: no checker has that name.
        InputError: the arguments are no JSON object, or not those that the checker takes.
    """
    shown = _short(name)
    kind = load("checkers", name if len(name) <= _MAX_SHOWN else shown)
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        raise InputError(f"checker {shown!r} is no pydantic model", "a checker is a class whose fields are its arguments")
    given = {key: value for key, value in _parsed(shown, args).items() if value is not None}
    try:
        checker = kind.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        _refuse(shown, error)
    if not isinstance(checker, Checker):
        raise InputError(f"checker {shown!r} has no method `judge`")
    return Check(name, checker)


def check(name: str, text: str, args: str = "{}", context: Context = NOTHING_KNOWN) -> Verdict:
    """What the checker ``name`` with the arguments ``args`` says of ``text``.

    Raises:
        UsageError, InputError: as :func:`load_check`.

    Example:
        >>> check("numeric", "That makes 1,234 in all.", '{"answer": 1234}').status
        'pass'
    """
    return load_check(name, args)(text, context)


def _parsed(name: str, args: str) -> dict[str, object]:
    if len(args) > MAX_ARGS_CHARS:
        raise InputError(f"the arguments of checker {name!r} have {len(args)} characters", f"at most {MAX_ARGS_CHARS} are read")
    try:
        given = json.loads(args, parse_constant=no_number)
        deep = deeper_than(_MAX_DEPTH, given)
    except RecursionError:
        deep = True
    except ValueError as error:
        raise InputError(f"the arguments of checker {name!r} are not JSON: {_short(str(error))}") from error
    if deep:
        raise InputError(f"the arguments of checker {name!r} are nested more than {_MAX_DEPTH} levels deep")
    if not isinstance(given, dict):
        raise InputError(f"the arguments of checker {name!r} are no JSON object")
    return given


def _refuse(name: str, error: ValidationError) -> NoReturn:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = _short(".".join(str(part) for part in first["loc"]))
    reason = first["msg"].removeprefix("Value error, ")[:200]
    raise InputError(f"checker {name!r} does not take these arguments: {place}{': ' if place else ''}{reason}") from error


def _short(text: str) -> str:
    plain = "".join(char if char.isprintable() else "\ufffd" for char in text[:_MAX_SHOWN])
    return plain if len(text) <= _MAX_SHOWN else plain[: _MAX_SHOWN - 1] + "…"
