from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_graphs import LABELS, PARENTS, TYPES, catalogue, counted, record, records
from pydantic import ValidationError

from wildgraph.catalogue import Catalogue
from wildgraph.records import LabelledRecord, Rejection
from wildgraph.stages.graph import GraphConfig, build_graph, build_graphs, fold_rare, roll_up_types, unpruned_supports
from wildgraph.taskgraph.statistics import Supports, describe

CATALOGUE = catalogue()
CONTRACT = "document_type/contract"
KEEP_ALL = GraphConfig(min_support=1, min_type_records=1)
BY_COUNT = GraphConfig(min_support=3, min_path=0)  # types by their records alone


def one_graph(found, config=KEEP_ALL):
    return build_graph(CONTRACT, found, config, CATALOGUE)[0]


def names(graph):
    return {node.concept for node in graph.nodes}


def edge(graph, left, right):
    place = {node.concept: index for index, node in enumerate(graph.nodes)}
    ends = tuple(sorted((place[left], place[right])))
    return next((found for found in graph.edges if (found.source, found.target) == ends), None)


@pytest.mark.parametrize("change", [{"min_support": 0}, {"min_type_records": 0}, {"no_document": "maybe"}, {"colour": "red"}])
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ValidationError):
        GraphConfig(**change)


# ----------------------------------------------------------------- counting


@given(records())
def test_counts_are_the_brute_force_counts(found):
    graph, unlabelled = build_graph(CONTRACT, found, KEEP_ALL, CATALOGUE)
    expected = counted(found)
    assert {node.concept: (node.records, node.support) for node in graph.nodes} == {k: v for k, v in expected.items() if isinstance(k, str)}
    assert {frozenset((a.concept, b.concept)): (e.frequency, e.users) for a, b, e in graph.triples()} == {
        k: v for k, v in expected.items() if not isinstance(k, str)
    }
    assert (graph.records, graph.users) == (len(found), len({item.user for item in found}))
    assert [item.id for item in unlabelled] == [item.id for item in found if not item.labels]


@given(records(), st.integers(1, 4))
def test_what_is_published_has_k_users_and_no_edge_is_more_frequent_than_its_nodes(found, k):
    graph = one_graph(found, GraphConfig(min_support=k, min_type_records=1))
    assert graph.min_support == k
    for node in graph.nodes:
        assert k <= node.support <= node.records <= graph.records
        assert node.support <= graph.users
    for left, right, item in graph.triples():
        assert k <= item.users <= item.frequency <= min(left.records, right.records)
        assert item.users <= min(left.support, right.support)


@given(records(), st.integers(1, 4))
def test_counts_after_folding_are_the_brute_force_counts_of_the_folded_labels(found, k):
    folded = fold_rare([set(item.labels) for item in found], [item.user for item in found], k, CATALOGUE)
    after = {item.id: labels for item, labels in zip(found, folded, strict=True)}
    graph = one_graph(found, GraphConfig(min_support=k, min_type_records=1))
    expected = counted(found, lambda item: after[item.id])
    assert {node.concept: (node.records, node.support) for node in graph.nodes} == {c: n for c, n in expected.items() if isinstance(c, str)}
    assert {frozenset((a.concept, b.concept)): (e.frequency, e.users) for a, b, e in graph.triples()} == {
        pair: (frequency, users) for pair, (frequency, users) in expected.items() if not isinstance(pair, str) and users >= k
    }


def test_one_user_with_many_queries_is_one_user():
    found = [record(n, ["task/summarize", "output_format/table"], "same") for n in range(9)]
    assert not one_graph(found, GraphConfig(min_support=2, min_type_records=1)).nodes
    found += [record(9, ["task/summarize", "output_format/table"], "other")]
    graph = one_graph(found, GraphConfig(min_support=2, min_type_records=1))
    assert [(node.records, node.support) for node in graph.nodes] == [(10, 2), (10, 2)]
    assert [(item.frequency, item.users) for item in graph.edges] == [(10, 2)]


def test_an_edge_needs_k_users_of_its_own():
    found = [record(n, ["task/translate"]) for n in range(5)] + [record(n, ["output_format/table"]) for n in range(5, 10)]
    found += [record(20, ["task/translate", "output_format/table"]), record(21, ["task/translate", "output_format/table"])]
    three = one_graph(found, GraphConfig(min_support=3, min_type_records=1))
    assert names(three) == {"task/translate", "output_format/table"}
    assert not three.edges
    assert edge(one_graph(found, GraphConfig(min_support=2, min_type_records=1)), "task/translate", "output_format/table").users == 2


