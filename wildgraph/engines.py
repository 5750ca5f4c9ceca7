"""Models and embedders as a configuration names them, with the run's cache around them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from wildgraph.catalogue import Prior, empty_prior, load_prior
from wildgraph.config import Config, OtherModelConfig
from wildgraph.corpus import token_counter
from wildgraph.embedders import Embedder, make_embedder
from wildgraph.embedders.cached import CachedEmbedder, shared_cache
from wildgraph.errors import ConfigError, UsageError
from wildgraph.funnel import StageCount
from wildgraph.lifters import Lifter
from wildgraph.lifters.by_likeness import LikenessLifter
from wildgraph.lifters.by_model import ModelLifter
from wildgraph.llm import ChatModel
from wildgraph.llm.budget import Budget
from wildgraph.llm.cache import ResponseCache
from wildgraph.llm.cached import CachedModel, key_by_messages
from wildgraph.llm.limits import Patience
from wildgraph.llm.prices import PICO, Price, known_price
from wildgraph.llm.tally import Counts, Tally
from wildgraph.llm.window import ESTIMATE_MARGIN, Window
from wildgraph.registry import load

if TYPE_CHECKING:
    from wildgraph.backends.openai_compatible import OpenAICompatible

OFFLINE = "offline"
_NO_SERVER = "set OPENAI_API_KEY for OpenAI, or --base-url (or OPENAI_BASE_URL) for a server of your own"


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
        price: what its tokens cost, if that is known.
        window: its context window, if that is named.
        judge: scores what the model wrote; another model. trainee: the model that is to be trained. Both ``None`` where none is named.
    """

    model: ChatModel
    embedder: Embedder
    prior: Prior
    tally: Tally
    likeness: LikenessLifter
    lifter: Lifter
    price: Price | None = None
    window: Window | None = None
    judge: ChatModel | None = None
    trainee: ChatModel | None = None

    @property
    def asked(self) -> str:
        """What decides the answers to a prompt: who is asked, and what happens to prompts that are too long; part of fingerprints."""
        window = self.window
        asked = f"{self.model.identity} {window.overflow} beyond {window.size}" if window else self.model.identity
        others = {"judged by": self.judge, "tried on": self.trainee}
        return ", ".join([asked, *(f"{what} {one.identity}" for what, one in others.items() if one is not None)])


def charge(count: StageCount, spent: Counts) -> None:
    """Enter what the model did for a stage into the stage's count."""
    count.requests, count.retries, count.cache_hits = spent.requests, spent.retries, spent.hits
    count.prompt_tokens, count.completion_tokens = spent.usage.prompt_tokens, spent.usage.completion_tokens
    count.cached_tokens, count.truncated = spent.usage.cached_tokens, spent.truncated
    count.cost, count.unpriced = spent.cost / PICO, spent.unpriced


#: Prompts that tell the stage they belong to; all others are of the stage that is at work.
_STAGE_OF = {
    "stages/closed_book": "closed_book",
    "stages/same_answer": "closed_book",
    "stages/judge": "judge",
    "stages/guess": "contrast",
    "stages/probe": "probe",
}


class Bills:
    """What each stage of a sampling spent, read off one tally.

    Args:
        tally: what all models did.
        counts: of the stages; charged as the tally grows.
    """

    def __init__(self, tally: Tally, counts: Mapping[str, StageCount]) -> None:
        self._tally, self._counts = tally, counts
        self._seen: dict[str, Counts] = {}
        self._spent: dict[str, Counts] = {}

    def enter(self, stage: str) -> None:
        """Charge what came since the last time: prompts of one stage to it, all others to ``stage``."""
        for prompt, found in self._tally.by_prompt().items():
            of = _STAGE_OF.get(prompt, stage)
            of = of if of in self._counts else stage
            self._spent[of] = self._spent.get(of, Counts()) + (found - self._seen.get(prompt, Counts()))
            self._seen[prompt] = found
        for of, spent in self._spent.items():
            charge(self._counts[of], spent)


def handed(config: Config, model: ChatModel | None) -> tuple[Config, ChatModel | None]:
    """The configuration of a command whose model is an object, handed over or made by another package's back end: it bears that model's name.

    Returns:
        The configuration, and the model; ``None`` where the configuration alone says who answers.

    Raises:
        ConfigError: settings name another model, or would have to be obeyed by a model that does not know of them.
        UsageError: there is no such back end, or what was handed over is no configuration or no model.
    """
    if not isinstance(config, Config):
        raise UsageError(f"a configuration is a Config, not {type(config).__name__}", "wildgraph.load_config(FILE, {KEY: VALUE}) makes one")
    if model is not None and not isinstance(model, ChatModel):
        raise UsageError(f"{model!r:.60} is no chat model", "it has an identity and a method map; FunctionModel makes one of a function")
    settings = config.model
    if model is None and settings.backend:
        model = _plugged(settings.backend, settings.name)
        settings = settings.model_copy(update={"name": model.identity})
    if model is None:
        return config, None
    if settings.name not in (OFFLINE, model.identity):
        raise ConfigError(f"a model is handed over, and the configuration names {settings.name!r}", "leave model.name out")
    for name in ("base_url", "batch", "max_requests", "max_tokens", "max_cost", "context_window"):
        if getattr(settings, name) != type(settings).model_fields[name].get_default(call_default_factory=True):
            raise ConfigError(f"model.{name} does nothing for a model that is handed over", "give it to that model itself")
    return config.model_copy(update={"model": settings.model_copy(update={"name": model.identity})}), model


