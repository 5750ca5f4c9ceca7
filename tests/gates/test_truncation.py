import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pairs import document, evidence, pair, texts

from wildgraph.gates.truncation import TruncationGate, what_is_cut

PROSE = "The rent is due on the first day of every month, and the deposit is returned after the lease ends."

WHOLE = [
    PROSE,
    PROSE[:-1] + " (clause 3).",
    PROSE[:-1] + "!)",
    "He said: “" + PROSE + "”",
    "**" + PROSE + "**",
    PROSE + " [2]",
    PROSE[:-1] + " (see clause 3).\n",
    "42",
    "1,200 euros",
    "Three months, in writing",
    "- rent: 1,200 euros\n- deposit: 2,400 euros\n- notice: three months",
    "1. Pay the rent.\n2. Give notice.",
    "Payments:\n\n* rent on the first day of each month, in advance and without any deduction whatsoever\n* deposit before moving in",
    "| what | how much |\n|---|---|\n| rent | 1,200 |",
    "a | b\n--|--\n1 | 2 |",
    "```python\nprint(1)\n```",
    "Run this:\n\n~~~\nls\n~~~\n",
    '{"rent": 1200, "note": "a ] in a string"}',
    '[{"rent": 1200}, {"rent": 1300}]',
    '```json\n{"rent": 1200}\n```',
    '{"rent": 1200}\n\nThat is all.',
    "[1] " + PROSE,
    PROSE + "\n\nBest regards,\nAnna Okafor",
    "Title of the report\n\nRent and deposit\nNotice and ending",
    PROSE + "\n\nTotal: 3,600 euros",
    "租金每月第一天支付，押金在租约结束后三十天内退还。",
    "賃料は毎月一日に支払われます。」",
    "क्या किराया मासिक है? हाँ, किराया हर महीने की पहली तारीख को देय है।",
    "ผู้เช่าต้องชำระค่าเช่าในวันแรกของทุกเดือนตามสัญญานี้และต้องวางเงินประกันก่อนเข้าอยู่",
    PROSE + " 🎉",
    "See https://example.org/lease.html for the whole text of the lease that was signed by both of the parties in March.",
    "roses are red\nviolets are blue\nthe rent is due\nand so are you",
    "$$x = \\frac{1}{2}$$",
    "Simplifying the expression with the identity from above, we get for any round of the game:\n\n$$P = \\frac{4^n - 2^n}{3 \\cdot 4^n}$$",
    "You can read more about the rules on the renting of flats and houses in this town here: https://example.org/rules/renting",
    "",
    " \n",
]

CUT = [
    PROSE[:-20],
    PROSE[:60],
    PROSE + " The tenant must also",
    PROSE + " The tenant must pay for heating, water,",
    PROSE + "\n\nThe following points matter:",
    PROSE + "\n\n## Conclusion",
    PROSE + "\n\n- The rent is paid on the first.\n- The deposit is returned.\n- The notice period is three months and it must be",
    "1. Pay the rent.\n2. Keep the flat clean.\n3. Inform the landlord about any damage that occurs in",
    "The rent is due to the",
    "```python\nprint(1)",
    "Text first.\n\n~~~~\nls\n~~~",
    '{"rent": 1200, "deposit": [24',
    '[{"rent": 1200}, {"rent": "13',
    '{"rent": 1200}\n\nThe tenant must also pay for all of the repairs that are needed in the',
    "| what | how much |\n|---|---|\n| rent | 1,200 |\n| deposit | 2,",
    "租金每月第一天支付，押金在租约结束后三十天内退还，承租人还应当",
    "Der Mieter zahlt die Miete am ersten Tag des Monats und der Vermieter",
    PROSE + " (see clause",
    PROSE + "\n\nThe landlord, on the other hand, has to keep the house in good repair at his own",
]


@pytest.mark.parametrize("answer", WHOLE)
def test_whole_answers(answer):
    assert what_is_cut(answer) == ""


@pytest.mark.parametrize("answer", CUT)
def test_cut_answers(answer):
    assert what_is_cut(answer)
    verdict = TruncationGate().judge(pair(answer=answer), texts())
    assert (verdict.status, verdict.reason) == ("fail", "truncated")


def test_an_answer_may_end_as_its_evidence_does():
    listing = document(
        "listing",
        "Items to bring to the meeting, as agreed by all members of the committee in March: two chairs and the large projector\nNext item",
    )
    quote = "two chairs and the large projector"
    answer = "The committee agreed in March on what all its members should bring to the next meeting, " + quote
    assert (
        TruncationGate().judge(pair(answer=answer, documents=(listing,), spans=(evidence(listing, quote),)), texts(listing)).status
        == "pass"
    )
    assert TruncationGate().judge(pair(answer=answer, documents=(listing,), spans=()), texts(listing)).reason == "truncated"


@settings(deadline=None)
@given(st.text())
def test_any_text_gets_a_verdict(answer):
    assert isinstance(what_is_cut(answer), str)


@settings(deadline=None)
@given(st.integers(14, len(PROSE) - 2))
def test_prose_cut_anywhere_is_noticed(end):
    cut = PROSE + " " + PROSE[:end].rstrip()
    assert what_is_cut(cut), cut
