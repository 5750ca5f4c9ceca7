"""The manual works as written: every command and every snippet of README and docs is run, in order, page by page."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from fake_server import Body, FakeServer
from notebooks import NOTEBOOK, displayed, executed, load
from pages import NOT_RUN, PAGES, Reader, blocks, compare, not_run, shape
from plausible_answers import plausible
from trainee import make_trainee
from whole_runs import ROOT, SEEDS, Demo, pairs, rows, seed_documents, seed_queries, write_rows

from wildgraph.registry import registered

pytestmark = pytest.mark.usefixtures("remembered")

TYPES = ("contract", "news article", "meeting transcript")
FOLLOWED = [page for page in PAGES if blocks(page, "console", "python")]
RUBRICS = ("faithful", "complete", "follows", "needs_documents", "natural")


def answer(body: Body) -> str:
    """What writer, judge and trainee answer."""
    system, said = body["messages"][0]["content"], body["messages"][-1]["content"]
    if "You have not been given the documents" in system:
        return json.dumps({"known": False, "answer": ""})
    if "You compare two answers" in system:
        return json.dumps({"reason": "another finding", "same": False})
    if "Score each of these from 1 to 5" in said:
        return json.dumps({"scores": [{"rubric": name, "reason": "looked up", "score": 5} for name in RUBRICS]})
    if "You write the worse one" in system:
        return "The text holds what such texts usually hold, and says so at some length, with dates and figures that one would expect."
    if "<<<" not in said:  # the trainee is asked with the prompt that trains
        return "It is 12." if len(said) % 2 else "That cannot be told."
    return plausible(body)


@pytest.fixture
def place(tmp_path: Path, demo: Demo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with what the pages speak of: logs, a corpus, the repository's data, a tokenizer, and a run."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_BASE_URL", "WILDGRAPH_JUDGE_KEY", "WILDGRAPH_TRAINEE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    Path("logs").mkdir()
    write_rows(Path("logs/first.jsonl"), seed_queries(394))
    shutil.copy(SEEDS / "queries.jsonl", "log.jsonl")
    pd.DataFrame(seed_queries(120)).to_parquet("wildchat.parquet")
    asked = [(row["conversation"][0]["content"], row["hashed_ip"], row["conversation_hash"]) for row in seed_queries(394)]
    with Path("questions.csv").open("w", encoding="utf-8", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(("question", "customer", "lang", "ticket"))
        table.writerows((text, user, "en", name) for text, user, name in asked)
    write_rows(Path("tickets.jsonl"), ({"ticket": name, "customer": user, "body": text} for text, user, name in asked))
    Path("corpus").mkdir()
    for row in seed_documents(*TYPES):
        Path(f"corpus/{row['id']}.md").write_text(f"# {row['title']}\n\n{row['text']}\n", encoding="utf-8")
    for name in ("corpus.parquet", "documents.parquet"):
        pd.DataFrame(seed_documents(*TYPES)).to_parquet(name)
    Path("benchmarks").mkdir()
    write_rows(Path("benchmarks/quiz.jsonl"), [{"question": "Which river does the longest bridge of the country cross, and since when?"}])
    write_rows(Path("last-month.jsonl"), rows(demo.run / "pairs.jsonl")[:1])
    make_trainee(tmp_path / "models/my-model")
    write_model(tmp_path)
    for name in ("seed_queries", "graphs"):
        Path(name).symlink_to(ROOT / name)
    shutil.copytree(demo.run, tmp_path / "demo")
    for name in (
        "RUN",
        "run",
        "RUN-table",
        "RUN-tickets",
        "RUN-next",
    ):  # these queries were read before: the pages are tried, not the speed
        shutil.copytree(demo.run / "private", tmp_path / name / "private")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    registered.cache_clear()
    for name in ("my_wildgraph", "my_model"):
        sys.modules.pop(name, None)


def write_model(folder: Path) -> None:
    """The reader's own model: a function of messages."""
    code = "from plausible_answers import plausible\n\n\ndef complete(messages, decoding):\n    return plausible({'messages': messages})\n"
    (folder / "my_model.py").write_text(code)


#: Lengths that the few documents here can fill, in place of those that a page names.
SMALLER = {"8k,32k,128k": "8k"}
#: Somebody who is in the log here.
SOMEBODY = {"anna@example.org": seed_queries(1)[0]["hashed_ip"]}
#: What the price table knows of the server that a page means, and not of the one that stands for it.
PRICES = {"gpt-4o-mini": ("--price", "input=0.15,output=0.6")}

