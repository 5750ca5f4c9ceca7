"""What the answer quotes stands in the documents."""

from __future__ import annotations

from pydantic import BaseModel, Field

from wildgraph.checkers.loading import CLOSED, Count
from wildgraph.checkers.verdicts import Context, Verdict, failed, passed, undecided
from wildgraph.quotes import quotations, says

#: A longer quotation is none that a reader would look up; it fails. [ours]
_MAX_QUOTE_CHARS = 5_000
_MAX_QUOTES = 200


class Citation(BaseModel):
    """The answer quotes, and every quotation stands in a document, but for case, white space, punctuation and marked gaps.

    Quotations are what stands in quotation marks, and the lines of block quotes.

    Attributes:
        least: how many different quotations there must be.
        quote_words: quotations of fewer words are not looked at: they may be titles or terms.
        texts: where they shall stand; the documents of the context, else its prompt, when empty.
    """

    model_config = CLOSED

    least: Count = 1
    quote_words: int = Field(default=4, ge=1, le=1000)
    texts: tuple[str, ...] = Field(default=(), max_length=1000)

    def judge(self, text: str, context: Context) -> Verdict:
        """The verdict on a text; undecided without any document."""
        documents = self.texts or context.documents or ((context.prompt,) if context.prompt else ())
        quotes = list(dict.fromkeys(quotations(text, self.quote_words)))
        if len(quotes) < self.least:
            return failed(f"{len(quotes)} quotations, at least {self.least} are asked for")
        if not quotes:
            return passed()
        if not documents:
            return undecided("there is no document to look into")
        if len(quotes) > _MAX_QUOTES:
            return failed(f"{len(quotes)} quotations are more than are looked up")
        for quote in quotes:
            if len(quote) > _MAX_QUOTE_CHARS:
                return failed(f"a quotation of {len(quote)} characters")
            if not any(says(document, quote) for document in documents):
                return failed(f"quoted, but in no document: {quote}")
        return passed()
