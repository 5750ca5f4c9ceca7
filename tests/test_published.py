import json
import os
import stat

import pytest
from made_graphs import record, run_of

from wildgraph.errors import EmptyResultError, InputError, RunError, UsageError
from wildgraph.published import check_graphs, diff_graphs, export_graphs, graph_stats, open_source
from wildgraph.stages.graph import GraphConfig
from wildgraph.taskgraph import TaskGraph, read_graphs
from wildgraph.taskgraph.interchange import from_gexf, from_graphml
from wildgraph.viewing import view

CONFIG = GraphConfig(min_support=3, min_type_records=2, min_path=0)


def some_records(kind="document_type/contract", start=0):
    """Support: translate 8, table 5, a part 2, briefly 2, compare prices 1."""
    labels = [["task/translate"] for _ in range(8)]
    for n in range(5):
        labels[n].append("output_format/table")
    labels[0].append("task/summarize-a-part")
    labels[1].append("task/summarize-a-part")
    labels[2].append("task/summarize-briefly")
    labels[3].append("task/summarize-briefly")
    labels[4].append("task/compare-prices")
    return [record(start + n, found, kind=kind) for n, found in enumerate(labels)]


@pytest.fixture(autouse=True)
def one_key(monkeypatch):
    monkeypatch.setenv("WILDGRAPH_KEY", "key")


@pytest.fixture
def run(tmp_path):
    return run_of(tmp_path / "run", [*some_records(), *some_records("document_type/novel", 50)], CONFIG)


def supports(folder, name="contract"):
    return {node.concept: node.support for node in TaskGraph.read(folder / f"{name}.json").nodes}


# ----------------------------------------------------------------- sources


def test_a_run_its_folder_and_a_file_are_sources(run):
    for path, counted, types in ((run, True, 2), (run / "graphs", False, 2), (run / "graphs/novel.json", False, 1)):
        found = open_source(path)
        assert (found.counted, len(found.graphs), found.min_support) == (counted, types, 3)
        assert bool(found.concepts) == path.is_dir()


def test_what_holds_no_graphs_is_an_error(run, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "missing", tmp_path / "empty", run / "manifest.json"):
        with pytest.raises(InputError):
            open_source(path)
    (run / "graphs/again.json").write_bytes((run / "graphs/novel.json").read_bytes())
    with pytest.raises(InputError, match=r"two graphs in .* are of document_type/novel"):
        open_source(run)


# ----------------------------------------------------------------- diff and stats


def test_a_run_differs_from_itself_in_nothing_and_from_another_in_what_changed(run, tmp_path):
    assert diff_graphs(run, run / "graphs").empty
    other = run_of(tmp_path / "other", some_records()[:-1], CONFIG)
    found = diff_graphs(run, other)
    assert found.only_a == ("document_type/novel",)
    assert set(found.types["document_type/contract"].nodes.changed) == {"task/translate"}


def test_shares_kept_are_of_all_labels_where_the_counts_are_there(run):
    (_, *ladder) = graph_stats(run).kept
    assert graph_stats(run).kept_of == "private counts"
    assert [(one.min_support, one.nodes) for one in graph_stats(run).kept] == [(1, 10), (2, 8), (3, 4), (5, 4)]
    assert ladder[0].nodes_share == 0.8
    assert graph_stats(run / "graphs").kept_of == "published graphs"
    assert graph_stats(run / "graphs").kept[0].min_support == 3


# ----------------------------------------------------------------- check


def test_what_a_build_leaves_passes_the_check(run):
    assert check_graphs(run) == check_graphs(run / "graphs") == check_graphs(run / "graphs/novel.json") == []
    assert any("below 4" in problem for problem in check_graphs(run, min_support=4))


def edited(file, change):
    data = json.loads(file.read_text())
    change(data)
    file.write_text(TaskGraph.model_validate({k: v for k, v in data.items() if k not in ("format", "version")}).to_json())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda g: edited(g / "novel.json", lambda data: data["nodes"][0].update(support=2)), "fewer than K"),
        (
            lambda g: edited(g / "novel.json", lambda data: data.update(users=9, records=9)),
            "document_type/novel: is not what the private counts give",
        ),
        (lambda g: (g / "novel.json").unlink(), "document_type/novel: is not what the private counts give"),
        (lambda g: (g / "novel.json").rename(g / "story.json"), "story.json: holds the graph of document_type/novel"),
        (lambda g: (g / "novel.json").write_text(json.dumps(json.loads((g / "novel.json").read_text()))), "not in the canonical form"),
        (lambda g: (g / "concepts.jsonl").write_text(""), "not in concepts.jsonl"),
        (
            lambda g: (g / "concepts.jsonl").write_text("".join(reversed((g / "concepts.jsonl").read_text().splitlines(keepends=True)))),
            "not sorted by id",
        ),
        (
            lambda g: (
                (g / "concepts.jsonl").open("a").write('{"field":"task","id":"task/zzz","name":"rare","origin":"induced","parent":null}\n')
            ),
            "task/zzz is in concepts.jsonl, but",
        ),
    ],
)
def test_every_broken_promise_of_a_folder_is_named(run, spoil, message):
    spoil(run / "graphs")
    assert any(message in problem for problem in check_graphs(run)), check_graphs(run)


