"""What a command will ask and cost, before it asks: rehearsed with the run's own inputs, and with its own results once there are enough.

The stages run as they will, on a model that asks nobody (:mod:`wildgraph.llm.rehearsal`): what the cache knows is free, the rest is
counted. Where at least :data:`ENOUGH` answers of a prompt are known, lengths, corrections and cache hits are taken from them; before
that from ``estimates.yaml``. Walks, pairing and documents are local and run for real; documents that were read are kept for the sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from wildgraph.amounts import ENOUGH, Amount, Case, StageEstimate, assumed, said_of, stage_estimate
from wildgraph.catalogue import load_concepts
from wildgraph.cells import UNPAID
from wildgraph.config import Config
from wildgraph.corpus import DocumentStore, token_counter
from wildgraph.embedders import make_embedder
from wildgraph.engines import OFFLINE, ROLES, Engines, check_roles, context_window, handed, make_prior, network_model, price_of, with_role
from wildgraph.errors import UsageError
from wildgraph.estimating_objectives import ObjectiveEstimates
from wildgraph.fields import DOCUMENT_TYPE
from wildgraph.files import expand
from wildgraph.funnel import silent
from wildgraph.intervals import wilson
from wildgraph.lifters.by_likeness import LikenessLifter
from wildgraph.lifters.by_model import SORT
from wildgraph.llm.batch import DISCOUNT
from wildgraph.llm.cache import ResponseCache
from wildgraph.llm.model import ChatModel, Usage
from wildgraph.llm.prices import PICO, Price
from wildgraph.llm.questions import Questions
from wildgraph.llm.rehearsal import Rehearsal, Rehearsed
from wildgraph.llm.tally import Tally
from wildgraph.paradigms import PARADIGMS
from wildgraph.paradigms.steps import Ask
from wildgraph.readers import read_logs
from wildgraph.records import Pair, Rejection, TaskSpec
from wildgraph.rows import read_rows
from wildgraph.sampling import open_waves
from wildgraph.stages import ingest as ingest_stage
from wildgraph.stages import mine as mine_stage
from wildgraph.store import RunDirectory
from wildgraph.taskgraph import read_graphs
from wildgraph.waves import wave_size

TRIED = 20
"""Written candidates of the latest sample from which its own share of accepted ones is used."""

REHEARSED = 100
"""Candidates without known answers that are rehearsed; the rest are taken to be like them."""

_BATCH = 8


@dataclass(frozen=True)
class Estimate:
    """What a command will ask and cost.

    Attributes:
        stages: prompt by prompt. price: of the model, if it is known. assumptions: what the figures rest on, one line each.
    """

    stages: tuple[StageEstimate, ...]
    price: Price | None
    assumptions: tuple[str, ...]

    def total(self, case: str) -> Amount:
        """The sum over the stages; ``case`` is ``low``, ``expected`` or ``high``."""
        return sum((getattr(stage, case) for stage in self.stages), Amount())


def estimate_build(
    logs: Sequence[str | Path],
    run: str | Path,
    config: Config | None = None,
    *,
    mined: Sequence[str | Path] = (),
    model: ChatModel | None = None,
) -> Estimate:
    """What ``build`` will ask. Reads the logs as it will; writes nothing.

    Args:
        logs: files, folders or glob patterns.
        run: the run directory, whose cache may know some answers.
        config: settings.
        mined: files of records that were mined already, in place of logs.
        model: what would answer, if it is handed over; it is not asked.

    Raises:
        WildgraphError: see :mod:`wildgraph.errors`.
    """
    config, model = handed(config or Config(), model)
    if bool(logs) == bool(mined):
        raise UsageError("name logs, or mined records, and not both", "an estimate of a build is made from either")
    by_likeness = config.canonicalize.lifter == "likeness" or (model is None and config.model.name == OFFLINE)
    distinct = "nearly every mined value is a new one for its field, to be sorted once"
    if mined:
        records = (row for file, _ in expand([Path(path) for path in mined]) for row in read_rows(file, stage=mine_stage.STAGE))
        count = sum(not isinstance(one, Rejection) for one in mine_stage.read_mined(records, config.mine, key=b"rehearsal"))
        with _rehearsing(config, Path(run), model) as (_, price):
            ahead = () if by_likeness else (_lifting(count, config, price),)
        return Estimate(ahead, price, (f"{count} records were mined before: nothing is asked about them", *([distinct] if ahead else [])))
    rows = read_logs(logs, format=config.logs.format or None, columns=config.logs.columns or None)
    kept = (row for row in ingest_stage.ingest(rows, config.ingest) if not isinstance(row, Rejection))
    with _rehearsing(config, Path(run), model) as (rehearsal, price):
        conversations = sum(1 for _ in mine_stage.mine(kept, config.mine, model=rehearsal, key=b"rehearsal"))
        stages = tuple(
            stage_estimate(name, sheet, Case(sheet.unknown, sheet.unknown, sheet.unknown), price, later=False)
            for name, sheet in sorted(rehearsal.sheets.items())
        )
        assumptions = ("every conversation that is kept is asked about once", *said_of(stages))
        if by_likeness:
            return Estimate(stages, price, assumptions)
        lifting = _lifting(conversations, config, price)
        return Estimate((*stages, lifting), price, (*assumptions, distinct))


def _lifting(conversations: int, config: Config, price: Price | None) -> StageEstimate:
    """What lifting the values to concepts will come to: batches of each field's distinct values, then one final form a field."""
    lifting, settings = assumed()["lifting"], config.canonicalize.by_model
    lifted = [of for of in config.fields if of.node or of.name == DOCUMENT_TYPE]

    def amount(case: int) -> Amount:
        requests = prompt = answer = 0.0
        for of in lifted:
            values = min(settings.shown, conversations * lifting["values"][case] * (2 if of.multi else 1))
            calls, read = settings.readings * (math.ceil(values / settings.batch) + 1), settings.readings * values
            requests += calls
            prompt += calls * lifting["overhead"][case] + read * lifting["phrase"][case]
            answer += read * lifting["sorted"][case]
        usage = Usage(round(prompt), round(answer), 0)
        return Amount(round(requests), usage, price.of(usage) / PICO if price else None)

    return StageEstimate(SORT, 0, amount(0), amount(1), amount(2), measured=False)


