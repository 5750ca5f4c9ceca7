"""A chat model behind a network: cache, dispatcher, limits and retries around a wire.

The wire knows one protocol (bodies out, replies in) and the transport moves bytes; neither knows of the other's trouble. What is here is
the same for every server: look up, reserve, send, retry, commit, judge, ask again, and only then complete.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakValueDictionary

from wildgraph.errors import ModelError, RunError, ServerError, WildgraphError
from wildgraph.llm.answers import Reading, Turn
from wildgraph.llm.budget import Budget, Spend
from wildgraph.llm.cache import ResponseCache
from wildgraph.llm.dispatcher import Dispatcher, Done, Work
from wildgraph.llm.limits import Concurrency, Health, Pace, Patience
from wildgraph.llm.model import ChatRequest, Completion, Failure, Usage
from wildgraph.llm.prices import Price
from wildgraph.llm.questions import Questions
from wildgraph.llm.stored import Stored
from wildgraph.llm.tally import Tally
from wildgraph.llm.trouble import Trouble
from wildgraph.llm.wire import Transport, Wire
from wildgraph.llm.writer import Found, Ticket


class _Claim:
    """Lives as long as somebody is about to ask the question under one key."""

    __slots__ = ("__weakref__",)


@dataclass
class _Spent:
    """What one request has cost so far.

    Attributes:
        anew: the cache is not to be believed. truncated: the prompt was shortened. prefix: see the request's. claim: see :class:`_Claim`. twin: somebody else had the same question before.
    """

    anew: bool = False
    truncated: bool = False
    prefix: str = ""
    claim: _Claim | None = None
    twin: bool = False
    requests: int = 0
    usage: Usage = field(default_factory=Usage)
    ticket: Ticket | None = None


@dataclass(frozen=True)
class _Finished:
    """A completion on its way to the consumer, who waits until it is durable.

    Attributes:
        refused: it was never a question, for it does not fit. truncated: the prompt was shortened.
    """

    completion: Completion
    prompt: str
    ticket: Ticket | None = None
    refused: bool = False
    truncated: bool = False


class NetworkModel:
    """The :class:`wildgraph.llm.ChatModel` over a wire.

    Args:
        questions: how it is asked; holds its identity.
        server: how messages name the server. model: the model's name there.
        wire: translation. transport: bytes.
        concurrency: requests in flight at most.
        cache: where answers are kept; ``None`` keeps none.
        tally: where calls are counted.
        budget: caps; shared by the models of a run.
        patience: timeouts and retries.
        price: what its tokens cost, if that is known.
        requests_per_minute, tokens_per_minute: the server's own limits, kept to.
        retry: reasons of cached failures that are asked again.
        lookahead, linger: see :class:`wildgraph.llm.dispatcher.Dispatcher`.
    """

    def __init__(
        self,
        *,
        questions: Questions,
        server: str,
        model: str,
        wire: Wire,
        transport: Transport,
        concurrency: int,
        cache: ResponseCache | None = None,
        tally: Tally | None = None,
        budget: Budget | None = None,
        patience: Patience | None = None,
        price: Price | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        retry: frozenset[str] = frozenset(),
        lookahead: int | None = None,
        linger: float | None = None,
    ) -> None:
        self.identity = questions.identity
        self.tally = tally or Tally()
        self.transport = transport
        # More workers than requests in flight, for some of them wait to try again.
        self.dispatcher = Dispatcher(concurrency + concurrency // 2 + 1, lookahead, transport.close, _cached, linger, concurrency)
        self._questions = questions
        self._server = server
        self._model = model
        self._wire = wire
        self._cache = cache
        self._budget = budget or Budget()
        self._patience = patience or Patience()
        self._price = price
        self._concurrency = Concurrency(concurrency)
        self._requests_pace = Pace(requests_per_minute)
        self._tokens_pace = Pace(tokens_per_minute)
        self._health = Health(server, self._patience, 2 * concurrency)
        self._retry = retry
        self._claims: WeakValueDictionary[bytes, _Claim] = WeakValueDictionary()
        self._claims_lock = threading.Lock()
        self._asking: dict[bytes, asyncio.Future[tuple[Stored, Ticket | None] | None]] = {}

    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
        """Completions in input order, each committed before it is yielded.

        Raises:
            ModelError: the server cannot be used. BudgetError: a cap was reached. RunError: the cache cannot be written.
        """
        for finished in self.dispatcher.map(requests, self._prepare):
            if finished.ticket is not None:
                finished.ticket.wait()
            completion = finished.completion
            self.tally.answered(
                finished.prompt,
                completion.requests,
                completion.failure,
                hit=not completion.requests and not finished.refused,
                truncated=finished.truncated,
            )
            yield completion

    def close(self) -> None:
        """Close connections and end the background thread; the cache stays open, it is the caller's."""
        self.dispatcher.close()

    # ------------------------------------------------------------------ on the feeder's thread

    def _prepare(self, request: ChatRequest) -> Done[_Finished] | Work[_Finished]:
        """Walk the chain of answers through the cache; what is not there is work for the loop."""
        prompt, spent = request.prompt.template.name, _Spent(prefix=request.prefix)
        first = self._questions.first(request)
        if isinstance(first, Failure):
            return Done(_Finished(Completion(request.id, failure=first), prompt, refused=True))
        spent.truncated = first.shortened

        def find(key: bytes) -> Stored | None:
            self._claim(key, spent)
            known = self._known(key)
            if known is None:
                return None
            spent.ticket = known.ticket or spent.ticket
            return known.stored

        walked = self._questions.walk(first, find)
        turn, key = walked.turn, walked.key
        if walked.reading is not None:
            failure = walked.reading.failure
            if failure is None or failure.reason not in self._retry:
                return Done(_finished(request, walked.reading, spent))
            turn, key, spent = first, self._questions.key(first), _Spent(anew=True, truncated=first.shortened, prefix=request.prefix)
        weight = sum(len(message["content"]) for message in turn.messages) if request.prefix else 0
        return Work(partial(self._ask, request, turn, key, spent), request.prefix, weight)

    def _claim(self, key: bytes, spent: _Spent) -> None:
        """Say that this question may be asked, before looking it up.

        Who claims a question that nobody else claims and does not find its answer may ask without looking again, which would stall the
        loop. Claims are held by requests under way and vanish with them, also when their map is cancelled.
        """
        with self._claims_lock:
            claim = self._claims.get(key)
            spent.twin = claim is not None
            spent.claim = self._claims[key] = claim or _Claim()

    def _known(self, key: bytes) -> Found | None:
        return self._cache.find(key) if self._cache is not None else None

    # ------------------------------------------------------------------ on the loop

    async def _ask(self, request: ChatRequest, turn: Turn, key: bytes, spent: _Spent) -> _Finished:
        """Answers until one is good or nothing more is to be done."""
        prompt = request.prompt.template.name
        try:
            while True:
                try:
                    stored = await self._answer(turn, key, prompt, spent)
                except _GivenUpError as given_up:
                    reading = Reading("", "", failure=given_up.failure)
                    following = None
                else:
                    reading = self._questions.judged(stored, turn)
                    following = self._questions.following(turn, reading)
                if following is None:
                    if spent.requests:
                        self._health.finished(reading.failure)
                    return _finished(request, reading, spent)
                turn, key = following, self._questions.key(following)
        except WildgraphError as error:
            # What is in flight was paid for; it is waited for unless the server itself is the trouble.
            self.dispatcher.fail(error, drain=not isinstance(error, ModelError))
            raise

    async def _answer(self, turn: Turn, key: bytes, prompt: str, spent: _Spent) -> Stored:
        """The answer to one question: from whoever asks the same at this moment, from the cache, or from the server."""
        while (under_way := self._asking.get(key)) is not None:
            await asyncio.wait((under_way,))
            if (shared := under_way.result()) is not None:
                stored, spent.ticket = shared
                return stored
        # Nobody has looked since a twin may have been answered, nor for a follow-up.
        if (spent.twin or spent.requests) and not spent.anew and (known := self._known(key)) is not None:
            spent.ticket = known.ticket or spent.ticket
            return known.stored
        mine = self._asking[key] = asyncio.get_running_loop().create_future()
        shared = None
        try:
            stored = await self._send(turn, prompt, spent)
            if self._cache is not None:
                spent.ticket = self._cache.put(key, stored)
            shared = stored, spent.ticket
            return stored
        finally:
            del self._asking[key]
            mine.set_result(shared)

    async def _send(self, turn: Turn, prompt: str, spent: _Spent) -> Stored:
        """Attempts until one succeeds.

        Raises:
            _GivenUpError: this request is hopeless. WildgraphError: the run is.
        """
        failed = waited = gone = 0
        while True:
            try:
                return await self._attempt(turn, prompt, spent)
            except Trouble as trouble:
                self.tally.trouble(prompt, trouble.kind)
                meaning = trouble.meaning
                scope = meaning.scope
                if scope == "dialect":
                    continue
                if scope == "run":
                    raise trouble.for_the_run(self._server, self._model) from None
                if (trouble.retry_after or 0.0) > self._patience.longest_retry_after:
                    asked = f"{self._server} asks to wait {trouble.retry_after:.0f} s: {trouble.detail}"
                    raise ServerError(asked, "run the same command again after that time; what was answered is kept") from None
                if scope == "item":
                    self._health.spoke()
                    return self._refusal(trouble, prompt)
                if scope == "wait":
                    waited += 1
                    if waited > self._patience.waits:
                        raise _GivenUpError(trouble) from None
                    await asyncio.sleep(self._patience.wait(waited, trouble.retry_after))
                    continue
                if trouble.kind == "unreachable":
                    self._health.gone(trouble.for_the_run(self._server, self._model))
                    gone = min(2, gone + 1)  # seldom enough to leave a server alone that is coming up, often enough to see it soon
                    await asyncio.sleep(self._patience.wait(gone, None))
                    continue
                if trouble.kind in ("forbidden", "not_found"):
                    raise _GivenUpError(trouble) from None
                if scope == "attempt":
                    self._health.stumbled(f"{trouble.kind} {trouble.detail}")
                failed += 1
                if failed > self._patience.retries:
                    raise _GivenUpError(trouble) from None
                await asyncio.sleep(self._patience.wait(failed, trouble.retry_after))

    def _refusal(self, trouble: Trouble, prompt: str) -> Stored:
        """A request the server finally refused, as an answer; only refusals that will not change are worth keeping."""
        if trouble.meaning.reason == "bad_request":
            raise _GivenUpError(trouble)
        return Stored(failure=trouble.meaning.reason, detail=trouble.detail, finish_reason="", engine=self.identity, prompt=prompt)

    async def _attempt(self, turn: Turn, prompt: str, spent: _Spent) -> Stored:
        """One request and its reply.

        Raises:
            Trouble: it failed.
        """
        await self._concurrency.enter()
        complained, retry_after, latency, work = False, None, None, 1.0
        try:
            if self.dispatcher.fatal is not None:
                raise self.dispatcher.fatal
            broken = self._cache.failed() if self._cache is not None else None
            if broken is not None:
                raise RunError(broken.message, broken.hint)
            body, dialect = self._wire.body(turn)  # not earlier: the dialect may have changed while this waited
            # No tokenizer makes more tokens than there are bytes, and the answer may fill its room.
            worst = self._spend(Usage(len(body), turn.decoding.max_tokens))
            await self._requests_pace.take(1)
            await self._tokens_pace.take(worst.tokens)
            await self._budget.reserve(worst)
            used = Spend()
            started = time.monotonic()
            try:
                spent.requests += 1
                self.tally.sent(prompt)
                stored = self._wire.read(await self.transport.post(body, spent.prefix), dialect)
                # A server that does not say what it charges for may charge for everything.
                used = self._spend(stored.usage) if stored.usage.prompt_tokens else worst
                latency, work = time.monotonic() - started, _work(stored.usage)
            except Trouble as trouble:
                used = worst if trouble.meaning.billed else Spend()
                complained, retry_after = trouble.meaning.scope == "wait", trouble.retry_after
                if trouble.meaning.scope == "suspect":
                    # Waits here, its place taken, so that no further request is sent to what may be the wrong address.
                    await self._health.suspect(trouble.for_the_run(self._server, self._model), self._concurrency.in_flight)
                raise
            except asyncio.CancelledError:
                used = worst
                raise
            finally:
                self._budget.settle(worst, used)
                self._tokens_pace.give_back(worst.tokens - used.tokens)
        finally:
            self._concurrency.leave(complained, retry_after, latency, work)
        self._health.spoke()
        self.tally.received(prompt, stored.usage, self._price.of(stored.usage) if self._price else None)
        spent.usage += stored.usage
        return Stored(
            stored.text,
            stored.reasoning,
            stored.finish_reason,
            detail=stored.detail,
            usage=stored.usage,
            model=stored.model,
            engine=self.identity,
            prompt=prompt,
        )

    def _spend(self, usage: Usage) -> Spend:
        return Spend(usage.prompt_tokens + usage.completion_tokens, self._price.of(usage) if self._price else 0)


class _GivenUpError(Exception):
    """One request is given up; its neighbours go on."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(str(trouble))
        meaning = trouble.meaning
        self.failure = Failure(meaning.reason, str(trouble), meaning.transient)


def _finished(request: ChatRequest, reading: Reading, spent: _Spent) -> _Finished:
    completion = Completion(
        request.id,
        text="" if reading.failure else reading.text,
        parsed=reading.parsed,
        reasoning=reading.reasoning,
        failure=reading.failure,
        usage=spent.usage,
        requests=spent.requests,
    )
    return _Finished(completion, request.prompt.template.name, spent.ticket, truncated=spent.truncated)


def _work(usage: Usage) -> float:
    """How long an answer may take, in tokens: reading a prompt is some twenty times as fast as writing, where it is not cached."""
    return 1.0 + usage.completion_tokens + max(0, usage.prompt_tokens - usage.cached_tokens) / 20


def _cached(finished: _Finished) -> tuple[int, int] | None:
    completion = finished.completion
    return (completion.usage.prompt_tokens, completion.usage.cached_tokens) if completion.requests else None
