"""Instructions realised from labels, answers extracted from documents: what the offline engine writes without a model.

Everything an answer says is a sentence of a document, verbatim; what the labels ask for and extraction cannot do is left out of the
instruction and named in ``left_out``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.backends.offline.extraction import Sentence, SentenceGraph
from wildgraph.records import Json, canonical_json

Layout = Literal["prose", "bullets", "numbers", "checklist", "table", "json"]


class _Operation(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    pick: Literal["central", "opening", "cue", "topic"]
    ask: list[str] = Field(min_length=1)
    cues: list[str] = Field(default_factory=list)
    order: Literal["document"] | None = None


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    layout: Layout
    ask: list[str] = Field(min_length=1)
    count: tuple[int, int] | None = None
    order: Literal["document"] | None = None


class _Condition(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    ask: list[str] = Field(min_length=1)
    words: tuple[int, int] | None = None
    count: tuple[int, int] | None = None
    fixed: tuple[int, int] | None = None
    order: Literal["document"] | None = None


class Operations(BaseModel):
    """The engine's repertoire; ``operations.yaml`` documents it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: dict[str, _Operation]
    paradigms: dict[str, _Operation]
    formats: dict[str, _Form]
    constraints: dict[str, _Condition]
    profiles: dict[str, list[str]]
    styles: dict[str, list[str]]


@lru_cache(maxsize=1)
def load_operations() -> tuple[Operations, str]:
    """The repertoire and its hash."""
    text = files("wildgraph").joinpath("backends/offline/operations.yaml").read_text(encoding="utf-8")
    return Operations.model_validate(yaml.safe_load(text)), hashlib.sha256(text.encode()).hexdigest()[:12]


class CannotWriteError(Exception):
    """The labels ask for nothing that extraction can do with these documents."""


class _Choice:
    """Reproducible choices: a stream of numbers from a seed text."""

    def __init__(self, *seed: object) -> None:
        self._state = hashlib.sha256(canonical_json([str(part) for part in seed]).encode("utf-8", "surrogatepass")).digest()

    def number(self, low: int, high: int) -> int:
        """A number in [low, high]."""
        self._state = hashlib.sha256(self._state).digest()
        return low + int.from_bytes(self._state[:8], "big") % (high - low + 1)

    def of(self, options: Sequence[str]) -> str:
        """One of the options."""
        return options[self.number(0, len(options) - 1)]


@dataclass(frozen=True)
class _Plan:
    """What will be asked and how it will be answered: made of labels, documents and variant alone, so that both prompts agree on it."""

    instruction: str
    left_out: tuple[str, ...]
    sentences: tuple[tuple[Sentence, ...], ...]
    titles: tuple[str, ...]
    layout: Layout

    def answer(self) -> str:
        """The chosen sentences in the layout that was asked for."""
        several = len(self.sentences) > 1
        if self.layout == "json":
            rows = [
                {"source": title, "statement": _flat(sentence.text)}
                for title, chosen in zip(self.titles, self.sentences, strict=True)
                for sentence in chosen
            ]
            return json.dumps(rows, ensure_ascii=False, indent=2)
        if self.layout == "table":
            head = "| Source | Statement |" if several else "| No. | Statement |"
            lines = [head, "| --- | --- |"]
            for title, chosen in zip(self.titles, self.sentences, strict=True):
                for number, sentence in enumerate(chosen, 1):
                    first = _cell(title) if several else str(number)
                    lines.append(f"| {first} | {_cell(_flat(sentence.text))} |")
            return "\n".join(lines)
        parts = []
        for title, chosen in zip(self.titles, self.sentences, strict=True):
            body = self._body(chosen)
            if several and self.layout == "prose":
                parts.append(f"{title}: {body}")
            else:
                parts.append(f"{title}\n\n{body}" if several else body)
        return "\n\n".join(parts)

    def _body(self, chosen: Sequence[Sentence]) -> str:
        texts = [_flat(sentence.text) for sentence in chosen]
        if self.layout == "prose":
            return " ".join(texts)
        mark = {"bullets": "- ", "checklist": "- [ ] "}.get(self.layout)
        return "\n".join(f"{mark or f'{number}. '}{text}" for number, text in enumerate(texts, 1))


