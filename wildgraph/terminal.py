"""What the command line shows of results: tables of eighty columns, and lines that begin with what they are about."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from wildgraph.readable import clipped, dollars, hung, short, terminal_width

if TYPE_CHECKING:
    from wildgraph.amounts import Amount
    from wildgraph.demo import DemoResult
    from wildgraph.estimating import Estimate
    from wildgraph.exporters.reading import DatasetDiff
    from wildgraph.results import BuildResult, ExportResult, SampleResult
    from wildgraph.survey import CoverageReport, Reached


def _cost(entry: dict[str, Any]) -> str:
    """What a stage cost in all runs; a question mark where a model's price is not known."""
    unpriced = "?" if entry.get("unpriced") else ""
    return f"{dollars(entry['cost']) if entry['cost'] else ''}{'+' if entry['cost'] and unpriced else ''}{unpriced}"


_REACHED = (
    "labels (lab), edges that paths step over (edg), edges whose two labels one path holds (pair); novel: pairs of labels without an edge"
)


def say(head: str, text: str) -> None:
    """A line that begins with what it is about; on a terminal its text stays below itself."""
    click.echo(hung(f"{head:<9}", text, terminal_width()))


def show_estimate(estimate: Estimate) -> None:
    """What a job will take: low, expected and high, stage by stage, with what the figures rest on."""
    click.echo(f"{'':<25}{'case':<8}{'requests':>9}{'tokens in':>10}{'cached':>8}{'tokens out':>11}{'price':>9}")
    for stage in estimate.stages:
        for name, case, amount in (("", "low", stage.low), (stage.prompt, "expected", stage.expected), ("", "high", stage.high)):
            click.echo(_estimated(name, case, amount))
    if len(estimate.stages) > 1:
        for case in ("low", "expected", "high"):
            click.echo(_estimated("together" if case == "expected" else "", case, estimate.total(case)))
    known = sum(stage.known for stage in estimate.stages)
    if known:
        say("known", f"{known:,} answers are in the cache and cost nothing")
    for line in estimate.assumptions:
        say("assumed", line)
    if estimate.price is None:
        say("price", "not known: add --price input=…,cached=…,output=… in US dollars per million tokens")


def _estimated(name: str, case: str, amount: Amount) -> str:
    price = "" if amount.cost is None else dollars(amount.cost)
    usage = amount.usage
    return (
        f"{clipped(name, 24):<25}{case:<8}{short(amount.requests):>9}{short(usage.prompt_tokens):>10}{short(usage.cached_tokens):>8}"
        f"{short(usage.completion_tokens):>11}{price:>9}"
    )


def show_build(result: BuildResult) -> None:
    """The graphs that were built."""
    click.echo(f"{'document type':<34}{'records':>9}{'users':>8}{'nodes':>8}{'edges':>8}")
    for graph in sorted(result.graphs, key=lambda graph: -graph.records):
        click.echo(f"{graph.name[:33]:<34}{graph.records:>9,}{graph.users:>8,}{len(graph.nodes):>8,}{len(graph.edges):>8,}")
    mined = result.counts["mine"]
    entered = result.counts.get("ingest", mined)["in"]
    say("graphs", f"{len(result.graphs)} from {mined['out']:,} mined of {entered:,} conversations, in {result.run / 'graphs'}")
    _dropped({name: result.counts[name] for name in ("ingest", "mine", "graph") if name in result.counts})
    if result.reused:
        say("reused", f"{', '.join(result.reused)} (nothing they depend on changed)")
    if result.gone:
        listed = f"{', '.join(result.gone[:4])}{' …' if len(result.gone) > 4 else ''}"
        say(
            "note",
            f"{listed}, read by an earlier build into {result.run}, left these graphs: name all logs together, or see `wildgraph graph merge`",
        )


def show_sample(result: SampleResult) -> None:
    """The sample that was drawn."""
    state = " (was there already)" if result.reused else ""
    say("pairs", f"{result.accepted:,} accepted of {result.tried:,} candidates, in {result.run / 'pairs.jsonl'}{state}")
    if result.without_documents:
        names = [kind.rpartition("/")[2] for kind in result.without_documents]
        say("note", f"no documents for {len(names)} of the graphs: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}")
    click.echo(f"next     wildgraph export {result.run} --to sft;  wildgraph view {result.run};  wildgraph status {result.run}")


def show_export(result: ExportResult) -> None:
    """The data sets that were written."""
    for file in result.files:
        click.echo(f"wrote    {file}")
    rows = ", ".join(f"{number:,} {name}" for name, number in result.by_objective.items())
    click.echo(f"rows     {rows}, card in {result.folder / 'README.md'}")
    click.echo(f"version  {result.version}")
    for name, reasons in result.dropped.items():
        say("left out", f"{name}: {', '.join(f'{reason} {number:,}' for reason, number in sorted(reasons.items()))}")
    if result.removed:
        say("removed", f"{', '.join(result.removed)}, left by an earlier export: name all formats of a data set together")
    for note in result.notes:
        say("note", note)
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
    say("pairs", f"{result.sample.accepted} accepted, {share}, {result.types} document types, in {result.sample.run / 'pairs.jsonl'}")
    click.echo(f"data set {result.export.folder} ({result.export.rows} rows; README.md is its card)")
    click.echo(f"page     {result.page} — open it in a browser")
    click.echo("The embedded offline engine wrote this: a look at the pipeline, not data to train a serious model on.")


