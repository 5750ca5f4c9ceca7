import gzip
import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph import rows as rows_module
from wildgraph.errors import InputError
from wildgraph.records import Rejection
from wildgraph.rows import Row, look_into, read_rows


def read(path):
    return list(read_rows(path, stage="test"))


def reasons(items):
    return [(item.reason, item.where.rpartition(":")[2]) if isinstance(item, Rejection) else item.line for item in items]


def write(path: Path, data) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_lines_are_counted_and_broken_ones_named(tmp_path):
    log = write(tmp_path / "a.jsonl", '{"a":1}\n\nnot json\n[1]\n{"a":"\u2028\u0085x"}\n{"a":')
    assert reasons(read(log)) == [1, ("broken_json", "3"), ("not_an_object", "4"), 5, ("half_written_line", "6")]


def test_invalid_utf8_costs_one_row(tmp_path):
    log = write(tmp_path / "a.jsonl", b'{"a":"\xff"}\n{"a":2}\n')
    assert reasons(read(log)) == [("undecodable", "1"), 2]


def test_byte_order_mark_nan_and_lone_surrogates_are_read(tmp_path):
    log = write(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"a":"\\ud83d"}\n{"a":NaN}\n')
    first, second = read(log)
    assert first.values == {"a": "\ufffd"}
    assert second.values["a"] != second.values["a"]


def test_deep_nesting_is_a_rejection(tmp_path):
    log = write(tmp_path / "a.jsonl", '{"a":' + "[" * 100_000 + "\n{}\n")
    assert reasons(read(log)) == [("broken_json", "1"), 2]


def test_a_row_without_end_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(rows_module, "MAX_ROW_BYTES", 1000)
    log = write(tmp_path / "a.jsonl", '{"a":"' + "x" * 5000 + '"}\n{"a":2}\n')
    assert reasons(read(log)) == [("too_long", "1"), 2]


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_compression_is_told_by_content_not_by_name(tmp_path, compress):
    log = write(tmp_path / "a.jsonl", compress(b'{"a":1}\n'))
    assert [row.values for row in read(log)] == [{"a": 1}]


@pytest.mark.parametrize(("compress", "suffix"), [(gzip.compress, "gz"), (zstandard.ZstdCompressor().compress, "zst")])
def test_a_cut_off_archive_gives_what_it_has_and_says_so(tmp_path, compress, suffix):
    import random

    draw = random.Random(1)
    whole = "".join(json.dumps({"a": draw.random(), "b": "".join(draw.choices("abcdefgh", k=50))}) + "\n" for _ in range(60_000)).encode()
    log = write(tmp_path / f"a.jsonl.{suffix}", compress(whole)[:-100_000])
    items = read(log)
    assert len(items) > 1000
    assert [type(item) for item in items[:-1]] == [Row] * (len(items) - 1)
    assert items[-1].reason == "half_written_line"


def test_pretty_printed_object_and_array_of_objects(tmp_path):
    one = write(tmp_path / "one.json", json.dumps({"a": [1, {"b": "]"}]}, indent=2))
    assert [row.values for row in read(one)] == [{"a": [1, {"b": "]"}]}]
    many = write(tmp_path / "many.json", json.dumps([{"a": 1}, {"a": '",{['}, 3], indent=1))
    assert reasons(read(many)) == [1, 2, ("not_an_object", "3")]


def test_broken_element_and_unclosed_array(tmp_path):
    log = write(tmp_path / "a.json", '[{"a": 1},\n{"a": nope},\n{"a": 3},\n{"a": ')
    assert reasons(read(log)) == [1, ("broken_json", "2"), 3, ("half_written_line", "4")]


def test_text_after_an_array_is_not_passed_over(tmp_path):
    log = write(tmp_path / "a.json", '[{"a": 1}] {"a": 2}')
    assert reasons(read(log)) == [1, ("broken_json", "2")]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    st.lists(
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), json_values, max_size=3), min_size=1, max_size=6
    ),
    st.integers(3, 60),
)
def test_arrays_read_the_same_whatever_the_chunk(tmp_path_factory, values, chunk):
    log = write(tmp_path_factory.mktemp("a") / "a.json", json.dumps(values, ensure_ascii=False))
    before = rows_module._CHUNK
    rows_module._CHUNK = chunk
    try:
        found = list(read(log))
    finally:
        rows_module._CHUNK = before
    assert [row.values for row in found] == values


