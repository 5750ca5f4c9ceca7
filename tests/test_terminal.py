"""What is shown while a command runs, and its results as tables: nothing is wider than a terminal of eighty columns."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from whole_runs import SEEDS, Demo, succeed, wildgraph

from wildgraph.cli import _ORDER, cli
from wildgraph.engines import charge
from wildgraph.funnel import StageCount
from wildgraph.llm import Usage
from wildgraph.llm.prices import PICO
from wildgraph.llm.tally import Counts
from wildgraph.progress import Progress
from wildgraph.terminal import show_status


def counted() -> StageCount:
    count = StageCount("mine", entered=100, passed=90, seconds=2.0)
    charge(count, Counts(completions=100, hits=20, requests=95, replies=80, usage=Usage(9000, 1000, 500), cost=PICO // 4, unpriced=3))
    return count


def test_live_totals_say_requests_tokens_money_and_retries(capsys: pytest.CaptureFixture[str]):
    with Progress() as progress:
        progress(counted(), 100)
    said = capsys.readouterr().err
    assert "95 requests, 20 from cache, 10000 tokens, $0.2500, 15 retries" in said


def test_quiet_shows_nothing(capsys: pytest.CaptureFixture[str]):
    with Progress(quiet=True) as progress:
        progress(counted(), 100)
    assert capsys.readouterr() == ("", "")


def test_the_status_marks_what_has_no_price(capsys: pytest.CaptureFixture[str]):
    count = counted()
    show_status({"stages": {"mine": {**count.funnel(), **count.bill()}}})
    assert "$0.2500+?" in capsys.readouterr().out


def test_the_live_table_is_of_eighty_columns_whatever_the_counts():
    big = StageCount("canonicalize", entered=999_999, passed=999_949, seconds=5e3)
    big.rejected.update({"no_document": 1_234_567, "invalid_answer": 89_012, "truncated_answer": 34_567, "timeout": 3})
    charge(big, Counts(completions=9, hits=999_949, requests=12_345_678, replies=9, usage=Usage(10**12, 10**9, 0), cost=98_765 * PICO))
    gate = StageCount("gate", entered=5, passed=3, seconds=0.1)
    progress = Progress(wanted=200_000)
    for count, total in ((counted(), 100), (big, 10**9), (gate, None)):
        progress(count, total)
    shown = progress._table(0.0).plain.splitlines()
    assert shown[0].split() == ["stage", "in", "out", "rows/s", "asked", "cached", "tokens", "spent", "ETA"]
    assert {len(line) for line in shown if not line.startswith("  dropped")} == {80}
    assert shown[1].split() == ["mine", "100/100", "90", "50.0", "95", "20", "10.0k", "$0.2500"]
    assert shown[2].split() == ["canonicalize", "1.00M/1.00G", "1.00M", "200.0", "12.3M", "1.00M", "1.00T", "$98,765", "57.8", "d"]
    assert shown[3] == "  dropped no_document 1,234,567, invalid_answer 89,012, truncated_answer 34,567"
    assert shown[4].split() == ["gate", "5", "3/200k"]
    assert shown[5].split()[:3] == ["together", "12.3M", "1.00M"]


class Terminal:
    """A stream that says it is a terminal, and keeps what is written to it."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.said = ""

    def write(self, text: str) -> int:
        self.said += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def test_the_live_table_is_drawn_on_a_terminal_and_taken_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress() as progress:
        progress(counted(), 100)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.said)
    assert "mine" in plain
    assert max(map(len, re.split(r"[\r\n]", plain))) <= 80
    assert terminal.said.rindex("\x1b[2K") > terminal.said.rindex("10.0k")


#: Lines that are tables or belong to one.
TABLES = ("status", "coverage", "gate", "graph stats", "cache stats")


@pytest.mark.parametrize("command", TABLES)
def test_tables_fit_eighty_columns(command: str, demo: Demo, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("wildgraph.terminal.terminal_width", lambda: 80)
    monkeypatch.setattr("wildgraph.commands.gate.terminal_width", lambda: 80)
    monkeypatch.setattr("wildgraph.commands.graph.terminal_width", lambda: 80)
    said = succeed(*command.split(), demo.run).out.splitlines()
    assert len(said) > 5
    assert [line for line in said if len(line) > 80] == []


def test_an_estimate_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("wildgraph.terminal.terminal_width", lambda: 80)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    said = succeed("estimate", "build", SEEDS / "queries.jsonl", "-o", tmp_path / "run", "--model", "gpt-4o-mini").out.splitlines()
    assert any(line.startswith("together") for line in said)
    assert [line for line in said if len(line) > 80] == []


def test_commands_are_listed_in_the_order_in_which_one_works(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    said = wildgraph("--help").out
    named = re.findall(r"^  ([a-z]+) {2,}\S", said.partition("Start:")[2], re.MULTILINE)
    assert named == list(cli.commands) == [name for commands in _ORDER.values() for name in commands]
    work = ["demo", "doctor", "build", "sample", "show", "status", "view", "export"]
    assert named[: len(work)] == work
    assert "..." not in said.partition("Start:")[2]
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize("command", ["status", "graph stats"])
def test_a_reader_that_goes_away_is_no_failure(command: str, demo: Demo):
    """``wildgraph status RUN | head -1`` under ``set -o pipefail``."""
    call = [sys.executable, "-m", "wildgraph", *command.split(), str(demo.run)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""
