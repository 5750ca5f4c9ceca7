"""Mine meta-information: thirteen fields from each query, in one structured call (WildLong, arXiv 2502.16684 §3.1)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator

from wildgraph.fields import ANY_DOCUMENT, DEFAULT_FIELDS, DOCUMENT_TYPE, SIMPLIFIED_INSTRUCTION, MetaField
from wildgraph.labels import clean_label
from wildgraph.llm import ChatModel, ChatRequest, Decoding, Prompt, load_template
from wildgraph.maskers import Masker, load_masker
from wildgraph.pseudonyms import keyed_user
from wildgraph.records import MAX_VALUE_CHARS, Conversation, Json, MetaInformation, Rejection, Span, Value, content_hash
from wildgraph.rows import Row

STAGE = "mine"
VERSION = 4
TEMPLATE = "stages/mine"
_NOTHING = {"", "none", "n/a", "na", "null", "unknown", "unspecified", "not specified", "not applicable", "-"}


class MineConfig(BaseModel):
    """How queries are mined.

    Attributes:
        fields: the field table.
        instruction_chars: how much of the instruction goes into the prompt; its middle is left out beyond that.
        head_chars, tail_chars: how much of a paste's beginning and end goes in: a 30K-token paste is not paid for. A paste no longer than
            both together goes in whole; both are three times as long where nothing but the paste was found.
        masker: what takes personal data out before a prompt is rendered: ``patterns``, ``presidio`` (an extra: names in running text as well),
            or the name of a masker that another package registers.
        decoding: decoding parameters; greedy, since mining describes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fields: tuple[MetaField, ...] = DEFAULT_FIELDS
    instruction_chars: int = Field(default=4000, ge=200)
    head_chars: int = Field(default=800, ge=0)
    tail_chars: int = Field(default=400, ge=0)
    masker: str = "patterns"
    decoding: Decoding = Decoding(temperature=0.0, max_tokens=1500)


