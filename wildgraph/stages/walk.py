"""Walk the graphs: one sampled path is one task specification (WildLong, arXiv 2502.16684 §3.2; MathScale, arXiv 2403.02884 §3).

Specifications are one infinite sequence: the one at index i is a pure function of (graphs, configuration, seed, i), whatever was sampled
before it and however many workers there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from wildgraph.errors import UsageError
from wildgraph.fields import DEFAULT_FIELDS, TASK, MetaField
from wildgraph.paradigms import PARADIGMS, Paradigm
from wildgraph.records import PathNode, Rejection, Split, TaskSpec
from wildgraph.taskgraph import GraphNode, TaskGraph

STAGE = "walk"
VERSION = 1


class WalkConfig(BaseModel):
    """How paths are drawn.

    Attributes:
        mode: ``history`` weighs a candidate by the geometric mean of (frequency + eps) to all labels on the path (ours);
            ``markov`` by the frequency to the last label alone (MathScale).
        temperature: transitions are ∝ weight^(1/temperature).
        eps: added to every frequency. [ours]
        min_length, max_length: nodes of a path; its length is drawn uniformly first. [ours]
        attribute_share, attribute_floor, universal_share: a label in more than this share of a type's records, and in at least so many of them, is an
            attribute, drawn once per path, and no step; so is one in more than ``universal_share`` of them where the type has as many
            records as the floor. Tasks are always steps. [ours]
        types: how document types share the candidates: in proportion to their records, to their square roots, or equally.
        multi: share of multi-document candidates.
        documents: fewest and most documents of a multi-document task.
        test_share: share of candidates drawn for the test split.
        tries: restarts after a dead end before the index is given up.
        fields: the field table (caps per field).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["history", "markov"] = "history"
    temperature: float = Field(default=1.0, gt=0.0)
    eps: float = Field(default=0.1, gt=0.0)
    min_length: int = Field(default=5, ge=1)
    max_length: int = Field(default=8, ge=1)
    attribute_share: float = Field(default=0.15, gt=0.0, le=1.0)
    attribute_floor: int = Field(default=20, ge=1)
    universal_share: float = Field(default=0.8, gt=0.0, le=1.0)
    types: Literal["proportional", "sqrt", "uniform"] = "sqrt"
    multi: float = Field(default=0.3, ge=0.0, le=1.0)
    documents: tuple[int, int] = (2, 4)
    test_share: float = Field(default=0.05, ge=0.0, le=1.0)
    tries: int = Field(default=20, ge=1)
    fields: tuple[MetaField, ...] = DEFAULT_FIELDS

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if self.max_length < self.min_length:
            raise ValueError("max_length is below min_length")
        if not 2 <= self.documents[0] <= self.documents[1]:
            raise ValueError("documents must be two numbers, at least 2, in order")
        return self


class WalkableGraph:
    """A graph prepared for walking: dense log-weights, caps, attributes.

    Args:
        graph: the published graph.
        config: thresholds.
    """

    def __init__(self, graph: TaskGraph, config: WalkConfig) -> None:
        self.graph = graph
        self.config = config
        self.caps = {field.name: field.cap for field in config.fields}
        self.attribute = np.array([_is_attribute(node, graph, config) for node in graph.nodes], dtype=bool)
        self.adjacency = graph.adjacency
        self.log_weight = np.log(self.adjacency + config.eps)
        self.field = np.array([node.field for node in graph.nodes])
        self.start = np.array([node.records if node.field == TASK else 0 for node in graph.nodes], dtype=np.float64)

    def forbidden(self, paradigm: Paradigm) -> frozenset[str]:
        """Concept ids that make no sense in a paradigm."""
        return frozenset(node.concept for node in self.graph.nodes if not paradigm.admits(node.concept))

    def node(self, index: int) -> PathNode:
        """The node as a path names it."""
        found = self.graph.nodes[index]
        return PathNode(field=found.field, concept=found.concept, name=found.name)

    def path(self, random: np.random.Generator, forbidden: Collection[str] = ()) -> list[int] | None:
        """One typed path of nodes, or ``None`` where no try reached the minimum length.

        Args:
            random: source of randomness; the number of draws depends on nothing but the graph and earlier draws.
            forbidden: concept ids that must not be stepped on.
        """
        barred = self.attribute | np.array([node.concept in forbidden for node in self.graph.nodes], dtype=bool)
        length = int(random.integers(self.config.min_length, self.config.max_length + 1))
        start = np.where(barred, 0.0, self.start)
        if not start.any():
            return None
        for _ in range(self.config.tries):
            path = [_draw(random, start)]
            seen = self.log_weight[path[0]].copy()
            taken = {self.field[path[0]]: 1}
            while len(path) < length:
                legal = (self.adjacency[path[-1]] > 0) & ~barred
                legal[path] = False
                for name, count in taken.items():
                    if count >= self.caps.get(name, 1):
                        legal &= self.field != name
                legal &= np.array([self.caps.get(name, 1) > 0 for name in self.field], dtype=bool)
                if not legal.any():
                    break
                score = seen / len(path) if self.config.mode == "history" else self.log_weight[path[-1]]
                # The best is taken off first: a very small temperature would else divide infinity by infinity.
                with np.errstate(over="ignore"):
                    score = np.where(legal, score - score[legal].max(), -np.inf) / self.config.temperature
                step = _draw(random, np.exp(score))
                path.append(step)
                seen += self.log_weight[step]
                taken[self.field[step]] = taken.get(self.field[step], 0) + 1
            if len(path) >= self.config.min_length:
                return path
        return None

    def attributes(self, path: Sequence[int], random: np.random.Generator, forbidden: Collection[str] = ()) -> list[int]:
        """At most one attribute per field that the path does not hold, drawn in proportion to co-occurrence with the path.

        The chance of none is the share of the type's records without any of the field's attributes that are not forbidden.
        """
        allowed = self.attribute & np.array([node.concept not in forbidden for node in self.graph.nodes], dtype=bool)
        drawn: list[int] = []
        held = {self.field[index] for index in path}
        for name in sorted(set(self.field[allowed]) - held):
            options = np.flatnonzero(allowed & (self.field == name))
            share = np.array([self.graph.nodes[index].records for index in options], dtype=np.float64) / max(self.graph.records, 1)
            affinity = np.exp(self.log_weight[np.ix_(options, np.array(path))].mean(axis=1)) if len(path) else share
            some = min(1.0, float(share.sum()))
            if random.random() < some:
                drawn.append(int(options[_draw(random, affinity)]))
        return drawn


