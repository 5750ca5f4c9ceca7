"""Closed book: a model that sees no document tries the request; where it gives the same answer, the pair does not need its documents.

Two questions at most, both without documents: what it knows, and, if it knows something, whether that is the pair's answer. The second is
spared where the pair has a bare answer to compare with.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

from wildgraph.gates.verdicts import failed, not_evaluated, passed
from wildgraph.llm import ChatModel, ChatRequest, Completion, Decoding, Prompt, load_template
from wildgraph.llm.asking import ask_about
from wildgraph.records import Pair, Rejection, Verdict
from wildgraph.rows import clean

STAGE = "closed_book"
VERSION = 1
CLOSED_BOOK, SAME_ANSWER = "stages/closed_book", "stages/same_answer"


class ClosedBookConfig(BaseModel):
    """Who tries the requests without their documents.

    Attributes:
        by: ``judge``, ``writer`` or nobody; ``auto`` is the judge where one is named, else nobody. [ours]
        attempt, compare: decoding parameters of the two questions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["auto", "judge", "writer", "nobody"] = "auto"
    attempt: Decoding = Decoding(temperature=0.0, max_tokens=1500)
    compare: Decoding = Decoding(temperature=0.0, max_tokens=300)


class FromMemory(BaseModel):
    """The answer to the closed-book prompt."""

    known: bool
    answer: str


class Comparison(BaseModel):
    """The answer to the prompt that compares."""

    reason: str
    same: bool


@cache
def _skip() -> Mapping[str, str]:
    import yaml

    found: Mapping[str, str] = yaml.safe_load(files("wildgraph").joinpath("stages/rubrics.yaml").read_text(encoding="utf-8"))[
        "closed_book_skip"
    ]
    return found


_Item = tuple[Pair, str] | Pair | Rejection


def closed_book(pairs: Iterable[Pair | Rejection], config: ClosedBookConfig, *, model: ChatModel) -> Iterator[Pair | Rejection]:
    """Pairs with a verdict of the gate ``closed_book``, in order; those that need no document are rejections. Rejections pass through.

    Args:
        pairs: in index order.
        config: decoding.
        model: whoever tries.
    """
    for item, completion in ask_about(_tried(pairs, config, model), lambda item: _comparing(item, config), model):
        if not isinstance(item, tuple):
            yield item
            continue
        pair, guess = item
        if completion is None:
            yield _known(pair, guess, "it is the pair's answer")
        elif completion.failure is not None:
            yield _unanswered(pair, completion)
        else:
            assert isinstance(completion.parsed, Comparison)
            yield _known(pair, guess, completion.parsed.reason) if completion.parsed.same else _with(pair, passed(STAGE))


def _tried(pairs: Iterable[Pair | Rejection], config: ClosedBookConfig, model: ChatModel) -> Iterator[_Item]:
    """Pairs that are through, and pairs with what the model holds for their answer, which is yet to be compared."""

    def request(pair: Pair | Rejection) -> ChatRequest | None:
        if isinstance(pair, Rejection) or _why_not(pair):
            return None
        return ChatRequest(
            str(pair.index), Prompt(load_template(CLOSED_BOOK), {"instruction": pair.instruction}), FromMemory, config.attempt
        )

    for pair, completion in ask_about(pairs, request, model):
        if isinstance(pair, Rejection):
            yield pair
        elif completion is None:
            yield _with(pair, not_evaluated(STAGE, _why_not(pair)))
        elif completion.failure is not None:
            yield _unanswered(pair, completion)
        else:
            assert isinstance(completion.parsed, FromMemory)
            guess = completion.parsed.answer.strip()
            told = completion.parsed.known and guess
            if not told or (pair.answer and not _same(guess, pair.answer)):
                yield _with(pair, passed(STAGE))
            else:
                yield pair, guess


def _why_not(pair: Pair) -> str:
    if sum(turn.role == "user" for turn in pair.turns) > 1:
        return "later turns refer back to answers that hold the document's content"
    return _skip().get(pair.paradigm, "")


def _comparing(item: _Item, config: ClosedBookConfig) -> ChatRequest | None:
    if not isinstance(item, tuple) or item[0].answer:
        return None
    pair, guess = item
    variables = {"instruction": pair.instruction, "answer": pair.response, "guess": guess}
    return ChatRequest(str(pair.index), Prompt(load_template(SAME_ANSWER), variables), Comparison, config.compare)


def _same(guess: str, answer: str) -> bool:
    """Whether a guess says a bare answer, up to case, punctuation and what stands around it.

    Example:
        >>> _same("It is 1,200 euros.", "1200 Euros"), _same("12,000 euros", "1,200 euros")
        (True, False)
    """
    return f" {_plain(answer)} " in f" {_plain(guess)} "


def _plain(text: str) -> str:
    text = re.sub(r"(?<=\d)[,'\u00a0\u202f](?=\d{3}\b)", "", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(re.findall(r"\d+(?:\.\d+)?|[^\W_]+", text))


def _known(pair: Pair, guess: str, why: str) -> Rejection:
    verdict = failed(STAGE, "known_without_documents", f"{' '.join(clean(guess).split())[:160]} ({clean(why)})")
    return Rejection(stage=STAGE, item=str(pair.index), reason=verdict.reason, detail=f"{STAGE}: {verdict.detail}")


def _unanswered(pair: Pair, completion: Completion) -> Rejection:
    assert completion.failure is not None
    failure = completion.failure
    return Rejection(stage=STAGE, item=str(pair.index), reason=failure.reason, detail=clean(failure.detail), transient=failure.transient)


def _with(pair: Pair, verdict: Verdict) -> Pair:
    return pair.model_copy(update={"verdicts": (*pair.verdicts, verdict)})
