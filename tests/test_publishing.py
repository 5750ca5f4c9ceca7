"""The promise of ``docs/explanation/privacy.md``, on random small sets of records, counted a second time by brute force."""

import json
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_graphs import PARENTS, TYPES, catalogue, record, records, run_of

from wildgraph.catalogue import shareable_rows
from wildgraph.errors import EmptyResultError, InputError
from wildgraph.publishing import shown_concepts, write_folder
from wildgraph.stages.graph import ANY_DOCUMENT, GraphConfig, build_graphs
from wildgraph.store import RunDirectory
from wildgraph.taskgraph import read_graphs

CATALOGUE = catalogue()
promised = settings(deadline=None, max_examples=200)
#: One label is everybody's, so that every type that is large enough has a node and is published.
logs = records(kinds=[*TYPES, ANY_DOCUMENT], most=40, users=12).map(
    lambda found: [item.model_copy(update={"labels": tuple(sorted({*item.labels, "sentiment/neutral"}))}) for item in found]
)


def ancestors(concept):
    return CATALOGUE.lineage(concept)[1:]


def members_of(graphs, found):
    """Type -> its records, by brute force: the nearest type upwards that has a graph, such that each record is in one."""
    kinds = {graph.document_type for graph in graphs}
    homes = defaultdict(list)
    for item in found:
        up = next((one for one in (*CATALOGUE.lineage(item.document_type), ANY_DOCUMENT) if one in kinds), None)
        homes[up].append(item)
    return homes


@promised
@given(logs, st.integers(2, 4), st.integers(1, 6))
def test_every_type_node_and_edge_has_k_users_of_its_own(found, k, least):
    graphs, _ = build_graphs(found, GraphConfig(min_support=k, min_type_records=least), catalogue=CATALOGUE)
    homes = members_of(graphs, found)
    for graph in graphs:
        members = homes[graph.document_type]
        assert len({item.user for item in members}) == graph.users >= k
        assert len(members) == graph.records >= least

        def under(concept, members=members):
            """Users with any label at or below the concept."""
            return {item.user for item in members if any(concept in CATALOGUE.lineage(label) for label in item.labels)}

        for node in graph.nodes:
            assert k <= node.support <= len(under(node.concept))
        for left, right, edge in graph.triples():
            assert k <= edge.users <= len(under(left.concept) & under(right.concept))


@promised
@given(logs, st.integers(2, 4))
def test_a_parent_beside_its_child_counts_only_what_no_child_of_it_says(found, k):
    """So no parent less its children is a few users: the parent is the residual, and has K users by itself."""
    graphs, _ = build_graphs(found, GraphConfig(min_support=k, min_type_records=1), catalogue=CATALOGUE)
    homes = members_of(graphs, found)
    for graph in graphs:
        published = {node.concept: node for node in graph.nodes}
        for parent, node in published.items():
            children = {one for one in published if parent in ancestors(one)}
            members = homes[graph.document_type]
            residual = {
                item.user
                for item in members
                if parent in item.labels
                or (any(parent in ancestors(label) and label not in published for label in item.labels) and not children & set(item.labels))
            }
            assert node.support == len(residual) >= k
            whole = {item.user for item in members if any(parent in CATALOGUE.lineage(label) for label in item.labels)}
            assert residual <= whole


@promised
@given(logs, st.integers(2, 4), st.integers(1, 6))
def test_no_record_is_in_two_graphs_so_that_types_cannot_be_subtracted(found, k, least):
    graphs, rejections = build_graphs(found, GraphConfig(min_support=k, min_type_records=least), catalogue=CATALOGUE)
    rare = sum(item.reason == "rare_document_type" for item in rejections)
    assert sum(graph.records for graph in graphs) + rare == len(found)
    assert rare == len(members_of(graphs, found).get(None, []))


