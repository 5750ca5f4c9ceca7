"""Each paradigm's steps, with a model whose answers are given."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildgraph.backends.scripted import ScriptedModel
from wildgraph.checkers import check
from wildgraph.llm import ChatRequest
from wildgraph.paradigms import PARADIGMS
from wildgraph.paradigms.reasoning import steps_of
from wildgraph.paradigms.unanswerable import without_evidence
from wildgraph.paradigms.verifiable import Limits, Question, checks
from wildgraph.records import Candidate, Document, DocumentRef, Pair, Rejection, TaskSpec, content_hash
from wildgraph.stages.adapt import AdaptConfig, adapt, templates

FILLER = " ".join(f"Clause {number} deals with matter {number} of the agreement between the parties." for number in range(60))
LEASE = f"The tenant pays 1,200 euros a month. {FILLER} The deposit is kept by Harbour Trust until the lease ends."
MINUTES = f"Ms Okafor presented the budget. {FILLER} The motion to close the library was rejected by five votes to two."


def document(text: str, title: str) -> Document:
    return Document(id=title, hash=content_hash(text), text=text, title=title)


DOCUMENTS = (document(LEASE, "Lease of the mill"), document(MINUTES, "Minutes of May"))


def candidate(paradigm: str, roles: tuple[str, ...] = ("required",)) -> Candidate:
    node = {"field": "task", "concept": "task/summarize", "name": "summarize the document"}
    spec = TaskSpec(
        index=3,
        document_type="document_type/contract",
        document_type_name="contract",
        path=[node],
        paradigm=paradigm,
        documents=sum(role == "required" for role in roles),
        split="train",
    )
    refs = tuple(
        DocumentRef(id=one.id, hash=one.hash, order=order, role=role)
        for order, (one, role) in enumerate(zip(DOCUMENTS, roles, strict=False))
    )
    return Candidate(spec=spec, documents=refs)


class Script:
    """Answers by template; several to one template come one after the other."""

    def __init__(self, **answers: object) -> None:
        self.answers = {name: list(given) if isinstance(given, list) else [given] for name, given in answers.items()}
        self.model = ScriptedModel(self.reply)
        self.kept: list[Document] = []

    def reply(self, request: ChatRequest) -> str:
        given = self.answers[request.prompt.template.name.rpartition("/")[2]]
        found = given.pop(0) if len(given) > 1 else given[0]
        return found if isinstance(found, str) else json.dumps(found)

    def write(self, item: Candidate) -> Pair | Rejection:
        by_hash = {one.hash: one for one in DOCUMENTS}
        (made,) = adapt(
            [item],
            AdaptConfig(),
            model=self.model,
            document=by_hash.__getitem__,
            count_tokens=lambda text: len(text.split()),
            seed=1,
            graphs={"document_type/contract": "g"},
            version="0",
            keep=self.kept.append,
        )
        return made

    def asked(self) -> list[str]:
        return [request.prompt.template.name for request in self.model.seen]

    def variables(self, name: str) -> list[Mapping[str, object]]:
        return [request.prompt.variables for request in self.model.seen if request.prompt.template.name == name]


def test_every_paradigm_has_a_purpose_and_prompts_of_its_own_or_the_common_ones():
    assert len(PARADIGMS) == 11
    assert all(one.purpose and one.steps and one.templates for one in PARADIGMS.values())
    assert {name for name, one in PARADIGMS.items() if not one.by_program} == {"conflict", "synthesis"}
    assert set(templates()) >= {"stages/instruct", "paradigms/turns", "paradigms/question", "paradigms/reason", "paradigms/decline"}


# --------------------------------------------------------------------------- dialogue

SAID = ["What is the rent?", "And who keeps the deposit?", "How many months of rent is that worth?"]
REPLIES = ["1,200 euros a month.", "Harbour Trust does.", "The text gives no amount of the deposit."]
SUPPORT = {"evidence": [{"document": 1, "quote": "1,200 euros a month", "turn": 1}, {"document": 1, "quote": "Harbour Trust", "turn": 2}]}


def test_a_conversation_is_answered_turn_by_turn_and_each_reply_has_its_own_evidence():
    script = Script(turns={"turns": SAID, "left_out": ["neutral"]}, reply=list(REPLIES), cite_turns=SUPPORT)
    pair = script.write(candidate("dialogue"))
    assert isinstance(pair, Pair)
    assert [turn.role for turn in pair.turns] == ["user", "assistant"] * 3
    assert [turn.content for turn in pair.turns] == [text for both in zip(SAID, REPLIES, strict=True) for text in both]
    assert [[span.text for span in turn.evidence] for turn in pair.turns[1::2]] == [["1,200 euros a month"], ["Harbour Trust"], []]
    assert all(turn.train for turn in pair.turns[1::2])
    assert script.asked() == ["paradigms/turns", *["paradigms/reply"] * 3, "paradigms/cite_turns"]
    assert [len(seen["exchanges"]) for seen in script.variables("paradigms/reply")] == [0, 1, 2]
    assert [seen["next"] for seen in script.variables("paradigms/reply")] == SAID
    assert pair.provenance.unrealised == ("neutral",)
    assert pair.n_tokens.instruction == sum(len(text.split()) for text in SAID)


@pytest.mark.parametrize("said", [[], SAID[:2], [*SAID[:2], "  "]])
def test_two_turns_are_no_conversation(said):
    made = Script(turns={"turns": said}).write(candidate("dialogue"))
    assert isinstance(made, Rejection)
    assert made.reason == "unsuitable"


def test_a_conversation_ends_after_five_turns():
    script = Script(turns={"turns": [f"Question {n}?" for n in range(9)]}, reply="It says so.", cite_turns=SUPPORT)
    pair = script.write(candidate("dialogue"))
    assert isinstance(pair, Pair)
    assert len(pair.turns) == 10


# --------------------------------------------------------------------------- verifiable

GAP = {"document": 1, "quote": "The deposit is kept by Harbour Trust until the lease ends."}


def test_who_answers_a_question_does_not_see_its_answer():
    asked = {"instruction": "Who keeps the deposit? Only the name.", "kind": "text", "answer": ["Harbour Trust"], "evidence": [GAP]}
    script = Script(question=asked, answer="Harbour Trust")
    pair = script.write(candidate("verifiable"))
    assert isinstance(pair, Pair)
    assert (pair.answer, pair.response, pair.instruction) == ("Harbour Trust", "Harbour Trust", asked["instruction"])
    assert [checker.name for checker in pair.checkers] == ["exact"]
    assert [span.text for span in pair.evidence] == [GAP["quote"]]
    (seen,) = script.variables("stages/answer")
    assert "answer" not in seen
    assert "evidence" not in seen


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ({"kind": "number", "answer": ["12"]}, ["numeric"]),
        ({"kind": "choice", "answer": ["red"], "options": ["blue", "red"]}, ["choice"]),
        ({"kind": "list", "answer": ["a", "b"]}, ["set"]),
        ({"kind": "ordering", "answer": ["b", "a"]}, ["ordering"]),
        ({"kind": "free", "answer": [], "limits": Limits(most_words=50, bullets=3)}, ["words", "detectable_format:number_bullet_lists"]),
        ({"kind": "text", "answer": ["x"], "limits": Limits(least_words=2, json_only=True, ends_with="Done.")}, ["exact", "words", "detectable_format:json_format", "startend:end_checker"]),
        # what no program can check
        ({"kind": "free", "answer": []}, []),
        ({"kind": "text", "answer": []}, []),
        ({"kind": "text", "answer": ["one", "two"]}, []),
        ({"kind": "choice", "answer": ["B"], "options": ["B"]}, []),
        ({"kind": "choice", "answer": ["C"], "options": ["A", "B"]}, []),
        ({"kind": "number", "answer": ["many"]}, []),
        ({"kind": "list", "answer": ["a"]}, []),
        ({"kind": "text", "answer": [], "limits": Limits(most_words=9)}, []),
    ],
)  # fmt: skip
def test_a_question_has_the_checkers_of_its_kind_and_of_its_limits(question, names):
    asked = Question(instruction="?", **question)
    assert [checker.name for checker in checks(asked, asked.answer)] == names


def test_a_question_without_a_checkable_answer_is_gated():
    made = Script(question={"instruction": "Why?", "kind": "text", "answer": [" "]}).write(candidate("verifiable"))
    assert isinstance(made, Rejection)
    assert made.reason == "uncheckable"


# --------------------------------------------------------------------------- reasoning

STEPS = "1. It says “The tenant pays 1,200 euros a month.”\n2. And “The deposit is kept by Harbour Trust”.\n3. So, from 1 and 2, both.\nAnswer: both"


def test_steps_are_read_and_their_quotations_are_the_evidence():
    pair = Script(instruct={"instruction": "Who gets money?", "left_out": []}, reason=STEPS).write(candidate("reasoning"))
    assert isinstance(pair, Pair)
    assert pair.answer == "both"
    assert [check(one.name, "1. So.\nAnswer: Both.", one.args).status for one in pair.checkers] == ["pass"]
    assert [check(one.name, "1. Both.\nAnswer: neither", one.args).status for one in pair.checkers] == ["fail"]
    assert pair.response == STEPS
    assert [span.text for span in pair.evidence] == ["The tenant pays 1,200 euros a month.", "The deposit is kept by Harbour Trust"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (STEPS.rpartition("\n")[0], "invalid_answer"),
        ("1. It says “The tenant pays 1,200 euros a month.”\n2. So it is.\nAnswer: yes", "no_evidence"),
        ("Answer: yes", "no_evidence"),
    ],
)
def test_an_answer_without_steps_that_quote_is_no_reasoning(answer, reason):
    made = Script(instruct={"instruction": "Who gets money?", "left_out": []}, reason=answer).write(candidate("reasoning"))
    assert isinstance(made, Rejection)
    assert made.reason == reason


@given(st.text(), st.text())
def test_any_text_can_be_read_for_steps(text, final):
    steps, found = steps_of(f"{text}\nAnswer: {final}")
    assert isinstance(steps, list)
    assert isinstance(found, str)


def test_steps_in_other_forms_are_read_too():
    steps, final = steps_of("**1.** First.\nStep 2: Second.\n3) Third, on\ntwo lines.\n**Answer:** 7")
    assert steps == ["First.", "Second.", "Third, on\ntwo lines."]
    assert final == "7"


# --------------------------------------------------------------------------- unanswerable

ASKED = {"instruction": "Who keeps the deposit?", "kind": "text", "answer": ["Harbour Trust"], "evidence": [GAP]}


def test_the_answer_is_taken_out_of_the_document_that_the_pair_names():
    script = Script(question=ASKED, decline="The lease does not say who keeps the deposit.")
    pair = script.write(candidate("unanswerable"))
    assert isinstance(pair, Pair)
    (made,) = script.kept
    assert "Harbour Trust" not in made.text
    assert made.text.startswith("The tenant pays 1,200 euros a month. Clause 0 deals")
    assert made.hash == content_hash(made.text) == pair.documents[0].hash
    assert made.id == pair.documents[0].id != DOCUMENTS[0].id
    assert (pair.answer, pair.checkers, pair.evidence) == (None, (), ())
    assert pair.twin is not None
    (taken,) = pair.twin.evidence
    assert (pair.twin.answer, pair.twin.document_id, pair.twin.hash) == ("Harbour Trust", DOCUMENTS[0].id, DOCUMENTS[0].hash)
    assert DOCUMENTS[0].text[taken.start : taken.end] == taken.text
    assert taken.text not in made.text
    (seen,) = script.variables("paradigms/decline")
    assert seen["documents"] == [{"title": "Lease of the mill", "text": made.text}]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"evidence": []}, "ungrounded"),
        ({"evidence": [{"document": 1, "quote": "Nobody wrote this sentence."}]}, "ungrounded"),
        ({"answer": ["Clause"], "evidence": [{"document": 1, "quote": "Clause 3 deals with matter 3"}]}, "evidence_left"),
    ],
)
def test_what_cannot_be_taken_out_is_not_asked_about(change, reason):
    script = Script(question=ASKED | change, decline="?")
    made = script.write(candidate("unanswerable"))
    assert isinstance(made, Rejection)
    assert made.reason == reason
    assert script.kept == []


def test_sentences_that_say_the_same_go_with_the_evidence():
    text = (
        f"{LEASE} As was said, the deposit is kept by Harbour Trust. {FILLER} It is kept until the lease ends by the trust of the harbour."
    )
    edited = without_evidence(text, [GAP["quote"]], ["Harbour Trust"])
    assert edited is not None
    assert "deposit" not in edited
    assert "trust of the harbour" not in edited
    assert FILLER in edited


@given(st.lists(st.sampled_from(["One two three four five.", "The key is 4711.", "Six seven eight nine ten."]), min_size=1, max_size=30))
def test_no_answer_is_left_wherever_it_stood(parts):
    edited = without_evidence(" ".join([*parts, FILLER, FILLER]), ["The key is 4711."], ["4711"])
    assert edited is None or "4711" not in edited


# --------------------------------------------------------------------------- the right document among others


def test_the_right_document_is_named_by_title_and_distractors_are_shown():
    script = Script(
        instruct={"instruction": "Which of these mentions a deposit?", "left_out": []}, answer="“Lease of the mill”.", cite={"evidence": []}
    )
    pair = script.write(candidate("choose_document", ("required", "distractor")))
    assert isinstance(pair, Pair)
    assert pair.answer == "Lease of the mill"
    (seen,) = script.variables("stages/instruct")
    assert (len(seen["documents"]), seen["required"], seen["others"]) == (2, [1], 0)
    prompt = script.model.seen[0].prompt.messages()[1]["content"]
    assert "The right one is document 1." in prompt


def test_documents_that_only_fill_a_length_are_not_shown():
    script = Script(instruct={"instruction": "Sum up the lease of the mill.", "left_out": []}, answer="Rent.", cite={"evidence": []})
    pair = script.write(candidate("single_document", ("required", "distractor")))
    assert isinstance(pair, Pair)
    (seen,) = script.variables("stages/instruct")
    assert (len(seen["documents"]), seen["required"], seen["others"]) == (1, [1], 1)
    assert len(pair.documents) == 2
    assert pair.n_tokens.documents == sum(len(one.text.split()) for one in DOCUMENTS)
    assert "The user has other contracts at hand" in script.model.seen[0].prompt.messages()[1]["content"]
