import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pairs import LEASE, MINUTES, RENT, document, evidence, pair, texts

from wildgraph.gates.grounding import GroundingGate
from wildgraph.quotes import quotations, says
from wildgraph.records import Evidence

GATE = GroundingGate()


def judge(answer="The rent is due monthly.", spans=(RENT,), **more):
    return GATE.judge(pair(answer=answer, spans=spans, **more), texts())


def test_evidence_where_it_says_it_is():
    assert judge().status == "pass"
    assert judge(spans=()).status == "pass"  # whether there must be some is another gate's question


@pytest.mark.parametrize(
    "span",
    [
        RENT.model_copy(update={"start": RENT.start + 1}),
        RENT.model_copy(update={"end": RENT.end + 1}),
        RENT.model_copy(update={"text": RENT.text.replace("1,200", "1,300")}),
        RENT.model_copy(update={"document_id": "minutes"}),
        Evidence(document_id="lease", start=0, end=0, text=""),
        Evidence(document_id="lease", start=0, end=0, text="The tenant shall pay"),
        Evidence(document_id="lease", start=len(LEASE), end=len(LEASE) + 3, text="   "),
    ],
)
def test_evidence_that_is_not_there(span):
    verdict = judge(spans=(RENT, span))
    assert (verdict.status, verdict.reason) == ("fail", "ungrounded")


def test_offsets_count_code_points():
    text = "𝔘𝔫𝔦 " + LEASE
    with_astral = document("lease", text)
    span = evidence(with_astral, "Either party may end this lease")
    assert GATE.judge(pair(documents=(with_astral,), spans=(span,)), {"lease": text}).status == "pass"


@pytest.mark.parametrize(
    "answer",
    [
        'The lease says: "The tenant shall pay a rent of 1,200 euros on the first day of every month."',
        "The lease says: “the tenant shall pay … on the first day of every month”.",
        "The lease says «the deposit of 2,400 euros [about two rents] is returned within thirty days after the lease ends».",
        "> Either party may end this lease with\n> three months' notice in writing. — Section 4\n\nSo both can.",
        "> **Either party** may end this lease with three months’ notice in writing (clause 3)",
        'It is called a "lease agreement", as the "minutes of a meeting" are not.',
        "```python\nprint('x'); s = \"this string literal is code and no quotation at all\"\n```",
        'You asked "What does the tenant pay, and when does the deposit come back?" and that is settled.',
        'A 6" pipe and a 4" pipe are both allowed under the rules that the parties agreed on, says the annex of 5".',
    ],
)
def test_answers_whose_quotations_are_there(answer):
    assert judge(answer).status == "pass", judge(answer).detail


@pytest.mark.parametrize(
    "answer",
    [
        'The lease says: "The tenant shall pay a rent of 1,300 euros on the first day of every month."',
        "The lease says: “the tenant may keep two cats and a small dog in the flat”.",
        "> Either party may end this lease at any time and without giving any notice at all.",
        "Laut Vertrag gilt: „Der Mieter zahlt am ersten Tag jedes Monats tausendzweihundert Euro Miete“.",
        "The lease says “the tenant shall pay … with interest of five per cent a year”.",
        "合同写道：“承租人应当在每个月的第一天向出租人支付租金一千二百欧元整”。",
    ],
)
def test_answers_with_invented_quotations(answer):
    assert judge(answer).reason == "ungrounded"


def test_a_quotation_may_come_from_any_of_the_documents():
    meeting = document("minutes", MINUTES)
    answer = '"The motion to close the library on Sundays was rejected by five votes to two."'
    assert GATE.judge(pair(answer=answer, documents=(document(), meeting)), texts(document(), meeting)).status == "pass"


def test_short_quotations_are_left_alone_and_the_limit_is_a_setting():
    answer = "They call it “a breach of trust”."
    assert judge(answer).status == "pass"
    assert GroundingGate(quote_words=3).judge(pair(answer=answer), texts()).reason == "ungrounded"


@settings(deadline=None)
@given(st.data())
def test_any_passage_of_a_document_may_be_quoted(data):
    words = LEASE.split()
    start = data.draw(st.integers(0, len(words) - 8))
    end = data.draw(st.integers(start + 8, len(words)))
    mark = data.draw(st.sampled_from(["“%s”", "«%s»", '"%s"', "> %s"]))
    quote = " ".join(words[start:end])
    assert says(LEASE, quote)
    assert not says(LEASE, quote + " and so it was agreed")
    assert judge("It says:\n" + mark % quote).status == "pass"


@settings(deadline=None)
@given(st.text(), st.text())
def test_quotations_and_comparison_are_total(answer, text):
    for quote in quotations(answer, 1):
        says(text, quote)


def test_a_label_that_the_instruction_left_out_sets_no_figure_free():
    """A story may invent; a question about one, whose story was left out of the instruction, may not."""
    told = pair(answer="Captain Zebulon Quatermass paid 7,431 crowns.", spans=())
    story = told.model_copy(update={"path": (("task", "task/write-a-story"), ("output_format", "output_format/story"))})
    assert GroundingGate().judge(story, texts()).status == "pass"
    left_out = story.provenance.model_copy(update={"unrealised": ("write a story", "output_format/story")})
    assert GroundingGate().judge(story.model_copy(update={"provenance": left_out}), texts()).status == "fail"
