"""The command for what gates said: ``wildgraph gate``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wildgraph.readable import hung, terminal_width

if TYPE_CHECKING:
    from wildgraph.explaining import Explanation


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--explain", "pair", metavar="ID", help="One pair: id, its beginning, or index; accepted or not.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def gate(run: Path, pair: str | None, as_json: bool) -> None:
    """Show what the gates said of the latest sample of RUN; with --explain every gate's verdict on one pair."""
    import json

    from wildgraph.explaining import explain, gate_counts

    if pair is not None:
        found = explain(run, pair)
        click.echo(json.dumps(found.as_json(), indent=1, ensure_ascii=False) if as_json else "\n".join(_explained(found)))
        return
    counts = gate_counts(run)
    click.echo(json.dumps(counts, indent=1, ensure_ascii=False) if as_json else "\n".join(_counted(counts)))


def _explained(found: Explanation) -> Iterator[str]:
    pair = found.pair
    yield f"pair     {pair.id} (candidate {pair.index}, {pair.paradigm}, {len(pair.documents)} document{'s' if len(pair.documents) > 1 else ''})"
    failed = [verdict.gate for verdict in found.verdicts if verdict.status == "fail" and verdict.gate not in found.late]
    yield f"outcome  {found.outcome}{f' by {failed[0]}' if failed else ''}"
    for verdict in found.verdicts:
        status = verdict.status.replace("_", " ")
        why = " ".join(f"{verdict.reason}{': ' if verdict.reason and verdict.detail else ''}{verdict.detail}".split())
        line = f"  {verdict.gate:<20}{status:<15}{why}".rstrip()
        yield "".join(char if char.isprintable() else "�" for char in line) + ("  (asked now)" if verdict.gate in found.late else "")


def _counted(counts: dict[str, dict[str, int]]) -> Iterator[str]:
    width = terminal_width()
    yield f"{'gate':<20}{'pass':>8}{'not judged':>12}{'turned away':>13}"
    for name, found in counts.items():
        reasons = {reason: count for reason, count in found.items() if reason not in ("pass", "not_evaluated")}
        listed = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
        head = f"{name:<20}{found.get('pass', 0):>8,}{found.get('not_evaluated', 0):>12,}{sum(reasons.values()):>13,}  "
        yield hung(head, listed, width).rstrip()
