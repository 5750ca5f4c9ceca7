"""Asking about a stream of items, of which some need no asking."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from wildgraph.llm.model import ChatModel, ChatRequest, Completion

T = TypeVar("T")


def ask_about(items: Iterable[T], request: Callable[[T], ChatRequest | None], model: ChatModel) -> Iterator[tuple[T, Completion | None]]:
    """Every item in its place, with the answer about it, or ``None`` where there was nothing to ask.

    Args:
        items: pulled as far ahead as the model looks.
        request: what to ask about one; ids must differ.
        model: any chat model.
    """
    queue: deque[tuple[T, bool]] = deque()

    def requests() -> Iterator[ChatRequest]:
        for item in items:
            wanted = request(item)
            queue.append((item, wanted is not None))
            if wanted is not None:
                yield wanted

    def leading() -> Iterator[tuple[T, None]]:
        while queue and not queue[0][1]:
            yield queue.popleft()[0], None

    for completion in model.map(requests()):
        yield from leading()
        yield queue.popleft()[0], completion
    yield from leading()
