"""The corpus of a run: documents read, typed, embedded and kept, and reused where nothing changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wildgraph.config import Config
from wildgraph.corpus import FORMAT_VERSION, Corpus, DocumentStore, build_corpus, load_corpus, read_documents, save_corpus, token_counter
from wildgraph.embedders.vectorfile import VectorFile
from wildgraph.engines import Engines
from wildgraph.errors import EmptyResultError, RunError
from wildgraph.files import expand
from wildgraph.funnel import Observer, StageCount
from wildgraph.records import Concept, Json, Rejection
from wildgraph.stages import classify as classify_stage
from wildgraph.stages.classify import TypeClassifier
from wildgraph.store import RunDirectory, file_hashes, fingerprint, json_line, public_rejection


def run_corpus(
    run: RunDirectory,
    concepts: Mapping[str, Concept],
    documents: Sequence[str | Path],
    config: Config,
    engines: Engines,
    store: DocumentStore,
    observe: Observer,
) -> tuple[Corpus, str]:
    """The corpus of these documents, reused where nothing changed, and its fingerprint.

    Args:
        run: where it is kept.
        concepts: published concepts; their document types join the known ones.
        documents: files, folders or glob patterns.
        config: how tables are read and documents typed.
        engines: embedder and known types.
        store: takes the texts.
        observe: called as documents are read.

    Raises:
        EmptyResultError: no document is left. RunError: too many cannot be read, or the disk is full.
    """
    counter = token_counter(config.corpus.tokenizer, config.corpus.turn_tokens)
    types = sorted((concept.id, concept.name) for concept in concepts.values() if concept.field == "document_type")
    mark = fingerprint(
        "documents",
        classify_stage.VERSION,
        [
            FORMAT_VERSION,
            config.documents.columns,
            config.classify.model_dump(mode="json"),
            config.corpus.deciding,
            types,
            engines.prior.fingerprint,
            engines.embedder.identity,
            counter.identity,
        ],
        *_named_hashes([Path(path) for path in documents]),
    )
    if run.fresh("documents", mark):
        run.bills.enter("documents", StageCount("documents"))
        return load_corpus(run.path / "corpus"), mark
    count = StageCount("documents")
    started = time.monotonic()
    classifier = TypeClassifier(engines.prior, concepts, engines.embedder, config.classify)

    unread: list[Rejection] = []

    def counted() -> Iterator[Any]:
        for item in read_documents([str(path) for path in documents], columns=config.documents.columns or None):
            count.entered += 1
            observe(count, None)
            if isinstance(item, Rejection):
                unread.append(item)
            yield item

    def keep(rejections: Sequence[Rejection]) -> None:
        with run.writing("documents.rejected.jsonl") as public, run.writing("private/documents.rejected.jsonl") as details:
            for rejection in rejections:
                count.reject(rejection)
                public.write(json_line(public_rejection(rejection)))
                details.write(json_line(rejection))

    try:
        vectors = VectorFile(run.private / "vectors.sqlite")
        corpus, rejections = build_corpus(counted(), store, engines.embedder, counter, classifier.assign, config.corpus, vectors)
    except EmptyResultError as error:
        keep(unread)
        where = f"; the first is {unread[0].where}" if unread else ""
        raise EmptyResultError(f"{error.message}{where}", f"{run.path / 'documents.rejected.jsonl'} names all; {error.hint}") from error
    count.passed = len(corpus)
    keep(rejections)
    count.check_rate(config.max_rejection_rate)
    try:
        save_corpus(corpus, run.path / "corpus")
    except OSError as error:
        raise RunError(
            f"cannot write {run.path / 'corpus'}: {error.strerror or error}", "free some space and run the same command again"
        ) from error
    count.seconds = time.monotonic() - started
    by_type: dict[str, Json] = dict(sorted(Counter(corpus.document_types).items()))
    files = {
        "documents.sqlite": "shareable",
        "corpus/corpus.parquet": "shareable",
        "corpus/vectors.npy": "shareable",
        "documents.rejected.jsonl": "shareable",
        "private/documents.rejected.jsonl": "private",
    }
    store.commit()  # before the manifest says so: a killed run would else miss its last texts
    run.finish("documents", mark, count, files, {"types": by_type, "counter": counter.identity})
    observe(count, count.entered)
    return corpus, mark


def _named_hashes(documents: Sequence[Path]) -> list[str]:
    """Files by what they hold and what they are called below what was named: a file that is one document has that for its id."""
    return sorted(f"{file_hashes([file])[0]} {file.relative_to(root).as_posix()}" for file, root in expand(documents))
