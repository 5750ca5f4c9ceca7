"""Export: accepted pairs as the rows of data sets. Writing them is the exporters' part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from pydantic import BaseModel, ConfigDict, Field, field_validator

from wildgraph.corpus import of_sample
from wildgraph.errors import PluginError, UsageError, noting
from wildgraph.exporters import Exporter, Row
from wildgraph.exporters.licences import allowed, known, spdx
from wildgraph.exporters.measures import Estimate, Measure
from wildgraph.exporters.prompts import prompt_keys
from wildgraph.exporters.sample import FACTS, Sample, TrainOn
from wildgraph.records import Document, Pair, Rejection
from wildgraph.registry import load

STAGE = "export"
VERSION = 3


class ExportConfig(BaseModel):
    """What data sets hold.

    Attributes:
        to: names of exporters in the registry.
        train_on: turns that the loss is computed on: those that pairs mark, only the last answer, or all answers.
        thinking: give what a model thought before it answered as `thinking` of that message (SFT).
        validate_with: folder of the trainee's tokenizer; counts are then its own, and rows that its model cannot take are an error.
        allow_licences: licences that documents may have (SPDX ids, or a corpus's own words; `unknown` for those that state none); all, where none is named.
        exclude: data sets, exports or runs whose rows are left out.
        mix: files of short chat data and the share of rows that each is to have in the training split.
        seed: which rows of those files are taken.
        max_pair_accuracy: accuracy of a classifier that sees only length, or only style, of preference pairs, above which the card warns. [ours]
        shard_bytes, row_group_bytes: see :class:`wildgraph.exporters.files.Sizes`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: tuple[str, ...] = ("sft",)
    train_on: TrainOn = "marked"
    thinking: bool = False
    validate_with: str = ""
    allow_licences: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    mix: Mapping[str, float] = Field(default_factory=dict)
    seed: int = Field(default=0, ge=0)
    max_pair_accuracy: float = Field(default=0.60, ge=0.5, le=1.0)
    shard_bytes: int = Field(default=500_000_000, ge=1)
    row_group_bytes: int = Field(default=32_000_000, ge=1, le=64_000_000)

    @field_validator("mix")
    @classmethod
    def _shares(cls, mix: Mapping[str, float]) -> Mapping[str, float]:
        if any(not 0 < share < 1 for share in mix.values()) or sum(mix.values()) >= 1:
            raise ValueError("shares of files that are mixed in lie between 0 and 1, and together below 1")
        return mix


def make_exporter(name: str, config: ExportConfig | None = None) -> Exporter:
    """The exporter with this name.

    Args:
        name: in the registry.
        config: an exporter whose settings have a name in common with it gets that value.

    Raises:
        UsageError: there is none.
    """
    factory = load("exporters", name)
    settings = getattr(factory, "model_fields", {})
    given = {key: getattr(config, key) for key in settings if config is not None and key in type(config).model_fields}
    made = factory(**given) if callable(factory) else None
    if not isinstance(made, Exporter):
        raise UsageError(f"the plug-in {name!r} is no exporter", "an exporter has a name, a suffix, columns, and rows for each sample")
    return made


def export(
    pairs: Iterable[Pair],
    config: ExportConfig,
    *,
    exporter: Exporter,
    document: Callable[[str], Document],
    measure: Measure | None = None,
    earlier: Collection[str] = (),
    handed_on: bool = False,
) -> Iterator[Row | Rejection]:
    """The rows of the pairs, in order, and why pairs have none.

    Args:
        pairs: accepted pairs.
        config: what the data set holds.
        exporter: makes the rows.
        document: content hash -> document.
        measure: what counts tokens; by default an estimate.
        earlier: keys of rows in earlier data sets, see :mod:`wildgraph.exporters.prompts`.
        handed_on: leave out pairs with documents of unknown licence, unless that licence is allowed by name.
    """
    measure = measure or Estimate()
    for pair in pairs:
        refused = _refused(pair, config, earlier, handed_on)
        if refused:
            yield Rejection(stage=STAGE, item=pair.id, reason=refused[0], detail=refused[1])
            continue
        sample = Sample.of(pair, of_sample(pair.documents, document), measure, config.train_on)
        if earlier and any(key in earlier for key in prompt_keys(sample)):
            yield Rejection(stage=STAGE, item=pair.id, reason="in_earlier_dataset")
            continue
        yield from _rows(exporter, sample)


def _rows(exporter: Exporter, sample: Sample) -> Iterator[Row | Rejection]:
    """A sample's rows, if they are what the exporter promises.

    Raises:
        PluginError: a row is none, or lacks a column or a fact, or there is neither a row nor a rejection.
    """
    with noting(f"exporter {exporter.name}, pair {sample.id}"):
        found: list[object] = list(exporter.rows(sample))
    if not found:
        raise PluginError(
            f"the exporter {exporter.name!r} gave nothing for pair {sample.id}",
            "it gives a row, or a Rejection that says why there is none",
        )
    wanted = {*exporter.columns, *FACTS, "id", "split"}
    for row in found:
        if isinstance(row, Rejection):
            yield row
        elif not isinstance(row, dict):
            raise PluginError(f"the exporter {exporter.name!r} gave {row!r:.80} for pair {sample.id}, no row", "a row is a mapping")
        elif missing := sorted(wanted - row.keys()):
            raise PluginError(
                f"the row that the exporter {exporter.name!r} gave for pair {sample.id} lacks {', '.join(missing[:3])}{f' and {len(missing) - 3} more' if len(missing) > 3 else ''}",
                "a row has the columns and, for the card, **sample.facts",
            )
        else:
            yield row


def _refused(pair: Pair, config: ExportConfig, earlier: Collection[str], handed_on: bool) -> tuple[str, str] | None:
    """Why a pair is left out, if it is: the reason, and the licences that stand in the way."""
    licences = sorted({spdx(reference.licence) for reference in pair.documents})
    refused = [licence for licence in licences if not allowed([licence], config.allow_licences)]
    if config.allow_licences and refused:
        return "licence_not_allowed", " | ".join(refused)
    if handed_on and (unknown := [licence for licence in refused if not known(licence)]):
        return "licence_unknown", " | ".join(unknown)
    return ("in_earlier_dataset", "") if pair.id in earlier else None
