"""What judges, worse answers and pass rates will ask and cost: rehearsed on the candidates that an estimate of a sample has drafted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from wildgraph.amounts import Case, StageEstimate, assumed, stage_estimate
from wildgraph.config import Config
from wildgraph.corpus import Corpus, DocumentStore, EstimatedCounter
from wildgraph.engines import ROLES, Engines, price_of, with_role
from wildgraph.llm.prices import Price
from wildgraph.llm.rehearsal import Rehearsal, Rehearsed
from wildgraph.objectives import Objectives
from wildgraph.records import Pair, TaskSpec
from wildgraph.stages import closed_book as closed_book_stage
from wildgraph.stages import judge as judge_stage
from wildgraph.stages import probe as probe_stage
from wildgraph.stages.contrast import WAYS, Made


@dataclass
class ObjectiveEstimates:
    """The estimates besides those of writing.

    Attributes:
        config: who is asked for what. engines: of the estimate. corpus, store: documents.
        rehearsal: makes a model that asks nobody in the place of a configured one.
        drafted: candidates that were rehearsed, with their specifications. drawn: candidates that will be.
    """

    config: Config
    engines: Engines
    corpus: Corpus
    store: DocumentStore
    rehearsal: Callable[[Config], Rehearsal]
    drafted: Sequence[tuple[Pair, TaskSpec]]
    drawn: Case

    def stages(self) -> Iterator[StageEstimate]:
        """What each of them comes to; nothing where nothing is asked."""
        if not self.drafted:
            return
        others = {role: with_role(self.config, role) for role in ROLES}
        judge, trainee = others["judge"], others["trainee"]
        trying = {"auto": judge, "judge": judge, "writer": self.config}.get(self.config.closed_book.by)
        wanted = float(self.config.sample.n)
        # Those that are judged passed the gates before: at least as many as are wanted, at most all that are drawn.
        judged = Case(wanted, (wanted + self.drawn.expected) / 2, self.drawn.high)
        pairs = [pair for pair, _ in self.drafted]
        if trying is not None:
            yield from self._closed_book(trying, pairs, judged)
        if judge is not None:
            model = self.rehearsal(judge)
            for _ in judge_stage.judge(pairs, self.config.judge, model=model, document=self.store.get):
                pass
            yield from self._of(judge_stage.JUDGE, model, judged, price_of(judge), judge_stage.JUDGE)
        for way in WAYS:
            yield from self._contrast(way, wanted, judge)
        if trainee is not None:
            yield from self._probe(trainee, wanted)

    def _closed_book(self, config: Config, pairs: Sequence[Pair], judged: Case) -> Iterator[StageEstimate]:
        model = self.rehearsal(config)
        for _ in closed_book_stage.closed_book(pairs, self.config.closed_book, model=model):
            pass
        name = closed_book_stage.CLOSED_BOOK
        yield from self._of(name, model, judged, price_of(config), name, documents=False)
        name, compared = closed_book_stage.SAME_ANSWER, assumed()["shares"]["compared"]
        # A rehearsal knows nothing, so that nothing is compared in it: the prompt is taken to be as long as the first one with two answers.
        sheet = model.sheets.get(name) or model.sheets.get(closed_book_stage.CLOSED_BOOK)
        if sheet is not None:
            requests = Case(*(count * share for count, share in zip(judged, compared, strict=True)))
            yield stage_estimate(name, sheet, requests, price_of(config), later=False)

    def _contrast(self, way: Made, wanted: float, judge: Config | None) -> Iterator[StageEstimate]:
        shares = {one: share for one, share in self.config.contrast.made.items() if share > 0.0}
        if way not in shares or way == "constraint_broken":
            return
        share = shares[way] / sum(shares.values())
        writer = self.rehearsal(self.config)
        scoring = self.rehearsal(judge) if judge is not None else None
        alone = self.config.model_copy(update={"contrast": self.config.contrast.model_copy(update={"made": {way: 1.0}})})
        engines = replace(self.engines, model=writer, judge=scoring, trainee=None)
        for _ in Objectives(alone, engines, self.corpus, self.store, EstimatedCounter().count).of(self.drafted):
            pass
        several = self.config.contrast.several if way == "worst_of_several" else 1
        # Each way is also what is left where another one does not work.
        pairs = Case(share * wanted, share * wanted, wanted)
        # Answers from other documents find nothing in a prefix cache, further ones from the same do.
        yield from self._of(
            f"contrast/{way}", writer, pairs.times(several), price_of(self.config), documents=way == "worst_of_several", per=several
        )
        if scoring is not None and judge is not None and way == "worst_of_several":
            yield from self._of(judge_stage.JUDGE, scoring, pairs.times(several + 1), price_of(judge), judge_stage.JUDGE)

    def _probe(self, config: Config, wanted: float) -> Iterator[StageEstimate]:
        checked = [one for one in self.drafted if one[0].checkers]
        if not checked:
            return
        model = self.rehearsal(config)
        engines = replace(self.engines, trainee=model)
        quiet = self.config.model_copy(update={"contrast": self.config.contrast.model_copy(update={"made": {}})})
        for _ in Objectives(quiet, engines, self.corpus, self.store, EstimatedCounter().count).of(checked):
            pass
        pairs = wanted * len(checked) / len(self.drafted)
        samples = self.config.probe.samples
        yield from self._of(
            probe_stage.PROBE, model, Case(pairs, pairs, pairs).times(samples), price_of(config), probe_stage.PROBE, per=samples
        )

    def _of(
        self,
        name: str,
        model: Rehearsal,
        requests: Case,
        price: Price | None,
        prompt: str = "",
        *,
        documents: bool = True,
        per: int = 1,
    ) -> Iterator[StageEstimate]:
        """The estimate of one prompt, if it was asked at all.

        Args:
            name: of the estimate.
            model: that was rehearsed with.
            requests: that come in all, those that the cache answers among them.
            price: of the model.
            prompt: the template; whatever was asked by default.
            documents: whether the prompt begins with documents that were asked about before.
            per: requests per pair.
        """
        sheet = model.sheets.get(prompt) if prompt else next(iter(model.sheets.values()), None)
        if sheet is not None:
            yield stage_estimate(name, sheet, _unknown(sheet, requests, per * len(self.drafted)), price, later=documents)


def _unknown(sheet: Rehearsed, requests: Case, rehearsed: int) -> Case:
    """How many of these requests the cache does not answer: as rehearsed, and all beyond that."""
    seen = max(1, sheet.known + sheet.unknown)
    asked = seen / max(1, rehearsed)  # some pairs are not asked about

    def new(count: float) -> float:
        count *= min(1.0, asked)
        return sheet.unknown * count / seen if count <= seen else sheet.unknown + (count - seen)

    return Case(*(new(count) for count in requests))
