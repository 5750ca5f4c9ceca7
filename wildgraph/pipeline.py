"""The pipeline: logs become graphs, graphs and documents become pairs, pairs become data sets and a page.

Three jobs (``build``, ``sample``, ``view``) and what goes with them; each can be run again at any time: what is there and was made of the
same things is reused, everything else is made anew through the response cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wildgraph import __version__
from wildgraph.atomic import spare
from wildgraph.building import Build
from wildgraph.catalogue import load_concepts
from wildgraph.config import Config
from wildgraph.corpus import DocumentStore
from wildgraph.counts import has_counts, read_counts
from wildgraph.engines import OFFLINE, check_roles, handed, make_engines
from wildgraph.errors import EmptyResultError, InputError, UsageError
from wildgraph.estimating import Estimate, estimate_build, estimate_sample
from wildgraph.exporters.card import About
from wildgraph.exporters.hub import check_push, push
from wildgraph.exporting import write_datasets
from wildgraph.files import expand
from wildgraph.funnel import Observer, StageCount, in_order, silent
from wildgraph.llm import ChatModel
from wildgraph.maskers import load_masker
from wildgraph.paradigms import PARADIGMS
from wildgraph.publishing import graphs_of
from wildgraph.readers import log_files, read_logs
from wildgraph.results import BuildResult, ExportResult, SampleResult
from wildgraph.rows import look_into
from wildgraph.sampling import read_pairs
from wildgraph.sampling import sample_pairs as _sample_pairs
from wildgraph.store import RunDirectory
from wildgraph.survey import CoverageReport, path_quality, unreached_edges
from wildgraph.taskgraph import read_graphs
from wildgraph.viewing import view

__all__ = [
    "BuildResult",
    "Estimate",
    "ExportResult",
    "build",
    "estimate_build",
    "estimate_sample",
    "export",
    "sample",
    "status",
    "view",
]


def build(
    logs: str | Path | Sequence[str | Path],
    run: str | Path,
    config: Config | None = None,
    *,
    mined: str | Path | Sequence[str | Path] = (),
    model: ChatModel | None = None,
    observe: Observer = silent,
) -> BuildResult:
    """Build task graphs from query logs.

    Args:
        logs: files, folders or glob patterns; one may stand without a list.
        run: the run directory to make or to continue.
        config: settings.
        mined: files of records that were mined already, in place of logs.
        model: answers in place of the model that the configuration names.
        observe: called with a stage's count as it grows.

    Raises:
        WildgraphError: see :mod:`wildgraph.errors`.
    """
    config, model = handed(config or Config(), model)
    logs, mined = _named(logs, "log"), _named(mined, "file")
    if bool(logs) == bool(mined):
        raise UsageError("name logs, or mined records, and not both", "wildgraph build LOG... or wildgraph build --mined FILE")
    load_masker(config.mine.masker)  # says now, and not after the logs were read, that it is not installed
    if mined:
        files = [file for file, _ in expand([Path(path) for path in mined], what="file of mined records")]
        for file in files:
            look_into(file)
        with RunDirectory.write(Path(run)) as directory, make_engines(config, directory.private / "cache.sqlite", model) as engines:
            job = Build(directory, config, engines, observe)
            return _lift_and_count(job, job.read_mined(files))
    # Looks into every file, so that a wrong one is noticed before a run directory is made.
    rows = read_logs(logs, format=config.logs.format or None, columns=config.logs.columns or None)
    with RunDirectory.write(Path(run)) as directory, make_engines(config, directory.private / "cache.sqlite", model) as engines:
        job = Build(directory, config, engines, observe)
        conversations = job.ingest(log_files(logs), rows)
        return _lift_and_count(job, job.mine(conversations))


def _lift_and_count(job: Build, mined: str) -> BuildResult:
    """From mined records on, whoever mined them."""
    job.graph(job.canonicalize(mined))
    return BuildResult(job.run.path, read_graphs(job.run.path / "graphs"), job.run.manifest()["stages"], job.reused, job.gone)


def _named(paths: str | Path | Sequence[str | Path], what: str) -> list[str | Path]:
    """The paths as they are, one without a list as a list of one.

    Raises:
        UsageError: one is empty, which would mean the current folder. InputError: one lies in the home folder of nobody.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths) if isinstance(paths, Sequence) else [paths]
    for path in paths:
        if not isinstance(path, str | Path):
            raise UsageError(f"a {what} is a path, not {type(path).__name__}", "write what you have to a file, such as parquet or JSONL")
        if not str(path).strip():
            raise UsageError(f"a {what} with an empty name was given", "is a shell variable unset?")
        try:
            Path(path).expanduser()
        except RuntimeError as error:
            raise InputError(f"no such {what}: {path}", "there is no such user's home folder") from error
    return paths


