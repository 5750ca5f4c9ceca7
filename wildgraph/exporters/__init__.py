"""Data set formats: what a row holds, how rows become files, and the card that goes with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, Protocol, runtime_checkable

from wildgraph.exporters.sample import ColumnType, Row, Sample
from wildgraph.records import Rejection

Suffix = Literal["parquet", "jsonl"]

__all__ = ["ColumnType", "Exporter", "Row", "Sample", "Suffix"]


@runtime_checkable
class Exporter(Protocol):
    """Turns samples into the rows of one kind of data set."""

    @property
    def name(self) -> str:
        """The name it is registered under, and of the folder its files go to."""
        ...

    @property
    def suffix(self) -> Suffix:
        """What its files are: parquet, or JSON lines where the format's readers expect them."""
        ...

    @property
    def columns(self) -> Mapping[str, ColumnType]:
        """The columns that are written of a row, in order."""
        ...

    @property
    def about(self) -> str:
        """What the columns hold, in a sentence or two for the card."""
        ...

    def rows(self, sample: Sample) -> Iterator[Row | Rejection]:
        """The rows of a sample, each with the columns, ``split``, and the sample's facts for the card; else why there is none."""
        ...
