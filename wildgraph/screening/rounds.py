"""The loop: screen the corpus with the current checkpoint, let the user train on what was found, screen again with what came out.

Everything is on disk and derived from (documents, settings, checkpoint): a run that was killed anywhere does the rest when it is started again, and its files are those of a
run that was not, on one device, dtype and plan of batches. A folder::

    state.json                  round, phase, checkpoint, seed, plan of batches; one writer at a time by .lock
    index/                      the corpus in the model's tokens, its vectors or its BM25 index
    measurements.sqlite         what the model was asked and said, and what was retrieved
    rounds/0001/                sequences.parquet, sequences.jsonl, README.md, report.json, kept.jsonl, rejected.jsonl, *.svg
    rounds/0001/model/          what the user's training made of it
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from wildgraph.atomic import writing
from wildgraph.backends.causal_lm import CausalLM
from wildgraph.corpus import read_documents
from wildgraph.embedders import Embedder
from wildgraph.errors import EmptyResultError, InputError, RunError, UsageError
from wildgraph.files import expand
from wildgraph.records import Document, Json, Rejection, content_hash
from wildgraph.screening.assemble import LongSequence, assemble, rescore, texts_of
from wildgraph.screening.baselines import anything, similar
from wildgraph.screening.chunks import ChunkIndex, Root, build_chunks, draw_roots
from wildgraph.screening.drawing import drawing
from wildgraph.screening.measure import Measurer, model_key
from wildgraph.screening.measurements import Measured, Measurements, no_anchor
from wildgraph.screening.output import write_card, write_sequences
from wildgraph.screening.report import Kept, Tally, overlap, write_plots
from wildgraph.screening.retrieve import Bm25, Dense, Retriever
from wildgraph.screening.score import Scorer, counted_operations
from wildgraph.screening.settings import ScreeningConfig
from wildgraph.screening.training import Train, TrainCommand, trained
from wildgraph.screening.verify import Choice, Choosing

VERSION = 1
"""Of the operator: what an older one left is made again."""

Observer = Callable[[int, int], None]
"""Is told the round and how many roots are done."""


@dataclass(frozen=True)
class RoundResult:
    """A finished round.

    Attributes:
        number: from 1. folder: its files. report: as in ``report.json``.
    """

    number: int
    folder: Path
    report: dict[str, Any]


@dataclass(frozen=True)
class _Round:
    """What a round works with."""

    number: int
    folder: Path
    fingerprint: str
    key: str
    scorer: Scorer
    index: ChunkIndex
    retriever: Retriever
    measurer: Measurer
    kept_in: Measurements
    config: ScreeningConfig


def screen(
    documents: Sequence[Path | str],
    model: str,
    out: Path,
    config: ScreeningConfig,
    *,
    rounds: int = 1,
    train: Train | str | None = None,
    train_name: str = "",
    columns: dict[str, str] | None = None,
    embedder: Callable[[], Embedder],
    observe: Observer = lambda _round, _roots: None,
) -> tuple[RoundResult, ...]:
    """Screen a corpus for long sequences, so many times, training in between; continue where an earlier call stopped.

    Args:
        documents: files, folders, globs.
        model: folder or name of the first checkpoint.
        out: where everything goes.
        config: all settings.
        rounds: how often.
        train: what trains between rounds, a command or a callable.
        train_name: says that a callable is the same as in an earlier call; a command says it itself.
        columns: what the columns of tables of documents hold.
        embedder: makes the embedder, where one is needed.
        observe: called after every root.

    Raises:
        UsageError: rounds without training, or a model whose sequences are too short.
        InputError: documents or a checkpoint that cannot be used.
        RunError: another run writes there, the disk is full, training failed.
        EmptyResultError: a round found nothing.
    """
    if rounds > 1 and train is None:
        raise UsageError(
            "several rounds need training between them", "--train-command 'python train.py {data} {model} {output}', or --rounds 1"
        )
    if rounds > 1 and config.method != "entropy":
        raise UsageError(f"the baseline {config.method!r} asks no model, so that rounds of it are all the same", "--rounds 1")
    if isinstance(train, str):
        TrainCommand(train, out / "train.log")  # said before hours of screening, not after
    name = train if isinstance(train, str) else train_name
    found: list[RoundResult] = []
    with _writing(out), Measurements(out / "measurements.sqlite") as kept_in:
        checkpoint = model
        for number in range(1, rounds + 1):
            state = _State(out / "state.json", config.seed)
            work = _prepared(documents, checkpoint, out, config, number, columns or {}, embedder, kept_in, state)
            state.note(round=number, rounds=rounds, phase="screening", checkpoint=work.scorer.model.identity)
            result = _screened(work, found[-1] if found else None, observe)
            found.append(result)
            state.note(phase="training" if number < rounds else "finished")
            if train is not None and number < rounds:
                trains = TrainCommand(train, result.folder / "train.log") if isinstance(train, str) else train
                fingerprint = content_hash(work.fingerprint, name)
                place = Path(checkpoint).expanduser() if Path(checkpoint).expanduser().is_dir() else work.scorer.model.folder
                checkpoint = str(trained(result.folder, fingerprint, result.folder / "sequences.parquet", place, trains))
    return tuple(found)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / ".lock").open("a", encoding="utf-8")
    except OSError as error:
        why = "a file of that name is there" if out.is_file() else error.strerror
        raise RunError(f"cannot write to {out}: {why}", "name a folder that you may write to with -o") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunError(f"another run is writing to {out}", "wait for it, or name another folder") from error
        yield


def _source(documents: Sequence[Path | str], columns: dict[str, str]) -> str:
    """What says that the corpus is the same without reading it: names, sizes and times of its files."""
    stats = [(file.relative_to(root).as_posix(), file.stat()) for file, root in expand(documents)]
    return content_hash(sorted(columns.items()), [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats])


def _prepared(
    documents: Sequence[Path | str],
    checkpoint: str,
    out: Path,
    config: ScreeningConfig,
    number: int,
    columns: dict[str, str],
    embedder: Callable[[], Embedder],
    kept_in: Measurements,
    state: _State,
) -> _Round:
    score = config.score
    model = CausalLM(checkpoint, device=score.device, dtype=score.dtype, slice_bytes=score.slice_bytes)
    folder, source = out / "index", _source(documents, columns)
    if number > 1 and ChunkIndex(folder).about["tokenizer"] != model.tokenizer_identity:
        raise InputError(
            f"the checkpoint of round {number - 1} has another tokenizer than the first",
            "train without changing it, and save it beside the weights",
        )

    def read() -> Iterator[Document | Rejection]:
        return read_documents(documents, columns=columns)

    index, _ = build_chunks(_Lazy(read), folder, model, config.index.chunk_tokens, source)
    scorer = Scorer(model, batch_tokens=min(score.batch_tokens, state.batch_tokens or score.batch_tokens), on_smaller=state.smaller)
    retriever: Retriever = Bm25(index, model) if config.retrieve.by == "bm25" else Dense(index, embedder(), model)
    key = "" if config.method == "random" else f"{model_key(model, config, str(index.about['corpus']))}:{retriever.identity}"
    told = model.identity if config.method == "entropy" else model.tokenizer_identity
    decided = config.model_dump(exclude={"score": True})
    fingerprint = content_hash(VERSION, decided, told, key, index.about["corpus"])
    measurer = Measurer(scorer, index, retriever, config, kept_in)
    return _Round(number, out / "rounds" / f"{number:04}", fingerprint, key, scorer, index, retriever, measurer, kept_in, config)


class _Lazy:
    """Documents that are read only if somebody looks."""

    def __init__(self, read: Callable[[], Iterator[Document | Rejection]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[Document | Rejection]:
        return self._read()


class _State:
    """``state.json``: what the run is doing, and its plan of batches. For people, but for the plan: everything else is found out from the files."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        self._path = path
        told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        self.batch_tokens = int(told.get("batch_tokens", 0))
        self._told: dict[str, Json] = {"version": VERSION, "seed": seed}

    def smaller(self, batch_tokens: int) -> None:
        self.batch_tokens = batch_tokens
        self.note()

    def note(self, **told: Json) -> None:
        self._told.update(told)
        _write_json(self._path, {**self._told, "batch_tokens": self.batch_tokens})


