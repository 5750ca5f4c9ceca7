"""Other documents in which an answer must not be: the corpus's nearest to those that a pair needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from wildgraph.corpus.corpus import Corpus
from wildgraph.records import DocumentRef, Split


@dataclass
class Elsewhere:
    """Finds documents like a pair's own, which are the likeliest to hold the same answer. Near-duplicates count as the same document.

    Attributes:
        corpus: where they are looked for, in the type and split of the document.
        count: how many for each required document.
    """

    corpus: Corpus
    count: int
    _found: dict[str, dict[str, str]] = field(default_factory=dict)

    @cached_property
    def _rows(self) -> Mapping[str, int]:
        return {digest: row for row, digest in enumerate(self.corpus.hashes)}

    def of(self, documents: Iterable[DocumentRef], split: Split) -> Mapping[str, str]:
        """Id -> content hash of the documents nearest to the required ones, those of the pair left out.

        A document that is not of the corpus, such as one from which evidence was taken out, has no neighbours.
        """
        documents = tuple(documents)
        mine = {document.id for document in documents}
        found: dict[str, str] = {}
        for document in documents:
            if document.role == "required" and self.count:
                if document.hash not in self._found:
                    self._found[document.hash] = self._near(document.hash, split)
                found |= self._found[document.hash]
        return {name: digest for name, digest in found.items() if name not in mine}

    def _near(self, digest: str, split: Split) -> dict[str, str]:
        row = self._rows.get(digest)
        if row is None:
            return {}
        corpus, cluster = self.corpus, int(self.corpus.clusters[row])
        # Twice as many and a few more, since near-duplicates among them do not count.
        rows = corpus.match(np.asarray(corpus.vectors[row]), [corpus.document_types[row]], split, 2 * self.count + 4)
        others = [other for other in rows if int(corpus.clusters[other]) != cluster][: self.count]
        return {corpus.ids[other]: corpus.hashes[other] for other in others}
