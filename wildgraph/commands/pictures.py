"""The part of ``wildgraph view`` that writes static pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from wildgraph.errors import UsageError

_FILE = click.Path(path_type=Path)
_FORMATS = ("png", "svg", "pdf")


def picture_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that name files, what is drawn, and whose graph."""
    options = [
        click.option(f"--{name}", type=_FILE, metavar="FILE", help=f"Write a static picture as {name.upper()}.") for name in _FORMATS
    ]
    options += [
        click.option("--of", type=click.Choice(["graph", "funnel", "coverage", "lengths"]), help="What the static picture shows [graph]."),
        click.option("--type", "document_type", metavar="TYPE", help="Document type whose graph is drawn [the one with most records]."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def write_pictures(source: Path, asked: Mapping[str, Any]) -> bool:
    """Write the pictures that were asked for; whether there were any.

    Raises:
        UsageError: what to draw is named, and no file.
    """
    files = {name: asked[name] for name in _FORMATS if asked[name] is not None}
    if not files:
        if asked["of"] or asked["document_type"]:
            raise UsageError("no file for a static picture is named", "such as --png FILE")
        return False
    from wildgraph.picturing import picture

    for name, file in files.items():
        written = picture(source, file, asked["of"] or "graph", document_type=asked["document_type"] or "", format=name)
        click.echo(f"picture  {written} ({written.stat().st_size / 1e3:,.0f} kB)")
    return True
