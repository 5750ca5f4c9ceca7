"""Where in the prompt the evidence lies: long contexts are read worst in the middle (Liu et al., arXiv 2307.03172)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.gates.verdicts import failed, passed
from wildgraph.records import Evidence, Pair, Verdict

_LISTED = 24


class EvidencePositionsGate(BaseModel):
    """Measures where evidence lies, and turns away what is too close together where distance is the point. [ours].

    A position is the middle of a span as a share of all documents' text in prompt order, in [0, 1]; a distance is the text between two spans
    in the trainee's tokens, by the pair's own count of its documents. The verdict's detail has the numbers: ``depths``, and ``distance`` or
    ``spread`` where they are judged.

    Attributes:
        distance: least tokens of the widest gap between neighbouring places of evidence, of paradigms in ``steps``; 0 asks for none. Single
            steps may well rest on neighbouring sentences.
        steps: paradigms whose evidence must lie apart.
        spread: least difference in position between the outermost evidence of different turns, of paradigms in ``turns``.
        turns: paradigms whose turns must move through the documents.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "evidence_positions"

    distance: int = Field(default=64, ge=0)
    steps: tuple[str, ...] = ("reasoning",)
    spread: float = Field(default=0.1, ge=0.0, le=1.0)
    turns: tuple[str, ...] = ("dialogue",)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``no_evidence`` or ``evidence_too_close``."""
        starts: dict[str, int] = {}
        whole = 0
        for document in sorted(pair.documents, key=lambda one: one.order):
            starts[document.id] = whole
            whole += len(texts[document.id])
        spans = [span for span in pair.evidence if span.document_id in starts]
        if not spans or not whole:
            return failed(self.name, "no_evidence", "there is no evidence whose place could be measured")

        def place(span: Evidence) -> float:
            return (starts[span.document_id] + (span.start + span.end) / 2) / whole

        depths = sorted(place(span) for span in spans)
        shown = "depths " + " ".join(f"{depth:.3f}" for depth in depths[:_LISTED])
        if pair.paradigm in self.steps:
            tokens = pair.n_tokens.documents / whole
            edges = sorted({(starts[span.document_id] + span.start, starts[span.document_id] + span.end) for span in spans})
            if len(edges) < 2:
                return failed(self.name, "evidence_too_close", f"all steps cite one place; {shown}")
            widest = max(max(0, right[0] - left[1]) for left, right in pairwise(edges)) * tokens
            shown = f"distance {widest:.0f} tokens; {shown}"
            if widest < self.distance:
                return failed(self.name, "evidence_too_close", shown)
        if pair.paradigm in self.turns:
            known = [[one for one in turn.evidence if one.document_id in starts] for turn in pair.turns]
            middles = [sum(map(place, found)) / len(found) for found in known if found]
            spread = max(middles) - min(middles)
            shown = f"spread {spread:.3f}; {shown}"
            if len(middles) < 2 or spread < self.spread:
                return failed(self.name, "evidence_too_close", shown)
        return passed(self.name, shown)
