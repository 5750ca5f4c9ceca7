"""Who was forgotten: a list of keyed hashes in the run, so that a log that still holds the user is read without them."""

from __future__ import annotations

from wildgraph.errors import RunError
from wildgraph.pseudonyms import key_id
from wildgraph.store import RunDirectory

FORGOTTEN = "private/forgotten.jsonl"


def forgotten_users(run: RunDirectory) -> frozenset[str]:
    """Keyed hashes of the users that were forgotten.

    Raises:
        RunError: they were hashed with another key than the present one, so that they could come back unnoticed.
    """
    if not (run.path / FORGOTTEN).is_file():
        return frozenset()
    rows = list(run.rows(FORGOTTEN))
    present = key_id(run.key(make=False))
    if any(row.get("key") != present or not isinstance(row.get("user"), str) for row in rows):
        raise RunError(f"users of {run.path} were forgotten under another key", "set WILDGRAPH_KEY to the one that was set then")
    return frozenset(row["user"] for row in rows)


def note_forgotten(run: RunDirectory, user: str) -> None:
    """Remember that a user is forgotten.

    Args:
        run: the run, open for writing.
        user: the user's keyed hash.

    Raises:
        RunError: see :func:`forgotten_users`.
    """
    present = key_id(run.key())
    run.write_rows(FORGOTTEN, [{"key": present, "user": one} for one in sorted(forgotten_users(run) | {user})])
