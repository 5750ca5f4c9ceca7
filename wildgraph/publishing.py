"""Publish task graphs: from private counts to the files that leave the house.

What leaves here has at least K distinct users behind every type, node and edge (:mod:`wildgraph.stages.graph` folds and drops the rest);
``docs/explanation/privacy.md`` says what that promises and what it does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from wildgraph.catalogue import Catalogue
from wildgraph.counts import Counts
from wildgraph.errors import EmptyResultError, InputError
from wildgraph.funnel import StageCount
from wildgraph.records import Concept, Json
from wildgraph.stages.graph import GraphConfig, build_graphs
from wildgraph.store import RunDirectory, public_rejection
from wildgraph.taskgraph import TaskGraph, read_graphs
from wildgraph.taskgraph.interchange import WRITERS, Interchange

CONCEPTS = "concepts.jsonl"
_SLUG = re.compile(r"[\w-]+")


#: What brings records into a graph that were left out for a reason.
_HELPS = {
    "rare_document_type": "lower --min-type-records or --min-support",
    "no_labels": "lower --min-support",
    "no_document": "use --no-document keep for queries without a document",
}


def publish_counts(run: RunDirectory, counts: Counts, config: GraphConfig, count: StageCount) -> tuple[dict[str, str], dict[str, Json]]:
    """Build a run's graphs from its counts and write them.

    Args:
        run: the run, open for writing.
        counts: its private counts.
        config: K and the other thresholds.
        count: counted into.

    Returns:
        The files written, and what the manifest says of the graphs.

    Raises:
        EmptyResultError: no graph came out; the rejections, which say why, were written.
    """
    graphs, rejections = build_graphs(counts.records, config, catalogue=counts.catalogue)
    count.entered = len(counts.records)
    for rejection in rejections:
        count.reject(rejection)
    count.passed = count.entered - len(rejections)
    run.write_rows("graph.rejected.jsonl", map(public_rejection, rejections))  # their ids are keyed, and there are no details to hide
    if not graphs:
        raise EmptyResultError(
            f"no graph came out of {len(counts.records)} records: "
            + ", ".join(f"{reason} {n}" for reason, n in count.rejected.most_common(3)),
            ", or ".join([*(step for reason, step in _HELPS.items() if reason in count.rejected), "add logs"]),
        )
    files = {**write_graphs(run, graphs, counts.concepts), "graph.rejected.jsonl": "shareable"}
    return files, {
        "graphs": {graph.slug: {"records": graph.records, "nodes": len(graph.nodes), "edges": len(graph.edges)} for graph in graphs},
        "min_support": config.min_support,
        "settings": config.model_dump(mode="json"),
    }


def write_graphs(run: RunDirectory, graphs: Sequence[TaskGraph], concepts: Mapping[str, Concept]) -> dict[str, str]:
    """Write a run's ``graphs/`` anew: one file per type, and the published concepts with their parents.

    Args:
        run: the run, open for writing.
        graphs: at most one per type.
        concepts: all concepts by id.

    Returns:
        The files written and that they are shareable.
    """
    written = write_folder(run, graphs, concepts, "graphs/", "json", private=False)
    for stale in (run.path / "graphs").glob("*.json"):
        if stale not in written:
            stale.unlink()
    return {file.relative_to(run.path).as_posix(): "shareable" for file in sorted(written)}


def write_folder(
    run: RunDirectory, graphs: Sequence[TaskGraph], concepts: Mapping[str, Concept], folder: str, to: Interchange, *, private: bool
) -> list[Path]:
    """Write graphs and their concepts; nothing else in the folder is touched.

    Args:
        run: where the folder lies.
        graphs: at most one per type.
        concepts: all concepts by id.
        folder: its name below the run, with a slash.
        to: format of the graphs.
        private: for the owner alone.

    Returns:
        The files written.

    Raises:
        InputError: a type's id makes no file name.
    """
    for graph in graphs:
        if not _SLUG.fullmatch(graph.slug):
            raise InputError(f"{graph.document_type!r} cannot be the name of a file", "a document type is document_type/some-words")
    run.write_rows(f"{folder}{CONCEPTS}", shown_concepts(graphs, concepts).values(), private=private)
    names = [f"{folder}{graph.slug}.{to}" for graph in graphs]
    for name, graph in zip(names, graphs, strict=True):
        run.write_text(name, WRITERS[to](graph), private=private)
    return [run.path / name for name in (*names, f"{folder}{CONCEPTS}")]


def graphs_of(run: RunDirectory, sample: str = "") -> list[TaskGraph]:
    """A run's graphs: its own, else the private copy of those that a sample was drawn from; none if it has neither.

    Args:
        run: the run.
        sample: the sample's fingerprint; by default the latest's.

    Raises:
        InputError: one cannot be read.
    """
    own = run.path / "graphs"
    if own.is_dir():
        return read_graphs(own)
    sample = sample or (run.stage("sample") or {}).get("fingerprint", "")
    drawn = run.private / f"samples/{sample}/graphs"
    return read_graphs(drawn) if sample and drawn.is_dir() else []


def shown_concepts(graphs: Sequence[TaskGraph], concepts: Mapping[str, Concept]) -> dict[str, Concept]:
    """The concepts that are published beside graphs, by id: those in them, their types, and the parents of both."""
    catalogue = Catalogue(concepts)
    named = {node.concept for graph in graphs for node in graph.nodes} | {graph.document_type for graph in graphs}
    return {one: concepts[one] for one in sorted({up for concept in named for up in catalogue.lineage(concept)}) if one in concepts}
