"""What a paradigm declares about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paradigm:
    """A kind of sample.

    Attributes:
        name: its name in records and configuration.
        several: whether it takes a group of documents.
        purpose: what the instruction must make necessary; goes into the prompts.
        refuses: concept ids of tasks that make no sense in it.
        evidence: whether an answer must quote every required document.
        distractors: fewest and most documents that are laid beside the required ones and are of no use; a target length may take more.
    """

    name: str
    several: bool
    purpose: str
    refuses: frozenset[str] = frozenset()
    evidence: bool = True
    distractors: tuple[int, int] = (0, 0)

    def admits(self, concept: str) -> bool:
        """Whether a path of this paradigm may step on a concept."""
        return concept not in self.refuses
