"""The bridge to instruction data: what a model's own likelihoods say an answer owes to its documents.

The information gain of an answer from its documents is its log-likelihood with them minus without them, per token. Measured for all documents, for all but one
each, and for each part alone, it says whether an answer *needs the documents*, *needs all of them* and *needs their length*: measured by a model instead of asked of
one. [ours]

Prompts are in the checkpoint's chat template, the documents before the first request; plain, with an empty line between the pieces, where it has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from jinja2 import TemplateError

from wildgraph.backends.causal_lm import Tokens
from wildgraph.gates.verdicts import failed, not_evaluated, passed
from wildgraph.records import Json, Message, Pair, Verdict
from wildgraph.screening.measurements import UNIT, Measurements, kept
from wildgraph.screening.score import Request, Scorer
from wildgraph.screening.settings import PairSettings

NEEDS_DOCUMENTS, NEEDS_ALL, NEEDS_LENGTH = "needs_documents", "needs_all_documents", "needs_length"
_BREAK = "\n\n"
#: Stands for the documents while a template is filled in: private-use characters that no template changes.
_PLACE = "\ue0d0\ue0d1"


class _ChatTokenizer(Protocol):
    """What is used of a checkpoint's tokenizer."""

    chat_template: str | None

    def apply_chat_template(self, conversation: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool) -> str: ...


@dataclass(frozen=True)
class PartGain:
    """What one part of a document alone gives.

    Attributes:
        document: its id. start, end: the part's tokens in the document.
        gain: of the answer's log-likelihood, nats per token.
    """

    document: str
    start: int
    end: int
    gain: float


@dataclass(frozen=True)
class PairGain:
    """What an answer owes to its documents, in nats per token of the answer.

    Attributes:
        pair: id. paradigm: of the pair.
        tokens: of documents, conversation and answer. answer_tokens: of the answer.
        without: log-likelihood without documents. gain: from all of them.
        documents: required document -> what is lost without it alone; empty where there is one document.
        parts: each alone.
        too_long: the model cannot take the pair in; nothing was measured.
    """

    pair: str
    paradigm: str
    tokens: int
    answer_tokens: int
    without: float = 0.0
    gain: float = 0.0
    documents: dict[str, float] = field(default_factory=dict)
    parts: tuple[PartGain, ...] = ()
    too_long: bool = False

    @property
    def best_part(self) -> float:
        """Share of the gain that the best part alone gives; above 1 where the rest distracts."""
        return max((part.gain for part in self.parts), default=0.0) / self.gain if self.gain > 0 else 0.0

    def row(self) -> dict[str, Json]:
        """As files have it."""
        parts: list[Json] = [{"document": part.document, "start": part.start, "end": part.end, "gain": part.gain} for part in self.parts]
        documents: dict[str, Json] = {**self.documents}
        return {
            "pair": self.pair,
            "paradigm": self.paradigm,
            "tokens": self.tokens,
            "answer_tokens": self.answer_tokens,
            "too_long": self.too_long,
            "loglik_without": self.without,
            "gain": self.gain,
            "lost_without": documents,
            "best_part_share": round(self.best_part, 4),
            "parts": parts,
        }


def pair_gains(
    pairs: Iterable[Pair], texts: Callable[[str], str], scorer: Scorer, config: PairSettings, kept_in: Measurements, key: str
) -> Iterator[PairGain]:
    """What each pair's last answer owes to its documents; what was measured before is read.

    Args:
        pairs: instruction pairs.
        texts: content hash -> text of a document.
        scorer: asks the model.
        config: sizes.
        kept_in: where gains are remembered.
        key: of the checkpoint and the settings that decide what is asked.
    """
    for pair in pairs:
        known = kept_in.of_pair(key, pair.id)
        if known is None:
            found = _measured(pair, texts, scorer, config)
            kept_in.keep_of_pair(key, pair.id, found.row())
        else:
            found = _read(known)
        yield found


def _read(row: dict[str, Json]) -> PairGain:
    parts = row["parts"]
    assert isinstance(parts, list)
    lost = row["lost_without"]
    return PairGain(
        str(row["pair"]),
        str(row["paradigm"]),
        int(str(row["tokens"])),
        int(str(row["answer_tokens"])),
        float(str(row["loglik_without"])),
        float(str(row["gain"])),
        {name: float(str(value)) for name, value in lost.items()} if isinstance(lost, dict) else {},
        tuple(
            PartGain(str(part["document"]), int(str(part["start"])), int(str(part["end"])), float(str(part["gain"])))
            for part in parts
            if isinstance(part, dict)
        ),
        bool(row["too_long"]),
    )


