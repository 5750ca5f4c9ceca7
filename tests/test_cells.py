"""Candidates by cell: whatever is drafted ahead, and however much at a time, the same ones are accepted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pairs import pair
from whole_runs import GRAPHS

from wildgraph.cells import Cells, Draft
from wildgraph.chance import keys, uniforms
from wildgraph.config import load_config
from wildgraph.errors import ConfigError, UsageError
from wildgraph.records import Rejection, TaskSpec
from wildgraph.stages.walk import Sampler
from wildgraph.taskgraph import read_graphs

GRAPHS_THERE = [graph for graph in read_graphs(GRAPHS) if graph.name in ("contract", "news article", "meeting transcript")]
TYPES = {graph.name: graph.document_type for graph in GRAPHS_THERE}
SHAPE = {
    "sample.quotas.paradigms": {"comparison": 0.3, "aggregation": 0.2},
    "sample.quotas.document_types": {"contract": 0.4},
    "sample.quotas.buckets": {8192: 0.5, 32768: 0.5},
    "sample.quotas.languages": {"English": 0.7, "German": 0.3},
}


def made(wanted=100, **more):
    config = load_config(overrides={**SHAPE, "sample.n": wanted, **more})
    noted = []
    return Cells(Sampler(GRAPHS_THERE, config.walk, config.sample.seed), config, noted.append), noted


def luck(index):
    import numpy as np

    return float(uniforms(keys(9, "luck", np.array([index], dtype=np.uint64)), 0)[0])


def sampled(wanted, sizes, rate, hopeless=lambda spec: False, **more):
    """Play the loop without a model: a specification is accepted by luck, which its index decides."""
    cells, noted = made(wanted, **more)
    accepted, drafted, sizes = [], 0, list(sizes)
    while len(accepted) + cells.missing < wanted:
        pool = cells.due(wanted - len(accepted))
        if pool is None:
            break
        if not pool.drafts:
            specs = cells.orders(sizes[drafted % len(sizes)], wanted - len(accepted) - cells.missing)
            assert specs
            drafted += 1
            indices = [spec.index if isinstance(spec, TaskSpec) else int(spec.item) for spec in specs]
            assert indices == sorted(set(indices))
            for spec in specs:
                if isinstance(spec, Rejection):
                    cells.drafted(Draft(spec))
                elif hopeless(spec) or luck(spec.index) >= rate:
                    cells.drafted(Draft(Rejection(stage="gate", item=str(spec.index), reason="too_short")))
                else:
                    cells.drafted(Draft(pair(index=spec.index, paradigm=spec.paradigm)))
            continue
        draft = pool.drafts.popleft()
        cells.decided(draft.item)
        if not isinstance(draft.item, Rejection):
            accepted.append(draft.item.index)
    specs = {spec.index: spec for spec in noted}
    return cells, [specs[index] for index in accepted]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 90), min_size=1, max_size=4), st.sampled_from([0.3, 0.8]))
def test_any_wave_size_gives_the_same_sample_in_the_shape_that_was_asked_for(sizes, rate):
    cells, accepted = sampled(40, sizes, rate)
    _, expected = sampled(40, [1], rate)
    assert [spec.index for spec in accepted] == [spec.index for spec in expected]
    assert cells.lacking(40) == []
    assert cells.shape() == {
        "paradigm": {"aggregation": 8, "comparison": 12, "other": 20},
        "document_type": {TYPES["contract"]: 16, "other": 24},
        "bucket": {"32768": 20, "8192": 20},
        "language": {"English": 28, "German": 12},
    }
    assert sum(spec.paradigm == "comparison" for spec in accepted) == 12
    assert sum(spec.document_type == TYPES["contract"] for spec in accepted) == 16
    assert sum(spec.bucket == 8192 for spec in accepted) == 20
    assert sum(spec.language == "German" for spec in accepted) == 12


@pytest.mark.parametrize("smaller", [7, 20, 39])
def test_a_smaller_sample_is_a_prefix(smaller):
    _, whole = sampled(60, [25], 0.5)
    _, part = sampled(smaller, [4], 0.5)
    assert [spec.index for spec in part] == [spec.index for spec in whole[:smaller]]


def test_what_no_share_is_given_to_comes_from_all_the_others():
    _, accepted = sampled(60, [30], 0.6)
    others = [spec for spec in accepted if spec.document_type != TYPES["contract"]]
    assert {spec.document_type for spec in others} == {TYPES["news article"], TYPES["meeting transcript"]}
    assert {spec.paradigm for spec in accepted} >= {"single_document", "comparison", "aggregation"}


def test_a_combination_that_cannot_be_had_is_made_up_for():
    def hopeless(spec):
        return spec.paradigm == "comparison" and spec.bucket == 32768

    cells, accepted = sampled(40, [20], 0.7, hopeless, **{"sample.quotas.patience": 15})
    assert len(accepted) == 40
    assert cells.lacking(40) == []
    assert not any(hopeless(spec) for spec in accepted)


def test_a_class_that_cannot_be_had_is_named_and_the_others_come_all_the_same():
    cells, accepted = sampled(40, [20], 0.7, lambda spec: spec.language == "German", **{"sample.quotas.patience": 15})
    lacks = {(one.dimension, one.name): one for one in cells.lacking(40)}
    german = lacks["language", "German"]
    assert (german.got, german.wanted) == (0, 12)
    assert german.why.startswith("too_short")
    assert 26 <= len(accepted) <= 28
    assert len(accepted) + cells.missing == 40


def test_a_model_is_not_asked_for_more_than_the_point_of_giving_up():
    cells, _ = made(**{"sample.quotas.patience": 5})
    pool = cells.due(1000)
    assert pool is not None
    specs = cells.orders(10_000, 1000)
    assert len(specs) <= 5 * cells.plan.cells


@pytest.mark.parametrize(
    ("quotas", "error", "says"),
    [
        ({"sample.quotas.paradigms": {"comparisons": 0.5}}, UsageError, "paradigm 'comparisons', which is not there"),
        ({"sample.quotas.document_types": {"contrakt": 0.5}}, UsageError, "did you mean 'contract'"),
        ({"sample.quotas.languages": {"English": 0.9, "German": 0.2}}, ConfigError, "add up to 1.1"),
        ({"sample.quotas.buckets": {0.5: 0.5}}, ConfigError, "buckets"),
    ],
)
def test_shares_of_what_is_not_there_are_refused(quotas, error, says):
    with pytest.raises(error, match=says):
        made(**quotas)


def test_a_paradigm_that_what_is_required_shuts_out_is_named():
    graphs = [graph for graph in read_graphs(GRAPHS) if graph.name == "business plan or proposal"]
    config = load_config(overrides={"walk.require": ["task/compare-documents"], "sample.quotas.paradigms": {"aggregation": 1.0}})
    cells = Cells(Sampler(graphs, config.walk, 0), config, lambda spec: None)
    with pytest.raises(UsageError, match="no path can be drawn for aggregation"):
        cells.due(10)


@pytest.mark.parametrize(
    ("stage", "reason", "given_up_after"), [("gate", "too_short", 5), ("pair", "bucket_not_filled", 50), ("walk", "dead_end", 50)]
)
def test_what_was_turned_away_before_anybody_was_asked_does_not_try_the_patience(stage, reason, given_up_after):
    cells, _ = made(**{"sample.quotas.patience": 5})
    first = cells.plan.next().cell
    turned_away = 0
    while cells.plan.next().cell == first and cells.plan.next().alive and turned_away < 1000:
        cells.decided(Rejection(stage=stage, item=str(turned_away), reason=reason))
        turned_away += 1
    assert turned_away == given_up_after
