"""Evidence and quotations are found in the documents, word for word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.gates.verdicts import failed, passed
from wildgraph.quotes import quotations, says
from wildgraph.records import Pair, Verdict


class GroundingGate(BaseModel):
    """Evidence stands in its document where it says, and what an answer presents as quoted is in a document or in the instruction. [ours].

    Attributes:
        quote_words: quotations of fewer words are not checked: they may be titles, terms or irony. Twice as many characters in scripts
            without spaces.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "grounding"

    quote_words: int = Field(default=8, ge=1)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``ungrounded``."""
        for span in pair.evidence:
            if span.document_id not in texts:
                return failed(self.name, "ungrounded", f"evidence from {span.document_id!r}, which is none of the pair's documents")
            if not span.text.strip() or texts[span.document_id][span.start : span.end] != span.text:
                return failed(self.name, "ungrounded", f"not at {span.start}–{span.end} of {span.document_id}: {span.text}")
        asked = "\n".join(turn.content for turn in pair.turns if turn.role != "assistant")
        for turn in pair.turns:
            if turn.role != "assistant":
                continue
            for quote in quotations(turn.content, self.quote_words):
                if not any(says(text, quote) for text in texts.values()) and not says(asked, quote):
                    return failed(self.name, "ungrounded", f"quoted, but in no document: {quote}")
        return passed(self.name)
