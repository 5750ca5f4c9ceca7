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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from wildgraph.explorer.payload import FunnelStage, PageData, TypeData, by_type, field_order, graph_block, overview, rows_block
from wildgraph.explorer.rows import choose
from wildgraph.records import Json

__all__ = ["PAGE_LIMIT", "ROWS_PER_TYPE", "FunnelStage", "PageData", "render_page"]

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
    "overview.js",
    "labels.js",
    "selection.js",
    "graph.js",
    "coverage.js",
    "samples.js",
    "main.js",
)


@dataclass(frozen=True)
class _Cut:
    """How much is shown: rows per type, and the part of the edges outside the backbones."""

    rows: int
    edges: float


_CUTS = (_Cut(ROWS_PER_TYPE, 1.0), _Cut(20, 1.0), _Cut(8, 1.0), _Cut(0, 1.0), _Cut(0, 0.3), _Cut(0, 0.0))


def render_page(data: PageData, *, compress: bool = True, page_limit: int = PAGE_LIMIT) -> str:
    """The explorer of a run as one HTML document; equal data give equal text.

    Args:
        data: what to show.
        compress: zlib and base64 for the data; plain JSON otherwise, for browsers without ``DecompressionStream``.
        page_limit: bytes above which rows, then weak edges are left out; what was left out is said on the page.

    Returns:
        HTML, ASCII in its data blocks, without lone surrogates anywhere.
    """
    types = by_type(data)
    for cut in _CUTS:
        blocks = _blocks(data, types, cut, compress=compress)
        if sum(map(len, blocks)) <= page_limit:
            break
    script = "".join(_asset(name) for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    style = _asset("app.css")
    parts = {
        "title": html.escape(_clean(data.title)),
        "policy": (
            f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; base-uri 'none'; form-action 'none'"
        ),
        "style": style,
        "script": script,
        "data": "\n".join(blocks),
    }
    # One pass: what is filled in is never searched for marks again.
    return re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark.group(1)], _asset("page.html"))


def _blocks(data: PageData, types: Sequence[TypeData], cut: _Cut, *, compress: bool) -> list[str]:
    fields = field_order(types)
    chosen = {kind.key: [] if data.publish else choose(kind.pairs, cut.rows) for kind in types}
    notes = _row_notes(data, cut, chosen)
    blocks = []
    for kind in types:
        if kind.graph is not None and kind.picture is not None:
            share = cut.edges
            while True:
                block = _block(f"graph-{kind.key}", graph_block(kind, kind.graph, kind.picture, fields, share), compress=compress)
                if len(block) <= GRAPH_LIMIT or share < 0.01:
                    break
                share /= 2
            if share < 1.0:
                notes.append(f"{kind.name}: of the edges outside the backbone only the strongest {share:.0%} are on this page.")
            blocks.append(block)
        rows = rows_block(kind, chosen[kind.key], data.documents, publish=data.publish)
        blocks.append(_block(f"rows-{kind.key}", rows, compress=compress))
    shown = {key: len(pairs) for key, pairs in chosen.items()}
    return [_block("overview", overview(data, types, shown, notes), compress=compress), *blocks]


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


def _block(name: str, content: Mapping[str, Json], *, compress: bool) -> str:
    """A data element. Escaping everything beyond ASCII lets lone surrogates through and keeps the page valid in any encoding."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    if compress:
        encoded = base64.b64encode(zlib.compress(text.encode("ascii"), 9)).decode("ascii")
        return f'<script type="text/plain" id="data-{name}" data-encoding="zlib">{encoded}</script>'
    escaped = text.replace("<", "\\u003c")
    return f'<script type="text/plain" id="data-{name}" data-encoding="json">{escaped}</script>'


def _asset(name: str) -> str:
    return files("wildgraph.explorer").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _clean(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")[:200]
