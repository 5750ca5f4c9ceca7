"""Lift values with a chat model: draft a catalogue over batches, refine it, name it (after TnT-LLM, arXiv 2403.12173; the prompts are ours).

A batch of phrases is sorted into the concepts so far and new ones; after the last batch the whole catalogue of a field is given its final
form: concepts are joined, single phrases moved or set apart, and each concept gets a more general heading. A field is read so several times
over, each time in another order, and what most readings put together stays together (:mod:`wildgraph.lifters.consensus`). A reading takes
about eight calls per thousand values. Of very many values only the best supported are shown to the model; the rest joins the groups it is
most like.

Phrases are ordered by their words alone, so that alike ones meet in one batch and the same values make the same prompts everywhere. Readings
of mixed batches were tried and are worse: what is never seen side by side is put under two names.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, field_validator

from wildgraph.errors import ModelError
from wildgraph.fields import DOCUMENT_TYPE, OUTPUT_FORMAT, TASK, MetaField
from wildgraph.labels import clean_label
from wildgraph.lifters import Group, SeenValue
from wildgraph.lifters.by_likeness import LikenessLifter
from wildgraph.lifters.consensus import agreed
from wildgraph.lifters.likeness import head
from wildgraph.llm import ChatModel, ChatRequest, Decoding, Prompt, load_template
from wildgraph.records import Json, content_hash

SORT, REFINE = "lifters/sort", "lifters/refine"
_LARGE = 8
#: Fields whose phrases are shown alone. What a query is about helps with the others; of a form it takes the eye off the form (docs/explanation/method.md).
_ALONE = frozenset((DOCUMENT_TYPE, OUTPUT_FORMAT))


class ModelLifterConfig(BaseModel):
    """How a model lifts. All constants are ours.

    Attributes:
        batch: phrases per sorting call.
        shown: distinct values per field shown to the model, those of most users first; the rest joins by likeness.
        readings: how often a field is read, each time in another order; one is a third of the price of three and less sure.
        agreement: the share of readings that put phrases of one group together, on average over its phrases.
        per_concept: about how many phrases the model is told share a concept: smaller for a finer catalogue. By default it is told nothing:
            readers who were told a number made concepts to get there.
        examples: phrases shown with each concept while it grows.
        reviewed: phrases shown with each concept, by their numbers, when the catalogue gets its final form: those that can still move.
        large: a concept that holds more than one in this many phrases, and more than eight, is looked at twice for what can be divided.
        rounds: how often phrases that an answer left out are asked about again.
        decoding: decoding parameters; greedy.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: int = Field(default=200, ge=10)
    shown: int = Field(default=3000, ge=10)
    readings: int = Field(default=3, ge=1, le=9)
    agreement: float = Field(default=0.66, gt=0.0, le=1.0)
    per_concept: int | None = Field(default=None, ge=2)
    examples: int = Field(default=4, ge=1)
    reviewed: int = Field(default=40, ge=1)
    large: int = Field(default=25, ge=1)
    rounds: int = Field(default=2, ge=0)
    decoding: Decoding = Decoding(temperature=0.0, max_tokens=8000)


def _numbers(found: object) -> object:
    """Numbers as models write them: 3, '3', 'C3'."""
    if not isinstance(found, list):
        found = [found]
    return [int(digits.group()) for one in found if (digits := re.search(r"\d+", str(one)))]


class _Sorted(BaseModel):
    concept: str
    phrases: list[int]

    _read = field_validator("phrases", mode="before")(_numbers)

    @field_validator("concept", mode="before")
    @classmethod
    def _text(cls, concept: object) -> object:
        return f"C{concept}" if isinstance(concept, int) else concept


class Sorting(BaseModel):
    """A batch's answer: numbers of phrases under a concept's number or a new name."""

    groups: list[_Sorted]


def _places(found: object) -> object:
    """Places of phrases as models write them: '3.2', 'C3.2', '3.2 tell a joke'. A number is none: as such, 3.1 and 3.10 are the same."""
    if not isinstance(found, list):
        found = [found]
    return [place.group() for one in found if isinstance(one, str) and (place := re.search(r"\d+\.\d+", one))]


class _Final(BaseModel):
    name: str
    heading: str = ""
    numbers: list[int] = []
    moved: list[str] = []

    _read = field_validator("numbers", mode="before")(_numbers)
    _read_moved = field_validator("moved", mode="before")(_places)


class Refining(BaseModel):
    """The final catalogue of a field, as numbers of the drafted concepts, and places of phrases that leave theirs."""

    concepts: list[_Final]


