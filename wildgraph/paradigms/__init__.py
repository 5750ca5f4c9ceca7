"""What kinds of sample can be made of a path and documents: each paradigm a file with its Markdown prompts.

Paradigms follow arXiv 2502.16684 (single- and cross-document tasks) and arXiv 2509.01185 (dialogue, verifiable, reasoning); choosing a
document, unanswerable questions and what each prompt says are ours.
"""

from __future__ import annotations

from wildgraph.paradigms.aggregation import AGGREGATION
from wildgraph.paradigms.choose_document import CHOOSE_DOCUMENT
from wildgraph.paradigms.comparison import COMPARISON
from wildgraph.paradigms.conflict import CONFLICT
from wildgraph.paradigms.dialogue import DIALOGUE
from wildgraph.paradigms.paradigm import Paradigm
from wildgraph.paradigms.reasoning import REASONING
from wildgraph.paradigms.single_document import SINGLE_DOCUMENT
from wildgraph.paradigms.synthesis import SYNTHESIS
from wildgraph.paradigms.timeline import TIMELINE
from wildgraph.paradigms.unanswerable import UNANSWERABLE
from wildgraph.paradigms.verifiable import VERIFIABLE

PARADIGMS: dict[str, Paradigm] = {
    paradigm.name: paradigm
    for paradigm in (
        SINGLE_DOCUMENT,
        COMPARISON,
        AGGREGATION,
        CONFLICT,
        TIMELINE,
        SYNTHESIS,
        CHOOSE_DOCUMENT,
        DIALOGUE,
        VERIFIABLE,
        REASONING,
        UNANSWERABLE,
    )
}

__all__ = ["PARADIGMS", "Paradigm"]
