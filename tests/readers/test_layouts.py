"""What readers make of the corners of each layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wildgraph.readers import Row, read_logs
from wildgraph.readers.chats import HHRLHF, ChatbotArena, OpenAIMessages, ShareGPT, WildChat
from wildgraph.readers.layout import text_of, verdict
from wildgraph.readers.oasst import OasstMessages, OasstTree
from wildgraph.readers.prompts import Alpaca, SelfInstruct
from wildgraph.readers.tables import Table
from wildgraph.records import Conversation, Rejection


def read(reader: object, *rows: dict[str, object]) -> list[Conversation | Rejection]:
    return list(reader.read(Row(row, "log", number) for number, row in enumerate(rows, start=1)))  # type: ignore[attr-defined]


def one(reader: object, row: dict[str, object]) -> Conversation:
    [item] = read(reader, row)
    assert isinstance(item, Conversation)
    return item


def test_content_may_be_an_object_or_a_list_of_parts() -> None:
    assert text_of({"content_type": "text", "parts": ["a", {"image": 1}, "b"]}) == "a\nb"
    assert text_of({"type": "text", "text": {"value": "deep"}}) == "deep"
    assert text_of([{"type": "input_text", "text": "a"}, {"type": "image_url", "image_url": {"url": "x"}}]) == "a"
    assert text_of(None) == text_of(5) == text_of({}) == ""
    nested: object = "bottom"
    for _ in range(50):
        nested = [nested]
    assert text_of(nested) == ""


def test_a_first_turn_without_text_gives_way_to_the_next() -> None:
    messages = [{"role": "user", "content": [{"type": "image_url"}]}, {"role": "user", "content": "What is this?"}]
    found = one(OpenAIMessages(), {"messages": messages})
    assert (found.query, found.user_turns) == ("What is this?", 1)


def test_markers_of_anonymisation_stay_as_they_are() -> None:
    text = "<PRESIDIO_ANONYMIZED_PERSON> wrote to NAME_1"
    assert one(OpenAIMessages(), {"messages": [{"role": "user", "content": text}]}).query == text


def test_a_turn_that_is_a_whole_chat_stays_one_turn() -> None:
    text = "User: hi\n\nHuman: again\n\nAssistant: yes\n\nHuman: no"
    found = one(ShareGPT(), {"conversations": [{"from": "human", "value": text}]})
    assert (found.query, found.user_turns) == (text, 1)


def test_messages_in_a_csv_cell_are_parsed() -> None:
    assert one(OpenAIMessages(), {"messages": json.dumps([{"role": "user", "content": "Hi"}])}).query == "Hi"
    assert OpenAIMessages().recognises({"messages": "[not json"}) is False


@pytest.mark.parametrize("place", ["request", "body"])
def test_request_logs_and_batch_files_are_openai_messages(place: str) -> None:
    row = {"custom_id": "r1", place: {"messages": [{"role": "user", "content": "Hi"}], "user": "u7"}}
    assert OpenAIMessages().recognises(row)
    found = one(OpenAIMessages(), row)
    assert (found.query, found.user, found.native_id) == ("Hi", "u7", "r1")


def test_users_are_taken_where_the_layout_names_them() -> None:
    chat = [{"role": "user", "content": "Hi", "hashed_ip": "ip9"}]
    assert one(WildChat(), {"conversation_hash": "h", "conversation": chat}).user == "ip9"
    assert one(WildChat(), {"conversation_hash": "h", "conversation": chat, "hashed_ip": "ip1"}).user == "ip1"
    arena = {"conversation_a": chat, "conversation_b": chat}
    assert one(ChatbotArena(), {**arena, "judge": "arena_user_3"}).user == "arena_user_3"
    assert one(ChatbotArena(), {**arena, "judge": "gpt-4"}).user is None
    assert one(Table(), {"query": "Hi", "user_id": 17}).user == "17"


def test_equal_queries_of_two_users_are_two_conversations() -> None:
    first, second = (one(Table(), {"query": "Hi", "user": user}) for user in ("a", "b"))
    assert first.id != second.id


def test_an_absurdly_long_user_name_is_shortened_to_a_hash() -> None:
    assert len(one(Table(), {"query": "Hi", "user": "x" * 100_000}).user or "") == 16


@pytest.mark.parametrize(("given", "user"), [(float("nan"), None), (2.0, "2"), (2.5, "2.5"), (b"ann", "ann"), ("2.0", "2.0")])
def test_users_are_named_as_the_log_means_them(given: object, user: str | None) -> None:
    """A column of numbers is one of fractions where some are missing, and those are no user."""
    assert (one(Table(), {"query": "Hi", "user": given}).user or None) == user


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, None),
        ({"toxic": True}, True),
        ({"toxic": False, "openai_moderation": [{"flagged": False}, {"flagged": True}]}, True),
        ({"openai_moderation": {"flagged": False}}, False),
        ({"toxic_chat_tag": {"roberta-large": {"flagged": True}}}, True),
        ({"openai_moderation": "broken", "toxic": "perhaps"}, None),
        ({"toxic": "True"}, True),
        ({"toxic": 1}, True),
        ({"toxic": 0.0}, False),
        ({"openai_moderation": '[{"flagged": false}, {"flagged": true}]'}, True),
    ],
)  # fmt: skip
def test_moderation_flags(row: dict[str, object], expected: bool | None) -> None:
    assert verdict(row) is expected


def test_hh_rlhf_starts_with_the_first_human_turn() -> None:
    chosen = "\n\nHuman: First?\n\nAssistant: A.\n\nHuman: Second?\n\nAssistant: B."
    found = one(HHRLHF(), {"chosen": chosen, "rejected": ""})
    assert (found.query, found.user_turns) == ("First?", 2)


def test_inputs_kept_apart_become_the_paste() -> None:
    for reader, row in (
        (Alpaca(), {"instruction": "Fix it.\n", "input": "  He go home. ", "output": ""}),
        (SelfInstruct(), {"instruction": "Fix it.", "instances": [{"input": "He go home.", "output": ""}]}),
    ):
        found = one(reader, row)
        assert found.query == "Fix it.\n\nHe go home."
        assert found.paste is not None
        assert found.query[found.paste.start : found.paste.end] == "He go home."
    assert one(Alpaca(), {"instruction": "Tell a joke.", "input": "<noinput>", "output": ""}).paste is None


def message(identity: str, parent: str | None, role: str, tree: str, text: str = "text") -> dict[str, object]:
    return {
        "message_id": identity,
        "parent_id": parent,
        "role": role,
        "message_tree_id": tree,
        "text": text,
        "lang": "pt-BR",
        "user_id": "u",
    }


def test_oasst_messages_are_put_together_although_trees_are_mixed() -> None:
    rows = [
        message("a1", None, "prompter", "a", "First"),
        message("b1", None, "prompter", "b", "Second"),
        message("a2", "a1", "assistant", "a"),
        message("a3", "a2", "prompter", "a"),
        message("b2", "b1", "assistant", "b"),
        message("a4", "a3", "assistant", "a"),
        message("a5", "a4", "prompter", "a"),
        message("c9", "c1", "assistant", "c", "the root is missing"),
    ]
    first, second, third = read(OasstMessages(), *rows)
    assert isinstance(first, Conversation)
    assert (first.query, first.user_turns, first.language, first.user, first.native_id, first.line) == ("First", 3, "pt", "u", "a", 1)
    assert isinstance(second, Conversation)
    assert (second.query, second.user_turns, second.line) == ("Second", 1, 2)
    assert isinstance(third, Rejection)
    assert (third.reason, third.where) == ("no_user_turn", "log:8")


def test_oasst_keeps_a_bounded_number_of_trees_open() -> None:
    rows = [message(f"m{n}", None, "prompter", f"t{n}", f"question {n}") for n in range(10)]
    found = OasstMessages(window=2).read(Row(row, "log", n) for n, row in enumerate(rows, start=1))
    assert [item.query for item in found] == [f"question {n}" for n in range(10)]  # type: ignore[union-attr]


def test_a_hostile_oasst_tree_may_be_deep() -> None:
    tree: dict[str, object] = {"text": "end", "role": "prompter", "replies": []}
    for _ in range(50_000):
        tree = {"text": "q", "role": "prompter", "replies": [tree]}
    assert one(OasstTree(), {"message_tree_id": "t", "prompt": tree}).user_turns == 50_001
    while tree.get("replies"):  # taken apart by hand: freeing it recursively overflows the stack
        tree = tree["replies"].pop()  # type: ignore[attr-defined]


def test_a_table_finds_its_columns_or_takes_those_named(tmp_path: Path) -> None:
    found = one(Table(), {"prompt": "Hi", "lang": "German", "uid": 5, "turns": "3", "flagged": "true", "context": "doc-1"})
    assert (found.language, found.native_id, found.user_turns, found.toxic, found.about_document) == ("de", "5", 3, True, True)
    assert one(Table({"query": "b"}), {"a": "no", "b": "yes", "user": "u"}).user is None
    log = tmp_path / "log.jsonl"
    log.write_text('{"instruction": "Translate", "context": "x", "response": "y"}\n')
    [item] = read_logs([log])
    assert isinstance(item, Conversation)
    assert item.about_document
