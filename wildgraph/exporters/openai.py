"""OpenAI's fine-tuning JSONL: ``messages`` and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.exporters import ColumnType, Row, Sample, Suffix
from wildgraph.records import Json, Rejection


class OpenAIExporter(BaseModel):
    """One row per sample. An answer that is not trained on has ``weight`` 0; other keys are refused by the service, ids too."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "openai"
    suffix: ClassVar[Suffix] = "jsonl"
    about: ClassVar[str] = "`messages` as OpenAI's fine-tuning takes them; an answer that is not to be trained on has `weight` 0."
    columns: ClassVar[Mapping[str, ColumnType]] = {"messages": "messages"}

    def rows(self, sample: Sample) -> Iterator[Row | Rejection]:
        """The row of a sample."""
        messages: list[Json] = []
        for turn in sample.turns:
            message: dict[str, Json] = {"role": turn.role, "content": turn.content}
            if turn.role == "assistant" and not turn.train:
                message["weight"] = 0
            messages.append(message)
        yield {**sample.facts, "id": sample.id, "messages": messages}
