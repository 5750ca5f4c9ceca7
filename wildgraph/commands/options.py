"""Options that several commands share: how models are named, how tables and shares are written, and the configuration they make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wildgraph.errors import UsageError

if TYPE_CHECKING:
    from wildgraph.config import Config

_OFFLINE_NOTE = (
    "no --model given: the embedded offline engine answers (a baseline to see the pipeline with). "
    "Name a real one with --model NAME --base-url URL, key in OPENAI_API_KEY."
)


def columns(_context: click.Context, _parameter: click.Parameter, value: str | None) -> dict[str, str] | None:
    """``query=…,user=…`` as a mapping."""
    if not value:
        return None
    pairs = [part.partition("=") for part in value.split(",")]
    if any(not name.strip() or not sign or not column.strip() for name, sign, column in pairs):
        raise click.BadParameter("write it as USE=COLUMN,USE=COLUMN")
    found = {name.strip(): column.strip() for name, _, column in pairs}
    if len(found) < len(pairs):
        raise click.BadParameter("one use has two columns")
    return found


def shares(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, float] | None:
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


def targets(_context: click.Context, _parameter: click.Parameter, value: str | None) -> dict[int, float] | None:
    """``8k,32k`` or ``8k:0.7,32k:0.3`` as lengths with shares."""
    if not value:
        return None
    from wildgraph.buckets import parse_targets

    try:
        return parse_targets(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def price(_context: click.Context, _parameter: click.Parameter, value: str | None) -> dict[str, float] | None:
    """``input=…,cached=…,output=…`` as a mapping."""
    if not value:
        return None
    pairs = [part.partition("=") for part in value.split(",")]
    try:
        return {name.strip(): float(dollars) for name, _, dollars in pairs}
    except ValueError:
        raise click.BadParameter("write it as input=0.15,cached=0.075,output=0.6") from None


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that asks a model."""
    for option in reversed(
        (
            click.option("--model", help="Model name at the server; 'offline' (the default) for the embedded engine."),
            click.option(
                "--base-url",
                multiple=True,
                help="Address of an OpenAI-compatible server (repeatable); default $OPENAI_BASE_URL, else OpenAI.",
            ),
            click.option("--backend", help="Who asks the model, where another package's back end does [OpenAI's protocol]."),
            click.option("--concurrency", type=click.IntRange(1, 4096), help="Requests in flight at most [32]."),
            click.option(
                "--structured", type=click.Choice(["auto", "json_schema", "json_object", "text"]), help="How JSON is asked for [auto]."
            ),
            click.option("--max-requests", type=click.IntRange(0), help="Stop before sending more requests than this."),
            click.option("--max-tokens", type=click.IntRange(0), help="Stop before using more tokens than this."),
            click.option("--max-cost", type=click.FloatRange(0), help="Stop before spending more US dollars than this."),
            click.option("--price", callback=price, help="US dollars per million tokens: input=…,cached=…,output=…"),
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
            click.option("--embedder", help="Sentence-transformers folder or model, or another package's embedder [MiniLM]."),
            click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML file; flags win over it."),
            click.option("--dry-run", is_flag=True, help="Ask nobody; say what it would take and cost."),
            click.option("--quiet", "-q", is_flag=True, help="Only errors and the result."),
        )
    ):
        command = option(command)
    return command


def objective_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options for a sample's shape, its judge, and what preference and reinforcement training need."""
    for option in reversed(
        (
            _share("--type-share", "type_shares", "TYPE=SHARE", "A document type's share of the sample (repeatable)."),
            _share("--paradigm-share", "paradigm_shares", "NAME=SHARE", "A paradigm's share of the sample (repeatable)."),
            _share("--language-share", "language_shares", "LANGUAGE=SHARE", "Share in a language, by its English name (repeatable)."),
            click.option("--judge-model", help="Another model that scores every pair on rubrics; key in WILDGRAPH_JUDGE_KEY."),
            click.option("--judge-base-url", multiple=True, help="Address of the judge's server (repeatable) [that of the model]."),
            click.option("--judge-price", callback=price, help="US dollars per million tokens of the judge: input=…,cached=…,output=…"),
            click.option(
                "--closed-book",
                type=click.Choice(["auto", "judge", "writer", "nobody"]),
                help="Who tries requests without their documents [auto: the judge, if there is one].",
            ),
            _share(
                "--contrast",
                "contrast",
                "WAY[=SHARE]",
                "How worse answers for DPO are made (repeatable) [constraint_broken]: constraint_broken, wrong_document, no_document, "
                "worst_of_several; all but the first ask the model.",
            ),
            click.option("--no-contrast", is_flag=True, default=None, help="Make no worse answers."),
            click.option("--trainee-model", help="Model to be trained: its pass rate is measured for GRPO; key in WILDGRAPH_TRAINEE_KEY."),
            click.option("--trainee-base-url", multiple=True, help="Address of the trainee's server (repeatable) [that of the model]."),
            click.option("--trainee-price", callback=price, help="US dollars per million tokens of the trainee: input=…,cached=…,output=…"),
        )
    ):
        command = option(command)
    return command


def _share(flag: str, name: str, metavar: str, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(flag, name, multiple=True, callback=shares, metavar=metavar, help=text)


def objective_overrides(flags: dict[str, Any]) -> dict[str, Any]:
    """What the options of :func:`objective_options` say, by configuration key."""
    return {
        "sample.quotas.document_types": flags["type_shares"],
        "sample.quotas.paradigms": flags["paradigm_shares"],
        "sample.quotas.languages": flags["language_shares"],
        "judge_model.name": flags["judge_model"],
        "judge_model.base_url": list(flags["judge_base_url"]) or None,
        "judge_model.price": flags["judge_price"],
        "closed_book.by": flags["closed_book"],
        "contrast.made": {} if flags["no_contrast"] else flags["contrast"],
        "trainee_model.name": flags["trainee_model"],
        "trainee_model.base_url": list(flags["trainee_base_url"]) or None,
        "trainee_model.price": flags["trainee_price"],
    }


def configuration(config_file: Path | None, overrides: dict[str, Any]) -> Config:
    """The configuration of a file, with what the command line says over it."""
    from wildgraph.config import load_config

    return load_config(config_file, overrides)


def model_overrides(flags: dict[str, Any]) -> dict[str, Any]:
    """What the options of :func:`model_options` say, by configuration key."""
    return {
        "model.name": flags["model"],
        "model.backend": flags["backend"],
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


def note_engine(config: Config, flags: dict[str, Any]) -> None:
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
