"""Worse answers beside accepted ones, with a model whose answers are given."""

from collections import Counter

import pytest
from made_pairs import ANSWER, BACK, LEASED, MINUTES, document, pair

from wildgraph.backends.scripted import ScriptedModel
from wildgraph.llm import Failure, Prompt, Template
from wildgraph.records import Message, Twin, content_hash
from wildgraph.stages.contrast import GUESS, ContrastConfig, Material, contrast

NEIGHBOUR = document("sublease", "SUBLEASE\n\nThe subtenant shall pay a rent of 900 euros. The deposit is returned within ninety days.")
AS_LONG = "The rent is 900 euros a month, due on the last day. The deposit comes back within ninety days after the lease ends."


def answering(documents):
    return Prompt(Template("stages/answer", 1, "0", (("user", "{{ names }}"),)), {"names": [one.id for one in documents]})


def made(
    pairs,
    reply=lambda _: AS_LONG,
    *,
    passes=None,
    score=None,
    neighbours=(NEIGHBOUR,),
    several_turns=False,
    seed=0,
    withheld=None,
    **config,
):
    model = ScriptedModel(reply, "writer")
    material = Material((LEASED,), None if several_turns else answering, lambda: neighbours, passes, withheld)
    settings = ContrastConfig.model_validate(config)
    found = contrast(
        pairs, settings, model=model, material=lambda _: material, count_tokens=lambda text: len(text.split()), score=score, seed=seed
    )
    return list(found), model


def test_a_broken_fact_asks_nobody_and_matches():
    (found,), model = made([pair()])
    (other,) = found.alternatives
    assert (other.made, other.matched, other.engine) == ("constraint_broken", True, "program")
    assert other.content != ANSWER
    assert "became" in other.detail
    assert model.seen == []
    assert found.turns == pair().turns


def test_an_answer_from_a_neighbour():
    (found,), model = made([pair()], made={"wrong_document": 1})
    (other,) = found.alternatives
    assert (other.made, other.matched, other.content, other.engine) == ("wrong_document", True, AS_LONG, "writer")
    assert other.detail == "answered from sublease"
    (request,) = model.seen
    assert request.prompt.variables["names"] == ["sublease"]
    assert request.prefix == content_hash("documents", [NEIGHBOUR.hash])


def test_an_answer_from_nothing_is_asked_for_in_the_length_and_form_of_the_chosen_one():
    (found,), model = made([pair()], made={"no_document": 1})
    assert found.alternatives[0].made == "no_document"
    (request,) = model.seen
    assert request.prompt.template.name == GUESS
    text = request.prompt.messages()[1]["content"]
    assert "About 24 words" in text
    assert "running text" in text
    assert MINUTES not in text
    assert LEASED.text not in text


@pytest.mark.parametrize(
    "answer", [ANSWER, f"  {ANSWER}\n", "", "I'm sorry, but I can't see the document you mention.", Failure("timeout")], ids=range(5)
)
def test_what_is_no_worse_answer_is_not_taken(answer):
    (found,), _ = made([pair()], lambda _: answer, made={"wrong_document": 1})
    assert found.alternatives == ()


def test_an_answer_of_another_length_is_marked_or_left_out():
    longer = AS_LONG + " It is what it is, and more could be said of it at length."
    (found,), _ = made([pair()], lambda _: longer, made={"wrong_document": 1})
    assert [other.matched for other in found.alternatives] == [False]
    (found,), _ = made([pair()], lambda _: longer, made={"wrong_document": 1}, unmatched=False)
    assert found.alternatives == ()
    (found,), _ = made([pair()], lambda _: "- The rent is 900 euros.\n- The deposit comes back in ninety days.", made={"wrong_document": 1})
    assert [other.matched for other in found.alternatives] == [False]


def test_a_way_that_does_not_work_is_followed_by_the_next():
    (found,), _ = made([pair()], neighbours=(), made={"wrong_document": 99, "constraint_broken": 1})
    assert found.alternatives[0].made == "constraint_broken"
    (found,), _ = made([pair()], lambda _: AS_LONG + " word" * 30, made={"wrong_document": 99, "constraint_broken": 1})
    assert [(other.made, other.matched) for other in found.alternatives] == [("constraint_broken", True)]


def test_an_answer_that_passes_the_checkers_is_not_worse():
    (found,), _ = made([pair()], passes=lambda text: "900" in text, made={"wrong_document": 99, "constraint_broken": 1})
    assert found.alternatives[0].made == "constraint_broken"
    (found,), _ = made([pair()], passes=lambda _: True)
    assert found.alternatives == ()


