import json
import os
import stat

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_graphs import TYPES, catalogue, record, records

from wildgraph.counts import COUNTS, Counts, has_counts, hierarchy_mark, read_counts, save_counts, unite, write_counts
from wildgraph.errors import InputError, RunError
from wildgraph.pseudonyms import key_id, keyed_record
from wildgraph.records import Concept, LabelledRecord
from wildgraph.stages.graph import GraphConfig, build_graphs
from wildgraph.store import RunDirectory

CONCEPTS = catalogue().concepts
mixed = records(kinds=[*TYPES, None], most=30, users=8)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("WILDGRAPH_KEY", "key")
    with RunDirectory.write(tmp_path / "run") as found:
        yield found


# ----------------------------------------------------------------- the file


def test_ids_are_keyed_and_nothing_plain_is_left(run):
    nameless = LabelledRecord(id="plainid", user="plainid", document_type=None, labels=("task/translate",))
    write_counts(run, [record(1, ["task/translate"], "keyeduser"), nameless], CONCEPTS)
    found = read_counts(run.path)
    assert {one.id for one in found.records} == {keyed_record(b"key", "r001"), keyed_record(b"key", "plainid")}
    assert {one.user for one in found.records} == {"keyeduser", keyed_record(b"key", "plainid")}
    assert found.key == key_id(b"key")
    assert b"plainid" not in (run.path / COUNTS).read_bytes()
    old = os.umask(0)
    try:
        write_counts(run, [nameless], CONCEPTS)
    finally:
        os.umask(old)
    assert stat.S_IMODE((run.path / COUNTS).stat().st_mode) == 0o600


@settings(deadline=None, max_examples=25)
@given(found=mixed, random=st.randoms())
def test_counts_come_back_and_the_order_of_records_leaves_no_trace(tmp_path_factory, found, random):
    run = RunDirectory(tmp_path_factory.mktemp("run"))
    ordered = sorted(found, key=lambda one: one.id)
    save_counts(run, Counts(ordered, CONCEPTS, "k"))
    first = (run.path / COUNTS).read_bytes()
    again = read_counts(run.path)
    assert (again.records, again.concepts, again.key) == (ordered, dict(CONCEPTS), "k")
    run.write_text("private/key", "secret")
    shuffled = list(found)
    bytes_ = set()
    for _ in range(2):
        random.shuffle(shuffled)
        write_counts(run, shuffled, dict(random.sample(list(CONCEPTS.items()), len(CONCEPTS))))
        bytes_.add(((run.path / COUNTS).read_bytes(), (run.path / "private/concepts.jsonl").read_bytes()))
    assert len(bytes_) == 1
    assert first  # the file of no records is a file


def test_many_batches_are_one_list(run, monkeypatch):
    monkeypatch.setattr("wildgraph.counts._BATCH", 7)
    found = [record(n, ["task/translate", "output_format/table"][: n % 3]) for n in range(40)]
    save_counts(run, Counts(found, CONCEPTS, "k"))
    assert read_counts(run.path).records == found


def changed(file, **about):
    table = pq.read_table(file)
    meta = {**table.schema.metadata, **{name.encode(): value.encode() for name, value in about.items()}}
    pq.write_table(table.replace_schema_metadata(meta), file)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file.unlink(), "has no private counts"),
        (lambda file: file.write_bytes(b"PAR1"), "is damaged"),
        (lambda file: file.write_bytes(file.read_bytes()[:-40]), "is damaged"),
        (lambda file: file.write_bytes(b""), "is damaged"),
        (lambda file: changed(file, format="other"), "holds no counts of wildgraph"),
        (lambda file: changed(file, version="x"), "holds no counts of wildgraph"),
        (lambda file: changed(file, version="2"), "has version 2 — a newer wildgraph wrote it"),
        (lambda file: changed(file, hierarchy="x"), "was counted with other concepts"),
        (lambda file: pq.write_table(pq.read_table(file).take([1, 0]), file), "not sorted by id or repeat"),
        (lambda file: pq.write_table(pq.read_table(file).take([0, 0]), file), "not sorted by id or repeat"),
        (lambda file: pq.write_table(pq.read_table(file).drop_columns(["user"]), file), "is damaged"),
        (lambda file: (file.parent / "concepts.jsonl").write_text("{}\n"), "is no concept"),
        (lambda file: (file.parent / "concepts.jsonl").write_text(""), "was counted with other concepts"),
    ],
)
def test_counts_that_cannot_be_trusted_are_an_error_of_one_line(run, spoil, message):
    save_counts(run, Counts([record(1, ["task/translate"]), record(2, [])], CONCEPTS, "k"))
    assert has_counts(run.path)
    spoil(run.path / COUNTS)
    with pytest.raises(RunError, match=message) as caught:
        read_counts(run.path)
    assert "\n" not in str(caught.value)


