"""MkDocs hook: the parts of the reference that are read off the code, so that they cannot disagree with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator


def reasons() -> str:
    """All rejection reasons as a table."""
    from wildgraph.records import REASONS

    rows = [f"| `{reason}` | {kind} | {meaning} |" for reason, (kind, meaning) in REASONS.items()]
    return "\n".join(["| reason | class | meaning |", "|---|---|---|", *rows])


def commands() -> str:
    """The help text of every command."""
    import click

    from wildgraph.cli import cli

    def pages(group: click.Group, before: str) -> Iterator[str]:
        for name, command in group.commands.items():
            context = click.Context(command, info_name=f"wildgraph {before}{name}", max_content_width=110)
            yield f"## {before}{name}\n\n```text\n{command.get_help(context)}\n```"
            if isinstance(command, click.Group):
                yield from pages(command, f"{before}{name} ")

    return "\n\n".join(pages(cli, ""))


def settings() -> str:
    """Every configuration key with its default and what it means."""
    import re

    from pydantic import BaseModel

    from wildgraph.config import Config

    def explained(section: type[BaseModel]) -> dict[str, str]:
        """Attribute -> description, from the ``Attributes`` part of a docstring."""
        text = (section.__doc__ or "").partition("Attributes:")[2]
        # An entry begins on a line of its own, or behind the full stop (or the note of provenance) of the entry before it.
        entries = re.split(r"\n {8}(?! )|(?<=[.\]]) (?=[a-z_]+(?:, [a-z_]+)*: )", text)
        found = {}
        for entry in entries:
            names, colon, meaning = entry.strip().partition(": ")
            if colon and re.fullmatch(r"[a-z_]+(, [a-z_]+)*", names):
                found.update({name: " ".join(meaning.split()) for name in names.split(", ")})
        return found

    def rows(section: BaseModel, prefix: str) -> Iterator[str]:
        meanings = explained(type(section))
        for name in type(section).model_fields:
            value = getattr(section, name)
            if isinstance(value, BaseModel):
                yield from rows(value, f"{prefix}{name}.")
            else:
                shown = "the default table" if name == "fields" else f"`{value!r}`"
                yield f"| `{prefix}{name}` | {shown} | {meanings.get(name, '')} |"

    table = [row for row in rows(Config(), "") if not any(f"`{stage}.fields`" in row for stage in ("mine", "canonicalize", "walk"))]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *table])


_PARTS: dict[str, Callable[[], str]] = {"<!-- reasons -->": reasons, "<!-- commands -->": commands, "<!-- settings -->": settings}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put the generated parts in the places of their marks."""
    for mark, part in _PARTS.items():
        if mark in markdown:
            markdown = markdown.replace(mark, part())
    return markdown
