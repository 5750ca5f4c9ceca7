from collections import Counter
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_graphs import graph, graphs
from scipy.stats import chisquare

from wildgraph.errors import UsageError
from wildgraph.fields import DEFAULT_FIELDS, MetaField
from wildgraph.grounds import Ground
from wildgraph.paradigms import PARADIGMS
from wildgraph.records import Rejection, TaskSpec
from wildgraph.stages.walk import Sampler, WalkConfig, distinct, walk

FIELDS = tuple(
    MetaField(name=name, description="", cap=cap)
    for name, cap in (("document_type", 1), ("task", 2), ("intent", 1), ("output_format", 1), ("context", 3), ("sentiment", 0))
)
#: Nothing is an attribute, since the floor is out of reach, and every path is one walk.
PLAIN = {"fields": FIELDS, "attribute_floor": 10**6, "compose": 0.0}

TINY = graph(
    {"task/a": 40, "task/b": 30, "intent/c": 25, "output_format/d": 20, "context/e": 15},
    {
        ("task/a", "task/b"): 20,
        ("task/a", "intent/c"): 5,
        ("task/a", "output_format/d"): 10,
        ("task/b", "intent/c"): 12,
        ("task/b", "output_format/d"): 1,
        ("intent/c", "context/e"): 9,
        ("output_format/d", "context/e"): 4,
        ("intent/c", "output_format/d"): 3,
    },
    records=60,
)
BUSY = graph(
    {
        "task/summarize": 60,
        "task/compare-documents": 50,
        "task/list": 40,
        "intent/decide": 12,
        "output_format/table": 10,
        "context/work": 12,
        "sentiment/neutral": 90,
        "long_context_capability/cross-document-comparison": 70,
        "long_context_capability/locating": 30,
    },
    {
        ("task/summarize", "task/list"): 10,
        ("task/summarize", "task/compare-documents"): 10,
        ("task/summarize", "intent/decide"): 8,
        ("task/list", "intent/decide"): 6,
        ("task/summarize", "output_format/table"): 7,
        ("task/compare-documents", "output_format/table"): 9,
        ("intent/decide", "context/work"): 9,
        ("output_format/table", "context/work"): 6,
        ("output_format/table", "intent/decide"): 6,
        ("sentiment/neutral", "task/summarize"): 50,
        ("sentiment/neutral", "task/list"): 30,
        ("sentiment/neutral", "intent/decide"): 9,
        ("long_context_capability/cross-document-comparison", "task/compare-documents"): 40,
        ("long_context_capability/locating", "task/list"): 20,
    },
    records=100,
)


def take(count, found, **settings):
    return list(islice(walk(found, WalkConfig(**settings), seed=7), count))


def paths(count, found, **settings):
    """Concepts of the paths that were found."""
    return [[node.concept for node in spec.path] for spec in take(count, found, **settings) if isinstance(spec, TaskSpec)]


def legal(found, path, low, high, caps):
    place = {node.concept: index for index, node in enumerate(found.nodes)}
    assert low <= len(path) <= high
    assert len(set(path)) == len(path)
    assert path[0].startswith("task/")
    for left, right in pairwise(path):
        assert found.adjacency[place[left], place[right]] > 0, (left, right)
    for field, count in Counter(concept.split("/")[0] for concept in path).items():
        assert count <= caps.get(field, 1), path


@pytest.mark.parametrize("mode", ["history", "markov"])
@settings(deadline=None, max_examples=60)
@given(
    found=graphs(fields=("task", "intent", "context", "sentiment")), low=st.integers(1, 4), more=st.integers(0, 4), seed=st.integers(0, 99)
)
def test_every_path_is_legal(mode, found, low, more, seed):
    config = WalkConfig(mode=mode, min_length=low, max_length=low + more, **PLAIN)
    caps = {field.name: field.cap for field in FIELDS}
    if not any(node.field == "task" for node in found.nodes):
        with pytest.raises(UsageError, match="no graph has a task node"):
            next(walk([found], config, seed=seed))
        return
    for index, spec in enumerate(islice(walk([found], config, seed=seed), 8)):
        if isinstance(spec, Rejection):
            assert (spec.item, spec.reason, spec.stage) == (str(index), "dead_end", "walk")
            continue
        assert spec.index == index
        assert spec.document_type == found.document_type
        legal(found, [node.concept for node in spec.path], low, low + more, caps)
        assert spec.attributes == ()


