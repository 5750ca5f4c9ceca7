import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from wildgraph.catalogue import Catalogue
from wildgraph.edits import Edits, apply_edits, load_edits
from wildgraph.errors import InputError
from wildgraph.records import Assignment, Concept


def catalogue(parents, *, field="task", values=()):
    """Concepts by letter with their parents' letters, and values assigned to letters."""
    known = {
        f"{field}/{one}": Concept(id=f"{field}/{one}", field=field, name=one, parent=f"{field}/{above}" if above else None)
        for one, above in parents.items()
    }
    items = [Assignment(field=field, value=value, concept=f"{field}/{one}", count=2, users=1, similarity=0.5) for value, one in values]
    return Catalogue(known, {(item.field, item.value): item for item in items})


def ids(**changes):
    """Edits of tasks by letter."""
    return Edits(
        **{
            kind: {f"task/{one}": found if kind == "rename" or found is None else f"task/{found}" for one, found in changed.items()}
            for kind, changed in changes.items()
        }
    )


FOUR = catalogue({"a": None, "b": "a", "c": "a", "d": None}, values=[("x", "b"), ("y", "c"), ("z", "d")])


def parents(edited):
    return {one.removeprefix("task/"): (item.parent or "").removeprefix("task/") for one, item in edited.concepts.items()}


def leaves(edited):
    return {value: item.concept.removeprefix("task/") for (_, value), item in edited.assignments.items()}


# ----------------------------------------------------------------- what they do


def test_no_edits_change_nothing():
    assert apply_edits(FOUR, Edits()) == FOUR


def test_a_renamed_concept_keeps_its_id():
    edited = apply_edits(FOUR, ids(rename={"b": "  sum up  "}))
    concept = edited.concepts["task/b"]
    assert (concept.id, concept.name, concept.parent, concept.origin) == ("task/b", "sum up", "task/a", "edited")
    assert edited.assignments == FOUR.assignments
    assert {one: item for one, item in edited.concepts.items() if one != "task/b"} == {
        one: item for one, item in FOUR.concepts.items() if one != "task/b"
    }


def test_a_merged_concept_is_gone_with_its_values_in_the_other():
    edited = apply_edits(FOUR, ids(merge={"b": "d"}))
    assert parents(edited) == {"a": "", "c": "a", "d": ""}
    assert leaves(edited) == {"x": "d", "y": "c", "z": "d"}
    item = edited.assignments["task", "x"]
    assert (item.count, item.users, item.similarity) == (2, 1, 0.5)


def test_merges_follow_each_other():
    assert leaves(apply_edits(FOUR, ids(merge={"b": "c", "c": "d"}))) == {"x": "d", "y": "d", "z": "d"}
    assert ids(merge={"b": "c", "c": "d"}).target("task/b") == "task/d"
    assert Edits().target("task/b") == "task/b"


def test_children_of_a_merged_concept_get_the_other_as_parent():
    assert parents(apply_edits(FOUR, ids(merge={"a": "d"}))) == {"b": "d", "c": "d", "d": ""}


def test_parents_that_become_part_of_their_child_leave_it_where_they_were():
    chain = catalogue({"a": None, "b": "a", "c": "b", "d": "c"})
    assert parents(apply_edits(chain, ids(merge={"b": "c"}))) == {"a": "", "c": "a", "d": "c"}
    assert parents(apply_edits(chain, ids(merge={"a": "c", "b": "c"}))) == {"c": "", "d": "c"}
    assert parents(apply_edits(chain, ids(merge={"b": "d", "c": "d"}))) == {"a": "", "d": "a"}


def test_a_moved_concept_stands_under_another_parent_or_none():
    assert parents(apply_edits(FOUR, ids(move={"b": "d", "c": None}))) == {"a": "", "b": "d", "c": "", "d": ""}
    assert apply_edits(FOUR, ids(move={"b": "d"})).concepts["task/b"].origin == "edited"
    assert parents(apply_edits(FOUR, ids(move={"b": "c"}, merge={"c": "d"}))) == {"a": "", "b": "d", "d": ""}


def test_parent_and_child_can_change_places():
    assert parents(apply_edits(FOUR, ids(move={"a": "b", "b": None})))["a"] == "b"


# ----------------------------------------------------------------- what is an error


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (ids(rename={"q": "x"}), "the edits name 'task/q', which is no concept of this catalogue"),
        (ids(merge={"q": "a"}), "'task/q', which is no concept"),
        (ids(merge={"a": "q"}), "'task/q', which is no concept"),
        (ids(move={"q": None}), "'task/q', which is no concept"),
        (ids(move={"a": "q"}), "'task/q', which is no concept"),
        (Edits(rename={"zzzzzzzzz": "x"}), "private/catalogue.jsonl lists them"),
        (ids(move={"a": "b"}), "the edits make task/[ab] its own ancestor — break the circle"),
        (ids(move={"a": "a"}), "the edits make task/a its own ancestor"),
        (ids(move={"a": "d", "d": "b"}), "its own ancestor"),
        (ids(move={"d": "b"}, merge={"a": "d"}), "its own ancestor"),
    ],
)
def test_an_edit_that_cannot_be_is_an_error_of_one_line(edits, message):
    with pytest.raises(InputError, match=message) as caught:
        apply_edits(FOUR, edits)
    assert "\n" not in str(caught.value)


