"""Walk the graphs: one sampled path is one task specification (WildLong, arXiv 2502.16684 §3.2; MathScale, arXiv 2403.02884 §3).

Specifications are one infinite sequence: the one at index i is a pure function of (graphs, configuration, seed, i), whatever was sampled
before it and however many workers there are. Only coverage, by its nature, looks back: there it is a function of the sequence up to i.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from itertools import islice
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from wildgraph.chance import Floats, Indices, keys, pick, uniforms
from wildgraph.errors import UsageError, did_you_mean
from wildgraph.fields import DEFAULT_FIELDS, TASK, MetaField
from wildgraph.grounds import Ground, GroundRules, find_label, graph_named, joined
from wildgraph.paradigms import PARADIGMS, Paradigm
from wildgraph.paths import Terms, sample_paths
from wildgraph.reach import Tour
from wildgraph.records import PathNode, Rejection, Split, TaskSpec
from wildgraph.taskgraph import TaskGraph
from wildgraph.terrain import PathRules

STAGE = "walk"
VERSION = 2
#: Specifications that are drawn at a time: few at first, since a small sample needs few.
_FIRST_BLOCK, _BLOCK = 32, 2048


class WalkConfig(BaseModel):
    """How paths are drawn.

    Attributes:
        mode: ``history`` weighs a candidate by the geometric mean of (frequency + eps) to all labels on the path (ours);
            ``markov`` by the frequency to the last label alone (MathScale); ``coverage`` goes where no path went before.
        temperature: transitions are ∝ weight^(1/temperature).
        eps: added to every frequency. [ours]
        min_length, max_length: nodes of a path; its length is drawn uniformly first. [ours]
        attribute_share, attribute_floor, universal_share: a label in more than this share of a type's records, and in at least so many of them, is an
            attribute, drawn once per path, and no step; so is one in more than ``universal_share`` of them where the type has as many
            records as the floor. Tasks and required labels are always steps. [ours]
        start: field -> share of the paths that start in it, relative to the others; within a field labels start in proportion to their records.
        require, forbid: labels that every path must, or no path may, hold: ``field=name``, a concept id or a name.
        novel: share of the candidates that leap once to a label that never occurred with any label on the path so far. [ours]
        types: how document types share the candidates: in proportion to their records, to their square roots, or equally.
        repeats: how often one and the same specification may come, each time with documents of its own. [ours]
        paradigms: names of those that are drawn; empty for all that the engine can write.
        multi: share of multi-document candidates.
        compose: share of these whose second half is walked in the same or a neighbouring type's graph, from a label that both share. [ours]
        documents: fewest and most documents of a multi-document task.
        test_share: share of candidates drawn for the test split.
        tries: restarts after a dead end before the index is given up.
        fields: the field table (caps per field).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["history", "markov", "coverage"] = "history"
    temperature: float = Field(default=1.0, gt=0.0)
    eps: float = Field(default=0.05, gt=0.0)
    min_length: int = Field(default=5, ge=1)
    max_length: int = Field(default=8, ge=1)
    attribute_share: float = Field(default=0.15, gt=0.0, le=1.0)
    attribute_floor: int = Field(default=20, ge=1)
    universal_share: float = Field(default=0.8, gt=0.0, le=1.0)
    start: dict[str, float] = Field(default_factory=lambda: {TASK: 1.0}, min_length=1)
    require: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    novel: float = Field(default=0.0, ge=0.0, le=1.0)
    types: Literal["proportional", "sqrt", "uniform"] = "sqrt"
    repeats: int = Field(default=1, ge=1)
    paradigms: tuple[str, ...] = ()
    multi: float = Field(default=0.3, ge=0.0, le=1.0)
    compose: float = Field(default=0.25, ge=0.0, le=1.0)
    documents: tuple[int, int] = (2, 4)
    test_share: float = Field(default=0.05, ge=0.0, le=1.0)
    tries: int = Field(default=20, ge=1)
    fields: tuple[MetaField, ...] = DEFAULT_FIELDS

    @field_validator("paradigms")
    @classmethod
    def _are_there(cls, paradigms: tuple[str, ...]) -> tuple[str, ...]:
        unknown = next((name for name in paradigms if name not in PARADIGMS), None)
        if unknown is not None:
            raise ValueError(f"there is no paradigm {unknown!r}, {did_you_mean(unknown, PARADIGMS)}")
        return paradigms

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if self.max_length < self.min_length:
            raise ValueError("max_length is below min_length")
        if not 2 <= self.documents[0] <= self.documents[1]:
            raise ValueError("documents must be two numbers, at least 2, in order")
        if any(share <= 0.0 for share in self.start.values()):
            raise ValueError("shares must be above 0")
        return self

    @property
    def rules(self) -> GroundRules:
        """What a legal path is, and which labels are attributes."""
        return GroundRules(
            paths=PathRules(
                min_length=self.min_length,
                max_length=self.max_length,
                caps={field.name: field.cap for field in self.fields},
                start=self.start,
                temperature=self.temperature,
                eps=self.eps,
                tries=self.tries,
            ),
            attribute_share=self.attribute_share,
            attribute_floor=self.attribute_floor,
            universal_share=self.universal_share,
        )


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
        start: first index; coverage works through all before it.
        splits: document type -> splits that have documents of it; both where it is not named.

    Raises:
        UsageError: no graph has a node to start from, or what is required, forbidden or shared out is not there.
    """
    sequence = Sampler(graphs, config, seed, splits or {})
    first = 0 if config.mode == "coverage" else start
    yield from islice(sequence.candidates(first), start - first, None)


def distinct(items: Iterable[TaskSpec | Rejection], repeats: int = 1) -> Iterator[TaskSpec | Rejection]:
    """The sequence with repeated specifications turned into ``duplicate_spec``: same document types, same labels, same paradigm.

    Args:
        items: the sequence from index 0 on.
        repeats: how often one may come.
    """
    seen: Counter[tuple[object, ...]] = Counter()
    for item in items:
        if isinstance(item, TaskSpec):
            labels = frozenset(node.concept for node in (*item.path, *item.attributes))
            key = (item.document_type, frozenset(item.document_types), item.paradigm, labels)
            seen[key] += 1
            if seen[key] > repeats:
                yield Rejection(stage=STAGE, item=str(item.index), reason="duplicate_spec", detail=item.document_type)
                continue
        yield item


class Sampler:
    """What the sequence is drawn from: the graphs made walkable, and the share of each.

    Args:
        graphs: published graphs, any order. config: how paths are drawn. seed: of the sampling.
        splits: document type -> splits that have documents of it.

    Raises:
        UsageError: see :func:`walk`.
    """

    def __init__(
        self, graphs: Sequence[TaskGraph], config: WalkConfig, seed: int, splits: Mapping[str, Collection[Split]] | None = None
    ) -> None:
        self.config, self.seed, self.splits = config, seed, splits or {}
        ordered = sorted(graphs, key=lambda graph: graph.document_type)
        self.required = frozenset(find_label(name, ordered) for name in config.require)
        forbidden = frozenset(find_label(name, ordered) for name in config.forbid)
        allowed = [one for one in PARADIGMS.values() if not config.paradigms or one.name in config.paradigms]
        self.paradigms = [one for one in allowed if all(one.admits(concept) for concept in self.required)]
        if not self.paradigms:
            raise UsageError(f"no paradigm admits {' and '.join(sorted(self.required))} on one path", "require less")
        self.grounds = [Ground(graph, config.rules, self.required, forbidden) for graph in ordered]
        self.shares = type_shares(self.grounds, config)
        self.tours: dict[int, Tour] = {}

    def sharing(self, asked: Mapping[str, float]) -> Self:
        """The same with these shares of document types; see :func:`type_shares`."""
        part = copy(self)
        part.shares = type_shares(self.grounds, self.config, asked)
        return part

    def narrowed(self, paradigms: Collection[str] | None, document_types: Collection[str] | None) -> Self:
        """The same with these paradigms and graphs alone (``None`` for all), coverage anew; a UsageError where no path can start then."""
        part = copy(self)
        part.tours = {}
        part.paradigms = [one for one in self.paradigms if paradigms is None or one.name in paradigms]
        kept = [document_types is None or ground.graph.document_type in document_types for ground in self.grounds]
        part.shares = np.where(kept, self.shares, 0.0)
        if not part.paradigms or not part.shares.any():
            named = " and ".join(", ".join(sorted(one)) for one in (paradigms, document_types) if one)
            raise UsageError(
                f"no path can be drawn for {named or 'what no share is given to'}", "give the share to others, or require less"
            )
        return part

    def candidates(self, first: int = 0, step: int = 1) -> Iterator[TaskSpec | Rejection]:
        """The specifications at ``first``, ``first + step``, …, without end; coverage works through them in this order."""
        size = _FIRST_BLOCK
        while True:
            yield from self.specifications(np.arange(first, first + size * step, step, dtype=np.uint64))
            first, size = first + size * step, min(2 * size, _BLOCK)

    def specifications(self, indices: Indices) -> list[TaskSpec | Rejection]:
        """The specifications at these indices; in coverage mode blocks must follow each other from 0 on."""
        config, key = self.config, keys(self.seed, "specification", indices)
        kinds = pick(np.cumsum(self.shares), uniforms(key, 0))
        paradigms = [self._paradigm(*one) for one in zip(uniforms(key, 1), uniforms(key, 2), strict=True)]
        low, high = config.documents
        counts = low + (uniforms(key, 3) * (high - low + 1)).astype(np.int64)
        leaps = np.where(uniforms(key, 5) < config.novel, 1 + (uniforms(key, 6) * (config.min_length - 1)).astype(np.int64), 0)
        leaps[leaps >= config.min_length] = 0
        composed = (uniforms(key, 7) < config.compose) & np.array([one.several for one in paradigms]) & (not self.required)
        tests = uniforms(key, 4) < config.test_share
        found: list[TaskSpec | Rejection | None] = [None] * len(indices)
        groups: dict[tuple[int, str], list[int]] = {}
        for row, (kind, paradigm) in enumerate(zip(kinds, paradigms, strict=True)):
            groups.setdefault((int(kind), paradigm.name), []).append(row)
        tour = self._toured(indices, kinds, paradigms) if config.mode == "coverage" else {}
        for (kind, name), members in groups.items():
            ground, paradigm = self.grounds[kind], PARADIGMS[name]
            terrain = ground.terrain(paradigm.refuses)
            mine = indices[members]
            splits = [self._split(ground.graph.document_type, bool(tests[row])) for row in members]
            if config.mode == "coverage":
                paths = [tour[row] for row in members]
                places = [0] * len(members)
            else:
                drawn = sample_paths(terrain, mine, self.seed, mode=config.mode, terms=Terms(leap=leaps[members] if config.novel else None))
                paths = [list(map(int, nodes[:length])) for nodes, length in zip(drawn.nodes, drawn.length, strict=True)]
                places = drawn.leap.tolist()
            attributes = ground.attributes(paths, mine, self.seed, paradigm.refuses)
            for at, row in enumerate(members):
                if not paths[at]:
                    found[row] = Rejection(stage=STAGE, item=str(indices[row]), reason="dead_end", detail=ground.graph.document_type)
                    continue
                found[row] = TaskSpec(
                    index=int(indices[row]),
                    document_type=ground.graph.document_type,
                    document_type_name=ground.graph.name,
                    path=tuple(ground.node(one) for one in paths[at]),
                    attributes=tuple(ground.node(one) for one in attributes[at]),
                    paradigm=name,
                    documents=int(counts[row]) if paradigm.several else 1,
                    split=splits[at],
                    novel=ground.novel(paths[at], places[at]),
                )
            if composed[members].any():
                self._compose(kind, paradigm, [row for row in members if composed[row]], indices, found)
        assert all(one is not None for one in found)
        return [one for one in found if one is not None]

    def walks(self, count: int) -> Iterator[tuple[Ground, list[list[int]], Indices]]:
        """Bare paths of the first indices, graph by graph: what :meth:`specifications` would draw, paradigms and attributes left out.

        Args:
            count: how many indices; paths that came to a dead end are left out.

        Yields:
            A graph, its paths, and their indices.
        """
        indices = np.arange(count, dtype=np.uint64)
        kinds = pick(np.cumsum(self.shares), uniforms(keys(self.seed, "specification", indices), 0))
        for kind in np.unique(kinds):
            ground = self.grounds[int(kind)]
            mine = indices[kinds == kind]
            drawn = sample_paths(ground.terrain(frozenset()), mine, self.seed, mode=_step_mode(self.config))
            found = [nodes[:length].tolist() for nodes, length in zip(drawn.nodes, drawn.length, strict=True) if length]
            yield ground, found, mine[drawn.length > 0]

    def starts(self) -> dict[str, float]:
        """Share of the candidates that start at each label; empty where the start is no free draw."""
        if self.required or self.config.mode == "coverage":
            return {}
        found: dict[str, float] = {}
        chances = self._chances()
        for ground, share in zip(self.grounds, self.shares, strict=True):
            for paradigm, chance in chances.items():
                terrain = ground.terrain(PARADIGMS[paradigm].refuses)
                if not terrain.can_start:
                    continue
                weight = np.diff(terrain.start, prepend=0.0) / terrain.start[-1]
                for node in np.flatnonzero(weight * share):
                    concept = ground.graph.nodes[int(node)].concept
                    found[concept] = found.get(concept, 0.0) + float(share * chance * weight[node])
        return found

    def _chances(self) -> dict[str, float]:
        """How often each paradigm is drawn."""
        found = dict.fromkeys((one.name for one in self.paradigms), 0.0)
        for several, share in ((True, self.config.multi), (False, 1.0 - self.config.multi)):
            options = [one for one in self.paradigms if one.several == several] or self.paradigms
            for one in options:
                found[one.name] += share * one.share / sum(other.share for other in options)
        return found

    def _toured(self, indices: Indices, kinds: np.ndarray, paradigms: Sequence[Paradigm]) -> dict[int, list[int]]:
        """Coverage paths by row, walked one after the other in index order: each goes where the earlier ones of its graph did not."""
        found = {}
        for row, (kind, paradigm) in enumerate(zip(kinds, paradigms, strict=True)):
            ground = self.grounds[int(kind)]
            tour = self.tours.setdefault(int(kind), Tour(len(ground.graph.edges)))
            found[row] = tour.path(ground.terrain(paradigm.refuses), int(indices[row]), self.seed)
        return found

    def _compose(
        self, kind: int, paradigm: Paradigm, rows: Sequence[int], indices: Indices, found: list[TaskSpec | Rejection | None]
    ) -> None:
        """Give these multi-document specifications a second half from a neighbouring graph; those without a way to one stay as they are."""
        home = self.grounds[kind]
        for row in rows:
            spec = found[row]
            if not isinstance(spec, TaskSpec) or spec.novel:
                continue
            there = [ground for ground in self.grounds if spec.split in self.splits.get(ground.graph.document_type, (spec.split,))]
            second = joined(home, there, spec.path, int(indices[row]), self.seed, paradigm.refuses, mode=_step_mode(self.config))
            if second is None:
                continue
            partner, path = second
            nodes: tuple[PathNode, ...] = path
            held = {node.field for node in nodes}
            types: tuple[str, ...] = ()
            if partner.graph.document_type != spec.document_type:
                own = (spec.documents + 1) // 2
                types = (spec.document_type,) * own + (partner.graph.document_type,) * (spec.documents - own)
            found[row] = spec.model_copy(
                update={
                    "path": nodes,
                    "attributes": tuple(node for node in spec.attributes if node.field not in held),
                    "document_types": types,
                }
            )

    def _paradigm(self, several: float, which: float) -> Paradigm:
        options = [one for one in self.paradigms if one.several == (several < self.config.multi)] or self.paradigms
        bounds = np.cumsum([one.share for one in options])
        return options[min(int(np.searchsorted(bounds, which * bounds[-1], side="right")), len(options) - 1)]

    def _split(self, kind: str, test: bool) -> Split:
        split: Split = "test" if test else "train"
        if split not in self.splits.get(kind, (split,)):
            return "train" if test else "test"  # the other one: a type with documents has them in one split at least
        return split


def _step_mode(config: WalkConfig) -> Literal["history", "markov"]:
    return "history" if config.mode == "history" else "markov"


def type_shares(grounds: Sequence[Ground], config: WalkConfig, asked: Mapping[str, float] | None = None) -> Floats:
    """Each graph's share of the candidates; shape (graphs,), adds up to 1.

    Args:
        grounds: the graphs.
        config: how the types share what nobody asked for.
        asked: document type -> the share that it is to have.

    Raises:
        UsageError: no graph can be walked, or a share is given to one that is not there.
    """
    weights = np.array([ground.can_start * max(ground.graph.records, 1) for ground in grounds], dtype=np.float64)
    if not weights.any():
        if config.require and any(ground.has_start for ground in grounds):
            raise UsageError(f"no document type's graph holds all of {', '.join(config.require)}", "require fewer labels at once")
        fields = [one.name for one in config.fields if one.node]
        unknown = next((name for name in sorted(config.start) if name not in fields), None)
        if unknown is not None:
            raise UsageError(f"paths cannot start in {unknown!r}, which is no field of labels", did_you_mean(unknown, fields))
        raise UsageError(
            f"no graph has a {' or '.join(sorted(config.start))} node to start a path from",
            "lower --min-support, or build from more queries",
        )
    power = {"proportional": 1.0, "sqrt": 0.5, "uniform": 0.0}[config.types]
    weights = np.where(weights > 0.0, weights, np.nan) ** power
    weights = np.nan_to_num(weights, nan=0.0)
    given = np.zeros(len(grounds))
    for name, share in sorted((asked or {}).items()):
        given[graph_named(name, grounds)] = share
    rest = np.where(given > 0.0, 0.0, weights)
    left = max(0.0, 1.0 - float(given.sum()))
    shares: Floats = given + (left * rest / rest.sum() if rest.any() else 0.0)
    return np.asarray(shares / shares.sum())
