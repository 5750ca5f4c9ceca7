"""Seeded prompt layouts: the prompt that trains is not the prompt that generated (METHOD: logs put the instruction anywhere)."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from wildgraph.records import Document, Message, content_hash
from wildgraph.rows import clean
from wildgraph.text import language_code

ChatMessage = dict[str, str]

_BACKTICKS = re.compile(r"`{3,}")
_TITLE_WITHIN = 400


class Layout(NamedTuple):
    """Where the instruction stands, how documents are marked off, and which turn holds them.

    Attributes:
        turn: the turn with the documents.
        position: where the instruction stands to them, within the user's turn.
        fence: how documents are marked off.
        system: whether there is a system prompt, or, with documents in the system turn, a line before them.
    """

    turn: Literal["user", "system"]
    position: Literal["first", "last", "both"]
    fence: Literal["plain", "xml", "markdown"]
    system: bool

    @property
    def name(self) -> str:
        """The layout in a word, such as ``user-last-xml-system``."""
        return "-".join((self.turn, self.position, self.fence, "system" if self.system else "bare"))


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    document: str
    one: tuple[str, ...]
    several: tuple[str, ...]
    system_one: tuple[str, ...]
    system_several: tuple[str, ...]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    positions: tuple[Literal["first", "last", "both"], ...]
    fences: tuple[Literal["plain", "xml", "markdown"], ...]
    separators: tuple[str, ...]
    tags: tuple[str, ...]
    systems: dict[str, tuple[str, ...]]
    words: dict[str, _Words]


@cache
def _table() -> _Table:
    return _Table.model_validate(json.loads(files("wildgraph.exporters").joinpath("layouts.json").read_text(encoding="utf-8")))


@cache
def layouts() -> tuple[Layout, ...]:
    """All layouts."""
    table = _table()
    in_user = [Layout("user", position, fence, system) for position, fence, system in product(table.positions, table.fences, (False, True))]
    in_system = [Layout("system", "last", fence, system) for fence, system in product(table.fences, (False, True))]
    return (*in_user, *in_system)


def choose_layout(seed: int) -> Layout:
    """The layout of a seed; all are equally likely.

    Example:
        >>> choose_layout(7) == choose_layout(7)
        True
    """
    return layouts()[_draw(seed, "layout", len(layouts()))]


def _draw(seed: int, what: str, count: int) -> int:
    return int(content_hash("export", what, seed), 16) % count


def lay_out(
    turns: Sequence[Message], documents: Sequence[Document], *, seed: int, language: str, layout: Layout | None = None
) -> list[ChatMessage]:
    """Chat messages of a sample: its turns, with the documents laid into the first user turn or the system turn.

    Documents and turns stand in them verbatim (but lone surrogates, which no file can hold, are U+FFFD). Several documents are
    numbered in their order; a title is given where the text does not begin with it.

    Args:
        turns: the sample's turns; a system turn of its own takes the place of the layout's.
        documents: in the sample's order.
        seed: of the layout.
        language: of the sample, a name or code; words around the documents are English where there are none in it.
        layout: a certain layout instead of the seed's.
    """
    layout = layout or choose_layout(seed)
    table, code = _table(), language_code(language)
    words = table.words.get(code, table.words["en"])
    systems = table.systems.get(code, table.systems["en"])
    material = _material(documents, layout.fence, words, seed)
    own = "\n\n".join(turn.content for turn in turns if turn.role == "system")
    rest = [turn for turn in turns if turn.role != "system"]
    messages: list[ChatMessage] = []
    if layout.turn == "system":
        lines = words.system_one if len(documents) == 1 else words.system_several
        chosen = [line for line in lines if line]
        line = own or (chosen[_draw(seed, "line", len(chosen))] if layout.system else "")
        messages.append({"role": "system", "content": f"{line}\n\n{material}" if line else material})
        messages.extend({"role": turn.role, "content": turn.content} for turn in rest)
    else:
        if own or layout.system:
            messages.append({"role": "system", "content": own or systems[_draw(seed, "system", len(systems))]})
        first = next((place for place, turn in enumerate(rest) if turn.role == "user"), 0)
        for place, turn in enumerate(rest):
            content = _joined(turn.content, material, layout, len(documents), words, seed) if place == first else turn.content
            messages.append({"role": turn.role, "content": content})
    return [{"role": message["role"], "content": clean(message["content"])} for message in messages]


def _joined(instruction: str, material: str, layout: Layout, count: int, words: _Words, seed: int) -> str:
    separators = _table().separators
    between = separators[_draw(seed, "separator", len(separators))] if layout.fence == "plain" else "\n\n"
    intros = words.one if count == 1 else words.several
    intro = intros[_draw(seed, "intro", len(intros))]
    introduced = f"{intro}\n\n{material}" if intro else material
    parts = {"first": (instruction, introduced), "last": (introduced, instruction), "both": (instruction, introduced, instruction)}
    return between.join(parts[layout.position])


def _material(documents: Sequence[Document], fence: str, words: _Words, seed: int) -> str:
    names = [_name(place, document, words, several=len(documents) > 1) for place, document in enumerate(documents, start=1)]
    if fence == "xml":
        return _xml(documents, seed)
    if fence == "markdown":
        return "\n\n".join(
            f"### {name}\n\n{_fenced(document.text)}" if name else _fenced(document.text)
            for name, document in zip(names, documents, strict=True)
        )
    return "\n\n".join(f"{name}\n\n{document.text}" if name else document.text for name, document in zip(names, documents, strict=True))


def _title(document: Document) -> str:
    """The title, where the text does not begin with it."""
    title = " ".join(document.title.split())
    return "" if title in " ".join(document.text[:_TITLE_WITHIN].split()) else title


def _name(place: int, document: Document, words: _Words, *, several: bool) -> str:
    title = _title(document)
    if not several:
        return title
    return f"{words.document} {place}: {title}" if title else f"{words.document} {place}"


def _fenced(text: str) -> str:
    """``text`` in a code block whose marks are longer than any in it."""
    marks = "`" * max((len(run) + 1 for run in _BACKTICKS.findall(text)), default=3)
    return f"{marks}\n{text}\n{marks}"


def _xml(documents: Sequence[Document], seed: int) -> str:
    """Documents in tags that none of them closes."""
    tags = [tag for tag in _table().tags if not any(f"</{tag}" in document.text.lower() for document in documents)]
    tag = tags[_draw(seed, "tag", len(tags))] if tags else f"document-{content_hash([document.hash for document in documents], length=8)}"
    blocks = []
    for place, document in enumerate(documents, start=1):
        attributes = f' index="{place}"' if len(documents) > 1 else ""
        attributes += f' title="{html.escape(_title(document))}"' if _title(document) else ""
        blocks.append(f"<{tag}{attributes}>\n{document.text}\n</{tag}>")
    return "\n".join(blocks)
