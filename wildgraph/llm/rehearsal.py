"""A rehearsal: what a run would ask, counted without asking. Known answers come from the cache, the others are stood in for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError

from wildgraph.llm.cache import ResponseCache
from wildgraph.llm.model import ChatRequest, Completion, Failure, Usage
from wildgraph.llm.questions import Questions
from wildgraph.llm.window import tokens_of
from wildgraph.records import Json

_WORD = "lorem "


@dataclass
class Rehearsed:
    """What was asked with one prompt template.

    Attributes:
        known: requests that the cache answers. answers: behind them, corrections and longer ones included.
        counted: tokens of their prompts as counted here. usage: of their answers as the server reported it.
        unknown: requests that would be sent. asked: tokens of their prompts as counted here.
        refused: requests that would not be sent, for they do not fit the context window.
    """

    known: int = 0
    answers: int = 0
    counted: int = 0
    usage: Usage = field(default_factory=Usage)
    unknown: int = 0
    asked: int = 0
    refused: int = 0


class Rehearsal:
    """The :class:`wildgraph.llm.ChatModel` that asks nobody, one request after the other on the caller's thread.

    Args:
        questions: how the real model is asked.
        cache: what is known; ``None`` when nothing is.
        count: how many tokens a text has.
        lengths: template name -> tokens of an answer that stands in for one.
        length: the same for other templates.
    """

    def __init__(
        self, questions: Questions, cache: ResponseCache | None, count: Callable[[str], int], lengths: Mapping[str, int], length: int
    ) -> None:
        self.identity = questions.identity
        self.sheets: dict[str, Rehearsed] = {}
        self._questions = questions
        self._cache = cache
        self._count = count
        self._lengths = lengths
        self._length = length

    @property
    def unknown(self) -> int:
        """Requests so far that would be sent."""
        return sum(sheet.unknown for sheet in self.sheets.values())

    @property
    def known(self) -> int:
        """Requests so far that the cache answers."""
        return sum(sheet.known for sheet in self.sheets.values())

    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
        """Completions in input order: as a run would have them where they are known, made up where they are not."""
        for request in requests:
            sheet = self.sheets.setdefault(request.prompt.template.name, Rehearsed())
            first = self._questions.first(request)
            if isinstance(first, Failure):
                sheet.refused += 1
                yield Completion(request.id, failure=first)
                continue
            tokens = tokens_of(first.messages, self._count)
            walked = self._questions.walk(first, lambda key: self._cache.get(key) if self._cache else None)
            reading = walked.reading
            if reading is None:
                sheet.unknown += 1
                sheet.asked += tokens
                yield self._stand_in(request)
                continue
            sheet.known += 1
            sheet.answers += len(walked.answers)
            sheet.counted += tokens
            sheet.usage = sum((answer.usage for answer in walked.answers), sheet.usage)
            yield Completion(request.id, "" if reading.failure else reading.text, reading.parsed, failure=reading.failure)

    def _stand_in(self, request: ChatRequest) -> Completion:
        if request.example is not None:
            given = request.example()
            return Completion(request.id, given, request.schema.model_validate_json(given) if request.schema else None)
        text = (_WORD * self._lengths.get(request.prompt.template.name, self._length)).strip()
        if request.schema is None:
            return Completion(request.id, text)
        try:
            return Completion(request.id, text, request.schema.model_validate(stand_in(request.schema, text)))
        except ValidationError:  # a schema that words do not fill: nothing is asked after it
            return Completion(request.id, failure=Failure("invalid_answer", "a rehearsal has no answer to this"))


def stand_in(schema: type[BaseModel], text: str) -> Json:
    """The smallest value that fits a schema, with ``text`` as its first free string.

    Example:
        >>> class Note(BaseModel):
        ...     title: str
        ...     tags: list[str]
        >>> stand_in(Note, "some words")
        {'title': 'some words', 'tags': []}
    """
    node = schema.model_json_schema()
    return _instance(node, node, [text])


def _instance(node: Mapping[str, Json], root: Mapping[str, Json], texts: list[str]) -> Json:
    reference = node.get("$ref")
    if isinstance(reference, str):
        target: Json = dict(root)
        for part in reference.removeprefix("#/").split("/"):
            assert isinstance(target, dict)
            target = target[part]
        assert isinstance(target, dict)
        return _instance(target, root, texts)
    for name in ("const", "default"):
        if name in node and node[name] is not None:
            return node[name]
    for name in ("enum", "anyOf", "oneOf", "allOf"):
        options = node.get(name)
        if isinstance(options, list) and options:
            return _instance(options[0], root, texts) if isinstance(options[0], dict) else options[0]
    match node.get("type"):
        case "object":
            properties = node.get("properties")
            parts = properties.items() if isinstance(properties, dict) else ()
            return {name: _instance(part, root, texts) for name, part in parts if isinstance(part, dict)}
        case "array":
            items, least = node.get("items"), node.get("minItems", 0)
            assert isinstance(least, int)
            return [_instance(items if isinstance(items, dict) else {}, root, texts) for _ in range(least)]
        case "integer" | "number":
            return node.get("minimum", 0)
        case "boolean":
            return False
        case "null":
            return None
    return texts.pop() if texts else "lorem"
