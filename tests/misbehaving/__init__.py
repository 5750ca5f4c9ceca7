"""Plug-ins of a package that does not do what it has to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel

from wildgraph.checkers.loading import CLOSED
from wildgraph.gates.verdicts import failed, passed
from wildgraph.llm import ChatRequest, Completion
from wildgraph.masking import Masked
from wildgraph.paradigms import Paradigm
from wildgraph.paradigms.steps import Ask
from wildgraph.readers.layout import Logged, conversations
from wildgraph.rows import Row


class _Reader:
    name = "desk"

    def recognises(self, row: Mapping[str, object]) -> bool:
        return "body" in row


class BreaksAtOnce(_Reader):
    def read(self, rows: Iterable[Row]) -> Iterator[Any]:
        raise RuntimeError("no\nrows")


class BreaksOnARow(_Reader):
    def read(self, rows: Iterable[Row]) -> Iterator[Any]:
        return conversations(rows, lambda row: Logged([str(row["body"])], user=row["customer"]))


class ReadsNothing(_Reader):
    def read(self, rows: Iterable[Row]) -> Any:
        return None


class GivesRows(_Reader):
    def read(self, rows: Iterable[Row]) -> Iterator[Any]:
        yield from ({"query": row.values["body"]} for row in rows)


class GivesNumbers(_Reader):
    def read(self, rows: Iterable[Row]) -> Iterator[Any]:
        return conversations(rows, lambda row: Logged([row.get("body")], user=row.get("customer")))  # type: ignore[list-item]


class _Gate(BaseModel):
    name: ClassVar[str] = "mine"


class Breaks(_Gate):
    def judge(self, pair: Any, texts: Any) -> Any:
        return texts["no such document"]


class SaysYes(_Gate):
    def judge(self, pair: Any, texts: Any) -> Any:
        return True


class SpeaksForAnother(_Gate):
    def judge(self, pair: Any, texts: Any) -> Any:
        return passed("other")


class KnowsAnotherReason(_Gate):
    def judge(self, pair: Any, texts: Any) -> Any:
        return failed(self.name, "refusel", "it refuses")


class _Exporter:
    name = "mine"
    suffix = "parquet"
    about = "Ids."
    columns: ClassVar[Mapping[str, str]] = {"id": "string", "length": "integer"}


class Divides(_Exporter):
    def rows(self, sample: Any) -> Iterator[Any]:
        yield {**sample.facts, "id": sample.id, "length": 1 // 0}


class GivesNothing(_Exporter):
    def rows(self, sample: Any) -> Iterator[Any]:
        return iter(())


class GivesText(_Exporter):
    def rows(self, sample: Any) -> Iterator[Any]:
        yield sample.id


class LeavesOut(_Exporter):
    def rows(self, sample: Any) -> Iterator[Any]:
        yield {"id": sample.id, "split": "train", "n_tokens": 1}


class MistakesTypes(_Exporter):
    def rows(self, sample: Any) -> Iterator[Any]:
        yield {**sample.facts, "id": sample.id, "length": "three"}


class WritesObjects(MistakesTypes):
    suffix = "jsonl"

    def rows(self, sample: Any) -> Iterator[Any]:
        yield {**sample.facts, "id": sample.id, "length": object()}


class _Model:
    def __init__(self, identity: str) -> None:
        self.identity = identity


class AnswersSome(_Model):
    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Any]:
        yield from (Completion(request.id, text="{}") for number, request in enumerate(requests) if number % 2)


class AnswersWithText(_Model):
    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Any]:
        yield from ("an answer" for _ in requests)


class AnswersOthers(_Model):
    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Any]:
        yield from (Completion(f"{request.id}?", text="{}") for request in requests)


class HasNoKey(_Model):
    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Any]:
        for _ in requests:
            raise ConnectionError("no key")
        yield


def masks_nothing_and_loses_places(text: str, cuts: Any = (), /) -> Masked:
    return Masked(text)


def gives_text(text: str, cuts: Any = (), /) -> Any:
    return text


def _briefing(name: str, template: str) -> Paradigm:
    ask = Ask(template, "instruct", lambda draft, completion: draft)
    return Paradigm(name=name, several=False, purpose="a briefing", steps=(ask,))


UNFINISHED, UNNAMED, ABSENT = (_briefing("briefing", f"misbehaving:templates/{name}") for name in ("unfinished", "unnamed", "absent"))


class _Embedder:
    identity, dimension = "mine-1", 4

    def embed(self, texts: Sequence[str]) -> Any:
        return np.full((len(texts), 4), 0.5)


class LosesOne(_Embedder):
    def embed(self, texts: Sequence[str]) -> Any:
        return super().embed(texts)[1:]


class DividesByZero(_Embedder):
    def embed(self, texts: Sequence[str]) -> Any:
        return super().embed(texts) * np.nan


class GivesLists(_Embedder):
    def embed(self, texts: Sequence[str]) -> Any:
        return [[text] * 4 for text in texts]


class IsAway(_Embedder):
    def embed(self, texts: Sequence[str]) -> Any:
        raise TimeoutError("the embedding server is away")


class LosesItsPipe(_Model):
    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Any]:
        for _ in requests:
            raise BrokenPipeError(32, "Broken pipe")
        yield


class SaysMaybe(BaseModel):
    model_config = CLOSED

    def judge(self, text: str, context: Any) -> Any:
        return "maybe"
