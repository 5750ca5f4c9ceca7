"""A chat model through a batch interface: cheaper answers within a day, collected into the cache, with a live model for what is left.

A batch only fills the cache. Afterwards the live model is asked everything, answers from the cache what the batches brought, and pays for
the rest: requests that failed or expired, and corrections too few for a batch. Batches under way are remembered in a folder of the run, so
that a command that was killed finds them again instead of paying twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from wildgraph.atomic import cannot_write, writing
from wildgraph.errors import BudgetError, RunError, ServerError
from wildgraph.llm.answers import Turn
from wildgraph.llm.budget import Budget, Spend
from wildgraph.llm.cache import ResponseCache
from wildgraph.llm.model import ChatModel, ChatRequest, Completion, Decoding, Failure, Usage
from wildgraph.llm.prices import Price
from wildgraph.llm.questions import Questions
from wildgraph.llm.stored import Stored
from wildgraph.llm.tally import Tally
from wildgraph.llm.trouble import Trouble
from wildgraph.llm.wire import Reply, Wire
from wildgraph.records import content_hash

R = TypeVar("R")

ROUNDS = 3
"""Batches one after the other for one share of requests: the questions, then corrections and what failed; the live model gets the rest."""

DISCOUNT = 0.5
"""What a batched token costs of a live one."""

LOST_SIGHT = 10
"""Looks at a batch in a row that may fail before the command ends; the batch goes on, and the next command looks again."""


@dataclass(frozen=True)
class Progress:
    """What the server says of a batch. ``results``: ids of the files with its results so far."""

    ended: bool
    status: str = ""
    results: tuple[str, ...] = ()
    problem: str = ""


class BatchDesk(Protocol):
    """Where batches are handed in and collected: one server's interface, bytes and all. Every call may raise :class:`Trouble`."""

    def line(self, key: str, body: bytes) -> bytes:
        """One request of a batch, with a line break."""
        ...

    async def submit(self, lines: Sequence[bytes], tag: str) -> str:
        """Hand in a batch under a tag of ours; its id."""
        ...

    async def find(self, tag: str) -> str | None:
        """The id of the batch that was handed in under ``tag``, if there is one."""
        ...

    async def look(self, batch: str) -> Progress:
        """How far it is."""
        ...

    async def results(self, file: str) -> Iterator[tuple[str, Reply]]:
        """The replies in a file of results, by key."""
        ...


@dataclass(frozen=True)
class Handed:
    """A batch under way, as its file in the folder has it.

    Attributes:
        tag: ours, a hash of the keys. batch: the server's id, empty until it is known.
        prompts: key in hex -> name of the template.
    """

    tag: str
    engine: str
    batch: str
    prompts: dict[str, str]