def _write_json(path: Path, told: object) -> None:
    with writing(path) as out:
        json.dump(told, out, indent=1, ensure_ascii=False)
        out.write("\n")


# --------------------------------------------------------------------------- one round


def _screened(work: _Round, before: RoundResult | None, observe: Observer) -> RoundResult:
    report_file = work.folder / "report.json"
    if report_file.is_file():
        report = json.loads(report_file.read_text(encoding="utf-8"))
        if report["fingerprint"] == work.fingerprint:
            return RoundResult(work.number, work.folder, report)
    for later in sorted(work.folder.parent.glob("[0-9]*")):
        if later.name.partition(".")[0] >= work.folder.name:  # what follows a round that is made again is made again too
            shutil.rmtree(later)
    partial = work.folder.with_name(f"{work.folder.name}.partial")
    try:
        partial.mkdir(parents=True)
        report = _written(work, partial, before, observe)
        partial.rename(work.folder)
    except OSError as error:
        raise RunError(
            f"cannot write {partial}: {error.strerror or error}",
            "free some space and run the same command again: what was measured is kept",
        ) from error
    return RoundResult(work.number, work.folder, report)


def _written(work: _Round, partial: Path, before: RoundResult | None, observe: Observer) -> dict[str, Any]:
    tally, licences = Tally(), Counter[str]()
    model = work.scorer.model
    with (
        (partial / "rejected.jsonl").open("w", encoding="utf-8", newline="\n") as rejected,
        (partial / "kept.jsonl").open("w", encoding="utf-8", newline="\n") as kept_lines,
    ):

        def sequences() -> Iterator[LongSequence]:
            for item in _items(work, tally, kept_lines, observe):
                if isinstance(item, Rejection):
                    tally.reasons[item.reason] += 1
                    rejected.write(json.dumps(item.model_dump(mode="json"), ensure_ascii=False) + "\n")
                    continue
                tally.assembled(item)
                for segment in item.segments:
                    licences[segment.licence] += segment.end - segment.start
                yield item

        count = write_sequences(texts_of(sequences(), model), partial)
    report: dict[str, Any] = {
        "round": work.number,
        "fingerprint": work.fingerprint,
        "method": work.config.method,
        "criterion": work.config.verify.criterion,
        "checkpoint": model.identity,
        "dtype": model.dtype if work.config.method == "entropy" else None,
        "chunks": len(work.index),
        **{name: work.index.about[name] for name in ("documents", "repeated_chunks")},
        **tally.as_json(),
        "overlap_with_last_round": None if before is None else overlap(_kept_of(before.folder), _kept_of(partial)),
    }
    if not count:
        reasons = ", ".join(f"{reason} {number}" for reason, number in tally.reasons.most_common())
        hints = {
            "no_anchor": "--anchor-rule quantile always finds some",
            "no_context": "more documents, a larger --k, or --criterion entropy",
        }
        hint = next((hints[reason] for reason, _ in tally.reasons.most_common() if reason in hints), "longer documents are needed")
        raise EmptyResultError(
            f"round {work.number} found no sequence in {tally.roots} roots ({reasons or 'no document'})",
            f"{hint}; what was measured is kept",
        )
    if work.config.method == "entropy":
        write_plots(partial, tally)
    write_card(
        partial,
        {name: value for name, value in report.items() if value is not None},
        work.config.model_dump(mode="json", exclude_defaults=True),
        licences,
    )
    _write_json(partial / "report.json", report)
    return report


