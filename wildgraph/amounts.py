"""Figures of an estimate: cases, amounts, and what so many requests with one prompt come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from wildgraph.llm.model import Usage
from wildgraph.llm.prices import PICO, Price
from wildgraph.llm.rehearsal import Rehearsed

ENOUGH = 50
"""Results of a run from which its own figures are used instead of assumptions."""

_SPREAD = (0.9, 1.0, 1.1)  # around lengths that are means of the run's own results


class Case(NamedTuple):
    """One figure in its cheap, expected and dear case."""

    low: float
    expected: float
    high: float

    def times(self, factor: float) -> Case:
        """All three, multiplied."""
        return Case(*(factor * figure for figure in self))


@dataclass(frozen=True)
class Amount:
    """What some requests come to; ``cost`` in US dollars, ``None`` without a price."""

    requests: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: float | None = 0.0

    def __add__(self, other: Amount) -> Amount:
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return Amount(self.requests + other.requests, self.usage + other.usage, cost)


@dataclass(frozen=True)
class StageEstimate:
    """What will be asked with one prompt.

    Attributes:
        prompt: name of the template. known: requests that the cache answers for nothing.
        low, expected, high: what the others come to.
        measured: from this run's own results, not from assumptions.
    """

    prompt: str
    known: int
    low: Amount
    expected: Amount
    high: Amount
    measured: bool


@cache
def assumed() -> dict[str, dict[str, Case]]:
    """What ``estimates.yaml`` says, by section and name."""
    import yaml

    data = yaml.safe_load(files("wildgraph").joinpath("estimates.yaml").read_text(encoding="utf-8"))
    return {section: {name: Case(*figures) for name, figures in entries.items()} for section, entries in data.items()}


def stage_estimate(name: str, sheet: Rehearsed, requests: Case, price: Price | None, later: bool) -> StageEstimate:
    """What so many requests with one prompt come to.

    Args:
        name: of the template, or what ``estimates.yaml`` calls it.
        sheet: of the rehearsal.
        requests: how many.
        price: of the model.
        later: whether a request about the same documents came before.
    """
    measured = sheet.known >= ENOUGH
    counted = sheet.asked / sheet.unknown if sheet.unknown else sheet.counted / max(1, sheet.known)
    if measured:
        tries = sheet.answers / sheet.known
        prompt = Case(*_SPREAD).times(counted * sheet.usage.prompt_tokens / max(1, sheet.counted))
        answer = Case(*_SPREAD).times(sheet.usage.completion_tokens / sheet.known)
        found = sheet.usage.cached_tokens / max(1, sheet.usage.prompt_tokens)
        cached = Case(found, found, found)
    else:
        tries = 1.0
        prompt = assumed()["other"]["prompts"].times(counted)
        answer = assumed()["answers"].get(name, assumed()["other"]["tokens"])
        cached = assumed()["shares"]["cached"] if later else Case(0.0, 0.0, 0.0)

    def amount(case: int) -> Amount:
        usage = Usage(
            round(requests[case] * prompt[case]),
            round(requests[case] * answer[case]),
            round(requests[case] * prompt[case] * cached[case]),
        )
        return Amount(round(requests[case] * tries), usage, price.of(usage) / PICO if price else None)

    return StageEstimate(name, sheet.known, amount(0), amount(1), amount(2), measured)


def said_of(stages: Sequence[StageEstimate]) -> Iterator[str]:
    """What the figures of the stages rest on."""
    measured = [stage.prompt for stage in stages if stage.measured]
    if measured:
        yield f"lengths, corrections and cached tokens of {', '.join(measured)} are those of this run's own answers, give or take a tenth"
    for stage in stages:
        if not stage.measured:
            low, expected, high = assumed()["answers"].get(stage.prompt, assumed()["other"]["tokens"])
            yield f"{stage.prompt}: answers of {low:.0f} to {high:.0f} tokens, {expected:.0f} expected (fewer than {ENOUGH} are known)"
