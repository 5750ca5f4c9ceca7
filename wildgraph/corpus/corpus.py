"""What pairing works on: documents as rows of arrays, without their texts."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from wildgraph.embedders import Vectors
from wildgraph.errors import InputError
from wildgraph.records import Split, canonical_json, content_hash

FORMAT = "wildgraph.corpus"
FORMAT_VERSION = 1

_TABLE, _VECTORS = "corpus.json", "vectors.npy"
_TEXT_COLUMNS = ("hashes", "ids", "titles", "licences", "languages", "declared_types", "document_types", "splits")
_NUMBER_COLUMNS = ("n_tokens", "clusters")


@dataclass(frozen=True, eq=False)
class Corpus:
    """Typed, embedded documents. Rows are sorted by document type, split and hash, so the order of reading leaves no trace.

    Attributes:
        hashes, ids, titles, licences, languages, declared_types: as the documents have them.
        document_types: concept id of each document's type, or empty where none was assigned.
        splits: ``train`` or ``test``; a cluster of near-duplicates lies in one split.
        n_tokens: lengths; shape (n,).
        clusters: row of the first member of each document's near-duplicate cluster; shape (n,).
        vectors: unit vectors, float32; shape (n, dimension).
        embedder, counter, settings: what made the vectors, the lengths and the rest; part of the fingerprint.
    """

    hashes: Sequence[str]
    ids: Sequence[str]
    titles: Sequence[str]
    licences: Sequence[str]
    languages: Sequence[str]
    declared_types: Sequence[str]
    document_types: Sequence[str]
    splits: Sequence[Split]
    n_tokens: npt.NDArray[np.int64]
    clusters: npt.NDArray[np.int64]
    vectors: Vectors
    embedder: str
    counter: str
    settings: str

    def __post_init__(self) -> None:
        """Check that the columns fit together.

        Raises:
            ValueError: they differ in length, or are not sorted by type, split and hash.
        """
        lengths = {len(getattr(self, name)) for name in (*_TEXT_COLUMNS, *_NUMBER_COLUMNS, "vectors")}
        if len(lengths) > 1:
            raise ValueError(f"columns have different lengths: {sorted(lengths)}")
        keys = zip(self.document_types, self.splits, self.hashes, strict=True)
        if any(left >= right for left, right in pairwise(keys)):
            raise ValueError("rows are not sorted by type, split and hash, or repeat")

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self.hashes)

    @cached_property
    def fingerprint(self) -> str:
        """Content hash of everything but the vectors, which embedder, settings and texts decide."""
        columns = [list(getattr(self, name)) for name in _TEXT_COLUMNS]
        return content_hash(
            FORMAT_VERSION, columns, [getattr(self, name).tolist() for name in _NUMBER_COLUMNS], self.embedder, self.counter, self.settings
        )

    @cached_property
    def sections(self) -> Mapping[tuple[str, Split], range]:
        """The rows of each document type and split that has documents."""
        keys = list(zip(self.document_types, self.splits, strict=True))
        starts = [row for row in range(len(keys)) if row == 0 or keys[row] != keys[row - 1]]
        return {keys[start]: range(start, end) for start, end in zip(starts, [*starts[1:], len(keys)], strict=True)}

    def match(self, vector: npt.NDArray[np.float32], types: Collection[str], split: Split, k: int) -> list[int]:
        """The ``k`` rows of these types and this split that are most similar to a vector.

        Args:
            vector: shape (dimension,).
            types: concept ids of document types.
            split: the split to choose from.
            k: how many.

        Returns:
            Rows by falling cosine, ties by hash; fewer, or none, where the corpus has no more.
        """
        sections = [self.sections[kind, split] for kind in sorted(set(types)) if (kind, split) in self.sections]
        if not sections or k < 1:
            return []
        rows = np.concatenate([np.arange(section.start, section.stop) for section in sections])
        # Rounded, so that what a matrix product makes of its batch size never decides which document comes first.
        scores = np.concatenate([self.vectors[section.start : section.stop] @ vector for section in sections]).astype(np.float64).round(5)
        if len(rows) > k:
            kept = scores >= np.partition(scores, len(scores) - k)[len(scores) - k]
            rows, scores = rows[kept], scores[kept]
        ranked = sorted(zip(scores.tolist(), rows.tolist(), strict=True), key=lambda hit: (-hit[0], self.hashes[hit[1]]))
        return [row for _, row in ranked[:k]]

    def group(self, anchor: int, size: int, *, seed: int) -> list[int] | None:
        """A group of related documents around one: its type and split, no two of them near-duplicates.

        Args:
            anchor: row that belongs to the group.
            size: documents in the group, the anchor included.
            seed: decides which of the ``2·size`` nearest are taken, and the group's order.

        Returns:
            Rows in the group's order, or ``None`` where too few documents are left.
        """
        kind, split = self.document_types[anchor], self.splits[anchor]
        section = self.sections[kind, split]
        near: list[int] = []
        taken = {int(self.clusters[anchor])}
        for row in self.match(np.asarray(self.vectors[anchor]), [kind], split, len(section)):
            if int(self.clusters[row]) not in taken:
                taken.add(int(self.clusters[row]))
                near.append(row)
            if len(near) == 2 * size:
                break
        if len(near) < size - 1:
            return None
        chosen = sorted(near, key=lambda row: content_hash("choose", seed, self.hashes[row]))[: size - 1]
        return sorted([anchor, *chosen], key=lambda row: content_hash("order", seed, self.hashes[row]))

    def save(self, folder: Path) -> None:
        """Write the corpus to a folder: ``corpus.json`` and ``vectors.npy``, each renamed into place when whole; equal corpora give equal bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        table = {name: list(getattr(self, name)) for name in _TEXT_COLUMNS} | {
            name: getattr(self, name).tolist() for name in _NUMBER_COLUMNS
        }
        made_by = {"embedder": self.embedder, "counter": self.counter, "settings": self.settings}
        text = canonical_json(
            {"format": FORMAT, "version": FORMAT_VERSION, "fingerprint": self.fingerprint, "made_by": made_by, "rows": table}
        )
        partial = folder / f"{_VECTORS}.partial"
        with partial.open("wb") as handle:
            np.save(handle, np.ascontiguousarray(self.vectors, dtype=np.float32))
        partial.replace(folder / _VECTORS)
        partial = folder / f"{_TABLE}.partial"
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(folder / _TABLE)  # last: a folder with a table is whole

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The corpus in a folder; its vectors stay on disk and are read as they are needed.

        Raises:
            InputError: the folder holds no corpus, a newer one, or a damaged one.
        """
        hint = "read the documents again"
        try:
            data = json.loads((folder / _TABLE).read_text(encoding="utf-8"))
            vectors = np.load(folder / _VECTORS, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{folder} holds no readable corpus: {error}", hint) from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise InputError(f"{folder / _TABLE} is not a corpus table", hint)
        if not isinstance(data.get("version"), int) or data["version"] > FORMAT_VERSION:
            raise InputError(f"{folder / _TABLE} has format version {data.get('version')!r}", "a newer wildgraph wrote it: upgrade")
        try:
            # Checked as a whole right below: the columns' lengths and order by the class, their content by the fingerprint.
            columns: dict[str, Any] = {name: tuple(data["rows"][name]) for name in _TEXT_COLUMNS}
            columns |= {name: np.asarray(data["rows"][name], dtype=np.int64) for name in _NUMBER_COLUMNS}
            corpus = cls(vectors=vectors, **columns, **data["made_by"])
            if corpus.fingerprint != data["fingerprint"]:
                raise ValueError("the fingerprint does not fit the rows")
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{folder / _TABLE} is corrupt: {error}", hint) from error
        return corpus
