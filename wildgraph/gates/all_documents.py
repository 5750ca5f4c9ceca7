"""Every required document is needed: leave one out, and something of the answer is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.gates.reading import containment, reading
from wildgraph.gates.verdicts import failed, not_evaluated, passed
from wildgraph.quotes import plain
from wildgraph.records import Pair, Verdict

_LONGER = 4


class AllDocumentsGate(BaseModel):
    """Each required document gives the answer something that no other required document has. [ours].

    A document gives something when a passage cited from it is not held by another required document (most of its runs of five words), and
    words or figures of such a passage that are cited from nowhere else are in the answer. Distractors and padding are never left out: they
    are not required. Whether the same can be concluded from what is left, only a model can say.

    Attributes:
        overlap: least share of a passage's runs of five words at which another document holds it.
        words: how many words or figures of its own a document must bring to the answer.
        shared: least share of the answer's longer words that the cited passages have; with fewer, answer and documents are in different
            languages or in very different words, and nothing is compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "all_documents"

    overlap: float = Field(default=0.6, gt=0.0, le=1.0)
    words: int = Field(default=2, ge=1)
    shared: float = Field(default=0.15, ge=0.0, le=1.0)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``document_not_needed``."""
        required = [document.id for document in pair.documents if document.role == "required"]
        if len(required) < 2:
            return passed(self.name, "one document is required")
        own = {
            name: [
                span.text
                for span in pair.evidence
                if span.document_id == name
                and not any(containment(span.text, texts[other]) >= self.overlap for other in required if other != name)
            ]
            for name in required
        }
        for name, passages in own.items():
            if not passages:
                return failed(self.name, "document_not_needed", f"all that is cited from {name} is in another required document too")
        said = {word for turn in pair.turns if turn.role == "assistant" for word in _telling(turn.content)}
        cited = {name: set().union(*map(_telling, passages)) for name, passages in own.items()}
        everywhere: set[str] = set().union(*cited.values())
        if len(said & everywhere) < self.shared * len(said):
            return not_evaluated(self.name, "the answer shares too few words with what it cites")
        given = {
            name: len((words & said) - set().union(*(cited[other] for other in cited if other != name))) for name, words in cited.items()
        }
        for name, count in given.items():
            if count < self.words:
                return failed(self.name, "document_not_needed", f"nothing that only {name} says is in the answer")
        return passed(self.name, "words of its own: " + ", ".join(f"{name} {count}" for name, count in given.items()))


def _telling(text: str) -> set[str]:
    """Longer words, and figures by their value."""
    return {word for word in plain(text).split() if len(word) >= _LONGER and not word.isdigit()} | {
        f"{value:g}" for value in reading(text).numbers
    }
