import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wildgraph.catalogue import empty_prior, parse_prior
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.records import MetaInformation
from wildgraph.stages import canonicalize as stage
from wildgraph.stages.canonicalize import CanonicalizeConfig, canonicalize, fold, label

PRIOR = parse_prior(
    """
version: 1
fields:
  document_type:
    - name: legal document
      concepts:
        - {name: contract, like: [lease, employment agreement]}
  task:
    - name: condense
      like: [make shorter]
      concepts:
        - {name: summarize the document, like: [sum up the whole text, give an overview]}
        - {name: list the key points, like: [main points, key takeaways]}
    - name: translate
      like: [translate the text]
  output_format:
    - {name: bullet list, like: [bullets, bulleted list]}
""",
    "test",
)
HASHED = HashedEmbedder()


class Planar:
    """Puts every text at an angle on the unit circle: distances are exactly known."""

    identity, dimension = "planar", 2

    def __init__(self, degrees):
        self.degrees = degrees

    def embed(self, texts):
        angles = [math.radians(self.degrees[text]) for text in texts]
        return np.array([[math.cos(angle), math.sin(angle)] for angle in angles], dtype=np.float32).reshape(len(texts), 2)


def meta(number, user=None, has_document=True, **values):
    return MetaInformation(
        id=f"r{number:03}",
        user=user or f"u{number}",
        values={name: [{"general": one} for one in found] for name, found in values.items()},
        has_document=has_document,
    )


def tasks(*phrases):
    return [meta(number, task=[phrase]) for number, phrase in enumerate(phrases)]


def lifted(found, config=None, prior=PRIOR, embedder=HASHED):
    """Value -> concept of the field 'task'."""
    catalogue, _ = canonicalize(found, config or CanonicalizeConfig(), prior=prior, embedder=embedder)
    return {value: item.concept for (field, value), item in catalogue.assignments.items() if field == "task"}


@pytest.mark.parametrize(
    ("left", "right"), [("Bullet  List.", "bullet list"), ("ﬁnal", "final"), ("STRASSE", "straße"), (" a;, ", "a"), ("a\n\tb", "a b")]
)
def test_equal_values_meet(left, right):
    assert fold(left) == fold(right)


@given(st.text(max_size=40))
def test_folding_twice_changes_nothing(value):
    assert fold(fold(value)) == fold(value)


# ----------------------------------------------------------------- to the prior


def test_a_value_that_names_a_concept_goes_to_it_whatever_the_vectors_say():
    class Liar(HashedEmbedder):
        def embed(self, texts):
            raise AssertionError("nothing has to be embedded")

    found = lifted(tasks("Summarize the  document.", "KEY TAKEAWAYS", "condense", "translate the text"), embedder=Liar())
    assert found == {
        "summarize the document": "task/summarize-the-document",
        "key takeaways": "task/list-the-key-points",
        "condense": "task/condense",
        "translate the text": "task/translate",
    }


def test_exact_matches_are_marked_as_such_and_counted():
    found = [meta(0, "a", task=["translate", "Translate."]), meta(1, "a", task=["translate"]), meta(2, "b", task=["Translate"])]
    catalogue, labels = canonicalize(found, CanonicalizeConfig(), prior=PRIOR, embedder=HASHED)
    item = catalogue.assignments["task", "translate"]
    assert (item.count, item.users, item.similarity, item.concept) == (3, 2, 1.0, "task/translate")
    assert [record.labels for record in labels] == [("task/translate",)] * 3


def test_a_name_outweighs_another_concepts_phrase():
    prior = parse_prior("version: 1\nfields: {task: [{name: a, like: [b]}, {name: b, like: [a]}]}", "test")
    assert lifted(tasks("a", "b"), prior=prior) == {"a": "task/a", "b": "task/b"}


def test_similar_phrases_are_lifted_to_the_prior(sentence_embedder):
    """Meaning decides, not spelling: none of these phrases stands in the catalogue."""
    meant = {
        "task/summarize-the-document": ["provide a summary of the document", "summarise the entire text"],
        "task/list-the-key-points": ["extract the key points", "highlight the most important points"],
        "task/translate": ["translate into another language", "translation of a text"],
    }
    found = lifted(tasks(*(phrase for phrases in meant.values() for phrase in phrases)), embedder=sentence_embedder)
    assert found == {phrase: concept for concept, phrases in meant.items() for phrase in phrases}


def test_what_means_something_else_is_not(sentence_embedder):
    found = lifted(tasks("debug source code", "write a poem", "book a flight"), embedder=sentence_embedder)
    assert not set(found.values()) & {entry.concept.id for entry in PRIOR}
    assert len(set(found.values())) == 3


