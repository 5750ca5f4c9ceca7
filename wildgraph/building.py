"""Building is four stages, each reused where nothing it depends on changed: ingest, mine, canonicalize, graph."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wildgraph.catalogue import Catalogue, load_concepts
from wildgraph.config import Config
from wildgraph.engines import Engines, charge
from wildgraph.errors import EmptyResultError
from wildgraph.funnel import Observer, StageCount, require_some
from wildgraph.llm import load_template
from wildgraph.llm.tally import Counts
from wildgraph.records import Conversation, Json, LabelledRecord, MetaInformation, Record, Rejection
from wildgraph.stages import canonicalize as canonicalize_stage
from wildgraph.stages import graph as graph_stage
from wildgraph.stages import ingest as ingest_stage
from wildgraph.stages import mine as mine_stage
from wildgraph.store import RunDirectory, file_hashes, fingerprint
from wildgraph.taskgraph import TaskGraph

CONVERSATIONS, MINED, LABELS = "private/conversations.jsonl", "private/mined.jsonl", "private/labels.jsonl"


@dataclass
class Build:
    """The stages of ``build``; each returns its fingerprint for the next."""

    run: RunDirectory
    config: Config
    engines: Engines
    observe: Observer
    reused: list[str] = field(default_factory=list)

    def _stage(self, name: str, mark: str, work: Callable[[StageCount], tuple[dict[str, str], dict[str, Json]]]) -> str:
        """Run one stage unless its output is fresh."""
        if self.run.fresh(name, mark, self.config.model.retry):
            self.reused.append(name)
            self.run.note_bill(name, StageCount(name))
            return mark
        count = StageCount(name)
        started, before = time.monotonic(), self.engines.tally.total()
        try:
            files, about = work(count)
        except BaseException:
            self._charge(count, before, started)
            self.run.note_bill(name, count)  # what was spent was spent, also when the stage did not end well
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
        settings, reading = self.config.ingest, self.config.logs
        mark = fingerprint(
            "ingest", ingest_stage.VERSION, [settings.model_dump(mode="json"), reading.model_dump(mode="json")], *file_hashes(files)
        )

        def work(count: StageCount) -> tuple[dict[str, str], dict[str, Json]]:
            written = self.run.split(
                ingest_stage.ingest(rows, settings), CONVERSATIONS, count, limit=self.config.max_rejection_rate, observe=self._observe(None)
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
            return written, {"engine": self.engines.model.identity, "template": {template.name: template.hash}}

        return self._stage("mine", mark, work)

    def canonicalize(self, upstream: str) -> str:
        """Lift values to concepts."""
        settings = self.config.canonicalize
        marks = [
            settings.model_dump(mode="json"),
            self.engines.prior.fingerprint,
            self.engines.embedder.identity,
            self.config.graph.min_support,
        ]
        mark = fingerprint("canonicalize", canonicalize_stage.VERSION, marks, upstream)

        def work(count: StageCount) -> tuple[dict[str, str], dict[str, Json]]:
            context = {"fields": self.config.fields}
            records = list(self.run.records(MINED, MetaInformation, lambda row: MetaInformation.model_validate(row, context=context)))
            catalogue, labels = canonicalize_stage.canonicalize(records, settings, prior=self.engines.prior, embedder=self.engines.embedder)
            count.entered = count.passed = len(records)
            rows = catalogue.rows()
            shareable = [row for row in rows if row["users"] >= self.config.graph.min_support]
            self.run.write_rows(LABELS, labels)
            self.run.write_rows("private/catalogue.jsonl", rows)
            self.run.write_rows("private/concepts.jsonl", (concept for _, concept in sorted(catalogue.concepts.items())))
            self.run.write_rows("catalogue.jsonl", shareable)
            return {
                LABELS: "private",
                "private/catalogue.jsonl": "private",
                "private/concepts.jsonl": "private",
                "catalogue.jsonl": "shareable",
            }, {"values": len(rows), "concepts": len({row["concept"] for row in rows})}

        return self._stage("canonicalize", mark, work)

    def graph(self, upstream: str) -> str:
        """Build and publish the graphs."""
        settings = self.config.graph
        mark = fingerprint("graph", graph_stage.VERSION, settings.model_dump(mode="json"), upstream)

        def work(count: StageCount) -> tuple[dict[str, str], dict[str, Json]]:
            labels = list(self.run.records(LABELS, LabelledRecord))
            catalogue = Catalogue(load_concepts(self.run.path / "private/concepts.jsonl"))
            graphs, rejections = graph_stage.build_graphs(labels, settings, catalogue=catalogue)
            rejected = {item.item for item in rejections}
            entered: Iterable[Record] = (*(record for record in labels if record.id not in rejected), *rejections)
            files = self.run.split(entered, "private/graphed.jsonl", count, limit=1.0)
            if not graphs:
                raise EmptyResultError(
                    f"no graph came out of {len(labels)} records: "
                    + ", ".join(f"{reason} {n}" for reason, n in count.rejected.most_common(3)),
                    "lower --min-support or min_type_records, add logs, or use --no-document keep for queries without a document",
                )
            files.update(write_graphs(self.run, graphs, catalogue))
            return files, {
                "graphs": {
                    graph.slug: {"records": graph.records, "nodes": len(graph.nodes), "edges": len(graph.edges)} for graph in graphs
                },
                "min_support": settings.min_support,
            }

        return self._stage("graph", mark, work)

    def _passed(self, stage: str) -> int | None:
        entry = self.run.stage(stage)
        return int(entry["out"]) if entry else None

    def _observe(self, total: int | None) -> Callable[[StageCount], None]:
        before = self.engines.tally.total()

        def observe(count: StageCount) -> None:
            charge(count, self.engines.tally.total() - before)
            self.observe(count, total)

        return observe


def write_graphs(run: RunDirectory, graphs: Sequence[TaskGraph], catalogue: Catalogue) -> dict[str, str]:
    """Write ``graphs/`` anew: one file per type, and the published concepts with their parents."""
    folder = run.path / "graphs"
    wanted = {f"{graph.slug}.json" for graph in graphs} | {"concepts.jsonl"}
    for stale in folder.glob("*.json") if folder.is_dir() else ():
        if stale.name not in wanted:
            stale.unlink()
    published = {node.concept for graph in graphs for node in graph.nodes} | {graph.document_type for graph in graphs}
    shown = sorted({one for concept in published for one in catalogue.lineage(concept) if one in catalogue.concepts})
    run.write_rows("graphs/concepts.jsonl", (catalogue.concepts[one] for one in shown))
    for graph in graphs:
        run.write_text(f"graphs/{graph.slug}.json", graph.to_json())
    return {f"graphs/{name}": "shareable" for name in wanted}
