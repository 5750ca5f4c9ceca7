"""Quality gates: each says of one pair whether it is worth training on, and why not.

A gate is a file here with a class whose fields are its settings, a line in the registry, and a row in :mod:`wildgraph.gates.table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from wildgraph.gates.named_sets import NamedFile
from wildgraph.gates.table import BY_MODEL, COLUMNS, ORDER, TABLE, skipped
from wildgraph.records import Pair, Verdict

__all__ = ["BY_MODEL", "COLUMNS", "ORDER", "TABLE", "Comparing", "Gate", "skipped"]


@runtime_checkable
class Gate(Protocol):
    """Judges pairs one at a time.

    A gate that remembers earlier pairs is made anew for each sampling and sees the pairs in index order, after all other gates.
    """

    @property
    def name(self) -> str:
        """The name it is registered under."""
        ...

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """The verdict on a pair.

        Args:
            pair: what is judged.
            texts: document id -> text, for all documents of the pair; a text is fetched when it is asked for. In a sampling it is a
                :class:`wildgraph.gates.texts.PairTexts`, which knows titles and other documents as well.
        """
        ...


@runtime_checkable
class Comparing(Protocol):
    """A gate that compares pairs with data sets which the user names as files."""

    @property
    def sets(self) -> tuple[str, ...]:
        """What the user named: files, folders or patterns."""
        ...

    def compared(self) -> list[NamedFile]:
        """The files it compared with, each with its hash.

        Raises:
            InputError: one cannot be read.
        """
        ...
