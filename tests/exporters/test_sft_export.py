import json
import re

import pytest
import yaml
from made_pairs import LEASE, MINUTES, document, evidence, pair

from wildgraph.errors import EmptyResultError, RunError, UsageError
from wildgraph.exporters import Exporter
from wildgraph.exporters.card import About, write_dataset
from wildgraph.exporters.files import Sizes
from wildgraph.exporters.sft import SFTExporter
from wildgraph.records import Message
from wildgraph.stages import export as stage
from wildgraph.stages.export import ExportConfig, export, make_exporter

MEETING = document("minutes", MINUTES, title="Minutes of the | committee", licence="unknown")
STORE = {one.hash: one for one in (document(), MEETING)}
FUNNEL = {
    "ingest": {"in": 100, "out": 90, "rejected": {"filtered": {"toxic": 4}, "gated": {}, "failed": {"broken_json": 6}}},
    "gate": {"in": 30, "out": 20, "rejected": {"filtered": {}, "gated": {"ungrounded": 10}, "failed": {}}},
}


def pairs(count=20, **more):
    for index in range(count):
        split = "test" if index % 5 == 0 else "train"
        yield pair(
            f"What does clause {index} say about the rent?",
            f"Clause {index} says it is due.\u2028Really.",
            index=index,
            split=split,
            **more,
        )


def rows(items=None):
    return export(pairs() if items is None else items, ExportConfig(), document=STORE.__getitem__)


def write(folder, items=None, about=None, **sizes):
    return write_dataset(
        rows(items), SFTExporter(), folder, about or About(version="1.0", funnel=FUNNEL, settings={"seed": 1}), Sizes(**sizes)
    )


def jsonl(file):
    return [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]]


def test_a_row_is_prompt_completion_messages_and_where_it_came_from():
    sample = pair(documents=(document(), MEETING), spans=(evidence(MEETING, "five votes to two"),), paradigm="comparison")
    (row,) = rows([sample])
    assert isinstance(SFTExporter(), Exporter)
    assert set(row) == {"split", *SFTExporter.columns}
    assert row["messages"] == row["prompt"] + row["completion"]
    assert row["completion"] == [{"role": "assistant", "content": sample.response}]
    prompt = "\n".join(message["content"] for message in row["prompt"])
    assert LEASE in prompt
    assert MINUTES in prompt
    assert sample.instruction in prompt
    assert (row["document_ids"], row["licences"]) == (["lease", "minutes"], ["CC0-1.0", "unknown"])
    assert json.loads(row["path"]) == [list(step) for step in sample.path]
    (span,) = json.loads(row["evidence"])
    assert STORE[sample.documents[1].hash].text[span["start"] : span["end"]] == span["text"]
    assert row["n_tokens"] == row["n_tokens_documents"] + row["n_tokens_instruction"] + row["n_tokens_response"]


def test_several_turns_train_on_the_last():
    turns = pair().turns
    sample = pair(
        turns=(*turns, Message(role="user", content="And the deposit?"), Message(role="assistant", content="Thirty days.", train=True))
    )
    (row,) = rows([sample])
    assert row["completion"][0]["content"] == "Thirty days."
    assert [message["role"] for message in row["prompt"]][-3:] == ["user", "assistant", "user"]
    with pytest.raises(ValueError, match="does not end with an assistant turn"):
        list(rows([pair(turns=turns[:1])]))


def test_documents_stand_in_their_own_order():
    references = pair(documents=(document(), MEETING)).documents
    swapped = pair().model_copy(
        update={"documents": tuple(reference.model_copy(update={"order": 1 - reference.order}) for reference in references)}
    )
    (row,) = rows([swapped])
    assert row["document_ids"] == ["minutes", "lease"]


def test_files_hold_the_same_rows_in_both_formats(tmp_path):
    import pandas as pd
    import pyarrow.parquet as pq

    written = write(tmp_path)
    assert [file.relative_to(tmp_path).as_posix() for file in written.files] == [
        "sft/train-00000-of-00001.jsonl",
        "sft/train-00000-of-00001.parquet",
        "sft/test-00000-of-00001.jsonl",
        "sft/test-00000-of-00001.parquet",
        "README.md",
    ]
    assert (written.rows, written.unknown_licences) == (20, ())
    for split, count in (("train", 16), ("test", 4)):
        lines = jsonl(tmp_path / f"sft/{split}-00000-of-00001.jsonl")
        table = pq.read_table(tmp_path / f"sft/{split}-00000-of-00001.parquet")
        assert table.column_names == list(SFTExporter.columns)
        assert table.to_pylist() == lines
        assert len(pd.read_parquet(tmp_path / f"sft/{split}-00000-of-00001.parquet")) == len(lines) == count
        expected = [row for row in rows() if row.pop("split") == split]
        assert lines == expected


def test_equal_input_gives_equal_bytes(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name, shard_bytes=6000)
    files = sorted(file.relative_to(tmp_path / "one") for file in (tmp_path / "one").rglob("*") if file.is_file())
    assert len(files) > 6
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)