@pytest.mark.parametrize(("degrees", "joins"), [(0.0, True), (52.0, True), (54.0, False), (180.0, False)])
def test_the_least_similarity_is_kept_to(degrees, joins):
    """cos 53.13° = 0.6."""
    prior = parse_prior("version: 1\nfields: {task: [{name: here}]}", "test")
    found = lifted(tasks("new"), CanonicalizeConfig(similarity=0.6), prior, Planar({"here": 0.0, "new": degrees}))
    assert found["new"] == ("task/here" if joins else "task/new")


# ----------------------------------------------------------------- concepts of its own


def test_without_a_prior_every_concept_is_induced():
    found = [meta(0, task=["summarize a report"], document_type=["report"]), meta(1, task=["summarize a report"]), meta(2, task=["juggle"])]
    catalogue, labels = canonicalize(found, CanonicalizeConfig(), prior=empty_prior(), embedder=HASHED)
    assert {one.id for one in catalogue.concepts.values()} == {"task/summarize-a-report", "task/juggle", "document_type/report"}
    assert {(one.origin, one.parent) for one in catalogue.concepts.values()} == {("induced", None)}
    assert [record.labels for record in labels] == [("task/summarize-a-report",), ("task/summarize-a-report",), ("task/juggle",)]
    assert [record.document_type for record in labels] == ["document_type/report", None, None]


def test_near_values_share_a_concept_and_a_short_central_phrase_names_it():
    angles = {"extract the tables": 0.0, "extract tables": 1.0, "pull every table out": 20.0, "juggle": 90.0}
    found = lifted(tasks(*angles), CanonicalizeConfig(diameter=0.2), empty_prior(), Planar(angles))
    assert found == {
        "extract the tables": "task/extract-tables",
        "extract tables": "task/extract-tables",
        "pull every table out": "task/extract-tables",
        "juggle": "task/juggle",
    }


def test_unlike_things_never_chain():
    """Neighbours are 10° apart, the ends 90°: single linkage would make one concept of them."""
    angles = {f"step {number:02}": 10.0 * number for number in range(10)}
    found = lifted(tasks(*angles), CanonicalizeConfig(diameter=0.1), empty_prior(), Planar(angles))
    for left, right in combinations(angles, 2):
        if found[left] == found[right]:
            assert 1 - math.cos(math.radians(angles[left] - angles[right])) <= 0.1 + 1e-6


@settings(deadline=None)
@given(st.lists(st.integers(0, 359), min_size=2, max_size=25), st.floats(0.0, 0.99), st.booleans())
@example([0, 38, 322], 0.45, True)
def test_no_two_of_a_group_are_further_apart_than_the_diameter(degrees, diameter, many):
    vectors = Planar({str(one): float(one) for one in degrees}).embed([str(one) for one in degrees])
    limit = stage._LINKAGE_LIMIT
    try:
        if many:
            stage._LINKAGE_LIMIT = 1  # what happens beyond 8,000 values
        groups = stage._groups(vectors, diameter)
    finally:
        stage._LINKAGE_LIMIT = limit
    assert sorted(member for group in groups for member in group) == list(range(len(degrees)))
    assert [group[0] for group in groups] == sorted(group[0] for group in groups)
    for group in groups:
        for left, right in combinations(group, 2):
            assert 1 - float(vectors[left] @ vectors[right]) <= diameter + 1e-5


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(alphabet="ab+#-/ ", min_size=1, max_size=6), min_size=1, max_size=14))
def test_no_two_values_of_an_induced_concept_are_further_apart_than_the_diameter(phrases):
    found = lifted(tasks(*phrases), CanonicalizeConfig(), empty_prior())
    vectors = dict(zip(found, HASHED.embed(list(found)), strict=True))
    for left, right in combinations(found, 2):
        if found[left] == found[right]:
            assert 1 - float(vectors[left] @ vectors[right]) <= 0.45 + 1e-5, (left, right)


def test_names_that_differ_by_signs_alone_stay_apart():
    angles = {"c": 0.0, "c++": 60.0, "c#": 120.0, "c--": 180.0, "d": 240.0}
    found = lifted(tasks(*angles), CanonicalizeConfig(diameter=0.1), empty_prior(), Planar(angles))
    assert len(set(found.values())) == 5
    prior = parse_prior("version: 1\nfields: {task: [{name: c, like: [d]}]}", "test")
    assert len(set(lifted(tasks(*angles), CanonicalizeConfig(diameter=0.1), prior, Planar(angles)).values())) == 4


