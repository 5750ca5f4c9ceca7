import json

import pytest
from made_pairs import MINUTES, dialogue, document, exact, pair, worse

from wildgraph.errors import InputError
from wildgraph.exporters.reading import dataset_rows, diff_datasets
from wildgraph.exporting import write_datasets
from wildgraph.records import Message
from wildgraph.registry import registered
from wildgraph.stages.export import ExportConfig

MEETING = document("minutes", MINUTES)
LEASE = document()
STORE = {one.hash: one for one in (LEASE, MEETING)}


def made(index, **more):
    return pair(
        f"What does clause {index} say?",
        f"Clause {index} says so.",
        index=index,
        **{"alternatives": (worse(),), "checkers": (exact(),), **more},
    )


def write(folder, items, to=("sft",), **settings):
    return write_datasets(lambda: iter(items), folder, ExportConfig(to=to, **settings), document=STORE.__getitem__)


def file_of(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


# --------------------------------------------------------------------------- leaving out what was exported before


@pytest.mark.parametrize("name", registered("exporters"))
def test_what_any_format_holds_is_known_again(tmp_path, name):
    """Also in another layout, and where the format has no ids."""
    earlier = [made(index) for index in range(4)]
    write(tmp_path / "earlier", earlier, to=(name,))
    now = [*earlier, made(9)]
    written = write(tmp_path / "now", now, exclude=(str(tmp_path / "earlier"),))
    assert (written.rows, written.dropped) == ({"sft": 1}, {"sft": {"in_earlier_dataset": 4}})


@pytest.mark.parametrize("name", ["sft", "dpo", "grpo"])
def test_the_same_question_about_the_same_document_is_known_in_another_layout(tmp_path, name):
    write(tmp_path / "earlier", [made(1)], to=(name,))
    again = made(1).model_copy(
        update={"id": "another", "layout": 17, "turns": (made(1).turns[0].model_copy(), Message(role="assistant", content="Newly."))}
    )
    other_document = pair(made(1).instruction, documents=(MEETING,), spans=())
    written = write(tmp_path / "now", [again, other_document], exclude=(str(tmp_path / "earlier"),))
    assert (written.rows, written.dropped) == ({"sft": 1}, {"sft": {"in_earlier_dataset": 1}})


def test_dialogues_are_known_again(tmp_path):
    write(tmp_path / "earlier", [dialogue(index=3)], to=("sharegpt",))
    written = write(tmp_path / "now", [dialogue(index=3), made(1)], exclude=(str(tmp_path / "earlier"),))
    assert written.dropped == {"sft": {"in_earlier_dataset": 1}}


def test_runs_single_files_and_folders_are_data_sets_too(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "manifest.json").write_text("{}")
    (run / "pairs.jsonl").write_text(json.dumps(made(1).row()) + "\n")
    assert write(tmp_path / "one", [made(1), made(2)], exclude=(str(run),)).rows == {"sft": 1}
    write(tmp_path / "earlier", [made(1)], to=("sft", "openai"))
    for place in ("earlier/sft", "earlier/openai", "earlier/sft/train-00000-of-00001.parquet", "earlier/openai/train-00000-of-00001.jsonl"):
        assert write(tmp_path / "two", [made(1), made(2)], exclude=(str(tmp_path / place),)).rows == {"sft": 1}, place


def test_short_prompts_of_strangers_hit_nothing_by_chance(tmp_path):
    others = file_of(
        tmp_path / "others.jsonl", {"instruction": made(1).instruction, "input": "", "output": "x"}, {"prompt": made(2).instruction}
    )
    assert write(tmp_path / "now", [made(1), made(2)], exclude=(others,)).rows == {"sft": 2}  # they ask it of no document


def test_what_names_no_rows_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"no row of .* has an id or a prompt"):
        write(tmp_path / "now", [made(1)], exclude=(file_of(tmp_path / "x.jsonl", {"text": "a"}),))
    with pytest.raises(InputError, match="no such file"):
        write(tmp_path / "now", [made(1)], exclude=(str(tmp_path / "nowhere"),))
    (tmp_path / "broken.jsonl").write_text('{"id": "a"}\n{"id": \n')
    with pytest.raises(InputError, match=r"broken.jsonl:2 cannot be read"):
        write(tmp_path / "now", [made(1)], exclude=(str(tmp_path / "broken.jsonl"),))
    assert not (tmp_path / "now").exists()


