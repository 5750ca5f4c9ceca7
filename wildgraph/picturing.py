"""Static pictures of a run: what is read for each, and where it is written. The drawing is :mod:`wildgraph.pictures`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from wildgraph.errors import InputError, UsageError
from wildgraph.explorer.payload import FunnelStage
from wildgraph.fields import ANY_DOCUMENT
from wildgraph.pictures import FORMATS, draw_coverage, draw_funnel, draw_graph, draw_lengths, save
from wildgraph.pipeline import coverage, status
from wildgraph.publishing import graphs_of
from wildgraph.sampling import read_pairs
from wildgraph.store import RunDirectory
from wildgraph.taskgraph import TaskGraph, graph_of, read_graphs

Subject = Literal["graph", "funnel", "coverage", "lengths"]


def picture(source: str | Path, file: str | Path, of: Subject = "graph", *, document_type: str = "", format: str = "") -> Path:  # noqa: A002
    """Write a static picture of a run: one type's graph, the funnel, coverage, or lengths.

    All show published data and counts only, and may be shown to others wherever the graphs may.

    Args:
        source: a run directory; for ``graph`` also a folder of graphs.
        file: where to write.
        of: what is drawn.
        document_type: whose graph: concept id, file stem or name; by default the type with most records, *document* last.
        format: ``png``, ``svg`` or ``pdf``; by default what the file's name says.

    Raises:
        UsageError: matplotlib is not installed, there is no such format or type, or the file's name says another format.
        InputError: the run has nothing to draw of that.
    """
    root, target = Path(source), Path(file)
    kind = (format or target.suffix.lstrip(".")).lower()
    if kind not in FORMATS:
        raise UsageError(f"no picture format is called {kind!r}", f"there are {', '.join(FORMATS)}")
    named = target.suffix.lstrip(".").lower()
    if format and named and named != kind:
        raise UsageError(f"{target} is not the name of a {kind.upper()} file", f"write {target.with_suffix('.' + kind).name}")
    if document_type and of != "graph":
        raise UsageError(f"a picture of the {of} shows all document types", "leave the type out, or draw the graph")
    if of == "graph":
        figure = draw_graph(_graph(root, document_type))
    elif of == "funnel":
        stages = status(root)["stages"]
        if not stages:
            raise InputError(f"{root} holds no finished stage yet", "finish `wildgraph build` first")
        figure = draw_funnel(
            [FunnelStage(name, one["in"], one["out"], one["rejected"]) for name, one in stages.items() if name != "sample"]
        )
    elif of == "coverage":
        figure = draw_coverage(coverage(root))
    else:
        run = RunDirectory.open(root)
        if run.stage("sample") is None:
            raise InputError(f"{root} holds no sample yet", f"draw one with `wildgraph sample {root} --documents PATH`")
        figure = draw_lengths(read_pairs(run, "pairs.jsonl"))
    save(figure, target, kind)
    return target


def _graph(root: Path, document_type: str) -> TaskGraph:
    run = RunDirectory.open(root) if (root / "manifest.json").is_file() else None
    graphs = (graphs_of(run) if run else []) or read_graphs(root / "graphs" if run else root)
    if document_type:
        return graph_of(graphs, document_type)
    # The graph of whatever has no type of its own is seldom what one wants to see, however many records it has.
    return max(graphs, key=lambda one: (one.slug != ANY_DOCUMENT, one.records, one.document_type))
