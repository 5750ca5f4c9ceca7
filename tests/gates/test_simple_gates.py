import pytest
from made_pairs import LEASE, MINUTES, document, evidence, pair, texts

from wildgraph.gates.documents_used import DocumentsUsedGate
from wildgraph.gates.duplicates import DuplicatesGate
from wildgraph.gates.length import LengthGate
from wildgraph.reasons import REASONS
from wildgraph.records import Checker, Message

MEETING = document("minutes", MINUTES)


def test_length():
    gate = LengthGate(max_instruction=50, max_answer=60)
    assert gate.judge(pair(), texts()).status == "pass"
    assert gate.judge(pair("Summarise it"), texts()).reason == "too_short"
    assert gate.judge(pair(answer="Yes."), texts()).reason == "too_short"
    assert gate.judge(pair(answer=""), texts()).reason == "too_short"
    assert gate.judge(pair("word " * 51), texts()).reason == "instruction_too_long"
    assert gate.judge(pair(answer="word " * 61), texts()).reason == "answer_too_long"
    assert gate.judge(pair("请总结这份合同", "租金每月一千二百欧元"), texts()).status == "pass"
    assert "instruction_too_long" in REASONS


def test_an_answer_that_is_checked_or_is_the_bare_answer_may_be_short():
    gate = LengthGate()
    assert gate.judge(pair(answer="A"), texts()).reason == "too_short"
    assert gate.judge(pair(answer="A").model_copy(update={"answer": "A"}), texts()).status == "pass"
    assert gate.judge(pair(answer="A", checkers=(Checker(name="exact", args='{"answer": "A"}'),)), texts()).status == "pass"
    assert gate.judge(pair(answer="", checkers=(Checker(name="exact", args='{"answer": "A"}'),)), texts()).reason == "too_short"


def test_length_of_every_turn():
    turns = [Message(role="user", content="And the notice period?"), Message(role="assistant", content="Three months, in writing.")]
    assert LengthGate().judge(pair(turns=(*turns, *turns)), texts()).status == "pass"
    later = Message(role="assistant", content="Hm")
    assert LengthGate().judge(pair(turns=(*turns, turns[0], later)), texts()).reason == "too_short"
    assert "no assistant turn" in LengthGate().judge(pair(turns=tuple(turns[:1])), texts()).detail


def test_documents_used():
    gate = DocumentsUsedGate()
    both = (document(), MEETING)
    spans = (evidence(document(), "three months' notice"), evidence(MEETING, "five votes to two"))
    assert gate.judge(pair(), texts()).status == "pass"
    assert gate.judge(pair(spans=()), texts()).reason == "no_evidence"
    assert gate.judge(pair(documents=both, spans=spans), texts(*both)).status == "pass"
    verdict = gate.judge(pair(documents=both, spans=spans[:1]), texts(*both))
    assert (verdict.reason, verdict.detail) == ("document_unused", "no evidence from minutes")
    assert gate.judge(pair(documents=both, spans=spans[:1], roles=("required", "distractor")), texts(*both)).status == "pass"


def test_exact_and_near_duplicate_instructions_about_the_same_document():
    gate = DuplicatesGate()
    ask = "List the payments that the tenant has to make under this lease agreement, with their amounts and dates."
    assert gate.judge(pair(ask), texts()).status == "pass"
    assert gate.judge(pair("  " + ask.upper(), "Another answer."), texts()).reason == "exact_duplicate"
    near = gate.judge(pair("Please " + ask, "Another answer."), texts())
    assert (near.reason, near.detail) == ("near_duplicate", f"nearly the instruction of {pair(ask).id}")
    assert gate.judge(pair("Who may end the lease, and how long in advance?", "Either party, three months."), texts()).status == "pass"


def test_the_same_request_about_another_document_is_another_sample():
    other = (MEETING,)
    assert [DuplicatesGate().judge(pair(documents=one), {}).status for one in ((document(),), other)] == ["pass", "pass"]
    gate = DuplicatesGate()
    assert gate.judge(pair(), texts()).status == "pass"
    assert gate.judge(pair(documents=other, answer="The library stays open on Sundays."), texts()).status == "pass"
    strict = DuplicatesGate(scope="run")
    assert strict.judge(pair(), texts()).status == "pass"
    assert strict.judge(pair(documents=other, answer="The library stays open on Sundays."), texts()).reason == "near_duplicate"


def test_near_duplicate_answers():
    gate = DuplicatesGate()
    assert gate.judge(pair(answer=LEASE), texts()).status == "pass"
    verdict = gate.judge(pair("Something quite different, then?", LEASE.lower(), documents=(MEETING,)), texts())
    assert (verdict.reason, verdict.detail[:17]) == ("near_duplicate", "nearly the answer")
    for question in ("Is the rent due monthly?", "Is there a deposit to pay?"):
        assert gate.judge(pair(question, "Yes, it is."), texts()).status == "pass"


def test_a_failed_pair_is_not_remembered():
    gate = DuplicatesGate()
    gate.judge(pair(answer=LEASE), texts())
    fresh = "Draft a polite reminder that the rent for April is late."
    assert gate.judge(pair(fresh, LEASE), texts()).status == "fail"
    assert gate.judge(pair(fresh, "Dear tenant, the rent for April is late."), texts()).status == "pass"


@pytest.mark.parametrize("gates", [DuplicatesGate])
def test_each_instance_has_its_own_memory(gates):
    for _ in range(2):
        assert gates().judge(pair(), texts()).status == "pass"
