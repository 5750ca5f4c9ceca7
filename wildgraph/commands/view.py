"""``wildgraph view``: one offline page, or the same page served while a run grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wildgraph.commands.pictures import picture_options, write_pictures
from wildgraph.errors import UsageError


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="HTML file [SOURCE/explorer.html].")
@click.option("--compare", type=click.Path(path_type=Path), metavar="OTHER", help="Set another run, or folder of graphs, beside it.")
@click.option("--publish", is_flag=True, help="Shareable data only: no sampled rows, and graphs that keep their minimum support.")
@click.option("--no-compress", is_flag=True, help="Plain JSON inside, for browsers without DecompressionStream.")
@click.option("--serve", "live", is_flag=True, help="Serve it on this machine alone and follow the run while it grows, until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="With --serve: the port [a free one].")
@picture_options
def view(
    source: Path,
    output: Path | None,
    compare: Path | None,
    publish: bool,
    no_compress: bool,
    live: bool,
    port: int,
    **pictured: Any,  # noqa: ANN401 - click hands over what the options say
) -> None:
    """Write one offline HTML page that shows SOURCE (a run, or a folder of graphs), or static pictures of it."""
    if write_pictures(source, pictured):
        return
    from wildgraph import viewing

    if live:
        if output is not None or no_compress:
            raise UsageError("--serve writes no file", "leave out -o and --no-compress")
        _serve(source, compare, publish, port)
        return
    if port:
        raise UsageError("--port is for --serve", "add --serve")
    file = viewing.view(source, output, compare=compare, publish=publish, compress=not no_compress)
    click.echo(f"page     {file} ({file.stat().st_size / 1e6:.1f} MB), opens by double click, without a network")


def _serve(source: Path, compare: Path | None, publish: bool, port: int) -> None:
    from wildgraph.viewing import serve

    with serve(source, compare=compare, publish=publish, port=port) as server:
        click.echo(f"page     {server.address}  on this machine alone; Ctrl-C ends it")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("stopped")
