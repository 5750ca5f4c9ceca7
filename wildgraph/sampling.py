"""Sampling is a loop of waves: candidates are one infinite sequence, and the sample is its first N accepted ones in index order.

Inside a wave requests may be answered in any order; what is accepted is decided in index order after it. The size of waves therefore
changes nothing: ``-n 100`` is a prefix of ``-n 200``. What a wave accepts beyond N is kept as ``surplus.jsonl``.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from wildgraph import __version__
from wildgraph.catalogue import Catalogue
from wildgraph.config import Config, SampleConfig
from wildgraph.corpus import Corpus, DocumentStore, token_counter
from wildgraph.engines import Engines, charge
from wildgraph.errors import EmptyResultError, RunError
from wildgraph.funnel import Observer, StageCount
from wildgraph.gates import Gate
from wildgraph.holdings import run_corpus
from wildgraph.llm import load_template
from wildgraph.records import REASONS, Concept, Json, Pair, Rejection, Split, TaskSpec, Verdict
from wildgraph.stages import adapt as adapt_stage
from wildgraph.stages import gate as gate_stage
from wildgraph.stages import measure as measure_stage
from wildgraph.stages import pair as pair_stage
from wildgraph.stages import walk as walk_stage
from wildgraph.stages.classify import coverage, uncovered
from wildgraph.stages.graph import ANY_DOCUMENT
from wildgraph.store import RunDirectory, fingerprint, json_line, public_rejection
from wildgraph.survey import Outcome, report
from wildgraph.taskgraph import TaskGraph

STAGES = ("walk", "pair", "adapt", "gate")


@dataclass(frozen=True)
class SampleResult:
    """What ``sample`` left.

    Attributes:
        run: the run directory. folder: the sample's own folder below it.
        accepted: pairs in ``pairs.jsonl``. wanted: pairs asked for. tried: candidates.
        reused: whether the same sample was there already.
        without_documents: document types with a graph but no document.
    """

    run: Path
    folder: Path
    accepted: int
    wanted: int
    tried: int
    reused: bool
    without_documents: tuple[str, ...] = ()


def sample_pairs(
    run: RunDirectory,
    graphs: Sequence[TaskGraph],
    concepts: Mapping[str, Concept],
    documents: Sequence[str | Path],
    config: Config,
    engines: Engines,
    observe: Observer,
) -> SampleResult:
    """The first ``config.sample.n`` accepted pairs, written to the run.

    Raises:
        EmptyResultError: fewer came out; the message says which resource ran out. What there is was kept.
    """
    wanted = config.sample.n
    with DocumentStore(run.path / "documents.sqlite") as store:
        loop, mark, missing = open_waves(run, graphs, concepts, documents, config, engines, observe, store)
        if run.fresh("sample", mark, config.model.retry) and (run.path / "pairs.jsonl").is_file():
            entry = run.stage("sample") or {}
            for name in (*STAGES, "sample"):
                run.note_bill(name, StageCount(name))
            return SampleResult(run.path, run.path / loop.folder, entry["out"], wanted, entry["in"], True, missing)
        try:
            loop.run_until(wanted)
        except BaseException:
            run.note_bill("adapt", loop.counts["adapt"])  # what was spent was spent, also when the sample did not end well
            raise
        store.commit()  # before the manifest says so: derived documents would else be missing after a crash
        loop.finish(mark, wanted, missing)
    if loop.accepted < wanted:
        raise EmptyResultError(
            f"{loop.accepted} of {wanted} pairs were accepted after {loop.tried} candidates: {loop.exhausted()}",
            f"what there is was kept in {run.path / 'pairs.jsonl'}",
        )
    return SampleResult(run.path, run.path / loop.folder, loop.accepted, wanted, loop.tried, False, missing)


def open_waves(
    run: RunDirectory,
    graphs: Sequence[TaskGraph],
    concepts: Mapping[str, Concept],
    documents: Sequence[str | Path],
    config: Config,
    engines: Engines,
    observe: Observer,
    store: DocumentStore,
) -> tuple[Waves, str, tuple[str, ...]]:
    """The loop over the graphs that have documents, the sample's fingerprint, and the document types that have none."""
    corpus, corpus_mark = run_corpus(run, concepts, documents, config, engines, store, observe)
    prior_concepts = {entry.concept.id: entry.concept for entry in engines.prior}
    catalogue = Catalogue({**prior_concepts, **concepts})
    kinds = coverage([graph.document_type for graph in graphs], corpus.document_types, catalogue, ANY_DOCUMENT)
    usable = [graph for graph in graphs if kinds[graph.document_type]]
    if not usable:
        raise EmptyResultError(
            f"no document fits any of the {len(graphs)} task graphs",
            f"the graphs are for {', '.join(graph.name for graph in graphs[:8])}; name documents of these types",
        )
    mark = _mark(usable, corpus_mark, config, engines)
    return Waves(run, usable, kinds, corpus, config, engines, store, observe, f"samples/{mark}/"), mark, tuple(uncovered(kinds))


