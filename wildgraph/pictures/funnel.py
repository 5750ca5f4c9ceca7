"""The funnel: what entered every stage, what passed, and what was dropped for which reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wildgraph.explorer.payload import FunnelStage
from wildgraph.pictures.style import DROPPED, FAINT, PASSED, empty_figure, plain, styled, write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Reasons that are named beside a stage.
REASONS_SHOWN = 3


def draw_funnel(stages: Sequence[FunnelStage], title: str = "") -> Figure:
    """A bar for each stage, split into what passed and what was filtered, gated and failed.

    A bar is as long as its own stage's input: a wave of 30 candidates and a log of a million queries are both to be read.

    Args:
        stages: in order.
        title: above the picture.
    """
    with styled():
        figure = empty_figure(9.5, 1.4 + 0.5 * max(1, len(stages)))
        axes = figure.subplots()
        axes.set_title(plain(title, 80) or "Funnel", parse_math=False)
        for row, stage in enumerate(stages):
            whole = max(1, stage.entered, stage.passed)
            lost = {kind: sum(reasons.values()) for kind, reasons in stage.rejected.items()}
            parts = [("passed", max(0, whole - sum(lost.values())), PASSED)]
            parts += [(kind, lost.get(kind, 0), colour) for kind, colour in DROPPED.items()]
            left = 0.0
            for _, count, colour in parts:
                axes.barh(row, count / whole, left=left, height=0.62, color=colour, linewidth=0)
                left += count / whole
            reasons = sorted(
                ((count, reason) for kinds in stage.rejected.values() for reason, count in kinds.items() if count),
                key=lambda one: (-one[0], one[1]),
            )
            named = ", ".join(f"{reason} {count:,}" for count, reason in reasons[:REASONS_SHOWN])
            more = f" … {len(reasons) - REASONS_SHOWN} more" if len(reasons) > REASONS_SHOWN else ""
            write(axes, 1.015, row - (0.17 if named else 0), f"{stage.entered:,} in, {stage.passed:,} out", size=8)
            write(axes, 1.015, row + 0.2, named + more, size=6.5, colour=FAINT)
        axes.set_yticks(range(len(stages)), [plain(stage.stage, 24) for stage in stages])
        axes.set_ylim(len(stages) - 0.4, -0.6)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "25%", "50%", "75%", "100%"])
        axes.set_xlabel("share of what entered the stage")
        axes.tick_params(length=0)
        axes.grid(axis="x")
        for side in axes.spines.values():
            side.set_visible(False)
        from matplotlib.patches import Patch

        handles = [Patch(color=colour, label=name) for name, colour in [("passed", PASSED), *DROPPED.items()]]
        figure.legend(handles=handles, loc="outside lower left", ncols=4, fontsize=8)
    return figure
