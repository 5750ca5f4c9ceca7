import random

import numpy as np
import pytest

from wildgraph.corpus import CorpusSettings, DocumentStore, EstimatedCounter, build_corpus, load_corpus, save_corpus
from wildgraph.corpus.vectors import VectorSpool
from wildgraph.records import Document, content_hash

TOPICS = np.random.default_rng(0).standard_normal((40, 32))


class TopicEmbedder:
    """Vectors around forty topics, each text's own by its number."""

    identity, dimension = "topics", 32

    def embed(self, texts):
        numbers = [int(text.split("number")[1].split()[0]) for text in texts]
        found = np.stack([TOPICS[one % 40] + 0.4 * np.random.default_rng(one).standard_normal(32) for one in numbers])
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def document(name, text, kind):
    return Document(id=name, hash=content_hash(text), text=text, declared_type=kind)


def documents(count=1200):
    return [
        document(f"d{one}", f"number {one} " + " ".join(f"w{one}x{word}" for word in range(5 + one % 50)), "a" if one % 3 else "b")
        for one in range(count)
    ]


def build(tmp_path, made, name="d.sqlite", **settings):
    with DocumentStore(tmp_path / name) as store:
        return build_corpus(
            made, store, TopicEmbedder(), EstimatedCounter(), lambda batch, _: [one.declared_type for one in batch],
            CorpusSettings(passages=0, test_share=0.3, **settings),
        )[0]  # fmt: skip


@pytest.fixture(scope="module")
def parted(tmp_path_factory):
    return build(tmp_path_factory.mktemp("parted"), documents(), exact=100, cell=20)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return build(tmp_path_factory.mktemp("whole"), documents())


def asked(count=40):
    return TopicEmbedder().embed([f"number {10_000 + one} asked" for one in range(count)])


def nearest(corpus, vector, types, split, k, longest=None):
    rows = [
        row
        for row in range(len(corpus))
        if corpus.splits[row] == split and corpus.document_types[row] in types and (longest is None or corpus.n_tokens[row] <= longest)
    ]
    return [
        corpus.hashes[row] for row in sorted(rows, key=lambda row: (-round(float(corpus.vectors[row] @ vector), 5), corpus.hashes[row]))
    ][:k]


def test_cells_part_large_sections_and_lead_with_their_centres(parted, whole):
    assert len(np.unique(whole.cells)) == len(whole.sections) == 4
    for section in parted.sections.values():
        cells = np.unique(parted.cells[section.start : section.stop])
        assert (len(cells) > 1) == (len(section) > 100)
        for row in range(section.start, section.stop):
            others = parted.vectors[cells] @ parted.vectors[row]
            assert float(parted.vectors[row] @ parted.vectors[parted.cells[row]]) >= others.max() - 1e-4
            assert section.start <= parted.cells[row] <= row
    assert sorted(parted.hashes) == sorted(whole.hashes)
    assert dict(zip(parted.hashes, parted.splits, strict=True)) == dict(zip(whole.hashes, whole.splits, strict=True))


def test_small_corpora_are_searched_exactly(whole):
    for vector in asked(10):
        for split in ("train", "test"):
            assert [whole.hashes[row] for row in whole.match(vector, {"a"}, split, 9)] == nearest(whole, vector, {"a"}, split, 9)


def test_cells_find_most_of_the_nearest_and_a_full_scan_all(parted):
    found = total = 0
    for vector in asked():
        best = nearest(parted, vector, {"a", "b"}, "train", 10)
        quick = [parted.hashes[row] for row in parted.match(vector, None, "train", 10, scan=200)]
        assert [parted.hashes[row] for row in parted.match(vector, None, "train", 10, scan=10_000)] == best
        found, total = found + len(set(best) & set(quick)), total + 10
    assert found / total > 0.9


def test_documents_that_are_too_long_are_left_out_and_others_looked_for(parted, whole):
    for corpus in (parted, whole):
        shortest = int(np.sort(corpus.n_tokens)[20])
        for vector in asked(8):
            found = corpus.match(vector, None, "train", 12, longest=shortest, scan=30)
            assert found
            assert all(corpus.n_tokens[row] <= shortest for row in found)
            rare = nearest(corpus, vector, {"a", "b"}, "train", 12, shortest)
            assert {corpus.hashes[row] for row in found} == set(rare)
    assert whole.match(asked(1)[0], None, "train", 12, longest=0) == []


def test_related_documents_are_never_copies_of_each_other(tmp_path):
    made = documents(200)
    long = [document(f"long{one}", "number 3 " + " ".join(f"same{word}" for word in range(80)) + f" end{one}", "b") for one in range(40)]
    corpus = build(tmp_path, [*made, *long])
    split = corpus.splits[corpus.ids.index("long0")]
    vector = corpus.vectors[corpus.ids.index("long0")]
    found = corpus.related(vector, {"b"}, split, 12)
    assert len(found) == 12
    assert len({int(corpus.clusters[row]) for row in found}) == 12
    assert sum(corpus.ids[row].startswith("long") for row in found) == 1
    cluster = int(corpus.clusters[corpus.ids.index("long0")])
    assert all(not corpus.ids[row].startswith("long") for row in corpus.related(vector, {"b"}, split, 12, taken={cluster}))
    assert len(corpus.related(vector, {"b"}, split, 10_000)) == len({int(corpus.clusters[row]) for row in corpus.sections["b", split]})


def test_neither_order_nor_the_disk_changes_a_parted_corpus(parted, tmp_path):
    again = build(tmp_path, random.Random(2).sample(documents(), 1200), exact=100, cell=20, batch=17)
    assert again.fingerprint == parted.fingerprint
    save_corpus(parted, tmp_path / "c")
    loaded = load_corpus(tmp_path / "c")
    for vector in asked(5):
        assert loaded.match(vector, None, "train", 7, scan=50) == parted.match(vector, None, "train", 7, scan=50)


def test_vectors_on_disk_come_back_in_any_order(tmp_path):
    vectors = np.random.default_rng(1).standard_normal((20_000, 8)).astype(np.float32)
    with VectorSpool(tmp_path) as spool:
        for start in range(0, len(vectors), 3000):
            spool.add(vectors[start : start + 3000])
        order = np.random.default_rng(2).permutation(len(vectors))
        assert np.array_equal(spool.sorted(order), vectors[order])
        assert np.array_equal(spool.rows([5, 19_999, 5]), vectors[[5, 19_999, 5]])
        assert len(spool) == 20_000
    assert not list(tmp_path.iterdir())