@pytest.mark.parametrize(("degrees", "parent"), [(50, "task/condense"), (62, "task/condense"), (70, None)])
def test_an_induced_concept_hangs_beside_its_nearest_prior_one(degrees, parent):
    """cos 66.4° = 0.4."""
    prior = parse_prior("version: 1\nfields: {task: [{name: condense, concepts: [{name: sum up}]}]}", "test")
    embedder = Planar({"condense": -90.0, "sum up": 0.0, "boil down": float(degrees)})
    catalogue, _ = canonicalize(
        tasks("boil down"), CanonicalizeConfig(similarity=0.7, parent_similarity=0.4), prior=prior, embedder=embedder
    )
    assert catalogue.concepts["task/boil-down"].parent == parent


def test_an_induced_concept_near_a_top_concept_goes_under_it():
    prior = parse_prior("version: 1\nfields: {task: [{name: condense}]}", "test")
    embedder = Planar({"condense": 0.0, "boil down": 50.0})
    catalogue, _ = canonicalize(tasks("boil down"), CanonicalizeConfig(similarity=0.7), prior=prior, embedder=embedder)
    assert catalogue.concepts["task/boil-down"].parent == "task/condense"


def test_a_bare_document_is_no_particular_kind_of_document():
    prior = parse_prior("version: 1\nfields: {document_type: [{name: legal document}]}", "test")
    embedder = Planar({"legal document": 0.0, "document": 0.0, "document?": 90.0})
    found = [meta(0, document_type=["Document"]), meta(1, document_type=["document?"]), meta(2, document_type=["legal document"])]
    catalogue, labels = canonicalize(found, CanonicalizeConfig(), prior=prior, embedder=embedder)
    kinds = [record.document_type for record in labels]
    assert kinds[0] == "document_type/document"
    assert kinds[1] not in kinds[::2]
    assert kinds[2] == "document_type/legal-document"
    assert catalogue.lineage(kinds[0]) == ["document_type/document"]


# ----------------------------------------------------------------- records


def test_records_become_labels_of_node_fields_alone():
    found = meta(
        0, document_type=["lease"], task=["translate", "key takeaways"], output_format=["bullets"], simplified_instruction=["Translate it."]
    )
    catalogue, (record,) = canonicalize([found], CanonicalizeConfig(), prior=PRIOR, embedder=HASHED)
    assert record.document_type == "document_type/contract"
    assert record.labels == ("output_format/bullet-list", "task/list-the-key-points", "task/translate")
    assert not any(field == "simplified_instruction" for field, _ in catalogue.assignments)


def test_a_query_without_a_document_has_no_type_but_serves_induction():
    catalogue, (record,) = canonicalize(
        [meta(0, has_document=False, document_type=["lease"], task=["translate"])], CanonicalizeConfig(), prior=PRIOR, embedder=HASHED
    )
    assert record.document_type is None
    assert record.labels == ("task/translate",)
    assert catalogue.leaf("document_type", "lease") == "document_type/contract"


def test_values_that_the_catalogue_does_not_know_are_left_out():
    catalogue, _ = canonicalize(tasks("translate"), CanonicalizeConfig(), prior=PRIOR, embedder=HASHED)
    assert label(meta(9, task=["translate", "juggle"], document_type=["novel"]), catalogue).labels == ("task/translate",)
    assert label(meta(9, document_type=["novel"]), catalogue).document_type is None


def test_values_that_fold_to_nothing_are_no_values():
    catalogue, (record,) = canonicalize([meta(0, task=["...", " ; "])], CanonicalizeConfig(), prior=PRIOR, embedder=HASHED)
    assert record.labels == ()
    assert not catalogue.assignments


def test_nothing_in_nothing_out():
    catalogue, labels = canonicalize([], CanonicalizeConfig(), prior=PRIOR, embedder=HASHED)
    assert labels == []
    assert not catalogue.assignments
    assert set(catalogue.concepts) == {entry.concept.id for entry in PRIOR}


words = st.sampled_from(
    ["sum up", "summarise", "translate", "translate it", "list", "list points", "key points", "juggle", "C", "C++", "C#"]
)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sets(words, max_size=3), st.integers(0, 3)), max_size=12), st.randoms())
def test_the_order_of_records_leaves_no_trace(rows, random):
    found = [meta(number, f"u{user}", task=sorted(values), document_type=["lease"]) for number, (values, user) in enumerate(rows)]
    catalogue, labels = canonicalize(found, CanonicalizeConfig(), prior=PRIOR, embedder=HASHED)
    random.shuffle(found)
    again, relabelled = canonicalize(iter(found), CanonicalizeConfig(), prior=PRIOR, embedder=HASHED)
    assert again.rows() == catalogue.rows()
    assert again.concepts == catalogue.concepts
    assert relabelled == labels
    # every value of every record has a label, and counts are those of the records
    for (_, value), item in catalogue.assignments.items():
        holding = [record for record in found if value in {fold(one.general) for one in record.values.get(item.field, ())}]
        assert (item.count, item.users) == (len(holding), len({record.user for record in holding}))
        assert item.concept in catalogue.concepts