@dataclass
class _Draft:
    """A field's catalogue while it grows, in one reading."""

    field: MetaField
    reading: int
    todo: list[list[SeenValue]]
    concepts: dict[str, list[SeenValue]] = dataclasses.field(default_factory=dict)
    left: list[SeenValue] = dataclasses.field(default_factory=list)
    again: int = 0
    final: Refining | None = None

    @property
    def total(self) -> int:
        """Phrases of the reading."""
        return sum(map(len, [*self.todo, *self.concepts.values(), self.left]))

    def next(self, rounds: int, batch: int) -> list[SeenValue]:
        """The next batch: what an answer left out comes once more at the end."""
        if not self.todo and self.left and self.again < rounds:
            self.again += 1
            self.todo, self.left = _batches(self.left, batch), []
        return self.todo[0] if self.todo else []


class ModelLifter:
    """Groups values by what a chat model says of them.

    Args:
        model: any chat model.
        rest: groups what the model was not shown or did not sort.
            The names of its prior catalogue are shown to the model.
        config: batches and granularity.
    """

    def __init__(self, model: ChatModel, rest: LikenessLifter, config: ModelLifterConfig) -> None:
        self.model = model
        self.rest = rest
        self.config = config

    @property
    def identity(self) -> str:
        """Model, templates, batches, and what decides the rest."""
        templates = [load_template(name).hash for name in (SORT, REFINE)]
        return content_hash(self.model.identity, templates, self.config.model_dump(mode="json"), self.rest.identity)

    def lift(self, values: Mapping[MetaField, Sequence[SeenValue]]) -> Mapping[str, Sequence[Group]]:
        """Field name -> groups.

        Raises:
            ModelError: the model sorted nothing of a field that has values.
        """
        drafts = []
        for of in sorted(values, key=lambda one: one.name):
            shown = sorted(values[of], key=lambda value: (-value.users, -value.records, content_hash(value.text)))[: self.config.shown]
            if shown:
                drafts += [
                    _Draft(of, reading, _batches(_ordered(of, shown, reading, self.config.readings), self.config.batch))
                    for reading in range(self.config.readings)
                ]
        while turn := [draft for draft in drafts if draft.next(self.config.rounds, self.config.batch)]:
            answers = self.model.map([self._sorting(draft) for draft in turn])
            for draft, completion in zip(turn, answers, strict=True):
                batch = draft.todo.pop(0)
                found = completion.parsed if isinstance(completion.parsed, Sorting) else None
                draft.left += _sort(draft, batch, found)
        answered = {draft.field for draft in drafts if draft.concepts}
        for draft in drafts:
            if draft.field not in answered:
                raise ModelError(
                    f"the model sorted none of the {len(values[draft.field])} values of {draft.field.name}",
                    "try another model, or canonicalize.lifter: likeness",
                )
        refined = [draft for draft in drafts if len(draft.concepts) > 2]
        for draft, completion in zip(refined, self.model.map([self._refining(draft) for draft in refined]), strict=True):
            draft.final = completion.parsed if isinstance(completion.parsed, Refining) else None
        readings: dict[str, list[list[Group]]] = defaultdict(list)
        for draft in drafts:
            if draft.concepts:  # a reading that failed leaves it to the others
                readings[draft.field.name].append(_final(draft, self.config.reviewed))
        return self.rest.complete(values, {name: agreed(found, self.config.agreement) for name, found in readings.items()})

    def _sorting(self, draft: _Draft) -> ChatRequest:
        batch, with_context = draft.todo[0], draft.field.name not in _ALONE
        concepts: list[Json] = [
            {
                "name": name,
                "count": len(members),
                "examples": list[Json]([member.text for member in _some(members, self.config.examples)]),
            }
            for name, members in draft.concepts.items()
        ]
        variables: dict[str, Json] = {
            "field": draft.field.name,
            "description": draft.field.description,
            "grain": draft.field.grain,
            "kinds": draft.field.name == DOCUMENT_TYPE,
            "per_concept": self.config.per_concept,
            "verbs": draft.field.name == TASK,
            "concepts": concepts,
            "known": [entry.concept.name for entry in self.rest.prior.phrases(draft.field.name)],
            "contexts": with_context,
            "phrases": "\n".join(_line(number, value, with_context) for number, value in enumerate(batch, 1)),
            "count": len(batch),
            "total": draft.total,
        }
        name = f"{draft.field.name}/{draft.reading}/{len(draft.todo)}/{draft.again}"
        return ChatRequest(name, Prompt(load_template(SORT), variables), Sorting, self.config.decoding)

    def _refining(self, draft: _Draft) -> ChatRequest:
        shown = "\n".join(
            f"{number}. {name} ({len(members)}): "
            + "; ".join(f"{number}.{place} {member.text}" for place, member in enumerate(_some(members, self.config.reviewed), 1))
            for number, (name, members) in enumerate(draft.concepts.items(), 1)
        )
        sizes = dict(enumerate(map(len, draft.concepts.values()), 1))
        phrases, many = sum(sizes.values()), self.config.per_concept
        variables: dict[str, Json] = {
            "field": draft.field.name,
            "description": draft.field.description,
            "grain": draft.field.grain,
            "kinds": draft.field.name == DOCUMENT_TYPE,
            "wanted": min(len(draft.concepts), max(3, round(phrases / many))) if many else None,
            "concepts": shown,
            "count": len(draft.concepts),
            "single": [number for number, size in sizes.items() if size == 1],
            "large": [number for number, size in sizes.items() if size > max(_LARGE, phrases / self.config.large)],
        }
        return ChatRequest(
            f"{draft.field.name}/{draft.reading}/refine", Prompt(load_template(REFINE), variables), Refining, self.config.decoding
        )


