import random
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wildgraph.corpus import Corpus, CorpusSettings, DocumentStore, EstimatedCounter, build_corpus, load_corpus, save_corpus
from wildgraph.corpus.build import passages, split_of
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.embedders.vectorfile import VectorFile
from wildgraph.errors import EmptyResultError, InputError
from wildgraph.records import Document, Rejection, content_hash

WORDS = [
    "tenant",
    "landlord",
    "rent",
    "lease",
    "deposit",
    "notice",
    "committee",
    "budget",
    "vote",
    "motion",
    "chair",
    "minutes",
    "patent",
    "claim",
    "device",
    "valve",
    "pump",
    "sensor",
]


def prose(seed, words=200, pool=WORDS):
    draw = random.Random(seed)
    return " ".join(draw.choice(pool) + str(draw.randrange(40)) for _ in range(words)) + "."


def document(name, text, kind):
    return Document(id=name, hash=content_hash(text), text=text, title=f"Title {name}", declared_type=kind, licence="MIT")


def a_corpus_of(count=60):
    made = []
    for number in range(count):
        kind = ("lease", "minutes", "patent")[number % 3]
        made.append(document(f"d{number}", prose(number, pool=WORDS[number % 3 * 6 : number % 3 * 6 + 6]), kind))
    for number in range(0, count, 10):  # near copies
        made.append(document(f"copy{number}", made[number].text.replace(".", " and nothing more."), made[number].declared_type))
    return made


def build(documents, tmp_path, name="d.sqlite", **settings):
    with DocumentStore(tmp_path / name) as store:
        return build_corpus(
            documents,
            store,
            HashedEmbedder(),
            EstimatedCounter(),
            lambda batch, _: [document.declared_type for document in batch],
            CorpusSettings(**settings),
        )


def test_rows_are_typed_measured_embedded_and_stored(tmp_path):
    documents = a_corpus_of()
    corpus, rejections = build(documents, tmp_path)
    assert not rejections
    assert len(corpus) == len(documents)
    by_hash = {document.hash: document for document in documents}
    for row, digest in enumerate(corpus.hashes):
        known = by_hash[digest]
        assert (corpus.ids[row], corpus.titles[row], corpus.document_types[row], corpus.licences[row]) == (
            known.id,
            known.title,
            known.declared_type,
            "MIT",
        )
        assert corpus.n_tokens[row] == EstimatedCounter().count(known.text)
    assert corpus.vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(corpus.vectors, axis=1), 1, atol=1e-5)
    with DocumentStore(tmp_path / "d.sqlite") as store:
        assert {store.get(digest).id for digest in corpus.hashes} == {document.id for document in documents}


def test_the_order_of_reading_leaves_no_trace(tmp_path):
    documents = a_corpus_of()
    shuffled = random.Random(1).sample(documents, len(documents))
    one, _ = build(documents, tmp_path, "1", batch=7)
    two, _ = build(shuffled, tmp_path, "2", batch=64)
    assert one.fingerprint == two.fingerprint
    assert np.allclose(one.vectors, two.vectors, atol=1e-6)


def test_near_duplicates_share_cluster_and_split(tmp_path):
    corpus, _ = build(a_corpus_of(300), tmp_path, test_share=0.4)
    row = {name: number for number, name in enumerate(corpus.ids)}
    for number in range(0, 300, 10):
        one, other = row[f"d{number}"], row[f"copy{number}"]
        assert corpus.clusters[one] == corpus.clusters[other] == min(one, other)
        assert corpus.splits[one] == corpus.splits[other]
    share = corpus.splits.count("test") / len(corpus)
    assert 0.3 < share < 0.5


def test_other_documents_do_not_move_a_document_between_splits(tmp_path):
    documents = a_corpus_of()
    whole, _ = build(documents, tmp_path, "1", test_share=0.5, seed=3)
    part, _ = build(documents[:20], tmp_path, "2", test_share=0.5, seed=3)
    splits = dict(zip(whole.ids, whole.splits, strict=True))
    single = [name for name in part.ids if int(name[1:]) % 10]
    assert all(splits[name] == split for name, split in zip(part.ids, part.splits, strict=True) if name in single)
    assert {split_of(digest, 0.5, 1) for digest in whole.hashes} == {"train", "test"}


def test_limits_on_length_are_filtered_and_rejections_kept(tmp_path):
    documents = [document("short", "two words", "lease"), Rejection(stage="documents", item="x", reason="empty_document"), document("long", prose(1, 900), "lease"), document("fit", prose(2), "lease")]  # fmt: skip
    corpus, rejections = build(documents, tmp_path, min_tokens=20, max_tokens=1000)
    assert corpus.ids == ("fit",)
    assert [rejection.reason for rejection in rejections] == ["document_too_short", "empty_document", "document_too_long"]


