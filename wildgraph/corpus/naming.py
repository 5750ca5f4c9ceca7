"""What the documents of one sample are called: wherever they are shown, they are shown under the same names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from wildgraph.records import Document, DocumentRef


def of_sample(references: Sequence[DocumentRef], document: Callable[[str], Document]) -> tuple[Document, ...]:
    """A sample's documents in its order, each with a title that sets it apart from the others.

    Questions and answers name documents by their titles, so every prompt, judge and data set must show the same ones: a document without a
    title bears its id, and those that share a title are numbered in the order of their ids.

    Args:
        references: the sample's.
        document: content hash -> document. The store knows a text by the id it was last read under, the sample by the one it had then.
    """
    ordered = sorted(references, key=lambda reference: reference.order)
    found = [document(one.hash).model_copy(update={"id": one.id}) for one in ordered]
    titles = {one.id: " ".join((one.title or one.id).split()) for one in found}
    shared = Counter(title.casefold() for title in titles.values())
    seen: Counter[str] = Counter()
    for name in sorted(titles):
        key = titles[name].casefold()
        if shared[key] > 1:
            seen[key] += 1
            titles[name] = f"{titles[name]} ({seen[key]})"
    return tuple(one.model_copy(update={"title": titles[one.id]}) for one in found)