def _mark(graphs: Sequence[TaskGraph], corpus: str, config: Config, engines: Engines) -> str:
    settings = [getattr(config, name).model_dump(mode="json") for name in ("walk", "pair", "adapt", "gate", "sample")]
    settings.append({"margin": config.corpus.margin, "turn_tokens": config.corpus.turn_tokens})  # these measure, and decide no corpus
    versions = [walk_stage.VERSION, pair_stage.VERSION, adapt_stage.VERSION, gate_stage.VERSION]
    templates = [load_template(name).hash for name in (adapt_stage.INSTRUCT, adapt_stage.ANSWER, adapt_stage.CITE)]
    return fingerprint("sample", 1, [settings, versions, templates, engines.asked], corpus, *(graph.fingerprint for graph in graphs))


def wave_size(accepted: int, tried: int, wanted: int, limit: int, settings: SampleConfig) -> int:
    """Candidates of the next wave: what is still wanted at the acceptance rate so far, a little more."""
    rate = (accepted + 1) / (tried + 2)
    missing = wanted - accepted
    # The first waves are short, and so are all where little is accepted: what follows the point of giving up is paid for in vain.
    most = min(max(2 * missing, settings.patience), 4 * settings.wave + 2 * tried)
    return max(1, min(max(settings.wave, int(1.15 * missing / rate) + 1), most, limit - tried))


