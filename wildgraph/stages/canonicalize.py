"""Lift mined values to concepts that several queries share: the first, offline lifter (METHOD: prior catalogue, then agglomeration).

A barrier: it needs all records. A value goes, in this order, to a prior concept it names exactly; to the prior concept whose phrases it
is most similar to, above a threshold; to a cluster of similar leftover values, capped in diameter so that unlike things never chain.
Clusters hang under the nearest prior parent, to which rare ones fall back when graphs are built.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.catalogue import Catalogue, Prior, PriorConcept, concept_id
from wildgraph.embedders import Embedder, Vectors
from wildgraph.fields import ANY_DOCUMENT, DEFAULT_FIELDS, DOCUMENT_TYPE, MetaField
from wildgraph.records import Assignment, Concept, LabelledRecord, MetaInformation

STAGE = "canonicalize"
VERSION = 2


class CanonicalizeConfig(BaseModel):
    """How values are lifted. All constants are ours.

    Attributes:
        prior: path of a prior catalogue; empty for the one that ships with wildgraph, ``none`` for no prior.
        similarity: least cosine between a value and a prior concept's nearest phrase for the value to join it.
        diameter: largest cosine distance between two values of one induced concept.
        parent_similarity: least cosine to a prior concept for an induced concept to become its sibling under the same parent.
        fields: the field table.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prior: str = ""
    similarity: float = Field(default=0.6, gt=0.0, le=1.0)
    diameter: float = Field(default=0.45, ge=0.0, lt=1.0)
    parent_similarity: float = Field(default=0.4, ge=0.0, le=1.0)
    fields: tuple[MetaField, ...] = DEFAULT_FIELDS


def fold(value: str) -> str:
    """The form in which equal values meet: NFKC, case-folded, one space, no closing stop.

    Example:
        >>> fold("  Bullet  List. ")
        'bullet list'
    """
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", value).casefold()).strip(" .;,")


@dataclass
class _Seen:
    records: int
    users: set[str]


def canonicalize(
    records: Iterable[MetaInformation], config: CanonicalizeConfig, *, prior: Prior, embedder: Embedder
) -> tuple[Catalogue, list[LabelledRecord]]:
    """The catalogue of a run and its records as labels, sorted by id: independent of the order of ``records``.

    Args:
        records: mined meta-information.
        config: thresholds and field table.
        prior: concepts known beforehand.
        embedder: for the similarity of values.
    """
    items = sorted(records, key=lambda record: record.id)
    table = [field for field in config.fields if field.node or field.name == DOCUMENT_TYPE]
    concepts: dict[str, Concept] = {entry.concept.id: entry.concept for entry in prior}
    assignments: dict[tuple[str, str], Assignment] = {}
    for field in table:
        seen = _values(items, field.name)
        placed, induced = _place(field.name, seen, prior.concepts.get(field.name, ()), config, embedder)
        concepts.update({concept.id: concept for concept in induced})
        for value, (concept, similarity) in placed.items():
            assignments[field.name, value] = Assignment(
                field=field.name,
                value=value,
                concept=concept,
                count=seen[value].records,
                users=len(seen[value].users),
                similarity=similarity,
            )
    catalogue = Catalogue(concepts, assignments)
    return catalogue, [label(record, catalogue, config.fields) for record in items]


def label(record: MetaInformation, catalogue: Catalogue, fields: Sequence[MetaField] = DEFAULT_FIELDS) -> LabelledRecord:
    """A record's values replaced by the leaf concepts they were assigned to; values the catalogue does not know are left out."""
    found = {
        leaf
        for field in fields
        if field.node
        for value in record.values.get(field.name, ())
        if (leaf := catalogue.leaf(field.name, fold(value.general))) is not None
    }
    kinds = record.values.get(DOCUMENT_TYPE, ()) if record.has_document else ()
    kind = catalogue.leaf(DOCUMENT_TYPE, fold(kinds[0].general)) if kinds else None
    return LabelledRecord(id=record.id, user=record.user, document_type=kind, labels=tuple(sorted(found)))


def _values(records: Sequence[MetaInformation], name: str) -> dict[str, _Seen]:
    """Distinct folded values of a field with their records and users, most frequent first, ties by value."""
    users: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for record in records:
        for value in {fold(value.general) for value in record.values.get(name, ())} - {""}:
            counts[value] += 1
            users[value].add(record.user)
    return {value: _Seen(count, users[value]) for value, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))}