def sample(
    source: str | Path,
    documents: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    config: Config | None = None,
    model: ChatModel | None = None,
    observe: Observer = silent,
) -> SampleResult:
    """Sample accepted pairs from graphs and documents.

    Args:
        source: a run directory, or a folder of published graphs.
        documents: files, folders or glob patterns.
        out: run directory for the sample; by default ``source`` if that is a run.
        config: settings; ``config.sample.n`` pairs are wanted.
        model: answers in place of the model that the configuration names.
        observe: called with the funnel's counts as they grow.

    Raises:
        WildgraphError: see :mod:`wildgraph.errors`.
    """
    config, model = handed(config or Config(), model)
    foreign = [one for one in (config.adapt.language, *config.sample.quotas.languages) if one.strip().casefold() != "english"]
    if config.model.name == OFFLINE and foreign:
        raise UsageError(f"the offline engine writes English, not {foreign[0]}", "name a model with --model")
    chosen = [PARADIGMS[name] for name in (*config.walk.paradigms, *config.sample.quotas.paradigms) if name in PARADIGMS]
    beyond = next((one.name for one in chosen if not one.by_program), None)
    if config.model.name == OFFLINE and beyond is not None:
        raise UsageError(f"only a model can write tasks of the paradigm {beyond!r}", "name one with --model")
    check_roles(config)
    documents = _named(documents, "document")
    for file, _ in expand([Path(path) for path in documents]):  # noticed before a run directory is made
        if not file.is_file():
            raise InputError(f"{file} is not a regular file", "write it to a file first: documents are read more than once")
    root = Path(source)
    is_run = (root / "manifest.json").is_file()
    if is_run:
        RunDirectory.open(root)
    graphs = read_graphs(root / "graphs" if is_run else root)
    concepts = load_concepts((root / "graphs" if is_run else root) / "concepts.jsonl")
    target = Path(out) if out else root if is_run else Path("wildgraph-run")
    with RunDirectory.write(target) as directory, make_engines(config, directory.private / "cache.sqlite", model) as engines:
        return _sample_pairs(directory, graphs, concepts, documents, config, engines, observe)


