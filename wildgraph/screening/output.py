"""Writing a round's sequences: parquet, JSONL and a data card."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wildgraph.records import Json

_GROUP = 64  # sequences of a row group


def write_sequences(rows: Iterable[dict[str, Json]], folder: Path) -> int:
    """Write sequences as ``sequences.parquet`` and ``sequences.jsonl``, holding a row group in memory; how many.

    Args:
        rows: as :meth:`~wildgraph.screening.assemble.LongSequence.row` makes them.
        folder: that exists.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    segment = pa.struct(
        [
            ("role", pa.string()),
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("document", pa.string()),
            ("hash", pa.string()),
            ("licence", pa.string()),
            ("at", pa.int64()),
        ]
    )
    depend = pa.struct([("position", pa.int32()), ("segment", pa.int32())])
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("root", pa.string()),
            ("n_tokens", pa.int32()),
            ("input_ids", pa.list_(pa.int32())),
            ("text", pa.string()),
            ("segments", pa.list_(segment)),
            ("dependencies", pa.list_(depend)),
        ]
    )
    written, waiting = 0, list[dict[str, Json]]()
    with (
        (folder / "sequences.jsonl").open("w", encoding="utf-8", newline="\n") as lines,
        pq.ParquetWriter(folder / "sequences.parquet", schema, compression="zstd") as table,
    ):

        def flush() -> None:
            table.write_table(pa.Table.from_pylist(waiting, schema=schema))
            waiting.clear()

        for row in rows:
            # A lone surrogate is in no UTF-8 file.
            row = {**row, "text": str(row["text"]).encode("utf-8", "replace").decode("utf-8")}
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
            waiting.append(row)
            written += 1
            if len(waiting) == _GROUP:
                flush()
        if waiting or not written:
            flush()
    return written


def write_card(folder: Path, report: dict[str, Any], settings: dict[str, Any], licences: Counter[str]) -> None:
    """Write the data card, ``README.md``.

    Args:
        folder: where the sequences are.
        report: the round's.
        settings: what was set.
        licences: of the documents, by tokens.
    """
    shown = ", ".join(f"{name} ({count:,} tokens)" for name, count in licences.most_common()) or "none"
    told = "\n".join(
        f"| {name.replace('_', ' ')} | {json.dumps(value) if isinstance(value, dict) else value} |" for name, value in report.items()
    )
    with (folder / "sequences.parquet").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    # `datasets` knows a local folder by its name and by this header alone: without a digest in it, another round would be taken for this one.
    text = f"""---
configs:
- config_name: default
  description: sha256 {digest}
  data_files: sequences.parquet
tags: [long-context, pretraining, screening]
---
# Long sequences, screened by a model's own uncertainty

Each row is one training sequence: contexts in random order, then a root document in which a causal language model was uncertain until it saw them
(EntropyLong, arXiv 2510.02330; PolicyLong, arXiv 2604.07809; as wildgraph rebuilds them).

- `input_ids`, `text`: the same sequence in the model's tokens and as text; a first token that stands for no text is in the ids alone.
- `segments`: offsets in tokens (`start` ≤ token < `end`), role (`positive`: shown to help; `negative`: retrieved and shown to change nothing; `similar`: retrieved,
  not verified; `filler`: random; `root`), and the document it is from.
- `dependencies`: tokens of the root that a segment helps to predict. Verified one context at a time; `surviving in place` below says how many hold in the whole sequence.

Licences of the documents: {shown}. A document's licence goes with its segments.

| | |
|---|---|
{told}

Settings: `{json.dumps(settings, sort_keys=True)}`
"""
    (folder / "README.md").write_text(text, encoding="utf-8")
