import json
import math
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_pairs import pair
from pydantic import ValidationError
from whole_runs import ROOT

from wildgraph import records
from wildgraph.fields import MetaField
from wildgraph.reasons import REASONS
from wildgraph.records import (
    Assignment,
    Candidate,
    Concept,
    Conversation,
    Document,
    DocumentRef,
    Evidence,
    LabelledRecord,
    Message,
    MetaInformation,
    Pair,
    PathNode,
    Rejection,
    Span,
    TaskSpec,
    TokenCounts,
    Value,
    Verdict,
    canonical_json,
    content_hash,
)
from wildgraph.taskgraph import TaskGraph
from wildgraph.taskgraph.graph import GraphEdge, GraphNode

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)

SPEC = {
    "index": 3,
    "document_type": "document_type/contract",
    "document_type_name": "contract",
    "path": [{"field": "task", "concept": "task/summarize", "name": "summarize"}],
    "attributes": [{"field": "sentiment", "concept": "sentiment/neutral", "name": "neutral"}],
    "paradigm": "single_document",
    "documents": 1,
    "split": "train",
}
CONVERSATION = {"id": "c", "query": "Hi"}
META = {"id": "c", "user": "u", "values": {"task": [{"general": "summarize"}]}, "has_document": True}
DOCUMENT = {"id": "d", "hash": "h", "text": "t"}
BAD = [
    (Rejection, {"stage": "mine", "item": "1", "reason": "because"}, "reason", "unknown rejection reason"),
    (Span, {"start": 3, "end": 2}, "", "ends before it starts"),
    (Span, {"start": -1, "end": 2}, "start", "greater than or equal"),
    (Span, {"start": 0, "end": -1}, "end", "greater than or equal"),
    (Conversation, CONVERSATION | {"user_turns": 0}, "user_turns", "greater than or equal"),
    (Conversation, CONVERSATION | {"line": -1}, "line", "greater than or equal"),
    (Conversation, CONVERSATION | {"answer": "no such key"}, "answer", "Extra inputs"),
    (Value, {"general": ""}, "general", "at least 1"),
    (Value, {"general": "x" * 301}, "general", "at most 300"),
    (Value, {"general": "x", "specific": "x" * 601}, "specific", "at most 600"),
    (MetaInformation, META | {"values": {"taks": [{"general": "x"}]}}, "values", "unknown meta-information field 'taks'"),
    (MetaInformation, META | {"values": {"intent": [{"general": "x"}, {"general": "y"}]}}, "values", "'intent' takes one value, got 2"),
    (Concept, {"id": "task/x", "field": "task", "name": ""}, "name", "at least 1"),
    (Concept, {"id": "task/x", "field": "task", "name": "x" * 121}, "name", "at most 120"),
    (Concept, {"id": "task/x", "field": "task", "name": "x", "origin": "guessed"}, "origin", "Input should be"),
    (Assignment, {"field": "task", "value": "x", "concept": "task/x", "count": 0, "users": 1}, "count", "greater than or equal"),
    (Assignment, {"field": "task", "value": "x", "concept": "task/x", "count": 1, "users": 0}, "users", "greater than or equal"),
    (LabelledRecord, {"id": "r", "user": "u", "document_type": 4, "labels": []}, "document_type", "valid string"),
    (PathNode, {"field": "task", "concept": "task/x"}, "name", "Field required"),
    (TaskSpec, SPEC | {"index": -1}, "index", "greater than or equal"),
    (TaskSpec, SPEC | {"documents": 0}, "documents", "greater than or equal"),
    (TaskSpec, SPEC | {"documents": 2, "document_types": ["document_type/novel"]}, "", "the type of every document, or of none"),
    (TaskSpec, SPEC | {"split": "validation"}, "split", "Input should be"),
    (Candidate, {"spec": SPEC, "documents": []}, "documents", "at least 1"),
    (DocumentRef, {"id": "d", "hash": "h", "order": -1}, "order", "greater than or equal"),
    (DocumentRef, {"id": "d", "hash": "h", "order": 0, "role": "main"}, "role", "Input should be"),
    (Evidence, {"document_id": "d", "start": -1, "end": 0, "text": ""}, "start", "greater than or equal"),
    (Evidence, {"document_id": "d", "start": 0, "end": -1, "text": ""}, "end", "greater than or equal"),
    (Message, {"role": "tool", "content": ""}, "role", "Input should be"),
    (Verdict, {"gate": "length", "status": "maybe"}, "status", "Input should be"),
    (TokenCounts, {"documents": -1, "instruction": 0, "response": 0}, "documents", "greater than or equal"),
    (TokenCounts, {"documents": 0, "instruction": -1, "response": 0}, "instruction", "greater than or equal"),
    (TokenCounts, {"documents": 0, "instruction": 0, "response": -1}, "response", "greater than or equal"),
    (Document, DOCUMENT | {"id": ""}, "id", "at least 1"),
    (Document, DOCUMENT | {"id": "x" * 301}, "id", "at most 300"),
    (Document, DOCUMENT | {"line": -1}, "line", "greater than or equal"),
]


