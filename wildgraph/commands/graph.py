"""The commands for what was built: ``wildgraph graph …``, ``forget``, ``purge``. Thin, like the command line they belong to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wildgraph.errors import InputError, UsageError
from wildgraph.readable import clipped, hung, short, terminal_width

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wildgraph.forgetting import Forgotten
    from wildgraph.taskgraph.comparing import GraphDiff, PartDiff
    from wildgraph.taskgraph.interchange import Interchange
    from wildgraph.taskgraph.statistics import GraphStats

_PATH = click.Path(path_type=Path)
#: Lines of each kind that are shown; ``--json`` has all.
_SHOWN = 20


@click.group()
def graph() -> None:
    """Merge, compare, count, check and export task graphs: runs, folders of graphs, or single files."""


@graph.command()
@click.argument("sources", nargs=-1, required=True, type=_PATH)
@click.option("-o", "--output", "out", required=True, type=_PATH, help="Run directory to make; for bounds, a folder.")
@click.option("--min-support", type=click.IntRange(1), help="K of what is published [the greatest of the sources'].")
@click.option("--min-type-records", type=click.IntRange(1), help="Document types with fewer records roll up [the greatest of the runs'].")
@click.option("--bounds", is_flag=True, help="Merge what is published, with bounds for counts, also where private counts are there.")
def merge(sources: tuple[Path, ...], out: Path, min_support: int | None, min_type_records: int | None, bounds: bool) -> None:
    """Merge SOURCES: runs exactly, by their private counts (one key); published graphs with bounds [max, sum] for counts."""
    from wildgraph.uniting import merge_graphs

    found = merge_graphs(sources, out, min_support=min_support, min_type_records=min_type_records, bounds=bounds)
    click.echo(f"graphs   {len(found.graphs)} merged from {len(sources)}, in {out}")
    if found.union is None:
        click.echo("counts   bounds: at least the largest, at most the sum; what a source did not publish is in neither")
        return
    union = found.union
    click.echo(f"counts   exact: {len(union.counts.records):,} records, {union.shared:,} of them in several runs")
    if union.disagreeing:
        click.echo(f"note     {union.disagreeing:,} of these were labelled differently by the runs; the least in order was taken")
    if union.reparented:
        click.echo(f"note     {union.reparented:,} concepts have another parent in another run; the least in order was taken")


@graph.command()
@click.argument("a", type=_PATH)
@click.argument("b", type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, and whole.")
def diff(a: Path, b: Path, as_json: bool) -> None:
    """Show what differs between A and B: types, nodes, edges, and counts that changed."""
    from wildgraph.published import diff_graphs

    found = diff_graphs(a, b)
    if as_json:
        _echo_json(found.as_json())
    else:
        click.echo("\n".join(_diff_lines(found)))


@graph.command()
@click.argument("source", type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def stats(source: Path, as_json: bool) -> None:
    """Show SOURCE in numbers: nodes, edges, components, entropy of degrees and labels, and the share each K keeps."""
    from wildgraph.published import graph_stats

    found = graph_stats(source)
    if as_json:
        _echo_json(found.as_json())
    else:
        click.echo("\n".join(_stats_lines(found)))


@graph.command()
@click.argument("source", type=_PATH)
@click.option("--min-support", type=click.IntRange(1), help="K to check against [each graph's own].")
def check(source: Path, min_support: int | None) -> None:
    """Check that SOURCE keeps what is promised: K everywhere, counts that fit, hierarchy, canonical form, agreement with the counts."""
    from wildgraph.published import check_graphs

    problems = check_graphs(source, min_support=min_support)
    for problem in problems:
        click.echo(f"PROBLEM  {_printable(problem)}")
    if problems:
        raise InputError(f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in the graphs of {source}", "see the lines above")
    click.echo(f"ok       {source}")


@graph.command()
@click.argument("source", type=_PATH)
@click.option("-o", "--output", "out", required=True, type=_PATH, help="Folder, new or written by an earlier export.")
@click.option("--to", type=click.Choice(["json", "graphml", "gexf"]), default="json", show_default=True, help="Format.")
@click.option("--publish", is_flag=True, help="For others: K of at least 2, and everything checked first.")
@click.option("--min-support", type=click.IntRange(1), help="K; below the graphs' own the run's private counts are counted again.")
@click.option("--round", "rounded", is_flag=True, help="Round counts down to multiples of K: no difference tells of fewer than K.")
def export(source: Path, out: Path, to: Interchange, publish: bool, min_support: int | None, rounded: bool) -> None:
    """Write the graphs of SOURCE for other programs or other people."""
    from wildgraph.published import export_graphs

    found = export_graphs(source, out, to=to, min_support=min_support, publish=publish, rounded=rounded)
    click.echo(f"graphs   {len(found.graphs)} in {out} ({to})")
    if found.recounted and not publish:
        click.echo("note     K is below that of the run's published graphs: the files are for you alone (mode 600)")
    elif found.recounted:
        click.echo("note     two publications of one run at different K can be subtracted from each other: give away only one")


@click.command()
@click.argument("run", type=_PATH)
@click.option("--user", required=True, help="The user's name, as the log wrote it.")
def forget(run: Path, user: str) -> None:
    """Take a user out of RUN: out of every private file, the cached answers, and the graphs, which are counted anew."""
    from wildgraph.forgetting import forget as run_forget

    click.echo("\n".join(_forgotten_lines(run_forget(run, user))))


@click.command()
@click.argument("run", type=_PATH)
@click.option("--private", is_flag=True, required=True, help="Says what is purged: everything below RUN/private.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(run: Path, private: bool, yes: bool) -> None:
    """Remove everything private from RUN: conversations, mined values, counts, cached answers, key. Published graphs stay."""
    from wildgraph.forgetting import purge as run_purge

    assert private
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("purging cannot be undone", "add --yes")
        click.confirm(f"Remove everything in {run / 'private'} for good?", abort=True)
    found = run_purge(run)
    click.echo(f"purged   {found.files} files, {found.size / 1e6:.1f} MB, from {run}")
    click.echo(
        "gone     another K, exact merging, forgetting, and the list of forgotten users: take those out of the logs before you build again"
    )
    if found.graphs:
        click.echo(f"left     the published graphs: wildgraph sample {run} --documents PATH still works")


# --------------------------------------------------------------------------- what is shown


def _echo_json(found: object) -> None:
    import json

    click.echo(json.dumps(found, indent=1, ensure_ascii=False))


def _printable(text: str) -> str:
    """Text of a foreign file without characters that would steer a terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)


