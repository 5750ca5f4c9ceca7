"""What the jobs leave: each result says in a line what it is, shows itself in a notebook, and turns into frames, graphs and data sets."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from wildgraph.errors import UsageError
from wildgraph.frames import PAIR_COLUMNS, exported_dataset, exported_frame, flat_pair, frame, html_table, one_line, pairs_dataset
from wildgraph.funnel import funnel_frame
from wildgraph.records import Pair
from wildgraph.store import RunDirectory
from wildgraph.taskgraph import TaskGraph, graph_of

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd
    from datasets import Dataset, DatasetDict

    from wildgraph.exporting import Written

#: File of a sample's accepted pairs.
PAIRS = "pairs.jsonl"
#: Pairs that a notebook shows.
_SHOWN = 5


@dataclass(frozen=True)
class BuildResult:
    """What ``build`` left.

    Attributes:
        run: the run directory.
        graphs: the published graphs.
        counts: the funnel, stage by stage.
        reused: stages that needed no work.
        gone: names of files that an earlier build into this run read and this one did not.
    """

    run: Path
    graphs: list[TaskGraph]
    counts: dict[str, dict[str, Any]]
    reused: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def graph(self, document_type: str) -> TaskGraph:
        """The graph of a document type, by its concept id, file stem or name.

        Raises:
            UsageError: there is none.
        """
        return graph_of(self.graphs, document_type)

    def __repr__(self) -> str:
        return one_line("BuildResult", run=self.run, graphs=len(self.graphs), records=sum(graph.records for graph in self.graphs))

    def _repr_html_(self) -> str:
        """In notebooks: the graphs, largest first."""
        rows = [(one.name, one.records, one.users, len(one.nodes), len(one.edges)) for one in self._by_size()]
        return html_table(f"{len(rows)} task graphs in {self.run}", ("document type", "records", "users", "labels", "edges"), rows)

    def to_pandas(self, part: Literal["types", "nodes", "edges", "funnel"] = "types") -> pd.DataFrame:
        """Document types, or the nodes or edges of all graphs, or the funnel, as a frame.

        Args:
            part: ``types`` (one row a graph, largest first), ``nodes``, ``edges``, or ``funnel`` (one row a stage, class and reason).
        """
        import pandas as pd

        if part == "funnel":
            return funnel_frame(self.counts)
        if part == "types":
            columns = ("document_type", "name", "records", "users", "min_support", "nodes", "edges")
            rows = (
                (one.document_type, one.name, one.records, one.users, one.min_support, len(one.nodes), len(one.edges))
                for one in self._by_size()
            )
            return frame((dict(zip(columns, row, strict=True)) for row in rows), columns)
        parts = [one.to_pandas(part).assign(document_type=one.document_type) for one in self.graphs]
        return pd.concat(parts, ignore_index=True)

    def to_networkx(self) -> dict[str, nx.Graph[str]]:
        """Every graph for networkx, by its document type's concept id."""
        return {graph.document_type: graph.to_networkx() for graph in self.graphs}

    def _by_size(self) -> list[TaskGraph]:
        return sorted(self.graphs, key=lambda graph: (-graph.records, graph.document_type))


@dataclass(frozen=True)
class SampleResult:
    """What ``sample`` left.

    Attributes:
        run: the run directory. folder: the sample's own folder below it.
        accepted: pairs in ``pairs.jsonl``. wanted: pairs asked for. tried: candidates.
        reused: whether the latest sample of the run was this one already.
        without_documents: document types with a graph but no document.
    """

    run: Path
    folder: Path
    accepted: int
    wanted: int
    tried: int
    reused: bool
    without_documents: tuple[str, ...] = ()

    def pairs(self) -> Iterator[Pair]:
        """The accepted pairs, read one by one.

        Raises:
            RunError: their file is missing or corrupt.
        """
        run = RunDirectory.open(self.run)
        return run.records(f"{self.folder.relative_to(self.run).as_posix()}/{PAIRS}", Pair, Pair.from_row)

    def __repr__(self) -> str:
        return one_line("SampleResult", run=self.run, accepted=self.accepted, tried=self.tried)

    def _repr_html_(self) -> str:
        """In notebooks: the first pairs."""
        shown = list(islice(self.pairs(), _SHOWN))
        rows = [(pair.paradigm, pair.document_type.rpartition("/")[2], pair.instruction, pair.response) for pair in shown]
        caption = f"{self.accepted:,} pairs accepted of {self.tried:,} candidates, in {self.run}"
        table = html_table(caption, ("paradigm", "document type", "instruction", "response"), rows)
        return table + (f"<p>… and {self.accepted - _SHOWN:,} more</p>" if self.accepted > _SHOWN else "")

    def to_pandas(self) -> pd.DataFrame:
        """The pairs as a frame of flat rows, see :func:`wildgraph.frames.flat_pair`."""
        return frame((flat_pair(pair) for pair in self.pairs()), PAIR_COLUMNS)

    def to_dataset(self) -> Dataset:
        """The same rows for the ``datasets`` library. To train on, export instead: prompts are rendered there.

        Raises:
            UsageError: the library is not installed.
        """
        return pairs_dataset(self.pairs())

    def to_networkx(self) -> nx.Graph[str]:
        """What was sampled of the graphs: labels on accepted paths with ``field, pairs``, steps between them with ``pairs``."""
        import networkx as nx

        graph: nx.Graph[str] = nx.Graph()
        for pair in self.pairs():
            for kind, concept in pair.path:
                if concept not in graph:
                    graph.add_node(concept, field=kind, pairs=0)
                graph.nodes[concept]["pairs"] += 1
            for (_, left), (_, right) in pairwise(pair.path):
                times = graph.edges[left, right]["pairs"] if graph.has_edge(left, right) else 0
                graph.add_edge(left, right, pairs=times + 1)
        return graph


