"""What the explorer shows of a run: read from finished stages, or, while a command is at work, also from what it has written so far."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from pathlib import Path

from pydantic import ValidationError

from wildgraph import __version__
from wildgraph.atomic import cannot_write, spare
from wildgraph.corpus import DocumentStore
from wildgraph.errors import InputError, RunError, UsageError
from wildgraph.explorer.page import FunnelStage, PageData, render_page
from wildgraph.explorer.serving import PageServer, Source, State
from wildgraph.funnel import in_order
from wildgraph.publishing import graphs_of
from wildgraph.records import Document, Pair
from wildgraph.results import Page
from wildgraph.sampling import read_pairs
from wildgraph.store import RunDirectory
from wildgraph.taskgraph import TaskGraph, read_graphs
from wildgraph.taskgraph.checking import graph_problems

#: Seconds after which a half-written file counts as left behind by a command that was stopped [ours].
STALE = 300.0
_CHUNK = 1 << 20


def view(
    source: str | Path,
    out: str | Path | None = None,
    *,
    compare: str | Path | None = None,
    publish: bool = False,
    compress: bool = True,
) -> Page:
    """Write one offline HTML page that shows a run or a folder of graphs.

    Args:
        source: a run directory, or a folder of published graphs.
        out: the file; by default ``explorer.html`` in ``source``.
        compare: another run or folder of graphs to set beside it.
        publish: shareable data only.
        compress: pack the page's data.

    Raises:
        WildgraphError: see :mod:`wildgraph.errors`.
    """
    root = Path(source)
    file = Path(out) if out else root / "explorer.html"
    spare(file, "<!doctype html>", "page", "name another file with -o")
    other = _content(Path(compare), publish) if compare else None
    page = render_page(_content(root, publish), compare=other, compress=compress)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.parent / f"{file.name}.partial"
        partial.write_text(page, encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        raise cannot_write(file, error) from error
    return Page(file)


def serve(source: str | Path, *, compare: str | Path | None = None, publish: bool = False, port: int = 0) -> PageServer:
    """A server of the same page, which follows a run while it grows; the caller serves and closes it.

    Args:
        source: a run directory, also one that has only just been begun, or a folder of published graphs.
        compare: another run or folder of graphs to set beside it.
        publish: shareable data only.
        port: a free one by default.

    Raises:
        WildgraphError: see :mod:`wildgraph.errors`.
    """
    root = Path(source)
    if not root.is_dir():
        raise InputError(f"{root} is not a directory", "name a run, or a folder of graphs")
    growth = Growth(root)
    other = Path(compare) if compare else None

    def read() -> tuple[PageData, PageData | None]:
        return _content(root, publish, growing=True), _content(other, publish) if other else None

    if other:
        _content(other, publish)  # what is wrong with it is said now
    return PageServer(Source(root.resolve().name, growth.state, read), port)


def _content(root: Path, publish: bool, *, growing: bool = False) -> PageData:
    """What a page shows of a run or of a folder of graphs.

    Raises:
        UsageError: it is to be published and its graphs do not keep what they promise.
    """
    if (root / "manifest.json").is_file():
        data = _of_run(RunDirectory.open(root), publish, growing)
    elif growing and (root / "private").is_dir():
        data = PageData(title=root.resolve().name, graphs=(), notes=["No stage has been finished yet."], publish=publish)
    else:
        data = PageData(title=root.resolve().name, graphs=read_graphs(root), publish=publish)
    if publish:
        _keep_promise(data.graphs)
    return data


def _keep_promise(graphs: Sequence[TaskGraph]) -> None:
    for graph in graphs:
        if graph.min_support < 2:
            raise UsageError(
                f"the graph {graph.name!r} cannot be published: at K = {graph.min_support} every node may stand for one user",
                "build with --min-support 2 or more",
            )
        problem = next(graph_problems(graph), None)
        if problem:
            raise UsageError(f"the graph {graph.name!r} cannot be published: it {problem}", "see `wildgraph graph check`; build it again")


def _of_run(run: RunDirectory, publish: bool, growing: bool) -> PageData:
    stages = run.manifest()["stages"]
    folder = _sampling(run.path) if growing else None
    shareable = (run.path / "graphs").is_dir()
    graphs = graphs_of(run, folder.name if folder else "") if shareable or not publish else []
    if not graphs and "sample" not in stages and not growing:
        raise InputError(f"{run.path} holds neither graphs nor a sample yet", "finish `wildgraph build` or `wildgraph sample` first")
    notes: list[str] = []
    if folder is not None:
        pairs = list(_so_far(folder))
        notes.append(f"A sample is being drawn: these are its {len(pairs):,} rows so far. Stages count when they are finished.")
    elif "sample" in stages:
        gated = f"samples/{stages['sample']['fingerprint']}/gated.jsonl"
        pairs = [*read_pairs(run, "pairs.jsonl"), *read_pairs(run, gated)]
    else:
        pairs = []
    store = run.path / "documents.sqlite"
    hashes = frozenset(() if publish else (document.hash for pair in pairs for document in pair.documents))
    if hashes and not growing and not store.is_file():
        raise RunError(
            f"{store} is not there, so the rows' documents cannot be shown", "sample again, or look at what is shareable with --publish"
        )
    about = {"wildgraph": __version__}
    about |= {f"{name} engine": str(stages[name]["engine"]) for name in ("mine", "sample") if "engine" in stages.get(name, {})}
    if "sample" in stages:
        about |= {"seed": str(stages["sample"]["seed"]), "pairs wanted": str(stages["sample"]["wanted"])}
    return PageData(
        title=run.path.resolve().name,
        graphs=graphs,
        funnel=[
            FunnelStage(name, stages[name]["in"], stages[name]["out"], stages[name]["rejected"])
            for name in in_order(stages)
            if name != "sample"
        ],
        pairs=pairs,
        documents=Stored(store, hashes, attrgetter("text")),
        titles=Stored(store, hashes, attrgetter("title")),
        about=about,
        publish=publish,
        notes=notes,
    )


class Stored(Mapping[str, str]):
    """Content hash -> a part of the document, read from the run's store when asked for: a page shows few of many documents.

    Args:
        file: the document store; need not be there.
        hashes: of the documents there may be.
        part: of the document.
    """

    def __init__(self, file: Path, hashes: Collection[str], part: Callable[[Document], str]) -> None:
        self._file = file
        self._hashes = hashes
        self._part = part

    def __getitem__(self, digest: str) -> str:
        if digest not in self._hashes or not self._file.is_file():
            raise KeyError(digest)
        with DocumentStore(self._file) as store:
            if digest not in store:  # a sample that is being drawn may be ahead of its store
                raise KeyError(digest)
            return self._part(store.get(digest))

    def __iter__(self) -> Iterator[str]:
        return iter(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)


# --------------------------------------------------------------------------- while a command is at work


@dataclass
class Growth:
    """Watches a folder: what is finished in it, and how many rows half-written files have.

    Attributes:
        root: a run directory or a folder of graphs.
    """

    root: Path
    _counted: dict[Path, tuple[int, int, int]] = field(default_factory=dict)  # inode, bytes and lines that were counted

    def state(self) -> State:
        """How far it is now."""
        marks = []
        doing: dict[str, int] = {}
        finished = [self.root / "manifest.json", self.root / "pairs.jsonl", *self.root.glob("graphs/*.json"), *self.root.glob("*.json")]
        for file in sorted({*finished, *_partials(self.root)}):
            try:
                found = file.stat()
            except OSError:
                continue  # took its place, or was not there at all
            marks.append(f"{file}\0{found.st_ino}\0{found.st_size}\0{found.st_mtime_ns}")
            if file.suffix == ".partial" and file.name.endswith(".jsonl.partial") and time.time() - found.st_mtime < STALE:
                doing[file.name.removesuffix(".jsonl.partial").replace(".", " ")] = self._lines(file, found.st_ino, found.st_size)
        return State(hashlib.sha256("\n".join(marks).encode("utf-8", "surrogateescape")).hexdigest()[:16], sorted(doing.items()))

    def _lines(self, file: Path, inode: int, size: int) -> int:
        """Lines of a file that grows, counting only what is new."""
        known, place, lines = self._counted.get(file, (inode, 0, 0))
        if known != inode or size < place:  # another file, which may have got the number of one that is gone
            place, lines = 0, 0
        try:
            with file.open("rb") as handle:
                handle.seek(place)
                while block := handle.read(_CHUNK):
                    lines += block.count(b"\n")
                place = handle.tell()
        except OSError:
            return lines
        self._counted[file] = (inode, place, lines)
        return lines


def _partials(root: Path) -> Iterator[Path]:
    """Half-written files of stages and samples; the details of rejections, which have a public twin, left out."""
    for file in chain(root.glob("*.partial"), root.glob("private/*.partial"), root.glob("samples/*/*.partial")):
        if not (file.parent.name == "private" and ".rejected." in file.name):
            yield file


def _sampling(root: Path) -> Path | None:
    """The folder of the sample that is being drawn, if one is."""
    files = [file for file in root.glob("samples/*/pairs.jsonl.partial") if time.time() - file.stat().st_mtime < STALE]
    return max(files, key=lambda file: file.stat().st_mtime).parent if files else None


def _so_far(folder: Path) -> Iterator[Pair]:
    """The pairs that a sample has written, accepted and gated ones; a last line that is not whole yet is left out."""
    for name in ("pairs", "gated"):
        try:
            written = (folder / f"{name}.jsonl.partial").read_bytes()
        except OSError:
            continue
        for line in written[: written.rfind(b"\n") + 1].splitlines():  # of bytes, which are split at ends of lines alone
            try:
                yield Pair.from_row(json.loads(line.decode("utf-8", "surrogatepass")))
            except (ValueError, ValidationError) as error:
                raise RunError(f"{folder} cannot be read while it is written: {error}") from error
