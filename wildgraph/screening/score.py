"""Asking the model: entropies and log-likelihoods of many sequences, in batches packed by length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from wildgraph.backends.causal_lm import CausalLM, Prefix, Tokens, Uncertainty
from wildgraph.errors import RunError
from wildgraph.screening.planner import FlopModel

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Request:
    """A sequence to be scored at some positions.

    Attributes:
        tokens: ids; shape (n,).
        positions: places of the tokens whose prediction is measured, each ≥ 1: a prediction needs something before it.
        prefix: ids that stand before ``tokens``, kept as keys and values and shared by all requests with the same ones; empty for none.
    """

    tokens: Tokens
    positions: Positions
    prefix: Tokens = field(default_factory=lambda: np.zeros(0, np.int32))


class Scorer:
    """Scores requests in batches of bounded size.

    The batches are a function of the requests and of ``batch_tokens`` alone, so that the same requests give the same bits on one device. When memory runs
    out, ``batch_tokens`` is halved for good and the batch repeated.

    Args:
        model: who is asked.
        batch_tokens: most tokens of a batch, padding and repeated prefixes included; a longer sequence is a batch of its own.
        on_smaller: is told each time that ``batch_tokens`` had to be halved.
    """

    def __init__(self, model: CausalLM, *, batch_tokens: int, on_smaller: Callable[[int], None] | None = None) -> None:
        self.model = model
        self.batch_tokens = batch_tokens
        self._on_smaller = on_smaller
        self._flops = 0.0
        self._model_of_cost: FlopModel | None = None

    @property
    def cost(self) -> FlopModel:
        """What passes of this model cost."""
        if self._model_of_cost is None:
            self._model_of_cost = FlopModel.of(self.model)
        return self._model_of_cost

    @property
    def flops(self) -> float:
        """Operations of all passes so far by the model of their cost, padding included."""
        return self._flops

    def score(self, requests: Sequence[Request]) -> list[Uncertainty]:
        """The model's uncertainty at every request's positions, in the order of the requests.

        Raises:
            ModelError: logits are not numbers.
            RunError: memory is too small even for a single sequence.
        """
        found: list[Uncertainty | None] = [None] * len(requests)
        groups: dict[bytes, list[int]] = {}
        for place, request in enumerate(requests):
            groups.setdefault(request.prefix.tobytes(), []).append(place)
        with self.model.inference():
            for places in groups.values():
                prefix = self._prefix(requests[places[0]].prefix)
                held = 0 if prefix is None else prefix.length
                waiting = sorted(places, key=lambda place: (-len(requests[place].tokens), place))
                while waiting:
                    batch = next(packed([len(requests[place].tokens) + held for place in waiting], self.batch_tokens))
                    members = waiting[: len(batch)]
                    try:
                        answers = self._batch([requests[place] for place in members], prefix)
                    except (RuntimeError, MemoryError) as error:
                        self._smaller(error, members, requests)
                        continue
                    for place, answer in zip(members, answers, strict=True):
                        found[place] = answer
                    waiting = waiting[len(members) :]
        return [answer for answer in found if answer is not None]

    def _prefix(self, tokens: Tokens) -> Prefix | None:
        if not len(tokens):
            return None
        self._flops += self.cost.body(len(tokens))
        return self.model.prefix(tokens)

    def _batch(self, requests: Sequence[Request], prefix: Prefix | None) -> Iterator[Uncertainty]:
        hidden = self.model.body([request.tokens for request in requests], prefix)
        rows = np.concatenate([np.full(len(request.positions), row) for row, request in enumerate(requests)])
        before = np.concatenate([request.positions for request in requests]) - 1
        targets = np.concatenate([request.tokens[request.positions] for request in requests])
        # All positions of the one sequence are a view; picking some makes a copy.
        whole = len(requests) == 1 and len(before) == hidden.shape[1] - 1
        picked = hidden[0, :-1] if whole else hidden[rows, before]
        measured = self.model.uncertainty(picked, targets)
        held = 0 if prefix is None else prefix.length
        self._flops += len(requests) * self.cost.body(hidden.shape[1], held) + self.cost.head(len(targets))
        ends = np.cumsum([len(request.positions) for request in requests])
        return (
            Uncertainty(measured.entropy[end - len(request.positions) : end], measured.loglik[end - len(request.positions) : end])
            for request, end in zip(requests, ends.tolist(), strict=True)
        )

    def _smaller(self, error: Exception, members: Sequence[int], requests: Sequence[Request]) -> None:
        if not out_of_memory(error):
            raise error
        if len(members) == 1:
            tokens = len(requests[members[0]].tokens) + len(requests[members[0]].prefix)
            raise RunError(
                f"memory is too small for one sequence of {tokens:,} tokens",
                "shorter roots or chunks, or a larger machine; what was measured is kept",
            ) from error
        self.model.free()
        self.batch_tokens = max(1, self.batch_tokens // 2)
        if self._on_smaller is not None:
            self._on_smaller(self.batch_tokens)


@contextmanager
def counted_operations() -> Iterator[Callable[[], float]]:
    """What torch itself counts of the operations inside; attention on a CPU, which it does not know, by its full square.

    Yields:
        A function that gives the count so far.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    def attention(query: Sequence[int], key: Sequence[int], *_: object, out_val: object = None, **__: object) -> int:
        batch, heads, rows, width = query
        return 4 * batch * heads * rows * key[2] * width

    kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    with FlopCounterMode(display=False, custom_mapping={kernel: attention}) as counter:
        yield lambda: float(counter.get_total_flops())


def out_of_memory(error: Exception) -> bool:
    """Whether an exception says that memory ran out; torch has a class for it on CUDA alone.

    Example:
        >>> out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"))
        True
        >>> out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
        False
    """
    text = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in text
        or "out of memory" in text
    )


def packed(lengths: Sequence[int], most: int) -> Iterator[range]:
    """Runs of sequences, longest first, whose padded size is at most ``most``; a longer one stands alone.

    Example:
        >>> [list(batch) for batch in packed([9, 5, 4, 4], 10)]
        [[0], [1, 2], [3]]
    """
    first = 0
    while first < len(lengths):
        count = max(1, most // max(1, lengths[first]))
        yield range(first, min(first + count, len(lengths)))
        first += count
