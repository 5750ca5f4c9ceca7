"""Coverage: how much of every graph's labels and edges was sampled, written and accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wildgraph.pictures.style import FAINT, LINE, PASSED, empty_figure, plain, styled, write
from wildgraph.survey import CoverageReport, Reached, TypeCoverage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: State of a candidate, and its colour: the darker, the further it came.
STATES = (("sampled", "#cfe0f0"), ("generated", "#8fbbdd"), ("accepted", PASSED))


def draw_coverage(report: CoverageReport, title: str = "") -> Figure:
    """Two panels, labels and edges; a row for each document type, largest graph first.

    Args:
        report: what ``wildgraph.coverage`` gives.
        title: above the picture.
    """
    types = sorted(report.types, key=lambda one: (-one.edges, one.document_type))
    with styled():
        figure = empty_figure(10.0, 1.5 + 0.36 * max(1, len(types)))
        left, right = figure.subplots(1, 2, sharey=True)
        figure.suptitle(
            plain(title, 80) or f"Coverage: {report.accepted:,} of {report.candidates:,} candidates accepted",
            x=0.01,
            ha="left",
            fontsize=11,
            fontweight="bold",
            parse_math=False,
        )
        _panel(left, types, "labels on a path", nodes=True)
        _panel(right, types, "edges stepped over", nodes=False)
        left.set_yticks(range(len(types)), [plain(one.name, 30) for one in types])
        for label in left.get_yticklabels():
            label.set_parse_math(False)
        left.set_ylim(len(types) - 0.4, -0.6)
        from matplotlib.patches import Patch

        handles = [Patch(color=colour, label=name) for name, colour in STATES]
        figure.legend(handles=handles, loc="outside lower left", ncols=3, fontsize=8)
    return figure


def _panel(axes: Axes, types: list[TypeCoverage], caption: str, *, nodes: bool) -> None:
    def part(reached: Reached) -> int:
        return reached.nodes if nodes else reached.edges

    for row, one in enumerate(types):
        whole = max(1, one.nodes if nodes else one.edges)
        axes.barh(row, 1.0, height=0.66, color="#f2f4f4", linewidth=0)
        for reached, (_, colour) in zip((one.sampled, one.generated, one.accepted), STATES, strict=True):
            axes.barh(row, part(reached) / whole, height=0.66, color=colour, linewidth=0)
        write(axes, 1.02, row, f"{part(one.accepted):,} of {whole:,}", size=7.5, colour=FAINT)
    axes.set_title(caption, fontsize=9, fontweight="normal", color=FAINT)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1.0], ["0", "50%", "100%"])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_color(LINE)
        side.set_visible(False)
