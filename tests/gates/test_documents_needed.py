import pytest
from made_pairs import LEASE, MINUTES, document, evidence, pair, texts

from wildgraph.gates.all_documents import AllDocumentsGate
from wildgraph.gates.answer_given import AnswerGivenGate
from wildgraph.gates.evidence_positions import EvidencePositionsGate
from wildgraph.gates.instruction_echo import InstructionEchoGate
from wildgraph.gates.reading import containment
from wildgraph.gates.texts import PairTexts
from wildgraph.gates.wrong_document import WrongDocumentGate
from wildgraph.records import Message

LEASED, MEETING = document(), document("minutes", MINUTES)
NOTICE = "Either party may end this lease with three months' notice in writing."
VOTE = "The motion to close the library on Sundays was rejected by five votes to two."
BOTH = (evidence(LEASED, NOTICE), evidence(MEETING, VOTE))


def both(answer=f"{NOTICE} {VOTE}", spans=BOTH, documents=(LEASED, MEETING), **more):
    return pair("Compare the two.", answer, documents=documents, spans=spans, paradigm="comparison", **more)


# ----------------------------------------------------------------- all documents


def test_each_document_gives_something_of_its_own():
    verdict = AllDocumentsGate().judge(both(), texts(LEASED, MEETING))
    assert verdict.status == "pass"
    assert verdict.detail.startswith("words of its own: lease ")


def test_a_document_whose_passages_another_one_has():
    copied = document("minutes", f"{MINUTES} {NOTICE}")
    spans = (evidence(LEASED, NOTICE), evidence(copied, VOTE))
    verdict = AllDocumentsGate().judge(both(documents=(LEASED, copied), spans=spans), texts(LEASED, copied))
    assert (verdict.reason, verdict.detail) == ("document_not_needed", "all that is cited from lease is in another required document too")


def test_a_document_that_is_cited_but_not_used():
    assert AllDocumentsGate().judge(both(answer=NOTICE), texts(LEASED, MEETING)).detail == "nothing that only minutes says is in the answer"


def test_distractors_are_never_left_out():
    sample = both(answer=NOTICE, spans=BOTH[:1], roles=("required", "distractor"))
    assert AllDocumentsGate().judge(sample, texts(LEASED, MEETING)).detail == "one document is required"
    assert AllDocumentsGate().judge(pair(), texts()).status == "pass"


def test_an_answer_in_other_words_is_not_compared():
    answer = "Das Mietverhältnis lässt sich mit einer Frist kündigen, und sonntags bleibt die Bücherei offen."
    assert AllDocumentsGate().judge(both(answer=answer), texts(LEASED, MEETING)).status == "not_evaluated"


# ----------------------------------------------------------------- wrong document


def test_a_distractor_with_the_passage():
    copy = document("copy", f"Another text. {NOTICE} It ends here.")
    sample = pair(documents=(LEASED, copy), spans=(evidence(LEASED, NOTICE),), roles=("required", "distractor"))
    assert WrongDocumentGate().judge(sample, texts(LEASED, copy)).reason == "wrong_document"
    harmless = pair(documents=(LEASED, MEETING), spans=(evidence(LEASED, NOTICE),), roles=("required", "distractor"))
    assert WrongDocumentGate().judge(harmless, texts(LEASED, MEETING)).status == "pass"


def test_one_of_two_passages_is_not_enough():
    copy = document("copy", f"Another text. {NOTICE} It ends here.")
    spans = (evidence(LEASED, NOTICE), evidence(LEASED, "The deposit of 2,400 euros is returned within thirty days after the lease ends."))
    assert (
        WrongDocumentGate().judge(pair(documents=(LEASED, copy), spans=spans, roles=("required", "distractor")), texts(LEASED, copy)).status
        == "pass"
    )


def test_a_bare_answer_near_what_was_asked():
    ask = "How many votes rejected the motion to close the library on Sundays?"
    distractor = document(
        "news", "On Sundays the library stays open: the motion to close it fell with five votes against, it was rejected."
    )
    elsewhere = document("recipe", "Take five apples and a cup of sugar. Close the lid and wait.")
    for other, status in ((distractor, "fail"), (elsewhere, "pass")):
        sample = pair(ask, "Five votes.", documents=(MEETING, other), spans=(evidence(MEETING, VOTE),), roles=("required", "distractor"))
        sample = sample.model_copy(update={"answer": "five"})
        assert WrongDocumentGate().judge(sample, texts(MEETING, other)).status == status


def test_other_documents_of_the_corpus_are_searched_when_they_are_handed_over():
    sample = pair(spans=(evidence(LEASED, NOTICE),))
    assert WrongDocumentGate().judge(sample, texts()).status == "not_evaluated"
    held = {"h": LEASE, "n": f"Standard terms. {NOTICE}"}
    seen = PairTexts({"lease": "h"}, held.__getitem__, elsewhere=lambda: {"terms": "n"})
    assert WrongDocumentGate().judge(sample, seen).detail == "terms holds all that is cited from lease"


# ----------------------------------------------------------------- answer given, echo


def test_an_instruction_that_tells_the_answer():
    gate = AnswerGivenGate()
    assert gate.judge(pair(), texts()).status == "pass"
    answer = "The rent of 1,200 euros is due on the first day of every month. The deposit comes back within thirty days."
    assert gate.judge(pair(f"Is this right? {answer}", answer), texts()).reason == "answer_given"
    assert gate.judge(pair(f"What follows from this: {pair().evidence[0].text}"), texts()).detail == "the instruction holds the evidence"


