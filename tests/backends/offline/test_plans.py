"""Questions, conversations, steps, sources and refusals that a program writes: what they say is so."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from wildgraph.backends.offline.repertoire import CannotWriteError
from wildgraph.backends.offline.writer import OfflineWriter
from wildgraph.checkers import check
from wildgraph.paradigms.reasoning import LEAST, steps_of
from wildgraph.paradigms.verifiable import Question, checks
from wildgraph.records import Json

SEEDS = Path(__file__).parents[3] / "seed_queries" / "documents.jsonl"
ROWS = [json.loads(line) for line in SEEDS.read_text(encoding="utf-8").split("\n") if line]
WRITER = OfflineWriter()
KINDS = ["text", "number", "choice", "list", "ordering", "free"]


def variables(paradigm: str, *rows: dict[str, str], variant: int = 0, **more: Json) -> dict[str, Json]:
    concepts = [
        "task/summarize-the-document",
        "output_format/bullet-list",
        "constraint/give-a-fixed-number-of-items",
        "user_profile/researcher",
    ]
    return {
        "documents": [{"title": row["title"], "text": row["text"]} for row in rows],
        "required": [1],
        "others": 0,
        "labels": [{"field": one.split("/")[0], "name": one.split("/")[1], "concept": one} for one in concepts],
        "document_type": "report",
        "paradigm": paradigm,
        "purpose": "",
        "language": "English",
        "variant": variant,
        **more,
    }


def flat(text: str) -> str:
    return " ".join(text.split())


def questions(kinds: list[str], paradigm: str = "verifiable") -> list[tuple[dict[str, str], Question, str]]:
    found = []
    for row in ROWS:
        for variant in range(4):
            given = variables(paradigm, row, variant=variant, kinds=kinds)
            try:
                asked = Question.model_validate(WRITER.question(given))
            except CannotWriteError:
                continue
            found.append((row, asked, WRITER.answer({**given, "instruction": asked.instruction}) if kinds == KINDS else ""))
    return found


def test_questions_of_every_kind_come_and_their_evidence_stands_in_the_document():
    found = questions(KINDS)
    assert {asked.kind for _, asked, _ in found} == set(KINDS)
    assert len(found) > 3 * len(ROWS)
    for row, asked, reply in found:
        assert list(checks(asked, asked.answer))
        assert all(one.quote in row["text"] for one in asked.evidence)
        assert reply
        if asked.kind in ("text", "number"):
            assert reply == asked.answer[0]
        if asked.kind == "choice":
            assert f"\n{reply}. {asked.answer[0]}\n" in asked.instruction
        for checker in checks(asked, asked.answer):
            verdict = check(checker.name, reply, checker.args)
            assert verdict.status == "pass", (checker, reply, verdict)
        if asked.kind in ("list", "ordering"):
            assert re.split(r",\s|\n", reply) == asked.answer


def test_a_gap_has_one_filling_and_that_is_nowhere_else():
    for row, asked, _ in questions(["text", "number"], "unanswerable"):
        (answer,) = asked.answer
        assert len(re.findall(rf"(?<!\w){re.escape(answer)}(?!\w)", row["text"])) == 1
        (passage,) = asked.evidence
        assert answer in passage.quote
        gapped = re.search(r"“([^“”]*____[^“”]*)”", asked.instruction)
        assert gapped or "“" in passage.quote
        if gapped:
            assert flat(passage.quote).endswith(gapped.group(1).replace("____", answer))


def test_counts_lists_and_orders_are_right():
    kinds = set()
    for row, asked, _ in questions(KINDS):
        counted = re.search(r"(?:mention|how often) “([^”]+)”", asked.instruction)
        if asked.kind == "number" and counted:
            kinds.add("count")
            assert int(asked.answer[0]) == len(re.findall(rf"(?<!\w){re.escape(counted.group(1))}(?!\w)", row["text"])) >= 3
        if asked.kind == "ordering":
            kinds.add("ordering")
            lines = dict(re.findall(r"^([A-E])\. (.+)$", asked.instruction, re.MULTILINE))
            places = [flat(row["text"]).index(lines[letter]) for letter in asked.answer]
            assert places == sorted(places)
            assert len(places) >= 4
        if asked.kind == "choice":
            kinds.add("choice")
            lines = dict(re.findall(r"^([A-E])\. (.+)$", asked.instruction, re.MULTILINE))
            standing = [letter for letter, line in lines.items() if line in flat(row["text"])]
            assert [lines[letter] for letter in standing] == asked.answer
            assert len(lines) == 4
        years = re.search(r"(\d{4}) (?:and|to) (\d{4})", asked.instruction)
        if asked.kind == "list" and years:
            kinds.add("years")
            there = {year for year in re.findall(r"\b\d{4}\b", row["text"]) if years.group(1) <= year <= years.group(2)}
            assert set(asked.answer) <= there
            assert 2 * len(asked.answer) <= int(years.group(2)) - int(years.group(1)) + 1
    assert kinds == {"count", "ordering", "choice", "years"}


def test_conversations_move_through_the_document_and_come_back():
    whole = 0
    for row in ROWS:
        given = variables("dialogue", row)
        try:
            turns = WRITER.turns(given)["turns"]
        except CannotWriteError:
            continue
        whole += 1
        assert isinstance(turns, list)
        assert len(turns) in (3, 4)
        exchanges: list[Json] = []
        for said in turns:
            exchanges.append({"user": said, "assistant": WRITER.reply({**given, "exchanges": exchanges, "next": said})})
        cited = WRITER.cite_turns({**given, "exchanges": exchanges})["evidence"]
        assert isinstance(cited, list)
        size, text = len(row["text"]), row["text"]
        starts = {turn: [text.index(one["quote"]) for one in cited if one["turn"] == turn] for turn in range(1, len(turns) + 1)}
        assert max(starts[1]) < size * 0.34 <= min(starts[2]) <= max(starts[2]) < size * 0.67 <= min(starts[3])
        if len(turns) == 4:
            assert sorted(starts[4]) == sorted({*starts[1], *starts[3]})
    assert whole > len(ROWS) / 2


def test_steps_quote_the_text_and_the_answer_follows():
    forms = set()
    for row in ROWS:
        for variant in range(3):
            given = variables("reasoning", row, variant=variant)
            try:
                asked = str(WRITER.instruct(given)["instruction"])
            except CannotWriteError:
                continue
            steps, final = steps_of(WRITER.reason({**given, "instruction": asked}))
            quoted = [quote for step in steps for quote in re.findall(r"“([^“”]+)”", step)]
            assert len(quoted) >= LEAST
            assert all(quote in flat(row["text"]) for quote in quoted)
            if "first" in asked and "years" not in asked:
                forms.add("earlier")
                names = [step.partition(" first comes up here")[0] for step in steps[:3]]
                assert min(names, key=row["text"].index) == final
            elif final.endswith("years"):
                forms.add("span")
                first, last = (re.search(rf"The {word} year is (\d+)", "\n".join(steps)) for word in ("earliest", "latest"))
                assert first
                assert last
                assert int(last.group(1)) - int(first.group(1)) == int(final.split()[0])
    assert "earlier" in forms


def test_the_right_document_holds_the_subject_alone():
    done = 0
    for place, row in enumerate(ROWS[:-2]):
        others = ROWS[place + 1 : place + 3]
        given = variables("choose_document", others[0], row, others[1], required=[2])
        try:
            asked = str(WRITER.instruct(given)["instruction"])
        except CannotWriteError:
            continue
        answer = WRITER.answer({**given, "instruction": asked})
        assert answer.startswith(f"“{flat(row['title'])}”: ")
        cited = WRITER.cite({**given, "answer": answer})["evidence"]
        assert isinstance(cited, list)
        assert {one["document"] for one in cited} == {2}
        assert flat(row["title"]) not in asked
        done += 1
    assert done > len(ROWS) / 2


def test_events_are_in_the_order_of_time_and_every_document_has_some():
    done = 0
    for first, second in pairwise(ROWS):
        given = variables("timeline", first, second, required=[1, 2])
        try:
            asked = str(WRITER.instruct(given)["instruction"])
        except CannotWriteError:
            continue
        done += 1
        lines = WRITER.answer({**given, "instruction": asked}).split("\n")
        years = [int(line.split()[0]) for line in lines]
        assert years == sorted(years)
        for row in (first, second):
            mine = [line for line in lines if f"({flat(row['title'])}): " in line]
            assert len(mine) == len(lines) / 2
            assert all(line.partition("): ")[2] in flat(row["text"]) for line in mine)
    assert done


def test_a_refusal_quotes_what_comes_nearest():
    for row in ROWS[:10]:
        said = WRITER.decline(variables("unanswerable", row, instruction="Which name is missing: “____ is the owner.”"))
        assert re.search(r"not|cannot", said)
        quoted = re.findall(r": “(.+)”$", said)
        assert all(quote in flat(row["text"]) for quote in quoted)


@pytest.mark.parametrize("paradigm", ["conflict", "synthesis"])
def test_what_only_a_model_can_write_is_declined(paradigm: str):
    with pytest.raises(CannotWriteError, match="only a model"):
        WRITER.instruct(variables(paradigm, *ROWS[:2]))


@pytest.mark.parametrize("paradigm", ["verifiable", "dialogue", "reasoning"])
@pytest.mark.parametrize("text", ["", "x", "A b c. " * 30, "﻿\n\n", "}{%{{ {what} {topic} %}"])
def test_a_document_that_gives_nothing_is_declined(paradigm: str, text: str):
    row = {"title": "T {what}", "text": text}
    with pytest.raises(CannotWriteError):
        {"verifiable": WRITER.question, "dialogue": WRITER.turns, "reasoning": WRITER.instruct}[paradigm](
            variables(paradigm, row, kinds=["text", "number", "choice", "list", "ordering"])
        )