@dataclass
class Waves:
    """The loop: one wave after the other until enough is accepted or the attempts are used up."""

    run: RunDirectory
    graphs: Sequence[TaskGraph]
    kinds: Mapping[str, frozenset[str]]
    corpus: Corpus
    config: Config
    engines: Engines
    store: DocumentStore
    observe: Observer
    folder: str
    accepted: int = 0
    tried: int = 0
    barren: int = 0  # candidates since the last accepted one
    reasons: Counter[str] = field(default_factory=Counter)
    unfilled: Counter[str] = field(default_factory=Counter)  # which target lengths could not be filled, and why
    counts: dict[str, StageCount] = field(default_factory=lambda: {name: StageCount(name) for name in STAGES})
    outcomes: list[Outcome] = field(default_factory=list)
    _specs: dict[int, TaskSpec] = field(default_factory=dict)
    _drafted: Pair | Rejection | None = None

    def run_until(self, wanted: int) -> None:
        """Sample until ``wanted`` pairs are accepted, or attempts or patience are used up; write pairs, surplus and rejections.

        Raises:
            RunError: the model fails too often. What there is was written.
        """
        settings = self.config.sample
        started = time.monotonic()
        limit = wanted * settings.attempts
        specs = self._noted(self.specs())
        gates = gate_stage.make_gates(self.config.gate)
        with (
            self.run.writing(f"{self.folder}pairs.jsonl") as pairs,
            self.run.writing(f"{self.folder}surplus.jsonl") as surplus,
            self.run.writing(f"{self.folder}gated.jsonl") as gated,
            self.run.writing(f"{self.folder}rejected.jsonl") as public,
            self.run.writing(f"{self.folder}specs.jsonl") as outcomes,
            self.run.writing(f"private/{self.folder}rejected.jsonl") as details,
        ):
            while self._goes_on(wanted, limit) and not self._failing:
                for item in self._wave(islice(specs, wave_size(self.accepted, self.tried, wanted, limit, settings)), gates):
                    if not self._goes_on(wanted, limit):
                        if isinstance(item, Pair):
                            surplus.write(json_line(item.row()))
                        continue
                    self.tried += 1
                    self.barren += 1
                    outcome = self._outcome(item)
                    self.outcomes.append(outcome)
                    outcomes.write(json_line(outcome))
                    if isinstance(item, Pair):
                        self.accepted += 1
                        self.barren = 0
                        pairs.write(json_line(item.row()))
                    else:
                        self.reasons[item.reason] += 1
                        if item.reason == "bucket_not_filled":
                            self.unfilled[item.detail] += 1
                        if item.stage == gate_stage.STAGE and isinstance(self._drafted, Pair):
                            gated.write(json_line(_failed(self._drafted, item).row()))
                        public.write(json_line(public_rejection(item)))
                        details.write(json_line(item))
                    self._count(item, time.monotonic() - started)
                    self.observe(self.counts["gate"], None)
        charge(self.counts["adapt"], self.engines.tally.total())  # what the wave asked beyond the last pair that was wanted
        # After the files are whole: they say what failed.
        self.counts["adapt"].check_rate(self.config.max_rejection_rate, f"private/{self.folder}rejected.jsonl")

    def _goes_on(self, wanted: int, limit: int) -> bool:
        """Whether another candidate is wanted and promising: decided in index order, so that waves leave no trace."""
        return self.accepted < wanted and self.tried < limit and self.barren < self.config.sample.patience

    @property
    def _failing(self) -> bool:
        with suppress(RunError):
            self.counts["adapt"].check_rate(self.config.max_rejection_rate)
            return False
        return True

    def specs(self) -> Iterator[TaskSpec | Rejection]:
        """The infinite sequence of candidates' specifications, each for a split that has documents for its graph's type."""
        there = self.corpus.sections
        sides: tuple[Split, ...] = ("train", "test")
        splits = {
            graph: frozenset(side for side in sides if any((kind, side) in there for kind in kinds)) for graph, kinds in self.kinds.items()
        }
        walked = walk_stage.walk(self.graphs, self.config.walk, seed=self.config.sample.seed, splits=splits)
        distinct = walk_stage.distinct(walked, self.config.walk.repeats)
        return pair_stage.targeted(distinct, self.config.pair, seed=self.config.sample.seed)

    def drafts(self, specs: Iterator[TaskSpec | Rejection]) -> Iterator[Pair | Rejection]:
        """Candidates of these specifications as pairs that no gate has judged yet."""
        settings = self.config.corpus
        counter = token_counter(settings.tokenizer, settings.turn_tokens)
        margin = settings.margin if counter.estimated else 0.0
        frame = measure_stage.frame_tokens(counter, self.config.adapt.language) if self.config.pair.targets else (0, 0)
        candidates = pair_stage.pair(
            specs,
            self.config.pair,
            corpus=self.corpus,
            kinds=self.kinds,
            embedder=self.engines.embedder,
            seed=self.config.sample.seed,
            frame=pair_stage.Frame(*frame, margin),
        )
        written = adapt_stage.adapt(
            candidates,
            self.config.adapt,
            model=self.engines.model,
            document=self.store.get,
            count_tokens=counter.count,
            seed=self.config.sample.seed,
            graphs={graph.document_type: graph.fingerprint for graph in self.graphs},
            version=__version__,
            estimated=counter.estimated,
        )
        return measure_stage.measure(written, counter=counter, document=self.store.get, margin=margin)

    def _wave(self, specs: Iterator[TaskSpec | Rejection], gates: Sequence[Gate]) -> Iterator[Pair | Rejection]:
        # Gates answer one pair at a time, so the pair drawn last is the one a gate's rejection is about.
        yield from gate_stage.gate(self._remembered(self.drafts(specs)), self.config.gate, texts=self.store.text, gates=gates)

    def _remembered(self, drafted: Iterator[Pair | Rejection]) -> Iterator[Pair | Rejection]:
        for self._drafted in drafted:
            yield self._drafted

    def _noted(self, specs: Iterator[TaskSpec | Rejection]) -> Iterator[TaskSpec | Rejection]:
        """Keep each specification until its outcome is known."""
        for spec in specs:
            if isinstance(spec, TaskSpec):
                self._specs[spec.index] = spec
            yield spec

    def _outcome(self, item: Pair | Rejection) -> Outcome:
        """What became of a candidate, with its specification where it had one."""
        if isinstance(item, Pair):
            return Outcome(index=item.index, spec=self._specs.pop(item.index))
        index = int(item.item)
        return Outcome(index=index, stage=item.stage, reason=item.reason, spec=self._specs.pop(index, None))

    def _count(self, item: Pair | Rejection, seconds: float) -> None:
        """One candidate's way down the funnel: it entered every stage up to the one that rejected it."""
        adapt = self.counts["adapt"]
        charge(adapt, self.engines.tally.total())
        adapt.seconds = seconds
        for name in STAGES:
            count = self.counts[name]
            count.entered += 1
            if isinstance(item, Rejection) and item.stage == name:
                count.reject(item)
                return
            count.passed += 1

    def finish(self, mark: str, wanted: int, missing: tuple[str, ...]) -> None:
        """Enter the stages into the manifest and make this sample the latest."""
        for name in STAGES:
            self.run.finish(name, mark, self.counts[name], {})
        total = StageCount("sample", entered=self.tried, passed=self.accepted, rejected=Counter(self.reasons))
        total.transient = sum(count.transient for count in self.counts.values())
        latest = (self.run.path / self.folder / "pairs.jsonl").read_bytes()
        self.run.write_text("pairs.jsonl", latest.decode("utf-8", "surrogatepass"))
        files = {f"{self.folder}{name}.jsonl": "shareable" for name in ("pairs", "surplus", "gated", "rejected", "specs")}
        files |= {"pairs.jsonl": "shareable", f"private/{self.folder}rejected.jsonl": "private"}
        found = report(self.graphs, self.outcomes, self.config.walk)
        self.run.write_text(f"{self.folder}coverage.json", json_line(found))
        files[f"{self.folder}coverage.json"] = "shareable"
        about: dict[str, Json] = {
            "wanted": wanted,
            "seed": self.config.sample.seed,
            "engine": self.engines.model.identity,
            "settings": self.config.public(),
            "without_documents": list(missing),
            "coverage": found.summary(),
        }
        if self.accepted < wanted:
            total.transient += 1  # a sample that fell short is tried again, not taken for whole
        self.run.finish("sample", mark, total, files, about)

    def exhausted(self) -> str:
        """Which resource ran out, by the most frequent kind of rejection."""
        kinds: Counter[str] = Counter()
        for reason, count in self.reasons.items():
            kinds[_RESOURCE.get(reason, "gates" if REASONS[reason][0] == "gated" else "model")] += count
        if not kinds:
            return "no candidate was tried"
        kind = kinds.most_common(1)[0][0]
        listed = ", ".join(f"{reason} {count}" for reason, count in self.reasons.most_common(4))
        unfilled = "".join(f"; {why}: {count} candidates" for why, count in self.unfilled.most_common(4))
        return f"{_EXPLAINED[kind]} ({listed}{unfilled})"


