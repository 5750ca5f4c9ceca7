import json
import re
import resource
import subprocess
import sys

import pytest
import yaml
from made_pairs import LEASE, MINUTES, dialogue, document, exact, pair, worse

from wildgraph.errors import EmptyResultError, RunError, UsageError
from wildgraph.exporters.card import About
from wildgraph.exporting import write_datasets
from wildgraph.records import Checker, Provenance, Verdict
from wildgraph.registry import registered
from wildgraph.stages.export import ExportConfig, make_exporter

MEETING = document("minutes", MINUTES, title="Minutes of the | committee", licence="unknown")
STORE = {one.hash: one for one in (document(), MEETING)}
FUNNEL = {
    "ingest": {"in": 100, "out": 90, "rejected": {"filtered": {"toxic": 4}, "gated": {}, "failed": {"broken_json": 6}}},
    "gate": {"in": 30, "out": 20, "rejected": {"filtered": {}, "gated": {"ungrounded": 10}, "failed": {}}},
}
TRAINED = ("sft", "dpo", "grpo")


def pairs(count=20, **more):
    for index in range(count):
        yield pair(
            f"What does clause {index} say about the rent?",
            f"Clause {index} says it is due.\u2028Really.",
            **{"index": index, "split": "test" if index % 5 == 0 else "train", **more},
        )


def rich(count=20):
    """Pairs that every objective takes."""
    return pairs(count, alternatives=(worse(),), checkers=(exact(),), pass_rate=0.5)


def write(folder, items=None, about=None, to=("sft",), handed_on=False, **settings):
    kept = list(pairs() if items is None else items)
    return write_datasets(
        lambda: iter(kept),
        folder,
        ExportConfig(to=to, **settings),
        document=STORE.__getitem__,
        about=about or About(version="1.0", funnel=FUNNEL, settings={"seed": 1}),
        handed_on=handed_on,
    )


def everything(folder):
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def table(file):
    import pyarrow.parquet as pq

    return pq.read_table(file)


def card(folder):
    text = (folder / "README.md").read_text(encoding="utf-8")
    _, header, body = text.split("---\n", 2)
    return yaml.safe_load(header), body


# --------------------------------------------------------------------------- files


def test_one_folder_holds_every_objective_card_scripts_and_attribution(tmp_path):
    written = write(tmp_path, rich(), to=tuple(registered("exporters")))
    expected = [
        f"{name}/{split}-00000-of-00001.{make_exporter(name).suffix}" for name in registered("exporters") for split in ("train", "test")
    ]
    assert list(everything(tmp_path)) == sorted(
        [*expected, "README.md", "ATTRIBUTION.md", "left_out.jsonl", "trl_sft.py", "trl_dpo.py", "trl_grpo.py"]
    )
    assert [file.relative_to(tmp_path).as_posix() for file in written.files] == [
        *expected,
        "trl_sft.py",
        "trl_dpo.py",
        "trl_grpo.py",
        "ATTRIBUTION.md",
        "README.md",
    ]
    assert written.rows == dict.fromkeys(registered("exporters"), 20)
    for name in TRAINED:
        for split, count in (("train", 16), ("test", 4)):
            rows = table(tmp_path / f"{name}/{split}-00000-of-00001.parquet")
            assert rows.column_names == list(make_exporter(name).columns)
            assert len(rows) == count
    lines = (tmp_path / "openai/train-00000-of-00001.jsonl").read_bytes().split(b"\n")[:-1]
    assert len(lines) == 16
    assert {tuple(json.loads(line)) for line in lines} == {("messages",)}


def test_parquet_is_compressed_with_zstd(tmp_path):
    import pyarrow.parquet as pq

    write(tmp_path)
    group = pq.ParquetFile(tmp_path / "sft/train-00000-of-00001.parquet").metadata.row_group(0)
    assert {group.column(place).compression for place in range(group.num_columns)} == {"ZSTD"}


def test_equal_input_gives_equal_bytes(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name, rich(), to=TRAINED, shard_bytes=9000)
    one, two = everything(tmp_path / "one"), everything(tmp_path / "two")
    assert len(one) > 12
    assert one == two


