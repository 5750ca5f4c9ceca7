"""Sampling is a loop of waves: candidates are infinite sequences, one for each cell of the sample's shape (one in all without quotas).

A wave drafts candidates of the cells that are due, in any order of answers; then they are decided one by one, each the next of the cell that
the plan asks for, until a draft is missing. Decisions depend on the decisions before them alone, so the size of waves changes nothing: with
unchanged quotas ``-n 100`` is a prefix of ``-n 200``, and every prefix has the shape. What was drafted beyond N and would be accepted is kept
as ``surplus.jsonl``.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from wildgraph import __version__
from wildgraph.cells import UNPAID, Cells, Draft
from wildgraph.config import Config, SampleConfig
from wildgraph.corpus import Corpus, DocumentStore, TokenCounter, token_counter
from wildgraph.drafting import Drafting
from wildgraph.engines import OFFLINE, Bills, Engines
from wildgraph.errors import BudgetError, RunError
from wildgraph.funnel import Observer, StageCount
from wildgraph.objectives import Objectives
from wildgraph.paradigms import PARADIGMS
from wildgraph.quotas import Lack
from wildgraph.records import Json, Pair, Rejection, Split, TaskSpec, Verdict
from wildgraph.shortfall import Shortfall
from wildgraph.stages import adapt as adapt_stage
from wildgraph.stages import closed_book as closed_book_stage
from wildgraph.stages import contrast as contrast_stage
from wildgraph.stages import gate as gate_stage
from wildgraph.stages import judge as judge_stage
from wildgraph.stages import measure as measure_stage
from wildgraph.stages import pair as pair_stage
from wildgraph.stages import probe as probe_stage
from wildgraph.stages import walk as walk_stage
from wildgraph.store import RunDirectory, json_line, public_rejection
from wildgraph.survey import Outcome, report
from wildgraph.taskgraph import TaskGraph

STAGES = ("walk", "pair", "adapt", "gate")
_MODEL_STAGES = (closed_book_stage.STAGE, judge_stage.STAGE, contrast_stage.STAGE, probe_stage.STAGE)
#: Candidates of a wave at most, unless more are asked for as fewest: what is drafted waits in memory until it is decided about.
_MOST = 4096
#: Who is turned away here was written.
_ADAPTED = frozenset({gate_stage.STAGE, closed_book_stage.STAGE, judge_stage.STAGE})


def wave_size(accepted: int, tried: int, wanted: int, left: int, settings: SampleConfig) -> int:
    """Candidates of the next wave: what is still wanted at the acceptance rate so far, a little more."""
    rate = (accepted + 1) / (tried + 2)
    missing = wanted - accepted
    # The first waves are short, and so are all where little is accepted: what follows the point of giving up is paid for in vain.
    most = min(max(2 * missing, settings.patience), 4 * settings.wave + 2 * tried)
    return max(1, min(max(settings.wave, int(1.15 * missing / rate) + 1), most, left, max(settings.wave, _MOST)))


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
    asked: int = 0  # candidates that were written, or tried to be
    barren: int = 0  # candidates since the last accepted one
    stopped: BudgetError | None = None
    reasons: Counter[str] = field(default_factory=Counter)
    unfilled: Counter[str] = field(default_factory=Counter)  # which target lengths could not be filled, and why
    compared: dict[str, Json] = field(default_factory=dict)  # gate -> the files that it compared pairs with
    outcomes: list[Outcome] = field(default_factory=list)
    lacks: list[Lack] = field(default_factory=list)
    shape: dict[str, dict[str, int]] = field(default_factory=dict)
    _specs: dict[int, TaskSpec] = field(default_factory=dict)
    _written: dict[int, Pair] = field(default_factory=dict)

    @cached_property
    def counts(self) -> dict[str, StageCount]:
        """The funnel of every stage that has something to do."""
        return {name: StageCount(name) for name in (*STAGES, *self._drafting.stages, *self._objectives.stages)}

    @cached_property
    def cells(self) -> Cells:
        """The candidates of every combination of classes, with the plan that says whose turn it is."""
        sides: tuple[Split, ...] = ("train", "test")
        there = self.corpus.sections
        splits = {
            graph: frozenset(side for side in sides if any((kind, side) in there for kind in kinds)) for graph, kinds in self.kinds.items()
        }
        settings = self.config.walk
        if not settings.paradigms and self.config.model.name == OFFLINE:
            settings = settings.model_copy(update={"paradigms": tuple(name for name, one in PARADIGMS.items() if one.by_program)})
        sampler = walk_stage.Sampler(self.graphs, settings, self.config.sample.seed, splits)
        return Cells(sampler, self.config, self._note)

    @cached_property
    def _bills(self) -> Bills:
        return Bills(self.engines.tally, self.counts)

    @cached_property
    def _drafting(self) -> Drafting:
        return Drafting(self.config, self.engines, self.store, self.corpus)

    @cached_property
    def _counter(self) -> TokenCounter:
        return token_counter(self.config.corpus.tokenizer, self.config.corpus.turn_tokens)

    @cached_property
    def _objectives(self) -> Objectives:
        return Objectives(self.config, self.engines, self.corpus, self.store, self._counter.count)

    def run_until(self, wanted: int) -> None:
        """Sample until ``wanted`` pairs are accepted, or attempts, patience or a budget are used up; write pairs, surplus and rejections.

        Raises:
            RunError: the model fails too often. What there is was written.
        """
        self.compared = self._drafting.compared()  # read before anything is paid for
        _ = self.cells  # what cannot be drawn at all is said before files are begun
        with (
            self.run.writing(f"{self.folder}pairs.jsonl") as pairs,
            self.run.writing(f"{self.folder}surplus.jsonl") as surplus,
            self.run.writing(f"{self.folder}gated.jsonl") as gated,
            self.run.writing(f"{self.folder}rejected.jsonl") as public,
            self.run.writing(f"{self.folder}specs.jsonl") as outcomes,
            self.run.writing(f"private/{self.folder}rejected.jsonl") as details,
        ):
            for draft, outcome in self._decisions(wanted):
                if outcome is None:
                    surplus.write(json_line(draft.item.row() if isinstance(draft.item, Pair) else {}))
                    continue
                outcomes.write(json_line(outcome))
                if isinstance(draft.item, Pair):
                    pairs.write(json_line(draft.item.row()))
                    continue
                if draft.written is not None:
                    gated.write(json_line(_failed(draft.written, draft.item).row()))
                public.write(json_line(public_rejection(draft.item)))
                details.write(json_line(draft.item))
        self._charge("adapt")  # what the wave asked beyond the last pair that was wanted
        # After the files are whole: they say what failed.
        self.counts["adapt"].check_rate(self.config.max_rejection_rate, f"private/{self.folder}rejected.jsonl")

    def _decisions(self, wanted: int) -> Iterator[tuple[Draft, Outcome | None]]:
        """Every decided candidate with its outcome, in the order of the decisions; behind them what else would be accepted, without one."""
        settings = self.config.sample
        started = time.monotonic()
        limit = wanted * settings.attempts
        held: list[tuple[Draft, Outcome]] = []  # decided, but accepted pairs among them wait for their worse answers and pass rates
        while self._goes_on(wanted, limit) and not self._failing:
            pool = self.cells.due(wanted - self.accepted)
            if pool is None or (self.stopped is not None and not pool.drafts):
                break
            if not pool.drafts:
                yield from self._completed(held)
                size = wave_size(self.accepted, self.tried, wanted, limit - self.asked, settings)
                self._draft(self.cells.orders(size, wanted - self.accepted - self.cells.missing))
                continue
            draft = self._judged(pool.drafts.popleft())
            self.tried += 1
            self.asked += isinstance(draft.item, Pair) or draft.item.stage not in UNPAID
            self.barren += 1
            self.cells.decided(draft.item)
            outcome = self._outcome(draft.item)
            self.outcomes.append(outcome)
            if isinstance(draft.item, Pair):
                self.accepted += 1
                self.barren = 0
            else:
                self.reasons[draft.item.reason] += 1
                if draft.item.reason == "bucket_not_filled":
                    self.unfilled[draft.item.detail] += 1
            self._count(draft.item, time.monotonic() - started)
            held.append((draft, outcome))
        yield from self._completed(held)
        self.lacks, self.shape = self.cells.lacking(wanted), self.cells.shape()
        # What was drafted beyond the last decision costs nothing more: it is first when more is wanted.
        while (pool := self.cells.due(self.cells.missing + 1)) is not None and pool.drafts:
            draft = self._judged(pool.drafts.popleft())
            self.cells.decided(draft.item)
            if isinstance(draft.item, Pair):
                yield draft, None

    def _draft(self, specs: Sequence[TaskSpec | Rejection]) -> None:
        """Write what these specifications ask for, as far as the budget goes."""
        done = self.counts["adapt"]
        drafted = written_ones = 0
        try:
            for draft in self._drafting.judged(self._remembered(self.drafts(specs))):
                written = None
                if isinstance(draft, Rejection):
                    written = self._written.pop(int(draft.item), None) if draft.stage in _ADAPTED else None
                self.cells.drafted(Draft(draft, written))
                self._charge("adapt")
                drafted += 1
                written_ones += isinstance(draft, Pair) or draft.stage in _ADAPTED
                # Decided about is none of them yet; who watches wants to see that they come.
                self.observe(replace(done, entered=done.entered + drafted, passed=done.passed + written_ones), None)
        except BudgetError as error:
            self.stopped = error

    def _charge(self, stage: str) -> None:
        """Enter what the models did since the last time, and leave word of it."""
        self._bills.enter(stage)
        self.run.bills.under_way(self.counts.values())

    def _judged(self, draft: Draft) -> Draft:
        """The draft after the gates that remember what was accepted before."""
        if isinstance(draft.item, Rejection):
            return draft
        return Draft(self._drafting.remembering(draft.item), draft.item)

    def _completed(self, held: list[tuple[Draft, Outcome]]) -> Iterator[tuple[Draft, Outcome]]:
        """The decided candidates, accepted pairs with what the objectives need; those that the budget does not reach stay without."""
        accepted = [draft.item for draft, _ in held if isinstance(draft.item, Pair)]
        made = {pair.index: pair for pair in accepted}
        specs = {outcome.index: outcome.spec for _, outcome in held}
        try:
            for pair in self._objectives.of((pair, spec) for pair in accepted if (spec := specs[pair.index]) is not None):
                made[pair.index] = pair
                self._charge(next(iter(self._objectives.stages), "adapt"))
        except BudgetError as error:
            self.stopped = error
        for draft, outcome in held:
            item = made[draft.item.index] if isinstance(draft.item, Pair) else draft.item
            if isinstance(item, Pair):
                self._objectives.count(item, self.counts)
            yield Draft(item, draft.written), outcome
        held.clear()

    def _goes_on(self, wanted: int, limit: int) -> bool:
        """Whether another candidate is wanted and promising: decided candidate by candidate, so that waves leave no trace."""
        patient = self.cells.plan.cells > 1 or self.barren < self.config.sample.patience
        return self.accepted < wanted and self.asked < limit and patient

    @property
    def _failing(self) -> bool:
        with suppress(RunError):
            self.counts["adapt"].check_rate(self.config.max_rejection_rate)
            return False
        return True

    def specs(self) -> Iterator[TaskSpec | Rejection]:
        """The specifications in the order in which they would be drafted if every candidate were accepted."""
        plan = self.cells.plan.copy()
        while (step := plan.next()).alive:
            plan.take(step.cell)
            yield next(self.cells.pool(step.cell).specs)

    def drafts(self, specs: Sequence[TaskSpec | Rejection]) -> Iterator[Pair | Rejection]:
        """Candidates of these specifications as pairs that no gate has judged yet."""
        paradigms = {spec.paradigm for spec in specs if isinstance(spec, TaskSpec)}
        counter, language = self._counter, self.config.adapt.language
        margin = self.config.corpus.margin if counter.estimated else 0.0
        frame = measure_stage.frame_tokens(counter, language) if self.config.sample.quotas.buckets else (0, 0)
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
            keep=self.store.put,
            paradigms=paradigms,
            estimated=counter.estimated,
        )
        return measure_stage.measure(written, counter=counter, document=self.store.get, margin=margin)

    def _remembered(self, drafted: Iterator[Pair | Rejection]) -> Iterator[Pair | Rejection]:
        """Keep what was written until it is known whether a gate turns it away."""
        for item in drafted:
            if isinstance(item, Pair):
                self._written[item.index] = item
            yield item

    def _note(self, spec: TaskSpec) -> None:
        """Keep a specification until its outcome is known."""
        self._specs[spec.index] = spec

    def _outcome(self, item: Pair | Rejection) -> Outcome:
        """What became of a candidate, with its specification where it had one."""
        index = item.index if isinstance(item, Pair) else int(item.item)
        self._written.pop(index, None)
        if isinstance(item, Pair):
            return Outcome(index=index, spec=self._specs.pop(index))
        return Outcome(index=index, stage=item.stage, reason=item.reason, spec=self._specs.pop(index, None))

    def _count(self, item: Pair | Rejection, seconds: float) -> None:
        """One candidate's way down the funnel: it entered every stage up to the one that rejected it."""
        self.counts["adapt"].seconds = seconds
        for name in (*STAGES, *self._drafting.stages):
            count = self.counts[name]
            count.entered += 1
            if isinstance(item, Rejection) and item.stage == name:
                count.reject(item)
                break
            count.passed += 1
        self.observe(self.counts["gate"], None)

    def finish(self, mark: str, wanted: int, missing: tuple[str, ...], graphs: Sequence[Path]) -> None:
        """Enter the stages into the manifest, with the files of graphs that are this sample's own, and make this sample the latest."""
        others = {name: StageCount(name) for name in _MODEL_STAGES if name not in self.counts and self.run.stage(name) is not None}
        for name, count in {**self.counts, **others}.items():  # nothing of an earlier sample's stays
            self.run.finish(name, mark, count, {})
        total = StageCount("sample", entered=self.tried, passed=self.accepted, rejected=Counter(self.reasons))
        total.transient = sum(count.transient for count in self.counts.values())
        latest = (self.run.path / self.folder / "pairs.jsonl").read_bytes()
        self.run.write_text("pairs.jsonl", latest.decode("utf-8", "surrogatepass"))
        files = {f"{self.folder}{name}.jsonl": "shareable" for name in ("pairs", "surplus", "gated", "rejected", "specs")}
        files |= {file.relative_to(self.run.path).as_posix(): "private" for file in graphs}
        files |= {"pairs.jsonl": "shareable", f"private/{self.folder}rejected.jsonl": "private"}
        found = report(self.graphs, self.outcomes, self.config.walk, self.config.sample.quotas.document_types)
        self.run.write_text(f"{self.folder}coverage.json", json_line(found))
        files[f"{self.folder}coverage.json"] = "shareable"
        engines = {"judge": self.engines.judge, "trainee": self.engines.trainee}
        shape: dict[str, Json] = {name: dict(classes) for name, classes in self.shape.items()}
        about: dict[str, Json] = {
            "wanted": wanted,
            "seed": self.config.sample.seed,
            "engine": self.engines.model.identity,
            **{name: engine.identity for name, engine in engines.items() if engine is not None},
            "settings": self.config.public(),
            "without_documents": list(missing),
            "coverage": found.summary(),
            "compared": self.compared,
            **({"shape": shape} if shape else {}),
        }
        if self.accepted < wanted or self.stopped is not None:
            total.transient += 1  # a sample that fell short is tried again, not taken for whole
        self.run.finish("sample", mark, total, files, about)

    def shortfall(self, wanted: int) -> Shortfall:
        """The sample beside what was asked for."""
        figures = (wanted, self.accepted, self.tried, self.reasons, self.unfilled)
        return Shortfall(self.run.path, self.folder, *figures, self.lacks, self.stopped)


def _failed(pair: Pair, rejection: Rejection) -> Pair:
    """A pair with the verdict that turned it away."""
    gate, _, detail = rejection.detail.partition(": ")
    return pair.model_copy(update={"verdicts": (Verdict(gate=gate, status="fail", reason=rejection.reason, detail=detail),)})
