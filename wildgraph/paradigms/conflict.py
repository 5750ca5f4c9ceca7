"""Where documents contradict each other."""

from __future__ import annotations

from wildgraph.paradigms.paradigm import Paradigm

CONFLICT = Paradigm(
    name="conflict",
    several=True,
    purpose=(
        "one task that turns on what the documents say differently about the same matter: find the contradiction, say what each of them "
        "states, and what a careful reader makes of it; if they contradict each other nowhere, there is no sensible task"
    ),
    share=0.5,
)
