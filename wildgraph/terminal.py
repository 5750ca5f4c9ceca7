"""What the command line shows: a live table on a terminal, plain lines elsewhere, and results."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from wildgraph.amounts import Amount
    from wildgraph.demo import DemoResult
    from wildgraph.estimating import Estimate
    from wildgraph.exporters.reading import DatasetDiff
    from wildgraph.funnel import StageCount
    from wildgraph.pipeline import BuildResult, ExportResult
    from wildgraph.sampling import SampleResult
    from wildgraph.survey import CoverageReport, Reached

_LINE_EVERY = 10.0
_FRAME_EVERY = 0.1


class Progress:
    """Shows stages as they run, on stderr. Nothing when quiet; a live table on a terminal; a line every ten seconds elsewhere.

    Args:
        quiet: show nothing.
        wanted: accepted pairs wanted, for the share done.
    """

    def __init__(self, quiet: bool = False, wanted: int | None = None) -> None:
        self.quiet = quiet
        self.wanted = wanted
        self._stages: dict[str, tuple[StageCount, int | None, float]] = {}
        self._shown = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Start the live table where there is a terminal."""
        if not self.quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Take the table away."""
        if self._live is not None:
            self._live.stop()

    def __call__(self, count: StageCount, total: int | None, /) -> None:
        """Show a stage's count; called after every item, drawn now and then."""
        if self.quiet:
            return
        now = time.monotonic()
        _, _, started = self._stages.get(count.stage, (None, None, now))
        self._stages[count.stage] = (count, total, started)
        done = total is not None and count.entered >= total
        if self._live is not None:
            if now - self._shown >= _FRAME_EVERY or done:
                self._live.update(self._table(now), refresh=True)
                self._shown = now
        elif now - self._shown >= _LINE_EVERY or (done and count.seconds):
            click.echo(self._line(count, total, now - started), err=True)
            self._shown = now

    def _line(self, count: StageCount, total: int | None, seconds: float) -> str:
        rate, eta = self._speed(count, total, seconds)
        parts = [f"{count.stage}: {count.entered}{f'/{total}' if total else ''} in, {count.passed} out"]
        if count.rejected:
            parts.append("dropped " + ", ".join(f"{reason} {number}" for reason, number in count.rejected.most_common(3)))
        if count.requests or count.cache_hits:
            tokens = count.prompt_tokens + count.completion_tokens
            spent = [f"{tokens} tokens"] if tokens else []
            spent += [_dollars(count.cost)] if count.cost else []
            spent += [f"{count.retries} retries"] if count.retries > count.requests // 10 else []
            parts.append(", ".join([f"{count.requests} requests, {count.cache_hits} from cache", *spent]))
        return "; ".join([*parts, rate, *([f"ETA {eta}"] if eta else [])])

    def _speed(self, count: StageCount, total: int | None, seconds: float) -> tuple[str, str]:
        if seconds < 0.5:
            return "…", ""
        rate = count.entered / seconds
        goal, so_far = (self.wanted, count.passed) if count.stage == "gate" and self.wanted else (total, count.entered)
        eta = f"{(goal - so_far) * seconds / so_far:.0f} s" if goal and so_far and goal > so_far else ""
        return f"{rate:.1f} rows/s", eta

    def _table(self, now: float) -> Table:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("stage", "in", "out", "rows/s", "requests", "cached", "tokens", "cost", "ETA", "dropped"):
            table.add_column(name, justify="left" if name in ("stage", "dropped") else "right", no_wrap=True)
        for name, (count, total, started) in self._stages.items():
            rate, eta = self._speed(count, total, count.seconds or now - started)
            tokens = count.prompt_tokens + count.completion_tokens
            table.add_row(
                name,
                f"{count.entered:,}{f' of {total:,}' if total else ''}",
                f"{count.passed:,}{f' of {self.wanted:,}' if name == 'gate' and self.wanted else ''}",
                rate.removesuffix(" rows/s"),
                f"{count.requests:,}" if count.requests else "",
                f"{count.cache_hits:,}" if count.cache_hits else "",
                f"{tokens:,}" if tokens else "",
                _dollars(count.cost) if count.cost else "",
                eta,
                ", ".join(f"{reason} {number:,}" for reason, number in count.rejected.most_common(3)),
            )
        return table


def _dollars(amount: float) -> str:
    """Money, as exact as its size calls for.

    Example:
        >>> _dollars(0.0), _dollars(0.00213), _dollars(12.3)
        ('$0.00', '$0.0021', '$12.30')
    """
    return f"${amount:.2f}" if amount == 0.0 or amount >= 1.0 else f"${amount:.4f}"


def _cost(entry: dict[str, Any]) -> str:
    """What a stage cost in all runs; a question mark where a model's price is not known."""
    unpriced = "?" if entry.get("unpriced") else ""
    return f"{_dollars(entry['cost']) if entry['cost'] else ''}{'+' if entry['cost'] and unpriced else ''}{unpriced}"


