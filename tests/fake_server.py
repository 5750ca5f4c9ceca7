"""An OpenAI-compatible chat server on loopback whose answers, delays and faults are functions of the request body.

In a test::

    with FakeServer() as server:
        OpenAICompatible("fake", server.base_url, "")

As a process of its own (the port is printed first; ``GET /stats`` says what was served)::

    python tests/fake_server.py --latency 0.2 --faults rate_limited=0.05,hang=0.01
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import math
import random
import re
import socket
import statistics
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Body = dict[str, Any]
Answer = Callable[[Body], str]

FAULTS = (
    "rate_limited",  # 429 without Retry-After
    "rate_limited_with_hint",  # 429 with Retry-After
    "overloaded",  # 503
    "server_error",  # 500
    "reset",  # the connection is reset in the middle of the body
    "truncated_json",  # 200, the body is cut, Content-Length agrees
    "invalid_content",  # 200, the message is not the JSON that was asked for
    "wrong_schema",  # 200, the message is JSON of another shape
    "html",  # 200, a web page
    "hang",  # no answer at all
    "drip",  # one byte at a time
    "length",  # 200, the message is cut by max_tokens
    "empty_choices",
    "wrong_types",  # 200, content is a number
    "refusal",
    "content_filter",
    "unauthorized",  # 401
    "too_long",  # 400, context length exceeded
    "quota",  # 429 insufficient_quota
    "missing",  # only in batches: no result at all
)


def key_of(body: Body) -> str:
    """What counts as the same body."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def fraction_of(body: Body, salt: str = "") -> float:
    """A number in [0, 1) that is a function of the body."""
    return int(hashlib.sha256(f"{salt}{key_of(body)}".encode()).hexdigest()[:12], 16) / 16**12


def lognormal_latency(median: float, sigma: float) -> Callable[[Body], float]:
    """Latencies as real models have them, each a function of the body."""
    normal = statistics.NormalDist()
    return lambda body: median * math.exp(sigma * normal.inv_cdf(min(0.9999, max(0.0001, fraction_of(body, "latency")))))


@dataclass
class Mixture:
    """Faults that strike a fixed share of bodies, each for its first ``times`` requests."""

    shares: Mapping[str, float]
    times: int = 1

    def __call__(self, body: Body, nth: int) -> str | None:
        if nth >= self.times:
            return None
        at, threshold = fraction_of(body, "fault"), 0.0
        for fault, share in self.shares.items():
            assert fault in FAULTS, fault
            threshold += share
            if at < threshold:
                return fault
        return None


def default_answer(body: Body) -> str:
    """For a schema a minimal instance of it, else a sentence that echoes the prompt's last words."""
    schema = _schema_of(body)
    rng = random.Random(key_of(body))
    if schema is not None:
        return json.dumps(instance(schema, schema, rng), ensure_ascii=False)
    words = body["messages"][-1]["content"].split()[-12:]
    return f"Answer {rng.randrange(10**6)}: {' '.join(words)}."


def _schema_of(body: Body) -> Body | None:
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return wanted["json_schema"]["schema"]
    for message in reversed(body["messages"]):
        if match := re.search(r"JSON schema:\n(\{.*\})\s*\Z", message["content"], re.DOTALL):
            return json.loads(match.group(1))
    return None


def instance(node: Body, root: Body, rng: random.Random) -> Any:
    """A small value that fits the schema ``node``."""
    if "$ref" in node:
        target: Any = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return instance(target, root, rng)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return rng.choice(node["enum"])
    for union in ("anyOf", "oneOf", "allOf"):
        if union in node:
            return instance(rng.choice(node[union]), root, rng)
    kind = node.get("type")
    if isinstance(kind, list):
        kind = rng.choice(kind)
    if kind == "object":
        return {name: instance(part, root, rng) for name, part in node.get("properties", {}).items()}
    if kind == "array":
        count = max(node.get("minItems", 1), min(node.get("maxItems", 2), rng.randint(1, 2)))
        return [instance(node.get("items", {"type": "string"}), root, rng) for _ in range(count)]
    if kind == "integer":
        return int(node.get("minimum", 0)) + rng.randrange(3)
    if kind == "number":
        return float(node.get("minimum", 0)) + rng.randrange(3)
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "null":
        return None
    return f"{rng.choice(('plain', 'short', 'careful', 'formal'))} {rng.choice(('summary', 'list', 'answer', 'report'))}"