# ----------------------------------------------------------------- folding


def rare_and_common():
    """Two part-summaries (rare), two brief ones (rare), five tables (common)."""
    return [
        *(record(n, ["task/summarize-a-part", "output_format/table"]) for n in range(2)),
        *(record(n, ["task/summarize-briefly", "output_format/table"]) for n in range(2, 4)),
        record(4, ["output_format/table"]),
    ]


def test_rare_labels_fold_into_their_parent():
    graph = one_graph(rare_and_common(), GraphConfig(min_support=3, min_type_records=1))
    assert {node.concept: node.support for node in graph.nodes} == {"task/summarize": 4, "output_format/table": 5}
    assert edge(graph, "task/summarize", "output_format/table").users == 4


def test_common_children_stay_and_the_parent_counts_without_them():
    found = rare_and_common() + [record(n, ["task/summarize-a-part"]) for n in range(10, 13)]
    graph = one_graph(found, GraphConfig(min_support=3, min_type_records=1))
    # the two brief ones alone are too few for the parent: they vanish rather than expose two users by subtraction
    assert {node.concept: node.support for node in graph.nodes} == {"task/summarize-a-part": 5, "output_format/table": 5}


def test_a_record_with_a_child_that_stays_does_not_get_the_parent_too():
    found = [record(n, ["task/summarize-a-part", "task/summarize-briefly"]) for n in range(2)]
    found += [record(n, ["task/summarize-a-part"]) for n in range(2, 5)]
    assert names(one_graph(found, GraphConfig(min_support=3, min_type_records=1))) == {"task/summarize-a-part"}


def test_what_is_rare_to_the_top_is_dropped():
    found = [record(0, ["task/compare-prices", "task/translate"]), record(1, ["task/translate"]), record(2, ["task/translate"])]
    assert names(one_graph(found, GraphConfig(min_support=3, min_type_records=1))) == {"task/translate"}


def test_folding_goes_up_more_than_one_step():
    parents = {"task/a": None, "task/b": "task/a", "task/c": "task/b", "task/d": "task/b"}
    deep = catalogue(parents)
    labels = [{"task/c"}, {"task/d"}, {"task/b"}, {"task/a"}]
    assert fold_rare(labels, list("uvwx"), 3, deep) == [{"task/b"}, {"task/b"}, {"task/b"}, set()]
    assert fold_rare(labels, list("uvwx"), 4, deep) == [{"task/a"}] * 4
    assert fold_rare(labels, list("uuux"), 3, deep) == [set()] * 4


@given(records(), st.integers(1, 5))
def test_folding_keeps_every_label_or_lifts_or_drops_it(found, k):
    before = [set(item.labels) for item in found]
    users = [item.user for item in found]
    after = fold_rare(before, users, k, CATALOGUE)
    assert [set(item.labels) for item in found] == before  # the input is left alone
    who = Counter(one for one, user in {(one, user) for labels, user in zip(after, users, strict=True) for one in labels})
    assert all(count >= k for count in who.values())
    for old, new in zip(before, after, strict=True):
        assert all(any(one in CATALOGUE.lineage(label) for label in old) for one in new)
    support = Counter(one for one, user in {(one, user) for labels, user in zip(before, users, strict=True) for one in labels})
    common = {one for one, count in support.items() if count >= k and PARENTS[one] is not None}
    assert all(old & common <= new for old, new in zip(before, after, strict=True))


# ----------------------------------------------------------------- types


def of_type(kind, count, start=0, labels=("task/translate",)):
    return [record(start + n, labels, kind=kind) for n in range(count)]


def test_a_type_with_enough_records_keeps_its_own_graph():
    graphs, rejections = build_graphs(of_type(CONTRACT, 10) + of_type("document_type/novel", 10, 10), BY_COUNT, catalogue=CATALOGUE)
    assert [(graph.document_type, graph.name, graph.records) for graph in graphs] == [
        (CONTRACT, "contract", 10),
        ("document_type/novel", "novel", 10),
    ]
    assert rejections == []


def test_rare_types_roll_up_to_their_parent_and_common_siblings_do_not():
    found = of_type(CONTRACT, 12) + of_type("document_type/verdict", 6, 20) + of_type("document_type/legal", 4, 40)
    graphs, rejections = build_graphs(found, BY_COUNT, catalogue=CATALOGUE)
    assert [(graph.document_type, graph.records) for graph in graphs] == [(CONTRACT, 12), ("document_type/legal", 10)]
    assert rejections == []


