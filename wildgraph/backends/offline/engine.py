"""The embedded default: an ordinary chat model that reads a prompt's variables and needs no key, no GPU and no network.

A baseline to see the pipeline, try settings and test on; its rows say so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from importlib.resources import files
from itertools import islice

from wildgraph.backends.offline.miner import CUE_LANGUAGES, OfflineMiner
from wildgraph.backends.offline.repertoire import CannotWriteError
from wildgraph.backends.offline.writer import OfflineWriter
from wildgraph.catalogue import Prior
from wildgraph.embedders import Embedder
from wildgraph.errors import UsageError
from wildgraph.llm import ChatRequest, Completion, Failure
from wildgraph.records import Json, canonical_json

#: What the engine mines in: elsewhere it would guess.
LANGUAGES = CUE_LANGUAGES
_BATCH = 32
_SOURCES = (
    *("engine.py", "miner.py", "writer.py", "extraction.py", "extracts.py", "material.py", "repertoire.py", "questions.py"),
    *("dialogues.py", "reasonings.py", "sources.py", "operations.yaml"),
)


class OfflineModel:
    """Mines by prototypes and cues, writes by extraction.

    Args:
        prior: the catalogue whose concepts are recognised.
        embedder: for the similarity of clauses and prototypes.
    """

    def __init__(self, prior: Prior, embedder: Embedder) -> None:
        self.prior = prior
        self.embedder = embedder

    @cached_property
    def identity(self) -> str:
        """``offline:<hash of code, repertoire and catalogue>:<embedder>``: other code is another engine to the cache."""
        digest = hashlib.sha256(self.prior.fingerprint.encode())
        for name in _SOURCES:
            digest.update(files("wildgraph").joinpath(f"backends/offline/{name}").read_bytes())
        return f"offline:{digest.hexdigest()[:12]}:{self.embedder.identity}"

    @cached_property
    def _miner(self) -> OfflineMiner:
        return OfflineMiner(self.prior, self.embedder)

    @cached_property
    def _writer(self) -> OfflineWriter:
        return OfflineWriter()

    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
        """Completions in input order; mining requests are embedded in batches.

        Raises:
            UsageError: a prompt that this engine was not written for.
        """
        source = iter(requests)
        while batch := list(islice(source, _BATCH)):
            mined = self._mined([request for request in batch if request.prompt.template.name == "stages/mine"])
            for request in batch:
                yield mined[request.id] if request.id in mined else self._written(request)

    def _mined(self, requests: list[ChatRequest]) -> dict[str, Completion]:
        able = [request for request in requests if request.prompt.variables["language"] in LANGUAGES]
        answers = self._miner.mine([request.prompt.variables for request in able])
        found = {request.id: _structured(request, answer) for request, answer in zip(able, answers, strict=True)}
        for request in requests:
            if request.id not in found:
                language = request.prompt.variables["language"]
                failure = Failure("language_not_supported", f"{language}; the offline engine knows {', '.join(LANGUAGES)}")
                found[request.id] = Completion(request.id, failure=failure, requests=1)
        return found

    def _written(self, request: ChatRequest) -> Completion:
        name = request.prompt.template.name
        structured: dict[str, Callable[[Mapping[str, Json]], dict[str, Json]]] = {
            "stages/instruct": self._writer.instruct,
            "stages/cite": self._writer.cite,
            "paradigms/question": self._writer.question,
            "paradigms/turns": self._writer.turns,
            "paradigms/cite_turns": self._writer.cite_turns,
        }
        plain: dict[str, Callable[[Mapping[str, Json]], str]] = {
            "stages/answer": self._writer.answer,
            "paradigms/reply": self._writer.reply,
            "paradigms/reason": self._writer.reason,
            "paradigms/decline": self._writer.decline,
        }
        try:
            if name in structured:
                return _structured(request, structured[name](request.prompt.variables))
            if name in plain:
                return Completion(request.id, plain[name](request.prompt.variables), requests=1)
        except CannotWriteError as error:
            return Completion(request.id, failure=Failure("engine_cannot", str(error)), requests=1)
        raise UsageError(f"the offline engine cannot answer the prompt {name!r}", "name a model with --model")


def _structured(request: ChatRequest, answer: dict[str, Json]) -> Completion:
    parsed = request.schema.model_validate(answer) if request.schema else None
    return Completion(request.id, canonical_json(answer), parsed, requests=1)