def show_estimate(estimate: Estimate) -> None:
    """What a job will take: low, expected and high, stage by stage, with what the figures rest on."""
    click.echo(f"{'':<28}{'case':<10}{'requests':>10}{'tokens in':>14}{'cached':>14}{'tokens out':>13}{'price':>11}")
    for stage in estimate.stages:
        for name, case, amount in (("", "low", stage.low), (stage.prompt, "expected", stage.expected), ("", "high", stage.high)):
            click.echo(_estimated(name, case, amount))
    if len(estimate.stages) > 1:
        for case in ("low", "expected", "high"):
            click.echo(_estimated("together" if case == "expected" else "", case, estimate.total(case)))
    known = sum(stage.known for stage in estimate.stages)
    if known:
        click.echo(f"known    {known:,} answers are in the cache and cost nothing")
    for line in estimate.assumptions:
        click.echo(f"assumed  {line}")
    if estimate.price is None:
        click.echo("price    not known: add --price input=…,cached=…,output=… in US dollars per million tokens")


def _estimated(name: str, case: str, amount: Amount) -> str:
    price = "" if amount.cost is None else _dollars(amount.cost)
    usage = amount.usage
    return (
        f"{name:<28}{case:<10}{amount.requests:>10,}{usage.prompt_tokens:>14,}{usage.cached_tokens:>14,}"
        f"{usage.completion_tokens:>13,}{price:>11}"
    )


def show_build(result: BuildResult) -> None:
    """The graphs that were built."""
    click.echo(f"{'document type':<34}{'records':>9}{'users':>8}{'nodes':>8}{'edges':>8}")
    for graph in sorted(result.graphs, key=lambda graph: -graph.records):
        click.echo(f"{graph.name[:33]:<34}{graph.records:>9,}{graph.users:>8,}{len(graph.nodes):>8,}{len(graph.edges):>8,}")
    mined = result.counts["mine"]
    entered = result.counts.get("ingest", mined)["in"]
    click.echo(f"graphs   {len(result.graphs)} from {mined['out']:,} mined of {entered:,} conversations, in {result.run / 'graphs'}")
    _dropped({name: result.counts[name] for name in ("ingest", "mine", "graph") if name in result.counts})
    if result.reused:
        click.echo(f"reused   {', '.join(result.reused)} (nothing they depend on changed)")


def show_sample(result: SampleResult) -> None:
    """The sample that was drawn."""
    state = " (was there already)" if result.reused else ""
    click.echo(f"pairs    {result.accepted:,} accepted of {result.tried:,} candidates, in {result.run / 'pairs.jsonl'}{state}")
    if result.without_documents:
        names = [kind.rpartition("/")[2] for kind in result.without_documents]
        click.echo(f"note     no documents for {len(names)} of the graphs: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}")
    click.echo(f"next     wildgraph export {result.run} --to sft;  wildgraph view {result.run};  wildgraph status {result.run}")


def show_export(result: ExportResult) -> None:
    """The data sets that were written."""
    for file in result.files:
        click.echo(f"wrote    {file}")
    rows = ", ".join(f"{number:,} {name}" for name, number in result.by_objective.items())
    click.echo(f"rows     {rows}, card in {result.folder / 'README.md'}")
    click.echo(f"version  {result.version}")
    for name, reasons in result.dropped.items():
        click.echo(f"left out {name}: {', '.join(f'{reason} {number:,}' for reason, number in sorted(reasons.items()))}")
    if result.removed:
        click.echo(f"removed  {', '.join(result.removed)}, left by an earlier export: name all formats of a data set together")
    for note in result.notes:
        click.echo(f"note     {note}")
    if result.pushed:
        click.echo(f"pushed   {result.pushed} (private)")


def show_dataset_diff(found: DatasetDiff) -> None:
    """What one data set has that another has not."""
    for objective in sorted(found.added.keys() | found.removed.keys() | found.changed.keys() | found.same.keys()):
        numbers = [len(part.get(objective, ())) for part in (found.added, found.removed, found.changed)]
        click.echo(
            f"{objective:<10} {numbers[0]:,} added, {numbers[1]:,} removed, {numbers[2]:,} changed, {found.same[objective]:,} the same"
        )
        for what, table in (("paradigm", found.by_paradigm), ("type", found.by_type)):
            for (of, value), (before, after) in table.items():
                if of == objective and before != after:
                    click.echo(f"  {what:<9} {value}: {before:,} → {after:,} ({after - before:+,})")
    if not found.differs:
        click.echo("the same rows")