def test_shards_row_groups_and_what_an_earlier_export_left(tmp_path):
    import pyarrow.parquet as pq

    write(tmp_path, shard_bytes=6000)
    names = sorted(file.name for file in (tmp_path / "sft").glob("train-*.parquet"))
    assert len(names) > 2
    assert names == [f"train-{number:05d}-of-{len(names):05d}.parquet" for number in range(len(names))]
    found = [row["id"] for name in names for row in pq.read_table(tmp_path / "sft" / name).to_pylist()]
    assert found == [sample.id for sample in pairs() if sample.split == "train"]
    (tmp_path / "sft" / "mine.txt").write_text("kept")
    (tmp_path / "sft" / "train-00007.jsonl.partial").write_text("left by a killed run")
    write(tmp_path, row_group_bytes=3000)
    assert sorted(file.name for file in (tmp_path / "sft").iterdir()) == sorted(
        ["mine.txt", *(f"{split}-00000-of-00001.{suffix}" for split in ("train", "test") for suffix in ("jsonl", "parquet"))]
    )
    assert pq.ParquetFile(tmp_path / "sft/train-00000-of-00001.parquet").num_row_groups > 2


def test_nothing_to_export_touches_nothing(tmp_path):
    write(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(EmptyResultError, match="no pair to export"):
        write(tmp_path, [])
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
    with pytest.raises(EmptyResultError):
        write(tmp_path / "new", [])
    assert not (tmp_path / "new").exists()


def test_a_failure_half_way_leaves_the_old_data_set(tmp_path):
    write(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}

    def broken():
        yield from pairs(3)
        raise RunError("the store is gone")

    with pytest.raises(RunError):
        write(tmp_path, broken())
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write the data set"):
        write(tmp_path / "file")


def test_the_hub_reads_it_when_datasets_is_installed(tmp_path):
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    write(tmp_path)
    loaded = datasets.load_dataset(str(tmp_path), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 16, "test": 4}


def card(folder):
    text = (folder / "README.md").read_text()
    _, header, body = text.split("---\n", 2)
    return yaml.safe_load(header), body


def test_the_card_says_what_is_in_it(tmp_path):
    write(tmp_path)
    header, body = card(tmp_path)
    assert header["configs"] == [
        {
            "config_name": "sft",
            "default": True,
            "data_files": [{"split": "train", "path": "sft/train-*.parquet"}, {"split": "test", "path": "sft/test-*.parquet"}],
        }
    ]
    assert (header["license"], header["language"], header["size_categories"]) == ("cc0-1.0", ["en"], ["n<1K"])
    assert "| split: train | 16 |" in body
    assert "| ingest | 100 | 90 | 4 | 0 | 6 |" in body
    assert "- gate: 10 × `ungrounded`, quoted evidence is not in the document" in body
    assert "| written by: scripted | 20 |" in body
    assert "| CC0-1.0 | 1 |" in body
    assert '"seed": 1' in body
    assert "Not decontaminated" in body
    assert "baseline" not in body
    assert "Unknown licence" not in body
    assert not re.search(r"\n\n\n", body)


def test_a_split_without_rows_has_no_files(tmp_path):
    write(tmp_path, [pair()])
    assert [entry["split"] for entry in card(tmp_path)[0]["configs"][0]["data_files"]] == ["train"]
    assert not list((tmp_path / "sft").glob("test-*"))


def test_the_offline_engine_is_called_a_baseline(tmp_path):
    offline = pair().provenance.model_copy(update={"engine": "offline:0123:hashed"})
    write(tmp_path, [*pairs(2), pair(index=9, provenance=offline)])
    body = card(tmp_path)[1]
    assert "**A baseline, not training data.** 1 of these samples" in body
    assert "Do not train a serious model on it." in body


def test_unknown_and_mixed_licences_are_listed(tmp_path):
    written = write(tmp_path, [pair(documents=(document(), MEETING))])
    assert written.unknown_licences == ("minutes",)
    header, body = card(tmp_path)
    assert (header["license"], header["license_name"]) == ("other", "mixed-see-card")
    assert "**Unknown licence**: 1 documents state none." in body
    assert "\n- minutes\n" in body
    write(tmp_path, [pair(documents=(MEETING,), spans=())])
    assert card(tmp_path)[0]["license"] == "unknown"


def test_hostile_names_do_not_break_the_card(tmp_path):
    hostile = document("a|b\n# <script>x</script> `c` [x](y)", "A text that says so.", licence="x|\n---\ny: [")
    STORE[hostile.hash] = hostile
    write(
        tmp_path,
        [pair(documents=(hostile,), spans=(), document_type="| {{ 7*7 }}\n# boo")],
        About(title="a: b\n# c", settings={"x": "```\n# y"}),
    )
    header, body = card(tmp_path)
    assert header["pretty_name"] == "a: b\n# c"
    assert "<script>" not in body
    assert "\n# boo" not in body
    assert r"{{ 7\*7 }}" in body


def test_the_registry_leads_to_the_exporter(monkeypatch):
    assert make_exporter("sft").name == "sft"
    with pytest.raises(UsageError, match="did you mean 'sft'"):
        make_exporter("stf")
    monkeypatch.setattr(stage, "load", lambda kind, name: dict)
    with pytest.raises(UsageError, match="no exporter"):
        make_exporter("x")


def test_lazy_in_lazy_out():
    def endless():
        while True:
            yield pair()

    assert next(export(endless(), ExportConfig(), document=STORE.__getitem__))["paradigm"] == "single_document"
