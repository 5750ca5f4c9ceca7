"""Prompts: a template's name, its version and its variables. Templates are Markdown files beside their stage or paradigm.

A template file looks like this::

    ---
    version: 1
    ---
    <!-- system -->
    You are careful.
    <!-- user -->
    {{ text }}

It is rendered with Jinja (undefined variables are errors, nothing is escaped) into chat messages; text from logs and documents is
fenced by :func:`fence`, never pasted bare.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Protocol

from wildgraph.errors import PluginError
from wildgraph.records import Json

_ROLE = re.compile(r"^<!-- (system|user|assistant) -->\n", re.MULTILINE)
_HEAD = re.compile(r"\A---\nversion: (\d+)\n---\n")


@dataclass(frozen=True)
class Template:
    """A prompt template.

    Attributes:
        name: ``package/file`` without suffix, such as ``stages/mine``.
        version: the number in its head.
        hash: first 16 hex digits of the file's SHA-256.
        parts: (role, Jinja source) in order.
    """

    name: str
    version: int
    hash: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Prompt:
    """A template with its variables (JSON values only, so that a prompt can be hashed and cached)."""

    template: Template
    variables: Mapping[str, Json]

    def messages(self) -> list[dict[str, str]]:
        """The rendered chat messages.

        Raises:
            PluginError: another package's template is no Jinja, or uses a variable that is not there.
        """
        with _blaming(self.template.name):
            return [{"role": role, "content": _compiled(source).render(self.variables).strip()} for role, source in self.template.parts]


@contextmanager
def _blaming(name: str) -> Iterator[None]:
    """What is wrong with another package's template is that package's affair."""
    try:
        yield
    except Exception as error:
        if ":" not in name:
            raise
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise PluginError(f"the prompt template {name} cannot be used: {said[:300]}", "mend it and run the same command again") from error


class _Renderable(Protocol):
    def render(self, variables: Mapping[str, Json], /) -> str: ...


@cache
def _compiled(source: str) -> _Renderable:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - prompts are text, not HTML
    environment.filters["fence"] = fence
    return environment.from_string(source)


@cache
def load_template(name: str) -> Template:
    """The template ``wildgraph/<name>.md``, or of another package: ``<package>:<name>`` is its ``<name>.md``.

    Raises:
        PluginError: another package's is not there, or has no version head or no role marks.
    """
    with _blaming(name):
        return _loaded(name)


def _loaded(name: str) -> Template:
    package, _, place = name.rpartition(":")
    text = files(package or "wildgraph").joinpath(f"{place}.md").read_text(encoding="utf-8")
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(f"template {name} does not start with a version head")
    marks = list(_ROLE.finditer(text))
    if not marks:
        raise ValueError(f"template {name} has no role marks")
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    parts = tuple((mark.group(1), text[mark.end() : end]) for mark, end in zip(marks, ends, strict=True))
    return Template(name, int(head.group(1)), hashlib.sha256(text.encode()).hexdigest()[:16], parts)


def fence(text: str, kind: str = "TEXT") -> str:
    """Untrusted text between marks that the text cannot contain, since they carry its own hash.

    Example:
        >>> print(fence("hello", "QUERY"))
        <<<QUERY 2cf24dba>>>
        hello
        <<<END QUERY 2cf24dba>>>
    """
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"<<<{kind} {mark}>>>\n{text}\n<<<END {kind} {mark}>>>"
