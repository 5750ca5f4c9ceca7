"""Every exception wildgraph raises on purpose.

::

    WildgraphError               one line for the user, a hint, an exit code
    ├── UsageError               what was asked cannot be done as asked              (exit 2)
    │   └── ConfigError          an unknown key, a value out of range
    ├── InputError               a file, log, corpus or graph that cannot be read    (exit 3)
    ├── RunError                 the run directory is locked, foreign, newer, full   (exit 4)
    ├── ModelError               the model server as a whole cannot be used          (exit 5)
    │   ├── AuthenticationError  401/403: a wrong or missing key
    │   └── ServerError          unreachable, speaks HTML, most requests failing
    ├── BudgetError              a cap on spend, tokens or requests was reached      (exit 6)
    ├── EmptyResultError         nothing, or less than asked, came out              (exit 7)
    └── PluginError              what another package added misbehaves              (exit 8)

A failed *item* is never an exception: it is a :class:`wildgraph.records.Rejection`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class WildgraphError(Exception):
    """An error the user can act on.

    Args:
        message: what happened, with what. One line.
        hint: what to do about it. One line, may be empty.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} — {self.hint}" if self.hint else self.message


class UsageError(WildgraphError):
    """What was asked cannot be done as asked."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration key or value is wrong."""


class InputError(WildgraphError):
    """A file, log, corpus or graph cannot be read."""

    exit_code = 3


class RunError(WildgraphError):
    """The run directory is locked by another process, foreign, newer than this version, or full."""

    exit_code = 4


class ModelError(WildgraphError):
    """The model server as a whole cannot be used; single failed requests are rejections instead."""

    exit_code = 5


class AuthenticationError(ModelError):
    """The server refused the key."""


class ServerError(ModelError):
    """The server is unreachable, does not speak the chat-completions protocol, or fails most requests."""


class BudgetError(WildgraphError):
    """A cap on spend, tokens or requests was reached; the run can be continued."""

    exit_code = 6


class EmptyResultError(WildgraphError):
    """Nothing, or less than was asked for, came out; what there is was kept."""

    exit_code = 7


class PluginError(WildgraphError):
    """What another package added does not do what it has to."""

    exit_code = 8


@contextmanager
def noting(what: str) -> Iterator[None]:
    """An error that nobody foresaw tells what was being done, such as ``gate x, pair 7``."""
    try:
        yield
    except WildgraphError:
        raise
    except Exception as error:
        error.add_note(what)
        raise


#: Names that a hint lists at most.
_LISTED = 24


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint for a name that is not known: the nearest one that is, else ``otherwise``, else all of them.

    Example:
        >>> did_you_mean("comparisn", ["single_document", "comparison"])
        "did you mean 'comparison'?"
        >>> did_you_mean("x", ["single_document", "comparison"])
        'there are single_document, comparison'
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return f"did you mean {near[0]!r}?" if near else otherwise or f"there are {', '.join(names[:_LISTED])}{more}"
