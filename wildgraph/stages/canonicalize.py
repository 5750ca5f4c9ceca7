"""Lift mined values to concepts that several queries share, at the grain at which requests are interchangeable.

A barrier: it needs all records. A value goes, in this order, to the concept a person pinned it to; to the one an earlier run put it under;
to the prior concept that bears its name; to an earlier run's concept whose values it is like; and otherwise into a group that the lifter
finds (:mod:`wildgraph.lifters`). A group is a concept of the prior where it plainly means that, or holds a value that bears its name; else it
is a new one below the prior concept or the heading it belongs under, to which it falls back when graphs are built and it is rare.

Clio (arXiv 2412.13678) and TnT-LLM (arXiv 2403.12173) make hierarchies of conversations in like ways; placing, grain and names are ours.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Literal

from pydantic import BaseModel, ConfigDict

from wildgraph.catalogue import Catalogue, Prior, concept_id
from wildgraph.edits import Edits, apply_edits
from wildgraph.errors import InputError
from wildgraph.fields import ANY_DOCUMENT, DEFAULT_FIELDS, DOCUMENT_TYPE, SIMPLIFIED_INSTRUCTION, MetaField
from wildgraph.labels import clean_label
from wildgraph.lifters import Group, Lifter, SeenValue
from wildgraph.lifters.by_likeness import GroupingConfig, LikenessLifter
from wildgraph.lifters.by_model import ModelLifterConfig
from wildgraph.records import Assignment, Concept, LabelledRecord, MetaInformation

STAGE = "canonicalize"
VERSION = 6

_GIVEN = set(Assignment.model_fields)
_CONTEXTS = 5
_GRAM = 5
_WORD = re.compile(r"\w+")


class CanonicalizeConfig(BaseModel):
    """How values are lifted.

    Attributes:
        prior: path of a prior catalogue (a file or a folder of them); empty for the one that ships with wildgraph, ``none`` for no prior.
        lifter: ``model`` asks the chat model, ``likeness`` does not, ``auto`` asks one that was named and not the offline engine.
        earlier: path of a run whose concepts values are assigned to first.
        edits: path of a file with a person's corrections.
        likeness: how values are grouped without a model, and beside it.
        by_model: how a model is asked.
        fields: the field table.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prior: str = ""
    lifter: Literal["auto", "model", "likeness"] = "auto"
    earlier: str = ""
    edits: str = ""
    likeness: GroupingConfig = GroupingConfig()
    by_model: ModelLifterConfig = ModelLifterConfig()
    fields: tuple[MetaField, ...] = DEFAULT_FIELDS


def fold(value: str) -> str:
    """The form in which equal values meet: NFKC, case-folded, one space, no closing stop.

    Example:
        >>> fold("  Bullet  List. ")
        'bullet list'
    """
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split()).strip(" .;,")


@dataclass(slots=True)
class _Seen:
    """A distinct value. Most are one record's alone, and there are millions of them: what needs a container gets one when it is needed."""

    records: int
    user: str
    context: tuple[str, str]
    users: set[str] | None = None
    contexts: list[tuple[str, str]] | None = None

    def see(self, user: str, context: tuple[str, str]) -> None:
        self.records += 1
        if self.users is not None:
            self.users.add(user)
        elif user != self.user:
            self.users = {self.user, user}
        if context[1]:  # those of the least ids, so that the order of records decides nothing
            self.contexts = sorted([*self.about, context])[:_CONTEXTS]

    @property
    def about(self) -> Sequence[tuple[str, str]]:
        return self.contexts if self.contexts is not None else [self.context] if self.context[1] else []

    @property
    def people(self) -> int:
        return len(self.users) if self.users is not None else 1

    def value(self, text: str) -> SeenValue:
        return SeenValue(text, self.records, self.people, tuple(one for _, one in self.about))


