"""JSON in an answer."""

from __future__ import annotations

import json
from typing import NoReturn

from wildgraph.records import Json

#: Answers nested more deeply are not taken for JSON that anybody asked for. [ours]
MAX_DEPTH = 50


class NotJson(ValueError):
    """The text is no JSON, and why."""


def parse_json(text: str) -> Json:
    """The value that a text is, a code fence around it left out.

    Raises:
        NotJson: it is none, holds NaN, an infinity or a number of thousands of digits, or is nested more than fifty levels deep.

    Example:
        >>> parse_json('```json\\n{"a": [1]}\\n```')
        {'a': [1]}
    """
    try:
        found: Json = json.loads(unfenced(text), parse_constant=_no_number)
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except ValueError as error:
        raise NotJson(f"not JSON: {str(error)[:100]}") from None
    if _deeper(found, MAX_DEPTH):
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


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON's")


def _deeper(value: Json, levels: int) -> bool:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return levels < 0 or any(_deeper(part, levels - 1) for part in inner)