def test_shards_row_groups_and_what_an_earlier_export_left(tmp_path):
    import pyarrow.parquet as pq

    write(tmp_path, shard_bytes=9000)
    names = sorted(file.name for file in (tmp_path / "sft").glob("train-*.parquet"))
    assert len(names) > 2
    assert names == [f"train-{number:05d}-of-{len(names):05d}.parquet" for number in range(len(names))]
    found = [row["id"] for name in names for row in table(tmp_path / "sft" / name).to_pylist()]
    assert found == [sample.id for sample in pairs() if sample.split == "train"]
    (tmp_path / "sft" / "mine.txt").write_text("kept")
    (tmp_path / "sft" / "train-00007.parquet.partial").write_text("left by a killed run")
    write(tmp_path, row_group_bytes=6000)
    assert sorted(file.name for file in (tmp_path / "sft").iterdir()) == sorted(
        ["mine.txt", "train-00000-of-00001.parquet", "test-00000-of-00001.parquet"]
    )
    assert pq.ParquetFile(tmp_path / "sft/train-00000-of-00001.parquet").num_row_groups > 2


def test_no_shard_and_no_row_group_is_larger_than_asked_for_unless_one_row_is(tmp_path):
    write(tmp_path, to=("sharegpt",), shard_bytes=4000)
    sizes = [file.stat().st_size for file in (tmp_path / "sharegpt").glob("*.jsonl")]
    assert max(sizes) <= 4000
    assert len(sizes) > 3
    write(tmp_path, to=("sharegpt",), shard_bytes=1)
    assert len(list((tmp_path / "sharegpt").glob("*.jsonl"))) == 20


def test_objectives_of_an_earlier_export_go_with_their_scripts(tmp_path):
    write(tmp_path, rich(), to=("sft", "dpo"))
    (tmp_path / "dpo" / "notes.txt").write_text("mine")
    written = write(tmp_path, rich(), to=("grpo",))
    assert written.removed == ("sft", "dpo")
    assert not (tmp_path / "sft").exists()
    assert [file.name for file in (tmp_path / "dpo").iterdir()] == ["notes.txt"]
    assert sorted(file.name for file in tmp_path.glob("trl_*.py")) == ["trl_grpo.py"]


def test_nothing_to_export_touches_nothing(tmp_path):
    write(tmp_path)
    before = everything(tmp_path)
    with pytest.raises(EmptyResultError, match="no pair to export"):
        write(tmp_path, [])
    with pytest.raises(EmptyResultError, match=re.escape("none of 20 pairs makes a row for dpo: 20 × no_alternative (no worse answer")):
        write(tmp_path, to=("sft", "dpo"))
    assert everything(tmp_path) == before
    with pytest.raises(EmptyResultError):
        write(tmp_path / "new", [])
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("failure", [RunError("the store is gone"), KeyboardInterrupt("the store is gone")], ids=["error", "Ctrl-C"])
@pytest.mark.parametrize("to", [("sft",), ("sft", "openai")])
def test_a_failure_half_way_leaves_the_old_data_set(tmp_path, to, failure):
    write(tmp_path, to=to)
    before = everything(tmp_path)

    def broken():
        yield from pairs(3)
        raise failure

    with pytest.raises(type(failure), match="store is gone"):
        write_datasets(broken, tmp_path, ExportConfig(to=to), document=STORE.__getitem__)
    assert everything(tmp_path) == before


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write the data set"):
        write(tmp_path / "file")


