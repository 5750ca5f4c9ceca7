"""The two halves of a server connection: a wire that translates and a transport that moves bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from wildgraph.llm.answers import Turn
from wildgraph.llm.stored import Stored


@dataclass(frozen=True)
class Reply:
    """What came back for one request.

    Attributes:
        status: HTTP status. headers: names in lower case. body: bytes, whole.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire(Protocol):
    """Translates questions to bodies and replies to answers. Pure but for what it learns of the server's dialect."""

    def body(self, turn: Turn) -> tuple[bytes, object]:
        """The request body, and the dialect it was written in."""
        ...

    def read(self, reply: Reply, dialect: object) -> Stored:
        """The answer.

        Raises:
            Trouble: there is none; of kind ``dialect`` when the same question should be put in another way at once.
        """
        ...


class Transport(Protocol):
    """Moves bytes."""

    async def post(self, body: bytes, prefix: str = "") -> Reply:
        """Send one request.

        Args:
            body: what is asked.
            prefix: names the documents it begins with: of several servers, one may have them in its cache.

        Raises:
            Trouble: ``unreachable``, ``reset`` or ``timeout``.
        """
        ...

    async def close(self) -> None:
        """Close connections; the next call opens new ones."""
        ...
