"""OpenAI's Batch API (``/v1/files``, ``/v1/batches``) as a way to ask: half the price, within a day."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from wildgraph.backends.openai_compatible import OpenAICompatible
from wildgraph.errors import ConfigError
from wildgraph.llm.batch import BatchModel, Progress
from wildgraph.llm.budget import Budget
from wildgraph.llm.cache import ResponseCache
from wildgraph.llm.model import ChatRequest, Completion
from wildgraph.llm.prices import Price
from wildgraph.llm.transport import HttpTransport
from wildgraph.llm.trouble import Trouble
from wildgraph.llm.wire import Reply

_ENDED = frozenset(("completed", "failed", "expired", "cancelled"))
_BOUNDARY = "wildgraph-7d3c0b5e9f1a"


class OpenAIBatch:
    """A chat model that asks through the Batch API, and live what a batch leaves over.

    Args:
        live: the same model, asked request by request; one address only, for files and batches live at one server.
        cache: that of ``live``. folder: remembers batches under way.
        budget: that of ``live``. price: of live tokens, if it is known.
        size: requests in a batch at most. least: fewer than this are asked live at once.
        poll: seconds between two looks at a batch.
    """

    def __init__(
        self,
        live: OpenAICompatible,
        cache: ResponseCache,
        folder: Path,
        *,
        budget: Budget | None = None,
        price: Price | None = None,
        size: int = 20_000,
        least: int = 20,
        poll: float = 30.0,
    ) -> None:
        self.live = live
        self._cache = cache
        self._folder = folder
        self._budget = budget or Budget()
        self._price = price
        self._size = size
        self._least = least
        self._poll = poll

    @property
    def identity(self) -> str:
        """That of the live model: an answer is the same whichever way it came."""
        return self.live.identity

    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
        """See :class:`wildgraph.llm.ChatModel`."""
        return self._batches.map(requests)

    def close(self) -> None:
        """Close connections; batches under way go on and are found again."""
        self.live.close()

    @cached_property
    def _batches(self) -> BatchModel:
        if len(self.live.base_urls) > 1:
            raise ConfigError("a batch needs one server, several base URLs are named", "name one --base-url, or leave --batch out")
        network = self.live.network
        return BatchModel(
            live=network,
            call=network.dispatcher.call,
            desk=_Desk(self.live.transport),
            wire=self.live.wire,
            questions=self.live.questions,
            cache=self._cache,
            folder=self._folder,
            budget=self._budget,
            tally=self.live.tally,
            price=self._price,
            size=self._size,
            least=self._least,
            poll=self._poll,
        )


class _Desk:
    """The Batch API over HTTP, see :class:`wildgraph.llm.batch.BatchDesk`."""

    def __init__(self, transport: HttpTransport) -> None:
        self._transport = transport

    def line(self, key: str, body: bytes) -> bytes:
        head = json.dumps({"custom_id": key, "method": "POST", "url": "/v1/chat/completions"})[:-1]
        return head.encode() + b', "body": ' + body + b"}\n"

    async def submit(self, lines: Sequence[bytes], tag: str) -> str:
        parts = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{tag}.jsonl"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        upload = parts.encode() + b"".join(lines) + f"\r\n--{_BOUNDARY}--\r\n".encode()
        file = _told(await self._transport.send("POST", "/files", upload, f"multipart/form-data; boundary={_BOUNDARY}"))
        asked = {
            "input_file_id": file.get("id"),
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "metadata": {"wildgraph": tag},
        }
        return str(_told(await self._transport.send("POST", "/batches", json.dumps(asked).encode())).get("id"))

    async def find(self, tag: str) -> str | None:
        listed = _told(await self._transport.get("/batches?limit=100")).get("data")
        for entry in listed if isinstance(listed, list) else ():
            metadata = entry.get("metadata") if isinstance(entry, dict) else None
            if isinstance(metadata, dict) and metadata.get("wildgraph") == tag:
                return str(entry["id"])
        return None

    async def look(self, batch: str) -> Progress:
        told = _told(await self._transport.get(f"/batches/{batch}"))
        status = str(told.get("status"))
        files = tuple(str(told[name]) for name in ("output_file_id", "error_file_id") if told.get(name))
        errors = told.get("errors")
        said = errors.get("data") if isinstance(errors, dict) else None
        problem = "; ".join(str(one.get("message")) for one in said if isinstance(one, dict)) if isinstance(said, list) else ""
        return Progress(status in _ENDED, status, files, problem or ("" if status == "completed" else status))

    async def results(self, file: str) -> Iterator[tuple[str, Reply]]:
        reply = await self._transport.get(f"/files/{file}/content")
        if reply.status != 200:
            raise Trouble("server_error", f"status {reply.status} for the results")
        return _replies(reply.body)


def _replies(content: bytes) -> Iterator[tuple[str, Reply]]:
    """The lines of a file of results; what is no result is passed over, for its request is then asked live."""
    for line in content.split(b"\n"):
        try:
            row = json.loads(line)
            response = row.get("response") or {"status_code": 500, "body": {"error": row.get("error")}}
            yield str(row["custom_id"]), Reply(int(response["status_code"]), {}, json.dumps(response["body"]).encode())
        except (ValueError, KeyError, TypeError, AttributeError):
            continue


def _told(reply: Reply) -> dict[str, object]:
    """The JSON object of a good reply. Raises :class:`Trouble` for any other."""
    try:
        told = json.loads(reply.body)
    except ValueError:
        told = None
    if reply.status == 401:
        raise Trouble("unauthorized", f"status {reply.status}")
    if reply.status in (404, 405):
        raise Trouble("not_found", "the server has no Batch API")
    if reply.status != 200 or not isinstance(told, dict):
        error = told.get("error") if isinstance(told, dict) else None
        said = error.get("message") if isinstance(error, dict) else ""
        raise Trouble("server_error", f"status {reply.status}: {said}")
    return told
