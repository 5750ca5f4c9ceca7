"""Gate: keep the pairs that are worth training on, and say of every other why it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wildgraph.errors import ConfigError
from wildgraph.gates import ORDER, Gate, skipped
from wildgraph.gates.verdicts import not_evaluated
from wildgraph.records import Json, Pair, Rejection, Verdict
from wildgraph.registry import load

STAGE = "gate"
VERSION = 1


class GateConfig(BaseModel):
    """Which gates judge, and how strictly.

    Attributes:
        gates: names from the registry. They judge in the order of the table, those it does not know next to last.
        settings: gate -> its fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gates: tuple[str, ...] = ORDER
    settings: Mapping[str, Mapping[str, Json]] = Field(default_factory=dict)


def make_gates(config: GateConfig) -> tuple[Gate, ...]:
    """New gates, with empty memories, in the order in which they judge.

    Raises:
        UsageError: a gate is not in the registry.
        ConfigError: a gate does not have a setting, or not with this value.
    """
    for name in config.settings:
        if name not in config.gates:
            raise ConfigError(f"there are settings for the gate {name!r}, which does not judge", f"gates: {', '.join(config.gates)}")
    last = ORDER[-1]
    rank = {name: place for place, name in enumerate(ORDER)} | {last: len(ORDER) + 1}
    return tuple(
        _make(name, config.settings.get(name, {}))
        for name in sorted(set(config.gates), key=lambda name: (rank.get(name, len(ORDER)), name))
    )


def _make(name: str, settings: Mapping[str, Json]) -> Gate:
    factory = load("gates", name)
    assert callable(factory)
    try:
        made = factory(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(
            f"gate {name}: {'.'.join(map(str, first['loc']))}: {first['msg']}", "see the gate's fields in the reference"
        ) from error
    if not isinstance(made, Gate):
        raise ConfigError(f"the plug-in {name!r} is no gate", "a gate has a name and judges")
    return made


def gate(
    pairs: Iterable[Pair | Rejection],
    config: GateConfig,
    *,
    texts: Callable[[str], str],
    gates: Sequence[Gate] | None = None,
) -> Iterator[Pair | Rejection]:
    """Pairs with their verdicts, in order; the first gate that fails makes a pair a rejection. Rejections pass through.

    Args:
        pairs: in index order.
        config: which gates.
        texts: content hash -> text.
        gates: those of :func:`make_gates`, when one sampling comes in several waves and the gates must remember the earlier ones.
    """
    judges = make_gates(config) if gates is None else gates
    for pair in pairs:
        yield pair if isinstance(pair, Rejection) else _judged(pair, judges, texts)


def _judged(pair: Pair, judges: Sequence[Gate], texts: Callable[[str], str]) -> Pair | Rejection:
    lazily = _Texts({document.id: document.hash for document in pair.documents}, texts)
    verdicts: list[Verdict] = []
    for judge in judges:
        reason = skipped(judge.name, pair.paradigm)
        verdict = not_evaluated(judge.name, reason) if reason else judge.judge(pair, lazily)
        if verdict.status == "fail":
            return Rejection(stage=STAGE, item=str(pair.index), reason=verdict.reason, detail=f"{judge.name}: {verdict.detail}")
        verdicts.append(verdict)
    return pair.model_copy(update={"verdicts": tuple(verdicts)})


class _Texts(Mapping[str, str]):
    """A pair's texts by document id, each fetched when it is first asked for."""

    def __init__(self, hashes: Mapping[str, str], fetch: Callable[[str], str]) -> None:
        self._hashes = hashes
        self._fetch = fetch
        self._fetched: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self._fetched:
            self._fetched[name] = self._fetch(self._hashes[name])
        return self._fetched[name]

    def __contains__(self, name: object) -> bool:
        return name in self._hashes

    def __iter__(self) -> Iterator[str]:
        return iter(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)
