"""Merge graphs: runs exactly, by their private counts; what is only published with bounds for counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wildgraph.counts import COUNTS, Union, read_counts, save_counts, unite
from wildgraph.errors import EmptyResultError, RunError, UsageError
from wildgraph.funnel import StageCount
from wildgraph.pseudonyms import key_id
from wildgraph.published import Source, at_least, drop_stale, fresh_folder, open_source
from wildgraph.publishing import publish_counts, write_folder
from wildgraph.records import Concept
from wildgraph.stages import graph as graph_stage
from wildgraph.stages.graph import GraphConfig
from wildgraph.store import RunDirectory, file_hashes, fingerprint
from wildgraph.taskgraph import TaskGraph, read_graphs
from wildgraph.taskgraph.merging import merge_published


@dataclass(frozen=True)
class GraphMerge:
    """What ``graph merge`` left.

    Attributes:
        out: a run with private counts where the merge was exact, else a folder of graphs.
        graphs: those published.
        union: what was met in the counts; ``None`` where only published graphs were merged, whose counts are bounds now.
    """

    out: Path
    graphs: list[TaskGraph]
    union: Union | None


def merge_graphs(
    sources: Sequence[str | Path],
    out: str | Path,
    *,
    min_support: int | None = None,
    min_type_records: int | None = None,
    bounds: bool = False,
) -> GraphMerge:
    """Merge runs exactly, by their private counts, or published graphs with bounds for counts.

    Runs with counts of one key are united record by record, concepts met by id, and published anew: what comes out is what building all
    logs at once would give, were the concepts the same. Published graphs are merged as :mod:`wildgraph.taskgraph.merging` says. The order
    of the sources leaves no trace.

    Args:
        sources: two or more runs, folders or files.
        out: run directory to make, or folder for published graphs.
        min_support: K; the greatest of the sources' by default, for bounds each type's least.
        min_type_records: as for ``build``; the greatest of the runs' by default. Exact merges only.
        bounds: merge what is published even where counts are there.

    Raises:
        UsageError: only some sources have counts, or a source is named twice. InputError: the runs' keys differ, or a source is broken.
    """
    places = [Path(source).resolve() for source in sources]
    if len(set(places)) < 2 or len(set(places)) < len(places):
        raise UsageError("merging takes two or more different sources", "name each once: graph merge A B -o OUT")
    if Path(out).resolve() in places:
        raise UsageError(f"{out} is one of the sources", "name another directory with -o")
    found = [open_source(source) for source in sources]
    if not bounds and all(source.counted for source in found):
        return _merge_exactly(found, Path(out), min_support, min_type_records)
    counted = next((source.path for source in found if source.counted), None)
    if counted is not None and not bounds:
        bare = next(source.path for source in found if not source.counted)
        raise UsageError(
            f"{counted} has private counts and {bare} has none, so that they cannot be merged exactly",
            "--bounds merges what both publish",
        )
    if min_type_records is not None:
        raise UsageError("published types cannot be rolled up again", "leave --min-type-records away")
    graphs = merge_published([source.graphs for source in found])
    concepts: dict[str, Concept] = {}
    for concept in (concept for source in found for concept in source.concepts.values()):
        known = concepts.setdefault(concept.id, concept)
        concepts[concept.id] = min(known, concept, key=lambda one: (one.origin, one.parent or "", one.name))
    if min_support is not None:
        graphs = at_least(graphs, min_support)
    if not graphs:
        raise EmptyResultError(f"no merged node has {min_support} users for certain", "name a lower --min-support")
    folder = fresh_folder(Path(out), found[0].folder)
    drop_stale(folder, write_folder(RunDirectory(folder), graphs, concepts, "", "json", private=False))
    return GraphMerge(folder, graphs, None)


def _merge_exactly(found: Sequence[Source], out: Path, min_support: int | None, min_type_records: int | None) -> GraphMerge:
    settings = [source.settings() for source in found]
    config = GraphConfig(
        min_support=min_support or max(one.min_support for one in settings),
        min_type_records=min_type_records or max(one.min_type_records for one in settings),
        min_path=max(one.min_path for one in settings),
        no_document="keep" if all(one.no_document == "keep" for one in settings) else "drop",
    )
    union = unite([read_counts(source.path) for source in found])
    with RunDirectory.write(out) as run:
        if set(run.manifest()["stages"]) - {"graph"} or (run.stage("graph") or {"merged": 0}).get("merged") is None:
            raise RunError(f"{out} is a run of its own", "name a new directory with -o")
        _hand_on_key(found, run, union.counts.key)
        files = save_counts(run, union.counts)
        count = StageCount("graph")
        published, about = publish_counts(run, union.counts, config, count)
        marks = file_hashes([source.path / COUNTS for source in found])
        mark = fingerprint("merge", graph_stage.VERSION, config.model_dump(mode="json"), *marks)
        run.finish("graph", mark, count, {**files, **published}, {**about, "merged": len(found)})
        return GraphMerge(out, read_graphs(out / "graphs"), union)


def _hand_on_key(found: Sequence[Source], run: RunDirectory, wanted: str) -> None:
    """Give the merged run the key of its hashes where that lies in one of the runs: without it nobody could be forgotten."""
    for source in found:
        file = source.path / "private/key"
        if file.is_file() and key_id(file.read_bytes().strip()) == wanted:
            run.write_text("private/key", file.read_text(encoding="ascii"))
            return
