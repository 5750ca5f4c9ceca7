"""The instruction asks for what the path says, and the answer keeps to what the instruction says, where a program can read both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import ClassVar

import yaml
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.gates.forms import counts, has_form
from wildgraph.gates.verdicts import failed, not_evaluated, passed
from wildgraph.records import Pair, Verdict


@dataclass(frozen=True)
class _Table:
    labels: tuple[tuple[re.Pattern[str], re.Pattern[str], tuple[str, ...]], ...]
    limits: tuple[tuple[str, re.Pattern[str]], ...]
    units: Mapping[str, re.Pattern[str]]
    forms: tuple[tuple[str, re.Pattern[str]], ...]
    words: Mapping[str, int]


@cache
def _table() -> _Table:
    here = files("wildgraph.gates")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    raw = yaml.load(here.joinpath("forms.yaml").read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe loader
    spelled: dict[str, dict[str, int]] = json.loads(here.joinpath("number_words.json").read_text(encoding="utf-8"))
    words = {word: value for part in ("ones", "tens", "scales") for word, value in spelled[part].items() if value}
    number = rf"(?P<n>\d{{1,5}}|{'|'.join(words)})"

    def compiled(pattern: str) -> re.Pattern[str]:
        return re.compile(pattern.replace("{n}", number), re.IGNORECASE)

    return _Table(
        # A cue begins a word: 'applied' asks for no Lied.
        tuple((compiled(one["label"]), compiled(rf"(?<![a-zß-öø-ÿа-яё])(?:{one['cue']})"), tuple(one["form"])) for one in raw["labels"]),
        tuple((one["kind"], compiled(one["pattern"])) for one in raw["limits"]),
        {unit: compiled(pattern) for unit, pattern in raw["units"].items()},
        tuple((one["form"], compiled(one["pattern"])) for one in raw["forms"]),
        words,
    )


class FollowsPathGate(BaseModel):
    """Labels and limits that a program can read are kept. [ours].

    A label for a form (``forms.yaml``: list, table, JSON, one sentence, e-mail …) must show in the instruction's words or in the answer's form,
    unless the engine said that it left it out. Limits that the instruction states (at most 150 words, exactly three points, one paragraph, as
    JSON) are kept by the answer. Everything else about a path is for a judge.

    Attributes:
        slack: share by which a limit on words or sentences may be missed, for people and programs count differently.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "follows_path"

    slack: float = Field(default=0.1, ge=0.0)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``path_not_followed`` or ``constraint_broken``."""
        question, answer = self._last(pair)
        read: list[str] = []
        unrealised = {slug(name) for name in pair.provenance.unrealised}
        for label, cue, forms in self._labels(pair):
            if slug(label) in unrealised:
                continue
            read.append(label)
            if not cue.search(pair.instruction) and not any(has_form(answer, form) for form in forms):
                return failed(self.name, "path_not_followed", f"neither the instruction nor the answer shows {label}")
        several = sum(document.role == "required" for document in pair.documents)
        for kind, number, unit, said in _limits(question):
            read.append(said)
            if broken := self._broken(kind, number, counts(answer)[unit], unit, several):
                return failed(self.name, "constraint_broken", f"{said!r}: {broken}")
        for form, pattern in _table().forms:
            if found := pattern.search(question):
                read.append(found.group())
                if not has_form(answer, form):
                    return failed(self.name, "constraint_broken", f"{found.group()!r}: the answer is no {form}")
        return passed(self.name, "read: " + "; ".join(read)) if read else not_evaluated(self.name, "nothing that a program can read")

    @staticmethod
    def _last(pair: Pair) -> tuple[str, str]:
        """The last question and its answer."""
        question = next((turn.content for turn in reversed(pair.turns) if turn.role == "user"), "")
        return question, pair.response

    @staticmethod
    def _labels(pair: Pair) -> Iterator[tuple[str, re.Pattern[str], tuple[str, ...]]]:
        for field, concept in (*pair.path, *pair.attributes):
            slug = concept.partition("/")[2]
            if field == "output_format":
                yield from ((concept, cue, forms) for label, cue, forms in _table().labels if label.search(slug))

    def _broken(self, kind: str, number: int, count: int, unit: str, several: int) -> str:
        slack = self.slack * number if unit in ("words", "sentences") else 0.0
        if unit == "items" and not count:
            return ""  # points in running text are no items that could be counted
        most, least = number + slack, number - slack
        # 'Three points' about two documents may mean three about each.
        if (kind in ("most", "exactly") and count > most and count > most * several) or (kind in ("least", "exactly") and count < least):
            return f"{count} {unit}"
        if kind == "exactly" and several > 1 and number < count and not number * several - slack <= count <= number * several + slack:
            return f"{count} {unit}"
        return ""


def slug(name: str) -> str:
    """A label without its field, words joined by hyphens, as an engine may write it too."""
    return "-".join(re.findall(r"\w+", name.partition("/")[2] or name)).casefold()


def _limits(instruction: str) -> Iterator[tuple[str, int, str, str]]:
    """Limits that an instruction states: kind, number, what is counted, and the words."""
    table = _table()
    for kind, pattern in table.limits:
        for match in pattern.finditer(instruction):
            found = match.groupdict()
            written = (found.get("n") or "1").casefold()
            number = table.words.get(written) if not written.isdigit() else int(written)
            unit = next((unit for unit, words in table.units.items() if words.match(found["unit"].removeprefix("bullet "))), "")
            if number and unit:
                yield kind, number, unit, match.group()
