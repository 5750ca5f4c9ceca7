"""What a round did, in numbers and pictures."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from wildgraph.atomic import writing
from wildgraph.records import Json
from wildgraph.screening.assemble import LongSequence
from wildgraph.screening.measurements import UNIT, Measured
from wildgraph.screening.verify import Choice

Kept = tuple[str, list[tuple[int, str]]]
"""A root with what was kept of it: anchors with chunks."""

_SHOWN = 100_000  # values that pictures and percentiles are made from


class Thinned:
    """Up to 100,000 of many values, evenly spaced: beyond that every second one is let go, again and again."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self._step, self._seen = 1, 0

    def extend(self, values: Iterable[float]) -> None:
        """Take in some more."""
        for value in values:
            if self._seen % self._step == 0:
                self.values.append(value)
                if len(self.values) == _SHOWN:
                    self.values, self._step = self.values[::2], 2 * self._step
            self._seen += 1


@dataclass
class Tally:
    """Adds up a round while it goes by.

    Attributes:
        roots: that were looked at. reasons: why some made no sequence.
        counts: of anchors, pairs, contexts, tokens.
    """

    roots: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    predicted: float = 0.0
    spent: float = 0.0
    entropies: Thinned = field(default_factory=Thinned)
    apart: Thinned = field(default_factory=Thinned)
    drops: Thinned = field(default_factory=Thinned)
    gains: Thinned = field(default_factory=Thinned)
    counted: tuple[float, float] = (0.0, 0.0)

    def measured(self, one: Measured) -> None:
        """Add what was measured of a root."""
        self.counts["anchors"] += len(one.anchors)
        self.entropies.extend([one.mean])
        self.left_out.update(one.left_out)
        self.spent += one.spent
        if one.counted:
            self.counted = (self.counted[0] + one.counted, self.counted[1] + one.spent)
        if one.way:
            self.ways[one.way] += 1
            self.predicted += one.predicted[one.way]
        if one.way in ("windows", "cached"):
            self.apart.extend(abs(anchor.entropy - anchor.own_entropy) / UNIT for anchor in one.anchors)

    def chosen(self, choice: Choice) -> None:
        """Add what was decided about a root."""
        self.counts.update(
            pairs=len(choice.pairs),
            kept_by_entropy=sum(pair.entropy for pair in choice.pairs),
            kept_by_ours=sum(pair.ours for pair in choice.pairs),
            positives=len(choice.positives),
            negatives=len(choice.negatives),
            capped=choice.capped,
        )
        self.drops.extend(pair.drop for pair in choice.pairs)
        self.gains.extend(pair.gain for pair in choice.pairs)

    def assembled(self, sequence: LongSequence) -> None:
        """Add a sequence."""
        self.counts.update(sequences=1, contexts_left_out=sequence.left_out, dependencies=len(sequence.dependencies))
        for segment in sequence.segments:
            self.tokens[segment.role] += segment.end - segment.start

    def as_json(self) -> dict[str, Json]:
        """The round's report, without its overlap with another."""
        names = (
            "anchors",
            "pairs",
            "kept_by_entropy",
            "kept_by_ours",
            "positives",
            "negatives",
            "capped",
            "sequences",
            "contexts_left_out",
            "dependencies",
        )
        pairs = self.counts["pairs"]
        return {
            "roots": self.roots,
            "rejected": dict(sorted(self.reasons.items())),
            **{name: self.counts[name] for name in names},
            "share_kept_by_entropy": round(self.counts["kept_by_entropy"] / pairs, 4) if pairs else None,
            "share_kept_by_ours": round(self.counts["kept_by_ours"] / pairs, 4) if pairs else None,
            "mean_entropy": round(float(np.mean(self.entropies.values)), 4) if self.entropies.values else None,
            "left_out": dict(sorted(self.left_out.items())),
            "tokens": dict(sorted(self.tokens.items())),
            "in_place": dict(sorted(self.places.items())),
            "surviving_in_place": round(self.places["survived"] / self.places["asked"], 4) if self.places["asked"] else None,
            "ways": dict(sorted(self.ways.items())),
            "flops_predicted": self.predicted,
            "flops_spent": self.spent,
            "flops_per_pair": round(self.spent / pairs) if pairs else None,
            "flops_counted_by_torch_to_spent": round(self.counted[0] / self.counted[1], 4) if self.counted[1] else None,
            "window_error_nats_p95": round(float(np.percentile(self.apart.values, 95)), 4) if self.apart.values else None,
        }