def test_lengths_spread_over_the_range():
    lengths = Counter(len(path) for path in paths(600, [TINY], min_length=2, max_length=4, multi=0.0, **PLAIN))
    assert set(lengths) == {2, 3, 4}
    assert min(lengths.values()) > 150


def test_starts_are_drawn_in_proportion_to_records():
    starts = Counter(path[0] for path in paths(1400, [TINY], min_length=1, max_length=1, **PLAIN))
    assert set(starts) == {"task/a", "task/b"}
    assert chisquare([starts["task/a"], starts["task/b"]], [800, 600]).pvalue > 1e-3


# ----------------------------------------------------------------- the distribution


def exact(found, source, path, temperature, eps, mode):
    """The exact transition probabilities after a path, by the definition."""
    place = {node.concept: index for index, node in enumerate(found.nodes)}
    caps = {field.name: field.cap for field in FIELDS}
    held = Counter(concept.split("/")[0] for concept in path)
    weights = {}
    for node in found.nodes:
        if node.concept in path or held[node.field] >= caps[node.field]:
            continue
        if found.adjacency[place[source], place[node.concept]] == 0:
            continue
        looked_at = path if mode == "history" else [source]
        product = 1.0
        for one in looked_at:
            product *= found.adjacency[place[one], place[node.concept]] + eps
        weights[node.concept] = (product ** (1 / len(looked_at))) ** (1 / temperature)
    return {concept: weight / sum(weights.values()) for concept, weight in weights.items()}


def close_to(counts, probabilities):
    """Whether counts follow probabilities (chi-square; the sample is fixed, so this never flickers)."""
    assert set(counts) <= set(probabilities)
    total = sum(counts.values())
    keys = sorted(probabilities)
    expected = np.array([probabilities[key] * total for key in keys])
    kept = expected >= 5
    assert kept.any()
    observed = np.array([counts[key] for key in keys], dtype=float)
    if not kept.all():
        observed = np.append(observed[kept], observed[~kept].sum())
        expected = np.append(expected[kept], expected[~kept].sum())
    return chisquare(observed, expected).pvalue > 1e-3


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("mode", ["markov", "history"])
def test_transitions_follow_the_stated_distribution(mode, temperature):
    found = paths(4000, [TINY], mode=mode, temperature=temperature, eps=0.5, min_length=1, max_length=4, multi=0.0, **PLAIN)
    steps = {}
    for path in found:
        for size in range(1, min(len(path), 3)):
            steps.setdefault(tuple(path[:size]), Counter())[path[size]] += 1
    judged = 0
    for prefix, counts in steps.items():
        if sum(counts.values()) < 150:
            continue
        judged += 1
        assert close_to(counts, exact(TINY, prefix[-1], list(prefix), temperature, 0.5, mode)), (prefix, counts)
    assert judged >= 4


def test_whole_paths_follow_the_exact_enumeration():
    settings = {"mode": "markov", "temperature": 1.0, "eps": 0.1}
    total = sum(node.records for node in TINY.nodes if node.field == "task")
    expected = {}
    for node in TINY.nodes:
        if node.field != "task":
            continue
        first = node.records / total
        for second, p in exact(TINY, node.concept, [node.concept], 1.0, 0.1, "markov").items():
            for third, q in exact(TINY, second, [node.concept, second], 1.0, 0.1, "markov").items():
                expected[node.concept, second, third] = first * p * q
    assert sum(expected.values()) == pytest.approx(1.0)
    found = Counter(tuple(path) for path in paths(4000, [TINY], min_length=3, max_length=3, multi=0.0, **settings, **PLAIN))
    assert close_to(found, expected)


def test_the_modes_differ():
    both = [paths(300, [TINY], mode=mode, min_length=3, max_length=4, **PLAIN) for mode in ("history", "markov")]
    assert both[0] != both[1]


@pytest.mark.parametrize("mode", ["history", "markov"])
@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-9])
def test_a_freezing_walk_takes_the_heaviest_edge(mode, temperature):
    for path in paths(60, [TINY], mode=mode, temperature=temperature, min_length=3, max_length=3, **PLAIN):
        legal(TINY, path, 3, 3, {field.name: field.cap for field in FIELDS})
        for size in (1, 2):
            weights = exact(TINY, path[size - 1], path[:size], 1.0, 0.1, mode)
            assert path[size] == max(weights, key=weights.__getitem__)


