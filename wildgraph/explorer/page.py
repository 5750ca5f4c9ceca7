"""Assembles the explorer: one self-contained HTML file that fetches nothing.

The page's own script and style are named by their SHA-256 in a Content-Security-Policy, so that nothing else can run, whatever the
labels, queries and documents contain; data lies in script elements of a type no browser executes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from wildgraph.explorer.comparison import TypePair, comparison, type_pairs, union_block
from wildgraph.explorer.payload import FunnelStage, PageData, TypeData, by_type, field_order, graph_block, overview, rows_block
from wildgraph.explorer.picture import Picture, draw
from wildgraph.explorer.rows import choose
from wildgraph.records import Json
from wildgraph.taskgraph import TaskGraph

__all__ = ["PAGE_LIMIT", "ROWS_PER_TYPE", "Block", "FunnelStage", "PageData", "page_blocks", "render_page"]

#: Rows of one document type that a page carries.
ROWS_PER_TYPE = 40
#: Bytes of a page, and of one graph in it, above which rows and then weak edges are left out.
PAGE_LIMIT = 8_000_000
GRAPH_LIMIT = 500_000

#: The parts of the script, in the order in which they are joined.
SCRIPTS = (
    "dom.js",
    "data.js",
    "state.js",
    "palette.js",
    "camera.js",
    "painter.js",
    "names.js",
    "overview.js",
    "labels.js",
    "selection.js",
    "together.js",
    "walker.js",
    "graph.js",
    "coverage.js",
    "row.js",
    "samples.js",
    "compare.js",
    "changes.js",
    "main.js",
)
#: The parts of the style sheet, in the order in which they are joined.
STYLES = ("ground.css", "overview.css", "graph.css", "coverage.css", "compare.css", "samples.css", "screens.css")
#: What a page has besides when it is served while its run grows.
LIVE_SCRIPT = "live.js"
_LIVE_POLICY = "connect-src 'self'; "


@dataclass(frozen=True)
class _Cut:
    """How much is shown: rows per type, and the part of the edges outside the backbones."""

    rows: int
    edges: float


@dataclass(frozen=True)
class Block:
    """One data element of a page.

    Attributes:
        name: which. encoding: ``zlib``, which is base64 of compressed JSON, or ``json``. text: the content, ASCII.
    """

    name: str
    encoding: str
    text: str


_CUTS = (_Cut(ROWS_PER_TYPE, 1.0), _Cut(20, 1.0), _Cut(8, 1.0), _Cut(0, 1.0), _Cut(0, 0.3), _Cut(0, 0.0))


def render_page(
    data: PageData,
    *,
    compare: PageData | None = None,
    compress: bool = True,
    page_limit: int = PAGE_LIMIT,
    live: bool = False,
    painter: Callable[[TaskGraph], Picture] = draw,
) -> str:
    """The explorer of a run as one HTML document; equal data give equal text.

    Args:
        data: what to show.
        compare: another run to set beside it.
        compress: zlib and base64 for the data; plain JSON otherwise, for browsers without ``DecompressionStream``.
        page_limit: bytes above which rows, then weak edges are left out; what was left out is said on the page.
        live: made to be served: the page asks its own server, and nothing else, whether the run has grown.
        painter: lays graphs out; one that remembers saves a server the work.

    Returns:
        HTML, ASCII in its data blocks, without lone surrogates anywhere.
    """
    script = "".join(_asset(name) for name in ((*SCRIPTS, LIVE_SCRIPT) if live else SCRIPTS))
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    style = "\n".join(_asset(name) for name in STYLES)
    parts = {
        "title": html.escape(_clean(data.title)),
        "policy": (
            f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
            f"{_LIVE_POLICY if live else ''}base-uri 'none'; form-action 'none'"
        ),
        "style": style,
        "script": script,
    }
    template = _asset("page.html")
    room = page_limit - len(template) - sum(map(len, parts.values()))
    blocks = page_blocks(data, compare=compare, compress=compress, data_limit=room, painter=painter)
    parts["data"] = "\n".join(map(_element, blocks))
    # One pass: what is filled in is never searched for marks again.
    return re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark.group(1)], template)


def page_blocks(
    data: PageData,
    *,
    compare: PageData | None = None,
    compress: bool = True,
    data_limit: int = PAGE_LIMIT,
    painter: Callable[[TaskGraph], Picture] = draw,
) -> list[Block]:
    """The data of a page, the overview first.

    Args:
        data: what to show.
        compare: another run to set beside it.
        compress: as for :func:`render_page`.
        data_limit: bytes above which rows, then weak edges are left out.
        painter: lays graphs out.
    """
    types = by_type(data, painter)
    pairs = type_pairs(types, compare, painter) if compare else []
    for cut in _CUTS:
        blocks = _blocks(data, types, compare, pairs, cut, compress)
        if sum(len(_element(block)) for block in blocks) <= data_limit:
            break
    return blocks


def _blocks(
    data: PageData, types: Sequence[TypeData], compare: PageData | None, pairs: Sequence[TypePair], cut: _Cut, compress: bool
) -> list[Block]:
    fields = field_order([*types, *(pair.there for pair in pairs if pair.there)])
    chosen = {kind.key: [] if data.publish else choose(kind.pairs, cut.rows) for kind in types}
    notes = _row_notes(data, cut, chosen)
    blocks = []
    for kind in types:
        graph, picture = kind.graph, kind.picture
        if graph is not None and picture is not None:

            def own(share: float, kind: TypeData = kind, graph: TaskGraph = graph, picture: Picture = picture) -> dict[str, Json]:
                return graph_block(kind, graph, picture, fields, share)

            blocks.append(_bounded(f"graph-{kind.key}", own, kind.name, cut.edges, compress, notes))
        blocks.append(_block(f"rows-{kind.key}", rows_block(kind, chosen[kind.key], data), compress))
    for pair in pairs:

        def both(share: float, pair: TypePair = pair) -> dict[str, Json]:
            return union_block(pair, fields, share)

        blocks.append(_bounded(f"compare-{pair.key}", both, f"{pair.name}, compared", cut.edges, compress, notes))
    shown = {key: len(rows) for key, rows in chosen.items()}
    front = overview(data, types, fields, shown, notes)
    if compare:
        front["compare"] = comparison(data, compare, pairs)
    return [_block("overview", front, compress), *blocks]


def _bounded(
    name: str, content: Callable[[float], Mapping[str, Json]], title: str, share: float, compress: bool, notes: list[str]
) -> Block:
    """A graph's block with as many of its weak edges as the limit of one graph allows; says so in ``notes`` if these are not all."""
    block = _block(name, content(share), compress)
    while len(block.text) > GRAPH_LIMIT and share >= 0.01:
        share /= 2
        block = _block(name, content(share), compress)
    if share < 1.0:
        notes.append(f"{title}: of the edges outside the backbone only the strongest {share:.0%} are on this page.")
    return block


def _row_notes(data: PageData, cut: _Cut, chosen: Mapping[str, Sequence[object]]) -> list[str]:
    if data.publish:
        return ["This page was made for publishing: it holds no rows and no documents, only graphs, paths and counts."]
    shown = sum(map(len, chosen.values()))
    if shown == len(data.pairs):
        return []
    size = "" if cut.rows == ROWS_PER_TYPE else ", fewer than usual to keep the page small"
    return [
        f"{shown:,} of {len(data.pairs):,} rows are on this page, at most {cut.rows} per document type{size}. All counts are of all rows."
    ]


def _block(name: str, content: Mapping[str, Json], compress: bool) -> Block:
    """A data block. Escaping everything beyond ASCII lets lone surrogates through and keeps the page valid in any encoding."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    if compress:
        return Block(name, "zlib", base64.b64encode(zlib.compress(text.encode("ascii"), 9)).decode("ascii"))
    return Block(name, "json", text.replace("<", "\\u003c"))


def _element(block: Block) -> str:
    return f'<script type="text/plain" id="data-{block.name}" data-encoding="{block.encoding}">{block.text}</script>'


def _asset(name: str) -> str:
    return files("wildgraph.explorer").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _clean(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")[:200]