def overlap(before: Iterable[Kept], now: Iterable[Kept]) -> dict[str, Json]:
    """How far off policy an earlier set has become: what of it is kept again.

    Args:
        before: of the earlier round, root by root.
        now: of the later one, with the same roots in the same order.

    Example:
        >>> overlap([("r", [(1, "c"), (2, "c")])], [("r", [(2, "c"), (3, "d")])])["share_kept_again"]
        0.5
    """
    counts: Counter[str] = Counter()
    for (root, first), (same, second) in zip(before, now, strict=True):
        assert root == same
        contexts = {chunk for _, chunk in first}, {chunk for _, chunk in second}
        again = len(set(first) & set(second))
        counts.update(
            before=len(first), now=len(second), again=again, contexts=len(contexts[0]), contexts_again=len(contexts[0] & contexts[1])
        )
    return {
        "before": counts["before"],
        "now": counts["now"],
        "share_kept_again": round(counts["again"] / counts["before"], 4) if counts["before"] else None,
        "share_of_contexts_kept_again": round(counts["contexts_again"] / counts["contexts"], 4) if counts["contexts"] else None,
    }


def histogram(values: Sequence[float], title: str, unit: str, bins: int = 40) -> str:
    """An SVG histogram with its quartiles said in words; readable without colour.

    Args:
        values: what is counted.
        title: of the picture.
        unit: of the values.
        bins: bars.
    """
    width, height, left, top = 640, 240, 48, 40
    shown = f"{html.escape(title)} (n = {len(values):,})"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" font-size="12"><title>{shown}</title>'
    body = [f'<text x="{left}" y="20" font-size="14">{shown}</text>']
    if values:
        low, high = (float(edge) for edge in np.percentile(values, [0.5, 99.5]))
        counts, edges = np.histogram(np.clip(values, low, high), bins=bins, range=(low, high if high > low else low + 1))
        step, floor = (width - left - 16) / bins, height - 44
        for place, count in enumerate(counts.tolist()):
            tall = (floor - top) * count / max(1, int(counts.max()))
            body.append(
                f'<rect x="{left + place * step:.1f}" y="{floor - tall:.1f}" width="{step - 1:.1f}" height="{tall:.1f}" fill="#4477aa"/>'
            )
        body.append(f'<path d="M{left} {floor}H{width - 16}" stroke="#888"/>')
        body += [
            f'<text x="{left + (width - left - 16) * share:.0f}" y="{floor + 16}" text-anchor="middle">{edges[0] + share * (edges[-1] - edges[0]):.2f}</text>'
            for share in (0, 0.25, 0.5, 0.75, 1)
        ]
        quartiles = ", ".join(f"{value:.2f}" for value in np.percentile(values, [25, 50, 75]))
        body.append(
            f'<text x="{left}" y="{height - 8}">{html.escape(unit)}; quartiles {quartiles}; the outermost bars hold what lies beyond</text>'
        )
    else:
        body.append(f'<text x="{left}" y="{height // 2}">nothing was measured</text>')
    return head + "".join(body) + "</svg>\n"


def write_plots(folder: Path, tally: Tally) -> None:
    """Histograms of a round: how entropies drop and log-likelihoods rise behind candidates.

    Args:
        folder: where they go.
        tally: the round.
    """
    for name, values, title in (
        ("entropy-drop", tally.drops.values, "drop of entropy behind a candidate"),
        ("loglik-gain", tally.gains.values, "gain of the true token's log-likelihood behind a candidate"),
    ):
        with writing(folder / f"{name}.svg") as out:
            out.write(histogram(values, title, "nats"))
