"""The catalogue: concepts that several queries share, in a hierarchy, and which value belongs to which concept.

Real mined values are almost all unique, so a graph over raw values is a heap of one-record stars; values are therefore lifted to
concepts at reuse granularity (Clio, arXiv 2412.13678, and TnT-LLM, arXiv 2403.12173, do the like for conversations; the two-level form is ours).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from wildgraph.errors import InputError
from wildgraph.labels import Label
from wildgraph.records import Assignment, Concept, content_hash

PRIOR_VERSION = 1


def slug(name: str) -> str:
    """A name as the tail of an id: lower case, words joined by hyphens, any script, ≤60 characters.

    Example:
        >>> slug("Summarize the document!")
        'summarize-the-document'
    """
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", name).casefold())
    text = "-".join(words).replace("_", "-").strip("-")
    return text if 0 < len(text) <= 60 else f"{text[:48].rstrip('-')}-{content_hash(name, length=8)}".lstrip("-")


def concept_id(field_name: str, name: str) -> str:
    """The stable id of a concept born with ``name``."""
    return f"{field_name}/{slug(name)}"


class _PriorEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Label
    like: list[str] = Field(default_factory=list)
    cues: dict[str, list[str]] = Field(default_factory=dict)
    signs: list[str] = Field(default_factory=list)
    concepts: list[_PriorEntry] = Field(default_factory=list)

    @field_validator("signs")
    @classmethod
    def _patterns(cls, signs: list[str]) -> list[str]:
        for sign in signs:
            try:
                re.compile(sign)
            except re.error as error:
                raise ValueError(f"{sign!r} is no regular expression: {error}") from error
        return signs


class _FinerEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Label
    under: str | None = None
    like: list[str] = Field(min_length=1)


class _PriorFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int
    fields: dict[str, list[_PriorEntry]] = Field(default_factory=dict)
    finer: dict[str, list[_FinerEntry]] = Field(default_factory=dict)


@dataclass(frozen=True)
class PriorConcept:
    """A concept of a prior catalogue with what shows it.

    Attributes:
        concept: id, name, parent.
        like: English phrases that mean it, its name first.
        cues: word beginnings by language.
        signs: patterns that are found in a document of this type; empty for other fields.
    """

    concept: Concept
    like: tuple[str, ...]
    cues: Mapping[str, tuple[str, ...]]
    signs: tuple[re.Pattern[str], ...] = ()


@dataclass(frozen=True)
class Prior:
    """A prior catalogue: what is known of concepts before any value was seen.

    Attributes:
        concepts: by field, parents before their children, in file order: what a query is mined for without a model.
        fingerprint: content hash.
        finer: by field, concepts at the grain at which requests are interchangeable, with many phrases: what values are lifted to.
    """

    concepts: Mapping[str, tuple[PriorConcept, ...]]
    fingerprint: str
    finer: Mapping[str, tuple[PriorConcept, ...]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[PriorConcept]:
        for group in self.concepts.values():
            yield from group

    def phrases(self, field_name: str) -> tuple[PriorConcept, ...]:
        """The concepts that a field's values are compared with: the finer ones, else those that have none below them."""
        if found := self.finer.get(field_name):
            return found
        there = self.concepts.get(field_name, ())
        parents = {entry.concept.parent for entry in there}
        return tuple(entry for entry in there if entry.concept.id not in parents)

    def spoken(self) -> set[str]:
        """All phrases of all fields: none of them is anybody's."""
        return {phrase for group in (*self.concepts.values(), *self.finer.values()) for entry in group for phrase in entry.like}

    def known(self) -> dict[str, Concept]:
        """All concepts by id, finer ones under their parents."""
        finer = {entry.concept.id: entry.concept for group in self.finer.values() for entry in group}
        return {**finer, **{entry.concept.id: entry.concept for entry in self}}


def _entries(field_name: str, entries: Iterable[_PriorEntry], parent: str | None) -> Iterator[PriorConcept]:
    for entry in entries:
        concept = Concept(id=concept_id(field_name, entry.name), field=field_name, name=entry.name, parent=parent, origin="prior")
        signs = tuple(re.compile(sign, re.MULTILINE if "[A-Z]" in sign else re.MULTILINE | re.IGNORECASE) for sign in entry.signs)
        yield PriorConcept(concept, (entry.name, *entry.like), {code: tuple(words) for code, words in entry.cues.items()}, signs)
        yield from _entries(field_name, entry.concepts, concept.id)


