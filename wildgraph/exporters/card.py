"""The data card: what is in a data set, how it was made, and what it must not be used for."""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import cast

import yaml

from wildgraph.errors import RunError
from wildgraph.exporters import Exporter, Row
from wildgraph.exporters.files import SPLITS, Sizes, write_shards
from wildgraph.records import REASONS, Json
from wildgraph.text import UNDECIDED, language_code

#: Engines whose identity begins like this write a baseline.
BASELINE = "offline"
UNKNOWN = "unknown"
_LISTED = 200
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"))


@dataclass(frozen=True)
class About:
    """What a card says beside what its rows say. Nothing that differs between equal runs: no times, no hosts, no paths.

    Attributes:
        title: name of the data set.
        version: wildgraph's.
        funnel: stage -> ``in``, ``out`` and ``rejected`` (class -> reason -> count), as ``wildgraph status --json`` gives it.
        settings: the run's configuration.
    """

    title: str = "Long-document instructions from task graphs"
    version: str = ""
    funnel: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    settings: Mapping[str, Json] = field(default_factory=dict)


@dataclass
class Summary:
    """What is counted while rows are written."""

    rows: int = 0
    estimated: bool = False
    splits: Counter[str] = field(default_factory=Counter)
    paradigms: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    layouts: Counter[str] = field(default_factory=Counter)
    engines: Counter[str] = field(default_factory=Counter)
    documents: dict[str, str] = field(default_factory=dict)
    lengths: dict[str, list[int]] = field(default_factory=dict)

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, counted as they pass."""
        for row in rows:
            self.rows += 1
            counters = {
                "split": self.splits,
                "paradigm": self.paradigms,
                "document_type": self.types,
                "language": self.languages,
                "layout": self.layouts,
                "engine": self.engines,
            }
            for column, counter in counters.items():
                counter[str(row[column])] += 1
            self.documents.update(zip(cast("list[str]", row["document_ids"]), cast("list[str]", row["licences"]), strict=True))
            for name, column in {
                "documents": "n_tokens_documents",
                "instruction": "n_tokens_instruction",
                "response": "n_tokens_response",
                "whole": "n_tokens",
            }.items():
                self.lengths.setdefault(name, []).append(cast(int, row[column]))
            self.estimated = self.estimated or bool(row["n_tokens_estimated"])
            yield row


@dataclass(frozen=True)
class Written:
    """A data set on disk.

    Attributes:
        folder: of the data set, with its card. files: shards and card. rows: how many, in all splits.
        unknown_licences: ids of documents without a known licence.
    """

    folder: Path
    files: tuple[Path, ...]
    rows: int
    unknown_licences: tuple[str, ...]


def write_dataset(rows: Iterable[Row], exporter: Exporter, folder: Path, about: About | None = None, sizes: Sizes | None = None) -> Written:
    """Write shards to ``folder/<exporter>/`` and the card to ``folder/README.md``.

    Args:
        rows: what :func:`wildgraph.stages.export.export` gives.
        exporter: the one that made the rows.
        folder: of the data set.
        about: what the card says beside the rows.
        sizes: of shards and row groups.

    Raises:
        EmptyResultError: there is no row; nothing is written.
        RunError: the folder cannot be written to.
    """
    summary = Summary()
    shards = write_shards(summary.watch(rows), folder / exporter.name, exporter.columns, sizes)
    card = folder / "README.md"
    partial = folder / "README.md.partial"
    try:
        partial.write_text(render_card(summary, exporter, about or About()), encoding="utf-8")
        partial.replace(card)
    except OSError as error:
        raise RunError(
            f"cannot write the data card {card}: {error.strerror or error}", "check the disk and the folder's permissions"
        ) from error
    return Written(folder, (*shards, card), summary.rows, _unknown(summary))


def _unknown(summary: Summary) -> tuple[str, ...]:
    return tuple(sorted(name for name, licence in summary.documents.items() if licence.strip().lower() in ("", UNKNOWN)))


def render_card(summary: Summary, exporter: Exporter, about: About) -> str:
    """The card: a YAML header as the Hugging Face Hub reads it, and Markdown."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)  # noqa: S701 - Markdown
    environment.filters["cell"] = _cell
    template = environment.from_string(files("wildgraph.exporters").joinpath("card.md").read_text(encoding="utf-8"))
    header = yaml.safe_dump(_header(summary, exporter, about), sort_keys=False, allow_unicode=True, width=1000)
    body = template.render(
        about=about,
        summary=summary,
        exporter=exporter.name,
        columns=list(exporter.columns),
        baseline=sum(count for engine, count in summary.engines.items() if engine.startswith(BASELINE)),
        tables={
            "split": _ranked(summary.splits),
            "paradigm": _ranked(summary.paradigms),
            "document type": _ranked(summary.types),
            "language": _ranked(summary.languages),
            "layout": _ranked(summary.layouts),
            "written by": _ranked(summary.engines),
        },
        lengths={name: _quantiles(numbers) for name, numbers in summary.lengths.items()},
        funnel=[(stage, _entry(entry)) for stage, entry in about.funnel.items()],
        reasons=list(_reasons(about.funnel)),
        settings=json.dumps(about.settings, ensure_ascii=False, indent=2, sort_keys=True).replace("```", "'''"),
        licences=_ranked(Counter(licence or UNKNOWN for licence in summary.documents.values())),
        unknown=_unknown(summary),
        listed=_LISTED,
    )
    return f"---\n{header}---\n\n{body}"