def test_nothing_left_says_why(tmp_path):
    with pytest.raises(EmptyResultError, match="1 document_too_short"):
        build([document("short", "two words", "lease")], tmp_path, min_tokens=20)
    with pytest.raises(EmptyResultError, match="nothing was read"):
        build([], tmp_path)


def test_match_is_cosine_within_types_and_split(tmp_path):
    corpus, _ = build(a_corpus_of(90), tmp_path, test_share=0.3)
    query = HashedEmbedder().embed(["valve pump sensor lease rent"])[0]
    for split in ("train", "test"):
        found = corpus.match(query, {"lease", "patent", "unheard"}, split, 5)
        eligible = [row for row in range(len(corpus)) if corpus.document_types[row] in ("lease", "patent") and corpus.splits[row] == split]
        expected = sorted(eligible, key=lambda row: (-float(corpus.vectors[row] @ query), corpus.hashes[row]))[:5]
        scores = [float(corpus.vectors[row] @ query) for row in found]
        assert scores == pytest.approx([float(corpus.vectors[row] @ query) for row in expected], abs=1e-6)
        assert set(found) <= set(eligible)
    assert corpus.match(query, {"unheard"}, "train", 5) == []
    assert corpus.match(query, {"lease"}, "train", 0) == []
    assert len(corpus.match(query, {"lease"}, "train", 10_000)) == len(corpus.sections["lease", "train"])


def test_documents_are_measured_and_searched_by_what_they_have(tmp_path):
    documents = [document(f"d{number}", f"{prose(number)} In {1900 + number} and {1950 + number % 2}.", "lease") for number in range(20)]
    documents += [document(f"e{number}", prose(100 + number), "lease") for number in range(20)]
    corpus, _ = build(documents, tmp_path, test_share=0.0, near_duplicate=1.0)
    assert [int(count) for count in corpus.measures["years"]] == [2 if name.startswith("d") else 0 for name in corpus.ids]
    found = corpus.match(corpus.vectors[0], ["lease"], "train", 40, least={"years": 2})
    assert sorted(corpus.ids[row] for row in found) == sorted(f"d{number}" for number in range(20))
    assert not corpus.match(corpus.vectors[0], ["lease"], "train", 40, least={"years": 3})
    assert len(corpus.match(corpus.vectors[0], ["lease"], "train", 40, least={"years": 2}, longest=0)) == 0
    save_corpus(corpus, tmp_path / "kept")
    assert load_corpus(tmp_path / "kept").measures["years"].tolist() == corpus.measures["years"].tolist()
    with pytest.raises(ValueError, match="different lengths"):
        replace(corpus, measures={"years": np.zeros(3, dtype=np.int64)})


def test_ties_are_broken_by_hash():
    count = 8
    vectors = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (count, 1))
    corpus = hand_made(count, vectors)
    assert corpus.match(vectors[0], {"a", "b"}, "train", 4) == sorted(range(count), key=lambda row: corpus.hashes[row])[:4]


def hand_made(count, vectors, clusters=None):
    hashes = [content_hash(number) for number in range(count)]
    kinds = ["a" if number % 2 else "b" for number in range(count)]
    order = sorted(range(count), key=lambda row: (kinds[row], hashes[row]))
    columns = {name: tuple("x" for _ in order) for name in ("titles", "licences", "languages", "declared_types")}
    return Corpus(
        hashes=tuple(hashes[row] for row in order), ids=tuple(str(row) for row in order), document_types=tuple(kinds[row] for row in order),
        splits=("train",) * count, n_tokens=np.ones(count, dtype=np.int64), clusters=np.arange(count) if clusters is None else clusters,
        vectors=vectors, embedder="e", counter="c", settings="{}", **columns,
    )  # fmt: skip


def test_groups_are_related_seeded_and_free_of_near_duplicates(tmp_path):
    corpus, _ = build(a_corpus_of(90), tmp_path, test_share=0.2)
    orders = set()
    for anchor in range(0, len(corpus), 5):
        for seed in range(4):
            group = corpus.group(anchor, 3, seed=seed)
            assert group == corpus.group(anchor, 3, seed=seed)
            assert anchor in group
            assert len(set(group)) == 3
            assert len({int(corpus.clusters[row]) for row in group}) == 3
            assert {(corpus.document_types[row], corpus.splits[row]) for row in group} == {
                (corpus.document_types[anchor], corpus.splits[anchor])
            }
            near = corpus.match(corpus.vectors[anchor], [corpus.document_types[anchor]], corpus.splits[anchor], 12)
            assert set(group) <= {anchor, *near}
            orders.add(group.index(anchor))
    assert orders == {0, 1, 2}
    assert len({tuple(corpus.group(0, 3, seed=seed)) for seed in range(10)}) > 3


