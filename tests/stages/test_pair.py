from itertools import count, islice

import numpy as np
import pytest
from pydantic import ValidationError

from wildgraph.corpus import Corpus
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.records import Candidate, PathNode, Rejection, TaskSpec, content_hash
from wildgraph.stages.pair import PairConfig, describe, pair

EMBEDDER = HashedEmbedder(64)
SUBJECTS = {"contract": ["rent", "notice", "deposit"], "lease": ["garage", "flat"], "novel": ["whale", "voyage", "harpoon", "captain"]}


def make_corpus(per_subject=4, splits=("train", "test"), clusters=None, years=None):
    """Documents of three types about their subjects, in two splits."""
    rows = []
    for kind, subjects in SUBJECTS.items():
        for split in splits:
            for subject in subjects:
                for number in range(per_subject):
                    name = f"{kind}-{split}-{subject}-{number}"
                    rows.append((f"document_type/{kind}", split, content_hash(name), name, f"{kind} {subject} {subject} {number}"))
    rows.sort()
    return Corpus(
        hashes=[row[2] for row in rows],
        ids=[row[3] for row in rows],
        titles=[row[4] for row in rows],
        licences=["MIT"] * len(rows),
        languages=["en"] * len(rows),
        declared_types=[""] * len(rows),
        document_types=[row[0] for row in rows],
        splits=[row[1] for row in rows],
        n_tokens=np.full(len(rows), 100),
        clusters=np.arange(len(rows)) if clusters is None else np.array([clusters(row[3], place) for place, row in enumerate(rows)]),
        vectors=EMBEDDER.embed([row[4] for row in rows]),
        measures={"years": np.array([years(row[3]) if years else 9 for row in rows])},
        embedder=EMBEDDER.identity,
        counter="none",
        settings="none",
    )


CORPUS = make_corpus()
KINDS = {"document_type/contract": ["document_type/contract", "document_type/lease"], "document_type/novel": ["document_type/novel"]}


def spec(index=0, kind="contract", task="explain the rent", documents=1, split="train"):
    return TaskSpec(
        index=index,
        document_type=f"document_type/{kind}",
        document_type_name=kind,
        path=(PathNode(field="task", concept="task/x", name=task),),
        paradigm="single_document" if documents == 1 else "comparison",
        documents=documents,
        split=split,
    )


def mixed(index=0, types=("contract", "contract", "novel"), split="train"):
    kinds = tuple(f"document_type/{one}" for one in types)
    return spec(index, documents=len(types), split=split).model_copy(update={"document_types": kinds})


def paired(specs, corpus=CORPUS, seed=3, **settings):
    return list(pair(specs, PairConfig(**settings), corpus=corpus, kinds=KINDS, embedder=EMBEDDER, seed=seed))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_specification_over_several_types_gets_a_document_of_each(split):
    chosen = set()
    for found in paired([mixed(index, split=split) for index in range(40)]):
        assert isinstance(found, Candidate)
        rows = [CORPUS.ids.index(document.id) for document in found.documents]
        assert len(set(rows)) == 3
        assert [CORPUS.document_types[row] for row in rows[2:]] == ["document_type/novel"]
        assert {CORPUS.document_types[row] for row in rows[:2]} <= set(KINDS["document_type/contract"])
        assert {CORPUS.splits[row] for row in rows} == {split}
        assert [document.order for document in found.documents] == [0, 1, 2]
        chosen.add(tuple(rows))
    assert len(chosen) > 15
    whole = paired([mixed(index) for index in range(6)])
    assert paired([mixed(4)]) == [whole[4]]


def test_types_of_too_few_documents_make_no_group():
    (found,) = paired([mixed(types=("contract", "memo"))])
    assert (found.reason, found.stage) == ("no_document_group", "pair")
    one = make_corpus(clusters=lambda name, place: 0 if "novel" in name else place)
    (found,) = paired([mixed(types=("contract", "novel", "novel"))], corpus=one)
    assert [document.order for document in found.documents] == [0, 1]  # all novels are near-duplicates of each other
    alone = make_corpus(clusters=lambda name, place: 0)
    (found,) = paired([mixed(types=("contract", "novel"))], corpus=alone)
    assert found.reason == "no_document_group"


@pytest.mark.parametrize("change", [{"pool": 0}, {"batch": 0}, {"colour": "red"}])
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ValidationError):
        PairConfig(**change)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("documents", [1, 2, 3, 4])
