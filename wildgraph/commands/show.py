"""``wildgraph show``: one sample with everything that is known of it, in colours on a terminal, as plain text elsewhere."""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wildgraph.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from wildgraph.records import Pair
    from wildgraph.showing import Passage, Shown, ShownDocument
    from wildgraph.store import RunDirectory

_WIDTH = 120
#: Pairs among which an ordinary one is chosen.
_LOOKED_AT = 200
#: What stands around evidence where there are no colours.
_OPEN, _CLOSE = "⟦", "⟧"


@click.command()
@click.argument("identifier", metavar="[ID]", default="")
@click.option("--run", "-r", type=click.Path(path_type=Path), help="Run directory [the current folder, else ./wildgraph-run].")
@click.option("--graphs", type=click.Path(path_type=Path), help="Folder of the graphs that were sampled from [RUN/graphs].")
@click.option("--context", type=click.IntRange(0), default=160, show_default=True, help="Characters shown around evidence.")
@click.option("--json", "as_json", is_flag=True, help="The sample as its line in pairs.jsonl, indented.")
def show(identifier: str, run: Path | None, graphs: Path | None, context: int, as_json: bool) -> None:
    """Show the sample whose id begins with ID, else an ordinary one: path and graph support, documents with evidence in place, prompts, model, verdicts."""
    from rich.console import Console

    from wildgraph.showing import show as find
    from wildgraph.store import RunDirectory

    directory = RunDirectory.open(run or _default_run())
    found = find(directory, identifier or _ordinary(directory), graphs=graphs, context=context)
    if as_json:
        click.echo(json.dumps(found.pair.row(), indent=1, ensure_ascii=False))
        return
    live = sys.stdout.isatty()
    # Rich itself honours NO_COLOR: then evidence is set off by brackets, as it is in plain text.
    console = Console(file=sys.stdout, width=None if live else _WIDTH, highlight=False, markup=False, soft_wrap=not live, emoji=False)
    _print(console, found)


def _default_run() -> Path:
    for folder in (Path(), Path("wildgraph-run")):
        if (folder / "manifest.json").is_file():
            return folder
    raise InputError("neither the current folder nor ./wildgraph-run is a run directory", "name one with --run")


def _ordinary(run: RunDirectory) -> str:
    """Of the first pairs one that shows what a sample is: an answer from one document, with few labels left out of the question."""
    from wildgraph.sampling import read_pairs

    if run.stage("sample") is None:
        raise InputError(f"{run.path} holds no sample yet", f"draw one with `wildgraph sample {run.path} --documents PATH`")
    first = list(islice(read_pairs(run, "pairs.jsonl"), _LOOKED_AT))
    if not first:
        raise InputError(f"the latest sample in {run.path} holds no pair", "`wildgraph status` says what turned the candidates away")
    return min(first, key=_oddness).id


def _oddness(pair: Pair) -> tuple[bool, bool, float]:
    """How far a pair is from an ordinary one: without evidence, of another paradigm than the plainest, labels left out."""
    left_out = len(pair.provenance.unrealised) / max(1, len(pair.path) + len(pair.attributes))
    return not pair.evidence, pair.paradigm != "single_document", left_out


