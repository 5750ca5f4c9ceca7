"""What a paradigm declares about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wildgraph.paradigms.steps import ANSWER, CITE, INSTRUCT, Ask, Do

#: Tasks that make no sense over one document.
OF_SEVERAL = frozenset({"task/compare-documents", "task/combine-several-sources", "long_context_capability/cross-document-comparison"})


@dataclass(frozen=True)
class Paradigm:
    """A kind of sample.

    Attributes:
        name: its name in records and configuration.
        several: whether it takes a group of documents.
        purpose: what the instruction must make necessary; goes into the prompts.
        steps: how a draft becomes a sample: questions to a model, and what a program does between them.
        by_program: whether a program alone can write it; else it needs a model.
        refuses: concept ids of tasks that make no sense in it.
        evidence: whether an answer must quote every required document.
        distractors: fewest and most documents that are laid beside the required ones and are of no use; a target length may take more.
        needs: measure of documents -> the least that each required one must have of it (see :mod:`wildgraph.corpus.measures`).
        share: how often it is drawn, relative to the others. [ours]
    """

    name: str
    several: bool
    purpose: str
    steps: tuple[Ask | Do, ...] = (INSTRUCT, ANSWER, CITE)
    by_program: bool = False
    refuses: frozenset[str] = frozenset()
    evidence: bool = True
    distractors: tuple[int, int] = (0, 0)
    needs: Mapping[str, int] = field(default_factory=dict)
    share: float = 1.0

    def admits(self, concept: str) -> bool:
        """Whether a path of this paradigm may step on a concept."""
        return concept not in self.refuses

    def shows(self, role: str) -> bool:
        """Whether its prompts show documents of this role: those that serve for length alone need not be paid for."""
        return role != "distractor" or self.distractors[1] > 0

    @property
    def templates(self) -> tuple[str, ...]:
        """Names of the prompts it may use, each once, in order."""
        return tuple(dict.fromkeys(step.template for step in self.steps if isinstance(step, Ask)))