@pytest.mark.parametrize(("kind", "data", "place", "message"), BAD, ids=[f"{row[0].__name__}-{row[2]}-{n}" for n, row in enumerate(BAD)])
def test_what_is_wrong_is_refused_where_it_is_wrong(kind, data, place, message):
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(data)
    (error,) = caught.value.errors()
    assert ".".join(map(str, error["loc"])) == place
    assert message in error["msg"]


def test_the_same_data_without_the_mistake_is_taken():
    assert [node.name for node in TaskSpec.model_validate(SPEC).path] == ["summarize"]
    assert Conversation.model_validate(CONVERSATION).user_turns == 1
    assert MetaInformation.model_validate(META).values["task"][0].general == "summarize"
    assert Document.model_validate(DOCUMENT | {"source": "a.jsonl", "line": 4}).where == "a.jsonl:4"


def test_records_do_not_change():
    span = Span(start=1, end=2)
    with pytest.raises(ValidationError, match="frozen"):
        span.start = 0


@given(json_values)
def test_canonical_json_reads_back_and_ignores_the_order_of_keys(value):
    text = canonical_json(value)
    assert json.loads(text) == value
    assert "\n" not in text
    if isinstance(value, dict):
        assert canonical_json(dict(reversed(value.items()))) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, {"x": -math.inf}])
def test_canonical_json_has_no_numbers_that_are_no_json(value):
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json(value)


def test_content_hashes_tell_parts_apart():
    assert content_hash("ab", "c") != content_hash("a", "bc") != content_hash("abc")
    assert content_hash(1) != content_hash("1") != content_hash(True)
    assert len(content_hash("x", length=40)) == 40
    assert content_hash("\ud800") != content_hash("\ud801")


def test_every_reason_has_a_class_and_a_meaning():
    for reason, (kind, meaning) in REASONS.items():
        found = Rejection(stage="x", item="1", reason=reason)
        assert found.kind == kind in ("filtered", "gated", "failed")
        assert meaning
        assert reason.replace("_", "").islower()


def test_equal_queries_of_two_users_are_two_conversations():
    ids = {Conversation.of("Hi", user=user, native_id=native).id for user in (None, "a", "b") for native in ("", "1")}
    assert len(ids) == 6
    assert Conversation.of("Hi", user="a", source="x", line=4).id == Conversation.of("Hi", user="a").id


@pytest.mark.parametrize(
    ("query", "paste", "instruction"),
    [
        ("  Sum this up.\n", None, "Sum this up."),
        ("Sum this up: LONG TEXT", (13, 22), "Sum this up:"),
        ("LONG TEXT\nSum this up.", (0, 9), "Sum this up."),
        ("Sum up LONG TEXT in a list.", (7, 16), "Sum up\n\nin a list."),
        ("LONG TEXT", (0, 9), ""),
    ],
)
def test_the_instruction_is_the_query_without_its_paste(query, paste, instruction):
    span = Span(start=paste[0], end=paste[1]) if paste else None
    assert Conversation.of(query, paste=span).instruction == instruction