class Phrase(BaseModel):
    """One value as the model gives it; a bare string is taken as its general part."""

    general: str
    specific: str = ""

    @field_validator("general", "specific", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        return "" if value is None else value


class _Answer(BaseModel):
    @field_validator("*", mode="before")
    @classmethod
    def _lenient(cls, value: object, info: Any) -> object:  # noqa: ANN401 - pydantic's ValidationInfo carries the field name only
        """Accept what servers without structured output give: strings for phrases, one value for a list, null for nothing."""

        def phrase(item: object) -> object:
            return {"general": "none" if item is None else str(item)} if item is None or isinstance(item, str | int | float) else item

        annotation = cls.model_fields[info.field_name].annotation
        if annotation is Phrase:
            if isinstance(value, list):
                value = value[0] if value else None
            return phrase(value)
        if value is None:
            return []
        return [phrase(item) for item in value] if isinstance(value, list) else [phrase(value)]


@cache
def answer_schema(fields: tuple[MetaField, ...] = DEFAULT_FIELDS) -> type[BaseModel]:
    """The pydantic class of a mining answer for a field table: a phrase, or a list of phrases, per field."""
    shape: dict[str, Any] = {field.name: (list[Phrase] if field.multi else Phrase, ...) for field in fields}
    return create_model("MinedFields", __base__=_Answer, **shape)


def user_key(conversation: Conversation, key: bytes) -> str:
    """The user as a keyed hash, or the conversation's id where the log names no user."""
    return conversation.id if conversation.user is None else keyed_user(key, conversation.user)


#: How far around what is shown masking looks: a secret on a cut is masked as a whole, and the word before it says that it is one.
_AROUND = 4000

_Place = tuple[int, int]


def _masked(query: str, places: Iterable[_Place], mask: Masker) -> dict[_Place, str]:
    """Parts of a query, masked together with what stands around them; a huge query is not scanned whole."""
    windows: list[tuple[int, int, list[_Place]]] = []
    for start, end in sorted(places):
        left, right, within = max(0, start - _AROUND), end + _AROUND, [(start, end)]
        if windows and left <= windows[-1][1]:
            left, before, others = windows.pop()
            right, within = max(right, before), [*others, *within]
        windows.append((left, right, within))
    found: dict[_Place, str] = {}
    for left, right, within in windows:
        masked = mask(query[left:right], [place - left for part in within for place in part])
        found |= {part: masked.text[masked.cuts[2 * at] : masked.cuts[2 * at + 1]] for at, part in enumerate(within)}
    return found


def _trimmed(query: str, start: int, end: int) -> list[_Place]:
    """The part without white space around it; none of a blank one."""
    text = query[start:end]
    start += len(text) - len(text.lstrip())
    return [(start, start + len(text.strip()))] if text.strip() else []


def _first(parts: Sequence[_Place], limit: int) -> list[_Place]:
    """The first ``limit`` characters of parts."""
    kept = []
    for start, end in parts:
        if limit > 0:
            kept.append((start, min(end, start + limit)))
        limit -= end - start
    return kept


def _last(parts: Sequence[_Place], limit: int) -> list[_Place]:
    """The last ``limit`` characters of parts."""
    return [(-end, -start) for start, end in reversed(_first([(-end, -start) for start, end in reversed(parts)], limit))]


def _ends(parts: Sequence[_Place], head: int, tail: int) -> tuple[Sequence[_Place], Sequence[_Place]]:
    """What is shown of parts: all and nothing more, or the first ``head`` and the last ``tail`` characters."""
    return (parts, ()) if sum(end - start for start, end in parts) <= head + tail else (_first(parts, head), _last(parts, tail))


def mining_prompt(conversation: Conversation, config: MineConfig) -> Prompt:
    """The prompt for one query: instruction, head and tail of the paste, personal data masked first."""
    query, place = conversation.query, conversation.paste or Span(start=len(conversation.query), end=len(conversation.query))
    said = [*_trimmed(query, 0, place.start), *_trimmed(query, place.end, len(query))]
    paste = _trimmed(query, place.start, place.end)
    room = 1 if said else 3
    parts = (
        *_ends(said, head := config.instruction_chars * 2 // 3, config.instruction_chars - head),
        *_ends(paste, room * config.head_chars, room * config.tail_chars),
    )
    texts = _masked(query, [one for part in parts for one in part], load_masker(config.masker))
    beginning, end, paste_head, paste_tail = ("\n\n".join(texts[one] for one in part) for part in parts)
    fields: list[Json] = [
        {
            "name": field.name,
            "description": field.description,
            "examples": list(field.examples),
            "multi": field.multi,
            "limit": field.limit,
        }
        for field in config.fields
    ]
    return Prompt(
        load_template(TEMPLATE),
        {
            "instruction": f"{beginning}\n[…]\n{end}" if end else beginning,
            "paste_head": paste_head,
            "paste_tail": paste_tail,
            "paste_chars": sum(last - first for first, last in paste),
            "language": conversation.language or "und",
            "about_document": conversation.refers_to_document,
            "fields": fields,
        },
    )


def _value(phrase: Phrase, field: MetaField, mask: Masker) -> Value | None:
    general = _label(phrase.general, MAX_VALUE_CHARS if field.name == SIMPLIFIED_INSTRUCTION else 120, mask)
    if general.casefold().rstrip(".") in _NOTHING:
        return None
    return Value(general=general, specific=_label(phrase.specific, MAX_VALUE_CHARS, mask))


def _label(text: str, limit: int, mask: Masker) -> str:
    """A phrase masked, bounded and without markup; the marks of masking survive as words in brackets.

    It is cleaned before it is masked, since markup inside an address would hide it, and the marks in it are kept through both.
    """
    plain = clean_label(_bracketed(text[: limit + _AROUND]), limit + _AROUND)
    if not plain:
        return ""
    masked = mask(plain, (limit,))
    if masked.text == plain and len(plain) <= limit:  # as nearly always: cleaning what is clean changes nothing
        return plain
    return clean_label(_bracketed(masked.text[: masked.cuts[0]]), limit)


def _bracketed(text: str) -> str:
    return re.sub(r"<([A-Z]+(?:_[A-Z]+)*(?:_\d{1,4})?)>", lambda mark: f"[{mark.group(1).lower()}]", text)


def _values(answer: BaseModel, field: MetaField, mask: Masker) -> tuple[Value, ...]:
    found = getattr(answer, field.name)
    phrases: list[Phrase] = found if isinstance(found, list) else [found]
    found_values = [value for phrase in phrases[: field.limit] if (value := _value(phrase, field, mask)) is not None]
    return tuple({(value.general.casefold(), value.specific.casefold()): value for value in found_values}.values())


def mine(
    conversations: Iterable[Conversation | Rejection], config: MineConfig, *, model: ChatModel, key: bytes
) -> Iterator[MetaInformation | Rejection]:
    """Meta-information of each conversation, in input order; rejections pass through.

    Args:
        conversations: from the ingest stage.
        config: field table, prompt lengths, decoding.
        model: any chat model.
        key: secret for the keyed hashes of users.
    """
    queue: deque[Conversation | Rejection] = deque()
    schema = answer_schema(config.fields)

    def requests() -> Iterator[ChatRequest]:
        for item in conversations:
            queue.append(item)
            if isinstance(item, Conversation):
                yield ChatRequest(item.id, mining_prompt(item, config), schema, config.decoding)

    def leading() -> Iterator[Rejection]:
        while queue and isinstance(queue[0], Rejection):
            yield queue[0]
            queue.popleft()

    for completion in model.map(requests()):
        yield from leading()
        conversation = queue.popleft()
        assert isinstance(conversation, Conversation)
        assert completion.request_id == conversation.id
        if completion.failure is not None or completion.parsed is None:
            failure = completion.failure
            yield Rejection(
                stage=STAGE,
                item=conversation.id,
                reason=failure.reason if failure else "invalid_answer",
                where=conversation.where,
                detail=failure.detail if failure else "",
                transient=failure.transient if failure else False,
            )
            continue
        known = _Known(
            conversation.id,
            user_key(conversation, key),
            # What the log itself says (a pasted text, a document id) outweighs the model's reading of the type.
            conversation.paste is not None or conversation.about_document,
            conversation.language or "und",
            model.identity,
            conversation.where,
        )
        yield _record(known, completion.parsed, config)
    yield from leading()


@dataclass(frozen=True)
class _Known:
    """What is known of a record beside its values."""

    id: str
    user: str
    about_document: bool
    language: str
    engine: str
    where: str


def _record(known: _Known, answer: BaseModel, config: MineConfig) -> MetaInformation | Rejection:
    mask = load_masker(config.masker)
    values = {field.name: found for field in config.fields if (found := _values(answer, field, mask))}
    has_document = DOCUMENT_TYPE in values or known.about_document
    if has_document and DOCUMENT_TYPE not in values:
        values[DOCUMENT_TYPE] = (Value(general=ANY_DOCUMENT),)
    try:
        return MetaInformation.model_validate(
            {
                "id": known.id,
                "user": known.user,
                "values": values,
                "has_document": has_document,
                "language": known.language,
                "engine": known.engine,
            },
            context={"fields": config.fields},
        )
    except ValidationError as error:
        return Rejection(stage=STAGE, item=known.id, reason="invalid_answer", where=known.where, detail=str(error).splitlines()[0])


#: Keys of a row of mined records that are no fields.
_ABOUT = frozenset({"id", "user", "language", "engine", "has_document", "values"})
#: How a table of text says that there is no document.
_NO = frozenset({"", "0", "0.0", "false", "no", "none"})
#: Fields that a smaller table leaves out.
_USUAL = frozenset(field.name for field in DEFAULT_FIELDS)


def read_mined(rows: Iterable[Row | Rejection], config: MineConfig, *, key: bytes) -> Iterator[MetaInformation | Rejection]:
    """Records that were mined elsewhere, masked and bounded as ours are; what is no such row is a rejection.

    A row holds an ``id`` (else its content is hashed), perhaps ``user``, ``language`` and ``has_document``, and a value, a list of values
    or objects with ``general`` and ``specific`` under each field's name, at the top or under ``values``.

    Args:
        rows: of a data file.
        config: the field table.
        key: secret for the keyed hashes of users.
    """
    schema = answer_schema(config.fields)
    names = {field.name for field in config.fields}
    seen: set[str] = set()
    for row in rows:
        if isinstance(row, Rejection):
            yield row
            continue
        given = row.values.get("values")
        found = {**row.values, **(given if isinstance(given, dict) else {})}
        unknown = sorted(found.keys() - names - _ABOUT - _USUAL)
        item = str(row.values.get("id") or content_hash(repr(sorted(row.values.items()))))  # a table may hold NaN
        problem = f"unknown field {unknown[0]!r}" if unknown else "" if names & found.keys() else "the row has none of the fields"
        if problem:
            yield Rejection(stage=STAGE, item=item, reason="unknown_layout", where=row.where, detail=problem)
            continue
        if item in seen:
            yield Rejection(stage=STAGE, item=item, reason="duplicate_conversation", where=row.where, detail=f"id {item!r} occurs twice")
            continue
        seen.add(item)
        try:
            answer = schema.model_validate({name: found.get(name) for name in names})
        except ValidationError as error:
            yield Rejection(stage=STAGE, item=item, reason="invalid_answer", where=row.where, detail=str(error).splitlines()[0])
            continue
        user = row.values.get("user")
        known = _Known(
            item,
            item if user is None or user == "" else keyed_user(key, str(user)),  # 0 is somebody
            str(row.values.get("has_document") or "").strip().casefold() not in _NO,
            str(row.values.get("language") or "und")[:12],
            str(row.values.get("engine") or "mined elsewhere")[:200],
            row.where,
        )
        yield _record(known, answer, config)
