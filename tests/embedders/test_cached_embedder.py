import os
import sqlite3
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.embedders import Embedder
from wildgraph.embedders.cached import CachedEmbedder, shared_cache
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.errors import RunError


class Counting(HashedEmbedder):
    """Counts the texts it is asked for; another name is another embedder."""

    def __init__(self, name="counting", dimension=64):
        super().__init__(dimension)
        self.name, self.asked = name, []

    @property
    def identity(self):
        return self.name

    def embed(self, texts):
        self.asked += texts
        return super().embed(texts) if self.name == "counting" else -super().embed(texts)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "private" / "vectors.sqlite"


TEXTS = ["summarize the lease", "резюме", "", "a\0b", "summarize the lease"]


def test_vectors_are_those_of_the_embedder_first_and_later(file):
    plain = HashedEmbedder(64).embed(TEXTS)
    inner = Counting()
    cached = CachedEmbedder(inner, file)
    assert isinstance(cached, Embedder)
    assert (cached.identity, cached.dimension) == (inner.identity, 64)
    for found in (cached.embed(TEXTS), cached.embed(TEXTS), CachedEmbedder(inner, file).embed(TEXTS)):
        assert found.dtype == np.float32
        assert found.flags.writeable
        np.testing.assert_array_equal(found, plain)
    assert sorted(inner.asked) == sorted(set(TEXTS))
    assert cached.embed([]).shape == (0, 64)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.lists(st.text(max_size=5), max_size=6), max_size=4))
def test_whatever_is_asked_in_whatever_portions(tmp_path_factory, portions):
    inner = Counting()
    cached = CachedEmbedder(inner, tmp_path_factory.mktemp("cache") / "v.sqlite")
    for texts in portions:
        np.testing.assert_array_equal(cached.embed(texts), HashedEmbedder(64).embed(texts))
    assert len(inner.asked) == len(set(inner.asked))


def test_more_texts_than_one_statement_takes(file):
    inner = Counting()
    texts = [f"text {number}" for number in range(1203)]
    first = CachedEmbedder(inner, file).embed(texts)
    again = CachedEmbedder(inner, file).embed(texts[::-1])
    np.testing.assert_array_equal(again[::-1], first)
    assert len(inner.asked) == 1203


def test_another_embedders_vectors_are_not_taken(file):
    one, two = Counting(), Counting("other")
    np.testing.assert_array_equal(CachedEmbedder(one, file).embed(["x y z"]), -CachedEmbedder(two, file).embed(["x y z"]))
    assert one.asked == two.asked == ["x y z"]
    wider = Counting(dimension=128)  # the same name, grown
    assert CachedEmbedder(wider, file).embed(["x y z"]).shape == (1, 128)
    assert wider.asked == ["x y z"]


def test_the_file_is_the_owners_alone_and_holds_no_text(file):
    CachedEmbedder(Counting(), file).embed(["the secret of Ann Smith"])
    files = [one for one in file.parent.iterdir() if one.is_file()]
    assert file in files
    for one in files:
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
        assert b"Ann Smith" not in one.read_bytes()


# ----------------------------------------------------------------- the shared file


def test_what_ships_with_wildgraph_goes_to_the_shared_file_and_nothing_else_does(tmp_path, file):
    shared, inner = tmp_path / "home" / "wildgraph" / "vectors.sqlite", Counting()
    CachedEmbedder(inner, file, ["public phrase"], shared).embed(["public phrase", "private phrase"])
    assert inner.asked == ["public phrase", "private phrase"]
    other = CachedEmbedder(inner, tmp_path / "other.sqlite", ["public phrase"], shared)
    other.embed(["public phrase"])
    assert not (tmp_path / "other.sqlite").exists()
    other.embed(["private phrase"])
    assert inner.asked == ["public phrase", "private phrase", "private phrase"]
    with sqlite3.connect(shared) as database:
        assert database.execute("SELECT count(*) FROM vectors").fetchone() == (1,)


