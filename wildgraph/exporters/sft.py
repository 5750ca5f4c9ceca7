"""Supervised fine-tuning: conversational ``prompt`` and ``completion``, and the same as ``messages``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.exporters import ColumnType, Row
from wildgraph.exporters.layout import choose_layout, lay_out
from wildgraph.records import Document, Json, Pair, canonical_json
from wildgraph.rows import clean


class SFTExporter(BaseModel):
    """One row per pair. The completion is the last assistant turn, the prompt everything before it.

    ``left_out`` names labels of the path that the instruction leaves out. ``path``, ``attributes`` and ``evidence`` are JSON text, since parquet would fill nested values of different shapes with nulls.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "sft"
    columns: ClassVar[Mapping[str, ColumnType]] = {
        "id": "string",
        "prompt": "messages",
        "completion": "messages",
        "messages": "messages",
        "paradigm": "string",
        "document_type": "string",
        "language": "string",
        "document_ids": "strings",
        "document_hashes": "strings",
        "licences": "strings",
        "path": "string",
        "attributes": "string",
        "left_out": "strings",
        "evidence": "string",
        "layout": "string",
        "engine": "string",
        "graph": "string",
        "n_tokens": "integer",
        "n_tokens_documents": "integer",
        "n_tokens_instruction": "integer",
        "n_tokens_response": "integer",
        "n_tokens_estimated": "boolean",
    }

    def row(self, pair: Pair, documents: Sequence[Document]) -> Row:
        """The row of a pair.

        Raises:
            ValueError: the pair does not end with an assistant turn, so there is nothing to train on.
        """
        if not pair.turns or pair.turns[-1].role != "assistant":
            raise ValueError(f"pair {pair.id} does not end with an assistant turn")
        rendered = lay_out(pair.turns, documents, seed=pair.layout, language=pair.language)
        messages: list[Json] = [dict(message) for message in rendered]
        references = sorted(pair.documents, key=lambda reference: reference.order)
        return {
            "split": pair.split,
            "id": pair.id,
            "prompt": messages[:-1],
            "completion": messages[-1:],
            "messages": messages,
            "paradigm": pair.paradigm,
            "document_type": clean(pair.document_type),
            "language": clean(pair.language),
            "document_ids": [clean(reference.id) for reference in references],
            "document_hashes": [reference.hash for reference in references],
            "licences": [clean(reference.licence) for reference in references],
            "path": clean(canonical_json(pair.path)),
            "attributes": clean(canonical_json(pair.attributes)),
            "left_out": [clean(name) for name in pair.provenance.unrealised],
            "evidence": clean(canonical_json([span.model_dump(mode="json") for span in pair.evidence])),
            "layout": choose_layout(pair.layout).name,
            "engine": clean(pair.provenance.engine),
            "graph": pair.provenance.graph,
            "n_tokens": pair.n_tokens.total,
            "n_tokens_documents": pair.n_tokens.documents,
            "n_tokens_instruction": pair.n_tokens.instruction,
            "n_tokens_response": pair.n_tokens.response,
            "n_tokens_estimated": pair.n_tokens.estimated,
        }
