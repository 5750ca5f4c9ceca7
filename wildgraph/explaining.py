"""What the gates said of a run's pairs, of all of them in numbers and of one in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wildgraph.config import Config
from wildgraph.corpus import DocumentStore
from wildgraph.errors import InputError
from wildgraph.gates import ORDER, Comparing, skipped
from wildgraph.gates.verdicts import not_evaluated
from wildgraph.records import Json, Pair, Verdict
from wildgraph.sampling import read_pairs
from wildgraph.stages.gate import make_gates, verdicts
from wildgraph.store import RunDirectory

Outcome = Literal["accepted", "surplus", "gated"]
_FILES: tuple[tuple[Outcome, str], ...] = (("accepted", "pairs"), ("surplus", "surplus"), ("gated", "gated"))


@dataclass(frozen=True)
class Explanation:
    """Every gate's verdict on one pair.

    Attributes:
        pair: the pair. outcome: what became of it.
        verdicts: in the order of the gates: as they were given when the pair was sampled, those of gates that were not asked then given now.
        late: names of the gates that were asked now.
    """

    pair: Pair
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    late: frozenset[str]

    def as_json(self) -> dict[str, Json]:
        """For machines."""
        said: list[Json] = [{**verdict.model_dump(mode="json"), "late": verdict.gate in self.late} for verdict in self.verdicts]
        return {"id": self.pair.id, "index": self.pair.index, "paradigm": self.pair.paradigm, "outcome": self.outcome, "verdicts": said}


def explain(run: str | Path, name: str) -> Explanation:
    """Every gate's verdict on a pair of a run's latest sample, accepted or not.

    A gate that remembers earlier pairs or compares with named data sets is not asked again: its verdict is the one that was given.

    Args:
        run: the run directory.
        name: the pair's id or the beginning of it, or its index.

    Raises:
        InputError: there is no sample, or no such pair, or several.
    """
    directory, config = _latest(run)
    found = {
        pair.id: (outcome, pair) for outcome, pair in _pairs(directory) if pair.id == name or str(pair.index) == name or _begins(pair, name)
    }
    if name in found:
        found = {name: found[name]}
    if len(found) != 1:
        if found:
            raise InputError(f"{len(found)} pairs begin with {name!r}", f"such as {', '.join(sorted(found)[:3])}")
        raise InputError(f"no pair {name!r} in {run}", "ids are in pairs.jsonl; candidates that never became a pair are in rejected.jsonl")
    ((outcome, pair),) = found.values()
    given = {verdict.gate: verdict for verdict in pair.verdicts}
    gates = make_gates(config.gate)
    asked = [gate for gate in gates if gate.name not in given and not isinstance(gate, Comparing)]
    with DocumentStore(directory.path / "documents.sqlite") as store:
        late = {
            verdict.gate: verdict
            for verdict in verdicts(pair, asked, config.gate, texts=store.text, titles=lambda digest: store.get(digest).title)
        }
    names = dict.fromkeys([*(gate.name for gate in gates), *given])
    unasked = "it was not asked, since another gate had turned the pair away"
    said = tuple(given.get(gate) or late.get(gate) or not_evaluated(gate, skipped(gate, pair.paradigm) or unasked) for gate in names)
    return Explanation(pair, outcome, said, frozenset(late))


def gate_counts(run: str | Path) -> dict[str, dict[str, int]]:
    """Per gate, how often it said what of the latest sample's pairs: ``pass``, ``not_evaluated``, and each reason of failure.

    Candidates that a gate turned away count for that gate alone: those before it passed them, those after it were not asked.

    Raises:
        InputError: there is no sample.
    """
    directory, config = _latest(run)
    counts: dict[str, Counter[str]] = {gate: Counter() for gate in (*ORDER, *config.gate.gates)}
    for _, pair in _pairs(directory):
        for verdict in pair.verdicts:
            counts.setdefault(verdict.gate, Counter())[verdict.reason if verdict.status == "fail" else verdict.status] += 1
    return {gate: dict(sorted(counter.items())) for gate, counter in counts.items() if counter}


def _latest(run: str | Path) -> tuple[RunDirectory, Config]:
    directory = RunDirectory.open(Path(run))
    latest = directory.stage("sample")
    if latest is None:
        raise InputError(f"{run} holds no sample yet", f"draw one with `wildgraph sample {run} --documents PATH`")
    settings = dict(latest["settings"])
    # The data sets that were compared with are named there, not where they lie: they are not asked for again.
    gate = dict(settings.get("gate", {}))
    gate["settings"] = {
        name: {key: value for key, value in fields.items() if key not in ("sets", "earlier")}
        for name, fields in gate.get("settings", {}).items()
    }
    return directory, Config.model_validate({**settings, "gate": gate})


def _pairs(directory: RunDirectory) -> Iterator[tuple[Outcome, Pair]]:
    folder = f"samples/{(directory.stage('sample') or {})['fingerprint']}"
    for outcome, name in _FILES:
        for pair in read_pairs(directory, f"{folder}/{name}.jsonl"):
            yield outcome, pair


def _begins(pair: Pair, name: str) -> bool:
    return len(name) >= 4 and pair.id.startswith(name)
