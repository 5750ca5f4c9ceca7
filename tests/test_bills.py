"""What stages took, also those of a command that was killed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wildgraph import bills
from wildgraph.bills import BillBook
from wildgraph.funnel import StageCount


@pytest.fixture(autouse=True)
def every_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bills, "_EVERY", 0.0)


def spent(stage: str, requests: int) -> StageCount:
    return StageCount(stage, requests=requests, cost=requests / 100)


def requests(book: BillBook, stage: str) -> tuple[float, float]:
    found = book.read()[stage]
    return found["total"]["requests"], found["last"]["requests"]


def test_totals_grow_and_the_last_time_is_kept_apart(tmp_path: Path):
    book = BillBook(tmp_path)
    assert book.read() == {}
    book.enter("mine", spent("mine", 3))
    book.enter("mine", spent("mine", 4))
    assert requests(book, "mine") == (7, 4)
    assert book.read()["mine"]["total"]["cost"] == pytest.approx(0.07)


def test_what_a_stage_says_at_work_is_part_of_the_bill_once(tmp_path: Path):
    book = BillBook(tmp_path)
    for so_far in (2, 5, 9):
        book.under_way([spent("mine", so_far), spent("judge", 0)])
        assert requests(book, "mine") == (so_far, so_far)
        assert requests(BillBook(tmp_path), "mine") == (so_far, so_far), "whoever else looks sees it too"
    book.enter("mine", spent("mine", 10))
    assert requests(book, "mine") == (10, 10)
    assert "running" not in json.loads((tmp_path / bills.FILE).read_text())
    assert "judge" not in book.read()


@pytest.mark.parametrize("next_stage", ["mine", "graph"])
def test_the_bill_of_a_command_that_was_killed_stays_in_the_totals(tmp_path: Path, next_stage: str):
    first = BillBook(tmp_path)
    first.enter("mine", spent("mine", 1))
    first.under_way([spent("mine", 5), spent("judge", 2)])
    second = BillBook(tmp_path)
    assert requests(second, "mine") == (6, 5)
    second.under_way([spent(next_stage, 3)])
    second.enter(next_stage, spent(next_stage, 4))
    assert requests(second, "mine") == ((10, 4) if next_stage == "mine" else (6, 5))
    assert requests(second, "judge") == (2, 2)
    third = BillBook(tmp_path)
    third.enter("judge", spent("judge", 0))
    assert requests(third, "judge") == (2, 0)
    assert requests(third, "mine") == requests(second, "mine")


def test_words_come_no_oftener_than_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bills, "_EVERY", 1000.0)
    book = BillBook(tmp_path)
    book.under_way([spent("mine", 1)])
    book.under_way([spent("mine", 2)])
    assert requests(book, "mine") == (1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"stages": []}',
        '{"stages": {"mine": 5}}',
        '{"stages": {"mine": {"total": {"requests": "x"}}}}',
        '{"running": {"mine": {"a": "b"}}}',
    ],
)
def test_a_corrupt_bill_is_begun_anew(tmp_path: Path, text: str):
    (tmp_path / bills.FILE).write_text(text)
    book = BillBook(tmp_path)
    assert book.read() == {}
    book.enter("mine", spent("mine", 7))
    assert requests(book, "mine") == (7, 7)
