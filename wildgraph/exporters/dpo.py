"""Preference optimisation: a prompt with the answer that was chosen and a worse one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.exporters import ColumnType, Row, Sample, Suffix
from wildgraph.exporters.sample import FACTS, chat
from wildgraph.records import Message, Rejection, content_hash
from wildgraph.rows import clean


class DPOExporter(BaseModel):
    """One row per worse answer that differs from the chosen one; earlier turns of a dialogue stand in the prompt.

    What was thought before an answer is never given: only the chosen answers would have it, and its presence would be what is learnt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "dpo"
    suffix: ClassVar[Suffix] = "parquet"
    about: ClassVar[str] = (
        "`prompt`, `chosen` and `rejected` are chat messages. `made` says how the rejected answer came about, `detail` what was done, "
        "`margin` by how much a judge preferred the chosen one (where one judged), `matched` whether both have about the same length and form."
    )
    columns: ClassVar[Mapping[str, ColumnType]] = {
        "id": "string",
        "prompt": "messages",
        "chosen": "messages",
        "rejected": "messages",
        "made": "string",
        "margin": "number",
        "matched": "boolean",
        "detail": "string",
        "rejected_engine": "string",
        "pair_id": "string",
        "n_tokens_chosen": "integer",
        "n_tokens_rejected": "integer",
        **FACTS,
    }

    def rows(self, sample: Sample) -> Iterator[Row | Rejection]:
        """A row for each worse answer."""
        chosen = sample.turns[-1]
        worse = [one for one in (sample.pair.alternatives if sample.pair else ()) if clean(one.content).strip() != chosen.content.strip()]
        if not worse:
            yield Rejection(stage="export", item=sample.id, reason="no_alternative")
        for alternative in worse:
            rejected = Message(role="assistant", content=clean(alternative.content))
            whole = sample.measure.length(sample.id, (*sample.prompt, rejected))
            yield {
                "id": content_hash(sample.id, alternative.made, alternative.content),
                "prompt": chat(sample.prompt),
                "chosen": chat([chosen]),
                "rejected": chat([rejected]),
                "made": alternative.made,
                "margin": alternative.margin,
                "matched": alternative.matched,
                "detail": clean(alternative.detail),
                "rejected_engine": clean(alternative.engine),
                "pair_id": sample.id,
                "n_tokens_chosen": sample.measure.count(chosen.content),
                "n_tokens_rejected": sample.measure.count(rejected.content),
                **sample.facts,
                "n_tokens": max(sample.measured.total, whole),
            }
