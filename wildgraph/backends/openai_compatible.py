"""Any server that speaks OpenAI's chat-completions protocol: OpenAI, vLLM, SGLang, llama.cpp, Ollama, LM Studio, proxies.

:class:`OpenAICompatible` puts together what :mod:`wildgraph.llm` has: translation, transport, limits and cache.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Unpack
from urllib.parse import urlsplit

from wildgraph.errors import ConfigError
from wildgraph.llm.budget import Budget
from wildgraph.llm.cache import ResponseCache
from wildgraph.llm.chat_completions import ChatCompletions, listed_models
from wildgraph.llm.model import ChatRequest, Completion
from wildgraph.llm.network import NetworkModel
from wildgraph.llm.questions import Questions
from wildgraph.llm.tally import Tally
from wildgraph.llm.terms import Terms, network_on, patience_on, questions_on, wire_on
from wildgraph.llm.trouble import Trouble

if TYPE_CHECKING:
    from wildgraph.llm.transport import HttpTransport

DEFAULT_BASE_URL = "https://api.openai.com/v1"


class OpenAICompatible:
    """A chat model behind an OpenAI-compatible server.

    Args:
        model: the model's name at the server.
        base_url: one address, or several that serve the same model; by default ``OPENAI_BASE_URL``, else OpenAI itself.
        api_key: by default ``OPENAI_API_KEY``. Never shown, logged or stored.
        concurrency: requests in flight at most.
        cache: where answers are kept.
        terms: budget, price, window, limits and the rest; see :class:`wildgraph.llm.terms.Terms`.
    """

    def __init__(
        self,
        model: str,
        base_url: str | Sequence[str] | None = None,
        api_key: str | None = None,
        concurrency: int = 32,
        cache: ResponseCache | None = None,
        **terms: Unpack[Terms],
    ) -> None:
        self.model = model
        self.concurrency = concurrency
        self.tally = terms.get("tally") or Tally()
        self.budget = terms.get("budget") or Budget()
        self._given_url = base_url
        self._given_key = api_key
        self._cache = cache
        self._terms: Terms = {**terms, "tally": self.tally, "budget": self.budget}

    def __repr__(self) -> str:
        return f"OpenAICompatible({self.model!r})"

    @cached_property
    def base_urls(self) -> tuple[str, ...]:
        """The addresses, checked and without a slash at the end.

        Raises:
            ConfigError: one is no HTTP address, or holds a key.
        """
        given = self._given_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL
        return tuple(checked_url(url) for url in ((given,) if isinstance(given, str) else given))

    @cached_property
    def identity(self) -> str:
        """``openai:<model>@<server group>``."""
        return f"openai:{self.model}@{self._terms.get('server_group') or server_group(self.base_urls[0])}"

    @cached_property
    def questions(self) -> Questions:
        """How the model is asked, for whoever wants to know what the cache knows."""
        return questions_on(self._terms, self.identity)

    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
        """See :class:`wildgraph.llm.ChatModel`."""
        return self.network.map(requests)

    def check(self) -> tuple[str, ...]:
        """The names of the models that the server offers, asked with one cheap request.

        Raises:
            ModelError: it cannot be reached, refuses the key, or is no model server.
        """
        server = self.base_urls[0]
        try:
            reply = self.network.dispatcher.call(lambda: self.transport.get("/models"))
        except Trouble as trouble:
            raise trouble.for_the_run(server, self.model) from None
        return listed_models(reply, server, self.model)

    def close(self) -> None:
        """Close connections; the model opens new ones when it is used again."""
        if "network" in self.__dict__:
            self.network.close()

    @cached_property
    def _key(self) -> str:
        key = self._given_key if self._given_key is not None else os.environ.get("OPENAI_API_KEY", "")
        if any(char.isspace() or not char.isascii() for char in key):
            raise ConfigError("the API key holds spaces, line breaks or characters beyond ASCII", "look at OPENAI_API_KEY")
        return key

    @cached_property
    def wire(self) -> ChatCompletions:
        """Translation; learns the server's dialect."""
        return wire_on(self._terms, self.model, self._key)

    @cached_property
    def transport(self) -> HttpTransport:
        """Bytes to the server and back."""
        from wildgraph.llm.transport import HttpTransport

        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return HttpTransport(self.base_urls, "/chat/completions", headers, self.concurrency, patience_on(self._terms), self._key)

    @cached_property
    def network(self) -> NetworkModel:
        """Limits, retries and cache around them."""
        return network_on(
            self._terms,
            self.questions,
            self.wire,
            self.transport,
            server=self.base_urls[0],
            model=self.model,
            concurrency=self.concurrency,
            cache=self._cache,
        )


def checked_url(url: str) -> str:
    """A base URL without what users paste after it.

    Raises:
        ConfigError: it is no HTTP address, or holds a key; the message does not repeat it.

    Example:
        >>> checked_url("http://localhost:8000/v1/chat/completions/")
        'http://localhost:8000/v1'
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigError("the base URL is not a URL", "it looks like http://localhost:8000/v1") from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError("the base URL holds credentials or parameters", "put the key into OPENAI_API_KEY and leave the address bare")
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigError(f"the base URL {url.strip()[:100]!r} is no HTTP address", "it looks like http://localhost:8000/v1")
    path = parts.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def host_of(base_urls: Sequence[str]) -> str:
    """The server group of the first of these addresses, or of the one the environment names; empty where it is none."""
    try:
        return server_group(checked_url((*base_urls, os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL)[0]))
    except ConfigError:
        return ""


def server_group(base_url: str) -> str:
    """The host, whatever its port: a server that comes back on another port is the same one.

    Example:
        >>> server_group("http://127.0.0.1:8000/v1")
        'localhost'
    """
    host = urlsplit(base_url).hostname or ""
    return "localhost" if host in ("127.0.0.1", "::1", "0.0.0.0") else host  # noqa: S104 - compared, not bound