def canonicalize(
    records: Iterable[MetaInformation],
    config: CanonicalizeConfig,
    *,
    prior: Prior,
    lifter: Lifter,
    likeness: LikenessLifter,
    earlier: Catalogue | None = None,
    edits: Edits | None = None,
    merges: Mapping[str, str] | None = None,
    min_support: int = 1,
) -> tuple[Catalogue, list[LabelledRecord]]:
    """The catalogue of a run and its records as labels, sorted by id: independent of the order of ``records``.

    Args:
        records: mined meta-information, in any order; gone through three times, so that a million of them need not be held.
        config: field table.
        prior: concepts known beforehand.
        lifter: groups the values that no concept takes.
        likeness: finds the earlier concept that a value is like.
        earlier: an earlier run's catalogue.
        edits: a person's corrections.
        merges: which of the prior catalogue's concepts the earlier one merged into which.
        min_support: distinct users from which on a record's wording may appear in a name.

    Raises:
        InputError: an edit names a concept or a field that is not there.
        ModelError: a lifter that asks a model got nothing usable.
    """
    if iter(records) is records:
        records = list(records)
    edits = edits or Edits()
    table = [of for of in config.fields if of.node or of.name == DOCUMENT_TYPE]
    seen = _values(records, [of.name for of in table])
    if strange := sorted(edits.pin.keys() - seen.keys()):
        raise InputError(f"the edits pin values of {strange[0]!r}, which is no field with concepts", f"such are {', '.join(seen)}")
    concepts = dict(prior.known())
    if earlier is not None:
        concepts |= {one: concept for one, concept in earlier.concepts.items() if one not in concepts or concept.origin == "edited"}
    placed: dict[str, dict[str, tuple[str, float]]] = {}
    for of in table:
        placed[of.name] = _fixed(of.name, seen[of.name], prior, earlier, edits, concepts)
    beforehand = frozenset(concepts)
    free = {of: [one.value(text) for text, one in seen[of.name].items() if text not in placed[of.name]] for of in table}
    if earlier is not None:
        free = {of: _join_earlier(of, values, earlier, likeness, placed[of.name]) for of, values in free.items()}
    bearing = {of.name: _bearing(of.name, placed[of.name], prior) if free[of] else set() for of in table}
    known = {of: [seen[of.name][text].value(text) for text in sorted(bearing[of.name])] for of in table}
    found = dict(lifter.lift({of: [*values, *known[of]] for of, values in free.items() if values}))
    del free, known
    names = Names(records, min_support, (name for groups in found.values() for group in groups for name in (group.name, group.heading)))
    assignments: dict[tuple[str, str], Assignment] = {}
    for of in table:  # what is known of a field's values goes as its assignments come: of millions both are not held
        values, where, groups = seen.pop(of.name), placed.pop(of.name), found.pop(of.name, ())
        for group in sorted(groups, key=lambda group: (group.concept is None, -_records(group, values), min(group.members))):
            own = bearing[of.name] & group.members.keys()
            if own and group.concept is None:  # it holds a known concept's name, so it is that concept
                most = min(own, key=lambda value: (-values[value].records, value))
                group = replace(group, concept=where[most][0])
            born = _concept(of.name, group, concepts, beforehand, names)
            where.update((value, (born, alike)) for value, alike in group.members.items() if value not in own)
        where |= _pinned(of.name, values, edits, concepts)
        assignments.update(_assigned(of.name, values, where))
    edits = edits.after(merges or {}, concepts)
    catalogue = apply_edits(Catalogue(concepts, assignments), edits)
    return catalogue, sorted((label(record, catalogue, config.fields) for record in records), key=lambda record: record.id)


def _assigned(
    name: str, seen: Mapping[str, _Seen], placed: Mapping[str, tuple[str, float]]
) -> Iterator[tuple[tuple[str, str], Assignment]]:
    """The assignments of a field's values by their places. They share what says which of their keys were given: two thirds of their size."""
    for value, one in seen.items():
        concept, alike = placed[value]
        item = Assignment.model_construct(
            _GIVEN, field=name, value=value, concept=concept, count=one.records, users=one.people, similarity=alike
        )
        yield (name, value), item