def estimate_sample(
    source: str | Path,
    documents: Sequence[str | Path],
    *,
    out: str | Path | None = None,
    config: Config | None = None,
    model: ChatModel | None = None,
) -> Estimate:
    """What ``sample`` will ask. Reads the documents as it will, and keeps what it read; asks and samples nothing.

    Args:
        source: a run directory, or a folder of published graphs.
        documents: files, folders or glob patterns.
        out: run directory for the sample; by default ``source`` if that is a run.
        config: settings; ``config.sample.n`` pairs are wanted.
        model: what would answer, if it is handed over; it is not asked.

    Raises:
        WildgraphError: see :mod:`wildgraph.errors`.
    """
    config, model = handed(config or Config(), model)
    root = Path(source)
    is_run = (root / "manifest.json").is_file()
    graphs = read_graphs(root / "graphs" if is_run else root)
    concepts = load_concepts((root / "graphs" if is_run else root) / "concepts.jsonl")
    target = Path(out) if out else root if is_run else Path("wildgraph-run")
    check_roles(config)
    with (
        _rehearsing(config, target, model) as (rehearsal, price),
        RunDirectory.write(target) as directory,
        DocumentStore(target / "documents.sqlite") as store,
        ExitStack() as stack,
    ):
        embedder, prior = make_embedder(config.embedder), make_prior(config)
        likeness = LikenessLifter(prior, embedder, config.canonicalize.likeness)
        engines = Engines(rehearsal, embedder, prior, Tally(), likeness, likeness, price, context_window(config))
        accepted, said = _accepted(directory, rehearsal.identity)
        drawn = Case(*(_drawn(share, config) for share in accepted))
        candidates = _Candidates()
        loop, _, _ = open_waves(directory, graphs, concepts, documents, config, engines, silent, store)
        specs: dict[int, TaskSpec] = {}
        drafted: list[tuple[Pair, TaskSpec]] = []
        drawing, barren = _noted(loop.specs(), specs), 0
        # A few at a time: one of a paradigm with few calls would wait for the next one of a paradigm with many.
        while barren < config.sample.patience and (batch := list(islice(drawing, _BATCH))):
            written = [one for one in loop.drafts(batch) if isinstance(one, Pair) or one.stage not in UNPAID]
            barren = 0 if written else barren + len(batch)
            candidates.saw(rehearsal, len(written))
            drafted += [(one, specs[one.index]) for one in written if isinstance(one, Pair)]
            if len(candidates.asked) >= drawn.high or (candidates.asked and candidates.asked[-1] >= REHEARSED):
                break
        writing = tuple(
            stage_estimate(name, sheet, candidates.requests(name, sheet, drawn), price, later=name not in OPENINGS)
            for name, sheet in rehearsal.sheets.items()
        )

        def rehearsed(one: Config) -> Rehearsal:
            return stack.enter_context(_rehearsing(one, target))[0]

        others = ObjectiveEstimates(config, engines, loop.corpus, store, rehearsed, drafted, drawn)
        stages = (*writing, *others.stages())
        said_too = [f"the {role}'s price is not known: add --{role}-price" for role in ROLES if _unpriced(config, role)]
        if config.trainee_model.name and not any(pair.checkers for pair, _ in drafted):
            said_too.append("none of the candidates that were rehearsed has a checker, so that the trainee is not asked")
        first = f"{drawn.expected:.0f} candidates for {config.sample.n} pairs: {said}"
        return Estimate(stages, price, (first, *said_of(stages), *said_too))


