"""Static pictures for papers and slides: a task graph, the funnel, coverage, lengths. Drawn by matplotlib, the extra ``wildgraph[pictures]``.

Every picture is a function from records to a figure; nothing here reads a run or writes a file but :func:`save`.
"""

from __future__ import annotations

from wildgraph.pictures.coverage import draw_coverage
from wildgraph.pictures.funnel import draw_funnel
from wildgraph.pictures.graph import draw_graph
from wildgraph.pictures.lengths import draw_lengths
from wildgraph.pictures.style import FORMATS, save

__all__ = ["FORMATS", "draw_coverage", "draw_funnel", "draw_graph", "draw_lengths", "save"]
