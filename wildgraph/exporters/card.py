"""The data card: what is in a data set, how it was made, and what it must not be used for."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, TypeVar, cast

import yaml

from wildgraph.exporters import Exporter
from wildgraph.exporters.files import SPLITS
from wildgraph.exporters.licences import UNKNOWN, hub_licence, known
from wildgraph.exporters.measures import Measure
from wildgraph.exporters.preferences import Shortcuts
from wildgraph.exporters.sample import OWN
from wildgraph.exporters.summary import LENGTHS, POSITIONS, WORSE, Objective, Sources
from wildgraph.reasons import REASONS
from wildgraph.records import Json
from wildgraph.text import UNDECIDED

if TYPE_CHECKING:
    from jinja2 import Environment

#: Engines whose identity begins like this write a baseline.
BASELINE = "offline"
_Key = TypeVar("_Key", str, tuple[str, str])
#: The gate that compares with benchmarks.
CONTAMINATION = "contamination"
_LISTED = 200
_BAR = 40
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"))
_TASKS = {"sft": "instruction-tuning", "dpo": "preference", "grpo": "reinforcement-learning"}


@dataclass(frozen=True)
class About:
    """What a card says beside what its rows say. Nothing that differs between equal runs: no times, no hosts, no paths.

    Attributes:
        title: name of the data set.
        version: wildgraph's.
        funnel: stage -> ``in``, ``out`` and ``rejected`` (class -> reason -> count), as ``wildgraph status --json`` gives it.
        settings: the run's configuration.
        compared: gate -> the files that it compared pairs with: ``file``, ``sha256``, ``rows``.
        models: what else a model did -> its identity: mining, judging, being probed.
    """

    title: str = "Long-document instructions from task graphs"
    version: str = ""
    funnel: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    settings: Mapping[str, Json] = field(default_factory=dict)
    compared: Mapping[str, Sequence[Mapping[str, Json]]] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contents:
    """What was written, as the card tells it.

    Attributes:
        objectives: each with its exporter and counts. sources: what they were made from. version: of the data set.
        measure: what counted tokens. shortcuts: of preference pairs, where there are any. most_told: accuracy above which the card warns.
        notes: further warnings.
    """

    objectives: Sequence[tuple[Exporter, Objective]]
    sources: Sources
    version: str
    measure: Measure
    shortcuts: Shortcuts | None = None
    most_told: float = 0.6
    notes: Sequence[str] = ()

    @property
    def unknown_licences(self) -> tuple[str, ...]:
        """Ids of documents that state no licence, or one that SPDX does not know."""
        return tuple(sorted(name for name, (_, licence, _) in self.sources.documents.items() if not known(licence)))

    @property
    def mixed(self) -> list[tuple[str, int]]:
        """Rows by the file that they were mixed in from, over the objective with the most."""
        counts = (Counter({name: n for name, n in part.counts.get("origin", {}).items() if name != OWN}) for _, part in self.objectives)
        return _ranked(max(counts, key=lambda counter: sum(counter.values())))


def render_card(contents: Contents, about: About) -> str:
    """The card: a YAML header as the Hugging Face Hub reads it, and Markdown."""
    sources = contents.sources
    template = _environment().from_string(files("wildgraph.exporters").joinpath("card.md").read_text(encoding="utf-8"))
    header = yaml.safe_dump(_header(contents, about), sort_keys=False, allow_unicode=True, width=1000)
    estimated = contents.measure.estimated
    engines = Counter[str]()
    for (engine, parameters), count in sources.decoding.items():
        engines[engine] += count * (parameters != WORSE)
    body = template.render(
        about=about,
        version=contents.version,
        sources=sources,
        parts=[_part(exporter, objective) for exporter, objective in contents.objectives],
        configured=[exporter.name for exporter, _ in _configured(contents)],
        notes=contents.notes,
        baseline=sum(count for engine, count in engines.items() if engine.startswith(BASELINE)),
        estimated=estimated,
        positions=bars(
            [
                (f"{place * 100 // POSITIONS:>2}–{(place + 1) * 100 // POSITIONS:>3}%", sources.positions[place])
                for place in range(POSITIONS)
            ]
        ),
        shortcuts=contents.shortcuts,
        most_told=contents.most_told,
        funnel=[(stage, _entry(entry)) for stage, entry in about.funnel.items()],
        reasons=list(_reasons(about.funnel)),
        gates=_gates(sources),
        compared=[(gate, file) for gate, named in about.compared.items() for file in named],
        decoding=_ranked(sources.decoding),
        terms=list(_terms(engines)),
        prompts=sorted(sources.prompts.items()),
        tokenizer="" if estimated else contents.measure.identity,
        template_hash=contents.measure.template,
        limit=contents.measure.limit,
        settings=json.dumps(about.settings, ensure_ascii=False, indent=2, sort_keys=True).replace("```", "'''"),
        licences=_ranked(Counter(licence for _, licence, _ in sources.documents.values())),
        unknown=contents.unknown_licences,
        mixed=contents.mixed,
        contamination=_contamination(sources),
        listed=_LISTED,
    )
    return f"---\n{header}---\n\n{body}"


def render_attribution(contents: Contents) -> str:
    """The list of documents with title, licence and source."""
    template = _environment().from_string(files("wildgraph.exporters").joinpath("attribution.md").read_text(encoding="utf-8"))
    return template.render(documents=sorted(contents.sources.documents.items()), mixed=contents.mixed)


def _environment() -> Environment:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)  # noqa: S701 - Markdown
    environment.filters["cell"] = _cell
    environment.filters["prefixed"] = "--to {}".format
    return environment


def _header(contents: Contents, about: About) -> dict[str, object]:
    rows = sum(part.rows for _, part in contents.objectives)
    header: dict[str, object] = {"pretty_name": about.title}
    languages = sorted({language for _, part in contents.objectives for language in part.counts.get("language", ())} - {UNDECIDED})
    if languages:
        header["language"] = languages
    header |= _licence(sorted({licence for _, licence, _ in contents.sources.documents.values()}), mixed=bool(contents.mixed))
    configs = []
    for place, (exporter, part) in enumerate(_configured(contents)):
        data = [{"split": split, "path": f"{exporter.name}/{split}-*.{exporter.suffix}"} for split in SPLITS if part.splits[split]]
        # `datasets` knows a local folder by its name and by this header alone: without a digest in it, another export would be taken for this one.
        described = {"description": f"{part.rows} rows, sha256 {part.digest}"}
        configs.append({"config_name": exporter.name, **({"default": True} if place == 0 else {}), **described, "data_files": data})
    names = [exporter.name for exporter, _ in contents.objectives]
    tags = ["synthetic", "long-context", *dict.fromkeys(_TASKS.get(name, "instruction-tuning") for name in names), *names, "wildgraph"]
    if any(name in ("sft", "dpo", "grpo") for name in names):
        tags.append("trl")
    return header | {
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated", "found"],
        "source_datasets": ["original"],
        "task_categories": ["text-generation", "question-answering"],
        "size_categories": [next((name for limit, name in _SIZES if rows < limit), "n>10M")],
        "tags": tags,
        "configs": configs,
    }


def _configured(contents: Contents) -> list[tuple[Exporter, Objective]]:
    """The objectives that are configs of the data set: `datasets` reads every file of a repository with the reader of its first."""
    suffix = "parquet" if any(exporter.suffix == "parquet" for exporter, _ in contents.objectives) else "jsonl"
    return [(exporter, part) for exporter, part in contents.objectives if exporter.suffix == suffix]


def _licence(licences: list[str], *, mixed: bool) -> dict[str, object]:
    if licences == [UNKNOWN] and not mixed:
        return {"license": UNKNOWN}
    names = [hub_licence(licence) for licence in licences]
    if names and None not in names and not mixed:
        found = sorted(cast("set[str]", set(names)))
        return {"license": found[0] if len(found) == 1 else found}
    return {"license": "other", "license_name": "mixed-see-card", "license_link": "README.md"}


def _part(exporter: Exporter, objective: Objective) -> dict[str, object]:
    shown = {"document_type": "document type", "engine": "written by", "made": "rejected answer", "checker": "checked by"}
    tables: dict[str, list[tuple[str, int]]] = {"split": [(split, objective.splits[split]) for split in SPLITS if objective.splits[split]]}
    # Layouts are drawn evenly, and most data sets come from nowhere else: neither needs a table.
    tables |= {shown.get(name, name): _ranked(counter) for name, counter in objective.counts.items() if name not in ("layout", "origin")}
    ends = [f"<{least // 1024}K" for least in LENGTHS[1:]] + [f"≥{LENGTHS[-1] // 1024}K"]
    return {
        "name": exporter.name,
        "about": exporter.about,
        "columns": list(exporter.columns),
        "rows": objective.rows,
        "splits": dict(tables["split"]),
        "layouts": len(objective.counts.get("layout", ())),
        "estimated": objective.estimated,
        "tables": tables,
        "lengths": {name: _quantiles(numbers) for name, numbers in objective.lengths.items()},
        "histogram": bars([(f"{end:>6}", objective.histogram[place]) for place, end in enumerate(ends)]),
    }


def bars(counts: Sequence[tuple[str, int]]) -> str:
    """Counts as lines of text, the longest bar 40 characters.

    Example:
        >>> print(bars([("a", 2), ("b", 1)]))
        a  ████████████████████████████████████████ 2
        b  ████████████████████ 1
    """
    most = max((count for _, count in counts), default=0) or 1
    return "\n".join(f"{name}  {'█' * -(-count * _BAR // most)}{' ' if count else ''}{count}" for name, count in counts)


def _ranked(counter: Mapping[_Key, int]) -> list[tuple[_Key, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def _quantiles(numbers: Sequence[int]) -> list[int]:
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


def _gates(sources: Sources) -> list[tuple[str, int, int, str]]:
    """Gate, pairs that passed, pairs it did not evaluate, and why not."""
    found: dict[str, tuple[int, int, Counter[str]]] = {}
    for (gate, status, why), count in sorted(sources.verdicts.items()):
        passed, left, reasons = found.get(gate, (0, 0, Counter()))
        if status == "not_evaluated":
            reasons[why] += count
        found[gate] = (passed + count * (status == "pass"), left + count * (status == "not_evaluated"), reasons)
    return [(gate, passed, left, "; ".join(why for why, _ in _ranked(reasons) if why)) for gate, (passed, left, reasons) in found.items()]


def _contamination(sources: Sources) -> str:
    """What can be said of benchmarks: nothing, unless the gate that compares with them passed every pair."""
    passed = sum(count for (gate, status, _), count in sources.verdicts.items() if gate == CONTAMINATION and status == "pass")
    if not passed:
        return "Not decontaminated: no benchmark was named to compare with."
    compared = (
        f"{passed} of {sources.pairs} pairs were held against the files that are named above, and none has too much in common with them"
    )
    if passed < sources.pairs:
        return f"Not decontaminated as a whole: {compared}; the others were not."
    return f"Decontaminated as far as that goes: all {compared}."


def _terms(engines: Mapping[str, int]) -> Iterator[str]:
    """A line for each engine: whose terms its output may fall under."""
    rows = yaml.safe_load(files("wildgraph.exporters").joinpath("model_terms.yaml").read_text(encoding="utf-8"))
    for engine, _ in _ranked(engines):
        row = next((row for row in rows if re.search(row["engine"], engine.casefold())), None)
        if row is None:
            yield f"`{_cell(engine)}`: its maker's terms are not known here; look them up before you train on its output."
        else:
            page = f" ({row['page']})" if row["page"] else ""
            yield f"`{_cell(engine)}`: {row['maker']}; {row['terms']}{page}."


def _cell(text: object, most: int = 200) -> str:
    """Foreign text as one harmless line of a Markdown table, at most so many characters of it."""
    line = " ".join(str(text).split())
    return html.escape(line[:most], quote=False).translate({ord(mark): f"\\{mark}" for mark in "|*_`[]\\"}) or "(empty)"
