"""What README says of the project is true. That its commands and snippets work is in test_pages.py."""

from __future__ import annotations

import json
import re

from pages import blocks
from whole_runs import ROOT, Demo, rows, seed_documents, seed_queries

from wildgraph.cli import cli
from wildgraph.paradigms import PARADIGMS
from wildgraph.registry import registered

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")


def commands() -> str:
    """All that README tells people to type."""
    return "".join(block.code for block in blocks(README, "console"))


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", commands()))
    assert named
    assert named <= targets


def test_what_is_said_of_the_seed_data_is_true():
    (queries, documents) = map(int, re.search(r"(\d+) queries and (\d+) documents", TEXT).groups())
    assert queries == len(seed_queries(10**6))
    assert documents == len(seed_documents())


def test_every_command_is_named_here_or_in_the_manual():
    """A command that nobody is told of might as well not be there."""
    manual = "".join(page.read_text(encoding="utf-8") for page in (README, *(ROOT / "docs").rglob("*.md")))
    assert [name for name in cli.commands if f"wildgraph {name}" not in manual] == []
    assert set(re.findall(r"^wildgraph ([a-z]+)", commands(), re.MULTILINE)) <= set(cli.commands)


def test_every_paradigm_and_every_format_has_its_line():
    assert re.findall(r"^\| `([a-z_]+)` \| ", TEXT.partition("| paradigm |")[2].partition("\n\n")[0], re.MULTILINE) == list(PARADIGMS)
    assert set(re.findall(r"^\| `(sft|dpo|grpo)` \|", TEXT, re.MULTILINE)) == {"sft", "dpo", "grpo"}
    comment = re.search(r"--to sft +# also (.*?);", TEXT)[1]
    assert {"sft", *comment.split(", ")} == set(registered("exporters"))


def test_the_pair_that_is_shown_looks_like_a_pair(demo: Demo):
    (block,) = blocks(README, "json")
    shown = json.loads(block.code)
    like = [row for row in rows(demo.run / "pairs.jsonl") if row["paradigm"] == shown["paradigm"]]
    assert like
    for name, value in shown.items():
        assert any(type(row[name]) is type(value) for row in like), name
        if isinstance(value, dict):
            assert value.keys() == like[0][name].keys(), name
        if isinstance(value, list) and isinstance(value[0], dict):
            assert any(row[name] and row[name][0].keys() == value[0].keys() for row in like), name