def test_rows_of_an_array_in_one_line_have_places_of_their_own(tmp_path):
    log = write(tmp_path / "a.json", '[{"a": 1}, {"a": 2} {"a": 3}, {"a": 4}, 5]')
    assert reasons(read(log)) == [1, 2, ("broken_json", "3"), 4, ("not_an_object", "5")]


def test_broken_elements_of_an_array_say_their_line(tmp_path):
    log = write(tmp_path / "a.json", '[\n{"a": 1},\n\n {"a": nope}\n]')
    assert "element that starts in line 4" in read(log)[1].detail


def test_an_element_longer_than_any_row_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(rows_module, "MAX_ROW_BYTES", 1000)
    monkeypatch.setattr(rows_module, "_CHUNK", 100)
    log = write(tmp_path / "a.json", json.dumps([{"a": 1}, {"a": "x" * 5000}]))
    assert reasons(read(log)) == [1, ("too_long", "2")]


@pytest.mark.parametrize(
    ("name", "data", "layout"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": 2}', "lines"),
        ("a.jsonl", '[{"a": 1},\n{"a": 2}]', "array"),
        ("a.jsonl", "[1, 2]\n[3, 4]\n", "lines"),
        ("a.json", '[[1, 2]\n, {"a": 2}]', "array"),
        ("a.json", '{"a": 1}\n{"a": 2}', "lines"),
        ("a.json", '{\n"a": 1}', "object"),
        ("a", '{"a": 1}', "lines"),
        ("a.txt", '{"a": 1}', "lines"),
        ("a.txt", "[1] Smith, 2020.", "text"),
        ("a.csv", "[x],y\n", "csv"),
        ("a.tsv.gz", "x\ty\n", "tsv"),
    ],
)
def test_layouts_are_told_by_the_first_bytes_before_the_name(tmp_path, name, data, layout):
    assert look_into(write(tmp_path / name, data)).layout == layout


def test_a_broken_object_over_several_lines_is_one_rejection_and_broken_lines_are_lines(tmp_path):
    assert reasons(read(write(tmp_path / "a.json", '{\n"a": 1,\n"b": [1, 2'))) == [("half_written_line", "1")]
    assert reasons(read(write(tmp_path / "b.json", '{\n"a": 1,\n"b": nope\n}\n'))) == [("broken_json", "1")]
    assert reasons(read(write(tmp_path / "c.json", '{"a": nope}\n{"a": 2}\n'))) == [("broken_json", "1"), 2]


def test_csv_with_an_index_column_long_lines_and_broken_quoting(tmp_path, monkeypatch):
    monkeypatch.setattr(rows_module, "MAX_ROW_BYTES", 200)
    log = write(tmp_path / "a.csv", ',text,n\n0,one,1\n1,"' + "x" * 1000 + '",2\n2,' + "y" * 500 + ',3\n,,\n\n3,"a"b,4\n4,five,5')
    items = read(log)
    assert reasons(items) == [2, ("too_long", "3"), ("too_long", "4"), ("unknown_layout", "7"), 8]
    assert items[0].values == {"text": "one", "n": "1"}


@pytest.mark.parametrize("header", ["a,a", ",,", "x" * 200])
def test_a_table_without_a_header_is_an_error(tmp_path, header):
    with pytest.raises(InputError, match="has no header"):
        read(write(tmp_path / "a.csv", header + "\n1,2\n"))


def test_csv_with_quoted_line_breaks_and_a_bad_row(tmp_path):
    log = write(tmp_path / "a.csv", b'id;text\n1;"two\nlines"\n2;x;y\n3;\xff\n4\n')
    assert reasons(read(log)) == [2, ("unknown_layout", "4"), ("undecodable", "5"), 6]
    assert read(log)[0].values == {"id": "1", "text": "two\nlines"}


def test_parquet_and_a_cut_off_parquet(tmp_path):
    import pandas as pd

    good = tmp_path / "a.parquet"
    pd.DataFrame({"id": [1, 2], "text": ["a", None]}).to_parquet(good)
    assert [(row.line, row.values["text"]) for row in read(good)] == [(1, "a"), (2, None)]
    cut = write(tmp_path / "cut.parquet", good.read_bytes()[:-20])
    with pytest.raises(InputError, match="cannot read the parquet file"):
        read(cut)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "binary"),
        ("é".encode("utf-16"), "UTF-16"),
        (b"\x1f\x8b\x08\x00broken", "decompressed"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, data, says):
    with pytest.raises(InputError, match=says):
        read(write(tmp_path / "a.jsonl", data))


def test_missing_file_and_fake_parquet(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="not a parquet"):
        read(write(tmp_path / "a.parquet", "id,text\n"))