def _kept_of(folder: Path) -> Iterator[Kept]:
    with (folder / "kept.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            root, pairs = json.loads(line)
            yield root, [(anchor, chunk) for anchor, chunk in pairs]


def _items(work: _Round, tally: Tally, kept_lines: IO[str], observe: Observer) -> Iterator[LongSequence | Rejection]:
    config, choosing = work.config, Choosing(work.config.verify, work.index.length)
    first = work.scorer.model.first_token
    made = 0
    for root in draw_roots(work.index, config):
        tally.roots += 1
        if isinstance(root, Rejection):
            yield root
            continue
        measured = _measured(work, root, count=tally.roots == 1) if config.method == "entropy" else None
        choice = _choice(work, root, choosing, measured)
        if measured is not None:
            tally.measured(measured)
            pairs = sorted((pair.anchor, work.index.name(pair.chunk)) for pair in choice.pairs if pair.kept(config.verify.criterion))
            kept_lines.write(json.dumps([root.name, pairs]) + "\n")
        if measured is not None and not measured.anchors:
            yield no_anchor(measured)
        else:
            tally.chosen(choice)
            item = assemble(root, choice, work.index, first, config)
            if isinstance(item, LongSequence):
                made += 1
                if measured is not None and (made == 1 or drawing(config.seed, "rescore", root.name).random() < config.assemble.rescore):
                    tally.places.update(_in_place(work, item, measured))
            yield item
        observe(work.number, tally.roots)


def _choice(work: _Round, root: Root, choosing: Choosing, measured: Measured | None) -> Choice:
    if measured is not None:
        return choosing.choose(measured)
    if work.config.method == "similar":
        return similar(root, work.index, work.retriever, work.scorer.model, work.config)
    return anything(root)


def _measured(work: _Round, root: Root, *, count: bool) -> Measured:
    known = work.kept_in.get(work.key, root.name)
    if known is not None:
        return known
    if count:
        _ = work.scorer.model.longest  # loaded before the count begins
        with counted_operations() as operations:
            measured = work.measurer.measure(root)
            measured = replace(measured, counted=operations())
    else:
        measured = work.measurer.measure(root)
    work.kept_in.commit(work.key, measured)
    return measured


def _in_place(work: _Round, sequence: LongSequence, measured: Measured) -> dict[str, int]:
    key = f"{work.key}:{work.config.verify.criterion}:{work.config.verify.epsilon}:{work.config.verify.min_drop}"
    told = work.kept_in.in_place(key, sequence.id)
    if told is None:
        told = rescore(sequence, measured, work.scorer, work.config)
        work.kept_in.keep_in_place(key, sequence.id, told)
    return {"sequences": 1, **told}


def public(report: dict[str, Json]) -> dict[str, Json]:
    """A report without what only the run itself needs."""
    return {name: value for name, value in report.items() if name != "fingerprint"}
