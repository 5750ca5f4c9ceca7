"""The corpus in the model's tokens: documents, chunks and roots, in files that are mapped and not read."""

from __future__ import annotations

import hashlib
import json
import shutil
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wildgraph.atomic import writing
from wildgraph.backends.causal_lm import CausalLM, Tokens
from wildgraph.errors import EmptyResultError, RunError
from wildgraph.records import Document, Rejection
from wildgraph.screening.drawing import drawing
from wildgraph.screening.settings import ScreeningConfig

_TEXTS = 64  # documents tokenized at a time
_RUN = 8  # tokens of the runs that near-duplicates are found by
_STAGE = "screen"


@dataclass(frozen=True)
class Root:
    """The part of a document that is to be read last.

    Attributes:
        name: hash of its document and where it begins in it.
        document: number of its document. start, end: its tokens, in those of all documents.
    """

    name: str
    document: int
    start: int
    end: int


class ChunkIndex:
    """A tokenized corpus on disk, cut into chunks of equal length. Made by :func:`build_chunks`.

    The last chunk of a document reaches back into the one before, so that only documents shorter than a chunk make shorter ones; equal chunks are kept once.

    Args:
        folder: where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def about(self) -> dict[str, Any]:
        """What it was made from, and how much it holds."""
        loaded: dict[str, Any] = json.loads((self.folder / "index.json").read_text(encoding="utf-8"))
        return loaded

    @cached_property
    def tokens(self) -> Tokens:
        """All tokens of all documents; mapped."""
        return np.memmap(self.folder / "tokens.i32", dtype=np.int32, mode="r")

    @cached_property
    def _table(self) -> npt.NDArray[np.int64]:
        return np.memmap(self.folder / "chunks.i64", dtype=np.int64, mode="r").reshape(-1, 3)

    @cached_property
    def documents(self) -> list[dict[str, Any]]:
        """Per document: id, hash, licence, title, and where its tokens start and end."""
        with (self.folder / "documents.jsonl").open(encoding="utf-8", newline="\n") as lines:
            return [json.loads(line) for line in lines]

    def __len__(self) -> int:
        """How many chunks there are."""
        return int(self.about["chunks"])

    def document_of(self, chunk: int) -> int:
        """Number of the document a chunk is from."""
        return int(self._table[chunk, 0])

    def chunk(self, number: int) -> Tokens:
        """The tokens of a chunk."""
        _, start, end = self._table[number]
        return np.asarray(self.tokens[start:end])

    def length(self, number: int) -> int:
        """Tokens of a chunk."""
        return int(self._table[number, 2] - self._table[number, 1])

    def span(self, number: int) -> tuple[int, int]:
        """Where a chunk lies in its document, in tokens."""
        document, start, end = (int(value) for value in self._table[number])
        first = int(self.documents[document]["start"])
        return start - first, end - first

    def name(self, number: int) -> str:
        """A chunk's name outside: its document's hash and where it begins."""
        return f"{self.documents[self.document_of(number)]['hash'][:16]}:{self.span(number)[0]}"

    def of_document(self, document: int) -> range:
        """The chunks of a document, which lie together."""
        numbers = self._table[:, 0]
        return range(int(np.searchsorted(numbers, document, "left")), int(np.searchsorted(numbers, document, "right")))

    def root_tokens(self, root: Root) -> Tokens:
        """The tokens of a root."""
        return np.asarray(self.tokens[root.start : root.end])


def build_chunks(
    documents: Iterable[Document | Rejection], folder: Path, model: CausalLM, chunk_tokens: int, source: str
) -> tuple[ChunkIndex, list[Rejection]]:
    """Tokenize a corpus into an index; one of the same source and tokenizer that is there already is used again.

    Args:
        documents: the corpus; read only if it has to be.
        folder: where the index goes; there whole or not at all.
        model: whose tokenizer cuts.
        chunk_tokens: tokens of a chunk.
        source: what says that the corpus is the same.

    Raises:
        EmptyResultError: there is no document with a text.
        RunError: the disk is full.
    """
    wanted = {"source": source, "tokenizer": model.tokenizer_identity, "chunk_tokens": chunk_tokens}
    existing = ChunkIndex(folder)
    if (folder / "index.json").is_file() and {key: existing.about.get(key) for key in wanted} == wanted:
        return existing, [Rejection.model_validate(row) for row in existing.about["rejected"]]
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        for stale in (folder, partial):
            shutil.rmtree(stale, ignore_errors=True)
        partial.mkdir(parents=True)
        rejected, counted = _write(documents, partial, model, chunk_tokens)
    except OSError as error:
        raise RunError(
            f"cannot write the chunk index in {folder}: {error.strerror}", "free some space and run the same command again"
        ) from error
    if not counted["documents"]:
        raise EmptyResultError("the corpus holds no document with a text", f"{len(rejected)} were turned away")
    about = {**wanted, **counted, "rejected": [item.model_dump(mode="json") for item in rejected]}
    with writing(partial / "index.json") as out:
        json.dump(about, out, ensure_ascii=False)
    partial.rename(folder)
    return ChunkIndex(folder), rejected


def _write(
    documents: Iterable[Document | Rejection], folder: Path, model: CausalLM, size: int
) -> tuple[list[Rejection], dict[str, int | str]]:
    rejected: list[Rejection] = []
    known: set[bytes] = set()
    place = number = repeated = 0
    table, corpus = array("q"), hashlib.sha256()
    with (folder / "tokens.i32").open("wb") as tokens, (folder / "documents.jsonl").open("w", encoding="utf-8", newline="\n") as rows:
        for document, ids in _tokenized(documents, model, rejected):
            tokens.write(ids.tobytes())
            corpus.update(document.hash.encode())
            for start in _starts(len(ids), size):
                chunk = ids[start : start + size]
                digest = hashlib.blake2b(chunk.tobytes(), digest_size=16).digest()
                if digest in known:
                    repeated += 1
                    continue
                known.add(digest)
                table.extend((number, place + start, place + start + len(chunk)))
            row = {name: getattr(document, name) for name in ("id", "hash", "title", "licence")}
            rows.write(json.dumps({**row, "start": place, "end": place + len(ids)}, ensure_ascii=False) + "\n")
            place += len(ids)
            number += 1
    (folder / "chunks.i64").write_bytes(table.tobytes())
    return rejected, {
        "corpus": corpus.hexdigest()[:16],
        "documents": number,
        "tokens": place,
        "chunks": len(table) // 3,
        "repeated_chunks": repeated,
    }


def _starts(length: int, size: int) -> list[int]:
    """Where chunks begin.

    Example:
        >>> _starts(25, 10), _starts(20, 10), _starts(4, 10)
        ([0, 10, 15], [0, 10], [0])
    """
    starts = list(range(0, max(1, length - size + 1), size))
    return [*starts, length - size] if length > size and starts[-1] + size < length else starts


def _tokenized(documents: Iterable[Document | Rejection], model: CausalLM, rejected: list[Rejection]) -> Iterator[tuple[Document, Tokens]]:
    waiting: list[Document] = []

    def done() -> Iterator[tuple[Document, Tokens]]:
        texts = [document.text for document in waiting]
        found = model.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else []
        for document, ids in zip(waiting, found, strict=True):
            if ids:
                yield document, np.asarray(ids, dtype=np.int32)
            else:
                rejected.append(Rejection(stage=_STAGE, item=document.id, reason="empty_document", where=document.where))
        waiting.clear()

    for document in documents:
        if isinstance(document, Rejection):
            rejected.append(document)
            continue
        waiting.append(document)
        if len(waiting) == _TEXTS:
            yield from done()
    yield from done()


def draw_roots(index: ChunkIndex, config: ScreeningConfig) -> Iterator[Root | Rejection]:
    """One root of every document that is long enough, in an order drawn by seed, until there are as many as asked for.

    A document longer than a root gives a part that begins at a whole number of roots. One too short for an anchor with a query is turned away.
    """
    size, least = config.index.root_tokens, config.anchors.skip + config.retrieve.width + 1
    order = sorted(range(len(index.documents)), key=lambda number: drawing(config.seed, "root", index.documents[number]["hash"]).random())
    found = 0
    for number in order:
        if config.index.roots and found == config.index.roots:
            return
        document = index.documents[number]
        if not fnmatchcase(document["id"], config.index.root_ids or "*"):
            continue
        length = document["end"] - document["start"]
        if length < least:
            detail = f"{length} tokens, {least} are needed before the first anchor can be asked about"
            yield Rejection(stage=_STAGE, item=document["id"], reason="document_too_short", detail=detail)
            continue
        parts = max(1, (length - least) // size + 1)
        part = drawing(config.seed, "part", document["hash"]).randrange(parts)
        start = document["start"] + part * size
        found += 1
        yield Root(f"{document['hash'][:16]}:{part * size}", number, start, min(start + size, document["end"]))


def runs_of(tokens: Tokens) -> set[int]:
    """Hashes of all runs of eight tokens; of shorter texts the one of the whole."""
    if len(tokens) < _RUN:
        return {hash(tokens.tobytes())}
    blocks = np.lib.stride_tricks.sliding_window_view(np.ascontiguousarray(tokens), _RUN)
    factors = np.uint64(0x9E3779B97F4A7C15) ** np.arange(1, _RUN + 1, dtype=np.uint64)
    return set((blocks.astype(np.uint64) * factors).sum(axis=1, dtype=np.uint64).tolist())


def copied_share(chunk: Tokens, root_runs: set[int]) -> float:
    """Share of a chunk's runs of eight tokens that are in the root.

    Example:
        >>> text = np.arange(100, dtype=np.int32)
        >>> copied_share(text[20:40], runs_of(text)), copied_share(text[::-1], runs_of(text))
        (1.0, 0.0)
    """
    own = runs_of(chunk)
    return len(own & root_runs) / len(own)