def test_a_full_disk_leaves_the_old_data_set(tmp_path):
    write(tmp_path / "out")
    before = everything(tmp_path / "out")
    code = (
        "import sys; sys.path[:0] = ['tests', 'tests/exporters']\n"
        "from test_datasets import *\nfrom pathlib import Path\n"
        "write(Path(sys.argv[1]), pairs(400), row_group_bytes=10_000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "out"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "RunError: cannot write the data set" in done.stderr, done.stderr
    assert everything(tmp_path / "out") == before


def test_datasets_loads_every_config(tmp_path):
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    write(tmp_path, [*rich(), dialogue(index=30)], to=tuple(registered("exporters")))
    for name in registered("exporters"):
        files = {split: str(tmp_path / f"{name}/{split}-*.jsonl") for split in ("train", "test")}
        how = {"path": str(tmp_path), "name": name} if name in TRAINED else {"path": "json", "data_files": files}
        loaded = datasets.load_dataset(**how, cache_dir=str(tmp_path / "cache"))
        extra = name in ("sft", "sharegpt", "openai")
        assert {split: len(rows) for split, rows in loaded.items()} == {"train": 16 + extra, "test": 4}


@pytest.mark.parametrize("again", ["same", "other"])
def test_datasets_takes_no_other_export_for_this_one(tmp_path, again):
    """It keeps what it read of a local folder under the folder's own name and the card's header, whatever lies in the files."""
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    first, second = tmp_path / "one/export", tmp_path / ("one/export" if again == "same" else "two/export")

    def ids(folder, items):
        write(folder, items)
        return sorted(datasets.load_dataset(str(folder), "sft", split="train", cache_dir=str(tmp_path / "cache"))["id"])

    one, two = [*rich(), dialogue(index=30)], [*rich(), dialogue(index=31)]
    before, after = ids(first, one), ids(second, two)
    assert len(before) == len(after)
    assert before != after


# --------------------------------------------------------------------------- version


def test_the_version_is_of_the_rows_and_not_of_their_order(tmp_path):
    items = list(rich())
    first = write(tmp_path, items).version
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert write(tmp_path, items[::-1]).version == first
    assert write(tmp_path, items, shard_bytes=5000).version == first
    assert write(tmp_path, items[1:]).version != first
    assert write(tmp_path, items, to=("sft", "dpo")).version != first
    assert f"`{write(tmp_path, items).version}`" in card(tmp_path)[1]


# --------------------------------------------------------------------------- what is left out


def test_what_is_left_out_is_counted_listed_and_on_the_card(tmp_path):
    items = [*rich(4), *pairs(2, checkers=(Checker(name="exact", args="{"),)), dialogue(index=50)]
    written = write(tmp_path, items, to=("sft", "dpo", "grpo", "alpaca"))
    assert written.dropped == {
        "dpo": {"no_alternative": 3},
        "grpo": {"bad_checker": 2, "unchecked": 1},
        "alpaca": {"multi_turn": 1},
    }
    rows = [json.loads(line) for line in (tmp_path / "left_out.jsonl").read_text().splitlines()]
    assert len(rows) == 7
    assert {"objective": "alpaca", "id": dialogue(index=50).id, "reason": "multi_turn", "detail": ""} in rows
    body = card(tmp_path)[1]
    assert "| export grpo | 7 | 4 | 1 | 2 | 0 |" in body
    assert "- export grpo: 2 × `bad_checker`, a check of the pair cannot be loaded" in body
    assert tmp_path / "left_out.jsonl" not in written.files  # ids of pairs that are not in the data set are nobody's business


def test_unknown_licences_are_not_handed_on(tmp_path):
    items = [*pairs(3), pair(documents=(document(), MEETING), index=9)]
    written = write(tmp_path, items, handed_on=True)
    assert (written.rows, written.dropped) == ({"sft": 3}, {"sft": {"licence_unknown": 1}})
    assert "minutes" not in (tmp_path / "ATTRIBUTION.md").read_text()
    assert write(tmp_path, items, handed_on=True, allow_licences=("unknown", "CC0-1.0")).rows == {"sft": 4}
    assert write(tmp_path, items).rows == {"sft": 4}


def test_formats_that_hold_no_thoughts_and_no_mixed_rows_say_so(tmp_path):
    with pytest.raises(UsageError, match="--thinking goes with --to sft"):
        write(tmp_path, rich(), to=("dpo",), thinking=True)
    with pytest.raises(UsageError, match="no format named takes rows that are mixed in"):
        write(tmp_path, rich(), to=("dpo",), mix={"x.jsonl": 0.1})


# --------------------------------------------------------------------------- the card


def test_the_header_has_a_config_for_each_objective(tmp_path):
    write(tmp_path, rich(), to=("sft", "dpo", "openai"))
    header, body = card(tmp_path)
    parts = {name: make_exporter(name).suffix for name in ("sft", "dpo")}
    assert 'load_dataset("json", data_files="openai/train-*.jsonl")' in body  # `datasets` takes one kind of file in a repository
    for one in header["configs"]:
        assert re.fullmatch("20 rows, sha256 [0-9a-f]{16}", one.pop("description"))
    assert header["configs"] == [
        {
            "config_name": name,
            **({"default": True} if name == "sft" else {}),
            "data_files": [{"split": split, "path": f"{name}/{split}-*.{suffix}"} for split in ("train", "test")],
        }
        for name, suffix in parts.items()
    ]
    assert (header["license"], header["language"], header["size_categories"]) == ("cc0-1.0", ["en"], ["n<1K"])
    assert {"trl", "preference", "dpo"} <= set(header["tags"])
    write(tmp_path, rich(), to=("openai", "alpaca"))
    assert [one["config_name"] for one in card(tmp_path)[0]["configs"]] == ["openai", "alpaca"]
    from huggingface_hub import DatasetCard

    assert DatasetCard((tmp_path / "README.md").read_text(encoding="utf-8")).data.config_names is None  # it parses as the hub's own


def test_the_card_says_what_is_in_it(tmp_path):
    provenance = Provenance(
        prompts={"stages/answer": "a" * 16, "stages/instruct": "b" * 16},
        engine="openai:gpt-5@api",
        decoding={"temperature": 0.3},
        seed=1,
        graph="g",
    )
    verdicts = (Verdict(gate="grounding", status="pass"), Verdict(gate="needs", status="not_evaluated", reason="no second model"))
    write(tmp_path, pairs(provenance=provenance, verdicts=verdicts))
    _, body = card(tmp_path)
    for line in (
        "| split: train | 16 |",
        "| ingest | 100 | 90 | 4 | 0 | 6 |",
        "- gate: 10 × `ungrounded`, quoted evidence is not in the document",
        "| written by: openai:gpt-5@api | 20 |",
        "| CC0-1.0 | 1 |",
        '"seed": 1',
        "| stages/instruct | `bbbbbbbbbbbbbbbb` | 20 |",
        '| openai:gpt-5@api | {"temperature":0.3} | 20 |',
        "- `openai:gpt-5@api`: OpenAI; OpenAI's terms restrict",
        "| grounding | 20 | 0 |  |",
        "| needs | 0 | 20 | no second model |",
        "   <1K  ████████████████████████████████████████ 20",
        " 0– 10%  ████████████████████████████████████████ 20",
        "wildgraph export RUN --to sft\n",
        "Not decontaminated: no benchmark was named",
    ):
        assert line in body, line
    for word in ("baseline", "Unknown licence", "classifier"):
        assert word not in body
    assert not re.search(r"\n\n\n", body)


def test_models_of_rejected_answers_are_named_where_they_are_given(tmp_path):
    items = [pair(index=index, alternatives=(worse(engine="openai:small-model@api"),)) for index in range(3)]
    write(tmp_path, items, to=("sft",))
    assert "small-model" not in card(tmp_path)[1]
    write(tmp_path, items, to=("sft", "dpo"))
    assert "| openai:small-model@api | rejected answers | 3 |" in card(tmp_path)[1]
    assert "- `openai:small-model@api`: its maker's terms are not known here" in card(tmp_path)[1]


def test_models_that_wrote_nothing_of_it_are_named_too(tmp_path):
    write(tmp_path, about=About(models={"mine": "openai:miner@api", "judge": "openai:judge|1@api"}))
    body = card(tmp_path)[1]
    assert "| openai:miner@api | mine | |" in body
    assert "| openai:judge\\|1@api | judge | |" in body
    assert "`openai:miner" not in body  # its words are in no row


def test_counts_are_shown_as_they_grow(tmp_path):
    seen = []
    items = list(rich(5))
    write_datasets(
        lambda: iter(items),
        tmp_path,
        ExportConfig(to=("sft", "grpo")),
        document=STORE.__getitem__,
        total=5,
        observe=lambda count, total: seen.append((count.stage, count.entered, count.passed, total)),
    )
    assert seen == [(f"export {name}", number, number, 5) for name in ("sft", "grpo") for number in range(1, 6)]


def test_evidence_positions_are_those_in_the_whole_material(tmp_path):
    from made_pairs import evidence

    late = evidence(MEETING, "five votes to two")
    write(tmp_path, [pair(documents=(document(), MEETING), spans=(late,))])
    place = (len(LEASE) + late.start) * 10 // (len(LEASE) + len(MINUTES))
    assert place > 6
    assert f"{place * 10}–{place * 10 + 10:>3}%  {'█' * 40} 1" in card(tmp_path)[1]


def test_contamination_is_said_as_far_as_it_was_looked_for(tmp_path):
    clean = Verdict(gate="contamination", status="pass")
    open_ = Verdict(gate="contamination", status="not_evaluated", reason="no set was named")
    compared = {"contamination": [{"file": "ruler.jsonl", "sha256": "ab" * 32, "rows": 500}]}
    write(tmp_path, pairs(5, verdicts=(clean,)), About(compared=compared))
    body = card(tmp_path)[1]
    assert "Decontaminated as far as that goes: all 5 of 5 pairs were held against" in body
    assert f"| contamination | ruler.jsonl | `{'ab' * 32}` | 500 |" in body
    write(tmp_path, [*pairs(3, verdicts=(clean,)), pair(index=9, verdicts=(open_,))])
    assert "Not decontaminated as a whole: 3 of 4 pairs" in card(tmp_path)[1]
    write(tmp_path, [pair(verdicts=(open_,))])
    assert "Not decontaminated: no benchmark was named" in card(tmp_path)[1]


def test_a_split_without_rows_has_no_files(tmp_path):
    write(tmp_path, [pair()])
    assert [entry["split"] for entry in card(tmp_path)[0]["configs"][0]["data_files"]] == ["train"]
    assert not list((tmp_path / "sft").glob("test-*"))


def test_the_offline_engine_is_called_a_baseline(tmp_path):
    provenance = pair().provenance.model_copy(update={"engine": "offline:1"})
    write(tmp_path, [pair(provenance=provenance), pair(index=1)])
    body = card(tmp_path)[1]
    assert "**A baseline, not training data.** 1 of these samples" in body
    assert "Do not train a serious model on it." in body


def test_unknown_and_mixed_licences_are_listed(tmp_path):
    written = write(tmp_path, [pair(documents=(document(), MEETING))])
    assert written.unknown_licences == ("minutes",)
    header, body = card(tmp_path)
    assert (header["license"], header["license_name"]) == ("other", "mixed-see-card")
    assert "**Unknown licence**: 1 documents state none" in body
    assert "\n- minutes\n" in body
    assert "| minutes | Minutes of the \\| committee | unknown |  |" in (tmp_path / "ATTRIBUTION.md").read_text()
    write(tmp_path, [pair(documents=(MEETING,), spans=())])
    assert card(tmp_path)[0]["license"] == "unknown"


def test_attribution_names_the_file_and_not_where_it_lay(tmp_path):
    placed = document().model_copy(update={"source": "/home/somebody/corpus/leases.jsonl", "line": 7})
    write_datasets(lambda: iter([pair()]), tmp_path, ExportConfig(), document=lambda _: placed)
    text = (tmp_path / "ATTRIBUTION.md").read_text()
    assert "leases.jsonl:7" in text
    assert "somebody" not in text


def test_hostile_names_do_not_break_the_card(tmp_path):
    hostile = document("a|b\n# <script>x</script> `c` [x](y)", "A text that says so.", licence="x|\n---\ny: [")
    STORE[hostile.hash] = hostile
    write(
        tmp_path,
        [pair(documents=(hostile,), spans=(), document_type="| {{ 7*7 }}\n# boo")],
        About(title='a: b\n# c """ \\', settings={"x": "```\n# y"}),
    )
    header, body = card(tmp_path)
    assert header["pretty_name"] == 'a: b\n# c """ \\'
    assert "<script>" not in body + (tmp_path / "ATTRIBUTION.md").read_text()
    assert "\n# boo" not in body
    assert r"{{ 7\*7 }}" in body
    compile((tmp_path / "trl_sft.py").read_text(), "trl_sft.py", "exec")


def test_settings_on_the_card_name_no_path(tmp_path):
    (tmp_path / "earlier.jsonl").write_text('{"id": "other"}\n')
    write(tmp_path / "out", exclude=(str(tmp_path / "earlier.jsonl"),), train_on="last")
    body = card(tmp_path / "out")[1]
    assert '"earlier.jsonl"' in body
    assert '"train_on": "last"' in body
    assert str(tmp_path) not in body
