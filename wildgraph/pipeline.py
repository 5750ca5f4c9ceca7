"""The pipeline: logs become graphs, graphs and documents become pairs, pairs become data sets and a page.

Three jobs (``build``, ``sample``, ``view``) and what goes with them; each can be run again at any time: what is there and was made of the
same things is reused, everything else is made anew through the response cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wildgraph import __version__
from wildgraph.catalogue import Catalogue, load_concepts
from wildgraph.config import Config
from wildgraph.corpus import DocumentStore
from wildgraph.engines import OFFLINE, Engines, make_engines
from wildgraph.errors import EmptyResultError, InputError, RunError, UsageError
from wildgraph.explorer.page import render_page
from wildgraph.explorer.payload import FunnelStage, PageData
from wildgraph.exporters.card import About, write_dataset
from wildgraph.exporters.files import Sizes
from wildgraph.files import expand
from wildgraph.funnel import Observer, StageCount, require_some, silent
from wildgraph.llm import load_template
from wildgraph.llm.tally import Counts
from wildgraph.readers import log_files, read_logs
from wildgraph.records import Conversation, Json, LabelledRecord, MetaInformation, Pair, Record, Rejection
from wildgraph.sampling import SampleResult, read_pairs
from wildgraph.sampling import sample_pairs as _sample_pairs
from wildgraph.stages import canonicalize as canonicalize_stage
from wildgraph.stages import export as export_stage
from wildgraph.stages import graph as graph_stage
from wildgraph.stages import ingest as ingest_stage
from wildgraph.stages import mine as mine_stage
from wildgraph.store import RunDirectory, file_hashes, fingerprint
from wildgraph.taskgraph import TaskGraph, read_graphs

CONVERSATIONS, MINED, LABELS = "private/conversations.jsonl", "private/mined.jsonl", "private/labels.jsonl"


@dataclass(frozen=True)
class BuildResult:
    """What ``build`` left.

    Attributes:
        run: the run directory.
        graphs: the published graphs.
        counts: the funnel, stage by stage.
        reused: stages that needed no work.
    """

    run: Path
    graphs: list[TaskGraph]
    counts: dict[str, dict[str, Any]]
    reused: list[str] = field(default_factory=list)


def build(logs: Sequence[str | Path], run: str | Path, config: Config | None = None, *, observe: Observer = silent) -> BuildResult:
    """Build task graphs from query logs.

    Args:
        logs: files, folders or glob patterns.
        run: the run directory to make or to continue.
        config: settings.
        observe: called with a stage's count as it grows.

    Raises:
        WildgraphError: see :mod:`wildgraph.errors`.
    """
    config = config or Config()
    # Looks into every file, so that a wrong one is noticed before a run directory is made.
    rows = read_logs(_named(logs, "log"), format=config.logs.format or None, columns=config.logs.columns or None)
    with RunDirectory.write(Path(run)) as directory, make_engines(config, directory.private / "cache.sqlite") as engines:
        job = _Build(directory, config, engines, observe)
        conversations = job.ingest(log_files(logs), rows)
        mined = job.mine(conversations)
        labels = job.canonicalize(mined)
        job.graph(labels)
        manifest = directory.manifest()["stages"]
        return BuildResult(directory.path, read_graphs(directory.path / "graphs"), manifest, job.reused)


@dataclass
class _Build:
    """The stages of ``build``; each returns its fingerprint for the next."""

    run: RunDirectory
    config: Config
    engines: Engines
    observe: Observer
    reused: list[str] = field(default_factory=list)

    def _stage(self, name: str, mark: str, work: Callable[[StageCount], tuple[dict[str, str], dict[str, Json]]]) -> str:
        """Run one stage unless its output is fresh."""
        if self.run.fresh(name, mark, self.config.model.retry):
            self.reused.append(name)
            self.run.note_bill(name, StageCount(name))
            return mark
        count = StageCount(name)
        started, before = time.monotonic(), self.engines.tally.total()
        try:
            files, about = work(count)
        except BaseException:
            self._charge(count, before, started)
            self.run.note_bill(name, count)  # what was spent was spent, also when the stage did not end well
            raise
        self._charge(count, before, started)
        self.run.finish(name, mark, count, files, about)
        self.observe(count, count.entered)
        return mark

    def _charge(self, count: StageCount, before: Counts, started: float) -> None:
        """Enter what the model did since ``before`` into a stage's count."""
        spent = self.engines.tally.total()
        count.requests = spent.requests - before.requests
        count.cache_hits = spent.hits - before.hits
        count.prompt_tokens = spent.usage.prompt_tokens - before.usage.prompt_tokens
        count.completion_tokens = spent.usage.completion_tokens - before.usage.completion_tokens
        count.cached_tokens = spent.usage.cached_tokens - before.usage.cached_tokens
        count.seconds = time.monotonic() - started

    def ingest(self, files: Sequence[Path], rows: Iterator[Conversation | Rejection]) -> str:
        """Filter and segment the rows of the logs."""
        settings, reading = self.config.ingest, self.config.logs
        mark = fingerprint(
            "ingest", ingest_stage.VERSION, [settings.model_dump(mode="json"), reading.model_dump(mode="json")], *file_hashes(files)
        )

        def work(count: StageCount) -> tuple[dict[str, str], dict[str, Json]]:
            written = self.run.split(
                ingest_stage.ingest(rows, settings), CONVERSATIONS, count, limit=self.config.max_rejection_rate, observe=self._observe(None)
            )
            require_some(count, "conversations")
            names: list[Json] = [*sorted(file.name for file in files)]
            return written, {"logs": names}

        return self._stage("ingest", mark, work)

    def mine(self, upstream: str) -> str:
        """Mine the conversations."""
        settings = self.config.mine
        template = load_template(mine_stage.TEMPLATE)
        mark = fingerprint(
            "mine", mine_stage.VERSION, [settings.model_dump(mode="json"), template.hash, self.engines.model.identity], upstream
        )

        def work(count: StageCount) -> tuple[dict[str, str], dict[str, Json]]:
            conversations = self.run.records(CONVERSATIONS, Conversation)
            mined = mine_stage.mine(conversations, settings, model=self.engines.model, key=self.run.key())
            total = self._passed("ingest")
            written = self.run.split(mined, MINED, count, limit=self.config.max_rejection_rate, observe=self._observe(total))
            require_some(count, "mined records")
            return written, {"engine": self.engines.model.identity, "template": {template.name: template.hash}}

        return self._stage("mine", mark, work)

    def canonicalize(self, upstream: str) -> str:
        """Lift values to concepts."""
        settings = self.config.canonicalize
        marks = [
            settings.model_dump(mode="json"),
            self.engines.prior.fingerprint,
            self.engines.embedder.identity,
            self.config.graph.min_support,
        ]
        mark = fingerprint("canonicalize", canonicalize_stage.VERSION, marks, upstream)

        def work(count: StageCount) -> tuple[dict[str, str], dict[str, Json]]:
            context = {"fields": self.config.fields}
            records = [MetaInformation.model_validate(row, context=context) for row in self.run.rows(MINED)]
            catalogue, labels = canonicalize_stage.canonicalize(records, settings, prior=self.engines.prior, embedder=self.engines.embedder)
            count.entered = count.passed = len(records)
            rows = catalogue.rows()
            shareable = [row for row in rows if row["users"] >= self.config.graph.min_support]
            self.run.write_rows(LABELS, labels)
            self.run.write_rows("private/catalogue.jsonl", rows)
            self.run.write_rows("private/concepts.jsonl", (concept for _, concept in sorted(catalogue.concepts.items())))
            self.run.write_rows("catalogue.jsonl", shareable)
            return {
                LABELS: "private",
                "private/catalogue.jsonl": "private",
                "private/concepts.jsonl": "private",
                "catalogue.jsonl": "shareable",
            }, {"values": len(rows), "concepts": len({row["concept"] for row in rows})}

        return self._stage("canonicalize", mark, work)

    def graph(self, upstream: str) -> str:
        """Build and publish the graphs."""
        settings = self.config.graph
        mark = fingerprint("graph", graph_stage.VERSION, settings.model_dump(mode="json"), upstream)

        def work(count: StageCount) -> tuple[dict[str, str], dict[str, Json]]:
            labels = list(self.run.records(LABELS, LabelledRecord))
            catalogue = Catalogue(load_concepts(self.run.path / "private/concepts.jsonl"))
            graphs, rejections = graph_stage.build_graphs(labels, settings, catalogue=catalogue)
            rejected = {item.item for item in rejections}
            entered: Iterable[Record] = (*(record for record in labels if record.id not in rejected), *rejections)
            files = self.run.split(entered, "private/graphed.jsonl", count, limit=1.0)
            if not graphs:
                raise EmptyResultError(
                    f"no graph came out of {len(labels)} records: "
                    + ", ".join(f"{reason} {n}" for reason, n in count.rejected.most_common(3)),
                    "lower --min-support or min_type_records, add logs, or use --no-document keep for queries without a document",
                )
            files.update(write_graphs(self.run, graphs, catalogue))
            return files, {
                "graphs": {
                    graph.slug: {"records": graph.records, "nodes": len(graph.nodes), "edges": len(graph.edges)} for graph in graphs
                },
                "min_support": settings.min_support,
            }

        return self._stage("graph", mark, work)

    def _passed(self, stage: str) -> int | None:
        entry = self.run.stage(stage)
        return int(entry["out"]) if entry else None

    def _observe(self, total: int | None) -> Callable[[StageCount], None]:
        def observe(count: StageCount) -> None:
            spent = self.engines.tally.total()
            count.requests, count.cache_hits = spent.requests, spent.hits
            count.prompt_tokens, count.completion_tokens = spent.usage.prompt_tokens, spent.usage.completion_tokens
            self.observe(count, total)

        return observe


