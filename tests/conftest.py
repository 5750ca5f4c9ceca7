"""Fixtures that all tests share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from fake_server import FakeServer
from whole_runs import demo, installed, one_model, remembered, shared_folder

from wildgraph.embedders.sentence import SentenceEmbedder

__all__ = ["demo", "fake_server", "installed", "one_model", "remembered", "shared_folder"]


@pytest.fixture
def fake_server() -> Iterator[Callable[..., FakeServer]]:
    """Starts fake OpenAI-compatible servers (see ``tests/fake_server.py``) and stops them after the test."""
    servers: list[FakeServer] = []

    def start(**settings: object) -> FakeServer:
        server = FakeServer(**settings)  # type: ignore[arg-type]
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def sentence_embedder() -> SentenceEmbedder:
    """The bundled sentence model, loaded at most once: for tests in which meaning matters."""
    return SentenceEmbedder()
