"""Adapt: write the instruction for these very documents, answer it, and cite the evidence (WildLong, arXiv 2502.16684 §3.3).

Three chained calls per candidate. All three prompts start with the same bytes (system line, then the fenced documents in the group's
order), so that prefix caches hit; only instruction and evidence are structured, the answer is free text, since schemas degrade long answers.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.fields import ANY_DOCUMENT
from wildgraph.llm import ChatModel, ChatRequest, Completion, Decoding, Prompt, load_template
from wildgraph.paradigms import PARADIGMS
from wildgraph.records import (
    Candidate,
    Document,
    Evidence,
    Json,
    Message,
    Pair,
    Provenance,
    Rejection,
    TokenCounts,
    content_hash,
)
from wildgraph.rows import clean

STAGE = "adapt"
VERSION = 2
INSTRUCT, ANSWER, CITE = "stages/instruct", "stages/answer", "stages/cite"


class AdaptConfig(BaseModel):
    """How candidates become pairs.

    Attributes:
        language: the language of instruction and answer, by its English name.
        instruct, answer, cite: decoding parameters of the three calls.
        max_evidence: evidence spans kept per pair.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str = "English"
    instruct: Decoding = Decoding(temperature=0.8, max_tokens=700)
    answer: Decoding = Decoding(temperature=0.3, max_tokens=4096)
    cite: Decoding = Decoding(temperature=0.0, max_tokens=2048)
    max_evidence: int = Field(default=24, ge=1)


class Instruction(BaseModel):
    """The answer to the instruct prompt."""

    instruction: str
    left_out: list[str] = Field(default_factory=list)


class Quote(BaseModel):
    """One quoted passage: ``document`` counts from 1 in prompt order."""

    document: int
    quote: str


class Citations(BaseModel):
    """The answer to the cite prompt."""

    evidence: list[Quote]


@dataclass(frozen=True)
class _Draft:
    candidate: Candidate
    documents: tuple[Document, ...]
    instruction: str = ""
    left_out: tuple[str, ...] = ()
    answer: str = ""


