"""One configuration for YAML, flags and the API; an unknown key is an error with a suggestion."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from wildgraph.buckets import length_of, parse_targets
from wildgraph.corpus import CorpusSettings
from wildgraph.errors import ConfigError, UsageError, did_you_mean
from wildgraph.fields import DEFAULT_FIELDS, MetaField, field_table
from wildgraph.handwritten import line_of, read_yaml
from wildgraph.llm.prices import Price
from wildgraph.llm.window import Overflow
from wildgraph.quotas import Dimension
from wildgraph.reasons import REASONS
from wildgraph.screening.settings import ScreeningConfig
from wildgraph.stages.adapt import AdaptConfig
from wildgraph.stages.canonicalize import CanonicalizeConfig
from wildgraph.stages.classify import ClassifyConfig
from wildgraph.stages.closed_book import ClosedBookConfig
from wildgraph.stages.contrast import ContrastConfig
from wildgraph.stages.export import ExportConfig
from wildgraph.stages.gate import GateConfig, make_gates
from wildgraph.stages.graph import GraphConfig
from wildgraph.stages.ingest import IngestConfig
from wildgraph.stages.judge import JudgeConfig
from wildgraph.stages.mine import MineConfig
from wildgraph.stages.pair import PairConfig
from wildgraph.stages.probe import ProbeConfig
from wildgraph.stages.walk import WalkConfig

#: Stages that are handed the one field table.
_TABLE_USERS = ("mine", "canonicalize", "walk")


#: What of the model's settings decides no answer, or would show an address or a path.
_UNSEEN = {
    *("base_url", "concurrency", "connect_timeout", "timeout", "retry", "tokenizer", "price"),
    *("batch", "batch_poll", "max_requests", "max_tokens", "max_cost", "requests_per_minute", "tokens_per_minute"),
}


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelConfig(_Section):
    """Which model answers. The key comes from ``OPENAI_API_KEY`` and nowhere else.

    Attributes:
        name: ``offline`` for the embedded engine, else the model's name at the server.
        backend: who asks the model, where another package's back end does; empty for OpenAI's protocol.
        base_url: address of an OpenAI-compatible server, or several that serve the same model; empty for ``OPENAI_BASE_URL``, else OpenAI's.
        concurrency: requests in flight at most.
        structured: how structured answers are asked for.
        max_requests, max_tokens, max_cost: caps for one command, the last in US dollars; ``None`` for none.
        price: US dollars per million tokens (``input``, ``cached``, ``output``); ``None`` for the bundled table's, if it has one.
        context_window: tokens of prompt and answer together that the model can take in; ``None`` leaves it to the server to refuse.
        batch: ask through the server's Batch API: half the price, answers within a day; what it leaves over is asked live.
        batch_poll: seconds between two looks at a batch.
        overflow: what happens to a prompt that does not fit: ``reject`` it, or ``truncate`` its longest texts in their middle.
        tokenizer: local folder with the model's tokenizer, to measure prompts with; empty for an estimate with a margin.
        requests_per_minute, tokens_per_minute: the server's own limits, kept to.
        connect_timeout, timeout: seconds to connect, and for a whole request, after which it is cut and tried again.
        retry: rejection reasons whose remembered failures are asked again.
        server_group: names servers that are interchangeable, so that their answers share the cache; empty for the host's name.
    """

    name: str = Field(default="offline", min_length=1)
    backend: str = ""
    base_url: tuple[str, ...] = ()
    concurrency: int = Field(default=32, ge=1, le=4096)
    structured: Literal["auto", "json_schema", "json_object", "text"] = "auto"
    max_requests: int | None = Field(default=None, ge=0)
    max_tokens: int | None = Field(default=None, ge=0)
    max_cost: float | None = Field(default=None, ge=0)
    price: Price | None = None
    context_window: int | None = Field(default=None, ge=1)
    overflow: Overflow = "reject"
    tokenizer: str = ""
    batch: bool = False
    batch_poll: float = Field(default=30.0, gt=0)
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)
    connect_timeout: float = Field(default=5.0, gt=0)
    timeout: float = Field(default=600.0, gt=0)
    retry: tuple[str, ...] = ()
    server_group: str = ""

    @field_validator("base_url", mode="before")
    @classmethod
    def _several(cls, base_url: object) -> object:
        return ((base_url,) if base_url else ()) if isinstance(base_url, str) else base_url

    @field_validator("retry")
    @classmethod
    def _reasons(cls, retry: tuple[str, ...]) -> tuple[str, ...]:
        unknown = next((reason for reason in retry if reason not in REASONS), None)
        if unknown:
            hint = did_you_mean(unknown, REASONS, "see the reference of reasons")
            raise ValueError(f"there is no rejection reason {unknown!r}, {hint}")
        return retry


class OtherModelConfig(_Section):
    """A second model, such as a judge or a trainee. Limits, timeouts and caps are those of ``model``, and shared with it.

    Its key comes from ``WILDGRAPH_JUDGE_KEY`` or ``WILDGRAPH_TRAINEE_KEY``, else from ``OPENAI_API_KEY`` where it is asked at the model's own
    server or at OpenAI's.

    Attributes:
        name: the model's name at its server; empty for none.
        base_url: address of its server, or several; empty for those of ``model``.
        price: US dollars per million tokens; ``None`` for the bundled table's, if it has one.
        context_window, server_group: as in ``model``.
    """

    name: str = ""
    base_url: tuple[str, ...] = ()
    price: Price | None = None
    context_window: int | None = Field(default=None, ge=1)
    server_group: str = ""

    @field_validator("base_url", mode="before")
    @classmethod
    def _several(cls, base_url: object) -> object:
        return ((base_url,) if base_url else ()) if isinstance(base_url, str) else base_url


class LogConfig(_Section):
    """How logs are read.

    Attributes:
        format: name of a reader; empty to detect it.
        columns: what a table's columns hold (``query``, ``user``, …).
    """

    format: str = ""
    columns: dict[str, str] = Field(default_factory=dict)


class DocumentsConfig(_Section):
    """How tables of documents are read.

    Attributes:
        columns: what holds a document's ``text``, ``id``, ``title``, ``type``, ``language`` and ``licence``, where it is none of the usual.
    """

    columns: dict[str, str] = Field(default_factory=dict)


class QuotaConfig(_Section):
    """The shape of the sample: shares of accepted pairs, kept by every prefix. What the named classes leave over is drawn from all others.

    Attributes:
        paradigms: paradigm -> share.
        document_types: document type -> share.
        buckets: length in the trainee's tokens that a whole sample fills -> share; none for samples as long as their documents. ``8k`` is 8,192.
        languages: English name of a language -> share of instructions and answers in it.
        patience: written candidates of one combination (a paradigm, a document type …) without an accepted one among them before the combination
            is given up; ten times as many are passed over where none gets so far. [ours]
    """

    paradigms: dict[str, float] = Field(default_factory=dict)
    document_types: dict[str, float] = Field(default_factory=dict)
    buckets: dict[int, float] = Field(default_factory=dict)
    languages: dict[str, float] = Field(default_factory=dict)
    patience: int = Field(default=100, ge=1)

    @field_validator("buckets", mode="before")
    @classmethod
    def _lengths(cls, buckets: object) -> object:
        if isinstance(buckets, str):
            return parse_targets(buckets)
        return {length_of(length): share for length, share in buckets.items()} if isinstance(buckets, Mapping) else buckets

    @field_validator("paradigms", "document_types", "buckets", "languages")
    @classmethod
    def _add_up(cls, shares: dict[Any, float], info: ValidationInfo) -> dict[Any, float]:
        if any(share < 0.0 for share in shares.values()):
            raise ValueError("a share is below 0")
        try:
            Dimension.of((info.field_name or "").rstrip("s").replace("_", " "), {str(name): share for name, share in shares.items()})
        except UsageError as error:
            raise ValueError(error.message) from error
        return shares


class SampleConfig(_Section):
    """How many pairs, in which shape, and when to give up.

    Attributes:
        n: accepted pairs wanted.
        seed: of the sampling.
        attempts: candidates written per pair wanted before giving up.
        patience: candidates without an accepted one among them before giving up: further ones would be paid for in vain.
        wave: fewest candidates of a wave.
        quotas: shares of the sample.
    """

    n: int = Field(default=100, ge=1)
    seed: int = Field(default=0, ge=0)
    attempts: int = Field(default=30, ge=1)
    patience: int = Field(default=400, ge=1)
    wave: int = Field(default=16, ge=1)
    quotas: QuotaConfig = QuotaConfig()


class Config(_Section):
    """Everything that can be set.

    Attributes:
        fields: the meta-information fields; replaces the default table everywhere.
        embedder: folder or name of a sentence-transformers model, or another package's embedder; empty for the bundled one.
        max_rejection_rate: share of failed items, of at least 50, beyond which a stage stops the run.
    """

    fields: tuple[MetaField, ...] = DEFAULT_FIELDS
    embedder: str = ""
    max_rejection_rate: float = Field(default=0.2, ge=0.0, le=1.0)
    model: ModelConfig = ModelConfig()
    logs: LogConfig = LogConfig()
    ingest: IngestConfig = IngestConfig()
    mine: MineConfig = MineConfig()
    canonicalize: CanonicalizeConfig = CanonicalizeConfig()
    graph: GraphConfig = GraphConfig()
    documents: DocumentsConfig = DocumentsConfig()
    corpus: CorpusSettings = CorpusSettings()
    classify: ClassifyConfig = ClassifyConfig()
    walk: WalkConfig = WalkConfig()
    pair: PairConfig = PairConfig()
    adapt: AdaptConfig = AdaptConfig()
    gate: GateConfig = GateConfig()
    judge_model: OtherModelConfig = OtherModelConfig()
    judge: JudgeConfig = JudgeConfig()
    closed_book: ClosedBookConfig = ClosedBookConfig()
    contrast: ContrastConfig = ContrastConfig()
    trainee_model: OtherModelConfig = OtherModelConfig()
    probe: ProbeConfig = ProbeConfig()
    export: ExportConfig = ExportConfig()
    sample: SampleConfig = SampleConfig()
    screening: ScreeningConfig = ScreeningConfig()

    @field_validator("fields")
    @classmethod
    def _table(cls, fields: tuple[MetaField, ...]) -> tuple[MetaField, ...]:
        field_table(fields)
        return fields

    def model_post_init(self, _context: object) -> None:
        """Hand the one field table down to the stages that need it."""
        for name in _TABLE_USERS:
            object.__setattr__(self, name, getattr(self, name).model_copy(update={"fields": self.fields}))

    def public(self) -> dict[str, Any]:
        """The configuration as the manifest shows it: only what differs from the defaults, never an address."""
        shown: dict[str, Any] = self.model_dump(
            mode="json",
            exclude_defaults=True,
            exclude={
                "model": _UNSEEN,
                "corpus": {"tokenizer"},
                "judge_model": {"base_url", "price"},
                "trainee_model": {"base_url", "price"},
            },
        )
        for name in _TABLE_USERS:
            shown.get(name, {}).pop("fields", None)
        for settings in shown.get("gate", {}).get("settings", {}).values():
            for named in ("sets", "earlier"):  # data sets to compare with: what they are called, not where they lie
                if isinstance(settings.get(named), list):
                    settings[named] = [Path(str(one)).name for one in settings[named]]
        return {key: value for key, value in shown.items() if value not in ({}, [])}


def load_config(path: str | Path | None = None, overrides: Mapping[str, Any] | None = None) -> Config:
    """A configuration from a YAML file and overrides by dotted key; overrides of ``None`` are ignored.

    Args:
        path: YAML file, or ``None``.
        overrides: such as ``{"graph.min_support": 5}``.

    Raises:
        ConfigError: unreadable file, unknown key, or a value out of range.
        UsageError: a gate that no package adds.
    """
    path = None if path is None else Path(path)
    loaded = None if path is None else read_yaml(path, "configuration", ConfigError)
    if loaded is not None and not isinstance(loaded, dict):
        raise ConfigError(f"{path} must hold keys and values", "such as `graph: {min_support: 3}`")
    data: dict[str, Any] = loaded or {}
    given = {dotted: value for dotted, value in (overrides or {}).items() if value is not None}
    for dotted, value in given.items():
        place = data
        *outer, last = dotted.split(".")
        for depth, key in enumerate(outer, 1):
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise ConfigError(f"configuration key {key} must hold keys and values", _set_in(outer[:depth], path, {}))
        place[last] = value
    for name in _TABLE_USERS:
        if isinstance(data.get(name), Mapping) and "fields" in data[name]:
            raise ConfigError(f"{name} has no field table of its own", "write `fields:` at the top of the configuration")
    for where, number in _numbers(data):
        if not math.isfinite(number):
            raise ConfigError(f"configuration key {where!r} must be a finite number (got {number})", _set_in(where.split("."), path, given))
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise _explained(error, path, given) from error
    if "gate" in data:  # whatever the command: one that does not judge would leave it to a later one
        make_gates(config.gate)
    return config


def _numbers(section: Mapping[str, Any], where: str = "", depth: int = 4) -> Iterator[tuple[str, float]]:
    """The floats of nested sections by dotted key; no deeper than sections go, since YAML can refer to itself."""
    for key, value in section.items():
        if isinstance(value, float):
            yield f"{where}{key}", value
        elif isinstance(value, Mapping) and depth:
            yield from _numbers(value, f"{where}{key}.", depth - 1)


def _set_in(keys: Sequence[str | int], path: Path | None, given: Mapping[str, Any]) -> str:
    """Where a key was set: in which line of the file, or over it; empty where neither knows it."""
    where = ".".join(map(str, keys))
    # What is said of a whole section may come from either.
    over = any(f"{where}.".startswith(f"{dotted}.") or dotted.startswith(f"{where}.") for dotted in given)
    line = None if path is None or any(f"{where}.".startswith(f"{dotted}.") for dotted in given) else line_of(path, keys)
    return " and ".join([*([f"set in {path}, line {line}"] if line else []), *(["given as an option"] if over else [])])


def _keys(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """All dotted keys of a section and those below it."""
    for name, info in section.model_fields.items():
        yield f"{prefix}{name}"
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from _keys(info.annotation, f"{prefix}{name}.")


def _nearest(place: Sequence[str | int]) -> str:
    """A hint for an unknown key: one like it in its own section, else one of that name elsewhere, else what its section has."""
    section: Any = Config
    for part in place[:-1]:
        if isinstance(part, int):  # a place in a list: its section stays the list's
            continue
        annotation = section.model_fields[part].annotation if part in getattr(section, "model_fields", {}) else None
        # A list of sections is annotated as tuple[Section, ...].
        inner = next((one for one in get_args(annotation) if isinstance(one, type)), annotation)
        section = inner if isinstance(inner, type) else None
    last, above = str(place[-1]), "".join(f"{part}." for part in place[:-1])
    known = list(getattr(section, "model_fields", {}))
    here = did_you_mean(last, known, "-")
    if here != "-":
        return here.replace("'", f"'{above}", 1)
    elsewhere = next((key for key in _keys(Config) if key.rpartition(".")[2] == last), "")
    return f"did you mean {elsewhere!r}?" if elsewhere else f"known here: {', '.join(known)}"


def _explained(error: ValidationError, path: Path | None, given: Mapping[str, Any]) -> ConfigError:
    first = error.errors()[0]
    place = [part for part in first["loc"] if part != "[key]"]
    where = ".".join(map(str, place))
    said = _set_in(place, path, given)
    if first["type"] == "extra_forbidden":
        return ConfigError(f"unknown configuration key {where!r}{f', {said}' if said.startswith('set in') else ''}", _nearest(place))
    problem = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    if first["type"] in ("model_type", "dict_type"):
        problem = "must hold keys and values"
    elif first["type"] == "missing":
        return ConfigError(f"configuration key {where!r} is missing", said)
    # reprlib, since a few lines of YAML that refer to each other can mean gigabytes.
    return ConfigError(f"configuration key {where!r}: {problem} (got {reprlib.repr(first.get('input')):.80})", said)
