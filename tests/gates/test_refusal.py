import pytest
from made_pairs import document, evidence, pair, texts

from wildgraph.gates.refusal import RefusalGate

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I’m sorry, but I cannot provide a summary of this document.",
    "Unfortunately, I am unable to access the document you mention.",
    "I apologize, but I'm not able to answer this question.",
    "As an AI language model, I do not have opinions.",
    "Thank you for your question. I'm afraid I can't assist with that request.",
    "I don't have access to the attached file. Could you share it?",
    "It looks like you did not attach the document. Please upload it.",
    "Please provide the text of the contract, and I will summarise it.",
    "**I cannot comply with this request.**",
    "I must decline.",
    "Es tut mir leid, aber ich kann Ihnen dabei nicht helfen.",
    "Leider kann ich diese Anfrage nicht beantworten.",
    "Je suis désolé, mais je ne peux pas répondre à cette question.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "Mi dispiace, ma non posso aiutarti.",
    "Desculpe, mas não posso fornecer essas informações.",
    "Het spijt me, maar ik kan hier niet bij helpen.",
    "Przepraszam, ale nie mogę w tym pomóc.",
    "К сожалению, я не могу помочь с этим запросом.",
    "Извините, но я не могу ответить на этот вопрос.",
    "На жаль, я не можу допомогти з цим.",
    "Üzgünüm, bu konuda size yardımcı olamam.",
    "عذراً، لا أستطيع المساعدة في هذا الطلب.",
    "抱歉，我无法提供该文件的内容。",
    "对不起，我不能回答这个问题。",
    "作为一个人工智能语言模型，我没有个人意见。",
    "申し訳ありませんが、そのご要望にはお答えできません。",
    "죄송합니다만, 해당 요청은 도와드릴 수 없습니다.",
]

ANSWERS = [
    "The document does not mention a penalty for late payment.",
    "The lease says nothing about pets, so no rule can be quoted.",
    "Sorry is the word the minister used twice; he regretted the delay.",
    "No. The tenant cannot end the lease without three months' notice.",
    "The committee was unable to agree and will meet again in May.",
    "As an aid to memory: rent 1,200 euros, deposit 2,400 euros.",
    "I would end the lease in writing, since clause 3 asks for it.",
    "Dear Ms Okafor,\n\nUnfortunately we will not be able to attend the meeting on 4 March.",
    "> I'm sorry, but I can't help you, said the clerk.\n\nThat is how the scene ends.",
    "“I cannot answer that,” the witness said when asked about the payment.",
    "Leider wurde der Antrag abgelehnt, mit fünf zu zwei Stimmen.",
    "К сожалению, комитет отклонил предложение.",
    "很遗憾，委员会否决了这项提案。",
    "Please note that the deposit is returned within thirty days.",
]


@pytest.mark.parametrize("answer", REFUSALS)
def test_refusals_in_many_languages(answer):
    verdict = RefusalGate().judge(pair(answer=answer), texts())
    assert (verdict.status, verdict.reason) == ("fail", "refusal")


@pytest.mark.parametrize("answer", ANSWERS)
def test_answers_that_only_sound_alike(answer):
    verdict = RefusalGate().judge(pair(answer=answer), texts())
    assert verdict.status == "pass", verdict.detail


def test_a_refusal_that_a_document_reports_is_not_the_assistants():
    said = "I cannot answer that question before the committee has met."
    hearing = document("hearing", f"Ms Okafor: {said} Chair: Then we adjourn.")
    sample = pair(answer=f"{said} Then we adjourn.", documents=(hearing,), spans=(evidence(hearing, said),))
    assert RefusalGate().judge(sample, texts(hearing)).status == "pass"
    assert RefusalGate().judge(sample.model_copy(update={"turns": pair(answer=said, spans=()).turns}), texts(hearing)).reason == "refusal"


def test_a_refusal_late_in_an_answer_is_not_looked_for_but_an_ai_is():
    body = "The rent is 1,200 euros. The deposit is 2,400 euros. Notice is three months. It must be in writing. "
    assert RefusalGate().judge(pair(answer=body + "I cannot provide more."), texts()).status == "pass"
    assert RefusalGate().judge(pair(answer=body + "But as an AI language model, I can only summarise."), texts()).reason == "refusal"
    assert RefusalGate(sentences=9).judge(pair(answer=body + "I cannot provide more."), texts()).reason == "refusal"
