"""Results as tables: one line to print, a small HTML table for notebooks, pandas frames, and data sets of the ``datasets`` library.

Text of logs and documents is hostile: everything that comes into HTML is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from wildgraph.bars import without_bars
from wildgraph.errors import InputError, UsageError
from wildgraph.records import Json, Pair

if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset, DatasetDict

#: Rows of an HTML table; what lies beyond is counted below it.
SHOWN = 12
#: Code points of one cell.
_CELL = 120


def one_line(name: str, /, **facts: object) -> str:
    """What ``repr`` of a result says.

    Example:
        >>> one_line("BuildResult", run="runs/a", graphs=3, reused=None)
        '<BuildResult run=runs/a, graphs=3>'
    """
    return f"<{name} {', '.join(f'{key}={value}' for key, value in facts.items() if value is not None)}>"


def html_table(caption: str, header: Sequence[str], rows: Sequence[Sequence[object]], *, shown: int = SHOWN) -> str:
    """A small table as HTML, everything in it escaped, long cells cut, numbers to the right.

    Args:
        caption: what stands above it.
        header: names of the columns.
        rows: cells by row.
        shown: rows that are shown; those beyond are only counted.

    Example:
        >>> "&lt;b&gt;" in html_table("<b>", ["name"], [])
        True
    """

    def cell(value: object) -> str:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        text = f"{value:,}" if number else _clean(str(value))
        return (
            f"<td style='text-align:{'right' if number else 'left'}'>{escape(text if len(text) <= _CELL else text[: _CELL - 1] + '…')}</td>"
        )

    head = "".join(f"<th style='text-align:left'>{escape(_clean(name))}</th>" for name in header)
    body = "".join(f"<tr>{''.join(cell(value) for value in row)}</tr>" for row in rows[:shown])
    more = f"<p>… and {len(rows) - shown:,} more</p>" if len(rows) > shown else ""
    return f"<div><p><b>{escape(_clean(caption))}</b></p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}</div>"


def _clean(text: str) -> str:
    """Text without what a page or a terminal would act on: control and direction marks, lone surrogates."""
    return "".join(char if char.isprintable() else " " for char in text)


def frame(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> pd.DataFrame:
    """A pandas frame with these columns, also where there is no row."""
    import pandas as pd

    return pd.DataFrame([dict(row) for row in rows], columns=list(columns))


#: Columns of a pair as a flat row.
PAIR_COLUMNS = (
    "id",
    "paradigm",
    "document_type",
    "split",
    "language",
    "instruction",
    "response",
    "answer",
    "document_ids",
    "path",
    "attributes",
    "evidence",
    "checkers",
    "alternatives",
    "pass_rate",
    "bucket",
    "engine",
    "n_tokens",
)


def flat_pair(pair: Pair) -> dict[str, Json]:
    """A pair as one flat row: plain values and lists of text.

    ``path`` and ``attributes`` are concept ids, ``evidence`` is quotations, ``checkers`` are names, ``alternatives`` are worse answers,
    ``n_tokens`` is that of the whole sample.
    """
    return {
        "id": pair.id,
        "paradigm": pair.paradigm,
        "document_type": pair.document_type,
        "split": pair.split,
        "language": pair.language,
        "instruction": pair.instruction,
        "response": pair.response,
        "answer": pair.answer,
        "document_ids": [document.id for document in pair.documents],
        "path": [concept for _, concept in pair.path],
        "attributes": [concept for _, concept in pair.attributes],
        "evidence": [span.text for span in pair.evidence],
        "checkers": [checker.name for checker in pair.checkers],
        "alternatives": [one.content for one in pair.alternatives],
        "pass_rate": pair.pass_rate,
        "bucket": pair.bucket,
        "engine": pair.provenance.engine,
        "n_tokens": pair.n_tokens.total,
    }


def _no_datasets(error: ImportError) -> UsageError:
    return UsageError(f"the datasets library is not installed ({error})", "pip install 'wildgraph[datasets]'")


def pairs_dataset(pairs: Iterable[Pair]) -> Dataset:
    """Pairs as a data set of flat rows, kept in memory.

    Raises:
        UsageError: the ``datasets`` library is not installed.
    """
    try:
        from datasets import Dataset, Features, List, Value
    except ImportError as error:
        raise _no_datasets(error) from error
    texts = {name: List(Value("string")) for name in ("document_ids", "path", "attributes", "evidence", "checkers", "alternatives")}
    others = {"pass_rate": Value("float64"), "bucket": Value("int64"), "n_tokens": Value("int64")}
    # Named outright: a column that is empty throughout would get no type, and two samples could not be put together.
    features = Features({name: texts.get(name) or others.get(name) or Value("string") for name in PAIR_COLUMNS})
    rows = [flat_pair(pair) for pair in pairs]
    return Dataset.from_dict({name: [row[name] for row in rows] for name in PAIR_COLUMNS}, features=features)


def exported_dataset(folder: Path, objective: str) -> DatasetDict:
    """The splits of an exported data set, memory-mapped from the library's own cache.

    Raises:
        InputError: nothing was exported under that name. UsageError: the ``datasets`` library is not installed.
    """
    try:
        from datasets import load_dataset, utils
    except ImportError as error:
        raise _no_datasets(error) from error
    reader, files = _shards(folder, objective)
    with without_bars(utils):
        found: DatasetDict = load_dataset(reader, data_files={split: [str(file) for file in shards] for split, shards in files.items()})
    return found


def exported_frame(folder: Path, objective: str) -> pd.DataFrame:
    """All splits of an exported data set as one frame with a column ``split``.

    Raises:
        InputError: nothing was exported under that name.
    """
    import pandas as pd

    reader, files = _shards(folder, objective)
    parts = []
    for split, shards in files.items():
        for shard in shards:
            read = pd.read_parquet(shard) if reader == "parquet" else pd.read_json(shard, lines=True)
            parts.append(read.assign(split=split))
    return pd.concat(parts, ignore_index=True)


def _shards(folder: Path, objective: str) -> tuple[str, dict[str, list[Path]]]:
    """How the shards of an objective are read, and which there are of each split, in order."""
    files: dict[str, list[Path]] = {}
    for file in sorted((folder / objective).glob("*-of-*.*")):
        files.setdefault(file.name.partition("-")[0], []).append(file)
    if not files:
        known = ", ".join(sorted(one.name for one in folder.iterdir() if one.is_dir())) if folder.is_dir() else ""
        raise InputError(f"no rows for {objective!r} in {folder}", f"there are {known}" if known else "export them first")
    reader = "parquet" if next(iter(files.values()))[0].suffix == ".parquet" else "json"
    return reader, files
