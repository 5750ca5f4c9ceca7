"""``wildgraph screen``: long sequences screened by a model's own uncertainty, and what answers owe to their documents."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wildgraph.commands.options import columns, configuration
from wildgraph.errors import UsageError

if TYPE_CHECKING:
    from wildgraph.config import Config

_EVERY = 10.0  # seconds between two lines of progress


def _length(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    from wildgraph.buckets import length_of

    try:
        return None if value is None else length_of(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument("documents", nargs=-1)
@click.option("--model", "-m", required=True, metavar="FOLDER", help="Checkpoint with its tokenizer: a folder, or a name on the hub.")
@click.option("-o", "--output", "out", required=True, type=click.Path(path_type=Path), help="Folder to make or continue.")
@click.option(
    "--pairs", "run", metavar="RUN", type=click.Path(path_type=Path), help="Instead: what the answers of RUN owe to their documents."
)
@click.option("--columns", callback=columns, help="Columns of document tables: text=…,id=…,title=…,type=…,language=…,licence=…")
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, help="How often to screen, training in between.")
@click.option("--train-command", metavar="COMMAND", help="Trains between rounds: 'python train.py {data} {model} {output}'.")
@click.option("--method", type=click.Choice(["entropy", "similar", "random"]), help="Verified contexts, or a baseline [entropy].")
@click.option("--criterion", type=click.Choice(["ours", "entropy"]), help="What counts as help; entropy is the paper's rule [ours].")
@click.option("--anchor-rule", type=click.Choice(["mean+alpha*sd", "quantile"]), help="Where a document is uncertain [mean+alpha*sd].")
@click.option("--retriever", type=click.Choice(["dense", "bm25"]), help="How context is looked for [dense].")
@click.option("--causal-query", is_flag=True, default=None, help="Look for context with the tokens before an anchor only.")
@click.option("--k", type=click.IntRange(1), help="Chunks tried per anchor [32].")
@click.option("--target-tokens", callback=_length, metavar="LENGTH", help="Length of a sequence in the model's tokens, such as 32k [32k].")
@click.option("--root-tokens", type=click.IntRange(32), help="Most tokens of a root [4096].")
@click.option("--chunk-tokens", type=click.IntRange(8), help="Tokens of a context chunk [512].")
@click.option("--roots", type=click.IntRange(1), help="Documents to make sequences for, drawn by seed [all].")
@click.option("--seed", type=click.IntRange(0), help="Of everything that is drawn [0].")
@click.option("--device", help="cpu, cuda, cuda:1 … [CUDA where there is one].")
@click.option("--dtype", type=click.Choice(["auto", "float32", "bfloat16", "float16"]), help="[bfloat16 on CUDA, else float32]")
@click.option("--embedder", help="Folder or name of a sentence-transformers model [bundled MiniLM].")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML file; flags win over it.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.option("--quiet", "-q", is_flag=True, help="Only errors and the result.")
def screen(documents: tuple[str, ...], model: str, out: Path, run: Path | None, **flags: Any) -> None:  # noqa: ANN401 - click hands over what the options say
    """Make long training sequences from DOCUMENTS whose ends depend on their beginnings, screened by a model's own uncertainty.

    With --pairs RUN: measure how much the answers of a run's latest sample owe to their documents, to all of them, and to their length.
    """
    if bool(documents) == (run is not None):
        raise UsageError("name documents to screen, or --pairs RUN", "one of the two")
    config = configuration(
        flags["config_file"],
        {
            "embedder": flags["embedder"],
            "screening.method": flags["method"],
            "screening.seed": flags["seed"],
            "screening.score.device": flags["device"],
            "screening.score.dtype": flags["dtype"],
            "screening.index.roots": flags["roots"],
            "screening.index.root_tokens": flags["root_tokens"],
            "screening.index.chunk_tokens": flags["chunk_tokens"],
            "screening.anchors.rule": flags["anchor_rule"],
            "screening.retrieve.by": flags["retriever"],
            "screening.retrieve.causal": flags["causal_query"],
            "screening.retrieve.k": flags["k"],
            "screening.verify.criterion": flags["criterion"],
            "screening.assemble.target_tokens": flags["target_tokens"],
        },
    )
    if run is not None:
        _pairs(run, model, out, config, as_json=flags["as_json"])
    else:
        _documents(documents, model, out, config, flags)


def _documents(documents: tuple[str, ...], model: str, out: Path, config: Config, flags: dict[str, Any]) -> None:
    from wildgraph.embedders import make_embedder
    from wildgraph.screening.rounds import public
    from wildgraph.screening.rounds import screen as run_screen

    results = run_screen(
        documents,
        model,
        out,
        config.screening,
        rounds=flags["rounds"],
        train=flags["train_command"],
        columns=flags["columns"] or config.documents.columns,
        embedder=lambda: make_embedder(config.embedder),
        observe=_progress(quiet=flags["quiet"]),
    )
    if flags["as_json"]:
        click.echo(json.dumps([public(result.report) for result in results], indent=1))
        return
    for result in results:
        for line in _told(result.report):
            click.echo(line)
        click.echo(f"  {result.folder / 'sequences.parquet'}")


def _progress(*, quiet: bool) -> Callable[[int, int], None]:
    shown = time.monotonic()

    def observe(number: int, roots: int) -> None:
        nonlocal shown
        if not quiet and time.monotonic() - shown >= _EVERY:
            shown = time.monotonic()
            click.echo(f"round {number}: {roots:,} root{'s' if roots != 1 else ''} done", err=True)

    return observe


def _told(report: dict[str, Any]) -> list[str]:
    rejected = ", ".join(f"{reason} {count:,}" for reason, count in report["rejected"].items())
    lines = [
        f"round {report['round']}: {report['sequences']:,} sequences from {report['roots']:,} roots{f' ({rejected})' if rejected else ''}"
    ]
    if report["method"] == "entropy":
        lines.append(
            f"  {report['anchors']:,} anchors, {report['pairs']:,} pairs tried, kept {report['kept_by_ours']:,} by ours and "
            f"{report['kept_by_entropy']:,} by the paper's rule; {report['positives']:,} positives, {report['negatives']:,} hard negatives"
        )
        if report["surviving_in_place"] is not None:
            lines.append(
                f"  {report['surviving_in_place']:.0%} of dependencies hold in the whole sequence ({report['in_place']['sequences']:,} read again)"
            )
        if report["window_error_nats_p95"] is not None:
            lines.append(f"  windows differ from whole roots by {report['window_error_nats_p95']:.3f} nats (95th percentile)")
    if report["overlap_with_last_round"] is not None and report["overlap_with_last_round"]["share_kept_again"] is not None:
        lines.append(f"  {report['overlap_with_last_round']['share_kept_again']:.0%} of the last round's dependencies are kept again")
    return lines


def _pairs(run: Path, model: str, out: Path, config: Config, *, as_json: bool) -> None:
    from wildgraph.screening.pairs import screen_pairs

    summary = screen_pairs(run, model, out, config.screening)
    if as_json:
        click.echo(json.dumps(summary, indent=1))
        return
    unmeasured = f", {summary['too_long']:,} of them longer than the model takes in and not measured" if summary["too_long"] else ""
    median = summary["median_gain"]
    gain = "" if median is None else f"; median gain from the documents {median} nats per token of the answer"
    click.echo(f"{summary['pairs']:,} pairs{unmeasured}{gain}")
    for gate, counts in summary["verdicts"].items():
        click.echo(f"  {gate:<22}" + ", ".join(f"{status.replace('_', ' ')} {count:,}" for status, count in counts.items()))
    click.echo(f"  {out / 'gains.jsonl'}")
