"""What the gates say of planted samples, in numbers."""

from collections import Counter
from dataclasses import dataclass, field

from wildgraph.intervals import wilson
from wildgraph.stages.gate import GateConfig, make_gates, verdicts


def failures(sample):
    """The failing verdicts of all gates on a sample, each with a memory of its own."""
    config = GateConfig(settings=sample.settings)
    gates = make_gates(config)
    texts = sample.seen()
    for before in sample.before:
        for gate in gates:
            if gate.name == "duplicates":
                assert gate.judge(before, texts).status == "pass"
    found = verdicts(sample.pair, gates, config, texts=texts._fetch, titles=texts._titles)
    return [verdict for verdict in found if verdict.status == "fail"]


@dataclass
class Figure:
    """How many samples of a kind were met as they should be."""

    kind: str
    samples: int = 0
    met: int = 0
    reasons: Counter = field(default_factory=Counter)

    @property
    def share(self):
        return self.met / self.samples

    @property
    def interval(self):
        return wilson(self.met, self.samples)


def recall(kind, samples, expected):
    """How many bad samples are turned away for a reason of their kind, whatever else is wrong with them."""
    figure = Figure(kind)
    for sample in samples:
        reasons = {verdict.reason for verdict in failures(sample)}
        figure.samples += 1
        figure.met += bool(reasons & set(expected))
        figure.reasons.update(reasons or {"accepted"})
    return figure


def dropped(kind, samples):
    """How many good samples any gate turns away."""
    figure = Figure(kind)
    for sample in samples:
        found = failures(sample)
        figure.samples += 1
        figure.met += bool(found)
        figure.reasons.update({f"{verdict.gate}: {verdict.reason}" for verdict in found})
    return figure