def _plugged(backend: str, name: str) -> ChatModel:
    """The model of that name, asked by another package's back end.

    Raises:
        UsageError: there is no such back end. ConfigError: no model is named, or what was made answers nothing.
    """
    make = load("backends", backend)
    if name == OFFLINE:
        raise ConfigError(f"the back end {backend!r} is to ask a model, and none is named", "add --model NAME")
    made = make(name) if callable(make) else None
    if not isinstance(made, ChatModel):
        raise ConfigError(f"the back end {backend!r} made no model: what it gives must have an identity and a method map")
    return made


def make_prior(config: Config) -> Prior:
    """The prior catalogue that the configuration names."""
    return empty_prior() if config.canonicalize.prior == "none" else load_prior(config.canonicalize.prior)


@contextmanager
def make_engines(config: Config, cache_file: Path, model: ChatModel | None = None) -> Iterator[Engines]:
    """The engines of one command; the cache is flushed and closed at the end, whatever happens.

    Args:
        config: settings.
        cache_file: of the run.
        model: answers in place of the model that the configuration names; see :func:`handed`.

    Raises:
        ConfigError: a real model is named without a key and without an address.
        RunError: the cache cannot be opened.
    """
    tally, prior = Tally(), make_prior(config)
    shared = shared_cache() if config.canonicalize.prior in ("", "none") else None  # a prior of the user's own is theirs
    embedder = make_embedder(config.embedder)
    # Values come again with every build; what is embedded elsewhere is embedded once, or is kept by those who embed it.
    kept = CachedEmbedder(embedder, cache_file.with_name("vectors.sqlite"), prior.spoken(), shared)
    budget = Budget(config.model.max_requests, config.model.max_tokens, config.model.max_cost)
    with ResponseCache(cache_file) as cache, ExitStack() as stack:
        if model is None:
            model = _model(config, cache, tally, embedder, prior, budget)
        else:
            ahead = 4 * config.model.concurrency  # a model with a network behind it has them in flight together
            model = CachedModel(model, cache, tally, key=key_by_messages, retry=frozenset(config.model.retry), batch=ahead, free=False)
        others = [_other(config, role, cache, tally, budget) for role in ROLES]
        for one in (model, *others):
            if isinstance(one, _Closable):
                stack.callback(one.close)  # before the cache: what is still in flight may arrive and be kept
        likeness = LikenessLifter(prior, kept, config.canonicalize.likeness)
        lifter = _lifter(config, model, likeness)
        yield Engines(model, embedder, prior, tally, likeness, lifter, price_of(config), context_window(config), *others)


def _lifter(config: Config, model: ChatModel, likeness: LikenessLifter) -> Lifter:
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
    return ModelLifter(model, likeness, settings.by_model)


@runtime_checkable
class _Closable(Protocol):
    def close(self) -> None: ...


def _model(config: Config, cache: ResponseCache, tally: Tally, embedder: Embedder, prior: Prior, budget: Budget) -> ChatModel:
    settings = config.model
    if settings.name == OFFLINE:
        from wildgraph.backends.offline.engine import OfflineModel

        return CachedModel(OfflineModel(prior, embedder), cache, tally, retry=frozenset(settings.retry))
    live = network_model(config, cache, tally, budget)
    if not settings.batch:
        return live
    from wildgraph.backends.openai_batch import OpenAIBatch

    folder = cache.path.parent / "batches"
    return OpenAIBatch(live, cache, folder, budget=live.budget, price=price_of(config), poll=settings.batch_poll)


#: Models besides the one that writes.
ROLES: tuple[Literal["judge", "trainee"], ...] = ("judge", "trainee")


def with_role(config: Config, role: Literal["judge", "trainee"]) -> Config | None:
    """The configuration with the judge or the trainee in the place of the model; ``None`` where none is named.

    Raises:
        ConfigError: it is the embedded engine, or the judge is the model that writes, or spending is capped and its price is not known.
    """
    settings: OtherModelConfig = getattr(config, f"{role}_model")
    if not settings.name:
        if settings.base_url:
            raise ConfigError(f"a server is named for the {role}, but no model", f"add --{role}-model NAME")
        return None
    if settings.name == OFFLINE:
        raise ConfigError(f"the embedded engine cannot be the {role}", f"name a model with --{role}-model")
    if role == "judge" and settings.name.casefold() == config.model.name.casefold():
        raise ConfigError(
            f"{settings.name!r} would judge what it wrote itself", "name another model with --judge-model: models prefer their own answers"
        )
    update = {
        "name": settings.name,
        "base_url": settings.base_url or config.model.base_url,
        "price": settings.price,
        "server_group": settings.server_group,
        "context_window": settings.context_window,
        "batch": False,
        "tokenizer": "",
    }
    found = config.model_copy(update={"model": config.model.model_copy(update=update)})
    try:
        price_of(found)
    except ConfigError as error:
        raise ConfigError(error.message, error.hint.replace("--price", f"--{role}-price")) from error
    return found


