"""How well values are lifted to concepts: pairwise precision, recall and F1 against a gold catalogue, over granularity.

    python -m benchmarks.concepts MINED.jsonl GOLD.json [--curve] [--answers tests/lifters/recorded_answers.jsonl]

Pairs are of distinct values of one field; the predicted concept is the leaf, before any roll-up. With ``--answers`` a model's recorded
answers lift the values beside likeness alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from wildgraph.catalogue import Catalogue, load_prior
from wildgraph.embedders.cached import CachedEmbedder, shared_cache
from wildgraph.embedders.sentence import SentenceEmbedder
from wildgraph.fields import DEFAULT_FIELDS, SIMPLIFIED_INSTRUCTION
from wildgraph.lifters.by_likeness import GroupingConfig, LikenessLifter
from wildgraph.lifters.by_model import SORT, ModelLifter, ModelLifterConfig
from wildgraph.llm import ChatRequest, Completion
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


class Recorded:
    """Answers lifting's requests as was recorded: what readers said of each phrase, by its hash, in whichever batch it comes.

    Rows are of two steps: ``sort`` has concepts with their phrases, ``refine`` the final concepts with those that they are made of and the
    phrases that move there. Both say of which reading they are. Of a phrase that was never shown nothing is said.
    """

    def __init__(self, file: Path) -> None:
        self.identity = f"recorded:{file.name}"
        self.sorted: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        self.final: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in (json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line):
            of = row["field"], str(row["reading"])
            if row["step"] == "refine":
                self.final[of] = row["concepts"]
            else:
                self.sorted[of].update((phrase, concept) for concept, found in row["groups"].items() for phrase in found)

    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
        for request in requests:
            field, reading, *_ = request.id.split("/")
            answering = self._sort if request.prompt.template.name == SORT else self._refine
            answer = answering((field, reading), request.prompt.variables)
            assert request.schema is not None
            yield Completion(request.id, text=json.dumps(answer), parsed=request.schema.model_validate(answer))

    def _sort(self, of: tuple[str, str], variables: Mapping[str, Any]) -> dict[str, Any]:
        there = {concept["name"]: f"C{number}" for number, concept in enumerate(variables["concepts"], 1)}
        groups: dict[str, list[int]] = defaultdict(list)
        for line in variables["phrases"].split("\n"):
            number, _, text = line.partition(". ")
            concept = self.sorted[of].get(_mark(text.partition(" [")[0]))
            if concept is not None:
                groups[there.get(concept.lower(), concept)].append(int(number))
        return {"groups": [{"concept": concept, "phrases": found} for concept, found in groups.items()]}

    def _refine(self, of: tuple[str, str], variables: Mapping[str, Any]) -> dict[str, Any]:
        numbers: dict[str, int] = {}
        places: dict[str, str] = {}
        for line in variables["concepts"].split("\n"):
            drafted = re.fullmatch(r"(\d+)\. (.*?) \(\d+\): (.*)", line)
            assert drafted is not None
            number, name, phrases = drafted.groups()
            numbers[name] = int(number)
            _, *parts = re.split(rf"(?:^|; )({number}\.\d+) ", phrases)
            places |= {_mark(text): place for place, text in zip(parts[::2], parts[1::2], strict=True)}
        concepts = [
            {
                "name": one["name"],
                "heading": one["heading"],
                "numbers": [numbers[name.lower()] for name in one["concepts"] if name.lower() in numbers],
                "moved": [places[phrase] for phrase in one["moved"] if phrase in places],
            }
            for one in self.final[of]
        ]
        return {"concepts": concepts}


def _mark(phrase: str) -> str:
    return hashlib.sha256(phrase.encode()).hexdigest()[:12]


def lifted_by_likeness(likeness: LikenessLifter, mined: Path) -> Catalogue:
    return canonicalize(records(mined), CanonicalizeConfig(), prior=likeness.prior, lifter=likeness, likeness=likeness)[0]


def lifted_by_reader(likeness: LikenessLifter, mined: Path, answers: Path, names: Iterable[str], readings: int = 3) -> Catalogue:
    """The catalogue of these fields by so many of the recorded readings."""
    fields = tuple(of for of in DEFAULT_FIELDS if of.name in {*names, SIMPLIFIED_INSTRUCTION})
    reader = ModelLifter(Recorded(answers), likeness, ModelLifterConfig(readings=readings))
    return canonicalize(records(mined), CanonicalizeConfig(fields=fields), prior=likeness.prior, lifter=reader, likeness=likeness)[0]


def likeness_lifter(vectors: Path, config: GroupingConfig | None = None) -> LikenessLifter:
    """That of the product, its vectors in a file of their own."""
    prior = load_prior()
    return LikenessLifter(prior, CachedEmbedder(SentenceEmbedder(), vectors, prior.spoken(), shared_cache()), config or GroupingConfig())


def report(catalogue: Catalogue, gold: Mapping[str, Mapping[str, str]]) -> None:
    alone = singletons(catalogue.assignments.values())
    for field, (f1, precision, recall) in against(catalogue, gold).items():
        concepts = len({item.concept for item in catalogue.assignments.values() if item.field == field})
        print(f"  {field:15} F1 {f1:.3f}  P {precision:.3f}  R {recall:.3f}  {concepts} concepts, {alone[field]:.0%} of one record")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mined", type=Path)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--curve", action="store_true", help="several granularities")
    parser.add_argument("--answers", type=Path, help="recorded answers of a model")
    arguments = parser.parse_args()
    gold, vectors = json.loads(arguments.gold.read_text(encoding="utf-8")), shared_cache().with_name("benchmark.sqlite")
    for shift in (-0.12, -0.08, -0.04, 0.0, 0.04, 0.08) if arguments.curve else (0.0,):
        config = GroupingConfig(cut={field: cut + shift for field, cut in GroupingConfig().cut.items()})
        lifter, started = likeness_lifter(vectors, config), time.process_time()
        catalogue = lifted_by_likeness(lifter, arguments.mined)
        print(f"likeness, cut {shift:+.2f}, {time.process_time() - started:.1f} CPU s")
        report(catalogue, gold)
    if arguments.answers:
        for readings in (1, 3):
            print(f"recorded answers, readings: {readings}")
            report(lifted_by_reader(likeness_lifter(vectors), arguments.mined, arguments.answers, gold, readings), gold)


if __name__ == "__main__":
    main()
