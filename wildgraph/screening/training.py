"""Between rounds the user trains: a command with placeholders, or a callable."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from wildgraph.atomic import writing
from wildgraph.errors import RunError, UsageError

Train = Callable[[Path, Path, Path], None]
"""Trains on (data, model) and writes a checkpoint with its tokenizer into (output), a folder that exists and is empty."""

_PLACES = ("data", "model", "output")
_TOLD = 400  # characters of a failed command's last words


class TrainCommand:
    """A training command: ``python train.py --data {data} --model {model} --output {output}``. No shell is involved.

    Args:
        command: with ``{data}`` (the round's ``sequences.parquet``), ``{model}`` (the checkpoint it was screened with) and ``{output}`` (an empty folder).
        log: where what it says goes.

    Raises:
        UsageError: a placeholder is missing or unknown, or quotes do not match.
    """

    def __init__(self, command: str, log: Path) -> None:
        try:
            self.parts = shlex.split(command)
        except ValueError as error:
            raise UsageError(f"the training command cannot be read: {error}") from error
        missing = [name for name in ("data", "output") if f"{{{name}}}" not in command]
        if missing:
            raise UsageError(f"the training command has no {{{missing[0]}}}", "write it as 'python train.py {data} {model} {output}'")
        self.log = log

    def __call__(self, data: Path, model: Path, output: Path) -> None:
        """Run it and wait.

        Raises:
            RunError: it cannot be started, or ends badly.
        """
        places = dict(zip(_PLACES, map(str, (data, model, output)), strict=True))
        parts = [self._filled(part, places) for part in self.parts]
        with self.log.open("ab") as log:
            try:
                done = subprocess.run(parts, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - the user's own command
            except OSError as error:
                raise RunError(f"the training command cannot be started: {parts[0]}: {error.strerror}", "give its full path") from error
        if done.returncode:
            last = self.log.read_text(encoding="utf-8", errors="replace").strip()[-_TOLD:].split("\n")[-1]
            how = f"was killed by signal {-done.returncode}" if done.returncode < 0 else f"ended with code {done.returncode}"
            raise RunError(
                f"the training command {how}: {last or 'it said nothing'}",
                f"all it said is in {self.log}; run the same command again to go on",
            )

    @staticmethod
    def _filled(part: str, places: dict[str, str]) -> str:
        for name, value in places.items():
            part = part.replace(f"{{{name}}}", value)
        return part


def trained(folder: Path, fingerprint: str, data: Path, model: Path, train: Train) -> Path:
    """The checkpoint that training on a round's data gives; one that is there already for the same data is used again.

    Training writes into a folder of its own attempt, which takes its place when all went well: a command that was killed, or one that outlives the run that started
    it, leaves nothing that is taken for a checkpoint.

    Args:
        folder: the round's.
        fingerprint: of all that decides the checkpoint.
        data: what is trained on.
        model: what is trained.
        train: trains.

    Raises:
        RunError: training failed or wrote no checkpoint.
    """
    goal, mark = folder / "model", folder / "trained.json"
    if mark.is_file() and goal.is_dir() and json.loads(mark.read_text(encoding="utf-8")) == fingerprint:
        return goal
    mark.unlink(missing_ok=True)
    for stale in [goal, *folder.glob("model.attempt-*")]:
        shutil.rmtree(stale, ignore_errors=True)
    attempt = folder / f"model.attempt-{os.getpid()}"
    attempt.mkdir()
    train(data, model, attempt)
    if not (attempt / "config.json").is_file():
        raise RunError(
            f"training wrote no checkpoint into {attempt}",
            "it must save model and tokenizer into {output}; run the same command again to go on",
        )
    attempt.rename(goal)
    with writing(mark) as out:
        json.dump(fingerprint, out)
    return goal
