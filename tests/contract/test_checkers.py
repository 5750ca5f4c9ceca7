"""The contract of every registered checker: a closed model, deterministic, total on any string, in bounded time, and honest about its verdict."""

import json
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from wildgraph.checkers import Check, Checker, Context, Verdict, load_check
from wildgraph.errors import InputError
from wildgraph.registry import load, registered

#: Arguments of every checker, some hard ones among them.
ARGS = {
    "all": {"checks": [{"name": "words", "args": {"least": 2}}, {"name": "punctuation:no_comma"}]},
    "share": {"checks": [{"name": "words", "args": {"least": 2}}, {"name": "punctuation:no_comma"}]},
    "exact": {"answer": ["The answer", "été"], "cue": "Answer:"},
    "numeric": {"answer": 1e300, "unit": "km", "tolerance": 0.5},
    "choice": {"answer": "B", "options": ["one", "two", "three"]},
    "list": {"answer": ["a", "b", 3]},
    "set": {"answer": ["a", "b", 3], "cue": "Answer:"},
    "ordering": {"answer": ["a", "ab", "b"]},
    "json_schema": {"schema": {"type": ["object", "array"], "additionalProperties": {"$ref": "#"}, "items": {"$ref": "#"}}},
    "regex": {"pattern": "(a|b)*c.{0,8}d"},
    "citation": {"texts": ["a b c d e f"], "quote_words": 2},
    "words": {"least": 3, "most": 10},
    "sentences": {"least": 2},
    "items": {"most": 3},
    "keywords:existence": {"keywords": ["budget", "委员会"]},
    "keywords:frequency": {"keyword": "a", "frequency": 3},
    "keywords:forbidden_words": {"forbidden_words": ["a", "、"]},
    "keywords:letter_frequency": {"letter": "a", "let_frequency": 3, "let_relation": "less than"},
    "language:response_language": {"language": "en"},
    "length_constraints:number_words": {"num_words": 3},
    "length_constraints:number_sentences": {"num_sentences": 3, "relation": "less than"},
    "length_constraints:number_paragraphs": {"num_paragraphs": 2},
    "length_constraints:nth_paragraph_first_word": {"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "a"},
    "detectable_content:number_placeholders": {"num_placeholders": 1},
    "detectable_content:postscript": {"postscript_marker": "P.S."},
    "detectable_format:number_bullet_lists": {"num_bullets": 2},
    "detectable_format:constrained_response": {},
    "detectable_format:number_highlighted_sections": {"num_highlights": 2},
    "detectable_format:multiple_sections": {"section_spliter": "Section", "num_sections": 2},
    "detectable_format:json_format": {},
    "detectable_format:title": {},
    "combination:repeat_prompt": {"prompt_to_repeat": "a b"},
    "combination:two_responses": {},
    "startend:end_checker": {"end_phrase": "the end."},
    "startend:quotation": {},
    "change_case:capital_word_frequency": {"capital_frequency": 1},
    "change_case:english_capital": {},
    "change_case:english_lowercase": {},
    "punctuation:no_comma": {},
}
STATUSES = ("pass", "fail", "undecided", "not_applicable")

UNITS = [
    "The committee met, and talked. ",
    "1,234.5 ",
    "9",
    "a\u0301\u0316",
    "\u0301\u0316",
    "\ud800",
    "\x00",
    "\u202eשלום ",
    "委员会，",
    "\n",
    " ",
    "\t\u2028",
    "*",
    "_`*~ ",
    "[",
    "]",
    "{",
    '"',
    "“",
    "<<",
    "- ",
    "-\n",
    "> ",
    "```\n",
    "Answer: ",
    "Answer:\n",
    "Section 1\n",
    "P.S.\n",
    "(A) ",
    "$1/",
    ". ",
    ".)",
    "AB",
    "À",
    "***\n",
    "******",
    "ß",
    "\U0001f600\u200d",
]

# what trips text up, as material for random strings
PIECES = st.sampled_from(
    [*UNITS, "Answer: B", "P.S. x", "<<t>>", "[x]", '{"a": [1]}', "My answer is no.", "1. a\n2. b", "“a b c”", "1e9", "½"]
)


@pytest.fixture(params=list(registered("checkers")))
def loaded(request: pytest.FixtureRequest) -> Check:
    return load_check(request.param, json.dumps(ARGS[request.param]))


def test_every_registered_checker_is_held_to_the_contract():
    assert set(ARGS) == set(registered("checkers"))


def test_it_is_a_closed_frozen_model_whose_docstring_names_its_arguments(loaded):
    kind = load("checkers", loaded.name)
    assert issubclass(kind, BaseModel)
    assert isinstance(loaded.checker, Checker)
    assert kind.model_config["frozen"]
    assert kind.model_config["extra"] == "forbid"
    assert kind.model_config["strict"]
    described = " ".join(parent.__doc__ or "" for parent in kind.__mro__ if parent is not BaseModel)
    assert all(f"{name.rstrip('_')}" in described for name in kind.model_fields)


def test_the_reference_lists_it_with_all_its_arguments(loaded):
    docs = Path(__file__).parents[2] / "docs"
    sys.path.insert(0, str(docs))
    try:
        from generated import checkers
    finally:
        sys.path.pop(0)
    ifeval = ":" in loaded.name
    (row,) = (line for line in checkers(ifeval=ifeval).splitlines() if line.startswith(f"| `{loaded.name}` | "))
    assert row.count(" | ") == 2
    assert all(f"`{name.rstrip('_')}`" in row for name in load("checkers", loaded.name).model_fields)
    assert f"<!-- {'ifeval' if ifeval else 'checkers'} -->" in (docs / "reference" / "checkers.md").read_text(encoding="utf-8")


def test_an_argument_it_does_not_know_is_refused(loaded):
    with pytest.raises(InputError, match="nonsense"):
        load_check(loaded.name, json.dumps({**ARGS[loaded.name], "nonsense": 1}))


def check_verdict(verdict):
    assert isinstance(verdict, Verdict)
    assert verdict.status in STATUSES
    assert (verdict.share is None) == (verdict.status in ("undecided", "not_applicable"))
    assert verdict.share is None or 0.0 <= verdict.share <= 1.0
    assert (verdict.share == 1.0) == (verdict.status == "pass")
    assert bool(verdict.why) == (verdict.status != "pass")


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec=None), max_size=60) | st.lists(PIECES, max_size=8).map("".join), st.sampled_from(["", "en", "zh"]))
@pytest.mark.parametrize("name", list(registered("checkers")))
def test_it_says_the_same_thing_of_any_string_twice(name, text, language):
    loaded = load_check(name, json.dumps(ARGS[name]))
    context = Context(prompt="a b", documents=("a b c",), language=language)
    verdict = loaded(text, context)
    check_verdict(verdict)
    load_check.cache_clear()
    assert load_check(name, json.dumps(ARGS[name]))(text, context) == verdict


@pytest.mark.parametrize("unit", UNITS, ids=ascii)
def test_a_large_text_takes_time_by_its_length(loaded, unit):
    text = unit * (200_000 // len(unit))
    start = time.perf_counter()
    check_verdict(loaded(text))
    # measured: 0.4 seconds at most; what grows with the square of the length takes minutes
    assert time.perf_counter() - start < 15, loaded.name
