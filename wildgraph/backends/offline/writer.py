"""Answers to the prompts of the adapting stage: what the offline engine writes without a model.

Everything an answer says is a sentence of a document, verbatim, or computed from them in plain sight; what the labels ask for and a program
cannot do is left out of the instruction and named in ``left_out``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from wildgraph.backends.offline.dialogues import Converser
from wildgraph.backends.offline.extraction import SentenceGraph
from wildgraph.backends.offline.extracts import Extractor
from wildgraph.backends.offline.material import Material, documents_of, flat
from wildgraph.backends.offline.questions import Questioner, fill
from wildgraph.backends.offline.reasonings import Reasoner
from wildgraph.backends.offline.repertoire import CannotWriteError, Choice, load_operations
from wildgraph.backends.offline.sources import Chooser, Chronicler
from wildgraph.records import Json

_WORD = re.compile(r"\w{4,}")


class OfflineWriter:
    """Writes instructions, questions, conversations, answers and citations from the variables of the adapting prompts."""

    def __init__(self) -> None:
        self.operations, self.fingerprint = load_operations()
        self._graphs = lru_cache(maxsize=64)(SentenceGraph)

    def instruct(self, variables: Mapping[str, Json]) -> dict[str, Json]:
        """An answer of the instruct prompt.

        Raises:
            CannotWriteError: no label asks for what a program can do with these documents.
        """
        instruction, _, left_out = self._task(variables)
        return {"instruction": instruction, "left_out": list(left_out)}

    def answer(self, variables: Mapping[str, Json]) -> str:
        """An answer of the answer prompt."""
        if variables["paradigm"] == "verifiable":
            return self._questioner(variables).plan.question.reply
        return self._task(variables)[1]

    def reason(self, variables: Mapping[str, Json]) -> str:
        """An answer of the reason prompt."""
        return self._task(variables)[1]

    def cite(self, variables: Mapping[str, Json]) -> dict[str, Json]:
        """An answer of the cite prompt: the sentences of the documents that stand in the answer."""
        evidence: list[Json] = [
            {"document": number, "quote": quote} for number, quote in self._standing(str(variables["answer"]), variables)
        ]
        return {"evidence": evidence}

    def question(self, variables: Mapping[str, Json]) -> dict[str, Json]:
        """An answer of the question prompt."""
        return self._questioner(variables).plan.row()

    def turns(self, variables: Mapping[str, Json]) -> dict[str, Json]:
        """An answer of the turns prompt."""
        plan = Converser(self._material(variables)).plan
        return {"turns": list(plan.turns), "left_out": list(plan.left_out)}

    def reply(self, variables: Mapping[str, Json]) -> str:
        """An answer of the reply prompt."""
        whole = variables["exchanges"]
        assert isinstance(whole, list)
        return Converser(self._material(variables)).plan.replies[len(whole)]

    def cite_turns(self, variables: Mapping[str, Json]) -> dict[str, Json]:
        """An answer of the cite prompt of conversations."""
        whole = variables["exchanges"]
        assert isinstance(whole, list)
        evidence: list[Json] = [
            {"document": number, "quote": quote, "turn": turn}
            for turn, exchange in enumerate(whole, 1)
            if isinstance(exchange, dict)
            for number, quote in self._standing(str(exchange["assistant"]), variables)
        ]
        return {"evidence": evidence}

    def decline(self, variables: Mapping[str, Json]) -> str:
        """An answer of the decline prompt: that the document does not say it, and the sentence that comes nearest."""
        choice = Choice("decline", variables["variant"], variables["instruction"])
        (document,) = documents_of(variables)
        asked = {word.casefold() for word in _WORD.findall(str(variables["instruction"]))}
        title = {word.casefold() for word in _WORD.findall(document["title"])}
        near = max(
            self._graphs(document["text"]).sentences,
            key=lambda sentence: (len({word.casefold() for word in _WORD.findall(sentence.text)} & asked - title), sentence.rank),
            default=None,
        )
        wordings = self.operations.wordings
        added = fill(choice.of(wordings["near"]), sentence=flat(near.text)) if near else ""
        return fill(choice.of(wordings["decline"]), title=document["title"], kind=str(variables["document_type"]), near=added)

    def _material(self, variables: Mapping[str, Json]) -> Material:
        return Material(self.operations, self._graphs, variables)

    def _questioner(self, variables: Mapping[str, Json]) -> Questioner:
        kinds = variables.get("kinds") or ["text", "number", "choice", "list", "ordering", "free"]
        assert isinstance(kinds, list)
        return Questioner(self._material(variables), [str(kind) for kind in kinds])

    def _task(self, variables: Mapping[str, Json]) -> tuple[str, str, tuple[str, ...]]:
        """Instruction, answer and labels left out, by paradigm."""
        paradigm = str(variables["paradigm"])
        material = self._material(variables)
        match paradigm:
            case "reasoning":
                reasoned = Reasoner(material).plan
                return reasoned.instruction, reasoned.answer, reasoned.left_out
            case "choose_document":
                chosen = Chooser(material).plan
                return chosen.instruction, chosen.answer, chosen.left_out
            case "timeline":
                events = Chronicler(material).plan
                return events.instruction, events.answer, events.left_out
            case "single_document" | "comparison" | "aggregation":
                extract = Extractor(material).plan
                return extract.instruction, extract.answer(), extract.left_out
        raise CannotWriteError(f"only a model can write a task of the paradigm {paradigm!r}")

    def _standing(self, answer: str, variables: Mapping[str, Json]) -> Iterable[tuple[int, str]]:
        """The sentences of the documents that stand in an answer, with their document's number."""
        said = " ".join(answer.split())
        # JSON and table answers escape some characters; what was escaped is undone before sentences are looked for.
        plain = {said, said.replace("\\|", "|"), said.replace('\\"', '"').replace("\\\\", "\\")}
        for number, document in enumerate(documents_of(variables), 1):
            for sentence in self._graphs(document["text"]).sentences:
                if any(flat(sentence.text) in text for text in plain):
                    yield number, sentence.text