def _place(of: MetaField, text: str, turned: bool) -> tuple[str, str]:
    """Where a phrase stands among the others: of a task by its verb, else by the last word of its head; turned, the other way round."""
    by_first = (of.name == TASK) is not turned
    words = (text if by_first else head(text)).split()
    return (words[0 if by_first else -1] if words else "", text)


def _ordered(of: MetaField, values: Sequence[SeenValue], reading: int, readings: int) -> list[SeenValue]:
    """The order of a reading: alike phrases beside each other, by one end or the other, each reading beginning somewhere else."""
    found = sorted(values, key=lambda value: _place(of, value.text, turned=reading % 2 == 1))
    start = len(found) * reading // readings
    return [*found[start:], *found[:start]]


def _line(number: int, value: SeenValue, with_context: bool) -> str:
    context = value.contexts[0][:140] if with_context and value.contexts else ""
    return f"{number}. {value.text}{f' [{context}]' if context else ''}"


def _some(members: Sequence[SeenValue], most: int) -> list[SeenValue]:
    """Some members, spread over all: neighbours were sorted together and are alike."""
    count = min(most, len(members))
    return [members[place * len(members) // count] for place in range(count)]


def _batches(values: Sequence[SeenValue], size: int) -> list[list[SeenValue]]:
    """Batches of nearly equal size, none above ``size``."""
    count = -(-len(values) // size)
    bounds = [round(place * len(values) / count) for place in range(count + 1)] if count else [0]
    return [list(values[start:end]) for start, end in itertools.pairwise(bounds)]


def _sort(draft: _Draft, batch: Sequence[SeenValue], answer: Sorting | None) -> list[SeenValue]:
    """Enter a batch's answer into the draft; what it leaves out comes back."""
    left = dict(enumerate(batch, 1))
    names = list(draft.concepts)
    for group in answer.groups if answer else ():
        number = re.fullmatch(r"\s*C?(\d+)\.?\s*", group.concept, re.IGNORECASE)
        place = int(number.group(1)[:9]) if number else 0  # a server may write a number of any length
        name = names[place - 1] if 0 < place <= len(names) else clean_label(group.concept, 80)
        name = name.strip().rstrip(".").lower()
        members = [left.pop(one) for one in group.phrases if one in left]  # a phrase stays where it was put first
        if name and members and not (number and name not in draft.concepts):
            draft.concepts.setdefault(name, []).extend(members)
        else:
            left.update({batch.index(member) + 1: member for member in members})
    return list(left.values())


def _final(draft: _Draft, reviewed: int) -> list[Group]:
    """The groups of a field: as refined, concepts that the answer left out as they were drafted.

    Args:
        draft: the field's catalogue.
        reviewed: phrases of each concept that were shown, and can have moved.
    """
    places = {
        f"{number}.{place}": member
        for number, members in enumerate(draft.concepts.values(), 1)
        for place, member in enumerate(_some(members, reviewed), 1)
    }
    chosen = draft.final.concepts if draft.final else []
    moved = [[places.pop(place) for place in concept.moved if place in places] for concept in chosen]  # to where it was put first
    gone = {member.text for members in moved for member in members}
    left = {
        number: (name, [member for member in members if member.text not in gone])
        for number, (name, members) in enumerate(draft.concepts.items(), 1)
    }
    merged: dict[str, tuple[str, list[SeenValue]]] = {}

    def enter(name: str, heading: str, members: Sequence[SeenValue]) -> None:
        before = merged.get(name)
        merged[name] = (before[0] if before else heading, [*(before[1] if before else ()), *members])

    for concept, more in zip(chosen, moved, strict=True):
        name = clean_label(concept.name, 80).strip().rstrip(".").lower()
        taken = [left.pop(number) for number in concept.numbers if number in left]
        members = [*(member for _, found in taken for member in found), *more]
        if members:
            heading = clean_label(concept.heading, 80).strip().rstrip(".").lower()
            enter(name or (taken[0][0] if taken else more[0].text), heading, members)
    for name, members in left.values():
        if members:
            enter(name, "", members)
    return list(_groups(merged))


def _groups(merged: Mapping[str, tuple[str, Sequence[SeenValue]]]) -> Iterator[Group]:
    for name, (heading, members) in merged.items():
        yield Group(name, {member.text: 1.0 for member in members}, heading="" if heading == name else heading)
