"""Reading real and broken log files."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import zstandard

from wildgraph import rows as rows_module
from wildgraph.errors import InputError, UsageError
from wildgraph.readers import log_files, read_logs
from wildgraph.records import Conversation, Rejection

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
MANIFEST = (
    {entry["file"]: entry["rows"] for entry in json.loads((SHARED / "native" / "MANIFEST.json").read_text())} if SHARED.is_dir() else {}
)
real = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not beside the repository")

CHAT = {"messages": [{"role": "user", "content": "Sum it up."}]}
LINE = json.dumps(CHAT).encode()


def found(*paths: object, **options: object) -> list[Conversation | Rejection]:
    return list(read_logs([str(path) for path in paths], **options))  # type: ignore[arg-type]


def reasons(items: list[Conversation | Rejection]) -> list[str]:
    return [item.reason if isinstance(item, Rejection) else "ok" for item in items]


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# --------------------------------------------------------------------------- real files


@real
@pytest.mark.parametrize("name", sorted(MANIFEST) or ["none"])
def test_every_native_file_yields_as_many_conversations_as_it_has(name: str) -> None:
    items = found(SHARED / "native" / name)
    assert reasons(items) == ["ok"] * (25 if name.startswith("oasst_messages") else MANIFEST[name])


@real
def test_the_parquet_twins_say_the_same_as_the_json_files() -> None:
    for name in ("wildchat_schema_ru", "lmsys_schema", "oasst_messages_schema", "openai_messages"):
        lines, table = found(SHARED / "native" / f"{name}.jsonl"), found(SHARED / "native" / f"{name}.parquet")
        assert [item.model_dump(exclude={"source", "line"}) for item in lines] == [
            item.model_dump(exclude={"source", "line"}) for item in table
        ]


@real
def test_the_two_forms_of_the_same_oasst_trees_give_the_same_conversations() -> None:
    flat, trees = found(SHARED / "native" / "oasst_messages_schema.jsonl"), found(SHARED / "native" / "oasst_tree_schema.jsonl")
    assert [(c.query, c.user_turns, c.native_id) for c in flat] == [(c.query, c.user_turns, c.native_id) for c in trees]  # type: ignore[union-attr]


@real
def test_the_shared_tables() -> None:
    queries = found(SHARED / "queries.parquet")
    assert reasons(queries) == ["ok"] * 1849
    assert Counter(item.language for item in queries if isinstance(item, Conversation)).most_common(2) == [("en", 928), ("ru", 763)]
    questions = found(SHARED / "document_questions.parquet")
    assert len(questions) == 1698
    assert all(isinstance(item, Conversation) and item.about_document and item.native_id for item in questions)


@real
def test_a_folder_is_read_whole_and_what_is_no_log_in_it_is_counted() -> None:
    items = found(SHARED / "native")
    assert Counter(reasons(items)) == {"ok": 1009, "unknown_layout": 20}
    assert all(item.where.rpartition("/")[2].startswith("MANIFEST.json:") for item in items if isinstance(item, Rejection))


# --------------------------------------------------------------------------- JSON lines


def test_separators_that_are_no_line_feeds_stay_inside_strings(tmp_path: Path) -> None:
    text = "one\u2028two\u2029three\u0085four\x0bfive"
    log = write(tmp_path / "log.jsonl", json.dumps({"messages": [{"role": "user", "content": text}]}, ensure_ascii=False) + "\r\n")
    [item] = found(log)
    assert isinstance(item, Conversation)
    assert item.query == text


def test_every_broken_line_is_counted_with_its_place(tmp_path: Path) -> None:
    deep = b"[" * 200_000
    lines = [
        LINE,
        b"{broken",
        b"",
        b"[1, 2]",
        b'"text"',
        b'{"messages": []}',
        b'{"other": 1}',
        b'{"messages": [{"role": "user", "content": "\xff"}]}',
        deep,
        LINE,
        LINE[:-9],
    ]
    log = write(tmp_path / "log.jsonl", b"\n".join(lines))
    items = found(log)
    assert reasons(items) == [
        "ok", "broken_json", "not_an_object", "not_an_object", "no_user_turn", "unknown_layout", "undecodable", "broken_json", "ok", "half_written_line",
    ]  # fmt: skip
    assert [item.where for item in items] == [f"{log}:{line}" for line in (1, 2, 4, 5, 6, 7, 8, 9, 10, 11)]


def test_a_whole_last_line_without_a_line_break_is_good(tmp_path: Path) -> None:
    assert reasons(found(write(tmp_path / "log.jsonl", LINE + b"\n" + LINE))) == ["ok", "ok"]


def test_a_byte_order_mark_and_lone_surrogates_do_no_harm(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", b"\xef\xbb\xbf" + rb'{"messages": [{"role": "user", "content": "a \ud800 b", "x": NaN}]}' + b"\n")
    [item] = found(log)
    assert isinstance(item, Conversation)
    assert item.query == "a \ufffd b"


def test_a_line_longer_than_any_row_is_skipped_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "MAX_ROW_BYTES", 100)
    log = write(tmp_path / "log.jsonl", LINE + b"\n" + b'{"messages": "' + b"a" * 1000 + b'"}\n' + LINE + b"\n")
    assert reasons(found(log)) == ["ok", "too_long", "ok"]


def test_reading_is_lazy(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", (LINE + b"\n") * 50 + b"{broken\n" * 50)
    assert reasons(list(islice(read_logs([log]), 3))) == ["ok"] * 3


# --------------------------------------------------------------------------- JSON arrays and objects


@pytest.mark.parametrize("chunk", [1, 7, 1 << 18])
def test_an_array_is_streamed_whatever_the_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(rows_module, "_CHUNK", chunk)
    rows = [{"messages": [{"role": "user", "content": f'{n} é \u2028 \U0001f600 \\ " end'}]} for n in range(30)]
    items = found(write(tmp_path / "log.json", json.dumps(rows, indent=1, ensure_ascii=False)))
    assert [item.query for item in items if isinstance(item, Conversation)] == [row["messages"][0]["content"] for row in rows]
    assert [item.line for item in items if isinstance(item, Conversation)] == list(range(1, 31))


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (b"]", []),
        (b",]", []),
        (b", 5, null]", ["not_an_object", "not_an_object"]),
        (b', {"messages": [', ["half_written_line"]),
        (b"", ["half_written_line"]),
        (b", {broken}, " + LINE + b" " * 100 + b"]", ["broken_json", "ok"]),
        (b"  " + LINE + b"]", ["broken_json"]),
        (b"] more", ["broken_json"]),
        (b', {"messages": "\xff"}, ' + LINE + b"]", ["undecodable", "ok"]),
    ],
)  # fmt: skip
def test_broken_arrays_keep_what_can_be_read(tmp_path: Path, tail: bytes, expected: list[str]) -> None:
    assert reasons(found(write(tmp_path / "log.json", b"[" + LINE + b",\n" + LINE + tail))) == ["ok", "ok", *expected]


def test_one_pretty_printed_object_is_one_row_or_wraps_the_rows(tmp_path: Path) -> None:
    assert reasons(found(write(tmp_path / "one.json", json.dumps(CHAT, indent=2)))) == ["ok"]
    assert reasons(found(write(tmp_path / "many.json", json.dumps({"data": [CHAT, CHAT]}, indent=2)))) == ["ok", "ok"]


# --------------------------------------------------------------------------- tables and text


def test_csv_and_tsv_with_named_columns(tmp_path: Path) -> None:
    csv = write(tmp_path / "log.csv", 'frage;wer;sprache\n"Was steht; im\nVertrag?";u1;Deutsch\nKurz;u2;deu\n')
    first, second = found(csv, columns={"query": "frage", "user": "wer", "language": "sprache"})
    assert isinstance(first, Conversation)
    assert (first.query, first.user, first.language) == ("Was steht; im\nVertrag?", "u1", "de")
    assert isinstance(second, Conversation)
    assert second.line == 4
    tsv = write(tmp_path / "log.tsv", "query\tuser\nSum it up, please\tu1\n")
    assert reasons(found(tsv)) == ["ok"]


@pytest.mark.parametrize("use", ["user", "language", "id", "document"])
def test_a_named_column_that_is_not_there_is_an_error(tmp_path: Path, use: str) -> None:
    """Not silence: without its users' column every row would count as a user of its own, and no K would keep any back."""
    log = write(tmp_path / "log.csv", "question,customer\n" + "Sum up the lease,ann\n" * 5)
    with pytest.raises(InputError, match=f"has no column 'custommer' for {use}.*did you mean 'customer'"):
        found(log, columns={"query": "question", use: "custommer"})