def _numbers(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _diff_lines(found: GraphDiff) -> Iterator[str]:
    if found.empty:
        yield f"same     {len(found.same)} types, node by node and edge by edge"
        return
    for side, kinds in (("only A", found.only_a), ("only B", found.only_b)):
        yield from (f"{side}   {_printable(kind)}" for kind in kinds)
    for kind, types in found.types.items():
        yield _printable(kind)
        if types.counts:
            yield f"  changed  {_numbers(types.counts[0])} -> {_numbers(types.counts[1])}"
        yield from _part_lines("node", types.nodes)
        yield from _part_lines("edge", types.edges)
    yield f"same     {len(found.same)} types"


def _part_lines(what: str, part: PartDiff) -> Iterator[str]:
    groups = {
        "only A ": [f"{key} ({_numbers(counts)})" for key, counts in part.only_a.items()],
        "only B ": [f"{key} ({_numbers(counts)})" for key, counts in part.only_b.items()],
        "changed": [f"{key} ({_numbers(old)} -> {_numbers(new)})" for key, (old, new) in part.changed.items()],
    }
    for name, lines in groups.items():
        yield from (f"  {name}  {what} {_printable(line)}" for line in lines[:_SHOWN])
        if len(lines) > _SHOWN:
            yield f"  {name}  … and {len(lines) - _SHOWN:,} more {what}s (--json has all)"


def _stats_lines(found: GraphStats) -> Iterator[str]:
    width = terminal_width()
    yield f"{'document type':<21}{'records':>7}{'users':>6}{'K':>4}{'nodes':>6}{'edges':>6}{'alone':>6}{'parts':>6}{'degree':>7}{'H(d)':>5}{'H(l)':>6}"
    for one in sorted(found.types, key=lambda one: (-one.records, one.document_type)):
        counts = (one.records, one.users, one.min_support, one.nodes, one.edges, one.isolated, one.components)
        shown = "".join(f"{short(count):>{room}}" for count, room in zip(counts, (7, 6, 4, 6, 6, 6, 6), strict=True))
        name = clipped(_printable(one.name), 20 if one.exact else 19) + ("" if one.exact else "*")
        yield f"{name:<21}{shown}{one.mean_degree:>7.1f}{one.degree_entropy:>5.2f}{one.label_entropy:>6.2f}"
    if not all(one.exact for one in found.types):
        yield hung("*        ", "bounds: the counts are the least they can be", width)
    yield hung("concepts ", f"{found.concepts:,} in {len(found.types)} types; entropies of degrees H(d) and of labels H(l) in bits", width)
    for kept in found.kept:
        of = f" (of the {found.kept_of}, by pruning alone)" if kept is found.kept[0] else ""
        yield hung(f"{f'K = {kept.min_support}':<9}", f"keeps {kept.nodes_share:.0%} of nodes, {kept.edges_share:.0%} of edges{of}", width)


def _forgotten_lines(found: Forgotten) -> Iterator[str]:
    yield (
        f"forgot   {found.conversations:,} conversations, {found.records:,} counted records, {found.rejections:,} rejections, "
        f"{found.answers:,} cached answers"
    )
    if found.vectors:
        yield "gone     all vectors of private texts, which bear no names: the next build makes them again"
    if found.renamed:
        yield f"renamed  {found.renamed:,} concepts that bore the user's words"
    yield f"graphs   {len(found.graphs)} counted anew in {found.run / 'graphs'}"
    if found.unsure:
        yield "left     the cache was filled in a way this version cannot repeat: answers to this user may be in private/cache.sqlite; remove it"
    for prompt in found.kept_prompts:
        yield f"left     cached answers of {prompt}, each over values of many users"
    if found.samples:
        yield "left     samples, exports and pages drawn from the graphs as they were (labels of at least K users): draw them again"
    yield "left     the logs themselves, rows of them that were rejected unread, other runs, and every copy made before: this command cannot reach them"
