import pytest
from made_graphs import catalogue, record, run_of

from wildgraph.counts import read_counts
from wildgraph.errors import EmptyResultError, InputError, RunError, UsageError
from wildgraph.funnel import StageCount
from wildgraph.published import check_graphs, export_graphs
from wildgraph.stages.graph import GraphConfig
from wildgraph.store import RunDirectory
from wildgraph.taskgraph import read_graphs
from wildgraph.uniting import merge_graphs

CONFIG = GraphConfig(min_support=3, min_type_records=5)
RECORDS = [
    record(n, ["task/translate", ["task/summarize-a-part", "task/summarize-briefly", "output_format/table"][n % 3]], f"u{n % 11}")
    for n in range(30)
]


@pytest.fixture(autouse=True)
def one_key(monkeypatch):
    monkeypatch.setenv("WILDGRAPH_KEY", "key")


@pytest.fixture
def runs(tmp_path):
    return [run_of(tmp_path / name, part, CONFIG) for name, part in (("a", RECORDS[:18]), ("b", RECORDS[12:24]), ("c", RECORDS[20:]))]


def bytes_of(folder):
    skipped = {".lock", "manifest.run.json"}
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file() and file.name not in skipped
    }


def test_merging_runs_is_building_them_at_once(runs, tmp_path):
    whole = run_of(tmp_path / "whole", RECORDS, CONFIG)
    found = merge_graphs(runs, tmp_path / "merged")
    assert found.union.shared == 10
    assert bytes_of(tmp_path / "merged/graphs") == bytes_of(whole / "graphs")
    assert (tmp_path / "merged/private/counts.parquet").read_bytes() == (whole / "private/counts.parquet").read_bytes()
    assert check_graphs(tmp_path / "merged") == []
    assert RunDirectory.open(tmp_path / "merged").stage("graph")["merged"] == 3


def test_order_and_steps_leave_no_trace(runs, tmp_path):
    a, b, c = runs
    merge_graphs([a, b, c], tmp_path / "1")
    merge_graphs([c, a, b], tmp_path / "2")
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "2")
    merge_graphs([b, c], tmp_path / "bc")
    merge_graphs([tmp_path / "bc", a], tmp_path / "3")
    for name in ("graphs", "private"):
        assert bytes_of(tmp_path / "3" / name) == bytes_of(tmp_path / "1" / name)


def test_a_merged_run_can_be_published_at_another_k_and_merged_again_into_its_place(runs, tmp_path):
    merge_graphs(runs[:2], tmp_path / "merged")
    export_graphs(tmp_path / "merged", tmp_path / "low", min_support=1)
    assert {graph.min_support for graph in read_graphs(tmp_path / "low")} == {1}
    merge_graphs(runs, tmp_path / "merged", min_support=5, min_type_records=2)
    assert {graph.min_support for graph in read_graphs(tmp_path / "merged/graphs")} == {5}
    assert len(read_counts(tmp_path / "merged").records) == 30


def test_the_strictest_settings_of_the_runs_are_taken(tmp_path):
    low = run_of(tmp_path / "low", RECORDS[:15], GraphConfig(min_support=2, min_type_records=3, min_path=3, no_document="keep"))
    high = run_of(tmp_path / "high", RECORDS[15:], GraphConfig(min_support=4, min_type_records=6, min_path=4))
    merge_graphs([low, high], tmp_path / "merged")
    settings = RunDirectory.open(tmp_path / "merged").stage("graph")["settings"]
    assert settings == {"min_support": 4, "min_type_records": 6, "min_path": 4, "no_document": "drop"}


def test_the_key_goes_along_where_it_lies_in_a_run(tmp_path, monkeypatch):
    monkeypatch.delenv("WILDGRAPH_KEY")
    a = run_of(tmp_path / "a", RECORDS[:15], CONFIG)
    (tmp_path / "b/private").mkdir(parents=True)
    (tmp_path / "b/private/key").write_bytes((a / "private/key").read_bytes())
    b = run_of(tmp_path / "b", RECORDS[15:], CONFIG)
    merge_graphs([a, b], tmp_path / "merged")
    assert RunDirectory(tmp_path / "merged").key(make=False) == RunDirectory(a).key()
    assert (tmp_path / "merged/private/key").stat().st_mode & 0o777 == 0o600


