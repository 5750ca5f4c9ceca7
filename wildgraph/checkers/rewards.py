"""Checks as the columns of a data set, and as a reward function in TRL's calling convention."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from wildgraph.checkers.loading import load_check
from wildgraph.checkers.verdicts import Context, Verdict
from wildgraph.errors import InputError, WildgraphError
from wildgraph.records import Checker, Json, canonical_json

#: The columns that :func:`reward` reads. None of them has a name that TRL passes itself.
COLUMNS = ("checker", "checker_args")

_THOUGHT_BEGINS, _THOUGHT_ENDS = "<think>", "</think>"

Completion = str | Sequence[Mapping[str, object]]


def columns(checkers: Sequence[Checker], *, graded: bool = False) -> tuple[str, str]:
    """The values of the columns ``checker`` and ``checker_args`` for a row with these checks.

    One check stands under its own name. Several are one check ``all``, which passes when all pass, or ``share``, whose reward is the
    share that passes. No check at all is an empty name, for which :func:`reward` gives ``None``.

    Args:
        checkers: the checks of a pair.
        graded: several checks give the share that passes, instead of 1 or 0.

    Raises:
        UsageError: no checker has the name of a check.
        InputError: the arguments of a check are not those that its checker takes.

    Example:
        >>> columns([Checker(name="numeric", args='{"answer": 4}')])
        ('numeric', '{"answer":4}')
        >>> columns([Checker(name="numeric", args='{"answer": 4}'), Checker(name="punctuation:no_comma")])
        ('all', '{"checks":[{"args":{"answer":4},"name":"numeric"},{"args":{},"name":"punctuation:no_comma"}]}')
    """
    if not checkers:
        return "", "{}"
    for one in checkers:
        load_check(one.name, one.args)
    if len(checkers) == 1:
        return checkers[0].name, canonical_json(json.loads(checkers[0].args))
    checks: list[Json] = [{"name": one.name, "args": json.loads(one.args)} for one in checkers]
    name, args = "share" if graded else "all", canonical_json({"checks": checks})
    load_check(name, args)
    return name, args


def judged(
    completions: Sequence[Completion],
    checker: Sequence[str | None],
    checker_args: Sequence[str | None],
    *,
    prompts: Sequence[Completion] = (),
    languages: Sequence[str | None] = (),
) -> list[Verdict | None]:
    """What the checks of each row say of its completion; ``None`` for a row without a check.

    Args:
        completions: texts, or lists of chat messages, of which the assistant's are read.
        checker: the column of that name.
        checker_args: the column of that name.
        prompts: the prompts, whose text is where quotations may stand.
        languages: ISO 639-1 code of each row's answer, where known.

    Raises:
        UsageError, InputError: a row has a check that cannot be loaded; the message names the row.
    """
    if len(checker) != len(completions) or len(checker_args) != len(completions):
        raise InputError(f"{len(completions)} completions, but {len(checker)} and {len(checker_args)} values in the columns of checks")
    found: list[Verdict | None] = []
    for row, completion in enumerate(completions):
        name = checker[row]
        if not name:
            found.append(None)
            continue
        try:
            check = load_check(name, checker_args[row] or "{}")
        except WildgraphError as error:
            raise type(error)(f"row {row}: {error.message}", error.hint) from error
        prompt = said(prompts[row]) if row < len(prompts) else ""
        language = (languages[row] if row < len(languages) else "") or ""
        found.append(check(without_thoughts(said(completion, "assistant")), Context(prompt, (prompt,) if prompt else (), language)))
    return found


def reward(
    prompts: Sequence[Completion], completions: Sequence[Completion], completion_ids: object = None, **columns: object
) -> list[float | None]:
    """A reward function for TRL's ``GRPOTrainer``: what the checks in the columns ``checker`` and ``checker_args`` say of the completions.

    1.0 for a pass, 0.0 for a fail, the share of passes for the check ``share``, and ``None`` for what is undecided, does not apply or has
    no check: TRL leaves such a completion out of its group's mean. A column ``language`` is read where there is one.

    Args:
        prompts: texts, or lists of chat messages.
        completions: texts, or lists of chat messages.
        completion_ids: not looked at.
        columns: the other columns of the rows, and what TRL adds.

    Raises:
        UsageError, InputError: a column is missing, or a row has a check that cannot be loaded.
    """
    missing = [name for name in COLUMNS if not isinstance(columns.get(name), list | tuple)]
    if missing:
        raise InputError(f"the rows have no column {missing[0]!r}", "export with `--to grpo`, which writes it")
    found = judged(
        completions, _texts(columns["checker"]), _texts(columns["checker_args"]), prompts=prompts, languages=_texts(columns.get("language"))
    )
    return [None if verdict is None else verdict.share for verdict in found]


def _texts(column: object) -> list[str | None]:
    values = column if isinstance(column, list | tuple) else ()
    wrong = next((value for value in values if value is not None and not isinstance(value, str)), None)
    if wrong is not None:
        raise InputError(f"a column of checks holds {type(wrong).__name__}, not text", "checker_args is JSON text, not an object")
    return [value if isinstance(value, str) else None for value in values]


def said(turns: Completion, role: str = "") -> str:
    """The text of a prompt or completion: itself, or what its messages (those of ``role``, if any) say, a blank line between two.

    Example:
        >>> said([{"role": "assistant", "content": "Yes."}]), said("No.")
        ('Yes.', 'No.')
    """
    if isinstance(turns, str):
        return turns
    texts = (_content(message.get("content")) for message in turns if not role or message.get("role") == role)
    return "\n\n".join(text for text in texts if text)


def without_thoughts(text: str) -> str:
    """An answer without what a reasoning model thought before it; nothing, when it never came to an end with that.

    The opening tag may be missing, since some chat templates put it into the prompt.

    Example:
        >>> without_thoughts("<think>Hm, 5?</think>4"), without_thoughts("<think>Hm"), without_thoughts("4")
        ('4', '', '4')
    """
    thoughts, end, answer = text.partition(_THOUGHT_ENDS)
    if end and (_THOUGHT_BEGINS not in thoughts or thoughts.lstrip().startswith(_THOUGHT_BEGINS)):
        return answer
    return "" if not end and text.lstrip().startswith(_THOUGHT_BEGINS) else text


def _content(content: object) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list | tuple) else ()
    texts = (block.get("text") for block in blocks if isinstance(block, Mapping))
    return "".join(text for text in texts if isinstance(text, str))
