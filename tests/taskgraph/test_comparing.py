import json

from hypothesis import given
from hypothesis import strategies as st
from made_graphs import bounded, graph

from wildgraph.taskgraph.comparing import compare

A = graph({"task/a": 5, "task/b": 3, "task/c": 2}, {("task/a", "task/b"): 2, ("task/b", "task/c"): 1}, records=6)
B = graph({"task/a": 4, "task/b": 3, "task/d": 2}, {("task/a", "task/b"): 3, ("task/a", "task/d"): 1}, records=6)


def test_every_kind_of_difference_is_named():
    other = graph({"task/a": 1}, {}, kind="document_type/novel")
    found = compare([A, other], [B])
    assert (found.only_a, found.only_b, found.same) == (("document_type/novel",), (), ())
    types = found.types["document_type/contract"]
    assert types.counts is None
    assert types.nodes.only_a == {"task/c": {"support": 2, "records": 2}}
    assert types.nodes.only_b == {"task/d": {"support": 2, "records": 2}}
    assert types.nodes.changed == {"task/a": ({"support": 5, "records": 5}, {"support": 4, "records": 4})}
    assert types.nodes.same == 1
    assert set(types.edges.only_a) == {"task/b — task/c"}
    assert set(types.edges.only_b) == {"task/a — task/d"}
    assert types.edges.changed == {"task/a — task/b": ({"frequency": 2, "users": 2}, {"frequency": 3, "users": 3})}


def test_another_k_or_number_of_users_is_a_difference_of_the_type():
    (types,) = compare([A], [A.model_copy(update={"min_support": 2, "users": 5})]).types.values()
    assert types.counts == ({"min_support": 1, "records": 6, "users": 6}, {"min_support": 2, "records": 6, "users": 5})
    assert types.nodes.empty
    assert types.edges.empty


def test_bounds_that_meet_are_the_exact_count_and_others_are_not():
    met = A.model_copy(update={"records_most": 6, "users_most": 6})
    assert compare([A], [met]).empty
    (types,) = compare([A], [met.model_copy(update={"users_most": 9})]).types.values()
    assert types.counts == ({"min_support": 1, "records": 6, "users": 6}, {"min_support": 1, "records": 6, "users": 6, "users_most": 9})


@given(st.lists(bounded(), max_size=3, unique_by=lambda one: one.document_type))
def test_nothing_differs_from_itself(found):
    difference = compare(found, list(reversed(found)))
    assert difference.empty
    assert set(difference.same) == {one.document_type for one in found}


@given(bounded(), bounded())
def test_the_difference_turned_round_is_the_other_difference(left, right):
    one, two = compare([left], [right]).as_json(), compare([right], [left]).as_json()
    assert json.loads(json.dumps(one)) == one
    assert (one["only_a"], one["only_b"]) == (two["only_b"], two["only_a"])
    assert one["types"].keys() == two["types"].keys()
    for kind, found in one["types"].items():
        for part in ("nodes", "edges"):
            assert found[part]["only_a"] == two["types"][kind][part]["only_b"]
            assert found[part]["changed"] == {key: pair[::-1] for key, pair in two["types"][kind][part]["changed"].items()}


def test_a_difference_shows_itself_in_a_line_a_table_and_a_frame():
    other = graph({"task/a": 1}, {}, kind="document_type/novel")
    found = compare([A, other], [B])
    assert repr(found) == "<GraphDiff only_a=1, only_b=0, changed=1, same=0>"
    shown = found.to_pandas().set_index("type")
    assert shown.loc["document_type/novel", "in"] == "a"
    assert list(shown.loc["document_type/contract"]) == ["both", 1, 1, 1, 1, 1, 1]
    assert "2 of 2 types differ" in found._repr_html_()
    assert compare([A], [A]).to_pandas().empty
