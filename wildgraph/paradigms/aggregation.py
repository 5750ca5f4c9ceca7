"""Findings of several documents brought together."""

from __future__ import annotations

from wildgraph.paradigms.paradigm import Paradigm

AGGREGATION = Paradigm(
    name="aggregation",
    several=True,
    by_program=True,
    purpose="one task that brings together what is spread over all the documents, so that leaving any one of them out would leave a gap",
    refuses=frozenset({"task/compare-documents"}),
)
