import sqlite3
import threading
import zlib

import pytest

from wildgraph.corpus import DocumentStore
from wildgraph.errors import RunError
from wildgraph.records import Document, content_hash


def document(text, name="a", **more):
    return Document(id=name, hash=content_hash(text), text=text, **more)


def test_what_is_put_comes_back_also_after_closing(tmp_path):
    kept = document(
        "Grüße \ud83d 合同 " * 10_000, title="T", licence="MIT", language="de", declared_type="letter", source="x.jsonl", line=3
    )
    with DocumentStore(tmp_path / "d.sqlite") as store:
        store.put(kept)
        assert kept.hash in store
        assert "0" not in store
    with DocumentStore(tmp_path / "d.sqlite") as store:
        assert store.get(kept.hash) == kept
        assert store.by_id("a") == kept
        assert store.by_id("b") is None
        assert store.text(kept.hash) == kept.text
    assert (tmp_path / "d.sqlite").stat().st_size < len(kept.text)


def test_a_text_is_kept_once_and_an_id_means_the_latest(tmp_path):
    with DocumentStore(tmp_path / "d.sqlite") as store:
        store.put(document("one", "a"))
        store.put(document("one", "b", licence="MIT"))
        assert len(store) == 1
        assert store.get(content_hash("one")).licence == "MIT"
        store.put(document("two", "b"))
        assert store.by_id("b").text == "two"


def test_an_unknown_hash_is_a_run_error(tmp_path):
    with DocumentStore(tmp_path / "d.sqlite") as store, pytest.raises(RunError, match="lacks the text"):
        store.get("0")


def test_other_threads_may_use_it(tmp_path):
    with DocumentStore(tmp_path / "d.sqlite") as store:
        threads = [threading.Thread(target=lambda n=n: [store.put(document(f"{n}-{i}", f"{n}-{i}")) for i in range(50)]) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(store) == 200


def test_foreign_newer_and_damaged_files(tmp_path):
    (tmp_path / "text").write_text("no database at all, just words\n" * 100)
    with pytest.raises(RunError, match="cannot be used"), DocumentStore(tmp_path / "text"):
        pass
    with sqlite3.connect(tmp_path / "foreign") as connection:
        connection.execute("PRAGMA application_id = 1")
    with pytest.raises(RunError, match="not a document store"), DocumentStore(tmp_path / "foreign"):
        pass
    with DocumentStore(tmp_path / "new") as store:
        store.put(document("one"))
    with sqlite3.connect(tmp_path / "new") as connection:
        connection.execute("UPDATE documents SET text = x'00'")
    with DocumentStore(tmp_path / "new") as store, pytest.raises(RunError, match="damaged"):
        store.get(content_hash("one"))
    with sqlite3.connect(tmp_path / "new") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(RunError, match="newer version"), DocumentStore(tmp_path / "new"):
        pass
    with pytest.raises(RunError, match="cannot be used"), DocumentStore(tmp_path / "none" / "d.sqlite"):
        pass


def test_what_is_committed_is_there_although_the_store_was_never_closed(tmp_path):
    kept, reader = DocumentStore(tmp_path / "documents.sqlite"), DocumentStore(tmp_path / "documents.sqlite")
    kept.put(document("one"))
    with reader:
        assert len(reader) == 0
    kept.commit()
    with reader:
        assert len(reader) == 1
    kept.close()


def test_a_derived_text_takes_nobodys_place(tmp_path):
    original = document("the rent is 1,200 euros", "lease", licence="MIT")
    without = document("the rent is", "lease", title="T")
    with DocumentStore(tmp_path / "d.sqlite") as store:
        store.put(without, derived=True)
        store.put(original)
        store.put(document("other", "lease-2"), derived=True)
        assert store.by_id("lease") == original
        assert store.by_id("lease-2").text == "other"
        assert store.get(without.hash) == without
        store.put(document(original.text, "edited", licence="none"), derived=True)  # an edit that ends up as a text of the corpus
        assert store.get(original.hash) == original
        assert store.by_id("edited") is None
        store.put(document("other", "read", licence="MIT"))  # read later
        assert store.get(content_hash("other")).id == "read"
        store.put(document("other", "edited"), derived=True)
        assert store.get(content_hash("other")).id == "read"
    with DocumentStore(tmp_path / "d.sqlite") as store:
        assert store.by_id("lease") == original
        assert store.get(without.hash) == without


def test_stores_of_the_first_version_are_read_and_go_on(tmp_path):
    kept = document("an old text " * 50, "old")
    with sqlite3.connect(tmp_path / "d") as connection:
        connection.executescript(
            "CREATE TABLE documents (number INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, id TEXT NOT NULL, text BLOB NOT NULL, "
            "title TEXT NOT NULL, declared_type TEXT NOT NULL, language TEXT NOT NULL, licence TEXT NOT NULL, source TEXT NOT NULL, "
            "line INTEGER NOT NULL) STRICT; CREATE INDEX by_id ON documents (id); PRAGMA application_id = 2003264627; PRAGMA user_version = 1;"
        )
        connection.execute(
            "INSERT INTO documents (hash, id, text, title, declared_type, language, licence, source, line) VALUES (?, ?, ?, '', '', 'und', 'unknown', '', 0)",
            (kept.hash, "old", zlib.compress(kept.text.encode())),
        )
    connection.close()
    with DocumentStore(tmp_path / "d") as store:
        assert store.get(kept.hash) == kept
        store.put(document("new", "new"))
        store.put(document("newer", "old"), derived=True)
    with DocumentStore(tmp_path / "d") as store:
        assert store.by_id("old") == kept
        assert store.text(content_hash("new")) == "new"
