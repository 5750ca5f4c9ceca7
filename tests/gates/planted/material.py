"""Documents that planted samples are made of: the shared ones where they are there, else those that ship with the package, and a few in other languages."""

import json
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from random import Random

from wildgraph.backends.offline.extraction import SentenceGraph
from wildgraph.demo import seed_folder
from wildgraph.records import content_hash
from wildgraph.text import sentences

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data" / "documents.parquet"
#: Of the shared documents these many enter, the ones of most kinds first; reading all would take minutes.
SHARED_DOCUMENTS = 48
_LONGEST = 80_000
FIGURE = re.compile(r"(?<![\w.,/-])(?:[$€£]\s?)?(\d{2,3}(?:,\d{3})+|\d{2,6})(?![\w.,/-]*\d)(?=[\s.,;:)%])")
NAME = re.compile(r"(?<=[a-z,;] )((?:[A-Z][a-z]{3,}(?: |$)){2,3})")
YEAR = re.compile(r"\b(1[6-9]\d\d|20[0-4]\d)\b")


@dataclass(frozen=True)
class Source:
    """A document with what can be asked about it."""

    id: str
    kind: str
    title: str
    text: str
    language: str = "English"
    hash: str = field(default="")

    def __post_init__(self):
        object.__setattr__(self, "hash", content_hash(self.text))

    @cached_property
    def sentences(self):
        """Whole statements, in text order."""
        if self.language == "English":
            return [(one.start, one.end) for one in SentenceGraph(self.text).sentences if "\n" not in one.text and '"' not in one.text]
        return [(span.start, span.end) for span in sentences(self.text)]

    @cached_property
    def topics(self):
        if self.language != "English":
            return []
        vague = {"answer", "question", "questions", "document", "information", "text", "report"}
        return [topic for topic in SentenceGraph(self.text).topics if len(topic.split()) > 1 and not vague & set(topic.casefold().split())]

    def said(self, span):
        return self.text[span[0] : span[1]]

    def with_pattern(self, pattern):
        return [span for span in self.sentences if pattern.search(self.said(span))]


@cache
def sources(shared: bool | None = None):
    """All documents; ``shared=False`` for the bundled ones alone."""
    found = []
    if shared is not False and SHARED.exists():
        import pandas

        table = pandas.read_parquet(SHARED)
        table = table[(table.language == "en") & (table.doc_type != "source_code") & (table.text.str.len() < _LONGEST)]
        turns = {kind: iter(group.sort_values("id").itertuples()) for kind, group in table.groupby("doc_type")}
        while turns and len(found) < SHARED_DOCUMENTS:
            for kind in sorted(turns):
                row = next(turns[kind], None)
                if row is None:
                    del turns[kind]
                    continue
                found.append(Source(row.id, kind.replace("_", " "), row.title or row.id, row.text))
    else:
        for line in (seed_folder() / "documents.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found.append(Source(row["id"], row["document_type"], row["title"], row["text"]))
    return [one for one in found if len(one.sentences) >= 12]


@cache
def foreign():
    rows = (Path(__file__).parent / "foreign.jsonl").read_text(encoding="utf-8").splitlines()
    return [Source(row["id"], "report", row["title"], row["text"], row["language"]) for row in map(json.loads, rows)]


def half(items, seed, key=str):
    """One of two parts of anything: what the gates were tuned on, and what the figures come from, share nothing."""
    side = seed % 2
    kept = [item for item in items if int(content_hash("half", key(item)), 16) % 2 == side]
    return kept or list(items)


def documents(seed, shared=None):
    return half(sources(shared), seed, lambda one: one.id)


def chance(seed, *what):
    return Random(content_hash("planted", seed, what))
