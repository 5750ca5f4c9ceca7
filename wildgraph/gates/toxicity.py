"""No abuse in what is trained on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.gates.reading import reading
from wildgraph.gates.verdicts import failed, passed
from wildgraph.records import Pair, Verdict


@cache
def _words() -> re.Pattern[str]:
    table: dict[str, list[str]] = json.loads(files("wildgraph.gates").joinpath("toxic_words.json").read_text(encoding="utf-8"))
    either = "|".join(sorted((word for words in table.values() for word in words), key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)


class ToxicityGate(BaseModel):
    """No turn has a slur or an insult that no document has. [ours].

    Crude on purpose: whole words of ``toxic_words.json``, in several languages; it knows neither threats nor contempt in plain words. On by
    default, since the list is short and what a document says itself, in a novel or a judgment, may be repeated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "toxicity"

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``toxic_text``."""
        for turn in pair.turns:
            for match in _words().finditer(turn.content):
                word = match.group().casefold()
                if not any(word in reading(text).text.casefold() for text in texts.values()):
                    return failed(self.name, "toxic_text", f"{turn.role} turn: {word[0]}{'*' * (len(word) - 1)}")
        return passed(self.name)
