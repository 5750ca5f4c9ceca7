"""What tokens cost."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from wildgraph.llm.model import Usage
from wildgraph.llm.prices import PICO, Price, known_price, price_table

tokens = st.integers(min_value=0, max_value=10**9)
dollars = st.integers(min_value=0, max_value=10**8).map(lambda micro: micro / 1e6)


def test_the_table_is_dated_and_small():
    table = price_table()
    assert datetime.date.fromisoformat(table.date)
    assert 0 < len(table.prices) < 50
    assert all(price.cached is not None and price.cached <= price.input <= price.output for price in table.prices.values())


def test_a_model_has_a_price_only_where_it_is_sold():
    assert known_price("gpt-4o-mini", "api.openai.com") == Price(input=0.15, cached=0.075, output=0.6)
    assert known_price("gpt-4o-mini-2024-07-18", "api.openai.com") == known_price("gpt-4o-mini", "api.openai.com")
    assert known_price("gpt-4o-mini", "localhost") is None
    assert known_price("gpt-4o-mini-audio", "api.openai.com") is None


def test_cached_tokens_cost_what_others_do_unless_said_otherwise():
    assert Price(input=1.0, output=2.0).of(Usage(100, 10, 50)) == 120_000_000


@pytest.mark.parametrize(
    "wrong", [{"input": -1.0, "output": 1.0}, {"input": 1.0, "cached": 2.0, "output": 1.0}, {"input": 1.0}, {"in": 1.0}]
)
def test_a_price_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        Price(**wrong)


@given(dollars, dollars, tokens, tokens, tokens, tokens, tokens, tokens)
def test_a_bill_is_the_sum_of_its_parts(into, out, a, b, c, d, e, f):
    price = Price(input=into, cached=into / 2, output=out)
    one, two = Usage(a + b, c, a), Usage(d + e, f, d)
    assert price.of(one) + price.of(two) == price.of(one + two)


@given(dollars, dollars, tokens, tokens, st.floats(min_value=0, max_value=1))
def test_no_answer_costs_more_than_its_worst_case(into, out, prompt, answer, share):
    price = Price(input=into, cached=into / 10, output=out)
    assert price.of(Usage(prompt, answer, int(share * prompt))) <= price.of(Usage(prompt, answer))


def test_a_batch_costs_half():
    assert Price(input=1.0, cached=0.5, output=4.0).scaled(0.5).of(Usage(10**6, 10**6, 0)) == 5 * PICO // 2
