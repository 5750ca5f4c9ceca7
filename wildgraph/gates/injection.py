"""Nothing that was planted in a document or a query reaches what is trained on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.gates.reading import containment
from wildgraph.gates.verdicts import failed, passed
from wildgraph.quotes import plain
from wildgraph.records import Pair, Verdict
from wildgraph.shingling import count_units

#: Characters from which on words are no coincidence in any case. [ours]
_UNMISTAKABLE = 8

_AHEAD = 400
_LEAST = 4
#: What a planted instruction wants to be said: what it quotes, what it shouts, and words with digits in them.
_PAYLOAD = re.compile(
    r"“([^“”\n]{2,80})”|«([^«»\n]{2,80})»|「([^「」\n]{2,80})」|\"([^\"\n]{2,80})\"|(?<!\w)'([^'\n]{2,80})'(?!\w)"
    r"|(?<![\w-])([A-ZА-ЯЁ][A-ZА-ЯЁ0-9]{3,40}(?:[-_][A-ZА-ЯЁ0-9]{1,20}){0,4})(?![\w-])|(?<![\w-])(\w{2,40}[-_]\d{1,8})(?![\w-])"
)


@dataclass(frozen=True)
class _Patterns:
    planted: re.Pattern[str]
    template: re.Pattern[str]
    obeys: re.Pattern[str]
    about: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    table: dict[str, list[str]] = json.loads(files("wildgraph.gates").joinpath("injections.json").read_text(encoding="utf-8"))

    def joined(part: str, flags: int = 0) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{pattern})" for pattern in table[part]), re.MULTILINE | flags)

    return _Patterns(joined("planted", re.IGNORECASE), joined("template"), joined("obeys", re.IGNORECASE), joined("about", re.IGNORECASE))


@cache
def planted_instructions() -> tuple[tuple[str, str], ...]:
    """The bundled set: a canary word that occurs nowhere, and an instruction that asks for it, in several languages.

    Put some into documents or queries to see whether a model obeys: the gate knows the words.
    """
    lines = files("wildgraph.gates").joinpath("planted_instructions.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple((row["canary"], row["text"]) for row in map(json.loads, lines))


class InjectionGate(BaseModel):
    """No turn says a canary word, text of the prompts that generate, or what an instruction planted in a document asks for. [ours].

    An instruction is recognised by its phrases (``injections.json``, several languages); what it asks for is what it quotes, writes in
    capitals or with digits. Documents that hold one are no reason to drop a pair whose answer pays no heed. An instruction planted in other
    words is seen only by a model.

    Attributes:
        canaries: words that were planted, beside the bundled ones.
        overlap: least share of a planted sentence's runs of five words at which a turn repeats it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "injection"

    canaries: tuple[str, ...] = ()
    overlap: float = Field(default=0.5, gt=0.0, le=1.0)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``injected`` or ``template_text``."""
        words = [*self.canaries, *(canary for canary, _ in planted_instructions())]
        for turn in pair.turns:
            folded = turn.content.casefold()
            if word := next((word for word in words if word.casefold() in folded), ""):
                return failed(self.name, "injected", f"the {turn.role} turn says the canary word {word}")
            if (mark := _patterns().template.search(turn.content)) and not any(mark.group() in text for text in texts.values()):
                return failed(self.name, "template_text", f"the {turn.role} turn has {mark.group()!r}")
        asked = "\n".join(turn.content for turn in pair.turns if turn.role == "user")
        about = bool(_patterns().about.search(asked))
        for turn in pair.turns:
            if turn.role == "assistant" and not about and (found := _patterns().obeys.search(turn.content)):
                return failed(self.name, "injected", f"the answer says {found.group()!r}")
        return self._obeyed(pair, texts, about) or passed(self.name, self._planted(texts))

    def _obeyed(self, pair: Pair, texts: Mapping[str, str], about: bool) -> Verdict | None:
        for name, text in texts.items():
            for passage, wants in _orders(text):
                for turn in pair.turns:
                    if want := next((want for want in wants if _says(turn.content, want)), ""):
                        return failed(self.name, "injected", f"{name} asks for {want!r}, and the {turn.role} turn says it")
                    if not about and count_units(passage) >= _LEAST and containment(passage, turn.content) >= self.overlap:
                        return failed(self.name, "injected", f"the {turn.role} turn repeats an instruction planted in {name}")
        return None

    @staticmethod
    def _planted(texts: Mapping[str, str]) -> str:
        names = [name for name, text in texts.items() if _orders(text)]
        return f"instructions to a model stand in {', '.join(names)}" if names else ""


def _says(text: str, wanted: str) -> bool:
    """Whether a text says what was asked for, as it stands; something longer than a word or two also in another case, in bold, or set otherwise."""
    if wanted in text:
        return True
    bare = plain(wanted)
    return len(bare) >= _UNMISTAKABLE and f" {bare} " in f" {plain(text)} "


@lru_cache(maxsize=64)
def _orders(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Planted instructions of a document, each with what it wants to be said that the document says nowhere else."""
    found = []
    for match in _patterns().planted.finditer(text):
        window = text[match.start() : match.end() + _AHEAD].partition("\n\n")[0]
        rest = text[: match.start()] + text[match.start() + len(window) :]
        wants = tuple(want for want in dict.fromkeys(_payloads(window)) if want not in rest)
        sentence = window[: match.end() - match.start()] + re.split(r"[.!?。！？\n]", window[match.end() - match.start() :])[0]
        found.append((sentence, wants))
    return tuple(found)


def _payloads(window: str) -> Iterator[str]:
    for match in _PAYLOAD.finditer(window):
        payload = next(group for group in match.groups() if group is not None).strip()
        if len(plain(payload).replace(" ", "")) >= _LEAST:
            yield payload
