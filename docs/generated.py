"""MkDocs hook: the parts of the reference that are read off the code, so that they cannot disagree with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any


def reasons() -> str:
    """All rejection reasons as a table."""
    from wildgraph.reasons import REASONS

    rows = [f"| `{reason}` | {kind} | {meaning} |" for reason, (kind, meaning) in REASONS.items()]
    return "\n".join(["| reason | class | meaning |", "|---|---|---|", *rows])


def commands() -> str:
    """The help text of every command."""
    import click

    from wildgraph.cli import cli

    def pages(group: click.Group, path: str = "") -> Iterator[str]:
        for name, command in group.commands.items():
            context = click.Context(command, info_name=f"wildgraph {path}{name}", max_content_width=110)
            yield f"## {path}{name}\n\n```text\n{command.get_help(context)}\n```"
            if isinstance(command, click.Group):
                yield from pages(command, f"{path}{name} ")

    return "\n\n".join(pages(cli))


def explained(section: type[object]) -> dict[str, str]:
    """Attribute -> description, from the ``Attributes`` part of a docstring."""
    import re

    text = (section.__doc__ or "").partition("Attributes:")[2]
    # An entry begins on a line of its own, or behind the full stop (or the note of provenance) of the entry before it.
    entries = re.split(r"\n {8}(?! )|(?<=[.\]]) (?=[a-z_]+(?:, [a-z_]+)*: )", text)
    found = {}
    for entry in entries:
        names, colon, meaning = entry.strip().partition(": ")
        if colon and re.fullmatch(r"[a-z_]+(, [a-z_]+)*", names):
            found.update({name: " ".join(meaning.split()) for name in names.split(", ")})
    return found


def settings() -> str:
    """Every configuration key with its default and what it means."""
    from pydantic import BaseModel

    from wildgraph.config import Config

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


def _form(annotation: Any) -> str:  # noqa: ANN401 - whatever stands behind a field's colon
    """What JSON holds for a field of this type, with other records as links."""
    from collections.abc import Mapping
    from types import NoneType, UnionType
    from typing import Literal, Union, get_args, get_origin

    from pydantic import BaseModel

    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join([*(_form(one) for one in inner if one is not NoneType), "null"])
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in inner)
    if origin is tuple and inner[-1:] == (...,):
        return f"list of {_form(inner[0])}"
    if origin is tuple:
        return f"[{', '.join(_form(one) for one in inner)}]"
    if origin is Mapping:
        return f"object, {_form(inner[0])} → {_form(inner[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return {str: "text", int: "integer", float: "number", bool: "boolean"}.get(annotation, "any JSON")


def _bounds(metadata: Iterable[object]) -> str:
    """What a field's value is held to, such as ``≥ 1``."""
    words = {"ge": "≥ {:g}", "le": "≤ {:g}", "min_length": "length ≥ {}", "max_length": "length ≤ {}"}
    return "".join(f", {said.format(getattr(one, name))}" for name, said in words.items() for one in metadata if hasattr(one, name))


def _marked_up(text: str) -> str:
    """Prose of a docstring as Markdown; a record's ``None`` is ``null`` in its file."""
    import re

    return (
        re.sub(r":(?:mod|func|class|data|meth):`([^`]*)`", r"`\1`", " ".join(text.split())).replace("``", "`").replace("`None`", "`null`")
    )


def records(*names: str) -> str:
    """Records with their fields: what JSON holds for each, whether it may be absent, and what it means."""
    import inspect

    from pydantic import BaseModel

    import wildgraph.records
    import wildgraph.taskgraph.graph

    def section(name: str) -> str:
        kind: type[BaseModel]
        kind = getattr(wildgraph.records, name, None) or getattr(wildgraph.taskgraph.graph, name)
        said = _marked_up(inspect.cleandoc(kind.__doc__ or "").partition("Attributes:")[0])
        meanings, rows = explained(kind), []
        for field, info in kind.model_fields.items():
            default = "" if info.is_required() else f"`{_shown(info.get_default(call_default_factory=True))}`"
            rows.append(
                f"| `{field}` | {_form(info.annotation)}{_bounds(info.metadata)} | {default} | {_marked_up(meanings[field]).rstrip('.')} |"
            )
        return "\n".join([f"### {name}", "", said, "", "| key | holds | if absent | meaning |", "|---|---|---|---|", *rows])

    return "\n\n".join(section(name) for name in names)


def _shown(default: object) -> str:
    """A default as JSON has it."""
    import json

    return json.dumps(default, ensure_ascii=False)


