"""What kinds of sample can be made of a path and documents: each paradigm a file with its Markdown prompts.

Paradigms here follow arXiv 2502.16684 (single- and cross-document tasks) and, later, arXiv 2509.01185.
"""

from __future__ import annotations

from wildgraph.paradigms.aggregation import AGGREGATION
from wildgraph.paradigms.comparison import COMPARISON
from wildgraph.paradigms.paradigm import Paradigm
from wildgraph.paradigms.single_document import SINGLE_DOCUMENT

PARADIGMS: dict[str, Paradigm] = {paradigm.name: paradigm for paradigm in (SINGLE_DOCUMENT, COMPARISON, AGGREGATION)}

__all__ = ["PARADIGMS", "Paradigm"]
