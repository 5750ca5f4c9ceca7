import pytest
from made_pairs import document, evidence, pair, texts

from wildgraph.gates.declines import DeclinesGate
from wildgraph.records import Twin

ASK = "How much is the parking fee, and who pays it?"


def judge(answer, ask=ASK, paradigm="unanswerable", **more):
    return DeclinesGate().judge(pair(ask, answer, paradigm=paradigm, spans=(), **more), texts())


@pytest.mark.parametrize(
    "answer",
    [
        "The lease does not mention a parking fee.",
        "There is no parking fee in the text, so it cannot say who pays it.",
        "I could not find anything on parking. The lease does say this: “The deposit of 2,400 euros is returned within thirty days after the lease ends.”",
        "Nothing is said about parking. You would have to ask the landlord.",
        "The parking fee isn’t specified anywhere in this agreement.",
    ],
)
def test_honest_refusals(answer):
    assert judge(answer).status == "pass", judge(answer)


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        ("Wie hoch ist die Parkgebühr?", "Der Vertrag nennt keine Parkgebühr."),
        ("Quel est le prix du parking ?", "Le contrat ne mentionne pas le parking."),
        ("¿Cuánto cuesta el aparcamiento?", "El contrato no menciona el aparcamiento."),
        ("Сколько стоит парковка?", "В договоре не указано, сколько стоит парковка."),
        ("停车费是多少？", "合同没有提到停车费。"),
    ],
)
def test_honest_refusals_in_other_languages(ask, answer):
    assert judge(answer, ask).status == "pass", judge(answer, ask)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("The tenant pays a parking fee of 40 euros.", "not_declined"),
        ("Everybody pays it.", "not_declined"),
        ("The document does not say.", "vague_refusal"),
        ("I cannot answer that.", "vague_refusal"),
        ("The lease does not mention a parking fee. It is probably paid by the tenant.", "answered_anyway"),
        ("The lease does not mention a parking fee. Based on general knowledge, the tenant pays.", "answered_anyway"),
        ("There is no parking fee in the text. The tenant pays 45 euros a month.", "answered_anyway"),
    ],
)
def test_what_is_no_honest_refusal(answer, reason):
    assert judge(answer).reason == reason


def test_the_twins_answer_must_not_be_said():
    given = "The lease has nothing on a parking fee. The landlord's brother pays it."
    with_bare = pair(ASK, given, paradigm="unanswerable", spans=()).model_copy(update={"answer": "the landlord's brother"})
    assert DeclinesGate().judge(with_bare, texts()).reason == "answered_anyway"
    # The paradigm itself leaves the answer to the twin alone.
    twin = Twin(id="t", document_id="lease", hash="h", answer="the landlord's brother", evidence=(evidence(document(), "1,200 euros"),))
    alone = with_bare.model_copy(update={"answer": None, "twin": twin})
    assert DeclinesGate().judge(alone, texts()).reason == "answered_anyway"
    honest = pair(ASK, "The lease has nothing on a parking fee.", paradigm="unanswerable", spans=()).model_copy(update={"twin": twin})
    assert DeclinesGate().judge(honest, texts()).status == "pass"


def test_elsewhere_nobody_may_say_only_that():
    assert judge("The document does not mention it.", "What does the tenant pay?", "single_document").reason == "declined"
    assert judge("The document does not mention it.", "Does the tenant pay for parking?", "single_document").status == "pass"
    assert (
        judge("The document does not mention pets. The rent is 1,200 euros.", "What does the tenant pay?", "single_document").status
        == "pass"
    )
    assert DeclinesGate().judge(pair(answer="The document does not say more than this."), texts()).status == "pass"  # it cites evidence


def test_which_paradigms_have_no_answer_is_a_setting():
    assert DeclinesGate(without_answer=("verifiable",)).judge(pair(paradigm="verifiable"), texts()).reason == "not_declined"
