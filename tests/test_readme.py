"""What README and the documentation's first page tell people to type works as written."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from fake_server import FakeServer
from plausible_answers import plausible
from whole_runs import ROOT, SEEDS, Demo, copied, seed_documents, seed_queries, succeed, write_rows

pytestmark = pytest.mark.usefixtures("remembered")

PAGES = (ROOT / "README.md", ROOT / "docs" / "index.md", ROOT / "docs" / "how-to" / "models-and-money.md")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TYPES = ("contract", "news article", "meeting transcript")


def blocks(page: Path, language: str) -> list[str]:
    return [code for kind, code in _BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


@pytest.fixture
def place(tmp_path: Path, demo: Demo, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the examples speak of: logs, a corpus, the repository's data, and runs of these that were begun before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    Path("logs").mkdir()
    write_rows(Path("logs/first.jsonl"), seed_queries(394))
    shutil.copy(SEEDS / "queries.jsonl", "log.jsonl")
    pd.DataFrame(seed_queries(120)).to_parquet("wildchat.parquet")
    Path("corpus").mkdir()
    for row in seed_documents(*TYPES):
        Path(f"corpus/{row['id']}.md").write_text(f"# {row['title']}\n\n{row['text']}\n", encoding="utf-8")
    pd.DataFrame(seed_documents(*TYPES)).to_parquet("corpus.parquet")
    for name in ("seed_queries", "graphs"):
        Path(name).symlink_to(ROOT / name)
    copied(demo.run, tmp_path)
    for name in ("RUN", "run"):  # the offline engine has read these queries before: the examples are tried, not its speed
        shutil.copytree(demo.run / "private", tmp_path / name / "private")
    return tmp_path


def test_every_command_of_the_pages_works(place: Path, fake_server: Callable[..., FakeServer]):
    server = fake_server(answer=plausible)
    tried = []
    for page in PAGES:
        for line in "".join(blocks(page, "console")).splitlines():
            words = shlex.split(line, comments=True)
            if not words or words[0] == "make":
                continue
            assert words[0] == "wildgraph", line
            words = [server.base_url if word.startswith("http://localhost") else word for word in words[1:]]
            if "-n" in words:
                words[words.index("-n") + 1] = "6"
            if words[0] == "doctor":
                continue  # it reports on the machine, not on the command
            if words[0] == "screen":
                continue  # it needs a checkpoint: tests/screening/test_pages.py makes one
            outcome = succeed(*words)
            assert outcome.out
            tried.append(words[0])
    assert {"build", "sample", "view", "export", "status", "demo"} <= set(tried)
    assert server.counted.requests > 120
    for made in ("RUN/graphs", "RUN/pairs.jsonl", "RUN/explorer.html", "RUN/export/README.md", "demo/explorer.html"):
        assert (place / made).exists()


def test_every_python_block_of_the_pages_works(place: Path):
    found = [code for page in PAGES for code in blocks(page, "python")]
    assert found
    for code in found:
        exec(compile(code, "README.md", "exec"), {})
    assert (place / "run/pairs.jsonl").exists()
    assert (place / "run/explorer.html").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_every_make_target_of_the_readme_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", "".join(blocks(ROOT / "README.md", "console"))))
    assert named
    assert named <= targets


def test_what_the_readme_says_of_the_seed_data_is_true():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (queries, documents) = map(int, re.search(r"(\d+) queries and (\d+) documents", text).groups())
    assert queries == len(seed_queries(10**6))
    assert documents == len(seed_documents())
