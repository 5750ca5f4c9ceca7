"""The whole sample has the length it was made for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.gates.verdicts import failed, not_evaluated, passed
from wildgraph.records import Pair, Verdict


class TargetGate(BaseModel):
    """Documents, layout, chat template, instructions and answers together fill the target length, and never exceed it.

    Attributes:
        least: share of the target that must be filled.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "target"

    least: float = Field(default=0.9, ge=0.0, le=1.0)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``over_target`` or ``under_target``."""
        if pair.bucket is None:
            return not_evaluated(self.name, "no target length was asked for")
        total = pair.n_tokens.total
        if total > pair.bucket:
            return failed(self.name, "over_target", f"{total} tokens for a target of {pair.bucket}")
        if total < self.least * pair.bucket:
            return failed(self.name, "under_target", f"{total} tokens are {total / pair.bucket:.1%} of the target of {pair.bucket}")
        return passed(self.name)
