"""Tasks over several documents that are no plain extraction: the right one among others, and events in the order of time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from wildgraph.backends.offline.extraction import Sentence
from wildgraph.backends.offline.material import Material, flat, plural_of
from wildgraph.backends.offline.questions import fill
from wildgraph.backends.offline.repertoire import CannotWriteError
from wildgraph.text import YEAR


@dataclass(frozen=True)
class SourcesPlan:
    """An instruction and its answer."""

    instruction: str
    answer: str
    left_out: tuple[str, ...]


class Chooser:
    """Asks for what only one of several documents holds."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.choice = material.choice

    @cached_property
    def plan(self) -> SourcesPlan:
        """A name that the right document mentions at least twice and the others never.

        Raises:
            CannotWriteError: there is no such name.
        """
        (right,) = self.material.required
        others = [text.casefold() for place, text in enumerate(self.material.texts) if place != right]
        graph, title = self.material.graphs[right], self.material.titles[right]
        only = [
            topic
            for topic in graph.topics
            if not any(topic.casefold() in text for text in others)
            and topic.casefold() not in title.casefold()
            and len(graph.mentioning(topic)) > 1
        ]
        if not only:
            raise CannotWriteError("the right document has no subject that the others lack")
        topic = self.choice.of(only[:12])
        chosen = graph.choose(graph.mentioning(topic), self.choice.number(2, 4))
        used: set[str] = set()
        kinds = plural_of(self.material.kind)
        ask = fill(self.choice.of(self.material.operations.wordings["choosing"]), kind=kinds, topic=topic)
        body = " ".join(flat(sentence.text) for sentence in chosen)
        return SourcesPlan(self.material.dressed([ask], used), f"“{title}”: {body}", self.material.left_out(used))


class Chronicler:
    """Puts dated events of several documents into one order."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.choice = material.choice

    @cached_property
    def plan(self) -> SourcesPlan:
        """The most central dated sentences of each document, by their first year.

        Raises:
            CannotWriteError: a document has none of them.
        """
        dated = [[sentence for sentence in graph.sentences if YEAR.search(sentence.text)] for graph in self.material.graphs]
        fewest = min(map(len, dated))
        if not fewest:
            raise CannotWriteError("one of the documents has no dated event")
        count = self.choice.number(min(2, fewest), min(4, fewest))
        chosen = [graph.choose(found, count) for graph, found in zip(self.material.graphs, dated, strict=True)]
        if min(map(len, chosen)) < count:
            raise CannotWriteError("the dated events of one of the documents repeat each other")
        events = sorted((_year(sentence), place, sentence.start, sentence.text) for place, group in enumerate(chosen) for sentence in group)
        lines = [f"{year} ({self.material.titles[place]}): {flat(text)}" for year, place, _, text in events]
        used: set[str] = {concept for concept, _ in self.material.labels if concept in ("task/build-a-timeline", "output_format/timeline")}
        number = {1: "one dated event", 2: "two dated events", 3: "three dated events", 4: "four dated events"}[count]
        ask = fill(self.choice.of(self.material.operations.wordings["timeline"]), what=self.material.what(), count=number)
        return SourcesPlan(self.material.dressed([ask], used), "\n".join(lines), self.material.left_out(used))


def _year(sentence: Sentence) -> int:
    found = YEAR.search(sentence.text)
    assert found is not None
    return int(found.group(1))
