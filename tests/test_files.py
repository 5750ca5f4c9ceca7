"""Which files are meant, and their bytes."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
import zstandard

from wildgraph.errors import InputError
from wildgraph.files import expand, head_of, open_bytes


def write(path: Path, data: bytes | str = "x") -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_expanding_folders_globs_and_repeats(tmp_path: Path) -> None:
    for name in ("b.txt", "sub/a.txt", ".hidden/x.txt", ".x"):
        write(tmp_path / name)
    found = [(file.name, root) for file, root in expand([tmp_path, tmp_path / "b.txt", str(tmp_path / "*" / "*.txt")])]
    assert found == [("b.txt", tmp_path), ("a.txt", tmp_path)]
    assert [root for _, root in expand([str(tmp_path / "sub*" / "*.txt")])] == [tmp_path]


@pytest.mark.parametrize("name", ["none", "*.none"])
def test_expanding_nothing_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        list(expand([tmp_path / name]))


def test_expanding_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no file"):
        list(expand([tmp_path]))


def test_what_is_wanted_in_folders_is_no_filter_for_what_is_named(tmp_path: Path) -> None:
    for name in ("a.txt", "b.md", "sub/c.txt"):
        write(tmp_path / name)

    def found(*paths: Path) -> list[str]:
        return [file.name for file, _ in expand(paths, what="log", wanted=lambda file: file.suffix == ".txt")]

    assert found(tmp_path) == ["a.txt", "c.txt"]
    assert found(tmp_path / "b.md", tmp_path / "*") == ["b.md", "a.txt", "c.txt"]
    (tmp_path / "sub" / "c.txt").unlink()
    with pytest.raises(InputError, match="holds no log"):
        found(tmp_path / "sub")


def test_links_in_circles_and_very_deep_folders_come_to_an_end(tmp_path: Path) -> None:
    write(tmp_path / "a" / "x.txt")
    for number in range(5):
        (tmp_path / "a" / f"again{number}").symlink_to(tmp_path)
    assert [file.name for file, _ in expand([tmp_path])] == ["x.txt"]
    deep = tmp_path
    while len(str(deep)) < 3_500:
        deep = deep / "d"
        deep.mkdir()
    end = write(deep / "end.txt")
    try:
        assert [file.name for file, _ in expand([tmp_path])] == ["x.txt", "end.txt"]
    finally:  # deeper than pytest's own clearing up goes
        end.unlink()
        while deep != tmp_path:
            deep.rmdir()
            deep = deep.parent


@pytest.mark.parametrize("name", ["a" * 5000, "**x", "*/" * 3 + "[", "nul\0", "nul\0*"])
def test_paths_that_cannot_be_are_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        list(expand([f"{tmp_path}/{name}"]))
    assert "\n" not in str(caught.value)


def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("the administrator may read everything")
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(InputError, match="cannot look for"):
        list(expand([tmp_path]))


def test_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "a.txt")
    assert [file for file, _ in expand(["~/a.txt"])] == [tmp_path / "a.txt"]


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_several_members_of_an_archive_are_one_file_and_both_handles_are_closed(tmp_path: Path, compress) -> None:  # type: ignore[no-untyped-def]
    stream = open_bytes(write(tmp_path / "a", compress(b"one") + compress(b"two")))
    assert stream.read() == b"onetwo"
    stream.close()
    assert stream._below.closed  # type: ignore[attr-defined]


def test_the_head_of_a_cut_off_archive_is_what_there_is(tmp_path: Path) -> None:
    text = os.urandom(50_000).hex().encode()
    cut = write(tmp_path / "a.gz", gzip.compress(text)[:20_000])
    head = head_of(cut, 1 << 16)
    assert 10_000 < len(head) < len(text)
    assert text.startswith(head)
    assert head_of(cut, 100) == text[:100]


def test_special_files_and_folders_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(InputError, match="not a regular file"):
            open_bytes(path)
