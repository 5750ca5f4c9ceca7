"""Forget one user of a run, or purge everything private in it.

Forgetting is exact where it can be: the user's records are taken out of every private file, their answers out of the cache, and the graphs
are counted anew. What one run cannot reach (the logs themselves, other runs, what was published or copied before) is said, not passed over.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from wildgraph.building import CONVERSATIONS, MINED
from wildgraph.catalogue import concept_id, shareable_rows
from wildgraph.counts import COUNTS, Counts, has_counts, read_counts, save_counts
from wildgraph.edits import MERGES, kept_merges
from wildgraph.errors import EmptyResultError, InputError, RunError
from wildgraph.forgotten import forgotten_users, note_forgotten
from wildgraph.funnel import StageCount
from wildgraph.lifters.kept import GROUPS
from wildgraph.llm import ChatRequest, ResponseCache, key_by_variables, load_template
from wildgraph.llm.answers import Turn, follow_up, read
from wildgraph.pseudonyms import key_id, keyed_record, keyed_user
from wildgraph.publishing import publish_counts
from wildgraph.readers.layout import name_of
from wildgraph.records import Concept, Conversation, Json, MetaInformation
from wildgraph.stages import adapt as adapt_stage
from wildgraph.stages import graph as graph_stage
from wildgraph.stages import mine as mine_stage
from wildgraph.stages.canonicalize import Names, fold
from wildgraph.stages.graph import GraphConfig
from wildgraph.stages.mine import MineConfig
from wildgraph.store import RunDirectory, file_hashes, fingerprint
from wildgraph.taskgraph import TaskGraph, read_graphs

CATALOGUE, CACHE, VECTORS = "private/catalogue.jsonl", "private/cache.sqlite", "private/vectors.sqlite"
#: Their prompts hold labels of published graphs and documents, and nothing of a log.
_OF_SAMPLES = frozenset(adapt_stage.templates())


@dataclass(frozen=True)
class Forgotten:
    """What forgetting a user did.

    Attributes:
        run: the run.
        conversations, records, rejections: how many of the user's were taken out: conversations, counted records, rejected conversations.
        answers: cached answers to the user's queries that were removed.
        vectors: whether vectors of private texts were removed, all of them: they bear no names, and are made again when they are needed.
        unsure: whether answers of the user may be left in the cache, because they were asked for in a way that this version cannot repeat.
        kept_prompts: other prompts of building with answers in the cache, which may quote what was mined from several users.
        renamed: concepts that were named in the user's words and have another name now.
        graphs: the graphs, counted anew.
        samples: whether the run holds samples, pages or exports made from the graphs as they were before.
    """

    run: Path
    conversations: int
    records: int
    rejections: int
    answers: int
    vectors: bool
    unsure: bool
    kept_prompts: tuple[str, ...]
    renamed: int
    graphs: list[TaskGraph] = field(default_factory=list)
    samples: bool = False


def forget(run: str | Path, user: str) -> Forgotten:
    """Take a user out of a run: conversations, mined values, catalogue, counts, rejections, cached answers, graphs.

    The name is noted as a keyed hash, and rows of that user are left out of every later ``build`` of this run. What was interrupted is ended
    by the same call again.

    Args:
        run: the run directory.
        user: the name as the log wrote it.

    Raises:
        InputError: there is no run, or nobody of that name in it. RunError: the key is not the one that the run was built with.
    """
    with RunDirectory.write(Path(run), existing=True) as directory:
        if not has_counts(directory.path) and not (directory.path / CONVERSATIONS).is_file():
            raise InputError(f"{run} holds nothing private in which a user could be forgotten", "was it purged?")
        return _Forgetting(directory, name_of(user)).all()


class _Forgetting:
    """One user being forgotten. The conversations go last: until then the same call can begin again."""

    def __init__(self, run: RunDirectory, name: str) -> None:
        self.run = run
        self.name = name
        self.key = run.key(make=False)
        self.user = keyed_user(self.key, name)
        self.conversations = [one for one in self._there(CONVERSATIONS, Conversation) if one.user == name]
        self.ids = {one.id for one in self.conversations}

    def all(self) -> Forgotten:
        """Forget, step by step."""
        counts = read_counts(self.run.path) if has_counts(self.run.path) else None
        if counts is not None and counts.key != key_id(self.key):
            raise RunError(f"{self.run.path} was counted with another key", "set WILDGRAPH_KEY to the one that it was built with")
        records = sum(record.user == self.user for record in counts.records) if counts else 0
        if not self.conversations and not records and self.user not in forgotten_users(self.run):
            raise InputError(f"no user of that name is in {self.run.path}", "write the name as the log writes it")
        note_forgotten(self.run, self.user)
        for left in self.run.private.rglob("*.partial"):  # of a command that was killed; nobody else writes here now
            left.unlink()
        answers, unsure, others = self._forget_answers()
        vectors = self._forget_vectors()
        if (self.run.path / GROUPS).is_file():
            self.run.write_rows(GROUPS, ())  # they hold the user's words, and the next build groups other values anyway
        values, renames = self._values_left(counts.concepts if counts else {})
        graphs = self._forget_counts(counts, renames) if counts else []
        if values is not None:
            self._forget_merges(renames)
            self.run.write_rows(CATALOGUE, values)
            self.run.write_rows("catalogue.jsonl", shareable_rows(values, self._graph_config().min_support))
        self._rewrite(MINED, lambda row: row.get("user") == self.user)
        rejections = sum(self._forget_rejections(stage) for stage in ("ingest", "mine"))
        self._rewrite(CONVERSATIONS, lambda row: row.get("id") in self.ids)
        self._correct_funnel()
        return Forgotten(
            run=self.run.path,
            conversations=len(self.ids),
            records=records,
            rejections=rejections,
            answers=answers,
            vectors=vectors,
            unsure=unsure,
            kept_prompts=others,
            renamed=len(renames),
            graphs=graphs,
            samples=any((self.run.path / name).exists() for name in ("samples", "explorer.html", "export")),
        )

    # ----------------------------------------------------------------- the cache

    def _forget_answers(self) -> tuple[int, bool, tuple[str, ...]]:
        """How many answers were removed, whether some may be left, and which other prompts have answers."""
        file = self.run.path / CACHE
        if not file.is_file():
            return 0, False, ()
        entry = self.run.stage("mine") or {}
        template = load_template(mine_stage.TEMPLATE)
        # Equal texts of other users were asked only once, and are not this user's alone.
        texts = {one.query for one in self.conversations}
        shared = [one for one in self._there(CONVERSATIONS, Conversation) if one.id not in self.ids and one.query in texts]
        with ResponseCache(file, ballast=0) as cache:
            stats = cache.stats()
            others = tuple(sorted({one.prompt for one in stats if one.prompt != template.name and one.prompt not in _OF_SAMPLES}))
            engines = sorted({one.engine for one in stats if one.prompt == template.name})
            if not self.conversations or not engines:
                return 0, bool(engines and not (self.run.path / CONVERSATIONS).is_file()), others
            asked = entry.get("version"), entry.get("template")
            if asked != (mine_stage.VERSION, {template.name: template.hash}) or "settings" not in entry:
                return 0, True, others
            config = MineConfig.model_validate(entry["settings"])
            kept = set(_keys(cache, engines, shared, config))
            found = [key for key in _keys(cache, engines, self.conversations, config) if key not in kept]
            removed = cache.remove(dict.fromkeys(found))
            return removed, False, others

    def _forget_vectors(self) -> bool:
        """Remove the vectors of private texts; whether there were any."""
        found = [file for end in ("", "-wal", "-shm") if (file := self.run.path / f"{VECTORS}{end}").is_file()]
        for file in found:
            file.unlink()
        return bool(found)

    # ----------------------------------------------------------------- values and concepts

    def _values_left(self, concepts: Mapping[str, Concept]) -> tuple[list[dict[str, Any]] | None, dict[str, Concept | None]]:
        """The catalogue's rows without the user, and which concepts get another name, or go."""
        if not (self.run.path / CATALOGUE).is_file() or not (self.run.path / MINED).is_file():
            return None, {}
        theirs = {value for row in self.run.rows(MINED) if row.get("user") == self.user for value in _values(row)}
        count: Counter[tuple[str, str]] = Counter()
        users: dict[tuple[str, str], set[str]] = defaultdict(set)
        for row in self.run.rows(MINED):
            if row.get("user") != self.user:
                for value in _values(row) & theirs:
                    count[value] += 1
                    users[value].add(row["user"])
        rows, gone = [], []
        for row in self.run.rows(CATALOGUE):
            value = row["field"], row["value"]
            if value not in theirs:
                rows.append(row)
            elif count[value]:
                rows.append({**row, "count": count[value], "users": len(users[value])})
            else:
                gone.append(row)
        renames = _renames(gone, rows, concepts, self._safe)
        for row in rows:
            new = renames.get(row["concept"])
            if new is not None:
                row.update(concept=new.id, name=new.name)
        return rows, renames

    def _forget_merges(self, renames: Mapping[str, Concept | None]) -> None:
        """What was merged into a concept that gets another name leads to that one; what led to one that goes, goes."""
        merges = kept_merges(self.run.path)
        left = {one: new.id if new else None for one, other in merges.items() if (new := renames.get(other)) or other in renames}
        if left:
            with self.run.writing(MERGES) as handle:
                handle.write(json.dumps({one: other for one, other in {**merges, **left}.items() if other is not None}))

    def _safe(self, title: str) -> str:
        """The title, cut where more would quote one of the users who are left: it is published."""
        left = (record for record in self.run.records(MINED, MetaInformation) if record.user != self.user)
        return Names(left, self._graph_config().min_support, [title]).safe(title)

    # ----------------------------------------------------------------- counts and graphs

    def _forget_counts(self, counts: Counts, renames: Mapping[str, Concept | None]) -> list[TaskGraph]:
        """Count without the user, and publish what comes of it."""
        new_id = {old: new.id if new else None for old, new in renames.items()}
        left = []
        for record in counts.records:
            if record.user == self.user:
                continue
            if new_id and not new_id.keys().isdisjoint((*record.labels, record.document_type or "")):
                labels = {new_id.get(label, label) for label in record.labels} - {None}
                kind = new_id.get(record.document_type, record.document_type) if record.document_type else None
                record = record.model_copy(update={"labels": tuple(sorted(label for label in labels if label)), "document_type": kind})
            left.append(record)
        concepts = {one: concept for one, concept in counts.concepts.items() if one not in renames}
        concepts |= {new.id: new for new in renames.values() if new is not None}
        moved = {
            one: concept.model_copy(update={"parent": new_id[concept.parent]})
            for one, concept in concepts.items()
            if concept.parent in new_id
        }
        counts = replace(counts, records=left, concepts=concepts | moved)
        entry = self.run.stage("graph")
        files = save_counts(self.run, counts)
        if entry is None:
            return []
        count = StageCount("graph")
        try:
            published, about = publish_counts(self.run, counts, self._graph_config(), count)
        except EmptyResultError:
            for file in (self.run.path / "graphs").glob("*.json*"):
                file.unlink()
            published, about = {"graph.rejected.jsonl": "shareable"}, {"graphs": {}, "settings": entry["settings"]}
        kept: dict[str, Json] = {"merged": entry["merged"]} if "merged" in entry else {}
        named = {name: kind for name, kind in files.items() if name in entry["files"]}
        # No longer what a build made: the next one counts again.
        mark = fingerprint(
            "forget", graph_stage.VERSION, self._graph_config().model_dump(mode="json"), *file_hashes([self.run.path / COUNTS])
        )
        self.run.finish("graph", mark, count, {**published, **named}, {**about, **kept})
        return read_graphs(self.run.path / "graphs") if count.passed else []

    def _graph_config(self) -> GraphConfig:
        entry = self.run.stage("graph") or {}
        return GraphConfig.model_validate(entry.get("settings", {}))

    # ----------------------------------------------------------------- files

    def _there(self, name: str, kind: type[Conversation]) -> Iterator[Conversation]:
        return self.run.records(name, kind) if (self.run.path / name).is_file() else iter(())

    def _rewrite(self, name: str, is_theirs: Callable[[Mapping[str, Any]], bool]) -> int:
        """Write a file of rows without the user's; how many those were."""
        theirs = sum(is_theirs(row) for row in self._rows(name))
        if theirs:
            self.run.write_rows(name, (row for row in self.run.rows(name) if not is_theirs(row)))
        return theirs

    def _forget_rejections(self, stage: str) -> int:
        """Take the user's rejections out of both files; how many there were."""
        hidden = {keyed_record(self.key, one) for one in self.ids}
        self._rewrite(f"{stage}.rejected.jsonl", lambda row: row.get("item") in hidden)
        return self._rewrite(f"private/{stage}.rejected.jsonl", lambda row: row.get("item") in self.ids)

    def _correct_funnel(self) -> None:
        """Let the manifest say what is in the files now: counted again, so that an interrupted call leaves no trace in it."""
        out = {"ingest": self._count(CONVERSATIONS), "mine": self._count(MINED)}
        changes: dict[str, dict[str, Json]] = {}
        for stage, passed in out.items():
            entry = self.run.stage(stage)
            if entry is not None:
                count = StageCount(stage, entered=entry["in"] if stage == "ingest" else out["ingest"], passed=passed)
                count.rejected.update(row["reason"] for row in self._rows(f"private/{stage}.rejected.jsonl"))
                if stage == "ingest":
                    count.rejected["forgotten"] = count.entered - passed - sum(count.rejected.values())
                changes[stage] = {**entry, **count.funnel()}
        if (entry := self.run.stage("canonicalize")) is not None:
            changes["canonicalize"] = {**entry, "in": out["mine"], "out": out["mine"]}
        self.run.revise(changes)

    def _rows(self, name: str) -> Iterator[Mapping[str, Any]]:
        return self.run.rows(name) if (self.run.path / name).is_file() else iter(())

    def _count(self, name: str) -> int:
        return sum(1 for _ in self._rows(name))


