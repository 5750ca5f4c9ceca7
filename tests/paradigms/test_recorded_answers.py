"""A strong reader's answers to the prompts of every paradigm, replayed through parsers and gates."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from recording import ANSWERS, DOCUMENTS, candidates

from wildgraph.backends.scripted import ScriptedModel
from wildgraph.llm import ChatRequest
from wildgraph.paradigms import PARADIGMS
from wildgraph.records import Document, Pair, Rejection
from wildgraph.stages.adapt import AdaptConfig, adapt
from wildgraph.stages.gate import GateConfig, gate

CANDIDATES = list(candidates())
RECORDED = {
    (line["candidate"], line["prompt"], line["turn"]): line["answer"]
    for line in map(json.loads, ANSWERS.read_text(encoding="utf-8").splitlines())
}
#: Good answers that the gates turn away all the same.
KNOWN = {
    11: "unknown_number",  # 19 months, counted between two dates
    23: "unknown_number",  # a ratio of two figures that were worked out before
}
TEXTS: dict[str, Document] = {document.hash: document for document in DOCUMENTS.values()}


@pytest.fixture(scope="module")
def pairs() -> list[Pair | Rejection]:
    turns: Counter[tuple[str, str]] = Counter()

    def reply(request: ChatRequest) -> str:
        key = (request.id, request.prompt.template.name)
        turns[key] += 1
        return RECORDED[int(key[0]), key[1], turns[key] - 1]

    graphs = {item.spec.document_type: "g" for item in CANDIDATES}
    made = adapt(
        CANDIDATES,
        AdaptConfig(),
        model=ScriptedModel(reply),
        document=TEXTS.__getitem__,
        count_tokens=lambda text: len(text.split()),
        seed=0,
        graphs=graphs,
        version="",
        keep=lambda document: TEXTS.update({document.hash: document}),
    )
    return list(made)


def test_every_answer_that_was_recorded_is_read(pairs: list[Pair | Rejection]):
    assert len(RECORDED) == 80
    assert Counter(one.paradigm for one in pairs if isinstance(one, Pair)) == Counter(item.spec.paradigm for item in CANDIDATES)
    assert {item.spec.paradigm for item in CANDIDATES} == set(PARADIGMS)


def test_every_quotation_of_the_reader_is_found_where_it_says(pairs: list[Pair | Rejection]):
    spans = 0
    for pair in pairs:
        assert isinstance(pair, Pair)
        by_id = {reference.id: TEXTS[reference.hash].text for reference in pair.documents}
        for span in pair.evidence:
            spans += 1
            assert span.end > span.start
            assert by_id[span.document_id][span.start : span.end] == span.text
    assert spans > 250


def test_the_gates_let_good_work_pass(pairs: list[Pair | Rejection]):
    judged = list(gate(iter(pairs), GateConfig(), texts=lambda digest: TEXTS[digest].text, titles=lambda digest: TEXTS[digest].title))
    lost = [(one.item, one.reason, one.detail) for one in judged if isinstance(one, Rejection)]
    assert {int(item): reason for item, reason, _ in lost}.items() <= KNOWN.items(), lost
