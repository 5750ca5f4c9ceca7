"""Lifters: mined values that mean interchangeable things become one group, and a group becomes a concept.

A lifter sees the distinct values of each field and returns groups; what is already known (a prior catalogue, an earlier run's concepts, a
person's edits) and how groups become concepts is decided by :mod:`wildgraph.stages.canonicalize`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from wildgraph.fields import MetaField


@dataclass(frozen=True, slots=True)
class SeenValue:
    """A distinct value of one field.

    Attributes:
        text: the folded value.
        records: in how many records it occurs. users: how many distinct users wrote it.
        contexts: what the first few of its records are about: one phrase often means another thing in another situation.
    """

    text: str
    records: int = 1
    users: int = 1
    contexts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Values that mean interchangeable things.

    Attributes:
        name: a short general phrase.
        members: value -> likeness to the group in [-1, 1].
        concept: id of the concept it is, where that is already known.
        heading: name of a more general group that it belongs under, where the lifter has one.
        parent: id of the known concept it belongs under.
    """

    name: str
    members: Mapping[str, float]
    concept: str | None = None
    heading: str = ""
    parent: str | None = None


@runtime_checkable
class Lifter(Protocol):
    """Groups the values of fields."""

    @property
    def identity(self) -> str:
        """What decides the groups beside the values; part of the stage's fingerprint."""
        ...

    def lift(self, values: Mapping[MetaField, Sequence[SeenValue]]) -> Mapping[str, Sequence[Group]]:
        """Field name -> groups; every value is a member of exactly one group of its field.

        Args:
            values: by field, in any order; the result does not depend on it.
        """
        ...