def _named(paths: Sequence[str | Path], what: str) -> Sequence[str | Path]:
    """The paths as they are.

    Raises:
        UsageError: one is empty, which would mean the current folder. InputError: one lies in the home folder of nobody.
    """
    for path in paths:
        if not str(path).strip():
            raise UsageError(f"a {what} with an empty name was given", "is a shell variable unset?")
        try:
            Path(path).expanduser()
        except RuntimeError as error:
            raise InputError(f"no such {what}: {path}", "there is no such user's home folder") from error
    return paths


def write_graphs(run: RunDirectory, graphs: Sequence[TaskGraph], catalogue: Catalogue) -> dict[str, str]:
    """Write ``graphs/`` anew: one file per type, and the published concepts with their parents."""
    folder = run.path / "graphs"
    wanted = {f"{graph.slug}.json" for graph in graphs} | {"concepts.jsonl"}
    for stale in folder.glob("*.json") if folder.is_dir() else ():
        if stale.name not in wanted:
            stale.unlink()
    published = {node.concept for graph in graphs for node in graph.nodes} | {graph.document_type for graph in graphs}
    shown = sorted({one for concept in published for one in catalogue.lineage(concept) if one in catalogue.concepts})
    run.write_rows("graphs/concepts.jsonl", (catalogue.concepts[one] for one in shown))
    for graph in graphs:
        run.write_text(f"graphs/{graph.slug}.json", graph.to_json())
    return {f"graphs/{name}": "shareable" for name in wanted}