def _place(
    name: str, seen: Mapping[str, _Seen], prior: Sequence[PriorConcept], config: CanonicalizeConfig, embedder: Embedder
) -> tuple[dict[str, tuple[str, float]], list[Concept]]:
    """Value -> (concept id, similarity), and the concepts that had to be induced."""
    exact = {fold(phrase): entry.concept.id for entry in reversed(prior) for phrase in reversed(entry.like)}
    exact.update({fold(entry.concept.name): entry.concept.id for entry in prior})
    generic = Concept(id=concept_id(DOCUMENT_TYPE, ANY_DOCUMENT), field=DOCUMENT_TYPE, name=ANY_DOCUMENT, origin="prior")
    concepts = []
    if name == DOCUMENT_TYPE and ANY_DOCUMENT in seen and ANY_DOCUMENT not in exact:
        # 'document' says nothing of the kind: it is no kind of legal document, near as the words may be.
        exact[ANY_DOCUMENT] = generic.id
        concepts.append(generic)
    placed = {value: (exact[value], 1.0) for value in seen if value in exact}
    rest = [value for value in seen if value not in exact]
    if not rest:
        return placed, concepts
    vectors = embedder.embed(rest)
    nearest, cosine = _nearest(vectors, prior, embedder)
    left = []
    for row, value in enumerate(rest):
        if nearest is not None and cosine[row] >= config.similarity:
            placed[value] = (prior[nearest[row]].concept.id, round(float(cosine[row]), 3))
        else:
            left.append(row)
    taken = {generic.id, *(entry.concept.id for entry in prior)}
    for members in _groups(vectors[left], config.diameter):
        rows = [left[member] for member in members]
        centre = vectors[rows].mean(axis=0)
        similarity = vectors[rows] @ (centre / max(float(np.linalg.norm(centre)), 1e-9))
        # A short central phrase names the concept: centrality first, brevity among the nearly as central.
        medoid = min(
            range(len(rows)), key=lambda member: (round(-float(similarity[member]), 1), len(rest[rows[member]]), rest[rows[member]])
        )
        title = rest[rows[medoid]][:120]
        # 'c', 'c++' and 'c#' have one slug and are three concepts.
        names = chain((title, f"{title} (other)"), (f"{title} (other {number})" for number in count(2)))
        born = next(one for one in (concept_id(name, words) for words in names) if one not in taken)
        taken.add(born)
        parent = None
        if nearest is not None and cosine[rows[medoid]] >= config.parent_similarity:
            close = prior[nearest[rows[medoid]]].concept
            parent = close.parent or close.id
        concepts.append(Concept(id=born, field=name, name=title, parent=parent))
        for row, likeness in zip(rows, similarity, strict=True):
            placed[rest[row]] = (born, round(float(likeness), 3))
    return placed, concepts


def _nearest(vectors: Vectors, prior: Sequence[PriorConcept], embedder: Embedder) -> tuple[list[int] | None, Vectors]:
    """Per value the index of the prior concept with the nearest phrase, and that cosine."""
    phrases = [(phrase, index) for index, entry in enumerate(prior) for phrase in entry.like]
    if not phrases:
        return None, np.zeros(len(vectors), np.float32)
    cosines = vectors @ embedder.embed([phrase for phrase, _ in phrases]).T
    best = cosines.argmax(axis=1)
    return [phrases[column][1] for column in best], cosines[np.arange(len(vectors)), best]


#: Above this many values complete linkage (quadratic memory) gives way to leader clustering.
_LINKAGE_LIMIT = 8000


def _groups(vectors: Vectors, diameter: float) -> list[list[int]]:
    """Groups of rows no two of which are further apart than ``diameter`` (cosine distance), in order of their first row."""
    if len(vectors) < 2:
        return [[row] for row in range(len(vectors))]
    if len(vectors) <= _LINKAGE_LIMIT:
        from sklearn.cluster import AgglomerativeClustering

        labels = AgglomerativeClustering(n_clusters=None, metric="cosine", linkage="complete", distance_threshold=diameter).fit_predict(
            vectors
        )
    else:
        # Half the angle of the diameter around the leader: cosine distances themselves do not add up.
        labels = _leaders(vectors, 1 - math.sqrt(1 - diameter / 2))
    groups: dict[int, list[int]] = {}
    for row, group in enumerate(labels):
        groups.setdefault(int(group), []).append(row)
    return list(groups.values())


def _leaders(vectors: Vectors, radius: float) -> list[int]:
    """Leader clustering: each row joins the first leader within ``radius``, else becomes one; rows come most frequent first."""
    leaders = np.zeros((0, vectors.shape[1]), np.float32)
    labels = []
    for vector in vectors:
        cosines = leaders @ vector
        if cosines.size and cosines.max() >= 1 - radius:
            labels.append(int(cosines.argmax()))
        else:
            labels.append(len(leaders))
            leaders = np.vstack((leaders, vector))
    return labels
