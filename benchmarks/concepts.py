"""How well values are lifted to concepts: pairwise precision, recall and F1 against a gold catalogue, over granularity.

    python -m benchmarks.concepts MINED.jsonl GOLD.json [--curve]

Pairs are of distinct values of one field; the predicted concept is the leaf, before any roll-up.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from wildgraph.catalogue import Catalogue, load_prior
from wildgraph.embedders.cached import CachedEmbedder, shared_cache
from wildgraph.embedders.sentence import SentenceEmbedder
from wildgraph.lifters.by_likeness import GroupingConfig, LikenessLifter
from wildgraph.records import MetaInformation, Rejection
from wildgraph.rows import read_rows
from wildgraph.stages.canonicalize import CanonicalizeConfig, canonicalize, fold, singletons
from wildgraph.stages.mine import MineConfig, read_mined


def pairwise(predicted: Mapping[str, str], gold: Mapping[str, str]) -> tuple[float, float, float]:
    """F1, precision and recall over pairs of values that share a label."""
    both = Counter((predicted[value], gold[value]) for value in gold)
    ours, theirs = Counter(predicted[value] for value in gold), Counter(gold.values())
    together, found, wanted = (sum(n * (n - 1) // 2 for n in counts.values()) for counts in (both, ours, theirs))
    precision, recall = together / max(found, 1), together / max(wanted, 1)
    return 2 * precision * recall / max(precision + recall, 1e-9), precision, recall


def records(file: Path) -> list[MetaInformation]:
    found = list(read_mined(read_rows(file, stage="mine"), MineConfig(), key=b"benchmark"))
    assert not [item for item in found if isinstance(item, Rejection)]
    return [item for item in found if isinstance(item, MetaInformation)]


def against(catalogue: Catalogue, gold: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[float, float, float]]:
    """Field -> F1, precision, recall; gold values that mining's masking and folding changed count under their folded form."""
    scores = {}
    for field, labels in gold.items():
        known = {fold(value): label for value, label in labels.items() if catalogue.leaf(field, fold(value))}
        scores[field] = pairwise({value: str(catalogue.leaf(field, value)) for value in known}, known)
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mined", type=Path)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--curve", action="store_true", help="several granularities")
    arguments = parser.parse_args()
    items, gold = records(arguments.mined), json.loads(arguments.gold.read_text(encoding="utf-8"))
    prior = load_prior()
    public = {phrase for group in (*prior.concepts.values(), *prior.finer.values()) for entry in group for phrase in entry.like}
    embedder = CachedEmbedder(SentenceEmbedder(), shared_cache().with_name("benchmark.sqlite"), public, shared_cache())
    shifts = (-0.12, -0.08, -0.04, 0.0, 0.04, 0.08) if arguments.curve else (0.0,)
    for shift in shifts:
        config = GroupingConfig(cut={field: cut + shift for field, cut in GroupingConfig().cut.items()})
        lifter, started = LikenessLifter(prior, embedder, config), time.process_time()
        catalogue, _ = canonicalize(items, CanonicalizeConfig(), prior=prior, lifter=lifter, likeness=lifter)
        alone = singletons(catalogue.assignments.values())
        print(f"cut {shift:+.2f}, {time.process_time() - started:.1f} CPU s")
        for field, (f1, precision, recall) in against(catalogue, gold).items():
            concepts = len({item.concept for item in catalogue.assignments.values() if item.field == field})
            print(f"  {field:15} F1 {f1:.3f}  P {precision:.3f}  R {recall:.3f}  {concepts} concepts, {alone[field]:.0%} of one record")


if __name__ == "__main__":
    main()
