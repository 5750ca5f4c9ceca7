import json

import pytest
from made_pairs import document, exact, pair, worse

from wildgraph.errors import InputError
from wildgraph.exporters.measures import Estimate
from wildgraph.exporters.mixing import mixed_in, wanted
from wildgraph.exporting import write_datasets
from wildgraph.records import Rejection
from wildgraph.stages.export import ExportConfig

LEASE = document()
MESSAGES = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hello."}]


def chats(path, count=100):
    rows = [
        {"messages": [{"role": "user", "content": f"What is {n} + 1?"}, {"role": "assistant", "content": f"{n + 1}"}]} for n in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def write(folder, mix, count=18, to=("sft",), **settings):
    made = [
        pair(f"Clause {index}?", index=index, alternatives=(worse(),), checkers=(exact(),), split="test" if index % 9 == 0 else "train")
        for index in range(count)
    ]
    return write_datasets(lambda: iter(made), folder, ExportConfig(to=to, mix=mix, **settings), document=lambda _: LEASE)


def rows(folder, name="sft", split="train"):
    import pyarrow.parquet as pq

    return pq.read_table(folder / name / f"{split}-00000-of-00001.parquet").to_pylist()


def test_rows_make_up_the_share_that_is_asked_for(tmp_path):
    written = write(tmp_path, {chats(tmp_path / "short.jsonl"): 0.1})
    assert written.rows == {"sft": 20}
    assert not written.notes
    mixed = [row for row in rows(tmp_path) if row["origin"] == "short.jsonl"]
    assert len(mixed) == 2
    assert all(row["origin"] == "wildgraph" for row in rows(tmp_path, split="test"))
    for row in mixed:
        assert row["messages"][-1] == {"role": "assistant", "content": row["completion"][0]["content"], "train": True}
        assert (row["document_ids"], row["engine"], row["n_tokens_documents"]) == ([], "", 0)
        assert row["n_tokens"] > 10
    card = (tmp_path / "README.md").read_text()
    assert "fall under the terms of their own source:\n- short.jsonl: 2\n" in card
    assert "license: other" in card
    assert "- short.jsonl: 2 rows" in (tmp_path / "ATTRIBUTION.md").read_text()


def test_several_files_share_one_data_set(tmp_path):
    one, two = (chats(tmp_path / name) for name in ("one.jsonl", "two.jsonl"))
    write(tmp_path, {one: 0.25, two: 0.15})
    found = [row["origin"] for split in ("train", "test") for row in rows(tmp_path, split=split)]
    assert {name: found.count(name) for name in set(found)} == {"wildgraph": 18, "one.jsonl": 8, "two.jsonl": 4}
    assert wanted(18, {"one": 0.25, "two": 0.15}) == {"one": 8, "two": 4}


def test_which_rows_are_taken_depends_on_the_seed_alone(tmp_path):
    file = chats(tmp_path / "short.jsonl")

    def taken(seed):
        return [sample.turns[0].content for sample in mixed_in(tmp_path / "short.jsonl", 10, seed, Estimate(), "marked")]

    assert len(taken(1)) == 10
    assert taken(1) == taken(1) == sorted(taken(1), key=lambda text: int(text.split()[2]))
    assert taken(1) != taken(2)
    assert (
        write(tmp_path / "a", {file: 0.2}).version
        == write(tmp_path / "b", {file: 0.2}).version
        != write(tmp_path / "c", {file: 0.2}, seed=1).version
    )


def test_a_file_with_too_few_rows_gives_all_and_is_named(tmp_path):
    written = write(tmp_path, {chats(tmp_path / "few.jsonl", 3): 0.5})
    assert written.rows == {"sft": 21}
    assert written.notes == ("few.jsonl gave 3 rows to sft, not the 18 that its share of 0.5 asks for.",)
    assert written.notes[0] in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize(
    "row",
    [
        {"messages": MESSAGES},
        {"conversations": [{"from": "human", "value": "Hello?"}, {"from": "gpt", "value": "Hello."}]},
        {"prompt": "Hello?", "completion": "Hello."},
        {"prompt": MESSAGES[:1], "completion": MESSAGES[1:]},
        {"prompt": [{"role": "system", "content": "Be kind."}, MESSAGES[0]], "completion": "Hello."},
        {"conversations": [{"from": "human", "value": "Hello?"}, {"from": "gpt", "value": "Hello."}], "system": "Be kind."},
        {"messages": MESSAGES * 3},
    ],
)
def test_rows_of_the_usual_kinds_are_taken(tmp_path, row):
    (tmp_path / "x.jsonl").write_text(json.dumps(row) + "\n")
    (sample,) = mixed_in(tmp_path / "x.jsonl", 5, 0, Estimate(), "all")
    assert [turn.content for turn in sample.turns if turn.role != "system"] == ["Hello?", "Hello."] * (len(row.get("messages", "12")) // 2)
    assert ("Be kind." in json.dumps(row)) == (sample.turns[0].role == "system")
    assert all(turn.train == (turn.role == "assistant") for turn in sample.turns)


@pytest.mark.parametrize(
    "row",
    [
        {"text": "Hello."},
        {"messages": []},
        {"messages": MESSAGES[:1]},
        {"messages": MESSAGES[::-1]},
        {"messages": [*MESSAGES, {"role": "tool", "content": "x"}, MESSAGES[1]]},
        {"messages": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": " "}]},
        {"messages": [{"role": "user", "content": ["parts"]}, MESSAGES[1]]},
        {"messages": "Hello?"},
        {"prompt": "Hello?"},
        {"prompt": "Hello?", "completion": 5},
    ],
)
def test_other_rows_are_counted_and_not_taken(tmp_path, row):
    (tmp_path / "x.jsonl").write_text(json.dumps(row) + "\n" + json.dumps({"messages": MESSAGES}) + "\n{broken\n")
    refused, sample, broken = mixed_in(tmp_path / "x.jsonl", 5, 0, Estimate(), "marked")
    assert (refused.reason, refused.item) == ("unknown_layout", "x.jsonl:1")
    assert not isinstance(sample, Rejection)
    assert broken.reason == "broken_json"
    written = write(tmp_path / "out", {str(tmp_path / "x.jsonl"): 0.05})
    assert written.dropped == {"sft": {"unknown_layout": 1, "broken_json": 1}}
    assert written.rows == {"sft": 19}


def test_objectives_without_chat_rows_stay_as_they_are(tmp_path):
    written = write(tmp_path, {chats(tmp_path / "short.jsonl"): 0.1}, to=("sft", "dpo", "grpo", "openai"))
    assert written.rows == {"sft": 20, "dpo": 18, "grpo": 18, "openai": 20}


def test_files_that_are_missing_are_errors(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        write(tmp_path / "out", {str(tmp_path / "nothing.jsonl"): 0.1})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mix", [{"a": 0.0}, {"a": 1.0}, {"a": 0.6, "b": 0.4}, {"a": -0.1}])
def test_shares_lie_between_none_and_all(mix):
    with pytest.raises(ValueError, match="lie between 0 and 1"):
        ExportConfig(mix=mix)
