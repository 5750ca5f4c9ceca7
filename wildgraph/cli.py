"""The command line: thin, and the only place that prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wildgraph import __version__
from wildgraph.cli_graph import forget, graph, purge
from wildgraph.commands.cache import cache
from wildgraph.commands.estimate import estimate_group
from wildgraph.errors import UsageError, WildgraphError

if TYPE_CHECKING:
    from wildgraph.config import Config

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_OFFLINE_NOTE = (
    "no --model given: the embedded offline engine answers (a baseline to see the pipeline with). "
    "Name a real one with --model NAME --base-url URL, key in OPENAI_API_KEY."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; errors are one line on stderr and an exit code.

    Args:
        arguments: as in ``sys.argv[1:]``, which is the default.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        cli.main(args=list(arguments) if arguments is not None else None, prog_name="wildgraph", standalone_mode=False)
    except click.exceptions.Abort:
        return _fail("interrupted — run the same command again to continue; nothing paid for is lost", 130)
    except KeyboardInterrupt:
        return _fail("interrupted — run the same command again to continue; nothing paid for is lost", 130)
    except click.exceptions.UsageError as error:
        if error.ctx is not None and type(error).__name__ == "NoArgsIsHelpError":  # a class of click 8.2 and later
            click.echo(error.ctx.get_help(), err=True)
            return 2
        hint = f" — see `{error.ctx.command_path} --help`" if error.ctx is not None else ""
        return _fail(f"{error.format_message().rstrip('.')}{hint}", 2)
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except WildgraphError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        sys.stdout = None  # the reader went away; there is nobody to tell
        return 0
    except Exception as error:
        if os.environ.get("WILDGRAPH_DEBUG"):
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return _fail(f"internal error, please report it: {text} — WILDGRAPH_DEBUG=1 shows where", 70)
    return 0


def entry() -> None:
    """The console script."""
    sys.exit(main())


def _fail(message: str, code: int) -> int:
    click.echo(f"wildgraph: {' '.join(message.split())}", err=True)
    return code


@click.group(context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="wildgraph")
def cli() -> None:
    """Long-context instruction data that looks like what people really ask.

    Three jobs: BUILD task graphs from query logs, SAMPLE instruction data sets from them and your documents, VIEW the graphs.
    """


for _command in (graph, forget, purge):
    cli.add_command(_command)


def _columns(_context: click.Context, _parameter: click.Parameter, value: str | None) -> dict[str, str] | None:
    """``query=…,user=…`` as a mapping."""
    if not value:
        return None
    pairs = [part.partition("=") for part in value.split(",")]
    if any(not name.strip() or not sign or not column.strip() for name, sign, column in pairs):
        raise click.BadParameter("write it as USE=COLUMN,USE=COLUMN")
    return {name.strip(): column.strip() for name, _, column in pairs}


def _shares(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, float] | None:
    """``NAME=SHARE`` or ``NAME``, which is a share of one, as a mapping."""
    found = {}
    for value in values:
        name, sign, share = value.rpartition("=") if "=" in value else (value, "", "1")
        try:
            found[name.strip()] = float(share)
        except ValueError:
            raise click.BadParameter(f"{value!r} is not written NAME=SHARE") from None
        if not name.strip():
            raise click.BadParameter(f"{value!r} names nothing before {sign!r}")
    return found or None


def _price(_context: click.Context, _parameter: click.Parameter, value: str | None) -> dict[str, float] | None:
    """``input=…,cached=…,output=…`` as a mapping."""
    if not value:
        return None
    pairs = [part.partition("=") for part in value.split(",")]
    try:
        return {name.strip(): float(dollars) for name, _, dollars in pairs}
    except ValueError:
        raise click.BadParameter("write it as input=0.15,cached=0.075,output=0.6") from None


def _model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.option("--model", help="Model name at the server; 'offline' (the default) for the embedded engine."),
            click.option(
                "--base-url",
                multiple=True,
                help="Address of an OpenAI-compatible server (repeatable); default $OPENAI_BASE_URL, else OpenAI.",
            ),
            click.option("--concurrency", type=click.IntRange(1, 4096), help="Requests in flight at most [32]."),
            click.option(
                "--structured", type=click.Choice(["auto", "json_schema", "json_object", "text"]), help="How JSON is asked for [auto]."
            ),
            click.option("--max-requests", type=click.IntRange(0), help="Stop before sending more requests than this."),
            click.option("--max-tokens", type=click.IntRange(0), help="Stop before using more tokens than this."),
            click.option("--max-cost", type=click.FloatRange(0), help="Stop before spending more US dollars than this."),
            click.option("--price", callback=_price, help="US dollars per million tokens: input=…,cached=…,output=…"),
            click.option("--batch", is_flag=True, default=None, help="Ask through the server's Batch API: half the price, within a day."),
            click.option("--context-window", type=click.IntRange(1), help="Tokens the model can take in; longer prompts are not sent."),
            click.option(
                "--overflow", type=click.Choice(["reject", "truncate"]), help="What happens to prompts that are too long [reject]."
            ),
            click.option("--tokenizer", help="Folder with the model's tokenizer, to measure prompts with [an estimate]."),
            click.option(
                "--timeout", type=click.FloatRange(0, min_open=True), help="Seconds for one request, then it is tried again [600]."
            ),
            click.option("--retry-rejected", multiple=True, metavar="REASON", help="Ask again what failed for this reason (repeatable)."),
            click.option("--embedder", help="Folder or name of a sentence-transformers model [bundled MiniLM]."),
            click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML file; flags win over it."),
            click.option("--dry-run", is_flag=True, help="Ask nobody; say what it would take and cost."),
            click.option("--quiet", "-q", is_flag=True, help="Only errors and the result."),
        )
    ):
        command = option(command)
    return command


def _config(config_file: Path | None, overrides: dict[str, Any]) -> Config:
    from wildgraph.config import load_config

    return load_config(config_file, overrides)


def _model_overrides(flags: dict[str, Any]) -> dict[str, Any]:
    return {
        "model.name": flags["model"],
        "model.base_url": list(flags["base_url"]) or None,
        "model.concurrency": flags["concurrency"],
        "model.structured": flags["structured"],
        "model.max_requests": flags["max_requests"],
        "model.max_tokens": flags["max_tokens"],
        "model.max_cost": flags["max_cost"],
        "model.price": flags["price"],
        "model.batch": flags["batch"],
        "model.context_window": flags["context_window"],
        "model.overflow": flags["overflow"],
        "model.tokenizer": flags["tokenizer"],
        "model.timeout": flags["timeout"],
        "model.retry": list(flags["retry_rejected"]) or None,
        "embedder": flags["embedder"],
    }


def _note_engine(config: Config, flags: dict[str, Any]) -> None:
    """Say that the embedded engine answers, unless it was asked for by name.

    Raises:
        UsageError: a server was named on the command line, but no model.
    """
    if config.model.name != "offline" or flags["model"] is not None:
        return
    if flags["base_url"]:
        raise UsageError(
            "--base-url names a server, but no --model is named", "add --model NAME; `wildgraph doctor --base-url URL` lists them"
        )
    if not flags["quiet"]:
        click.echo(_OFFLINE_NOTE, err=True)


@cli.command()
@click.argument("logs", nargs=-1)
@click.option("--mined", multiple=True, metavar="FILE", help="Start from mined records instead of logs (JSONL, parquet; repeatable).")
@click.option("-o", "--output", "run", required=True, type=click.Path(path_type=Path), help="Run directory to make or continue.")
@click.option("--format", "format_", help="Format of the logs; detected by default (wildchat, lmsys, sharegpt, …).")
@click.option("--columns", callback=_columns, help="Columns of a plain table: query=…,user=…,language=…,id=…,document=…")
@click.option("--language", "languages", multiple=True, help="Keep queries in this language only (ISO code; repeatable).")
@click.option("--keep-toxic", is_flag=True, default=None, help="Keep conversations the log marks as toxic.")
@click.option("--single-turn", is_flag=True, default=None, help="Keep single-turn conversations only.")
@click.option("--long-context", is_flag=True, default=None, help="Keep queries that paste or mention a document only.")
@click.option("--min-chars", type=click.IntRange(0), help="Shortest query.")
@click.option("--max-chars", type=click.IntRange(1), help="Longest query.")
@click.option("--min-support", type=click.IntRange(1), help="K: fewest distinct users behind every node and edge [3].")
@click.option("--min-type-records", type=click.IntRange(1), help="Document types with fewer records roll up [10].")
@click.option("--catalogue", metavar="RUN", help="An earlier run: values go to its concepts first.")
@click.option("--edits", metavar="FILE", help="Corrections of the catalogue: rename, merge, move, pin (YAML).")
@click.option("--lifter", type=click.Choice(["auto", "model", "likeness"]), help="Who groups values into concepts [auto].")
@click.option("--no-document", type=click.Choice(["drop", "keep"]), help="What happens to queries without a document [drop].")
@click.option("--limit", type=click.IntRange(1), help="Take at most so many conversations.")
@_model_options
def build(logs: tuple[str, ...], mined: tuple[str, ...], run: Path, **flags: Any) -> None:  # noqa: ANN401 - click hands over what the options say
    """Build task graphs from query LOGS (files, folders, globs; JSONL, JSON, parquet, CSV, text; .gz, .zst)."""
    from wildgraph.pipeline import build as run_build
    from wildgraph.pipeline import estimate_build
    from wildgraph.terminal import Progress, show_build, show_estimate

    config = _config(
        flags["config_file"],
        {
            **_model_overrides(flags),
            "logs.format": flags["format_"],
            "logs.columns": flags["columns"],
            "ingest.languages": list(flags["languages"]) or None,
            "ingest.drop_toxic": False if flags["keep_toxic"] else None,
            "ingest.single_turn": flags["single_turn"],
            "ingest.long_context_only": flags["long_context"],
            "ingest.min_chars": flags["min_chars"],
            "ingest.max_chars": flags["max_chars"],
            "ingest.limit": flags["limit"],
            "graph.min_support": flags["min_support"],
            "graph.min_type_records": flags["min_type_records"],
            "graph.no_document": flags["no_document"],
            "canonicalize.earlier": flags["catalogue"],
            "canonicalize.edits": flags["edits"],
            "canonicalize.lifter": flags["lifter"],
        },
    )
    if flags["dry_run"]:
        show_estimate(estimate_build(logs, run, config))
        return
    _note_engine(config, flags)
    with Progress(flags["quiet"]) as progress:
        result = run_build(logs, run, config, mined=mined, observe=progress)
    show_build(result)


@cli.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--documents", "-d", multiple=True, required=True, help="Documents: files, folders, globs (repeatable).")
@click.option("--columns", callback=_columns, help="Columns of document tables: text=…,id=…,title=…,type=…,language=…,licence=…")
@click.option("-n", "--number", type=click.IntRange(1), help="Accepted pairs wanted [100].")
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(path_type=Path),
    help="Run directory for the sample [SOURCE if it is a run, else ./wildgraph-run].",
)
@click.option("--multi", type=click.FloatRange(0, 1), help="Share of multi-document candidates [0.3].")
@click.option("--seed", type=click.IntRange(0), help="Seed of the sampling [0].")
@click.option("--temperature", type=click.FloatRange(0, min_open=True), help="Of the walks: above 1 flatter, below 1 sharper [1].")
@click.option("--mode", type=click.Choice(["history", "markov", "coverage"]), help="How walks are weighed [history].")
@click.option("--types", type=click.Choice(["proportional", "sqrt", "uniform"]), help="How document types share the sample [sqrt].")
@click.option(
    "--type-share", "type_shares", multiple=True, callback=_shares, metavar="TYPE=SHARE", help="A document type's share (repeatable)."
)
@click.option("--require", multiple=True, metavar="LABEL", help="Label that every path holds: field=name or concept id (repeatable).")
@click.option("--forbid", multiple=True, metavar="LABEL", help="Label that no path holds: field=name or concept id (repeatable).")
@click.option(
    "--start-field",
    "start",
    multiple=True,
    callback=_shares,
    metavar="FIELD[=SHARE]",
    help="Field that paths start in (repeatable) [task].",
)
@click.option("--novel", type=click.FloatRange(0, 1), help="Share of candidates with a combination nobody asked for yet [0].")
@click.option("--compose", type=click.FloatRange(0, 1), help="Share of multi-document candidates joined from two walks [0.25].")
@click.option("--output-language", help="Language of instructions and answers, by its English name [English].")
@_model_options
def sample(source: Path, documents: tuple[str, ...], out: Path | None, **flags: Any) -> None:  # noqa: ANN401 - click hands over what the options say
    """Sample N accepted instruction–response pairs from SOURCE (a run, or a folder of graphs) and documents."""
    from wildgraph.pipeline import estimate_sample
    from wildgraph.pipeline import sample as run_sample
    from wildgraph.terminal import Progress, show_estimate, show_sample

    config = _config(
        flags["config_file"],
        {
            **_model_overrides(flags),
            "documents.columns": flags["columns"],
            "sample.n": flags["number"],
            "sample.seed": flags["seed"],
            "walk.multi": flags["multi"],
            "walk.temperature": flags["temperature"],
            "walk.mode": flags["mode"],
            "walk.types": flags["types"],
            "walk.type_shares": flags["type_shares"],
            "walk.require": list(flags["require"]) or None,
            "walk.forbid": list(flags["forbid"]) or None,
            "walk.start": flags["start"],
            "walk.novel": flags["novel"],
            "walk.compose": flags["compose"],
            "adapt.language": flags["output_language"],
        },
    )
    if flags["dry_run"]:
        show_estimate(estimate_sample(source, documents, out=out, config=config))
        return
    _note_engine(config, flags)
    with Progress(flags["quiet"], wanted=config.sample.n) as progress:
        result = run_sample(source, documents, out=out, config=config, observe=progress)
    show_sample(result)


@cli.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="HTML file [SOURCE/explorer.html].")
@click.option("--publish", is_flag=True, help="Shareable data only: no sampled rows.")
@click.option("--no-compress", is_flag=True, help="Plain JSON inside, for browsers without DecompressionStream.")
def view(source: Path, output: Path | None, publish: bool, no_compress: bool) -> None:
    """Write one offline HTML page that shows SOURCE (a run, or a folder of graphs)."""
    from wildgraph.pipeline import view as run_view

    file = run_view(source, output, publish=publish, compress=not no_compress)
    click.echo(f"page     {file} ({file.stat().st_size / 1e6:.1f} MB), opens by double click, without a network")


@cli.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", "formats", default="sft", show_default=True, help="Formats, separated by commas.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder [RUN/export].")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML file.")
def export(run: Path, formats: str, output: Path | None, config_file: Path | None) -> None:
    """Export the latest sample of RUN as data sets with a Hugging Face card."""
    from wildgraph.pipeline import export as run_export
    from wildgraph.terminal import show_export

    result = run_export(run, [name.strip() for name in formats.split(",") if name.strip()], output, _config(config_file, {}))
    show_export(result)


@cli.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def status(run: Path, as_json: bool) -> None:
    """Show the funnel of RUN: what entered, passed and was dropped at every stage, and why."""
    import json

    from wildgraph.pipeline import status as run_status
    from wildgraph.terminal import show_status

    found = run_status(run)
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        show_status(found)


@cli.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, and complete.")
def coverage(run: Path, as_json: bool) -> None:
    """Show what the sample of RUN reached of the graphs, whether what was asked for came, and what gates took away by label."""
    from wildgraph.pipeline import coverage as run_coverage
    from wildgraph.terminal import show_coverage

    found = run_coverage(run)
    if as_json:
        click.echo(found.model_dump_json(indent=1))
    else:
        show_coverage(found)


@cli.command()
@click.option("--model", help="Model name to look for.")
@click.option("--base-url", help="Server to ask.")
def doctor(model: str | None, base_url: str | None) -> None:
    """Check that this machine has what the jobs need: packages, embedding model, disk, and the model server if one is named."""
    from wildgraph.doctor import doctor as run_doctor

    problems = 0
    for name, good, detail in run_doctor(model, base_url):
        click.echo(f"{'ok      ' if good else 'PROBLEM '} {name}: {detail}")
        problems += not good
    if problems:
        raise UsageError(f"{problems} problem{'s' if problems > 1 else ''} found", "see the lines above")


@cli.command()
@click.option("-o", "--output", "folder", default="demo", show_default=True, type=click.Path(path_type=Path), help="Run directory.")
@click.option("-n", "--number", default=80, show_default=True, type=click.IntRange(1), help="Accepted pairs.")
@click.option("--quiet", "-q", is_flag=True, help="Only errors and the result.")
def demo(folder: Path, number: int, quiet: bool) -> None:
    """Run the whole job on the seed queries and documents that ship with wildgraph: no key, no network, no GPU."""
    from wildgraph.demo import demo as run_demo
    from wildgraph.terminal import Progress, show_demo

    with Progress(quiet, wanted=number) as progress:
        result = run_demo(folder, number, observe=progress)
    show_demo(result)


cli.add_command(estimate_group(build, sample))
cli.add_command(cache)
