"""Short chat data mixed into a training split: which rows of a file are taken, and what they become."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from wildgraph.chance import keys
from wildgraph.exporters.measures import Measure
from wildgraph.exporters.sample import Sample, TrainOn, mark
from wildgraph.records import Message, Rejection, content_hash
from wildgraph.rows import Row, clean, read_rows

_ROLES = {"human": "user", "gpt": "assistant", "user": "user", "assistant": "assistant", "system": "system"}


def wanted(rows: int, shares: Mapping[str, float]) -> dict[str, int]:
    """How many rows of each file make up its share of the whole, beside so many other rows.

    Example:
        >>> wanted(90, {"a.jsonl": 0.1})
        {'a.jsonl': 10}
    """
    whole = rows / (1 - sum(shares.values()))
    return {name: round(share * whole) for name, share in shares.items()}


def mixed_in(file: Path, number: int, seed: int, measure: Measure, train_on: TrainOn) -> Iterator[Sample | Rejection]:
    """So many rows of a file, drawn by seed, in the file's order; all, where it has no more. What cannot be read is a rejection.

    Rows hold ``messages`` (or ``conversations``), or ``prompt`` and ``completion``, each text or messages; the last turn is the assistant's.

    Args:
        file: JSON lines, JSON, CSV or parquet.
        number: how many rows are wanted. The file is read twice, so that no more than one row is in memory at a time.
        seed: decides which.
        measure: what counts tokens.
        train_on: which answers are trained on.

    Raises:
        InputError: the file is missing or is no table.
    """
    chosen = _chosen(file, number, seed)
    for place, row in enumerate(read_rows(file, stage="export")):
        if isinstance(row, Rejection):
            yield row
            continue
        turns = _turns(row.values)
        if turns is None:
            name = f"{file.name}:{row.line}"
            yield Rejection(
                stage="export", item=name, reason="unknown_layout", where=name, detail="neither messages nor prompt and completion"
            )
        elif place in chosen:
            contents = [(turn.role, turn.content) for turn in turns]
            yield Sample(content_hash(contents), "train", tuple(mark(turns, train_on)), measure, origin=file.name)


def _chosen(file: Path, number: int, seed: int) -> frozenset[int]:
    """Places of the rows that are taken: those with the smallest draws among the usable ones."""

    def draws() -> Iterable[tuple[int, int]]:
        import numpy as np

        for place, row in enumerate(read_rows(file, stage="export")):
            if isinstance(row, Row) and _turns(row.values) is not None:
                yield int(keys(seed, "mix", np.asarray([place], dtype=np.uint64))[0]), place

    return frozenset(place for _, place in heapq.nsmallest(number, draws()))


def _turns(values: Mapping[str, object]) -> list[Message] | None:
    """The turns of a row, or ``None`` where it is no chat that ends with an answer."""
    several = values.get("messages", values.get("conversations"))
    if several is not None:
        turns = _messages(several, "user")
        system = values.get("system")
        if turns and isinstance(system, str) and system and turns[0].role != "system":
            turns.insert(0, Message(role="system", content=clean(system)))
    else:
        turns = _messages(values.get("prompt"), "user") + _messages(values.get("completion"), "assistant")
    roles = [turn.role for turn in turns if turn.role != "system"]
    whole = bool(roles) and roles[0] == "user" and roles[-1] == "assistant" and all(left != right for left, right in pairwise(roles))
    return turns if whole and all(turn.content.strip() for turn in turns) else None


def _messages(value: object, role: str) -> list[Message]:
    if isinstance(value, str):
        return [Message.model_validate({"role": role, "content": clean(value)})]
    turns = []
    for one in value if isinstance(value, list) else ():
        if not isinstance(one, Mapping):
            return []
        content = one.get("content", one.get("value"))
        named = _ROLES.get(str(one.get("role", one.get("from"))))
        if named is None or not isinstance(content, str):
            return []
        turns.append(Message.model_validate({"role": named, "content": clean(content)}))
    return turns