def _dropped(stages: dict[str, Any]) -> None:
    for name, entry in stages.items():
        reasons = [f"{reason} {number:,}" for kind in entry["rejected"].values() for reason, number in kind.items()]
        if reasons:
            say("dropped", f"{name}: {', '.join(reasons)}")


def show_coverage(found: CoverageReport) -> None:
    """What a sample reached, as tables."""

    def part(reached: Reached, nodes: int, edges: int) -> str:
        shares = ((reached.nodes, nodes), (reached.edges, edges), (reached.pairs, edges))
        return "".join(f"{100 * one / max(1, whole):>4.0f}" for one, whole in shares)

    say("reached", f"by {found.candidates:,} candidates, of which {found.accepted:,} were accepted, in %: {_REACHED}")
    click.echo(f"{'':<32}{'sampled':>14}{'generated':>14}{'accepted':>14}")
    click.echo(f"{'document type':<20}{'labels':>6}{'edges':>6}{'  lab edg pair' * 3}{'novel':>6}")
    for one in found.types:
        columns = "".join(f"  {part(reached, one.nodes, one.edges)}" for reached in (one.sampled, one.generated, one.accepted))
        click.echo(f"{clipped(one.name, 20):<20}{short(one.nodes):>6}{short(one.edges):>6}{columns}{short(one.accepted.novel):>6}")
    click.echo(f"{'share of the sample':<38}{'asked':>7}{'sampled':>8}{'accepted':>9}{'band':>13}")
    for share in (*found.shares, *found.starts[:12]):
        band = f"{100 * share.low:.1f}–{100 * share.high:.1f}%"
        mark = "  off" if share.off else ""
        shown = f"{100 * share.asked:>6.1f}%{100 * share.sampled:>7.1f}%{100 * share.accepted:>8.1f}%{band:>13}{mark}"
        click.echo(f"{clipped(share.name, 37):<38}{shown}")
    silenced = [loss for loss in found.losses if loss.silenced]
    for loss in silenced:
        why = ", ".join(f"{reason} {count}" for reason, count in list(loss.reasons.items())[:3])
        rates = f"{loss.accepted} of {loss.judged} accepted, {100 * loss.rest:.0f}% of the others"
        say("silenced", f"{loss.label}: {rates} ({why})")
    if not silenced:
        say("silenced", "no label is turned away significantly more often than the others")
    for quality in found.quality:
        line = f"{quality.walk:<9} {quality.paths:,}: label pairs with an edge {quality.coherence:.3f}"
        if quality.together is not None and quality.recombination is not None:
            line += f", in some record {quality.together:.3f}; labels not all of one record {quality.recombination:.3f}"
        say("paths", line)
    for why, count in Counter(edge.why for edge in found.unreached).most_common():
        say("no path", f"over {count:,} edges: {why}; --json lists them")


def show_status(found: dict[str, Any]) -> None:
    """The funnel as a table, and the bill as another where anybody was asked."""
    click.echo(f"{'stage':<16}{'in':>11}{'out':>11}{'filtered':>11}{'gated':>11}{'failed':>11}{'seconds':>9}")
    for name, entry in found["stages"].items():
        lost = {kind: sum(reasons.values()) for kind, reasons in entry["rejected"].items()}
        click.echo(
            f"{name:<16}{entry['in']:>11,}{entry['out']:>11,}{lost['filtered']:>11,}{lost['gated']:>11,}{lost['failed']:>11,}"
            f"{entry['seconds']:>9,.1f}"
        )
    stopped = found.get("unfinished", {})
    for name, bill in stopped.items():
        click.echo(f"{name:<16}{'stopped; the same command goes on':<55}{bill['seconds']:>9,.1f}")
    asked = {name: bill for name, bill in (*found["stages"].items(), *stopped.items()) if bill["requests"] or bill["cache_hits"]}
    if asked:
        click.echo(f"\n{'asked by':<16}{'requests':>11}{'cached':>11}{'tokens in':>16}{'tokens out':>16}{'cost':>10}")
        parts = ("requests", "cache_hits", "prompt_tokens", "completion_tokens", "cost", "unpriced")
        together = {part: sum(bill.get(part, 0) for bill in asked.values()) for part in parts}
        for name, bill in (*asked.items(), *([("together", together)] if len(asked) > 1 else [])):
            figures = f"{bill['requests']:>11,}{bill['cache_hits']:>11,}{bill['prompt_tokens']:>16,}{bill['completion_tokens']:>16,}"
            click.echo(f"{name:<16}{figures}{_cost(bill):>10}".rstrip())
        click.echo("")
    _dropped(found["stages"])
    reached = found["stages"].get("sample", {}).get("coverage")
    if reached:
        line = ", ".join(f"{100 * reached[part]:.0f}% of the {part}" for part in ("nodes", "edges", "pairs"))
        say("coverage", f"{line} reached by accepted paths; silenced: {', '.join(reached['silenced']) or 'no label'}")