def label(record: MetaInformation, catalogue: Catalogue, fields: Sequence[MetaField] = DEFAULT_FIELDS) -> LabelledRecord:
    """A record's values replaced by the leaf concepts they were assigned to; values the catalogue does not know are left out."""
    found = {
        leaf
        for of in fields
        if of.node
        for value in record.values.get(of.name, ())
        if (leaf := catalogue.leaf(of.name, fold(value.general))) is not None
    }
    kinds = record.values.get(DOCUMENT_TYPE, ()) if record.has_document else ()
    kind = catalogue.leaf(DOCUMENT_TYPE, fold(kinds[0].general)) if kinds else None
    return LabelledRecord(id=record.id, user=record.user, document_type=kind, labels=tuple(sorted(found)))


def _values(records: Iterable[MetaInformation], names: Sequence[str]) -> dict[str, dict[str, _Seen]]:
    """By field the distinct folded values, sorted, with their records, users and what the first few of their records, by id, are about."""
    found: dict[str, dict[str, _Seen]] = {name: {} for name in names}
    for record in records:
        abouts: dict[str, str] = {}
        for name in names:
            if name not in record.values:
                continue
            about = _about(record, name)
            context = (record.id, abouts.setdefault(about, about))
            for value in {fold(value.general) for value in record.values[name]} - {""}:
                if (one := found[name].get(value)) is not None:
                    one.see(record.user, context)
                else:
                    found[name][value] = _Seen(1, record.user, context)
    return {name: dict(sorted(values.items())) for name, values in found.items()}


def _about(record: MetaInformation, name: str) -> str:
    """What a record is about, without the field itself."""
    parts = [
        record.values[other][0].general for other in (DOCUMENT_TYPE, SIMPLIFIED_INSTRUCTION) if other != name and record.values.get(other)
    ]
    return "; ".join(parts)


def _fixed(
    name: str, seen: Mapping[str, _Seen], prior: Prior, earlier: Catalogue | None, edits: Edits, concepts: dict[str, Concept]
) -> dict[str, tuple[str, float]]:
    """Values whose concept is known by their words: pinned, assigned before, or bearing a concept's name."""
    exact = {fold(concept.name): one for one, concept in sorted(prior.known().items()) if concept.field == name}
    if name == DOCUMENT_TYPE and ANY_DOCUMENT in seen and ANY_DOCUMENT not in exact:
        # 'document' says nothing of the kind: it is no kind of legal document, near as the words may be.
        generic = Concept(id=concept_id(DOCUMENT_TYPE, ANY_DOCUMENT), field=DOCUMENT_TYPE, name=ANY_DOCUMENT, origin="prior")
        concepts[generic.id] = generic
        exact[ANY_DOCUMENT] = generic.id
    before = {value: item.concept for (of, value), item in earlier.assignments.items() if of == name} if earlier else {}
    known = exact | before
    found = {value: (known[value], 1.0) for value in seen if value in known}
    # A pin to a concept that is yet to be born waits for it: what a person saw in the catalogue has to come about again first.
    pins = {value: concept for value, concept in edits.pin.get(name, {}).items() if concept in concepts}
    return found | _pinned(name, seen, Edits(pin={name: pins}), concepts)


def _bearing(name: str, placed: Mapping[str, tuple[str, float]], prior: Prior) -> Set[str]:
    """Values that bear the name of a prior concept, and are placed there. A lifter sees them with the others: what is like them belongs there."""
    names = {entry.concept.id: fold(entry.concept.name) for entry in prior.phrases(name)}
    return {value for value, (concept, _) in placed.items() if names.get(concept) == value}


def _pinned(name: str, seen: Mapping[str, _Seen], edits: Edits, concepts: Mapping[str, Concept]) -> dict[str, tuple[str, float]]:
    """Where a person's word places values.

    Raises:
        InputError: a pin names no concept of the field.
    """
    pins = {fold(value): concept for value, concept in edits.pin.get(name, {}).items()}
    for concept in pins.values():
        if concept not in concepts or concepts[concept].field != name:
            raise InputError(
                f"the edits pin a value to {concept!r}, which is no known concept of {name}", "pin to one that is named in a catalogue"
            )
    return {value: (concept, 1.0) for value, concept in pins.items() if value in seen}