# --------------------------------------------------------------------------- differences


def test_rows_are_added_removed_and_changed(tmp_path):
    before = [made(index) for index in range(5)]
    rewritten = made(1).model_copy(
        update={"id": "rewritten", "turns": (made(1).turns[0], Message(role="assistant", content="Something else."))}
    )
    measured = made(2).model_copy(update={"layout": 21})
    other = pair(
        "How did they vote?", "Five to two.", documents=(MEETING,), spans=(), paradigm="comparison", document_type="minutes", index=7
    )
    # A path of its own for every task, as real ones have: what poses the same task is the same row changed.
    own = [one.model_copy(update={"path": (("task", f"task/{one.index}"),)}) for one in (*before, rewritten, measured, other)]
    write(tmp_path / "before", own[:5])
    write(tmp_path / "after", [own[0], own[5], own[6], own[3], own[7]])
    found = diff_datasets(tmp_path / "before", tmp_path / "after")
    assert found.added == {"sft": [other.id]}
    assert found.removed == {"sft": [before[4].id]}
    assert found.changed == {"sft": sorted([(before[1].id, "rewritten"), (before[2].id, before[2].id)])}
    assert dict(found.same) == {"sft": 2}
    assert found.by_paradigm == {("sft", "comparison"): (0, 1), ("sft", "single_document"): (5, 4)}
    assert found.by_type == {("sft", "lease agreement"): (5, 4), ("sft", "minutes"): (0, 1)}
    assert found.differs


def test_equal_data_sets_do_not_differ(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name, [made(index) for index in range(3)], to=("sft", "dpo", "openai"))
    found = diff_datasets(tmp_path / "one", tmp_path / "two")
    assert not found.differs
    assert dict(found.same) == {"sft": 3, "dpo": 3, "openai": 3}


def test_rows_of_strangers_may_hold_anything(tmp_path):
    import pandas as pd

    for name, number in (("one", 1.0), ("two", float("nan"))):
        pd.DataFrame({"prompt": ["a", "b"], "when": pd.to_datetime(["2020-01-01", "2020-01-02"]), "x": [0.5, number]}).to_parquet(
            tmp_path / f"{name}.parquet"
        )
    found = diff_datasets(tmp_path / "one.parquet", tmp_path / "two.parquet")
    assert (len(found.added["rows"]), len(found.removed["rows"]), found.same["rows"]) == (1, 1, 1)
    assert not diff_datasets(tmp_path / "two.parquet", tmp_path / "two.parquet").differs


def test_runs_are_compared_by_their_pairs(tmp_path):
    for name, indices in (("one", (1, 2)), ("two", (2, 3))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text("{}")
        lines = [json.dumps(made(index, path=(("task", f"task/{index}"),)).row()) + "\n" for index in indices]
        (tmp_path / name / "pairs.jsonl").write_text("".join(lines))
    found = diff_datasets(tmp_path / "one", tmp_path / "two")
    assert (found.added, found.removed, dict(found.same)) == ({"pairs": [made(3).id]}, {"pairs": [made(1).id]}, {"pairs": 1})
    write(tmp_path / "export", [made(1)])
    with pytest.raises(InputError, match="compare two runs, or two exports"):
        diff_datasets(tmp_path / "one", tmp_path / "export")


def test_a_run_that_was_exported_into_itself_is_read_as_a_run(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "pairs.jsonl").write_text(json.dumps(made(1).row()) + "\n")
    write(tmp_path / "export", [made(1)])
    assert [objective for objective, _ in dataset_rows(tmp_path)] == ["pairs"]
    assert [objective for objective, _ in dataset_rows(tmp_path / "export")] == ["sft"]