def test_what_is_left_over_goes_to_any_document():
    found = of_type(CONTRACT, 6) + of_type("document_type/novel", 5, 20)
    (graph,), rejections = build_graphs(found, BY_COUNT, catalogue=CATALOGUE)
    assert (graph.document_type, graph.name, graph.records) == ("document_type/document", "document", 11)
    assert rejections == []


def test_too_few_of_all_types_are_rejections_one_by_one():
    found = of_type(CONTRACT, 3) + of_type("document_type/novel", 4, 20)
    graphs, rejections = build_graphs(found, BY_COUNT, catalogue=CATALOGUE)
    assert graphs == []
    assert {(item.item, item.reason, item.stage) for item in rejections} == {(item.id, "rare_document_type", "graph") for item in found}


def test_a_type_needs_k_users_and_not_only_records():
    found = [record(n, ["task/translate"], user="same") for n in range(30)]
    graphs, rejections = build_graphs(found, BY_COUNT, catalogue=CATALOGUE)
    assert graphs == []
    assert [item.reason for item in rejections] == ["rare_document_type"] * 30


def test_queries_without_a_document_are_dropped_or_kept_apart():
    found = of_type(CONTRACT, 10) + of_type(None, 10, 50)
    graphs, rejections = build_graphs(found, BY_COUNT, catalogue=CATALOGUE)
    assert [graph.document_type for graph in graphs] == [CONTRACT]
    assert {(item.reason, item.kind) for item in rejections} == {("no_document", "filtered")}
    assert len(rejections) == 10
    graphs, rejections = build_graphs(found, BY_COUNT.model_copy(update={"no_document": "keep"}), catalogue=CATALOGUE)
    assert [(graph.document_type, graph.name) for graph in graphs] == [(CONTRACT, "contract"), ("document_type/no-document", "no document")]
    assert rejections == []
    # too few of them are not mixed with documents
    graphs, rejections = build_graphs(
        of_type(CONTRACT, 10) + of_type(None, 5, 50), BY_COUNT.model_copy(update={"no_document": "keep"}), catalogue=CATALOGUE
    )
    assert [graph.document_type for graph in graphs] == [CONTRACT]
    assert {item.reason for item in rejections} == {"rare_document_type"}


#: A path of three: a task, a form of answer, a mood.
WALKED = ("task/translate", "output_format/table", "sentiment/neutral")


def test_a_type_whose_graph_offers_no_path_rolls_up_as_a_rare_one_does():
    found = [*of_type(CONTRACT, 12, labels=WALKED), *of_type("document_type/verdict", 12, 20), *of_type("document_type/novel", 12, 40)]
    shape = BY_COUNT.model_copy(update={"min_path": 3})
    graphs, rejections = build_graphs([*found, *of_type("document_type/legal", 12, 60, WALKED)], shape, catalogue=CATALOGUE)
    assert [(graph.document_type, graph.records) for graph in graphs] == [
        (CONTRACT, 12),
        ("document_type/document", 12),  # the novels: what nothing is above stays as it is
        ("document_type/legal", 24),  # with the verdicts
    ]
    assert rejections == []
    assert len(build_graphs(found, BY_COUNT, catalogue=CATALOGUE)[0]) == 3
    graphs, _ = build_graphs(of_type(None, 12), shape.model_copy(update={"no_document": "keep"}), catalogue=CATALOGUE)
    assert [graph.document_type for graph in graphs] == ["document_type/no-document"]


@pytest.mark.parametrize(("path", "supports"), [(0, {4: 1, 12: 4}), (3, {12: 3, 16: 1})])
def test_supports_without_pruning_are_of_the_types_that_the_graphs_have(path, supports):
    found = [*of_type(CONTRACT, 12, labels=WALKED), *of_type("document_type/verdict", 12, 20), *of_type("document_type/novel", 4, 40)]
    shape = GraphConfig(min_support=3, min_type_records=4, min_path=path)
    kinds = [graph.document_type for graph in build_graphs(found, shape, catalogue=CATALOGUE)[0]]
    nodes = unpruned_supports(found, shape, catalogue=CATALOGUE, kinds=kinds).nodes.tolist()
    assert {users: count for users, count in enumerate(nodes) if count} == supports