def _values(row: Mapping[str, Any]) -> set[tuple[str, str]]:
    """(field, folded value) of a mined row."""
    return {(name, fold(value["general"])) for name, values in row["values"].items() for value in values}


def _renames(
    gone: Iterable[Mapping[str, Any]], rows: Iterable[Mapping[str, Any]], concepts: Mapping[str, Concept], safe: Callable[[str], str]
) -> dict[str, Concept | None]:
    """Induced concepts that bear the name of a value that is gone: what each is called now, or ``None`` where nothing is left of it."""
    left: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in rows:
        left[row["concept"]].append((-row["count"], row["value"]))
    found: dict[str, Concept | None] = {}
    taken = set(concepts)
    for row in sorted(gone, key=lambda row: (row["concept"], row["value"])):
        old, field_name = row["concept"], row["field"]
        concept = concepts.get(old)
        if concept is not None and (concept.origin != "induced" or fold(concept.name) != row["value"][:120]):
            continue
        title = safe(min(left[old])[1]) if left[old] else None
        if concept is None or title is None:
            # Where it is missing, an interrupted call came as far as to rename it.
            found[old] = next((one for one in concepts.values() if (one.field, one.name) == (field_name, title)), None)
            continue
        name, number = title, 2
        while concept_id(field_name, name) in taken:
            name, number = f"{title[:100]} (other {number})", number + 1
        new = concept.model_copy(update={"id": concept_id(field_name, name), "name": title})
        taken.add(new.id)
        found[old] = new
    return found


