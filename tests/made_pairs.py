"""Pairs and documents made by hand, for tests of what comes after adapting."""

import json

from wildgraph.records import Alternative, Checker, Document, DocumentRef, Evidence, Message, Pair, Provenance, TokenCounts, content_hash

LEASE = (
    "LEASE AGREEMENT\n\nThe tenant shall pay a rent of 1,200 euros on the first day of every month. "
    "The deposit of 2,400 euros is returned within thirty days after the lease ends. "
    "Either party may end this lease with three months' notice in writing."
)
MINUTES = (
    "The committee met on 4 March in the town hall. Ms Okafor presented the budget for the coming year. "
    "The motion to close the library on Sundays was rejected by five votes to two."
)
ANSWER = "The rent is 1,200 euros a month, due on the first day. The deposit comes back within thirty days after the lease ends."


def document(name="lease", text=LEASE, title="", licence="CC0-1.0"):
    return Document(id=name, hash=content_hash(text), text=text, title=title, licence=licence)


def evidence(of, quote):
    start = of.text.index(quote)
    return Evidence(document_id=of.id, start=start, end=start + len(quote), text=quote)


LEASED = document()
RENT = evidence(LEASED, "The tenant shall pay a rent of 1,200 euros on the first day of every month.")
BACK = evidence(LEASED, "The deposit of 2,400 euros is returned within thirty days after the lease ends.")


def pair(
    instruction="What does the tenant pay, and when does the deposit come back?",
    answer=ANSWER,
    *,
    documents=(LEASED,),
    spans=(RENT,),
    index=0,
    paradigm="single_document",
    roles=(),
    turns=None,
    **more,
):
    turns = turns or (
        Message(role="user", content=instruction),
        Message(role="assistant", content=answer, train=True, evidence=tuple(spans)),
    )
    fields = {
        "id": content_hash(index, [turn.content for turn in turns]),
        "index": index,
        "paradigm": paradigm,
        "document_type": "lease agreement",
        "split": "train",
        "language": "English",
        "documents": tuple(
            DocumentRef(id=one.id, hash=one.hash, order=order, licence=one.licence, role=roles[order] if roles else "required")
            for order, one in enumerate(documents)
        ),
        "turns": turns,
        "layout": index,
        "path": (("task", "task/summarize"), ("output_format", "output_format/paragraph")),
        "provenance": Provenance(prompts={"stages/answer": "0" * 16}, engine="scripted", decoding={"temperature": 0.3}, seed=1, graph="g"),
        "n_tokens": TokenCounts(documents=90, instruction=14, response=28),
    }
    return Pair.model_validate(fields | more)


def worse(content="The rent is 900 euros a month, and nobody says when the deposit comes back to the tenant of the house.", **more):
    fields = {"content": content, "made": "wrong_document", "matched": True, "engine": "scripted", "detail": "another lease"}
    return Alternative.model_validate(fields | more)


def exact(answer="1,200 euros"):
    return Checker(name="exact", args=json.dumps({"answer": answer}))


def dialogue(**more):
    """Three questions about a lease, each answer trained on."""
    said = (
        ("What does the tenant pay?", "The tenant pays 1,200 euros a month."),
        ("And the deposit?", "It is 2,400 euros, returned within thirty days."),
        ("How does one end it?", "With three months' notice in writing."),
    )
    turns = [
        message
        for asked, answered in said
        for message in (Message(role="user", content=asked), Message(role="assistant", content=answered, train=True))
    ]
    return pair(turns=tuple(turns), paradigm="dialogue", spans=(), **more)


def texts(*documents):
    return {one.id: one.text for one in documents or (document(),)}
