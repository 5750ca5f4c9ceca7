"""The records that cross from one stage to the next: frozen, closed, and holding ids instead of copies.

Offsets count Unicode code points, so ``evidence.text == document.text[evidence.start:evidence.end]`` in Python.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from typing_extensions import TypeAliasType

from wildgraph.fields import DEFAULT_FIELDS, MetaField, field_table
from wildgraph.reasons import REASONS, RejectionClass

PAIR_SCHEMA_VERSION = 3

Json = TypeAliasType("Json", "bool | int | float | str | list[Json] | dict[str, Json] | None")


def canonical_json(value: object) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no escapes beyond JSON's own.

    Example:
        >>> canonical_json({"b": 1, "a": "é"})
        '{"a":"é","b":1}'
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def content_hash(*parts: object, length: int = 16) -> str:
    """A hex digest (``length`` digits of SHA-256) of the canonical JSON of ``parts``; lone surrogates are allowed.

    Example:
        >>> content_hash("a", 1) == content_hash("a", 1) != content_hash("a", "1")
        True
    """
    return hashlib.sha256(canonical_json(parts).encode("utf-8", "surrogatepass")).hexdigest()[:length]


class Record(BaseModel):
    """Base of all records: immutable, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --------------------------------------------------------------------------- what went wrong with one item


class Rejection(Record):
    """One item that did not pass a stage: data, not a crash.

    Attributes:
        stage: the stage that rejected it. item: id of the item, or of the place it was read from.
        reason: a key of :data:`wildgraph.reasons.REASONS`.
        where: ``file:line`` for what was read from a file, else empty.
        detail: free text for a person; private, since it may quote a user.
        transient: a failure that the next run tries again.
    """

    stage: str
    item: str
    reason: str
    where: str = ""
    detail: str = ""
    transient: bool = False

    @field_validator("reason")
    @classmethod
    def _known(cls, reason: str) -> str:
        if reason not in REASONS:
            raise ValueError(f"unknown rejection reason {reason!r}")
        return reason

    @property
    def kind(self) -> RejectionClass:
        """``filtered`` (asked for), ``gated`` (quality) or ``failed``."""
        return REASONS[self.reason][0]


# --------------------------------------------------------------------------- conversations