@pytest.mark.parametrize("temperature", [1e9, 1e300, 1.7e308])
def test_a_boiling_walk_takes_any_edge_alike(temperature):
    found = paths(1500, [TINY], temperature=temperature, min_length=2, max_length=2, **PLAIN)
    steps = Counter(path[1] for path in found if path[0] == "task/a")
    assert chisquare([steps[one] for one in ("task/b", "intent/c", "output_format/d")]).pvalue > 1e-3
    assert len(steps) == 3


# ----------------------------------------------------------------- a pure function of seed and index


def test_a_specification_is_a_pure_function_of_seed_and_index():
    config = WalkConfig(min_length=2, max_length=4, fields=FIELDS)
    first = list(islice(walk([TINY, BUSY.model_copy(update={"document_type": "document_type/novel"})], config, seed=7), 60))
    again = list(islice(walk([BUSY.model_copy(update={"document_type": "document_type/novel"}), TINY], config, seed=7), 60))
    assert again == first
    for start in (0, 1, 17, 59):
        assert (
            next(walk([TINY, BUSY.model_copy(update={"document_type": "document_type/novel"})], config, seed=7, start=start))
            == first[start]
        )
    assert list(islice(walk([TINY, BUSY.model_copy(update={"document_type": "document_type/novel"})], config, seed=8), 60)) != first


@settings(max_examples=25, deadline=None)
@given(found=graphs(), seed=st.integers(0, 2**63), start=st.integers(0, 10**12))
def test_the_sequence_can_be_entered_anywhere(found, seed, start):
    if not any(node.field == "task" for node in found.nodes):
        return
    config = WalkConfig(min_length=1, max_length=3)
    assert list(islice(walk([found], config, seed=seed, start=start), 4))[2:] == list(
        islice(walk([found], config, seed=seed, start=start + 2), 2)
    )


def test_indices_differ_from_each_other():
    assert len({tuple(path) for path in paths(200, [TINY], min_length=2, max_length=4, **PLAIN)}) > 12


# ----------------------------------------------------------------- attributes


def test_frequent_labels_are_attributes_and_never_steps():
    found = take(500, [BUSY], min_length=2, max_length=4, attribute_share=0.15, attribute_floor=20, multi=0.5)
    specs = [spec for spec in found if isinstance(spec, TaskSpec)]
    assert len(specs) > 400
    frequent = {"sentiment/neutral", "long_context_capability/cross-document-comparison", "long_context_capability/locating"}
    drawn = Counter()
    for spec in specs:
        assert not frequent & {node.concept for node in spec.path}
        concepts = [node.concept for node in spec.attributes]
        assert set(concepts) <= frequent
        assert len({node.field for node in spec.attributes}) == len(concepts)
        assert not {node.field for node in spec.attributes} & {node.field for node in spec.path}
        drawn.update(concepts)
    assert set(drawn) == frequent
    # 'neutral' is in 90 of 100 records, so about 90% of the paths carry it
    assert 0.86 < drawn["sentiment/neutral"] / len(specs) < 0.94


def test_tasks_are_steps_however_frequent():
    ground = Ground(BUSY, WalkConfig().rules)
    assert {BUSY.nodes[index].concept for index in np.flatnonzero(ground.attribute)}.isdisjoint(
        node.concept for node in BUSY.nodes if node.field == "task"
    )


def test_the_floor_keeps_small_graphs_walkable():
    assert not Ground(TINY, WalkConfig(attribute_floor=31).rules).attribute.any()
    marked = Ground(TINY, WalkConfig(attribute_floor=20).rules).attribute
    assert {TINY.nodes[index].concept for index in np.flatnonzero(marked)} == {"intent/c", "output_format/d"}


# ----------------------------------------------------------------- paradigms, types, splits