def test_broken_csv_rows_are_counted(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", b"query,user\nfirst,u1\ntoo,many,cells\n\xff,u\nlast,u2\nhalf")
    assert reasons(found(log)) == ["ok", "unknown_layout", "undecodable", "ok", "half_written_line"]
    cut = write(tmp_path / "cut.csv", 'query,user\nfirst,u1\n"never closed')
    assert reasons(found(cut)) == ["ok", "half_written_line"]


def test_a_document_column_holds_an_id_or_the_document(tmp_path: Path) -> None:
    document = "The parties agree as follows. " * 20
    log = write(tmp_path / "log.jsonl", "\n".join(json.dumps({"q": "Who signs?", "d": d}) for d in ("contract-7", document, "", None)))
    named, pasted, none, missing = found(log, columns={"query": "q", "document": "d"})
    assert all(isinstance(item, Conversation) for item in (named, pasted, none, missing))
    assert [item.about_document for item in (named, pasted, none, missing)] == [True, True, False, False]  # type: ignore[union-attr]
    assert isinstance(pasted, Conversation)
    assert pasted.paste is not None
    assert pasted.query[pasted.paste.start : pasted.paste.end] == document.strip()
    assert pasted.instruction == "Who signs?"


def test_a_text_file_is_one_query_or_one_per_line(tmp_path: Path) -> None:
    log = write(tmp_path / "log.txt", "First question\nand more.\n\nSecond question\n")
    assert [item.query for item in found(log)] == ["First question\nand more.\n\nSecond question\n"]  # type: ignore[union-attr]
    assert [item.query for item in found(log, format="lines")] == ["First question", "and more.", "Second question"]  # type: ignore[union-attr]


# --------------------------------------------------------------------------- compression


@pytest.mark.parametrize("name", ["log.jsonl", "log.json", "log.csv", "log.txt", "log.parquet"])
@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_every_kind_is_read_compressed(tmp_path: Path, name: str, suffix: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = tmp_path / name
    if name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist([{"query": "Sum it up."}]), plain)
    else:
        write(
            plain,
            {"log.jsonl": LINE + b"\n", "log.json": b"[" + LINE + b"]", "log.csv": b"query,a\nSum it up.,1\n", "log.txt": b"Sum it up."}[
                name
            ],
        )
    packed = write(
        tmp_path / (name + suffix), gzip.compress(plain.read_bytes()) if suffix == ".gz" else zstandard.compress(plain.read_bytes())
    )
    [item] = found(packed)
    assert isinstance(item, Conversation)
    assert item.query == "Sum it up."


def test_a_compressed_file_cut_off_or_damaged_keeps_its_first_rows(tmp_path: Path) -> None:
    content = b"\n".join(json.dumps({"messages": [{"role": "user", "content": os.urandom(400).hex()}]}).encode() for _ in range(600))
    packed = gzip.compress(content)
    items = found(write(tmp_path / "cut.jsonl.gz", packed[: len(packed) * 9 // 10]))
    assert Counter(reasons(items))["ok"] > 400
    assert reasons(items)[-1] == "half_written_line"
    squeezed = zstandard.compress(content)
    items = found(write(tmp_path / "cut.jsonl.zst", squeezed[: len(squeezed) * 9 // 10]))
    assert Counter(reasons(items))["ok"] > 100
    assert reasons(items)[-1] == "half_written_line"
    broken = bytearray(packed)
    broken[-6] ^= 0xFF  # the checksum at the end
    items = found(write(tmp_path / "broken.jsonl.gz", bytes(broken)))
    assert Counter(reasons(items))["ok"] > 400
    assert [reason for reason in reasons(items) if reason != "ok"] == ["undecodable"]


# --------------------------------------------------------------------------- parquet


def test_parquet_that_is_cut_off_is_one_line(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"query": ["a"] * 100}), path)
    write(path, path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"cannot read the parquet file .*log\.parquet"):
        found(path)


def test_a_parquet_row_that_is_no_text_costs_only_itself(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    offsets, data = pa.py_buffer(b"\0\0\0\0\2\0\0\0\3\0\0\0\5\0\0\0"), pa.py_buffer(b"ab\xffcd")
    column = pa.Array.from_buffers(pa.string(), 3, [None, offsets, data])
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"query": column}), path)
    assert reasons(found(path)) == ["ok", "undecodable", "ok"]


# --------------------------------------------------------------------------- errors of the run


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.jsonl", None, "no such file"),
        ("empty.jsonl", b"", "is empty"),
        ("blank.jsonl", b"\n \n\n", "is empty"),
        ("empty.json", b"[]", "is empty"),
        ("binary.jsonl", bytes(range(256)) * 20, "is binary"),
        ("archive.zip", b"PK\x03\x04" + b"\0" * 100, "is binary"),
        ("utf16.txt", "Sum it up".encode("utf-16"), "is UTF-16"),
        ("fake.parquet", b"hello", "is not a parquet file"),
        ("page.json", b"<html>", "is not JSON"),
        ("log.xyz", b"hello", "unknown format"),
        ("lines.jsonl", b"hello\nworld\n", "lines.jsonl:1: no row can be read: broken json"),
        ("other.jsonl", b'{"a": 1, "b": 2}\n', "unknown format: .* rows with the keys a, b"),
        ("numbers.json", b"[1, 2]", "no row can be read: not an object"),
        ("double.csv", b"a,a\n1,2\n", "has no header"),
        ("damaged.jsonl.gz", b"\x1f\x8b" + b"\x42" * 50, "damaged|cannot read"),
        ("damaged.jsonl.zst", b"\x28\xb5\x2f\xfd" + b"\x42" * 50, "cannot read"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_at_all_is_one_line_with_a_hint(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        write(path, content)
    with pytest.raises(InputError, match=message) as caught:
        read_logs([path])
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)
    assert caught.value.exit_code == 3


def test_errors_come_before_the_first_conversation(tmp_path: Path) -> None:
    good = write(tmp_path / "good.jsonl", LINE)
    with pytest.raises(InputError, match=r"no such file: .*missing\.jsonl"):
        read_logs([good, tmp_path / "missing.jsonl"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "wildcat"}, "did you mean 'wildchat'"),
        ({"columns": {"qury": "a"}}, "did you mean 'query'"),
        ({"columns": {"user": "a"}}, "add query=NAME"),
        ({"columns": {"query": "a"}, "format": "lmsys"}, "leave out --format"),
    ],
)  # fmt: skip
def test_unknown_names_are_usage_errors(tmp_path: Path, options: dict[str, object], message: str) -> None:
    log = write(tmp_path / "log.jsonl", LINE)
    with pytest.raises(UsageError, match=message):
        found(log, **options)


def test_a_named_format_or_column_that_no_row_has_is_an_error(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", LINE)
    with pytest.raises(InputError, match="not the layout 'wildchat'"):
        found(log, format="wildchat")
    with pytest.raises(InputError, match="no column 'frage': its rows have the keys messages"):
        found(log, columns={"query": "frage"})


# --------------------------------------------------------------------------- several logs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs" / "b").mkdir(parents=True)
    (tmp_path / "logs" / ".hidden").mkdir()
    for name in ("b/2.jsonl", "a.jsonl", ".hidden/x.jsonl", "notes.md", "b/1.jsonl.gz"):
        path = tmp_path / "logs" / name
        write(path, gzip.compress(LINE) if name.endswith("gz") else LINE)
    write(tmp_path / "logs" / "empty.jsonl", b"")
    return tmp_path / "logs"


def test_folders_and_globs_are_sorted_and_hold_no_file_twice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    expected = ["logs/a.jsonl", "logs/b/1.jsonl.gz", "logs/b/2.jsonl", "logs/empty.jsonl"]
    assert [str(path) for path in log_files(["logs"])] == expected
    assert [str(path) for path in log_files(["logs/**/*.jsonl", "logs", folder / "a.jsonl"])] == [
        "logs/a.jsonl",
        "logs/b/2.jsonl",
        "logs/empty.jsonl",
        "logs/b/1.jsonl.gz",
    ]
    assert [item.where for item in found("logs")] == ["logs/a.jsonl:1", "logs/b/1.jsonl.gz:1", "logs/b/2.jsonl:1"]


def test_nothing_found_is_an_error(folder: Path) -> None:
    with pytest.raises(InputError, match="nothing matches"):
        log_files([folder / "*.parquet"])
    (folder / "none").mkdir()
    with pytest.raises(InputError, match="holds no log"):
        log_files([folder / "none"])
    with pytest.raises(InputError, match="no log has any row"):
        found(folder / "empty*")
    with pytest.raises(UsageError, match="no log is given"):
        log_files([])


def test_a_special_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(InputError, match="not a regular file"):
        read_logs([tmp_path / "pipe.jsonl"])


def test_memory_stays_flat_over_a_long_log(tmp_path: Path) -> None:
    import tracemalloc

    log = tmp_path / "log.jsonl"
    with log.open("wb") as stream:
        for _ in range(20_000):
            stream.write(b'{"messages": [{"role": "user", "content": "' + b"a" * 1_000 + b'"}]}\n')

    def drained(items: Iterator[Conversation | Rejection]) -> int:
        return sum(1 for _ in items)

    tracemalloc.start()
    assert drained(read_logs([log])) == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6_000_000  # the file is 21 MB
