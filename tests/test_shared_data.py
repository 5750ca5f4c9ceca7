"""Public logs in their native layouts build; skipped where the data is not beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from whole_runs import SHARED

import wildgraph

NATIVE = SHARED / "data" / "native"
pytestmark = [
    pytest.mark.skipif(not NATIVE.is_dir(), reason=f"the shared data is not at {NATIVE.parent}"),
    pytest.mark.usefixtures("remembered"),
]
FILES = sorted(file for file in NATIVE.iterdir() if file.name != "MANIFEST.json") if NATIVE.is_dir() else []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_native_log_builds(file: Path, tmp_path: Path):
    config = wildgraph.load_config(
        overrides={"graph.no_document": "keep", "graph.min_support": 1, "graph.min_type_records": 1, "ingest.limit": 12}
    )
    result = wildgraph.build([file], tmp_path / "run", config)
    assert result.graphs
    stages = wildgraph.status(tmp_path / "run")["stages"]
    assert stages["ingest"]["out"] >= 1
    assert not stages["ingest"]["rejected"]["failed"]
    assert not stages["mine"]["rejected"]["failed"]
    assert stages["mine"]["out"] + sum(stages["mine"]["rejected"]["filtered"].values()) == stages["mine"]["in"]
    assert sum(graph.records for graph in result.graphs) == stages["graph"]["out"]


def test_queries_and_documents_give_pairs(tmp_path: Path):
    config = wildgraph.load_config(
        overrides={"graph.min_support": 1, "graph.min_type_records": 1, "ingest.limit": 60, "sample.n": 5, "corpus.max_tokens": 3000}
    )
    wildgraph.build([SHARED / "data/document_questions.parquet"], tmp_path / "run", config)
    documents = SHARED / "data/documents.parquet"
    import pandas as pd

    few = tmp_path / "documents.parquet"
    pd.read_parquet(documents).head(40).to_parquet(few)
    result = wildgraph.sample(tmp_path / "run", [few], config=config)
    assert result.accepted == 5