class BatchModel:
    """The :class:`wildgraph.llm.ChatModel` that asks in batches first.

    Args:
        live: answers from the same cache, and what batches leave over.
        call: runs a coroutine on the loop of ``live``.
        desk: where batches go. wire: how questions are written.
        questions: how the model is asked. cache: filled by batches and read by ``live``.
        folder: remembers batches under way.
        budget, tally: shared with ``live``. price: of live tokens.
        size: requests in a batch at most. size_bytes: bytes at most. least: requests for which no batch is worth its wait.
        poll: seconds between two looks at a batch.
    """

    def __init__(
        self,
        *,
        live: ChatModel,
        call: Callable[[Callable[[], Coroutine[object, object, object]]], object],
        desk: BatchDesk,
        wire: Wire,
        questions: Questions,
        cache: ResponseCache,
        folder: Path,
        budget: Budget,
        tally: Tally,
        price: Price | None = None,
        size: int = 20_000,
        size_bytes: int = 150_000_000,
        least: int = 20,
        poll: float = 30.0,
    ) -> None:
        self.identity = questions.identity
        self._live = live
        self._call = call
        self._desk = desk
        self._wire = wire
        self._questions = questions
        self._cache = cache
        self._folder = folder
        self._budget = budget
        self._tally = tally
        self._price = price.scaled(DISCOUNT) if price else None
        self._size = size
        self._size_bytes = size_bytes
        self._least = least
        self._poll = poll

    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
        """Completions in input order; up to ``size`` requests are pulled and batched before the first of them is yielded.

        Raises:
            ModelError: the server cannot be used. BudgetError: a cap was reached. RunError: the cache or the folder cannot be written.
        """
        source = iter(requests)
        while share := list(islice(source, self._size)):
            for handed in self._under_way():
                self._collect(handed)
            rounds, before = 0, len(share) + 1
            while rounds < ROUNDS and len(wanted := self._wanted(share)) >= self._least:
                handed, worst = self._hand_in(wanted)
                # A part that was all that fitted is no round, as long as it brings something.
                rounds += len(handed.prompts) == len(wanted) or len(wanted) >= before
                before = len(wanted)
                self._collect(handed, worst)
            yield from self._live.map(share)

    # ------------------------------------------------------------------ what is asked

    def _wanted(self, requests: Iterable[ChatRequest]) -> dict[str, tuple[Turn, str]]:
        """The questions that the cache does not answer, by key, with the names of their templates."""
        self._cache.flush()
        wanted = {}
        for request in requests:
            first = self._questions.first(request)
            if isinstance(first, Failure):
                continue
            walked = self._questions.walk(first, self._cache.get)
            if walked.reading is None:
                wanted[walked.key.hex()] = walked.turn, request.prompt.template.name
        return wanted

    def _hand_in(self, wanted: dict[str, tuple[Turn, str]]) -> tuple[Handed, Spend]:
        """Write and submit as many of the questions as fit into a batch and the budget, of which their worst case stays reserved."""
        lines: dict[str, bytes] = {}
        worst = Spend()
        total = 0
        for key, (turn, _) in wanted.items():
            body, _ = self._wire.body(turn)
            line = self._desk.line(key, body)
            total += len(line)
            if lines and total > self._size_bytes:
                break
            lines[key] = line
            most = Usage(len(body), turn.decoding.max_tokens)
            worst = Spend(worst.tokens + most.prompt_tokens + most.completion_tokens, worst.cost + self._cost(most))
        try:
            self._await(lambda: self._budget.reserve(worst, len(lines)))
        except BudgetError:
            if len(lines) <= self._least:
                raise
            return self._hand_in(dict(islice(wanted.items(), len(lines) // 2)))  # less of it may fit
        prompts = {key: wanted[key][1] for key in lines}
        handed = Handed(content_hash(self.identity, list(lines)), self.identity, "", prompts)
        self._remember(handed)  # before it is handed in: it must not be lost, and a command that dies in between looks for the tag
        try:
            batch = self._await(lambda: self._desk.submit(list(lines.values()), handed.tag))
        except Trouble as trouble:
            self._forget(handed)
            self._budget.settle(worst, Spend())
            raise trouble.for_the_run("the batch interface", self.identity) from None
        handed = replace(handed, batch=batch)
        self._remember(handed)
        return handed, worst

    # ------------------------------------------------------------------ what comes back

    def _collect(self, handed: Handed, reserved: Spend = Spend()) -> None:  # noqa: B008 - a tuple
        """Wait for a batch and put what it brought into the cache; its reservation becomes what it cost."""
        batch = handed.batch or self._await(lambda: self._desk.find(handed.tag))
        if not batch:
            self._forget(handed)  # it was never handed in
            return
        progress = self._ended(batch)
        _, dialect = self._wire.body(Turn((), None, Decoding()))
        used = Spend()
        for file in progress.results:
            for key, reply in self._await(lambda file=file: self._desk.results(file)):  # type: ignore[misc]
                if key in handed.prompts:
                    used = self._keep(key, handed.prompts[key], reply, dialect, used)
        self._cache.flush()
        self._budget.settle(reserved, used)
        self._forget(handed)
        if not progress.results and progress.problem:
            raise ServerError(f"batch {batch} {progress.status}: {progress.problem}", "mend this, or run without --batch")

    def _ended(self, batch: str) -> Progress:
        """Look until it has ended.

        Raises:
            ServerError: it cannot be looked at any more.
        """
        failed = 0
        while True:
            try:
                progress: Progress = self._await(lambda: self._desk.look(batch))
            except Trouble as trouble:
                failed += 1
                if trouble.meaning.scope == "run" or failed >= LOST_SIGHT:
                    raise trouble.for_the_run("the batch interface", self.identity) from None
            else:
                failed = 0
                if progress.ended:
                    return progress
            time.sleep(self._poll)

    def _keep(self, key: str, prompt: str, reply: Reply, dialect: object, used: Spend) -> Spend:
        """Commit one answer and add what it cost; what failed in a way that may pass is left to whoever asks next."""
        self._tally.sent(prompt)
        try:
            stored = self._wire.read(reply, dialect)
        except Trouble as trouble:
            self._tally.trouble(prompt, trouble.kind)
            meaning = trouble.meaning
            if meaning.scope == "item" and meaning.reason != "bad_request":
                self._cache.put(
                    bytes.fromhex(key),
                    Stored(failure=meaning.reason, detail=trouble.detail, finish_reason="", engine=self.identity, prompt=prompt),
                )
            return used
        self._tally.received(prompt, stored.usage, self._cost(stored.usage) if self._price else None)
        self._cache.put(bytes.fromhex(key), replace(stored, engine=self.identity, prompt=prompt))
        tokens = stored.usage.prompt_tokens + stored.usage.completion_tokens
        return Spend(used.tokens + tokens, used.cost + self._cost(stored.usage))

    def _cost(self, usage: Usage) -> int:
        return self._price.of(usage) if self._price else 0

    def _await(self, work: Callable[[], Coroutine[object, object, R]]) -> R:
        return self._call(work)  # type: ignore[return-value]

    # ------------------------------------------------------------------ what is under way

    def _under_way(self) -> list[Handed]:
        """The batches of this engine that an earlier command handed in and did not collect."""
        found = []
        for file in sorted(self._folder.glob("*.json")) if self._folder.is_dir() else ():
            try:
                handed = Handed(**json.loads(file.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError) as error:
                raise RunError(
                    f"{file} is damaged: {error}", "remove it; the answers of its batch, if they are not collected yet, are asked for again"
                ) from error
            if handed.engine == self.identity:
                found.append(handed)
        return found

    def _remember(self, handed: Handed) -> None:
        file = self._folder / f"{handed.tag}.json"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        with writing(file, 0o600) as handle:
            json.dump(asdict(handed), handle)

    def _forget(self, handed: Handed) -> None:
        (self._folder / f"{handed.tag}.json").unlink(missing_ok=True)