def _first(error: Exception) -> str:
    """What is wrong first, and where."""
    if not isinstance(error, ValidationError):
        return str(error).splitlines()[0]
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))} {first['msg'].removeprefix('Value error, ')}".strip()


def parse_prior(*texts: tuple[str, str]) -> Prior:
    """A prior catalogue from the YAML texts of its files, each with its name; ``catalogues/*.yaml`` document the format.

    Raises:
        InputError: not YAML, unknown keys, a newer version, one concept twice in a field, or a finer one under a concept that is not there.
    """
    import yaml

    concepts: dict[str, tuple[PriorConcept, ...]] = {}
    finer: list[tuple[str, str, _FinerEntry]] = []
    for text, source in texts:
        try:
            data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
            parsed = _PriorFile.model_validate(data)
        except (yaml.YAMLError, ValidationError) as error:
            raise InputError(
                f"{source} is not a catalogue: {_first(error)}", "wildgraph/catalogues/general.yaml shows the format"
            ) from error
        if parsed.version > PRIOR_VERSION:
            raise InputError(f"{source} has catalogue version {parsed.version}", "a newer wildgraph wrote it: upgrade")
        for name, entries in parsed.fields.items():
            concepts[name] = (*concepts.get(name, ()), *_entries(name, entries, None))
            ids = Counter(entry.concept.id for entry in concepts[name])
            if twice := [one for one, count in ids.items() if count > 1]:
                raise InputError(f"{source} names the concept {twice[0]} twice")
        finer += [(source, name, entry) for name, entries in parsed.finer.items() for entry in entries]
    return Prior(concepts, content_hash(*(text for text, _ in texts)), _finer(finer, concepts))


def _finer(
    entries: Iterable[tuple[str, str, _FinerEntry]], concepts: Mapping[str, Sequence[PriorConcept]]
) -> dict[str, tuple[PriorConcept, ...]]:
    """The finer concepts by field; one that bears the name of a general concept is that concept."""
    general = {name: {entry.concept.id: entry for entry in group} for name, group in concepts.items()}
    found: dict[str, dict[str, PriorConcept]] = {}
    for source, name, entry in entries:
        born = concept_id(name, entry.name)
        there = general.get(name, {})
        parent = concept_id(name, entry.under) if entry.under else None
        if parent is not None and parent not in there:
            raise InputError(f"{source}: {entry.name!r} stands under {entry.under!r}, which no general concept of {name} is called")
        if born in found.setdefault(name, {}) or (born in there and parent is not None):
            raise InputError(f"{source} names the concept {born} twice")
        concept = there[born].concept if born in there else Concept(id=born, field=name, name=entry.name, parent=parent, origin="prior")
        found[name][born] = PriorConcept(concept, (entry.name, *entry.like), {})
    return {name: tuple(group.values()) for name, group in found.items()}


@cache
def load_prior(path: str = "") -> Prior:
    """The prior catalogue in a file or a folder of files; the general one that ships with wildgraph for an empty path.

    Raises:
        InputError: a file cannot be read or is not a catalogue.
    """
    if not path:
        folder = files("wildgraph").joinpath("catalogues")
        shipped = ("general.yaml", "finer.yaml")
        return parse_prior(*((folder.joinpath(name).read_text(encoding="utf-8"), f"catalogues/{name}") for name in shipped))
    root = Path(path)
    try:
        named = sorted(root.glob("*.yaml")) if root.is_dir() else [root]
        if not named:
            raise InputError(f"the folder {path} holds no catalogue (*.yaml)")
        return parse_prior(*((file.read_text(encoding="utf-8"), str(file)) for file in named))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the catalogue {path}: {error}") from error


def empty_prior() -> Prior:
    """A prior that knows nothing: every concept is induced."""
    return Prior({}, content_hash("empty"))


