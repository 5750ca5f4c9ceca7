"""From documents to a corpus: measured, stored, typed, embedded, clustered and split, a batch of texts in memory at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.corpus.corpus import Corpus
from wildgraph.corpus.measures import MEASURES
from wildgraph.corpus.reading import STAGE
from wildgraph.corpus.store import DocumentStore
from wildgraph.corpus.tokens import TURN_TOKENS, TokenCounter
from wildgraph.corpus.vectors import VectorSpool, centres_of
from wildgraph.embedders import Embedder, Vectors
from wildgraph.embedders.vectorfile import VectorFile, vector_key
from wildgraph.errors import EmptyResultError
from wildgraph.neardup import Signature, cluster_signatures, signature
from wildgraph.records import Document, Json, Rejection, Split, canonical_json, content_hash
from wildgraph.shingling import shingles

#: Gives each document of a batch the concept id of its type, or the empty string; the vectors have shape (documents, dimension).
Assign = Callable[[Sequence[Document], Vectors], Sequence[str]]


class CorpusSettings(BaseModel):
    """What documents are taken and how they are measured. All defaults are ours.

    Attributes:
        min_tokens, max_tokens: length of documents that are taken; no upper limit when ``None``.
        test_share: share of near-duplicate clusters that go to the test split.
        seed: decides which ones.
        near_duplicate: least Jaccard similarity of 5-word shingles at which two documents are near-duplicates.
        head_words, passages, passage_words: a document's vector is the mean of the embeddings of its title with its first words and of
            some passages at even distances. Longer ones cost more and change little: 4 × 200 words type 247 documents of 17 kinds by
            their nearest neighbour with 95.5% accuracy, the defaults with 92.7% at a fifth of the time.
        batch: documents held in memory at a time.
        tokenizer: local folder with the trainee's tokenizer, to measure with; empty for an estimate.
        margin: what an estimated length is raised by where it must not be exceeded: an estimate is off by 7% (standard deviation).
        turn_tokens: what a chat template is taken to add for each turn, and once for the whole, where there is none to count with.
        cell: documents to a cell of a large section (see :mod:`wildgraph.corpus.corpus`), about.
        exact: documents of a type and split that are searched one by one; more are parted into cells.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_tokens: int = Field(default=0, ge=0)
    max_tokens: int | None = Field(default=None, ge=1)
    test_share: float = Field(default=0.05, ge=0.0, le=1.0)
    seed: int = 0
    near_duplicate: float = Field(default=0.8, gt=0.0, le=1.0)
    head_words: int = Field(default=32, ge=1)
    passages: int = Field(default=3, ge=0)
    passage_words: int = Field(default=24, ge=1)
    batch: int = Field(default=64, ge=1)
    tokenizer: str = ""
    margin: float = Field(default=0.15, ge=0.0, le=1.0)
    turn_tokens: int = Field(default=TURN_TOKENS, ge=0)
    cell: int = Field(default=1000, ge=1)
    exact: int = Field(default=8192, ge=1)

    @property
    def deciding(self) -> dict[str, Json]:
        """What decides what a corpus holds: the tokenizer does by what it counts, not by where it lies."""
        return self.model_dump(mode="json", exclude={"batch", "tokenizer", "margin", "turn_tokens"})


@dataclass
class _Columns:
    """What is kept of the documents while they are read; values that repeat are one object."""

    hashes: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    licences: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    declared_types: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    measures: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in MEASURES})
    signatures: list[Signature] = field(default_factory=list)
    _once: dict[str, str] = field(default_factory=dict)

    def add(self, document: Document, length: int, kind: str) -> None:
        """Keep what is known of one more document."""
        self.hashes.append(document.hash)
        self.ids.append(document.id)
        self.titles.append(document.title)
        self.licences.append(self._once.setdefault(document.licence, document.licence))
        self.languages.append(self._once.setdefault(document.language, document.language))
        self.declared_types.append(self._once.setdefault(document.declared_type, document.declared_type))
        self.types.append(self._once.setdefault(kind, kind))
        self.lengths.append(length)
        for name, measured in self.measures.items():
            measured.append(MEASURES[name](document.text))


