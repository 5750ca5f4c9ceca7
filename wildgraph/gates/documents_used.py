"""Every document that a task needs is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.gates.verdicts import failed, passed
from wildgraph.records import Pair, Verdict


class DocumentsUsedGate(BaseModel):
    """There is evidence, and some from each document whose role is ``required``; supporting documents and distractors may go unused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "documents_used"

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``no_evidence`` or ``document_unused``."""
        used = {span.document_id for span in pair.evidence if span.text.strip()}
        if not used:
            return failed(self.name, "no_evidence", "the answer cites no passage")
        unused = [document.id for document in pair.documents if document.role == "required" and document.id not in used]
        return failed(self.name, "document_unused", f"no evidence from {', '.join(unused)}") if unused else passed(self.name)