def _print(console: Console, found: Shown) -> None:
    pair, counts = found.pair, found.pair.n_tokens
    about = [pair.paradigm, pair.document_type, pair.split, pair.language]
    about += [f"bucket {pair.bucket:,}"] if pair.bucket else []
    about += [f"{'about ' if counts.estimated else ''}{counts.total:,} tokens"]
    _head(console, f"{pair.id}  {found.place}")
    _line(console, ", ".join(about))

    _head(console, "Path")
    if found.graph:
        _line(console, found.graph)
    for number, step in enumerate(found.path):
        support = "" if step.support is None else f"{step.support:,} users"
        edge = ""
        if number and not step.attribute and found.known:
            edge = "no edge from the label before" if step.frequency is None else f"{step.frequency:,} records with the label before"
        kind = "attribute" if step.attribute else ""
        _line(console, f"{step.field:<26}{step.name:<44}{', '.join(one for one in (support, edge, kind) if one)}".rstrip())
    if pair.provenance.unrealised:
        _line(console, f"left out of the instruction: {', '.join(pair.provenance.unrealised)}")
    for left, right in pair.provenance.novel:
        _line(console, f"never asked for together before: {left}, {right}")

    _head(console, "Turns")
    for turn in pair.turns:
        _line(console, f"{turn.role}{' (trained on)' if turn.train else ''}", "bold")
        _line(console, turn.content)
    if pair.answer is not None:
        _line(console, f"answer: {pair.answer}")

    for document in found.documents:
        _document(console, "Document", document)
        if not document.passages:
            _line(console, "no evidence in it")
    if found.whole is not None and pair.twin is not None:
        _document(console, "Taken out of", found.whole)
        _line(console, f"the answer was: {pair.twin.answer} (answerable twin {pair.twin.id})")
    lost = [span for span in pair.evidence if span.end <= span.start]
    for span in lost:
        _line(console, f"quoted, but not found in {span.document_id}: {span.text}", "red")

    for number, other in enumerate(pair.alternatives, 1):
        matched = "length and form match" if other.matched else "length or form differ"
        margin = "" if other.margin is None else f", {other.margin:g} points worse"
        _head(console, f"Worse answer {number}: {other.made}, {matched}{margin}")
        _line(console, f"{other.detail} ({other.engine})" if other.detail else other.engine)
        _line(console, other.content)

    if pair.checkers:
        rate = "" if pair.pass_rate is None else f"; the trainee passes {100 * pair.pass_rate:.0f}%"
        _head(console, f"Checkers{rate}")
        for checker in pair.checkers:
            _line(console, f"{checker.name} {checker.args}")

    _head(console, "Verdicts")
    for verdict in pair.verdicts:
        why = ": ".join(one for one in (verdict.reason, verdict.detail) if one)
        style = {"fail": "red", "pass": "green"}.get(verdict.status, "")
        _line(console, f"{verdict.status.replace('_', ' '):<15}{verdict.gate}{f'  {why}' if why else ''}", style)

    _head(console, "Made by")
    _line(console, f"model      {pair.provenance.engine}")
    for name, settings in pair.provenance.decoding.items():
        _line(console, f"decoding   {name} {json.dumps(settings, ensure_ascii=False)}")
    for name, version in found.prompts:
        _line(console, f"prompt     {name}, {version}")
    _line(console, f"seed       {pair.provenance.seed}, candidate {pair.index}, layout {pair.layout}")
    _line(console, f"graph      {pair.provenance.graph}")
    _line(console, f"wildgraph  {pair.provenance.version}")


def _head(console: Console, text: str) -> None:
    console.print()
    _line(console, text, "bold cyan")


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(printable(text), style=style or None)


def _document(console: Console, what: str, document: ShownDocument) -> None:
    title = f" “{document.title}”" if document.title else ""
    _head(console, f"{what} {document.id}{title}")
    _line(console, f"{document.role}, {document.length:,} characters, licence {document.licence}, {document.hash}")
    for passage in document.passages:
        _passage(console, passage, document.length)


def _passage(console: Console, passage: Passage, length: int) -> None:
    from rich.text import Text

    shown = Text("… " if passage.start else "")
    coloured = console.color_system is not None and not console.no_color
    for place, part in enumerate(passage.parts):
        clean = printable(part)
        if place % 2:
            shown.append(clean if coloured else f"{_OPEN}{clean}{_CLOSE}", style="black on yellow" if coloured else "")
        else:
            shown.append(clean)
    if passage.start + sum(map(len, passage.parts)) < length:
        shown.append(" …")
    console.print(Text(f"at {passage.start:,}", style="dim"))
    console.print(shown)


def printable(text: str) -> str:
    r"""Text without what moves a terminal's cursor or changes its colours.

    Example:
        >>> printable("a\x1b[31mb\tc\nd")
        'a�[31mb\tc\nd'
    """
    return "".join(char if char in "\n\t" or char.isprintable() or (char.isspace() and char > "\x85") else "\ufffd" for char in text)
