"""Candidates of every paradigm and a strong reader's answers to their prompts, kept so that tests replay them.

Candidates are walks over the bundled graphs with bundled documents; the answers were given to the rendered prompts, one after the other.
Recorded anew with a server that answers::

    python tests/paradigms/recording.py http://127.0.0.1:8900/v1

Answers are kept by candidate, prompt and turn, so that a prompt may be reworded without losing them.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from wildgraph.config import load_config
from wildgraph.engines import network_model
from wildgraph.llm import ChatModel, ChatRequest, Completion
from wildgraph.llm.tally import Tally
from wildgraph.paradigms import PARADIGMS
from wildgraph.records import Candidate, Document, DocumentRef, TaskSpec, content_hash
from wildgraph.stages.adapt import AdaptConfig, adapt
from wildgraph.stages.walk import WalkConfig, walk
from wildgraph.taskgraph import read_graphs

ROOT = Path(__file__).parents[2]
ANSWERS = Path(__file__).with_name("recorded_answers.jsonl")
SEEDS = ROOT / "seed_queries" / "documents.jsonl"
EACH = {"conflict": 4, "synthesis": 4}  # which no program can write; others come twice
ROWS = [json.loads(line) for line in SEEDS.read_text(encoding="utf-8").split("\n") if line]
DOCUMENTS = {row["id"]: Document(id=row["id"], hash=content_hash(row["text"]), text=row["text"], title=row["title"]) for row in ROWS}
KINDS = {row["id"]: row["document_type"] for row in ROWS}


def candidates() -> Iterator[Candidate]:
    """A few candidates of every paradigm, each over another kind of document, the documents of a kind in their order."""
    graphs = [graph for graph in read_graphs(ROOT / "graphs") if graph.name in KINDS.values()]
    number = 0
    for place, (name, paradigm) in enumerate(PARADIGMS.items()):
        config = WalkConfig(
            paradigms=(name,), multi=float(paradigm.several), compose=0.0, documents=(2, 3), test_share=0.0, types="uniform"
        )
        specs = (spec for spec in walk(graphs, config, seed=place) if isinstance(spec, TaskSpec))
        taken: set[str] = set()
        distinct = (spec for spec in specs if spec.document_type_name not in taken and not taken.add(spec.document_type_name))  # type: ignore[func-returns-value]
        for spec in islice(distinct, EACH.get(name, 2)):
            group = [DOCUMENTS[one] for one, kind in KINDS.items() if kind == spec.document_type_name]
            if paradigm.distractors[1]:
                roles = ["distractor", "required", "distractor"]
            elif paradigm.several:
                roles = ["required"] * spec.documents
            else:
                group, roles = group[number % len(group) :], ["required"]
            references = tuple(
                DocumentRef(id=one.id, hash=one.hash, order=order, role=role)
                for order, (one, role) in enumerate(zip(group, roles, strict=False))
            )
            yield Candidate(spec=spec.model_copy(update={"index": number, "documents": len(references)}), documents=references)
            number += 1


class Recorder:
    """A chat model that passes requests on and keeps the answers."""

    def __init__(self, model: ChatModel) -> None:
        self.model = model
        self.answers: list[dict[str, object]] = []
        self._turns: Counter[tuple[str, str]] = Counter()

    @property
    def identity(self) -> str:
        return self.model.identity

    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
        asked: list[ChatRequest] = []

        def passing() -> Iterator[ChatRequest]:
            for request in requests:
                asked.append(request)
                yield request

        for place, completion in enumerate(self.model.map(passing())):
            name = asked[place].prompt.template.name
            key = (completion.request_id, name)
            self.answers.append({"candidate": int(key[0]), "prompt": name, "turn": self._turns[key], "answer": completion.text})
            self._turns[key] += 1
            yield replace(completion)


def main(base_url: str) -> None:
    """Ask the server, and keep what it answers."""
    config = load_config(
        overrides={"model.name": "reader", "model.base_url": base_url, "model.structured": "text", "model.timeout": 5400.0}
    )
    recorder = Recorder(network_model(config, None, Tally()))
    found = list(
        adapt(
            candidates(),
            AdaptConfig(),
            model=recorder,
            document=lambda digest: next(one for one in DOCUMENTS.values() if one.hash == digest),
            count_tokens=lambda text: len(text.split()),
            seed=0,
            graphs={graph.document_type: graph.fingerprint for graph in read_graphs(ROOT / "graphs")},
            version="",
            keep=lambda document: None,
        )
    )
    lines = sorted(recorder.answers, key=lambda one: (one["candidate"], one["prompt"], one["turn"]))
    ANSWERS.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines), encoding="utf-8")
    sys.stdout.write(f"{len(lines)} answers to {len(found)} candidates in {ANSWERS}\n")


if __name__ == "__main__":
    main(sys.argv[1])
