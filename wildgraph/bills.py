"""What the stages of a run took, in ``manifest.run.json``: totals grow, the last time is kept apart, and so is what is under way.

A stage that ends, well or not, enters its bill. While it is at work it leaves word every second of what it has spent so far, so that
the bill of a command that was killed is in the totals all the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wildgraph.atomic import writing
from wildgraph.funnel import StageCount
from wildgraph.records import Json

FILE = "manifest.run.json"
#: Seconds between two words of a stage at work [ours].
_EVERY = 1.0


class BillBook:
    """The bills of a run.

    Args:
        folder: the run directory.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._own = False  # whether what is under way in the file is this process's
        self._said = -_EVERY

    def read(self) -> dict[str, dict[str, dict[str, float]]]:
        """Stage -> ``total`` and ``last`` -> the bill; what is under way, or was when a command was killed, is in both."""
        return _folded(self._content())

    def enter(self, name: str, count: StageCount) -> None:
        """Enter the bill of a stage that ended, in place of what it said while it was at work.

        Raises:
            RunError: the disk is full or the file cannot be written.
        """
        stages, running = self._mine()
        running.pop(name, None)
        _add(stages, name, count.bill())
        self._write(stages, running)

    def under_way(self, counts: Iterable[StageCount]) -> None:
        """Leave word of what stages at work have spent so far, if the last word is a second old.

        Raises:
            RunError: the disk is full or the file cannot be written.
        """
        now = time.monotonic()
        if now - self._said < _EVERY:
            return
        running = {count.stage: count.bill() for count in counts if count.requests or count.cache_hits}
        if running:
            self._said = now
            self._write(self._mine()[0], running)

    def _mine(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Bills, and what this process has under way; what one before it left is counted as spent."""
        content = self._content()
        if not self._own:
            content = {"stages": _folded(content), "running": {}}
            self._own = True
        return content["stages"], content["running"]

    def _content(self) -> dict[str, Any]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8")) if self._file.is_file() else {}
            stages, running = found.get("stages", {}), found.get("running", {})
            spent = [number for bill in stages.values() for part in ("total", "last") for number in bill[part].values()]
            spent += [number for bill in running.values() for number in bill.values()]
            whole = all(isinstance(number, int | float) for number in spent)
        except (OSError, ValueError, RecursionError, AttributeError, KeyError, TypeError):
            whole = False  # a log of times: rebuilt rather than fatal
        return {"stages": stages, "running": running} if whole else {"stages": {}, "running": {}}

    def _write(self, stages: Mapping[str, Any], running: Mapping[str, Any]) -> None:
        content = {"stages": stages, **({"running": running} if running else {})}
        text = json.dumps(content, indent=1, sort_keys=True) + "\n"
        with writing(self._file) as handle:
            handle.write(text)


def _folded(content: Mapping[str, Any]) -> dict[str, Any]:
    """The bills of a content with what is under way entered into them."""
    stages: dict[str, Any] = content["stages"]
    for name, bill in content["running"].items():
        _add(stages, name, bill)
    return stages


def _add(stages: dict[str, Any], name: str, bill: Mapping[str, Json]) -> None:
    entry = stages.setdefault(name, {"total": {}, "last": {}})
    entry["last"] = dict(bill)
    for key, value in bill.items():
        assert isinstance(value, int | float)
        entry["total"][key] = round(entry["total"].get(key, 0) + value, 9)
