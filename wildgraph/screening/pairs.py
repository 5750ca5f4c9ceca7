"""Screening a run's sample: its pairs go through the gates that a model's likelihoods make."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from wildgraph.atomic import writing
from wildgraph.backends.causal_lm import CausalLM
from wildgraph.corpus import DocumentStore
from wildgraph.errors import EmptyResultError, InputError
from wildgraph.records import Pair, content_hash
from wildgraph.screening.information import pair_gains, verdicts
from wildgraph.screening.measurements import Measurements
from wildgraph.screening.report import Thinned, histogram
from wildgraph.screening.score import Scorer
from wildgraph.screening.settings import ScreeningConfig
from wildgraph.store import RunDirectory


def screen_pairs(run: Path, model: str, out: Path, config: ScreeningConfig) -> dict[str, Any]:
    """Measure what the answers of a run's latest sample owe to their documents: ``gains.jsonl``, ``summary.json`` and two pictures in ``out``.

    Args:
        run: a run directory with a sample; nothing in it is changed.
        model: folder or name of a checkpoint.
        out: where everything goes.
        config: all settings.

    Returns:
        The summary.

    Raises:
        InputError: there is no sample.
        EmptyResultError: it is empty.
    """
    directory = RunDirectory.open(run)
    if directory.stage("sample") is None:
        raise InputError(f"{run} holds no sample yet", f"draw one with `wildgraph sample {run} --documents PATH`")
    score = config.score
    checkpoint = CausalLM(model, device=score.device, dtype=score.dtype, slice_bytes=score.slice_bytes)
    scorer = Scorer(checkpoint, batch_tokens=score.batch_tokens)
    template = checkpoint.tokenizer.chat_template or ""
    key = content_hash(checkpoint.identity, checkpoint.dtype, checkpoint.device.partition(":")[0], config.pairs.chunk_tokens, str(template))
    gains, shares, said, count, too_long = Thinned(), Thinned(), dict[str, Counter[str]](), 0, 0

    def lines() -> Iterator[str]:
        nonlocal count, too_long
        with DocumentStore(run / "documents.sqlite") as store, Measurements(out / "measurements.sqlite") as kept_in:
            pairs = directory.records("pairs.jsonl", Pair, Pair.from_row)
            for found in pair_gains(pairs, store.text, scorer, config.pairs, kept_in, key):
                count += 1
                too_long += found.too_long
                judged = verdicts(found, config.pairs)
                for verdict in judged:
                    said.setdefault(verdict.gate, Counter())[verdict.reason if verdict.status == "fail" else verdict.status] += 1
                if not found.too_long:
                    gains.extend([found.gain])
                    shares.extend([found.best_part] if len(found.parts) > 1 and found.gain > 0 else [])
                row = {**found.row(), "verdicts": [verdict.model_dump(mode="json") for verdict in judged]}
                yield json.dumps(row, ensure_ascii=False) + "\n"

    out.mkdir(parents=True, exist_ok=True)
    _write(out / "gains.jsonl", lines())
    if not count:
        raise EmptyResultError(f"the sample of {run} holds no pair")
    summary: dict[str, Any] = {
        "pairs": count,
        "checkpoint": checkpoint.identity,
        "prompts": "in its chat template" if template else "plain: it has no chat template",
        "too_long": too_long,
        "median_gain": round(float(np.median(gains.values)), 4) if gains.values else None,
        "median_best_part_share": round(float(np.median(shares.values)), 4) if shares.values else None,
        "verdicts": {gate: dict(sorted(counts.items())) for gate, counts in said.items()},
    }
    _write(out / "gain.svg", [histogram(gains.values, "information gain of answers from their documents", "nats per token")])
    _write(out / "best-part.svg", [histogram(shares.values, "share of the gain that the best part alone gives", "share")])
    _write(out / "summary.json", [json.dumps(summary, indent=1) + "\n"])
    return summary


def _write(file: Path, lines: Iterator[str] | list[str]) -> None:
    with writing(file) as out:
        out.writelines(lines)
