"""Serves one page on this machine's loopback and tells it when what it shows has changed.

Nobody else may read it: the server listens on 127.0.0.1 alone, the address holds a secret that other accounts of the machine do not
know, and a request that names another host (a foreign page whose name was made to mean this machine) is refused.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from wildgraph.errors import UsageError, WildgraphError
from wildgraph.explorer.page import PageData, page_blocks, render_page
from wildgraph.explorer.picture import draw
from wildgraph.records import Json

HOST = "127.0.0.1"
#: Layouts that a server remembers: one per document type and state of its graph.
LAYOUTS = 128
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class State:
    """How far a run is.

    Attributes:
        version: another one when there is more to see.
        doing: what is being written right now, and how many rows it has.
    """

    version: str
    doing: Sequence[tuple[str, int]] = ()


@dataclass
class Source:
    """What is served.

    Attributes:
        title: shown while there is nothing else.
        state: how far the run is; cheap, asked every few seconds.
        read: the run and, if any, the one beside it.
    """

    title: str
    state: Callable[[], State]
    read: Callable[[], tuple[PageData, PageData | None]]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: tuple[str, PageData, PageData | None] | None = None

    def now(self) -> tuple[str, PageData, PageData | None]:
        """Version and content, read once per version; while a run cannot be read, a page that says why."""
        with self._lock:
            version = self.state().version  # before reading: what comes between is told next time
            if self._known is None or self._known[0] != version:
                try:
                    self._known = (version, *self.read())
                except WildgraphError as error:
                    return version, PageData(title=self.title, graphs=(), notes=[f"{error.message}. {error.hint}".strip()]), None
            return self._known


class PageServer(ThreadingHTTPServer):
    """A page at :attr:`address`, until it is closed.

    Args:
        source: what is served.
        port: a free one by default.

    Raises:
        UsageError: the port is taken or not allowed.
    """

    daemon_threads = True  # a browser that keeps a connection open does not keep the program

    def __init__(self, source: Source, port: int = 0) -> None:
        self.source = source
        self.secret = secrets.token_urlsafe(16)
        self.painter = lru_cache(LAYOUTS)(draw)
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise UsageError(f"cannot listen on port {port}: {error.strerror}", "name another --port, or none for a free one") from error

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/{self.secret}/"


class _Handler(BaseHTTPRequestHandler):
    server: PageServer

    def do_GET(self) -> None:
        if self.headers.get("Host") not in (f"{HOST}:{self.server.server_port}", f"localhost:{self.server.server_port}"):
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", "This page is for this machine alone.\n")
            return
        secret, _, rest = self.path.partition("?")[0].lstrip("/").partition("/")
        answer = {"": self._page, "state": self._state, "data": self._data}.get(rest)
        if answer is None or not secrets.compare_digest(secret.encode(), self.server.secret.encode()):
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "There is nothing here: the address must be whole.\n")
            return
        answer()

    def _page(self) -> None:
        _, data, compare = self.server.source.now()
        self._answer(HTTPStatus.OK, "text/html", render_page(data, compare=compare, live=True, painter=self.server.painter))

    def _state(self) -> None:
        state = self.server.source.state()
        self._json({"version": state.version, "doing": [[name, rows] for name, rows in state.doing]})

    def _data(self) -> None:
        version, data, compare = self.server.source.now()
        blocks = page_blocks(data, compare=compare, painter=self.server.painter)
        self._json({"version": version, "blocks": [[block.name, block.encoding, block.text] for block in blocks]})

    def _json(self, content: Mapping[str, Json]) -> None:
        self._answer(HTTPStatus.OK, "application/json", json.dumps(content))

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode("utf-8")
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the reader went away

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class has
        """Say nothing: the terminal is for what the user asked."""
