"""Several checks on one text."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field, JsonValue, PrivateAttr

from wildgraph.checkers.loading import CLOSED, Check, load_check
from wildgraph.checkers.verdicts import Context, Verdict
from wildgraph.errors import WildgraphError
from wildgraph.records import canonical_json

#: Checkers that take other checks; they take none of their own kind.
COMBINING = frozenset({"all", "share"})


class Part(BaseModel):
    """One check of several.

    Attributes:
        name: of a registered checker.
        args: its arguments.
    """

    model_config = CLOSED

    name: str = Field(max_length=200)
    args: dict[str, JsonValue] = Field(default_factory=dict)

    _check: Check = PrivateAttr()

    def model_post_init(self, context: object) -> None:
        """Refuse what cannot be loaded."""
        if self.name in COMBINING:
            raise ValueError(f"{self.name!r} does not stand inside another combination")
        try:
            self._check = load_check(self.name, canonical_json(self.args))
        except WildgraphError as error:
            raise ValueError(str(error)) from error

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict of this check."""
        return self._check(text, context)


class All(BaseModel):
    """Every check passes; those that do not apply are left out, and one that is undecided leaves the whole undecided unless another fails.

    Attributes:
        checks: what is checked.
    """

    model_config = CLOSED

    checks: tuple[Part, ...] = Field(min_length=1, max_length=100)

    def judge(self, text: str, context: Context) -> Verdict:
        """One verdict for all; its share is 1, 0 or nothing."""
        return _united([part.judge(text, context) for part in self.checks], graded=False)


class Share(BaseModel):
    """As ``all``, with the share of checks that pass, of those that say anything, as the graded reward.

    Attributes:
        checks: what is checked.
    """

    model_config = CLOSED

    checks: tuple[Part, ...] = Field(min_length=1, max_length=100)

    def judge(self, text: str, context: Context) -> Verdict:
        """One verdict for all, and the share of passes."""
        return _united([part.judge(text, context) for part in self.checks], graded=True)


def _united(verdicts: Sequence[Verdict], *, graded: bool) -> Verdict:
    by_status = {status: [one for one in verdicts if one.status == status] for status in ("fail", "undecided", "pass", "not_applicable")}
    worst = next(found[0] for found in by_status.values() if found)
    said = len(by_status["pass"]) + len(by_status["fail"])
    if graded and said:
        return Verdict(worst.status, worst.why, len(by_status["pass"]) / said)
    return worst
