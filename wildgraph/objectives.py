"""What preference and reinforcement training need of an accepted pair, put together from corpus, documents, checkers and models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from wildgraph.checkers import Context, load_check
from wildgraph.config import Config
from wildgraph.corpus import Corpus, DocumentStore, of_sample
from wildgraph.engines import Engines
from wildgraph.exporters.layout import lay_out
from wildgraph.funnel import StageCount
from wildgraph.llm import Prompt
from wildgraph.paradigms import PARADIGMS
from wildgraph.paradigms.drafts import Draft, Turn
from wildgraph.paradigms.steps import Ask
from wildgraph.records import Candidate, Document, DocumentRef, Pair, Rejection, TaskSpec
from wildgraph.stages import contrast as contrast_stage
from wildgraph.stages import judge as judge_stage
from wildgraph.stages import probe as probe_stage
from wildgraph.stages.adapt import question
from wildgraph.text import language_code


@dataclass(frozen=True)
class Objectives:
    """Makes worse answers and pass rates.

    Attributes:
        config: what is made. engines: who is asked. corpus: where neighbouring documents are. store: texts.
        count_tokens: length of a text in the trainee's tokens.
    """

    config: Config
    engines: Engines
    corpus: Corpus
    store: DocumentStore
    count_tokens: Callable[[str], int]
    _specs: dict[int, TaskSpec] = field(default_factory=dict)
    _prompts: dict[int, str] = field(default_factory=dict)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that have something to do."""
        made = any(share > 0.0 for share in self.config.contrast.made.values())
        return (*((contrast_stage.STAGE,) if made else ()), *((probe_stage.STAGE,) if self.engines.trainee is not None else ()))

    def of(self, pairs: Iterable[tuple[Pair, TaskSpec]]) -> Iterator[Pair]:
        """The pairs in order, with what could be made of each.

        Args:
            pairs: accepted pairs, each with its specification.
        """
        found = self._noted(pairs)
        if contrast_stage.STAGE in self.stages:
            found = contrast_stage.contrast(
                found,
                self.config.contrast,
                model=self.engines.model,
                material=self._material,
                count_tokens=self.count_tokens,
                score=self._score if self.engines.judge is not None else None,
                seed=self.config.sample.seed,
            )
        if self.engines.trainee is not None:
            found = probe_stage.probe(found, self.config.probe, trainee=self.engines.trainee, messages=self._messages, passes=self._passes)
        return found

    def count(self, pair: Pair, counts: Mapping[str, StageCount]) -> None:
        """Enter an accepted pair into the funnel: what it serves besides supervised training."""
        if contrast_stage.STAGE in counts:
            _enter(counts[contrast_stage.STAGE], pair, "" if pair.alternatives else "no_alternative")
        if probe_stage.STAGE in counts and pair.checkers:
            rates = {None: "not_probed", 0.0: "never_passed", 1.0: "always_passed"}
            _enter(counts[probe_stage.STAGE], pair, rates.get(pair.pass_rate, ""))

    def _noted(self, pairs: Iterable[tuple[Pair, TaskSpec]]) -> Iterator[Pair]:
        for pair, spec in pairs:
            self._specs[pair.index] = spec
            yield pair

    def _documents(self, pair: Pair) -> tuple[Document, ...]:
        return of_sample(pair.documents, self.store.get)

    def _material(self, pair: Pair) -> contrast_stage.Material:
        spec = self._specs.pop(pair.index)
        paradigm = PARADIGMS[spec.paradigm]
        # Other documents make a worse answer where one answer rests on the documents that the task needs, and on nothing else.
        single = sum(turn.role == "user" for turn in pair.turns) == 1 and paradigm.evidence and not paradigm.distractors[1]
        answering = next(step for step in reversed(paradigm.steps) if isinstance(step, Ask) and step.decoding == "answer")

        def prompt(documents: Sequence[Document]) -> Prompt:
            references = tuple(
                DocumentRef(id=one.id, hash=one.hash, order=order, licence=one.licence) for order, one in enumerate(documents)
            )
            candidate = Candidate(spec=spec, documents=references)
            draft = Draft(candidate, tuple(documents), tuple(documents), (Turn(pair.instruction),))
            return question(answering, draft, self.config.adapt).prompt

        return contrast_stage.Material(
            documents=self._documents(pair),
            answer_prompt=prompt if single else None,
            neighbours=lambda: self._neighbours(pair),
            passes=(lambda text: self._passes(pair, text)) if pair.checkers else None,
            withheld=self.store.get(pair.twin.hash) if pair.twin else None,
        )

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.corpus.hashes)}

    def _neighbours(self, pair: Pair) -> list[Document]:
        """For each document that the pair needs its nearest neighbour of the same type and split, which is none of the pair's, nor nearly one."""
        mine = [self._rows.get(one.hash) for one in sorted(pair.documents, key=lambda one: one.order)]
        taken = {int(self.corpus.clusters[row]) for row in mine if row is not None}
        found: list[Document] = []
        for reference in sorted(pair.documents, key=lambda one: one.order):
            row = self._rows.get(reference.hash)
            if reference.role == "distractor":
                continue
            if row is None:  # made for this pair alone
                return []
            kind, split = self.corpus.document_types[row], self.corpus.splits[row]
            ranked = self.corpus.match(np.asarray(self.corpus.vectors[row]), [kind], split, _NEAR + 2 * len(pair.documents))
            near = next((one for one in ranked if int(self.corpus.clusters[one]) not in taken), None)
            if near is None:
                return []
            taken.add(int(self.corpus.clusters[near]))
            found.append(self.store.get(self.corpus.hashes[near]))
        return found

    def _score(self, answers: Sequence[tuple[Pair, str]]) -> Iterable[float | None]:
        assert self.engines.judge is not None
        return judge_stage.score(answers, self.config.judge, model=self.engines.judge, document=self.store.get)

    def _passes(self, pair: Pair, text: str) -> bool:
        if pair.index not in self._prompts:  # answers to one prompt come one after the other
            self._prompts.clear()
            self._prompts[pair.index] = "\n\n".join(content for _, content in self._messages(pair))
        return passes_checkers(pair, text, self._prompts[pair.index])

    def _messages(self, pair: Pair) -> list[tuple[str, str]]:
        """The prompt as it is exported."""
        last = max(place for place, turn in enumerate(pair.turns) if turn.role == "assistant")
        rendered = lay_out(pair.turns[: last + 1], self._documents(pair), seed=pair.layout, language=pair.language)
        return [(message["role"], message["content"]) for message in rendered[:-1]]


def _enter(count: StageCount, pair: Pair, reason: str) -> None:
    count.entered += 1
    if reason:
        count.reject(Rejection(stage=count.stage, item=str(pair.index), reason=reason, transient=reason == "not_probed"))
    else:
        count.passed += 1


#: Documents that are looked at for a neighbour: near-copies are passed over.
_NEAR = 32


def passes_checkers(pair: Pair, text: str, prompt: str) -> bool:
    """Whether an answer passes every checker of a pair; one that decides nothing does not stand in its way.

    Args:
        pair: whose checkers.
        text: the answer.
        prompt: what is exported, where quotations may stand.

    Raises:
        WildgraphError: a checker cannot be loaded.
    """
    context = Context(prompt=prompt, documents=(prompt,), language=language_code(pair.language))
    statuses = [load_check(one.name, one.args)(text, context).status for one in pair.checkers]
    return "fail" not in statuses and "pass" in statuses
