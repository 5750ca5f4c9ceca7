"""Counting what a row has in tokens: by estimate, or with the trainee's own tokenizer and chat template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from wildgraph.corpus.tokens import EstimatedCounter
from wildgraph.records import Document, Evidence, Message

#: Tokens that a chat template puts around a turn, and before the answer, as the estimate has it. [ours]
_AROUND = 6


@dataclass(frozen=True)
class Measured:
    """Lengths of a conversation, in tokens.

    Attributes:
        total: everything, the chat template included.
        by_role: role -> tokens of its turns' contents.
        evidence: for each span of evidence its first token and the one behind its last, or ``[-1, -1]`` where it is not found in the
            rendered text; ``None`` where tokens are estimated.
    """

    total: int
    by_role: Mapping[str, int]
    evidence: list[list[int]] | None = None


class Measure(Protocol):
    """Counts the tokens of conversations."""

    @property
    def identity(self) -> str:
        """What counts."""
        ...

    @property
    def template(self) -> str:
        """Hash of the chat template, or empty."""
        ...

    @property
    def estimated(self) -> bool:
        """Whether counts are estimates."""
        ...

    @property
    def limit(self) -> int | None:
        """How many tokens the model takes at most, where that is known."""
        ...

    def measured(self, name: str, turns: Sequence[Message], documents: Sequence[Document], evidence: Sequence[Evidence]) -> Measured:
        """Lengths of a whole conversation; ``name`` is the row's, for messages."""
        ...

    def length(self, name: str, turns: Sequence[Message], *, answering: bool = False) -> int:
        """Length of a conversation; of a prompt that is to be answered with what the template puts before an answer."""
        ...

    def count(self, text: str) -> int:
        """Length of plain text."""
        ...


class Estimate:
    """Lengths by the calibrated estimate, with a few tokens for a template around each turn."""

    identity = EstimatedCounter().identity
    template = ""
    estimated = True
    limit: int | None = None

    def __init__(self) -> None:
        self._counter = EstimatedCounter()

    def measured(self, name: str, turns: Sequence[Message], documents: Sequence[Document], evidence: Sequence[Evidence]) -> Measured:
        """Contents by role, and the template's share."""
        by_role = {"system": 0, "user": 0, "assistant": 0}
        for turn in turns:
            by_role[turn.role] += self.count(turn.content)
        return Measured(sum(by_role.values()) + _AROUND * (len(turns) + 1), by_role)

    def length(self, name: str, turns: Sequence[Message], *, answering: bool = False) -> int:
        """Contents, and the template's share."""
        return sum(self.count(turn.content) for turn in turns) + _AROUND * (len(turns) + 1)

    def count(self, text: str) -> int:
        """The estimate."""
        return self._counter.count(text)
