"""What readers have in common: the row, the protocol, and how what a row says becomes a conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from wildgraph.errors import noting
from wildgraph.records import Conversation, Rejection, Span, content_hash
from wildgraph.rows import Row, clean
from wildgraph.text import UNDECIDED, language_code

STAGE = "ingest"

_MAX_NAME_CHARS = 256


@runtime_checkable
class Reader(Protocol):
    """Reads one layout. Rows come from one file, in its order; every row ends in a conversation, a rejection or another row's conversation."""

    @property
    def name(self) -> str:
        """The name under which it is registered and can be asked for."""
        ...

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Whether a row has this layout; looks at names and types only."""
        ...

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """Conversations of the rows, lazily."""
        ...


@dataclass(frozen=True)
class Logged:
    """What a row says about one conversation.

    Attributes:
        user_turns: texts of the user's turns in order, possibly blank.
        user, native_id: as the log names them; numbers are fine.
        language: a name or code in whatever form.
        toxic: the log's verdict, ``None`` without one.
        pasted: a document the log keeps apart from the instruction; becomes the end of the query.
        about_document: the log says that the query is about a document.
        turns: number of user turns where the log has only a count.
    """

    user_turns: Sequence[str]
    user: object = None
    native_id: object = None
    language: object = None
    toxic: bool | None = None
    pasted: str = ""
    about_document: bool = False
    turns: int = 0


def conversations(rows: Iterable[Row], understand: Callable[[Mapping[str, object]], Logged | None]) -> Iterator[Conversation | Rejection]:
    """One conversation or rejection per row.

    Args:
        rows: rows of one file.
        understand: what a row says, or ``None`` when it does not have the layout.
    """
    for row in rows:
        with noting(row.where):
            said = understand(row.values)
        if said is None or not all(isinstance(turn, str) for turn in said.user_turns):
            yield unknown_layout(row)
        else:
            yield conversation(row, said)


def conversation(row: Row, said: Logged) -> Conversation | Rejection:
    """The conversation a row tells of, or a rejection when no user turn has text."""
    spoken = [turn for turn in said.user_turns if turn.strip()]
    if not spoken:
        return rejection(row, "no_user_turn", "")
    query, paste = clean(spoken[0]), None
    pasted = clean(said.pasted).strip()
    if pasted:
        query = query.rstrip() + "\n\n" + pasted
        paste = Span(start=len(query) - len(pasted), end=len(query))
    language = language_code(said.language) if isinstance(said.language, str) else UNDECIDED
    return Conversation.of(
        query,
        user=name_of(said.user) or None,
        user_turns=max(len(spoken), said.turns, 1),
        language=None if language == UNDECIDED else language,
        toxic=said.toxic,
        source=row.source,
        line=row.line,
        native_id=name_of(said.native_id),
        paste=paste,
        about_document=said.about_document,
    )


def rejection(row: Row, reason: str, detail: str) -> Rejection:
    """A rejection that names the row's place."""
    return Rejection(stage=STAGE, item=row.where, reason=reason, where=row.where, detail=detail)


def unknown_layout(row: Row) -> Rejection:
    """The rejection of a row that does not have the layout its file is read with."""
    return rejection(row, "unknown_layout", f"the row has {shown_keys(row.values)}")


def shown_keys(values: Mapping[str, object]) -> str:
    """A row's keys for a message, shortened."""
    keys = [clean(str(key))[:40] for key in list(values)[:8]]
    return f"the keys {', '.join(keys)}{', …' if len(values) > 8 else ''}" if keys else "no keys"


def name_of(value: object) -> str:
    """A name of a user or row as conversations carry it: text; an absurdly long one as its hash."""
    if value is None or isinstance(value, (bool, list, dict)):
        return ""
    if isinstance(value, float):  # a column of numbers some of which are missing
        value = "" if value != value else int(value) if value.is_integer() else value
    elif isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    name = clean(str(value)).strip()
    return name if len(name) <= _MAX_NAME_CHARS else content_hash(name)


# --------------------------------------------------------------------------- parts of rows


def parsed(value: object) -> object:
    """A value, and where it is JSON text of a list or an object, as in CSV exports, what that means."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return value
    import orjson

    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def objects(value: object) -> list[Mapping[str, object]] | None:
    """``value`` as a non-empty list of objects, also when it is JSON text (as in CSV exports), else ``None``."""
    value = parsed(value)
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        return value
    return None


def text_of(content: object, depth: int = 4) -> str:
    r"""The text of a message's content: a string, an object, or a list of parts of which some are text.

    Example:
        >>> text_of([{"type": "text", "text": "Look at"}, {"type": "image_url"}, {"type": "text", "text": "this."}])
        'Look at\nthis.'
    """
    if isinstance(content, str):
        return content
    if depth == 0:
        return ""
    if isinstance(content, Mapping):
        for key in ("text", "content", "value", "parts"):
            if found := text_of(content.get(key), depth - 1):
                return found
        return ""
    if isinstance(content, list):
        return "\n".join(part for item in content if (part := text_of(item, depth - 1)))
    return ""


def turns_of(messages: Sequence[Mapping[str, object]], role: str, text: str, users: frozenset[str]) -> list[str]:
    """Texts of the messages whose ``role`` is one of ``users``."""
    return [text_of(message.get(text)) for message in messages if str(message.get(role)).strip().lower() in users]


def first_of(messages: Sequence[Mapping[str, object]], key: str) -> object:
    """The first value that is neither missing nor empty under ``key``."""
    return next((message[key] for message in messages if message.get(key)), None)


def flag(value: object) -> bool | None:
    """A flag as parquet, JSON or CSV has it; ``None`` where it is none."""
    said = {"true": True, "1": True, "1.0": True, "yes": True, "false": False, "0": False, "0.0": False, "no": False}
    return said.get(str(value).strip().lower())


def verdict(values: Mapping[str, object]) -> bool | None:
    """Whether the log's flags or moderation results mark a row as toxic; ``None`` where it has neither.

    Knows ``toxic``, ``openai_moderation`` (one result or one per turn) and ``toxic_chat_tag`` (one per classifier).
    """
    found: list[bool] = []
    if (toxic := flag(values.get("toxic"))) is not None:
        found.append(toxic)
    for key in ("openai_moderation", "toxic_chat_tag"):
        results = parsed(values.get(key))
        if isinstance(results, Mapping):
            results = [results, *results.values()]
        if isinstance(results, list):
            told = (flag(result.get("flagged")) for result in results if isinstance(result, Mapping))
            found.extend(one for one in told if one is not None)
    return any(found) if found else None
