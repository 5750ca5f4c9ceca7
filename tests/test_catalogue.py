import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildgraph.catalogue import (
    Catalogue,
    concept_id,
    empty_prior,
    load_assignments,
    load_concepts,
    load_prior,
    parse_prior,
    slug,
)
from wildgraph.errors import InputError
from wildgraph.fields import DEFAULT_FIELDS
from wildgraph.records import Assignment, Concept

PRIOR = """
version: 1
fields:
  task:
    - name: summarize
      like: [sum up]
      cues: {en: [summar], de: [fass]}
      concepts:
        - {name: summarize briefly, like: [tl;dr]}
    - name: compare
"""


@given(st.text(max_size=200))
def test_a_slug_is_a_short_safe_file_name(name):
    found = slug(name)
    assert 0 < len(found) <= 60
    assert re.fullmatch(r"[\w-]+", found)
    assert not found.startswith("-")
    assert found == slug(name)
    assert not set(found) & set("/\\. \n\0")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Bullet List", "bullet-list"),
        ("  e-mail,  long  ", "e-mail-long"),
        ("snake_case", "snake-case"),
        ("договор аренды", "договор-аренды"),
        ("合同", "合同"),
        ("Straße", "strasse"),
    ],
)
def test_slugs_read_well(name, expected):
    assert slug(name) == expected


def test_names_too_long_or_empty_stay_apart():
    assert slug("x" * 100) != slug("x" * 101)
    assert slug("!!") != slug("??")
    assert concept_id("task", "Sum it up") == "task/sum-it-up"


def test_a_prior_holds_parents_before_their_children():
    prior = parse_prior(PRIOR, "test")
    found = list(prior)
    assert [(entry.concept.id, entry.concept.parent, entry.concept.origin) for entry in found] == [
        ("task/summarize", None, "prior"),
        ("task/summarize-briefly", "task/summarize", "prior"),
        ("task/compare", None, "prior"),
    ]
    assert found[0].like == ("summarize", "sum up")
    assert found[0].cues == {"en": ("summar",), "de": ("fass",)}
    assert parse_prior(PRIOR, "elsewhere").fingerprint == prior.fingerprint != parse_prior(PRIOR + "# more", "test").fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1\nfields: [", "is not a catalogue"),
        ("- a\n- b", "is not a catalogue"),
        ("", "is not a catalogue"),
        ("version: 1", "is not a catalogue"),
        ("version: 1\nfields: {}\ncolour: red", "is not a catalogue"),
        ("version: 1\nfields: {task: [{name: ''}]}", "is not a catalogue"),
        (f"version: 1\nfields: {{task: [{{name: {'x' * 121}}}]}}", "is not a catalogue"),
        ("version: 1\nfields: {task: [{title: summarize}]}", "is not a catalogue"),
        ("version: 1\nfields: {task: [{name: summarize, like: sum up}]}", "is not a catalogue"),
        ("version: 2\nfields: {}", "version 2 — a newer wildgraph"),
        ("version: 1\nfields: {task: [{name: sum up}, {name: Sum  Up!}]}", "names the concept task/sum-up twice"),
        ("version: 1\nfields: {task: [{name: sum up, concepts: [{name: sum-up}]}]}", "names the concept task/sum-up twice"),
        ("!!python/object/apply:os.getcwd []", "is not a catalogue"),
    ],
)
def test_what_is_no_catalogue_is_an_error_of_one_line(tmp_path, text, message):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    load_prior.cache_clear()
    with pytest.raises(InputError, match=message) as caught:
        load_prior(str(file))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_catalogue_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"version: \xff")
    for name in ("missing.yaml", "latin.yaml"):
        with pytest.raises(InputError, match="cannot read the catalogue"):
            load_prior(str(tmp_path / name))


def test_the_general_catalogue_fits_the_field_table():
    prior = load_prior()
    fields = {field.name for field in DEFAULT_FIELDS}
    assert set(prior.concepts) <= fields
    ids = {entry.concept.id for entry in prior}
    for entry in prior:
        assert entry.concept.parent is None or entry.concept.parent in ids
        assert entry.like[0] == entry.concept.name
    # two levels, as docs/decisions/0001 has it: a concept with a parent is nobody's parent
    catalogue = Catalogue({entry.concept.id: entry.concept for entry in prior})
    assert max(len(catalogue.lineage(one)) for one in ids) == 2


