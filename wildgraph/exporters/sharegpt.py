"""ShareGPT: turns as ``from`` and ``value``, the system prompt apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.exporters import ColumnType, Row, Sample, Suffix
from wildgraph.records import Json, Rejection

_NAMES = {"user": "human", "assistant": "gpt"}


class ShareGPTExporter(BaseModel):
    """One row per sample; readers of this format train on every ``gpt`` turn.

    The system prompt is a column of its own, as LLaMA-Factory and others read it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "sharegpt"
    suffix: ClassVar[Suffix] = "jsonl"
    about: ClassVar[str] = "`conversations` holds the turns as `from` (`human`, `gpt`) and `value`, `system` the system prompt or nothing."
    columns: ClassVar[Mapping[str, ColumnType]] = {"id": "string", "system": "string", "conversations": "messages", "origin": "string"}

    def rows(self, sample: Sample) -> Iterator[Row | Rejection]:
        """The row of a sample."""
        said: list[Json] = [{"from": _NAMES[turn.role], "value": turn.content} for turn in sample.turns if turn.role != "system"]
        system = "\n\n".join(turn.content for turn in sample.turns if turn.role == "system")
        yield {**sample.facts, "id": sample.id, "system": system, "conversations": said}
