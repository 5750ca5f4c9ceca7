"""Which gate judges which paradigm, as data: one table, every cell filled."""

from __future__ import annotations

from collections.abc import Mapping

#: In a cell of the table: pairs of the paradigm must pass the gate. Any other text is the reason why they need not.
REQUIRED = "required"

#: gate -> paradigm -> :data:`REQUIRED` or a reason, the cheapest gate first. What remembers earlier pairs comes last, so that it remembers
#: only what passed everything else.
TABLE: Mapping[str, Mapping[str, str]] = {
    "length": {"single_document": REQUIRED, "comparison": REQUIRED, "aggregation": REQUIRED},
    "refusal": {"single_document": REQUIRED, "comparison": REQUIRED, "aggregation": REQUIRED},
    "truncation": {"single_document": REQUIRED, "comparison": REQUIRED, "aggregation": REQUIRED},
    "documents_used": {"single_document": REQUIRED, "comparison": REQUIRED, "aggregation": REQUIRED},
    "grounding": {"single_document": REQUIRED, "comparison": REQUIRED, "aggregation": REQUIRED},
    "target": {"single_document": REQUIRED, "comparison": REQUIRED, "aggregation": REQUIRED},
    "duplicates": {"single_document": REQUIRED, "comparison": REQUIRED, "aggregation": REQUIRED},
}

#: The gates in the order in which they judge.
ORDER: tuple[str, ...] = tuple(TABLE)


def skipped(gate: str, paradigm: str, table: Mapping[str, Mapping[str, str]] = TABLE) -> str:
    """Why pairs of this paradigm need not pass this gate, or the empty string when they must.

    Gates and paradigms that the table does not know, those of plug-ins, are required.

    Example:
        >>> skipped("grounding", "comparison"), skipped("grounding", "chat", {"grounding": {"chat": "quotes nothing"}})
        ('', 'quotes nothing')
    """
    cell = table.get(gate, {}).get(paradigm, REQUIRED)
    return "" if cell == REQUIRED else cell
