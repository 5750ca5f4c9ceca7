"""What names a prompt, so that it is known again in another data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from wildgraph.exporters.sample import Sample
from wildgraph.records import content_hash

_WRITTEN = {"human": "user", "gpt": "assistant"}


def prompt_keys(sample: Sample) -> Iterator[str]:
    """Keys of a sample's prompt: its instruction over the same documents in whatever layout, and its text as it is rendered."""
    pair = sample.pair
    if pair is not None:
        yield _over(pair.instruction, (reference.hash for reference in pair.documents))
    yield _text(turn.content for turn in sample.prompt if turn.role != "assistant")


def row_keys(row: Mapping[str, object]) -> Iterator[str]:
    """Keys of a row of any data set: its id, and those that :func:`prompt_keys` gives of its prompt.

    Rows are known by ``id``, ``pair_id``, ``instruction`` with ``document_hashes``, ``prompt`` (messages or text), ``messages``,
    ``conversations``, or ``instruction`` and ``input``.
    """
    for name in ("id", "pair_id"):
        if isinstance(row.get(name), str) and row[name]:
            yield str(row[name])
    instruction, hashes = row.get("instruction"), row.get("document_hashes")
    if hashes is None and isinstance(row.get("documents"), list):  # a pair of a run
        hashes = [one.get("hash") for one in _objects(row["documents"])]
    if isinstance(instruction, str) and isinstance(hashes, list):
        if hashes:
            yield _over(instruction, map(str, hashes))
    elif isinstance(instruction, str):  # Alpaca
        extra = row.get("input")
        yield _text([instruction, extra] if isinstance(extra, str) and extra else [instruction])
    for name in ("prompt", "messages", "conversations"):
        if isinstance(row.get(name), str):
            yield _text([str(row[name])])
        elif isinstance(row.get(name), list):
            asked = list(_asked(_objects(row[name])))
            system = row.get("system")  # documents may stand there
            if asked:
                yield _text([system, *asked] if isinstance(system, str) and system else asked)


def _objects(value: object) -> Iterator[Mapping[str, object]]:
    return (one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else iter(())


def _asked(messages: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """What system and user say in messages of the usual kinds."""
    for message in messages:
        role, content = message.get("role", message.get("from")), message.get("content", message.get("value"))
        if _WRITTEN.get(str(role), role) in ("system", "user") and isinstance(content, str):
            yield content


def _over(instruction: str, hashes: Iterable[str]) -> str:
    return content_hash("instruction", _plain(instruction), sorted(hashes))


def _text(parts: Iterable[str]) -> str:
    return content_hash("prompt", _plain("\n".join(parts)))


def _plain(text: str) -> str:
    """``text`` without what layouts change: case and white space."""
    return " ".join(text.casefold().split())
