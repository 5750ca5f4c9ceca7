"""A response cache around a synchronous in-order model, such as the offline engine or the scripted test double."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

from wildgraph.errors import PluginError
from wildgraph.llm.answers import read
from wildgraph.llm.cache import ResponseCache
from wildgraph.llm.keys import messages_key, variables_key
from wildgraph.llm.model import ChatModel, ChatRequest, Completion, Usage
from wildgraph.llm.stored import Stored
from wildgraph.llm.tally import Tally

BATCH = 32
"""Requests that are looked up, asked and committed together, where nothing else is said."""
_PROMISE = "its map yields one Completion for each request, with the request's id"


def key_by_variables(identity: str, request: ChatRequest) -> bytes:
    """The key for models that read a prompt's variables."""
    return variables_key(identity, request)


def key_by_messages(identity: str, request: ChatRequest) -> bytes:
    """The key for models that read rendered messages."""
    return messages_key(identity, request.prompt.messages(), request.schema, request.decoding, request.sample)


class CachedModel:
    """Asks ``inner`` only what ``cache`` does not know; equal requests within a batch are asked once.

    Args:
        inner: a model whose ``map`` runs on the caller's thread.
        cache: where answers are kept; every completion is committed before it is yielded.
        tally: where calls are counted.
        key: what makes two requests the same.
        retry: reasons of cached failures that are asked again.
        batch: requests that are looked up, asked and committed together.
        free: its answers cost nothing; else what they cost is not known here.
    """

    def __init__(
        self,
        inner: ChatModel,
        cache: ResponseCache,
        tally: Tally | None = None,
        *,
        key: Callable[[str, ChatRequest], bytes] = key_by_variables,
        retry: frozenset[str] = frozenset(),
        batch: int = BATCH,
        free: bool = True,
    ) -> None:
        self.inner = inner
        self.cache = cache
        self.tally = tally or Tally()
        self._key = key
        self._retry = retry
        self._batch = batch
        self._cost = 0 if free else None

    @property
    def identity(self) -> str:
        """That of the model inside."""
        return self.inner.identity

    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
        """Completions in input order, looked up and asked in batches.

        Raises:
            RunError: the cache cannot be read or written.
        """
        source = iter(requests)
        identity = self.identity
        while batch := list(islice(source, self._batch)):
            keys = [self._key(identity, request) for request in batch]
            known = self.cache.get_many(keys)
            missing: dict[bytes, ChatRequest] = {}
            for key, request in zip(keys, batch, strict=True):
                if key not in known or self._asked_again(known[key], request):
                    missing.setdefault(key, request)
            fresh = self._ask(missing)
            for key, request in zip(keys, batch, strict=True):
                completion = fresh.get(key)
                if completion is None:
                    completion = _from_cache(known[key], request)
                elif missing[key] is not request:  # asked once, wanted twice
                    completion = replace(completion, request_id=request.id, usage=Usage(), requests=0)
                self.tally.answered(request.prompt.template.name, completion.requests, completion.failure)
                yield completion

    def _asked_again(self, stored: Stored, request: ChatRequest) -> bool:
        if not self._retry:
            return False
        failure = read(stored, request.schema).failure
        return failure is not None and failure.reason in self._retry

    def _ask(self, missing: dict[bytes, ChatRequest]) -> dict[bytes, Completion]:
        """Answers to the requests, committed."""
        if not missing:
            return {}
        key_of = {request.id: key for key, request in missing.items()}
        if len(key_of) != len(missing):
            raise ValueError("two requests of one map share an id")
        fresh: dict[bytes, Completion] = {}
        try:
            for completion in self.inner.map(missing.values()):
                if not isinstance(completion, Completion) or completion.request_id not in key_of:
                    raise PluginError(f"the model {self.identity} gave {completion!r:.80}, no completion of what it was asked", _PROMISE)
                key = key_of[completion.request_id]
                request = missing[key]
                # A model that runs here sends nothing; one request stands for one run of it.
                completion = replace(completion, requests=max(1, completion.requests))
                if request.schema is not None and completion.parsed is None and completion.failure is None:  # as the cache will have it
                    read_again = _from_cache(_to_store(completion, self.identity, request), request)
                    completion = replace(read_again, usage=completion.usage, requests=completion.requests)
                fresh[key] = completion
                self.tally.sent(request.prompt.template.name)
                self.tally.received(request.prompt.template.name, completion.usage, cost=self._cost)
                if completion.failure is None or not completion.failure.transient:
                    self.cache.put(key, _to_store(completion, self.identity, request))
        finally:
            self.cache.flush()
        if len(fresh) != len(missing):
            raise PluginError(f"the model {self.identity} answered {len(fresh)} of {len(missing)} requests", _PROMISE)
        return fresh


def _to_store(completion: Completion, identity: str, request: ChatRequest) -> Stored:
    failure = completion.failure
    return Stored(
        text=completion.text,
        reasoning=completion.reasoning,
        finish_reason="stop",
        failure=failure.reason if failure else "",
        detail=failure.detail if failure else "",
        usage=completion.usage,
        model=identity,
        engine=identity,
        prompt=request.prompt.template.name,
    )


def _from_cache(stored: Stored, request: ChatRequest) -> Completion:
    reading = read(stored, request.schema)
    return Completion(request.id, reading.text, reading.parsed, reading.reasoning, reading.failure)
