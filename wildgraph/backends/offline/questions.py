"""Questions whose answers a program found, so that a program can check them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from wildgraph.backends.offline.extraction import PROPER, Sentence
from wildgraph.backends.offline.extracts import Extractor
from wildgraph.backends.offline.material import Material, flat
from wildgraph.backends.offline.repertoire import CannotWriteError
from wildgraph.records import Json
from wildgraph.text import YEAR

_FIGURE = re.compile(r"(?<![\w.,$€£-])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w%])|(?<![\w.,$€£-])\d+(?:\.\d+)?(?![\w%,.]*\d)(?![\w%])")
PERCENTAGE = re.compile(r"(?<![\w.,-])(\d{1,3}(?:\.\d+)?)[ \u00a0]?(?:%|per ?cent\b)")
_GAP = "____"
_LETTERS = "ABCDE"
_CONSTRAINED = 3
_LEAST_ITEMS, _MOST_ITEMS = 3, 12


@dataclass(frozen=True)
class Question:
    """A question and its one answer.

    Attributes:
        ask: the question, with what it lists. kind, answer, options, accept: as :class:`wildgraph.paradigms.verifiable.Question` has them.
        reply: the answer as it was asked for. evidence: sentences that settle it, at most six.
    """

    ask: str
    kind: str
    answer: tuple[str, ...]
    reply: str
    evidence: tuple[str, ...]
    options: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    limits: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class QuestionPlan:
    """A question in the manner of the labels."""

    question: Question
    instruction: str
    left_out: tuple[str, ...]

    def row(self) -> dict[str, Json]:
        """An answer of the question prompt."""
        return {
            "instruction": self.instruction,
            "kind": self.question.kind,
            "answer": list(self.question.answer),
            "accept": list(self.question.accept),
            "options": list(self.question.options),
            "limits": self.question.limits,
            "evidence": [{"document": 1, "quote": text} for text in self.question.evidence],
            "left_out": list(self.left_out),
        }


class Questioner:
    """Finds a question of one of the kinds that are asked for.

    Args:
        material: of one document.
        kinds: of answers, as the prompt names them.
    """

    def __init__(self, material: Material, kinds: Sequence[str]) -> None:
        self.material = material
        self.choice = material.choice
        self.kinds = kinds
        self.graph, self.text = material.graphs[0], material.texts[0]

    @cached_property
    def plan(self) -> QuestionPlan:
        """The first form, in a seeded order, that this document allows.

        Raises:
            CannotWriteError: it allows none.
        """
        forms: dict[str, tuple[str, Callable[[], Question | None]]] = {
            "number": ("number", self._number),
            "text": ("text", self._name),
            "choice": ("choice", self._choice),
            "ordering": ("ordering", self._ordering),
            "count": ("number", self._count),
            "years": ("list", self._years),
            "percentages": ("list", self._percentages),
        }
        # What is counted is not stated anywhere, so that it cannot be taken out of a document either.
        open_to_all = "ordering" in self.kinds
        order = [name for name, (kind, _) in forms.items() if kind in self.kinds and (open_to_all or name != "count")]
        if "free" in self.kinds and (constrained := self._constrained()):
            return constrained
        while order:
            name = self.choice.of(order)
            order.remove(name)
            found = forms[name][1]()
            if found:
                used: set[str] = set()
                instruction = self.material.dressed([found.ask], used)
                return QuestionPlan(found, instruction, self.material.left_out(used))
        raise CannotWriteError("the document has no figure, name or order to ask for")

    def _constrained(self) -> QuestionPlan | None:
        """An extraction under limits that can be counted, where the labels ask for some; more seldom than they do, since other kinds teach more."""
        if self.choice.number(1, _CONSTRAINED) == 1:
            return None
        try:
            extract = Extractor(self.material).plan
        except CannotWriteError:
            return None
        if not extract.limits:
            return None
        evidence = tuple(sentence.text for group in extract.sentences for sentence in group)
        limits: dict[str, Json] = dict(extract.limits)
        question = Question(extract.instruction, "free", (), extract.answer(), evidence, limits=limits)
        return QuestionPlan(question, extract.instruction, extract.left_out)

    def _ask(self, wording: str, **words: str) -> str:
        return fill(self.choice.of(self.material.operations.wordings[wording]), what=self.material.what(), **words)

    def _shuffled(self, sentences: Sequence[Sentence]) -> list[Sentence]:
        pool, order = list(sentences), []
        while pool:
            order.append(pool.pop(self.choice.number(0, len(pool) - 1)))
        return order

    def _gapped(self, kind: str, wording: str, pattern: re.Pattern[str], fits: Callable[[str, re.Match[str]], bool]) -> Question | None:
        """A sentence with one figure or name taken out that stands nowhere else in the document."""
        for sentence in self._shuffled(self.graph.sentences):
            found = [match for match in pattern.finditer(sentence.text) if fits(sentence.text, match)]
            if not found:
                continue
            match = found[self.choice.number(0, len(found) - 1)]
            answer = match.group().strip("'’-")
            if _occurs(answer, self.text) != 1:
                continue
            gapped = flat(f"{sentence.text[: match.start()]}{_GAP}{sentence.text[match.start() + len(answer) :]}")
            ask = self._ask(wording, gapped=gapped)
            return Question(ask, kind, (answer,), answer, (sentence.text,))
        return None

    @staticmethod
    def _inside(text: str, match: re.Match[str]) -> bool:
        """Whether something stands before it in its sentence, bullets and numbers left out."""
        return not flat(text).startswith(match.group())

    def _number(self) -> Question | None:
        return self._gapped("number", "number", _FIGURE, lambda text, match: self._inside(text, match) and len(match.group()) > 1)

    def _name(self) -> Question | None:
        return self._gapped(
            "text", "text", PROPER, lambda text, match: self._inside(text, match) and self.graph.is_name(match.group(1).strip("'’-"))
        )

    def _choice(self) -> Question | None:
        """A sentence with a figure, among copies with figures from other sentences of the document."""
        figures = sorted({match.group() for sentence in self.graph.sentences for match in _FIGURE.finditer(sentence.text)})
        for sentence in self._shuffled(self.graph.sentences):
            match = _FIGURE.search(sentence.text)
            if match is None or match.start() == 0:
                continue
            near = sorted(
                (figure for figure in figures if figure != match.group()), key=lambda figure: (_unlike(figure, match.group()), figure)
            )
            if len(near) < _LEAST_ITEMS:
                return None
            versions = [flat(sentence.text)]
            while len(versions) < 4:
                other = near.pop(self.choice.number(0, min(4, len(near) - 1)))
                versions.append(flat(f"{sentence.text[: match.start()]}{other}{sentence.text[match.end() :]}"))
                if not near:
                    break
            if len(versions) < 4 or any(_occurs(version, " ".join(self.text.split())) for version in versions[1:]):
                continue
            right = self.choice.number(0, 3)
            order = [*versions[1 : right + 1], versions[0], *versions[right + 1 :]]
            ask = self._ask("choice", options=_lettered(order))
            return Question(ask, "choice", (versions[0],), _LETTERS[right], (sentence.text,), options=tuple(order))
        return None

    def _ordering(self) -> Question | None:
        """Sentences from different parts of the document, out of order."""
        everything = self.graph.sentences
        count = self.choice.number(4, 5)
        size = len(everything) // count
        if size < 2:
            return None
        parts = [everything[number * size : (number + 1) * size - 1] for number in range(count)]
        chosen = [part[self.choice.number(0, len(part) - 1)] for part in parts]
        shuffled = self._shuffled(chosen)
        if shuffled == chosen:
            shuffled.reverse()
        answer = tuple(_LETTERS[shuffled.index(sentence)] for sentence in chosen)
        ask = self._ask("ordering", options=_lettered([flat(sentence.text) for sentence in shuffled]))
        return Question(ask, "ordering", answer, ", ".join(answer), tuple(sentence.text for sentence in chosen))

    def _count(self) -> Question | None:
        """How often a name occurs, from three times on."""
        terms = [topic for topic in self.graph.topics if topic[0].isupper() and 3 <= _occurs(topic, self.text) <= 40]
        if not terms:
            return None
        term = self.choice.of(terms[:12])
        holding = [sentence.text for sentence in self.graph.sentences if term in sentence.text][:6]
        number = str(_occurs(term, self.text))
        return Question(self._ask("count", term=term), "number", (number,), number, tuple(holding))

    def _years(self) -> Question | None:
        """All years in a span of time."""
        years = sorted({match.group(1) for match in YEAR.finditer(self.text)})
        if len(years) < _LEAST_ITEMS:
            return None
        count = self.choice.number(_LEAST_ITEMS, min(8, len(years)))
        start = self.choice.number(0, len(years) - count)
        chosen = years[start : start + count]
        if int(chosen[-1]) - int(chosen[0]) + 1 < 2 * count:
            return None  # who names every year of the span would be right without having read a word
        ask = self._ask("years", first=chosen[0], last=chosen[-1])
        return Question(ask, "list", tuple(chosen), "\n".join(chosen), self._holding(YEAR, chosen))

    def _percentages(self) -> Question | None:
        """All percentages, where there are few."""
        found = Counter(match.group(1) for match in PERCENTAGE.finditer(self.text))
        if not _LEAST_ITEMS <= len(found) <= _MOST_ITEMS:
            return None
        chosen = [f"{figure}%" for figure in found]
        return Question(self._ask("percentages"), "list", tuple(chosen), "\n".join(chosen), self._holding(PERCENTAGE, list(found)))

    def _holding(self, pattern: re.Pattern[str], values: Sequence[str]) -> tuple[str, ...]:
        """For each value the first sentence that has it, six at most; from the text itself where it is in no whole sentence."""
        chosen: dict[str, None] = {}
        for value in values:
            for sentence in self.graph.sentences:
                if any(match.group(1) == value for match in pattern.finditer(sentence.text)):
                    chosen[sentence.text] = None
                    break
        return tuple(chosen)[:6]


def fill(wording: str, **words: str) -> str:
    """A wording with its words, none of which is read for braces of its own.

    Example:
        >>> fill("Is {what} right?", what="{this}")
        'Is {this} right?'
    """
    filled = re.sub(r"\{(\w+)\}", lambda match: words[match.group(1)], wording)
    return filled[:1].upper() + filled[1:] if wording.startswith("{what}") else filled


def _occurs(term: str, text: str) -> int:
    """How often a term stands in a text, word for word."""
    return len(re.findall(rf"(?<!\w){re.escape(term)}(?!\w)", text))


def _unlike(figure: str, other: str) -> tuple[int, float]:
    """How easily two figures are told apart: by their shape, then by their size."""
    first, second = (float(one.replace(",", "")) for one in (figure, other))
    return abs(len(figure) - len(other)), abs(first - second)


def _lettered(lines: Sequence[str]) -> str:
    return "\n".join(f"{letter}. {line}" for letter, line in zip(_LETTERS, lines, strict=False))
