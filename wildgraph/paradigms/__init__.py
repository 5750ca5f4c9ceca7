"""What kinds of sample can be made of a path and documents: each paradigm a file with its Markdown prompts.

Paradigms follow arXiv 2502.16684 (single- and cross-document tasks) and arXiv 2509.01185 (dialogue, verifiable, reasoning); choosing a
document, unanswerable questions and what each prompt says are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wildgraph.errors import UsageError
from wildgraph.paradigms.paradigm import Paradigm
from wildgraph.registry import load, registered


class _Registered(Mapping[str, Paradigm]):
    """The paradigms of the registry, those of other packages included, each imported when it is asked for."""

    def __getitem__(self, name: str) -> Paradigm:
        if name not in registered("paradigms"):
            raise KeyError(name)
        found = load("paradigms", name)
        if not isinstance(found, Paradigm):
            raise UsageError(f"the paradigm {name!r} is no wildgraph.paradigms.Paradigm but a {type(found).__name__}")
        if found.name != name:
            raise UsageError(f"the paradigm that is registered as {name!r} calls itself {found.name!r}", "give both one name")
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(registered("paradigms"))

    def __len__(self) -> int:
        return len(registered("paradigms"))


#: Name -> paradigm.
PARADIGMS: Mapping[str, Paradigm] = _Registered()

__all__ = ["PARADIGMS", "Paradigm"]