def _noted(specs: Iterator[TaskSpec | Rejection], into: dict[int, TaskSpec]) -> Iterator[TaskSpec | Rejection]:
    """The specifications, each noted by its index."""
    for spec in specs:
        if isinstance(spec, TaskSpec):
            into[spec.index] = spec
        yield spec


def _unpriced(config: Config, role: Literal["judge", "trainee"]) -> bool:
    named = with_role(config, role)
    return named is not None and price_of(named) is None


@contextmanager
def _rehearsing(config: Config, run: Path, model: ChatModel | None = None) -> Iterator[tuple[Rehearsal, Price | None]]:
    """A rehearsal over a run's cache, and the model's price.

    Args:
        config: settings.
        run: the run directory.
        model: one that is handed over.

    Raises:
        UsageError: the embedded engine asks nobody.
    """
    if config.model.name == OFFLINE:
        raise UsageError("the embedded offline engine asks nobody and costs nothing", "name the model to estimate for with --model")
    price, file = price_of(config), run / "private/cache.sqlite"
    if price and config.model.batch:
        price = price.scaled(DISCOUNT)
    lengths = {name: round(answers[1]) for name, answers in assumed()["answers"].items()}
    with ExitStack() as stack:
        known = stack.enter_context(ResponseCache(file, ballast=0)) if file.is_file() else None
        questions = Questions(model.identity, corrected=False) if model else network_model(config, None, Tally()).questions
        count = token_counter(config.model.tokenizer).count
        yield Rehearsal(questions, known, count, lengths, round(assumed()["other"]["tokens"][1])), price


#: Prompts that the writing of a candidate begins with.
OPENINGS = frozenset(next(step.template for step in one.steps if isinstance(step, Ask)) for one in PARADIGMS.values())


# --------------------------------------------------------------------------- candidates


@dataclass
class _Candidates:
    """The candidates that were rehearsed: those that are written, since dead ends and candidates without documents cost nothing.

    Attributes:
        asked: after each candidate, how many of them so far would be asked about anew.
    """

    asked: list[int] = field(default_factory=list)
    _first: Rehearsed = field(default_factory=Rehearsed)

    def saw(self, model: Rehearsal, count: int) -> None:
        """So many more candidates went through the stages."""
        opened = [sheet for name, sheet in model.sheets.items() if name in OPENINGS]
        self._first = Rehearsed(known=sum(sheet.known for sheet in opened), unknown=sum(sheet.unknown for sheet in opened))
        before = self.asked[-1] if self.asked else 0
        more = self._first.unknown - before
        self.asked.extend(before + round(more * place / count) for place in range(1, count + 1))

    def requests(self, name: str, sheet: Rehearsed, drawn: Case) -> Case:
        """How many requests with one prompt the candidates come to that are drawn in each case.

        Args:
            name: of the prompt.
            sheet: of the prompt.
            drawn: candidates that are written.
        """
        first, seen = self._first, len(self.asked)
        if not seen:
            return Case(0.0, 0.0, 0.0)
        begun = (first.known + first.unknown) / seen
        part = (sheet.known + sheet.unknown) / max(1, first.known + first.unknown)  # of this prompt, for each candidate that is begun
        finished = Case(part, part, part) if name in OPENINGS else assumed()["shares"]["finished"].times(part)
        half_known = 0.0
        if name not in OPENINGS:
            half_known = max(0.0, sheet.unknown - part * first.unknown)  # their first answers are known, later ones are not
            if first.known >= ENOUGH:
                share = sheet.known / first.known
                finished = Case(share, share, share)
        return Case(
            *(
                half_known + share * (self.asked[min(int(count), seen) - 1] + max(0.0, count - seen) * begun)
                for share, count in zip(finished, drawn, strict=True)
            )
        )


def _accepted(run: RunDirectory, identity: str) -> tuple[Case, str]:
    """The share of written candidates that become pairs, and where it comes from: the latest sample if there is one to speak of, else assumed."""
    entry, written, usual = run.stage("sample"), (run.stage("adapt") or {"in": 0})["in"], assumed()["shares"]["accepted"]
    if entry is None or entry.get("engine") != identity or written < TRIED:
        return usual, f"{usual.high:.0%} to {usual.low:.0%} are assumed to be accepted, {usual.expected:.0%} expected"
    least, most = wilson(entry["out"], written)
    return Case(most, entry["out"] / written, least), f"{entry['out']} of {written} were accepted in the latest sample"


def _drawn(share: float, config: Config) -> int:
    """Candidates that are written, wave by wave, until enough are accepted when ``share`` of them are."""
    wanted, limit, accepted, drawn = config.sample.n, config.sample.n * config.sample.attempts, 0.0, 0
    while accepted < wanted and drawn < limit:
        size = wave_size(int(accepted), drawn, wanted, limit - drawn, config.sample)
        drawn += size
        accepted += share * size
    return drawn
