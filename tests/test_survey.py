import json
from itertools import islice

import numpy as np
import pytest
from made_graphs import graph

from wildgraph.records import PathNode, Rejection, TaskSpec
from wildgraph.stages.walk import Sampler, WalkConfig
from wildgraph.survey import ENOUGH, CoverageReport, Outcome, path_quality, report, unreached_edges

FOUND = graph(
    {"task/a": 30, "task/b": 30, "intent/c": 20, "output_format/d": 10, "sentiment/e": 25},
    {
        ("task/a", "intent/c"): 5,
        ("task/b", "intent/c"): 5,
        ("task/a", "output_format/d"): 4,
        ("intent/c", "output_format/d"): 4,
        ("sentiment/e", "task/a"): 20,
    },
    records=60,
)
CONFIG = WalkConfig(min_length=2, max_length=3, multi=0.0, attribute_floor=25)


def spec(index, *concepts, attributes=(), **more):
    def node(concept):
        return PathNode(field=concept.split("/")[0], concept=concept, name=concept.split("/")[1])

    return TaskSpec(
        index=index,
        document_type="document_type/contract",
        document_type_name="contract",
        path=tuple(map(node, concepts)),
        attributes=tuple(map(node, attributes)),
        paradigm="single_document",
        documents=1,
        split="train",
        **more,
    )


def outcome(index, *concepts, stage="", reason="", attributes=()):
    return Outcome(index=index, stage=stage, reason=reason, spec=spec(index, *concepts, attributes=attributes))


def test_what_each_part_of_the_funnel_reaches():
    found = report(
        [FOUND],
        [
            outcome(0, "task/a", "intent/c", "output_format/d", attributes=["sentiment/e"]),
            outcome(1, "task/b", "intent/c", stage="gate", reason="ungrounded"),
            outcome(2, "task/a", "output_format/d", stage="adapt", reason="timeout"),
            Outcome(index=3, stage="walk", reason="dead_end"),
        ],
        CONFIG,
    )
    (one,) = found.types
    assert (found.candidates, found.accepted) == (4, 1)
    assert (one.nodes, one.edges) == (5, 5)
    sampled, generated, accepted = one.sampled, one.generated, one.accepted
    assert (sampled.paths, sampled.nodes, sampled.edges, sampled.pairs) == (3, 5, 4, 5)
    assert (generated.paths, generated.nodes, generated.edges, generated.pairs) == (2, 5, 3, 5)
    assert (accepted.paths, accepted.nodes, accepted.edges, accepted.pairs) == (1, 4, 2, 4)
    assert accepted.novel == 2  # the attribute never occurred with intent and format
    assert found.summary() == {"nodes": 0.8, "edges": 0.4, "pairs": 0.8, "silenced": [], "off_shares": []}
    assert CoverageReport.model_validate(json.loads(found.model_dump_json())) == found


def test_a_gate_that_silences_one_task_is_visible():
    outcomes = [
        outcome(
            index,
            "task/a" if index % 2 else "task/b",
            "intent/c",
            stage="gate" if index % 2 and index % 20 != 1 else "",
            reason="refusal" if index % 2 and index % 20 != 1 else "",
        )
        for index in range(100)
    ]
    found = report([FOUND], outcomes, CONFIG)
    assert [loss.label for loss in found.losses if loss.silenced] == ["task/a"]
    loss = found.losses[0]
    assert (loss.judged, loss.accepted, loss.rest) == (50, 5, 1.0)
    assert loss.low < 0.1 < loss.high < 0.3
    assert dict(loss.reasons) == {"refusal": 45}
    assert found.summary()["silenced"] == ["task/a"]


