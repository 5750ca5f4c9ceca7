"""Target lengths over the shared documents, 8 million tokens of 17 types: every bucket is filled, and what is filled fits when it is written."""

import warnings
from collections import Counter

import pytest
from made_pairs import pair as made_pair
from whole_runs import SHARED

from wildgraph.corpus import CorpusSettings, DocumentStore, EstimatedCounter, build_corpus, read_documents
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.gates.target import TargetGate
from wildgraph.records import PathNode, Rejection, TaskSpec
from wildgraph.stages.measure import frame_tokens, measure
from wildgraph.stages.pair import Frame, PairConfig, pair

DOCUMENTS = SHARED / "data" / "documents.parquet"
if not DOCUMENTS.is_file():
    warnings.warn(f"the shared documents are not at {DOCUMENTS}: target lengths are not tested on real documents", stacklevel=1)
pytestmark = pytest.mark.skipif(not DOCUMENTS.is_file(), reason=f"the shared documents are not at {DOCUMENTS}")

COUNTER, MARGIN = EstimatedCounter(), CorpusSettings().margin
BUCKETS = (4096, 8192, 16384, 32768, 131072)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    store = DocumentStore(tmp_path_factory.mktemp("shared") / "documents.sqlite")
    with store:
        corpus, _ = build_corpus(
            read_documents([DOCUMENTS]), store, HashedEmbedder(), COUNTER, lambda batch, _: [one.declared_type for one in batch]
        )
        yield corpus, store


def specs(corpus, bucket):
    """Sixty specifications, types in proportion to their documents, half of them over several documents, some of the test split."""
    for index in range(60):
        row = 149 * index % len(corpus)
        several = index % 2 == 1
        yield TaskSpec(
            index=index,
            document_type=corpus.document_types[row],
            document_type_name=corpus.document_types[row],
            path=(PathNode(field="task", concept="task/x", name="explain the terms"),),
            paradigm="comparison" if several else "single_document",
            documents=2 + index % 3 if several else 1,
            split=corpus.splits[row],
            bucket=bucket,
        )


@pytest.mark.parametrize("bucket", BUCKETS)
def test_every_bucket_is_filled_to_nine_tenths_at_least_and_never_over(run, bucket):
    corpus, store = run
    places = {name: row for row, name in enumerate(corpus.ids)}
    kinds = {kind: [kind] for kind, _ in corpus.sections}
    frame = Frame(*frame_tokens(COUNTER, "English"), MARGIN)
    found = list(pair(specs(corpus, bucket), PairConfig(), corpus=corpus, kinds=kinds, embedder=HashedEmbedder(), seed=5, frame=frame))
    outcomes = Counter()
    for index, candidate in enumerate(found):
        if isinstance(candidate, Rejection):
            assert candidate.reason == "bucket_not_filled"
            continue
        rows = [places[document.id] for document in candidate.documents]
        assert {corpus.splits[row] for row in rows} == {candidate.spec.split}
        assert len({int(corpus.clusters[row]) for row in rows}) == len(rows)
        written = made_pair(
            "word " * (20 + index // 2),
            "answer " * (60 + 3 * index % 60),
            index=index,
            spans=(),
            documents=[store.get(document.hash) for document in candidate.documents],
            roles=[document.role for document in candidate.documents],
            bucket=bucket,
        )
        (measured,) = measure([written], counter=COUNTER, document=store.get, margin=MARGIN)
        assert not isinstance(measured, Rejection)
        assert TargetGate().judge(measured, {}).status == "pass", measured.n_tokens
        outcomes["several" if candidate.spec.documents > 1 else "one"] += 1
    why = Counter(one.detail for one in found if isinstance(one, Rejection))
    assert outcomes["one"] >= 10, why
    assert outcomes["several"] >= 5, why