def read_pairs(run: RunDirectory, name: str) -> Iterator[Pair]:
    """The pairs of a JSON-lines file below the run.

    Raises:
        RunError: missing or corrupt.
    """
    return run.records(name, Pair, Pair.from_row)


def _failed(pair: Pair, rejection: Rejection) -> Pair:
    """A pair with the verdict that turned it away."""
    gate, _, detail = rejection.detail.partition(": ")
    return pair.model_copy(update={"verdicts": (Verdict(gate=gate, status="fail", reason=rejection.reason, detail=detail),)})


_RESOURCE = {
    "dead_end": "specs",
    "duplicate_spec": "specs",
    "engine_cannot": "engine",
    "exact_duplicate": "specs",
    "near_duplicate": "specs",
    "no_matching_document": "documents",
    "no_document_group": "documents",
    "bucket_not_filled": "lengths",
    "over_target": "lengths",
    "under_target": "lengths",
}
_EXPLAINED = {
    "specs": "the specifications ran out: the graphs and documents give no further different tasks",
    "documents": "the documents ran out: too few of the types the graphs ask for",
    "lengths": "the documents of one split, with what was written, do not fill the target lengths",
    "engine": "the engine cannot write most of the sampled tasks",
    "gates": "the gates turned most candidates away",
    "model": "the model failed on most candidates",
}
