"""Models and embedders as a configuration names them, with the run's cache around them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from wildgraph.catalogue import Prior, empty_prior, load_prior
from wildgraph.config import Config
from wildgraph.embedders import Embedder
from wildgraph.embedders.cached import CachedEmbedder, shared_cache
from wildgraph.embedders.sentence import SentenceEmbedder
from wildgraph.errors import ConfigError
from wildgraph.lifters import Lifter
from wildgraph.lifters.by_likeness import LikenessLifter
from wildgraph.lifters.by_model import ModelLifter
from wildgraph.llm import ChatModel
from wildgraph.llm.cache import ResponseCache
from wildgraph.llm.cached import CachedModel
from wildgraph.llm.limits import Budget, Patience
from wildgraph.llm.tally import Tally

OFFLINE = "offline"


@dataclass(frozen=True)
class Engines:
    """What answers and embeds in one command.

    Attributes:
        model: the chat model, cache included.
        embedder: sentence embedder.
        prior: prior catalogue.
        tally: what the model did so far.
        likeness: groups values without a model.
        lifter: groups values as the configuration says.
    """

    model: ChatModel
    embedder: Embedder
    prior: Prior
    tally: Tally
    likeness: LikenessLifter
    lifter: Lifter


def make_prior(config: Config) -> Prior:
    """The prior catalogue that the configuration names."""
    return empty_prior() if config.canonicalize.prior == "none" else load_prior(config.canonicalize.prior)


@contextmanager
def make_engines(config: Config, cache_file: Path) -> Iterator[Engines]:
    """The engines of one command; the cache is flushed and closed at the end, whatever happens.

    Raises:
        ConfigError: a real model is named without a key and without an address.
        RunError: the cache cannot be opened.
    """
    tally, prior = Tally(), make_prior(config)
    public = {phrase for group in (*prior.concepts.values(), *prior.finer.values()) for entry in group for phrase in entry.like}
    shared = shared_cache() if config.canonicalize.prior in ("", "none") else None  # a prior of the user's own is theirs
    embedder = CachedEmbedder(SentenceEmbedder(config.embedder), cache_file.with_name("vectors.sqlite"), public, shared)
    with ResponseCache(cache_file) as cache, ExitStack() as stack:
        model = _model(config, cache, tally, embedder, prior)
        if isinstance(model, _Closable):
            stack.callback(model.close)  # before the cache: what is still in flight may arrive and be kept
        likeness = LikenessLifter(prior, embedder, config.canonicalize.likeness)
        yield Engines(model, embedder, prior, tally, likeness, _lifter(config, model, likeness, prior))


def _lifter(config: Config, model: ChatModel, likeness: LikenessLifter, prior: Prior) -> Lifter:
    """The lifter that the configuration names.

    Raises:
        ConfigError: a model is to lift and none is named.
    """
    settings = config.canonicalize
    offline = config.model.name == OFFLINE
    if settings.lifter == "model" and offline:
        raise ConfigError("canonicalize.lifter is 'model', but no model is named", "add --model NAME, or take the lifter 'likeness'")
    if settings.lifter == "likeness" or offline:
        return likeness
    known = {name: [entry.concept.name for entry in prior.phrases(name)] for name in (*prior.concepts, *prior.finer)}
    return ModelLifter(model, likeness, settings.by_model, known)


@runtime_checkable
class _Closable(Protocol):
    def close(self) -> None: ...


def _model(config: Config, cache: ResponseCache, tally: Tally, embedder: Embedder, prior: Prior) -> ChatModel:
    settings = config.model
    if settings.name == OFFLINE:
        from wildgraph.backends.offline.engine import OfflineModel

        return CachedModel(OfflineModel(prior, embedder), cache, tally, retry=frozenset(settings.retry))
    if not settings.base_url and not os.environ.get("OPENAI_BASE_URL") and not os.environ.get("OPENAI_API_KEY"):
        raise ConfigError(
            f"model {settings.name!r} needs a server",
            "set OPENAI_API_KEY for OpenAI, or --base-url (or OPENAI_BASE_URL) for a server of your own",
        )
    from wildgraph.backends.openai_compatible import OpenAICompatible

    return OpenAICompatible(
        settings.name,
        settings.base_url or None,
        concurrency=settings.concurrency,
        cache=cache,
        tally=tally,
        budget=Budget(settings.max_requests, settings.max_tokens),
        structured=settings.structured,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_minute=settings.tokens_per_minute,
        patience=Patience(connect=settings.connect_timeout, read=settings.timeout, total=settings.timeout),
        retry=frozenset(settings.retry),
        server_group=settings.server_group,
    )
