"""One document type's graph: islands of labels that belong together, their strongest ties, and what nearly everybody asks for beside it.

The picture is the explorer's (:mod:`wildgraph.explorer.picture`): it decides what is an edge, an island, a chip, and where it lies.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from wildgraph.explorer.picture import Picture, draw
from wildgraph.fields import DEFAULT_FIELDS
from wildgraph.pictures.style import FAINT, LINE, OTHER, PAPER, SHAPES, SLOTS, empty_figure, plain, styled, write
from wildgraph.taskgraph import TaskGraph

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Labels whose names are written; of more, those that most users ask for.
NAMED = 60
#: Chips that are named.
CHIPS = 14
#: Picture units to an inch: names of 7 points beside labels that are 46 units apart.
_UNITS = 52.0
_LEAST, _MOST = 5.0, 16.0
_SIDE = 2.6
#: Room that a name of two lines takes above or below its label, and half of what it takes to the sides, in picture units.
_NAME_HEIGHT, _NAME_HALF = 24.0, 30.0


class _Mark(NamedTuple):
    """What a field's labels are drawn with."""

    colour: str
    shape: str


def draw_graph(graph: TaskGraph, *, named: int = NAMED, seed: int = 0) -> Figure:
    """The graph of one document type.

    Args:
        graph: any task graph, also an empty one.
        named: how many labels get their names.
        seed: of the layout.
    """
    picture = draw(graph, seed=seed)
    marks = _marks(graph)
    islands = picture.islands
    left, right = (min((one.x - one.radius for one in islands), default=0), max((one.x + one.radius for one in islands), default=1))
    top, bottom = (min((one.y - one.radius for one in islands), default=0), max((one.y + one.radius for one in islands), default=1))
    scale = min(1.0, (_MOST - _SIDE) * _UNITS / max(1, right - left), _MOST * _UNITS / max(1, bottom - top))
    width, height = (max(_LEAST, (right - left) / _UNITS * scale), max(_LEAST, (bottom - top) / _UNITS * scale))
    with styled():
        figure = empty_figure(width + _SIDE, height + 0.8)
        shares = [width, _SIDE]
        axes, side = figure.subplots(1, 2, gridspec_kw={"width_ratios": shares})
        caption = f"{graph.records:,} records of {graph.users:,} users, {len(graph.nodes):,} labels, {len(graph.edges):,} edges, K = {graph.min_support}"
        figure.suptitle(plain(graph.name, 60), x=0.004, ha="left", fontsize=13, fontweight="bold", parse_math=False)
        axes.set_title(caption, fontsize=8.5, fontweight="normal", color=FAINT)
        _islands(axes, graph, picture, marks, named)
        axes.set_xlim(left - 20, right + 20)
        axes.set_ylim(bottom + 20, top - 20)  # rows grow downwards, as on a screen
        axes.set_aspect("equal")
        axes.set_axis_off()
        _side(side, graph, picture, marks)
    return figure


def _marks(graph: TaskGraph) -> dict[str, _Mark]:
    """Field -> mark: every colour as a disc, then as other shapes; what is left over shares grey discs.

    A field of the default table has the same mark in every picture; others come behind them, those with most labels first.
    """
    counts = Counter(node.field for node in graph.nodes)
    usual = [field.name for field in DEFAULT_FIELDS if field.node]
    fields = [*usual, *(name for name, _ in counts.most_common() if name not in usual)]
    marks = [_Mark(colour, shape) for shape in SHAPES for colour in SLOTS]
    marked = {name: marks[place] if place < len(marks) else _Mark(OTHER, SHAPES[0]) for place, name in enumerate(fields)}
    return {name: mark for name, mark in marked.items() if counts[name]}


