"""Contrast: a worse answer beside an accepted one, for preference training (DPO).

Four ways (arXiv 2509.01185 names preference pairs as an objective; how they are made is ours, but for the last):

* ``constraint_broken``: a program makes one figure, name, limit or order of the answer wrong (:mod:`wildgraph.breaking`); asks nobody.
  Where the right answer is to decline, the worse one gives the answer that was taken out of the document (``answer_withheld``).
* ``wrong_document``: the same request answered from a neighbouring document of the same type and split.
* ``no_document``: the request answered by somebody who has no document and does not let on.
* ``worst_of_several``: of five or more further answers the one that a judge likes least, by a margin (LongReward, arXiv 2410.21252).

What is rejected has about the length of what is chosen (within a fifth) and its form, or is marked: a model would else learn length and form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from wildgraph.breaking import SPREAD, breaks, form_of, matches
from wildgraph.gates.refusal import RefusalGate
from wildgraph.llm import ChatModel, ChatRequest, Completion, Decoding, Prompt, load_template
from wildgraph.records import Alternative, Document, Evidence, Pair, Twin, content_hash
from wildgraph.rows import clean
from wildgraph.shingling import count_units
from wildgraph.text import sentences

STAGE = "contrast"
VERSION = 2
GUESS = "stages/guess"

Made = Literal["constraint_broken", "wrong_document", "no_document", "worst_of_several"]
WAYS: tuple[Made, ...] = get_args(Made)
#: Pairs that are worked on together; their requests are asked side by side.
_BATCH = 256


class ContrastConfig(BaseModel):
    """How worse answers are made.

    Attributes:
        made: way -> its share of the pairs; a pair for which it does not work gets the next one. What is asked of a model is paid for,
            ``constraint_broken`` is not. Empty for no worse answers. [ours]
        several: further answers of which the worst is taken.
        margin: by how much, on the judge's scale from 1 to 5, the pair's own answer must be better. [ours]
        answer: decoding parameters of answers from other documents and from none.
        sampling: decoding parameters of the further answers.
        unmatched: keep an answer of another length or form, marked, where none that matches could be made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    made: dict[Made, float] = Field(default_factory=lambda: {WAYS[0]: 1.0})
    several: int = Field(default=5, ge=5)
    margin: float = Field(default=1.0, gt=0.0, le=4.0)
    answer: Decoding = Decoding(temperature=0.3, max_tokens=4096)
    sampling: Decoding = Decoding(temperature=1.0, max_tokens=4096)
    unmatched: bool = True

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if any(share < 0.0 for share in self.made.values()):
            raise ValueError("shares must not be below 0")
        return self


@dataclass(frozen=True)
class Material:
    """What worse answers are made from.

    Attributes:
        documents: the pair's own, in order.
        answer_prompt: asks for an answer to the pair's request from other documents; ``None`` where the request has several turns.
        neighbours: the pair's documents' neighbours, one for each required one; called when wanted, empty where there are none.
        passes: whether an answer passes the pair's checkers; ``None`` without checkers.
        withheld: of an unanswerable pair, the document that its answer was taken out of, as it was read.
    """

    documents: Sequence[Document]
    answer_prompt: Callable[[Sequence[Document]], Prompt] | None
    neighbours: Callable[[], Sequence[Document]]
    passes: Callable[[str], bool] | None = None
    withheld: Document | None = None


Score = Callable[[Sequence[tuple[Pair, str]]], Iterable[float | None]]


@dataclass
class _Work:
    """One pair on its way through the ways."""

    pair: Pair
    material: Material
    ways: list[Made]
    matched: Alternative | None = None
    unmatched: Alternative | None = None
    others: Sequence[Document] = field(default=())

    @property
    def length(self) -> int:
        return len(self.pair.response)


