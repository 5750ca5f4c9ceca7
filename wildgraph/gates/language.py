"""Instruction and answer are in the pair's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import ClassVar

import yaml
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.gates.verdicts import failed, not_evaluated, passed
from wildgraph.quotes import quotations
from wildgraph.records import Pair, Verdict
from wildgraph.text import UNDECIDED, detect_language, language_code

_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_BLOCK = re.compile(r"\n\s*\n")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
#: Languages that n-grams of a few sentences cannot tell apart, or that one name means.
_ALIKE = (
    {"no", "nb", "nn", "da"},
    {"hr", "sr", "bs", "sl"},
    {"id", "ms"},
    {"gl", "pt", "es", "an"},
    {"cs", "sk"},
    {"ru", "uk", "be", "bg", "mk"},
    {"af", "nl"},
)


class LanguageGate(BaseModel):
    """Every turn is in the pair's language, quotations, evidence and code aside. [ours].

    Judged by :func:`wildgraph.text.detect_language`, deterministic. A language that the instruction names may be answered in; languages that few
    sentences cannot tell apart count as one; what is too short, or undecided, is not judged.

    Attributes:
        letters: fewer letters than this are not judged (a third of it in scripts whose characters are words or syllables).
        share: of the letters that are judged, the share that may be in another language.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "language"

    letters: int = Field(default=80, ge=1)
    share: float = Field(default=0.4, ge=0.0, le=1.0)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``wrong_language``."""
        wanted = language_code(pair.language)
        if wanted == UNDECIDED:
            return not_evaluated(self.name, f"{pair.language!r} is no language that is known")
        allowed = {wanted} | _named("\n".join(turn.content for turn in pair.turns if turn.role != "assistant"))
        allowed |= set().union(*(group for group in _ALIKE if group & allowed))
        judged = False
        for turn in pair.turns:
            counts = self._languages(turn.content, [span.text for span in turn.evidence])
            letters = sum(counts.values())
            wrong = {code: count for code, count in counts.items() if code not in allowed}
            if sum(wrong.values()) > self.share * letters:
                return failed(self.name, "wrong_language", f"{max(wrong, key=lambda code: wrong[code])}, not {wanted}: {turn.content}")
            judged = judged or (turn.role == "assistant" and bool(letters))
        return passed(self.name) if judged else not_evaluated(self.name, "the answer is too short to tell its language")

    def _languages(self, text: str, evidence: list[str]) -> dict[str, int]:
        """Language -> letters in it, of the parts that are long enough and decided."""
        for passage in (*evidence, *quotations(text, 4)):
            text = text.replace(passage, " ")
        counts: dict[str, int] = {}
        short = ""
        for block in _BLOCK.split(_FENCED.sub("\n", text)):
            short = f"{short}\n{block}" if short else block
            if self._letters(short) >= self.letters:
                self._count(short, counts)
                short = ""
        if short and not counts:
            self._count(short, counts)
        return counts

    def _count(self, text: str, counts: dict[str, int]) -> None:
        if self._letters(text) >= self.letters and (code := detect_language(text)) != UNDECIDED:
            counts[code] = counts.get(code, 0) + self._letters(text)

    @staticmethod
    def _letters(text: str) -> int:
        return sum(map(str.isalpha, text)) + 2 * len(_WIDE.findall(text))


@cache
def _names() -> tuple[re.Pattern[str], Mapping[str, str]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    table: dict[str, list[str]] = yaml.load(files("wildgraph").joinpath("languages.yaml").read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe loader
    codes = {name.casefold(): code for code, names in table.items() for name in names if len(name) > 3 or not name.isascii()}
    either = "|".join(sorted(map(re.escape, codes), key=len, reverse=True))
    return re.compile(rf"(?<![^\W\d_])(?:{either})"), codes


def _named(instruction: str) -> set[str]:
    """Languages that a text names, by their English or their own names."""
    pattern, codes = _names()
    return {codes[match.group()] for match in pattern.finditer(instruction.casefold())}
