import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pairs import LEASE, RENT, document, pair, texts

from wildgraph.gates.figures import unknown_figures
from wildgraph.gates.grounding import GroundingGate
from wildgraph.gates.names import unknown_names
from wildgraph.gates.numbers import numbers, spelled_numbers
from wildgraph.gates.reading import reading
from wildgraph.gates.texts import PairTexts

REPORT = (
    "Revenue of the Halden works rose to 1,234,567 euros in 2019, against 1,100,000 in 2018. Costs were 0.9 million euros. "
    "Twenty five people work there, and forty-two thousand tins leave the works each year. On 31.12.2019 the stock was worth 48,300 euros, "
    "which Director Ingrid Solheim called the gross domestic product of the valley."
)


def figures(answer, text=REPORT, evidence=(), others=()):
    return list(unknown_figures(answer, [reading(text)], [reading(one) for one in others], evidence, 10))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,234.5", [(1234.5,)]),
        ("1.234,5", [(1234.5,)]),
        ("1 234 567", [(1234567.0,), (1.0,), (234.0,), (567.0,)]),
        ("1\u202f200", [(1200.0,)]),
        ("2.3 bn", [(2.3, 2.3e9)]),
        ("5k", [(5.0, 5000.0)]),
        ("380万元", [(380.0, 3800000.0)]),
        ("2020-03-04", [(2020.0,), (3.0,), (4.0,)]),
        ("v1.2.3", [(1.0,), (2.0,), (3.0,)]),
        ("19th", [(19.0,)]),
    ],
)
def test_numbers_in_many_forms(text, values):
    assert [number.values for number in numbers(text)] == values


@pytest.mark.parametrize(
    ("text", "value"), [("two hundred and five", 205.0), ("nineteen ninety", 1990.0), ("three million", 3e6), ("twelve point five", 12.5)]
)
def test_spelled_numbers(text, value):
    assert next(spelled_numbers(text)) == (0, value)


@settings(deadline=None)
@given(st.text())
def test_numbers_of_any_text(text):
    for number in numbers(text):
        assert text[number.start : number.end] == number.text
        assert number.values
    list(spelled_numbers(text))


@pytest.mark.parametrize(
    "answer",
    [
        "Revenue rose to EUR 1234567 in 2019.",
        "Revenue was about 1.2 million euros in 2019.",
        "Revenue rose to 1.23 million euros.",
        "Costs were 900,000 euros.",
        "The works employ 25 people.",
        "Some 42,000 tins leave it each year.",
        "On 2019-12-31 the stock was worth 48.300 euros.",
        "Revenue rose by 134,567 euros between 2018 and 2019.",
        "That is an increase of 12.2 per cent.",
        "The works date from the 2010s.",
        "11. Revenue rose in 2019.\n12. Costs were 0.9 million euros.",
        "There are 2 figures here, revenue and costs.",
        "```\nprint(77)\n```",
    ],
)
def test_figures_that_are_read_rounded_worked_out_or_counted(answer):
    assert figures(answer, evidence=[REPORT.split(". ")[0]]) == []


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("Revenue rose to 1,234,576 euros in 2019.", ["1,234,576"]),
        ("The works employ 52 people.", ["52"]),
        ("Revenue rose to 1.3 million euros.", ["1.3"]),
        ("In 2021 revenue was 1,100,000 euros.", ["2021"]),
        ("On 31.12.2019 the stock was worth 48,400 euros.", ["48,400"]),
        ("Costs were 19 million euros.", ["19"]),
    ],
)
def test_figures_from_nowhere(answer, found):
    assert figures(answer) == found


def test_a_figure_must_stand_near_what_is_said_of_it():
    far = f"{REPORT} {'Nothing of note happened in that village for a long time. ' * 40} The harbour of Tynset has 87 berths for fishing boats."
    assert figures("The harbour of Tynset has 87 berths for boats.", far) == []
    assert figures("Revenue of the Halden works rose in 2019 to 87 euros.", far) == ["87"]


def test_what_the_user_says_may_be_repeated():
    assert figures("For your 350 guests the stock will do.", others=["I expect 350 guests."]) == []
    assert figures("For your 350 guests the stock will do.") == ["350"]