@pytest.mark.parametrize("trouble", ["no folder", "damaged", "read only"])
def test_where_the_shared_file_cannot_be_written_the_run_keeps_all(tmp_path, file, trouble):
    shared = tmp_path / "home" / "vectors.sqlite"
    if trouble == "no folder":
        (tmp_path / "home").write_text("a file where a folder should be")
    elif trouble == "damaged":
        shared.parent.mkdir()
        shared.write_bytes(b"no database at all, " * 400)
    else:
        shared.parent.mkdir()
        shared.parent.chmod(0o500)
        if os.access(shared.parent, os.W_OK):
            pytest.skip("this user may write everywhere")
    inner = Counting()
    cached = CachedEmbedder(inner, file, ["public phrase"], shared)
    for _ in range(2):
        np.testing.assert_array_equal(cached.embed(["public phrase", "mine"]), HashedEmbedder(64).embed(["public phrase", "mine"]))
    assert sorted(inner.asked) == ["mine", "public phrase"]
    if trouble == "damaged":
        assert shared.read_bytes().startswith(b"no database at all")


def test_the_shared_file_lies_where_caches_lie(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert shared_cache() == tmp_path / "wildgraph" / "vectors.sqlite"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "me")
    assert shared_cache() == tmp_path / "me" / ".cache" / "wildgraph" / "vectors.sqlite"


# ----------------------------------------------------------------- damage


def test_a_damaged_file_is_an_error_of_one_line(file):
    file.parent.mkdir()
    file.write_bytes(b"no database at all, " * 400)
    with pytest.raises(RunError, match="cannot keep vectors in") as caught:
        CachedEmbedder(Counting(), file).embed(["x"])
    assert str(file) in str(caught.value)
    assert "remove the file if it is damaged" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_in_its_place_is_an_error_of_one_line(file):
    file.mkdir(parents=True)
    with pytest.raises(RunError, match="cannot keep vectors in"):
        CachedEmbedder(Counting(), file).embed(["x"])


@pytest.mark.parametrize("blob", [b"", b"abc", b"\0" * 8, "text", 5])
def test_a_vector_of_another_length_is_embedded_again(file, blob):
    cached = CachedEmbedder(Counting(), file)
    right = cached.embed(["x y"])
    with sqlite3.connect(file) as database:
        database.execute("UPDATE vectors SET vector = ?", (blob,))
    database.close()
    for _ in range(2):
        np.testing.assert_array_equal(cached.embed(["x y"]), right)
    assert cached.embedder.asked == ["x y", "x y"]


def test_an_embedder_that_fails_leaves_the_file_as_it_was(file):
    class Failing(Counting):
        def embed(self, texts):
            if "bad" in texts:
                raise ValueError("out of memory")
            return super().embed(texts)

    cached = CachedEmbedder(Failing(), file)
    cached.embed(["good"])
    with pytest.raises(ValueError, match="out of memory"):
        cached.embed(["good", "bad"])
    cached.embed(["good"])
    assert cached.embedder.asked == ["good"]


def test_the_file_is_not_much_larger_than_the_vectors(file):
    CachedEmbedder(Counting(dimension=384), file).embed([f"text {number}" for number in range(1000)])
    assert file.stat().st_size < 1.5 * 1000 * 4 * 384


def test_what_was_embedded_before_an_interruption_is_kept(file, monkeypatch):
    monkeypatch.setattr("wildgraph.embedders.cached._PORTION", 4)
    texts = [f"text {number}" for number in range(10)]

    class Stopped(Counting):
        def embed(self, texts):
            if len(self.asked) == 8:
                raise KeyboardInterrupt
            return super().embed(texts)

    with pytest.raises(KeyboardInterrupt):
        CachedEmbedder(Stopped(), file).embed(texts)
    inner = Counting()
    np.testing.assert_array_equal(CachedEmbedder(inner, file).embed(texts), HashedEmbedder(64).embed(texts))
    assert inner.asked == texts[8:]
