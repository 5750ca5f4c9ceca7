"""One sample with everything that is known of it: where its path lies in the graph, what its documents say, who wrote and judged it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from wildgraph.corpus import DocumentStore, of_sample
from wildgraph.errors import InputError, UsageError
from wildgraph.llm import load_template
from wildgraph.publishing import graphs_of
from wildgraph.records import Document, Evidence, Pair
from wildgraph.store import RunDirectory
from wildgraph.taskgraph import TaskGraph, read_graphs

_SHORTEST = 4
_SHOWN_MATCHES = 5


@dataclass(frozen=True)
class Step:
    """One label of a path.

    Attributes:
        field, name: of the label. support: distinct users behind it.
        frequency, users: of the edge from the label before it; ``None`` for the first one and where there is no edge.
        attribute: drawn once for the path, no step of it.
    """

    field: str
    name: str
    support: int | None
    frequency: int | None = None
    users: int | None = None
    attribute: bool = False


@dataclass(frozen=True)
class Passage:
    """A piece of a document around evidence.

    Attributes:
        start: of the piece in the document, in code points. parts: its text in turns without and with evidence, beginning without.
    """

    start: int
    parts: tuple[str, ...]


@dataclass(frozen=True)
class ShownDocument:
    """A document of the sample.

    Attributes:
        id, title, role, licence, hash: as the sample names it. length: characters. passages: its evidence in place.
    """

    id: str
    title: str
    role: str
    licence: str
    hash: str
    length: int
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Shown:
    """A sample and what belongs to it.

    Attributes:
        pair: the sample. place: ``accepted``, ``surplus`` or ``gated``.
        path: its labels with their support; supports are ``None`` where the graph is not at hand.
        known: whether a graph of the sample's type is at hand. graph: what is to be said of it; empty where it is the one that was walked.
        documents: in order. whole: of an unanswerable sample, the document with what was taken out of it. prompts: template, and the version that was used where it is the installed one.
    """

    pair: Pair
    place: str
    path: tuple[Step, ...]
    known: bool
    graph: str
    documents: tuple[ShownDocument, ...]
    whole: ShownDocument | None
    prompts: tuple[tuple[str, str], ...]


def show(run: RunDirectory, identifier: str, *, graphs: Path | None = None, context: int = 160) -> Shown:
    """The sample of a run's latest sampling whose id begins like this.

    Args:
        run: the run.
        identifier: the id or its beginning.
        graphs: folder of the graphs that were sampled from; by default those of the run.
        context: characters shown around evidence.

    Raises:
        InputError: the run holds no sample. UsageError: no sample, or more than one, has such an id.
    """
    pair, place = _found(run, identifier.strip().casefold())
    path, known, graph = _path(read_graphs(graphs) if graphs else graphs_of(run), pair)
    with DocumentStore(run.path / "documents.sqlite") as store:

        def shown(document: Document, digest: str, name: str, role: str, evidence: Sequence[Evidence], licence: str = "") -> ShownDocument:
            spans = [span for span in evidence if span.document_id == name and span.end > span.start]
            passages = tuple(_passages(document.text, spans, context))
            return ShownDocument(name, document.title, role, licence or document.licence, digest, len(document.text), passages)

        references = sorted(pair.documents, key=lambda one: one.order)
        documents = [
            shown(document, one.hash, one.id, one.role, pair.evidence, one.licence)
            for one, document in zip(references, of_sample(references, store.get), strict=True)
        ]
        twin = pair.twin
        whole = shown(store.get(twin.hash), twin.hash, twin.document_id, "as it was read", twin.evidence) if twin else None
    prompts = tuple((name, _version(name, used)) for name, used in sorted(pair.provenance.prompts.items()))
    return Shown(pair, place, path, known, graph, tuple(documents), whole, prompts)


def _found(run: RunDirectory, identifier: str) -> tuple[Pair, str]:
    latest = run.stage("sample")
    if latest is None:
        raise InputError(f"{run.path} holds no sample yet", f"draw one with `wildgraph sample {run.path} --documents PATH`")
    folder = f"samples/{latest['fingerprint']}"
    places = {"accepted": "pairs.jsonl", "surplus": f"{folder}/surplus.jsonl", "gated": f"{folder}/gated.jsonl"}
    if len(identifier) < _SHORTEST:
        raise UsageError(f"{identifier!r} is too short for the beginning of an id", f"give {_SHORTEST} characters or more")
    for place, name in places.items():
        matches: dict[str, Pair] = {}
        for row in run.rows(name) if (run.path / name).is_file() else ():
            if str(row.get("id", "")).startswith(identifier):
                pair = Pair.from_row(row)
                matches[pair.id] = pair
        if len(matches) > 1:
            listed = ", ".join(sorted(matches)[:_SHOWN_MATCHES])
            raise UsageError(f"{len(matches)} samples have an id that begins with {identifier!r}: {listed}", "give more of it")
        if matches:
            return next(iter(matches.values())), place
    raise UsageError(
        f"no sample of {run.path} has an id that begins with {identifier!r}", "ids are the `id` of every line of pairs.jsonl and of exports"
    )


def _path(graphs: Sequence[TaskGraph], pair: Pair) -> tuple[tuple[Step, ...], bool, str]:
    graph = next((one for one in graphs if one.fingerprint == pair.provenance.graph), None)
    said = ""
    if graph is None:
        graph = next((one for one in graphs if one.name == pair.document_type), None)
        said = "sampled from another version of this graph" if graph else "the graph it was sampled from is not here: name it with --graphs"
    names = {node.concept: node for one in graphs for node in one.nodes}
    own = {node.concept: node.support for node in graph.nodes} if graph else {}
    edges = _edges(graph) if graph else {}

    def step(field: str, concept: str, before: str | None, attribute: bool) -> Step:
        name = names[concept].name if concept in names else concept.partition("/")[2].replace("-", " ")
        edge = edges.get(frozenset((before, concept))) if before else None
        return Step(field, name, own.get(concept), edge[0] if edge else None, edge[1] if edge else None, attribute)

    firsts = [step(*pair.path[0], None, False)] if pair.path else []
    walked = [step(*after, before[1], False) for before, after in pairwise(pair.path)]
    return (*firsts, *walked, *(step(*one, None, True) for one in pair.attributes)), graph is not None, said


def _edges(graph: TaskGraph) -> dict[frozenset[str | None], tuple[int, int]]:
    return {
        frozenset((graph.nodes[edge.source].concept, graph.nodes[edge.target].concept)): (edge.frequency, edge.users)
        for edge in graph.edges
    }


def _passages(text: str, spans: list[Evidence], context: int) -> Iterator[Passage]:
    """Evidence with what stands around it; what lies closer than twice the context is one passage."""
    merged: list[list[int]] = []
    for span in sorted(spans, key=lambda one: (one.start, one.end)):
        if merged and span.start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], span.end)
        else:
            merged.append([span.start, span.end])
    groups: list[list[list[int]]] = []
    for one in merged:
        if groups and one[0] - groups[-1][-1][1] <= 2 * context:
            groups[-1].append(one)
        else:
            groups.append([one])
    for group in groups:
        start, end = max(0, group[0][0] - context), min(len(text), group[-1][1] + context)
        parts, at = [], start
        for low, high in group:
            parts += [text[at:low], text[low:high]]
            at = high
        yield Passage(start, (*parts, text[at:end]))


def _version(name: str, used: str) -> str:
    try:
        template = load_template(name)
    except (OSError, ValueError):
        return f"not installed here, {used}"
    return f"version {template.version}" if template.hash == used else f"another than the installed version {template.version}, {used}"