def test_a_slip_of_the_pen_is_recognised():
    known = Catalogue({"task/summarize": Concept(id="task/summarize", field="task", name="summarize")})
    with pytest.raises(InputError, match="did you mean 'task/summarize'"):
        apply_edits(known, Edits(rename={"task/sumarize": "sum up"}))


@pytest.mark.parametrize("kind", ["merge", "move"])
def test_concepts_of_two_fields_are_never_joined(kind):
    both = Catalogue({**FOUR.concepts, **catalogue({"a": None}, field="intent").concepts})
    with pytest.raises(InputError, match="the edits join intent/a and task/b, which are of two fields"):
        apply_edits(both, Edits(**{kind: {"intent/a": "task/b"}}))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"merge": {"a": "b", "b": "a"}}, "merges go in a circle: a -> b -> a"),
        ({"merge": {"a": "a"}}, "merges go in a circle: a -> a"),
        ({"merge": {"a": "b", "b": "c", "c": "b"}}, "merges go in a circle"),
        ({"rename": {"a": " "}}, "is no label: it holds nothing but markup"),
        ({"rename": {"a": "<b></b>"}}, "is no label: it holds nothing but markup"),
        ({"rename": {"a": "sum <b>up</b>"}}, "is no label of 1 to 120 plain characters: write 'sum up'"),
        ({"rename": {"a": "x" * 121}}, "is no label of 1 to 120 plain characters"),
        ({"version": 2}, "edits of version 2: a newer wildgraph wrote them"),
        ({"colour": {}}, "colour"),
    ],
)
def test_edits_that_contradict_themselves_are_errors(wrong, message):
    with pytest.raises(ValidationError, match=message):
        Edits(**wrong)


# ----------------------------------------------------------------- files


def test_a_file_of_edits(tmp_path):
    file = tmp_path / "edits.yaml"
    file.write_text(
        "version: 1\nrename: {task/a: Заметки}\nmerge: {task/b: task/c}\nmove: {task/c: null, task/d: task/c}\npin:\n  task: {draw up minutes: task/c}\n",
        encoding="utf-8",
    )
    assert load_edits(str(file)) == Edits(
        rename={"task/a": "Заметки"},
        merge={"task/b": "task/c"},
        move={"task/c": None, "task/d": "task/c"},
        pin={"task": {"draw up minutes": "task/c"}},
    )
    assert load_edits("") == Edits()
    (tmp_path / "empty.yaml").write_text("# nothing yet\n")
    assert load_edits(str(tmp_path / "empty.yaml")) == Edits()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"rename: {", "is not YAML, line 1"),
        (b"rename: {task/a: b}\nmerge: {task/a: null}", "merge.task/a .* see line 2"),
        (b"\xff", "cannot read the edits"),
        (b"- a", "holds no edits"),
        (b"[]", "holds no edits"),
        (b"colour: red", "holds no edits: colour"),
        (b"rename: [a]", "holds no edits: rename"),
        (b"rename: {task/a: ''}", "rename.task/a '' is no label"),
        (b"rename: {task/a: 5}", "holds no edits: rename.task/a"),
        (b"merge: {task/a: null}", "holds no edits: merge.task/a"),
        (b"merge: {a: b, b: a}", "merges go in a circle"),
        (b"pin: {task: x}", "holds no edits: pin.task"),
        (b"version: 9", "a newer wildgraph wrote them"),
        (b"!!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_what_is_no_file_of_edits_is_an_error_of_one_line(tmp_path, text, message):
    file = tmp_path / "edits.yaml"
    file.write_bytes(text)
    with pytest.raises(InputError, match=message) as caught:
        load_edits(str(file))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(InputError, match="cannot read the edits"):
        load_edits(str(tmp_path / "missing.yaml"))
    with pytest.raises(InputError, match="cannot read the edits"):
        load_edits(str(tmp_path))


# ----------------------------------------------------------------- whatever the edits

LETTERS = "abcdefg"
letters = st.sampled_from(LETTERS)


@settings(max_examples=300)
@given(
    st.lists(st.one_of(st.none(), st.integers(0, 6)), min_size=7, max_size=7),
    st.dictionaries(letters, letters, max_size=4),
    st.dictionaries(letters, st.one_of(st.none(), letters), max_size=4),
)
def test_a_catalogue_that_was_edited_is_a_catalogue(above, merge, move):
    """Every value keeps a concept, every parent is there, and nothing is its own ancestor; else the edits are refused."""
    # a forest: parents come before their children
    known = {one: LETTERS[above[n] % n] if n and above[n] is not None else None for n, one in enumerate(LETTERS)}
    before = catalogue(known, values=[(f"v{one}", one) for one in LETTERS])
    try:
        after = apply_edits(before, ids(merge=merge, move=move))
    except (ValidationError, InputError) as error:
        said = str(error)
    else:
        said = ""
    if said:
        assert "circle" in said or "its own ancestor" in said
        assert merge or move
        return
    assert set(after.concepts) == {f"task/{one}" for one in LETTERS if one not in merge}
    assert after.assignments.keys() == before.assignments.keys()
    for one in after.concepts.values():
        assert one.parent is None or one.parent in after.concepts
        top = after.concepts[after.lineage(one.id)[-1]]
        assert top.parent is None
    for item in after.assignments.values():
        assert item.concept in after.concepts
