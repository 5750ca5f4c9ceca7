"""What can be done with graphs that are published: compare them, count them, check them, hand them out.

A path stands for a run, a folder of graphs or a single graph; where a run still has its private counts, they are counted again if need be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from wildgraph.catalogue import load_concepts
from wildgraph.counts import has_counts, read_counts
from wildgraph.errors import EmptyResultError, InputError, RunError, UsageError
from wildgraph.publishing import CONCEPTS, shown_concepts, write_folder
from wildgraph.records import Concept
from wildgraph.stages.graph import ANY_DOCUMENT, NO_DOCUMENT, GraphConfig, build_graphs, unpruned_supports
from wildgraph.store import RunDirectory
from wildgraph.taskgraph.checking import graph_problems, hierarchy_problems
from wildgraph.taskgraph.coarsening import prune, round_counts
from wildgraph.taskgraph.comparing import GraphDiff, compare
from wildgraph.taskgraph.graph import FORMAT, TaskGraph, read_graphs
from wildgraph.taskgraph.interchange import WRITERS, Interchange
from wildgraph.taskgraph.statistics import GraphStats, describe

#: Types that stand for no concept of a catalogue.
_NAMED_HERE = frozenset((ANY_DOCUMENT, NO_DOCUMENT))


@dataclass(frozen=True)
class Source:
    """What a path holds: a run, a folder of published graphs, or one graph.

    Attributes:
        path: as it was named.
        folder: where the graphs lie.
        graphs: published, sorted by type.
        concepts: published beside them; empty for a single file.
        run: whether it is a run directory.
    """

    path: Path
    folder: Path
    graphs: Sequence[TaskGraph]
    concepts: Mapping[str, Concept]
    run: bool

    @property
    def counted(self) -> bool:
        """Whether the private counts are there."""
        return self.run and has_counts(self.path)

    @property
    def min_support(self) -> int:
        """The greatest K of its graphs."""
        return max(graph.min_support for graph in self.graphs)

    def settings(self) -> GraphConfig:
        """What the graphs of a run were built with.

        Raises:
            RunError: the manifest does not say.
        """
        entry = RunDirectory.open(self.path).stage("graph") or {}
        try:
            return GraphConfig.model_validate(entry.get("settings"))
        except ValueError as error:
            raise RunError(f"the manifest of {self.path} does not say how its graphs were built", "run `wildgraph build` again") from error


def open_source(path: str | Path) -> Source:
    """The published graphs at a path.

    Raises:
        InputError: there is none, or one cannot be read. RunError: the run is foreign, corrupt or newer.
    """
    root = Path(path)
    if root.is_file():
        return Source(root, root.parent, [TaskGraph.read(root)], {}, False)
    is_run = (root / "manifest.json").is_file()
    if is_run:
        RunDirectory.open(root)
    folder = root / "graphs" if is_run else root
    graphs = read_graphs(folder)
    for left, right in pairwise(graphs):
        if left.document_type == right.document_type:
            raise InputError(f"two graphs in {folder} are of {left.document_type}", "name a folder in which each type has one")
    return Source(root, folder, graphs, load_concepts(folder / CONCEPTS), is_run)


# --------------------------------------------------------------------------- compare, count, check


def diff_graphs(a: str | Path, b: str | Path) -> GraphDiff:
    """What differs between the published graphs of two runs, folders or files.

    Raises:
        InputError: see :func:`open_source`.
    """
    return compare(open_source(a).graphs, open_source(b).graphs)


def graph_stats(source: str | Path) -> GraphStats:
    """The graphs of a run, folder or file in numbers; the share kept by K is of all labels where a run's private counts are there.

    Raises:
        InputError: see :func:`open_source`. RunError: the counts are damaged.
    """
    found = open_source(source)
    if not found.counted:
        return describe(found.graphs)
    counts = read_counts(found.path)
    kinds = {graph.document_type for graph in found.graphs}
    return describe(found.graphs, unpruned_supports(counts.records, found.settings(), catalogue=counts.catalogue, kinds=kinds))


def check_graphs(source: str | Path, *, min_support: int | None = None) -> list[str]:
    """What is wrong with the graphs of a run, folder or file, a line each; nothing if they keep every promise.

    Checked are: K behind every type, node and edge; that counts fit each other; canonical bytes and names of files; the published hierarchy;
    and, where a run's private counts are there, that they give these very graphs.

    Args:
        source: run, folder or file.
        min_support: K to check against; each graph's own by default.

    Raises:
        InputError: a graph cannot be read at all.
    """
    found = open_source(source)
    problems = [f"{graph.slug}: {problem}" for graph in found.graphs for problem in graph_problems(graph, min_support)]
    if found.path == found.folder or found.run:
        problems += _file_problems(found)
        problems += hierarchy_problems(found.graphs, found.concepts, _NAMED_HERE)
    if found.counted:
        problems += _count_problems(found)
    return problems


def _file_problems(found: Source) -> Iterator[str]:
    for file in sorted(found.folder.glob("*.json")):
        graph = TaskGraph.read(file)
        if file.name != f"{graph.slug}.json":
            yield f"{file.name}: holds the graph of {graph.document_type}"
        if file.read_bytes() != graph.to_json().encode("utf-8"):
            yield f"{file.name}: is not in the canonical form"
    rows = [concept for concept, _ in found.concepts.items()]
    if rows != sorted(rows):
        yield f"{CONCEPTS}: is not sorted by id"


def _count_problems(found: Source) -> Iterator[str]:
    counts = read_counts(found.path)
    again, _ = build_graphs(counts.records, found.settings(), catalogue=counts.catalogue)
    here = {graph.document_type: graph.fingerprint for graph in found.graphs}
    there = {graph.document_type: graph.fingerprint for graph in again}
    for kind in sorted(here.keys() | there.keys()):
        if here.get(kind) != there.get(kind):
            yield f"{kind}: is not what the private counts give"


# --------------------------------------------------------------------------- export


@dataclass(frozen=True)
class GraphExport:
    """What ``graph export`` left.

    Attributes:
        files: those written. graphs: what they hold.
        recounted: whether the private counts were counted again, for a K below that of the run's published graphs.
    """

    files: list[Path]
    graphs: list[TaskGraph]
    recounted: bool


def export_graphs(
    source: str | Path,
    out: str | Path,
    *,
    to: Interchange = "json",
    min_support: int | None = None,
    publish: bool = False,
    rounded: bool = False,
) -> GraphExport:
    """Write graphs for other programs, or for other people.

    Args:
        source: run, folder or file.
        out: folder, new or written by an earlier export.
        to: format.
        min_support: K. A higher one than the graphs' own is a function of what is published; a lower one counts the private counts again.
        publish: the files are for others: K must be at least 2, and the graphs must keep every promise.
        rounded: round counts down to multiples of K, so that no difference of two tells of fewer than K.

    Raises:
        UsageError: K is too low for what is there or for publication. InputError: a graph is broken. RunError: the folder holds other things.
    """
    found = open_source(source)
    k = min(graph.min_support for graph in found.graphs) if min_support is None else min_support
    if publish and k < 2:
        raise UsageError("at K = 1 every node may stand for one user, which is not for publication", "name --min-support 2 or more")
    graphs, concepts, recounted = _at(found, min_support)
    if rounded:
        graphs = [round_counts(graph) for graph in graphs]
    if not graphs:
        raise EmptyResultError(f"no node of {source} has {k} users", "name a lower --min-support")
    if publish:
        wrong = [f"{graph.slug}: {problem}" for graph in graphs for problem in graph_problems(graph)]
        if concepts:
            wrong += hierarchy_problems(graphs, shown_concepts(graphs, concepts), _NAMED_HERE)
        if wrong:
            raise InputError(f"{source} is not fit for publication: {wrong[0]}", "`wildgraph graph check` names everything that is wrong")
    folder = fresh_folder(Path(out), found.folder)
    files = write_folder(RunDirectory(folder), graphs, concepts, "", to, private=recounted and not publish)
    drop_stale(folder, files)
    return GraphExport(files, list(graphs), recounted)


def _at(found: Source, min_support: int | None) -> tuple[list[TaskGraph], Mapping[str, Concept], bool]:
    """The graphs at a K, their concepts, and whether the private counts were counted again for it."""
    if min_support is None:
        return list(found.graphs), found.concepts, False
    if min_support < found.min_support and found.counted:
        counts = read_counts(found.path)
        config = found.settings().model_copy(update={"min_support": min_support})
        return build_graphs(counts.records, config, catalogue=counts.catalogue)[0], counts.concepts, True
    return at_least(found.graphs, min_support), found.concepts, False


def at_least(graphs: Sequence[TaskGraph], min_support: int) -> list[TaskGraph]:
    """The graphs at a K that is no lower than their own; types with fewer users, or without a node, are gone."""
    return [graph for graph in (prune(graph, min_support) for graph in graphs) if graph.nodes and graph.users >= min_support]


def fresh_folder(folder: Path, source: Path) -> Path:
    """A folder that is missing, empty, or holds nothing but an earlier export.

    Raises:
        RunError: it holds something else. UsageError: it is the source.
    """
    if folder.resolve() == source.resolve():
        raise UsageError(f"{folder} is where the graphs come from", "name another folder with -o")
    try:
        foreign = next((file.name for file in sorted(folder.iterdir()) if not _exported(file)), None) if folder.exists() else None
    except OSError as error:
        raise RunError(f"cannot write to {folder}: {error.strerror}", "name a folder with -o") from error
    if foreign is not None:
        raise RunError(f"{folder} holds {foreign}, which no export wrote", "name a new folder with -o")
    return folder


def _exported(file: Path) -> bool:
    return file.is_file() and (file.name == CONCEPTS or (file.suffix[1:] in WRITERS and FORMAT.encode() in file.read_bytes()))


def drop_stale(folder: Path, written: Sequence[Path]) -> None:
    """Remove what an earlier export left in a folder and this one did not write."""
    for file in folder.iterdir():
        if file not in written:
            file.unlink()
