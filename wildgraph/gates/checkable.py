"""An answer that can be checked passes its own checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.checkers import Context, load_check
from wildgraph.errors import InputError, UsageError
from wildgraph.gates.reading import asked
from wildgraph.gates.verdicts import failed, not_evaluated, passed
from wildgraph.records import Pair, Verdict
from wildgraph.text import UNDECIDED, language_code


class CheckableGate(BaseModel):
    """The last answer passes every checker that the pair carries; one that cannot be loaded is refused, for it would be a reward. [ours].

    A check that says nothing of a text that is right (upper case in a script without case) does no harm; one that says nothing because the
    text is too short to tell would reward at random, so the pair goes when no check says anything.

    Attributes:
        needed: paradigms whose pairs must carry a check.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "checkable"

    needed: tuple[str, ...] = ("verifiable",)

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``no_checker``, ``bad_checker`` or ``check_failed``."""
        if not pair.checkers:
            if pair.paradigm in self.needed:
                return failed(self.name, "no_checker", "the pair carries no check")
            return not_evaluated(self.name, "the pair carries no check")
        code = language_code(pair.language)
        context = Context(prompt=asked(pair), documents=tuple(texts.values()), language="" if code == UNDECIDED else code)
        said = []
        for checker in pair.checkers:
            try:
                verdict = load_check(checker.name, checker.args)(pair.response, context)
            except (InputError, UsageError) as error:
                return failed(self.name, "bad_checker", str(error))
            if verdict.status == "fail":
                return failed(self.name, "check_failed", f"{checker.name}: {verdict.why}")
            said.append(f"{checker.name} {verdict.status}")
        if not any(one.endswith(" pass") for one in said):
            return failed(self.name, "check_failed", f"no check says anything: {', '.join(said)}")
        return passed(self.name, ", ".join(said))
