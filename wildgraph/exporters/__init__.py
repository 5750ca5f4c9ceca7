"""Data set formats: what a row holds, how rows become files, and the card that goes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from wildgraph.records import Document, Json, Pair

Row = dict[str, Json]
#: Types of columns: plain values, lists of text, and lists of chat messages (role, content).
ColumnType = Literal["string", "integer", "boolean", "strings", "messages"]

__all__ = ["ColumnType", "Exporter", "Row"]


@runtime_checkable
class Exporter(Protocol):
    """Turns accepted pairs into the rows of one kind of data set."""

    @property
    def name(self) -> str:
        """The name it is registered under, and of the folder its files go to."""
        ...

    @property
    def columns(self) -> Mapping[str, ColumnType]:
        """The columns of a row, in order."""
        ...

    def row(self, pair: Pair, documents: Sequence[Document]) -> Row:
        """The row of a pair: its columns, and ``split``.

        Args:
            pair: an accepted pair.
            documents: its documents, in the pair's order.
        """
        ...
