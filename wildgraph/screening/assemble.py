"""Putting sequences together: contexts shuffled, the root last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from wildgraph.backends.causal_lm import CausalLM, Tokens
from wildgraph.records import Json, Rejection, content_hash
from wildgraph.screening.chunks import ChunkIndex, Root
from wildgraph.screening.drawing import drawing
from wildgraph.screening.measurements import Anchor, Gain, Measured, kept
from wildgraph.screening.score import Request, Scorer
from wildgraph.screening.settings import ScreeningConfig
from wildgraph.screening.verify import Choice, judge_pair

Role = Literal["positive", "negative", "similar", "filler", "root"]
_LEAST = 8  # tokens of a context that was cut to fit


@dataclass(frozen=True)
class Segment:
    """A part of a sequence.

    Attributes:
        role: why it is there.
        start, end: its tokens in the sequence.
        document, hash, licence: of the document it is from. at: where it begins in its document, in tokens.
    """

    role: Role
    start: int
    end: int
    document: str
    hash: str
    licence: str
    at: int


@dataclass(frozen=True)
class Dependency:
    """A token of the root that a context was shown to help.

    Attributes:
        position: in the sequence. segment: number of the context among the segments.
        position_in_root: in the root. chunk: number of the chunk.
    """

    position: int
    segment: int
    position_in_root: int
    chunk: int


@dataclass(frozen=True)
class LongSequence:
    """A training sequence whose end depends on its beginning.

    Attributes:
        id: hash of its tokens. root: name of its root.
        tokens: ids; shape (n,).
        segments: in order; the first token of all belongs to none.
        dependencies: what was verified, each alone.
        left_out: contexts that did not fit.
    """

    id: str
    root: str
    tokens: Tokens
    segments: tuple[Segment, ...]
    dependencies: tuple[Dependency, ...]
    left_out: int

    def row(self, text: str) -> dict[str, Json]:
        """As files have it."""
        segments: list[Json] = [{name: getattr(one, name) for name in Segment.__dataclass_fields__} for one in self.segments]
        depend: list[Json] = [{"position": one.position, "segment": one.segment} for one in self.dependencies]
        return {
            "id": self.id,
            "root": self.root,
            "n_tokens": len(self.tokens),
            "input_ids": self.tokens.tolist(),
            "text": text,
            "segments": segments,
            "dependencies": depend,
        }


@dataclass(frozen=True)
class _Context:
    chunk: int
    role: Role
    tokens: Tokens
    cut: int = 0  # tokens taken off its front


def assemble(root: Root, choice: Choice, index: ChunkIndex, first: int | None, config: ScreeningConfig) -> LongSequence | Rejection:
    """One sequence: what helps, hard negatives, what fills it, in an order drawn by seed; then the root.

    Args:
        root: to be read last.
        choice: its contexts.
        index: the corpus.
        first: the token that sequences begin with, if there is one.
        config: lengths and policies.
    """
    settings = config.assemble
    if config.method == "entropy" and not choice.positives:
        return Rejection(
            stage="screen", item=root.name, reason="no_context", detail=f"{len(choice.pairs)} pairs of anchor and chunk were tried"
        )
    tail = index.root_tokens(root)
    room = settings.target_tokens - len(tail) - (first is not None)
    helps: Role = "positive" if config.method == "entropy" else "similar"
    wanted: list[tuple[int, Role]] = [(chunk, helps) for chunk in choice.positives]
    wanted += [(chunk, "negative") for chunk in choice.negatives]
    contexts, room, left_out = _fitting(wanted, index, room, truncate=settings.overflow == "truncate")
    if room >= _LEAST and settings.underflow == "drop":
        return Rejection(
            stage="screen",
            item=root.name,
            reason="sequence_too_short",
            detail=f"{settings.target_tokens - room} of {settings.target_tokens} tokens",
        )
    if settings.underflow == "fill":
        contexts += _fillers(root, {one.chunk for one in contexts} | set(choice.positives), index, room, config)
    drawing(config.seed, "order", root.name).shuffle(contexts)
    return _joined(root, choice, contexts, tail, index, first, left_out)


def _fitting(wanted: Iterable[tuple[int, Role]], index: ChunkIndex, room: int, *, truncate: bool) -> tuple[list[_Context], int, int]:
    contexts: list[_Context] = []
    left_out = 0
    for chunk, role in wanted:
        tokens = index.chunk(chunk)
        if len(tokens) <= room:
            contexts.append(_Context(chunk, role, tokens))
        elif truncate and room >= _LEAST:
            contexts.append(_Context(chunk, role, tokens[len(tokens) - room :], len(tokens) - room))
        else:
            left_out += 1
            continue
        room -= len(contexts[-1].tokens)
    return contexts, room, left_out


def _fillers(root: Root, taken: set[int], index: ChunkIndex, room: int, config: ScreeningConfig) -> list[_Context]:
    """Random chunks of other documents up to the target; the last is cut to fit. A small corpus may not have enough."""
    draw, found, tries = drawing(config.seed, "fill", root.name), list[_Context](), 0
    taken = set(taken)
    while room >= _LEAST and tries < 50 + 4 * len(index):
        tries += 1
        chunk = draw.randrange(len(index))
        if chunk in taken or index.document_of(chunk) == root.document:
            continue
        taken.add(chunk)
        tokens = index.chunk(chunk)[:room]
        found.append(_Context(chunk, "filler", tokens))
        room -= len(tokens)
    return found


def _joined(
    root: Root, choice: Choice, contexts: Sequence[_Context], tail: Tokens, index: ChunkIndex, first: int | None, left_out: int
) -> LongSequence:
    parts = [] if first is None else [np.array([first], np.int32)]
    place = len(parts)
    segments: list[Segment] = []

    def add(role: Role, tokens: Tokens, document: int, at: int) -> None:
        nonlocal place
        about = index.documents[document]
        segments.append(Segment(role, place, place + len(tokens), about["id"], about["hash"], about["licence"], at))
        parts.append(tokens)
        place += len(tokens)

    for one in contexts:
        add(one.role, one.tokens, index.document_of(one.chunk), index.span(one.chunk)[0] + one.cut)
    begin = place
    add("root", tail, root.document, root.start - index.documents[root.document]["start"])
    numbers = {one.chunk: number for number, one in enumerate(contexts)}
    dependencies = tuple(
        Dependency(begin + anchor, numbers[chunk], anchor, chunk)
        for chunk, anchors in sorted(choice.helped.items())
        if chunk in numbers
        for anchor in anchors
    )
    tokens = np.concatenate(parts)
    return LongSequence(content_hash(tokens.tolist()), root.name, tokens, tuple(segments), dependencies, left_out)


def rescore(sequence: LongSequence, measured: Measured, scorer: Scorer, config: ScreeningConfig) -> dict[str, int]:
    """How many of a sequence's verified dependencies are left when it is read as a whole, each compared with the root's own pass.

    A chunk verified alone may be redundant beside another, or out of reach once shuffled. Random controls are not asked again.

    Returns:
        ``asked`` and ``survived``; ``too_long`` is 1 where the model cannot take the sequence in.
    """
    if len(sequence.tokens) > scorer.model.longest:
        return {"asked": 0, "survived": 0, "too_long": 1}
    anchors = {anchor.position: anchor for anchor in measured.anchors}
    pairs = {one.position: one.position_in_root for one in sequence.dependencies}
    positions = np.array(sorted(pairs))
    (found,) = scorer.score([Request(sequence.tokens, positions)])
    survived = 0
    for place, entropy, loglik in zip(positions.tolist(), found.entropy, found.loglik, strict=True):
        own = anchors[pairs[place]]
        alone = Anchor(own.position, own.own_entropy, own.own_loglik, own.own_entropy, own.own_loglik)
        verdict = judge_pair(alone, Gain(own.position, 0, 0, kept(entropy), kept(loglik)), (), config.verify)
        survived += verdict.kept(config.verify.criterion)
    return {"asked": len(positions), "survived": survived, "too_long": 0}


def texts_of(sequences: Iterable[LongSequence], model: CausalLM) -> Iterator[dict[str, Json]]:
    """Sequences as rows with their texts; the first token, which stands for no text, is left out of them."""
    for sequence in sequences:
        (text,) = model.texts([sequence.tokens[sequence.segments[0].start :]])
        yield sequence.row(text)
