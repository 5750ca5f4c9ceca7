"""What lifting gives the graphs: records that keep their labels, records in graphs that can be walked, and the quality of paths, beside gold.

    python -m benchmarks.concept_graphs ../shared/data RUN... [--answers tests/lifters/recorded_answers.jsonl]

Each RUN was built from DATA/mined_values.jsonl with ``--mined``; recorded answers are what a model would have said of it. Only the fields that have gold labels count, everywhere.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.concepts import lifted_by_reader, likeness_lifter, records
from wildgraph.catalogue import Catalogue, concept_id, load_catalogue
from wildgraph.embedders.cached import shared_cache
from wildgraph.fields import ANY_DOCUMENT, DOCUMENT_TYPE, TASK
from wildgraph.records import Concept, LabelledRecord, MetaInformation
from wildgraph.stages.canonicalize import fold
from wildgraph.stages.graph import GraphConfig, build_graphs
from wildgraph.stages.walk import WalkConfig
from wildgraph.survey import path_quality

K, LABELS, NODES, TYPE_RECORDS = 3, 4, 5, 15


def gold_catalogue(gold: Mapping[str, Mapping[str, str]]) -> Catalogue:
    """The annotator's labels as concepts without parents, document types under 'document'."""
    from wildgraph.records import Assignment

    root = Concept(id=concept_id(DOCUMENT_TYPE, ANY_DOCUMENT), field=DOCUMENT_TYPE, name=ANY_DOCUMENT)
    concepts = {root.id: root}
    assignments = {}
    for field, labels in gold.items():
        for value, name in labels.items():
            one = concept_id(field, name)
            concepts[one] = Concept(id=one, field=field, name=name[:120], parent=root.id if field == DOCUMENT_TYPE else None)
            assignments[field, fold(value)] = Assignment(field=field, value=fold(value), concept=one, count=1, users=1)
    return Catalogue(concepts, assignments)


def labelled(items: Sequence[MetaInformation], catalogue: Catalogue, fields: Sequence[str]) -> list[LabelledRecord]:
    found = []
    for item in items:
        labels = {leaf for field in fields for value in item.values.get(field, ()) if (leaf := catalogue.leaf(field, fold(value.general)))}
        kinds = [one for one in labels if catalogue.concepts[one].field == DOCUMENT_TYPE]
        found.append(
            LabelledRecord(id=item.id, user=item.user, document_type=kinds[0] if kinds else None, labels=tuple(sorted(labels - set(kinds))))
        )
    return found


def kept(found: Sequence[LabelledRecord], catalogue: Catalogue, *, roll_up: bool) -> float:
    """Share of records that keep at least four labels of at least K users over the run, rare ones as they are or as their parents."""
    rows = [{*record.labels, *([record.document_type] if record.document_type else [])} for record in found]
    for _ in range(4 if roll_up else 0):
        counts = Counter(one for row in rows for one in row)
        rows = [{one if counts[one] >= K else catalogue.concepts[one].parent or one for one in row} for row in rows]
    counts = Counter(one for row in rows for one in row)
    return float(np.mean([sum(counts[one] >= K for one in row) >= LABELS for row in rows]))


def report(name: str, found: Sequence[LabelledRecord], catalogue: Catalogue) -> None:
    print(
        f"{name}: {kept(found, catalogue, roll_up=False):.0%} of records keep {LABELS} labels at K = {K}, {kept(found, catalogue, roll_up=True):.0%} rolled up"
    )
    there = sum(record.document_type is not None for record in found)
    for least, rolled in ((0, "by records alone"), (NODES, "by records and paths")):
        graphs, _ = build_graphs(found, GraphConfig(min_support=K, min_path=least), catalogue=catalogue)
        walkable = 0
        for graph in graphs:
            if any(node.field == TASK for node in graph.nodes):
                walkable += graph.records if any(one.paths for one in path_quality([graph], WalkConfig(), 0, None, 200)) else 0
        print(
            f"  types rolled up {rolled}: {walkable} of {there} records with a document ({walkable / there:.0%}) are in one of {len(graphs)} graphs with a path of {NODES} nodes"
        )
    large = [graph for graph in graphs if graph.records >= TYPE_RECORDS]
    held = [frozenset(up for label in record.labels for up in catalogue.lineage(label)) for record in found]
    for one in path_quality(large, WalkConfig(), 0, held, 4000):
        print(f"  {one.walk:<9} coherence {one.together:.3f} (published edges {one.coherence:.3f})  recombination {one.recombination:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--answers", type=Path, help="recorded answers of a model")
    arguments = parser.parse_args()
    gold = json.loads((arguments.data / "gold_catalogue.json").read_text(encoding="utf-8"))
    items = records(arguments.data / "mined_values.jsonl")
    report("gold labels", labelled(items, gold_catalogue(gold), list(gold)), gold_catalogue(gold))
    for run in arguments.runs:
        catalogue = load_catalogue(run)
        report(str(run.name), labelled(items, catalogue, list(gold)), catalogue)
    if arguments.answers:
        likeness = likeness_lifter(shared_cache().with_name("benchmark.sqlite"))
        catalogue = lifted_by_reader(likeness, arguments.data / "mined_values.jsonl", arguments.answers, gold)
        report("recorded answers", labelled(items, catalogue, list(gold)), catalogue)


if __name__ == "__main__":
    main()
