"""Bytes over HTTP: an aiohttp session with one pool of connections, several base URLs, and errors in this package's words.

Imports aiohttp, so it is itself imported only where a network is about to be used.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from wildgraph.errors import ConfigError
from wildgraph.llm.limits import Patience
from wildgraph.llm.trouble import Trouble, without
from wildgraph.llm.wire import Reply
from wildgraph.records import content_hash

SET_ASIDE = 2.0
#: Answers of status 500 and above in a row from which on a base URL is left alone too, while there are others.
BROKEN = 3
"""Seconds for which a base URL that could not be reached is left alone while others work."""

BUSIER = 2.0
"""How much more a base URL may have in flight than the least loaded one and still get what its prefix cache knows."""

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


class _Endpoint:
    """One base URL with its load."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.in_flight = 0
        self.dead_until = 0.0
        self.broken = 0  # answers in a row that said that the server itself fails

    @cached_property
    def proxy(self) -> str | None:
        """The proxy that the environment names for it, never one for this very machine.

        Looked up once: aiohttp would do it for every request on a thread, and read ~/.netrc as well, which doubles what a request costs.

        Raises:
            ConfigError: it is of a kind that cannot be used.
        """
        parts = urlsplit(self.base_url)
        host = parts.hostname or ""
        if host in _LOOPBACK or proxy_bypass(host):
            return None
        proxy = getproxies().get(parts.scheme)
        if not proxy:
            return None
        if "://" not in proxy:
            proxy = f"http://{proxy}"
        if urlsplit(proxy).scheme not in ("http", "https"):
            raise ConfigError(
                f"the proxy for {parts.scheme} in the environment is no HTTP proxy", f"set {parts.scheme}_proxy to one, or no_proxy={host}"
            )
        return proxy


class HttpTransport:
    """Sends requests to the least loaded of one or several base URLs.

    Args:
        base_urls: without a slash at the end. path: of the question, relative to them.
        headers: of every request; hold the key, so never shown.
        connections: open at most.
        patience: timeouts.
        secret: text that is removed from error messages.
    """

    def __init__(
        self, base_urls: Sequence[str], path: str, headers: Mapping[str, str], connections: int, patience: Patience, secret: str = ""
    ) -> None:
        self._endpoints = [_Endpoint(url) for url in base_urls]
        self._path = path
        self._headers = dict(headers)
        self._connections = connections
        self._patience = patience
        self._secret = secret
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes, prefix: str = "") -> Reply:
        """See :class:`wildgraph.llm.wire.Transport`."""
        return await self._request("POST", self._path, body, prefix=prefix)

    async def get(self, path: str) -> Reply:
        """Fetch ``path`` relative to the base URL. Raises as :meth:`post`."""
        return await self._request("GET", path, None)

    async def send(self, method: str, path: str, body: bytes, content_type: str = "application/json") -> Reply:
        """Send ``body`` to ``path`` relative to the base URL. Raises as :meth:`post`."""
        return await self._request(method, path, body, {"Content-Type": content_type})

    async def close(self) -> None:
        """See :class:`wildgraph.llm.wire.Transport`."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None = None, prefix: str = ""
    ) -> Reply:
        endpoint = self._chosen(prefix)
        endpoint.in_flight += 1
        try:
            async with self._open().request(
                method, f"{endpoint.base_url}{path}", data=body, headers=headers, allow_redirects=False, proxy=endpoint.proxy
            ) as response:
                data = await response.read()
                endpoint.broken = endpoint.broken + 1 if response.status >= 500 else 0
                # One that fails at once is always the least loaded, and would be asked again and again.
                endpoint.dead_until = time.monotonic() + SET_ASIDE if endpoint.broken >= BROKEN else 0.0
                return Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, data)
        except aiohttp.ClientConnectorError as error:
            endpoint.dead_until = time.monotonic() + SET_ASIDE
            if any(other.dead_until < time.monotonic() for other in self._endpoints):
                raise Trouble("reset", self._clean(_why(error))) from None  # another base URL may do
            raise Trouble("unreachable", self._clean(_why(error))) from None
        except aiohttp.ConnectionTimeoutError:
            endpoint.dead_until = time.monotonic() + SET_ASIDE
            raise Trouble("unreachable", f"no connection within {self._patience.connect:g} s") from None
        except TimeoutError:
            raise Trouble("timeout", f"no answer within {self._patience.total:g} s") from None
        except aiohttp.InvalidURL:
            raise Trouble("unreachable", "the address is not a URL") from None
        except (aiohttp.ClientResponseError, aiohttp.http_exceptions.HttpProcessingError) as error:
            raise Trouble("garbled", self._clean(f"not HTTP: {error}")) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Trouble("reset", self._clean(str(error) or type(error).__name__)) from None
        finally:
            endpoint.in_flight -= 1

    def _chosen(self, prefix: str) -> _Endpoint:
        """The least loaded that is not set aside; for a prefix always the same one, as long as that is hardly busier."""
        if len(self._endpoints) == 1:
            return self._endpoints[0]
        now = time.monotonic()
        alive = [endpoint for endpoint in self._endpoints if endpoint.dead_until <= now] or self._endpoints
        least = min(alive, key=lambda endpoint: endpoint.in_flight)
        if not prefix:
            return least
        home = max(alive, key=lambda endpoint: content_hash(prefix, endpoint.base_url))
        return home if home.in_flight <= BUSIER * (least.in_flight + 1) else least

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            patience = self._patience
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ttl_dns_cache=300, keepalive_timeout=30.0),
                # A timer that never fires first is not set: each costs as much as a header.
                timeout=aiohttp.ClientTimeout(
                    total=patience.total, connect=patience.connect, sock_read=patience.read if patience.read < patience.total else None
                ),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _clean(self, text: str) -> str:
        return without(self._secret, text)


def _why(error: aiohttp.ClientConnectorError) -> str:
    cause = error.os_error
    if isinstance(cause, socket.gaierror):
        return f"the name {error.host!r} is unknown"
    if isinstance(cause, ssl.SSLError):
        return f"no secure connection: {cause.reason or cause}"
    if isinstance(cause, ConnectionRefusedError):
        return f"nothing listens at {error.host}:{error.port}"
    return str(cause) or "no connection"