def test_what_a_paradigm_refuses_is_neither_step_nor_attribute():
    specs = [spec for spec in take(600, [BUSY], min_length=2, max_length=4, multi=0.5) if isinstance(spec, TaskSpec)]
    seen = Counter()
    for spec in specs:
        concepts = {node.concept for node in (*spec.path, *spec.attributes)}
        assert not concepts & PARADIGMS[spec.paradigm].refuses, spec.paradigm
        seen.update((spec.paradigm, concept) for concept in concepts)
    # where it is not refused it is drawn
    assert seen["comparison", "task/compare-documents"]
    assert seen["comparison", "long_context_capability/cross-document-comparison"]


def test_a_graph_of_refused_tasks_alone_is_a_dead_end_for_that_paradigm():
    only = graph({"task/compare-documents": 9, "intent/decide": 9}, {("task/compare-documents", "intent/decide"): 9})
    alone = take(40, [only], min_length=2, max_length=2, multi=0.0)
    assert {spec.reason for spec in alone} == {"dead_end"}
    several = take(40, [only], min_length=2, max_length=2, multi=1.0)
    assert {spec.paradigm for spec in several if isinstance(spec, TaskSpec)} == {"comparison", "conflict", "synthesis"}


def test_several_documents_come_in_the_share_and_number_asked_for():
    specs = take(600, [TINY], min_length=1, max_length=2, multi=0.3, documents=(2, 4), test_share=0.1, **PLAIN)
    several = [spec for spec in specs if PARADIGMS[spec.paradigm].several]
    assert 0.25 < len(several) / len(specs) < 0.35
    assert {spec.documents for spec in several} == {2, 3, 4}
    assert {spec.documents for spec in specs if not PARADIGMS[spec.paradigm].several} == {1}
    assert 0.07 < sum(spec.split == "test" for spec in specs) / len(specs) < 0.13
    assert {spec.split for spec in take(50, [TINY], min_length=1, test_share=0.0, **PLAIN)} == {"train"}


@pytest.mark.parametrize(("types", "share"), [("proportional", 0.8), ("sqrt", 2 / 3), ("uniform", 0.5)])
def test_types_share_the_candidates_as_asked(types, share):
    small = graph({"task/x": 10}, {}, records=15, kind="document_type/novel")
    kinds = Counter(spec.document_type for spec in take(900, [TINY, small], types=types, min_length=1, max_length=1, **PLAIN))
    assert chisquare([kinds["document_type/contract"], kinds["document_type/novel"]], [900 * share, 900 * (1 - share)]).pvalue > 1e-3


def test_a_type_without_tasks_gets_no_candidates():
    taskless = graph({"intent/c": 50}, {}, kind="document_type/novel")
    assert {spec.document_type for spec in take(50, [TINY, taskless], min_length=1, max_length=1, **PLAIN)} == {"document_type/contract"}


def test_types_get_the_shares_they_are_given():
    small = graph({"task/x": 10}, {}, records=15, kind="document_type/novel")
    third = graph({"task/y": 10}, {}, records=15, kind="document_type/verdict")
    shares = {"contract": 0.1, "document_type/novel": 0.6}
    sampler = Sampler([TINY, small, third], WalkConfig(min_length=1, max_length=1, **PLAIN), 0).sharing(shares)
    kinds = Counter(spec.document_type for spec in islice(sampler.candidates(0, 1), 1500) if isinstance(spec, TaskSpec))
    found = [kinds[f"document_type/{name}"] for name in ("contract", "novel", "verdict")]
    assert chisquare(found, [150, 900, 450]).pvalue > 1e-3


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"contrcat": 0.5}, "did you mean 'contract'"),
        ({"memo": 0.5}, "there are contract, novel"),
        ({"novel": 0.5}, "no path with what is required can start"),
    ],
)
def test_shares_of_types_that_are_not_there_are_refused(shares, message):
    with pytest.raises(UsageError, match=message):
        Sampler([TINY, graph({"intent/c": 9}, {}, kind="document_type/novel")], WalkConfig(), 0).sharing(shares)


# ----------------------------------------------------------------- what is asked for


def test_required_labels_are_in_and_forbidden_ones_out():
    other = graph({"task/a": 9, "intent/c": 9}, {("task/a", "intent/c"): 3}, kind="document_type/novel")
    specs = take(200, [TINY, other], min_length=3, max_length=4, require=("context=e",), forbid=("task/b",), **PLAIN)
    assert {spec.document_type for spec in specs} == {"document_type/contract"}  # the other type has no such label
    found = [{node.concept for node in spec.path} for spec in specs if isinstance(spec, TaskSpec)]
    assert len(found) > 150
    assert all("context/e" in concepts and "task/b" not in concepts for concepts in found)
    assert not any(spec.novel for spec in specs if isinstance(spec, TaskSpec))


