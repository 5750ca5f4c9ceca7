"""Pair specifications with documents of their type (WildLong, arXiv 2502.16684 §3.3; the matching rule is ours).

Where a target length is asked for, documents are chosen so that the whole sample fills it: required ones first, then related ones as distractors, until
what is left holds the instruction, the answer and what layout and chat template add. No document is ever cut.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.buckets import spoken
from wildgraph.corpus import Corpus, fill
from wildgraph.embedders import Embedder, Vectors
from wildgraph.paradigms import PARADIGMS
from wildgraph.records import Candidate, DocumentRef, Rejection, TaskSpec, content_hash

STAGE = "pair"
VERSION = 4
#: Related documents that may fill a target: fewest and most that are looked at, and how many times the missing length they should hold.
_POOL, _DEEPEST, _AMPLE = 32, 1024, 3
#: How many times as many when these hit no sum.
_DEEPER = 6


class PairConfig(BaseModel):
    """How documents are chosen. All defaults are ours.

    Attributes:
        pool: how many of the most similar documents of the type one is drawn from; a larger pool spreads the corpus more evenly.
        batch: specifications embedded at a time.
        scan: documents of a large type that a search looks at; more find nearer ones and take longer.
        least: share of the target that a sample must fill.
        response_tokens: what is kept free for the answers. responses: the same, for single paradigms.
        instruction_tokens: what is kept free for instructions; a layout may write one twice.
        most_reserved: share of a target that is kept free for both at most: where answers are shorter than that, the sample still fills its target.
        written: what instruction and answer take at least.
        fence_tokens: what a layout puts around each document, beside its title.
        grow: documents that a multi-document task may take beyond those it asks for, while they fill less than half of the target.
        anchors: first documents that are tried before a target counts as one that cannot be filled.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pool: int = Field(default=24, ge=1)
    batch: int = Field(default=64, ge=1)
    scan: int = Field(default=8192, ge=1)
    least: float = Field(default=0.9, gt=0.0, lt=1.0)
    response_tokens: int = Field(default=600, ge=0)
    responses: dict[str, int] = Field(default_factory=dict)
    instruction_tokens: int = Field(default=160, ge=0)
    most_reserved: float = Field(default=0.06, ge=0.0, lt=1.0)
    written: int = Field(default=40, ge=0)
    fence_tokens: int = Field(default=16, ge=0)
    grow: int = Field(default=2, ge=0)
    anchors: int = Field(default=24, ge=1)

    def reserve(self, bucket: int, paradigm: str) -> int:
        """Tokens that are kept free for instructions and answers."""
        return min(self.instruction_tokens + self.responses.get(paradigm, self.response_tokens), int(self.most_reserved * bucket))


@dataclass(frozen=True)
class Frame:
    """What a sample takes beside its documents.

    Attributes:
        least, most: tokens of layout and chat template around an empty sample.
        margin: share that lengths are raised by where they are estimates.
    """

    least: int = 0
    most: int = 0
    margin: float = 0.0


def pair(
    specs: Iterable[TaskSpec | Rejection],
    config: PairConfig,
    *,
    corpus: Corpus,
    kinds: Mapping[str, Collection[str]],
    embedder: Embedder,
    seed: int,
    frame: Frame | None = None,
) -> Iterator[Candidate | Rejection]:
    """Candidates in the order of the specifications; rejections pass through.

    Args:
        specs: sampled specifications.
        config: pool size and target lengths.
        corpus: typed, embedded documents.
        kinds: document type of a graph -> the documents' types that it covers.
        embedder: the one the corpus was embedded with.
        seed: of the sampling.
        frame: what a sample takes beside its documents; nothing by default.
    """
    chooser = _Chooser(config, corpus, kinds, seed, frame or Frame())
    batch: list[TaskSpec | Rejection] = []
    for spec in specs:
        batch.append(spec)
        if len(batch) == config.batch:
            yield from _pairs(batch, chooser, embedder)
            batch = []
    yield from _pairs(batch, chooser, embedder)


def _pairs(batch: Sequence[TaskSpec | Rejection], chooser: _Chooser, embedder: Embedder) -> Iterator[Candidate | Rejection]:
    vectors = iter(embedder.embed([describe(spec) for spec in batch if isinstance(spec, TaskSpec)]))
    for spec in batch:
        yield spec if isinstance(spec, Rejection) else chooser.candidate(spec, next(vectors))


