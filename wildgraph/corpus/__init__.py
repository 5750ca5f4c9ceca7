"""Documents: read, kept by content hash, measured in tokens, and indexed for pairing."""

from __future__ import annotations

from wildgraph.corpus.build import Assign, CorpusSettings, build_corpus, embed_documents
from wildgraph.corpus.corpus import FORMAT_VERSION, Corpus
from wildgraph.corpus.files import load_corpus, save_corpus
from wildgraph.corpus.filling import fill
from wildgraph.corpus.naming import distinct, of_sample
from wildgraph.corpus.reading import read_documents
from wildgraph.corpus.store import DocumentStore
from wildgraph.corpus.tokens import EstimatedCounter, TokenCounter, TokenizerCounter, token_counter

__all__ = [
    "FORMAT_VERSION",
    "Assign",
    "Corpus",
    "CorpusSettings",
    "DocumentStore",
    "EstimatedCounter",
    "TokenCounter",
    "TokenizerCounter",
    "build_corpus",
    "distinct",
    "embed_documents",
    "fill",
    "load_corpus",
    "of_sample",
    "read_documents",
    "save_corpus",
    "token_counter",
]
