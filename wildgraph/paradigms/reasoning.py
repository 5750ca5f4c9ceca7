"""An answer in steps, each of which quotes what it rests on (arXiv 2509.01185: long-context reasoning)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from wildgraph.checkers.numeric import numbers, unit_in
from wildgraph.llm import Completion
from wildgraph.paradigms.drafts import Declined, Draft, Quote, locate
from wildgraph.paradigms.paradigm import OF_SEVERAL, Paradigm
from wildgraph.paradigms.steps import INSTRUCT, Ask, answered, asked
from wildgraph.quotes import quotations
from wildgraph.records import Checker, canonical_json

_STEP = re.compile(r"^[ \t]*(?:\*\*)?(?:step[ \t]+)?(\d{1,2})[.):](?:\*\*)?[ \t]+", re.IGNORECASE | re.MULTILINE)
_FINAL = re.compile(r"^[ \t]*(?:\*\*)?(?:final )?answer(?:\*\*)?[:：](?:\*\*)?[ \t]*", re.IGNORECASE | re.MULTILINE)
#: Fewest steps that quote something: one place alone is no reasoning over a long text. [ours]
LEAST = 2
#: Words of a quotation; one alone is a word under discussion.
_LEAST_WORDS = 2
#: Longer answers are no single fact that can be compared. [ours]
_MOST_CHECKED = 6
CUE = "Answer:"


def steps_of(text: str) -> tuple[list[str], str]:
    r"""The numbered steps of an answer, and what follows ``Answer:``.

    Example:
        >>> steps_of("1. It says “a”.\n2. And “b”.\nAnswer: both")
        (['It says “a”.', 'And “b”.'], 'both')
    """
    final = list(_FINAL.finditer(text))
    body, end = (text[: final[-1].start()], text[final[-1].end() :].strip()) if final else (text, "")
    marks = list(_STEP.finditer(body))
    stops = [mark.start() for mark in marks[1:]] + [len(body)]
    return [body[mark.end() : stop].strip() for mark, stop in zip(marks, stops, strict=False)], end


def _reasoned(draft: Draft, completion: Completion) -> Draft | Declined:
    draft = answered(draft, completion)
    steps, final = steps_of(draft.turns[0].assistant)
    quotes = [[Quote(document=_place(quote, draft), quote=quote) for quote in quotations(step, _LEAST_WORDS)] for step in steps]
    if not final:
        return Declined("invalid_answer", "the answer does not end in a line that begins with 'Answer:'")
    if sum(bool(found) for found in quotes) < LEAST:
        return Declined(
            "no_evidence", f"{sum(bool(found) for found in quotes)} of {len(steps)} steps quote a passage, at least {LEAST} must"
        )
    return replace(draft, quotes=tuple(quote for found in quotes for quote in found), answer=final, checkers=tuple(_checks(final)))


def _checks(final: str) -> Iterator[Checker]:
    """What holds another answer against this one: its number where it is one, else its words where they are few."""
    found = list(numbers(final))
    if len(final.split()) > _MOST_CHECKED:
        return
    if len(found) == 1:
        after = unit_in(found[0].after)
        unit = [one for word in (after.split()[:1] or found[0].before.split()[-1:]) if (one := unit_in(word))]
        yield Checker(name="numeric", args=canonical_json({"answer": found[0].value, "unit": unit, "cue": CUE}))
    elif not found:
        yield Checker(name="exact", args=canonical_json({"answer": final, "cue": CUE}))


def _place(quote: str, draft: Draft) -> int:
    """Number of the document that holds a quotation, the first where none does."""
    return next((place for place, document in enumerate(draft.shown, 1) if locate(quote, document.text)), 1)


def _example(draft: Draft) -> str:
    quoted = [" ".join(document.text.split())[:40] for document in draft.shown for _ in range(LEAST)][:LEAST]
    return "\n".join([*(f"{number}. It says “{one}”." for number, one in enumerate(quoted, 1)), "Answer: both."])


REASONING = Paradigm(
    name="reasoning",
    several=False,
    by_program=True,
    purpose=(
        "one question whose answer is stated nowhere, but follows from at least three passages in different parts of the text: each step needs "
        "what the step before found; it has one right answer, and says from what base to reckon and how to round where that matters"
    ),
    steps=(INSTRUCT, Ask("paradigms/reason", "answer", _reasoned, variables=asked, example=_example)),
    refuses=OF_SEVERAL,
)