def build_corpus(
    documents: Iterable[Document | Rejection],
    store: DocumentStore,
    embedder: Embedder,
    counter: TokenCounter,
    assign: Assign,
    settings: CorpusSettings | None = None,
    kept: VectorFile | None = None,
) -> tuple[Corpus, list[Rejection]]:
    """The corpus of the documents that are taken, and what was not, in order.

    Args:
        documents: as :func:`~wildgraph.corpus.read_documents` gives them.
        store: takes the texts of the documents that are taken.
        embedder: makes the vectors.
        counter: measures lengths.
        assign: gives documents their types; called once per batch.
        settings: limits, split and vectors.
        kept: where vectors are found again, a batch at a time, so that reading which was cut short, or which begins again with more
            documents, other types or another tokenizer, embeds only what is new.

    Raises:
        EmptyResultError: no document was taken. UnkeptError: vectors cannot be kept.
    """
    settings = settings or CorpusSettings()
    rejections: list[Rejection] = []
    columns = _Columns()
    accepted = _accepted(documents, counter, settings, rejections)
    with VectorSpool(store.path.parent) as spool:
        while batch := list(islice(accepted, settings.batch)):
            texts = [document for document, _ in batch]
            embedded = embed_documents(texts, embedder, settings, kept)
            given = assign(texts, embedded)
            if len(given) != len(texts):
                raise ValueError(f"{len(given)} types were assigned to {len(texts)} documents")
            for (document, length), kind in zip(batch, given, strict=True):
                store.put(document)
                columns.add(document, length, kind)
            columns.signatures.append(np.stack([signature(shingles(document.text)) for document in texts]))
            spool.add(embedded)
        if not len(spool):
            reasons = Counter(rejection.reason for rejection in rejections)
            counted = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(4)) or "nothing was read"
            raise EmptyResultError(f"no document is left: {counted}", "name other documents, or widen the limits on their length")
        return _sorted(columns, spool, store, embedder.identity, counter.identity, settings), rejections


def _accepted(
    documents: Iterable[Document | Rejection], counter: TokenCounter, settings: CorpusSettings, rejections: list[Rejection]
) -> Iterator[tuple[Document, int]]:
    for found in documents:
        if isinstance(found, Rejection):
            rejections.append(found)
            continue
        length = counter.count(found.text)
        if length < settings.min_tokens:
            reason = "document_too_short"
        elif settings.max_tokens is not None and length > settings.max_tokens:
            reason = "document_too_long"
        else:
            yield found, length
            continue
        rejections.append(Rejection(stage=STAGE, item=found.id, reason=reason, where=found.where, detail=f"{length} tokens"))


