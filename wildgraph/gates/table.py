"""Which gate judges which paradigm, as data: one table, every cell filled."""

from __future__ import annotations

from collections.abc import Mapping

#: In a cell of the table: pairs of the paradigm must pass the gate. Any other text is the reason why they need not.
REQUIRED = "required"

#: The paradigms that have a column.
COLUMNS: tuple[str, ...] = (
    *("single_document", "comparison", "aggregation", "conflict", "timeline", "synthesis", "choose_document"),
    *("dialogue", "verifiable", "reasoning", "unanswerable"),
)


def _row(**skipped: str) -> Mapping[str, str]:
    """A row of the table: required everywhere but where a reason says why not."""
    return {column: skipped.get(column, REQUIRED) for column in COLUMNS}


_ONE = "one document is the task: there is none to leave out"
_NONE = "the question has no answer: nothing is cited"

#: gate -> paradigm -> :data:`REQUIRED` or a reason, the cheapest gate first. What remembers earlier pairs comes last, so that it remembers
#: only what passed everything else.
TABLE: Mapping[str, Mapping[str, str]] = {
    "length": _row(),
    "instruction_echo": _row(),
    "refusal": _row(unanswerable="declining is the answer: the gate 'declines' judges it"),
    "declines": _row(),
    "truncation": _row(),
    "language": _row(),
    "personal_data": _row(),
    "citation": _row(),
    "follows_path": _row(unanswerable="limits and forms are for an answer, and there is none"),
    "documents_used": _row(unanswerable=_NONE),
    "answer_given": _row(unanswerable="a good refusal repeats what was asked"),
    "evidence_positions": _row(unanswerable=_NONE),
    "injection": _row(),
    "toxicity": _row(),
    "grounding": _row(),
    "checkable": _row(),
    "all_documents": _row(
        single_document=_ONE,
        dialogue=_ONE,
        choose_document="the other documents are distractors: the task is to leave them out",
        unanswerable=_NONE,
    ),
    "wrong_document": _row(unanswerable="no document has the answer"),
    "target": _row(),
    "contamination": _row(),
    "duplicates": _row(),
}

#: The gates in the order in which they judge.
ORDER: tuple[str, ...] = tuple(TABLE)

#: The gates that a model judges, in stages of their own after all others but the last; ``stages/rubrics.yaml`` says what they skip.
BY_MODEL: tuple[str, ...] = ("closed_book", "judge")


def skipped(gate: str, paradigm: str, table: Mapping[str, Mapping[str, str]] = TABLE) -> str:
    """Why pairs of this paradigm need not pass this gate, or the empty string when they must.

    Gates and paradigms that the table does not know, those of plug-ins, are required.

    Example:
        >>> skipped("grounding", "comparison"), skipped("grounding", "chat", {"grounding": {"chat": "quotes nothing"}})
        ('', 'quotes nothing')
    """
    cell = table.get(gate, {}).get(paradigm, REQUIRED)
    return "" if cell == REQUIRED else cell
