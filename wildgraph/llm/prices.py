"""What tokens cost: a small dated table that a user's own price overrides. Money is counted in whole picodollars, so that sums are exact."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from wildgraph.llm.model import Usage

PICO = 10**12
"""Picodollars in a dollar. One token at a dollar per million tokens costs a million of them."""

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}\Z")


class Price(BaseModel):
    """US dollars per million tokens.

    Attributes:
        input: of prompts. cached: of what the server had in its prefix cache; as ``input`` when ``None``. output: of answers, reasoning included.

    Example:
        >>> Price(input=0.15, cached=0.075, output=0.6).of(Usage(1_000_000, 100_000, 500_000)) / PICO
        0.1725
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0.0)
    cached: float | None = Field(default=None, ge=0.0)
    output: float = Field(ge=0.0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.cached is not None and self.cached > self.input:
            raise ValueError("cached tokens cost more than others")
        return self

    def of(self, usage: Usage) -> int:
        """What ``usage`` costs, in picodollars."""
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        cheap = self.input if self.cached is None else self.cached
        return (
            (usage.prompt_tokens - cached) * round(self.input * 1e6)
            + cached * round(cheap * 1e6)
            + usage.completion_tokens * round(self.output * 1e6)
        )

    def scaled(self, factor: float) -> Price:
        """This price times ``factor``, such as 0.5 for a batch."""
        return Price(input=self.input * factor, cached=None if self.cached is None else self.cached * factor, output=self.output * factor)


class PriceTable(NamedTuple):
    """The bundled prices: when they were read, and (host, model) -> price."""

    date: str
    prices: dict[tuple[str, str], Price]


@cache
def price_table() -> PriceTable:
    """The table that ships with wildgraph."""
    import yaml

    data = yaml.safe_load(files("wildgraph.llm").joinpath("prices.yaml").read_text(encoding="utf-8"))
    prices = {(host, model): Price(**entry) for host, models in data["servers"].items() for model, entry in models.items()}
    return PriceTable(str(data["date"]), prices)


def known_price(model: str, host: str) -> Price | None:
    """The price of ``model`` at ``host`` in the bundled table; the same model costs nothing or something else elsewhere.

    Example:
        >>> known_price("gpt-4o-mini-2024-07-18", "api.openai.com").output, known_price("gpt-4o-mini", "localhost")
        (0.6, None)
    """
    prices = price_table().prices
    return prices.get((host, model)) or prices.get((host, _DATED.sub("", model)))