def test_shares_are_kept():
    pairs = [pair(index=index) for index in range(300)]
    found, _ = made(pairs, made={"wrong_document": 0.5, "constraint_broken": 0.3, "no_document": 0.2})
    assert [one.index for one in found] == list(range(300))
    counts = Counter(other.made for one in found for other in one.alternatives)
    assert 120 < counts["wrong_document"] < 180
    assert 65 < counts["constraint_broken"] < 115
    assert 35 < counts["no_document"] < 85
    again, _ = made(pairs[:40], made={"wrong_document": 0.5, "constraint_broken": 0.3, "no_document": 0.2})
    assert again == found[:40]  # whatever comes with it


def test_several_turns_are_answered_by_nobody_else():
    (found,), model = made([pair()], several_turns=True, made={"wrong_document": 1})
    assert found.alternatives == ()
    assert model.seen == []


def test_what_is_broken_is_the_last_answer_by_the_last_request():
    bullets = "\n".join(
        f"- The {word} party may end this lease with notice in writing." for word in ("first", "second", "third", "fourth", "last", "other")
    )
    talk = [
        ("user", "What is it about?"),
        ("assistant", "About a lease."),
        ("user", "Who may end it? Exactly 6 points."),
        ("assistant", bullets),
    ]
    turns = tuple(Message(role=role, content=content) for role, content in talk)
    (found,), _ = made([pair(turns=turns)], several_turns=True)
    (other,) = found.alternatives
    assert "items where 6 were asked for" in other.detail
    assert found.turns == turns


def judge(points):
    def score(answers):
        return [points.get(text, 4.0) for _, text in answers]

    return score


WORSE = ["The rent is 1,200 euros a month, due on day one. The deposit comes back at some time after the lease ends, it says.", AS_LONG]


def test_the_worst_of_several_by_a_margin():
    points = {ANSWER: 4.6, WORSE[0]: 3.0, WORSE[1]: 2.0}
    (found,), model = made([pair()], lambda request: WORSE[request.sample % 2], score=judge(points), made={"worst_of_several": 1})
    (other,) = found.alternatives
    assert (other.made, other.content, other.margin, other.matched) == ("worst_of_several", WORSE[1], 2.6, True)
    assert [request.sample for request in model.seen] == [1, 2, 3, 4, 5]
    assert {request.decoding.temperature for request in model.seen} == {1.0}


@pytest.mark.parametrize(
    "points", [{ANSWER: 4.0, WORSE[0]: 3.5, WORSE[1]: 3.1}, {ANSWER: None, WORSE[0]: 1.0}, {WORSE[0]: None, WORSE[1]: None}]
)
def test_without_the_margin_nothing_is_taken(points):
    (found,), _ = made([pair()], lambda request: WORSE[request.sample % 2], score=judge(points), made={"worst_of_several": 1})
    assert found.alternatives == ()


def test_without_a_judge_there_is_no_worst():
    (found,), model = made([pair()], made={"worst_of_several": 9, "constraint_broken": 1})
    assert found.alternatives[0].made == "constraint_broken"
    assert model.seen == []


# --------------------------------------------------------------------------- where declining is right

DECLINED = "The lease does not say when the deposit is returned. What comes nearest to it is that the tenant shall pay a rent."


def declined(answer="thirty days", refusal=DECLINED):
    twin = Twin(id="t", document_id=LEASED.id, hash=LEASED.hash, answer=answer, evidence=(BACK,))
    return pair("When does the deposit come back?", refusal, spans=(), paradigm="unanswerable", twin=twin)


def test_where_declining_is_right_the_answer_that_was_taken_out_is_worse():
    (found,), model = made([declined()], withheld=LEASED)
    (other,) = found.alternatives
    assert (other.made, other.engine, model.seen) == ("answer_withheld", "program", [])
    assert other.content.startswith("thirty days: “")
    assert " ".join(BACK.text.split()) in other.content
    assert LEASED.id in other.detail
    assert other.matched == (abs(len(other.content) - len(DECLINED)) <= 0.2 * len(DECLINED))


def test_the_passage_grows_until_the_length_fits():
    longer = DECLINED + " Nothing else in the whole of the text speaks of it, in whatever words, and nothing can be said about it for sure."
    (found,), _ = made([declined(refusal=longer)], withheld=LEASED)
    assert found.alternatives[0].matched
    assert len(found.alternatives[0].content) > len(made([declined()], withheld=LEASED)[0][0].alternatives[0].content)


def test_a_model_that_guesses_where_declining_is_right_is_worse_too():
    guess = "The deposit is returned to the tenant within sixty days after the end of the lease, if nothing was damaged by then."
    (found,), _ = made([declined()], lambda _: guess, made={"no_document": 1}, withheld=LEASED)
    assert [(other.made, other.content) for other in found.alternatives] == [("no_document", guess)]