def _header(summary: Summary, exporter: Exporter, about: About) -> dict[str, object]:
    licences = sorted({licence.strip().lower() for licence in summary.documents.values()})
    header: dict[str, object] = {"pretty_name": about.title}
    languages = sorted({language_code(language) for language in summary.languages} - {UNDECIDED})
    if languages:
        header["language"] = languages
    if licences and all(licence in _hub_licences() for licence in licences):
        header["license"] = licences[0] if len(licences) == 1 else licences
    elif licences == [UNKNOWN]:
        header["license"] = UNKNOWN
    else:
        header |= {"license": "other", "license_name": "mixed-see-card", "license_link": "README.md"}
    data = [{"split": split, "path": f"{exporter.name}/{split}-*.parquet"} for split in SPLITS if summary.splits[split]]
    return header | {
        "task_categories": ["text-generation"],
        "size_categories": [next((name for limit, name in _SIZES if summary.rows < limit), "n>10M")],
        "tags": ["synthetic", "long-context", "instruction-tuning", exporter.name, "wildgraph"],
        "configs": [{"config_name": exporter.name, "default": True, "data_files": data}],
    }


@cache
def _hub_licences() -> frozenset[str]:
    """Licences that the Hub knows by name, one a line of ``hub_licences.txt``."""
    return frozenset(files("wildgraph.exporters").joinpath("hub_licences.txt").read_text(encoding="utf-8").split())


def _ranked(counter: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def _quantiles(numbers: list[int]) -> list[int]:
    """Least, median, ninetieth percentile (nearest ranks) and most."""
    ordered = sorted(numbers)
    return [ordered[max(0, -(-len(ordered) * share // 100) - 1)] for share in (0, 50, 90, 100)]


def _entry(entry: Mapping[str, Json]) -> dict[str, Json]:
    rejected = cast("Mapping[str, Mapping[str, int]]", entry.get("rejected") or {})
    lost: dict[str, Json] = {kind: sum(rejected.get(kind, {}).values()) for kind in ("filtered", "gated", "failed")}
    return {"into": entry.get("in", ""), "out": entry.get("out", ""), **lost}


def _reasons(funnel: Mapping[str, Mapping[str, Json]]) -> Iterator[tuple[str, str, str, int]]:
    for stage, entry in funnel.items():
        for reasons in cast("Mapping[str, Mapping[str, int]]", entry.get("rejected") or {}).values():
            for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
                yield stage, reason, REASONS[reason][1] if reason in REASONS else "", count


def _cell(text: object) -> str:
    """Foreign text as one harmless line of a Markdown table."""
    line = " ".join(str(text).split())
    return html.escape(line[:200], quote=False).translate({ord(mark): f"\\{mark}" for mark in "|*_`[]\\"}) or "(empty)"
