"""One document, one instruction, one answer."""

from __future__ import annotations

from wildgraph.paradigms.paradigm import Paradigm

SINGLE_DOCUMENT = Paradigm(
    name="single_document",
    several=False,
    by_program=True,
    purpose="one task that can only be done by reading this document, drawing on several places of it where the task allows",
    refuses=frozenset({"task/compare-documents", "task/combine-several-sources", "long_context_capability/cross-document-comparison"}),
)
