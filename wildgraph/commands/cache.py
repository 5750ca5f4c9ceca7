"""``wildgraph cache``: what models answered in a run: how much there is, forgetting it, taking it elsewhere."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wildgraph.atomic import writing
from wildgraph.errors import InputError, UsageError
from wildgraph.readable import short

if TYPE_CHECKING:
    from wildgraph.llm.cache import ResponseCache

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


@click.group()
def cache() -> None:
    """Look at, prune or export the model answers of a run.

    The cache holds what models wrote about people's queries: it is private, and so is what is exported from it.
    """


@cache.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def stats(run: Path, as_json: bool) -> None:
    """Show how many answers of RUN are kept, by engine and prompt, and the tokens they cost when they were paid."""
    import json

    with _opened(run) as responses:
        kept = responses.stats()
    if as_json:
        rows = [
            {
                "engine": one.engine,
                "prompt": one.prompt,
                "answers": one.answers,
                "refused": one.refused,
                "bytes": one.size,
                **vars(one.usage),
            }
            for one in kept
        ]
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    engine = None
    for one in kept:
        if one.engine != engine:
            engine = one.engine
            click.echo(f"engine   {engine}")
            click.echo(f"{'prompt':<24}{'answers':>9}{'refused':>9}{'tokens in':>11}{'cached':>9}{'tokens out':>11}{'MB':>7}")
        usage = one.usage
        click.echo(
            f"{one.prompt:<24}{short(one.answers):>9}{short(one.refused):>9}{short(usage.prompt_tokens):>11}{short(usage.cached_tokens):>9}"
            f"{short(usage.completion_tokens):>11}{one.size / 1e6:>7.1f}"
        )


@cache.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--engine", help="Only what this engine answered, as `wildgraph cache stats` names it.")
@click.option("--older-than", metavar="AGE", help="Only what is older, such as 12h, 30d or 8w.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(run: Path, engine: str | None, older_than: str | None, yes: bool) -> None:
    """Forget answers of RUN for good and give their room back to the disk. What was built from them stays."""
    from wildgraph.store import RunDirectory

    before = None if older_than is None else time.time() - _seconds(older_than)
    _file(run)
    with RunDirectory.write(run), _opened(run) as responses:  # not while a command writes to the run
        if not yes:
            what = " ".join(part for part in (f"of {engine}" if engine else "", f"older than {older_than}" if older_than else "") if part)
            click.confirm(f"Forget the answers {what or 'of all engines'} in {run}? They would have to be paid for again.", abort=True)
        forgotten = responses.prune(engine, before)
    click.echo(f"forgot   {forgotten:,} answers")


@cache.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="JSON-lines file to write (mode 600).")
def export(run: Path, output: Path) -> None:
    """Write every answer of RUN as JSON lines: key, engine, prompt, text, reasoning, tokens, and why it was refused, if it was."""
    from wildgraph.store import json_line

    count = 0
    with _opened(run) as responses, writing(output, 0o600) as out:
        for key, stored in responses.export():
            usage = vars(stored.usage)
            out.write(json_line({"key": key, **{name: value for name, value in vars(stored).items() if name != "usage"}, **usage}))
            count += 1
    click.echo(f"wrote    {count:,} answers to {output}")


def _file(run: Path) -> Path:
    """The cache of a run.

    Raises:
        InputError: there is none.
    """
    file = run / "private" / "cache.sqlite"
    if not file.is_file():
        raise InputError(f"{run} holds no model answers", "name the run directory of a `wildgraph build` or `wildgraph sample`")
    return file


def _opened(run: Path) -> ResponseCache:
    from wildgraph.llm.cache import ResponseCache

    return ResponseCache(_file(run), ballast=0)


def _seconds(age: str) -> float:
    """An age in seconds.

    Raises:
        UsageError: it is none.

    Example:
        >>> _seconds("12h")
        43200.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([mhdw])", age.strip())
    if match is None:
        raise UsageError(f"{age!r} is no age", "write a number and m, h, d or w, such as 30d")
    return float(match.group(1)) * _UNITS[match.group(2)]