# ----------------------------------------------------------------- export


@pytest.mark.parametrize(("to", "read"), [("json", TaskGraph.from_json), ("graphml", from_graphml), ("gexf", from_gexf)])
def test_every_format_holds_the_graphs(run, tmp_path, to, read):
    found = export_graphs(run, tmp_path / "out", to=to, publish=True)
    assert {file.name for file in (tmp_path / "out").iterdir()} == {f"contract.{to}", f"novel.{to}", "concepts.jsonl"}
    assert [read(file.read_text()) for file in found.files if file.suffix == f".{to}"] == read_graphs(run / "graphs")
    first = {file: file.read_bytes() for file in found.files}
    export_graphs(run, tmp_path / "out", to=to, publish=True)
    assert {file: file.read_bytes() for file in found.files} == first


def test_a_higher_k_needs_no_counts_and_a_lower_one_does(run, tmp_path):
    export_graphs(run / "graphs", tmp_path / "high", min_support=6)
    assert supports(tmp_path / "high") == {"task/translate": 8}
    assert check_graphs(tmp_path / "high") == []
    with pytest.raises(UsageError, match="was pruned at K = 3, which cannot be lowered to 2"):
        export_graphs(run / "graphs", tmp_path / "low", min_support=2)
    found = export_graphs(run, tmp_path / "low", min_support=2)
    assert found.recounted
    assert supports(tmp_path / "low")["task/summarize-a-part"] == 2
    assert supports(run / "graphs") == {"output_format/table": 5, "task/summarize": 4, "task/translate": 8}
    (run / "private/counts.parquet").unlink()
    with pytest.raises(UsageError, match="a lower K needs the run with its private counts"):
        export_graphs(run, tmp_path / "lower", min_support=2)


def test_below_the_runs_k_files_are_for_the_owner_alone_unless_published(run, tmp_path):
    old = os.umask(0)
    try:
        modes = {}
        for name, more in (("own", {"min_support": 1}), ("others", {"min_support": 2, "publish": True}), ("same", {})):
            files = export_graphs(run, tmp_path / name, **more).files
            modes[name] = {stat.S_IMODE(file.stat().st_mode) for file in files}
    finally:
        os.umask(old)
    assert modes == {"own": {0o600}, "others": {0o644}, "same": {0o644}}


def test_at_k_1_nothing_is_published(run, tmp_path):
    with pytest.raises(UsageError, match="not for publication"):
        export_graphs(run, tmp_path / "out", min_support=1, publish=True)
    export_graphs(run, tmp_path / "own", min_support=1)
    with pytest.raises(UsageError, match="not for publication"):
        export_graphs(tmp_path / "own", tmp_path / "out", publish=True)
    with pytest.raises(UsageError, match="at K = 1 every node may stand for one user"):
        view(tmp_path / "own", tmp_path / "page.html", publish=True)
    assert not (tmp_path / "page.html").exists()
    export_graphs(tmp_path / "own", tmp_path / "out", min_support=3, publish=True)
    assert min(supports(tmp_path / "out").values()) >= 3


def test_broken_graphs_are_not_published(run, tmp_path):
    edited(run / "graphs/novel.json", lambda data: data["nodes"][0].update(support=2))
    with pytest.raises(InputError, match="is not fit for publication: novel: node"):
        export_graphs(run, tmp_path / "out", publish=True)
    assert not (tmp_path / "out").exists()


def test_rounded_counts_say_that_they_are_bounds(run, tmp_path):
    export_graphs(run, tmp_path / "out", publish=True, rounded=True)
    graph = TaskGraph.read(tmp_path / "out/contract.json")
    assert not graph.exact
    assert {(node.support, node.support_most) for node in graph.nodes} == {(3, 5), (6, 8)}
    assert check_graphs(tmp_path / "out") == []


def test_a_k_that_nothing_has_is_an_error(run, tmp_path):
    with pytest.raises(EmptyResultError, match=r"no node of .* has 99 users"):
        export_graphs(run, tmp_path / "out", min_support=99)


def test_only_an_earlier_export_is_written_over(run, tmp_path):
    out = tmp_path / "out"
    export_graphs(run, out, to="gexf")
    export_graphs(run / "graphs/novel.json", out, to="graphml")
    assert {file.name for file in out.iterdir()} == {"novel.graphml", "concepts.jsonl"}
    for name, content in (("thesis.tex", "x"), ("data.json", "{}"), ("page.gexf", "<gexf/>")):
        (out / name).write_text(content)
        with pytest.raises(RunError, match=f"holds {name}, which no export wrote"):
            export_graphs(run, out)
        (out / name).unlink()
    (out / "folder").mkdir()
    for place, message in ((out, "holds folder"), (run, "which no export wrote"), (out / "novel.graphml", "cannot write to")):
        with pytest.raises(RunError, match=message):
            export_graphs(run, place)
    with pytest.raises(UsageError, match="where the graphs come from"):
        export_graphs(run, run / "graphs")
