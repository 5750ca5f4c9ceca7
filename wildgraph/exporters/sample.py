"""A sample as exporters see it: rendered turns, and the facts that every kind of data set tells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from wildgraph.exporters.layout import choose_layout, lay_out
from wildgraph.exporters.licences import spdx
from wildgraph.exporters.measures import Measure, Measured
from wildgraph.records import Document, Json, Message, Pair, Split, canonical_json
from wildgraph.rows import clean
from wildgraph.text import detect_language, language_code

Row = dict[str, Json]
#: Types of columns: plain values, lists of text, and lists of chat messages: role and content; with ``train``; with ``thinking``; with both.
ColumnType = Literal["string", "integer", "number", "boolean", "strings", "messages", "trained", "thoughtful", "trained+thoughtful"]
#: Where rows come from that were not mixed in.
OWN = "wildgraph"
TrainOn = Literal["marked", "last", "all"]

#: What a row tells of its sample, whatever it trains. No name that a trainer passes itself.
FACTS: Mapping[str, ColumnType] = {
    "instruction": "string",
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
    "evidence_tokens": "string",
    "layout": "string",
    "engine": "string",
    "graph": "string",
    "bucket": "integer",
    "twin": "string",
    "verdicts": "string",
    "provenance": "string",
    "origin": "string",
    "n_tokens": "integer",
    "n_tokens_system": "integer",
    "n_tokens_user": "integer",
    "n_tokens_assistant": "integer",
    "n_tokens_documents": "integer",
    "n_tokens_instruction": "integer",
    "n_tokens_response": "integer",
    "n_tokens_estimated": "boolean",
    "tokenizer": "string",
    "template": "string",
}


@dataclass(frozen=True)
class Sample:
    """A conversation that is to be exported.

    Attributes:
        id: of the pair, or a content hash.
        split: train or test.
        turns: as they are trained on, documents laid out in them; ``train`` says on which the loss is computed.
        measure: what counts tokens.
        origin: ``wildgraph``, or the name of the file that a row was mixed in from.
        documents: of the pair, in its order.
        pair: what it was made from; ``None`` for rows that were mixed in.
    """

    id: str
    split: Split
    turns: tuple[Message, ...]
    measure: Measure
    origin: str = OWN
    documents: tuple[Document, ...] = ()
    pair: Pair | None = None

    @classmethod
    def of(cls, pair: Pair, documents: Sequence[Document], measure: Measure, train_on: TrainOn = "marked") -> Sample:
        """The sample of a pair.

        Args:
            pair: an accepted pair.
            documents: its documents, in the pair's order.
            measure: what counts tokens.
            train_on: the turns that the loss is computed on: those that the pair marks (the last one where it marks none), only the last
                assistant turn, or all of them.

        Raises:
            ValueError: the pair does not end with an assistant turn, so there is nothing to train on.
        """
        if not pair.turns or pair.turns[-1].role != "assistant":
            raise ValueError(f"pair {pair.id} does not end with an assistant turn")
        rendered = lay_out(pair.turns, documents, seed=pair.layout, language=pair.language)
        # Layouts put a system turn in front of the pair's own turns, or leave the one it has in its place.
        own = [turn for turn in pair.turns if turn.role != "system"]
        added = [Message(role="system", content=one["content"]) for one in rendered if one["role"] == "system"]
        said = [one["content"] for one in rendered if one["role"] != "system"]
        turns = [turn.model_copy(update={"content": text, "thinking": clean(turn.thinking)}) for turn, text in zip(own, said, strict=True)]
        return cls(pair.id, pair.split, (*added, *mark(turns, train_on)), measure, documents=tuple(documents), pair=pair)

    @property
    def prompt(self) -> tuple[Message, ...]:
        """Everything before the last turn, which is the answer."""
        return self.turns[:-1]

    @cached_property
    def measured(self) -> Measured:
        """Token counts of the whole conversation, and where its evidence stands."""
        evidence = self.pair.evidence if self.pair else ()
        return self.measure.measured(self.id, self.turns, self.documents, evidence)

    @cached_property
    def facts(self) -> Row:
        """The columns of :data:`FACTS`, and ``split``."""
        pair, measured = self.pair, self.measured
        references = sorted(pair.documents, key=lambda reference: reference.order) if pair else []
        first = next((turn.content for turn in self.turns if turn.role == "user"), "")
        evidence = [span.model_dump(mode="json") for span in pair.evidence] if pair else []
        return {
            "split": self.split,
            "instruction": clean(pair.instruction) if pair else first,
            "paradigm": pair.paradigm if pair else "",
            "document_type": clean(pair.document_type) if pair else "",
            "language": language_code(pair.language) if pair else detect_language(self.turns[-1].content),
            "document_ids": [clean(reference.id) for reference in references],
            "document_hashes": [reference.hash for reference in references],
            "licences": [clean(spdx(reference.licence)) for reference in references],
            "path": clean(canonical_json(pair.path)) if pair else "[]",
            "attributes": clean(canonical_json(pair.attributes)) if pair else "[]",
            "left_out": [clean(name) for name in pair.provenance.unrealised] if pair else [],
            "evidence": clean(canonical_json(evidence)),
            "evidence_tokens": canonical_json(measured.evidence) if measured.evidence is not None else "",
            "layout": choose_layout(pair.layout).name if pair else "",
            "engine": clean(pair.provenance.engine) if pair else "",
            "graph": pair.provenance.graph if pair else "",
            "bucket": pair.bucket if pair else None,
            "twin": pair.twin.id if pair and pair.twin else "",
            "verdicts": clean(canonical_json([[one.gate, one.status, one.reason] for one in pair.verdicts])) if pair else "[]",
            "provenance": clean(canonical_json(_provenance(pair))) if pair else "{}",
            "origin": clean(self.origin),
            "n_tokens": measured.total,
            "n_tokens_system": measured.by_role["system"],
            "n_tokens_user": measured.by_role["user"],
            "n_tokens_assistant": measured.by_role["assistant"],
            "n_tokens_documents": pair.n_tokens.documents if pair else 0,
            "n_tokens_instruction": pair.n_tokens.instruction if pair else measured.by_role["user"],
            "n_tokens_response": pair.n_tokens.response if pair else measured.by_role["assistant"],
            "n_tokens_estimated": self.measure.estimated,
            "tokenizer": self.measure.identity,
            "template": self.measure.template,
        }


def _provenance(pair: Pair) -> dict[str, Json]:
    """What a pair's provenance tells beside engine, graph and labels left out, which have columns."""
    found: dict[str, Json] = pair.provenance.model_dump(mode="json", exclude={"engine", "graph", "unrealised"})
    return found


