"""Export: accepted pairs as the rows of a data set. Writing them is the exporters' part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.errors import UsageError
from wildgraph.exporters import Exporter, Row
from wildgraph.records import Document, Pair
from wildgraph.registry import load

STAGE = "export"
VERSION = 1


class ExportConfig(BaseModel):
    """What kind of data set.

    Attributes:
        to: name of an exporter in the registry.
        shard_bytes, row_group_bytes: see :class:`wildgraph.exporters.files.Sizes`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: str = "sft"
    shard_bytes: int = Field(default=500_000_000, ge=1)
    row_group_bytes: int = Field(default=32_000_000, ge=1)


def make_exporter(name: str) -> Exporter:
    """The exporter with this name.

    Raises:
        UsageError: there is none.
    """
    factory = load("exporters", name)
    made = factory() if callable(factory) else None
    if not isinstance(made, Exporter):
        raise UsageError(f"the plug-in {name!r} is no exporter", "an exporter has a name, columns and a row for each pair")
    return made


def export(pairs: Iterable[Pair], config: ExportConfig, *, document: Callable[[str], Document]) -> Iterator[Row]:
    """The rows of the pairs, in order.

    Args:
        pairs: accepted pairs.
        config: which exporter.
        document: content hash -> document.
    """
    exporter = make_exporter(config.to)
    for pair in pairs:
        references = sorted(pair.documents, key=lambda reference: reference.order)
        yield exporter.row(pair, [document(reference.hash) for reference in references])
