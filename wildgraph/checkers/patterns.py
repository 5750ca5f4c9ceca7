"""The text matches a regular expression, in RE2's language and in bounded time."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Literal, Protocol, Self

from pydantic import BaseModel, Field, model_validator

from wildgraph.checkers.counts import Relation, related
from wildgraph.checkers.loading import CLOSED, Count
from wildgraph.checkers.verdicts import Context, Verdict, decided, undecided

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Longer patterns are refused. [ours]
MAX_PATTERN_CHARS = 2_000
#: Most steps that a search may need at worst: size of the compiled pattern × characters × matches looked for. More is undecided. [ours]
MAX_EFFORT = 300_000_000
#: Memory for one compiled pattern in bytes; patterns that unroll to more are refused. [ours]
_MEMORY = 1 << 20
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Compiled(Protocol):
    @property
    def programsize(self) -> int: ...
    def search(self, text: str) -> object: ...
    def fullmatch(self, text: str) -> object: ...
    def finditer(self, text: str) -> Iterator[object]: ...


class Regex(BaseModel):
    """The text holds, or wholly is, a match of a pattern in RE2's syntax: no look-around, no references back to groups.

    Attributes:
        pattern: the regular expression.
        match: ``search`` anywhere, or ``full`` for the whole text without the white space around it.
        ignore_case: case does not matter.
        negate: the text passes when it does *not* match.
        relation, count: how often the pattern shall match; once at least where ``count`` is not given.
    """

    model_config = CLOSED

    pattern: str = Field(min_length=1, max_length=MAX_PATTERN_CHARS)
    match: Literal["search", "full"] = "search"
    ignore_case: bool = False
    negate: bool = False
    relation: Relation = "at least"
    count: Count | None = None

    @model_validator(mode="after")
    def _can_be_compiled(self) -> Self:
        compiled(self.pattern, self.ignore_case)
        if self.count is not None and (self.match == "full" or self.negate):
            raise ValueError("`count` goes with neither `match: full` nor `negate`")
        return self

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        pattern = compiled(self.pattern, self.ignore_case)
        searched = without_surrogates(text)
        # one match beyond the number decides every relation, and each may have to look through the whole rest
        most = 1 if self.count is None else self.count + 1
        if pattern.programsize * max(1, len(searched)) * most > MAX_EFFORT:
            return undecided(f"the pattern is too costly for {len(searched)} characters")
        if self.count is not None:
            return related(sum(1 for _ in islice(pattern.finditer(searched), most)), self.relation, self.count, "matches")
        found = pattern.fullmatch(searched.strip()) if self.match == "full" else pattern.search(searched)
        if self.negate:
            return decided(found is None, "matches the pattern")
        return decided(found is not None, "does not match the pattern")


@lru_cache(maxsize=1024)
def compiled(pattern: str, ignore_case: bool = False) -> _Compiled:
    """The pattern, compiled by RE2.

    Raises:
        ValueError: RE2 does not know its syntax, or it is too large.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.case_sensitive = not ignore_case
    try:
        made: _Compiled = re2.compile(without_surrogates(pattern), options=options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        reason = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise ValueError(f"RE2 cannot take this pattern: {reason[:120]}") from None
    return made


def without_surrogates(text: str) -> str:
    """``text`` as RE2 can read it: lone surrogates are replaced one for one by U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)
