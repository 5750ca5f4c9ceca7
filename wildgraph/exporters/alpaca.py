"""Alpaca: one instruction, one output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.exporters import ColumnType, Row, Sample, Suffix
from wildgraph.records import Rejection


class AlpacaExporter(BaseModel):
    """One row per sample with one user turn.

    The format has no system prompt and no history: a system prompt, which may hold the documents, stands before the instruction, and
    dialogues are left out, for a reader that knows no history would train on answers without what they are about.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "alpaca"
    suffix: ClassVar[Suffix] = "jsonl"
    about: ClassVar[str] = (
        "`instruction` is the whole prompt, documents and system prompt included, `input` is empty, `output` is the answer. "
        "Dialogues do not fit this format and are left out."
    )
    columns: ClassVar[Mapping[str, ColumnType]] = {
        "id": "string",
        "instruction": "string",
        "input": "string",
        "output": "string",
        "origin": "string",
    }

    def rows(self, sample: Sample) -> Iterator[Row | Rejection]:
        """The row of a sample."""
        if sum(turn.role == "user" for turn in sample.turns) != 1:
            yield Rejection(stage="export", item=sample.id, reason="multi_turn")
            return
        asked = "\n\n".join(turn.content for turn in sample.prompt)
        yield {**sample.facts, "id": sample.id, "instruction": asked, "input": "", "output": sample.turns[-1].content}
