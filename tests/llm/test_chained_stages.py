"""Stages that wait for one model: none of them waits for the whole of another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from fake_server import FakeServer

from wildgraph.backends.openai_compatible import OpenAICompatible
from wildgraph.llm import ChatModel, ChatRequest, Prompt, Template
from wildgraph.records import Candidate, Document, DocumentRef, Pair, Rejection, TaskSpec, content_hash
from wildgraph.stages.adapt import AdaptConfig, adapt

TEMPLATE = Template("stages/mine", 1, "abc", (("user", "Stage {{ stage }}, number {{ n }}"),))


@pytest.mark.parametrize("concurrency", [1, 4])
def test_three_chained_maps_with_look_ahead_one_finish_in_order(concurrency: int, fake_server: Callable[..., FakeServer]):
    server = fake_server(latency=lambda body: 0.001 * (len(str(body)) % 5))

    def stage(name: int, model: ChatModel, items: Iterator[int]) -> Iterator[int]:
        for completion in model.map(ChatRequest(str(n), Prompt(TEMPLATE, {"stage": name, "n": n})) for n in items):
            assert completion.failure is None
            yield int(completion.request_id)

    with closing(OpenAICompatible("fake", server.base_url, "", concurrency, lookahead=1)) as model:
        assert list(stage(3, model, stage(2, model, stage(1, model, iter(range(50)))))) == list(range(50))
    assert server.counted.requests == 150


def test_adapt_starts_on_the_first_pair_that_pair_yields(fake_server: Callable[..., FakeServer]):
    asked = threading.Event()
    text = "Title: Lease\n\nThe tenant pays 1,200 euros a month, and the landlord keeps the roof in repair."
    document = Document(id="d", hash=content_hash(text), text=text)
    spec = {
        "document_type": "document_type/contract",
        "document_type_name": "contract",
        "path": [{"field": "task", "concept": "task/summarize", "name": "summarize"}],
        "paradigm": "single_document",
        "documents": 1,
        "split": "train",
    }

    def candidates() -> Iterator[Candidate | Rejection]:
        for n in range(6):
            yield Candidate(spec=TaskSpec(index=n, **spec), documents=(DocumentRef(id="d", hash=document.hash, order=0),))
            # The next pair is not made before the first one was asked about.
            assert asked.wait(30), "adapt waits for more pairs before it asks"

    def latency(body: dict[str, object]) -> float:
        asked.set()
        return 0.001

    server = fake_server(latency=latency)
    with closing(OpenAICompatible("fake", server.base_url, "", 8)) as model:
        pairs = list(
            adapt(
                candidates(),
                AdaptConfig(),
                model=model,
                document=lambda digest: document,
                count_tokens=len,
                seed=0,
                graphs={"document_type/contract": "g"},
                version="0",
                keep=lambda _document: None,
            )
        )
    assert [pair.index for pair in pairs if isinstance(pair, Pair)] == list(range(6))
