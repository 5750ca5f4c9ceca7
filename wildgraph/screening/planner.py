"""What scoring costs, and which way of it is the cheapest for a root.

A pass over n tokens behind c cached ones costs 2·P·n + 4·A·n·(c + n) operations, where P are the parameters of the body and A is layers × attention
width: linear plus quadratic. The quadratic part counts the whole square, as kernels that mask do, although half of it is masked. The head costs 2·d·V for
each position that is measured, and nothing elsewhere.

Three ways to ask how a candidate of C tokens changes a root's anchors:

- ``full``: one pass over candidate and root measures every anchor at once;
- ``windows``: one pass over candidate and the W tokens before an anchor, for each pair;
- ``cached``: the candidate's keys and values once, then the W tokens before each anchor behind them.

``windows`` and ``cached`` measure the same; both see W tokens of the root instead of all of them, and what that changes is measured against the root's own
pass (:func:`truncation_error`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from wildgraph.backends.causal_lm import CausalLM

Way = Literal["full", "windows", "cached"]


@dataclass(frozen=True)
class FlopModel:
    """Operations of passes of one model.

    Attributes:
        parameters: of the body, without embedding and head.
        attention: layers × attention width.
        hidden, vocabulary: shape of the head.
    """

    parameters: int
    attention: int
    hidden: int
    vocabulary: int

    @classmethod
    def of(cls, model: CausalLM) -> FlopModel:
        """That of a checkpoint."""
        return cls(*model.sizes())

    def body(self, tokens: int, cached: int = 0) -> float:
        """Operations of the body over ``tokens`` behind ``cached`` others.

        Example:
            >>> FlopModel(1000, 10, 4, 100).body(3, 2)
            6600.0
        """
        return 2.0 * self.parameters * tokens + 4.0 * self.attention * tokens * (cached + tokens)

    def head(self, positions: int) -> float:
        """Operations of the head at ``positions``."""
        return 2.0 * self.hidden * self.vocabulary * positions


#: What ``cached`` must save to be chosen over ``windows``: it asks candidate by candidate, and copies keys and values. [ours]
_WORTH_CACHING = 1.1


@dataclass(frozen=True)
class Plan:
    """The way chosen for a root, and what each would have cost.

    Attributes:
        way: the cheapest that the model's longest sequence allows.
        flops: way -> predicted operations of those that are possible.
    """

    way: Way
    flops: dict[Way, float]


def plan(
    cost: FlopModel,
    *,
    root: int,
    candidates: Sequence[tuple[int, Sequence[int]]],
    longest: int,
    only: Way | None = None,
) -> Plan:
    """The cheapest way to measure candidates at anchors.

    Args:
        cost: of the model's passes.
        root: tokens of the root, its first token included.
        candidates: per candidate its tokens (first token included) and the lengths of the windows it is measured in.
        longest: tokens that a sequence of the model may have.
        only: this way or none.

    Example:
        >>> small = FlopModel(1000, 1, 4, 100)
        >>> plan(small, root=1024, candidates=[(64, [256])], longest=4096).way
        'windows'
        >>> plan(small, root=4096, candidates=[(512, [64] * 20)], longest=8192).way
        'cached'
        >>> plan(small, root=1024, candidates=[(512, [256] * 20)], longest=4096).way
        'full'
    """
    flops: dict[Way, float] = {}
    widest = max((tokens + max(windows, default=0) for tokens, windows in candidates), default=0)
    if max((tokens for tokens, _ in candidates), default=0) + root <= longest:
        flops["full"] = sum(cost.body(tokens + root) + cost.head(len(windows)) for tokens, windows in candidates)
    if widest <= longest:
        flops["windows"] = sum(cost.body(tokens + window) + cost.head(1) for tokens, windows in candidates for window in windows)
        flops["cached"] = sum(
            cost.body(tokens) + sum(cost.body(window, tokens) + cost.head(1) for window in windows) for tokens, windows in candidates
        )
    if only is not None:
        flops = {way: found for way, found in flops.items() if way == only}
    if not flops:
        from wildgraph.errors import UsageError

        raise UsageError(
            f"the model takes in {longest:,} tokens: too few for a chunk before {'the root' if only == 'full' else 'a window'}",
            "make screening.index.chunk_tokens or screening.verify.window smaller",
        )
    return Plan(min(flops, key=lambda way: (flops[way] * (_WORTH_CACHING if way == "cached" else 1.0), way)), flops)


def truncation_error(full: npt.NDArray[np.float32], windows: npt.NDArray[np.float32]) -> float:
    """95th percentile of how far entropies in windows are from those of the root's own pass, in nats; 0 for none.

    Example:
        >>> truncation_error(np.float32([1, 2]), np.float32([1, 2]))
        0.0
    """
    return float(np.percentile(np.abs(full - windows), 95)) if len(full) else 0.0
