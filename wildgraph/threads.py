"""How threads of numerical libraries wait."""

from __future__ import annotations

import os


def wait_without_spinning() -> None:
    """Let OpenMP's threads sleep while they wait for each other, unless the user decided otherwise; to be called before torch is imported.

    They spin by default, each on a core. Where another process wants that core, whoever holds the work is kept from it by those who wait for
    it: embedding a few sentences at a time took 4 to 17 times as long with two threads on two busy cores (``benchmarks/README.md``).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