@dataclass
class Counted:
    """What the server saw and did. ``served``: whole answers with status 200, by body."""

    requests: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    served: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    bodies: dict[str, Body] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


class FakeServer:
    """The server; a context manager, may be stopped and started again on the same port.

    Args:
        answer: text of the answer to a body.
        fault: name of the fault for a body asked for the nth time (from 0), or ``None``.
        latency: seconds, or a function of the body.
        key: the bearer token that is demanded, if any.
        formats: the ``response_format`` types that are understood; others get status 400.
        window: prompts of more characters / 4 than this get a context-length error.
        models: what ``GET /v1/models`` lists.
        capacity: requests worked on at once; more get status 429.
        batch_looks: how often a batch is looked at before it has ended. batch_end: the status it ends with.
        cached: tokens of a body's prompt that are reported as found in the prefix cache; ``None`` reports nothing.
    """

    def __init__(
        self,
        answer: Answer = default_answer,
        fault: Callable[[Body, int], str | None] = lambda body, nth: None,
        latency: float | Callable[[Body], float] = 0.0,
        key: str | None = None,
        formats: tuple[str, ...] = ("json_schema", "json_object"),
        window: int | None = None,
        models: tuple[str, ...] = ("fake",),
        keep_bodies: bool = True,
        capacity: int | None = None,
        cached: Callable[[Body], int] | None = None,
        batch_looks: int = 1,
        batch_end: str = "completed",
    ) -> None:
        self.answer, self.fault, self.latency, self.key = answer, fault, latency, key
        self.formats, self.window, self.models, self.keep_bodies = formats, window, models, keep_bodies
        self.capacity = capacity
        self.cached = cached
        self.batch_looks, self.batch_end = batch_looks, batch_end
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Body] = {}
        self.retry_after = "1"
        self.counted = Counted()
        self.port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closing: asyncio.Event | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> FakeServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> FakeServer:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="fake-server", daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def stop(self) -> None:
        if self._thread is not None:
            assert self._loop is not None
            assert self._closing is not None
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join(10)
            self._thread = None

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        connections: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._talk(reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)

        server = await asyncio.start_server(connected, "127.0.0.1", self.port, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._closing.wait()
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, path, _ = head.split(" ", 2)
                if path.startswith("http://"):  # asked as a proxy; every host is this server
                    path = urlsplit(path)._replace(scheme="", netloc="").geturl()
                headers = {name.lower(): value for name, value in re.findall(r"^([^:\r\n]+): *(.*?)\r$", head, re.MULTILINE)}
                data = await reader.readexactly(int(headers.get("content-length", 0)))
                if not await self._respond(method, path, headers, data, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _respond(self, method: str, path: str, headers: dict[str, str], data: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; false ends the connection."""
        counted = self.counted
        if path == "/stats":
            return _send(writer, 200, {"requests": counted.requests, "served": dict(counted.served), "faults": dict(counted.faults)})
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            counted.requests += 1
            counted.faults["unauthorized"] += 1
            return _send(writer, 401, _error(f"Incorrect API key provided: {headers.get('authorization', '')[7:]}", "invalid_api_key"))
        if method == "GET" and path == "/v1/models":
            return _send(writer, 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})
        if path.partition("?")[0].startswith(("/v1/files", "/v1/batches")):
            return self._batch(method, path.partition("?")[0].split("/")[2:], data, writer)
        if method != "POST" or path != "/v1/chat/completions":
            return _send(writer, 404, {"detail": "Not Found"})
        counted.in_flight += 1
        counted.most_in_flight = max(counted.most_in_flight, counted.in_flight)
        try:
            return await self._complete(json.loads(data), headers, writer)
        finally:
            counted.in_flight -= 1

    async def _complete(self, body: Body, headers: dict[str, str], writer: asyncio.StreamWriter) -> bool:
        counted, key = self.counted, key_of(body)
        nth = counted.asked[key]
        counted.requests += 1
        counted.asked[key] += 1
        if self.keep_bodies:
            counted.bodies.setdefault(key, body)
            counted.headers.append(headers)
        if self.capacity is not None and counted.in_flight > self.capacity:
            counted.faults["rate_limited"] += 1
            return _send(writer, 429, _error("Too many requests", "rate_limit_exceeded"))
        latency = self.latency(body) if callable(self.latency) else self.latency
        if latency:
            await asyncio.sleep(latency)
        wanted = (body.get("response_format") or {}).get("type")
        if wanted is not None and wanted not in self.formats:
            counted.faults["response_format"] += 1
            return _send(writer, 400, _error(f"response_format type {wanted} is not supported", "invalid_request_error"))
        if self.window is not None and sum(len(message["content"]) for message in body["messages"]) // 4 > self.window:
            counted.faults["too_long"] += 1
            return _send(writer, 400, _error(f"This model's maximum context length is {self.window} tokens.", "context_length_exceeded"))
        fault = self.fault(body, nth)
        if fault is not None:
            counted.faults[fault] += 1
            return await self._misbehave(fault, body, key, writer)
        return self._serve_whole(body, key, self._reply(body, self.answer(body)), writer)

    def _batch(self, method: str, path: list[str], data: bytes, writer: asyncio.StreamWriter) -> bool:
        """The Batch API: files go in and out, batches are made, listed and looked at."""
        match method, path:
            case "POST", ["files"]:
                name = f"file-{len(self.files)}"
                self.files[name] = data.split(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
                return _send(writer, 200, {"id": name, "object": "file", "purpose": "batch"})
            case "GET", ["files", name, "content"] if name in self.files:
                return _send_raw(writer, 200, self.files[name], "application/octet-stream")
            case "POST", ["batches"]:
                asked = json.loads(data)
                name = f"batch-{len(self.batches)}"
                self.batches[name] = {"id": name, "object": "batch", "status": "in_progress", "looks": 0, **asked}
                return _send(writer, 200, self.batches[name])
            case "GET", ["batches"]:
                return _send(writer, 200, {"object": "list", "data": list(self.batches.values())})
            case "GET", ["batches", name] if name in self.batches:
                batch = self.batches[name]
                batch["looks"] += 1
                if batch["looks"] >= self.batch_looks and batch["status"] == "in_progress":
                    self._end(batch)
                return _send(writer, 200, batch)
        return _send(writer, 404, {"detail": "Not Found"})

    def _end(self, batch: Body) -> None:
        """Answer a batch's requests; a fault ``missing`` leaves one out, as when it expires."""
        batch["status"] = self.batch_end
        if self.batch_end == "failed":
            batch["errors"] = {"data": [{"code": "invalid", "message": "the file is malformed"}]}
            return
        good, bad = [], []
        for line in self.files[batch["input_file_id"]].splitlines():
            row = json.loads(line)
            body, counted = row["body"], self.counted
            key = key_of(body)
            fault = self.fault(body, counted.asked[key])
            counted.asked[key] += 1
            counted.requests += 1
            if fault is not None:
                counted.faults[fault] += 1
            if fault == "missing":
                continue
            if fault == "server_error":
                response = {"status_code": 500, "body": _error("The server had an error", "server_error")}
                bad.append({"custom_id": row["custom_id"], "response": response, "error": None})
                continue
            text = "I would rather not write JSON." if fault == "invalid_content" else self.answer(body)
            reply = self._reply(body, text)
            self._count(key, reply)
            good.append({"custom_id": row["custom_id"], "response": {"status_code": 200, "body": reply}, "error": None})
        for name, rows in (("output_file_id", good), ("error_file_id", bad)):
            if rows:
                batch[name] = f"file-{len(self.files)}"
                random.Random(0).shuffle(rows)  # results come in any order
                self.files[batch[name]] = "".join(json.dumps(row) + "\n" for row in rows).encode()

    def _count(self, key: str, reply: Body) -> None:
        self.counted.served[key] += 1
        self.counted.prompt_tokens += reply["usage"]["prompt_tokens"]
        self.counted.completion_tokens += reply["usage"]["completion_tokens"]
        self.counted.cached_tokens += reply["usage"].get("prompt_tokens_details", {}).get("cached_tokens", 0)

    def _serve_whole(self, body: Body, key: str, reply: Body, writer: asyncio.StreamWriter) -> bool:
        self._count(key, reply)
        return _send(writer, 200, reply)

    def _reply(self, body: Body, text: str, finish: str = "stop") -> Body:
        prompt = sum(len(message["content"]) for message in body["messages"]) // 4
        usage = {"prompt_tokens": prompt, "completion_tokens": max(1, len(text) // 4), "total_tokens": prompt + max(1, len(text) // 4)}
        if self.cached is not None:
            usage["prompt_tokens_details"] = {"cached_tokens": self.cached(body)}
        choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
        return {
            "id": f"fake-{key_of(body)}",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [choice],
            "usage": usage,
        }

    async def _misbehave(self, fault: str, body: Body, key: str, writer: asyncio.StreamWriter) -> bool:
        text = self.answer(body)
        reply = self._reply(body, text)
        match fault:
            case "rate_limited":
                return _send(writer, 429, _error("Rate limit reached", "rate_limit_exceeded"))
            case "rate_limited_with_hint":
                return _send(writer, 429, _error("Rate limit reached", "rate_limit_exceeded"), {"Retry-After": self.retry_after})
            case "quota":
                return _send(writer, 429, _error("You exceeded your current quota", "insufficient_quota"))
            case "overloaded":
                return _send(writer, 503, _error("The engine is currently overloaded", "service_unavailable"))
            case "server_error":
                return _send(writer, 500, _error("The server had an error", "server_error"))
            case "unauthorized":
                return _send(writer, 401, _error("Incorrect API key provided", "invalid_api_key"))
            case "too_long":
                return _send(writer, 400, _error("This model's maximum context length is 8192 tokens.", "context_length_exceeded"))
            case "html":
                return _send_raw(writer, 200, b"<!DOCTYPE html><html><body>Sign in</body></html>", "text/html")
            case "truncated_json":
                data = json.dumps(reply).encode()
                return _send_raw(writer, 200, data[: len(data) // 2], "application/json")
            case "reset":
                data = json.dumps(reply).encode()
                writer.write(_head(200, len(data), "application/json") + data[: len(data) // 2])
                await writer.drain()
                _reset(writer)
                return False
            case "hang":
                await asyncio.sleep(3600)
                return False
            case "drip":
                data = json.dumps(reply).encode()
                writer.write(_head(200, len(data), "application/json"))
                for byte in data:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.05)
                return True
            case "length":
                return self._serve_whole(body, key, self._reply(body, text[: len(text) // 2], "length"), writer)
            case "invalid_content":
                return self._serve_whole(body, key, self._reply(body, "I would rather not write JSON."), writer)
            case "wrong_schema":
                return self._serve_whole(body, key, self._reply(body, '{"unexpected": [1, 2, 3]}'), writer)
            case "empty_choices":
                return self._serve_whole(body, key, {**reply, "choices": []}, writer)
            case "content_filter":
                return self._serve_whole(body, key, self._reply(body, "", "content_filter"), writer)
            case "wrong_types":
                reply["choices"][0]["message"]["content"] = 42
                return self._serve_whole(body, key, reply, writer)
            case "refusal":
                reply["choices"][0]["message"] = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
                return self._serve_whole(body, key, reply, writer)
        raise AssertionError(fault)


def _error(message: str, code: str) -> Body:
    return {"error": {"message": message, "type": code, "code": code}}


def _head(status: int, length: int, kind: str, headers: Mapping[str, str] | None = None) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{more}\r\n".encode()


def _send_raw(writer: asyncio.StreamWriter, status: int, data: bytes, kind: str, headers: Mapping[str, str] | None = None) -> bool:
    writer.write(_head(status, len(data), kind, headers) + data)
    return True


def _send(writer: asyncio.StreamWriter, status: int, value: Body, headers: Mapping[str, str] | None = None) -> bool:
    return _send_raw(writer, status, json.dumps(value).encode(), "application/json", headers)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    handle = writer.get_extra_info("socket")
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description="a fake OpenAI-compatible server")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--lognormal", type=float, default=0.0, help="σ of the latency, whose median is --latency")
    parser.add_argument("--faults", default="", help="name=share,name=share")
    args = parser.parse_args()
    shares = {name: float(share) for name, _, share in (part.partition("=") for part in args.faults.split(",") if part)}
    latency = lognormal_latency(args.latency, args.lognormal) if args.lognormal else args.latency
    server = FakeServer(fault=Mixture(shares), latency=latency, keep_bodies=False)
    server.port = args.port
    server.start()
    print(server.port, flush=True)  # noqa: T201
    threading.Event().wait()


if __name__ == "__main__":
    main()
