"""What the documents of one sample are called: every prompt, gate, page and data set knows them under the same names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import count

from wildgraph.records import Document, DocumentRef


def distinct(titles: Mapping[str, str]) -> dict[str, str]:
    """Titles of one sample's documents that set them apart: a document without a title bears its id, and those that share one are numbered.

    Args:
        titles: id -> title; numbers go by the order of the ids.

    Example:
        >>> distinct({"b": "Introduction", "a": "Introduction", "c": ""})
        {'b': 'Introduction (2)', 'a': 'Introduction (1)', 'c': 'c'}
    """
    found = {name: " ".join((title or name).split()) for name, title in titles.items()}
    shared = Counter(title.casefold() for title in found.values())
    taken = set(shared)
    for name in sorted(found):
        if shared[found[name].casefold()] > 1:
            found[name] = next(title for number in count(1) if (title := f"{found[name]} ({number})").casefold() not in taken)
            taken.add(found[name].casefold())
    return found


def of_sample(references: Sequence[DocumentRef], document: Callable[[str], Document]) -> tuple[Document, ...]:
    """A sample's documents in its order, with :func:`distinct` titles: questions and answers name documents by them.

    Args:
        references: the sample's.
        document: content hash -> document. The store knows a text by the id it was last read under, the sample by the one it had then.
    """
    found = {one.id: document(one.hash) for one in sorted(references, key=lambda reference: reference.order)}
    titles = distinct({name: one.title for name, one in found.items()})
    return tuple(one.model_copy(update={"id": name, "title": titles[name]}) for name, one in found.items())
