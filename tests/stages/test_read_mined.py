"""Records that were mined elsewhere: what rows may look like, and what becomes of hostile ones."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.fields import DEFAULT_FIELDS
from wildgraph.pseudonyms import keyed_user
from wildgraph.reasons import REASONS
from wildgraph.records import MAX_VALUE_CHARS, MetaInformation, Rejection
from wildgraph.rows import Row
from wildgraph.stages.mine import MineConfig, read_mined

KEY = b"secret"


def read(*rows, config=None):
    """What is read of rows that are given as dictionaries, or as they are."""
    items = [Row(row, "mined.jsonl", number) if isinstance(row, dict) else row for number, row in enumerate(rows, 1)]
    return list(read_mined(items, config or MineConfig(), key=KEY))


def one(row, **more):
    (found,) = read(row, **more)
    return found


def generals(found):
    assert isinstance(found, MetaInformation), found
    return {name: [value.general for value in values] for name, values in found.values.items()}


@pytest.mark.parametrize(
    "given_task",
    [
        "sum up",
        ["sum up"],
        {"general": "sum up"},
        [{"general": "sum up", "specific": None}],
        ["sum up", "none"],
        ["sum up", None, ""],
        ["Sum up", "sum up"],
        "<b>sum</b> up",
        [" sum\n up"],
    ],
)
def test_values_may_be_strings_lists_and_objects(given_task):
    found = one({"id": "a", "task": given_task, "document_type": "lease"})
    assert [value.casefold() for value in generals(found)["task"]] == ["sum up"]
    assert found.has_document


def test_a_row_is_a_record():
    found = one(
        {
            "id": "q/1",
            "user": "ann",
            "language": "de",
            "engine": "some model",
            "task": [{"general": "summarize", "specific": "sum up the lease of Ann"}, "translate"],
            "intent": ["learn", "second"],
            "sentiment": 5,
        }
    )
    assert (found.id, found.language, found.engine, found.has_document) == ("q/1", "de", "some model", False)
    assert generals(found) == {"task": ["summarize", "translate"], "intent": ["learn"], "sentiment": ["5"]}
    assert found.values["task"][0].specific == "sum up the lease of Ann"
    assert found.user == keyed_user(KEY, "ann") != "ann"


def test_fields_may_stand_under_values():
    row = {"id": "a", "values": {"task": "sum up", "document_type": [{"general": "lease"}]}}
    assert generals(one(row)) == {"document_type": ["lease"], "task": ["sum up"]}


def test_what_wildgraph_itself_wrote_reads_back():
    record = one({"id": "a", "task": [{"general": "sum up", "specific": "s"}], "document_type": "lease", "language": "en"})
    again = one({**json.loads(record.model_dump_json()), "user": None})
    assert again == record


def test_without_an_id_the_content_is_the_id():
    first, second, third = read({"task": "sum up"}, {"task": "translate"}, {"task": "sum up"})
    assert first.id != second.id
    assert isinstance(third, Rejection)
    assert first.id == one({"task": "sum up"}).id
    assert first.user == first.id


@pytest.mark.parametrize("user", [0, "0", "", None, False])
def test_a_user_is_whoever_is_named(user):
    """A user whose number is 0 is one user, not as many as there are rows."""
    first, second = read({"id": "a", "task": "x", "user": user}, {"id": "b", "task": "x", "user": user})
    if user in ("", None):
        assert (first.user, second.user) == ("a", "b")
    else:
        assert first.user == second.user == keyed_user(KEY, str(user))


@pytest.mark.parametrize(
    ("said", "has"), [(True, True), (False, False), (1, True), ("true", True), ("false", False), ("", False), (None, False)]
)
def test_a_document_may_be_meant_without_a_type(said, has):
    found = one({"id": "a", "task": "x", "has_document": said})
    assert found.has_document is has
    assert generals(found).get("document_type") == (["document"] if has else None)


# ----------------------------------------------------------------- what is no record


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ({"id": "a", "taks": "sum up"}, "unknown_layout", "unknown field 'taks'"),
        ({"id": "a", "task": "x", "values": {"colour": "red"}}, "unknown_layout", "unknown field 'colour'"),
        ({"id": "a"}, "unknown_layout", "none of the fields"),
        ({}, "unknown_layout", "none of the fields"),
        ({"id": "a", "values": {}}, "unknown_layout", "none of the fields"),
        ({"id": "a", "values": "task"}, "unknown_layout", "none of the fields"),
        ({"id": "a", "task": {"specific": "no general"}}, "invalid_answer", "validation error"),
        ({"id": "a", "task": [["nested"]]}, "invalid_answer", "validation error"),
        ({"id": "a", "task": [{"general": {"deep": 1}}]}, "invalid_answer", "validation error"),
    ],
)
def test_what_is_no_record_is_a_rejection(row, reason, detail):
    found = one(row)
    assert isinstance(found, Rejection)
    assert (found.stage, found.reason, found.where) == ("mine", reason, "mined.jsonl:1")
    assert detail in found.detail
    assert "\n" not in found.detail


def test_an_id_that_comes_twice_is_taken_once():
    first, second, third = read({"id": 7, "task": "x"}, {"id": "7", "task": "y"}, {"id": "8", "task": "x"})
    assert generals(first) == generals(third) == {"task": ["x"]}
    assert (second.reason, second.kind, second.where) == ("duplicate_conversation", "filtered", "mined.jsonl:2")


def test_rejections_pass_through_in_order():
    broken = Rejection(stage="mine", item="x", reason="broken_json", where="mined.jsonl:2")
    assert [
        item.where if isinstance(item, Rejection) else item.id for item in read({"id": "a", "task": "x"}, broken, {"id": "b", "task": "x"})
    ] == [
        "a",
        "mined.jsonl:2",
        "b",
    ]


def test_fields_that_a_smaller_table_leaves_out_are_no_error():
    small = MineConfig(fields=tuple(field for field in DEFAULT_FIELDS if field.name in ("document_type", "task")))
    assert generals(one({"id": "a", "task": "x", "intent": "y"}, config=small)) == {"task": ["x"]}
    assert isinstance(one({"id": "a", "intent": "y"}, config=small), Rejection)


# ----------------------------------------------------------------- hostile rows


def test_personal_data_is_masked_and_markup_taken_out():
    found = one(
        {
            "id": "a",
            "task": {"general": "write to jane.roe@example.org", "specific": "card 4111 1111 1111 1111 <script>x</script>"},
            "simplified_instruction": "Call +1 202 555 0143. <img src=x onerror=alert(1)>",
        }
    )
    text = found.model_dump_json()
    assert generals(found)["task"] == ["write to [email]"]
    for secret in ("jane.roe", "4111", "555 0143", "<", "onerror"):
        assert secret not in text


def test_long_values_are_cut_and_many_are_left_out():
    found = one({"id": "a", "task": ["x " * 5000, *map(str, range(100))], "simplified_instruction": "y" * 5000})
    task = next(field for field in DEFAULT_FIELDS if field.name == "task")
    assert len(found.values["task"]) <= task.limit
    assert max(len(value.general) for value in found.values["task"]) <= 120
    assert len(found.values["simplified_instruction"][0].general) <= MAX_VALUE_CHARS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["general", "specific", "task", "x"]), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from([*(field.name for field in DEFAULT_FIELDS), "id", "user", "values", "language", "has_document", "engine", "zzz"])


@settings(deadline=None)
@given(st.lists(st.dictionaries(keys, json_values, max_size=5), max_size=4))
def test_every_row_is_a_record_or_a_rejection_and_reads_the_same_again(rows):
    found = read(*rows)
    assert len(found) == len(rows)
    assert found == read(*rows)
    ids = [item.id for item in found if isinstance(item, MetaInformation)]
    assert len(set(ids)) == len(ids)
    for item in found:
        if isinstance(item, Rejection):
            assert item.reason in REASONS
        else:
            assert MetaInformation.model_validate_json(item.model_dump_json()) == item
