"""What pairing works on: documents as rows of arrays, without their texts.

A million documents must be searched in milliseconds. Sections (document type and split) that are large are therefore parted into *cells* around centres drawn
from their own rows, and a search looks into the cells with the nearest centres only (an inverted file without a codebook, after Sivic and
Zisserman, ICCV 2003). Small sections are one cell each and searched exactly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import groupby, pairwise
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from wildgraph.embedders import Vectors
from wildgraph.records import Split, content_hash

FORMAT_VERSION = 3
#: Rows that a search looks at when it cannot look at all. [ours]
SCAN = 8192

TEXT_COLUMNS = ("hashes", "ids", "titles", "licences", "languages", "declared_types", "document_types", "splits")
NUMBER_COLUMNS = ("n_tokens", "clusters", "cells")

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Corpus:
    """Typed, embedded documents. Rows are sorted by document type, split, cell and hash, so the order of reading leaves no trace.

    Attributes:
        hashes, ids, titles, licences, languages, declared_types: as the documents have them.
        document_types: concept id of each document's type, or empty where none was assigned.
        splits: ``train`` or ``test``; a cluster of near-duplicates lies in one split.
        n_tokens: lengths; shape (n,).
        clusters: row of the first member of each document's near-duplicate cluster; shape (n,).
        vectors: unit vectors, float32; shape (n, dimension).
        embedder, counter, settings: what made the vectors, the lengths and the rest; part of the fingerprint.
        cells: row of the centre of each document's cell, the first one in it; shape (n,); where not given, a section is a cell.
        measures: what else was measured of each document, by the names of :data:`~wildgraph.corpus.measures.MEASURES`; shapes (n,).
    """

    hashes: Sequence[str]
    ids: Sequence[str]
    titles: Sequence[str]
    licences: Sequence[str]
    languages: Sequence[str]
    declared_types: Sequence[str]
    document_types: Sequence[str]
    splits: Sequence[Split]
    n_tokens: Rows
    clusters: Rows
    vectors: Vectors
    embedder: str
    counter: str
    settings: str
    cells: Rows = None  # type: ignore[assignment]  # filled in right below
    measures: Mapping[str, Rows] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the columns fit together.

        Raises:
            ValueError: they differ in length, or are not sorted by type, split, cell and hash.
        """
        lengths = {len(getattr(self, name)) for name in (*TEXT_COLUMNS, "n_tokens", "clusters", "vectors")} | {
            len(measured) for measured in self.measures.values()
        }
        if len(lengths) > 1:
            raise ValueError(f"columns have different lengths: {sorted(lengths)}")
        if self.cells is None:
            firsts = np.zeros(len(self), dtype=np.int64)
            for section in self.sections.values():
                firsts[section.start : section.stop] = section.start
            object.__setattr__(self, "cells", firsts)
        if len(self.cells) != len(self):
            raise ValueError(f"columns have different lengths: {sorted({len(self.cells), len(self)})}")
        # A centre is the first row of its cell, whatever its hash.
        centres = (self.cells != np.arange(len(self))).tolist() if self._parted else [False] * len(self)
        keys = zip(self.document_types, self.splits, self.cells.tolist(), centres, self.hashes, strict=True)
        if any(left >= right for left, right in pairwise(keys)):
            raise ValueError("rows are not sorted by type, split, cell and hash, or repeat")

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self.hashes)

    @property
    def _parted(self) -> bool:
        """Whether any section has more than one cell."""
        return len(np.unique(self.cells)) > len(self.sections)

    @cached_property
    def fingerprint(self) -> str:
        """Content hash of everything but the vectors, which embedder, settings and texts decide."""
        digest = sha256()
        for name in TEXT_COLUMNS:
            column: Sequence[str] = getattr(self, name)
            for start in range(0, len(self), 65536):
                part = column[start : start + 65536]
                # Lengths before the texts, so that no two columns look alike.
                digest.update(np.array([len(text) for text in part], dtype="<i8").tobytes())
                digest.update("".join(part).encode("utf-8", "surrogatepass"))
        for name in NUMBER_COLUMNS:
            digest.update(np.ascontiguousarray(getattr(self, name), dtype="<i8").tobytes())
        for name, measured in sorted(self.measures.items()):
            digest.update(name.encode() + np.ascontiguousarray(measured, dtype="<i8").tobytes())
        return content_hash(FORMAT_VERSION, digest.hexdigest(), self.embedder, self.counter, self.settings)

    @cached_property
    def sections(self) -> Mapping[tuple[str, Split], range]:
        """The rows of each document type and split that has documents."""
        found, start = {}, 0
        for key, rows in groupby(zip(self.document_types, self.splits, strict=True)):
            stop = start + sum(1 for _ in rows)
            found[key] = range(start, stop)
            start = stop
        return found

    @cached_property
    def _cells(self) -> Mapping[tuple[str, Split], tuple[Rows, Rows, Vectors]]:
        """Of each section with several cells: where they start and stop, and their centres, which stay in memory."""
        found = {}
        for key, section in self.sections.items():
            starts = section.start + np.flatnonzero(np.diff(self.cells[section.start : section.stop], prepend=-1))
            if len(starts) > 1:
                found[key] = starts, np.append(starts[1:], section.stop), np.asarray(self.vectors[starts])
        return found

    def match(
        self,
        vector: npt.NDArray[np.float32],
        types: Collection[str] | None,
        split: Split,
        k: int,
        *,
        longest: int | None = None,
        least: Mapping[str, int] = MappingProxyType({}),
        scan: int = SCAN,
    ) -> list[int]:
        """The ``k`` rows of these types and this split that are most similar to a vector.

        Exact while the sections hold no more than ``scan`` rows, or are one cell each; else the most similar in the nearest cells.

        Args:
            vector: shape (dimension,).
            types: concept ids of document types; ``None`` for all.
            split: the split to choose from.
            k: how many.
            longest: length in tokens that no document may exceed.
            least: measure -> what every document must have of it.
            scan: rows to look at when there are more.

        Returns:
            Rows by falling cosine, ties by hash; fewer, or none, where the corpus has no more.
        """
        wanted = {kind for kind, _ in self.sections} if types is None else set(types)
        sections = [key for kind in sorted(wanted) if (key := (kind, split)) in self.sections]
        if not sections or k < 1:
            return []
        fits = self._fitting(longest, least)
        parts = [self._scored(start, stop, vector, fits) for start, stop in self._looked_at(sections, vector, max(scan, 4 * k), fits)]
        rows, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
        if len(rows) > k:
            kept = scores >= np.partition(scores, len(scores) - k)[len(scores) - k]
            rows, scores = rows[kept], scores[kept]
        ranked = sorted(zip(scores.tolist(), rows.tolist(), strict=True), key=lambda hit: (-hit[0], self.hashes[hit[1]]))
        return [row for _, row in ranked[:k]]

    def _fitting(self, longest: int | None, least: Mapping[str, int]) -> Mask | None:
        """The rows that may be found, where not all may."""
        asked = [self.measures[name] >= number for name, number in least.items()]
        if longest is not None:
            asked.append(self.n_tokens <= longest)
        return np.logical_and.reduce(asked) if asked else None

    def _looked_at(
        self, sections: Sequence[tuple[str, Split]], vector: npt.NDArray[np.float32], enough: int, fits: Mask | None
    ) -> Iterator[tuple[int, int]]:
        """Ranges of rows to score: all when they are few, else whole small sections and the nearest cells of large ones."""
        if sum(len(self.sections[key]) for key in sections) <= enough or not any(key in self._cells for key in sections):
            yield from ((self.sections[key].start, self.sections[key].stop) for key in sections)
            return
        yield from ((self.sections[key].start, self.sections[key].stop) for key in sections if key not in self._cells)
        parted = [self._cells[key] for key in sections if key in self._cells]
        starts, stops = (np.concatenate([cells[side] for cells in parted]) for side in (0, 1))
        near = np.concatenate([_rounded(centres @ vector) for _, _, centres in parted])
        seen = 0
        for cell in np.lexsort((starts, -near)):
            start, stop = int(starts[cell]), int(stops[cell])
            seen += stop - start if fits is None else int(fits[start:stop].sum())
            yield start, stop
            if seen >= enough:
                return

    def _scored(self, start: int, stop: int, vector: npt.NDArray[np.float32], fits: Mask | None) -> tuple[Rows, npt.NDArray[np.float64]]:
        fitting = None if fits is None else np.flatnonzero(fits[start:stop])
        vectors = self.vectors[start:stop]
        if fitting is not None and 4 * len(fitting) < stop - start:
            return start + fitting, _rounded(vectors[fitting] @ vector)
        scores = _rounded(vectors @ vector)  # quicker than to copy most of the vectors first
        return (np.arange(start, stop), scores) if fitting is None else (start + fitting, scores[fitting])

    def related(
        self,
        vector: npt.NDArray[np.float32],
        types: Collection[str] | None,
        split: Split,
        k: int,
        *,
        taken: Collection[int] = (),
        longest: int | None = None,
        least: Mapping[str, int] = MappingProxyType({}),
        scan: int = SCAN,
    ) -> list[int]:
        """As :meth:`match`, but no two rows are near-duplicates of each other or of the clusters in ``taken``: what may join a group.

        Args:
            vector: shape (dimension,).
            types: concept ids of document types; ``None`` for all.
            split: the split to choose from.
            k: how many.
            longest: length in tokens that no document may exceed.
            least: measure -> what every document must have of it.
            scan: rows to look at when there are more.
            taken: clusters that are in the group already.
        """
        asked = k + len(taken) + 8
        while True:
            hits = self.match(vector, types, split, asked, longest=longest, least=least, scan=scan)
            seen, found = set(taken), []
            for row in hits:
                if (cluster := int(self.clusters[row])) not in seen:
                    seen.add(cluster)
                    found.append(row)
            if len(found) >= k or len(hits) < asked:
                return found[:k]
            asked *= 2  # nearly all that came are copies of each other

    def group(self, anchor: int, size: int, *, seed: int, least: Mapping[str, int] = MappingProxyType({})) -> list[int] | None:
        """A group of related documents around one: its type and split, no two of them near-duplicates.

        Args:
            anchor: row that belongs to the group.
            size: documents in the group, the anchor included.
            seed: decides which of the ``2·size`` nearest are taken, and the group's order.
            least: measure -> what every other document of the group must have of it.

        Returns:
            Rows in the group's order, or ``None`` where too few documents are left.
        """
        kind, split = self.document_types[anchor], self.splits[anchor]
        near = self.related(np.asarray(self.vectors[anchor]), [kind], split, 2 * size, taken={int(self.clusters[anchor])}, least=least)
        if len(near) < size - 1:
            return None
        chosen = sorted(near, key=lambda row: content_hash("choose", seed, self.hashes[row]))[: size - 1]
        return sorted([anchor, *chosen], key=lambda row: content_hash("order", seed, self.hashes[row]))


def _rounded(cosines: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Rounded, so that what a matrix product makes of its batch size never decides which document comes first."""
    return cosines.astype(np.float64).round(5)
