"""Judge: a model that did not write a pair scores it on named rubrics (``rubrics.yaml``); what scores too low is turned away.

The prompt begins with the same bytes as those of the adapting stage (system line, then the fenced documents), so that a server that serves
both finds the documents in its prefix cache. The rubrics are ours, after LongReward (arXiv 2410.21252).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from wildgraph.corpus import of_sample
from wildgraph.gates.verdicts import failed, not_evaluated, passed
from wildgraph.llm import ChatModel, ChatRequest, Completion, Decoding, Prompt, load_template
from wildgraph.llm.asking import ask_about
from wildgraph.records import Document, Json, Message, Pair, Rejection, Verdict, content_hash
from wildgraph.rows import clean

STAGE = "judge"
VERSION = 2
JUDGE = "stages/judge"
LOWEST, HIGHEST = 1, 5
_LEFT_OUT = "the judge left it out"


class Rubric(BaseModel):
    """One thing that a judge is asked; ``rubrics.yaml`` says what the keys mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z_]+$")
    question: str
    best: str
    middle: str
    worst: str
    least: int = Field(ge=LOWEST, le=HIGHEST)
    of: Literal["answer", "request"] = "answer"
    skip: Mapping[str, str] = Field(default_factory=dict)


class _Rubrics(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    rubrics: tuple[Rubric, ...] = Field(min_length=1)
    closed_book_skip: Mapping[str, str]


@cache
def rubrics() -> tuple[Rubric, ...]:
    """The rubrics of ``rubrics.yaml``, in its order."""
    import yaml

    text = files("wildgraph").joinpath("stages/rubrics.yaml").read_text(encoding="utf-8")
    return _Rubrics.model_validate(yaml.safe_load(text)).rubrics


class JudgeConfig(BaseModel):
    """What the judge is asked, and what suffices.

    Attributes:
        rubrics: names of the rubrics, all of them when empty.
        least: rubric -> score from 1 to 5 below which a pair is turned away, in place of the table's own.
        decoding: decoding parameters.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rubrics: tuple[str, ...] = ()
    least: dict[str, int] = Field(default_factory=dict)
    decoding: Decoding = Decoding(temperature=0.0, max_tokens=1200)

    @field_validator("rubrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [rubric.name for rubric in rubrics()]
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            raise ValueError(f"there is no rubric {unknown!r}; there are {', '.join(known)}")
        return names

    @field_validator("least")
    @classmethod
    def _scores(cls, least: dict[str, int]) -> dict[str, int]:
        cls._known(tuple(least))
        if any(not LOWEST <= score <= HIGHEST for score in least.values()):
            raise ValueError(f"scores go from {LOWEST} to {HIGHEST}")
        return least

    @property
    def chosen(self) -> tuple[Rubric, ...]:
        """The rubrics with the scores that suffice."""
        wanted = self.rubrics or tuple(rubric.name for rubric in rubrics())
        return tuple(
            rubric.model_copy(update={"least": self.least.get(rubric.name, rubric.least)}) for rubric in rubrics() if rubric.name in wanted
        )


class Scored(BaseModel):
    """What the judge says of one rubric."""

    rubric: str
    reason: str
    score: int = Field(ge=LOWEST, le=HIGHEST)


class Judgement(BaseModel):
    """The answer to the judge prompt."""

    scores: list[Scored]


def judge(
    pairs: Iterable[Pair | Rejection],
    config: JudgeConfig,
    *,
    model: ChatModel,
    document: Callable[[str], Document],
    required: bool = False,
) -> Iterator[Pair | Rejection]:
    """Pairs with a verdict for each rubric, in order; the first rubric that is not met makes a pair a rejection. Rejections pass through.

    A pair that the judge fails to answer about is a rejection too: what was to be judged is never kept unjudged. A rubric that an answer
    leaves out is not evaluated.

    Args:
        pairs: in index order.
        config: which rubrics.
        model: the judge; not the model that wrote the pairs.
        document: content hash -> document.
        required: a rubric that an answer leaves out makes the pair a rejection.
    """

    def request(pair: Pair | Rejection) -> ChatRequest | None:
        if isinstance(pair, Rejection) or not _asked(pair, config):
            return None
        return _request(str(pair.index), pair, pair.turns, config, document)

    for pair, completion in ask_about(pairs, request, model):
        yield pair if isinstance(pair, Rejection) else _judged(pair, completion, config, required)


def score(
    answers: Iterable[tuple[Pair, str]], config: JudgeConfig, *, model: ChatModel, document: Callable[[str], Document]
) -> Iterator[float | None]:
    """Mean score, from 1 to 5, of an answer in the place of a pair's own; ``None`` where the judge gave none.

    Args:
        answers: pairs and answers.
        config: which rubrics; those that look at the request alone are left out, since they would be the same for every answer.
        model: the judge.
        document: content hash -> document.
    """
    numbered = enumerate(answers)

    def request(item: tuple[int, tuple[Pair, str]]) -> ChatRequest:
        number, (pair, answer) = item
        turns = (*pair.turns[:-1], pair.turns[-1].model_copy(update={"content": answer}))
        return _request(f"{number}:{pair.index}", pair, turns, config, document)

    for (_, (pair, _answer)), completion in ask_about(numbered, request, model):
        if completion is None or completion.failure is not None or not isinstance(completion.parsed, Judgement):
            yield None
            continue
        wanted = {rubric.name for rubric in _asked(pair, config) if rubric.of == "answer"}
        found = {one.rubric: one.score for one in completion.parsed.scores if one.rubric in wanted}
        yield sum(found.values()) / len(found) if found else None


def _asked(pair: Pair, config: JudgeConfig) -> list[Rubric]:
    return [rubric for rubric in config.chosen if pair.paradigm not in rubric.skip]


def _request(name: str, pair: Pair, turns: Iterable[Message], config: JudgeConfig, document: Callable[[str], Document]) -> ChatRequest:
    documents = of_sample(pair.documents, document)
    prefix = content_hash("documents", [one.hash for one in documents])
    return ChatRequest(name, judge_prompt(pair, turns, documents, config), Judgement, config.decoding, prefix=prefix)


def judge_prompt(pair: Pair, turns: Iterable[Message], documents: Iterable[Document], config: JudgeConfig) -> Prompt:
    """The prompt that asks for a judgement of an exchange.

    Args:
        pair: whose rubrics are asked.
        turns: the exchange.
        documents: in the pair's order.
        config: which rubrics.
    """
    material: list[Json] = [{"title": one.title, "text": one.text} for one in documents]
    said: list[Json] = [{"role": turn.role, "content": turn.content} for turn in turns]
    asked: list[Json] = [
        rubric.model_dump(mode="json", include={"name", "question", "best", "middle", "worst"}) for rubric in _asked(pair, config)
    ]
    return Prompt(load_template(JUDGE), {"documents": material, "turns": said, "rubrics": asked})


def _judged(pair: Pair, completion: Completion | None, config: JudgeConfig, required: bool) -> Pair | Rejection:
    if completion is not None and completion.failure is not None:
        failure = completion.failure
        return Rejection(
            stage=STAGE, item=str(pair.index), reason=failure.reason, detail=clean(failure.detail), transient=failure.transient
        )
    found: dict[str, Scored] = {}
    if completion is not None:
        assert isinstance(completion.parsed, Judgement)
        for one in completion.parsed.scores:
            found.setdefault(one.rubric.strip().casefold(), one)
    verdicts: list[Verdict] = []
    for rubric in config.chosen:
        gate = f"{STAGE}:{rubric.name}"
        if pair.paradigm in rubric.skip:
            verdicts.append(not_evaluated(gate, rubric.skip[pair.paradigm]))
        elif rubric.name not in found:
            if required:
                return Rejection(stage=STAGE, item=str(pair.index), reason="not_evaluated", detail=f"{gate}: {_LEFT_OUT}")
            verdicts.append(not_evaluated(gate, _LEFT_OUT))
        else:
            said = found[rubric.name]
            detail = f"{said.score} of {HIGHEST}, at least {rubric.least} are asked for: {clean(said.reason)}"
            if said.score < rubric.least:
                verdict = failed(gate, "judged_poor", detail)
                return Rejection(stage=STAGE, item=str(pair.index), reason=verdict.reason, detail=f"{gate}: {verdict.detail}")
            verdicts.append(passed(gate).model_copy(update={"detail": failed(gate, "judged_poor", detail).detail}))
    return pair.model_copy(update={"verdicts": (*pair.verdicts, *verdicts)})
