"""Data sets on disk: every objective's rows, one card over all of them, attribution, training scripts, and a version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from wildgraph.corpus import of_sample
from wildgraph.errors import EmptyResultError, RunError, UsageError
from wildgraph.exporters import Exporter, Row
from wildgraph.exporters.card import About, Contents, render_attribution, render_card
from wildgraph.exporters.files import Shards, Sizes, remove_shards
from wildgraph.exporters.licences import spdx
from wildgraph.exporters.measures import Estimate, Measure
from wildgraph.exporters.mixing import mixed_in, wanted
from wildgraph.exporters.preferences import PreferenceFeatures, Shortcuts
from wildgraph.exporters.reading import earlier_keys
from wildgraph.exporters.sample import OWN
from wildgraph.exporters.scripts import TRAINED, training_script
from wildgraph.exporters.summary import Objective, Sources, Version
from wildgraph.exporters.trainee import Trainee
from wildgraph.funnel import Observer, StageCount, silent
from wildgraph.reasons import REASONS
from wildgraph.records import Document, Json, Pair, Rejection
from wildgraph.registry import registered
from wildgraph.stages.export import ExportConfig, make_exporter
from wildgraph.stages.export import export as export_rows
from wildgraph.store import json_line

CARD, ATTRIBUTION, LEFT_OUT = "README.md", "ATTRIBUTION.md", "left_out.jsonl"
#: Objectives that rows of chat data can be mixed into.
MIXABLE = ("sft", "sharegpt", "alpaca", "openai")
_NAMED = 10
_LEFT_OUT = ("objective", "id", "reason", "detail")
_WHY_EMPTY = {
    "no_alternative": "sample with worse answers, which preference data need",
    "unchecked": "sample with a paradigm whose answers a program can check",
    "licence_not_allowed": "name more licences with --allow-licences",
    "licence_unknown": "name the licences with --allow-licences once you know them",
    "in_earlier_dataset": "everything was exported before",
}


@dataclass(frozen=True)
class Written:
    """Data sets on disk.

    Attributes:
        folder: with card, attribution and a folder for each objective. files: those that make the data set. rows: by objective.
        version: hash of the sorted row ids. unknown_licences: ids of documents without a known licence.
        dropped: objective -> reason -> pairs. notes: what to know before training on it. removed: objectives of an earlier export that are gone.
    """

    folder: Path
    files: tuple[Path, ...]
    rows: dict[str, int]
    version: str
    unknown_licences: tuple[str, ...] = ()
    dropped: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def write_datasets(
    pairs: Callable[[], Iterator[Pair]],
    folder: Path,
    config: ExportConfig,
    *,
    document: Callable[[str], Document],
    about: About | None = None,
    handed_on: bool = False,
    total: int | None = None,
    observe: Observer = silent,
) -> Written:
    """Write a data set with all the objectives that ``config.to`` names.

    Nothing in the folder changes before everything is written whole; then the rows of an earlier export are replaced, those of
    objectives that are not named now are removed, and the card comes last.

    Args:
        pairs: gives the accepted pairs from the start, each time it is called.
        folder: of the data set.
        config: what it holds.
        document: content hash -> document.
        about: what the card says beside the rows.
        handed_on: the data set is to be handed on, so documents of unknown licence are left out.
        total: how many pairs there are, where that is known.
        observe: called with an objective's count as it grows.

    Raises:
        EmptyResultError: an objective has no row; nothing is touched.
        UsageError: rows are longer than the trainee's model takes, or its chat template cannot render them.
        RunError: the folder cannot be written to.
    """
    export = _Export(folder, config, document, handed_on, lambda count: observe(count, total))
    existed = folder.exists()
    try:
        return export.write(pairs, about or About())
    finally:
        if not existed and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


class _Export:
    """One export under way."""

    def __init__(
        self,
        folder: Path,
        config: ExportConfig,
        document: Callable[[str], Document],
        handed_on: bool,
        observe: Callable[[StageCount], None],
    ) -> None:
        self.folder, self.config, self.handed_on, self.observe = folder, config, handed_on, observe
        self.document = lru_cache(maxsize=16)(document)  # a row's are asked for twice
        self.exporters = [make_exporter(name, config) for name in dict.fromkeys(config.to)]
        self.measure: Measure = Trainee(Path(config.validate_with)) if config.validate_with else Estimate()
        self.sources, self.version, self.features = Sources(), Version(), PreferenceFeatures()
        self.counts: dict[str, StageCount] = {}
        self.left_out: list[tuple[str, str, str, str]] = []
        self.too_long: list[tuple[str, int]] = []
        self.n_too_long = 0
        self.notes: list[str] = []
        self._pair: Pair | None = None
        if config.mix and not any(exporter.name in MIXABLE for exporter in self.exporters):
            raise UsageError("no format named takes rows that are mixed in", f"chat data can be mixed into {', '.join(MIXABLE)}")
        if config.thinking and not any(exporter.name == "sft" for exporter in self.exporters):
            raise UsageError("no format named holds what a model thought", "--thinking goes with --to sft")

    def write(self, pairs: Callable[[], Iterator[Pair]], about: About) -> Written:
        earlier = earlier_keys([Path(path) for path in self.config.exclude])
        sizes = Sizes(shard_bytes=self.config.shard_bytes, row_group_bytes=self.config.row_group_bytes)
        objectives: list[tuple[Exporter, Objective]] = []
        with ExitStack() as stack:
            shards = []
            for exporter in self.exporters:
                files = stack.enter_context(Shards(self.folder, exporter, sizes))
                shards.append(files)
                objective = Objective(exporter.name)
                count = self.counts[exporter.name] = StageCount(f"export {exporter.name}")
                for row in self._rows(pairs(), exporter, earlier, count):
                    self._see(row, objective)
                    files.write(row)
                if exporter.name in MIXABLE:
                    for row in self._mixed(exporter, objective.rows, count):
                        self._see(row, objective)
                        files.write(row)
                if not objective.rows:
                    raise _empty(exporter.name, count, self.left_out)
                files.close()
                objective.digest = files.digest()
                objectives.append((exporter, objective))
            if self.n_too_long:
                raise self._overlong()
            self._look_at_template(objectives)
            shortcuts = self.features.told() if any(exporter.name == "dpo" for exporter in self.exporters) else None
            self._look_at_pairs(shortcuts)
            contents = Contents(
                objectives, self.sources, self.version.text(), self.measure, shortcuts, self.config.max_pair_accuracy, tuple(self.notes)
            )
            texts = {ATTRIBUTION: render_attribution(contents), CARD: render_card(contents, self._about(about))}
            scripts = {f"trl_{one.name}.py": training_script(one, about.title) for _, one in objectives if one.name in TRAINED}
            left_out = {LEFT_OUT: "".join(json_line(dict(zip(_LEFT_OUT, one, strict=True))) for one in self.left_out)}
            with self._texts(left_out | scripts | texts) as rename:
                written = [file for one in shards for file in one.commit()]
                removed = self._remove_others()
                rename()
        # The list of what was left out says what is not in the data set, and is no part of it.
        written += [self.folder / name for name in (*scripts, *texts)]
        return Written(
            self.folder,
            tuple(written),
            {one.name: one.rows for _, one in objectives},
            contents.version,
            contents.unknown_licences,
            {name: dict(count.rejected) for name, count in self.counts.items() if count.rejected},
            tuple(self.notes),
            removed,
        )

    # ----------------------------------------------------------------- rows

    def _rows(self, pairs: Iterator[Pair], exporter: Exporter, earlier: frozenset[str], count: StageCount) -> Iterator[Row]:
        rows = export_rows(
            self._counted(pairs, count),
            self.config,
            exporter=exporter,
            document=self.document,
            measure=self.measure,
            earlier=earlier,
            handed_on=self.handed_on,
        )
        for row in rows:
            if isinstance(row, Rejection):
                self._leave_out(exporter.name, row, count)
            else:
                self._see_pair()
                yield row

    def _leave_out(self, objective: str, rejection: Rejection, count: StageCount) -> None:
        count.reject(rejection)
        self.left_out.append((objective, rejection.item, rejection.reason, rejection.detail))

    def _counted(self, pairs: Iterator[Pair], count: StageCount) -> Iterator[Pair]:
        for pair in pairs:
            count.entered += 1
            self._pair = pair
            yield pair
            count.passed = count.entered - sum(count.rejected.values())
            self.observe(count)

    def _see_pair(self) -> None:
        """Count the pair of the row at hand, once."""
        pair, self._pair = self._pair, None
        if pair is None:
            return
        documents, licences = of_sample(pair.documents, self.document), {one.id: spdx(one.licence) for one in pair.documents}
        worse = any(exporter.name == "dpo" for exporter in self.exporters)
        self.sources.see(pair, documents, [licences[one.id] for one in documents], worse=worse)

    def _see(self, row: Row, objective: Objective) -> None:
        objective.see(row)
        self.version.add(objective.name, row)
        # A prompt that is to be answered needs room for an answer.
        length = sum(count for count in (row["n_tokens"], row.get("n_tokens_answer")) if isinstance(count, int))
        if self.measure.limit is not None and length > self.measure.limit:
            self.n_too_long += 1
            if len(self.too_long) < _NAMED:
                self.too_long.append((str(row["id"]) if row["origin"] == OWN else f"{row['id']} of {row['origin']}", length))
        if objective.name == "dpo":
            self.features.add(str(row["pair_id"]), _said(row["chosen"]), _said(row["rejected"]))

    def _mixed(self, exporter: Exporter, rows: int, count: StageCount) -> Iterator[Row]:
        for name, number in wanted(rows, self.config.mix).items():
            taken = 0
            for sample in mixed_in(Path(name), number, self.config.seed, self.measure, self.config.train_on):
                found: Iterator[Row | Rejection] = iter([sample]) if isinstance(sample, Rejection) else exporter.rows(sample)
                for row in found:
                    count.entered += 1
                    if isinstance(row, Rejection):
                        self._leave_out(exporter.name, row, count)
                    else:
                        count.passed += 1
                        taken += 1
                        yield row
            if taken < number:
                self.notes.append(
                    f"{Path(name).name} gave {taken} rows to {exporter.name}, not the {number} that its share of {self.config.mix[name]:g} asks for."
                )

    # ----------------------------------------------------------------- what to know

    def _overlong(self) -> UsageError:
        named = ", ".join(f"{name} ({length})" for name, length in self.too_long)
        more = f" and {self.n_too_long - len(self.too_long)} more" if self.n_too_long > len(self.too_long) else ""
        return UsageError(
            f"{self.n_too_long} rows are longer than the {self.measure.limit} tokens that the model of {self.config.validate_with} takes: {named}{more}",
            "sample shorter ones (--target-tokens), or name a model with a longer window; nothing was written",
        )

    def _look_at_template(self, objectives: Sequence[tuple[Exporter, Objective]]) -> None:
        if not isinstance(self.measure, Trainee):
            return
        if not self.measure.marks_answers:
            needed = any(one.several for _, one in objectives)
            self.notes.append(
                "The chat template of the tokenizer does not say with {% generation %} what an assistant wrote, so `assistant_only_loss` "
                + (
                    "cannot be used as it is, and rows here train on several answers: TRL patches the templates it knows, others need a new one."
                    if needed
                    else "cannot be used; rows here train on one answer each, which needs no such mark."
                )
            )
        if not self.measure.keeps_prompts:
            self.notes.append(
                "The chat template renders a prompt alone differently from how it stands before its answer; "
                "TRL trains on what follows the part that both have in common."
            )
        if self.measure.limit is None:
            self.notes.append("Neither config.json nor the tokenizer says how long a row the model takes, so no row was held against it.")

    def _look_at_pairs(self, shortcuts: Shortcuts | None) -> None:
        for name, told in (("length", shortcuts.length), ("style", shortcuts.style)) if shortcuts else ():
            if told is not None and told.accuracy > self.config.max_pair_accuracy:
                self.notes.append(
                    f"Preference pairs can be told apart by {name} alone: {told.accuracy:.2f} of them, more than {self.config.max_pair_accuracy:.2f}. "
                    "Training on them learns that first."
                )

    def _about(self, about: About) -> About:
        """With the export's own part of the funnel and of the settings."""
        funnel = {**about.funnel, **{count.stage: count.funnel() for count in self.counts.values()}}
        settings: dict[str, Json] = self.config.model_dump(mode="json", exclude_defaults=True, exclude={"to"})
        for key in ("exclude", "mix", "validate_with"):  # where they lie on this machine is nobody's business
            if isinstance(settings.get(key), dict):
                settings[key] = {Path(name).name: share for name, share in self.config.mix.items()}
            elif isinstance(settings.get(key), list):
                settings[key] = [Path(name).name for name in self.config.exclude]
            elif key in settings:
                settings[key] = Path(self.config.validate_with).name
        return replace(about, funnel=funnel, settings={**about.settings, **({"export": settings} if settings else {})})

    # ----------------------------------------------------------------- files

    def _remove_others(self) -> tuple[str, ...]:
        """Remove what an earlier export left of objectives that are not named now: no card would speak of it."""
        names = {exporter.name for exporter in self.exporters}
        removed = tuple(name for name in registered("exporters") if name not in names and remove_shards(self.folder / name))
        for name in removed:
            (self.folder / f"trl_{name}.py").unlink(missing_ok=True)
        return removed

    @contextmanager
    def _texts(self, texts: Mapping[str, str]) -> Iterator[Callable[[], None]]:
        """Text files that are whole before any file of the data set gets its name; calling what is given names them, the card last."""
        partials = {self.folder / f"{name}.partial": self.folder / name for name in texts}

        def rename() -> None:
            for partial, file in partials.items():
                partial.replace(file)

        try:
            for partial, text in zip(partials, texts.values(), strict=True):
                partial.write_text(text, encoding="utf-8", errors="replace")
            yield rename
        except OSError as error:
            raise RunError(
                f"cannot write the data set to {self.folder}: {error.strerror or error}", "check the disk and the folder's permissions"
            ) from error
        finally:
            for partial in partials:
                partial.unlink(missing_ok=True)


def _said(messages: Json) -> str:
    parts = [one.get("content") for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
    return "".join(part for part in parts if isinstance(part, str))


def _empty(name: str, count: StageCount, left_out: Iterable[tuple[str, str, str, str]]) -> EmptyResultError:
    """Why an objective has no row."""
    if not count.rejected:
        return EmptyResultError("there is no pair to export", "sample some first: wildgraph sample RUN --documents PATH -n N")
    why = ", ".join(f"{number} × {reason} ({REASONS[reason][1]})" for reason, number in count.rejected.most_common())
    most = count.rejected.most_common(1)[0][0]
    licences = Counter(detail for objective, _, reason, detail in left_out if (objective, reason) == (name, most) and "licence" in reason)
    said = f"; the most frequent here is {licences.most_common(1)[0][0]!r:.120}" if licences else ""
    return EmptyResultError(f"none of {count.entered} pairs makes a row for {name}: {why}", f"{_WHY_EMPTY.get(most, '')}{said}")
