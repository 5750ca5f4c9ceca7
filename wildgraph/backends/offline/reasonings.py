"""Answers in steps: what follows from several places of a document, computed and shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from wildgraph.backends.offline.extraction import Sentence
from wildgraph.backends.offline.material import Material, flat
from wildgraph.backends.offline.questions import PERCENTAGE, fill
from wildgraph.backends.offline.repertoire import CannotWriteError
from wildgraph.text import YEAR

#: Shown places lie at least this far apart, as a share of the document.
_APART = 0.1


@dataclass(frozen=True)
class ReasoningPlan:
    """A question, its answer in steps, and the sentences that the steps quote."""

    instruction: str
    answer: str
    evidence: tuple[str, ...]
    left_out: tuple[str, ...]


class Reasoner:
    """Finds something to work out in one document."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.choice = material.choice
        self.graph, self.text = material.graphs[0], material.texts[0]

    @cached_property
    def plan(self) -> ReasoningPlan:
        """The first form, in a seeded order, that this document allows.

        Raises:
            CannotWriteError: it allows none.
        """
        forms = {"span": self._span, "difference": self._difference, "earlier": self._earlier}
        order = ["span", "difference", "earlier"]
        while order:
            name = self.choice.of(order)
            order.remove(name)
            found = forms[name]()
            if found:
                ask, steps, final, quoted = found
                used: set[str] = set()
                instruction = self.material.dressed([ask], used)
                lines = [f"{number}. {step}" for number, step in enumerate(steps, 1)]
                answer = "\n".join([*lines, f"Answer: {final}"])
                return ReasoningPlan(instruction, answer, tuple(sentence.text for sentence in quoted), self.material.left_out(used))
        raise CannotWriteError("the document has nothing that follows from places far apart")

    def _ask(self, wording: str, **words: str) -> str:
        return fill(self.choice.of(self.material.operations.wordings[wording]), what=self.material.what(), **words)

    def _apart(self, sentences: Sequence[Sentence]) -> bool:
        starts = sorted(sentence.start for sentence in sentences)
        return len(starts) > 1 and starts[-1] - starts[0] >= _APART * len(self.text)

    def _span(self) -> tuple[str, list[str], str, list[Sentence]] | None:
        """Years between the earliest and the latest that are named together with a subject."""
        for topic in self.graph.topics[:20]:
            dated = [
                (int(match.group(1)), sentence)
                for sentence in self.graph.sentences
                if topic.casefold() in sentence.text.casefold() and _quotable(sentence)
                for match in YEAR.finditer(sentence.text)
            ]
            if len({year for year, _ in dated}) < 3 or _more_mentions(topic, self.text, self.graph.sentences):
                continue
            (first, opening), (last, closing) = min(dated, key=lambda one: one[0]), max(dated, key=lambda one: one[0])
            others = [sentence for year, sentence in dated if first < year < last and sentence.index not in (opening.index, closing.index)]
            shown = [*others[:2], opening, closing]
            if opening.index == closing.index or not self._apart(shown):
                continue
            steps = [f"It says: “{flat(sentence.text)}”" for sentence in others[:2]]
            steps += [f"The earliest year is {first}: “{flat(opening.text)}”", f"The latest year is {last}: “{flat(closing.text)}”"]
            steps.append(f"{last} − {first} = {last - first}, from steps {len(steps) - 1} and {len(steps)}.")
            return self._ask("span", topic=topic), steps, f"{last - first} years", shown
        return None

    def _difference(self) -> tuple[str, list[str], str, list[Sentence]] | None:
        """Percentage points between the largest and the smallest percentage."""
        everywhere = {match.group(1) for match in PERCENTAGE.finditer(self.text)}
        found = [
            (Decimal(match.group(1)), sentence)
            for sentence in self.graph.sentences
            if _quotable(sentence)
            for match in PERCENTAGE.finditer(sentence.text)
        ]
        if len({figure for figure, _ in found}) < 3 or {str(figure) for figure, _ in found} != everywhere:
            return None  # one that is in a table, or in no whole sentence, would be overlooked
        (least, low), (most, high) = min(found, key=lambda one: one[0]), max(found, key=lambda one: one[0])
        if low.index == high.index or not self._apart([low, high]):
            return None
        steps = [f"The largest percentage is {most}%: “{flat(high.text)}”", f"The smallest is {least}%: “{flat(low.text)}”"]
        steps.append(f"{most} − {least} = {most - least}, from steps 1 and 2.")
        return self._ask("difference"), steps, f"{most - least} percentage points", [high, low]

    def _earlier(self) -> tuple[str, list[str], str, list[Sentence]] | None:
        """Which of three names comes up first."""
        places = {name: sentence for name, sentence in self.graph.first_mentions.items() if _quotable(sentence)}
        names = list(places)
        names = [name for name in names if not any(name != other and name in other for other in names)]
        third = len(names) // 3
        if not third:
            return None
        chosen = [names[number * third + self.choice.number(0, third - 1)] for number in range(3)]
        if len({places[name].index for name in chosen}) < 3 or not self._apart([places[name] for name in chosen]):
            return None
        options = sorted(chosen)
        steps = [f"{name} first comes up here: “{flat(places[name].text)}”" for name in options]
        later = " and ".join(name for name in chosen[1:])
        steps.append(f"That passage on {chosen[0]} stands before those on {later}.")
        listed = f"{', '.join(options[:-1])} and {options[-1]}"
        return self._ask("earlier", options=listed), steps, chosen[0], [places[name] for name in options]


def _quotable(sentence: Sentence) -> bool:
    """Whether a sentence can stand between quotation marks as it is."""
    return not any(mark in sentence.text for mark in '“”"')


def _more_mentions(topic: str, text: str, sentences: Sequence[Sentence]) -> bool:
    """Whether a year stands near the topic in the text outside the sentences that are looked at."""
    known = [(sentence.start, sentence.end) for sentence in sentences]
    for match in re.finditer(re.escape(topic), text, re.IGNORECASE):
        if any(start <= match.start() < end for start, end in known):
            continue
        if YEAR.search(text[max(0, match.start() - 200) : match.end() + 200]):
            return True
    return False