@dataclass(frozen=True)
class ExportResult:
    """What ``wildgraph export`` left.

    Attributes:
        folder: of the data sets. files: those written. rows: in all of them, and by_objective.
        version: hash of the sorted row ids. dropped: objective -> reason -> pairs without a row.
        notes: what to know before training on it. removed: objectives of an earlier export that are gone.
        pushed: address of the repository that it was pushed to, or empty.
    """

    folder: Path
    files: list[Path]
    rows: int
    version: str
    by_objective: dict[str, int]
    dropped: dict[str, dict[str, int]]
    notes: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    pushed: str = ""

    def __repr__(self) -> str:
        return one_line("ExportResult", folder=self.folder, rows=self.rows, version=self.version)

    def _repr_html_(self) -> str:
        """In notebooks: rows of each format, and what was left out."""
        rows = [
            (name, count, ", ".join(f"{reason} {number:,}" for reason, number in sorted(self.dropped.get(name, {}).items())))
            for name, count in self.by_objective.items()
        ]
        return html_table(f"Data set in {self.folder}, version {self.version}", ("format", "rows", "left out"), rows)

    def to_pandas(self, objective: str = "") -> pd.DataFrame:
        """The rows of a format as one frame with a column ``split``.

        Args:
            objective: name of the format; not needed where there is one.

        Raises:
            InputError: there is no such format. UsageError: there are several, and none is named.
        """
        return exported_frame(self.folder, self._objective(objective))

    def to_dataset(self, objective: str = "") -> DatasetDict:
        """The splits of a format for the ``datasets`` library and for trainers, memory-mapped.

        Args:
            objective: name of the format; not needed where there is one.

        Raises:
            InputError: there is no such format. UsageError: there are several, and none is named; or the library is not installed.
        """
        return exported_dataset(self.folder, self._objective(objective))

    def _objective(self, name: str) -> str:
        if name or len(self.by_objective) == 1:
            return name or next(iter(self.by_objective))
        raise UsageError("the data set has several formats", f"name one of {', '.join(self.by_objective)}")

    @classmethod
    def of(cls, written: Written, pushed: str) -> ExportResult:
        """The result of what was written, and where it was pushed to."""
        rows = sum(written.rows.values())
        return cls(
            written.folder,
            list(written.files),
            rows,
            written.version,
            written.rows,
            written.dropped,
            written.notes,
            written.removed,
            pushed,
        )


# ``Path`` itself can be subclassed only from Python 3.12 on.
if TYPE_CHECKING:
    _PlainPath = Path
else:
    _PlainPath = type(Path())


class Page(_PlainPath):
    """The file that ``view`` wrote: a path that a notebook shows as the page itself."""

    def _repr_html_(self) -> str:
        """In notebooks: the page in a frame. Its address is relative to the notebook's folder, which is where a kernel starts."""
        address = os.path.relpath(self).replace(os.sep, "/")
        source, name = html.escape(quote(address), quote=True), html.escape(address)
        frame_ = f"<iframe src='{source}' style='width:100%;height:640px;border:1px solid #ccc'></iframe>"
        return f"{frame_}<p><a href='{source}' target='_blank'>{name}</a></p>"
