"""A person's corrections of a catalogue: rename, merge, move, pin. They lie in a file of their own and are applied again at every build.

::

    version: 1
    rename: {task/summarize-the-document: sum up a document}
    merge: {task/give-a-recap: task/summarize-the-document}   # the first becomes part of the second
    move: {task/list-risks: task/extract-information}         # under another parent; null for the top
    pin:
      task: {draw up minutes: task/summarize-the-document}    # this value, whatever it looks like
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from wildgraph.catalogue import Catalogue
from wildgraph.errors import InputError, did_you_mean
from wildgraph.handwritten import line_of, read_yaml
from wildgraph.labels import Label
from wildgraph.records import Assignment, Concept

VERSION = 1
#: Which of the prior catalogue's concepts a person merged away. Of all others the run's own catalogue says what became of them.
MERGES = "private/merges.json"


class Edits(BaseModel):
    """Corrections by concept id.

    Attributes:
        rename: id -> published name. The id stays.
        merge: id -> id of the concept it becomes part of.
        move: id -> id of its new parent, ``None`` for the top.
        pin: field -> value -> id of the concept it belongs to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = VERSION
    rename: Mapping[str, Label] = Field(default_factory=dict)
    merge: Mapping[str, str] = Field(default_factory=dict)
    move: Mapping[str, str | None] = Field(default_factory=dict)
    pin: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sensible(self) -> Edits:
        if self.version > VERSION:
            raise ValueError(f"edits of version {self.version}: a newer wildgraph wrote them")
        for start in self.merge:
            self.target(start)
        return self

    def target(self, concept: str) -> str:
        """What a concept has become by merging.

        Raises:
            ValueError: merges go in a circle.
        """
        seen = [concept]
        while (following := self.merge.get(seen[-1])) is not None:
            if following in seen:
                raise ValueError(f"merges go in a circle: {' -> '.join([*seen, following])}")
            seen.append(following)
        return seen[-1]

    def after(self, earlier: Mapping[str, str], concepts: Collection[str]) -> Edits:
        """These, and the merges of an earlier catalogue as far as its concepts are there and nothing else is said of them.

        Raises:
            InputError: together, merges go in a circle.
        """
        known = {one: other for one, other in earlier.items() if one in concepts and other in concepts}
        try:
            return Edits(rename=self.rename, merge={**known, **self.merge}, move=self.move, pin=self.pin)
        except ValidationError as error:
            said = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise InputError(
                f"with those of the earlier catalogue, {said}", "merge the other way round, or build without --catalogue"
            ) from error


def load_edits(path: str) -> Edits:
    """The edits in a YAML file; none for an empty path.

    Raises:
        InputError: the file cannot be read or holds something else.
    """
    if not path:
        return Edits()
    data = read_yaml(Path(path), "edits", InputError)
    try:
        return Edits() if data is None else Edits.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        line = line_of(Path(path), first["loc"])
        raise InputError(
            f"{path} holds no edits: {where} {first['msg'].removeprefix('Value error, ')}".replace(":  ", ": "),
            f"see line {line}" if line else "",
        ) from error


def kept_merges(run: Path) -> dict[str, str]:
    """What became of the prior catalogue's concepts that a person merged away in a run: id -> id; nothing where the run does not say.

    Raises:
        InputError: the file is damaged.
    """
    file = run / MERGES
    if not file.is_file():
        return {}
    try:
        return TypeAdapter(dict[str, str]).validate_json(file.read_bytes())
    except ValidationError as error:
        raise InputError(f"{file} is damaged", "build that run again") from error


def apply_edits(catalogue: Catalogue, edits: Edits) -> Catalogue:
    """The catalogue as corrected. Pins are honoured earlier, when values are placed.

    Raises:
        InputError: an edit names a concept that is not there, joins two fields, or makes a concept its own ancestor.
    """
    concepts = dict(catalogue.concepts)
    for one in (*edits.rename, *edits.merge, *edits.merge.values(), *edits.move, *filter(None, edits.move.values())):
        _known(one, concepts)
    for one, other in (*edits.merge.items(), *((one, other) for one, other in edits.move.items() if other is not None)):
        if concepts[one].field != concepts[other].field:
            raise InputError(f"the edits join {one} and {other}, which are of two fields")
    for one, name in edits.rename.items():
        concepts[one] = concepts[one].model_copy(update={"name": name, "origin": "edited"})
    for one, parent in edits.move.items():
        concepts[one] = concepts[one].model_copy(update={"parent": parent, "origin": "edited"})
    gone = set(edits.merge)
    kept: dict[str, Concept] = {}
    for one, concept in concepts.items():
        if one in gone:
            continue
        passed = {one}
        while (above := concept.parent) is not None and edits.target(above) == one and above not in passed:
            passed.add(above)  # a parent that became part of its child leaves the child where it was
            concept = concept.model_copy(update={"parent": concepts[above].parent})
        parent = edits.target(above) if above is not None else None
        kept[one] = concept.model_copy(update={"parent": parent}) if parent != concept.parent else concept
    for one in kept:
        line = Catalogue(kept).lineage(one)
        top = kept.get(line[-1])
        if top is not None and top.parent in line:
            raise InputError(f"the edits make {top.parent} its own ancestor", "break the circle of `move`")
    if not edits.merge:
        return Catalogue(kept, catalogue.assignments)
    moved: dict[tuple[str, str], Assignment] = {}
    for place, item in catalogue.assignments.items():
        target = edits.target(item.concept)
        moved[place] = item.model_copy(update={"concept": target}) if target != item.concept else item
    return Catalogue(kept, moved)


def _known(concept: str, concepts: Mapping[str, Concept]) -> None:
    if concept not in concepts:
        hint = did_you_mean(concept, concepts, "private/catalogue.jsonl lists them")
        raise InputError(f"the edits name {concept!r}, which is no concept of this catalogue", hint)
