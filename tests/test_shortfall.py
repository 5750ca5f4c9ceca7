"""What is said of a sample that is not as it was asked for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from wildgraph.errors import BudgetError, EmptyResultError
from wildgraph.quotas import Lack
from wildgraph.shortfall import Shortfall

RUN = Path("RUN")


def said(wanted: int = 20, accepted: int = 5, lacks: tuple[Lack, ...] = (), stopped: BudgetError | None = None, **reasons: int) -> str:
    short = Shortfall(RUN, "samples/f/", wanted, accepted, 1234, Counter(reasons), Counter(), lacks, stopped).error
    assert isinstance(short, BudgetError if stopped else EmptyResultError)
    assert "\n" not in str(short)
    return str(short)


def test_a_sample_as_it_was_asked_for_is_no_error():
    assert Shortfall(RUN, "", 20, 20, 30, Counter(engine_cannot=10), Counter(), (), None).error is None


@pytest.mark.parametrize(
    ("reasons", "why", "do"),
    [
        ({"duplicate_spec": 90, "engine_cannot": 10}, "the specifications ran out", "ask for fewer pairs"),
        # Repeats follow from what is short: with nothing else to ask, the same is drawn again.
        ({"duplicate_spec": 55, "no_document_group": 45}, "the documents ran out", "add documents, several of each type"),
        ({"bucket_not_filled": 9, "duplicate_spec": 1}, "do not fill the target lengths", "ask for shorter --target-tokens"),
        ({"engine_cannot": 9, "ungrounded": 8}, "the engine finds nothing to ask", "name a model with --model"),
        ({"ungrounded": 5, "refused": 4, "too_short": 3}, "the gates turned most candidates away", "`wildgraph gate RUN`"),
        ({"timeout": 5}, "the model failed on most candidates", "RUN/private/samples/f/rejected.jsonl"),
        ({}, "the specifications ran out", "ask for fewer pairs"),
    ],
)
def test_what_ran_out_and_what_to_do(reasons: dict[str, int], why: str, do: str):
    line = said(**reasons)
    assert line.startswith("5 of 20 pairs were accepted, of 1,234 candidates: ")
    what, _, hint = line.partition(" — ")
    assert why in what
    assert all(f"{reason} {count}" in what for reason, count in reasons.items())
    assert do in hint
    assert hint.endswith("; the 5 are in RUN/pairs.jsonl")


def test_nothing_is_said_to_be_kept_where_nothing_is():
    assert "pairs.jsonl" not in said(accepted=0, engine_cannot=9)


def test_quotas_that_are_not_met_are_named_and_the_many_counted():
    lacks = tuple(Lack("paradigm", name, 0, 4, "no_document_group 9") for name in ("timeline", "conflict", "synthesis", "dialogue"))
    line = said(lacks=(Lack("bucket", "131072", 1, 9, "bucket_not_filled 7"), *lacks), bucket_not_filled=7)
    first = "short of bucket 128k 1 of 9 (bucket_not_filled 7), paradigm timeline 0 of 4 (no_document_group 9), paradigm conflict 0 of 4 (no_document_group 9)"
    assert f"candidates, {first} and 2 more: the documents do not fill the target lengths — add longer" in line
    of_a_type = said(lacks=(Lack("document_type", "document_type/news-article", 0, 4, "none was tried"),), refused=7)
    assert "short of document type news-article 0 of 4 (none was tried): the model failed" in of_a_type
    whole = said(accepted=20, lacks=(Lack("language", "", 1, 9, "refused 7"),), refused=7)
    assert whole.startswith(
        "the sample does not have the shape that was asked for, short of language of any other kind 1 of 9 (refused 7) — "
    )


def test_a_budget_that_ended_it_says_how_far_it_came():
    stopped = BudgetError("the budget of 9 tokens is used up", "raise --max-tokens and run the same command again")
    assert said(stopped=stopped) == (
        "the budget of 9 tokens is used up; 5 of 20 pairs were accepted — "
        "raise --max-tokens and run the same command again; the 5 are in RUN/pairs.jsonl"
    )