def _is_attribute(node: GraphNode, graph: TaskGraph, config: WalkConfig) -> bool:
    """Whether a label is drawn once per path instead of stepped on."""
    if node.field == TASK:
        return False
    frequent = node.records > config.attribute_share * graph.records and node.records >= config.attribute_floor
    universal = node.records > config.universal_share * graph.records and graph.records >= config.attribute_floor
    return frequent or universal


def _draw(random: np.random.Generator, weight: npt.NDArray[np.float64]) -> int:
    """An index in proportion to ``weight``."""
    total = np.cumsum(weight)
    return int(min(np.searchsorted(total, random.random() * total[-1], side="right"), len(weight) - 1))


def walk(
    graphs: Sequence[TaskGraph],
    config: WalkConfig,
    *,
    seed: int,
    start: int = 0,
    splits: Mapping[str, Collection[Split]] | None = None,
) -> Iterator[TaskSpec | Rejection]:
    """The infinite sequence of specifications from index ``start`` on; an index without a path is a ``dead_end``.

    Args:
        graphs: published graphs, any order.
        config: how paths are drawn.
        seed: of the sampling.
        start: first index.
        splits: document type -> splits that have documents of it; both where it is not named.

    Raises:
        UsageError: no graph has a task to start from.
    """
    prepared = [WalkableGraph(graph, config) for graph in sorted(graphs, key=lambda graph: graph.document_type)]
    weights = np.array([_type_weight(one, config) for one in prepared])
    if not weights.any():
        raise UsageError("no graph has a task node to start a path from", "lower --min-support, or build from more queries")
    index = start
    while True:
        yield specification(prepared, weights, config, seed, index, splits or {})
        index += 1


def _type_weight(graph: WalkableGraph, config: WalkConfig) -> float:
    if not graph.start.any():
        return 0.0
    power = {"proportional": 1.0, "sqrt": 0.5, "uniform": 0.0}[config.types]
    return float(max(graph.graph.records, 1) ** power)


def specification(
    graphs: Sequence[WalkableGraph],
    weights: npt.NDArray[np.float64],
    config: WalkConfig,
    seed: int,
    index: int,
    splits: Mapping[str, Collection[Split]],
) -> TaskSpec | Rejection:
    """The specification at one index."""
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, index))))
    graph = graphs[_draw(random, weights)]
    paradigm = _paradigm(config, random)
    count = int(random.integers(config.documents[0], config.documents[1] + 1)) if paradigm.several else 1
    split: Split = "test" if random.random() < config.test_share else "train"
    there = splits.get(graph.graph.document_type, (split,))
    if split not in there:
        split = "train" if split == "test" else "test"  # the other one: a type with documents has them in one split at least
    forbidden = graph.forbidden(paradigm)
    path = graph.path(random, forbidden)
    if path is None:
        return Rejection(stage=STAGE, item=str(index), reason="dead_end", detail=graph.graph.document_type)
    return TaskSpec(
        index=index,
        document_type=graph.graph.document_type,
        document_type_name=graph.graph.name,
        path=tuple(graph.node(one) for one in path),
        attributes=tuple(graph.node(one) for one in graph.attributes(path, random, forbidden)),
        paradigm=paradigm.name,
        documents=count,
        split=split,
    )


def _paradigm(config: WalkConfig, random: np.random.Generator) -> Paradigm:
    several = bool(random.random() < config.multi)
    options = [paradigm for paradigm in PARADIGMS.values() if paradigm.several == several]
    return options[int(random.integers(len(options)))]