def test_required_labels_that_never_met_are_novel():
    specs = take(100, [TINY], min_length=3, max_length=4, require=("task/a", "context/e"), **PLAIN)
    assert {spec.novel for spec in specs if isinstance(spec, TaskSpec)} == {(("context/e", "task/a"),)}


def test_a_paradigm_that_refuses_what_is_required_is_not_drawn():
    specs = take(200, [BUSY], min_length=2, max_length=3, require=("compare-documents",), multi=0.3)
    assert {spec.paradigm for spec in specs if isinstance(spec, TaskSpec)} == {"comparison", "conflict", "synthesis"}
    with pytest.raises(UsageError, match="no graph has a label 'task/x'"):
        take(1, [BUSY], require=("task/x",))
    other = graph({"task/x": 9}, {}, kind="document_type/novel")
    with pytest.raises(UsageError, match="no document type's graph holds all of task/x, task/list"):
        take(1, [BUSY, other], require=("task/x", "task/list"))


def test_leaps_come_in_the_share_asked_for_and_are_marked():
    specs = take(800, [TINY], min_length=3, max_length=4, novel=0.25, multi=0.0, **PLAIN)
    novel = [spec for spec in specs if isinstance(spec, TaskSpec) and spec.novel]
    assert 0.1 < len(novel) / len(specs) <= 0.3  # some paths leave no strange label to leap to
    edges = {frozenset((TINY.nodes[edge.source].concept, TINY.nodes[edge.target].concept)) for edge in TINY.edges}
    for spec in novel:
        ((left, right),) = spec.novel
        assert frozenset((left, right)) not in edges
        concepts = [node.concept for node in spec.path]
        assert abs(concepts.index(left) - concepts.index(right)) == 1
    assert not any(spec.novel for spec in take(100, [TINY], min_length=3, max_length=4, **PLAIN) if isinstance(spec, TaskSpec))


def test_paths_start_in_the_fields_asked_for():
    starts = Counter(
        path[0].split("/")[0] for path in paths(900, [TINY], min_length=1, max_length=1, start={"task": 2.0, "context": 1.0}, **PLAIN)
    )
    assert chisquare([starts["task"], starts["context"]], [600, 300]).pvalue > 1e-3
    with pytest.raises(UsageError, match="cannot start in 'mood', which is no field of labels — there are task, intent"):
        take(1, [TINY], start={"mood": 1.0})
    with pytest.raises(UsageError, match="cannot start in 'tsk', which is no field of labels — did you mean 'task'"):
        take(1, [TINY], start={"tsk": 1.0})


def test_starts_are_told_as_they_are_drawn():
    sampler = Sampler([TINY, BUSY.model_copy(update={"document_type": "document_type/novel"})], WalkConfig(min_length=1, max_length=2), 0)
    told = sampler.starts()
    assert sum(told.values()) == pytest.approx(1.0)
    found = Counter(spec.path[0].concept for spec in sampler.specifications(np.arange(4000, dtype=np.uint64)) if isinstance(spec, TaskSpec))
    assert close_to(found, told)


# ----------------------------------------------------------------- joined walks and duplicates


def test_multi_document_walks_are_joined_in_the_share_asked_for():
    near = BUSY.model_copy(update={"document_type": "document_type/novel", "name": "novel"})
    settings = {"min_length": 3, "max_length": 4, "attribute_floor": 10**6, "documents": (2, 3)}
    specs = [spec for spec in take(800, [BUSY, near], multi=1.0, compose=0.5, **settings) if isinstance(spec, TaskSpec)]
    mixed = [spec for spec in specs if spec.document_types]
    assert 0.1 < len(mixed) / len(specs) < 0.5  # half of the joined ones stay in their own type
    for spec in mixed:
        assert len(spec.document_types) == spec.documents
        assert set(spec.document_types) == {"document_type/contract", "document_type/novel"}
        assert spec.document_types[0] == spec.document_type
        assert len({node.concept for node in spec.path}) == len(spec.path) >= 3
        assert not {node.field for node in spec.path} & {node.field for node in spec.attributes}
    assert not any(
        spec.document_types for spec in take(100, [BUSY, near], multi=0.0, compose=1.0, **settings) if isinstance(spec, TaskSpec)
    )
    # a type without documents in the split is not joined in
    splits = {"document_type/contract": ("train", "test"), "document_type/novel": ()}
    alone = islice(walk([BUSY, near], WalkConfig(multi=1.0, compose=1.0, **settings), seed=7, splits=splits), 200)
    assert not any(spec.document_types for spec in alone if isinstance(spec, TaskSpec) and spec.document_type == "document_type/contract")