#: What a page takes for granted, as a reader who comes to it has it.
HOLDS_A_SAMPLE = {
    "data-sets.md",
    "gates.md",
    "README.md",
    "shape-and-objectives.md",
    "publish-graphs.md",
    "training.md",
    "records.md",
    "terminal.md",
}
HOLDS_GRAPHS = {"documents.md", "diversity.md", "extend.md", *HOLDS_A_SAMPLE}


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_can_be_followed_to_the_letter(
    page: Path, place: Path, fake_server: Callable[..., FakeServer], monkeypatch: pytest.MonkeyPatch
):
    if page.name in HOLDS_GRAPHS:
        shutil.rmtree("RUN")
        shutil.copytree("demo", "RUN")
    if page.name == "documents.md":  # short texts, which fill what longer ones leave
        for row in seed_documents("short story", "historical essay", "technical manual"):
            for at, part in enumerate(one for one in row["text"].split("\n\n") if len(one) > 200):
                Path(f"corpus/{row['id']}-{at}.md").write_text(part, encoding="utf-8")
    writer, other = fake_server(answer=answer, models=("fake", "my-model")), fake_server(answer=answer)
    if page.name == "servers.md":
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("OPENAI_BASE_URL", writer.base_url)
    else:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    replaced = {"http://localhost:8001": other.base_url, "http://localhost": writer.base_url, **SMALLER, **SOMEBODY}
    if page.name == "gates.md":
        replaced["ID"] = pairs(Path("RUN"))[0].id
    reader = Reader(replaced, PRICES, most={"first-data-set.md": 20, "training.md": 12}.get(page.name, 6))
    reader.follow(page, installed=registered.cache_clear)
    assert reader.ran or all(not_run(line) for block in blocks(page, "console") for line in block.code.splitlines() if line.strip())


def test_what_is_not_run_is_still_on_some_page():
    lines = [line for page in PAGES for block in blocks(page, "console") for line in block.code.splitlines()]
    assert {not_run(line) for line in lines} - {""} == set(NOT_RUN)
    assert all(NOT_RUN.values())


def test_every_block_has_a_language_that_is_known_here():
    """Else a snippet could be hidden from these tests by another word behind its fence."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert text.count("```") % 2 == 0, page
        opened = re.findall(r"^```(.*)$", text, re.MULTILINE)[::2]
        assert {one.partition(" ")[0] for one in opened} <= {"console", "python", "text", "yaml", "toml", "json"}, page
        for block in blocks(page, "yaml"):
            assert yaml.safe_load(block.code), page
        for block in blocks(page, "json"):
            assert json.loads(block.code), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path):
    for target, place in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        file = (page.parent / target) if target else page
        assert file.exists(), target
        if place:
            titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            known = {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}
            assert place in known, f"{target}#{place}"


def test_every_page_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"[\w./-]+\.md", text))
    assert named == {page.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.name != "README.md"}


# --------------------------------------------------------------------------- the instruments


def test_a_page_that_shows_something_else_is_noticed():
    compare("a 1\n…\nc 3", "a 2\nb\nc 4 and more\n")
    for shown in ("c 3\na 1", "d", "a"):
        with pytest.raises(AssertionError, match="not said"):
            compare(shown, "a 2\nb\nc 4\n") if shown != "a" else compare("ab", "a 2")
    assert shape(" a   1,234.5 \n\n") == ["a #"]


def test_a_command_that_is_not_ours_is_noticed(tmp_path: Path):
    page = tmp_path / "x.md"
    page.write_text("```console\nrm -rf /\n```\n")
    with pytest.raises(AssertionError, match="neither run nor on the list"):
        Reader({}).follow(page)


def test_a_snippet_that_fails_is_noticed(tmp_path: Path):
    page = tmp_path / "x.md"
    page.write_text("```python\nimport wildgraph\nwildgraph.bulid\n```\n")
    with pytest.raises(AttributeError, match="bulid"):
        Reader({}).follow(page)


# --------------------------------------------------------------------------- the notebook


def test_the_notebook_runs_and_shows_what_it_shows(place: Path):
    kept = load(NOTEBOOK)
    made = executed(kept)
    for before, after in zip(kept["cells"], made["cells"], strict=True):
        assert [form(text) for text in displayed(before)] == [form(text) for text in displayed(after)], "".join(before["source"])


def form(shown: str) -> object:
    """What stays the same when the data change a little: the columns of a table, the number of lines of anything else."""
    head = re.search(r"<thead>(.*?)</thead>", shown, re.DOTALL)
    return re.findall(r"<th[^>]*>(.*?)</th>", head[1]) if head else len(shown.splitlines())


def test_the_notebook_is_well_formed():
    kept = load(NOTEBOOK)
    assert (kept["nbformat"], kept["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in kept["cells"]}) == len(kept["cells"])
    sources = ["".join(cell["source"]) for cell in kept["cells"] if cell["cell_type"] == "code"]
    assert sources
    assert not any(line.lstrip().startswith(("%", "!")) for source in sources for line in source.splitlines()), "plain Python only"