def test_a_group_needs_enough_documents_that_differ():
    vectors = np.eye(8, dtype=np.float32)
    assert hand_made(8, vectors).group(0, 4, seed=1) is not None
    assert hand_made(8, vectors).group(0, 5, seed=1) is None
    assert hand_made(8, vectors, clusters=np.zeros(8, dtype=np.int64)).group(0, 2, seed=1) is None


def test_a_corpus_survives_the_disk_byte_for_byte(tmp_path):
    corpus, _ = build(a_corpus_of(), tmp_path)
    save_corpus(corpus, tmp_path / "one")
    loaded = load_corpus(tmp_path / "one")
    assert loaded.fingerprint == corpus.fingerprint
    assert np.array_equal(loaded.vectors, corpus.vectors)
    assert loaded.group(3, 3, seed=1) == corpus.group(3, 3, seed=1)
    save_corpus(loaded, tmp_path / "two")
    for name in ("corpus.parquet", "vectors.npy"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert not list((tmp_path / "one").glob("*.partial"))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda table: None, "no readable corpus"),
        (lambda table: about(table, format="other"), "not a corpus table"),
        (lambda table: about(table, version="99"), "newer"),
        (lambda table: about(table, fingerprint="0"), "does not fit"),
        (lambda table: table.slice(0, 3), "different lengths"),
        (lambda table: table.take(list(range(len(table)))[::-1]), "not sorted"),
        (lambda table: table.drop_columns(["ids"]), "corrupt"),
        (lambda table: table.set_column(1, "ids", [pa.array([b"x"] * len(table))]), "does not fit"),
    ],
)
def test_damaged_corpora_are_refused(tmp_path, harm, says):
    corpus, _ = build(a_corpus_of(9), tmp_path)
    save_corpus(corpus, tmp_path / "c")
    file = tmp_path / "c" / "corpus.parquet"
    harmed = harm(pq.read_table(file))
    if harmed is None:
        file.write_text("{")
    else:
        pq.write_table(harmed, file)
    with pytest.raises(InputError, match=says):
        load_corpus(tmp_path / "c")


def about(table, **changed):
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    return table.replace_schema_metadata(metadata | changed)


def test_no_corpus_no_vectors(tmp_path):
    with pytest.raises(InputError):
        load_corpus(tmp_path)


def test_a_wrong_number_of_types_is_refused(tmp_path):
    with DocumentStore(tmp_path / "d") as store, pytest.raises(ValueError, match="0 types"):
        build_corpus([document("a", prose(1), "x")], store, HashedEmbedder(), EstimatedCounter(), lambda batch, _: [])


class Counting(HashedEmbedder):
    asked = 0

    def embed(self, texts):
        self.asked += len(texts)
        return super().embed(texts)


def test_what_was_cut_short_begins_again_where_it_was_and_what_changes_is_not_embedded_again(tmp_path):
    documents, kept, embedder = a_corpus_of(), VectorFile(tmp_path / "v.sqlite"), Counting()
    plain, _ = build(documents, tmp_path)
    whole = sum(len(passages(one, CorpusSettings())) for one in documents)

    def again(found, kind="x", stops=None, **settings):
        batches, before = [], embedder.asked

        def typed(batch, _):
            batches.append(batch)
            if len(batches) == stops:
                raise KeyboardInterrupt
            return [kind] * len(batch)

        with DocumentStore(tmp_path / "again.sqlite") as store:
            try:
                corpus, _ = build_corpus(found, store, embedder, EstimatedCounter(), typed, CorpusSettings(batch=8, **settings), kept)
            except KeyboardInterrupt:
                corpus = None
        return corpus, embedder.asked - before

    _, first = again(documents, stops=4)
    assert 0 < first < whole
    corpus, rest = again(documents)
    assert first + rest == whole
    order = [plain.hashes.index(digest) for digest in corpus.hashes]
    np.testing.assert_array_equal(corpus.vectors, plain.vectors[order])
    assert again(documents, kind="y", min_tokens=1)[1] == 0
    more = document("new", prose(999), "lease")
    _, new = again([*documents, more])
    assert new == len(passages(more, CorpusSettings()))
    assert again(documents, head_words=5)[1] == whole  # other passages


def test_passages_cover_the_document_and_are_never_empty():
    settings = CorpusSettings(head_words=10, passages=3, passage_words=5)
    long = document("a", " ".join(f"word{number}" for number in range(4000)), "x")
    found = passages(long, settings)
    assert len(found) == 4
    assert found[0].startswith("Title a\nword0 word1 ")
    assert [int(passage.split()[0][4:]) // 1000 for passage in found[1:]] == [1, 2, 3]
    assert all(len(passage.split()) == 5 for passage in found[1:])
    for text in ("x", "合同" * 5000, " \n x", "word " * 3, "x" * 100_000, "y" + " " * 5000):
        assert all(passage.strip() and len(passage) < 1000 for passage in passages(document("a", text, "x"), CorpusSettings()))
