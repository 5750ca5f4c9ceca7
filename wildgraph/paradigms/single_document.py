"""One document, one instruction, one answer."""

from __future__ import annotations

from wildgraph.paradigms.paradigm import OF_SEVERAL, Paradigm

SINGLE_DOCUMENT = Paradigm(
    name="single_document",
    several=False,
    by_program=True,
    purpose="one task that can only be done by reading this document, drawing on several places of it where the task allows",
    refuses=OF_SEVERAL,
)
