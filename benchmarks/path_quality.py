"""Coherence and recombination of paths on real queries with gold labels: history and markov mode beside shuffled labels.

Usage: ``python benchmarks/path_quality.py ../shared/data`` (mined_values.jsonl and gold_catalogue.json; fields without gold labels keep
their raw values, most of which the minimum support takes away).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from wildgraph.catalogue import Catalogue, concept_id
from wildgraph.fields import DEFAULT_FIELDS, DOCUMENT_TYPE
from wildgraph.records import Concept, LabelledRecord
from wildgraph.stages.graph import GraphConfig, build_graphs
from wildgraph.stages.walk import WalkConfig
from wildgraph.survey import path_quality

ONE_TYPE = f"{DOCUMENT_TYPE}/any-query"


def labelled(folder: Path) -> tuple[list[LabelledRecord], Catalogue]:
    gold = json.loads((folder / "gold_catalogue.json").read_text(encoding="utf-8"))
    concepts = {ONE_TYPE: Concept(id=ONE_TYPE, field=DOCUMENT_TYPE, name="any query")}
    records = []
    for line in (folder / "mined_values.jsonl").read_text(encoding="utf-8").split("\n")[:-1]:
        row = json.loads(line)
        labels = set()
        for field in (one.name for one in DEFAULT_FIELDS if one.node):
            values = row.get(field) or []
            for value in values if isinstance(values, list) else [values]:
                name = gold[field].get(value) if field in gold else value.lower()
                if isinstance(name, str) and name not in ("", "none"):
                    concept = concept_id(field, name)
                    concepts[concept] = Concept(id=concept, field=field, name=name[:120])
                    labels.add(concept)
        records.append(LabelledRecord(id=row["id"], user=row["id"], document_type=ONE_TYPE, labels=tuple(sorted(labels))))
    return records, Catalogue(concepts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    records, catalogue = labelled(parser.parse_args().data)
    held = [frozenset(record.labels) for record in records]
    for support in (1, 2, 3):
        graphs, _ = build_graphs(records, GraphConfig(min_support=support), catalogue=catalogue)
        (graph,) = graphs
        print(f"{len(records)} queries, K = {support}: {len(graph.nodes):,} labels, {len(graph.edges):,} edges")
        for one in path_quality(graphs, WalkConfig(), 0, held, 4000):
            print(
                f"  {one.walk:<9} with an edge {one.coherence:.3f}  in some record {one.together:.3f}  recombination {one.recombination:.3f}"
            )


if __name__ == "__main__":
    main()
