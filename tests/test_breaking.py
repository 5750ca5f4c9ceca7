"""Answers that a program breaks: one thing is wrong, and length and form stay."""

import json

import pytest
from made_pairs import ANSWER, LEASE, MINUTES

from wildgraph.breaking import SPREAD, breaks, form_of, matches

TOWN = (
    "Ms Ada Okafor opened the meeting. Mr Lars Ekholm spoke for the Harbour Board. The levy rises from 12.5% to 14.0%. In 2019 it was 11.5%. "
    "The committee met in 2021. The new pier costs $3,400,000 and the old one cost $1,250,000. Ms Okafor thanked all members for coming."
)
LIST = "1. The levy rises to 14.0%.\n2. In 2019 it was 11.5%.\n3. The committee met in 2021."


def all_broken(instruction, answer, *documents, seed="s"):
    return {one.detail: one.text for one in breaks(instruction, answer, documents or (TOWN,), seed=seed)}


def broken(instruction, answer, *documents, seed="s"):
    """Without the statements that are turned round, which come last and nearly everywhere."""
    found = all_broken(instruction, answer, *documents, seed=seed)
    return {detail: text for detail, text in found.items() if " at " not in detail or "asked for" in detail}


def test_a_figure_is_exchanged_with_one_that_looks_like_it_everywhere():
    (text,) = broken("What about the levy?", "The levy rises to 14.0%. Yes, 14.0%.").values()
    assert text in ("The levy rises to 12.5%. Yes, 12.5%.", "The levy rises to 11.5%. Yes, 11.5%.")
    (text,) = broken("When?", "It was in 2019.").values()
    assert text == "It was in 2021."
    (text,) = broken("How much?", "It costs $3,400,000.").values()
    assert text == "It costs $1,250,000."


def test_figures_of_the_request_and_of_lists_and_those_without_a_like_stay():
    assert broken("What happened in 2019, 2021?", "1. It was 2019.\n2. It was not 2021.") == {}
    assert broken("How many?", "There were 777 members.") == {}
    for seed in "abcdef":
        (text,) = broken("List.", LIST, "The levy rises to 14.0%. It was 11.5% or 12.5%. 3. 2. 1.", seed=seed).values()
        assert [line.split()[0] for line in text.splitlines()] == ["1.", "2.", "3."]


def test_a_name_is_exchanged_with_another_of_the_document():
    found = broken(
        "Who spoke?", "It was Lars Ekholm of the board.", "Lars Ekholm spoke. Anna Virtanen did not. The Meeting ended. the meeting"
    )
    assert found == {"Lars Ekholm became Anna Virtanen": "It was Anna Virtanen of the board."}


def test_the_first_word_of_a_sentence_is_no_name():
    text = "Nobody knew. Under Harbour light and under wind he went. Lars Ekholm came late."
    assert broken("Who came?", "It was Lars Ekholm.", text) == {}


def test_an_order_is_broken_only_where_one_is_asked_for():
    words = "1. First came the vote.\n2. Then came the count.\n3. Last came the end."
    found = broken("List the events in chronological order.", words, MINUTES)
    (text,) = found.values()
    assert text != words
    assert sorted(line[3:] for line in text.splitlines()) == sorted(line[3:] for line in words.splitlines())
    assert [line[:2] for line in text.splitlines()] == ["1.", "2.", "3."]
    assert broken("List the events.", words, MINUTES) == {}


@pytest.mark.parametrize("seed", list("abcdefgh"))
def test_a_number_of_items_is_missed_by_one(seed):
    bullets = "\n".join(
        f"- Point {word} is that the matter is as it was said before." for word in ("one", "two", "three", "four", "five", "six")
    )
    (detail,) = broken("Give me exactly 6 bullet points.", bullets, MINUTES, seed=seed)
    assert detail in ("5 items where 6 were asked for", "7 items where 6 were asked for")


