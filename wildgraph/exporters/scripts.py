"""Training scripts that go with a data set: one for each objective that TRL trains, with its lengths filled in."""

from __future__ import annotations

from importlib.resources import files

from wildgraph.exporters.summary import Objective

#: Objectives that have a script.
TRAINED = ("sft", "dpo", "grpo")
#: How far the estimate of a row's tokens may fall short of what a tokenizer counts. [ours]
_MARGIN = 1.35
_STEP = 64


def room(tokens: int, *, estimated: bool) -> int:
    """A limit that leaves so many tokens whole: one more at least, in steps of 64; with a margin where they are estimated.

    Example:
        >>> room(1000, estimated=False), room(1000, estimated=True)
        (1024, 1408)
    """
    needed = int(tokens * (_MARGIN if estimated else 1.0)) + 1
    return -(-needed // _STEP) * _STEP


def training_script(objective: Objective, title: str) -> str:
    """The script for an objective, ready to run."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True, keep_trailing_newline=True)  # noqa: S701 - Python
    template = files("wildgraph.exporters").joinpath(f"trl_{objective.name}.py.jinja").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        title=" ".join(title.replace('"""', "'''").replace("\\", "/").split()),
        longest=objective.longest,
        longest_answer=objective.longest_answer,
        estimated=objective.estimated,
        max_length=room(objective.longest, estimated=objective.estimated),
        max_completion=max(256, room(objective.longest_answer, estimated=True)),
        several=bool(objective.several),
    )
