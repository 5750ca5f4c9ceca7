"""A question whose answer was taken out of the document, honestly declined."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from wildgraph.llm import Completion
from wildgraph.paradigms.drafts import Declined, Draft, Passage, located
from wildgraph.paradigms.paradigm import OF_SEVERAL, Paradigm
from wildgraph.paradigms.steps import Ask, answered, asked
from wildgraph.paradigms.verifiable import Question, example, questioned
from wildgraph.quotes import plain
from wildgraph.records import Document, Twin, content_hash
from wildgraph.text import sentences

#: A sentence with at least this share of the evidence's words, or of its own in the evidence, says the same. [ours]
SAME = 0.6
#: More of a document than this is not taken out: what is left would be another document. [ours]
MOST_TAKEN = 0.05
_WORD = re.compile(r"\w+")


def without_evidence(text: str, evidence: Sequence[str], answers: Sequence[str]) -> str | None:
    """A text without the sentences that a question can be answered from, or ``None`` where too many would have to go.

    Every sentence of the whole text is looked at: those that overlap a piece of evidence, those that say nearly the same, and those that
    hold an answer word for word, go. Afterwards no answer stands anywhere in the text.

    Args:
        text: the document.
        evidence: passages of it.
        answers: the bare answer and other wordings of it.

    Example:
        >>> without_evidence("The pump was bought in 1932. It is red. Nobody knows who built it.", ["bought in 1932"], ["1932"]) is None
        True
        >>> len(without_evidence("It was bought in 1932. " + "It is a red pump, as pumps are. " * 20, ["bought in 1932"], ["1932"])) > 600
        True
    """
    wanted = [frozenset(_words(piece)) for piece in evidence]
    needles = [needle for needle in map(plain, answers) if needle]
    pieces, last, taken = [], 0, 0
    for span in sentences(text):
        sentence = text[span.start : span.end]
        if not _says(sentence, evidence, wanted, needles):
            continue
        pieces.append(text[last : span.start].rstrip(" "))
        last, taken = span.end, taken + span.end - span.start
    if not pieces or taken > MOST_TAKEN * len(text):
        return None
    edited = "".join([*pieces, text[last:]]).strip()
    left = f" {plain(edited)} "
    return None if any(f" {needle} " in left for needle in needles) else edited


def _says(sentence: str, evidence: Sequence[str], wanted: Sequence[frozenset[str]], needles: Sequence[str]) -> bool:
    said = f" {plain(sentence)} "
    if any(f" {needle} " in said for needle in needles):
        return True
    if any(piece in sentence or sentence in piece for piece in evidence):
        return True
    words = frozenset(_words(sentence))
    return any(len(words & piece) >= SAME * max(1, min(len(piece), len(words))) and len(words) >= 4 for piece in wanted)


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()) if len(word) > 2]


def withheld(draft: Draft, completion: Completion) -> Draft | Declined:
    """The draft of a question, with the answer taken out of the document."""
    made = questioned(draft, completion)
    if isinstance(made, Declined):
        return made
    question = completion.parsed
    assert isinstance(question, Question)
    (place,) = made.required or (1,)
    document = made.shown[place - 1]
    evidence = tuple(span for span in located(made.quotes, made.shown) if span.end > span.start)
    if not evidence:
        return Declined("ungrounded", "the question's evidence is in no document")
    edited = without_evidence(document.text, [span.text for span in evidence], [*question.answer, *question.accept])
    if edited is None:
        return Declined("evidence_left", "the answer cannot be taken out of the document without leaving a trace or taking too much")
    twin = Twin(
        id=content_hash("verifiable", [one.hash for one in made.documents], made.instruction, made.answer),
        document_id=document.id,
        hash=document.hash,
        answer=made.answer or "; ".join(question.answer),
        evidence=evidence,
    )
    digest = content_hash(edited)
    new = document.model_copy(update={"text": edited, "hash": digest, "id": f"{document.id}~{digest[:8]}"})
    references = tuple(
        one.model_copy(update={"hash": new.hash, "id": new.id}) if one.hash == document.hash else one for one in made.candidate.documents
    )
    return replace(
        made,
        candidate=made.candidate.model_copy(update={"documents": references}),
        documents=_instead(made.documents, document, new),
        shown=_instead(made.shown, document, new),
        quotes=(),
        answer=None,
        checkers=(),
        twin=twin,
        made=(new,),
    )


def _instead(documents: tuple[Document, ...], old: Document, new: Document) -> tuple[Document, ...]:
    return tuple(new if one.hash == old.hash else one for one in documents)


def _example(draft: Draft) -> str:
    """A question about a word that only one sentence of the document holds, so that it can be taken out."""
    text = draft.shown[0].text
    words = Counter(_WORD.findall(text.casefold()))
    for span in sentences(text):
        rare = [word for word in _WORD.findall(text[span.start : span.end].casefold()) if words[word] == 1 and len(word) > 4]
        if rare and span.end - span.start < MOST_TAKEN * len(text):
            passage = Passage(document=1, quote=text[span.start : span.end])
            return Question(instruction="Which word?", kind="text", answer=rare[:1], evidence=[passage]).model_dump_json()
    return example(draft)


UNANSWERABLE = Paradigm(
    name="unanswerable",
    several=False,
    by_program=True,
    purpose="one question about this document that has one short answer, found in one or two sentences of it and nowhere else",
    steps=(
        Ask("paradigms/question", "instruct", withheld, Question, lambda _draft: {"kinds": ["text", "number"]}, example=_example),
        Ask("paradigms/decline", "answer", answered, variables=asked),
    ),
    evidence=False,
    refuses=OF_SEVERAL,
    share=0.25,
)
