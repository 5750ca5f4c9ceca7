"""The coverage report: what sampled, generated and accepted paths reach, whether what was asked for came, and what gates took away.

A gate that silently turns one task away, a type that never comes, a corner of a graph that no path enters: each is a row here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from wildgraph.frames import frame, html_table, one_line
from wildgraph.intervals import wilson
from wildgraph.pathquality import coherence, recombination, shuffled, together
from wildgraph.reach import BARRIERS, reachable_edges
from wildgraph.reasons import REASONS
from wildgraph.records import Json, Record, TaskSpec
from wildgraph.stages.walk import Sampler, WalkConfig
from wildgraph.taskgraph import TaskGraph

if TYPE_CHECKING:
    import pandas as pd

#: A label is judged from so many candidates on.
ENOUGH = 20
#: Paths drawn to compare the ways of walking.
COMPARED = 2000
_ADAPTED = "gate"  # who was turned away here had been generated


class Outcome(Record):
    """What became of one candidate: a line of ``specs.jsonl``. Holds published labels only.

    Attributes:
        index: place in the sequence of candidates.
        stage: which stage rejected it, and for what reason; empty where it was accepted.
        spec: its specification, where it had one of its own.
    """

    index: int = Field(ge=0)
    stage: str = ""
    reason: str = ""
    spec: TaskSpec | None = None

    @field_validator("reason")
    @classmethod
    def _known(cls, reason: str) -> str:
        if reason and reason not in REASONS:
            raise ValueError(f"unknown rejection reason {reason!r}")
        return reason

    @property
    def accepted(self) -> bool:
        """Whether it became a pair of the sample."""
        return not self.reason

    @property
    def generated(self) -> bool:
        """Whether instruction and answer were written."""
        return self.accepted or self.stage == _ADAPTED

    @property
    def judged(self) -> bool:
        """Whether it says something about its labels: not what was filtered as asked, nor what a server failed at."""
        return self.accepted or (self.spec is not None and REASONS[self.reason][0] == "gated")


class Reached(Record):
    """How much of a graph some paths reach.

    Attributes:
        paths: how many they are.
        nodes: labels on a path or among the attributes. edges: edges stepped over. pairs: edges whose labels are in one specification.
        novel: pairs of labels in one specification that have no edge.
    """

    paths: int
    nodes: int
    edges: int
    pairs: int
    novel: int


class TypeCoverage(Record):
    """One document type's graph and what reached it.

    Attributes:
        document_type: concept id. name: its published name. nodes, edges: of the graph.
        sampled, generated, accepted: what the candidates, those that were written and those that were accepted reach.
    """

    document_type: str
    name: str
    nodes: int
    edges: int
    sampled: Reached
    generated: Reached
    accepted: Reached


class Share(Record):
    """A share that was asked for beside the one that came.

    Attributes:
        name: document type or label.
        asked: share of the candidates asked for. sampled: that it got. accepted: its share of the sample.
        low, high: the band around ``accepted``. off: whether ``asked`` lies outside of it.
    """

    name: str
    asked: float
    sampled: float
    accepted: float
    low: float
    high: float
    off: bool


class Loss(Record):
    """How a label fared with the gates.

    Attributes:
        label: concept id of a label, document type or the name of a paradigm.
        judged: candidates with it that were accepted or turned away for their quality. accepted: how many were accepted.
        low, high: the band around the share. rest: the share of all the other candidates.
        silenced: whether the band lies below ``rest``, with enough candidates to tell.
        reasons: why the others were turned away, most frequent first.
    """

    label: str
    judged: int
    accepted: int
    low: float
    high: float
    rest: float
    silenced: bool
    reasons: Mapping[str, int]


class Quality(Record):
    """How good some paths are.

    Attributes:
        walk: how they were walked.
        paths: how many. coherence: share of their label pairs that have an edge.
        together: share that some record holds together, published edge or not. recombination: share of paths whose labels do not all
            come from one record. Both are ``None`` where the records are not at hand.
    """

    walk: str
    paths: int
    coherence: float
    together: float | None
    recombination: float | None


class Unreached(Record):
    """An edge that no legal path runs over: its two concepts, and why."""

    document_type: str
    source: str
    target: str
    why: str


class CoverageReport(Record):
    """All of it; see the parts.

    Attributes:
        candidates, accepted: of the sample.
        types: by document type. shares: of document types. starts: of the labels that paths start at, where their share is known.
        losses: by label, silenced ones first. quality: of paths. unreached: edges on no legal path.
    """

    candidates: int
    accepted: int
    types: tuple[TypeCoverage, ...]
    shares: tuple[Share, ...]
    starts: tuple[Share, ...]
    losses: tuple[Loss, ...]
    quality: tuple[Quality, ...] = ()
    unreached: tuple[Unreached, ...] = ()

    def __repr__(self) -> str:
        return one_line("CoverageReport", candidates=self.candidates, accepted=self.accepted, types=len(self.types))

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """In notebooks: how much of every graph the accepted paths reach."""

        def share(part: int, whole: int) -> str:
            return f"{part:,} of {whole:,}"

        rows = [
            (one.name, one.accepted.paths, share(one.accepted.nodes, one.nodes), share(one.accepted.edges, one.edges), one.accepted.novel)
            for one in self.types
        ]
        header = ("document type", "accepted", "labels reached", "edges stepped over", "novel pairs")
        return html_table(f"{self.accepted:,} of {self.candidates:,} candidates accepted", header, rows)

    def to_pandas(self) -> pd.DataFrame:
        """One row a document type and state (``sampled``, ``generated``, ``accepted``): what its paths reach of the graph."""
        columns = ("document_type", "name", "state", "paths", "nodes", "nodes_of", "edges", "edges_of", "pairs", "novel")
        return frame(
            (
                {"document_type": one.document_type, "name": one.name, "state": state, "nodes_of": one.nodes, "edges_of": one.edges}
                | reached.model_dump()
                for one in self.types
                for state, reached in (("sampled", one.sampled), ("generated", one.generated), ("accepted", one.accepted))
            ),
            columns,
        )

    def summary(self) -> dict[str, Json]:
        """The few numbers that a manifest shows."""
        nodes, edges = sum(one.nodes for one in self.types), sum(one.edges for one in self.types)
        reached = [one.accepted for one in self.types]
        return {
            "nodes": round(sum(one.nodes for one in reached) / max(1, nodes), 4),
            "edges": round(sum(one.edges for one in reached) / max(1, edges), 4),
            "pairs": round(sum(one.pairs for one in reached) / max(1, edges), 4),
            "silenced": [one.label for one in self.losses if one.silenced],
            "off_shares": [one.name for one in self.shares if one.off],
        }


def report(
    graphs: Sequence[TaskGraph], outcomes: Iterable[Outcome], config: WalkConfig, shares: Mapping[str, float] | None = None
) -> CoverageReport:
    """What the outcomes of a sampling say.

    Args:
        graphs: those that were sampled from.
        outcomes: of all candidates.
        config: how paths were drawn.
        shares: document type -> the share that was asked for, where one was.
    """
    outcomes, sampler = list(outcomes), Sampler(graphs, config, 0).sharing(shares or {})
    by_type: dict[str, list[Outcome]] = {ground.graph.document_type: [] for ground in sampler.grounds}
    for outcome in outcomes:
        if outcome.spec is not None:
            by_type.setdefault(outcome.spec.document_type, []).append(outcome)
    types = [_type(ground.graph, by_type[ground.graph.document_type]) for ground in sampler.grounds]
    with_spec = [(outcome, outcome.spec) for outcome in outcomes if outcome.spec is not None]
    asked = {ground.graph.document_type: float(share) for ground, share in zip(sampler.grounds, sampler.shares, strict=True)}
    return CoverageReport(
        candidates=len(outcomes),
        accepted=sum(outcome.accepted for outcome in outcomes),
        types=tuple(types),
        shares=_shares(asked, [(spec.document_type, outcome.accepted) for outcome, spec in with_spec]),
        starts=_shares(sampler.starts(), [(spec.path[0].concept, outcome.accepted) for outcome, spec in with_spec]),
        losses=_losses([(outcome, spec) for outcome, spec in with_spec if outcome.judged]),
    )


def _type(graph: TaskGraph, outcomes: Sequence[Outcome]) -> TypeCoverage:
    edges = {(graph.nodes[edge.source].concept, graph.nodes[edge.target].concept) for edge in graph.edges}
    edges |= {(right, left) for left, right in edges}
    known = {node.concept for node in graph.nodes}

    def reached(some: Iterable[Outcome]) -> Reached:
        nodes: set[str] = set()
        stepped: set[tuple[str, ...]] = set()
        held: set[tuple[str, str]] = set()
        novel: set[tuple[str, str]] = set()
        count = 0
        for spec in (outcome.spec for outcome in some if outcome.spec is not None):
            count += 1
            path = [node.concept for node in spec.path]
            labels = sorted({node.concept for node in (*spec.path, *spec.attributes)} & known)
            nodes.update(labels)
            stepped.update(tuple(sorted(step)) for step in pairwise(path) if step in edges)
            for pair in combinations(labels, 2):
                (held if pair in edges else novel).add(pair)
        return Reached(paths=count, nodes=len(nodes), edges=len(stepped), pairs=len(held), novel=len(novel))

    return TypeCoverage(
        document_type=graph.document_type,
        name=graph.name,
        nodes=len(graph.nodes),
        edges=len(graph.edges),
        sampled=reached(outcomes),
        generated=reached(outcome for outcome in outcomes if outcome.generated),
        accepted=reached(outcome for outcome in outcomes if outcome.accepted),
    )


def _shares(asked: Mapping[str, float], got: Sequence[tuple[str, bool]]) -> tuple[Share, ...]:
    """Asked and got by name; ``got`` holds each candidate's name and whether it was accepted."""
    sampled, accepted = Counter(name for name, _ in got), Counter(name for name, kept in got if kept)
    total, kept = sampled.total(), accepted.total()
    found = []
    for name, share in sorted(asked.items(), key=lambda item: (-item[1], item[0])):
        low, high = wilson(accepted[name], kept, together=len(asked))
        found.append(
            Share(
                name=name,
                asked=share,
                sampled=sampled[name] / max(1, total),
                accepted=accepted[name] / max(1, kept),
                low=low,
                high=high,
                off=not low <= share <= high,
            )
        )
    return tuple(found)


