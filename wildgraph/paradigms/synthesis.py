"""Something new made of several documents for a purpose."""

from __future__ import annotations

from wildgraph.paradigms.paradigm import Paradigm

SYNTHESIS = Paradigm(
    name="synthesis",
    several=True,
    purpose=(
        "one task that makes something new of all the documents for a purpose and a reader that the labels suggest (a briefing, a "
        "recommendation, a plan, a talk), every statement of which rests on one of the documents, and to which each contributes what the others lack"
    ),
)
