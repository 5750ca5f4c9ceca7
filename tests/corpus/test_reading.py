import gzip
import json

import pytest

from wildgraph.corpus import read_documents
from wildgraph.errors import ConfigError, InputError
from wildgraph.records import Document, Rejection, content_hash

PROSE = "The committee met in the town hall and agreed on a budget for the coming year. "


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def outcome(paths, **kwargs):
    return [(item.id, "ok") if isinstance(item, Document) else (item.item, item.reason) for item in read_documents(paths, **kwargs)]


def test_table_columns_and_their_other_names(tmp_path):
    table = lines(
        tmp_path / "a.jsonl",
        [
            {"id": 7, "text": PROSE, "title": " A\nB ", "document_type": "minutes", "language": "en-GB", "licence": "CC0-1.0"},
            {"doc_id": "x", "content": PROSE * 2, "type": "minutes", "license": "MIT"},
            {"text": PROSE * 3},
        ],
    )
    first, second, third = read_documents([table])
    assert (first.id, first.title, first.declared_type, first.language, first.licence) == ("7", "A B", "minutes", "en", "CC0-1.0")
    assert first.hash == content_hash(PROSE)
    assert first.where == f"{table.as_posix()}:1"
    assert (second.id, second.declared_type, second.licence, second.language) == ("x", "minutes", "MIT", "en")
    assert (third.id, third.licence, third.title) == ("a.jsonl/3", "unknown", "")


def test_unknown_tables_by_columns(tmp_path):
    table = lines(tmp_path / "a.jsonl", [{"key": "a", "body_text": PROSE, "text": "not this"}])
    (found,) = read_documents([table], columns={"text": "body_text", "id": "key"})
    assert (found.id, found.text) == ("a", PROSE)
    with pytest.raises(ConfigError, match="did you mean 'text'"):
        list(read_documents([table], columns={"txt": "body_text"}))


def test_a_table_without_texts_is_an_error_that_names_its_columns(tmp_path):
    table = lines(tmp_path / "a.jsonl", [{"key": "a", "words": PROSE}])
    with pytest.raises(InputError, match=r"no column text or .* it has key, words"):
        list(read_documents([table]))


def test_rows_that_are_no_documents_are_counted(tmp_path):
    table = lines(
        tmp_path / "a.jsonl",
        [{"id": "a", "text": PROSE}, {"id": "b", "text": " \n\u200b"}, {"id": "c"}, {"id": "d", "text": ["x"]}, {"id": "e", "text": "\x00\x01" * 50},
         {"id": "f", "text": None}, {"id": "g" * 400, "text": "other " + PROSE}],
    )  # fmt: skip
    found = [item.reason for item in read_documents([table]) if isinstance(item, Rejection)]
    assert found == ["empty_document", "empty_document", "unknown_layout", "binary_document", "empty_document", "too_long"]


def test_folders_of_text_markdown_archives_and_others(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "notes.md").write_text("intro\n# The Title #\n" + PROSE)
    (tmp_path / "plain.txt").write_bytes(b"\xef\xbb\xbf" + PROSE.encode() + b"\r\nlast")
    (tmp_path / "old.txt.gz").write_bytes(gzip.compress(b"old " + PROSE.encode()))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00")
    (tmp_path / "latin.txt").write_bytes("Müller ".encode("latin-1") * 20)
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "package.json").write_text('{"name": "x"}')
    (tmp_path / "table.jsonl").write_text(json.dumps({"id": "row", "text": "row " + PROSE}) + "\n")
    assert outcome([tmp_path]) == [
        ("empty.txt", "empty_document"),
        ("latin.txt", "undecodable"),
        ("old.txt.gz", "ok"),
        (f"{(tmp_path / 'package.json').as_posix()}:1", "unknown_layout"),
        ("package.json", "unknown_layout"),
        ("picture.png", "binary_document"),
        ("plain.txt", "ok"),
        ("sub/notes.md", "ok"),
        ("row", "ok"),
    ]
    documents = {item.id: item for item in read_documents([tmp_path]) if isinstance(item, Document)}
    assert documents["sub/notes.md"].title == "The Title"
    assert documents["plain.txt"].text == PROSE + "\r\nlast"
    assert documents["plain.txt"].title == "plain"


def test_a_named_file_is_called_by_its_name_and_a_pattern_by_the_path_below_it(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text(PROSE)
    assert outcome([tmp_path / "sub" / "a.txt"]) == [("a.txt", "ok")]
    assert outcome([str(tmp_path / "*" / "*.txt")]) == [("sub/a.txt", "ok")]


def test_the_same_text_under_two_ids_comes_once(tmp_path):
    table = lines(tmp_path / "a.jsonl", [{"id": "a", "text": PROSE}, {"id": "b", "text": PROSE}, {"id": "a", "text": PROSE}])
    found = list(read_documents([table]))
    assert [getattr(item, "reason", "ok") for item in found] == ["ok", "duplicate_document", "duplicate_document"]
    assert "a at" in found[1].detail


def test_one_id_with_two_texts_names_both_places(tmp_path):
    one = lines(tmp_path / "a.jsonl", [{"id": "a", "text": PROSE}])
    two = lines(tmp_path / "b.jsonl", [{"id": "b", "text": "first " + PROSE}, {"id": "a", "text": "second " + PROSE}])
    with pytest.raises(InputError) as error:
        list(read_documents([one, two]))
    assert f"{one.as_posix()}:1" in str(error.value)
    assert f"{two.as_posix()}:2" in str(error.value)


def test_a_document_of_a_million_tokens_is_read_whole(tmp_path):
    text = PROSE * 60_000
    (tmp_path / "big.txt").write_text(text)
    (found,) = read_documents([tmp_path / "big.txt"])
    assert found.text == text


def test_a_damaged_archive_that_was_named_is_an_error(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(PROSE.encode() * 100)[:-20])
    with pytest.raises(InputError, match="damaged or cut off"):
        list(read_documents([tmp_path / "a.txt.gz"]))
