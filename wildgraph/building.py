"""Building is four stages, each reused where nothing it depends on changed: ingest, mine, canonicalize, graph."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from wildgraph.catalogue import load_catalogue, shareable_rows
from wildgraph.config import Config
from wildgraph.counts import FORMAT_VERSION as COUNTS_VERSION
from wildgraph.counts import read_counts, write_counts
from wildgraph.edits import MERGES, kept_merges, load_edits
from wildgraph.embedders.cached import CachedEmbedder
from wildgraph.engines import Engines, charge
from wildgraph.fields import MetaField
from wildgraph.forgotten import forgotten_users
from wildgraph.funnel import Observer, StageCount, require_some
from wildgraph.lifters.kept import GROUPS, KeptLifter
from wildgraph.llm import load_template
from wildgraph.llm.tally import Counts
from wildgraph.pseudonyms import keyed_user
from wildgraph.publishing import publish_counts
from wildgraph.records import Conversation, Json, MetaInformation, Rejection
from wildgraph.rows import read_rows
from wildgraph.stages import canonicalize as canonicalize_stage
from wildgraph.stages import graph as graph_stage
from wildgraph.stages import ingest as ingest_stage
from wildgraph.stages import mine as mine_stage
from wildgraph.store import RunDirectory, file_hashes, fingerprint

CONVERSATIONS, MINED = "private/conversations.jsonl", "private/mined.jsonl"
#: Seconds between two words of a stage that looks at all items together.
_EVERY = 1.0


@dataclass(frozen=True)
class _Mined:
    """The records that were mined, read from disk each time they are gone through: a million of them are too many to hold."""

    run: RunDirectory
    fields: Sequence[MetaField]

    def __iter__(self) -> Iterator[MetaInformation]:
        context = {"fields": self.fields}
        return self.run.records(MINED, MetaInformation, lambda row: MetaInformation.model_validate(row, context=context))


@dataclass
class Build:
    """The stages of ``build``; each returns its fingerprint for the next."""

    run: RunDirectory
    config: Config
    engines: Engines
    observe: Observer
    reused: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def _compare(self, files: Sequence[Path]) -> None:
        """Notice which files an earlier build into the run read and this one does not."""
        mined, ingested = self.run.stage("mine") or {}, self.run.stage("ingest") or {}
        self.gone = sorted({*(mined.get("files_read") or ingested.get("logs") or ())} - {file.name for file in files})

    def _stage(self, name: str, mark: str, work: Callable[[StageCount], tuple[dict[str, str], dict[str, Json]]]) -> str:
        """Run one stage unless its output is fresh."""
        if self.run.fresh(name, mark, self.config.model.retry):
            self.reused.append(name)
            self.run.bills.enter(name, StageCount(name))
            return mark
        count = StageCount(name)
        started, before = time.monotonic(), self.engines.tally.total()
        try:
            files, about = work(count)
        except BaseException:
            self._charge(count, before, started)
            self.run.bills.enter(name, count)  # what was spent was spent, also when the stage did not end well
            raise
        self._charge(count, before, started)
        self.run.finish(name, mark, count, files, about)
        self.observe(count, count.entered)
        return mark

    def _charge(self, count: StageCount, before: Counts, started: float) -> None:
        """Enter what the model did since ``before`` into a stage's count."""
        charge(count, self.engines.tally.total() - before)
        count.seconds = time.monotonic() - started

    def ingest(self, files: Sequence[Path], rows: Iterator[Conversation | Rejection]) -> str:
        """Filter and segment the rows of the logs."""
        self._compare(files)
        settings, reading = self.config.ingest, self.config.logs
        forgotten = forgotten_users(self.run)
        marks: list[object] = [settings.model_dump(mode="json"), reading.model_dump(mode="json"), *sorted(forgotten)]
        mark = fingerprint("ingest", ingest_stage.VERSION, marks, *file_hashes(files))

        def work(count: StageCount) -> tuple[dict[str, str], dict[str, Json]]:
            key = self.run.key() if forgotten else b""
            known = ingest_stage.without(rows, lambda user: keyed_user(key, user) in forgotten) if forgotten else rows
            written = self.run.split(
                ingest_stage.ingest(known, settings),
                CONVERSATIONS,
                count,
                limit=self.config.max_rejection_rate,
                observe=self._observe(None),
            )
            require_some(count, "conversations")
            names: list[Json] = [*sorted(file.name for file in files)]
            return written, {"logs": names}

        return self._stage("ingest", mark, work)

    def mine(self, upstream: str) -> str:
        """Mine the conversations."""
        settings = self.config.mine
        template = load_template(mine_stage.TEMPLATE)
        mark = fingerprint(
            "mine",
            mine_stage.VERSION,
            [settings.model_dump(mode="json"), template.hash, self.engines.asked, self.run.key_id()],
            upstream,
        )

        def work(count: StageCount) -> tuple[dict[str, str], dict[str, Json]]:
            conversations = self.run.records(CONVERSATIONS, Conversation)
            mined = mine_stage.mine(conversations, settings, model=self.engines.model, key=self.run.key())
            total = self._passed("ingest")
            written = self.run.split(mined, MINED, count, limit=self.config.max_rejection_rate, observe=self._observe(total))
            require_some(count, "mined records")
            changed: Json = settings.model_dump(mode="json", exclude_defaults=True)
            return written, {
                "engine": self.engines.model.identity,
                "version": mine_stage.VERSION,  # decides the prompts with the template, and `forget` asks for them again
                "template": {template.name: template.hash},
                "settings": changed,
            }

        return self._stage("mine", mark, work)

    def read_mined(self, files: Sequence[Path]) -> str:
        """Take records that were mined elsewhere, in place of ingesting and mining."""
        self._compare(files)
        settings = self.config.mine
        marks = [
            [field.model_dump(mode="json") for field in settings.fields],
            settings.masker,
            self.run.key_id(),
            *sorted(forgotten_users(self.run)),
        ]
        mark = fingerprint("mine", mine_stage.VERSION, ["read", *marks], *file_hashes(files))

        def work(count: StageCount) -> tuple[dict[str, str], dict[str, Json]]:
            rows = (row for file in files for row in read_rows(file, stage=mine_stage.STAGE))
            forgotten = forgotten_users(self.run)
            mined = (
                item
                for item in mine_stage.read_mined(rows, settings, key=self.run.key())
                if isinstance(item, Rejection) or item.user not in forgotten
            )
            written = self.run.split(mined, MINED, count, limit=self.config.max_rejection_rate, observe=self._observe(None))
            require_some(count, "mined records")
            names: list[Json] = [*sorted(file.name for file in files)]
            return written, {"engine": "read from files", "files_read": names}

        return self._stage("mine", mark, work)

    def canonicalize(self, upstream: str) -> str:
        """Lift values to concepts."""
        settings = self.config.canonicalize
        edits = load_edits(settings.edits)
        earlier = load_catalogue(Path(settings.earlier)) if settings.earlier else None
        merges = kept_merges(Path(settings.earlier)) if settings.earlier else {}
        marks = [
            settings.model_dump(mode="json", exclude={"edits", "earlier"}),
            edits.model_dump(mode="json"),
            [earlier.fingerprint, merges] if earlier else "",
            self.engines.prior.fingerprint,
            self.engines.lifter.identity,
            self.config.graph.min_support,
            COUNTS_VERSION,
        ]
        mark = fingerprint("canonicalize", canonicalize_stage.VERSION, marks, upstream)

        def work(count: StageCount) -> tuple[dict[str, str], dict[str, Json]]:
            with self._meanwhile(count, self._passed("mine")):
                catalogue, labels = canonicalize_stage.canonicalize(
                    _Mined(self.run, self.config.fields),
                    settings,
                    prior=self.engines.prior,
                    lifter=KeptLifter(self.engines.lifter, self.run),
                    likeness=self.engines.likeness,
                    earlier=earlier,
                    edits=edits,
                    merges=merges,
                    min_support=self.config.graph.min_support,
                )
            count.entered = count.passed = len(labels)
            # Each record is let go as its ids are hidden: of a million they are not held twice.
            files = write_counts(self.run, (labels.pop() for _ in range(len(labels))), catalogue.concepts)
            self.run.write_rows("private/catalogue.jsonl", catalogue.rows())
            self.run.write_rows("catalogue.jsonl", shareable_rows(catalogue.rows(), self.config.graph.min_support))
            alone: Json = {name: round(share, 3) for name, share in canonicalize_stage.singletons(catalogue.assignments.values()).items()}
            with self.run.writing(MERGES) as handle:
                handle.write(
                    json.dumps({one: other for one, other in {**merges, **edits.merge}.items() if one in self.engines.prior.known()})
                )
            files |= {MERGES: "private", GROUPS: "private", "private/catalogue.jsonl": "private", "catalogue.jsonl": "shareable"}
            return files, {
                "values": len(catalogue.assignments),
                "concepts": len({item.concept for item in catalogue.assignments.values()}),
                "lifter": type(self.engines.lifter).__name__.removesuffix("Lifter").lower(),
                "share_of_concepts_in_one_record": alone,
            }

        return self._stage("canonicalize", mark, work)

    def graph(self, upstream: str) -> str:
        """Build and publish the graphs."""
        settings = self.config.graph
        mark = fingerprint("graph", graph_stage.VERSION, settings.model_dump(mode="json"), upstream)

        def work(count: StageCount) -> tuple[dict[str, str], dict[str, Json]]:
            counts = read_counts(self.run.path)
            return publish_counts(self.run, counts, settings, count)

        return self._stage("graph", mark, work)

    def _passed(self, stage: str) -> int | None:
        entry = self.run.stage(stage)
        return int(entry["out"]) if entry else None

    @contextmanager
    def _meanwhile(self, count: StageCount, total: int | None) -> Iterator[None]:
        """Tell every second what is asked and embedded while all items are looked at together, which can take an hour."""
        tell, embedder, over = self._observe(total), self.engines.likeness.embedder, threading.Event()
        failed: list[Exception] = []

        def watch() -> None:
            before = embedder.embedded if isinstance(embedder, CachedEmbedder) else 0
            try:
                while not over.wait(_EVERY):
                    if isinstance(embedder, CachedEmbedder) and embedder.embedded > before:
                        count.doing = f"{embedder.embedded - before:,} phrases embedded"
                    tell(count)
            except Exception as error:  # of who watches, or a full disk; told where it can be heard
                failed.append(error)

        watching = threading.Thread(target=watch, name="lifting", daemon=True)
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()
            count.doing = ""
        if failed:
            raise failed[0]

    def _observe(self, total: int | None) -> Callable[[StageCount], None]:
        before = self.engines.tally.total()

        def observe(count: StageCount) -> None:
            charge(count, self.engines.tally.total() - before)
            self.run.bills.under_way([count])
            self.observe(count, total)

        return observe