def test_documents_are_of_the_graphs_types_and_of_one_split(split, documents):
    for found in paired([spec(index, documents=documents, split=split) for index in range(40)]):
        assert isinstance(found, Candidate)
        rows = [CORPUS.ids.index(document.id) for document in found.documents]
        assert len(set(rows)) == len(rows) == documents
        assert {CORPUS.splits[row] for row in rows} == {split}
        assert {CORPUS.document_types[row] for row in rows} <= set(KINDS["document_type/contract"])
        assert [document.order for document in found.documents] == list(range(documents))
        assert [(document.hash, document.licence) for document in found.documents] == [
            (CORPUS.hashes[row], CORPUS.licences[row]) for row in rows
        ]


def test_similar_documents_come_first_and_a_larger_pool_spreads():
    narrow = paired([spec(index, task="what the rent is, rent, rent") for index in range(30)], pool=4)
    assert {found.documents[0].id.split("-")[2] for found in narrow} == {"rent"}
    assert len({found.documents[0].id for found in narrow}) == 4
    wide = paired([spec(index, task="what the rent is, rent, rent") for index in range(60)], pool=24)
    assert len({found.documents[0].id for found in wide}) > 10


def test_near_duplicates_are_never_in_one_group():
    corpus = make_corpus(
        clusters=lambda name, place: 10_000 + list(SUBJECTS["novel"]).index(name.split("-")[2]) if "novel" in name else place
    )
    for found in paired([spec(index, "novel", documents=4) for index in range(20)], corpus):
        subjects = [document.id.split("-")[2] for document in found.documents]
        assert len(set(subjects)) == len(subjects) == 4


def test_a_group_is_smaller_where_there_are_no_more_documents():
    corpus = make_corpus(1, ("train",))
    sizes = {len(found.documents) for found in paired([spec(index, "novel", documents=9) for index in range(10)], corpus)}
    assert sizes == {4}


def test_what_has_no_document_or_no_group_is_a_rejection():
    train_only, lonely = (
        make_corpus(4, ("train",)),
        make_corpus(1, ("train",), clusters=lambda name, place: 0 if "novel" in name else place),
    )
    (found,) = paired([spec(7, split="test")], train_only)
    assert (found.item, found.reason, found.stage, found.kind) == ("7", "no_matching_document", "pair", "failed")
    assert "test" in found.detail
    (found,) = paired([spec(8, kind="unheard-of")], train_only)
    assert found.reason == "no_matching_document"
    (found,) = paired([spec(9, "novel", documents=2)], lonely)
    assert (found.item, found.reason) == ("9", "no_document_group")


def test_rejections_pass_through_in_their_places():
    before = Rejection(stage="walk", item="1", reason="dead_end")
    found = paired([spec(0), before, spec(2), before], batch=2)
    assert [item if isinstance(item, Rejection) else item.spec.index for item in found] == [0, before, 2, before]
    assert paired([before]) == [before]
    assert paired([]) == []


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_neither_batches_nor_neighbours_decide(batch):
    specs = [spec(index, "novel" if index % 3 else "contract", f"task {index % 5}", 1 + index % 3) for index in range(30)]
    whole = paired(specs)
    assert paired(specs, batch=batch) == whole
    assert [paired([one])[0] for one in specs] == whole
    assert paired(specs, seed=4) != whole


def test_lazy_in_lazy_out():
    drawn = []

    def endless():
        for index in count():
            drawn.append(index)
            yield spec(index)

    found = pair(endless(), PairConfig(batch=4), corpus=CORPUS, kinds=KINDS, embedder=EMBEDDER, seed=0)
    assert len(list(islice(found, 5))) == 5
    assert len(drawn) == 8


def test_a_specification_is_described_by_type_and_path():
    assert describe(spec(task="list the dates")) == "contract: list the dates"


def timeline(index=0, **more):
    return spec(index, documents=3, **more).model_copy(update={"paradigm": "timeline"})


def test_a_timeline_takes_documents_that_name_years():
    dated = make_corpus(years=lambda name: 2 if name.endswith(("0", "2")) else 1)
    for one in paired([timeline(index) for index in range(40)], dated):
        assert isinstance(one, Candidate)
        assert {document.id[-1] for document in one.documents} <= {"0", "2"}
    others = paired([spec(index, documents=3) for index in range(40)], dated)
    assert {document.id[-1] for one in others for document in one.documents} == set("0123"), "others take any"


def test_where_no_document_names_years_a_timeline_says_so():
    (found,) = paired([timeline()], make_corpus(years=lambda name: 1))
    assert isinstance(found, Rejection)
    assert (found.reason, found.detail) == ("no_matching_document", "document_type/contract with at least 2 years in train")
