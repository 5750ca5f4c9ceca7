"""Pair specifications with documents of their type (WildLong, arXiv 2502.16684 §3.3; the matching rule is ours)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.corpus import Corpus
from wildgraph.embedders import Embedder
from wildgraph.records import Candidate, DocumentRef, Rejection, TaskSpec, content_hash

STAGE = "pair"
VERSION = 2


class PairConfig(BaseModel):
    """How documents are chosen.

    Attributes:
        pool: how many of the most similar documents of the type one is drawn from; a larger pool spreads the corpus more evenly. [ours]
        batch: specifications embedded at a time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pool: int = Field(default=24, ge=1)
    batch: int = Field(default=64, ge=1)


def pair(
    specs: Iterable[TaskSpec | Rejection],
    config: PairConfig,
    *,
    corpus: Corpus,
    kinds: Mapping[str, Collection[str]],
    embedder: Embedder,
    seed: int,
) -> Iterator[Candidate | Rejection]:
    """Candidates in the order of the specifications; rejections pass through.

    Args:
        specs: sampled specifications.
        config: pool size.
        corpus: typed, embedded documents.
        kinds: document type of a graph -> the documents' types that it covers.
        embedder: the one the corpus was embedded with.
        seed: of the sampling.
    """
    batch: list[TaskSpec | Rejection] = []
    for spec in specs:
        batch.append(spec)
        if len(batch) == config.batch:
            yield from _pairs(batch, config, corpus, kinds, embedder, seed)
            batch = []
    yield from _pairs(batch, config, corpus, kinds, embedder, seed)


def _pairs(
    batch: list[TaskSpec | Rejection],
    config: PairConfig,
    corpus: Corpus,
    kinds: Mapping[str, Collection[str]],
    embedder: Embedder,
    seed: int,
) -> Iterator[Candidate | Rejection]:
    texts = [describe(spec) for spec in batch if isinstance(spec, TaskSpec)]
    vectors = iter(embedder.embed(texts))
    for spec in batch:
        if isinstance(spec, Rejection):
            yield spec
            continue
        vector = next(vectors)
        found = corpus.match(vector, kinds.get(spec.document_type, ()), spec.split, config.pool)
        if not found:
            yield Rejection(
                stage=STAGE, item=str(spec.index), reason="no_matching_document", detail=f"{spec.document_type} in {spec.split}"
            )
            continue
        anchor = found[int(content_hash("document", seed, spec.index), 16) % len(found)]
        shuffle = int(content_hash("group", seed, spec.index), 16)
        if spec.document_types:
            chosen = _mixed_group(corpus, anchor, spec, kinds, shuffle)
        else:
            chosen = [anchor] if spec.documents == 1 else _group(corpus, anchor, spec.documents, shuffle)
        if chosen is None:
            yield Rejection(stage=STAGE, item=str(spec.index), reason="no_document_group", detail=f"{spec.document_type} in {spec.split}")
            continue
        yield Candidate(
            spec=spec,
            documents=tuple(
                DocumentRef(id=corpus.ids[row], hash=corpus.hashes[row], order=order, licence=corpus.licences[row])
                for order, row in enumerate(chosen)
            ),
        )


def _group(corpus: Corpus, anchor: int, size: int, seed: int) -> list[int] | None:
    """A group of ``size`` documents, or of as many as are to be had, two at least."""
    return next((found for wanted in range(size, 1, -1) if (found := corpus.group(anchor, wanted, seed=seed))), None)


def _mixed_group(corpus: Corpus, anchor: int, spec: TaskSpec, kinds: Mapping[str, Collection[str]], seed: int) -> list[int] | None:
    """A group with a document of each type that the specification names, in its order, drawn from those nearest to the first.

    Returns:
        Rows, no two of them near-duplicates, fewer than named where the corpus has no more; ``None`` where a type has none at all.
    """
    chosen, taken, there = [anchor], {int(corpus.clusters[anchor])}, {spec.document_types[0]}
    vector = np.asarray(corpus.vectors[anchor])
    for order, kind in enumerate(spec.document_types[1:], 1):
        ranked = corpus.match(vector, kinds.get(kind, ()), spec.split, len(corpus))
        free = [row for row in ranked if int(corpus.clusters[row]) not in taken][: 2 * spec.documents]
        if free:
            row = min(free, key=lambda one: content_hash("choose", seed, order, corpus.hashes[one]))
            chosen.append(row)
            taken.add(int(corpus.clusters[row]))
            there.add(kind)
    return chosen if there == set(spec.document_types) else None


def describe(spec: TaskSpec) -> str:
    """A specification as the text that is compared with documents.

    Example:
        >>> node = {"field": "task", "concept": "task/summarize", "name": "summarize"}
        >>> describe(TaskSpec(index=0, document_type="document_type/contract", document_type_name="contract", path=[node],
        ...     paradigm="single_document", documents=1, split="train"))
        'contract: summarize'
    """
    return f"{spec.document_type_name}: {', '.join(node.name for node in spec.path)}"