def _measured(pair: Pair, texts: Callable[[str], str], scorer: Scorer, config: PairSettings) -> PairGain:
    model = scorer.model

    def ids(text: str) -> Tokens:
        return np.asarray(model.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], dtype=np.int32)

    last = max(place for place, turn in enumerate(pair.turns) if turn.role == "assistant")
    opening, asking = framed(model.tokenizer, pair.turns[:last])
    first, gap, asked = ids(opening), ids(_BREAK), ids(asking)
    if not opening and model.first_token is not None:
        first = np.array([model.first_token], np.int32)
    answer = ids(pair.turns[last].content)
    documents = [(one.id, one.role == "required", ids(texts(one.hash))) for one in sorted(pair.documents, key=lambda one: one.order)]
    total = len(first) + sum(len(tokens) + len(gap) for _, _, tokens in documents) + len(asked) + len(answer)
    if total > model.longest or not len(answer):
        return PairGain(pair.id, pair.paradigm, total, len(answer), too_long=True)

    def request(shown: Sequence[Tokens]) -> Request:
        before = np.concatenate([first, *(np.concatenate([tokens, gap]) for tokens in shown), asked])
        return Request(np.concatenate([before, answer]), np.arange(len(before), len(before) + len(answer)))

    parts = [
        (name, start, tokens[start : start + config.chunk_tokens])
        for name, _, tokens in documents
        for start in range(0, len(tokens), config.chunk_tokens)
    ]
    required = [name for name, needed, _ in documents if needed] if len(documents) > 1 else []
    requests = [request([]), request([tokens for _, _, tokens in documents])]
    requests += [request([tokens for other, _, tokens in documents if other != name]) for name in required]
    requests += [request([tokens]) for _, _, tokens in parts]
    means = [kept(float(np.mean(found.loglik, dtype=np.float64))) for found in scorer.score(requests)]
    without, whole = means[:2]
    return PairGain(
        pair.id,
        pair.paradigm,
        total,
        len(answer),
        without / UNIT,
        (whole - without) / UNIT,
        {name: (whole - found) / UNIT for name, found in zip(required, means[2:], strict=False)},
        tuple(
            PartGain(name, start, start + len(tokens), (found - without) / UNIT)
            for (name, start, tokens), found in zip(parts, means[2 + len(required) :], strict=True)
        ),
    )


def framed(tokenizer: _ChatTokenizer, turns: Sequence[Message]) -> tuple[str, str]:
    """What stands before the documents and what stands between them and the answer.

    Args:
        tokenizer: of the checkpoint.
        turns: the conversation up to the answer.

    Returns:
        The two pieces of the chat template around the documents; nothing and the plain conversation where there is no template, or one
        that cannot take these turns.
    """
    if tokenizer.chat_template:
        filled = [{"role": turn.role, "content": turn.content} for turn in turns]
        place = next(number for number, turn in enumerate(turns) if turn.role == "user")
        filled[place]["content"] = _PLACE + filled[place]["content"]
        try:
            rendered = tokenizer.apply_chat_template(filled, tokenize=False, add_generation_prompt=True)
        except TemplateError:
            rendered = ""
        opening, found, asking = rendered.partition(_PLACE)
        if found:
            return opening, asking
    return "", _BREAK.join([*(turn.content for turn in turns), ""])


def verdicts(found: PairGain, config: PairSettings) -> tuple[Verdict, Verdict, Verdict]:
    """Whether an answer needs its documents, all of them, and their length.

    Args:
        found: what was measured.
        config: thresholds.

    Example:
        >>> local = PairGain("p", "single", 900, 9, -3.0, 2.0, {}, (PartGain("d", 0, 512, 1.9), PartGain("d", 512, 880, 0.1)))
        >>> [verdict.status for verdict in verdicts(local, PairSettings())]
        ['pass', 'not_evaluated', 'fail']
    """
    names = (NEEDS_DOCUMENTS, NEEDS_ALL, NEEDS_LENGTH)
    why = "the pair is longer than the model takes in" if found.too_long else ""
    if found.paradigm == "unanswerable":
        why = "an honest refusal rests on what is not there"
    if why:
        one, two, three = (not_evaluated(name, why) for name in names)
        return one, two, three
    told = f"{found.gain:.3f} nats per token from the documents"
    needed = found.gain >= config.min_gain
    documents = passed(names[0], told) if needed else failed(names[0], "known_without_documents", told)
    if not found.documents:
        every = not_evaluated(names[1], "there is one document")
    else:
        name, lost = min(found.documents.items(), key=lambda item: (item[1], item[0]))
        told = f"without {name} {lost:.3f} nats per token are lost"
        every = passed(names[1], told) if lost >= config.min_document_gain else failed(names[1], "document_not_needed", told)
    if not needed:
        length = not_evaluated(names[2], "the answer owes nothing to the documents")
    elif len(found.parts) < 2:
        length = not_evaluated(names[2], "the documents are one part")
    else:
        told = f"one part alone gives {found.best_part:.2f} of the gain"
        length = passed(names[2], told) if found.best_part < config.local else failed(names[2], "evidence_too_close", told)
    return documents, every, length
