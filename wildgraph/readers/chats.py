"""Logs of chats: WildChat, LMSYS-Chat-1M, Chatbot Arena, ShareGPT, OpenAI messages, hh-rlhf."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from wildgraph.readers.layout import Logged, conversations, first_of, objects, turns_of, verdict
from wildgraph.records import Conversation, Rejection
from wildgraph.rows import Row

USERS = frozenset({"user", "human", "prompter"})


def _has(messages: object, role: str, text: str) -> bool:
    found = objects(messages)
    return found is not None and role in found[0] and text in found[0]


class WildChat:
    """WildChat and WildChat-1M (Zhao et al. 2024, arXiv 2405.01470); the user is the hashed address."""

    name = "wildchat"

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with ``conversation`` and ``conversation_hash`` or a hashed address."""
        return _has(row.get("conversation"), "role", "content") and ("conversation_hash" in row or "hashed_ip" in row)

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row."""
        return conversations(rows, self._understand)

    @staticmethod
    def _understand(row: Mapping[str, object]) -> Logged | None:
        messages = objects(row.get("conversation"))
        if messages is None:
            return None
        return Logged(
            turns_of(messages, "role", "content", USERS),
            user=row.get("hashed_ip") or first_of(messages, "hashed_ip"),
            native_id=row.get("conversation_hash"),
            language=row.get("language") or first_of(messages, "language"),
            toxic=verdict(row),
        )


class Lmsys:
    """LMSYS-Chat-1M (Zheng et al. 2023, arXiv 2309.11998); it names no users."""

    name = "lmsys"

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with ``conversation`` and ``conversation_id``."""
        return _has(row.get("conversation"), "role", "content") and "conversation_id" in row

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row."""
        return conversations(rows, self._understand)

    @staticmethod
    def _understand(row: Mapping[str, object]) -> Logged | None:
        messages = objects(row.get("conversation"))
        if messages is None:
            return None
        return Logged(
            turns_of(messages, "role", "content", USERS),
            native_id=row.get("conversation_id"),
            language=row.get("language"),
            toxic=verdict(row),
        )


class ChatbotArena:
    """Chatbot Arena battles; both sides saw the same first user turn. The judge is the user, where it is a person."""

    name = "chatbot-arena"

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with ``conversation_a`` and ``conversation_b``."""
        return _has(row.get("conversation_a"), "role", "content") and "conversation_b" in row

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row."""
        return conversations(rows, self._understand)

    @staticmethod
    def _understand(row: Mapping[str, object]) -> Logged | None:
        messages = objects(row.get("conversation_a"))
        if messages is None:
            return None
        judge = row.get("judge")
        return Logged(
            turns_of(messages, "role", "content", USERS),
            user=judge if isinstance(judge, str) and judge.startswith("arena_user") else None,
            native_id=row.get("question_id"),
            language=row.get("language"),
            toxic=verdict(row),
        )


class ShareGPT:
    """ShareGPT and Vicuna training files: ``conversations`` of ``from`` and ``value``."""

    name = "sharegpt"
    _keys = ("conversations", "conversation", "items")

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with a list of ``from``/``value`` objects."""
        return any(_has(row.get(key), "from", "value") for key in self._keys)

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row."""
        return conversations(rows, self._understand)

    def _understand(self, row: Mapping[str, object]) -> Logged | None:
        if row.get("conversations") == []:
            return Logged(())
        messages = next((found for key in self._keys if (found := objects(row.get(key)))), None)
        if messages is None or "from" not in messages[0]:
            return None
        return Logged(
            turns_of(messages, "from", "value", USERS),
            user=row.get("user_id") or row.get("user"),
            native_id=row.get("id"),
            language=row.get("language") or row.get("lang"),
            toxic=verdict(row),
        )


class OpenAIMessages:
    """Chat-completions messages: rows of ``messages``, request logs (``request.messages``) and batch files (``body.messages``)."""

    name = "openai-messages"
    _keys = ("messages", "conversation", "conversations", "prompt")
    _ids = ("id", "custom_id", "conversation_id", "request_id", "uid", "uuid")
    _users = ("user", "user_id", "safety_identifier", "hashed_ip")

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with a list of ``role``/``content`` objects in one of the usual places."""
        return any(_has(place.get(key), "role", "content") for place in self._places(row) for key in self._keys)

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row."""
        return conversations(rows, self._understand)

    @staticmethod
    def _places(row: Mapping[str, object]) -> list[Mapping[str, object]]:
        return [row, *(inner for key in ("request", "body") if isinstance(inner := row.get(key), Mapping))]

    def _understand(self, row: Mapping[str, object]) -> Logged | None:
        places = self._places(row)
        if any(place.get("messages") == [] for place in places):
            return Logged(())
        messages = next((found for place in places for key in self._keys if (found := objects(place.get(key)))), None)
        if messages is None or "role" not in messages[0]:
            return None
        return Logged(
            turns_of(messages, "role", "content", USERS),
            user=next((place[key] for place in places for key in self._users if place.get(key)), None),
            native_id=next((place[key] for place in places for key in self._ids if place.get(key) is not None), None),
            language=row.get("language") or row.get("lang"),
            toxic=verdict(row),
        )


class HHRLHF:
    """Anthropic's hh-rlhf (Bai et al. 2022, arXiv 2204.05862): whole transcripts as text, ``chosen`` and ``rejected``."""

    name = "hh-rlhf"
    _speaker = re.compile(r"(?:\A|\n\n)(Human|Assistant): ?")

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows whose ``chosen`` is a transcript."""
        chosen = row.get("chosen")
        return isinstance(chosen, str) and "rejected" in row and self._speaker.match(chosen) is not None

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row: the turns up to the last are the same in both transcripts."""
        return conversations(rows, self._understand)

    def _understand(self, row: Mapping[str, object]) -> Logged | None:
        chosen = row.get("chosen")
        if not isinstance(chosen, str):
            return None
        _, *turns = self._speaker.split(chosen)
        if not turns:
            return None
        return Logged([text.strip() for speaker, text in zip(turns[::2], turns[1::2], strict=True) if speaker == "Human"])
