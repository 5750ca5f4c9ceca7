"""The command line: thin, and the only place that prints."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from wildgraph import __version__
from wildgraph.commands.cache import cache
from wildgraph.commands.dataset import diff, export
from wildgraph.commands.ending import fail, nobody_reads, unforeseen
from wildgraph.commands.estimate import estimate_group
from wildgraph.commands.gate import gate
from wildgraph.commands.graph import forget, graph, purge
from wildgraph.commands.options import (
    columns,
    configuration,
    model_options,
    model_overrides,
    note_engine,
    objective_options,
    objective_overrides,
    shares,
    targets,
)
from wildgraph.commands.screen import screen
from wildgraph.commands.show import show
from wildgraph.commands.view import view
from wildgraph.errors import UsageError, WildgraphError
from wildgraph.threads import wait_without_spinning

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; errors are one line on stderr and an exit code.

    Args:
        arguments: as in ``sys.argv[1:]``, which is the default.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    wait_without_spinning()
    try:
        cli.main(args=list(arguments) if arguments is not None else None, prog_name="wildgraph", standalone_mode=False)
    except click.exceptions.Abort:
        return fail("interrupted — run the same command again to continue; every answer that arrived is kept", 130)
    except KeyboardInterrupt:
        return fail("interrupted — run the same command again to continue; every answer that arrived is kept", 130)
    except click.exceptions.UsageError as error:
        if error.ctx is not None and type(error).__name__ == "NoArgsIsHelpError":  # a class of click 8.2 and later
            click.echo(error.ctx.get_help(), err=True)
            return 2
        hint = f" — see `{error.ctx.command_path} --help`" if error.ctx is not None else ""
        return fail(f"{error.format_message().rstrip('.')}{hint}", 2)
    except click.ClickException as error:
        return fail(error.format_message(), 2)
    except WildgraphError as error:
        return fail(str(error), error.exit_code)
    except _BrokenPipeError as broken:
        return 0 if nobody_reads() else unforeseen(broken.error)
    except SystemExit:  # click's way out when help is read no further
        if nobody_reads():
            return 0
        raise
    except Exception as error:
        return unforeseen(error)
    return 0


def entry() -> None:
    """The console script."""
    # Thousands of requests in flight outlive the collector's usual short rounds, which would then go through everything again and again.
    gc.set_threshold(50_000)
    sys.exit(main())


#: The commands in the order in which one works, with what each does in a few words.
_ORDER = {
    "Start": {
        "demo": "The whole job on data that come with wildgraph",
        "doctor": "Is everything here that the jobs need?",
    },
    "Work": {
        "build": "Task graphs from query logs",
        "sample": "Accepted pairs from graphs and documents",
        "show": "One sample with everything that is known of it",
        "status": "The funnel: what was dropped where, and why; the bill",
        "view": "One offline page, or pictures for a paper",
        "export": "Data sets for SFT, DPO, GRPO and others",
    },
    "Look closer": {
        "gate": "What the gates said, of all pairs or of one",
        "coverage": "What a sample reached of the graphs",
        "diff": "What one data set has that another has not",
    },
    "Money": {
        "estimate": "What build or sample will take and cost",
        "cache": "The answers that were paid for: count, prune, export",
    },
    "Graphs and people": {
        "graph": "Merge, compare, count, check and export graphs",
        "forget": "Take a user out of a run",
        "purge": "Remove everything private from a run",
    },
    "Long sequences": {
        "screen": "Screen documents by a model's own uncertainty",
    },
}


class _BrokenPipeError(Exception):
    """A pipe broke while a command ran, standard output or another one: click would end without a word in both cases."""

    def __init__(self, error: BrokenPipeError) -> None:
        super().__init__(str(error))
        self.error = error


class _Ordered(click.Group):
    """A group whose commands are listed by what they are for."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command.

        Raises:
            _BrokenPipeError: in place of the one that click does not let through.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _BrokenPipeError(error) from error

    def list_commands(self, _context: click.Context) -> list[str]:
        """All commands in the order in which one works."""
        return [name for commands in _ORDER.values() for name in commands]

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """A section for each purpose."""
        for title, commands in _ORDER.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<8}", said) for name, said in commands.items()])


@click.group(cls=_Ordered, context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="wildgraph")
def cli() -> None:
    """Long-context instruction data that looks like what people really ask.

    Three jobs: BUILD task graphs from query logs, SAMPLE instruction data sets from them and your documents, VIEW the graphs.
    `wildgraph COMMAND --help` says more of each.
    """


for _command in (graph, forget, purge, gate, export, diff):
    cli.add_command(_command)


