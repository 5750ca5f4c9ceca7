"""What takes personal data out of texts, found by name: the patterns of :mod:`wildgraph.masking`, and those beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from wildgraph.errors import PluginError, UsageError
from wildgraph.masking import Masked
from wildgraph.registry import BUILT_IN, load


@runtime_checkable
class Masker(Protocol):
    """Takes personal data out of a text. Masking a masked text changes nothing."""

    def __call__(self, text: str, cuts: Sequence[int] = (), /) -> Masked:
        """The text without it, and where ``cuts``, places of the text, are then."""
        ...


def load_masker(name: str) -> Masker:
    """The masker that is registered under a name; ``patterns`` is :func:`wildgraph.masking.mask`.

    Raises:
        UsageError: there is none, it needs a package that is not installed, or it is no masker.
    """
    found = load("maskers", name)
    if not isinstance(found, Masker):
        raise UsageError(f"masker {name!r} is no masker", "it has to be a wildgraph.maskers.Masker")
    return found if name in BUILT_IN["maskers"] else _Promised(name, found)


@dataclass(frozen=True)
class _Promised:
    """Another package's masker, held to what a masker gives."""

    name: str
    masker: Masker

    def __call__(self, text: str, cuts: Sequence[int] = (), /) -> Masked:
        given: object = self.masker(text, cuts)
        if not isinstance(given, Masked) or len(given.cuts) != len(cuts):
            what = f"{len(given.cuts)} places for {len(cuts)}" if isinstance(given, Masked) else f"a {type(given).__name__}"
            raise PluginError(
                f"the masker {self.name!r} gave {what}", "it gives a wildgraph.masking.Masked, with a place for each of the cuts"
            )
        return given
