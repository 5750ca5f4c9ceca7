"""The offline engine is an ordinary chat model: it keeps the contract of chat models with the prompts it was written for."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from pydantic import BaseModel

from wildgraph.backends.offline.engine import LANGUAGES, OfflineModel
from wildgraph.catalogue import empty_prior, load_prior
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.errors import UsageError
from wildgraph.fields import DEFAULT_FIELDS
from wildgraph.llm import CachedModel, ChatModel, ChatRequest, Decoding, Prompt, ResponseCache, Template, load_template
from wildgraph.paradigms.drafts import Draft, Turn
from wildgraph.paradigms.steps import ANSWER, CITE, INSTRUCT, Citations
from wildgraph.reasons import REASONS
from wildgraph.records import Candidate, Conversation, Document, DocumentRef, PathNode, TaskSpec, content_hash
from wildgraph.stages.adapt import AdaptConfig, question
from wildgraph.stages.mine import MineConfig, answer_schema, mining_prompt

SEEDS = Path(__file__).parents[2] / "seed_queries" / "documents.jsonl"
ROWS = [json.loads(line) for line in SEEDS.read_text(encoding="utf-8").split("\n") if line][:6]
DOCUMENTS = [Document(id=row["id"], hash=content_hash(row["text"]), text=row["text"], title=row["title"]) for row in ROWS]
CONFIG = AdaptConfig()
PLAIN = OfflineModel(load_prior(), HashedEmbedder())


@pytest.fixture(params=["plain", "cached"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChatModel]:
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        yield PLAIN if request.param == "plain" else CachedModel(PLAIN, cache)


def candidate(n: int, *concepts: str) -> Candidate:
    path = tuple(PathNode(field=one.split("/")[0], concept=one, name=one.split("/")[1]) for one in concepts)
    spec = TaskSpec(
        index=n,
        document_type="document_type/x",
        document_type_name="report",
        path=path,
        paradigm="single_document",
        documents=1,
        split="train",
    )
    document = DOCUMENTS[n % len(DOCUMENTS)]
    return Candidate(spec=spec, documents=(DocumentRef(id=document.id, hash=document.hash, order=0),))


def mining(n: int, language: str = "en", text: str = "") -> ChatRequest:
    query = Conversation.of(text or f"Summarize report number {n}.", language=language)
    return ChatRequest(f"m{n}", mining_prompt(query, MineConfig()), answer_schema(DEFAULT_FIELDS), Decoding())


def writing(n: int, kind: str = "instruct", concept: str = "task/summarize-the-document") -> ChatRequest:
    documents = (DOCUMENTS[n % len(DOCUMENTS)],)
    draft = Draft(candidate(n, concept), documents, documents, (Turn("Sum it up."),))
    asked = question({"instruct": INSTRUCT, "answer": ANSWER, "cite": CITE}[kind], draft, CONFIG)
    if kind == "cite":
        said = PLAIN._writer.answer(asked.prompt.variables)
        asked = question(CITE, replace(draft, turns=(Turn("Sum it up.", said),)), CONFIG)
    return replace(asked, id=f"{kind[0]}{n}")


def test_it_is_a_chat_model(model: ChatModel):
    assert isinstance(model, ChatModel)
    assert model.identity == model.identity
    assert model.identity.startswith("offline:")
    assert "hashed" in model.identity


def test_its_identity_changes_with_what_decides_its_answers():
    assert OfflineModel(empty_prior(), HashedEmbedder()).identity != PLAIN.identity
    assert OfflineModel(load_prior(), HashedEmbedder(512)).identity != PLAIN.identity
    assert OfflineModel(load_prior(), HashedEmbedder()).identity == PLAIN.identity


def test_one_completion_per_request_in_order_of_every_kind(model: ChatModel):
    asked = [one for n in range(18) for one in (mining(n), writing(n), mining(n + 100, "sw"), writing(n, "answer"), writing(n, "cite"))]
    completions = list(model.map(iter(asked)))
    assert [completion.request_id for completion in completions] == [request.id for request in asked]
    for request, completion in zip(asked, completions, strict=True):
        assert (completion.failure is None) == bool(completion.text)
        if completion.failure:
            assert completion.failure.reason in REASONS
            assert completion.parsed is None
        elif request.schema:
            assert isinstance(completion.parsed, request.schema)
            assert request.schema.model_validate_json(completion.text) == completion.parsed
        else:
            assert completion.parsed is None


def test_nothing_in_nothing_out(model: ChatModel):
    assert list(model.map([])) == []


def test_an_endless_input_is_pulled_lazily(model: ChatModel):
    drawn = []

    def endless() -> Iterator[ChatRequest]:
        while True:
            drawn.append(mining(len(drawn)))
            yield drawn[-1]

    with closing(model.map(endless())) as completions:
        assert [one.request_id for one in islice(completions, 5)] == ["m0", "m1", "m2", "m3", "m4"]
    assert len(drawn) <= 200


def test_maps_can_be_chained(model: ChatModel):
    first = model.map(writing(n) for n in range(8))
    second = model.map(writing(n, "answer") for n, _ in enumerate(first))
    assert [completion.request_id for completion in second] == [f"a{n}" for n in range(8)]


def test_an_error_of_the_input_reaches_the_consumer(model: ChatModel):
    def broken() -> Iterator[ChatRequest]:
        yield mining(0)
        raise OSError("the log went away")

    with pytest.raises(OSError, match="went away"):
        list(model.map(broken()))


@pytest.mark.parametrize("text", ["a\x00b", "\u2028", "🙂" * 100, "x" * 100_000, ", and then " * 400, " " * 3900 + "x", "{{ x }} {% y %}"])
def test_odd_text_does_no_harm(model: ChatModel, text: str):
    (completion,) = model.map([mining(0, text=text)])
    assert completion.failure is None
    assert completion.parsed is not None


def test_the_batch_a_query_is_in_decides_nothing(model: ChatModel):
    alone = [next(iter(PLAIN.map([mining(n)]))).text for n in range(5)]
    together = [completion.text for completion in model.map([*(mining(n) for n in range(5)), *(mining(n) for n in range(50, 120))])]
    assert together[:5] == alone


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_languages_it_names_are_answered(model: ChatModel, language: str):
    (completion,) = model.map([mining(0, language)])
    assert completion.failure is None


@pytest.mark.parametrize("language", ["sw", "und", "ko"])
def test_other_languages_are_a_counted_reason(model: ChatModel, language: str):
    (completion,) = model.map([mining(0, language)])
    assert completion.failure is not None
    assert completion.failure.reason == "language_not_supported"
    assert REASONS[completion.failure.reason][0] == "filtered"
    assert language in completion.failure.detail
    assert not completion.failure.transient


@pytest.mark.parametrize("kind", ["instruct", "answer"])
def test_what_it_cannot_write_is_a_counted_reason(model: ChatModel, kind: str):
    (completion,) = model.map([writing(0, kind, "task/write-a-poem")])
    assert completion.failure is not None
    assert completion.failure.reason == "engine_cannot"
    assert completion.text == ""


def test_what_it_cites_stands_in_the_documents(model: ChatModel):
    (completion,) = model.map([writing(1, "cite")])
    assert isinstance(completion.parsed, Citations)
    assert completion.parsed.evidence
    assert all(quote.document == 1 and quote.quote in DOCUMENTS[1].text for quote in completion.parsed.evidence)


def test_a_prompt_it_was_not_written_for_is_an_error_with_a_way_out(model: ChatModel):
    class Point(BaseModel):
        x: int

    strange = ChatRequest("p", Prompt(Template("mine/own", 1, "0" * 16, (("user", "{{ x }}"),)), {"x": 1}), Point)
    with pytest.raises(UsageError, match="cannot answer the prompt 'mine/own' — name a model with --model"):
        list(model.map([strange]))


def test_it_reads_the_variables_of_the_real_templates():
    """Every prompt that the stages make is one that the engine answers."""
    for name in ("stages/mine", "stages/instruct", "stages/answer", "stages/cite"):
        assert load_template(name).parts
    kinds = {request.prompt.template.name for request in (mining(0), writing(0), writing(0, "answer"), writing(0, "cite"))}
    assert kinds == {"stages/mine", "stages/instruct", "stages/answer", "stages/cite"}
