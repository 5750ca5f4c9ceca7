"""Checkers of answers: exact, numbers, choices, lists, orders, JSON, patterns, quotations, counts, and combinations of them."""

import json
import threading

import pytest

from wildgraph.checkers import Context, check, load_check
from wildgraph.checkers.lists import items
from wildgraph.checkers.numeric import numbers
from wildgraph.errors import InputError

PASS, FAIL, UNDECIDED = "pass", "fail", "undecided"
CITIES = {"options": ["Rome", "New York", "York"]}
POINT = {
    "type": "object",
    "properties": {"x": {"type": "integer", "multipleOf": 2}, "tags": {"type": "array", "uniqueItems": True}},
    "patternProperties": {"^n_": {"type": "number"}},
    "required": ["x"],
    "additionalProperties": False,
}

CASES = {
    "exact": [
        ({"answer": "New York"}, " **new  york**. ", PASS),
        ({"answer": ["Moscow", "Москва"]}, "МОСКВА!", PASS),
        ({"answer": "ﬁve"}, "five", PASS),
        ({"answer": "Apple", "drop_articles": True}, "The apple", PASS),
        ({"answer": "42", "cue": "Answer:"}, "Is it 41?\n**Answer:** 42", PASS),
        ({"answer": "42", "cue": "Ответ:"}, "ОТВЕТ:\n\n42", PASS),
        ({"answer": "2*3"}, "2*3", PASS),
        ({"answer": "2*3"}, "23", FAIL),
        ({"answer": "New York"}, "New York City", FAIL),
        ({"answer": "Apple"}, "The apple", FAIL),
        ({"answer": "Apple", "case_sensitive": True}, "apple", FAIL),
        ({"answer": "42", "cue": "Answer:"}, "42", FAIL),
        ({"answer": "42", "cue": "Answer:"}, "Answer: 42\nAnswer: 43", FAIL),
        ({"answer": "42"}, "", FAIL),
    ],
    "numeric": [
        ({"answer": 1234.5}, "That makes 1,234.50 in all.", PASS),
        ({"answer": 1234.5, "decimal": ","}, "Das sind 1.234,5 Euro.", PASS),
        ({"answer": 1234}, "1\u202f234", PASS),
        ({"answer": 1.234}, "1.234", PASS),
        ({"answer": 1234, "decimal": ","}, "1.234", PASS),
        ({"answer": 100000}, "1,00,000", PASS),
        ({"answer": -5}, "It is −5 °C.", PASS),
        ({"answer": 12}, "الجواب ١٢", PASS),
        ({"answer": 30000}, "共3万元", PASS),
        ({"answer": 2.5e6, "unit": "$"}, "$2.5 million in 2020", PASS),
        ({"answer": 42, "unit": "km"}, "42 km, as of 2020", PASS),
        ({"answer": 25, "unit": "%"}, "25 percent", PASS),
        ({"answer": 0.25}, "25%", PASS),
        ({"answer": 0.75}, "3/4", PASS),
        ({"answer": 2024}, "on 1/2/2024", PASS),
        ({"answer": 3.14159, "tolerance": 0.01}, "3.14", PASS),
        ({"answer": 100, "relative": 0.05}, "104", PASS),
        ({"answer": 7, "cue": "Answer:"}, "Answer: 7\nChecked in 3 ways.", PASS),
        ({"answer": 25}, "25%", FAIL),
        ({"answer": 100, "relative": 0.05}, "106", FAIL),
        ({"answer": 0.3, "tolerance": 0.1}, "0.41", FAIL),
        ({"answer": 42, "unit": "km", "unit_required": True}, "42 kmh", FAIL),
        ({"answer": 42}, "42 or 43", FAIL),
        ({"answer": 2}, "version v2", FAIL),
        ({"answer": 5}, "five", FAIL),
        ({"answer": 5}, "", FAIL),
        ({"answer": 1}, "9" * 100_000, FAIL),
        ({"answer": 1}, "1e9999", FAIL),
        ({"answer": 1}, "1/0", FAIL),
    ],
    "choice": [
        ({"answer": "B"}, "B", PASS),
        ({"answer": "b"}, "**(B)**", PASS),
        ({"answer": "B"}, r"So it is $\boxed{\text{B}}$, not the first.", PASS),
        ({"answer": "B"}, "The correct answer is **B) Paris**.", PASS),
        ({"answer": "B"}, "Option B: Paris", PASS),
        ({"answer": "B"}, "A is tempting.\nThe answer is B.", PASS),
        ({"answer": "B"}, "答案：Ｂ", PASS),
        ({"answer": "Б"}, "Ответ: б", PASS),
        ({"answer": "C"}, "A) Rome\nB) Oslo\nC) Bern\n\nAnswer: C", PASS),
        ({"answer": "C", **CITIES}, "It is York.", PASS),
        ({"answer": "B", **CITIES}, "It is new york.", PASS),
        ({"answer": "B", "options": {"A": "да", "B": "нет"}}, "Нет, конечно.", PASS),
        ({"answer": "A"}, "A dog barks at B.", FAIL),
        ({"answer": "A"}, "Answer: A or B", FAIL),
        ({"answer": "A"}, "The answer is (A), (B), or (C)", FAIL),
        ({"answer": "B"}, "The answer is A.", FAIL),
        ({"answer": "A", **CITIES}, "Rome or York", FAIL),
        ({"answer": "A", **CITIES}, "Romeo", FAIL),
        ({"answer": "A"}, "", FAIL),
    ],
    "list": [
        ({"answer": ["a", "b", 3]}, '["A", "b", 3.0]', PASS),
        ({"answer": ["красный", "синий"]}, "Вот:\n1. Красный\n2. **Синий**", PASS),
        ({"answer": ["red", "blue"]}, "Red and blue.", PASS),
        ({"answer": ["苹果", "梨"]}, "苹果、梨。", PASS),
        ({"answer": ["red", "blue"], "cue": "Answer:"}, "Let me see: green.\nAnswer: red, blue", PASS),
        ({"answer": ["red", "blue"], "cue": "Answer:"}, "- green\nAnswer:\n- red\n- blue", PASS),
        ({"answer": ["red", "blue"]}, "blue, red", FAIL),
        ({"answer": ["red", "blue"]}, "red, blue, green", FAIL),
        ({"answer": ["red", "blue"]}, "red, red", FAIL),
        ({"answer": ["red"]}, "", FAIL),
        ({"answer": ["red"]}, "[" * 10_000, FAIL),
    ],
    "set": [
        ({"answer": ["a", "b"]}, "- b\n- a\n- b", PASS),
        ({"answer": ["a", "b", "c"], "missing": 1}, "c; a", PASS),
        ({"answer": ["a"], "extra": 1}, "a, z", PASS),
        ({"answer": ["да", "нет"]}, "нет; да", PASS),
        ({"answer": ["a", "b"]}, "a", FAIL),
        ({"answer": ["a"]}, "a, z", FAIL),
        ({"answer": ["a"]}, " \n ", FAIL),
    ],
    "ordering": [
        ({"answer": ["seed", "stem", "leaf"]}, "First the seed, then the stem; the leaf comes last.", PASS),
        ({"answer": ["утро", "день"]}, "Утро, день", PASS),
        ({"answer": ["York", "New York"]}, "York before New York", PASS),
        ({"answer": ["seed", "stem"]}, "stem, seed", FAIL),
        ({"answer": ["seed", "stem"]}, "seed, stem. stem, seed.", FAIL),
        ({"answer": ["seed", "stem"]}, "seeds and stem", FAIL),
        ({"answer": ["York", "New York"]}, "New York before York", FAIL),
        ({"answer": ["seed", "stem"]}, "", FAIL),
    ],
    "json_schema": [
        ({"schema": POINT}, '{"x": 2, "tags": [1, true], "n_ы": 1.5}', PASS),
        ({"schema": POINT}, '```\n{"x": 2}\n```', PASS),
        ({"schema": {"$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}, "$ref": "#/$defs/tree"}}, "[[[]], []]", PASS),
        ({"schema": {"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "number"}}}, '{"a": "b", "c": 1}', PASS),
        ({"schema": POINT}, '{"x": 3}', FAIL),
        ({"schema": POINT}, '{"x": 2, "y": 1}', FAIL),
        ({"schema": POINT}, '{"x": 2, "n_a": "one"}', FAIL),
        ({"schema": POINT}, '{"x": 2, "tags": [1, 1.0]}', FAIL),
        ({"schema": POINT}, '{"x": 2} and more', FAIL),
        ({"schema": {"additionalProperties": {"type": "number"}}}, '{"a": "b"}', FAIL),
        ({"schema": {"pattern": "^(a+)+$"}}, '"' + "a" * 5000 + '!"', FAIL),
        ({"schema": {"type": "number", "multipleOf": 0.5}}, "1" * 400, FAIL),
        ({"schema": {"type": "string"}}, "", FAIL),
        ({"schema": {"$ref": "#"}}, "1", UNDECIDED),
    ],
    "regex": [
        ({"pattern": r"\d{4}-\d\d"}, "on 2024-05-01", PASS),
        ({"pattern": r"[a-z]+", "match": "full"}, " abc\n", PASS),
        ({"pattern": "ПРИВЕТ", "ignore_case": True}, "привет", PASS),
        ({"pattern": "x", "negate": True}, "abc", PASS),
        ({"pattern": "a", "relation": "exactly", "count": 2}, "banana"[:4], PASS),
        ({"pattern": "^\\x{FFFD}$"}, "\ud800", PASS),
        ({"pattern": r"\d{4}"}, "123", FAIL),
        ({"pattern": "a", "match": "full"}, "ab", FAIL),
        ({"pattern": "x", "negate": True}, "x", FAIL),
        ({"pattern": "a", "relation": "less than", "count": 2}, "banana", FAIL),
        ({"pattern": "(x+x+)+y"}, "x" * 100_000, FAIL),
        ({"pattern": "a"}, "", FAIL),
        ({"pattern": "(a?){1000}a{1000}c"}, "a" * 1_000_000, UNDECIDED),
    ],
    "citation": [
        ({"texts": ["The fee is due\nwithin ten days."]}, "It says “the fee is due within ten days”.", PASS),
        ({"texts": ["Срок — десять дней со дня подписания."]}, "Там: «десять дней со дня подписания»", PASS),
        ({"texts": ["One two three four.", "Five six seven eight."], "least": 2}, '> one two three four\n\n"five six seven eight"', PASS),
        ({"texts": ["x"], "least": 0}, "No quotation.", PASS),
        ({"texts": ["The fee is due within ten days."]}, "“the fee is due within two days”", FAIL),
        ({"texts": ["The fee is due within ten days."]}, "The fee is due within ten days.", FAIL),
        ({"texts": ["One two three four."], "least": 2}, "“one two three four” and “One two three four”"[:22], FAIL),
        ({"texts": ["one two three " * 1000]}, "“" + "one two three " * 1000 + "”", FAIL),
        ({"texts": ["x"]}, "", FAIL),
        ({}, "“the fee is due within two days”", UNDECIDED),
    ],
    "words": [
        ({"least": 2, "most": 3}, "It’s fine.", PASS),
        ({"most": 3}, "两个词", PASS),
        ({"least": 3}, "It’s fine.", FAIL),
        ({"least": 1}, "... \u0301", FAIL),
        ({"most": 2}, "两个词", FAIL),
    ],
    "sentences": [
        ({"least": 2, "most": 2}, "Да. Нет.", PASS),
        ({"most": 1}, "", PASS),
        ({"least": 2}, "Да.", FAIL),
        ({"least": 1}, "", FAIL),
    ],
    "items": [
        ({"least": 2, "most": 2}, "- да\n- нет", PASS),
        ({"least": 3}, "[1, 2, 3]", PASS),
        ({"least": 2, "distinct": True}, "a, a", FAIL),
        ({"most": 2}, "a, b, c", FAIL),
        ({"least": 1}, "", FAIL),
    ],
    "all": [
        ({"checks": [{"name": "exact", "args": {"answer": "да"}}, {"name": "punctuation:no_comma"}]}, "Да", PASS),
        ({"checks": [{"name": "exact", "args": {"answer": "无"}}, {"name": "change_case:english_capital"}]}, "无", PASS),
        ({"checks": [{"name": "exact", "args": {"answer": "да"}}, {"name": "punctuation:no_comma"}]}, "Да,", FAIL),
        ({"checks": [{"name": "citation", "args": {"least": 1}}, {"name": "punctuation:no_comma"}]}, "“one day, the fee is due”", FAIL),
        ({"checks": [{"name": "punctuation:no_comma"}]}, "", FAIL),
        ({"checks": [{"name": "citation", "args": {"least": 1}}, {"name": "punctuation:no_comma"}]}, "“one day the fee is due”", UNDECIDED),
    ],
}


@pytest.mark.parametrize(("name", "args", "text", "status"), [(name, *case) for name, cases in CASES.items() for case in cases])
def test_an_answer_gets_its_verdict(name, args, text, status):
    verdict = check(name, text, json.dumps(args))
    assert verdict.status == status, verdict.why
    assert bool(verdict.why) == (status != PASS)
    assert len(verdict.why) <= 300


def test_an_answer_that_names_several_options_is_told_so():
    assert check("choice", "Answer: B or A", '{"answer": "A"}').why == "names several: A, B"


def test_a_share_of_checks_is_a_graded_reward():
    args = {"checks": [{"name": "words", "args": {"least": 3}}, {"name": "punctuation:no_comma"}, {"name": "change_case:english_capital"}]}
    verdict = check("share", "两个词", json.dumps(args))
    assert (verdict.status, verdict.share) == ("pass", 1.0)
    verdict = check("share", "One word", json.dumps(args))
    assert (verdict.status, verdict.share) == ("fail", 1 / 3)
    args = {"checks": [{"name": "change_case:english_capital"}]}
    assert check("share", "两个词", json.dumps(args)).share is None


def test_quotations_are_looked_for_in_the_documents_and_else_in_the_prompt():
    said = "“the fee is due within ten days”"
    text = "Here: The fee is due within ten days."
    assert check("citation", said, context=Context(documents=("other", text))).status == PASS
    assert check("citation", said, context=Context(prompt=text)).status == PASS
    assert check("citation", said, context=Context(prompt=text, documents=("other",))).status == FAIL


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10 20.5 30", [10, 20.5, 30]),
        ("3, 5 and 7", [3, 5, 7]),
        ("2024-01-02", [2024, 1, 2]),
        ("1.2.3", [1, 2, 3]),
        ("12,5 and 12,500", [12.5, 12500]),
        ("1234,567 and 12,34,567 and 1.234.56", [1234.567, 1234567, 1, 234, 56]),
        ("2×10^3 and 1.5e-3", [2000, 0.0015]),
        ("5k, 3 mln, 2 Milliarden", [5000, 3e6, 2e9]),
        ("(5) and $-5 and 3-5", [5, -5, 3, 5]),
        ("v2.5 x86 and\u00a0.5", [0.5]),
    ],
)
def test_numbers_are_read_as_people_write_them(text, found):
    assert [number.value for number in numbers(text)] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Here they are:\n\n* one\n* two\n\nThat is all.", ["one", "two"]),
        ("a, b, and c", ["a", "b", "c"]),
        ("Tom and Jerry; Bonnie and Clyde", ["Tom and Jerry", "Bonnie and Clyde"]),
        ("one\ntwo\n\nthree", ["one", "two", "three"]),
        ('[{"a": 1}]', ['[{"a": 1}]']),
        ("", []),
    ],
)
def test_items_of_a_list(text, found):
    assert items(text) == found


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "thing"},
        {"unevaluatedProperties": False},
        {"$ref": "https://example.org/schema"},
        {"$ref": "#/$defs/nowhere"},
        {"$ref": "#/properties/a", "properties": {"a": {}}},
        {"properties": {"a": {"pattern": "(?=a)"}}},
        {"patternProperties": {"(?<!a)b": {}}},
        {"items": {"$dynamicRef": "#x"}},
        {"allOf": [3]},
        {"multipleOf": 0},
        {"required": "x"},
    ],
)
def test_schemas_that_are_none_or_ask_for_what_is_not_supported_are_refused(schema):
    with pytest.raises(InputError, match="checker 'json_schema' does not take these arguments"):
        load_check("json_schema", json.dumps({"schema": schema}))