def _losses(judged: Sequence[tuple[Outcome, TaskSpec]]) -> tuple[Loss, ...]:
    """Acceptance by label, document type and paradigm against all the others."""
    tried: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    reasons: dict[str, Counter[str]] = {}
    for outcome, spec in judged:
        for label in {node.concept for node in (*spec.path, *spec.attributes)} | {spec.document_type, spec.paradigm}:
            tried[label] += 1
            accepted[label] += outcome.accepted
            if outcome.reason:
                reasons.setdefault(label, Counter())[outcome.reason] += 1
    total, kept = len(judged), sum(outcome.accepted for outcome, _ in judged)
    enough = sum(count >= ENOUGH for count in tried.values())
    found = []
    for label, count in tried.items():
        low, high = wilson(accepted[label], count, together=enough)
        others = total - count
        rest = (kept - accepted[label]) / others if others else accepted[label] / count
        found.append(
            Loss(
                label=label,
                judged=count,
                accepted=accepted[label],
                low=low,
                high=high,
                rest=rest,
                silenced=count >= ENOUGH and high < rest,
                reasons=dict(sorted(reasons.get(label, Counter()).items(), key=lambda item: (-item[1], item[0]))),
            )
        )
    return tuple(sorted(found, key=lambda one: (not one.silenced, one.accepted / one.judged, -one.judged, one.label)))


