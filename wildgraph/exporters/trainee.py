"""The trainee's own tokenizer and chat template: exact lengths, where evidence stands in tokens, and whether its model takes a row."""

from __future__ import annotations

import json
import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol, cast

from wildgraph.corpus.tokens import TokenizerCounter
from wildgraph.errors import UsageError
from wildgraph.exporters.measures import Measured
from wildgraph.records import Document, Evidence, Message, content_hash
from wildgraph.rows import clean

_GENERATION = re.compile(r"\{%-?\s*generation\b")
#: What tokenizers say whose makers set no limit is far beyond this.
_NO_LIMIT = 10**9


class _Encoding(Protocol):
    """What of a tokenizer's answer is used."""

    offset_mapping: list[tuple[int, int]]


class _Tokenizer(Protocol):
    """What of a Hugging Face tokenizer is used."""

    is_fast: bool
    chat_template: str | None
    model_max_length: int

    def __call__(self, text: str, *, add_special_tokens: bool, return_offsets_mapping: bool) -> _Encoding: ...

    def apply_chat_template(self, conversation: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool) -> str: ...


class Trainee:
    """Counts as the trainee will: its chat template put around the turns, and its tokens.

    Args:
        folder: a local folder with the tokenizer, its chat template, and ``config.json`` for the model's length; nothing is fetched.

    Raises:
        UsageError: on first use, when the folder holds no fast tokenizer, or none with a chat template.
    """

    estimated = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._counter = TokenizerCounter(folder)
        self._keeps_prompts: bool | None = None

    @cached_property
    def identity(self) -> str:
        """Folder name and hash of the tokenizer's files."""
        return self._counter.identity

    @cached_property
    def _tokenizer(self) -> _Tokenizer:
        hint = "name a local folder with tokenizer.json and a chat template"
        if not self.folder.is_dir():
            raise UsageError(f"there is no tokenizer folder {self.folder}", hint)
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        from transformers import AutoTokenizer

        try:
            found = cast("_Tokenizer", AutoTokenizer.from_pretrained(str(self.folder), local_files_only=True))
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise UsageError(f"cannot load the tokenizer in {self.folder}: {error}".splitlines()[0], hint) from error
        if not found.is_fast:
            raise UsageError(f"the tokenizer in {self.folder} does not say where its tokens stand", "save it as tokenizer.json")
        if not isinstance(found.chat_template, str) or not found.chat_template.strip():
            raise UsageError(
                f"the tokenizer in {self.folder} has no chat template", "without one nobody knows what a row looks like in training"
            )
        return found

    @cached_property
    def template(self) -> str:
        """Hash of the chat template."""
        return content_hash(self._tokenizer.chat_template)

    @property
    def marks_answers(self) -> bool:
        """Whether the template says with ``{% generation %}`` which part of it an assistant wrote."""
        return bool(_GENERATION.search(self._tokenizer.chat_template or ""))

    @property
    def keeps_prompts(self) -> bool:
        """Whether prompts, with what the template puts before an answer, begin the whole as it is rendered; as far as the first row tells."""
        return self._keeps_prompts is not False

    @cached_property
    def limit(self) -> int | None:
        """Tokens that the model takes at most: as ``config.json`` says, else the tokenizer; ``None`` where neither does."""
        file = self.folder / "config.json"
        if file.is_file():
            try:
                config = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise UsageError(f"cannot read {file}: {error}", "save the model's configuration again") from error
            for part in (config, config.get("text_config") or {}):
                if isinstance(part.get("max_position_embeddings"), int):
                    return int(part["max_position_embeddings"])
        limit = self._tokenizer.model_max_length
        return int(limit) if limit < _NO_LIMIT else None

    def measured(self, name: str, turns: Sequence[Message], documents: Sequence[Document], evidence: Sequence[Evidence]) -> Measured:
        """Lengths of a whole conversation, and the tokens that its evidence covers.

        Raises:
            UsageError: the chat template cannot render the row, or loses a turn of it.
        """
        text = self._rendered(name, turns, answering=False)
        if self._keeps_prompts is None:  # the template's doing, so one row tells
            self._keeps_prompts = text.startswith(self._rendered(name, turns[:-1], answering=True))
        starts, ends = self._offsets(text)
        by_role = {"system": 0, "user": 0, "assistant": 0}
        place = 0
        for turn in turns:
            found, content = _find(text, turn.content, place)
            if found < 0:
                raise UsageError(
                    f"the chat template in {self.folder} is not usable: row {name}: it leaves out or changes what the {turn.role} says",
                    "name a tokenizer whose template renders system, user and assistant turns as they are",
                )
            place = found + len(content)
            first, behind = _tokens(starts, ends, found, place)
            by_role[turn.role] += behind - first
        spans = self._evidence(text, starts, ends, documents, evidence)
        return Measured(len(starts), by_role, spans)

    def length(self, name: str, turns: Sequence[Message], *, answering: bool = False) -> int:
        """Length of a conversation; of a prompt that is to be answered with what the template puts before an answer.

        Raises:
            UsageError: the chat template cannot render the row.
        """
        return len(self._offsets(self._rendered(name, turns, answering=answering))[0])

    def count(self, text: str) -> int:
        """Length of plain text."""
        return self._counter.count(text)

    def _rendered(self, name: str, turns: Sequence[Message], *, answering: bool) -> str:
        from jinja2 import TemplateError

        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        try:
            return self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=answering)
        except (TemplateError, TypeError, ValueError, KeyError) as error:
            raise UsageError(
                f"the chat template in {self.folder} is not usable: row {name} ({', '.join(turn.role for turn in turns)}): {error}",
                "name a tokenizer whose template renders system, user and assistant turns",
            ) from error

    def _offsets(self, text: str) -> tuple[list[int], list[int]]:
        """First code point of every token and the one behind its last; special tokens stand in the template."""
        offsets = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True).offset_mapping
        return [start for start, _ in offsets], [end for _, end in offsets]

    def _evidence(
        self, text: str, starts: Sequence[int], ends: Sequence[int], documents: Sequence[Document], evidence: Sequence[Evidence]
    ) -> list[list[int]]:
        places: dict[str, int] = {}
        after = 0
        for document in documents:  # layouts keep their order
            content = clean(document.text)
            found, kept = _find(text, content, after)
            if found >= 0:
                places[document.id] = found - (len(content) - len(content.lstrip()) if len(kept) < len(content) else 0)
                after = found + len(kept)
        spans = []
        for span in evidence:
            start = places.get(span.document_id, -1)
            whole = start >= 0 and text[start + span.start : start + span.end] == clean(span.text)
            spans.append(list(_tokens(starts, ends, start + span.start, start + span.end)) if whole else [-1, -1])
        return spans


def _find(text: str, content: str, after: int) -> tuple[int, str]:
    """Where a content stands in the rendered text; templates may take white space off its ends."""
    for form in (content, content.strip()):
        found = text.find(form, after)
        if found >= 0:
            return found, form
    return -1, content


def _tokens(starts: Sequence[int], ends: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """The tokens that share a code point with ``[start, end)``: the first, and the one behind the last."""
    first = bisect_right(ends, start)
    return first, max(first, bisect_left(starts, end))