def _join_earlier(
    of: MetaField, values: Sequence[SeenValue], earlier: Catalogue, likeness: LikenessLifter, placed: dict[str, tuple[str, float]]
) -> list[SeenValue]:
    """Place the values that are like those of an earlier run's concept; the others come back."""
    groups: dict[str, dict[str, float]] = defaultdict(dict)
    for (name, value), item in sorted(earlier.assignments.items()):
        if name == of.name:
            groups[item.concept][value] = item.similarity
    if not groups or not values:
        return list(values)
    joined, left = likeness.join(of, values, list(groups.values()))
    for concept, more in zip(groups, joined, strict=True):
        placed.update({value: (concept, alike) for value, alike in more.items()})
    return left


def _records(group: Group, seen: Mapping[str, _Seen]) -> int:
    return sum(seen[value].records for value in group.members)


def _concept(name: str, group: Group, concepts: dict[str, Concept], beforehand: frozenset[str], names: Names) -> str:
    """The id of a group's concept, which is added if it is new.

    Args:
        name: the field.
        group: of its values.
        concepts: all so far.
        beforehand: ids of those that are no group's.
        names: guards names.
    """
    if group.concept is not None:
        return group.concept
    parent = group.parent
    if group.heading:
        heading = names.safe(group.heading)
        parent = concept_id(name, heading)
        if parent not in concepts:
            concepts[parent] = Concept(id=parent, field=name, name=heading)
    title = names.safe(group.name)
    # 'c', 'c++' and 'c#' have one slug and are three concepts; what bears the very name of a prior or an earlier concept is that concept.
    same = concepts.get(concept_id(name, title))
    # A name that was cut lest it quotes somebody says less than its group does: 'a list or a table', cut to 'a list', is no list.
    if same is not None and same.id in beforehand and fold(same.name) == fold(title) == fold(group.name) and same.id != parent:
        return same.id
    stem = title[:100]  # names have 120 characters
    titles = chain((title,), (f"{stem} (other)",), (f"{stem} (other {number})" for number in count(2)))
    title = next(one for one in titles if concept_id(name, one) not in concepts)
    born = concept_id(name, title)
    concepts[born] = Concept(id=born, field=name, name=title, parent=parent)
    return born


class Names:
    """Keeps a single user's wording out of names: no run of five words of a record, unless enough users wrote it.

    Args:
        records: whose wording it is. least: users from which on a run of words is nobody's own. names: those that may be asked about.
    """

    def __init__(self, records: Iterable[MetaInformation], least: int, names: Iterable[str]) -> None:
        self._least = least
        asked = {gram for name in names for gram in _grams(_bounded(name))}
        self._users: dict[tuple[str, ...], set[str]] = {gram: set() for gram in asked}
        for record in records if asked else ():
            for value in chain.from_iterable(record.values.values()):
                for text in (value.general, value.specific):
                    for gram in _grams(text):
                        if gram in asked:
                            self._users[gram].add(record.user)

    def safe(self, name: str) -> str:
        """The name, cut to four words where more would quote somebody, bounded and without markup."""
        name = _bounded(name)
        if any(0 < len(self._users[gram]) < self._least for gram in _grams(name)):
            kept = list(_WORD.finditer(name))[: _GRAM - 1]
            while len(kept) > 1 and kept[-1].group().casefold() in _LOOSE:
                kept.pop()
            name = name[: kept[-1].end()]
        return name


_LOOSE = frozenset(
    [
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "from",
        "in",
        "into",
        "of",
        "on",
        "or",
        "so",
        "than",
        "that",
        "the",
        "their",
        "this",
        "to",
        "with",
        "without",
    ]
)


def _bounded(name: str) -> str:
    return clean_label(name, 120).strip() or "unnamed"


def _grams(text: str) -> Iterator[tuple[str, ...]]:
    found = _WORD.findall(text.casefold())
    return (tuple(found[start : start + _GRAM]) for start in range(len(found) - _GRAM + 1))


def singletons(assignments: Iterable[Assignment]) -> dict[str, float]:
    """Share of a field's concepts that hold a single value in a single record: what lifting is there to lower."""
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    for item in assignments:
        sizes[item.field][item.concept] += item.count
    return {name: sum(one == 1 for one in found.values()) / len(found) for name, found in sorted(sizes.items())}