def test_names_may_be_edited_and_parents_may_not():
    renamed = {one: concept.model_copy(update={"name": "x"}) for one, concept in CONCEPTS.items()}
    moved = {one: concept.model_copy(update={"parent": None}) for one, concept in CONCEPTS.items()}
    assert hierarchy_mark(renamed) == hierarchy_mark(CONCEPTS) != hierarchy_mark(moved)


# ----------------------------------------------------------------- several runs


def counts_of(found, concepts=CONCEPTS, key="k"):
    return Counts(sorted(found, key=lambda one: one.id), concepts, key)


def text(union):
    rows = [one.model_dump(mode="json") for one in (*union.counts.records, *union.counts.concepts.values())]
    return json.dumps(rows)


@given(mixed, st.lists(st.sets(st.integers(0, 29)), min_size=1, max_size=3), st.randoms())
def test_uniting_parts_gives_the_whole_whatever_they_share(found, parts, random):
    chosen = [[one for place, one in enumerate(found) if place in part] for part in parts]
    rest = [one for one in found if not any(one in part for part in chosen)]
    sources = [counts_of(part) for part in (*chosen, rest)]
    random.shuffle(sources)
    union = unite(sources)
    assert union.counts == counts_of(found, dict(sorted(CONCEPTS.items())))
    assert union.disagreeing == union.reparented == 0


@settings(deadline=None)
@given(mixed, st.integers(1, 3), st.randoms())
def test_what_is_published_of_a_union_is_what_one_build_publishes(found, k, random):
    half = [one for one in found if random.random() < 0.5]
    config = GraphConfig(min_support=k, min_type_records=2)
    union = unite([counts_of(half), counts_of([one for one in found if one not in half])]).counts
    graphs, rejections = build_graphs(union.records, config, catalogue=union.catalogue)
    whole, turned_away = build_graphs(found, config, catalogue=catalogue())
    assert [one.to_json() for one in graphs] == [one.to_json() for one in whole]
    assert rejections == turned_away


labelled = st.builds(
    lambda number, labels, kind: LabelledRecord(id=f"r{number}", user=f"u{number}", document_type=kind, labels=tuple(sorted(labels))),
    st.integers(0, 4),
    st.sets(st.sampled_from(["task/translate", "task/compare"])),
    st.sampled_from([None, "document_type/novel"]),
)
some_concepts = st.lists(
    st.builds(
        lambda number, origin, name, parent: Concept(id=f"task/{number}", field="task", name=name, origin=origin, parent=parent),
        st.integers(0, 3),
        st.sampled_from(["prior", "induced", "edited"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from([None, "task/top", "task/other"]),
    ),
    max_size=4,
).map(lambda found: {one.id: one for one in found})
some_counts = st.builds(
    lambda found, concepts: counts_of({one.id: one for one in found}.values(), concepts), st.lists(labelled, max_size=6), some_concepts
)


@given(some_counts, some_counts, some_counts)
def test_uniting_is_commutative_associative_and_idempotent(a, b, c):
    assert text(unite([a, b, c])) == text(unite([c, a, b])) == text(unite([unite([a, b]).counts, c]))
    assert text(unite([a, a])) == text(unite([a]))


def test_disagreements_are_counted():
    one = counts_of([record(1, ["task/translate"]), record(2, [])])
    two = counts_of(
        [record(1, ["task/compare"]), record(2, [])],
        {**CONCEPTS, "task/compare": CONCEPTS["task/compare"].model_copy(update={"parent": "task/translate"})},
    )
    union = unite([one, two])
    assert (union.shared, union.disagreeing, union.reparented) == (2, 1, 1)
    assert union.counts.records[0].labels == ("task/compare",)


@pytest.mark.parametrize(
    ("concepts", "key", "message"),
    [
        (CONCEPTS, "other", "keyed with 2 different keys"),
        (
            {"task/compare": Concept(id="task/compare", field="intent", name="x")},
            "k",
            "is a concept of task in one run and of intent in another",
        ),
        (
            {"task/summarize": Concept(id="task/summarize", field="task", name="x", origin="edited", parent="task/summarize-briefly")},
            "k",
            "its own ancestor",
        ),
    ],
)
def test_what_cannot_be_united_is_an_error(concepts, key, message):
    with pytest.raises(InputError, match=message):
        unite([counts_of([]), counts_of([], concepts, key)])
