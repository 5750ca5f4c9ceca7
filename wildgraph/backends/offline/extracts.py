"""Tasks whose answer is sentences of the documents, chosen and put into the form that was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from wildgraph.backends.offline.extraction import Sentence, SentenceGraph
from wildgraph.backends.offline.material import Material, flat
from wildgraph.backends.offline.repertoire import CannotWriteError, Choice, Condition, Form, Layout, Operation


@dataclass(frozen=True)
class Extract:
    """What will be asked and how it will be answered: made of labels, documents and variant alone, so that both prompts agree on it.

    Attributes:
        instruction: what the user asks. left_out: names of labels that it does not realise.
        sentences: those of the answer, document by document. titles: of the documents.
        layout: form of the answer. limits: what the instruction says of it that can be counted, as :class:`wildgraph.paradigms.verifiable.Limits` names it.
    """

    instruction: str
    left_out: tuple[str, ...]
    sentences: tuple[tuple[Sentence, ...], ...]
    titles: tuple[str, ...]
    layout: Layout
    limits: Mapping[str, int | bool]

    def answer(self) -> str:
        """The chosen sentences in the layout that was asked for."""
        several = len(self.sentences) > 1
        if self.layout == "json":
            rows = [
                {"source": title, "statement": flat(sentence.text)}
                for title, chosen in zip(self.titles, self.sentences, strict=True)
                for sentence in chosen
            ]
            return json.dumps(rows, ensure_ascii=False, indent=2)
        if self.layout == "table":
            head = "| Source | Statement |" if several else "| No. | Statement |"
            lines = [head, "| --- | --- |"]
            for title, chosen in zip(self.titles, self.sentences, strict=True):
                for number, sentence in enumerate(chosen, 1):
                    first = cell(title) if several else str(number)
                    lines.append(f"| {first} | {cell(flat(sentence.text))} |")
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
        texts = [flat(sentence.text) for sentence in chosen]
        if self.layout == "prose":
            return " ".join(texts)
        mark = {"bullets": "- ", "checklist": "- [ ] "}.get(self.layout)
        return "\n".join(f"{mark or f'{number}. '}{text}" for number, text in enumerate(texts, 1))


def cell(text: str) -> str:
    """Text for a cell of a table."""
    return text.replace("|", "\\|")


class Extractor:
    """Makes the plan for one set of variables."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.operations = material.operations
        self.choice = material.choice
        self.graphs, self.titles, self.labels = material.graphs, material.titles, material.labels
        self.paradigm = material.paradigm

    @cached_property
    def plan(self) -> Extract:
        """Choose task, topic, sentences and form; write the instruction."""
        used: set[str] = set()
        task = self.material.first(self.operations.tasks)
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
        limits: dict[str, int | bool] = {"most_words": words} if words else {}
        if fixed and layout == "bullets":
            limits["bullets"] = count * len(self.graphs)
        if layout == "json":
            limits["json_only"] = True
        return Extract(request, self.material.left_out(used), tuple(tuple(group) for group in chosen), tuple(self.titles), layout, limits)

    def _fits_several(self, task: str) -> bool:
        return task in {"task/compare-documents", "task/find-contradictions", "task/combine-several-sources", "task/build-a-timeline"}

    def _form(self, used: set[str]) -> Form | None:
        found = self.material.first(self.operations.formats)
        if found:
            used.add(found)
        return self.operations.formats[found] if found else None

    def _conditions(self, used: set[str], form: Form | None) -> tuple[list[Condition], tuple[int, int] | None]:
        """The conditions that can be met together, and how many sentences per document they and the form allow.

        One that contradicts the form or an earlier one ('in one sentence', 'be thorough') is left out.
        """
        found: list[Condition] = []
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

    def _pick(self, graph: SentenceGraph, operation: Operation, topic: str, count: int) -> list[Sentence]:
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

    def _words(self, conditions: Sequence[Condition]) -> int:
        bounds = next((condition.words for condition in conditions if condition.words), None)
        return -(-Choice("words", self.titles, [concept for concept, _ in self.labels]).number(*bounds) // 10) * 10 if bounds else 0

    def _trim(self, chosen: list[list[Sentence]], limit: int, count: int, layout: Layout, exact: bool) -> tuple[list[list[Sentence]], int]:
        """Keep the word limit by dropping the least central sentences; make a fixed number of items equal for all documents."""

        def words() -> int:
            plan = Extract("", (), tuple(tuple(group) for group in chosen), tuple(self.titles), layout, {})
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

    def _request(
        self,
        operation: Operation,
        form: Form | None,
        conditions: Sequence[Condition],
        topic: str,
        count: int,
        words: int,
        used: set[str],
    ) -> str:
        ask = self.choice.of(operation.ask).format(what=self.material.what(), topic=topic)
        shape = self.choice.of(form.ask) if form else ""
        question = ask.startswith(("What", "Which", "Who", "When", "Why", "Where", "How", "In what"))
        first = f"{ask}?" if question else f"{ask}{',' if shape and ':' in ask else ''}{' ' + shape if shape else ''}."
        parts = [first]
        if question and shape:
            parts.append(f"Answer {shape}." if not shape.startswith("with") else f"Reply {shape}.")
        unit = "items" if form and form.layout != "prose" else "sentences"
        parts += [self.choice.of(condition.ask).format(words=words, count=count, unit=unit) for condition in conditions]
        return self.material.dressed(parts, used)