def _flat(text: str) -> str:
    """A sentence on one line, without the bullet or number it carried."""
    return re.sub(r"^(?:[-*•–]|\(?\d{1,3}[.)])\s+", "", " ".join(text.split()))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


class OfflineWriter:
    """Writes instructions, answers and citations from the variables of the adapting prompts."""

    def __init__(self) -> None:
        self.operations, self.fingerprint = load_operations()
        self._graphs = lru_cache(maxsize=64)(SentenceGraph)

    def instruct(self, variables: Mapping[str, Json]) -> dict[str, Json]:
        """An answer of the instruct prompt.

        Raises:
            CannotWriteError: no label asks for what extraction can do.
        """
        plan = self._plan(variables)
        return {"instruction": plan.instruction, "left_out": list(plan.left_out)}

    def answer(self, variables: Mapping[str, Json]) -> str:
        """An answer of the answer prompt."""
        return self._plan(variables).answer()

    def cite(self, variables: Mapping[str, Json]) -> dict[str, Json]:
        """An answer of the cite prompt: the sentences of the documents that stand in the answer."""
        answer = " ".join(str(variables["answer"]).split())
        # JSON and table answers escape some characters; what was escaped is undone before sentences are looked for.
        plain = {answer, answer.replace("\\|", "|"), answer.replace('\\"', '"').replace("\\\\", "\\")}
        evidence: list[Json] = []
        for number, document in enumerate(_documents(variables), 1):
            evidence += [
                {"document": number, "quote": sentence.text}
                for sentence in self._graphs(document["text"]).sentences
                if any(_flat(sentence.text) in text for text in plain)
            ]
        return {"evidence": evidence}

    def _plan(self, variables: Mapping[str, Json]) -> _Plan:
        return _Planner(self.operations, self._graphs, variables).plan


