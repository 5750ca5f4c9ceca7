import json

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_graphs import bounded, graph
from pydantic import ValidationError

from wildgraph.errors import InputError
from wildgraph.taskgraph import GraphEdge, GraphNode, TaskGraph, read_graphs
from wildgraph.taskgraph.coarsening import round_counts

SMALL = graph(
    {"task/a": 5, "task/b": 3, "intent/c": 4}, {("task/a", "task/b"): 2, ("task/a", "intent/c"): 4, ("task/b", "intent/c"): 1}, records=6
)
NODE = {"field": "task", "concept": "task/a", "name": "a", "support": 1, "records": 1}
EDGE = {"source": 0, "target": 1, "frequency": 1, "users": 1}


@given(bounded())
def test_a_graph_reads_back_from_its_json(found):
    text = found.to_json()
    assert TaskGraph.from_json(text) == found
    assert TaskGraph.from_json(text).to_json() == text
    assert text.endswith("}\n")
    assert "\n" not in text[:-1]


@given(bounded())
def test_a_graph_comes_back_from_networkx(found):
    plain = found.to_networkx()
    assert TaskGraph.from_networkx(plain) == found
    assert (plain.number_of_nodes(), plain.number_of_edges()) == (len(found.nodes), len(found.edges))


@given(bounded(), st.randoms())
def test_the_order_of_a_networkx_graph_leaves_no_trace(found, random):
    plain = found.to_networkx()
    nodes, edges = list(plain.nodes(data=True)), [(b, a, data) for a, b, data in plain.edges(data=True)]
    random.shuffle(nodes)
    random.shuffle(edges)
    again = nx.Graph(**plain.graph)
    again.add_nodes_from(nodes)
    again.add_edges_from(edges)
    assert TaskGraph.from_networkx(again).to_json() == found.to_json()


@given(bounded())
def test_adjacency_and_triples_say_what_the_edges_say(found):
    matrix = found.adjacency
    assert matrix.dtype == np.int64
    assert (matrix == matrix.T).all()
    assert not matrix.diagonal().any()
    assert matrix.sum() == 2 * sum(edge.frequency for edge in found.edges)
    for left, right, edge in found.triples():
        assert matrix[edge.source, edge.target] == edge.frequency <= min(left.records, right.records)
        assert (left, right) == (found.nodes[edge.source], found.nodes[edge.target])


def test_networkx_carries_every_attribute():
    plain = SMALL.to_networkx()
    assert plain.graph["document_type"] == "document_type/contract"
    assert plain.nodes["intent/c"] == {"field": "intent", "name": "c", "support": 4, "records": 4}
    assert plain.edges["task/b", "task/a"] == {"frequency": 2, "users": 2}


def test_the_fingerprint_is_of_the_content():
    assert SMALL.fingerprint == TaskGraph.from_json(SMALL.to_json()).fingerprint
    assert SMALL.fingerprint != TaskGraph.model_validate(SMALL.model_dump() | {"records": 7}).fingerprint
    assert SMALL.slug == "contract"


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        ([("task", "b"), ("task", "a")], [], "nodes are not sorted"),
        ([("task", "a"), ("intent", "b")], [], "nodes are not sorted"),
        ([("task", "a"), ("task", "a")], [], "nodes are not sorted by .* or repeat"),
        ([("intent", "a"), ("task", "a")], [], "two nodes are one concept"),
        ([("task", "a"), ("task", "b"), ("task", "c")], [(0, 2), (0, 1)], "edges are not sorted"),
        ([("task", "a"), ("task", "b")], [(0, 1), (0, 1)], "edges are not sorted by .* or repeat"),
        ([("task", "a"), ("task", "b")], [(1, 0)], "does not join two nodes in order"),
        ([("task", "a"), ("task", "b")], [(1, 1)], "does not join two nodes in order"),
        ([("task", "a"), ("task", "b")], [(0, 2)], "does not join two nodes in order"),
    ],
)
def test_a_graph_that_is_not_well_formed_is_refused(nodes, edges, message):
    with pytest.raises(ValidationError, match=message):
        TaskGraph(
            document_type="document_type/x",
            name="x",
            records=9,
            users=9,
            min_support=1,
            nodes=tuple(GraphNode(field=field, concept=concept, name="n", support=1, records=1) for field, concept in nodes),
            edges=tuple(GraphEdge(source=source, target=target, frequency=1, users=1) for source, target in edges),
        )


@pytest.mark.parametrize("place", ["source", "target"])
def test_an_edge_is_no_more_frequent_than_its_nodes(place):
    edge = SMALL.edges[0]
    scarce = getattr(edge, place)
    nodes = tuple(node.model_copy(update={"records": 1}) if row == scarce else node for row, node in enumerate(SMALL.nodes))
    data = SMALL.model_dump() | {"nodes": nodes}
    with pytest.raises(ValidationError, match="more frequent than one of its nodes"):
        TaskGraph.model_validate(data)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (GraphNode, NODE | {"name": ""}),
        (GraphNode, NODE | {"name": "x" * 121}),
        (GraphNode, NODE | {"support": 0}),
        (GraphNode, NODE | {"records": 0}),
        (GraphNode, NODE | {"colour": "red"}),
        (GraphEdge, EDGE | {"source": -1}),
        (GraphEdge, EDGE | {"target": -1}),
        (GraphEdge, EDGE | {"frequency": 0}),
        (GraphEdge, EDGE | {"users": 0}),
        (TaskGraph, SMALL.model_dump() | {"records": -1}),
        (TaskGraph, SMALL.model_dump() | {"users": -1}),
        (TaskGraph, SMALL.model_dump() | {"min_support": 0}),
    ],
)
def test_counts_out_of_range_are_refused(kind, data):
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(data)
    assert len(caught.value.errors()) == 1