def check_roles(config: Config) -> None:
    """Whether somebody is named for everything that models besides the writer are to do.

    Raises:
        ConfigError: see :func:`with_role`; or a judge, or a model that knows something, is needed and not named.
    """
    judge, _ = (with_role(config, role) for role in ROLES)
    if config.closed_book.by == "writer" and config.model.name == OFFLINE:
        raise ConfigError("closed_book.by is 'writer', but the embedded engine knows nothing by heart", "name a model with --model")
    needing = {
        "closed_book.by is 'judge'": config.closed_book.by == "judge",
        "the gate judge is required": "judge" in config.gate.require,
        "the gate closed_book is required": "closed_book" in config.gate.require and config.closed_book.by == "auto",
        "contrast.made asks for worst_of_several, which a judge chooses": config.contrast.made.get("worst_of_several", 0.0) > 0.0,
    }
    missing = next((what for what, needed in needing.items() if needed and judge is None), None)
    if missing is not None:
        raise ConfigError(f"{missing}, but no judge is named", "add --judge-model NAME")
    if "closed_book" in config.gate.require and config.closed_book.by == "nobody":
        raise ConfigError("the gate closed_book is required, but closed_book.by is 'nobody'", "set it to judge or writer")
    asked = [way for way in ("no_document", "worst_of_several") if config.contrast.made.get(way, 0.0) > 0.0]
    if asked and config.model.name == OFFLINE:
        raise ConfigError(f"contrast.made asks for {asked[0]}, which the embedded engine cannot write", "name a model with --model")


def _other(config: Config, role: Literal["judge", "trainee"], cache: ResponseCache, tally: Tally, budget: Budget) -> ChatModel | None:
    """The judge or the trainee, if one is named; it shares cache, tally and caps with the model."""
    named = with_role(config, role)
    if named is None:
        return None
    from wildgraph.backends.openai_compatible import host_of

    key = os.environ.get(f"WILDGRAPH_{role.upper()}_KEY")
    if key is None and host_of(named.model.base_url) not in (host_of(config.model.base_url), host_of(())):
        key = ""  # the key of one server is not shown to another
    try:
        return network_model(named, cache, tally, budget, key)
    except ConfigError as error:
        if error.hint != _NO_SERVER:
            raise
        hint = f"name one with --{role}-base-url, or set OPENAI_API_KEY for OpenAI"
        raise ConfigError(f"the {role} {named.model.name!r} needs a server", hint) from error


def price_of(config: Config) -> Price | None:
    """What a token of the configured model costs: the user's word, else the bundled table's; the embedded engine costs nothing.

    Raises:
        ConfigError: nobody knows, and spending is capped.
    """
    settings = config.model
    if settings.name == OFFLINE:
        return Price(input=0.0, output=0.0)
    from wildgraph.backends.openai_compatible import host_of

    price = settings.price or known_price(settings.name, host_of(settings.base_url))
    if price is None and settings.max_cost is not None:
        raise ConfigError(
            f"--max-cost needs the price of {settings.name!r}, which the bundled table does not know",
            "add --price input=…,cached=…,output=… in US dollars per million tokens; 0 for a server of your own",
        )
    return price


def context_window(config: Config) -> Window | None:
    """The context window that the configuration names, with what measures prompts.

    Raises:
        UsageError: there is no tokenizer where the configuration says, whether there is a window or not.
    """
    settings = config.model
    counter = token_counter(settings.tokenizer)
    if settings.context_window is None:
        return None
    return Window(settings.context_window, counter.count, ESTIMATE_MARGIN if counter.estimated else 0.0, settings.overflow)


def network_model(
    config: Config, cache: ResponseCache | None, tally: Tally, budget: Budget | None = None, key: str | None = None
) -> OpenAICompatible:
    """The model behind a server that the configuration names.

    Args:
        config: its settings.
        cache: where answers are kept.
        tally: where calls are counted.
        budget: caps, shared with other models.
        key: of the server; by default ``OPENAI_API_KEY``.

    Raises:
        ConfigError: there is neither a key nor an address, or spending is capped and no price known.
    """
    from wildgraph.backends.openai_compatible import OpenAICompatible

    settings = config.model
    if not settings.base_url and not os.environ.get("OPENAI_BASE_URL") and not os.environ.get("OPENAI_API_KEY"):
        raise ConfigError(f"model {settings.name!r} needs a server", _NO_SERVER)
    return OpenAICompatible(
        settings.name,
        settings.base_url or None,
        key,
        settings.concurrency,
        cache,
        tally=tally,
        budget=budget or Budget(settings.max_requests, settings.max_tokens, settings.max_cost),
        price=price_of(config),
        window=context_window(config),
        structured=settings.structured,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_minute=settings.tokens_per_minute,
        patience=Patience(connect=settings.connect_timeout, read=settings.timeout, total=settings.timeout),
        retry=frozenset(settings.retry),
        server_group=settings.server_group,
    )
