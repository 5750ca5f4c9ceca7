"""The page of a run over real queries and real documents; skipped, loudly, where the data is not beside the repository."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest
from page_reading import numbers, ready, texts
from test_demo_page_in_browser import check_page
from whole_runs import SHARED, pairs

import wildgraph
from wildgraph.taskgraph import read_graphs

DATA = SHARED / "data"


@pytest.fixture
def real_runs(tmp_path: Path, remembered: object) -> tuple[Path, Path]:
    """Two runs: over a part of the real queries with samples of real documents, and over a smaller part."""
    if not DATA.is_dir():
        sys.stderr.write(f"\n*** THE PAGE OF REAL DATA WAS NOT TRIED: it is not at {DATA} ***\n")
        pytest.skip(f"the shared data is not at {DATA}")
    logs = [DATA / "queries.parquet", DATA / "document_questions.parquet"]
    few = tmp_path / "documents.parquet"
    documents = pd.read_parquet(DATA / "documents.parquet")
    documents[documents["approx_tokens"] < 6000].iloc[::6].to_parquet(few)
    for name, limit in (("run", 700), ("earlier", 400)):
        config = wildgraph.load_config(overrides={"ingest.limit": limit, "graph.min_type_records": 4, "sample.n": 60})
        wildgraph.build(logs, tmp_path / name, config)
    wildgraph.sample(tmp_path / "run", [few], config=config)
    wildgraph.view(tmp_path / "run", compare=tmp_path / "earlier")
    return tmp_path / "run", tmp_path / "earlier"


def test_every_panel_of_a_page_of_real_data(real_runs: tuple[Path, Path], visit):
    run, earlier = real_runs
    assert len(pairs(run)) == 60
    check_page(run, visit, whole=False)
    page = visit((run / "explorer.html").read_text(encoding="utf-8"))
    page.click("#compare-link")
    ready(page, "compare")
    both = [read_graphs(one / "graphs") for one in (run, earlier)]
    tiles = [numbers(text) for text in texts(page, "#compare-tiles strong")]
    assert tiles[:3] == [
        [len(graphs) for graphs in both],
        [sum(graph.records for graph in graphs) for graphs in both],
        [sum(len(graph.nodes) for graph in graphs) for graphs in both],
    ]
    assert page.locator("#compare-types tbody tr").count() == len({graph.slug for graphs in both for graph in graphs})
