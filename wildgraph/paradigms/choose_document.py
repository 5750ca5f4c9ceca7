"""The right document among others that look like it."""

from __future__ import annotations

from dataclasses import replace

from wildgraph.paradigms.drafts import Draft
from wildgraph.paradigms.paradigm import OF_SEVERAL, Paradigm
from wildgraph.paradigms.steps import ANSWER, CITE, INSTRUCT, Do


def named(draft: Draft) -> Draft:
    """The draft with the right document's title as its bare answer: the answer must name it, and none of the others."""
    (right,) = draft.required
    return replace(draft, answer=draft.shown[right - 1].title)


CHOOSE_DOCUMENT = Paradigm(
    name="choose_document",
    several=False,
    by_program=True,
    purpose=(
        "one request for something that only the right one of the documents holds, put so that the user evidently does not know which one "
        "that is: the answer names it by its title and gives what was asked for from it"
    ),
    steps=(Do(named), INSTRUCT, ANSWER, CITE),
    refuses=OF_SEVERAL,
    distractors=(2, 6),
)