def test_repeated_specifications_are_turned_away_in_index_order():
    found = take(300, [TINY], min_length=2, max_length=3, multi=0.5, **PLAIN)

    def key(spec):
        return spec.document_type, spec.paradigm, frozenset(node.concept for node in spec.path)

    for repeats in (1, 3):
        seen, told = Counter(), list(distinct(found, repeats))
        assert len(told) == len(found)
        for before, after in zip(found, told, strict=True):
            if isinstance(before, Rejection):
                assert after == before
                continue
            seen[key(before)] += 1
            if seen[key(before)] <= repeats:
                assert after == before
            else:
                assert (after.item, after.reason, after.kind) == (str(before.index), "duplicate_spec", "filtered")
    assert sum(isinstance(one, Rejection) for one in distinct(found)) > 100


# ----------------------------------------------------------------- coverage


def test_coverage_goes_where_no_path_went_and_its_sequence_has_one_past():
    settings = {"min_length": 2, "max_length": 4, "mode": "coverage", "multi": 0.5, **PLAIN}
    whole = take(40, [TINY, BUSY.model_copy(update={"document_type": "document_type/novel"})], **settings)
    assert take(90, [BUSY.model_copy(update={"document_type": "document_type/novel"}), TINY], **settings)[:40] == whole
    config = WalkConfig(**settings)
    late = walk([TINY, BUSY.model_copy(update={"document_type": "document_type/novel"})], config, seed=7, start=33)
    assert list(islice(late, 5)) == whole[33:38]
    edges = {frozenset((TINY.nodes[edge.source].concept, TINY.nodes[edge.target].concept)) for edge in TINY.edges}

    def reached(count, **more):
        return {frozenset(step) for path in paths(count, [TINY], **(settings | more)) for step in pairwise(path)}

    assert reached(5) == edges
    assert reached(5, mode="history") < edges


# ----------------------------------------------------------------- nothing to walk


@pytest.mark.parametrize(
    "found",
    [[], [graph({}, {})], [graph({"intent/c": 9, "context/e": 9}, {("intent/c", "context/e"): 3})]],
    ids=["none", "empty", "taskless"],
)
def test_without_a_task_there_is_nowhere_to_start(found):
    with pytest.raises(UsageError, match="no graph has a task node to start a path from — lower --min-support"):
        next(walk(found, WalkConfig(), seed=0))


def test_a_graph_of_one_node_is_a_dead_end():
    one = graph({"task/a": 9}, {})
    found = take(5, [one])
    assert [(spec.item, spec.reason, spec.detail) for spec in found] == [(str(n), "dead_end", "document_type/contract") for n in range(5)]
    (spec,) = take(1, [one], min_length=1, max_length=3)
    assert [node.concept for node in spec.path] == ["task/a"]


def test_tries_make_the_difference_at_a_fork():
    fork = graph(
        {"task/a": 99, "task/b": 1, "intent/c": 1, "output_format/d": 1},
        {("task/b", "intent/c"): 1, ("intent/c", "output_format/d"): 1},
    )
    few = take(50, [fork], min_length=3, max_length=3, tries=1)
    many = take(50, [fork], min_length=3, max_length=3, tries=400)
    assert sum(isinstance(spec, TaskSpec) for spec in few) < 10 < sum(isinstance(spec, TaskSpec) for spec in many)


def test_a_field_outside_the_table_counts_as_one_of_a_kind():
    odd = graph({"task/a": 9, "mood/x": 9, "mood/y": 9}, {("task/a", "mood/x"): 9, ("task/a", "mood/y"): 9, ("mood/x", "mood/y"): 9})
    for path in paths(30, [odd], min_length=2, max_length=3, fields=DEFAULT_FIELDS):
        assert len(path) == 2
