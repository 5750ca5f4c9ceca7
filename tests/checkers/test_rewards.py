"""The reward function, as TRL calls it, and the columns that it reads."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from wildgraph.checkers import COLUMNS, Context, check, columns, load_check, reward
from wildgraph.checkers.rewards import said
from wildgraph.errors import InputError, UsageError
from wildgraph.records import Checker

CHECKS = [
    (),
    (Checker(name="numeric", args='{"answer": 4}'),),
    (Checker(name="numeric", args='{"answer": 4}'), Checker(name="punctuation:no_comma")),
    (Checker(name="language:response_language", args='{"language": "de"}'),),
    (Checker(name="citation", args='{"quote_words": 2}'),),
]
ANSWERS = ["4", "4, I think", "vier", "“two and two” make 4", "", "\ud800"]


def rows(graded=False):
    """Every check with every answer, as TRL would lay them out: one list per column."""
    laid_out = [(checks, answer) for checks in CHECKS for answer in ANSWERS]
    pairs = [columns(checks, graded=graded) for checks, _ in laid_out]
    return laid_out, [name for name, _ in pairs], [args for _, args in pairs]


@pytest.mark.parametrize("conversational", [False, True])
def test_rewards_equal_direct_calls(conversational):
    laid_out, names, args = rows()
    prompt = "How much are two and two?"
    prompts = [[{"role": "user", "content": prompt}] if conversational else prompt for _ in laid_out]
    completions = [[{"role": "assistant", "content": answer}] if conversational else answer for _, answer in laid_out]
    rewards = reward(
        prompts=prompts,
        completions=completions,
        completion_ids=[[1, 2]] * len(laid_out),
        checker=names,
        checker_args=args,
        id=["x"] * len(laid_out),
        trainer_state=object(),
        log_extra=print,
        log_metric=print,
        environments=None,
    )
    for given, (checks, answer) in zip(rewards, laid_out, strict=True):
        verdicts = [check(one.name, answer, one.args, Context(prompt, (prompt,))) for one in checks]
        statuses = {verdict.status for verdict in verdicts}
        expected = 0.0 if "fail" in statuses else 1.0 if statuses == {"pass"} else None
        assert given == expected, (checks, answer, verdicts)
    assert {0.0, 1.0, None} <= set(rewards)


def test_several_checks_can_give_the_share_that_passes():
    assert reward(["?"], ["4, I think"], None, checker=["share"], checker_args=[columns(CHECKS[2], graded=True)[1]]) == [0.5]
    assert reward(["?"], ["4, I think"], None, checker=["all"], checker_args=[columns(CHECKS[2])[1]]) == [0.0]


def test_only_what_the_assistant_says_is_checked():
    turns = [{"role": "assistant", "content": "Five."}, {"role": "tool", "content": "4"}]
    assert reward(["?"], [turns], None, checker=["numeric"], checker_args=['{"answer": 4}']) == [0.0]
    assert reward(
        ["?"], [[*turns, {"role": "assistant", "content": "No, 4."}]], None, checker=["numeric"], checker_args=['{"answer": 4}']
    ) == [1.0]


def test_the_language_of_a_row_is_read():
    arguments = {"checker": ["change_case:english_capital"], "checker_args": ["{}"]}
    assert reward(["?"], ["ДА"], None, **arguments, language=["ru"]) == [1.0]
    assert reward(["?"], ["是"], None, **arguments, language=["en"]) == [0.0]
    assert reward(["?"], ["是"], None, **arguments, language=[None]) == [None]


def test_columns_are_text_that_survives_tables():
    for checks in CHECKS:
        name, args = columns(checks)
        assert isinstance(json.loads(args), dict)
        assert (name == "") == (not checks)
        if checks:
            load_check(name, args)


@pytest.mark.parametrize(
    "checks",
    [
        [Checker(name="exact", args="")],
        [Checker(name="exact", args="[]")],
        [Checker(name="exact", args="[" * 100_000)],
        [Checker(name="exact", args='{"answer": 3}')],
        [Checker(name="exact", args='{"answer": "a"}'), Checker(name="exact", args="{")],
        [Checker(name="all", args='{"checks": [{"name": "punctuation:no_comma"}]}'), Checker(name="punctuation:no_comma")],
        [Checker(name="punctuation:no_comma")] * 101,
    ],
)
def test_checks_that_cannot_be_loaded_make_no_columns(checks):
    with pytest.raises(InputError, match="checker '"):
        columns(checks)
    with pytest.raises(UsageError, match="no checker is called"):
        columns([Checker(name="exakt"), *checks])


@pytest.mark.parametrize(
    ("completion", "given"),
    [
        ("<think>Is it 5?</think>\n\nIt is 4.", 1.0),
        ("Is it 5?\n</think>\nIt is 4.", 1.0),
        ("<think>It is 4.", 0.0),
        ("<think>It is 4.</think>", 0.0),
        ("<think>4</think> 5", 0.0),
        ("The tags <think> and </think> make 4", 1.0),
    ],
)
def test_what_was_thought_is_not_the_answer(completion, given):
    assert reward(["?"], [completion], None, checker=["numeric"], checker_args=['{"answer": 4}']) == [given]
    assert reward(["?"], [[{"role": "assistant", "content": completion}]], None, checker=["numeric"], checker_args=['{"answer": 4}']) == [
        given
    ]


def test_rows_that_cannot_be_checked_stop_the_training_with_their_number():
    with pytest.raises(UsageError, match="row 1: no checker is called 'exakt' — did you mean 'exact'"):
        reward(["?"] * 2, ["a"] * 2, None, checker=["", "exakt"], checker_args=["{}", "{}"])
    with pytest.raises(InputError, match="row 0: the arguments of checker 'exact' are not JSON"):
        reward(["?"], ["a"], None, checker=["exact"], checker_args=["{"])
    with pytest.raises(InputError, match="no column 'checker_args'"):
        reward(["?"], ["a"], None, checker=["exact"])
    with pytest.raises(InputError, match="holds dict, not text"):
        reward(["?"], ["a"], None, checker=["exact"], checker_args=[{"answer": "a"}])
    with pytest.raises(InputError, match="2 completions"):
        reward(["?"] * 2, ["a"] * 2, None, checker=["exact"], checker_args=["{}"])


def test_what_is_said_in_messages():
    turns = [
        {"role": "assistant", "content": [{"type": "text", "text": "One "}, {"type": "image"}, {"type": "text", "text": "two"}]},
        {"role": "tool", "content": "noise"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "assistant", "content": "three"},
    ]
    assert said(turns, "assistant") == "One two\n\nthree"
    assert said("as it is") == "as it is"
    assert said([]) == ""


def test_no_column_has_a_name_that_trl_passes_itself():
    found = find_spec("trl")
    if found is None or found.origin is None:
        pytest.skip("trl is not installed")
    # read, not imported: that takes a quarter of a minute
    trainer = Path(found.origin).with_name("trainer") / "grpo_trainer.py"
    source = trainer.read_text(encoding="utf-8").partition("def _calculate_rewards")[2].partition("\n    def ")[0]
    taken = {"prompt", "completion", "prompts", "completions", "completion_ids", "trainer_state", "log_extra", "log_metric", "environments"}
    assert all(f'"{name}"' in source or f"{name}=" in source for name in taken)
    assert not taken & {*COLUMNS, "language"}
    assert "environment" not in COLUMNS