def sample(
    source: str | Path,
    documents: Sequence[str | Path],
    *,
    out: str | Path | None = None,
    config: Config | None = None,
    observe: Observer = silent,
) -> SampleResult:
    """Sample accepted pairs from graphs and documents.

    Args:
        source: a run directory, or a folder of published graphs.
        documents: files, folders or glob patterns.
        out: run directory for the sample; by default ``source`` if that is a run.
        config: settings; ``config.sample.n`` pairs are wanted.
        observe: called with the funnel's counts as they grow.

    Raises:
        WildgraphError: see :mod:`wildgraph.errors`.
    """
    config = config or Config()
    if config.model.name == OFFLINE and config.adapt.language.strip().casefold() != "english":
        raise UsageError(f"the offline engine writes English, not {config.adapt.language}", "name a model with --model")
    for file, _ in expand([Path(path) for path in _named(documents, "document")]):  # noticed before a run directory is made
        if not file.is_file():
            raise InputError(f"{file} is not a regular file", "write it to a file first: documents are read more than once")
    root = Path(source)
    is_run = (root / "manifest.json").is_file()
    if is_run:
        RunDirectory.open(root)
    graphs = read_graphs(root / "graphs" if is_run else root)
    concepts = load_concepts((root / "graphs" if is_run else root) / "concepts.jsonl")
    target = Path(out) if out else root if is_run else Path("wildgraph-run")
    with RunDirectory.write(target) as directory, make_engines(config, directory.private / "cache.sqlite") as engines:
        return _sample_pairs(directory, graphs, concepts, documents, config, engines, observe)


@dataclass(frozen=True)
class ExportResult:
    """What ``export`` left.

    Attributes:
        folder: of the data sets. files: those written. rows: in all of them.
    """

    folder: Path
    files: list[Path]
    rows: int


def export(run: str | Path, formats: Sequence[str] = ("sft",), out: str | Path | None = None, config: Config | None = None) -> ExportResult:
    """Export a run's latest sample as data sets with a data card.

    Args:
        run: the run directory.
        formats: names of exporters.
        out: folder; by default ``export`` in the run.
        config: settings.

    Raises:
        WildgraphError: see :mod:`wildgraph.errors`.
    """
    settings = (config or Config()).export
    if not formats:
        raise UsageError("no format is named", "such as --to sft")
    with RunDirectory.write(Path(run), existing=True) as directory:
        latest = directory.stage("sample")
        if latest is None:
            raise InputError(f"{run} holds no sample yet", f"draw one with `wildgraph sample {run} --documents PATH`")
        if not latest["out"]:
            raise EmptyResultError(f"the latest sample in {run} holds no pair", "`wildgraph status` says what turned the candidates away")
        folder = Path(out) if out else directory.path / "export"
        _spare(folder / "README.md", "---\n", "data card", "name another folder with -o")
        shown = status(run)["stages"]
        about = About(
            version=__version__,
            funnel={name: entry for name, entry in shown.items() if name not in ("sample", "export")},
            settings={"seed": shown["sample"]["seed"], "pairs wanted": shown["sample"]["wanted"], **shown["sample"]["settings"]},
        )
        files: list[Path] = []
        total = 0
        with DocumentStore(directory.path / "documents.sqlite") as store:
            for name in formats:
                pairs = read_pairs(directory, "pairs.jsonl")
                rows = export_stage.export(pairs, settings.model_copy(update={"to": name}), document=store.get)
                sizes = Sizes(shard_bytes=settings.shard_bytes, row_group_bytes=settings.row_group_bytes)
                written = write_dataset(rows, export_stage.make_exporter(name), folder, about, sizes)
                files += written.files
                total += written.rows
        return ExportResult(folder, files, total)