def export(
    run: str | Path,
    formats: str | Sequence[str] = (),
    out: str | Path | None = None,
    config: Config | None = None,
    *,
    push_to: str = "",
    observe: Observer = silent,
) -> ExportResult:
    """Export a run's latest sample as data sets with a data card.

    Args:
        run: the run directory.
        formats: names of exporters, or one; by default those that the configuration names.
        out: folder; by default ``export`` in the run.
        config: settings.
        push_to: repository of the Hugging Face Hub, ``OWNER/NAME``, that the data set is pushed to, privately.
        observe: called with an objective's count as it grows.

    Raises:
        WildgraphError: see :mod:`wildgraph.errors`.
    """
    settings = (config or Config()).export
    formats = [formats] if isinstance(formats, str) else formats
    settings = settings.model_copy(update={"to": tuple(formats) or settings.to})
    if not settings.to:
        raise UsageError("no format is named", "such as --to sft")
    if push_to:
        check_push(push_to)
    with RunDirectory.write(Path(run), existing=True) as directory:
        latest = directory.stage("sample")
        if latest is None:
            raise InputError(f"{run} holds no sample yet", f"draw one with `wildgraph sample {run} --documents PATH`")
        if not latest["out"]:
            raise EmptyResultError(f"the latest sample in {run} holds no pair", "`wildgraph status` says what turned the candidates away")
        folder = Path(out) if out else directory.path / "export"
        spare(folder / "README.md", "---\n", "data card", "name another folder with -o")
        shown = status(run)["stages"]
        about = About(
            version=__version__,
            funnel={name: entry for name, entry in shown.items() if name not in ("sample", "export")},
            settings={"seed": shown["sample"]["seed"], "pairs wanted": shown["sample"]["wanted"], **shown["sample"]["settings"]},
            compared=shown["sample"].get("compared", {}),
            models=_other_models(shown),
        )
        with DocumentStore(directory.path / "documents.sqlite") as store:
            written = write_datasets(
                lambda: read_pairs(directory, "pairs.jsonl"),
                folder,
                settings,
                document=store.get,
                about=about,
                handed_on=bool(push_to),
                total=latest["out"],
                observe=observe,
            )
        pushed = push(folder, written.files, push_to) if push_to else ""
        return ExportResult.of(written, pushed)


def _other_models(stages: dict[str, dict[str, Any]]) -> dict[str, str]:
    """What models did beside writing pairs: stage or role -> identity."""
    mined = {name: entry["engine"] for name, entry in stages.items() if name in ("mine", "canonicalize") and entry.get("engine")}
    return mined | {role: stages["sample"][role] for role in ("judge", "trainee") if stages["sample"].get(role)}


def coverage(run: str | Path) -> CoverageReport:
    """What a run's latest sample reached, whether what was asked for came, and what gates took away.

    The quality of paths and the edges out of reach are told unless the run's graphs were built anew since; recombination where it has
    the private records as well.

    Args:
        run: the run directory.

    Raises:
        WildgraphError: see :mod:`wildgraph.errors`.
    """
    directory = RunDirectory.open(Path(run))
    latest = directory.stage("sample")
    if latest is None:
        raise InputError(f"{run} holds no sample yet", f"draw one with `wildgraph sample {run} --documents PATH`")
    (found,) = directory.records(f"samples/{latest['fingerprint']}/coverage.json", CoverageReport)
    known = {graph.document_type: graph for graph in graphs_of(directory)}
    graphs = [known[one.document_type] for one in found.types if one.document_type in known]
    if [(len(graph.nodes), len(graph.edges)) for graph in graphs] != [(one.nodes, one.edges) for one in found.types]:
        return found  # sampled from graphs of an earlier build
    walk = Config.model_validate(latest["settings"]).walk
    records = None
    if has_counts(directory.path):
        counts = read_counts(directory.path)
        lines = counts.catalogue
        records = [frozenset(one for label in record.labels for one in (label, *lines.lineage(label))) for record in counts.records]
    return found.model_copy(
        update={"quality": path_quality(graphs, walk, latest["seed"], records), "unreached": unreached_edges(graphs, walk)}
    )


def status(run: str | Path) -> dict[str, Any]:
    """The funnel of a run: per stage ``in``, ``out``, ``rejected`` by class and reason, requests, tokens, seconds.

    ``unfinished`` holds what was spent on stages that were stopped and have not come to their end since.

    Raises:
        InputError: there is no run.
    """
    directory = RunDirectory.open(Path(run))
    stages = directory.manifest()["stages"]
    bills = directory.bills.read()
    shown = {}
    for name, entry in stages.items():
        bill = bills.get(name, {}).get("total", {})
        shown[name] = {
            **{key: entry[key] for key in ("in", "out", "rejected")},
            **StageCount(name).bill(),
            **bill,
            **{key: value for key, value in entry.items() if key not in ("in", "out", "rejected", "files", "fingerprint", "transient")},
        }
    return {
        "run": str(run),
        "stages": {name: shown[name] for name in in_order(shown)},
        "unfinished": {name: bill["total"] for name, bill in bills.items() if name not in stages and bill["total"].get("requests")},
    }
