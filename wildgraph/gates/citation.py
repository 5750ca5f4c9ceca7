"""Documents that an answer refers to are there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.gates.reading import answers, asked, reading, titles
from wildgraph.gates.verdicts import failed, passed
from wildgraph.quotes import plain
from wildgraph.records import Pair, Verdict

_FILE = re.compile(r"(?<![\w/.-])[\w-]{1,80}\.(?:pdf|docx?|txt|xlsx?|pptx?|html?|md|csv|rtf|odt)\b", re.IGNORECASE)
_BRACKETED = re.compile(r"(?<![\w\])])\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\](?!\()")


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    table: dict[str, str] = json.loads(files("wildgraph.gates").joinpath("citations.json").read_text(encoding="utf-8"))
    number = (
        r"(?P<{0}>\d{{1,3}}(?:\s*(?:,|and|und|et|y|e|и|&|–|-|or)\s*\d{{1,3}}(?![\d.,]*\d))*)(?![\w.,]*\d|\s*(?:pages?|words?|%|percent))"
    )
    numbered = re.compile(
        rf"(?<!\w){table['numbered']}[\[(]?{number.format('spaced')}|{table['wide']}{number.format('wide')}", re.IGNORECASE
    )
    named = re.compile(rf"(?<!\w){table['named']}[“\"«„]([^“”\"«»„\n]{{3,150}})[”\"»“]", re.IGNORECASE)
    return numbered, named


class CitationGate(BaseModel):
    """No answer cites document 7 of 3, nor a document, file or title that is not there. [ours].

    A number counts when it stands behind a word for a document, or alone in square brackets; what documents or instruction say themselves
    ('see Document 12', a bibliography's [12]) may be repeated. A title counts when it is quoted behind a word for a kind of document.

    Attributes:
        bracketed: whether ``[7]`` is a citation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "citation"

    bracketed: bool = True

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``no_such_document``."""
        said = asked(pair)
        for answer in answers(pair):
            for found, numbers in self._numbers(answer):
                if any(not 1 <= number <= len(pair.documents) for number in numbers) and not self._repeated(found, said, texts):
                    return failed(self.name, "no_such_document", f"{found!r}, and there are {len(pair.documents)} documents")
            for file in _FILE.findall(answer):
                if not self._repeated(file, f"{said}\n{titles(texts)}", texts):
                    return failed(self.name, "no_such_document", f"{file} is nowhere else")
            for title in _patterns()[1].findall(answer):
                bare = plain(title)
                known = f"{plain(said)} {plain(titles(texts))}"
                if bare and bare not in known and not any(bare in reading(text).plain for text in texts.values()):
                    return failed(self.name, "no_such_document", f"{title!r} is no title of these documents")
        return passed(self.name)

    def _numbers(self, answer: str) -> Iterator[tuple[str, list[int]]]:
        for match in _patterns()[0].finditer(answer):
            yield match.group(), [int(number) for number in re.findall(r"\d+", match.group("spaced") or match.group("wide"))]
        if self.bracketed:
            for match in _BRACKETED.finditer(answer):
                yield match.group(), [int(number) for number in re.findall(r"\d+", match.group(1))]

    @staticmethod
    def _repeated(found: str, said: str, texts: Mapping[str, str]) -> bool:
        folded = " ".join(found.casefold().split())
        return any(folded in " ".join(text.casefold().split()) for text in (said, *texts.values()))