def _spare(file: Path, start: str, what: str, hint: str) -> None:
    """Keep a file that somebody else wrote from being written over.

    Raises:
        RunError: there is a file that does not start as ours do.
    """
    try:
        with file.open("rb") as handle:
            ours = handle.read(len(start)).lower() == start.encode()
    except OSError:
        return  # none there, or none that can be read: writing will say what is wrong
    if not ours:
        raise RunError(f"{file} exists and is no {what} of wildgraph", hint)


def view(source: str | Path, out: str | Path | None = None, *, publish: bool = False, compress: bool = True) -> Path:
    """Write one offline HTML page that shows a run or a folder of graphs.

    Args:
        source: a run directory, or a folder of published graphs.
        out: the file; by default ``explorer.html`` in ``source``.
        publish: shareable data only.
        compress: pack the page's data.

    Raises:
        WildgraphError: see :mod:`wildgraph.errors`.
    """
    root = Path(source)
    file = Path(out) if out else root / "explorer.html"
    _spare(file, "<!doctype html>", "page", "name another file with -o")
    if not (root / "manifest.json").is_file():
        page = render_page(PageData(title=root.resolve().name, graphs=read_graphs(root), publish=publish), compress=compress)
    else:
        run = RunDirectory.open(root)
        page = render_page(_page_data(run, publish), compress=compress)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f"{file.name}.partial")
        partial.write_text(page, encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        raise RunError(f"cannot write {file}: {error.strerror}") from error
    return file


def _page_data(run: RunDirectory, publish: bool) -> PageData:
    stages = status(run.path)["stages"]
    graphs = read_graphs(run.path / "graphs") if (run.path / "graphs").is_dir() else []
    if not graphs and "sample" not in stages:
        raise InputError(f"{run.path} holds neither graphs nor a sample yet", "finish `wildgraph build` or `wildgraph sample` first")
    pairs: list[Pair] = []
    if "sample" in stages:
        gated = f"samples/{(run.stage('sample') or {})['fingerprint']}/gated.jsonl"
        pairs = [*read_pairs(run, "pairs.jsonl"), *read_pairs(run, gated)]
    texts: dict[str, str] = {}
    if pairs and not publish:
        with DocumentStore(run.path / "documents.sqlite") as store:
            for pair in pairs:
                for document in pair.documents:
                    if document.id not in texts:
                        texts[document.id] = store.text(document.hash)
    about = {"wildgraph": __version__}
    about |= {f"{name} engine": str(stages[name]["engine"]) for name in ("mine", "sample") if "engine" in stages.get(name, {})}
    if "sample" in stages:
        about |= {"seed": str(stages["sample"]["seed"]), "pairs wanted": str(stages["sample"]["wanted"])}
    return PageData(
        title=run.path.resolve().name,
        graphs=graphs,
        funnel=[FunnelStage(name, entry["in"], entry["out"], entry["rejected"]) for name, entry in stages.items() if name != "sample"],
        pairs=pairs,
        documents=texts,
        about=about,
        publish=publish,
    )


def status(run: str | Path) -> dict[str, Any]:
    """The funnel of a run: per stage ``in``, ``out``, ``rejected`` by class and reason, requests, tokens, seconds.

    Raises:
        InputError: there is no run.
    """
    directory = RunDirectory.open(Path(run))
    stages = directory.manifest()["stages"]
    bills = directory.bills().get("stages", {})
    shown = {}
    for name, entry in stages.items():
        bill = bills.get(name, {}).get("total", {})
        shown[name] = {
            **{key: entry[key] for key in ("in", "out", "rejected")},
            **{
                key: bill.get(key, 0)
                for key in ("requests", "prompt_tokens", "completion_tokens", "cached_tokens", "cache_hits", "seconds")
            },
            **{key: value for key, value in entry.items() if key not in ("in", "out", "rejected", "files", "fingerprint", "transient")},
        }
    order = ("ingest", "mine", "canonicalize", "graph", "documents", "walk", "pair", "adapt", "gate", "sample", "export")
    return {
        "run": str(run),
        "stages": {name: shown[name] for name in sorted(shown, key=lambda one: order.index(one) if one in order else 99)},
    }
