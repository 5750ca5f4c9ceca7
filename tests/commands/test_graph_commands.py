import json

import pytest
from made_graphs import record, run_of
from whole_runs import succeed, wildgraph

from wildgraph.pseudonyms import keyed_user
from wildgraph.stages.graph import GraphConfig
from wildgraph.taskgraph import TaskGraph

CONFIG = GraphConfig(min_support=3, min_type_records=2, min_path=0)


@pytest.fixture(autouse=True)
def one_key(monkeypatch):
    monkeypatch.setenv("WILDGRAPH_KEY", "key")


@pytest.fixture
def runs(tmp_path):
    found = [record(n, ["task/translate", "output_format/table"][: 1 + n % 2], keyed_user(b"key", f"user {n}")) for n in range(14)]
    return [run_of(tmp_path / name, part, CONFIG) for name, part in (("a", found[:10]), ("b", found[6:]))]


def test_merge_says_what_was_met(runs, tmp_path):
    out = succeed("graph", "merge", *runs, "-o", tmp_path / "m").out
    assert "counts   exact: 14 records, 4 of them in several runs" in out
    out = succeed("graph", "merge", *runs, "--bounds", "-o", tmp_path / "n").out
    assert "counts   bounds: at least the largest, at most the sum" in out


def test_diff_as_text_and_as_json(runs, tmp_path):
    assert succeed("graph", "diff", runs[0], runs[0]).out == "same     1 types, node by node and edge by edge\n"
    out = succeed("graph", "diff", *runs).out
    assert "document_type/contract\n  changed  min_support 3, records 10, users 10 -> min_support 3, records 8, users 8\n" in out
    assert "  changed  node task/translate (support 10, records 10 -> support 8, records 8)\n" in out
    found = json.loads(succeed("graph", "diff", *runs, "--json").out)
    assert found["types"]["document_type/contract"]["nodes"]["changed"]["task/translate"][1] == {"support": 8, "records": 8}


def test_stats_as_text_and_as_json(runs):
    out = succeed("graph", "stats", runs[0]).out
    assert out.splitlines()[1].split()[:6] == ["contract", "10", "10", "3", "2", "1"]
    assert "K = 1 keeps 100% of nodes, 100% of edges (of the private counts, by pruning alone)" in " ".join(out.split())
    found = json.loads(succeed("graph", "stats", runs[0] / "graphs", "--json").out)
    assert found["types"][0]["nodes"] == 2
    assert found["kept_of"] == "published graphs"


def test_check_ends_with_a_code(runs):
    assert succeed("graph", "check", runs[0]).out == f"ok       {runs[0]}\n"
    outcome = wildgraph("graph", "check", runs[0], "--min-support", 20)
    assert outcome.code == 3
    assert outcome.out.count("PROBLEM  contract: ") == 5  # the graph's own K, its users, two nodes, an edge
    assert f"5 problems in the graphs of {runs[0]}" in outcome.error


def test_what_a_foreign_file_says_does_not_steer_the_terminal(runs, tmp_path):
    graph = TaskGraph.read(runs[0] / "graphs/contract.json")
    evil = graph.nodes[0].model_copy(update={"concept": "output_format/\x1b[2Jx", "support": 1, "name": "\x1b]0;x\x07"})
    spoilt = graph.model_copy(update={"nodes": (evil, *graph.nodes[1:]), "name": "\x1b[31mred"})
    (tmp_path / "evil.json").write_text(spoilt.to_json())
    for command in (("check", tmp_path / "evil.json"), ("stats", tmp_path / "evil.json"), ("diff", runs[0], tmp_path / "evil.json")):
        outcome = wildgraph("graph", *command)
        assert "\x1b" not in outcome.out + outcome.err
        assert "�" in outcome.out


def test_export_says_for_whom(runs, tmp_path):
    assert succeed("graph", "export", runs[0], "-o", tmp_path / "x", "--to", "gexf").out == f"graphs   1 in {tmp_path / 'x'} (gexf)\n"
    assert "for you alone (mode 600)" in succeed("graph", "export", runs[0], "-o", tmp_path / "y", "--min-support", 1).out
    assert "give away only one" in succeed("graph", "export", runs[0], "-o", tmp_path / "z", "--min-support", 2, "--publish").out
    outcome = wildgraph("graph", "export", runs[0], "-o", tmp_path / "w", "--min-support", 1, "--publish")
    assert outcome.code == 2
    assert "not for publication" in outcome.error


def test_forget_says_what_it_did_and_what_is_left(runs):
    out = succeed("forget", runs[0], "--user", "user 3").out
    assert out.splitlines()[0] == "forgot   0 conversations, 1 counted records, 0 rejections, 0 cached answers"
    assert "left     the logs themselves" in out
    outcome = wildgraph("forget", runs[0], "--user", "nobody")
    assert outcome.code == 3
    assert "nobody" not in outcome.error.partition("no user of that name")[0]


def test_purge_asks_first(runs):
    outcome = wildgraph("purge", runs[0], "--private")
    assert outcome.code == 2
    assert "add --yes" in outcome.error
    assert (runs[0] / "private").is_dir()
    assert wildgraph("purge", runs[0], "--yes").code == 2
    out = succeed("purge", runs[0], "--private", "--yes").out
    assert "left     the published graphs" in out
    assert not (runs[0] / "private").exists()
    assert succeed("graph", "check", runs[0]).out.startswith("ok")


def test_without_a_command_the_group_shows_its_help():
    outcome = wildgraph("graph")
    assert outcome.code == 2
    assert "merge" in outcome.err
