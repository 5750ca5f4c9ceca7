"""JSON in an answer."""

from __future__ import annotations

import json
from typing import NoReturn

from wildgraph.records import Json

#: Answers nested more deeply are not taken for JSON that anybody asked for. [ours]
MAX_DEPTH = 50


class NotJson(ValueError):  # noqa: N818 - reads as what it says
    """The text is no JSON, and why."""


def parse_json(text: str) -> Json:
    r"""The value that a text is, a code fence around it left out.

    Raises:
        NotJson: it is none, holds NaN, an infinity or a number of thousands of digits, or is nested more than fifty levels deep.

    Example:
        >>> parse_json('```json\n{"a": [1]}\n```')
        {'a': [1]}
    """
    try:
        found: Json = json.loads(unfenced(text), parse_constant=no_number)
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except ValueError as error:
        raise NotJson(f"not JSON: {str(error)[:100]}") from None
    if deeper_than(MAX_DEPTH, found):
        raise NotJson(f"nested more than {MAX_DEPTH} levels deep")
    return found


def unfenced(text: str) -> str:
    """What stands within the one code fence that a text is, or the text itself, without white space around it."""
    bare = text.strip()
    head, line_break, rest = bare.partition("\n")
    if not (line_break and head.startswith("```") and rest.endswith("```") and "`" not in head[3:]):
        return bare
    inner = rest[:-3].strip()
    return bare if "```" in inner else inner


def no_number(word: str) -> NoReturn:
    """Refuse NaN and the infinities, which are no JSON."""
    raise ValueError(f"{word} is no number of JSON's")


def deeper_than(levels: int, value: object) -> bool:
    """Whether objects and arrays stand in one another more than ``levels`` deep.

    Example:
        >>> deeper_than(1, {"a": 1}), deeper_than(1, [[]])
        (False, True)
    """
    if not isinstance(value, dict | list):
        return False
    return levels <= 0 or any(deeper_than(levels - 1, part) for part in (value.values() if isinstance(value, dict) else value))
