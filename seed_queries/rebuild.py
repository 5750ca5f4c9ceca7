"""Rebuild ``graphs/`` from the seed queries.

    python seed_queries/rebuild.py           graphs from the committed records and catalogue: no model, no embedding
    python seed_queries/rebuild.py --mine    mine the queries again with the offline engine first

The committed ``mined.jsonl`` and ``graphs/catalogue.jsonl`` decide every byte of ``graphs/*.json``; a test rebuilds them and compares.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from wildgraph.catalogue import Catalogue, load_assignments, load_concepts
from wildgraph.config import Config
from wildgraph.pipeline import build
from wildgraph.publishing import write_graphs
from wildgraph.records import MetaInformation
from wildgraph.stages.canonicalize import label
from wildgraph.stages.graph import build_graphs
from wildgraph.store import RunDirectory, json_line

HERE = Path(__file__).resolve().parent
GRAPHS = HERE.parent / "graphs"


def mine() -> None:
    """Mine the seed queries and write records, catalogue and concepts."""
    import os

    # A fixed key: the users are made up, and the records must not change with every machine.
    os.environ["WILDGRAPH_KEY"] = "seed queries"
    with tempfile.TemporaryDirectory() as folder:
        build([HERE / "queries.jsonl"], Path(folder) / "run")
        run = RunDirectory.open(Path(folder) / "run")
        records = sorted(run.records("private/mined.jsonl", MetaInformation), key=lambda record: record.id)
        _write(HERE / "mined.jsonl", "".join(json_line(record) for record in records))
        _write(GRAPHS / "catalogue.jsonl", "".join(json_line(row) for row in run.rows("private/catalogue.jsonl")))
        _write(GRAPHS / "hierarchy.jsonl", "".join(json_line(row) for row in run.rows("private/concepts.jsonl")))


def rebuild(target: Path) -> list[Path]:
    """Write the graphs of the committed records and catalogue to ``target/graphs``; returns the files."""
    catalogue = Catalogue(load_concepts(GRAPHS / "hierarchy.jsonl"), load_assignments(GRAPHS / "catalogue.jsonl"))
    lines = (HERE / "mined.jsonl").read_text(encoding="utf-8").split("\n")
    labels = [label(MetaInformation.model_validate_json(line), catalogue) for line in lines if line]
    graphs, _ = build_graphs(labels, Config().graph, catalogue=catalogue)
    written = write_graphs(RunDirectory(target), graphs, catalogue.concepts)
    return [target / name for name in sorted(written)]


def _write(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as handle:
        handle.write(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mine", action="store_true", help="mine the queries again first")
    if parser.parse_args().mine:
        mine()
    print(f"{len(rebuild(GRAPHS.parent))} files in {GRAPHS}")
