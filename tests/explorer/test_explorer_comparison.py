"""Two runs as one: every label and edge of either side is in the union once, with both counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synthetic_run
from hypothesis import given
from hypothesis import strategies as st
from test_explorer_page import content

from wildgraph.explorer.comparison import CHANGES, change, type_pairs, unite
from wildgraph.explorer.page import PageData, render_page
from wildgraph.explorer.payload import by_type
from wildgraph.explorer.picture import draw
from wildgraph.explorer.rows import accepted
from wildgraph.taskgraph import TaskGraph


@pytest.fixture(scope="module")
def runs() -> tuple[PageData, PageData]:
    """Two runs over mostly the same types; each lacks some that the other one has."""
    here, there = synthetic_run.make_run(), synthetic_run.make_run(seed=3)
    return replace(here, graphs=here.graphs[:-1]), replace(there, graphs=there.graphs[2:], title="earlier run")


def counted(graph: TaskGraph) -> tuple[dict[tuple[str, str], int], dict[frozenset[tuple[str, str]], int]]:
    """Records per label and frequency per edge, labels by field and name."""
    names = [(node.field, node.name) for node in graph.nodes]
    return (
        {name: node.records for name, node in zip(names, graph.nodes, strict=True)},
        {frozenset((names[edge.source], names[edge.target])): edge.frequency for edge in graph.edges},
    )


def check_union(here: TaskGraph | None, there: TaskGraph | None) -> None:
    union = unite(here, there)
    names = [(node.field, node.name) for node in union.graph.nodes]
    assert len(set(names)) == len(names)
    for side, graph in enumerate((here, there)):
        labels, edges = counted(graph) if graph else ({}, {})
        assert {name: count for name, count in zip(names, union.records[side], strict=True) if count} == labels
        ends = [frozenset((names[edge.source], names[edge.target])) for edge in union.graph.edges]
        assert {end: count for end, count in zip(ends, union.frequency[side], strict=True) if count} == edges
        for place, name in zip(union.places[side], names, strict=True):
            assert (place >= 0) == (name in labels)
            if place >= 0 and graph:
                assert (graph.nodes[place].field, graph.nodes[place].name) == name


def test_the_union_holds_both_sides_whole(runs: tuple[PageData, PageData]):
    for pair in type_pairs(by_type(runs[0]), runs[1], draw):
        check_union(*pair.graphs)


def test_one_side_alone_is_its_own_union():
    graph = synthetic_run.make_graph("patent")
    check_union(graph, None)
    check_union(None, graph)
    with pytest.raises(ValueError, match="no graph"):
        unite(None, None)


def test_labels_are_the_same_by_name_where_catalogues_number_concepts_apart():
    here = synthetic_run.make_graph("patent")
    renamed = tuple(node.model_copy(update={"concept": f"{node.concept}-2"}) for node in here.nodes)
    there = here.model_copy(update={"nodes": renamed})
    union = unite(here, there)
    assert len(union.graph.nodes) == len(here.nodes)
    assert union.records[0] == union.records[1]
    swapped = here.model_copy(  # two concepts that are on both sides keep their own counts, whatever they are called
        update={"nodes": (here.nodes[0].model_copy(update={"name": here.nodes[1].name}), *here.nodes[1:])}
    )
    assert len(unite(here, swapped).graph.nodes) == len(here.nodes)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_what_is_more_here_is_less_there(total_here: int, total_there: int, data: st.DataObject):
    here, there = data.draw(st.integers(0, total_here)), data.draw(st.integers(0, total_there))
    kind = change(here, there, total_here, total_there)
    if here or there:
        assert kind == 4 - change(there, here, total_there, total_here)
    if here and there and kind != 2:
        assert (here / total_here > there / total_there) == (kind == 1)


def test_small_differences_in_few_records_are_no_change():
    assert CHANGES[change(3, 6, 50, 50)] == "about the same"
    assert CHANGES[change(300, 600, 5000, 5000)] == "more there"


def test_the_page_compares_what_python_counts(runs: tuple[PageData, PageData]):
    here, there = runs
    page = render_page(here, compare=there)
    assert page == render_page(here, compare=there)
    blocks = content(page)
    compared = blocks["overview"]["compare"]
    assert compared["rows"] == [[len(run.pairs), sum(map(accepted, run.pairs))] for run in runs]
    assert [stage[0] for stage in compared["funnel"]] == [stage.stage for stage in here.funnel]
    names = {graph.name for run in runs for graph in run.graphs}
    assert sorted(card["name"] for card in compared["types"]) == sorted(names)
    for card in compared["types"]:
        graphs = [next((graph for graph in run.graphs if graph.name == card["name"]), None) for run in runs]
        assert card["nodes"] == [len(graph.nodes) if graph else 0 for graph in graphs]
        assert card["records"] == [graph.records if graph else 0 for graph in graphs]
        labels = [counted(graph)[0] if graph else {} for graph in graphs]
        assert card["changes"][0] == len(labels[0].keys() - labels[1].keys())
        assert card["changes"][4] == len(labels[1].keys() - labels[0].keys())
        assert sum(card["changes"]) == len(labels[0].keys() | labels[1].keys())
        edges = [counted(graph)[1] if graph else {} for graph in graphs]
        assert card["edgeChanges"] == [
            len(edges[0].keys() - edges[1].keys()),
            len(edges[0].keys() & edges[1].keys()),
            len(edges[1].keys() - edges[0].keys()),
        ]
        block = blocks[f"compare-{card['key']}"]
        assert [block["change"].count(number) for number in range(5)] == card["changes"]
        for side in range(2):
            assert sum(block["sides"]["records"][side]) == sum(labels[side].values())
            assert sum(block["sides"]["frequency"][side]) == sum(edges[side].values())


def test_a_comparison_for_publishing_has_no_rows_of_either_run(runs: tuple[PageData, PageData]):
    page = render_page(replace(runs[0], publish=True), compare=replace(runs[1], publish=True), compress=False)
    assert synthetic_run.SENTENCES[0] not in page
    assert not any(pair.id in page for run in runs for pair in run.pairs)
