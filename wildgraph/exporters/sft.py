"""Supervised fine-tuning: conversational ``prompt`` and ``completion``, and the same as ``messages``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.exporters import ColumnType, Row, Sample, Suffix
from wildgraph.exporters.sample import FACTS, chat, trained_from
from wildgraph.records import Rejection


class SFTExporter(BaseModel):
    """One row per sample.

    The completion begins with the first answer from which on every answer is trained on, and ends with the last; the prompt is everything
    before it. Where a completion holds several answers, a trainer has to leave the user's turns between them out of the loss:
    ``assistant_only_loss`` in TRL. ``left_out`` names labels of the path that the instruction leaves out. ``path``, ``attributes``,
    ``evidence`` and ``evidence_tokens`` are JSON text, since parquet would fill nested values of different shapes with nulls.

    Attributes:
        thinking: give what the model thought before an answer as ``thinking`` of that message.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "sft"
    suffix: ClassVar[Suffix] = "parquet"
    about: ClassVar[str] = (
        "`prompt` and `completion` are chat messages; `messages` is both together, and says with `train` on which turns the loss is "
        "computed. Where a completion holds several answers, train with TRL's `assistant_only_loss`."
    )

    thinking: bool = False

    @property
    def columns(self) -> Mapping[str, ColumnType]:
        """What is written."""
        plain: ColumnType = "thoughtful" if self.thinking else "messages"
        marked: ColumnType = "trained+thoughtful" if self.thinking else "trained"
        return {"id": "string", "prompt": plain, "completion": plain, "messages": marked, **FACTS}

    def rows(self, sample: Sample) -> Iterator[Row | Rejection]:
        """The row of a sample."""
        start = trained_from(sample.turns)
        yield {
            "id": sample.id,
            "prompt": chat(sample.turns[:start], thinking=self.thinking),
            "completion": chat(sample.turns[start:], thinking=self.thinking),
            "messages": chat(sample.turns, train=True, thinking=self.thinking),
            **sample.facts,
        }
