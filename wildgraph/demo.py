"""The whole job on the data that ships with wildgraph."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from wildgraph.config import load_config
from wildgraph.errors import InputError
from wildgraph.funnel import Observer, silent
from wildgraph.pipeline import build, export, sample, view
from wildgraph.results import BuildResult, ExportResult, SampleResult
from wildgraph.sampling import read_pairs
from wildgraph.store import RunDirectory


@dataclass(frozen=True)
class DemoResult:
    """What the demo left.

    Attributes:
        build, sample, export: results of the jobs. page: the explorer page.
        several: accepted pairs over several documents. types: document types among the accepted pairs.
    """

    build: BuildResult
    sample: SampleResult
    export: ExportResult
    page: Path
    several: int
    types: int


def seed_folder() -> Path:
    """Where the seed queries and documents lie: in the wheel, or beside the package in a checkout.

    Raises:
        InputError: they were left out of this installation.
    """
    package = Path(str(files("wildgraph")))
    for folder in (package / "_data" / "seed_queries", package.parent / "seed_queries"):
        if (folder / "queries.jsonl").is_file():
            return folder
    raise InputError("the seed queries are not part of this installation", "install wildgraph from its wheel or from a checkout")


def demo(folder: str | Path, number: int = 80, *, observe: Observer = silent) -> DemoResult:
    """Build, sample, export and view the bundled seed data with the offline engine.

    Args:
        folder: run directory.
        number: accepted pairs.
        observe: called with the funnel's counts as they grow.

    Raises:
        WildgraphError: see :mod:`wildgraph.errors`.
    """
    seeds, run = seed_folder(), Path(folder)
    # So few documents need larger shares than usual for the test split not to be empty.
    config = load_config(overrides={"sample.n": number, "corpus.test_share": 0.2, "walk.test_share": 0.2})
    built = build([seeds / "queries.jsonl"], run, config, observe=observe)
    sampled = sample(run, [seeds / "documents.jsonl"], config=config, observe=observe)
    exported = export(run, ["sft", "dpo", "grpo"], None, config)
    page = view(run)
    pairs = list(read_pairs(RunDirectory.open(run), "pairs.jsonl"))
    several = sum(len(pair.documents) > 1 for pair in pairs)
    return DemoResult(built, sampled, exported, page, several, len({pair.document_type for pair in pairs}))
