"""Results as lines, HTML tables, frames and data sets: on made records, and on a whole run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pandas as pd
import pytest
from made_pairs import pair
from whole_runs import ROOT, SEEDS, Demo, copied, pairs

import wildgraph
from wildgraph.errors import InputError, UsageError
from wildgraph.frames import PAIR_COLUMNS, exported_frame, flat_pair, frame, html_table, one_line, pairs_dataset
from wildgraph.funnel import funnel_frame
from wildgraph.results import BuildResult, Page, SampleResult
from wildgraph.taskgraph import GraphEdge, GraphNode, TaskGraph, graph_of

HOSTILE = "<script>alert(1)</script>'\"&\u202e\ud800\n"


def graph(kind: str = "document_type/contract", name: str = "contract") -> TaskGraph:
    nodes = tuple(GraphNode(field="task", concept=f"task/{one}", name=one, support=3 + at, records=4 + at) for at, one in enumerate("ab"))
    return TaskGraph(
        document_type=kind,
        name=name,
        records=9,
        users=7,
        min_support=3,
        nodes=nodes,
        edges=(GraphEdge(source=0, target=1, frequency=4, users=3),),
    )


# --------------------------------------------------------------------------- the parts


def test_a_table_escapes_everything_and_counts_what_it_leaves_out():
    html = html_table(HOSTILE, (HOSTILE,), [(HOSTILE,), ("x" * 500,), (1234567,), (True,)], shown=3)
    assert "<script" not in html
    assert "\u202e" not in html
    html.encode("utf-8")  # no lone surrogate is left in it
    assert "x" * 200 not in html
    assert "text-align:right'>1,234,567<" in html
    assert "and 1 more" in html
    assert "True" not in html


def test_an_empty_frame_has_its_columns():
    assert list(frame([], ("a", "b")).columns) == ["a", "b"]
    assert list(funnel_frame({}).columns) == ["stage", "in", "out", "class", "reason", "dropped"]


def test_the_funnel_has_a_row_for_each_reason_and_one_where_there_is_none():
    stages = {
        "ingest": {"in": 9, "out": 6, "rejected": {"filtered": {"toxic": 1, "multi_turn": 2}, "gated": {}, "failed": {}}},
        "mine": {"in": 6, "out": 6, "rejected": {"filtered": {}, "gated": {}, "failed": {}}},
    }
    found = funnel_frame(stages)
    assert found["reason"].tolist() == ["toxic", "multi_turn", ""]
    assert found.groupby("stage", sort=False)["dropped"].sum().tolist() == [3, 0]


def test_lines_leave_out_what_is_not_known():
    assert one_line("X", a=1, b=None, name="n") == "<X a=1, name=n>"


def test_a_pair_as_a_flat_row_has_these_columns_and_no_others():
    row = flat_pair(pair())
    assert tuple(row) == PAIR_COLUMNS
    assert row["evidence"] == [span.text for span in pair().evidence] != []


def test_data_sets_of_different_pairs_have_the_same_types():
    from datasets import concatenate_datasets

    one, none = pairs_dataset([pair(), pair(index=1)]), pairs_dataset([])
    assert one.features == none.features
    assert concatenate_datasets([one, none]).num_rows == 2
    assert one[0]["instruction"] == pair().instruction


def test_without_the_datasets_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UsageError, match=r"pip install 'wildgraph\[datasets\]'"):
        pairs_dataset([pair()])


def test_what_was_not_exported_is_named(tmp_path: Path):
    (tmp_path / "sft").mkdir()
    with pytest.raises(InputError, match=r"no rows for 'dpo' in .* there are sft"):
        exported_frame(tmp_path, "dpo")
    with pytest.raises(InputError, match="export them first"):
        exported_frame(tmp_path / "nowhere", "dpo")


# --------------------------------------------------------------------------- graphs


def test_a_graph_says_what_it_is_and_turns_into_frames():
    one = graph()
    assert repr(one) == str(one) == "<TaskGraph name='contract', records=9, users=7, nodes=2, edges=1>"
    assert one._repr_html_().index(">b<") < one._repr_html_().index(">a<"), "most users first"
    assert one.to_pandas()["concept"].tolist() == ["task/a", "task/b"]
    edges = one.to_pandas("edges")
    assert edges.to_dict("records") == [
        {"source": "task/a", "source_name": "a", "target": "task/b", "target_name": "b", "frequency": 4, "users": 3}
    ]


def test_a_graph_with_bounds_shows_them():
    one = graph().model_dump()
    for part in (one, *one["nodes"], *one["edges"]):
        part.update({f"{name}_most": part[name] + 1 for name in ("records", "users", "support", "frequency") if name in part})
    bounds = TaskGraph.model_validate(one)
    assert bounds.to_pandas()["support_most"].tolist() == [4, 5]
    assert bounds.to_pandas("edges")["users_most"].tolist() == [4]


def test_graphs_are_found_by_id_stem_and_name():
    contract, mine = graph(), graph("document_type/Two", "Minutes of a meeting")
    for asked in ("document_type/contract", "contract", "Contract "):
        assert graph_of([contract, mine], asked) is contract
    assert graph_of([contract, mine], "minutes of a meeting") is mine
    with pytest.raises(UsageError, match="no graph is called 'novel' — there are Two, contract"):
        graph_of([contract, mine], "novel")
    with pytest.raises(UsageError, match="several graphs are called"):
        graph_of([graph("document_type/x", "same"), graph("document_type/y", "same")], "same")


# --------------------------------------------------------------------------- whole runs


def test_a_page_is_a_path_that_shows_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    file = Page(tmp_path / "a 'b" / "explorer.html")
    assert isinstance(file, Path)
    assert file.parent.name == "a 'b"
    shown = file._repr_html_()
    assert "<iframe src='a%20%27b/explorer.html'" in shown


@pytest.fixture
def run(demo: Demo, tmp_path: Path) -> Path:
    return copied(demo.run, tmp_path)


def test_a_build_as_frames_agrees_with_its_graphs(run: Path):
    built = BuildResult(run, wildgraph.read_graphs(run / "graphs"), wildgraph.status(run)["stages"])
    types = built.to_pandas()
    assert types["records"].is_monotonic_decreasing
    assert len(types) == len(built.graphs) == len(built.to_networkx())
    assert len(built.to_pandas("nodes")) == types["nodes"].sum()
    assert len(built.to_pandas("edges")) == types["edges"].sum()
    assert set(built.to_pandas("nodes")["document_type"]) == set(types["document_type"])
    assert set(built.to_pandas("funnel")["stage"]) == set(built.counts)
    assert built.graph("contract").name == "contract"
    assert isinstance(built.to_networkx()[types["document_type"][0]], nx.Graph)
    assert repr(built) == f"<BuildResult run={run}, graphs={len(types)}, records={types['records'].sum()}>"
    assert all(name in built._repr_html_() for name in types["name"][:12])


def test_a_sample_as_frame_data_set_and_graph_agrees_with_its_pairs(run: Path):
    (folder,) = (run / "samples").iterdir()
    sampled = SampleResult(run, folder, 80, 80, 126, True)
    known = pairs(run)
    assert list(sampled.pairs()) == known
    table = sampled.to_pandas()
    assert table["id"].tolist() == [one.id for one in known]
    assert table["n_tokens"].tolist() == [one.n_tokens.total for one in known]
    assert sampled.to_dataset().to_pandas()["response"].tolist() == table["response"].tolist()
    paths = sampled.to_networkx()
    steps = sum(len(one.path) - 1 for one in known)
    assert sum(data["pairs"] for _, _, data in paths.edges(data=True)) == steps
    assert sum(data["pairs"] for _, data in paths.nodes(data=True)) == sum(len(one.path) for one in known)
    assert "80 pairs accepted of 126" in sampled._repr_html_()
    assert "and 75 more" in sampled._repr_html_()


def test_an_export_as_frame_and_data_set_agrees_with_its_rows(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    exported = wildgraph.export(run, ["sft", "openai", "dpo"])
    for name, count in exported.by_objective.items():
        table = exported.to_pandas(name)
        assert len(table) == count
        assert set(table["split"]) == {"train", "test"}
    splits = exported.to_dataset("sft")
    assert {name: len(part) for name, part in splits.items()} == exported.to_pandas("sft")["split"].value_counts().to_dict()
    assert splits["train"][0]["prompt"][-1]["role"] == "user"
    with pytest.raises(UsageError, match="name one of sft, openai, dpo"):
        exported.to_pandas()
    assert "no_alternative" in exported._repr_html_()
    only = wildgraph.export(run, ["sft"])
    assert only.to_pandas()["id"].tolist() == exported.to_pandas("sft")["id"].tolist()
    assert repr(only).startswith("<ExportResult folder=")


def test_coverage_as_a_frame_agrees_with_the_report(run: Path):
    report = wildgraph.coverage(run)
    table = report.to_pandas()
    assert isinstance(table, pd.DataFrame)
    assert len(table) == 3 * len(report.types)
    accepted = table[table["state"] == "accepted"]
    assert accepted["edges"].tolist() == [one.accepted.edges for one in report.types]
    counted = f"candidates={report.candidates}, accepted=80, types={len(report.types)}"
    assert repr(report) == str(report) == f"<CoverageReport {counted}>"
    assert report.types[0].name in report._repr_html_()


def test_statistics_show_themselves(demo: Demo):
    stats = wildgraph.graph_stats(demo.run)
    sizes = (sum(one.nodes for one in stats.types), sum(one.edges for one in stats.types))
    assert repr(stats) == f"<GraphStats types={len(stats.types)}, concepts={stats.concepts}, nodes={sizes[0]}, edges={sizes[1]}>"
    assert ">contract</td>" in stats._repr_html_()
    types = stats.to_pandas()
    assert list(types.records) == sorted((one.records for one in stats.types), reverse=True)
    assert types.set_index("name").loc["contract", "nodes"] == len(wildgraph.TaskGraph.read(demo.run / "graphs/contract.json").nodes)
    assert "fields" not in types.columns
    kept = stats.to_pandas("kept")
    assert list(kept.min_support) == [one.min_support for one in stats.kept]
    assert kept.nodes_share.iloc[0] == 1.0


def test_one_path_needs_no_list(demo: Demo, tmp_path: Path):
    config = wildgraph.load_config(overrides={"sample.n": 2})
    documents = SEEDS / "documents.jsonl"
    one = wildgraph.sample(demo.run / "graphs", documents, out=tmp_path / "one", config=config)
    several = wildgraph.sample(demo.run / "graphs", [str(documents)], out=tmp_path / "several", config=config)
    assert [pair.id for pair in one.pairs()] == [pair.id for pair in several.pairs()]
    assert wildgraph.export(one.run, "sft").by_objective == wildgraph.export(several.run, ["sft"]).by_objective
    with pytest.raises(InputError, match=r"no such file: .*gone\.jsonl"):
        wildgraph.build(str(tmp_path / "gone.jsonl"), tmp_path / "run")
    with pytest.raises(UsageError, match="empty name"):
        wildgraph.build("", tmp_path / "run")


def test_no_bar_of_another_library_is_drawn(demo: Demo, tmp_path: Path):
    """In a process of its own, as a script or a notebook has it: without what the command line sets."""
    code = (
        "import wildgraph\n"
        "from wildgraph.embedders.sentence import SentenceEmbedder\n"
        "SentenceEmbedder().embed(['a'])\n"
        f"wildgraph.export({str(demo.run)!r}, 'sft', {str(tmp_path / 'out')!r}).to_dataset()\n"
        "import datasets\n"
        "from transformers.utils import logging\n"
        "print(datasets.is_progress_bar_enabled(), logging.is_progress_bar_enabled())\n"
    )
    settings = {name: value for name, value in os.environ.items() if name not in ("HF_HUB_DISABLE_PROGRESS_BARS", "TRANSFORMERS_VERBOSITY")}
    settings |= {"HF_DATASETS_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=settings, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "True"]  # and the libraries are left as they were
    assert "%" not in done.stderr
    assert "examples" not in done.stderr