def test_records_none_of_whose_labels_survive_are_rejections():
    found = [*of_type(CONTRACT, 10), record(90, ["task/compare-prices"]), record(91, [])]
    graphs, rejections = build_graphs(found, BY_COUNT, catalogue=CATALOGUE)
    assert graphs[0].records == 12
    assert [(item.item, item.reason) for item in rejections] == [("r090", "no_labels"), ("r091", "no_labels")]


def test_types_whose_parents_go_in_a_circle_do_not_hang():
    circle = catalogue(PARENTS | {"document_type/legal": "document_type/contract"})
    pools = roll_up_types([(CONTRACT, item) for item in of_type(CONTRACT, 3)], GraphConfig(), circle)
    assert [len(members) for members in pools.values()] == [3]
    assert fold_rare([{"task/x"}], ["u"], 3, catalogue({"task/x": "task/y", "task/y": "task/x"})) == [set()]


def test_nothing_in_nothing_out():
    assert build_graphs([], GraphConfig(), catalogue=Catalogue({})) == ([], [])


# ----------------------------------------------------------------- the whole


mixed = records(kinds=[*TYPES, None, "document_type/document"], most=40, users=12)


@settings(deadline=None)
@given(mixed, st.integers(1, 3), st.integers(1, 8), st.sampled_from(["drop", "keep"]))
def test_every_record_is_in_one_graph_or_one_rejection(found, k, least, no_document):
    config = GraphConfig(min_support=k, min_type_records=least, no_document=no_document)
    graphs, rejections = build_graphs(found, config, catalogue=CATALOGUE)
    unlabelled = sum(item.reason == "no_labels" for item in rejections)
    entered = sum(graph.records for graph in graphs)
    # a record without labels is counted in its type's graph, if that has any node
    assert len(found) - len(rejections) <= entered <= len(found) - len(rejections) + unlabelled
    assert len({item.item for item in rejections}) == len(rejections)
    assert all(isinstance(item, Rejection) for item in rejections)
    kinds = [graph.document_type for graph in graphs]
    assert kinds == sorted(set(kinds))
    for graph in graphs:
        assert graph.records >= least
        assert graph.users >= k


@settings(deadline=None)
@given(mixed, st.randoms())
def test_the_order_of_records_leaves_no_trace(found, random):
    config = GraphConfig(min_support=2, min_type_records=3)
    graphs, rejections = build_graphs(found, config, catalogue=CATALOGUE)
    shuffled = list(found)
    random.shuffle(shuffled)
    again, rejected = build_graphs(iter(shuffled), config, catalogue=CATALOGUE)
    assert [graph.to_json() for graph in again] == [graph.to_json() for graph in graphs]
    assert rejected == rejections


@settings(deadline=None)
@given(records(most=15), st.integers(1, 3))
def test_another_users_records_never_make_a_support_smaller(found, k):
    config = GraphConfig(min_support=k, min_type_records=1)
    before = {node.concept: node.support for node in one_graph(found, config).nodes}
    more = [*found, LabelledRecord(id="zz", user="newcomer", document_type=CONTRACT, labels=tuple(sorted(LABELS)))]
    after = {node.concept: node.support for node in one_graph(more, config).nodes}
    leaves = {one for one in before if PARENTS[one] is not None}
    assert all(after.get(one, 0) == before[one] + 1 for one in leaves)


@settings(deadline=None)
@given(mixed, st.integers(1, 3), st.integers(1, 8), st.sampled_from(["drop", "keep"]))
def test_supports_without_pruning_are_those_of_the_same_types_at_k_1(found, k, least, no_document):
    config = GraphConfig(min_support=k, min_type_records=least, no_document=no_document, min_path=0)
    other = "document_type/no-document" if no_document == "keep" else None
    typed = [(kind, one) for one in found if (kind := one.document_type or other) is not None]
    pools = roll_up_types(typed, config, CATALOGUE)
    one_user = config.model_copy(update={"min_support": 1})
    graphs = [build_graph(kind, members, one_user, CATALOGUE)[0] for kind, members in pools.items() if kind]
    supports = unpruned_supports(found, config, catalogue=CATALOGUE, kinds=[])  # which are not asked about without a path
    assert describe([], supports).kept == describe([], Supports.of(graphs)).kept
    assert (supports.nodes.tolist(), supports.edges.tolist()) == (Supports.of(graphs).nodes.tolist(), Supports.of(graphs).edges.tolist())