def test_few_candidates_and_fair_gates_silence_nothing():
    few = [
        outcome(
            index,
            "task/a" if index < ENOUGH - 1 else "task/b",
            stage="gate" if index < ENOUGH - 1 else "",
            reason="refusal" if index < ENOUGH - 1 else "",
        )
        for index in range(60)
    ]
    assert not any(loss.silenced for loss in report([FOUND], few, CONFIG).losses)
    fair = [
        outcome(
            index, "task/a" if index % 2 else "task/b", stage="gate" if index % 4 < 2 else "", reason="refusal" if index % 4 < 2 else ""
        )
        for index in range(200)
    ]
    assert not any(loss.silenced for loss in report([FOUND], fair, CONFIG).losses)
    # what a server failed at and what an engine declines says nothing about gates
    failed = [
        outcome(index, "task/a" if index % 2 else "task/b", stage="adapt" if index % 2 else "", reason="timeout" if index % 2 else "")
        for index in range(100)
    ]
    assert {loss.label for loss in report([FOUND], failed, CONFIG).losses} == {"task/b", "document_type/contract", "single_document"}


@pytest.mark.parametrize("honest", [True, False])
def test_shares_that_do_not_come_as_asked_are_off(honest):
    other = FOUND.model_copy(update={"document_type": "document_type/novel", "name": "novel"})
    asked = {"contract": 0.8}
    sampler = Sampler([FOUND, other], CONFIG, 3).sharing(asked)
    specs = [one for one in islice(sampler.candidates(0, 1), 400) if isinstance(one, TaskSpec)]
    kept = specs if honest else [one for one in specs if one.document_type == "document_type/novel" or one.index % 8 == 0]
    found = report([FOUND, other], [Outcome(index=one.index, spec=one) for one in kept], CONFIG, asked)
    by_name = {share.name: share for share in found.shares}
    assert [share.asked for share in found.shares] == pytest.approx([0.8, 0.2])
    assert all(share.off != honest for share in found.shares)
    contract = by_name["document_type/contract"]
    assert contract.low <= contract.accepted <= contract.high
    assert sum(share.asked for share in found.starts) == pytest.approx(1.0)
    if honest:
        assert not any(share.off for share in found.starts)


def test_starts_are_left_out_where_their_share_is_not_known():
    assert report([FOUND], [], WalkConfig(min_length=2, max_length=3, require=("intent/c",))).starts == ()
    assert report([FOUND], [], WalkConfig(min_length=2, max_length=3, mode="coverage")).starts == ()


def test_quality_is_told_for_all_ways_of_walking():
    records = [frozenset({"task/a", "intent/c", "output_format/d"}), frozenset({"task/b", "intent/c"})]
    found = {one.walk: one for one in path_quality([FOUND], CONFIG, 1, records, count=300)}
    assert list(found) == ["history", "markov", "shuffled"]
    assert all(one.recombination is not None and 0.0 <= one.recombination <= 1.0 for one in found.values())
    assert found["history"].coherence >= found["shuffled"].coherence
    bare = path_quality([FOUND], CONFIG, 1, None, count=300)
    assert {(one.recombination, one.together) for one in bare} == {(None, None)}


def test_bare_walks_are_those_of_the_sequence():
    config = CONFIG.model_copy(update={"mode": "markov"})
    ((ground, paths, indices),) = Sampler([FOUND], config, 5).walks(60)
    specs = Sampler([FOUND], config, 5).specifications(np.arange(60, dtype=np.uint64))
    told = {one.index: [node.concept for node in one.path] for one in specs if isinstance(one, TaskSpec)}
    assert {int(index): [FOUND.nodes[node].concept for node in path] for index, path in zip(indices, paths, strict=True)} == told
    assert ground.graph is FOUND
    assert not any(isinstance(one, Rejection) and one.reason != "dead_end" for one in specs)


def test_edges_out_of_reach_are_listed_with_why():
    (edge,) = unreached_edges([FOUND], WalkConfig(min_length=2, max_length=3, attribute_floor=25))
    assert (edge.source, edge.target, edge.document_type) == ("sentiment/e", "task/a", "document_type/contract")
    assert "attribute" in edge.why


def test_an_outcome_that_is_none_is_refused():
    with pytest.raises(ValueError, match="unknown rejection reason 'bored'"):
        Outcome(index=0, stage="gate", reason="bored")