def _keys(cache: ResponseCache, engines: Iterable[str], conversations: Iterable[Conversation], config: MineConfig) -> Iterator[bytes]:
    """Keys of every answer that was given to a mining prompt, corrections and longer tries included."""
    schema: type[BaseModel] = mine_stage.answer_schema(config.fields)
    engines = list(engines)
    for conversation in conversations:
        request = ChatRequest(conversation.id, mine_stage.mining_prompt(conversation, config), schema, config.decoding)
        for engine in engines:
            yield key_by_variables(engine, request)
            turn: Turn | None = Turn(request.prompt.messages(), schema, request.decoding, request.sample)
            while turn is not None:
                key = turn.key(engine, {})
                yield key
                stored = cache.get(key)
                reading = read(stored, schema) if stored is not None else None
                turn = follow_up(turn, reading) if reading is not None and reading.failure is not None else None


# --------------------------------------------------------------------------- purge


@dataclass(frozen=True)
class Purged:
    """What was purged: how many files and bytes; whether published graphs are left to sample from."""

    run: Path
    files: int
    size: int
    graphs: bool


def purge(run: str | Path) -> Purged:
    """Remove everything private from a run. What is published stays, and can be sampled from.

    The counts go too: after that there is no other K, no exact merging and no forgetting, and the list of forgotten users is gone.

    Args:
        run: the run directory.

    Raises:
        InputError: there is no run. RunError: it is in use, or a file cannot be removed.
    """
    with RunDirectory.write(Path(run), existing=True) as directory:
        found = [file for file in directory.private.rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in found)
        try:
            shutil.rmtree(directory.private)
        except OSError as error:
            raise RunError(f"cannot remove {directory.private}: {error.strerror}", "look at its permissions and purge again") from error
        return Purged(directory.path, len(found), size, any((directory.path / "graphs").glob("*.json")))
