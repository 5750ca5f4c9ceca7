"""Pages of the manual as programs: their blocks in order, and what is needed to run them."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from whole_runs import ROOT, succeed

#: Every page that a reader may follow.
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

#: Beginnings of lines that no test runs, and why. Each must still be on some page.
NOT_RUN: Mapping[str, str] = {
    "git clone": "needs a network",
    "cd wildgraph": "goes with git clone",
    "make install": "installs; the tests run in what it made",
    "make demo": "installs; `wildgraph demo` itself is run",
    "make test": "would run this test",
    "source .venv": "changes the shell",
    "pip install": "needs a network",
    "vllm serve": "needs a GPU",
    "ollama pull": "needs Ollama",
    "wildgraph screen": "needs a checkpoint; tests/screening/test_pages.py types these lines with one",
    "  --train-command": "goes on from `wildgraph screen`",
    "wildgraph view RUN --serve": "serves until Ctrl-C; tests/commands/test_view_command.py runs it",
    "export OPENAI_API_KEY": "changes the shell; the test sets a key",
    "python RUN/export/trl_": "trains a model; tests/exporters/test_trl.py runs the scripts on a tiny one",
}

_FENCE = re.compile(r"^```(?P<kind>\w+)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file it is to be saved as (or empty), and its text."""

    kind: str
    title: str
    code: str


def blocks(page: Path, *kinds: str) -> list[Block]:
    """The blocks of a page in order; those of some languages where any are named."""
    found = [Block(one["kind"], one["title"] or "", one["code"]) for one in _FENCE.finditer(page.read_text(encoding="utf-8"))]
    return [one for one in found if not kinds or one.kind in kinds]


def not_run(line: str) -> str:
    """The entry of :data:`NOT_RUN` that a line falls under, or the empty string."""
    return next((start for start in NOT_RUN if line.startswith(start)), "")


def shape(text: str) -> list[str]:
    """Lines without their numbers and spaces: what stays the same when the data change a little."""
    return [re.sub(r"[\d,.]+", "#", " ".join(line.split())) for line in text.splitlines() if line.strip()]


@dataclass
class Reader:
    """Follows a page to the letter.

    Attributes:
        replaced: beginning of a word, such as an address -> the word that stands for it here.
        added: word -> words that are put behind a command that has it.
        most: pairs that a sample has at most.
    """

    replaced: Mapping[str, str]
    added: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    most: int = 6
    said: str = ""
    ran: list[str] = field(default_factory=list)
    names: dict[str, object] = field(default_factory=lambda: {"__name__": "page"})

    def follow(self, page: Path, installed: Callable[[], None] = lambda: None) -> None:
        """Run every block; ``installed`` is called when the page brought a package of its own."""
        for block in blocks(page):
            if block.title:
                Path(block.title).write_text(block.code, encoding="utf-8")
                if block.title == "pyproject.toml":
                    install(block.code)
                    installed()
            elif block.kind == "console":
                self.said = "".join(self._line(line) for line in block.code.splitlines() if line.strip())
            elif block.kind == "python":
                self._python(block.code, page)
            elif block.kind == "text" and self.said:
                compare(block.code, self.said)

    def _line(self, line: str) -> str:
        if not_run(line):
            return ""
        words = shlex.split(line, comments=True)
        if not words:
            return ""
        assert words[0] == "wildgraph", f"neither run nor on the list of what is not: {line}"
        words = [next((real for start, real in self.replaced.items() if word.startswith(start)), word) for word in words[1:]]
        words += [one for word, more in self.added.items() if word in words for one in more]
        if "-n" in words:
            words[words.index("-n") + 1] = str(min(self.most, int(words[words.index("-n") + 1])))
        outcome = succeed(*words)
        assert outcome.out, line
        self.ran.append(words[0])
        return outcome.out

    def _python(self, code: str, page: Path) -> None:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, str(page), "exec"), self.names)
        self.said = out.getvalue()
        self.ran.append("python")


def compare(shown: str, said: str) -> None:
    """What a page shows must be what is said, but for numbers, in the same order; a line of ``…`` stands for any lines."""
    told = shape(said)
    at = 0
    for line in shape(shown):
        if line == "…":
            continue
        places = [place for place in range(at, len(told)) if told[place] == line or told[place].startswith(f"{line} ")]
        assert places, f"not said (any more): {line!r}\nsaid: {told}"
        at = places[0] + 1


def install(toml: str) -> None:
    """What pip leaves of a package's metadata, in the current folder: its entry points."""
    project = tomllib.loads(toml)["project"]
    folder = Path(f"{project['name'].replace('-', '_')}-{project['version']}.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (folder / "entry_points.txt").write_text("\n".join(groups))
