"""Adapt: write the instruction for these very documents, answer it, and cite the evidence (WildLong, arXiv 2502.16684 §3.3).

Each paradigm declares its steps (:mod:`wildgraph.paradigms.steps`); here they are carried out, candidates beside one another, each round of
questions in one call of the model. All prompts of a candidate start with the same bytes (system line, then the fenced documents in the
group's order), so that prefix caches hit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.corpus import of_sample
from wildgraph.errors import WildgraphError
from wildgraph.fields import ANY_DOCUMENT
from wildgraph.llm import ChatModel, ChatRequest, Decoding, Prompt, load_template
from wildgraph.paradigms import PARADIGMS
from wildgraph.paradigms.drafts import Declined, Draft, located
from wildgraph.paradigms.steps import Ask, Do
from wildgraph.records import Candidate, Document, Json, Message, Pair, Provenance, Rejection, TokenCounts, content_hash
from wildgraph.rows import clean

STAGE = "adapt"
VERSION = 4


class AdaptConfig(BaseModel):
    """How candidates become pairs.

    Attributes:
        language: the language of instruction and answer, by its English name.
        instruct: decoding parameters of what invents instructions, questions and turns. answer: of answers. cite: of quoting.
        max_evidence: evidence spans kept per answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str = "English"
    instruct: Decoding = Decoding(temperature=0.8, max_tokens=1500)
    answer: Decoding = Decoding(temperature=0.3, max_tokens=4096)
    cite: Decoding = Decoding(temperature=0.0, max_tokens=2048)
    max_evidence: int = Field(default=24, ge=1)


def templates() -> tuple[str, ...]:
    """Names of all prompts that adapting may use, each once."""
    return tuple(dict.fromkeys(name for paradigm in PARADIGMS.values() for name in paradigm.templates))


_Item = Draft | Rejection


def adapt(
    candidates: Iterable[Candidate | Rejection],
    config: AdaptConfig,
    *,
    model: ChatModel,
    document: Callable[[str], Document],
    count_tokens: Callable[[str], int],
    seed: int,
    graphs: Mapping[str, str],
    version: str,
    keep: Callable[[Document], None],
    estimated: bool = True,
    paradigms: Collection[str] = tuple(PARADIGMS),
) -> Iterator[Pair | Rejection]:
    """Pairs in the order of the candidates; rejections pass through in their places.

    Args:
        candidates: specifications with documents.
        config: language and decoding.
        model: any chat model.
        document: content hash -> document.
        count_tokens: length of a text in the trainee's tokens.
        seed: of the sampling; decides layouts.
        graphs: document type -> fingerprint of its graph.
        version: wildgraph's version.
        keep: takes the documents that were made here (those whose evidence was taken out) before the pair that names them is given.
        estimated: whether ``count_tokens`` only estimates.
        paradigms: those that the candidates may have: no more rounds are made than one of them needs.
    """
    items: Iterator[_Item] = (item if isinstance(item, Rejection) else _draft(item, document) for item in candidates)
    for number in range(max((len(PARADIGMS[name].steps) for name in paradigms), default=0)):
        items = _round(items, number, config, model)
    finished = _Finish(config, model.identity, count_tokens, seed, graphs, version, estimated)
    for item in items:
        if isinstance(item, Rejection):
            yield item
            continue
        for one in item.made:
            keep(one)
        yield finished.pair(item)


def _draft(candidate: Candidate, document: Callable[[str], Document]) -> Draft:
    paradigm = PARADIGMS[candidate.spec.paradigm]
    documents = of_sample(candidate.documents, document)
    shown = tuple(one for one, reference in zip(documents, candidate.documents, strict=True) if paradigm.shows(reference.role))
    return Draft(candidate, documents, shown)


def _round(items: Iterable[_Item], number: int, config: AdaptConfig, model: ChatModel) -> Iterator[_Item]:
    """Every draft one step further; what this step does not concern passes in its place."""
    queue: deque[tuple[_Item, Ask | None]] = deque()

    def requests() -> Iterator[ChatRequest]:
        for item in items:
            step = None
            if isinstance(item, Draft):
                steps = PARADIGMS[item.candidate.spec.paradigm].steps
                step = steps[number] if number < len(steps) else None
                if isinstance(step, Do):
                    item, step = _done(item, step.act(item)), None
            if isinstance(item, Draft) and isinstance(step, Ask) and step.when(item):
                queue.append((item, step))
                yield question(step, item, config)
            else:
                queue.append((item, None))

    def passing() -> Iterator[_Item]:
        while queue and queue[0][1] is None:
            yield queue.popleft()[0]

    try:
        for completion in model.map(requests()):
            yield from passing()
            draft, step = queue.popleft()
            assert isinstance(draft, Draft)
            assert step is not None
            assert completion.request_id == str(draft.candidate.spec.index)
            if completion.failure is not None:
                yield _reject(draft, completion.failure.reason, completion.failure.detail, completion.failure.transient)
            else:
                yield _done(draft, step.finish(draft, completion))
    except WildgraphError:  # a budget that ends: what is whole and waits for nothing is not lost
        yield from passing()
        raise
    yield from passing()