def mark(turns: Sequence[Message], train_on: TrainOn) -> list[Message]:
    """The turns with ``train`` as it is wanted; a user's turn is never trained on, and something always is."""
    answers = [place for place, turn in enumerate(turns) if turn.role == "assistant"]
    marked = {
        "last": answers[-1:],
        "all": answers,
        "marked": [place for place in answers if turns[place].train] or answers[-1:],
    }[train_on]
    return [turn.model_copy(update={"train": place in marked}) for place, turn in enumerate(turns)]


def chat(turns: Sequence[Message], *, train: bool = False, thinking: bool = False) -> list[Json]:
    """Turns as chat messages: role and content, and on request ``train`` and ``thinking``."""
    messages: list[Json] = []
    for turn in turns:
        message: dict[str, Json] = {"role": turn.role, "content": turn.content}
        if train:
            message["train"] = turn.train
        if thinking:
            message["thinking"] = turn.thinking or None
        messages.append(message)
    return messages


def trained_from(turns: Sequence[Message]) -> int:
    """Place of the first assistant turn from which on every assistant turn is trained on; at the latest the last turn's."""
    place = len(turns) - 1
    for at in range(len(turns) - 1, -1, -1):
        if turns[at].role != "assistant":
            continue
        if not turns[at].train:
            break
        place = at
    return place
