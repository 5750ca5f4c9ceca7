"""Several documents set side by side."""

from __future__ import annotations

from wildgraph.paradigms.paradigm import Paradigm

COMPARISON = Paradigm(
    name="comparison",
    several=True,
    by_program=True,
    purpose="one task that compares the documents: where they agree, differ or contradict each other, so that no one of them alone would do",
)
