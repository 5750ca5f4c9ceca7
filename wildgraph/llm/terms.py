"""On what terms a server is asked, whatever the way to it: what the network back ends have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from wildgraph.llm.budget import Budget
from wildgraph.llm.cache import ResponseCache
from wildgraph.llm.chat_completions import ChatCompletions
from wildgraph.llm.limits import Patience
from wildgraph.llm.network import NetworkModel
from wildgraph.llm.prices import Price
from wildgraph.llm.questions import Questions
from wildgraph.llm.structured import Level
from wildgraph.llm.tally import Tally
from wildgraph.llm.window import Window
from wildgraph.llm.wire import Transport
from wildgraph.records import Json


class Terms(TypedDict, total=False):
    """What may be said about any server; all of it may be left out.

    Attributes:
        tally: where calls are counted. budget: caps on requests, tokens and money.
        price: what its tokens cost, if that is known. window: its context window, if that is known.
        structured: how structured answers are asked for; ``auto`` finds out.
        patience: timeouts and retries.
        requests_per_minute, tokens_per_minute: the server's limits, kept to.
        extra: further fields of every request body; part of the cache key.
        server_group: what distinguishes this server from others with a model of the same name; by default its host.
        retry: rejection reasons whose cached failures are asked again.
        lookahead: see :class:`wildgraph.llm.dispatcher.Dispatcher`.
    """

    tally: Tally | None
    budget: Budget | None
    price: Price | None
    window: Window | None
    structured: Level | Literal["auto"]
    patience: Patience | None
    requests_per_minute: float | None
    tokens_per_minute: float | None
    extra: Mapping[str, Json] | None
    server_group: str
    retry: frozenset[str]
    lookahead: int | None


def questions_on(terms: Terms, identity: str) -> Questions:
    """How a model of this identity is asked."""
    return Questions(identity, dict(terms.get("extra") or {}), terms.get("window"))


def wire_on(terms: Terms, model: str, secret: str) -> ChatCompletions:
    """The translation for this model; ``secret`` is kept out of error messages."""
    return ChatCompletions(model, terms.get("structured", "auto"), terms.get("extra"), secret)


def patience_on(terms: Terms) -> Patience:
    """Timeouts and retries."""
    return terms.get("patience") or Patience()


def network_on(
    terms: Terms,
    questions: Questions,
    wire: ChatCompletions,
    transport: Transport,
    *,
    server: str,
    model: str,
    concurrency: int,
    cache: ResponseCache | None,
    linger: float | None = None,
) -> NetworkModel:
    """Limits, retries and cache around a wire and a transport; see :class:`wildgraph.llm.network.NetworkModel`."""
    return NetworkModel(
        questions=questions,
        server=server,
        model=model,
        wire=wire,
        transport=transport,
        concurrency=concurrency,
        cache=cache,
        tally=terms.get("tally"),
        budget=terms.get("budget"),
        patience=patience_on(terms),
        price=terms.get("price"),
        requests_per_minute=terms.get("requests_per_minute"),
        tokens_per_minute=terms.get("tokens_per_minute"),
        retry=terms.get("retry", frozenset()),
        lookahead=terms.get("lookahead"),
        linger=linger,
    )
