"""What happened when, over several documents."""

from __future__ import annotations

from wildgraph.paradigms.paradigm import Paradigm

TIMELINE = Paradigm(
    name="timeline",
    several=True,
    by_program=True,
    purpose=(
        "one task that puts dated events of all the documents into one order of time, each with its date as the text gives it (the "
        "year in brackets where it only follows from the text) and the document it comes from; the user may narrow it down to a matter or a period that all of them touch"
    ),
    needs={"years": 2},
    refuses=frozenset({"task/compare-documents"}),
)
