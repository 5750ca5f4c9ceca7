"""Reinforcement learning from checkable answers: a prompt, and what a program checks of an answer to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.checkers import columns as checker_columns
from wildgraph.checkers import load_check
from wildgraph.errors import WildgraphError
from wildgraph.exporters import ColumnType, Row, Sample, Suffix
from wildgraph.exporters.sample import FACTS, chat
from wildgraph.records import Rejection
from wildgraph.rows import clean


class GRPOExporter(BaseModel):
    """One row per sample whose answer a program can check; ``wildgraph.checkers.reward`` reads ``checker`` and ``checker_args``.

    Where a trainee's own answers were checked, rows that it always or never passes are left out: all its answers would earn the same, and
    nothing is learnt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "grpo"
    suffix: ClassVar[Suffix] = "parquet"
    about: ClassVar[str] = (
        "`prompt` is chat messages. `checker` and `checker_args` (JSON text) say what is checked of an answer: "
        "`wildgraph.checkers.reward` is a reward function that reads them. `answer` is one that passes; `pass_rate` the share of a "
        "trainee's own answers that did, where that was measured."
    )
    columns: ClassVar[Mapping[str, ColumnType]] = {
        "id": "string",
        "prompt": "messages",
        "checker": "string",
        "checker_args": "string",
        "answer": "string",
        "pass_rate": "number",
        "n_tokens_answer": "integer",
        **FACTS,
    }

    def rows(self, sample: Sample) -> Iterator[Row | Rejection]:
        """The row of a sample; its ``n_tokens`` is the prompt's."""
        pair = sample.pair
        if pair is None or not pair.checkers:
            yield Rejection(stage="export", item=sample.id, reason="unchecked")
            return
        if pair.pass_rate in (0.0, 1.0):
            yield Rejection(stage="export", item=sample.id, reason="always_passed" if pair.pass_rate else "never_passed")
            return
        try:
            checker, arguments = checker_columns(pair.checkers)
            load_check(clean(checker), clean(arguments))
        except WildgraphError as error:
            yield Rejection(stage="export", item=sample.id, reason="bad_checker", detail=str(error))
            return
        yield {
            "id": sample.id,
            "prompt": chat(sample.prompt),
            "checker": clean(checker),
            "checker_args": clean(arguments),
            "answer": sample.turns[-1].content,
            "pass_rate": pair.pass_rate,
            "n_tokens_answer": sample.measure.count(sample.turns[-1].content),
            **sample.facts,
            "n_tokens": sample.measure.length(sample.id, sample.prompt, answering=True),
        }