@pytest.mark.parametrize(
    "answer",
    [
        "It was Ingrid Solheim who said so.",
        "The Halden plant belongs to it.",
        "## Key Findings\n- Revenue: it rose.\n**Further Remarks** Costs fell.",
        "This is about the GDP of the valley.",
        "Solheim's words are clear. Nobody objected on Tuesday or in March.",
        "In the text, the works are called large; That is all.",
    ],
)
def test_names_that_are_known(answer):
    assert list(unknown_names(answer, [reading(REPORT)])) == []


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("It was Oskar Brandt who said so.", "Oskar"),
        ("The works of Trondheim are meant.", "Trondheim"),
        ("They gave it to Ms Okonjo.", "Okonjo"),
    ],
)
def test_names_that_no_document_has(answer, name):
    assert name in list(unknown_names(answer, [reading(REPORT)]))


def test_the_gate_says_which():
    gate = GroundingGate()
    assert gate.judge(pair(answer="The tenant pays 1,900 euros in rent on the first day of the month."), texts()).reason == "unknown_number"
    verdict = gate.judge(pair(answer="The tenant, called Wallenrodt by all, pays the rent on the first day."), texts())
    assert (verdict.reason, verdict.detail) == ("unknown_name", "Wallenrodt: in no document")
    assert GroundingGate(figures=False, names=False).judge(pair(answer="The tenant Wallenrodt pays 1,900 euros."), texts()).status == "pass"


def test_tasks_that_invent_are_free_to_and_their_speech_is_no_quotation():
    story = (("task", "task/write-a-story-or-creative-text"),)
    gate = GroundingGate()
    assert gate.judge(pair(answer="Old Wallenrodt owed 1,900 euros.", path=story), texts()).status == "pass"
    assert gate.judge(pair(answer='"the tenant may keep two cats and a small dog in the flat"', path=story), texts()).status == "pass"
    assert gate.judge(pair(answer='"the tenant may keep two cats and a small dog in the flat"'), texts()).reason == "ungrounded"


def test_languages_that_spell_names_otherwise_or_write_all_nouns_so():
    gate = GroundingGate()
    assert gate.judge(pair(answer="Laut Vertrag zahlt der Mieter die Miete am Ersten.", language="German"), texts()).status == "pass"
    assert gate.judge(pair(answer="Как сказано, библиотека в городе Осло не закрывается.", language="Russian"), texts()).status == "pass"


def test_a_title_may_be_named():
    one = pair(answer="According to Harbourmaster Quarterly the rent is due on the first day.")
    assert GroundingGate().judge(one, texts()).reason == "unknown_name"
    seen = PairTexts({"lease": "h"}, lambda _: LEASE, titles=lambda _: "The Harbourmaster Quarterly")
    assert GroundingGate().judge(one, seen).status == "pass"


def test_time_is_linear_in_the_documents(monkeypatch):
    import time

    long = " ".join(f"In {1500 + number % 500} the town of Place{number} had {number * 13} houses and a mill." for number in range(30_000))
    one = document("long", long)
    answer = " ".join(f"The town of Place{number} had {number * 13} houses." for number in range(0, 3000, 30))
    sample = pair(answer=answer, documents=(one,), spans=())
    started = time.process_time()
    assert GroundingGate().judge(sample, texts(one)).status == "pass"
    assert time.process_time() - started < 20  # 1.9 million characters
    assert RENT.text in LEASE


def test_answering_questions_invents_nothing():
    for label, reason in (
        ("task/answer-questions", "unknown_number"),
        ("task/create-questions-or-a-quiz", ""),
        ("task/make-a-plan-or-schedule", ""),
    ):
        assert GroundingGate().judge(pair(answer="The tenant pays 1,900 euros of rent.", path=(("task", label),)), texts()).reason == reason


def test_what_is_counted_and_checked_need_not_stand_anywhere():
    from wildgraph.records import Checker

    counted = pair("Count how often the lease has the letter e.", "37", paradigm="verifiable")
    assert GroundingGate().judge(counted, texts()).reason == "unknown_number"
    checked = counted.model_copy(update={"answer": "37", "checkers": (Checker(name="numeric", args='{"answer": 37}'),)})
    assert GroundingGate().judge(checked, texts()).status == "pass"
