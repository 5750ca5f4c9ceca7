"""A chat server that costs next to nothing, so that what is measured is the client: one canned answer, after a latency.

python benchmarks/light_server.py --latency 0.2 --lognormal 0.8      # the port is printed first
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import zlib
from collections.abc import Callable

import uvloop

MESSAGE = r"{\"title\":\"a\",\"kind\":\"b\",\"amount\":3,\"parties\":[\"c\",\"d\"]}"
BODY = (
    f'{{"choices":[{{"message":{{"content":"{MESSAGE}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":500,"completion_tokens":20}}}}'
)
REPLY = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}".encode()


def latency_of(median: float, sigma: float) -> Callable[[bytes], float]:
    """Seconds for a body: always the median, or log-normal around it and a function of the body."""
    if not sigma:
        return lambda body: median
    normal = statistics.NormalDist()
    return lambda body: median * math.exp(sigma * normal.inv_cdf((zlib.crc32(body) % 9998 + 1) / 10_000))


class Connection(asyncio.Protocol):
    """One client connection: a request at a time."""

    def __init__(self, latency: Callable[[bytes], float]) -> None:
        self._latency = latency
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the body is whole."""
        self._data += data
        head, mark, body = self._data.partition(b"\r\n\r\n")
        if not mark:
            return
        at = head.lower().index(b"content-length:") + 15
        if len(body) >= int(head[at:].split(b"\r\n", 1)[0]):
            self._data = b""
            asyncio.get_running_loop().call_later(self._latency(body), self._transport.write, REPLY)  # type: ignore[attr-defined]


async def serve(latency: Callable[[bytes], float], host: str) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(latency), host, 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--lognormal", type=float, default=0.0, help="σ")
    parser.add_argument("--host", default="127.0.0.1")
    args = parser.parse_args()
    uvloop.run(serve(latency_of(args.latency, args.lognormal), args.host))
