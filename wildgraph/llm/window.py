"""The context window: every prompt is measured before it is sent, and one that does not fit is refused or shortened, by choice.

Whether a prompt fits is a function of the prompt alone, never of what a server said of others: the same run gives the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from wildgraph.llm.answers import Turn
from wildgraph.llm.prompts import Prompt
from wildgraph.llm.structured import Messages, strict_schema
from wildgraph.records import Json

Overflow = Literal["reject", "truncate"]

ESTIMATE_MARGIN = 0.25
"""What an estimated length is raised by: the estimate is off by a quarter at most (see :class:`wildgraph.corpus.EstimatedCounter`)."""

_PER_MESSAGE = 8  # role marks of a chat template
_SHORTEST = 200  # characters; texts that are no longer are never cut


@dataclass(frozen=True)
class Window:
    """What a model can take in at once.

    Attributes:
        size: tokens of prompt and answer together.
        count: how many tokens a text has.
        margin: share by which counts are raised, since they are estimates; 0 for the model's own tokenizer.
        overflow: ``reject`` makes a failure of what does not fit. ``truncate`` leaves out the middle of the longest texts in the prompt's
            variables (all are cut to one length, the largest that fits) and says in their place how much is missing.
    """

    size: int
    count: Callable[[str], int]
    margin: float = 0.0
    overflow: Overflow = "reject"

    def needs(self, turn: Turn) -> int:
        """The tokens of a prompt and of the room for its answer; never too few, and exact only where it matters."""
        texts = [message["content"] for message in turn.messages]
        if turn.schema is not None:
            texts.append(strict_schema(turn.schema)[0])
        fixed = _PER_MESSAGE * (len(texts) + 1) + turn.decoding.max_tokens
        most = 4 * sum(map(len, texts)) + fixed  # no tokenizer makes more tokens than there are bytes
        if most <= self.size:
            return most
        return math.ceil((1.0 + self.margin) * sum(map(self.count, texts))) + fixed

    def fits(self, turn: Turn) -> bool:
        """Whether the prompt and the room for its answer fit."""
        return self.needs(turn) <= self.size

    def shortened(self, prompt: Prompt, turn: Turn) -> Turn | None:
        """The first turn of ``prompt`` with the middle of its longest texts left out, so that it fits; ``None`` where nothing helps."""
        low, high = _SHORTEST, max((len(text) for text in _texts(prompt.variables)), default=0)
        best: Turn | None = None
        while low <= high:
            limit = (low + high) // 2
            shorter = replace(prompt, variables={name: _cut(value, limit) for name, value in prompt.variables.items()})
            tried = replace(turn, messages=shorter.messages(), shortened=True)
            if self.fits(tried):
                best, low = tried, limit + 1
            else:
                high = limit - 1
        return best


def tokens_of(messages: Messages, count: Callable[[str], int]) -> int:
    """The tokens of rendered messages, with what a chat template adds."""
    return sum(count(message["content"]) + _PER_MESSAGE for message in messages)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, Sequence):
        for part in value:
            yield from _texts(part)


def _cut(value: Json, limit: int) -> Json:
    """A JSON value with every longer text cut to ``limit`` characters, half of them from its end."""
    if isinstance(value, str):
        if len(value) <= limit:
            return value
        tail = limit // 2
        return f"{value[: limit - tail]}\n[… {len(value) - limit:,} characters are left out here …]\n{value[len(value) - tail :]}"
    if isinstance(value, dict):
        return {name: _cut(part, limit) for name, part in value.items()}
    if isinstance(value, list):
        return [_cut(part, limit) for part in value]
    return value
