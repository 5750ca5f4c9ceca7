"""What a checker says of a text, and what it may look at besides the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["pass", "fail", "undecided", "not_applicable"]

_MAX_WHY = 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a checker says of a text.

    Attributes:
        status: ``pass`` or ``fail``; ``undecided`` when the text gives too little to go by, ``not_applicable`` when the question makes no
            sense for it (upper case in a script without case).
        why: what is wrong, or why nothing is said; empty on a pass. At most 300 characters.
        share: what a graded reward gives, in [0, 1]: 1 for a pass and 0 for a fail, the share of passes for a combination of checks,
            ``None`` where nothing is said.
    """

    status: Status
    why: str = ""
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of the task beside the answer's text.

    Attributes:
        prompt: the whole prompt as text.
        documents: texts in which quotations may stand.
        language: ISO 639-1 code of the language that the answer shall have, or empty when unknown.
    """

    prompt: str = ""
    documents: tuple[str, ...] = ()
    language: str = ""


NOTHING_KNOWN = Context()


def passed() -> Verdict:
    """The text passes."""
    return Verdict("pass", "", 1.0)


def failed(why: str) -> Verdict:
    """The text fails, and why."""
    return Verdict("fail", _cut(why), 0.0)


def undecided(why: str) -> Verdict:
    """The text gives too little to go by."""
    return Verdict("undecided", _cut(why))


def not_applicable(why: str) -> Verdict:
    """The question makes no sense for this text."""
    return Verdict("not_applicable", _cut(why))


def decided(holds: bool, why: str) -> Verdict:
    """A pass when ``holds``, else a fail with ``why``."""
    return passed() if holds else failed(why)


def _cut(why: str) -> str:
    return why if len(why) <= _MAX_WHY else why[: _MAX_WHY - 1] + "…"
