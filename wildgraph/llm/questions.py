"""The questions behind a request: what is asked first, what after an answer, and how far the cache already knows the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wildgraph.llm.answers import Reading, Turn, follow_up, read
from wildgraph.llm.model import ChatRequest, Failure
from wildgraph.llm.stored import Stored
from wildgraph.llm.window import Window
from wildgraph.records import Json


@dataclass(frozen=True)
class Walked:
    """How far the known answers lead.

    Attributes:
        turn: the last question. key: its key.
        answers: to it and to those before it, as far as they are known.
        reading: what the last answer is worth; ``None`` when ``turn`` has still to be asked.
    """

    turn: Turn
    key: bytes
    answers: tuple[Stored, ...]
    reading: Reading | None


@dataclass(frozen=True)
class Questions:
    """How one model is asked.

    Attributes:
        identity: of the model. extra: further parameters of every request; both part of the key.
        window: its context window, if that is known.
        corrected: whether a bad answer is asked about again; a model that is handed over sees to that itself.
    """

    identity: str
    extra: Mapping[str, Json] = field(default_factory=dict)
    window: Window | None = None
    corrected: bool = True

    def first(self, request: ChatRequest) -> Turn | Failure:
        """The first question of a request, shortened if need be, or why it cannot be asked."""
        turn = Turn(request.prompt.messages(), request.schema, request.decoding, request.sample)
        window = self.window
        if window is None or window.fits(turn):
            return turn
        shorter = window.shortened(request.prompt, turn) if window.overflow == "truncate" else None
        if shorter is not None:
            return shorter
        needs = f"prompt and answer may take {window.needs(turn)} tokens, the context window is {window.size}"
        return Failure("prompt_too_long", needs)

    def key(self, turn: Turn) -> bytes:
        """Its key in the response cache."""
        return turn.key(self.identity, self.extra)

    def judged(self, stored: Stored, turn: Turn) -> Reading:
        """What an answer to ``turn`` is worth."""
        reading = read(stored, turn.schema)
        if reading.failure and reading.failure.reason == "prompt_too_long" and turn.widened:
            # The prompt fits, twice the room does not: what failed is the answer that was cut off.
            return Reading("", "", failure=Failure("truncated_answer", f"no room for a longer answer: {reading.failure.detail}"))
        return reading

    def following(self, turn: Turn, reading: Reading) -> Turn | None:
        """What is asked next; ``None`` after a good answer, after a failure that is final, and where the next question does not fit."""
        turned = follow_up(turn, reading) if reading.failure and self.corrected else None
        return turned if turned is None or self.window is None or self.window.fits(turned) else None

    def walk(self, first: Turn, find: Callable[[bytes], Stored | None]) -> Walked:
        """Follow the known answers from the first question on.

        Args:
            first: see :meth:`first`.
            find: the answer under a key, if it is known.
        """
        turn = first
        answers: list[Stored] = []
        while True:
            key = self.key(turn)
            known = find(key)
            if known is None:
                return Walked(turn, key, tuple(answers), None)
            answers.append(known)
            reading = self.judged(known, turn)
            following = self.following(turn, reading)
            if following is None:
                return Walked(turn, key, tuple(answers), reading)
            turn = following
