"""Records, catalogues and graphs made by hand or by hypothesis, for tests of everything around task graphs."""

from collections import defaultdict
from itertools import combinations

from hypothesis import strategies as st

from wildgraph.catalogue import Catalogue
from wildgraph.counts import read_counts, write_counts
from wildgraph.funnel import StageCount
from wildgraph.publishing import publish_counts
from wildgraph.records import Concept, LabelledRecord
from wildgraph.store import RunDirectory
from wildgraph.taskgraph import GraphEdge, GraphNode, TaskGraph
from wildgraph.taskgraph.coarsening import round_counts
from wildgraph.taskgraph.merging import merge_published

#: child -> parent; two fields, two levels, and one lonely concept.
PARENTS = {
    "task/summarize": None,
    "task/summarize-a-part": "task/summarize",
    "task/summarize-briefly": "task/summarize",
    "task/compare": None,
    "task/compare-prices": "task/compare",
    "task/translate": None,
    "output_format/list": None,
    "output_format/bullet-list": "output_format/list",
    "output_format/numbered-list": "output_format/list",
    "output_format/table": None,
    "sentiment/neutral": None,
    "document_type/legal": None,
    "document_type/contract": "document_type/legal",
    "document_type/verdict": "document_type/legal",
    "document_type/novel": None,
}


def catalogue(parents=PARENTS):
    return Catalogue(
        {
            one: Concept(id=one, field=one.split("/")[0], name=one.split("/")[1].replace("-", " "), parent=parent)
            for one, parent in parents.items()
        }
    )


LABELS = [one for one in PARENTS if not one.startswith("document_type")]
TYPES = [one for one in PARENTS if one.startswith("document_type")]


def record(number, labels, user=None, kind="document_type/contract"):
    return LabelledRecord(
        id=f"r{number:03}", user=user or f"u{number}", document_type=kind, labels=tuple(sorted(f"{one}" for one in set(labels)))
    )


@st.composite
def records(draw, kinds=("document_type/contract",), most=25, users=6):
    """Distinct labelled records over the catalogue above."""
    drawn = draw(
        st.lists(
            st.tuples(st.sets(st.sampled_from(LABELS), max_size=6), st.integers(0, users - 1), st.sampled_from(list(kinds))),
            max_size=most,
        )
    )
    return [record(number, labels, f"u{user}", kind) for number, (labels, user, kind) in enumerate(drawn)]


def graph(nodes, edges, *, records=None, kind="document_type/contract", min_support=1):
    """A graph from ``{concept: records}`` and ``{(concept, concept): frequency}``."""
    order = sorted(nodes, key=lambda one: (one.split("/")[0], one))
    place = {one: index for index, one in enumerate(order)}
    total = records if records is not None else max(nodes.values(), default=1)
    return TaskGraph(
        document_type=kind,
        name=kind.split("/")[1],
        records=total,
        users=total,
        min_support=min_support,
        nodes=tuple(
            GraphNode(field=one.split("/")[0], concept=one, name=one.split("/")[1], support=nodes[one], records=nodes[one]) for one in order
        ),
        edges=tuple(
            GraphEdge(source=source, target=target, frequency=frequency, users=frequency)
            for (source, target), frequency in sorted((tuple(sorted((place[a], place[b]))), n) for (a, b), n in edges.items())
        ),
    )


@st.composite
def graphs(draw, fields=("task", "intent", "output_format"), most=9):
    """Any consistent graph, a graph without nodes among them."""
    names = draw(st.lists(st.tuples(st.sampled_from(list(fields)), st.text(min_size=1, max_size=5)), max_size=most, unique=True))
    names = [(field, name.replace("/", "·")) for field, name in names]
    kind = draw(st.sampled_from(TYPES))
    nodes = {f"{field}/{name}": draw(st.integers(1, 40)) for field, name in names}
    pairs = [pair for pair in combinations(sorted(nodes), 2) if draw(st.booleans())]
    edges = {(a, b): draw(st.integers(1, min(nodes[a], nodes[b]))) for a, b in pairs}
    return graph(nodes, edges, records=60, kind=kind)


@st.composite
def bounded(draw):
    """A graph whose counts may be bounds, as merging or rounding leaves it."""
    found = draw(graphs())
    return draw(st.sampled_from([found, round_counts(found), *merge_published([[found], [draw(graphs())]])]))


def counted(found, labels_of=lambda record: record.labels):
    """Node and edge counts by brute force: concept(s) -> (records, distinct users)."""
    hits = defaultdict(list)
    for item in found:
        labels = sorted(set(labels_of(item)))
        for one in labels:
            hits[one].append(item.user)
        for pair in combinations(labels, 2):
            hits[frozenset(pair)].append(item.user)
    return {key: (len(users), len(set(users))) for key, users in hits.items()}


def run_of(path, found, config, concepts=None):
    """A run directory with the counts and graphs of labelled records, as a build leaves it, without logs and models."""
    concepts = catalogue().concepts if concepts is None else concepts
    with RunDirectory.write(path) as run:
        files = write_counts(run, found, concepts)
        count = StageCount("graph")
        published, about = publish_counts(run, read_counts(path), config, count)
        run.finish("graph", "made", count, {**files, **published}, about)
    return path
