"""Verdicts, briefly."""

from __future__ import annotations

from wildgraph.records import Verdict

_MAX_DETAIL = 300


def passed(gate: str, detail: str = "") -> Verdict:
    """The pair passes; ``detail`` is what was measured, for a person, cut to 300 characters."""
    return Verdict(gate=gate, status="pass", detail=_short(detail))


def failed(gate: str, reason: str, detail: str = "") -> Verdict:
    """The pair fails.

    Args:
        gate: name of the gate.
        reason: a key of :data:`wildgraph.reasons.REASONS`.
        detail: what exactly is wrong, for a person; cut to 300 characters.
    """
    return Verdict(gate=gate, status="fail", reason=reason, detail=_short(detail))


def not_evaluated(gate: str, why: str) -> Verdict:
    """The pair was not judged."""
    return Verdict(gate=gate, status="not_evaluated", reason=why)


def _short(detail: str) -> str:
    return detail if len(detail) <= _MAX_DETAIL else detail[: _MAX_DETAIL - 1] + "…"
