"""Conversations that move through a document: what it says of one subject, then of another, then back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from wildgraph.backends.offline.extraction import Sentence
from wildgraph.backends.offline.material import Material, flat
from wildgraph.backends.offline.questions import fill
from wildgraph.backends.offline.repertoire import CannotWriteError


@dataclass(frozen=True)
class DialoguePlan:
    """What the user says and what the replies hold, turn by turn.

    Attributes:
        turns: the user's. replies: the assistant's. evidence: the sentences of each reply.
        left_out: names of labels that the conversation does not realise.
    """

    turns: tuple[str, ...]
    replies: tuple[str, ...]
    evidence: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]


class Converser:
    """Plans a conversation about one document."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.choice = material.choice
        self.graph = material.graphs[0]

    @cached_property
    def plan(self) -> DialoguePlan:
        """A subject from the first part that comes back in the last, and another one between.

        Raises:
            CannotWriteError: no subject is spoken of both early and late.
        """
        everything = self.graph.sentences
        if len(everything) < 9:
            raise CannotWriteError("the document is too short for a conversation that moves through it")
        size = len(self.graph.text)
        early, middle, late = (
            [sentence for sentence in everything if low * size <= sentence.start < high * size]
            for low, high in ((0.0, 0.34), (0.34, 0.67), (0.67, 1.01))
        )
        subjects = [*self.graph.topics, *self.graph.subjects]
        returning = [topic for topic in subjects if _saying(topic, early) and _saying(topic, late)][:8]
        if not returning:
            raise CannotWriteError("no subject is spoken of both early and late in the document")
        first = self.choice.of(returning)
        between = [topic for topic in subjects if _saying(topic, middle) and not _alike(topic, first)][:8]
        if not between:
            raise CannotWriteError("the middle of the document has no subject of its own")
        second = self.choice.of(between)
        start = self.graph.choose(_saying(first, early), 2)
        onward = self.graph.choose(_saying(second, middle), self.choice.number(1, 3))
        end = self.graph.choose(_saying(first, late), 2)
        used: set[str] = set()
        turns = [
            self.material.dressed([self._say("opening", topic=first)], used),
            self._say("onward", topic=second),
            self._say("returning", topic=first),
        ]
        chosen = [start, onward, end]
        replies = [" ".join(flat(sentence.text) for sentence in group) for group in chosen]
        if self.choice.number(0, 1):
            turns.append(self._say("collecting", topic=first))
            chosen.append([*start, *end])
            replies.append("\n".join(f"- {flat(sentence.text)}" for sentence in chosen[-1]))
        evidence = tuple(tuple(sentence.text for sentence in group) for group in chosen)
        return DialoguePlan(tuple(turns), tuple(replies), evidence, self.material.left_out(used))

    def _say(self, wording: str, topic: str) -> str:
        return fill(self.choice.of(self.material.operations.wordings[wording]), what=self.material.what(), topic=topic)


def _saying(topic: str, sentences: Sequence[Sentence]) -> list[Sentence]:
    folded = topic.casefold()
    return [sentence for sentence in sentences if folded in sentence.text.casefold()]


def _alike(one: str, other: str) -> bool:
    first, second = one.casefold(), other.casefold()
    return first in second or second in first