def path_quality(
    graphs: Sequence[TaskGraph], config: WalkConfig, seed: int, records: Sequence[frozenset[str]] | None, count: int = COMPARED
) -> tuple[Quality, ...]:
    """Coherence and recombination of paths in history and markov mode, and of shuffled labels.

    Args:
        graphs: to walk.
        config: how; mode, leaps and joined walks apart.
        seed: of the sampling.
        records: concept ids of each record with what they imply, or ``None`` where they are not at hand.
        count: paths of each kind.
    """
    found: list[Quality] = []
    for mode in ("history", "markov"):
        sampler = Sampler(graphs, config.model_copy(update={"mode": mode, "novel": 0.0, "compose": 0.0}), seed)
        held = {name: [0, 0] for name in (mode, "shuffled")}
        concepts: dict[str, list[set[str]]] = {name: [] for name in held}
        for ground, paths, indices in sampler.walks(count):
            terrain = ground.terrain(frozenset())
            for name, some in ((mode, paths), ("shuffled", shuffled(paths, terrain, indices, seed) if mode == "history" else [])):
                joined, pairs = coherence(some, terrain)
                held[name][0] += joined
                held[name][1] += pairs
                concepts[name] += [{ground.graph.nodes[node].concept for node in path} for path in some]
        found += [
            Quality(
                walk=name,
                paths=len(some),
                coherence=held[name][0] / max(1, held[name][1]),
                together=None if records is None else together(some, records),
                recombination=None if records is None else recombination(some, records),
            )
            for name, some in concepts.items()
            if some
        ]
    order = {"history": 0, "markov": 1, "shuffled": 2}
    return tuple(sorted(found, key=lambda one: order[one.walk]))


def unreached_edges(graphs: Sequence[TaskGraph], config: WalkConfig) -> tuple[Unreached, ...]:
    """The edges that no legal path runs over, by document type, and why."""
    found = []
    for ground in Sampler(graphs, config, 0).grounds:
        graph = ground.graph
        for edge, barrier in sorted(reachable_edges(ground.terrain(frozenset())).barrier.items()):
            ends = graph.edges[edge]
            found.append(
                Unreached(
                    document_type=graph.document_type,
                    source=graph.nodes[ends.source].concept,
                    target=graph.nodes[ends.target].concept,
                    why=BARRIERS[barrier],
                )
            )
    return tuple(found)
