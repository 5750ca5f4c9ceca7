"""The answer is one of those expected."""

from __future__ import annotations

from pydantic import BaseModel, Field

from wildgraph.checkers.loading import CLOSED
from wildgraph.checkers.normalising import answer_in, plain
from wildgraph.checkers.verdicts import Context, Verdict, decided, failed


class Exact(BaseModel):
    """The answer equals an expected one after normalisation: NFKC, case, Markdown, white space and outer punctuation are ignored.

    Attributes:
        answer: the expected answer, or several of which one suffices.
        cue: what begins the line that holds the answer (``Answer:``); empty when the whole text is the answer.
        case_sensitive: upper and lower case differ.
        drop_articles: English articles are ignored.
    """

    model_config = CLOSED

    answer: str | tuple[str, ...] = Field(min_length=1)
    cue: str = Field(default="", max_length=200)
    case_sensitive: bool = False
    drop_articles: bool = False

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        said = answer_in(text, self.cue)
        if said is None:
            return failed(f"no line begins with {self.cue!r}")
        expected = (self.answer,) if isinstance(self.answer, str) else self.answer
        return decided(self._form(said) in {self._form(one) for one in expected}, f"says {said.strip()[:100]!r}")

    def _form(self, text: str) -> str:
        return plain(text, drop_articles=self.drop_articles, fold=not self.case_sensitive)
