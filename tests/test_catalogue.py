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
    load_catalogue,
    load_concepts,
    load_prior,
    parse_prior,
    shareable_rows,
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
    prior = parse_prior((PRIOR, "test"))
    found = list(prior)
    assert [(entry.concept.id, entry.concept.parent, entry.concept.origin) for entry in found] == [
        ("task/summarize", None, "prior"),
        ("task/summarize-briefly", "task/summarize", "prior"),
        ("task/compare", None, "prior"),
    ]
    assert found[0].like == ("summarize", "sum up")
    assert found[0].cues == {"en": ("summar",), "de": ("fass",)}
    assert parse_prior((PRIOR, "elsewhere")).fingerprint == prior.fingerprint != parse_prior((PRIOR + "# more", "test")).fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1\nfields: [", "is not a catalogue"),
        ("- a\n- b", "is not a catalogue"),
        ("", "is not a catalogue"),
        ("fields: {}", "is not a catalogue"),
        ("version: 1\nfinal: {}", "is not a catalogue"),
        ("version: 1\nfiner: {task: [{name: x, like: []}]}", "is not a catalogue"),
        ("version: 1\nfields: {}\ncolour: red", "is not a catalogue"),
        ("version: 1\nfields: {task: [{name: ''}]}", "is not a catalogue"),
        (f"version: 1\nfields: {{task: [{{name: {'x' * 121}}}]}}", "is not a catalogue"),
        ("version: 1\nfields: {task: [{title: summarize}]}", "is not a catalogue"),
        ("version: 1\nfields: {task: [{name: summarize, like: sum up}]}", "is not a catalogue"),
        ("version: 2\nfields: {}", "version 2 — a newer wildgraph"),
        ("version: 1\nfields: {task: [{name: sum up}, {name: Sum  Up!}]}", "names the concept task/sum-up twice"),
        ("version: 1\nfields: {task: [{name: sum up, concepts: [{name: sum-up}]}]}", "names the concept task/sum-up twice"),
        ("!!python/object/apply:os.getcwd []", "is not a catalogue"),
        ("version: 1\nfiner: {task: [{name: x}]}", "is not a catalogue"),
        ("version: 1\nfiner: {task: [{name: x, like: [y], concepts: []}]}", "is not a catalogue"),
        ("version: 1\nfiner: {task: [{name: x, like: [y]}, {name: X., like: [z]}]}", "names the concept task/x twice"),
        (
            "version: 1\nfields: {intent: [{name: up}]}\nfiner: {task: [{name: x, under: up, like: [y]}]}",
            "'x' stands under 'up', which no general concept of task is called",
        ),
        (
            "version: 1\nfiner: {task: [{name: up, like: [y]}, {name: x, under: up, like: [y]}]}",
            "'x' stands under 'up', which no general concept of task is called",
        ),
        ("version: 1\nfields: {task: [{name: up}]}\nfiner: {task: [{name: up, under: up, like: [y]}]}", "names the concept task/up twice"),
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


FINER = """
version: 1
finer:
  task:
    - {name: summarize a meeting, under: summarize, like: [sum up the debate]}
    - {name: Compare, like: [contrast the offers]}
    - {name: juggle, like: [toss balls]}
  intent:
    - {name: learn, like: [study]}
"""


def test_finer_concepts_stand_under_general_ones_or_are_them_or_are_new():
    prior = parse_prior((PRIOR, "general"), (FINER, "finer"))
    assert [(entry.concept.id, entry.concept.parent, entry.concept.origin) for entry in prior.finer["task"]] == [
        ("task/summarize-a-meeting", "task/summarize", "prior"),
        ("task/compare", None, "prior"),
        ("task/juggle", None, "prior"),
    ]
    assert [entry.like for entry in prior.finer["task"]] == [
        ("summarize a meeting", "sum up the debate"),
        ("Compare", "contrast the offers"),
        ("juggle", "toss balls"),
    ]
    assert prior.finer["task"][1].concept is prior.concepts["task"][2].concept  # general's name, not finer's
    assert set(prior.known()) == {
        *("task/summarize", "task/summarize-briefly", "task/compare", "task/summarize-a-meeting", "task/juggle", "intent/learn")
    }
    assert [entry.concept.id for entry in prior] == ["task/summarize", "task/summarize-briefly", "task/compare"]  # what is mined for


def test_values_are_compared_with_the_finest_concepts_of_their_field():
    prior = parse_prior((PRIOR, "general"))
    assert [entry.concept.id for entry in prior.phrases("task")] == ["task/summarize-briefly", "task/compare"]  # nobody's parents
    assert prior.phrases("intent") == ()
    both = parse_prior((PRIOR, "general"), (FINER, "finer"))
    assert both.phrases("task") == both.finer["task"]
    assert both.phrases("intent") == both.finer["intent"]
    assert empty_prior().phrases("task") == ()


def test_files_together_are_one_catalogue_whatever_holds_what():
    parted = parse_prior((FINER, "finer"), (PRIOR, "general"))
    assert parted.known() == parse_prior((PRIOR, "general"), (FINER, "finer")).known()
    more = parse_prior((PRIOR, "general"), ("version: 1\nfields: {task: [{name: juggle}]}", "mine"))
    assert list(more.known()) == ["task/summarize", "task/summarize-briefly", "task/compare", "task/juggle"]
    with pytest.raises(InputError, match="mine names the concept task/compare twice"):
        parse_prior((PRIOR, "general"), ("version: 1\nfields: {task: [{name: compare}]}", "mine"))
    fingerprints = {parse_prior((PRIOR, "x")).fingerprint, parse_prior((PRIOR, "x"), (FINER, "y")).fingerprint, parted.fingerprint}
    assert len(fingerprints) == 3


def test_a_folder_of_catalogues_is_read_in_the_order_of_names(tmp_path):
    (tmp_path / "b.yaml").write_text(FINER)
    (tmp_path / "a.yaml").write_text(PRIOR)
    (tmp_path / "notes.txt").write_text("no catalogue")
    prior = load_prior(str(tmp_path))
    assert prior == parse_prior((PRIOR, "a"), (FINER, "b"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no catalogue"):
        load_prior(str(tmp_path / "empty"))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "a.yaml").write_text("version: 1")
    (broken / "b.yaml").write_text("- x")
    with pytest.raises(InputError, match=r"b\.yaml is not a catalogue"):
        load_prior(str(broken))


def test_the_finer_catalogue_hangs_together():
    prior = load_prior()
    known = Catalogue(prior.known())
    fields = {field.name for field in DEFAULT_FIELDS if field.node or field.name == "document_type"}
    assert set(prior.finer) <= fields
    for name, group in prior.finer.items():
        assert len({entry.concept.id for entry in group}) == len(group) >= 8, "a profile over them says something"
        for entry in group:
            assert entry.concept.field == name
            assert entry.concept.origin == "prior"
            assert known.concepts[known.lineage(entry.concept.id)[-1]].parent is None
            assert entry.like[0].casefold().strip() == entry.concept.name.casefold()


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


# ----------------------------------------------------------------- the catalogue of a run


def written(run, rows, concepts, *, private):
    folder = run / "private" if private else run
    graphs = run / "private" if private else run / "graphs"
    for one in (folder, graphs):
        one.mkdir(parents=True, exist_ok=True)
    (folder / "catalogue.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (graphs / "concepts.jsonl").write_text("".join(one.model_dump_json() + "\n" for one in concepts))


def test_a_runs_own_catalogue_is_preferred_and_what_it_publishes_will_do(tmp_path):
    item = Assignment(field="task", value="sum up", concept="task/b", count=3, users=2, similarity=0.7)
    whole = Catalogue({one.id: one for one in (concept("b", "task/c"), concept("c"))}, {("task", "sum up"): item})
    written(tmp_path, shareable_rows(whole.rows(), 2), whole.concepts.values(), private=False)
    published = load_catalogue(tmp_path)
    assert published.concepts == whole.concepts
    assert {place: one.concept for place, one in published.assignments.items()} == {("task", "sum up"): "task/b"}
    written(tmp_path, whole.rows(), whole.concepts.values(), private=True)
    assert load_catalogue(tmp_path) == whole


def test_an_assignment_to_a_concept_that_was_not_published_is_left_out(tmp_path):
    rows = [{"field": "task", "value": one, "concept": f"task/{one}", "name": one, "parent": None} for one in "bc"]
    written(tmp_path, rows, [concept("b")], private=False)
    assert set(load_catalogue(tmp_path).assignments) == {("task", "b")}


def test_a_folder_without_a_catalogue_is_an_error(tmp_path):
    for missing in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match=r"holds no catalogue — name a run directory") as caught:
            load_catalogue(missing)
        assert "\n" not in str(caught.value)
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "concepts.jsonl").write_text("")
    with pytest.raises(InputError, match="holds no catalogue"):
        load_catalogue(tmp_path)
