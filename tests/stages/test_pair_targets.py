"""Target lengths: whatever the corpus, no candidate mixes splits or near-duplicates, and every one fills its bucket."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from wildgraph.corpus import Corpus
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.paradigms import PARADIGMS, Paradigm
from wildgraph.records import Candidate, PathNode, Rejection, TaskSpec, content_hash
from wildgraph.stages.pair import Frame, PairConfig, pair

EMBEDDER = HashedEmbedder(32)
FRAME = Frame(20, 60)
TYPES = ("a", "b", "c")
KINDS = {f"document_type/{kind}": [f"document_type/{kind}"] for kind in TYPES} | {
    "document_type/any": [f"document_type/{kind}" for kind in TYPES]
}


def corpus_of(lengths, kinds, splits, clusters):
    """One document for each length; clusters are given by number, and lie in the split of their first member."""
    sides = {}
    rows = []
    for number, (length, kind, split, cluster) in enumerate(zip(lengths, kinds, splits, clusters, strict=True)):
        side = sides.setdefault(cluster, split)
        rows.append((f"document_type/{kind}", side, content_hash(number), f"d{number}", length, cluster))
    rows.sort()
    first = {}
    for place, row in enumerate(rows):
        first.setdefault(row[5], place)
    plain = ["x"] * len(rows)
    return Corpus(
        hashes=[row[2] for row in rows], ids=[row[3] for row in rows], titles=[f"Title of {row[3]}" for row in rows], licences=plain,
        languages=plain, declared_types=plain, document_types=[row[0] for row in rows], splits=[row[1] for row in rows],
        n_tokens=np.array([row[4] for row in rows]), clusters=np.array([first[row[5]] for row in rows]),
        vectors=EMBEDDER.embed([f"{row[0]} {row[3]}" for row in rows]), embedder="e", counter="c", settings="{}",
    )  # fmt: skip


def spec(index=0, kind="a", documents=1, bucket=4096, split="train", paradigm="", types=()):
    return TaskSpec(
        index=index,
        document_type=f"document_type/{kind}",
        document_type_name=kind,
        path=(PathNode(field="task", concept="task/x", name="explain"),),
        paradigm=paradigm or ("single_document" if documents == 1 else "comparison"),
        documents=documents,
        split=split,
        document_types=tuple(f"document_type/{one}" for one in types),
        bucket=bucket,
    )


def paired(specs, corpus, seed=3, frame=FRAME, **more):
    return list(pair(specs, PairConfig(**more), corpus=corpus, kinds=KINDS, embedder=EMBEDDER, seed=seed, frame=frame))


def rows_of(candidate, corpus):
    places = {name: row for row, name in enumerate(corpus.ids)}
    return [places[document.id] for document in candidate.documents]


def sizes(candidate, corpus):
    return int(corpus.n_tokens[rows_of(candidate, corpus)].sum())


@st.composite
def corpora(draw):
    count = draw(st.integers(1, 40))
    drawn = [
        draw(st.lists(choices, min_size=count, max_size=count))
        for choices in (st.integers(1, 6000), st.sampled_from(TYPES), st.sampled_from(("train", "test")), st.integers(0, 25))
    ]
    return corpus_of(*drawn)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    corpora(),
    st.sampled_from(TYPES),
    st.integers(1, 5),
    st.sampled_from([1024, 4096, 8192]),
    st.sampled_from(["train", "test"]),
    st.booleans(),
    st.sampled_from([0.0, 0.15]),
    st.integers(0, 5),
)
def test_no_candidate_mixes_splits_or_clusters_or_exceeds_its_bucket(corpus, kind, documents, bucket, split, mixed, margin, index):
    types = ("a", "b", "c")[:documents] if mixed and documents in (2, 3) else ()
    asked = spec(index, types[0] if types else kind, documents, bucket, split, types=types)
    frame, config = Frame(20, 60, margin), PairConfig()
    (found,) = paired([asked], corpus, frame=frame)
    assert [found] == paired([asked], corpus, frame=frame)
    there = [row for row in range(len(corpus)) if corpus.splits[row] == split]
    event("filled" if isinstance(found, Candidate) else found.reason)
    if isinstance(found, Rejection):
        assert found.reason in ("no_matching_document", "bucket_not_filled")
        assert (found.reason == "no_matching_document") == (
            not any(corpus.document_types[row] in KINDS[asked.document_type] for row in there)
        )
        return
    rows = rows_of(found, corpus)
    assert set(rows) <= set(there)
    assert len({int(corpus.clusters[row]) for row in rows}) == len(rows)
    raised = sum(math.ceil(corpus.n_tokens[row] * (1 + margin)) for row in rows)
    around = sum(config.fence_tokens + len(corpus.titles[row]) // 3 for row in rows)
    assert raised + around + (frame.most + config.reserve(bucket, asked.paradigm)) * (1 + margin) <= bucket
    assert raised + (frame.least + config.written) * (1 + margin) + 1 >= 0.9 * bucket
    required = [row for row, document in zip(rows, found.documents, strict=True) if document.role == "required"]
    assert len(required) == 1 if documents == 1 else 2 <= len(required) <= documents + config.grow
    wanted = {kind for name in types or (asked.document_type.partition("/")[2],) for kind in KINDS[f"document_type/{name}"]}
    assert {corpus.document_types[row] for row in required} <= wanted
    assert [document.order for document in found.documents] == list(range(len(rows)))


def long_tailed(count=600, seed=1, test=0.1):
    rng = np.random.default_rng(seed)
    lengths = np.exp(rng.normal(8.3, 0.8, count)).astype(int).clip(300, 40_000).tolist()
    return corpus_of(lengths, rng.choice(TYPES, count), np.where(rng.random(count) < test, "test", "train"), range(count))


CORPUS = long_tailed()


@pytest.mark.parametrize("bucket", [4096, 8192, 32768, 131072])
@pytest.mark.parametrize("documents", [1, 3])
def test_buckets_are_filled_from_a_usual_corpus(bucket, documents):
    found = paired([spec(index, "abc"[index % 3], documents, bucket) for index in range(60)], CORPUS)
    filled = [one for one in found if isinstance(one, Candidate)]
    assert len(filled) >= 55
    for candidate in filled:
        assert 0.85 * bucket < sizes(candidate, CORPUS) < bucket
    places = Counter(
        next(place for place, document in enumerate(one.documents) if document.role == "required")
        for one in filled
        if len(one.documents) > 2
    )
    assert bucket < 32768 or len(places) > 3  # required documents are found anywhere


def test_a_short_document_in_a_long_bucket_lies_among_related_distractors():
    for candidate in paired([spec(index, "b", bucket=131072) for index in range(20)], CORPUS):
        roles = [document.role for document in candidate.documents]
        assert roles.count("required") == 1
        assert roles.count("distractor") >= 3
        assert {CORPUS.document_types[row] for row in rows_of(candidate, CORPUS)} == {"document_type/b"}


def test_padding_takes_turns_among_neighbours():
    used = Counter(
        document.id for one in paired([spec(index, "a", bucket=32768) for index in range(100)], CORPUS) for document in one.documents
    )
    assert len(used) > 120
    assert max(used.values()) < 40


def test_other_types_fill_what_the_own_type_cannot():
    corpus = corpus_of([1000, 900, 950, 1100, 870, 930], "abbcbc", ["train"] * 6, range(6))
    (found,) = paired([spec(bucket=4096)], corpus)
    assert isinstance(found, Candidate)
    assert [corpus.document_types[row] for row in rows_of(found, corpus)].count("document_type/a") == 1
    assert len(found.documents) >= 3


def test_distractors_come_from_the_split_and_no_cluster_twice():
    corpus = corpus_of([1000] * 8, "a" * 8, ["train"] + ["test"] * 7, range(8))
    (found,) = paired([spec(bucket=4096)], corpus)
    assert (found.reason, found.detail) == ("bucket_not_filled", "4k in train: no choice of related documents comes near enough")
    copies = corpus_of([1000] * 8, "a" * 8, ["train"] * 8, [0] * 8)
    (found,) = paired([spec(bucket=4096)], copies)
    assert found.reason == "bucket_not_filled"


@pytest.mark.parametrize(
    ("lengths", "documents", "says"),
    [([9000, 8000], 1, "every document of a is longer"), ([3500, 3600, 3400], 2, "no two documents of a fit together")],
)
def test_a_bucket_that_cannot_be_filled_says_why(lengths, documents, says):
    corpus = corpus_of(lengths, "a" * len(lengths), ["train"] * len(lengths), range(len(lengths)))
    (found,) = paired([spec(5, documents=documents)], corpus)
    assert (found.item, found.reason, found.kind) == ("5", "bucket_not_filled", "failed")
    assert found.detail == f"4k in train: {says}"


def test_a_group_grows_before_distractors_join_and_not_beyond():
    corpus = corpus_of([700 + 13 * one for one in range(60)], "a" * 60, ["train"] * 60, range(60))
    for grow in (0, 2, 4):
        for candidate in paired([spec(index, documents=2, bucket=16384) for index in range(10)], corpus, grow=grow):
            assert [document.role for document in candidate.documents].count("required") == 2 + grow


def chooser(least, most):
    return Paradigm(name="choose_document", several=False, purpose="p", distractors=(least, most))


def test_a_paradigm_gets_the_distractors_it_asks_for(monkeypatch):
    monkeypatch.setattr("wildgraph.stages.pair.PARADIGMS", {**PARADIGMS, "choose_document": chooser(3, 6)})
    counts = Counter()
    for candidate in paired([spec(index, bucket=None, paradigm="choose_document") for index in range(60)], CORPUS):
        roles = Counter(document.role for document in candidate.documents)
        assert roles["required"] == 1
        assert {CORPUS.document_types[row] for row in rows_of(candidate, CORPUS)} == {"document_type/a"}
        counts[roles["distractor"]] += 1
    assert set(counts) == {3, 4, 5, 6}
    for candidate in paired([spec(index, bucket=16384, paradigm="choose_document") for index in range(30)], CORPUS):
        if isinstance(candidate, Candidate):
            assert Counter(document.role for document in candidate.documents)["distractor"] >= 3
    few = corpus_of([1000] * 3, "aab", ["train"] * 3, range(3))
    (found,) = paired([spec(bucket=None, paradigm="choose_document")], few)
    assert found.reason == "no_document_group"
    (found,) = paired([spec(bucket=4096, paradigm="choose_document")], few)
    assert found.reason == "bucket_not_filled"


def test_without_a_target_nothing_is_padded():
    for candidate in paired([spec(index, documents=1 + index % 3, bucket=None) for index in range(20)], CORPUS):
        assert {document.role for document in candidate.documents} == {"required"}


def test_neither_batches_nor_neighbours_decide():
    specs = [spec(index, "abc"[index % 3], 1 + index % 3, (4096, 32768)[index % 2]) for index in range(24)]
    whole = paired(specs, CORPUS)
    assert paired(specs, CORPUS, batch=5) == whole
    assert [paired([one], CORPUS)[0] for one in specs] == whole
    assert paired(specs, CORPUS, seed=4) != whole


@pytest.mark.parametrize("change", [{"least": 1.0}, {"instruction_tokens": -1}])
def test_targets_out_of_range_are_refused(change):
    with pytest.raises(ValidationError):
        PairConfig(**change)


def test_the_reserve_knows_paradigms_and_small_buckets():
    config = PairConfig(response_tokens=500, instruction_tokens=100, responses={"dialogue": 2000}, most_reserved=0.05)
    assert config.reserve(131072, "single_document") == 600
    assert config.reserve(131072, "dialogue") == 2100
    assert config.reserve(4000, "dialogue") == 200
