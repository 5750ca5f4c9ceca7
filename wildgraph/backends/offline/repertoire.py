"""What the offline engine can do, as data: its repertoire of operations, forms, conditions and wordings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.records import canonical_json

Layout = Literal["prose", "bullets", "numbers", "checklist", "table", "json"]


class Operation(BaseModel):
    """What is picked, and how it is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pick: Literal["central", "opening", "cue", "topic"]
    ask: list[str] = Field(min_length=1)
    cues: list[str] = Field(default_factory=list)
    order: Literal["document"] | None = None


class Form(BaseModel):
    """How an answer is laid out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layout: Layout
    ask: list[str] = Field(min_length=1)
    count: tuple[int, int] | None = None
    order: Literal["document"] | None = None


class Condition(BaseModel):
    """What an answer keeps to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ask: list[str] = Field(min_length=1)
    words: tuple[int, int] | None = None
    count: tuple[int, int] | None = None
    fixed: tuple[int, int] | None = None
    order: Literal["document"] | None = None


class Operations(BaseModel):
    """The engine's repertoire; ``operations.yaml`` documents it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: dict[str, Operation]
    paradigms: dict[str, Operation]
    formats: dict[str, Form]
    constraints: dict[str, Condition]
    profiles: dict[str, list[str]]
    styles: dict[str, list[str]]
    wordings: dict[str, list[str]]


@lru_cache(maxsize=1)
def load_operations() -> tuple[Operations, str]:
    """The repertoire and its hash."""
    text = files("wildgraph").joinpath("backends/offline/operations.yaml").read_text(encoding="utf-8")
    return Operations.model_validate(yaml.safe_load(text)), hashlib.sha256(text.encode()).hexdigest()[:12]


class CannotWriteError(Exception):
    """The labels ask for nothing that extraction can do with these documents."""


class Choice:
    """Reproducible choices: a stream of numbers from a seed text."""

    def __init__(self, *seed: object) -> None:
        self._state = hashlib.sha256(canonical_json([str(part) for part in seed]).encode("utf-8", "surrogatepass")).digest()

    def number(self, low: int, high: int) -> int:
        """A number in [low, high]."""
        self._state = hashlib.sha256(self._state).digest()
        return low + int.from_bytes(self._state[:8], "big") % (high - low + 1)

    def of(self, options: Sequence[str]) -> str:
        """One of the options."""
        return options[self.number(0, len(options) - 1)]
