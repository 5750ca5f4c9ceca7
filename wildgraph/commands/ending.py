"""How commands end that do not end well: one line on standard error, and an exit code."""

from __future__ import annotations

import os
import select

import click

from wildgraph.errors import PluginError
from wildgraph.registry import added_by


def fail(message: str, code: int) -> int:
    """Say what went wrong; returns the code."""
    click.echo(f"wildgraph: {' '.join(message.split())}", err=True)
    return code


def unforeseen(error: Exception) -> int:
    """Say what nobody foresaw, and whose it is."""
    if os.environ.get("WILDGRAPH_DEBUG"):
        raise error
    doing = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    text = " ".join(f"{type(error).__name__}: {error}".split())[:300] + doing
    if place := added_by(error):
        return fail(f"a plug-in failed in {place}: {text} — mend it, or do without it; WILDGRAPH_DEBUG=1 shows more", PluginError.exit_code)
    return fail(f"internal error, please report it: {text} — WILDGRAPH_DEBUG=1 shows where", 70)


def nobody_reads() -> bool:
    """Whether the reader of standard output went away: then nothing failed, and there is nobody to tell."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
