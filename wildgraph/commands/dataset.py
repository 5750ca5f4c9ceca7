"""``wildgraph export`` and ``wildgraph diff``: data sets made of a sample, and what one has that another has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wildgraph.commands.options import configuration


def _mix(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, float] | None:
    """``FILE:SHARE`` as a mapping; the file's name may hold colons."""
    found = {}
    for value in values:
        file, _, share = value.rpartition(":")
        try:
            found[file] = float(share)
        except ValueError:
            raise click.BadParameter(f"{value!r} is not written FILE:SHARE") from None
        if not file:
            raise click.BadParameter(f"{value!r} names no file before ':'")
    return found or None


def _listed(values: tuple[str, ...]) -> list[str] | None:
    """Names, each given alone or several separated by commas; nothing where the option was not given."""
    return [name.strip() for value in values for name in value.split(",") if name.strip()] if values else None


def _licences(values: tuple[str, ...]) -> list[str] | None:
    """The like; a value with a comma and a space in it is several SPDX ids, or else one name in a corpus's own words."""
    from wildgraph.exporters.licences import UNKNOWN, known

    if not values:
        return None
    split = [(value, _listed((value,)) or []) for value in values]
    whole = [", " in value and not all(known(name) or name == UNKNOWN for name in names) for value, names in split]
    return [name for (value, names), one in zip(split, whole, strict=True) for name in ([value.strip()] if one else names)]


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--to", "formats", multiple=True, help="Formats: sft, dpo, grpo, sharegpt, alpaca, openai (repeatable, or with commas) [sft]."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder [RUN/export].")
@click.option("--train-on", type=click.Choice(["marked", "last", "all"]), help="Answers of a dialogue that are trained on [marked].")
@click.option("--thinking", is_flag=True, default=None, help="Give what the model thought before it answered (SFT).")
@click.option("--validate-with", metavar="FOLDER", help="Tokenizer to count with; rows that its model cannot take are an error.")
@click.option("--allow-licences", multiple=True, metavar="ID", help="Licences that documents may have: SPDX ids, or unknown (repeatable).")
@click.option("--exclude", multiple=True, metavar="DATASET", help="Leave out what is in this export, run or table already (repeatable).")
@click.option(
    "--mix", multiple=True, callback=_mix, metavar="FILE:SHARE", help="Mix in short chat data: share of training rows (repeatable)."
)
@click.option("--push-to-hub", "push_to", metavar="REPO", default="", help="Push to this repository, privately; token from HF_TOKEN.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML file; flags win over it.")
@click.option("--quiet", "-q", is_flag=True, help="Only errors and the result.")
def export(run: Path, formats: tuple[str, ...], output: Path | None, config_file: Path | None, push_to: str, **flags: Any) -> None:  # noqa: ANN401 - click hands over what the options say
    """Export the latest sample of RUN as one data set with a Hugging Face card, training scripts and a list of its documents."""
    from wildgraph.errors import UsageError
    from wildgraph.pipeline import export as run_export
    from wildgraph.progress import Progress
    from wildgraph.terminal import show_export

    named = _listed(formats)
    if named == []:
        raise UsageError("no format is named", "such as --to sft")
    config = configuration(
        config_file,
        {
            "export.to": named,
            "export.train_on": flags["train_on"],
            "export.thinking": flags["thinking"],
            "export.validate_with": flags["validate_with"],
            "export.allow_licences": _licences(flags["allow_licences"]),
            "export.exclude": list(flags["exclude"]) or None,
            "export.mix": flags["mix"],
        },
    )
    with Progress(flags["quiet"]) as progress:
        result = run_export(run, (), output, config, push_to=push_to, observe=progress)
    show_export(result)


@click.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, with the ids of rows.")
def diff(before: Path, after: Path, as_json: bool) -> None:
    """Show which rows were added, removed and changed between two exports, or two runs, and how paradigms and types shifted."""
    import json

    from wildgraph.exporters.reading import diff_datasets
    from wildgraph.terminal import show_dataset_diff

    found = diff_datasets(before, after)
    if not as_json:
        show_dataset_diff(found)
        return
    tables = {"by_paradigm": found.by_paradigm, "by_type": found.by_type}
    counts = {
        name: [{"objective": of, "value": value, "before": one, "after": two} for (of, value), (one, two) in table.items()]
        for name, table in tables.items()
    }
    rows = {"added": found.added, "removed": found.removed, "changed": found.changed, "same": dict(found.same)}
    click.echo(json.dumps(rows | counts, indent=1, ensure_ascii=False))