@promised
@given(logs, st.integers(2, 4))
def test_the_concepts_beside_the_graphs_are_theirs_and_their_parents(found, k):
    graphs, _ = build_graphs(found, GraphConfig(min_support=k, min_type_records=1), catalogue=CATALOGUE)
    shown = shown_concepts(graphs, CATALOGUE.concepts)
    named = {node.concept for graph in graphs for node in graph.nodes} | {graph.document_type for graph in graphs}
    assert set(shown) == {up for one in named for up in CATALOGUE.lineage(one) if one in CATALOGUE.concepts}
    for one in shown:
        users = {item.user for item in found if any(one in CATALOGUE.lineage(label) for label in (*item.labels, item.document_type))}
        assert len(users) >= k


@given(st.integers(2, 5), st.lists(st.integers(1, 8), max_size=6))
def test_the_shown_catalogue_has_common_values_and_no_counts(k, users):
    rows = [
        {"field": "task", "value": f"v{n}", "concept": "task/a", "name": "a", "parent": None, "count": 9, "users": count, "similarity": 1.0}
        for n, count in enumerate(users)
    ]
    shown = shareable_rows(rows, k)
    assert [row["value"] for row in shown] == [f"v{n}" for n, count in enumerate(users) if count >= k]
    assert all(set(row) == {"field", "value", "concept", "name", "parent"} for row in shown)


# ----------------------------------------------------------------- files


def some_records():
    return [record(n, ["task/translate", "output_format/table"], f"user-{n % 6}") for n in range(12)]


def test_nothing_published_names_a_record_or_a_user(tmp_path, monkeypatch):
    monkeypatch.setenv("WILDGRAPH_KEY", "key")
    found = some_records()
    run = run_of(tmp_path / "run", [*found, record(50, ["task/compare"], "lonely")], GraphConfig(min_support=3))
    assert read_graphs(run / "graphs")[0].records == 13
    for file in run.rglob("*"):
        if file.is_file() and "private" not in file.parts:
            text = file.read_text()
            assert not any(one in text for item in found for one in (item.id, item.user)), file
            assert "lonely" not in text
    assert {row["item"] for row in map(json.loads, (run / "graph.rejected.jsonl").read_text().splitlines())}.isdisjoint({"r050"})


def test_a_stale_type_goes_and_other_files_stay(tmp_path):
    config = GraphConfig(min_support=2, min_type_records=2, min_path=0)
    novel = [record(30 + n, ["task/translate"], f"n{n}", kind="document_type/novel") for n in range(3)]
    run = run_of(tmp_path / "run", [*some_records(), *novel], config)
    (run / "graphs" / "README.md").write_text("mine")
    assert {file.name for file in (run / "graphs").iterdir()} == {"contract.json", "novel.json", "concepts.jsonl", "README.md"}
    run_of(run, some_records(), config)
    assert {file.name for file in (run / "graphs").iterdir()} == {"contract.json", "concepts.jsonl", "README.md"}


def test_where_nothing_is_common_the_rejections_say_why(tmp_path):
    with pytest.raises(EmptyResultError, match="no graph came out of 3 records: rare_document_type 3") as rare:
        run_of(tmp_path / "run", some_records()[:3], GraphConfig())
    assert (tmp_path / "run/graph.rejected.jsonl").read_text().count("rare_document_type") == 3
    assert "--no-document" not in rare.value.hint, "each of them has a document"
    untyped = [record.model_copy(update={"document_type": None}) for record in some_records()[:3]]
    with pytest.raises(EmptyResultError, match="no_document 3") as none:
        run_of(tmp_path / "none", untyped, GraphConfig())
    assert none.value.hint == "use --no-document keep for queries without a document, or add logs"


@pytest.mark.parametrize(
    "kind", ["document_type/..", "document_type/", "document_type/a b", "document_type/a\x00", "document_type/.hidden"]
)
def test_a_type_that_would_be_no_file_name_is_an_error(tmp_path, kind):
    graphs, _ = build_graphs(some_records(), GraphConfig(), catalogue=CATALOGUE)
    with pytest.raises(InputError, match="cannot be the name of a file"):
        write_folder(RunDirectory(tmp_path), [graphs[0].model_copy(update={"document_type": kind})], {}, "", "json", private=False)
    assert list(tmp_path.iterdir()) == []


def test_every_concept_of_the_tests_has_a_parent_that_is_one():
    assert all(parent is None or parent in PARENTS for parent in PARENTS.values())