def test_an_empty_prior_knows_nothing():
    assert list(empty_prior()) == []
    assert empty_prior().fingerprint != load_prior().fingerprint


def concept(name, parent=None):
    return Concept(id=f"task/{name}", field="task", name=name, parent=parent)


def test_lineages_lead_upwards_and_end():
    known = {
        one.id: one
        for one in (concept("a", "task/b"), concept("b", "task/c"), concept("c"), concept("x", "task/y"), concept("y", "task/x"))
    }
    catalogue = Catalogue(known)
    assert catalogue.lineage("task/a") == ["task/a", "task/b", "task/c"]
    assert catalogue.lineage("task/c") == ["task/c"]
    assert catalogue.lineage("task/unknown") == ["task/unknown"]
    assert catalogue.lineage("task/x") == ["task/x", "task/y"]
    assert catalogue.name("task/a") == "a"


def test_rows_name_value_concept_and_parent():
    item = Assignment(field="task", value="sum up", concept="task/b", count=3, users=2, similarity=0.7)
    catalogue = Catalogue({one.id: one for one in (concept("b", "task/c"), concept("c"))}, {("task", "sum up"): item})
    assert catalogue.leaf("task", "sum up") == "task/b"
    assert catalogue.leaf("task", "Sum up") is None
    (row,) = catalogue.rows()
    assert row == {
        "field": "task", "value": "sum up", "concept": "task/b", "name": "b", "parent": "task/c", "count": 3, "users": 2, "similarity": 0.7
    }  # fmt: skip


def test_assignments_and_concepts_read_back(tmp_path):
    item = Assignment(field="task", value="sum\u2028up", concept="task/b", count=3, users=2, similarity=0.7)
    catalogue = Catalogue({"task/b": concept("b")}, {("task", "sum\u2028up"): item})
    (tmp_path / "catalogue.jsonl").write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in catalogue.rows()))
    assert load_assignments(tmp_path / "catalogue.jsonl") == catalogue.assignments
    (tmp_path / "concepts.jsonl").write_text(concept("b").model_dump_json() + "\n\n" + concept("c").model_dump_json())
    assert load_concepts(tmp_path / "concepts.jsonl") == {"task/b": concept("b"), "task/c": concept("c")}
    assert load_concepts(tmp_path / "missing.jsonl") == {}


@pytest.mark.parametrize(
    "line", ["{", "[]", "5", '{"id": "task/x"}', '{"id": "task/x", "field": "task", "name": "x", "colour": 1}', "{]\n{]"]
)
def test_a_line_that_is_no_concept_is_named(tmp_path, line):
    (tmp_path / "concepts.jsonl").write_text(concept("b").model_dump_json() + "\n" + line)
    with pytest.raises(InputError, match=r"concepts.jsonl:2 is no concept") as caught:
        load_concepts(tmp_path / "concepts.jsonl")
    assert "\n" not in str(caught.value)


def test_concepts_that_are_each_others_parents_are_an_error(tmp_path):
    rows = [concept("a", "task/b"), concept("b", "task/c"), concept("c", "task/b")]
    (tmp_path / "concepts.jsonl").write_text("\n".join(row.model_dump_json() for row in rows))
    with pytest.raises(InputError, match="task/b is its own ancestor"):
        load_concepts(tmp_path / "concepts.jsonl")


def test_concepts_that_cannot_be_read_are_an_error(tmp_path):
    (tmp_path / "concepts.jsonl").write_bytes(b"\xff")
    with pytest.raises(InputError, match="cannot read the concepts"):
        load_concepts(tmp_path / "concepts.jsonl")


@pytest.mark.parametrize(
    "line", ["{", "[]", "5", '{"field": "task"}', '{"field": "task", "value": "x", "concept": "c", "count": 0, "users": 1}']
)
def test_a_line_that_is_no_assignment_is_named(tmp_path, line):
    (tmp_path / "catalogue.jsonl").write_text(line)
    with pytest.raises(InputError, match=r"catalogue.jsonl:1 is no assignment") as caught:
        load_assignments(tmp_path / "catalogue.jsonl")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot read"):
        load_assignments(tmp_path / "missing.jsonl")