@pytest.mark.parametrize(
    ("ask", "answer", "status"),
    [
        ("In which town did they meet? I heard it was Lowgate.", "Lowgate", "fail"),
        ("In which town did they meet: Lowgate or Highgate?", "Lowgate", "pass"),
        ("Of Lowgate, Highgate and Norton, which comes up first?", "Lowgate", "pass"),
        ("Which of these is meant?\nA) Lowgate\nB) Highgate", "Lowgate", "pass"),
        ("Name exactly 3 reasons, and count the votes.", "3", "pass"),
        ("In which year, 1874 as I believe, was the strike?", "1874", "fail"),
        ("In which year was the strike?", "1874", "pass"),
    ],
)
def test_bare_answers(ask, answer, status):
    sample = pair(ask, f"It is {answer}.").model_copy(update={"answer": answer})
    assert AnswerGivenGate().judge(sample, texts()).status == status


def test_a_gap_to_fill_shows_the_passage():
    gap = pair().evidence[0].text.replace("1,200", "____")
    assert AnswerGivenGate().judge(pair(f"Fill the gap: {gap}", "1,200").model_copy(update={"answer": "1,200"}), texts()).status == "pass"


def test_versions_to_choose_from_show_the_passage():
    cited = pair().evidence[0].text
    ask = f"Which version is the true one?\nA. {cited}\nB. {cited.replace('1,200', '1,300')}"
    assert AnswerGivenGate().judge(pair(ask, "A").model_copy(update={"answer": "A"}), texts()).status == "pass"
    assert AnswerGivenGate().judge(pair(ask, "A"), texts()).reason == "answer_given"


def test_echoes():
    gate = InstructionEchoGate()
    ask = "What does the tenant pay, and when does the deposit come back?"
    for answer in (ask, ask.upper(), f"You ask: {ask}", f"{ask} Sure.", ask.replace("tenant", "lodger") + " "):
        assert gate.judge(pair(ask, answer, spans=()), texts()).reason == "instruction_echo", answer
    assert gate.judge(pair(ask), texts()).status == "pass"
    assert gate.judge(pair(turns=tuple(Message(role=role, content=ask) for role in ("user", "assistant"))), texts()).status == "fail"
    titles = "Compare “A lease agreement between two parties” and “Minutes of the committee in the town hall”."
    cited = f"A lease agreement between two parties: {NOTICE} Minutes of the committee in the town hall: {VOTE}"
    assert (
        gate.judge(
            both(answer=cited).model_copy(update={"turns": (Message(role="user", content=titles), both(answer=cited).turns[1])}), {}
        ).status
        == "pass"
    )
    gap = f"Fill the gap: {pair().evidence[0].text.replace('1,200', '____')}"
    assert gate.judge(pair(gap, f"It is 1,200: {pair().evidence[0].text}"), texts()).status == "pass"


# ----------------------------------------------------------------- positions


def spread_out(gap, paradigm="reasoning"):
    filler = "Nothing happens here. " * gap
    one = document("long", f"First, the mill burnt down in May. {filler}Second, the dam broke in June. {filler}Third, the road was closed.")
    spans = tuple(evidence(one, text) for text in ("First, the mill burnt down in May.", "Second, the dam broke in June."))
    turns = tuple(
        turn
        for number, span in enumerate(spans)
        for turn in (Message(role="user", content=f"Question {number}?"), Message(role="assistant", content=span.text, evidence=(span,)))
    )
    return pair(
        documents=(one,),
        spans=spans,
        paradigm=paradigm,
        turns=turns if paradigm == "dialogue" else None,
        n_tokens={"documents": len(one.text) // 4, "instruction": 5, "response": 5},
    ), texts(one)


def test_distance_between_steps_in_tokens():
    gate = EvidencePositionsGate()
    near, far = gate.judge(*spread_out(2)), gate.judge(*spread_out(100))
    assert (near.status, near.reason) == ("fail", "evidence_too_close")
    assert far.status == "pass"
    assert far.detail.startswith("distance 550 tokens; depths 0.00")  # 2,200 characters
    assert EvidencePositionsGate(distance=1000).judge(*spread_out(100)).status == "fail"
    assert gate.judge(*spread_out(2, "single_document")).status == "pass"


def test_a_dialogue_moves_through_the_document():
    gate = EvidencePositionsGate()
    assert gate.judge(*spread_out(100, "dialogue")).detail.startswith("spread 0.4")
    sample, seen = spread_out(100, "dialogue")
    still = sample.model_copy(
        update={"turns": (*sample.turns[:2], sample.turns[2], sample.turns[3].model_copy(update={"evidence": sample.turns[1].evidence}))}
    )
    assert gate.judge(still, seen).reason == "evidence_too_close"


def test_positions_run_over_all_documents_in_prompt_order():
    detail = EvidencePositionsGate().judge(both(), texts(LEASED, MEETING)).detail
    depths = [float(depth) for depth in detail.removeprefix("depths ").split()]
    whole = len(LEASE) + len(MINUTES)
    expected = [(LEASE.index(NOTICE) + len(NOTICE) / 2) / whole, (len(LEASE) + MINUTES.index(VOTE) + len(VOTE) / 2) / whole]
    assert depths == [round(one, 3) for one in expected]
    assert EvidencePositionsGate().judge(pair(spans=()), texts()).reason == "no_evidence"


def test_containment():
    assert containment(NOTICE, f"x {NOTICE.upper()} y") == 1.0
    assert containment(NOTICE, MINUTES) == 0.0
    assert containment("", MINUTES) == containment("!!", MINUTES) == 0.0
    assert 0.0 < containment(f"{NOTICE} {VOTE}", MINUTES) < 1.0