def test_runs_of_two_keys_merge_with_bounds_only(runs, tmp_path, monkeypatch):
    monkeypatch.setenv("WILDGRAPH_KEY", "other")
    other = run_of(tmp_path / "other", RECORDS, CONFIG)
    with pytest.raises(InputError, match=r"keyed with 2 different keys, .* --bounds"):
        merge_graphs([runs[0], other], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
    found = merge_graphs([runs[0], other], tmp_path / "merged", bounds=True)
    assert found.union is None
    assert all(not graph.exact for graph in found.graphs)
    assert not (tmp_path / "merged/private").exists()
    assert check_graphs(tmp_path / "merged") == []


def test_published_folders_merge_with_bounds_in_any_order(runs, tmp_path):
    folders = [run / "graphs" for run in runs]
    merge_graphs(folders, tmp_path / "1")
    merge_graphs(folders[::-1], tmp_path / "2")
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "2")
    (graph,) = read_graphs(tmp_path / "1")
    parts = [read_graphs(folder)[0] for folder in folders]
    assert (graph.users, graph.users_most) == (max(one.users for one in parts), sum(one.users for one in parts))
    merge_graphs(folders, tmp_path / "1", min_support=6)
    assert all(node.support >= 6 for graph in read_graphs(tmp_path / "1") for node in graph.nodes)


def test_bounds_hold_the_exact_counts_where_labels_did_not_move(runs, tmp_path):
    merge_graphs(runs, tmp_path / "exact")
    merge_graphs(runs, tmp_path / "bounds", bounds=True)
    exact = {node.concept: node for graph in read_graphs(tmp_path / "exact/graphs") for node in graph.nodes}
    for graph in read_graphs(tmp_path / "bounds"):
        for node in graph.nodes:
            if node.concept == "task/translate":  # common everywhere: nothing was folded into it or dropped
                assert node.support <= exact[node.concept].support <= node.support_most
                assert node.records <= exact[node.concept].records <= node.records_most


def test_what_cannot_be_merged_is_an_error_and_leaves_nothing(runs, tmp_path):
    a, b, _ = runs
    bare = tmp_path / "bare"
    export_graphs(a, bare)
    for sources, more, kind, message in (
        ([a], {}, UsageError, "two or more different sources"),
        ([a, a], {}, UsageError, "two or more different sources"),
        ([a, b, a], {}, UsageError, "two or more different sources"),
        ([a, bare], {}, UsageError, "cannot be merged exactly"),
        ([bare, b / "graphs"], {"min_type_records": 3}, UsageError, "cannot be rolled up again"),
        ([bare, b / "graphs"], {"min_support": 99}, EmptyResultError, "no merged node has 99 users"),
        ([bare, b / "graphs"], {"min_support": 2}, UsageError, "cannot be lowered to 2"),
        ([bare, tmp_path / "missing"], {}, InputError, "no task graph"),
    ):
        with pytest.raises(kind, match=message):
            merge_graphs(sources, tmp_path / "out", **more)
        assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="is one of the sources"):
        merge_graphs([a, b], b)
    with RunDirectory.write(tmp_path / "built") as run:
        run.finish("ingest", "x", StageCount("ingest"), {})
    with pytest.raises(RunError, match="is a run of its own"):
        merge_graphs([a, b], tmp_path / "built")


def test_concepts_of_all_runs_are_published(tmp_path):
    fewer = {one: concept for one, concept in catalogue().concepts.items() if "table" not in one}
    a = run_of(tmp_path / "a", [item for item in RECORDS if not any("table" in one for one in item.labels)], CONFIG, fewer)
    b = run_of(tmp_path / "b", RECORDS, CONFIG)
    merge_graphs([a, b], tmp_path / "merged")
    assert "output_format/table" in (tmp_path / "merged/graphs/concepts.jsonl").read_text()
