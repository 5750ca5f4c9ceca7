"""Requests tried without their documents, with a model whose answers are given."""

import json

import pytest
from made_pairs import pair

from wildgraph.backends.scripted import ScriptedModel
from wildgraph.llm import Failure
from wildgraph.records import Message, Rejection
from wildgraph.stages.closed_book import CLOSED_BOOK, SAME_ANSWER, ClosedBookConfig, closed_book


def tried(known, answer, same=True, *pairs):
    def reply(request):
        if request.prompt.template.name == SAME_ANSWER:
            return same if isinstance(same, Failure) else json.dumps({"reason": "it names the same rent", "same": same})
        return known if isinstance(known, Failure) else json.dumps({"known": known, "answer": answer})

    model = ScriptedModel(reply)
    return list(closed_book(pairs or (pair(),), ClosedBookConfig(), model=model)), model


def test_who_knows_nothing_is_asked_once_and_the_pair_passes():
    (found,), model = tried(False, "")
    assert (found.verdicts[-1].gate, found.verdicts[-1].status) == ("closed_book", "pass")
    assert [request.prompt.template.name for request in model.seen] == [CLOSED_BOOK]


def test_no_document_is_shown():
    _, model = tried(True, "1,200 euros")
    for request in model.seen:
        assert "DOCUMENT" not in str(request.prompt.messages())


def test_the_same_answer_without_documents_turns_the_pair_away():
    (found,), model = tried(True, "The rent is 1,200 euros.")
    assert isinstance(found, Rejection)
    assert (found.stage, found.reason, found.kind) == ("closed_book", "known_without_documents", "gated")
    assert "it names the same rent" in found.detail
    assert len(model.seen) == 2


def test_another_answer_passes():
    (found,), _ = tried(True, "It is usually one month's rent.", False)
    assert found.verdicts[-1].status == "pass"


@pytest.mark.parametrize(
    ("guess", "away"), [("It is 1,200 euros a month.", True), ("1200 EUROS", True), ("12,000 euros", False), ("Yes.", False)]
)
def test_a_bare_answer_is_compared_without_asking(guess, away):
    (found,), model = tried(True, guess, False, pair().model_copy(update={"answer": "1,200 euros"}))
    assert isinstance(found, Rejection) == away
    assert len(model.seen) == 1


def test_what_may_be_answered_without_documents_is_not_tried():
    refusal = pair(paradigm="unanswerable")
    talk = pair(
        turns=tuple(Message(role=role, content="What is the rent now?") for role in ("user", "assistant", "user", "assistant")), index=3
    )
    found, model = tried(True, "x", True, refusal, talk)
    assert [one.verdicts[-1].status for one in found] == ["not_evaluated"] * 2
    assert model.seen == []
    assert all(one.verdicts[-1].reason for one in found)


@pytest.mark.parametrize("at", ["first", "second"])
def test_failures_leave_nothing_untried(at):
    failure = Failure("server_error", transient=True)
    (found,), _ = tried(failure, "") if at == "first" else tried(True, "x", failure)
    assert (found.stage, found.reason, found.transient) == ("closed_book", "server_error", True)


def test_order_is_kept_with_rejections_among_them():
    early = Rejection(stage="gate", item="1", reason="too_short")
    found, _ = tried(True, "x", False, pair(index=0), early, pair(index=2))
    assert [one.item if isinstance(one, Rejection) else str(one.index) for one in found] == ["0", "1", "2"]