def contrast(
    pairs: Iterable[Pair],
    config: ContrastConfig,
    *,
    model: ChatModel,
    material: Callable[[Pair], Material],
    count_tokens: Callable[[str], int],
    score: Score | None = None,
    seed: int,
) -> Iterator[Pair]:
    """The pairs in order, each with a worse answer where one could be made.

    Args:
        pairs: accepted pairs.
        config: ways and shares.
        model: writes answers from other documents and from none.
        material: what each pair's worse answers are made from.
        count_tokens: length of a text in the trainee's tokens.
        score: a judge's scores of answers in the place of pairs' own; without it there is no ``worst_of_several``.
        seed: of the sampling; with a pair's id it decides which way comes first.
    """
    shares = {way: share for way, share in config.made.items() if share > 0.0 and (score is not None or way != "worst_of_several")}
    source = iter(pairs)
    while batch := list(islice(source, _BATCH)):
        work = [_Work(pair, material(pair), _ways(pair, shares, seed)) for pair in batch]
        for turn in range(len(shares)):
            open_ones = [one for one in work if one.matched is None and len(one.ways) > turn]
            for way in WAYS:
                these = [one for one in open_ones if one.ways[turn] == way]
                if not these:
                    continue
                if way == "constraint_broken":
                    for one in these:
                        _break(one, seed)
                elif way == "worst_of_several":
                    assert score is not None
                    _worst(these, config, model, count_tokens, score)
                else:
                    _answered(these, way, config, model, count_tokens)
        for one in work:
            made = one.matched or (one.unmatched if config.unmatched else None)
            yield one.pair if made is None else one.pair.model_copy(update={"alternatives": (*one.pair.alternatives, made)})


def _ways(pair: Pair, shares: Mapping[Made, float], seed: int) -> list[Made]:
    """The ways in the order in which they are tried for a pair: the first by their shares, the rest by falling share."""
    order: list[Made] = sorted(shares, key=lambda way: (-shares[way], way))
    at = int(content_hash("contrast", seed, pair.id), 16) / 16**16 * sum(shares.values())
    for way in order:
        at -= shares[way]
        if at < 0.0:
            return [way, *(other for other in order if other != way)]
    return order


def _keep(one: _Work, content: str, made: str, length: tuple[int, int], **more: object) -> None:
    """Take an answer as the worse one, unless it is the pair's own, refuses, or passes the checkers."""
    content = clean(content).strip()
    if not content or " ".join(content.split()) == " ".join(one.pair.response.split()):
        return
    if one.material.passes is not None and one.material.passes(content):
        return
    turns = (*one.pair.turns[:-1], one.pair.turns[-1].model_copy(update={"content": content, "evidence": ()}))
    if RefusalGate().judge(one.pair.model_copy(update={"turns": turns}), {}).status == "fail":
        return
    matched = matches(*length, content, one.pair.response)
    alternative = Alternative.model_validate({"content": content, "made": made, "matched": matched, **more})
    if matched:
        one.matched = one.matched or alternative
    else:
        one.unmatched = one.unmatched or alternative


def _break(one: _Work, seed: int) -> None:
    if one.pair.twin is not None and one.material.withheld is not None:
        _give(one, one.pair.twin, one.material.withheld.text)
        return
    texts = [document.text for document in one.material.documents]
    asked = next((turn.content for turn in reversed(one.pair.turns) if turn.role == "user"), "")
    for broken in breaks(asked, one.pair.response, texts, seed=content_hash(seed, one.pair.id)):
        # Characters serve as well as tokens where most of the text is the same.
        _keep(one, broken.text, "constraint_broken", (len(broken.text), one.length), detail=broken.detail, engine="program")
        if one.matched is not None:
            return


def _give(one: _Work, twin: Twin, text: str) -> None:
    """Give the answer that the document no longer holds, with the passage it stood in, of about the length of the refusal."""
    detail = f"the answer that was taken out of {twin.document_id}"
    for passage in _around(text, twin.evidence[0]):
        content = f"{twin.answer}: “{' '.join(passage.split())}”"
        _keep(one, content, "answer_withheld", (len(content), one.length), detail=detail, engine="program")
        if one.matched is not None or len(content) > one.length * (1.0 + SPREAD):
            return