def test_values_come_in_table_order_and_empty_ones_are_left_out():
    value = {"general": "x"}
    found = MetaInformation.model_validate(META | {"values": {"sentiment": [value], "intent": [], "task": [value, value]}})
    assert list(found.values) == ["task", "sentiment"]


def test_values_are_checked_against_the_table_in_the_context():
    fields = (
        MetaField(name="document_type", description=""),
        MetaField(name="task", description=""),
        MetaField(name="mood", description="", multi=True),
    )
    mood = META | {"values": {"mood": [{"general": "x"}, {"general": "y"}]}}
    assert MetaInformation.model_validate(mood, context={"fields": fields}).values["mood"][1].general == "y"
    with pytest.raises(ValidationError, match="unknown meta-information field 'mood'"):
        MetaInformation.model_validate(mood)
    with pytest.raises(ValidationError, match="unknown meta-information field 'sentiment'"):
        MetaInformation.model_validate(META | {"values": {"sentiment": [{"general": "x"}]}}, context={"fields": fields})


def test_the_id_of_a_specification_leaves_the_index_out_and_nothing_else():
    spec = TaskSpec.model_validate(SPEC)
    assert spec.id == spec.model_copy(update={"index": 99}).id
    for change in ({"split": "test"}, {"documents": 2}, {"paradigm": "comparison"}, {"attributes": ()}, {"path": ()}):
        assert spec.model_copy(update=change).id != spec.id
    for change in (
        {"documents": 2, "document_types": ("document_type/contract", "document_type/novel")},
        {"novel": (("task/a", "task/b"),)},
    ):
        assert spec.model_copy(update=change).id != spec.model_copy(update={"documents": change.get("documents", 1)}).id


def test_a_pair_reads_back_from_its_row():
    made = pair(verdicts=(Verdict(gate="length", status="pass"),), attributes=(("sentiment", "sentiment/neutral"),))
    row = json.loads(json.dumps(made.row()))
    assert Pair.from_row(row) == made
    assert row["document_ids"] == ["lease"]
    assert row["instruction"] == made.turns[0].content
    assert row["response"] == made.turns[1].content
    assert row["evidence"] == row["turns"][1]["evidence"] != []
    assert made.n_tokens.total == 90 + 14 + 28


def test_a_row_with_a_key_too_many_is_no_pair():
    with pytest.raises(ValidationError, match="Extra inputs"):
        Pair.from_row(pair().row() | {"surprise": 1})


def test_a_pair_without_turns_has_no_instruction():
    bare = pair().model_copy(update={"turns": ()})
    assert (bare.instruction, bare.response, bare.evidence) == ("", "", ())


# --------------------------------------------------------------------------- the reference


def test_the_reference_explains_every_key_of_every_record_that_a_file_holds():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import generated
    finally:
        sys.path.pop(0)
    page = generated.on_page_markdown((ROOT / "docs" / "reference" / "records.md").read_text(encoding="utf-8"))
    of_graphs = (TaskGraph, GraphNode, GraphEdge)
    kinds = [kind for kind in vars(records).values() if isinstance(kind, type) and issubclass(kind, records.Record)]
    for kind in (*kinds, *of_graphs):
        if kind is records.Record:
            continue
        (section,) = re.findall(rf"^### {kind.__name__}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
        rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in section.splitlines() if line.startswith("| `")]
        assert [row[0].strip("` ") for row in rows] == list(kind.model_fields), kind
        assert all(len(row) == 4 and row[1] and row[3] for row in rows), kind
        assert all(f"### {name}\n" in page for name in re.findall(r"\[(\w+)\]\(#", section)), kind
    assert "| `index` | integer, ≥ 0 |  | place" in page
    assert "| `answer` | text or null | `null` |" in page
    assert "<!--" not in page