def question(step: Ask, draft: Draft, config: AdaptConfig, sample: int = 0) -> ChatRequest:
    """A step's question about a draft.

    Args:
        step: of the draft's paradigm, or any other.
        draft: as far as it is.
        config: language and decoding.
        sample: number of the answer, where several are wanted.
    """
    shared = content_hash("documents", [one.hash for one in draft.shown])
    prompt = Prompt(load_template(step.template), {**_shared(draft, config), **step.variables(draft)})
    example = partial(step.example, draft) if step.example else None
    return ChatRequest(str(draft.candidate.spec.index), prompt, step.schema, getattr(config, step.decoding), sample, shared, example)


def _done(draft: Draft, made: Draft | Declined) -> _Item:
    return _reject(draft, made.reason, made.detail) if isinstance(made, Declined) else made


def _reject(draft: Draft, reason: str, detail: str = "", transient: bool = False) -> Rejection:
    return Rejection(stage=STAGE, item=str(draft.candidate.spec.index), reason=reason, detail=clean(detail), transient=transient)


def _shared(draft: Draft, config: AdaptConfig) -> dict[str, Json]:
    """The variables that every prompt takes."""
    spec = draft.candidate.spec
    labels: list[Json] = [{"field": node.field, "name": node.name, "concept": node.concept} for node in (*spec.path, *spec.attributes)]
    material: list[Json] = [{"title": document.title, "text": document.text} for document in draft.shown]
    return {
        "documents": material,
        "required": list(draft.required),
        "others": len(draft.documents) - len(draft.shown),
        "labels": labels,
        # One word that is right for all of them.
        "document_type": ANY_DOCUMENT if spec.document_types else spec.document_type_name,
        "paradigm": spec.paradigm,
        "purpose": PARADIGMS[spec.paradigm].purpose,
        "language": spec.language or config.language,
        "max_evidence": config.max_evidence,
        "variant": spec.index,
    }


@dataclass(frozen=True)
class _Finish:
    """Makes pairs of finished drafts."""

    config: AdaptConfig
    engine: str
    count_tokens: Callable[[str], int]
    seed: int
    graphs: Mapping[str, str]
    version: str
    estimated: bool

    def pair(self, draft: Draft) -> Pair:
        spec, paradigm = draft.candidate.spec, PARADIGMS[draft.candidate.spec.paradigm]
        said = [text for turn in draft.turns for text in (turn.user, turn.assistant)]
        users, assistants = said[::2], said[1::2]
        return Pair(
            id=content_hash(spec.paradigm, [document.hash for document in draft.documents], *said),
            index=spec.index,
            paradigm=spec.paradigm,
            document_type=spec.document_type_name,
            split=spec.split,
            language=spec.language or self.config.language,
            documents=draft.candidate.documents,
            turns=tuple(self._messages(draft)),
            answer=draft.answer,
            checkers=draft.checkers,
            layout=int(content_hash("layout", self.seed, spec.index, length=8), 16),
            path=tuple((node.field, node.concept) for node in spec.path),
            attributes=tuple((node.field, node.concept) for node in spec.attributes),
            provenance=Provenance(
                prompts={name: load_template(name).hash for name in paradigm.templates},
                engine=self.engine,
                decoding={name: getattr(self.config, name).model_dump(mode="json") for name in ("instruct", "answer", "cite")},
                seed=self.seed,
                graph=self.graphs[spec.document_type],
                unrealised=draft.left_out,
                novel=spec.novel,
                version=self.version,
            ),
            n_tokens=TokenCounts(
                documents=sum(self.count_tokens(document.text) for document in draft.documents),
                instruction=sum(map(self.count_tokens, users)),
                response=sum(map(self.count_tokens, assistants)),
                estimated=self.estimated,
            ),
            bucket=spec.bucket,
            twin=draft.twin,
        )

    def _messages(self, draft: Draft) -> Iterator[Message]:
        for number, turn in enumerate(draft.turns, 1):
            quotes = [quote for quote in draft.quotes if quote.turn == number][: self.config.max_evidence]
            yield Message(role="user", content=turn.user)
            yield Message(
                role="assistant", content=turn.assistant, train=True, evidence=located(quotes, draft.shown), thinking=turn.thinking
            )
