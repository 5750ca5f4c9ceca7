"""What really helps: decisions on gains that were measured and kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from wildgraph.screening.measurements import UNIT, Anchor, Gain, Measured
from wildgraph.screening.settings import Criterion, VerifySettings


@dataclass(frozen=True)
class PairVerdict:
    """Whether a chunk helps at an anchor.

    Attributes:
        anchor: position in the root. chunk: number of the chunk.
        drop: of entropy, in nats. relative: of entropy, as a share. gain: of log-likelihood, in nats.
        entropy: kept by the paper's rule. ours: kept by ours.
    """

    anchor: int
    chunk: int
    drop: float
    relative: float
    gain: float
    entropy: bool
    ours: bool

    def kept(self, criterion: Criterion) -> bool:
        """By one of the rules."""
        return self.ours if criterion == "ours" else self.entropy


@dataclass(frozen=True)
class Choice:
    """What becomes of a root.

    Attributes:
        root: its name.
        pairs: verdicts on all pairs of an anchor and a candidate that were measured.
        positives: chunks that help, the one of most gain first. negatives: chunks that look alike and change nothing at any anchor.
        helped: positive -> anchors it helps.
        capped: chunks that help and serve too many roots already.
    """

    root: str
    pairs: tuple[PairVerdict, ...]
    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    helped: dict[int, tuple[int, ...]]
    capped: int


def judge_pair(anchor: Anchor, gain: Gain, controls: Sequence[Gain], config: VerifySettings) -> PairVerdict:
    """Whether a candidate helps at an anchor, by both rules.

    Args:
        anchor: as the root alone leaves it.
        gain: behind the candidate.
        controls: behind random chunks of the same length; none, where none were asked for.
        config: the constants.

    Example:
        >>> anchor, behind = Anchor(100, 50_000, -60_000, 50_000, -60_000), Gain(100, 7, 0, 10_000, -3_000)
        >>> judge_pair(anchor, behind, [], VerifySettings()).ours
        True
        >>> wrong = Gain(100, 7, 0, 10_000, -90_000)  # confident, and wrong
        >>> judge_pair(anchor, wrong, [], VerifySettings()).entropy, judge_pair(anchor, wrong, [], VerifySettings()).ours
        (True, False)

    References:
        EntropyLong, arXiv 2510.02330: (H − H′)/H > ε [paper]; ε = 0.4 [second].
    """
    drop, won = anchor.entropy - gain.entropy, gain.loglik - anchor.loglik
    relative = drop / anchor.entropy if anchor.entropy > 0 else 0.0
    falls = relative > config.epsilon
    above = not controls or (
        drop * len(controls) > sum(anchor.entropy - one.entropy for one in controls)
        and won * len(controls) > sum(one.loglik - anchor.loglik for one in controls)
    )
    ours = falls and drop >= round(config.min_drop * UNIT) and won > 0 and above
    return PairVerdict(anchor.position, gain.chunk, drop / UNIT, relative, won / UNIT, falls, ours)


def unmoved(anchor: Anchor, gain: Gain, margin: float) -> bool:
    """Whether a chunk changes nothing at an anchor, as a hard negative must not: |Δ log p| ≤ margin, |ΔH|/H ≤ margin [ours]."""
    return abs(gain.loglik - anchor.loglik) <= round(margin * UNIT) and abs(anchor.entropy - gain.entropy) <= margin * max(
        1, anchor.entropy
    )


class Choosing:
    """Chooses contexts root by root, and remembers how often a chunk served.

    Args:
        config: the constants.
        length: chunk -> its tokens, which pick its controls.
    """

    def __init__(self, config: VerifySettings, length: Callable[[int], int]) -> None:
        self._config = config
        self._length = length
        self._served: dict[int, int] = defaultdict(int)

    def choose(self, measured: Measured) -> Choice:
        """The positives and hard negatives of the next root; the order of roots decides who gets a hub."""
        config = self._config
        anchors = {anchor.position: anchor for anchor in measured.anchors}
        controls: dict[tuple[int, int], list[Gain]] = defaultdict(list)
        candidates: dict[int, list[Gain]] = defaultdict(list)
        for gain in measured.gains:
            if gain.control:
                controls[gain.anchor, gain.control].append(gain)
            else:
                candidates[gain.chunk].append(gain)
        pairs = [
            judge_pair(anchors[gain.anchor], gain, controls[gain.anchor, self._length(chunk)], config)
            for chunk, gains in candidates.items()
            for gain in gains
        ]
        helped: dict[int, list[PairVerdict]] = defaultdict(list)
        for pair in pairs:
            if pair.kept(config.criterion):
                helped[pair.chunk].append(pair)
        best = sorted(helped, key=lambda chunk: (-sum(round(pair.gain * UNIT) for pair in helped[chunk]), chunk))
        positives = [chunk for chunk in best if self._served[chunk] < config.hub_cap]
        for chunk in positives:
            self._served[chunk] += 1
        negatives = sorted(
            (
                chunk
                for chunk, gains in candidates.items()
                if chunk not in helped
                and len(gains) == len(anchors)
                and all(unmoved(anchors[gain.anchor], gain, config.margin) for gain in gains)
            ),
            key=lambda chunk: (measured.ranks.get(chunk, 0), chunk),
        )[: config.negatives]
        places = {chunk: tuple(pair.anchor for pair in helped[chunk]) for chunk in positives}
        return Choice(measured.root, tuple(pairs), tuple(positives), tuple(negatives), places, len(best) - len(positives))


def shares_kept(choices: Iterable[Choice]) -> tuple[int, int, int]:
    """Pairs that were measured, kept by the paper's rule, and kept by ours."""
    measured = entropy = ours = 0
    for choice in choices:
        measured += len(choice.pairs)
        entropy += sum(pair.entropy for pair in choice.pairs)
        ours += sum(pair.ours for pair in choice.pairs)
    return measured, entropy, ours
