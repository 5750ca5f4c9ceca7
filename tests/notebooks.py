"""Notebooks run in a plain namespace, without a kernel: cells hold plain Python, so nothing else is needed.

``python tests/notebooks.py`` runs the tutorial's notebook in an empty folder and writes what it shows back into it.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

Notebook = dict[str, Any]
ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "docs" / "tutorial" / "notebook.ipynb"


def load(file: Path) -> Notebook:
    """A notebook as it lies on the disk."""
    return json.loads(file.read_text(encoding="utf-8"))


def executed(notebook: Notebook) -> Notebook:
    """The notebook with what its cells show when they are run from the first to the last in the current folder."""
    names: dict[str, object] = {"__name__": "__main__"}
    cells = []
    for number, cell in enumerate(notebook["cells"], 1):
        if cell["cell_type"] != "code":
            cells.append(cell)
            continue
        cells.append({**cell, "execution_count": number, "outputs": _run("".join(cell["source"]), names, number)})
    return {**notebook, "cells": cells}


def _run(source: str, names: dict[str, object], number: int) -> list[Notebook]:
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    out, shown = io.StringIO(), None
    with contextlib.redirect_stdout(out):
        exec(compile(tree, f"cell {number}", "exec"), names)
        if last is not None:
            shown = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
    outputs: list[Notebook] = []
    if out.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": out.getvalue().splitlines(keepends=True)})
    if shown is not None:
        rich = hasattr(shown, "_repr_html_")  # how wide a table is as plain text depends on the terminal
        data = {"text/html" if rich else "text/plain": (shown._repr_html_() if rich else repr(shown)).splitlines(keepends=True)}
        outputs.append({"output_type": "execute_result", "execution_count": number, "data": data, "metadata": {}})
    return outputs


def displayed(cell: Notebook) -> list[str]:
    """Everything that a cell shows."""
    found = []
    for output in cell.get("outputs", ()):
        found += ["".join(output["text"])] if "text" in output else ["".join(lines) for _, lines in sorted(output["data"].items())]
    return found


def main() -> None:
    """Run the tutorial's notebook and keep what it shows."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("seed_queries").symlink_to(ROOT / "seed_queries")
        made = executed(load(NOTEBOOK))
    NOTEBOOK.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
