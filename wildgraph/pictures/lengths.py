"""Lengths of whole samples in the trainee's tokens, by paradigm."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from wildgraph.pictures.style import FAINT, OTHER, SLOTS, empty_figure, plain, styled
from wildgraph.records import Pair

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Bins of the histogram, equally wide on the logarithmic axis.
BINS = 24


def draw_lengths(pairs: Iterable[Pair], title: str = "") -> Figure:
    """A histogram of whole samples on a logarithmic axis, stacked by paradigm, with targets as lines where there are some.

    Args:
        pairs: read once; only their lengths are kept.
        title: above the picture.
    """
    lengths: dict[str, list[int]] = defaultdict(list)
    targets: set[int] = set()
    estimated = False
    for pair in pairs:
        lengths[pair.paradigm].append(max(1, pair.n_tokens.total))
        estimated |= pair.n_tokens.estimated
        if pair.bucket:
            targets.add(pair.bucket)
    order = sorted(lengths, key=lambda name: (-len(lengths[name]), name))
    everything = sorted(length for name in order for length in lengths[name])
    with styled():
        from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

        figure = empty_figure(8.0, 4.2)
        axes = figure.subplots()
        median = f", median {everything[len(everything) // 2]:,} tokens" if everything else ""
        axes.set_title(plain(title, 80) or f"{len(everything):,} samples{median}", parse_math=False)
        if everything:
            low, high = math.log2(everything[0]) - 0.05, math.log2(max(everything[-1], *targets, 1)) + 0.05
            edges = [2 ** (low + (high - low) * step / BINS) for step in range(BINS + 1)]
            own = order[: len(SLOTS)]
            stacked = [lengths[name] for name in own]
            names, colours = list(own), list(SLOTS[: len(own)])
            if rest := [length for name in order[len(SLOTS) :] for length in lengths[name]]:
                stacked, names, colours = [*stacked, rest], [*names, f"{len(order) - len(SLOTS)} other paradigms"], [*colours, OTHER]
            labels = [f"{plain(name.replace('_', ' '), 30)} ({len(part):,})" for name, part in zip(names, stacked, strict=True)]
            axes.hist(stacked, bins=edges, stacked=True, color=colours, label=labels, rwidth=0.92, linewidth=0)
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_locator(LogLocator(base=2, subs=(1.0, 1.5), numticks=99))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(_tokens)
            axes.legend(fontsize=7.5, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        for target in sorted(targets):
            axes.axvline(target, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set_xlabel("tokens of the whole sample" + (" (estimated)" if estimated else ""))
        axes.set_ylabel("samples")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        axes.tick_params(length=0)
    return figure


def _tokens(value: float, place: float) -> str:
    """A length as people say it; whole thousands of 1,024.

    Example:
        >>> _tokens(8192, 0), _tokens(512, 1), _tokens(1536, 2)
        ('8k', '512', '1.5k')
    """
    return f"{value / 1024:.3g}k" if value >= 1024 else f"{value:.0f}"
