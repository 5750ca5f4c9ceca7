"""What an offline plan is made from: documents as sentence graphs, labels, seeded choices, and the words for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from wildgraph.backends.offline.extraction import SentenceGraph
from wildgraph.backends.offline.repertoire import CannotWriteError, Choice, Operations
from wildgraph.records import Json


class Material:
    """The variables of a prompt, as plans use them.

    Args:
        operations: the repertoire.
        graphs: text -> its sentence graph.
        variables: of a prompt of the adapting stage.

    Raises:
        CannotWriteError: a document is in another language than the engine writes.
    """

    def __init__(self, operations: Operations, graphs: Callable[[str], SentenceGraph], variables: Mapping[str, Json]) -> None:
        self.operations = operations
        documents = documents_of(variables)
        self.texts = [document["text"] for document in documents]
        self.graphs = [graphs(text) for text in self.texts]
        self.titles = [document["title"] for document in documents]
        if not all(graph.english for graph in self.graphs):
            raise CannotWriteError("a document is not in English")
        self.kind = str(variables["document_type"])
        self.paradigm = str(variables["paradigm"])
        self.others = int(str(variables.get("others", 0)))
        required = variables.get("required")
        numbers = required if isinstance(required, list) and required else range(1, len(documents) + 1)
        self.required = [int(str(number)) - 1 for number in numbers]
        labels = variables["labels"]
        assert isinstance(labels, list)
        self.labels = [(str(label["concept"]), str(label["name"])) for label in labels if isinstance(label, dict)]
        # Made of labels, documents and variant alone, so that all prompts about one sample agree.
        self.choice = Choice(variables["variant"], self.paradigm, self.titles, [concept for concept, _ in self.labels])

    def first(self, table: Mapping[str, object]) -> str | None:
        """The first concept among the labels that a table knows."""
        return next((concept for concept, _ in self.labels if concept in table), None)

    def left_out(self, used: set[str]) -> tuple[str, ...]:
        """Names of the labels that were not used."""
        return tuple(name for concept, name in self.labels if concept not in used)

    def what(self) -> str:
        """The material as a user would name it; by title where other documents are at hand."""
        if len(self.graphs) == 1:
            title = self.titles[0]
            names = [f"the {self.kind} “{title}”", f"“{title}”"]
            return self.choice.of(names if self.others else [*names, f"the attached {self.kind}", f"the {self.kind} I uploaded"])
        quoted = [f"“{title}”" for title in self.titles]
        listed = f"{', '.join(quoted[:-1])} and {quoted[-1]}"
        plural = f"{self.number()} attached {plural_of(self.kind)}"
        return self.choice.of([listed] if self.others else [listed, f"the {plural} ({listed})", f"the {plural}"])

    def number(self) -> str:
        """How many documents there are, in words up to four."""
        return {2: "two", 3: "three", 4: "four"}.get(len(self.graphs), str(len(self.graphs)))

    def dressed(self, parts: list[str], used: set[str]) -> str:
        """A request of several sentences in the manner of the labels: who asks in passing, and in what style; adds what it used."""
        profile = self.first(self.operations.profiles)
        if profile:
            used.add(profile)
            aside = self.choice.of(self.operations.profiles[profile])
            parts.insert(0 if self.choice.number(0, 1) else len(parts), aside)
        request = " ".join(parts)
        style = self.first(self.operations.styles)
        if style:
            used.add(style)
            wrapped = self.choice.of(self.operations.styles[style])
            lowered = (
                request[0].lower() + request[1:] if wrapped.startswith(("hey,", "Please:")) and not request.startswith("I") else request
            )
            request = wrapped.replace("{request}", lowered)
        return request


def documents_of(variables: Mapping[str, Json]) -> list[dict[str, str]]:
    """Title and text of each document."""
    found = variables["documents"]
    assert isinstance(found, list)
    # A title on several lines would break tables and instructions.
    return [{"title": " ".join(str(one["title"]).split()), "text": str(one["text"])} for one in found if isinstance(one, dict)]


def flat(text: str) -> str:
    """A sentence on one line, without the bullet or number it carried."""
    return re.sub(r"^(?:[-*•–]|\(?\d{1,3}[.)])\s+", "", " ".join(text.split()))


def plural_of(kind: str) -> str:
    """Plural of a document type's name, its head noun last or before 'or'."""
    head = kind.split(" or ")[0]
    if head.endswith(("s", "x", "ch", "sh")):
        return f"{head}es"
    return f"{head[:-1]}ies" if head.endswith("y") and head[-2:-1] not in "aeiou" else f"{head}s"