def test_a_schema_that_branches_without_end_is_undecided():
    defs = {f"d{level}": {"anyOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(40)} | {"d40": {"type": "number"}}
    assert check("json_schema", '"x"', json.dumps({"schema": {"$defs": defs, "$ref": "#/$defs/d0"}})).status == UNDECIDED


def test_a_schema_can_be_used_by_several_threads():
    loaded = load_check("json_schema", json.dumps({"schema": {"items": {"type": "integer"}}}))
    found: list[str] = []
    texts = [json.dumps(list(range(2000))), json.dumps(["x"] * 2000)] * 4
    threads = [threading.Thread(target=lambda text=text: found.append(loaded(text).status)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [FAIL] * 4 + [PASS] * 4


@pytest.mark.parametrize("pattern", ["(?=a)", "(?<!a)b", r"(a)\1", "(", "a{1001}", "[z-a]", "(?P<n>a)(?P=n)", "(?>a)"])
def test_patterns_that_re2_does_not_know_are_refused_at_load(pattern):
    with pytest.raises(InputError, match="RE2 cannot take this pattern"):
        load_check("regex", json.dumps({"pattern": pattern}))


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("exact", {"answer": []}),
        ("exact", {"answer": 3}),
        ("numeric", {"answer": "3"}),
        ("numeric", {"answer": 3, "tolerance": -1}),
        ("choice", {"answer": "D", "options": ["a", "b"]}),
        ("choice", {"answer": "?!"}),
        ("list", {"answer": []}),
        ("list", {"answer": [{"a": 1}]}),
        ("ordering", {"answer": ["one"]}),
        ("regex", {"pattern": "a" * 3000}),
        ("regex", {"pattern": "a", "match": "full", "count": 2}),
        ("words", {}),
        ("words", {"least": 5, "most": 3}),
        ("citation", {"quote_words": 0}),
        ("all", {"checks": []}),
        ("all", {"checks": [{"name": "all", "args": {"checks": []}}]}),
        ("all", {"checks": [{"name": "nothing"}]}),
        ("share", {"checks": [{"name": "exact", "args": {"answer": 3}}]}),
    ],
)
def test_wrong_arguments_are_refused(name, args):
    with pytest.raises(InputError, match=f"checker '{name}' does not take these arguments"):
        load_check(name, json.dumps(args))
