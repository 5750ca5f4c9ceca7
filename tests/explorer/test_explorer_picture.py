import math

import numpy as np
import pytest
import synthetic_run
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.explorer.layout import GAP, disc_radius, island_layout, pack_discs, sunflower
from wildgraph.explorer.picture import EDGES_PER_LABEL, Picture, association, backbone_edges, chip_nodes, draw
from wildgraph.taskgraph import GraphEdge, GraphNode, TaskGraph


def graph_of(sizes: list[int], edges: dict[tuple[int, int], int], records: int = 100) -> TaskGraph:
    return TaskGraph(
        document_type="document_type/made-up",
        name="made up",
        records=records,
        users=records,
        min_support=1,
        nodes=tuple(
            GraphNode(
                field="intent" if place < len(sizes) // 2 else "task",
                concept=f"label-{place:04d}",
                name=f"label {place}",
                support=1,
                records=size,
            )
            for place, size in enumerate(sizes)
        ),
        edges=tuple(GraphEdge(source=left, target=right, frequency=count, users=1) for (left, right), count in sorted(edges.items())),
    )


@st.composite
def graphs(draw_from: st.DrawFn) -> TaskGraph:
    count = draw_from(st.integers(0, 40))
    sizes = draw_from(st.lists(st.integers(1, 60), min_size=count, max_size=count))
    plain = graph_of(sizes, {}, records=draw_from(st.integers(0, 120)))
    pairs = st.tuples(st.integers(0, max(0, count - 1)), st.integers(0, max(0, count - 1)))
    chosen = {(min(pair), max(pair)) for pair in draw_from(st.lists(pairs, max_size=120)) if pair[0] != pair[1]}
    edges = {pair: min(plain.nodes[pair[0]].records, plain.nodes[pair[1]].records, draw_from(st.integers(1, 9))) for pair in sorted(chosen)}
    return plain.model_copy(update={"edges": tuple(GraphEdge(source=a, target=b, frequency=n, users=1) for (a, b), n in edges.items())})


def check(graph: TaskGraph, picture: Picture) -> None:
    """What holds of every picture."""
    placed = [node for island in picture.islands for node in island.members]
    assert sorted([*placed, *picture.chips]) == list(range(len(graph.nodes)))
    for number, island in enumerate(picture.islands):
        for node in island.members:
            assert picture.island_of[node] == number
            assert math.hypot(picture.x[node] - island.x, picture.y[node] - island.y) <= island.radius
        assert set(island.title) <= set(island.members)
    for left, one in enumerate(picture.islands):
        for other in picture.islands[:left]:
            assert math.hypot(one.x - other.x, one.y - other.y) >= one.radius + other.radius
    assert sum(island.loose for island in picture.islands) <= 1
    assert {picture.island_of[node] for node in picture.chips} <= {-1}
    tied = {end for number in picture.backbone for end in (graph.edges[number].source, graph.edges[number].target)}
    assert tied == {node for island in picture.islands if not island.loose for node in island.members}


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_every_label_is_a_chip_or_lies_in_its_own_disc(graph: TaskGraph):
    picture = draw(graph)
    check(graph, picture)
    assert draw(graph) == picture


def test_an_empty_graph_has_an_empty_picture():
    assert draw(graph_of([], {})) == Picture((), (), (), (), (), (), ())


def test_a_graph_of_one_label_is_one_loose_disc():
    picture = draw(graph_of([5], {}))
    assert [island.members for island in picture.islands] == [(0,)]
    assert picture.islands[0].loose


def test_a_realistic_graph_falls_into_its_themes():
    graph = synthetic_run.make_graph("commercial contract", records=340)
    picture = draw(graph)
    check(graph, picture)
    name = {node.name: number for number, node in enumerate(graph.nodes)}
    review = ["spot unusual clauses", "list the duties of one party", "paralegal"]
    money = ["extract dates and deadlines", "accountant", "spreadsheet rows"]
    assert len({picture.island_of[name[label]] for label in review}) == 1
    assert len({picture.island_of[name[label]] for label in money}) == 1
    assert picture.island_of[name[review[0]]] != picture.island_of[name[money[0]]]
    assert graph.nodes[picture.islands[0].title[0]].field == "task"


def test_the_seed_decides():
    graph = synthetic_run.make_graph("commercial contract")
    assert draw(graph, seed=1) == draw(graph, seed=1)
    assert draw(graph, seed=1) != draw(graph, seed=2)


def test_chips_are_the_frequent_labels_and_never_most_of_them():
    graph = graph_of([50, 40, 16, 15, 3, 3, 3, 3], {}, records=100)
    records = [graph.nodes[node].records for node in chip_nodes(graph)]
    assert records == [50, 40]  # 16 is above 15% too, but a quarter of eight labels is two
    everywhere = graph_of([9] * 12, {}, records=10)
    assert len(chip_nodes(everywhere)) == 3
    assert chip_nodes(graph_of([5], {}, records=5)) == ()


def test_association_rewards_meeting_beyond_chance_and_doubts_small_counts():
    graph = graph_of([10, 10, 10, 10, 10, 10], {(0, 1): 10, (2, 3): 1, (4, 5): 5}, records=100)
    always, by_chance, often = association(graph)
    assert always > often > by_chance
    assert by_chance == 0.0
    rare = graph_of([2, 2, 20, 20], {(0, 1): 2, (2, 3): 20}, records=100)
    assert association(rare)[0] < association(rare)[1]
    assert np.isfinite(association(graph_of([7, 7], {(0, 1): 7}, records=7))).all()


def test_the_backbone_is_every_labels_best_edges():
    graph = synthetic_run.make_graph("research paper", records=260)
    scores = association(graph)
    backbone = set(backbone_edges(graph, scores, ()))
    for node in range(len(graph.nodes)):
        own = [number for number, edge in enumerate(graph.edges) if node in (edge.source, edge.target) and scores[number] > 0]
        own.sort(key=lambda number: (graph.edges[number].frequency < 2, -scores[number], number))
        assert set(own[:EDGES_PER_LABEL]) <= backbone
    assert all(scores[number] > 0 for number in backbone)


@pytest.mark.parametrize("size", [1, 2, 3, 12, 61, 301, 1000])
def test_points_of_an_island_stay_inside_and_apart(size: int):
    hub = np.array([(0, place) for place in range(1, size)], dtype=np.int64).reshape(-1, 2)
    points = island_layout(size, hub, np.ones(len(hub)), seed=3)
    assert points.shape == (size, 2)
    assert (np.hypot(*points.T) <= disc_radius(size)).all()
    if 1 < size <= 301:
        gaps = np.hypot(points[:, None, 0] - points[None, :, 0], points[:, None, 1] - points[None, :, 1])
        assert gaps[~np.eye(size, dtype=bool)].min() > 4


@given(st.lists(st.floats(20, 400), max_size=25))
@settings(max_examples=40, deadline=None)
def test_packed_discs_keep_their_distance(radii: list[float]):
    radii = sorted(radii, reverse=True)
    centres = pack_discs(radii)
    assert centres.shape == (len(radii), 2)
    for left in range(len(radii)):
        for right in range(left):
            assert np.hypot(*(centres[left] - centres[right])) >= radii[left] + radii[right] + GAP - 1e-3


def test_many_discs_are_packed_too():
    centres = pack_discs([disc_radius(2)] * 200)
    assert np.ptp(centres[:, 0]) < 12 * np.ptp(centres[:, 1])


def test_sunflower_fills_its_disc():
    points = sunflower(50)
    assert np.hypot(*points[0]) == 0
    assert np.hypot(*points.T).max() <= disc_radius(50)