def _islands(axes: Axes, graph: TaskGraph, picture: Picture, marks: Mapping[str, _Mark], named: int) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Circle

    for island in picture.islands:
        edge = LINE if not island.loose else "none"
        axes.add_patch(Circle((island.x, island.y), island.radius, facecolor="#f7f8f8", edgecolor=edge, linewidth=0.8, zorder=0))
        if island.loose:
            write(axes, island.x, island.y - island.radius + 12, "without a strong tie", size=6.5, colour=FAINT, align="center")
    ends = [graph.edges[number] for number in picture.backbone]
    lines = [((picture.x[one.source], picture.y[one.source]), (picture.x[one.target], picture.y[one.target])) for one in ends]
    strength = [picture.scores[number] for number in picture.backbone]
    most = max(strength, default=1.0) or 1.0
    widths = [0.4 + 1.8 * score / most for score in strength]
    inside = [picture.island_of[one.source] == picture.island_of[one.target] for one in ends]
    paints = ["#9aa3ad" if within else "#d5d9dd" for within in inside]
    axes.add_collection(LineCollection(lines, linewidths=widths, colors=paints, zorder=1, capstyle="round"))
    shown = [node for node in range(len(graph.nodes)) if picture.island_of[node] >= 0]
    largest = max((graph.nodes[node].support for node in shown), default=1)
    by_shape: dict[str, list[int]] = {}
    for node in shown:
        by_shape.setdefault(marks[graph.nodes[node].field].shape, []).append(node)
    for shape, nodes in by_shape.items():
        axes.scatter(
            [picture.x[node] for node in nodes],
            [picture.y[node] for node in nodes],
            s=[14 + 110 * graph.nodes[node].support / largest for node in nodes],
            c=[marks[graph.nodes[node].field].colour for node in nodes],
            marker=shape,
            edgecolors=PAPER,
            linewidths=0.7,
            zorder=2,
        )
    ties: dict[int, list[int]] = {}
    for one in ends:
        ties.setdefault(one.source, []).append(one.target)
        ties.setdefault(one.target, []).append(one.source)
    order = sorted(shown, key=lambda node: (-graph.nodes[node].support, graph.nodes[node].concept))
    for node in order[:named]:
        away = 2 + 0.55 * math.sqrt(14 + 110 * graph.nodes[node].support / largest)
        above = _goes_above(picture, node, ties.get(node, []), shown)
        _halo(axes, picture.x[node], picture.y[node] + (-away if above else away), _wrapped(graph.nodes[node].name), above)


def _goes_above(picture: Picture, node: int, tied: list[int], shown: list[int]) -> bool:
    """Whether a name stands better above its label: its ties go down, and nobody is where it would stand."""
    x, y = picture.x[node], picture.y[node]
    if sum(picture.y[other] - y for other in tied) <= 0.0:
        return False
    island = picture.islands[picture.island_of[node]]
    if y - _NAME_HEIGHT < island.y - island.radius:
        return False
    # A name may stand below whoever is up there: room for both.
    return not any(abs(picture.x[other] - x) < 2 * _NAME_HALF and 0.0 < y - picture.y[other] < 2 * _NAME_HEIGHT for other in shown)


def _wrapped(name: str) -> str:
    """A name on at most two lines."""
    return "\n".join(wrap(plain(name, 60), 20, max_lines=2, placeholder=" …"))


def _halo(axes: Axes, x: float, y: float, text: str, above: bool) -> None:
    """A name that stays readable where a line runs through it."""
    from matplotlib.patheffects import withStroke

    axes.text(
        x,
        y,
        text,
        fontsize=6.2,
        ha="center",
        va="bottom" if above else "top",
        linespacing=1.0,
        zorder=3,
        parse_math=False,
        path_effects=[withStroke(linewidth=2, foreground=PAPER)],
    )


def _side(side: Axes, graph: TaskGraph, picture: Picture, marks: Mapping[str, _Mark]) -> None:
    """The legend, and the labels that nearly every record has."""
    side.set_axis_off()
    side.set_xlim(0, 1)
    none = _Mark("", "")
    lines: list[tuple[str, str, _Mark]] = [("head", "Fields", none)]
    lines += [("dot", field.replace("_", " "), mark) for field, mark in marks.items() if mark.colour != OTHER]
    if any(mark.colour == OTHER for mark in marks.values()):
        lines.append(("dot", "other fields", _Mark(OTHER, SHAPES[0])))
    if picture.chips:
        lines += [("gap", "", none), ("head", "In more than 15% of the records", none)]
        for node in picture.chips[:CHIPS]:
            one = graph.nodes[node]
            lines.append(("dot", f"{plain(one.name, 27)}  {one.records / max(1, graph.records):.0%}", marks[one.field]))
        if len(picture.chips) > CHIPS:
            lines.append(("text", f"… and {len(picture.chips) - CHIPS} more", none))
    side.set_ylim(max(len(lines), 26) + 0.5, -0.5)
    for row, (kind, text, mark) in enumerate(lines):
        if kind == "head":
            write(side, 0.0, row, text, size=8, colour=FAINT, bold=True)
        elif kind == "dot":
            side.scatter([0.03], [row], s=26, c=[mark.colour], marker=mark.shape)
            write(side, 0.09, row, text, size=7.5)
        elif kind == "text":
            write(side, 0.09, row, text, size=7.5, colour=FAINT)