@cli.command()
@click.argument("logs", nargs=-1)
@click.option("--mined", multiple=True, metavar="FILE", help="Start from mined records instead of logs (JSONL, parquet; repeatable).")
@click.option("-o", "--output", "run", required=True, type=click.Path(path_type=Path), help="Run directory to make or continue.")
@click.option("--format", "format_", help="Format of the logs; detected by default (wildchat, lmsys, sharegpt, …).")
@click.option("--columns", callback=columns, help="Columns of a plain table: query=…,user=…,language=…,id=…,document=…")
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
@model_options
def build(logs: tuple[str, ...], mined: tuple[str, ...], run: Path, **flags: Any) -> None:  # noqa: ANN401 - click hands over what the options say
    """Build task graphs from query LOGS (files, folders, globs; JSONL, JSON, parquet, CSV, text; .gz, .zst)."""
    from wildgraph.pipeline import build as run_build
    from wildgraph.pipeline import estimate_build
    from wildgraph.progress import Progress
    from wildgraph.terminal import show_build, show_estimate

    config = configuration(
        flags["config_file"],
        {
            **model_overrides(flags),
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
        show_estimate(estimate_build(logs, run, config, mined=mined))
        return
    note_engine(config, flags)
    with Progress(flags["quiet"]) as progress:
        result = run_build(logs, run, config, mined=mined, observe=progress)
    show_build(result)


@cli.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--documents", "-d", multiple=True, required=True, help="Documents: files, folders, globs (repeatable).")
@click.option("--columns", callback=columns, help="Columns of document tables: text=…,id=…,title=…,type=…,language=…,licence=…")
@click.option("-n", "--number", type=click.IntRange(1), help="Accepted pairs wanted [100].")
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(path_type=Path),
    help="Run directory for the sample [SOURCE if it is a run, else ./wildgraph-run].",
)
@click.option(
    "--paradigm", "paradigms", multiple=True, metavar="NAME", help="Kind of sample to draw (repeatable) [all that the engine can write]."
)
@click.option(
    "--target-tokens",
    callback=targets,
    metavar="LENGTHS",
    help="Lengths that whole samples fill, padded with related documents: 8k,32k,128k or with shares 8k:0.5,32k:0.5 [as long as the documents].",
)
@click.option(
    "--trainee-tokenizer", help="Folder with the trainee's tokenizer, which measures all lengths with its chat template [an estimate]."
)
@click.option("--multi", type=click.FloatRange(0, 1), help="Share of multi-document candidates [0.3].")
@click.option("--seed", type=click.IntRange(0), help="Seed of the sampling [0].")
@click.option("--temperature", type=click.FloatRange(0, min_open=True), help="Of the walks: above 1 flatter, below 1 sharper [1].")
@click.option("--mode", type=click.Choice(["history", "markov", "coverage"]), help="How walks are weighed [history].")
@click.option("--types", type=click.Choice(["proportional", "sqrt", "uniform"]), help="How document types share the sample [sqrt].")
@click.option("--require", multiple=True, metavar="LABEL", help="Label that every path holds: field=name or concept id (repeatable).")
@click.option("--forbid", multiple=True, metavar="LABEL", help="Label that no path holds: field=name or concept id (repeatable).")
@click.option(
    "--start-field",
    "start",
    multiple=True,
    callback=shares,
    metavar="FIELD[=SHARE]",
    help="Field that paths start in (repeatable) [task].",
)
@click.option("--novel", type=click.FloatRange(0, 1), help="Share of candidates with a combination nobody asked for yet [0].")
@click.option("--compose", type=click.FloatRange(0, 1), help="Share of multi-document candidates joined from two walks [0.25].")
@click.option("--require-gate", "require_gates", multiple=True, metavar="GATE", help="Turn away what this gate cannot judge (repeatable).")
@click.option("--against", multiple=True, metavar="FILE", help="Benchmark to decontaminate against: file, folder, glob (repeatable).")
@click.option("--earlier", multiple=True, metavar="FILE", help="Earlier data set whose samples must not come again (repeatable).")
@click.option("--output-language", help="Language of instructions and answers, by its English name [English].")
@objective_options
@model_options
def sample(source: Path, documents: tuple[str, ...], out: Path | None, **flags: Any) -> None:  # noqa: ANN401 - click hands over what the options say
    """Sample N accepted instruction–response pairs from SOURCE (a run, or a folder of graphs) and documents."""
    from wildgraph.pipeline import estimate_sample
    from wildgraph.pipeline import sample as run_sample
    from wildgraph.progress import Progress
    from wildgraph.terminal import show_estimate, show_sample

    config = configuration(
        flags["config_file"],
        {
            **model_overrides(flags),
            **objective_overrides(flags),
            "documents.columns": flags["columns"],
            "sample.n": flags["number"],
            "sample.seed": flags["seed"],
            "walk.paradigms": list(flags["paradigms"]) or None,
            "sample.quotas.buckets": flags["target_tokens"],
            "corpus.tokenizer": flags["trainee_tokenizer"],
            "walk.multi": flags["multi"],
            "walk.temperature": flags["temperature"],
            "walk.mode": flags["mode"],
            "walk.types": flags["types"],
            "walk.require": list(flags["require"]) or None,
            "walk.forbid": list(flags["forbid"]) or None,
            "walk.start": flags["start"],
            "walk.novel": flags["novel"],
            "walk.compose": flags["compose"],
            "adapt.language": flags["output_language"],
            "gate.require": list(flags["require_gates"]) or None,
            "gate.settings.contamination.sets": list(flags["against"]) or None,
            "gate.settings.duplicates.earlier": list(flags["earlier"]) or None,
        },
    )
    if flags["dry_run"]:
        show_estimate(estimate_sample(source, documents, out=out, config=config))
        return
    note_engine(config, flags)
    with Progress(flags["quiet"], wanted=config.sample.n) as progress:
        result = run_sample(source, documents, out=out, config=config, observe=progress)
    show_sample(result)


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
    from wildgraph.progress import Progress
    from wildgraph.terminal import show_demo

    with Progress(quiet, wanted=number) as progress:
        result = run_demo(folder, number, observe=progress)
    show_demo(result)


cli.add_command(estimate_group(build, sample))
cli.add_command(cache)
cli.add_command(show)
cli.add_command(view)
cli.add_command(screen)
cli.commands = {name: cli.commands[name] for name in cli.list_commands(click.Context(cli))}
