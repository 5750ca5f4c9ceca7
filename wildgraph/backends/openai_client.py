"""A client object that the user configured with the ``openai`` SDK: Azure, gateways, proxies, tokens that expire, custom certificates."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Unpack, cast

import orjson

from wildgraph.backends.openai_compatible import server_group
from wildgraph.llm.cache import ResponseCache
from wildgraph.llm.limits import Patience
from wildgraph.llm.model import ChatRequest, Completion
from wildgraph.llm.network import NetworkModel
from wildgraph.llm.tally import Tally
from wildgraph.llm.terms import Terms, network_on, patience_on, questions_on, wire_on
from wildgraph.llm.trouble import Trouble
from wildgraph.llm.wire import Reply

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI
    from openai._legacy_response import LegacyAPIResponse
    from openai.types.chat import ChatCompletion

_KNOWN = frozenset(
    ("model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "response_format", "stop", "user")
)


class OpenAIClient:
    """A chat model behind a client of the ``openai`` SDK.

    Only the client's way to the server is used: retries, limits, cache and structured answers are those of every network model, and the
    client's own retries are switched off. An asynchronous client is used on this model's loop and on no other afterwards; a synchronous
    one is used on threads.

    Args:
        client: ``openai.OpenAI``, ``openai.AsyncOpenAI``, or their Azure forms.
        model: the model's (or Azure's deployment's) name.
        concurrency: requests in flight at most.
        cache: where answers are kept.
        terms: budget, price, window, limits and the rest; see :class:`wildgraph.llm.terms.Terms`.

    Example:
        >>> from openai import AsyncOpenAI
        >>> OpenAIClient(AsyncOpenAI(api_key="k", base_url="http://gateway/v1"), "m").identity
        'openai:m@gateway'
    """

    def __init__(
        self,
        client: OpenAI | AsyncOpenAI,
        model: str,
        concurrency: int = 32,
        cache: ResponseCache | None = None,
        **terms: Unpack[Terms],
    ) -> None:
        self.model = model
        self.concurrency = concurrency
        self.tally = terms.get("tally") or Tally()
        self._client = client
        self._cache = cache
        self._terms: Terms = {**terms, "tally": self.tally}

    def __repr__(self) -> str:
        return f"OpenAIClient({self.model!r})"

    @cached_property
    def identity(self) -> str:
        """``openai:<model>@<server group>``."""
        return f"openai:{self.model}@{self._terms.get('server_group') or server_group(str(self._client.base_url))}"

    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
        """See :class:`wildgraph.llm.ChatModel`."""
        return self._network.map(requests)

    def close(self) -> None:
        """End the background thread. The client is the caller's and stays open."""
        if "_network" in self.__dict__:
            self._network.close()

    @cached_property
    def _network(self) -> NetworkModel:
        return network_on(
            self._terms,
            questions_on(self._terms, self.identity),
            wire_on(self._terms, self.model, str(self._client.api_key)),
            _ClientTransport(self._client, self.concurrency, patience_on(self._terms)),
            server=str(self._client.base_url).rstrip("/"),
            model=self.model,
            concurrency=self.concurrency,
            cache=self._cache,
            linger=math.inf,  # the client's connections belong to one loop
        )


class _ClientTransport:
    """Bytes through a client, see :class:`wildgraph.llm.wire.Transport`."""

    def __init__(self, client: OpenAI | AsyncOpenAI, concurrency: int, patience: Patience) -> None:
        self._given = client
        self._concurrency = concurrency
        self._patience = patience
        self._threads: ThreadPoolExecutor | None = None

    @cached_property
    def _client(self) -> OpenAI | AsyncOpenAI:
        """The same client without retries of its own."""
        return self._given.with_options(max_retries=0, timeout=self._patience.total)

    async def post(self, body: bytes, prefix: str = "") -> Reply:
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        try:
            raw = await self._create(orjson.loads(body))
            return Reply(raw.status_code, {name.lower(): value for name, value in raw.headers.items()}, raw.content)
        except APIStatusError as error:
            response = error.response
            return Reply(error.status_code, {name.lower(): value for name, value in response.headers.items()}, response.content)
        except APITimeoutError:
            raise Trouble("timeout", f"no answer within {self._patience.total:g} s") from None
        except APIConnectionError as error:
            cause = error.__cause__
            raise Trouble("unreachable" if "Connect" in type(cause).__name__ else "reset", str(cause or error)) from None

    async def _create(self, fields: dict[str, Any]) -> LegacyAPIResponse[ChatCompletion]:
        """The client's own call, with what it has no name for as further fields of the body."""
        from openai import AsyncOpenAI

        extra = {name: fields.pop(name) for name in list(fields) if name not in _KNOWN}
        call: Any = partial(self._client.chat.completions.with_raw_response.create, **fields, extra_body=extra or None)
        if isinstance(self._client, AsyncOpenAI):
            return cast("LegacyAPIResponse[ChatCompletion]", await call())
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._concurrency, "wildgraph-client")
        return cast("LegacyAPIResponse[ChatCompletion]", await asyncio.get_running_loop().run_in_executor(self._threads, call))

    async def close(self) -> None:
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
