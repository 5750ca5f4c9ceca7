"""Any other table whose rows hold one query each, and plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from wildgraph.errors import UsageError, did_you_mean
from wildgraph.readers.layout import Logged, conversations, flag, text_of, verdict
from wildgraph.records import Conversation, Rejection
from wildgraph.rows import Row

#: What a column can be used for -> the names under which it is looked for when none is given.
COLUMNS: dict[str, tuple[str, ...]] = {
    "query": ("query", "prompt", "question", "text", "instruction", "user_message", "user_prompt", "user_query", "message", "input"),
    "user": ("user", "user_id", "user_hash", "hashed_ip", "author", "session_user"),
    "language": ("language", "lang"),
    "id": ("id", "conversation_id", "query_id", "question_id", "uid", "uuid", "key"),
    "document": ("document", "document_id", "doc_id", "context", "passage", "article"),
    "toxic": ("toxic", "flagged"),
    "turns": ("turns", "user_turns", "n_turns"),
}

#: A document column's text from this length on, with white space in it, is the document; anything shorter is its id or title.
_DOCUMENT_FROM = 120


class Table:
    """Rows of named columns, of which one holds the query.

    Args:
        columns: use -> column name for the uses in :data:`COLUMNS`; others are looked for under their usual names, but only when
            the query's column is not named. A non-empty document column says that the query is about a document: it holds the
            document's id or title, or the document itself.

    Raises:
        UsageError: a use is unknown, or ``query`` is missing.
    """

    name = "table"

    def __init__(self, columns: Mapping[str, str] | None = None) -> None:
        self.columns = dict(columns or {})
        for use in self.columns:
            if use not in COLUMNS:
                raise UsageError(f"a column cannot be used as {use!r}", did_you_mean(use, COLUMNS))
        if self.columns and "query" not in self.columns:
            raise UsageError("--columns does not say which column holds the query", "add query=NAME")

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with text in a query column, or with the column named for it."""
        return self.columns["query"] in row if self.columns else isinstance(row.get(self._column("query", row)), str)

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row."""
        return conversations(rows, self._understand)

    def _column(self, use: str, row: Mapping[str, object]) -> str:
        if self.columns:
            return self.columns.get(use, "")
        return next((name for name in COLUMNS[use] if row.get(name) is not None), "")

    def _understand(self, row: Mapping[str, object]) -> Logged | None:
        values = {use: row.get(self._column(use, row)) for use in COLUMNS}
        if self._column("query", row) not in row:
            return None
        document = values["document"]
        given = str(document).strip() if isinstance(document, str | int) and not isinstance(document, bool) else ""
        holds_text = len(given) >= _DOCUMENT_FROM and any(char.isspace() for char in given)
        marked = flag(values["toxic"])
        return Logged(
            [text_of(values["query"])],
            user=values["user"],
            native_id=values["id"],
            language=values["language"],
            toxic=verdict(row) if marked is None else marked,
            pasted=given if holds_text else "",
            about_document=bool(given),
            turns=_count(values["turns"]),
        )


def _count(value: object) -> int:
    """A number of turns, given as such or as a list of turns; 0 if it is neither."""
    if isinstance(value, list):
        return len(value)
    digits = str(value).strip()
    return int(digits) if digits.isdecimal() and len(digits) < 6 else 0


class Text:
    """Plain text: one file is one query."""

    name = "text"

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows made from text files."""
        return set(row) == {"text"} and isinstance(row["text"], str)

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row."""
        return conversations(rows, self._understand)

    @staticmethod
    def _understand(row: Mapping[str, object]) -> Logged | None:
        text = row.get("text")
        return Logged([text]) if isinstance(text, str) else None


class Lines(Text):
    """Plain text: one line is one query. Only by name, never detected."""

    name = "lines"

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Never: nothing in a text tells that its lines are queries."""
        return False