def _around(text: str, evidence: Evidence) -> Iterator[str]:
    """The sentences of a piece of evidence, then one sentence more after it or before it at a time."""
    spans = list(sentences(text))
    inside = [place for place, span in enumerate(spans) if span.start < evidence.end and evidence.start < span.end]
    if not inside:
        yield evidence.text
        return
    first, last = inside[0], inside[-1]
    yield text[spans[first].start : spans[last].end]
    while last + 1 < len(spans) or first > 0:
        if last + 1 < len(spans):
            last += 1
            yield text[spans[first].start : spans[last].end]
        if first > 0:
            first -= 1
            yield text[spans[first].start : spans[last].end]


def _answered(work: Sequence[_Work], way: Made, config: ContrastConfig, model: ChatModel, count_tokens: Callable[[str], int]) -> None:
    """Ask for answers from neighbouring documents, or from none."""
    asked: list[tuple[_Work, ChatRequest]] = []
    for one in work:
        if way == "no_document":
            asked.append((one, ChatRequest(str(one.pair.index), _guess(one.pair), None, config.answer)))
            continue
        one.others = one.material.neighbours() if one.material.answer_prompt is not None else ()
        if one.others and one.material.answer_prompt is not None:
            prefix = content_hash("documents", [other.hash for other in one.others])
            asked.append(
                (one, ChatRequest(str(one.pair.index), one.material.answer_prompt(one.others), None, config.answer, prefix=prefix))
            )
    for (one, _), completion in zip(asked, model.map(request for _, request in asked), strict=True):
        if completion.failure is None:
            detail = "" if way == "no_document" else f"answered from {', '.join(other.id for other in one.others)}"
            lengths = (count_tokens(completion.text), count_tokens(one.pair.response))
            _keep(one, completion.text, way, lengths, detail=detail, engine=model.identity)


def _guess(pair: Pair) -> Prompt:
    return Prompt(
        load_template(GUESS),
        {
            "instruction": pair.instruction,
            "document_type": pair.document_type,
            "words": count_units(pair.response),
            "form": _FORMS[form_of(pair.response)],
            "language": pair.language,
        },
    )


_FORMS = {
    "json": "one JSON value and nothing else",
    "code": "one fenced block",
    "table": "a Markdown table",
    "numbered": "a numbered list",
    "bullets": "a list with bullets",
    "checklist": "a checklist",
    "headed": "text under Markdown headings",
    "prose": "running text without lists or headings",
}


def _worst(work: Sequence[_Work], config: ContrastConfig, model: ChatModel, count_tokens: Callable[[str], int], score: Score) -> None:
    """Ask for further answers, have all judged, and take the worst one that matches, if the margin is kept."""
    able = [one for one in work if one.material.answer_prompt is not None]
    requests = [
        ChatRequest(
            f"{one.pair.index}:{number}",
            one.material.answer_prompt(one.material.documents),
            None,
            config.sampling,
            sample=number,
            prefix=content_hash("documents", [document.hash for document in one.material.documents]),
        )
        for one in able
        if one.material.answer_prompt is not None
        for number in range(1, config.several + 1)
    ]
    completions: list[Completion] = list(model.map(iter(requests)))
    answers: list[tuple[_Work, str]] = []
    for place, one in enumerate(able):
        answers.append((one, one.pair.response))
        mine = completions[place * config.several : (place + 1) * config.several]
        texts = dict.fromkeys(clean(completion.text).strip() for completion in mine if completion.failure is None)
        answers += [(one, text) for text in texts if text and text != one.pair.response]
    own: dict[int, float] = {}
    judged: dict[int, list[tuple[float, str]]] = {}
    for (one, text), points in zip(answers, score([(one.pair, text) for one, text in answers]), strict=True):
        if points is None:
            continue
        if text == one.pair.response:
            own[one.pair.index] = points
        else:
            judged.setdefault(one.pair.index, []).append((points, text))
    for one in able:
        for points, text in sorted(judged.get(one.pair.index, ())):
            margin = own.get(one.pair.index, 0.0) - points
            if margin < config.margin or one.matched is not None:
                break
            lengths = (count_tokens(text), count_tokens(one.pair.response))
            detail = f"scored {points:.2f}, the chosen one {own[one.pair.index]:.2f}"
            _keep(one, text, "worst_of_several", lengths, margin=round(margin, 3), detail=detail, engine=model.identity)
