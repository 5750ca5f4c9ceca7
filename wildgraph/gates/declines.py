"""A question without an answer is declined, and one with an answer is not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.gates.figures import reads
from wildgraph.gates.numbers import numbers
from wildgraph.gates.reading import asked, containment, reading
from wildgraph.gates.verdicts import failed, passed
from wildgraph.quotes import plain, quotations
from wildgraph.records import Message, Pair, Verdict
from wildgraph.text import sentences

_ASKS_WHETHER = re.compile(
    r"(?:^|[.!?:;,\n]\s*|\b(?:and|or|but)\s+)(?:is|are|was|were|does|do|did|has|have|had|can|could|will|would|should|must|ist|sind|hat|gibt|kann|est-ce|y a-t-il|hay|есть ли)\b"
    r"|\b(?:whether|if|any|anything|ob|si)\b|\bли\b|吗|是否|か[。？?]",
    re.IGNORECASE,
)
_MARKS = str.maketrans({"’": "'", "ʼ": "'"})
_SENTENCE = re.compile(r"[^.!?。！？\n]+")
_LEAST, _STEM = 4, 5
_THEIRS = 0.5


@dataclass(frozen=True)
class _Patterns:
    declines: re.Pattern[str]
    anyway: re.Pattern[str]
    vague: frozenset[str]


@cache
def _patterns() -> _Patterns:
    table = json.loads(files("wildgraph.gates").joinpath("declines.json").read_text(encoding="utf-8"))

    def joined(part: str) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{pattern})" for patterns in table[part].values() for pattern in patterns), re.IGNORECASE)

    return _Patterns(joined("declines"), joined("answers_anyway"), frozenset(table["vague"].split()))


class DeclinesGate(BaseModel):
    """Where the documents have no answer, the assistant says so, says what is missing, and then gives none. Elsewhere no assistant says only that. [ours].

    Patterns are in ``declines.json``, by language. The question asked last is the one without an answer. Elsewhere a question whether
    something is so may well be answered with 'the document does not say'.

    Attributes:
        without_answer: paradigms whose question has no answer in the documents.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "declines"

    without_answer: tuple[str, ...] = ("unanswerable",)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``not_declined``, ``vague_refusal`` or ``answered_anyway`` where there is no answer, else with ``declined``."""
        question = next((turn.content for turn in reversed(pair.turns) if turn.role == "user"), "")
        if pair.paradigm in self.without_answer:
            return self._declined_well(pair, question, texts)
        said = [turn for turn in pair.turns if turn.role == "assistant"]
        if said and all(map(_only_declines, said)) and not _ASKS_WHETHER.search(question):
            return failed(self.name, "declined", f"the answer is only that there is none: {pair.response}")
        return passed(self.name)

    def _declined_well(self, pair: Pair, question: str, texts: Mapping[str, str]) -> Verdict:
        response = pair.response.translate(_MARKS)
        parts = [response[span.start : span.end] for span in sentences(response)]
        declining = [part for part in parts if _patterns().declines.search(part)]
        if not declining:
            return failed(self.name, "not_declined", pair.response)
        if missing := _stems(question):
            named = set().union(*map(_stems, declining))
            if not missing & named:
                return failed(self.name, "vague_refusal", f"nothing of what was asked is named: {' '.join(declining)}")
        own = response
        for quote in quotations(response, 1):
            own = own.replace(quote, " ")  # what a document supposes is not the assistant's guess
        if found := next((part.group() for part in _SENTENCE.finditer(own) if _patterns().anyway.search(part.group())), ""):
            return failed(self.name, "answered_anyway", found)
        for part in _SENTENCE.finditer(own):
            if not _patterns().declines.search(part.group()) and (figure := self._new_figure(part.group(), pair, texts)):
                return failed(self.name, "answered_anyway", f"{figure} in: {part.group()}")
        told = plain("\n".join(turn.content for turn in pair.turns if turn.role != "assistant"))
        # What was taken out of the document stands in the pair that has it still; a word like 'yes' says nothing by itself.
        taken = pair.twin.answer if pair.twin is not None and len(plain(pair.twin.answer or "")) > 3 else None
        for answer in filter(None, (pair.answer, taken)):
            bare = plain(answer)
            if (
                bare
                and not _patterns().declines.search(answer)
                and f" {bare} " in f" {plain(response)} "
                and f" {bare} " not in f" {told} "
            ):
                return failed(self.name, "answered_anyway", f"it says {answer}")
        return passed(self.name, declining[0])

    @staticmethod
    def _new_figure(sentence: str, pair: Pair, texts: Mapping[str, str]) -> str:
        """A figure of the assistant's own: in a sentence that no document has, near no words that a document has near it, and not in the instruction."""
        told = reading(asked(pair)).numbers
        documents = [reading(text) for text in texts.values()]
        for number in numbers(sentence):
            theirs = any(value in told for value in number.values) or reads(number, sentence, documents, _THEIRS)
            if not theirs and not any(containment(sentence, text) >= _THEIRS for text in texts.values()):
                return number.text
        return ""


def _only_declines(turn: Message) -> bool:
    parts = [turn.content[span.start : span.end] for span in sentences(turn.content.translate(_MARKS))]
    return bool(parts) and not turn.evidence and all(_patterns().declines.search(part) for part in parts)


def _stems(text: str) -> set[str]:
    """Beginnings of the words that say what a text is about; single characters of scripts without spaces."""
    words = {word for word in plain(text).split() if word not in _patterns().vague}
    wide = {char for word in words if not word.isascii() for char in word if "\u3040" <= char <= "\u9fff"}
    return {word[:_STEM] for word in words if len(word) >= _LEAST or any(map(str.isdigit, word))} | wide
