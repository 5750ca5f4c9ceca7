"""Gate: keep the pairs that are worth training on, and say of every other why it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wildgraph.errors import ConfigError, PluginError, did_you_mean, noting
from wildgraph.gates import BY_MODEL, ORDER, Comparing, Gate, skipped
from wildgraph.gates.named_sets import NamedFile, named_files
from wildgraph.gates.texts import PairTexts
from wildgraph.gates.verdicts import not_evaluated
from wildgraph.reasons import REASONS
from wildgraph.records import Json, Pair, Rejection, Verdict
from wildgraph.registry import load

STAGE = "gate"
VERSION = 4


class GateConfig(BaseModel):
    """Which gates judge, and how strictly.

    Attributes:
        gates: names from the registry. They judge in the order of the table, those it does not know next to last.
        settings: gate -> its fields.
        require: gates without whose verdict no pair is accepted, those that models judge included: one that cannot judge turns the pair
            away, where the table does not skip it.
        neighbours: how many of the corpus's documents nearest to a required one are searched for the answer too; 0 for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gates: tuple[str, ...] = ORDER
    settings: Mapping[str, Mapping[str, Json]] = Field(default_factory=dict)
    require: tuple[str, ...] = ()
    neighbours: int = Field(default=4, ge=0)


def make_gates(config: GateConfig) -> tuple[Gate, ...]:
    """New gates, with empty memories, in the order in which they judge.

    Raises:
        UsageError: a gate is not in the registry.
        ConfigError: a gate does not have a setting, or not with this value.
    """
    for name in config.settings:
        if name not in config.gates:
            raise ConfigError(f"there are settings for the gate {name!r}, which does not judge", did_you_mean(name, config.gates))
    judging = (*config.gates, *BY_MODEL)
    for name in config.require:
        if name not in judging:
            raise ConfigError(f"the gate {name!r} is required, but does not judge", did_you_mean(name, judging))
    last = ORDER[-1]
    rank = {name: place for place, name in enumerate(ORDER)} | {last: len(ORDER) + 1}
    return tuple(
        _make(name, config.settings.get(name, {}))
        for name in sorted(set(config.gates), key=lambda name: (rank.get(name, len(ORDER)), name))
    )


def _judged(judge: Gate, pair: Pair, texts: PairTexts) -> Verdict:
    """What a gate says, if that is a verdict.

    Raises:
        PluginError: it is none, or fails for a reason that nobody counts.
    """
    with noting(f"gate {judge.name}, pair {pair.index}"):
        verdict: object = judge.judge(pair, texts)
    if not isinstance(verdict, Verdict):
        raise PluginError(
            f"the gate {judge.name!r} gave {verdict!r:.80} for pair {pair.index}, no verdict",
            "a gate returns passed, failed or not_evaluated",
        )
    if verdict.gate != judge.name:
        raise PluginError(
            f"the gate {judge.name!r} gave a verdict of {verdict.gate!r} for pair {pair.index}",
            "a gate says its own name: passed(self.name)",
        )
    if verdict.status == "fail" and verdict.reason not in REASONS:
        raise PluginError(
            f"the gate {judge.name!r} fails pair {pair.index} for {verdict.reason!r}, which is no reason",
            did_you_mean(verdict.reason, REASONS),
        )
    return verdict


def _make(name: str, settings: Mapping[str, Json]) -> Gate:
    factory = load("gates", name)
    assert callable(factory)
    try:
        made = factory(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = getattr(factory, "model_fields", {})
            hint = did_you_mean(where, known) if known else "it has none"
            raise ConfigError(f"the gate {name} has no setting {where!r}", hint) from error
        raise ConfigError(f"gate {name}: {where}: {first['msg']}", "see the gate's settings in the reference of gates") from error
    if not isinstance(made, Gate):
        raise ConfigError(f"the plug-in {name!r} is no gate", "a gate has a name and judges")
    return made


def compared_files(config: GateConfig) -> list[Path]:
    """The files of the data sets that gates compare with, for fingerprints.

    Raises:
        InputError: nothing is there under a name.
    """
    return [file for one in make_gates(config) if isinstance(one, Comparing) for file in named_files(one.sets)]


def compared(gates: Sequence[Gate]) -> dict[str, list[NamedFile]]:
    """What each gate that compares with named data sets has compared with; an empty list where none was named.

    Raises:
        InputError: a file cannot be read.
    """
    return {one.name: one.compared() for one in gates if isinstance(one, Comparing)}


def gate(
    pairs: Iterable[Pair | Rejection],
    config: GateConfig,
    *,
    texts: Callable[[str], str],
    gates: Sequence[Gate] | None = None,
    titles: Callable[[str], str] | None = None,
    elsewhere: Callable[[Pair], Mapping[str, str]] | None = None,
) -> Iterator[Pair | Rejection]:
    """Pairs with their verdicts, in order; the first gate that fails makes a pair a rejection. Rejections pass through.

    Args:
        pairs: in index order.
        config: which gates.
        texts: content hash -> text.
        gates: those of :func:`make_gates`, when one sampling comes in several waves and the gates must remember the earlier ones.
        titles: content hash -> title.
        elsewhere: other documents that a pair's answer must not be in: id -> content hash.
    """
    judges = make_gates(config) if gates is None else gates
    for pair in pairs:
        if isinstance(pair, Rejection):
            yield pair
            continue
        found: list[Verdict] = []
        for verdict in verdicts(pair, judges, config, texts=texts, titles=titles, elsewhere=elsewhere):
            if verdict.status == "fail":
                yield Rejection(stage=STAGE, item=str(pair.index), reason=verdict.reason, detail=f"{verdict.gate}: {verdict.detail}")
                break
            found.append(verdict)
        else:
            yield pair.model_copy(update={"verdicts": tuple(found)})


def verdicts(
    pair: Pair,
    gates: Sequence[Gate],
    config: GateConfig,
    *,
    texts: Callable[[str], str],
    titles: Callable[[str], str] | None = None,
    elsewhere: Callable[[Pair], Mapping[str, str]] | None = None,
) -> Iterator[Verdict]:
    """What each gate says of a pair, one after the other and none asked in vain: whoever needs only the first failure stops there.

    A gate that the table skips is not evaluated; one that is required and cannot judge fails with ``not_evaluated``.
    """
    lazily = PairTexts(
        {document.id: document.hash for document in pair.documents},
        texts,
        titles=titles,
        elsewhere=(lambda: elsewhere(pair)) if elsewhere else None,
    )
    for judge in gates:
        if reason := skipped(judge.name, pair.paradigm):
            yield not_evaluated(judge.name, reason)
            continue
        verdict = _judged(judge, pair, lazily)
        if verdict.status == "not_evaluated" and judge.name in config.require:
            verdict = Verdict(gate=judge.name, status="fail", reason="not_evaluated", detail=verdict.reason)
        yield verdict