def test_bounds_are_written_as_another_version_and_exact_graphs_as_ever():
    exact, rounded = json.loads(SMALL.to_json()), json.loads(round_counts(SMALL).to_json())
    assert (exact["version"], rounded["version"]) == (1, 2)
    assert not [key for key in (*exact, *exact["nodes"][0], *exact["edges"][0]) if key.endswith("_most")]
    assert {"users_most", "records_most"} < set(rounded)
    assert (SMALL.exact, round_counts(SMALL).exact) == (True, False)


@pytest.mark.parametrize("part", ["nodes", "edges"])
def test_bounds_are_all_or_none_and_in_order(part):
    rounded = json.loads(round_counts(SMALL).to_json())
    name = "support" if part == "nodes" else "frequency"
    spoilt = rounded | {part: [rounded[part][0] | {f"{name}_most": 0}, *rounded[part][1:]]}
    with pytest.raises(InputError, match=f"corrupt: .*{name}_most is below {name}"):
        TaskGraph.from_json(json.dumps(spoilt))
    half = {key: value for key, value in rounded[part][0].items() if key != f"{name}_most"}
    with pytest.raises(InputError, match=r"corrupt: .*some counts are exact and some are bounds"):
        TaskGraph.from_json(json.dumps(rounded | {part: [half, *rounded[part][1:]]}))


def without(key):
    data = json.loads(SMALL.to_json())
    del data[key]
    return json.dumps(data)


def changed(**values):
    return json.dumps(json.loads(SMALL.to_json()) | values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON"),
        (SMALL.to_json()[:-20], "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "not a wildgraph task graph"),
        ("{}", "not a wildgraph task graph"),
        ('"graph"', "not a wildgraph task graph"),
        ('{"nodes": [], "links": []}', "not a wildgraph task graph"),
        (changed(version=3), "version 3 — a newer wildgraph wrote it"),
        (changed(version="1"), "version '1'"),
        (changed(version=0), "version 0"),
        (changed(users_most=9), "corrupt: .*some counts are exact and some are bounds"),
        (without("version"), "version None"),
        (without("nodes"), "corrupt: nodes Field required"),
        (changed(colour="red"), "corrupt: colour Extra inputs"),
        (changed(records="many"), "corrupt: records Input should be a valid integer"),
        (changed(name=7), "corrupt: name Input should be a valid string"),
        (changed(nodes=json.loads(SMALL.to_json())["nodes"][::-1]), "corrupt: .*nodes are not sorted"),
        (changed(nodes=[]), "corrupt: .*does not join two nodes"),
        (changed(records=10**40), "corrupt: records"),
    ],
)
def test_what_is_no_graph_is_an_error_of_one_line(tmp_path, text, message):
    file = tmp_path / "contract.json"
    file.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        TaskGraph.read(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cut", range(0, len(SMALL.to_json()) - 2, 37))
def test_a_graph_cut_off_anywhere_is_an_error(cut):
    with pytest.raises(InputError, match="not valid JSON"):
        TaskGraph.from_json(SMALL.to_json()[:cut])


def test_a_graph_that_cannot_be_opened_is_an_error(tmp_path):
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    for name in ("missing.json", "binary.json", ""):
        with pytest.raises(InputError, match="cannot read the graph"):
            TaskGraph.read(tmp_path / name)


def spoilt(**attributes):
    plain = SMALL.to_networkx()
    plain.nodes["task/a"].update(attributes)
    return plain


@pytest.mark.parametrize(
    "plain",
    [
        nx.path_graph(3),
        nx.Graph(),
        spoilt(support=0),
        spoilt(colour="red"),
        spoilt(concept="task/b"),
        nx.relabel_nodes(SMALL.to_networkx(), {"task/a": 1}),
        nx.MultiGraph([*SMALL.to_networkx().edges(data=True), *SMALL.to_networkx().edges(data=True)], **SMALL.to_networkx().graph),
        nx.Graph([("task/a", "task/a", {"frequency": 1, "users": 1})], **SMALL.to_networkx().graph),
    ],
)
def test_another_networkx_graph_is_an_error_of_one_line(plain):
    with pytest.raises(InputError, match="not a task graph") as caught:
        TaskGraph.from_networkx(plain)
    assert "\n" not in str(caught.value)


def test_a_folder_of_graphs_is_read_in_order_of_type(tmp_path):
    for kind, name in (("document_type/zebra-book", "a.json"), ("document_type/ant-book", "z.json")):
        (tmp_path / name).write_text(SMALL.model_copy(update={"document_type": kind}).to_json())
    (tmp_path / "concepts.jsonl").write_text("not a graph")
    assert [found.document_type for found in read_graphs(tmp_path)] == ["document_type/ant-book", "document_type/zebra-book"]


def test_a_folder_without_graphs_is_an_error(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match="no task graph"):
            read_graphs(folder)
