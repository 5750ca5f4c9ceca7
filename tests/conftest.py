"""Fixtures that all tests share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from fake_server import FakeServer


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