_Item = _Draft | Rejection


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
    estimated: bool = True,
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
        estimated: whether ``count_tokens`` only estimates.
    """
    items = (
        item if isinstance(item, Rejection) else _Draft(item, tuple(document(one.hash) for one in item.documents)) for item in candidates
    )
    for item in _cited(_answered(_instructed(items, config, model), config, model), config, model):
        if isinstance(item, Rejection):
            yield item
            continue
        draft, quotes = item
        yield _pair(draft, quotes, config, model.identity, count_tokens, seed, graphs, version, estimated)


def _instructed(items: Iterable[_Item], config: AdaptConfig, model: ChatModel) -> Iterator[_Item]:
    def finish(draft: _Draft, completion: Completion) -> _Item:
        assert isinstance(completion.parsed, Instruction)
        text = clean(completion.parsed.instruction).strip()
        if not text:
            return _reject(draft, "unsuitable", ", ".join(completion.parsed.left_out))
        return replace(draft, instruction=text, left_out=tuple(clean(one) for one in completion.parsed.left_out if one))

    return _step(
        items, lambda draft: instruct_prompt(draft.candidate, draft.documents, config), Instruction, config.instruct, model, finish
    )


def _answered(items: Iterable[_Item], config: AdaptConfig, model: ChatModel) -> Iterator[_Item]:
    def finish(draft: _Draft, completion: Completion) -> _Item:
        return replace(draft, answer=clean(completion.text).strip())

    return _step(
        items, lambda draft: answer_prompt(draft.candidate, draft.documents, config, draft.instruction), None, config.answer, model, finish
    )


def _cited(items: Iterable[_Item], config: AdaptConfig, model: ChatModel) -> Iterator[tuple[_Draft, list[Quote]] | Rejection]:
    quotes: dict[int, list[Quote]] = {}

    def finish(draft: _Draft, completion: Completion) -> _Item:
        assert isinstance(completion.parsed, Citations)
        quotes[draft.candidate.spec.index] = completion.parsed.evidence[: config.max_evidence]
        return draft

    steps = _step(
        items,
        lambda draft: cite_prompt(draft.candidate, draft.documents, config, draft.instruction, draft.answer),
        Citations,
        config.cite,
        model,
        finish,
    )
    for item in steps:
        yield item if isinstance(item, Rejection) else (item, quotes.pop(item.candidate.spec.index))


def _step(
    items: Iterable[_Item],
    prompt: Callable[[_Draft], Prompt],
    schema: type[BaseModel] | None,
    decoding: Decoding,
    model: ChatModel,
    finish: Callable[[_Draft, Completion], _Item],
) -> Iterator[_Item]:
    """One model call per draft, rejections kept in their places: they are held until the drafts before them are answered."""
    queue: deque[_Item] = deque()

    def requests() -> Iterator[ChatRequest]:
        for item in items:
            queue.append(item)
            if isinstance(item, _Draft):
                shared = content_hash("documents", [one.hash for one in item.documents])
                yield ChatRequest(str(item.candidate.spec.index), prompt(item), schema, decoding, prefix=shared)

    def leading() -> Iterator[Rejection]:
        while queue and isinstance(queue[0], Rejection):
            head = queue.popleft()
            assert isinstance(head, Rejection)
            yield head

    for completion in model.map(requests()):
        yield from leading()
        draft = queue.popleft()
        assert isinstance(draft, _Draft)
        assert completion.request_id == str(draft.candidate.spec.index)
        if completion.failure is not None:
            yield _reject(draft, completion.failure.reason, completion.failure.detail, completion.failure.transient)
        else:
            yield finish(draft, completion)
    yield from leading()


def _reject(draft: _Draft, reason: str, detail: str = "", transient: bool = False) -> Rejection:
    return Rejection(stage=STAGE, item=str(draft.candidate.spec.index), reason=reason, detail=clean(detail), transient=transient)


# --------------------------------------------------------------------------- prompts


def _shared(candidate: Candidate, documents: Iterable[Document], config: AdaptConfig) -> dict[str, Json]:
    spec = candidate.spec
    labels: list[Json] = [{"field": node.field, "name": node.name, "concept": node.concept} for node in (*spec.path, *spec.attributes)]
    material: list[Json] = [{"title": document.title or document.id, "text": document.text} for document in documents]
    return {
        "documents": material,
        "labels": labels,
        # One word that is right for all of them.
        "document_type": ANY_DOCUMENT if spec.document_types else spec.document_type_name,
        "paradigm": spec.paradigm,
        "purpose": PARADIGMS[spec.paradigm].purpose,
        "language": spec.language or config.language,
        "variant": spec.index,
    }


def instruct_prompt(candidate: Candidate, documents: Iterable[Document], config: AdaptConfig) -> Prompt:
    """The prompt that asks for an instruction."""
    return Prompt(load_template(INSTRUCT), _shared(candidate, documents, config))


def answer_prompt(candidate: Candidate, documents: Iterable[Document], config: AdaptConfig, instruction: str) -> Prompt:
    """The prompt that asks for the answer."""
    return Prompt(load_template(ANSWER), {**_shared(candidate, documents, config), "instruction": instruction})


def cite_prompt(candidate: Candidate, documents: Iterable[Document], config: AdaptConfig, instruction: str, answer: str) -> Prompt:
    """The prompt that asks for the passages the answer rests on."""
    return Prompt(
        load_template(CITE),
        {
            **_shared(candidate, documents, config),
            "instruction": instruction,
            "answer": answer,
            "max_evidence": config.max_evidence,
        },
    )


# --------------------------------------------------------------------------- evidence and pairs

_FORMS = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "–": "-", "—": "-", "\u00a0": " "})


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """Where a quote stands in a text: verbatim, else up to white space, quotation marks, dashes and case.

    Args:
        quote: the passage as a model gave it.
        text: the document.

    Returns:
        ``(start, end)`` in code points of the first place, or ``None``.

    Example:
        >>> locate("the “big” dog", 'See the "big"  dog.')
        (4, 18)
    """
    bare = quote.strip().strip('"“”').strip()
    if not bare:
        return None
    # Marks around the quote may be the text's own or the model's: as they are first, then without.
    for wanted in (quote.strip(), bare):
        exact = text.find(wanted)
        if exact >= 0:
            return exact, exact + len(wanted)
    words = unicodedata.normalize("NFC", bare).translate(_FORMS).split()
    # str.translate maps one code point to one, so offsets in the mapped text are offsets in the text itself.
    found = re.search(r"\s+".join(re.escape(word) for word in words), text.translate(_FORMS), re.IGNORECASE)
    return (found.start(), found.end()) if found else None


def _evidence(quotes: Iterable[Quote], documents: tuple[Document, ...]) -> tuple[Evidence, ...]:
    """Quotes as spans. One that is found nowhere keeps start = end = 0, for the grounding gate to fail; blank and repeated ones are dropped."""
    spans: dict[tuple[str, int, int, str], Evidence] = {}
    for quote in quotes:
        if not quote.quote.strip():
            continue
        order = [quote.document - 1, *(place for place in range(len(documents)) if place != quote.document - 1)]
        for place in order if 0 < quote.document <= len(documents) else ():
            found = locate(quote.quote, documents[place].text)
            if found:
                start, end = found
                span = Evidence(document_id=documents[place].id, start=start, end=end, text=documents[place].text[start:end])
                break
        else:
            named = documents[quote.document - 1].id if 0 < quote.document <= len(documents) else documents[0].id
            span = Evidence(document_id=named, start=0, end=0, text=clean(quote.quote))
        spans.setdefault((span.document_id, span.start, span.end, span.text), span)
    return tuple(spans.values())


def _pair(
    draft: _Draft,
    quotes: list[Quote],
    config: AdaptConfig,
    engine: str,
    count_tokens: Callable[[str], int],
    seed: int,
    graphs: Mapping[str, str],
    version: str,
    estimated: bool,
) -> Pair:
    spec = draft.candidate.spec
    evidence = _evidence(quotes, draft.documents)
    turns = (
        Message(role="user", content=draft.instruction),
        Message(role="assistant", content=draft.answer, train=True, evidence=evidence),
    )
    lengths = TokenCounts(
        documents=sum(count_tokens(document.text) for document in draft.documents),
        instruction=count_tokens(draft.instruction),
        response=count_tokens(draft.answer),
        estimated=estimated,
    )
    return Pair(
        id=content_hash(spec.paradigm, [document.hash for document in draft.documents], draft.instruction, draft.answer),
        index=spec.index,
        paradigm=spec.paradigm,
        document_type=spec.document_type_name,
        split=spec.split,
        language=spec.language or config.language,
        documents=draft.candidate.documents,
        turns=turns,
        layout=int(content_hash("layout", seed, spec.index, length=8), 16),
        path=tuple((node.field, node.concept) for node in spec.path),
        attributes=tuple((node.field, node.concept) for node in spec.attributes),
        provenance=Provenance(
            prompts={name: load_template(name).hash for name in (INSTRUCT, ANSWER, CITE)},
            engine=engine,
            decoding={
                "instruct": config.instruct.model_dump(mode="json"),
                "answer": config.answer.model_dump(mode="json"),
                "cite": config.cite.model_dump(mode="json"),
            },
            seed=seed,
            graph=graphs[spec.document_type],
            unrealised=draft.left_out,
            novel=spec.novel,
            version=version,
        ),
        n_tokens=lengths,
    )
