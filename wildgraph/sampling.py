"""Sampling: from graphs and documents to N accepted pairs in the shape that was asked for, entered into the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from wildgraph.catalogue import Catalogue
from wildgraph.config import Config
from wildgraph.corpus import DocumentStore
from wildgraph.engines import Engines
from wildgraph.errors import EmptyResultError, UsageError
from wildgraph.funnel import Observer, StageCount
from wildgraph.grounds import find_label
from wildgraph.holdings import run_corpus
from wildgraph.llm import load_template
from wildgraph.publishing import write_folder
from wildgraph.records import Concept, Pair
from wildgraph.results import SampleResult
from wildgraph.stages import adapt as adapt_stage
from wildgraph.stages import closed_book as closed_book_stage
from wildgraph.stages import contrast as contrast_stage
from wildgraph.stages import gate as gate_stage
from wildgraph.stages import judge as judge_stage
from wildgraph.stages import pair as pair_stage
from wildgraph.stages import probe as probe_stage
from wildgraph.stages import walk as walk_stage
from wildgraph.stages.classify import coverage, uncovered
from wildgraph.stages.graph import ANY_DOCUMENT
from wildgraph.stages.walk import WalkConfig
from wildgraph.store import RunDirectory, file_hashes, fingerprint
from wildgraph.taskgraph import TaskGraph
from wildgraph.waves import Waves


def sample_pairs(
    run: RunDirectory,
    graphs: Sequence[TaskGraph],
    concepts: Mapping[str, Concept],
    documents: Sequence[str | Path],
    config: Config,
    engines: Engines,
    observe: Observer,
) -> SampleResult:
    """The first ``config.sample.n`` accepted pairs, written to the run.

    Raises:
        EmptyResultError: fewer came out, or not in the shape asked for; the message says what ran out, which quota lacks what, and what to do.
        BudgetError: a cap was reached. In both cases what there is was kept.
    """
    wanted = config.sample.n
    with DocumentStore(run.path / "documents.sqlite") as store:
        loop, mark, missing = open_waves(run, graphs, concepts, documents, config, engines, observe, store)
        if run.fresh("sample", mark, config.model.retry) and (run.path / "pairs.jsonl").is_file():
            entry = run.stage("sample") or {}
            for name in (*loop.counts, "sample"):
                run.bills.enter(name, StageCount(name))
            return SampleResult(run.path, run.path / loop.folder, entry["out"], wanted, entry["in"], True, missing)
        # A sample apart from its graphs keeps a copy, by which its labels have names; a run that was built keeps its own. Where they came
        # from they may have been for the owner alone, so the copy is private.
        kept = () if run.stage("graph") else write_folder(run, graphs, concepts, f"private/{loop.folder}graphs/", "json", private=True)
        try:
            loop.run_until(wanted)
        except BaseException:
            for name, count in loop.counts.items():
                if count.requests or count.cache_hits:
                    run.bills.enter(name, count)  # what was spent was spent, also when the sample did not end well
            raise
        if loop.stopped is not None and not loop.accepted:
            run.bills.enter("adapt", loop.counts["adapt"])
            raise loop.stopped  # nothing to keep: the sample before this one stays
        store.commit()  # before the manifest says so: derived documents would else be missing after a crash
        loop.finish(mark, wanted, missing, kept)
    short = loop.shortfall(wanted).error
    if short is not None:
        raise short
    return SampleResult(run.path, run.path / loop.folder, loop.accepted, wanted, loop.tried, False, missing)


def open_waves(
    run: RunDirectory,
    graphs: Sequence[TaskGraph],
    concepts: Mapping[str, Concept],
    documents: Sequence[str | Path],
    config: Config,
    engines: Engines,
    observe: Observer,
    store: DocumentStore,
) -> tuple[Waves, str, tuple[str, ...]]:
    """The loop over the graphs that have documents, the sample's fingerprint, and the document types that have none."""
    corpus, corpus_mark = run_corpus(run, concepts, documents, config, engines, store, observe)
    prior_concepts = {entry.concept.id: entry.concept for entry in engines.prior}
    catalogue = Catalogue({**prior_concepts, **concepts})
    kinds = coverage([graph.document_type for graph in graphs], corpus.document_types, catalogue, ANY_DOCUMENT)
    usable = [graph for graph in graphs if kinds[graph.document_type]]
    if not usable:
        raise EmptyResultError(
            f"no document fits any of the {len(graphs)} task graphs",
            f"the graphs are for {', '.join(graph.name for graph in graphs[:8])}; name documents of these types",
        )
    mark = _mark(usable, corpus_mark, config, engines)
    config = config.model_copy(update={"walk": _of_usable(config.walk, graphs, usable)})
    return Waves(run, usable, kinds, corpus, config, engines, store, observe, f"samples/{mark}/"), mark, tuple(uncovered(kinds))


def _of_usable(config: WalkConfig, graphs: Sequence[TaskGraph], usable: Sequence[TaskGraph]) -> WalkConfig:
    """Without the forbidden labels that only graphs without documents have: they forbid nothing.

    Raises:
        UsageError: a label is in no graph, or is required and only in graphs without documents.
    """
    there = {node.concept for graph in usable for node in graph.nodes}
    for name in config.require:
        if (label := find_label(name, graphs)) not in there:
            types = ", ".join(graph.name for graph in graphs if any(node.concept == label for node in graph.nodes))
            raise UsageError(
                f"{label} is required, and only graphs without documents have it", f"name documents of one of these types: {types}"
            )
    return config.model_copy(update={"forbid": tuple(name for name in config.forbid if find_label(name, graphs) in there)})


def _mark(graphs: Sequence[TaskGraph], corpus: str, config: Config, engines: Engines) -> str:
    sections = ("walk", "pair", "adapt", "gate", "closed_book", "judge", "contrast", "probe", "sample")
    settings = [getattr(config, name).model_dump(mode="json") for name in sections]
    settings.append({"margin": config.corpus.margin, "turn_tokens": config.corpus.turn_tokens})  # these measure, and decide no corpus
    stages = (walk_stage, pair_stage, adapt_stage, gate_stage, closed_book_stage, judge_stage, contrast_stage, probe_stage)
    versions = [stage.VERSION for stage in stages]
    prompts = (
        *adapt_stage.templates(),
        closed_book_stage.CLOSED_BOOK,
        closed_book_stage.SAME_ANSWER,
        judge_stage.JUDGE,
        contrast_stage.GUESS,
    )
    asked = [[load_template(name).hash for name in prompts], engines.asked, file_hashes(gate_stage.compared_files(config.gate))]
    return fingerprint("sample", 1, [settings, versions, asked], corpus, *(graph.fingerprint for graph in graphs))


def read_pairs(run: RunDirectory, name: str) -> Iterator[Pair]:
    """The pairs of a JSON-lines file below the run.

    Raises:
        RunError: missing or corrupt.
    """
    return run.records(name, Pair, Pair.from_row)
