"""The private counts: every record of a run as its labels, ids and users as keyed hashes. Everything published is computed from them.

They are not sums but the records themselves, without a word of text: two sums that were pruned cannot be added, and no user can be taken out
of a sum. Merging runs, another K and forgetting a user are exact because they count again. A million records take some 25 MB of parquet.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from wildgraph.catalogue import Catalogue, load_concepts
from wildgraph.errors import InputError, RunError
from wildgraph.pseudonyms import key_id, keyed_record
from wildgraph.records import Concept, LabelledRecord, content_hash
from wildgraph.store import RunDirectory

COUNTS, CONCEPTS = "private/counts.parquet", "private/concepts.jsonl"
FORMAT = "wildgraph.counts"
FORMAT_VERSION = 1
_BATCH = 1 << 16
_AGAIN = "run `wildgraph build` again"


@dataclass(frozen=True)
class Counts:
    """What is counted.

    Attributes:
        records: sorted by id, without repeats; ids and users are keyed hashes.
        concepts: the whole hierarchy by id.
        key: id of the key of the hashes.
    """

    records: Sequence[LabelledRecord]
    concepts: Mapping[str, Concept]
    key: str

    @property
    def catalogue(self) -> Catalogue:
        """The concepts as a catalogue without assignments."""
        return Catalogue(self.concepts)


def hierarchy_mark(concepts: Mapping[str, Concept]) -> str:
    """Fingerprint of what counting depends on: ids, fields and parents, not names."""
    return content_hash([[one.id, one.field, one.parent] for _, one in sorted(concepts.items())])


def write_counts(run: RunDirectory, records: Iterable[LabelledRecord], concepts: Mapping[str, Concept]) -> dict[str, str]:
    """Write the counts and concepts of a run from records with plain ids.

    Args:
        run: the run, open for writing.
        records: as the canonicalize stage gives them, in any order.
        concepts: all concepts by id.

    Returns:
        The files written and that they are private.
    """
    key = run.key()

    def hidden(record: LabelledRecord) -> LabelledRecord:
        name = keyed_record(key, record.id)
        # Where the log names no user the record stands for one; its plain id must not survive there either.
        return record.model_copy(update={"id": name, "user": name if record.user == record.id else record.user})

    return save_counts(run, Counts(sorted(map(hidden, records), key=lambda record: record.id), concepts, key_id(key)))


def save_counts(run: RunDirectory, counts: Counts) -> dict[str, str]:
    """Write counts that are keyed already, and their concepts. The same counts give the same bytes.

    Returns:
        The files written and that they are private.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = counts.records
    text = pa.string()
    table = pa.table(
        {
            "id": pa.array([record.id for record in records], text),
            "user": pa.array([record.user for record in records], text),
            "document_type": pa.array([record.document_type for record in records], text),
            "labels": pa.array([record.labels for record in records], pa.list_(text)),
        }
    ).replace_schema_metadata(
        {"format": FORMAT, "version": str(FORMAT_VERSION), "key": counts.key, "hierarchy": hierarchy_mark(counts.concepts)}
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", use_dictionary=["user", "document_type", "labels.list.element"])
    run.write_rows(CONCEPTS, (concept for _, concept in sorted(counts.concepts.items())))
    run.write_bytes(COUNTS, buffer.getbuffer())
    return {COUNTS: "private", CONCEPTS: "private"}


def has_counts(run: Path) -> bool:
    """Whether a run still has its private counts."""
    return (run / COUNTS).is_file()


def read_counts(run: Path) -> Counts:
    """The counts of a run.

    Raises:
        RunError: they are missing, damaged, foreign or newer, or the concepts beside them are others than those that were counted.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = run / COUNTS
    try:
        concepts = load_concepts(run / CONCEPTS)
        with pq.ParquetFile(file) as opened:
            about = {name.decode(): value.decode() for name, value in (opened.schema_arrow.metadata or {}).items()}
            _check(file, about, concepts)
            records = list(_records(opened))
    except FileNotFoundError as error:
        raise RunError(f"{run} has no private counts", "they were purged, or the run was never built: " + _AGAIN) from error
    except InputError as error:
        raise RunError(error.message, _AGAIN) from error
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:  # pydantic's ValidationError is a ValueError
        raise RunError(f"{file} is damaged: {' '.join(str(error).split())[:160]}", _AGAIN) from error
    ids = [record.id for record in records]
    if any(left >= right for left, right in pairwise(ids)):
        raise RunError(f"{file} is damaged: its records are not sorted by id or repeat", _AGAIN)
    return Counts(records, concepts, about["key"])


def _check(file: Path, about: Mapping[str, str], concepts: Mapping[str, Concept]) -> None:
    if about.get("format") != FORMAT or not about.get("version", "").isdigit() or "key" not in about:
        raise RunError(f"{file} holds no counts of wildgraph", _AGAIN)
    if int(about["version"]) > FORMAT_VERSION:
        raise RunError(f"{file} has version {about['version']}", "a newer wildgraph wrote it: upgrade")
    if about.get("hierarchy") != hierarchy_mark(concepts):
        raise RunError(f"{file} was counted with other concepts than {file.parent / 'concepts.jsonl'} holds", _AGAIN)


def _records(opened: Any) -> Iterator[LabelledRecord]:  # noqa: ANN401 - pyarrow has no types
    """The rows, batch by batch; equal texts are one object, or a million records would not fit."""
    known: dict[str, str] = {}

    def one(text: str) -> str:
        return known.setdefault(text, text)

    for batch in opened.iter_batches(_BATCH, columns=["id", "user", "document_type", "labels"]):
        labels = batch.column("labels")
        words = labels.flatten().dictionary_encode()
        names = [one(name) for name in words.dictionary.to_pylist()]
        places, offsets = words.indices.to_pylist(), labels.offsets.to_pylist()
        start = offsets[0]
        columns = (batch.column(name).to_pylist() for name in ("id", "user", "document_type"))
        for row, (record, user, kind) in enumerate(zip(*columns, strict=True)):
            found = tuple(names[place] for place in places[offsets[row] - start : offsets[row + 1] - start])
            yield LabelledRecord(id=record, user=one(user) if user else user, document_type=one(kind) if kind else kind, labels=found)


# --------------------------------------------------------------------------- several runs


@dataclass(frozen=True)
class Union:
    """Several runs' counts as one.

    Attributes:
        counts: every record once.
        shared: records that more than one run holds. disagreeing: those of them that the runs labelled differently.
        reparented: concepts whose parents differ between the runs.
    """

    counts: Counts
    shared: int
    disagreeing: int
    reparented: int


def unite(sources: Sequence[Counts]) -> Union:
    """The records of several runs, each once, over the concepts of all: commutative, associative and idempotent.

    Concepts meet by their ids. Where runs label one record differently, or place one concept differently, the least in order is taken, so
    that the order of the runs leaves no trace.

    Args:
        sources: at least one; all with one key.

    Raises:
        InputError: the keys differ, one id is a concept of two fields, or a concept became its own ancestor.
    """
    keys = {counts.key for counts in sources}
    if len(keys) != 1:
        raise InputError(
            f"the runs are keyed with {len(keys)} different keys, so that equal users cannot be met",
            "build them with one WILDGRAPH_KEY, or merge what they publish with --bounds",
        )
    concepts: dict[str, Concept] = {}
    reparented = set()
    for concept in (concept for counts in sources for concept in counts.concepts.values()):
        known = concepts.setdefault(concept.id, concept)
        if known.field != concept.field:
            raise InputError(f"{concept.id} is a concept of {known.field} in one run and of {concept.field} in another")
        if known.parent != concept.parent:
            reparented.add(concept.id)
        concepts[concept.id] = min(known, concept, key=_precedence)
    for concept in concepts.values():
        top = concepts.get(Catalogue(concepts).lineage(concept.id)[-1])
        if top is not None and top.parent in concepts:
            raise InputError(f"the runs' hierarchies make {top.parent} its own ancestor", "merge what they publish with --bounds")
    records: dict[str, LabelledRecord] = {}
    shared, disagreeing = set(), set()
    for record in (record for counts in sources for record in counts.records):
        known_record = records.setdefault(record.id, record)
        if known_record is not record:
            shared.add(record.id)
            if known_record != record:
                disagreeing.add(record.id)
                records[record.id] = min(known_record, record, key=lambda one: (one.document_type or "", one.labels, one.user))
    ordered = [records[name] for name in sorted(records)]
    return Union(Counts(ordered, dict(sorted(concepts.items())), keys.pop()), len(shared), len(disagreeing), len(reparented))


def _precedence(concept: Concept) -> tuple[int, bool, str, str]:
    return ("edited", "prior", "induced").index(concept.origin), concept.parent is None, concept.parent or "", concept.name
