"""Pass rates of a trainee whose answers are given."""

import json

import pytest
from made_pairs import pair

from wildgraph.backends.scripted import ScriptedModel
from wildgraph.llm import Failure
from wildgraph.records import Checker
from wildgraph.stages.probe import ProbeConfig, exported_prompt, probe

CHECKED = (Checker(name="exact", args=json.dumps({"answer": "yes"})),)
MESSAGES = [("system", "Be brief."), ("user", "Is it {{ so }}?\n\nThe text.")]


def probed(reply, *pairs, samples=8):
    trainee = ScriptedModel(reply)
    found = list(
        probe(pairs, ProbeConfig(samples=samples), trainee=trainee, messages=lambda _: MESSAGES, passes=lambda _, text: text == "yes")
    )
    return found, trainee


def test_the_rate_is_the_share_of_the_trainees_own_answers_that_pass():
    (found,), trainee = probed(lambda request: "yes" if request.sample < 3 else "no", pair(checkers=CHECKED))
    assert found.pass_rate == 3 / 8
    assert [request.sample for request in trainee.seen] == list(range(8))
    assert len({request.id for request in trainee.seen}) == 8
    assert {request.decoding.temperature for request in trainee.seen} == {1.0}


def test_the_trainee_reads_the_exported_messages_as_they_are():
    messages = exported_prompt(MESSAGES).messages()
    assert messages == [{"role": role, "content": content} for role, content in MESSAGES]


def test_pairs_without_checkers_are_not_asked_about_and_keep_their_places():
    plain, checked = pair(index=0), pair(index=1, checkers=CHECKED)
    found, trainee = probed(lambda _: "yes", plain, checked, plain.model_copy(update={"index": 2}))
    assert [(one.index, one.pass_rate) for one in found] == [(0, None), (1, 1.0), (2, None)]
    assert len(trainee.seen) == 8


def test_an_answer_that_was_cut_off_does_not_pass_and_one_that_never_came_counts_for_nothing():
    (found,), _ = probed(lambda request: Failure("truncated_answer") if request.sample else "yes", pair(checkers=CHECKED))
    assert found.pass_rate == 1 / 8
    (found,), _ = probed(lambda request: Failure("timeout", transient=True) if request.sample == 5 else "yes", pair(checkers=CHECKED))
    assert found.pass_rate is None


def test_fewer_than_eight_tries_tell_too_little():
    with pytest.raises(ValueError, match="greater than or equal to 8"):
        ProbeConfig(samples=7)