def checkers(*, ifeval: bool) -> str:
    """Every registered checker with its meaning and its arguments."""
    import re

    from pydantic import BaseModel

    from wildgraph.registry import load, registered

    def row(name: str) -> str:
        kind = load("checkers", name)
        assert isinstance(kind, type)
        assert issubclass(kind, BaseModel)
        meaning = (kind.__doc__ or "").partition("Attributes:")[0]
        if ifeval:
            meaning = re.sub(r"^``[^`]+``: ", "", meaning)
        meanings = {name: said for parent in reversed(kind.__mro__) for name, said in explained(parent).items()}
        args = []
        for field, info in kind.model_fields.items():
            default = "" if info.is_required() else f" = `{info.get_default(call_default_factory=True)!r}`"
            args.append(f"`{field.rstrip('_')}`{default}: {meanings[field.rstrip('_')].rstrip('.')}")
        return " | ".join(["", f"`{name}`", " ".join(meaning.split()), ".<br>".join(args), ""]).replace("``", "`").strip()

    rows = [row(name) for name in registered("checkers") if (":" in name) == ifeval]
    return "\n".join(["| checker | passes when | arguments |", "|---|---|---|", *rows])


def gates() -> str:
    """What each gate asks, why it fails pairs, and its settings with their defaults."""
    import inspect
    import re

    from pydantic import BaseModel

    from wildgraph.gates import ORDER
    from wildgraph.registry import load

    parts = []
    for name in ORDER:
        gate = load("gates", name)
        assert isinstance(gate, type)
        assert issubclass(gate, BaseModel)
        about, _, settings = inspect.cleandoc(gate.__doc__ or "").partition("Attributes:")
        fails = " ".join(inspect.cleandoc(gate.judge.__doc__ or "").split())  # type: ignore[attr-defined]
        listed = [f"`{field}: {info.get_default(call_default_factory=True)!r}`" for field, info in gate.model_fields.items()]
        text = re.sub(r":(?:mod|func|class):`([^`]*)`", r"`\1`", " ".join(about.split()))
        meanings = [" ".join(entry.split()) for entry in re.split(r"\n {4}(?! )", settings) if entry.strip()]
        parts.append(
            f"### {name}\n\n{text} {fails}\n"
            + ("\nSettings: " + ", ".join(listed) + "\n\n" if listed else "")
            + "\n".join(f"- {one}" for one in meanings)
        )
    return "\n\n".join(parts)


def gate_table() -> str:
    """Gate × paradigm."""
    from wildgraph.gates import COLUMNS, TABLE
    from wildgraph.gates.table import REQUIRED

    notes = list(dict.fromkeys(cell for row in TABLE.values() for cell in row.values() if cell != REQUIRED))
    rows = [
        f"| {gate} | {' | '.join('yes' if cell == REQUIRED else f'({notes.index(cell) + 1})' for cell in row.values())} |"
        for gate, row in TABLE.items()
    ]
    head = [f"| gate | {' | '.join(column.replace('_', ' ') for column in COLUMNS)} |", f"|---|{'---|' * len(COLUMNS)}"]
    return "\n".join([*head, *rows, "", *(f"({number}) {note}.  " for number, note in enumerate(notes, 1))])


def benchmarks() -> str:
    """The benchmarks that are known, as a table."""
    from wildgraph.gates.contamination import known_benchmarks

    rows = [
        f"| {one.name} | {one.source} | {f'arXiv {one.paper}' if one.paper else ''} | {', '.join(f'`{column}`' for column in one.columns)} | {one.note} |"
        for one in known_benchmarks()
    ]
    return "\n".join(["| benchmark | data | paper | columns | note |", "|---|---|---|---|---|", *rows])


#: Every record that a file of a run holds, by the page's parts.
PAIR_RECORDS = (
    *("Pair", "DocumentRef", "Message", "Evidence", "Checker", "Twin", "Alternative", "Verdict", "TokenCounts", "Provenance"),
    *("TaskSpec", "PathNode", "Candidate", "Document", "Rejection"),
)
GRAPH_RECORDS = ("TaskGraph", "GraphNode", "GraphEdge", "Concept", "Assignment")
LOG_RECORDS = ("Conversation", "Span", "MetaInformation", "Value", "LabelledRecord")

_PARTS: dict[str, Callable[[], str]] = {
    "<!-- reasons -->": reasons,
    "<!-- commands -->": commands,
    "<!-- settings -->": settings,
    "<!-- gates -->": gates,
    "<!-- gate table -->": gate_table,
    "<!-- benchmarks -->": benchmarks,
    "<!-- records of pairs -->": partial(records, *PAIR_RECORDS),
    "<!-- records of graphs -->": partial(records, *GRAPH_RECORDS),
    "<!-- records of logs -->": partial(records, *LOG_RECORDS),
    "<!-- checkers -->": partial(checkers, ifeval=False),
    "<!-- ifeval -->": partial(checkers, ifeval=True),
}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put the generated parts in the places of their marks."""
    for mark, part in _PARTS.items():
        if mark in markdown:
            markdown = markdown.replace(mark, part())
    return markdown
