"""What a sensible model might answer to the product's own prompts: a pure function of the prompt, for fake servers.

Mining answers come from small vocabularies, so that concepts are shared and graphs arise; answers quote whole sentences of the fenced
documents, so that gates accept them.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

VALUES = {
    "document_type": ("contract", "news article", "meeting transcript"),
    "task": ("summarize a document", "extract key facts", "explain a passage", "compare documents", "list open questions"),
    "intent": ("understand a text", "prepare a decision", "inform others"),
    "user_profile": ("manager", "law student", "journalist"),
    "language_style": ("short and plain", "formal"),
    "context": ("at work", "for a class"),
    "user_knowledge": ("layperson", "knows the field"),
    "assistant_knowledge": ("contract law", "general knowledge"),
    "long_context_capability": ("find details", "keep track of people", "summarize long text"),
    "output_format": ("bullet list", "one paragraph", "table"),
    "sentiment": ("neutral", "hurried"),
    "constraint": ("at most 100 words", "quote the text", "no jargon"),
}
MANY = frozenset({"task", "assistant_knowledge", "long_context_capability", "constraint"})

_FENCED = re.compile(
    r"<<<(?P<kind>[A-Z, ]+?)(?: (?P<number>\d+))? (?P<mark>[0-9a-f]{8})>>>\n(?P<text>.*?)\n<<<END .*?(?P=mark)>>>", re.DOTALL
)
_ASKING = "\n\nAnswer with one JSON object and nothing else."


def share(*parts: object) -> float:
    """A number in [0, 1) that is a function of ``parts``."""
    return int(hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12], 16) / 16**12


def sentences(text: str) -> list[str]:
    """Sentences of middling length, as they stand."""
    return [one for one in re.split(r"(?<=[.!?])\s+", text) if 40 <= len(one) <= 300 and '"' not in one and "“" not in one]


def _fenced(prompt: str, kind: str) -> list[str]:
    return [found["text"] for found in _FENCED.finditer(prompt) if found["kind"].partition(",")[0] == kind]


def plausible(body: dict[str, Any]) -> str:
    """The answer to a request body of any of the prompts."""
    # The schema that is shown to servers without structured output is no part of what is asked.
    prompt = body["messages"][1]["content"].partition(_ASKING)[0]
    if queries := _fenced(prompt, "QUERY") or _fenced(prompt, "PASTED TEXT"):
        return json.dumps(mined(queries[0]))
    if phrases := _fenced(prompt, "PHRASES"):
        return json.dumps({"groups": sorting(phrases[0])})
    if concepts := _fenced(prompt, "CONCEPTS"):
        return json.dumps({"concepts": refining(concepts[0])})
    documents = _fenced(prompt, "DOCUMENT")
    if "# Your part: the examiner" in prompt:
        return json.dumps(examined(prompt, documents), ensure_ascii=False)
    if "turn by turn" in prompt:
        return json.dumps({"turns": turns(prompt, documents), "left_out": []}, ensure_ascii=False)
    if "step by step" in prompt:
        return steps(_fenced(prompt, "USER")[0], documents)
    if "Go on with this conversation" in prompt:
        return answer("".join(_fenced(prompt, "USER")), documents)
    if "does not hold what the user asks for" in prompt:
        return f"The document does not say it. What it says is this: {sentences(documents[0])[0]}"
    if "For each reply list the passages" in prompt:
        replies = _fenced(prompt, "ASSISTANT")
        return json.dumps({"evidence": [{**one, "turn": n} for n, said in enumerate(replies, 1) for one in evidence(said, documents)]})
    if answered := _fenced(prompt, "ASSISTANT"):
        return json.dumps({"evidence": evidence(answered[0], documents)}, ensure_ascii=False)
    if requests := _fenced(prompt, "USER"):
        return answer(requests[0], documents)
    return json.dumps({"instruction": instruction(prompt, documents), "left_out": []}, ensure_ascii=False)


def mined(query: str) -> dict[str, Any]:
    """Thirteen fields; one query in eight has no document."""
    found: dict[str, Any] = {}
    for field, values in VALUES.items():
        chosen = values[int(share(query, field) * len(values))]
        if field == "document_type" and share(query) < 1 / 8:
            chosen = "none"
        phrase = {"general": chosen, "specific": f"{chosen} in particular"}
        found[field] = [phrase] if field in MANY else phrase
    second = VALUES["task"][int(share(query, "second") * len(VALUES["task"]))]
    found["task"].append({"general": second, "specific": ""})
    found["simplified_instruction"] = {"general": f"do something with the text, case {int(share(query, 'case') * 1000)}", "specific": ""}
    return found


def sorting(phrases: str) -> list[dict[str, Any]]:
    """Every phrase under its own words, which are few."""
    lines = re.findall(r"^(\d+)\. ([^\[\n]+?)(?: \[.*)?$", phrases, re.MULTILINE)
    return [{"concept": phrase, "phrases": [int(number)]} for number, phrase in lines]


def refining(concepts: str) -> list[dict[str, Any]]:
    """The catalogue as it stands, under two headings."""
    lines = re.findall(r"^(\d+)\. (.+?) \(\d+\):", concepts, re.MULTILINE)
    return [{"name": name, "heading": f"kind {int(number) % 2}", "numbers": [int(number)]} for number, name in lines]


def instruction(prompt: str, documents: list[str]) -> str:
    """A request that names particulars; one in twenty is empty."""
    labels = re.findall(r"^- ([a-z ]+): (.+)$", prompt.partition("were found together")[2], re.MULTILINE)
    if share(prompt, "unsuitable") < 1 / 20:
        return ""
    parts = [f"Please {name}" for field, name in labels if field == "task"]
    for place, text in enumerate(documents):
        said = sentences(text)
        picked = sorted({int(share(prompt, place, turn) * len(said)) for turn in range(3)})
        topics = "; ".join(" ".join(said[one].split()[:6]).rstrip(".,;:") for one in picked)
        parts.append(f"With {text.partition(chr(10))[0].removeprefix('Title: ')} go into: {topics}")
    parts.append(", ".join(f"{name} as {field}" for field, name in labels if field != "task"))
    return ". ".join(parts) + "."


def answer(request: str, documents: list[str]) -> str:
    """Three sentences of each document."""
    parts = []
    for place, text in enumerate(documents):
        said = sentences(text)
        picked = sorted({int(share(request, place, turn) * len(said)) for turn in range(4)})[:3]
        parts.append(f"{text.partition(chr(10))[0].removeprefix('Title: ')} says this. {' '.join(said[one] for one in picked)}")
    return "\n\n".join(parts)


def examined(prompt: str, documents: list[str]) -> dict[str, Any]:
    """A gap in a sentence, for a word that stands nowhere else; a list of limits where there is none."""
    said = sentences(documents[0])
    for turn in range(20):
        sentence = said[int(share(prompt, "gap", turn) * len(said))]
        rare = [
            word for word in re.findall(r"\b[A-Za-z]{6,}\b", sentence) if len(re.findall(rf"\b{word}\b", documents[0], re.IGNORECASE)) == 1
        ]
        if rare:
            gapped = sentence.replace(rare[0], "____")
            ask = f"Which word belongs in the gap: {gapped} Only the word."
            return {"instruction": ask, "kind": "text", "answer": rare[:1], "evidence": [{"document": 1, "quote": sentence}]}
    return {"instruction": "Sum it up in at most 400 words.", "kind": "free", "answer": [], "limits": {"most_words": 400}}


def turns(prompt: str, documents: list[str]) -> list[str]:
    """Four turns, each about a sentence."""
    said = sentences(documents[0])
    picked = [said[int(share(prompt, "turn", place) * len(said))] for place in range(4)]
    return [f"And what about this: {' '.join(one.split()[:7])}?" for one in picked]


def steps(request: str, documents: list[str]) -> str:
    """Three steps with a quotation each."""
    said = sentences(documents[0])
    picked = sorted({int(share(request, place) * len(said)) for place in range(3)})
    lines = [f"{number}. It says “{said[one]}”" for number, one in enumerate(picked, 1)]
    return "\n".join([*lines, f"Answer: {' '.join(said[picked[0]].split()[:5])}"])


def evidence(answered: str, documents: list[str]) -> list[dict[str, Any]]:
    """Those sentences again; one answer in fifteen rests on a sentence that nobody wrote."""
    quotes = [
        {"document": place, "quote": said}
        for place, text in enumerate(documents, 1)
        for said in sentences(text)
        if said in answered
    ]  # fmt: skip
    if share(answered, "invented") < 1 / 15:
        quotes.append({"document": 1, "quote": "This sentence stands in none of the documents."})
    return quotes