def _sorted(columns: _Columns, spool: VectorSpool, store: DocumentStore, embedder: str, counter: str, settings: CorpusSettings) -> Corpus:
    hashes = columns.hashes
    signed = np.concatenate(columns.signatures)
    columns.signatures.clear()
    clusters = cluster_signatures(signed, lambda row: shingles(store.text(hashes[row])), settings.near_duplicate)
    del signed
    smallest: dict[int, str] = {}
    for digest, cluster in zip(hashes, clusters, strict=True):
        smallest[cluster] = min(smallest.get(cluster, digest), digest)
    sides: dict[int, Split] = {cluster: split_of(digest, settings.test_share, settings.seed) for cluster, digest in smallest.items()}
    splits = [sides[cluster] for cluster in clusters]
    numbers: dict[tuple[str, Split], int] = {}
    sections = np.array([numbers.setdefault(key, len(numbers)) for key in zip(columns.types, splits, strict=True)], dtype=np.int64)
    centres: list[int] = centres_of(hashes, sections, spool, settings.cell, settings.exact).tolist()
    order = sorted(
        range(len(hashes)), key=lambda row: (columns.types[row], splits[row], hashes[centres[row]], row != centres[row], hashes[row])
    )
    first: dict[int, int] = {}
    first_of_cell: dict[int, int] = {}
    for place, row in enumerate(order):
        first.setdefault(clusters[row], place)
        first_of_cell.setdefault(centres[row], place)
    return Corpus(
        hashes=tuple(hashes[row] for row in order),
        ids=tuple(columns.ids[row] for row in order),
        titles=tuple(columns.titles[row] for row in order),
        licences=tuple(columns.licences[row] for row in order),
        languages=tuple(columns.languages[row] for row in order),
        declared_types=tuple(columns.declared_types[row] for row in order),
        document_types=tuple(columns.types[row] for row in order),
        splits=tuple(splits[row] for row in order),
        n_tokens=np.array([columns.lengths[row] for row in order], dtype=np.int64),
        clusters=np.array([first[clusters[row]] for row in order], dtype=np.int64),
        cells=np.array([first_of_cell[centres[row]] for row in order], dtype=np.int64),
        measures={name: np.array([measured[row] for row in order], dtype=np.int64) for name, measured in columns.measures.items()},
        vectors=spool.sorted(order),
        embedder=embedder,
        counter=counter,
        settings=canonical_json(settings.deciding),
    )


def split_of(digest: str, test_share: float, seed: int) -> Split:
    """The split of the near-duplicate cluster whose smallest content hash is ``digest``: no other document has a say in it.

    Example:
        >>> split_of("00ff", 0.0, 7), split_of("00ff", 1.0, 7)
        ('train', 'test')
    """
    return "test" if int(content_hash("split", seed, digest), 16) < test_share * 16**16 else "train"


def embed_documents(documents: Sequence[Document], embedder: Embedder, settings: CorpusSettings, kept: VectorFile | None = None) -> Vectors:
    """Unit vectors of documents: normalised means over their passages; shape (documents, dimension).

    Args:
        documents: texts with their titles; at least one.
        embedder: makes the vectors of passages.
        settings: how many passages there are, and how long.
        kept: where vectors are looked for first, and kept.
    """
    texts = [tuple(passages(document, settings)) for document in documents]
    if kept is None:
        return _means(texts, embedder)
    keys = [vector_key(embedder.identity, "document", *several) for several in texts]
    found = kept.get(keys, embedder.dimension)
    if missing := {key: several for key, several in zip(keys, texts, strict=True) if key not in found}:
        new = dict(zip(missing, _means(list(missing.values()), embedder), strict=True))
        kept.put(new)
        found |= new
    return np.stack([found[key] for key in keys])


def _means(texts: Sequence[Sequence[str]], embedder: Embedder) -> Vectors:
    embedded = embedder.embed([text for several in texts for text in several])
    ends = np.cumsum([len(several) for several in texts])
    sums = np.add.reduceat(embedded.astype(np.float64), np.concatenate(([0], ends[:-1])), axis=0)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(lengths > 0, sums / np.where(lengths > 0, lengths, 1.0), embedded[ends - 1]).astype(np.float32)


def passages(document: Document, settings: CorpusSettings) -> list[str]:
    """What of a document is embedded: title and head, and passages at even distances; never empty texts, never the whole text."""
    head = _words(document.text.lstrip()[: _window(settings.head_words)], settings.head_words)
    found = [f"{document.title}\n{head}" if document.title else head]
    for number in range(1, settings.passages + 1):
        start = len(document.text) * number // (settings.passages + 1)
        piece = document.text[start : start + _window(settings.passage_words)]
        passage = _words(
            piece.partition(" ")[2] if " " in piece[:40] else piece, settings.passage_words
        )  # starts at a word, where there are spaces
        if passage and passage not in found:
            found.append(passage)
    return found


def _window(words: int) -> int:
    return 14 * words  # characters that surely hold so many words of prose


def _words(text: str, count: int) -> str:
    return " ".join(text.split()[:count])[: 8 * count]  # text without spaces is cut by characters