def show_demo(result: DemoResult) -> None:
    """What the demo left to look at."""
    click.echo(f"graphs   {len(result.build.graphs)} task graphs in {result.build.run / 'graphs'}")
    share = f"{result.several} of them over several documents" if result.several else "all over one document"
    click.echo(
        f"pairs    {result.sample.accepted} accepted, {share}, {result.types} document types, in {result.sample.run / 'pairs.jsonl'}"
    )
    click.echo(f"data set {result.export.folder} ({result.export.rows} rows; README.md is its card)")
    click.echo(f"page     {result.page} — open it in a browser")
    click.echo("The embedded offline engine wrote this: a look at the pipeline, not data to train a serious model on.")


def _dropped(stages: dict[str, Any]) -> None:
    for name, entry in stages.items():
        reasons = [f"{reason} {number:,}" for kind in entry["rejected"].values() for reason, number in kind.items()]
        if reasons:
            click.echo(f"dropped  {name}: {', '.join(reasons)}")


def show_coverage(found: CoverageReport) -> None:
    """What a sample reached, as tables."""

    def part(reached: Reached, nodes: int, edges: int) -> str:
        shares = ((reached.nodes, nodes), (reached.edges, edges), (reached.pairs, edges))
        return "".join(f"{100 * one / max(1, whole):>5.0f}%" for one, whole in shares)

    click.echo(
        f"candidates {found.candidates:,}, accepted {found.accepted:,}; reached: labels, edges stepped over, co-occurring pairs held"
    )
    click.echo(f"{'document type':<30}{'labels':>7}{'edges':>7}{'sampled':>19}{'generated':>19}{'accepted':>19}{'novel pairs':>13}")
    for one in found.types:
        columns = "".join(f" {part(reached, one.nodes, one.edges)}" for reached in (one.sampled, one.generated, one.accepted))
        click.echo(f"{one.name[:29]:<30}{one.nodes:>7,}{one.edges:>7,}{columns}{one.accepted.novel:>13,}")
    click.echo(f"{'share of the sample':<44}{'asked':>8}{'sampled':>9}{'accepted':>10}{'band':>16}")
    for share in (*found.shares, *found.starts[:12]):
        band = f"{100 * share.low:.1f}–{100 * share.high:.1f}%"
        mark = "  off" if share.off else ""
        shown = f"{100 * share.asked:>7.1f}%{100 * share.sampled:>8.1f}%{100 * share.accepted:>9.1f}%{band:>16}{mark}"
        click.echo(f"{share.name[:43]:<44}{shown}")
    silenced = [loss for loss in found.losses if loss.silenced]
    for loss in silenced:
        why = ", ".join(f"{reason} {count}" for reason, count in list(loss.reasons.items())[:3])
        rates = f"{loss.accepted} of {loss.judged} accepted, {100 * loss.rest:.0f}% of the others"
        click.echo(f"silenced {loss.label}: {rates} ({why})")
    if not silenced:
        click.echo("silenced no label is turned away significantly more often than the others")
    for quality in found.quality:
        line = f"paths    {quality.walk:<9} {quality.paths:,}: label pairs with an edge {quality.coherence:.3f}"
        if quality.together is not None and quality.recombination is not None:
            line += f", in some record {quality.together:.3f}; labels not all of one record {quality.recombination:.3f}"
        click.echo(line)
    for why, count in Counter(edge.why for edge in found.unreached).most_common():
        click.echo(f"no path  over {count:,} edges: {why}; --json lists them")


def show_status(found: dict[str, Any]) -> None:
    """The funnel as a table."""
    click.echo(
        f"{'stage':<14}{'in':>10}{'out':>10}{'filtered':>10}{'gated':>8}{'failed':>8}{'requests':>10}{'cached':>9}{'tokens':>12}{'cost':>10}{'seconds':>9}"
    )
    for name, entry in found["stages"].items():
        lost = {kind: sum(reasons.values()) for kind, reasons in entry["rejected"].items()}
        tokens = entry["prompt_tokens"] + entry["completion_tokens"]
        click.echo(
            f"{name:<14}{entry['in']:>10,}{entry['out']:>10,}{lost['filtered']:>10,}{lost['gated']:>8,}{lost['failed']:>8,}"
            f"{entry['requests']:>10,}{entry['cache_hits']:>9,}{tokens:>12,}{_cost(entry):>10}{entry['seconds']:>9.1f}"
        )
    for name, bill in found.get("unfinished", {}).items():
        tokens = bill["prompt_tokens"] + bill["completion_tokens"]
        spent = f"{bill['requests']:>10,}{bill['cache_hits']:>9,}{tokens:>12,}{_cost(bill):>10}{bill['seconds']:>9.1f}"
        click.echo(f"{name:<14}{'stopped; the same command goes on':<46}{spent}")
    _dropped(found["stages"])
    reached = found["stages"].get("sample", {}).get("coverage")
    if reached:
        line = ", ".join(f"{100 * reached[part]:.0f}% of the {part}" for part in ("nodes", "edges", "pairs"))
        click.echo(f"coverage {line} reached by accepted paths; silenced: {', '.join(reached['silenced']) or 'no label'}")
