"""Documents from tables, text files and folders.

Tables are read by :mod:`wildgraph.rows`. Every other file is one document and is read here: whatever its suffix, also where it looks like
JSON, and with rejections that name the document, not a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from wildgraph.errors import ConfigError, InputError, did_you_mean
from wildgraph.files import DAMAGED, expand, looks_binary, open_bytes, suffix_of
from wildgraph.records import Document, Rejection, content_hash
from wildgraph.rows import MAX_ROW_BYTES, TABLE_SUFFIXES, Row, clean, read_rows
from wildgraph.text import detect_language, language_code

STAGE = "documents"

#: What a document needs -> the columns it is looked for in, in this order.
COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id", "document_id", "doc_id"),
    "text": ("text", "content", "document", "body"),
    "title": ("title",),
    "type": ("document_type", "doc_type", "type"),
    "language": ("language", "lang"),
    "licence": ("licence", "license"),
}

_HEADING = re.compile(r"^#[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_MAX_ID, _MAX_TITLE, _MAX_WORD = 300, 300, 200


def read_documents(paths: Sequence[Path | str], *, columns: Mapping[str, str] | None = None) -> Iterator[Document | Rejection]:
    """The documents of files, folders and globs, in order.

    Tables (JSONL, JSON, CSV, TSV, parquet) hold one document a row; every other file is one document, whose id is its path relative to
    the folder or pattern that was named. All may be compressed. A document without an id is called ``file/line``. Texts are not changed;
    a language that is not given is detected.

    Args:
        paths: files, folders (walked, hidden entries left out) or glob patterns.
        columns: what a document needs (a key of :data:`COLUMNS`) -> the column that holds it, where it is none of the usual ones.

    Raises:
        ConfigError: ``columns`` names something documents do not have.
        InputError: a path does not exist, a named file is no table or lacks the text's column, or one id has two texts.
    """
    wanted = _wanted(columns or {})
    named = {Path(path).expanduser() for path in paths}
    known_ids: dict[str, tuple[str, str]] = {}
    known_texts: dict[str, str] = {}
    for file, root in expand(paths):
        for found in _documents(file, root, wanted, named=file in named):
            if isinstance(found, Rejection):
                yield found
                continue
            earlier = known_ids.get(found.id)
            if earlier is not None and earlier[0] != found.hash:
                raise InputError(
                    f"two documents have the id {found.id!r} and different texts: {earlier[1]} and {found.where}",
                    "ids name documents in the data set: rename one, or name the folder above both",
                )
            if found.hash in known_texts:
                twin = known_texts[found.hash]
                yield _reject(found.id, "duplicate_document", found.where, f"the text of {twin} at {known_ids[twin][1]}")
                continue
            known_ids[found.id] = found.hash, found.where
            known_texts[found.hash] = found.id
            yield found


def _wanted(columns: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    for name in columns:
        if name not in COLUMNS:
            raise ConfigError(f"documents have no {name!r}", did_you_mean(name, COLUMNS))
    return {name: (columns[name],) if name in columns else usual for name, usual in COLUMNS.items()}


def _reject(item: str, reason: str, where: str, detail: str = "") -> Rejection:
    return Rejection(stage=STAGE, item=item[:_MAX_ID], reason=reason, where=where, detail=detail)


def _documents(file: Path, root: Path, wanted: Mapping[str, tuple[str, ...]], *, named: bool) -> Iterator[Document | Rejection]:
    """The documents of one file; what is wrong with a file that merely lies in a folder is a rejection, not an error."""
    name = file.relative_to(root).as_posix()
    try:
        if suffix_of(file) in TABLE_SUFFIXES:
            yield from _from_table(file, name, wanted)
        else:
            yield _from_file(file, name)
    except InputError as error:
        if named:
            raise
        yield _reject(name, "unknown_layout", file.as_posix(), str(error))


# --------------------------------------------------------------------------- tables


def _from_table(file: Path, name: str, wanted: Mapping[str, tuple[str, ...]]) -> Iterator[Document | Rejection]:
    with_text, seen = 0, set[str]()
    for row in read_rows(file, stage=STAGE):
        if isinstance(row, Rejection):
            yield row
            continue
        if with_text or any(column in row.values for column in wanted["text"]):
            with_text += 1
            yield _from_row(row, name, wanted)
        else:
            seen.update(row.values)
            yield _reject(row.where, "unknown_layout", row.where, "no column holds a text")
    if not with_text and seen:
        raise InputError(
            f"{file.as_posix()} has no column {' or '.join(wanted['text'])}; it has {', '.join(sorted(seen)[:20])}",
            "say which column holds the text: --columns text=NAME",
        )


def _from_row(row: Row, name: str, wanted: Mapping[str, tuple[str, ...]]) -> Document | Rejection:
    values = {
        need: next((row.values[column] for column in usual if row.values.get(column) is not None), None) for need, usual in wanted.items()
    }
    identity = f"{name}/{row.line}" if values["id"] in (None, "") else str(values["id"]).strip()
    text = values["text"]
    if text is not None and not isinstance(text, str):
        return _reject(identity, "unknown_layout", row.where, f"the text is a {type(text).__name__}")
    given = {need: "" if values[need] is None else " ".join(str(values[need]).split()) for need in ("title", "type", "language", "licence")}
    return _document(
        identity,
        text or "",
        row.source,
        row.line,
        title=given["title"],
        declared_type=given["type"],
        language=given["language"],
        licence=given["licence"],
    )


# --------------------------------------------------------------------------- files


def _from_file(file: Path, name: str) -> Document | Rejection:
    source = file.as_posix()
    try:
        with open_bytes(file) as handle:
            blob = handle.read(MAX_ROW_BYTES + 1)
    except DAMAGED as error:
        raise InputError(f"{source} cannot be read: {error}", "the file is damaged or cut off") from error
    if len(blob) > MAX_ROW_BYTES:
        return _reject(name, "too_long", source, f"more than {MAX_ROW_BYTES} bytes")
    if blob.strip() and looks_binary(blob[:8192]):
        return _reject(name, "binary_document", source, "it starts with bytes that are no UTF-8 text")
    try:
        text = blob.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _reject(name, "undecodable", source, f"byte {error.start} is not UTF-8")
    heading = _HEADING.search(text[:4000]) if suffix_of(file) in {".md", ".markdown"} else None
    return _document(name, text, source, 1, title=heading.group(1) if heading else file.name.partition(".")[0])


def _document(
    identity: str, text: str, source: str, line: int, *, title: str = "", declared_type: str = "", language: str = "", licence: str = ""
) -> Document | Rejection:
    where = f"{source}:{line}"
    if len(identity) > _MAX_ID:
        return _reject(identity, "too_long", where, f"an id of {len(identity)} characters, {_MAX_ID} are allowed")
    if not text.strip("\ufeff\u200b \t\r\n\f\v\u00a0\u2028\u2029"):
        return _reject(identity, "empty_document", where)
    if "\x00" in text or looks_binary(text[:4096].encode("utf-8", "replace")):
        return _reject(identity, "binary_document", where, "the text holds NUL or mostly control characters")
    return Document(
        id=clean(identity),
        hash=content_hash(text),
        text=text,
        title=clean(title)[:_MAX_TITLE],
        declared_type=declared_type[:_MAX_WORD],
        language=language_code(language) if language else detect_language(text),
        licence=licence[:_MAX_WORD] or "unknown",
        source=clean(source),
        line=line,
    )
