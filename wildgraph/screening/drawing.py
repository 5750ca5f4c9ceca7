"""Draws that depend on what they are for and on nothing else."""

from __future__ import annotations

import random

from wildgraph.records import content_hash


def drawing(seed: int, purpose: str, *of: str | int) -> random.Random:
    """A generator of its own for one decision, so that no draw depends on how many came before it.

    Args:
        seed: of the run.
        purpose: keeps decisions apart.
        of: what is decided about.

    Example:
        >>> drawing(1, "controls", "root").random() == drawing(1, "controls", "root").random()
        True
    """
    return random.Random(content_hash("screening", str(seed), purpose, *map(str, of)))  # noqa: S311 - reproducible on purpose
