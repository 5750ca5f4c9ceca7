"""``graphs/`` is what ``seed_queries/rebuild.py`` makes of the committed records and catalogue, byte for byte."""

import importlib.util
import json
from pathlib import Path

import pytest

from wildgraph.catalogue import Catalogue, load_assignments, load_concepts
from wildgraph.records import MetaInformation
from wildgraph.stages.graph import ANY_DOCUMENT
from wildgraph.taskgraph import read_graphs

ROOT = Path(__file__).parents[1]
GRAPHS, SEEDS = ROOT / "graphs", ROOT / "seed_queries"
#: What decides the bytes and is itself decided by mining.
GIVEN = {"catalogue.jsonl", "hierarchy.jsonl", "README.md"}


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("rebuild", SEEDS / "rebuild.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("rebuilt")
    written = module.rebuild(folder)
    assert {file.parent for file in written} == {folder / "graphs"}
    return folder / "graphs"


def test_the_graphs_are_rebuilt_byte_for_byte(rebuilt):
    committed = {file.name: file.read_bytes() for file in GRAPHS.iterdir() if file.name not in GIVEN}
    again = {file.name: file.read_bytes() for file in rebuilt.iterdir()}
    assert sorted(again) == sorted(committed)
    for name, content in committed.items():
        assert again[name] == content, name


def test_a_stale_graph_would_be_removed_and_nothing_else(rebuilt, tmp_path):
    spec = importlib.util.spec_from_file_location("rebuild", SEEDS / "rebuild.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "graphs").mkdir()
    for name in ("stale.json", "README.md", "catalogue.jsonl"):
        (tmp_path / "graphs" / name).write_text("{}")
    module.rebuild(tmp_path)
    assert {file.name for file in (tmp_path / "graphs").iterdir()} == {file.name for file in rebuilt.iterdir()} | {
        "README.md",
        "catalogue.jsonl",
    }


def test_the_graphs_can_be_walked():
    graphs = read_graphs(GRAPHS)
    assert len(graphs) >= 12
    assert ANY_DOCUMENT in {graph.document_type for graph in graphs}
    for graph in graphs:
        assert graph.min_support == 3
        assert any(node.field == "task" for node in graph.nodes), graph.name
        assert all(node.support >= 3 for node in graph.nodes)
        assert all(edge.users >= 3 for edge in graph.edges)


def test_no_wording_of_a_user_is_in_the_graphs():
    names = {concept.name for concept in load_concepts(GRAPHS / "concepts.jsonl").values()}
    shown = {node.name for graph in read_graphs(GRAPHS) for node in graph.nodes}
    assert shown <= names
    text = "".join(file.read_text(encoding="utf-8") for file in GRAPHS.glob("*.json"))
    for line in (SEEDS / "queries.jsonl").read_text(encoding="utf-8").split("\n")[:-1]:
        row = json.loads(line)
        query = row["conversation"][0]["content"]
        assert query[:60] not in text
        assert row["hashed_ip"] not in text
        assert row["conversation_hash"] not in text


def test_records_and_catalogue_belong_together():
    records = [
        MetaInformation.model_validate_json(line) for line in (SEEDS / "mined.jsonl").read_text(encoding="utf-8").split("\n") if line
    ]
    queries = (SEEDS / "queries.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert len(records) == len(queries) >= 300
    assert [record.id for record in records] == sorted({record.id for record in records})
    catalogue = Catalogue(load_concepts(GRAPHS / "hierarchy.jsonl"), load_assignments(GRAPHS / "catalogue.jsonl"))
    for item in catalogue.assignments.values():
        assert item.concept in catalogue.concepts
    for concept in catalogue.concepts.values():
        assert concept.parent is None or concept.parent in catalogue.concepts
