"""The contract of every registered reader: it knows itself, nothing a row can hold makes it crash, and no row vanishes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.readers import Reader, Row
from wildgraph.records import Conversation, Rejection
from wildgraph.registry import load, registered

CHAT = [
    {"role": "user", "content": "Sum up this report, please."},
    {"role": "assistant", "content": "Done."},
    {"role": "user", "content": "Thanks"},
]

#: One row of every layout that holds two user turns where the layout can.
GOOD: dict[str, dict[str, object]] = {
    "wildchat": {"conversation_hash": "h1", "conversation": CHAT, "hashed_ip": "ip1", "language": "English", "toxic": False},
    "lmsys": {"conversation_id": "c1", "conversation": CHAT, "language": "English"},
    "chatbot-arena": {"question_id": "q1", "conversation_a": CHAT, "conversation_b": CHAT, "judge": "arena_user_1"},
    "sharegpt": {
        "id": "s1",
        "conversations": [{"from": "human", "value": "Sum up this report, please."}, {"from": "gpt", "value": "Done."}],
    },
    "openai-messages": {"messages": CHAT, "user": "u1"},
    "hh-rlhf": {"chosen": "\n\nHuman: Sum up this report, please.\n\nAssistant: Done.", "rejected": "\n\nHuman: no"},
    "oasst": {
        "message_id": "m1",
        "parent_id": None,
        "text": "Sum up this report, please.",
        "role": "prompter",
        "lang": "en",
        "user_id": "u1",
    },
    "oasst-tree": {"message_tree_id": "m1", "prompt": {"text": "Sum up this report, please.", "role": "prompter", "replies": []}},
    "alpaca": {"instruction": "Sum up this report, please.", "input": "", "output": "Done."},
    "self-instruct": {"instruction": "Sum up this report, please.", "instances": [{"input": "", "output": "Done."}]},
    "arena-hard": {"uid": "a1", "prompt": "Sum up this report, please.", "category": "hard", "subcategory": "coding"},
    "mt-bench": {"question_id": 81, "category": "writing", "turns": ["Sum up this report, please.", "Shorter."]},
    "longbench-write": {"prompt": "Sum up this report, please.", "type": "News", "length": 100},
    "wildchat-hard": {"id": "w1", "cat": "Editing", "hardness": 4, "instruction": "Sum up this report, please."},
    "table": {"query": "Sum up this report, please.", "user": "u1"},
    "text": {"text": "Sum up this report, please."},
    "lines": {"text": "Sum up this report, please."},
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "from", "value", "text", "replies"]) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
known_keys = sorted({key for row in GOOD.values() for key in row})


@pytest.fixture(params=list(registered("readers")))
def reader(request: pytest.FixtureRequest) -> Reader:
    made = load("readers", request.param)()  # type: ignore[operator]
    assert isinstance(made, Reader)
    return made


def test_its_name_is_the_one_it_is_registered_under(reader: Reader) -> None:
    assert registered("readers")[reader.name].endswith(f":{type(reader).__name__}")
    assert reader.name in GOOD, "add a good row for the new reader"


def test_it_recognises_its_own_layout_and_not_an_empty_row(reader: Reader) -> None:
    assert reader.recognises(GOOD[reader.name]) is (reader.name != "lines")
    assert reader.recognises({}) is False
    assert reader.recognises({"unrelated": 1}) is False


def test_a_good_row_becomes_a_conversation(reader: Reader) -> None:
    [found] = reader.read([Row(GOOD[reader.name], "log.jsonl", 7)])
    assert isinstance(found, Conversation)
    assert found.query == "Sum up this report, please."
    assert found.where == "log.jsonl:7"


def test_a_row_of_another_layout_is_a_rejection_that_names_its_place(reader: Reader) -> None:
    [found] = reader.read([Row({"unrelated": 1}, "log.jsonl", 7)])
    assert isinstance(found, Rejection)
    assert (found.reason, found.where, found.kind) == ("unknown_layout", "log.jsonl:7", "failed")


def test_it_is_lazy(reader: Reader) -> None:
    def endless() -> Iterator[Row]:
        number = 0
        while True:
            number += 1
            row = dict(GOOD[reader.name])
            if reader.name == "oasst":
                row["message_id"] = f"m{number}"
            yield Row(row, "log.jsonl", number)

    found = reader.read(endless())
    assert isinstance(next(iter(found)), Conversation)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.dictionaries(st.sampled_from(known_keys), anything, max_size=6), max_size=4))
@pytest.mark.parametrize("name", list(registered("readers")))
def test_no_row_makes_it_crash_or_vanishes(name: str, rows: list[dict[str, object]]) -> None:
    reader = load("readers", name)()  # type: ignore[operator]
    for row in rows:
        assert isinstance(reader.recognises(row), bool)
    found = list(reader.read([Row(row, "log", number) for number, row in enumerate(rows, start=1)]))
    if name != "oasst":  # several messages make one tree
        assert len(found) == len(rows)
    for item in found:
        assert isinstance(item, Conversation | Rejection)
        item.model_dump_json().encode("utf-8")
