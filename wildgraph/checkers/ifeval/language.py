"""The language of an answer (IFEval's ``language``)."""

from __future__ import annotations

from pydantic import BaseModel, Field, field_validator

from wildgraph.checkers.ifeval.blank import blank
from wildgraph.checkers.loading import CLOSED
from wildgraph.checkers.verdicts import Context, Verdict, decided, undecided
from wildgraph.shingling import unspaced_ranges
from wildgraph.text import UNDECIDED, detect_language, language_code

#: Letters below which a text is too short to tell its language; a character of a script without spaces counts as four. [ours]
MIN_LETTERS = 24
_SAMPLE = 8_000


class ResponseLanguage(BaseModel):
    """``language:response_language``: the answer is in the language, as far as its first 2,000 characters of prose tell.

    Undecided when it has fewer than 24 letters, or the detector does not know.

    Attributes:
        language: name or code of the language (``de``, ``German``, ``zh-cn``).
    """

    model_config = CLOSED

    language: str = Field(min_length=1, max_length=40)

    @field_validator("language")
    @classmethod
    def _known(cls, language: str) -> str:
        code = language_code(language)
        if code == UNDECIDED:
            raise ValueError(f"no language is called {language!r}")
        return code

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text."""
        if (empty := blank(text)) is not None:
            return empty
        found = language_of(text)
        if found == UNDECIDED:
            return undecided("too short to tell its language, or of no language that the detector knows")
        return decided(found == self.language, f"is in {found!r}, not {self.language!r}")


def language_of(text: str) -> str:
    """The ISO 639-1 code of a text's language, or ``und`` for short texts and those that the detector does not know.

    Example:
        >>> language_of("Das ist ein Satz in deutscher Sprache."), language_of("Hallo")
        ('de', 'und')
    """
    letters = 0
    for char in text[:_SAMPLE]:
        if char.isalpha():
            letters += 4 if any(first <= ord(char) <= last for first, last in unspaced_ranges()) else 1
            if letters >= MIN_LETTERS:
                return detect_language(text)
    return UNDECIDED