class _NotFilledError(Exception):
    """Why documents do not fill a target; caught where the candidate is made."""


@dataclass(frozen=True)
class _Chooser:
    """Chooses documents for one specification at a time: what it gives depends on nothing it gave before."""

    config: PairConfig
    corpus: Corpus
    kinds: Mapping[str, Collection[str]]
    seed: int
    frame: Frame

    def candidate(self, spec: TaskSpec, vector: Vectors) -> Candidate | Rejection:
        """The specification with its documents."""
        types, needs = self.kinds.get(spec.document_type, ()), needs_of(spec.paradigm)
        if not any((kind, spec.split) in self.corpus.sections for kind in types):
            return _reject(spec, "no_matching_document", f"{spec.document_type} in {spec.split}")
        if spec.bucket is not None:
            try:
                return self._filled(spec, vector, spec.bucket)
            except _NotFilledError as why:
                return _reject(spec, "bucket_not_filled", f"{spoken(spec.bucket)} in {spec.split}: {why}")
        found = self.corpus.match(vector, types, spec.split, self.config.pool, least=needs, scan=self.config.scan)
        if not found:
            return _reject(spec, "no_matching_document", f"{spec.document_type}{_having(needs)} in {spec.split}")
        anchor = found[self._draw("document", spec.index) % len(found)]
        shuffle = self._draw("group", spec.index)
        if spec.document_types:
            required = self._mixed_group(anchor, spec, shuffle, None)
        else:
            required = [anchor] if spec.documents == 1 else self._group(anchor, spec.documents, shuffle, needs)
        distractors = self._few_distractors(anchor, spec, required) if required else None
        if required is None or distractors is None:
            return _reject(spec, "no_document_group", f"{spec.document_type} in {spec.split}")
        return self._candidate(spec, required, distractors, self._shuffled([*required, *distractors], shuffle) if distractors else required)

    @cached_property
    def _shortest(self) -> int:
        return int(self.corpus.n_tokens.min())

    def _draw(self, what: str, index: int) -> int:
        return int(content_hash(what, self.seed, index), 16)

    def _candidate(self, spec: TaskSpec, required: Sequence[int], distractors: Sequence[int], order: Sequence[int]) -> Candidate:
        corpus, useless = self.corpus, set(distractors)
        return Candidate(
            spec=spec,
            documents=tuple(
                DocumentRef(
                    id=corpus.ids[row],
                    hash=corpus.hashes[row],
                    order=place,
                    licence=corpus.licences[row],
                    role="distractor" if row in useless else "required",
                )
                for place, row in enumerate(order)
            ),
        )

    # ----------------------------------------------------------------------- groups without a target

    def _shuffled(self, rows: Iterable[int], shuffle: int) -> list[int]:
        return sorted(rows, key=lambda row: content_hash("order", shuffle, self.corpus.hashes[row]))

    def _group(self, anchor: int, size: int, shuffle: int, needs: Mapping[str, int]) -> list[int] | None:
        """A group of ``size`` documents, or of as many as are to be had, two at least."""
        groups = (self.corpus.group(anchor, wanted, seed=shuffle, least=needs) for wanted in range(size, 1, -1))
        return next((found for found in groups if found), None)

    def _few_distractors(self, anchor: int, spec: TaskSpec, required: Sequence[int]) -> list[int] | None:
        """As many related documents as the paradigm asks for; ``None`` where there are too few."""
        least, most = distractors_of(spec.paradigm)
        wanted = least + self._draw("distractors", spec.index) % (most - least + 1)
        found = self._related(anchor, self.kinds[spec.document_type], spec, required, 2 * wanted, None) if wanted else []
        chosen = sorted(found, key=lambda row: content_hash("distractor", self.seed, spec.index, self.corpus.hashes[row]))[:wanted]
        return chosen if len(chosen) >= least else None

    def _related(
        self,
        anchor: int,
        types: Collection[str] | None,
        spec: TaskSpec,
        taken: Iterable[int],
        k: int,
        longest: int | None,
        needs: Mapping[str, int] = MappingProxyType({}),
    ) -> list[int]:
        clusters = {int(self.corpus.clusters[row]) for row in (anchor, *taken)}
        vector = np.asarray(self.corpus.vectors[anchor])
        return self.corpus.related(vector, types, spec.split, k, taken=clusters, longest=longest, least=needs, scan=self.config.scan)

    def _mixed_group(self, anchor: int, spec: TaskSpec, shuffle: int, room: int | None) -> list[int] | None:
        """A group with a document of each type that the specification names, in its order, drawn from those nearest to the first.

        Returns:
            Rows, no two of them near-duplicates, fewer than named where the corpus has no more or ``room`` is too small for more; ``None``
            where a type has none at all.
        """
        chosen, there = [anchor], {spec.document_types[0]}
        for order, kind in enumerate(spec.document_types[1:], 1):
            longest = None if room is None else self._longest(room - self._size(chosen))
            free = self._related(anchor, self.kinds.get(kind, ()), spec, chosen, 2 * spec.documents, longest, needs_of(spec.paradigm))
            if free:
                chosen.append(min(free, key=lambda one: content_hash("choose", shuffle, order, self.corpus.hashes[one])))
                there.add(kind)
        return chosen if there == set(spec.document_types) else None

    # ----------------------------------------------------------------------- filling a target

    def _size(self, rows: Iterable[int]) -> int:
        """Tokens that documents take, with what a layout puts around each."""
        return sum(self._sizes([*rows]))

    def _bare(self, rows: Sequence[int]) -> int:
        """Tokens of the texts alone."""
        return sum(self._raised(rows))

    def _raised(self, rows: Sequence[int]) -> list[int]:
        return np.ceil(self.corpus.n_tokens[rows] * (1.0 + self.frame.margin)).astype(np.int64).tolist() if rows else []

    def _sizes(self, rows: Sequence[int]) -> list[int]:
        # Titles are letters for the most part, of which a token holds three at least.
        titles = (len(self.corpus.titles[row]) // 3 for row in rows)
        return [size + self.config.fence_tokens + title for size, title in zip(self._raised(rows), titles, strict=True)]

    def _longest(self, room: int) -> int:
        """The longest document that ``room`` tokens may hold; titles are seen to afterwards."""
        return max(0, math.floor((room - self.config.fence_tokens) / (1.0 + self.frame.margin)))

    def _filled(self, spec: TaskSpec, vector: Vectors, bucket: int) -> Candidate:
        config, types = self.config, self.kinds[spec.document_type]
        raised = 1.0 + self.frame.margin
        high = bucket - math.ceil((self.frame.most + config.reserve(bucket, spec.paradigm)) * raised)
        low = math.ceil(config.least * bucket) - math.floor((self.frame.least + config.written) * raised)
        rooms = (2 * high // 3, high) if spec.documents > 1 else (high,)  # the first of a group leaves room for another, where it can
        matches = (
            self.corpus.match(
                vector, types, spec.split, config.pool, longest=self._longest(room), least=needs_of(spec.paradigm), scan=config.scan
            )
            for room in rooms
        )
        found = next((match for match in matches if match), [])
        if not found:
            raise _NotFilledError(f"every document of {spec.document_type_name}{_having(needs_of(spec.paradigm))} is longer")
        first, shuffle = self._draw("document", spec.index) % len(found), self._draw("group", spec.index)
        why = ""
        for anchor in (*found[first:], *found[:first])[: config.anchors]:
            required = self._required(anchor, spec, shuffle, low, high)
            if required is None:
                why = why or f"no two documents of {spec.document_type_name} fit together"
                continue
            distractors = self._padding(anchor, spec, required, low, high)
            if distractors is None:
                why = "no choice of related documents comes near enough"
                continue
            return self._candidate(spec, required, distractors, self._shuffled([*required, *distractors], shuffle))
        raise _NotFilledError(why)

    def _required(self, anchor: int, spec: TaskSpec, shuffle: int, low: int, high: int) -> list[int] | None:
        """The documents that the task needs: as many as it asks for, fewer where no more fit, some more where they leave most of the target empty."""
        if self._size([anchor]) > high:
            return None
        if spec.document_types:
            mixed = self._mixed_group(anchor, spec, shuffle, high)
            return mixed if mixed and self._size(mixed) <= high else None
        chosen = [anchor]
        if spec.documents == 1:
            return chosen
        longest = self._longest(high - self._size(chosen))
        count, needs = 2 * (spec.documents + self.config.grow), needs_of(spec.paradigm)
        near = self._related(anchor, self.kinds[spec.document_type], spec, (), count, longest, needs)
        for row in sorted(near, key=lambda one: content_hash("choose", shuffle, self.corpus.hashes[one])):
            size = self._size(chosen)
            if len(chosen) >= spec.documents + self.config.grow or (len(chosen) >= spec.documents and 2 * size > low):
                break
            if size + self._size([row]) <= high:
                chosen.append(row)
        return chosen if len(chosen) > 1 else None

    def _padding(self, anchor: int, spec: TaskSpec, required: Sequence[int], low: int, high: int) -> list[int] | None:
        """Related documents that are of no use to the task and fill what is left, as many as the paradigm asks for at least.

        Those of the types the task is about come first, then any of the split.
        """
        least, _ = distractors_of(spec.paradigm)
        used = self._size(required)
        if not least and self._bare(required) >= low:
            return []
        if self._longest(high - used) < self._shortest:
            return None  # too long to stand alone, too long to stand beside another
        named = spec.document_types or (spec.document_type,)
        own = {kind for name in named for kind in self.kinds.get(name, ())}
        pool = self._pool(anchor, own, spec, required, high - used)
        forced: list[int] = []
        for row in pool:
            if len(forced) < least and used + self._size([*forced, row]) <= high:
                forced.append(row)
        if len(forced) < least:
            return None
        used += self._size(forced)
        # Near ones of the types the task is about; if they hit no sum in the window, farther ones; then near ones of any type.
        for types, deeper in ((own, 1), (own, _DEEPER), (None, _DEEPER)):
            if types is None or deeper > 1:
                pool = self._pool(anchor, types, spec, [*required, *forced], high - used, deeper)
            rest = [row for row in pool if row not in forced]
            missing = low - used
            while (places := fill(self._sizes(rest), missing, high - used)) is not None:
                found = [*forced, *(rest[place] for place in places)]
                # Fences and titles are reckoned with from above, which must not count as filling.
                if (short := low - self._bare([*required, *found])) <= 0:
                    return found
                missing = max(missing, 0) + short
        return None

    def _pool(
        self, anchor: int, types: Collection[str] | None, spec: TaskSpec, required: Sequence[int], room: int, deeper: int = 1
    ) -> list[int]:
        """Related documents that together hold several times the room, in an order drawn by seed, so that neighbours take turns."""
        some = self.corpus.n_tokens[:: 1 + len(self.corpus) // 4096]
        usual = float(np.minimum(some, max(room, 1)).mean())
        k = min(deeper * max(_POOL, math.ceil(_AMPLE * room / max(usual, 1.0))), _DEEPEST)
        found = self._related(anchor, types, spec, required, k, self._longest(room))
        return sorted(found, key=lambda row: content_hash("distractor", self.seed, spec.index, self.corpus.hashes[row]))


def distractors_of(paradigm: str) -> tuple[int, int]:
    """Fewest and most distractors that a paradigm declares; none for one that is not known."""
    return PARADIGMS[paradigm].distractors if paradigm in PARADIGMS else (0, 0)


def needs_of(paradigm: str) -> Mapping[str, int]:
    """What a paradigm needs of each required document; nothing for one that is not known."""
    return PARADIGMS[paradigm].needs if paradigm in PARADIGMS else {}


def _having(needs: Mapping[str, int]) -> str:
    return f" with at least {' and '.join(f'{number} {name}' for name, number in needs.items())}" if needs else ""


def _reject(spec: TaskSpec, reason: str, detail: str) -> Rejection:
    return Rejection(stage=STAGE, item=str(spec.index), reason=reason, detail=detail)


def describe(spec: TaskSpec) -> str:
    """A specification as the text that is compared with documents.

    Example:
        >>> node = {"field": "task", "concept": "task/summarize", "name": "summarize"}
        >>> describe(TaskSpec(index=0, document_type="document_type/contract", document_type_name="contract", path=[node],
        ...     paradigm="single_document", documents=1, split="train"))
        'contract: summarize'
    """
    return f"{spec.document_type_name}: {', '.join(node.name for node in spec.path)}"