class Span(Record):
    """A half-open range of code points, ``start`` ≤ ``end``.

    Attributes:
        start: first code point. end: the one behind the last.
    """

    start: int = Field(ge=0)
    end: int = Field(ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end < self.start:
            raise ValueError("a span ends before it starts")
        return self


class Conversation(Record):
    """The first user turn of a logged conversation, with what the log says about it. Private.

    Attributes:
        id: content hash of user, native id and text: equal queries of two users are two conversations.
        query: the first user turn, verbatim.
        paste: where in ``query`` a pasted document lies (set by the reader where the log keeps it apart, else by the ingest stage).
        refers_to_document: whether the query pastes or mentions a document (set by the ingest stage).
        about_document: the log itself says that the query is about a document, although the text may not.
        user: whoever wrote it as the log names them, or ``None``.
        user_turns: number of user turns in the conversation.
        language: ISO 639-1 code, ``und`` when undecided, ``None`` before ingest.
        toxic: the log's own flag or moderation verdict, ``None`` where it has none.
        source: name of the file it came from. line: 1-based row or line in that file.
        native_id: the log's own id, or empty.
    """

    id: str
    query: str
    paste: Span | None = None
    refers_to_document: bool = False
    about_document: bool = False
    user: str | None = None
    user_turns: int = Field(default=1, ge=1)
    language: str | None = None
    toxic: bool | None = None
    source: str = ""
    line: int = Field(default=0, ge=0)
    native_id: str = ""

    @classmethod
    def of(
        cls,
        query: str,
        *,
        user: str | None = None,
        user_turns: int = 1,
        language: str | None = None,
        toxic: bool | None = None,
        source: str = "",
        line: int = 0,
        native_id: str = "",
        paste: Span | None = None,
        about_document: bool = False,
    ) -> Self:
        """A conversation with its content-hash id."""
        return cls(
            id=content_hash(user, native_id, query),
            query=query,
            user=user,
            user_turns=user_turns,
            language=language,
            toxic=toxic,
            source=source,
            line=line,
            native_id=native_id,
            paste=paste,
            about_document=about_document,
        )

    @property
    def where(self) -> str:
        """``file:line``, for messages."""
        return f"{self.source}:{self.line}"

    @property
    def instruction(self) -> str:
        """The query without its pasted document; what stood before and after the paste is kept apart by a blank line."""
        if self.paste is None:
            return self.query.strip()
        before, after = self.query[: self.paste.start].strip(), self.query[self.paste.end :].strip()
        return f"{before}\n\n{after}" if before and after else before or after


# --------------------------------------------------------------------------- meta-information and concepts

MAX_VALUE_CHARS = 300


class Value(Record):
    """One mined value: a general phrase that other queries could share, and the query's own specific wording.

    Attributes:
        general: reusable phrase, ≤300 characters.
        specific: the query's own wording, private; may be empty.
    """

    general: str = Field(min_length=1, max_length=MAX_VALUE_CHARS)
    specific: str = Field(default="", max_length=2 * MAX_VALUE_CHARS)


class MetaInformation(Record):
    """What was mined from one conversation: values by field. Private.

    Validated against the field table in the validation context (``{"fields": (MetaField, …)}``), else the default one.

    Attributes:
        id: the conversation's id.
        user: the user as a keyed hash, or the conversation's id where the log names no user.
        values: field name -> values, in the field table's order.
        has_document: whether a document is pasted or meant.
        language: ISO 639-1 code of the query.
        engine: which model mined it.
    """

    id: str
    user: str
    values: Mapping[str, tuple[Value, ...]]
    has_document: bool
    language: str = "und"
    engine: str = ""

    @field_validator("values")
    @classmethod
    def _fits_table(cls, values: Mapping[str, tuple[Value, ...]], info: ValidationInfo) -> Mapping[str, tuple[Value, ...]]:
        fields: tuple[MetaField, ...] = (info.context or {}).get("fields", DEFAULT_FIELDS)
        table = field_table(fields)
        for name, found in values.items():
            if name not in table:
                raise ValueError(f"unknown meta-information field {name!r}")
            if not table[name].multi and len(found) > 1:
                raise ValueError(f"field {name!r} takes one value, got {len(found)}")
        return {name: values[name] for name in table if values.get(name)}


class Concept(Record):
    """A reusable label. Leaf or parent; the id is stable, the name may be edited.

    Attributes:
        id: ``field/slug``, made from the name the concept was born with.
        field: meta-information field it belongs to.
        name: what people read; may be edited.
        parent: id of the more general concept, or ``None`` at the top.
        origin: ``prior`` (from a catalogue file), ``induced`` (from values) or ``edited``.
    """

    id: str
    field: str
    name: str = Field(min_length=1, max_length=120)
    parent: str | None = None
    origin: Literal["prior", "induced", "edited"] = "induced"


class Assignment(Record):
    """One distinct value of a field and the leaf concept it was lifted to.

    Attributes:
        field: meta-information field the value was mined for.
        value: the general phrase.
        concept: id of the leaf concept.
        count: in how many records the value occurs.
        users: how many distinct users wrote it.
        similarity: cosine of value and concept in [-1, 1], rounded to 1e-3; 1 for an exact match.
    """

    field: str
    value: str
    concept: str
    count: int = Field(ge=1)
    users: int = Field(ge=1)
    similarity: float = 1.0


class LabelledRecord(Record):
    """One record as the graph sees it: its document type and its leaf concepts. Private.

    Attributes:
        id: the conversation's id, a keyed hash of it once the record is counted. user: keyed hash.
        document_type: leaf concept id, or ``None`` for a query without a document.
        labels: leaf concept ids of node fields, sorted, without repeats.
    """

    id: str
    user: str
    document_type: str | None
    labels: tuple[str, ...]


# --------------------------------------------------------------------------- specifications and pairs


class PathNode(Record):
    """A node on a sampled path.

    Attributes:
        field: its meta-information field. concept: its id. name: its published name.
    """

    field: str
    concept: str
    name: str


Split = Literal["train", "test"]
DocumentRole = Literal["required", "supporting", "distractor"]


class TaskSpec(Record):
    """A sampled path as a task specification: a pure function of graph, seed and index.

    Attributes:
        index: place in the infinite sequence of candidates.
        document_type: concept id of the graph it was sampled from. document_type_name: its published name.
        path: the walk, in order. attributes: frequent labels drawn once per path.
        paradigm: name of the paradigm. documents: how many documents the task takes (fewer, but two at least, where the corpus has no more). split: which split they come from.
        document_types: each document's type, where they differ. novel: pairs of concepts that were asked for although they never occurred together.
        bucket: length that the whole prompt and answer shall fill, in the trainee's tokens, or ``None`` for whatever the documents have.
        language: of instruction and answer, by its English name, or empty for the one that is configured.
    """

    index: int = Field(ge=0)
    document_type: str
    document_type_name: str
    path: tuple[PathNode, ...]
    attributes: tuple[PathNode, ...] = ()
    paradigm: str
    documents: int = Field(ge=1)
    split: Split
    document_types: tuple[str, ...] = ()
    novel: tuple[tuple[str, str], ...] = ()
    bucket: int | None = Field(default=None, ge=1)
    language: str = ""

    @model_validator(mode="after")
    def _types_of_all(self) -> Self:
        if len(self.document_types) not in (0, self.documents):
            raise ValueError("document_types must name the type of every document, or of none")
        return self

    @property
    def id(self) -> str:
        """Content hash of everything that makes the task, the index left out."""
        unset = {name for name in ("document_types", "novel", "bucket", "language") if not getattr(self, name)}
        return content_hash(self.model_dump(mode="json", exclude={"index", *unset}))


class DocumentRef(Record):
    """A document as a pair names it; the text lies once in the run's document store under ``hash``.

    Attributes:
        id: its name outside. hash: content hash of its text.
        role: whether the answer needs it (``required``), may use it, or must not be led astray by it (``distractor``).
        order: place among the pair's documents, from 0.
        licence: SPDX id or the corpus's own word, ``unknown`` when silent.
    """

    id: str
    hash: str
    role: DocumentRole = "required"
    order: int = Field(ge=0)
    licence: str = "unknown"


class Candidate(Record):
    """A specification with the documents that were chosen for it.

    Attributes:
        spec: the task. documents: what it is put to, in order.
    """

    spec: TaskSpec
    documents: tuple[DocumentRef, ...] = Field(min_length=1)


class Evidence(Record):
    """A quoted span: ``text == document.text[start:end]``, in code points.

    Attributes:
        document_id: name of the document that is quoted.
        start, end: half-open range in its text; equal where the quotation was not found in it.
        text: the quotation.
    """

    document_id: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    text: str


class Message(Record):
    """One turn of a training sample, without the documents, which export lays out.

    Attributes:
        role: who speaks. content: what is said.
        train: whether the loss is computed on this turn.
        evidence: spans that support this turn.
        thinking: what the model thought before it answered, kept aside; exported on request only.
    """

    role: Literal["system", "user", "assistant"]
    content: str
    train: bool = False
    evidence: tuple[Evidence, ...] = ()
    thinking: str = ""


class Verdict(Record):
    """What one gate said of one pair.

    Attributes:
        gate: its name.
        status: ``pass``, ``fail`` or ``not_evaluated``.
        reason: a key of :data:`wildgraph.reasons.REASONS` on failure; why not, when not evaluated.
        detail: what was measured or found, for a person.
    """

    gate: str
    status: Literal["pass", "fail", "not_evaluated"]
    reason: str = ""
    detail: str = ""


class Checker(Record):
    """A machine check of the answer.

    Attributes:
        name: of the checker. args: its arguments as JSON text.
    """

    name: str
    args: str = "{}"


class Twin(Record):
    """The answerable question that an unanswerable pair was made from.

    Attributes:
        id: content hash of its documents, instruction and answer.
        document_id, hash: the document as it was read, with all its sentences.
        answer: the bare answer that was taken out.
        evidence: what the answer rested on; offsets count in the document as it was read.
    """

    id: str
    document_id: str
    hash: str
    answer: str
    evidence: tuple[Evidence, ...] = Field(min_length=1)


class Alternative(Record):
    """A worse answer to a pair's prompt, for preference data: what DPO rejects.

    Attributes:
        content: the answer's text, in place of the pair's last assistant turn.
        made: how: answered without the documents, from another document, with a constraint or fact broken, with an answer that the document no
            longer holds, or as the worst of several by a judge.
        matched: whether its length is within 20% of the chosen answer's and its form is the same.
        margin: the judge's score of the chosen answer minus this one's, where one judged.
        engine: identity of the model that wrote it.
        detail: what was broken, which document was taken instead.
    """

    content: str = Field(min_length=1)
    made: Literal["no_document", "wrong_document", "constraint_broken", "answer_withheld", "worst_of_several"]
    matched: bool
    margin: float | None = None
    engine: str = ""
    detail: str = ""


class TokenCounts(Record):
    """Lengths in the trainee's tokens (estimated where no tokenizer was given).

    Attributes:
        documents, instruction, response: the texts, of all turns.
        overhead: what layout and chat template add to them (fences, titles, a repeated instruction, a system prompt, marks of turns), and, where
            lengths are estimated, the margin they are raised by.
        estimated: whether no tokenizer of the trainee was at hand.
    """

    documents: int = Field(ge=0)
    instruction: int = Field(ge=0)
    response: int = Field(ge=0)
    overhead: int = Field(default=0, ge=0)
    estimated: bool = True

    @property
    def total(self) -> int:
        """The whole sample, as it is trained on."""
        return self.documents + self.instruction + self.response + self.overhead


class Provenance(Record):
    """Where a pair came from.

    Attributes:
        prompts: template name -> template hash, for every prompt that was used.
        engine: identity of the model that wrote it. decoding: its parameters. seed: of the sampling.
        graph: fingerprint of the graph the path came from. records: keyed hashes of supporting records, where known.
        unrealised: labels on the path that the engine left out of the instruction, by its own account. novel: as the specification has it.
        version: wildgraph's version.
    """

    prompts: Mapping[str, str]
    engine: str
    decoding: Mapping[str, Json]
    seed: int
    graph: str
    records: tuple[str, ...] = ()
    unrealised: tuple[str, ...] = ()
    novel: tuple[tuple[str, str], ...] = ()
    version: str = ""


class Pair(Record):
    """One instruction–response sample over one or several documents: a line of ``pairs.jsonl``.

    Attributes:
        id: content hash of documents, turns and paradigm.
        schema_version: of this format.
        index: place in the sequence of candidates; with quotas each combination has a sequence of its own.
        paradigm: name of the paradigm.
        document_type: published name of the graph's document type.
        split: which split its documents come from.
        language: of instruction and answer, by its English name.
        documents: what it is about, in order.
        turns: the conversation, without the documents' texts.
        answer: the bare answer where there is one (a name, a number, a list's JSON), which ``checkers`` compare with.
        checkers: machine checks of the answer: the reward in GRPO.
        layout: seed of the layout in which export renders it.
        path: the labels it was walked from as (field, concept id), in order.
        attributes: labels drawn once for the path, in the same form.
        verdicts: what every gate said of it.
        provenance: where it came from.
        n_tokens: its lengths.
        bucket: as the specification has it.
        twin: of an unanswerable pair, the answerable question it was made from, whose evidence was taken out of the document.
        alternatives: worse answers to the same prompt.
        pass_rate: share of the trainee's own answers that the checkers pass, in [0, 1], where it was measured.
    """

    id: str
    schema_version: int = PAIR_SCHEMA_VERSION
    index: int = Field(ge=0)
    paradigm: str
    document_type: str
    split: Split
    language: str
    documents: tuple[DocumentRef, ...]
    turns: tuple[Message, ...]
    answer: str | None = None
    checkers: tuple[Checker, ...] = ()
    layout: int = 0
    path: tuple[tuple[str, str], ...]
    attributes: tuple[tuple[str, str], ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    provenance: Provenance
    n_tokens: TokenCounts
    bucket: int | None = None
    twin: Twin | None = None
    alternatives: tuple[Alternative, ...] = ()
    pass_rate: float | None = Field(default=None, ge=0.0, le=1.0)

    @property
    def instruction(self) -> str:
        """The first user turn."""
        return next((turn.content for turn in self.turns if turn.role == "user"), "")

    @property
    def response(self) -> str:
        """The last assistant turn."""
        return next((turn.content for turn in reversed(self.turns) if turn.role == "assistant"), "")

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """All evidence of all turns, in order."""
        return tuple(span for turn in self.turns for span in turn.evidence)

    def row(self) -> dict[str, Json]:
        """The JSON object of this pair, flat views (``document_ids, instruction, response, evidence``) included."""
        data: dict[str, Json] = self.model_dump(mode="json")
        ids: list[Json] = [document.id for document in self.documents]
        spans: list[Json] = [span.model_dump(mode="json") for span in self.evidence]
        return data | {"document_ids": ids, "instruction": self.instruction, "response": self.response, "evidence": spans}

    @classmethod
    def from_row(cls, row: Mapping[str, object]) -> Self:
        """Read back what :meth:`row` wrote.

        Raises:
            pydantic.ValidationError: the row is not a pair of a known schema version.
        """
        views = {"document_ids", "instruction", "response", "evidence"}
        return cls.model_validate({key: value for key, value in row.items() if key not in views})


class Document(Record):
    """A long document of a corpus.

    Attributes:
        id: the name outside, unique per run. hash: content hash of ``text``, the identity inside.
        text: the whole document. title: its title, or empty.
        declared_type: what the corpus itself calls this kind of document, or empty.
        language: ISO 639-1 code, ``und`` when undecided. licence: SPDX id or the corpus's own word, ``unknown`` when silent.
        source, line: file and 1-based row it came from.
    """

    id: str = Field(min_length=1, max_length=300)
    hash: str
    text: str
    title: str = ""
    declared_type: str = ""
    language: str = "und"
    licence: str = "unknown"
    source: str = ""
    line: int = Field(default=0, ge=0)

    @property
    def where(self) -> str:
        """``file:line``, for messages."""
        return f"{self.source}:{self.line}"
