"""Looking for context: chunks like a query, by embeddings or by words."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from wildgraph.atomic import writing_bytes
from wildgraph.errors import RunError
from wildgraph.shingling import unspaced_ranges

if TYPE_CHECKING:
    from wildgraph.backends.causal_lm import CausalLM
    from wildgraph.embedders import Embedder
    from wildgraph.screening.chunks import ChunkIndex

_BLOCK = 16_384  # vectors compared at a time
_EMBEDDED = 256  # chunks embedded at a time
Ranked = npt.NDArray[np.int64]


class Retriever(Protocol):
    """Finds chunks for texts."""

    @property
    def identity(self) -> str:
        """What decides the answers; part of cache keys."""
        ...

    def search(self, queries: Sequence[str], most: int) -> list[Ranked]:
        """Per query the numbers of the best chunks, best first; no more than ``most``."""
        ...


class Dense:
    """Cosine of embeddings, over vectors that are mapped and compared block by block: memory does not grow with the corpus.

    Args:
        index: the chunks.
        embedder: of chunks and queries.
        model: whose tokenizer turns chunks back into text.

    References:
        EntropyLong, arXiv 2510.02330: cosine top 32 per anchor [second].
    """

    def __init__(self, index: ChunkIndex, embedder: Embedder, model: CausalLM) -> None:
        self._index, self._embedder, self._model = index, embedder, model
        self.identity = f"dense:{embedder.identity}"
        self._mapped: npt.NDArray[np.float32] | None = None

    def _vectors(self) -> npt.NDArray[np.float32]:
        if self._mapped is None:
            folder, dimension = self._index.folder, self._embedder.dimension
            file, mark = folder / "vectors.f32", folder / "vectors.json"
            if not (mark.is_file() and json.loads(mark.read_text(encoding="utf-8")) == self.identity):
                mark.unlink(missing_ok=True)
                with writing_bytes(file) as out:
                    for first in range(0, len(self._index), _EMBEDDED):
                        numbers = range(first, min(first + _EMBEDDED, len(self._index)))
                        texts = self._model.texts([self._index.chunk(number) for number in numbers])
                        out.write(np.ascontiguousarray(self._embedder.embed(texts), dtype=np.float32).tobytes())
                mark.write_text(json.dumps(self.identity), encoding="utf-8")
            self._mapped = np.memmap(file, dtype=np.float32, mode="r").reshape(-1, dimension)
        return self._mapped

    def search(self, queries: Sequence[str], most: int) -> list[Ranked]:
        """As :class:`Retriever` says; equal similarities (to 1e-5) go to the chunk that comes first."""
        vectors, asked = self._vectors(), self._embedder.embed(list(queries))
        most = min(most, len(vectors))
        scores = np.full((len(queries), 0), 0, np.float32)
        numbers = np.zeros((len(queries), 0), np.int64)
        for first in range(0, len(vectors), _BLOCK):
            block = (asked @ vectors[first : first + _BLOCK].T).round(5)
            scores = np.concatenate([scores, block], axis=1)
            numbers = np.concatenate([numbers, np.broadcast_to(np.arange(first, first + block.shape[1]), block.shape)], axis=1)
            best = np.argsort(-scores, axis=1, kind="stable")[:, :most]
            scores, numbers = np.take_along_axis(scores, best, 1), np.take_along_axis(numbers, best, 1)
        return list(numbers)


@cache
def _words() -> re.Pattern[str]:
    single = "".join(f"{chr(first)}-{chr(last)}" for first, last in unspaced_ranges())
    return re.compile(rf"[{single}]|[^\W{single}]+")


def words(text: str) -> list[str]:
    """The words of a text in lower case; where scripts put no spaces, its characters.

    Example:
        >>> words("Don't panic, 東京!")
        ['don', 't', 'panic', '東', '京']
    """
    return _words().findall(text.lower())


class Bm25:
    """BM25 over words, through the library ``bm25s``; its index is mapped when it is used.

    Making the index needs all of the corpus's words as numbers in memory: about 8 bytes a word.

    Args:
        index: the chunks.
        model: whose tokenizer turns chunks back into text.

    References:
        X. H. Lù, "BM25S: Orders of magnitude faster lexical search via eager sparse scoring", arXiv 2407.03618.
    """

    identity = "bm25:words:1"

    def __init__(self, index: ChunkIndex, model: CausalLM) -> None:
        self._index, self._model = index, model
        self._loaded: Any = None

    def _searcher(self) -> Any:  # noqa: ANN401 - bm25s carries no types
        if self._loaded is None:
            import bm25s

            folder = self._index.folder / "bm25"
            if not folder.is_dir():
                vocabulary: dict[str, int] = {}
                ids = []
                for number in range(len(self._index)):
                    (text,) = self._model.texts([self._index.chunk(number)])
                    ids.append([vocabulary.setdefault(word, len(vocabulary)) for word in words(text)])
                made = bm25s.BM25()
                vocabulary.setdefault("", len(vocabulary))  # what the library takes unknown words for
                made.index(bm25s.tokenization.Tokenized(ids=ids, vocab=vocabulary), show_progress=False)
                partial = folder.with_name("bm25.partial")
                shutil.rmtree(partial, ignore_errors=True)
                try:
                    made.save(str(partial), show_progress=False)
                    partial.rename(folder)
                except OSError as error:
                    raise RunError(f"cannot write {folder}: {error.strerror}", "free some space and run the same command again") from error
            self._loaded = bm25s.BM25.load(str(folder), mmap=True, load_corpus=False)
        return self._loaded

    def search(self, queries: Sequence[str], most: int) -> list[Ranked]:
        """As :class:`Retriever` says; chunks that share no word with a query are none of its answers."""
        searcher = self._searcher()
        found = []
        for query in queries:
            terms = [word for word in words(query) if word in searcher.vocab_dict]
            if not terms:
                found.append(np.zeros(0, np.int64))
                continue
            scores = np.asarray(searcher.get_scores(terms), dtype=np.float32).round(4)
            positive = np.flatnonzero(scores > 0)
            found.append(positive[np.argsort(-scores[positive], kind="stable")[:most]].astype(np.int64))
        return found
