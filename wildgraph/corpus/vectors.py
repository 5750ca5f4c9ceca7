"""The vectors of a corpus while it is read: on disk, for a million of them would be in memory twice while they are sorted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from wildgraph.embedders import Vectors

#: Vectors read at a time.
_BLOCK = 8192


class VectorSpool:
    """Vectors in the order in which they came, in a file without a name that is gone with the process. Use as a context manager.

    Args:
        folder: where there is room for them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dimension = 0
        self._count = 0

    def __enter__(self) -> Self:
        self._file = tempfile.TemporaryFile(dir=self.folder)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def __len__(self) -> int:
        """How many vectors there are."""
        return self._count

    def add(self, vectors: Vectors) -> None:
        """Keep some more; shape (some, dimension)."""
        self.dimension = vectors.shape[1]
        self._count += len(vectors)
        self._file.write(np.ascontiguousarray(vectors, dtype=np.float32).tobytes())

    def _read(self, first: int, count: int) -> Vectors:
        self._file.seek(4 * self.dimension * first)
        return np.frombuffer(self._file.read(4 * self.dimension * count), dtype=np.float32).reshape(-1, self.dimension)

    def blocks(self) -> Iterator[tuple[int, Vectors]]:
        """All vectors, some at a time, each time with the place of the first."""
        for first in range(0, self._count, _BLOCK):
            yield first, self._read(first, min(_BLOCK, self._count - first))

    def rows(self, places: Sequence[int] | npt.NDArray[np.int64]) -> Vectors:
        """The vectors at some places; shape (places, dimension)."""
        return np.concatenate([self._read(int(place), 1) for place in places])

    def sorted(self, order: Sequence[int]) -> Vectors:
        """All vectors in another order; shape (n, dimension)."""
        goal = np.empty(self._count, dtype=np.int64)
        goal[np.asarray(order)] = np.arange(self._count)
        found = np.empty((self._count, self.dimension), dtype=np.float32)
        for first, block in self.blocks():
            found[goal[first : first + len(block)]] = block
        return found


def centres_of(hashes: Sequence[str], sections: npt.NDArray[np.int64], spool: VectorSpool, cell: int, exact: int) -> npt.NDArray[np.int64]:
    """The place of the centre of each document's cell, or of the section's first by hash where the section is small enough to be one cell.

    Centres are drawn evenly from the section's documents in the order of their hashes, which is random and the same however they were read; every document goes to the
    nearest.

    Args:
        hashes: of the documents, which are unique.
        sections: number of each one's section, from 0; shape (n,).
        spool: their vectors.
        cell: documents to a cell, about.
        exact: documents of a section that are not parted yet.
    """
    found = np.empty(len(sections), dtype=np.int64)
    by_hash = sorted(range(len(hashes)), key=hashes.__getitem__)
    members: dict[int, list[int]] = {}
    for place in by_hash:
        members.setdefault(int(sections[place]), []).append(place)
    drawn: dict[int, npt.NDArray[np.int64]] = {}
    for section, places in members.items():
        if len(places) <= exact:
            found[places] = places[0]
        else:
            count = -(-len(places) // cell)
            drawn[section] = np.array(places)[np.arange(count) * len(places) // count]
    members.clear()
    centres = {section: spool.rows(places) for section, places in drawn.items()}
    for first, block in spool.blocks() if drawn else ():
        inside = sections[first : first + len(block)]
        for section in np.unique(inside).tolist():
            if section in drawn:
                mine = np.flatnonzero(inside == section)
                # Rounded, so that the size of a block decides nothing.
                nearest = (block[mine] @ centres[section].T).round(5).argmax(axis=1)
                found[first + mine] = drawn[section][nearest]
    for own in drawn.values():
        found[own] = own
    return found
