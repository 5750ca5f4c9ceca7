"""The ingest stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from wildgraph.readers import read_logs
from wildgraph.records import Conversation, Rejection, Span
from wildgraph.stages.ingest import IngestConfig, ingest

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
real = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not beside the repository")

ARTICLE = (
    "The river rose by two metres overnight. Farmers moved their herds to higher ground. By noon the bridge had been closed to traffic."
)


def conversation(query: str = "Summarize the attached report.", **said: object) -> Conversation:
    return Conversation.of(query, source="log", line=1, **said)  # type: ignore[arg-type]


def one(item: Conversation, **settings: object) -> Conversation | Rejection:
    [found] = ingest([item], IngestConfig(**settings))  # type: ignore[arg-type]
    return found


def accepted(item: Conversation, **settings: object) -> Conversation:
    found = one(item, **settings)
    assert isinstance(found, Conversation), found
    return found


@pytest.mark.parametrize(
    ("item", "settings", "reason"),
    [
        (conversation(toxic=True), {}, "toxic"),
        (conversation(user_turns=2), {"single_turn": True}, "multi_turn"),
        (conversation(), {"min_chars": 100}, "length_filter"),
        (conversation(), {"max_chars": 10}, "length_filter"),
        (conversation(), {"min_tokens": 100}, "length_filter"),
        (conversation(), {"max_tokens": 2}, "length_filter"),
        (conversation(), {"languages": ("German", "fr")}, "language_filter"),
        (conversation("Tell me a joke."), {"long_context_only": True}, "no_long_context"),
    ],
)
def test_every_filter_takes_out_and_says_why(item: Conversation, settings: dict[str, object], reason: str) -> None:
    found = one(item, **settings)
    assert isinstance(found, Rejection)
    assert (found.reason, found.kind, found.item, found.where) == (reason, "filtered", item.id, "log:1")


@pytest.mark.parametrize(
    ("item", "settings"),
    [
        (conversation(toxic=True), {"drop_toxic": False}),
        (conversation(toxic=False), {}),
        (conversation(user_turns=2), {}),
        (conversation(), {"min_chars": 10, "max_chars": 100, "min_tokens": 3, "max_tokens": 50}),
        (conversation(), {"languages": ("English",)}),
        (conversation(), {"long_context_only": True, "single_turn": True}),
        (conversation("Who won?", about_document=True), {"long_context_only": True}),
    ],
)
def test_every_filter_lets_through(item: Conversation, settings: dict[str, object]) -> None:
    assert isinstance(one(item, **settings), Conversation)


def test_language_of_the_log_before_that_of_the_instruction_before_that_of_the_query() -> None:
    russian = "За ночь река поднялась на два метра. Фермеры перегнали стада выше. К полудню мост закрыли для движения."
    assert accepted(conversation("Hello there, how are you?", language="Russian")).language == "ru"
    assert accepted(conversation(f"Check my translation of this text:\n\n{russian}")).language == "en"
    assert accepted(conversation(russian * 6)).language == "ru"
    assert accepted(conversation("Hello there, how are you?", language="Klingon")).language == "en"
    assert accepted(conversation("2 + 2")).language == "und"


def test_the_paste_is_found_or_taken_from_the_log() -> None:
    found = accepted(conversation(f"Summarize this article:\n\n{ARTICLE}"))
    assert found.paste is not None
    assert found.query[found.paste.start : found.paste.end] == ARTICLE
    assert found.instruction == "Summarize this article:"
    assert found.refers_to_document
    query = f"Do it.\n\n{ARTICLE}"
    kept = accepted(conversation(query, paste=Span(start=8, end=len(query))))
    assert kept.paste == Span(start=8, end=len(query))
    short = accepted(conversation("Capital of?\n\nFrance", paste=Span(start=13, end=19)))
    assert short.paste is None
    assert not short.refers_to_document


def test_duplicates_are_filtered_unless_of_two_users() -> None:
    items = [conversation(user="a"), conversation(user="b"), conversation(user="a")]
    found = list(ingest(items))
    assert [isinstance(item, Conversation) for item in found] == [True, True, False]
    assert isinstance(found[2], Rejection)
    assert found[2].reason == "duplicate_conversation"


def test_rejections_pass_through_in_their_place() -> None:
    broken = Rejection(stage="ingest", item="log:2", reason="broken_json", where="log:2")
    found = list(ingest([conversation(user="a"), broken, conversation(user="b")]))
    assert found[1] == broken
    assert len(found) == 3


def test_the_limit_counts_accepted_ones_and_stops_reading() -> None:
    read = 0

    def items() -> Iterator[Conversation]:
        nonlocal read
        while True:
            read += 1
            yield conversation(user=str(read), toxic=read % 2 == 0)

    found = list(ingest(items(), IngestConfig(limit=3)))
    assert sum(isinstance(item, Conversation) for item in found) == 3
    assert read == 5


@pytest.mark.parametrize(
    "settings",
    [
        {"languages": ("Klingon",)},
        {"min_chars": 5, "max_chars": 4},
        {"min_tokens": 5, "max_tokens": 4},
        {"limit": 0},
        {"unknown": 1},
        {"min_chars": -1},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        IngestConfig(**settings)  # type: ignore[arg-type]


def test_languages_are_kept_as_codes() -> None:
    assert IngestConfig(languages=("English", "pt-BR")).languages == ("en", "pt")


@real
def test_the_shared_logs() -> None:
    found = list(ingest(read_logs([SHARED / "queries.parquet", SHARED / "document_questions.parquet"])))
    assert Counter(isinstance(item, Conversation) for item in found) == {True: 3547}
    conversations = [item for item in found if isinstance(item, Conversation)]
    assert sum(item.refers_to_document for item in conversations) > 1698 + 400
    for item in conversations:
        if item.paste is not None:
            assert item.query[item.paste.start : item.paste.end].strip()


@real
def test_repeated_rows_of_a_real_log_are_filtered() -> None:
    found = list(ingest(read_logs([SHARED / "native" / "wildchat_schema_ru.jsonl"])))
    assert Counter(item.reason if isinstance(item, Rejection) else "ok" for item in found) == {"ok": 56, "duplicate_conversation": 2}