@dataclass(frozen=True)
class Catalogue:
    """Concepts and assignments of one run.

    Attributes:
        concepts: by id.
        assignments: by (field, value).
    """

    concepts: Mapping[str, Concept]
    assignments: Mapping[tuple[str, str], Assignment] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Content hash of concepts and assignments."""
        return content_hash(
            [concept.model_dump(mode="json") for _, concept in sorted(self.concepts.items())],
            [item.model_dump(mode="json") for _, item in sorted(self.assignments.items())],
        )

    def leaf(self, field_name: str, value: str) -> str | None:
        """Id of the concept a value was assigned to, or ``None`` if it was never seen."""
        found = self.assignments.get((field_name, value))
        return found.concept if found else None

    def lineage(self, concept: str) -> list[str]:
        """The concept and its ancestors, nearest first; unknown ids give themselves."""
        line = [concept]
        while (known := self.concepts.get(line[-1])) is not None and known.parent is not None and known.parent not in line:
            line.append(known.parent)
        return line

    def name(self, concept: str) -> str:
        """Published name of a concept."""
        return self.concepts[concept].name

    def rows(self) -> Iterator[dict[str, Any]]:
        """``field, value, concept, parent, count, similarity`` per assignment, sorted."""
        for place in sorted(self.assignments):
            item = self.assignments[place]
            yield {
                "field": item.field,
                "value": item.value,
                "concept": item.concept,
                "name": self.concepts[item.concept].name,
                "parent": self.concepts[item.concept].parent,
                "count": item.count,
                "users": item.users,
                "similarity": item.similarity,
            }


def shareable_rows(rows: Iterable[Mapping[str, Any]], min_support: int) -> list[dict[str, Any]]:
    """The rows of a catalogue that may be shown: values of at least ``min_support`` users, without their counts.

    A value's users taken from its concept's support would tell how few used other words for it.
    """
    return [{name: row[name] for name in ("field", "value", "concept", "name", "parent")} for row in rows if row["users"] >= min_support]


def load_concepts(path: Path) -> dict[str, Concept]:
    """The concepts of a JSON-lines file by id; none where the file is missing.

    Raises:
        InputError: the file cannot be read, a line is no concept, or a concept is its own ancestor.
    """
    if not path.is_file():
        return {}
    found: dict[str, Concept] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the concepts {path}: {error}") from error
    for number, line in enumerate(lines, 1):
        if line:
            try:
                concept = Concept.model_validate_json(line)
            except ValidationError as error:
                raise InputError(f"{path}:{number} is no concept: {error.errors()[0]['msg']}", "build the graphs again") from error
            found[concept.id] = concept
    for concept in found.values():
        # Rare concepts fold into their parents until there is none: a circle would never end.
        top = found.get(Catalogue(found).lineage(concept.id)[-1])
        if top is not None and top.parent is not None and top.parent in found:
            raise InputError(f"{path}: {top.parent} is its own ancestor", "break the circle of parents")
    return found


def load_assignments(path: Path) -> dict[tuple[str, str], Assignment]:
    """The assignments of a ``catalogue.jsonl`` by (field, value).

    Raises:
        InputError: the file cannot be read, or a line is no assignment.
    """
    found = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the catalogue {path}: {error}") from error
    for number, line in enumerate(lines, 1):
        if line:
            try:
                row = json.loads(line)
                # Published rows keep their counts to themselves.
                item = Assignment.model_validate(
                    {"count": 1, "users": 1, **{key: row[key] for key in Assignment.model_fields if key in row}}
                )
            except (ValueError, TypeError) as error:
                raise InputError(f"{path}:{number} is no assignment: {' '.join(str(error).split())[:120]}") from error
            found[item.field, item.value] = item
    return found


def load_catalogue(run: Path) -> Catalogue:
    """The whole catalogue of a run: its private one, else what it publishes.

    Raises:
        InputError: there is none, or a file of it is damaged.
    """
    private = run / "private"
    concepts, assignments = private / "concepts.jsonl", private / "catalogue.jsonl"
    if not concepts.is_file():
        concepts, assignments = run / "graphs" / "concepts.jsonl", run / "catalogue.jsonl"
    if not concepts.is_file() or not assignments.is_file():
        raise InputError(f"{run} holds no catalogue", "name a run directory that `wildgraph build` made")
    known = load_concepts(concepts)
    return Catalogue(known, {place: item for place, item in load_assignments(assignments).items() if item.concept in known})