def test_both_more_and_less_come():
    bullets = "\n".join(
        f"- Point {word} is that the matter is as it was said before." for word in ("one", "two", "three", "four", "five", "six")
    )
    assert len({detail for seed in range(12) for detail in broken("exactly 6 points", bullets, MINUTES, seed=str(seed))}) == 2


def test_word_limits_are_overrun_and_missed_by_a_little():
    answer = "The committee met to vote. " * 9 + "It ended."
    (detail, text), *_ = broken("Use no more than 50 words.", answer, "It was a long day for all of the members. It ended.").items()
    assert detail.endswith("at most 50 were asked for")
    assert text.startswith(answer)
    assert len(text) <= (1 + SPREAD) * len(answer)
    (detail, text), *_ = broken("Write at least 45 words.", answer, "It ended.").items()
    assert "at least 45" in detail
    assert len(text) >= (1 - SPREAD) * len(answer)
    assert broken("Use no more than 500 words.", answer, "It was a long day for all of the members.") == {}  # would be twice as long


def test_tables_and_json_are_not_made_longer_in_prose():
    table = "| a | b |\n| --- | --- |\n| 1 | x |\n| 2 | y |\n| 3 | z |\n| 4 | v |\n| 5 | w |\n| 6 | u |"
    for text in broken("Give me exactly 6 rows.", table, TOWN).values():
        assert form_of(text) == "table"
    rows = json.dumps([{"statement": "It was in 2019."}])
    for text in broken("As JSON.", rows).values():
        json.loads(text)


def test_a_name_of_one_word_is_exchanged_with_one_that_comes_more_than_once():
    text = (
        "Then came Xenomanes, and then Pantagruel spoke. He told Xenomanes of Pantagruel and of Epistemon. The Pilot slept; the pilot woke."
    )
    found = broken("Who came?", "They say that Xenomanes came.", text)
    assert found["Xenomanes became Pantagruel"] == "They say that Pantagruel came."


def test_a_statement_without_facts_is_turned_round_in_one_place():
    found = all_broken("What about it?", "Aggregation is always permitted.", "Aggregation is always permitted.")
    (text,) = found.values()
    assert text in ("Aggregation is not always permitted.", "Aggregation is never permitted.", "Aggregation is always forbidden.")
    assert all_broken("What?", "Nothing here.", "Nothing here.") == {}
    for seed in "abcdef":  # a negation would be longer
        (text,) = all_broken("What?", "It is more than it was before.", "x", seed=seed).values()
        assert text in ("It is less than it was before.", "It is more than it was after.")
    both_ways = {
        next(iter(all_broken("?", f"It is {word}.", "x", seed=seed).values()), "") for word in ("higher", "lower") for seed in "abcdef"
    }
    assert {"It is lower.", "It is higher."} <= both_ways


def test_facts_come_before_statements():
    details = list(all_broken("What?", "The levy is 14.0%.", TOWN))
    assert "14.0%" in details[0]
    assert details[-1].startswith("is became is not")


def test_the_seed_decides_and_nothing_else():
    assert broken("What?", ANSWER, LEASE, seed="x") == broken("What?", ANSWER, LEASE, seed="x")
    assert broken("", "", "") == {}
    assert len({tuple(broken("What?", LIST + " $3,400,000 Lars Ekholm", TOWN, seed=str(seed))) for seed in range(9)}) > 1


def test_forms():
    forms = {
        "1. a\n2. b": "numbered",
        "- a\n- b": "bullets",
        "- [ ] a\n- [ ] b": "checklist",
        "| a |\n| - |\n| b |": "table",
        '{"a": 1}': "json",
        "```\nx\n```": "code",
        "# A\n\nb": "headed",
        "- a": "prose",
        "": "prose",
    }
    assert {text: form_of(text) for text in forms} == forms
    assert matches(80, 100, "a", "b")
    assert not matches(79, 100, "a", "b")
    assert not matches(121, 100, "a", "b")
    assert not matches(100, 100, "- a\n- b", "b")