class _Planner:
    """Makes the plan for one set of variables."""

    def __init__(self, operations: Operations, graphs: object, variables: Mapping[str, Json]) -> None:
        self.operations = operations
        documents = _documents(variables)
        assert callable(graphs)
        self.graphs: list[SentenceGraph] = [graphs(document["text"]) for document in documents]
        self.titles = [document["title"] for document in documents]
        self.kind = str(variables["document_type"])
        self.paradigm = str(variables["paradigm"])
        labels = variables["labels"]
        assert isinstance(labels, list)
        self.labels = [(str(label["concept"]), str(label["name"])) for label in labels if isinstance(label, dict)]
        self.choice = _Choice(variables["variant"], self.paradigm, self.titles, [concept for concept, _ in self.labels])

    def _first(self, table: Mapping[str, object]) -> str | None:
        return next((concept for concept, _ in self.labels if concept in table), None)

    @cached_property
    def plan(self) -> _Plan:
        """Choose task, topic, sentences and form; write the instruction."""
        used: set[str] = set()
        task = self._first(self.operations.tasks)
        operation = self.operations.tasks[task] if task else None
        if self.paradigm in self.operations.paradigms:
            paradigm = self.operations.paradigms[self.paradigm]
            operation = operation if operation and task and self._fits_several(task) else paradigm
        if operation is None:
            raise CannotWriteError("no task among the labels can be done by extraction")
        if task and operation is self.operations.tasks[task]:
            used.add(task)
        form = self._form(used)
        conditions, bounds = self._conditions(used, form)
        topic = self._topic()
        count = self._count(bounds)
        chosen = [self._pick(graph, operation, topic, count) for graph in self.graphs]
        fixed = next((condition for condition in conditions if condition.fixed), None)
        layout: Layout = form.layout if form else "prose"
        words = self._words(conditions)
        chosen, count = self._trim(chosen, words, count, layout, exact=fixed is not None)
        if operation.order == "document" or (form and form.order == "document"):
            chosen = [sorted(group, key=lambda sentence: sentence.start) for group in chosen]
        request = self._request(operation, form, conditions, topic, count * len(self.graphs), words, used)
        left_out = tuple(name for concept, name in self.labels if concept not in used)
        return _Plan(request, left_out, tuple(tuple(group) for group in chosen), tuple(self.titles), layout)

    def _fits_several(self, task: str) -> bool:
        return task in {"task/compare-documents", "task/find-contradictions", "task/combine-several-sources", "task/build-a-timeline"}

    def _form(self, used: set[str]) -> _Form | None:
        found = self._first(self.operations.formats)
        if found:
            used.add(found)
        return self.operations.formats[found] if found else None

    def _conditions(self, used: set[str], form: _Form | None) -> tuple[list[_Condition], tuple[int, int] | None]:
        """The conditions that can be met together, and how many sentences per document they and the form allow.

        One that contradicts the form or an earlier one ('in one sentence', 'be thorough') is left out.
        """
        found: list[_Condition] = []
        bounds = form.count if form else None
        for concept, _ in self.labels:
            if concept not in self.operations.constraints:
                continue
            condition = self.operations.constraints[concept]
            more = condition.count or condition.fixed
            both = (max(bounds[0], more[0]), min(bounds[1], more[1])) if bounds and more else bounds or more
            if both and both[0] > both[1]:
                continue
            bounds = both
            used.add(concept)
            found.append(condition)
        return found, bounds

    def _topic(self) -> str:
        """A subject all documents speak of, as far as there is one; drawn from the most frequent."""
        first, rest = self.graphs[0], self.graphs[1:]
        options = [topic for topic in first.topics if all(graph.mentioning(topic) for graph in rest)][:12]
        if rest and len(options) < 3:
            options += [word for word in first.subjects if all(graph.mentioning(word) for graph in rest)][:6]
        if not options:
            raise CannotWriteError("the documents share no subject" if rest else "the document has no subject that recurs")
        return self.choice.of(options)

    def _count(self, bounds: tuple[int, int] | None) -> int:
        """Sentences per document."""
        low, high = bounds or ((3, 7) if len(self.graphs) == 1 else (2, 4))
        return max(1, self.choice.number(low, high) if len(self.graphs) == 1 else self.choice.number(min(low, 2), min(high, 4)))

    def _pick(self, graph: SentenceGraph, operation: _Operation, topic: str, count: int) -> list[Sentence]:
        everything = graph.sentences
        if operation.pick == "topic":
            pool = graph.about(topic)
        elif operation.pick == "cue":
            patterns = [re.compile(cue) for cue in operation.cues]
            pool = [sentence for sentence in everything if any(pattern.search(sentence.text) for pattern in patterns)]
        elif operation.pick == "opening":
            pool = self._leaders(everything, count)
        else:
            pool = list(everything)
        chosen = graph.choose(pool, count)
        if not chosen:
            raise CannotWriteError(f"nothing in the document answers a task of the kind {operation.pick!r}")
        return chosen

    @staticmethod
    def _leaders(everything: Sequence[Sentence], count: int) -> list[Sentence]:
        """The most central sentence of each of ``count`` equal parts."""
        size = max(1, -(-len(everything) // max(count, 1)))
        parts = [everything[start : start + size] for start in range(0, len(everything), size)]
        return [max(part, key=lambda sentence: (sentence.rank, -sentence.index)) for part in parts]

    def _words(self, conditions: Sequence[_Condition]) -> int:
        bounds = next((condition.words for condition in conditions if condition.words), None)
        return -(-_Choice("words", self.titles, [concept for concept, _ in self.labels]).number(*bounds) // 10) * 10 if bounds else 0

    def _trim(self, chosen: list[list[Sentence]], limit: int, count: int, layout: Layout, exact: bool) -> tuple[list[list[Sentence]], int]:
        """Keep the word limit by dropping the least central sentences; make a fixed number of items equal for all documents."""

        def words() -> int:
            plan = _Plan("", (), tuple(tuple(group) for group in chosen), tuple(self.titles), layout)
            return len(re.findall(r"\w+", plan.answer()))  # titles, numbers and keys count, as they would for a reader

        while limit and words() > limit:
            group = max(chosen, key=len)
            if len(group) == 1:
                raise CannotWriteError("the shortest possible answer is over the word limit")
            group.remove(min(group, key=lambda sentence: (sentence.rank, -sentence.index)))
        if exact:
            count = min(len(group) for group in chosen)
            chosen = [
                sorted(sorted(group, key=lambda sentence: (-sentence.rank, sentence.index))[:count], key=lambda sentence: sentence.index)
                for group in chosen
            ]
        return chosen, count

    def _what(self) -> str:
        """The material as a user would name it."""
        if len(self.graphs) == 1:
            title = self.titles[0]
            return self.choice.of([f"the {self.kind} “{title}”", f"the attached {self.kind}", f"“{title}”", f"the {self.kind} I uploaded"])
        number = {2: "two", 3: "three", 4: "four"}.get(len(self.graphs), str(len(self.graphs)))
        quoted = [f"“{title}”" for title in self.titles]
        listed = f"{', '.join(quoted[:-1])} and {quoted[-1]}"
        plural = f"the {number} attached {_plural(self.kind)}"
        return self.choice.of([listed, f"{plural} ({listed})", plural])

    def _request(
        self,
        operation: _Operation,
        form: _Form | None,
        conditions: Sequence[_Condition],
        topic: str,
        count: int,
        words: int,
        used: set[str],
    ) -> str:
        ask = self.choice.of(operation.ask).format(what=self._what(), topic=topic)
        shape = self.choice.of(form.ask) if form else ""
        question = ask.startswith(("What", "Which", "Who", "When", "Why", "Where", "How", "In what"))
        first = f"{ask}?" if question else f"{ask}{',' if shape and ':' in ask else ''}{' ' + shape if shape else ''}."
        parts = [first]
        if question and shape:
            parts.append(f"Answer {shape}." if not shape.startswith("with") else f"Reply {shape}.")
        unit = "items" if form and form.layout != "prose" else "sentences"
        parts += [self.choice.of(condition.ask).format(words=words, count=count, unit=unit) for condition in conditions]
        profile = self._first(self.operations.profiles)
        if profile:
            used.add(profile)
            aside = self.choice.of(self.operations.profiles[profile])
            parts.insert(0 if self.choice.number(0, 1) else len(parts), aside)
        request = " ".join(parts)
        style = self._first(self.operations.styles)
        if style:
            used.add(style)
            wrapped = self.choice.of(self.operations.styles[style])
            lowered = (
                request[0].lower() + request[1:] if wrapped.startswith(("hey,", "Please:")) and not request.startswith("I") else request
            )
            request = wrapped.format(request=lowered)
        return request


def _plural(kind: str) -> str:
    """Plural of a document type's name, its head noun last or before 'or'."""
    head = kind.split(" or ")[0]
    if head.endswith(("s", "x", "ch", "sh")):
        return f"{head}es"
    return f"{head[:-1]}ies" if head.endswith("y") and head[-2:-1] not in "aeiou" else f"{head}s"


def _documents(variables: Mapping[str, Json]) -> list[dict[str, str]]:
    found = variables["documents"]
    assert isinstance(found, list)
    # A title on several lines would break tables and instructions.
    return [{"title": " ".join(str(one["title"]).split()), "text": str(one["text"])} for one in found if isinstance(one, dict)]
