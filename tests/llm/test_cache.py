"""The response cache: what is put is found, by whoever opens the file next; what cannot be kept is said."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
import sqlite3
import stat
from pathlib import Path

import pytest

from wildgraph.errors import RunError
from wildgraph.llm.cache import ResponseCache
from wildgraph.llm.model import Usage
from wildgraph.llm.stored import Stored

KEY = b"k" * 32
FULL = Stored(
    text="<think>x</think>é \ud800",
    reasoning="r",
    finish_reason="length",
    failure="content_filter",
    detail="d",
    usage=Usage(1, 2, 3),
    model="m",
    engine="e",
    prompt="stages/mine",
)


def test_what_is_put_is_found_again_after_reopening(tmp_path: Path):
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        assert cache.get(KEY) is None
        cache.put(KEY, FULL).wait()
        assert cache.get(KEY) == FULL
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        assert cache.get(KEY) == FULL


def test_many_are_found_at_once(tmp_path: Path):
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        for n in range(1200):
            cache.put(n.to_bytes(32, "big"), Stored(str(n)))
        cache.flush()
        found = cache.get_many(n.to_bytes(32, "big") for n in range(0, 2400, 2))
    assert {key: stored.text for key, stored in found.items()} == {n.to_bytes(32, "big"): str(n) for n in range(0, 1200, 2)}


def test_stats_export_and_prune(tmp_path: Path):
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        assert cache.stats() == []
        for n in range(1300):
            stored = Stored("x" * n, usage=Usage(2, 1), engine=f"e{n % 2}", prompt="stages/mine", failure="refused" if n == 3 else "")
            cache.put(n.to_bytes(32, "big"), stored)
        cache.flush()
        one, two = cache.stats()
        assert (one.engine, one.answers, one.refused, one.usage) == ("e0", 650, 0, Usage(1300, 650, 0))
        assert two.refused == 1
        assert [key for key, _ in cache.export()] == [n.to_bytes(32, "big").hex() for n in range(1300)]
        assert cache.prune(before=1.0) == 0
        assert cache.prune(engine="e0") == 650
        assert [entry.engine for entry in cache.stats()] == ["e1"]
        assert cache.get((1).to_bytes(32, "big")) is not None
        assert cache.prune() == 650
        assert list(cache.export()) == []


def test_what_is_not_committed_yet_is_found_with_its_ticket(tmp_path: Path):
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        ticket = cache.put(KEY, Stored("a"))
        found = cache.find(KEY)
        assert found is not None
        assert found.stored.text == "a"
        ticket.wait()
        assert cache.get(KEY) == Stored("a")


def test_what_is_found_does_not_depend_on_when_it_was_put(tmp_path: Path):
    keys = [os.urandom(32) for _ in range(700)]
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        for key in keys[:300]:
            cache.put(key, Stored("early"))
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        for key in keys[300:350]:
            cache.put(key, Stored("before the first look"))
        assert cache.find(keys[-1]) is None
        for key in keys[350:]:
            cache.put(key, Stored("after it"))
            assert cache.find(key) is not None
        assert all(cache.find(key) is not None for key in keys)
        cache.flush()
        assert all(cache.find(key) is not None for key in keys)
        assert not any(cache.find(os.urandom(32)) for _ in range(200))


def test_what_another_writer_commits_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("wildgraph.llm.writer.WATCH", -1.0)
    with ResponseCache(tmp_path / "c.sqlite") as one, ResponseCache(tmp_path / "c.sqlite") as other:
        assert one.find(KEY) is None
        one.put(b"m" * 32, FULL).wait()
        assert one.find(KEY) is None  # what it wrote itself is no sign of another writer
        other.put(KEY, FULL).wait()
        found = one.find(KEY)
        assert found is not None
        assert found.stored == FULL
        assert one.find(b"n" * 32) is None


def test_a_lone_answer_does_not_wait_for_company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("wildgraph.llm.writer.WINDOW", 3600.0)
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        cache.put(KEY, FULL).wait()
        later = cache.put(b"m" * 32, FULL)
        assert cache.find(b"m" * 32) is not None
    later.wait()  # closing does not wait for company either


def test_the_last_answer_under_a_key_counts(tmp_path: Path):
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        cache.put(KEY, Stored("a"))
        cache.put(KEY, Stored("b")).wait()
        assert cache.get(KEY) == Stored("b")


def test_the_file_is_private(tmp_path: Path):
    path = tmp_path / "deep" / "c.sqlite"
    with ResponseCache(path) as cache:
        cache.put(KEY, FULL).wait()
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    assert [file.name for file in path.parent.iterdir()] == ["c.sqlite"]


def test_closing_commits_and_the_cache_opens_again(tmp_path: Path):
    cache = ResponseCache(tmp_path / "c.sqlite")
    cache.put(KEY, FULL)
    cache.close()
    cache.close()
    assert cache.get(KEY) == FULL
    cache.close()


def test_a_forgotten_cache_commits(tmp_path: Path):
    cache = ResponseCache(tmp_path / "c.sqlite")
    cache.put(KEY, FULL)
    del cache
    with ResponseCache(tmp_path / "c.sqlite") as again:
        assert again.get(KEY) == FULL


def _killed(path: Path, ready: multiprocessing.synchronize.Event) -> None:
    ResponseCache(path).put(KEY, FULL).wait()
    ready.set()
    signal.pause()


def test_a_durable_answer_survives_sigkill(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_killed, args=(tmp_path / "c.sqlite", ready))
    process.start()
    assert ready.wait(30)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        assert cache.get(KEY) == FULL


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path):
    path = tmp_path / "c.sqlite"
    path.write_bytes(b"not a database at all, " * 100)
    with pytest.raises(RunError, match="damaged or not a cache") as caught:
        ResponseCache(path).get(KEY)
    assert "\n" not in str(caught.value)


def test_a_database_of_another_program_is_an_error_and_is_left_alone(tmp_path: Path):
    path = tmp_path / "c.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mail (body TEXT)")
    before = path.read_bytes()
    with pytest.raises(RunError, match="another program"):
        ResponseCache(path).get(KEY)
    assert path.read_bytes() == before


def test_a_cache_of_a_newer_version_is_an_error(tmp_path: Path):
    path = tmp_path / "c.sqlite"
    with ResponseCache(path) as cache:
        cache.put(KEY, FULL).wait()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(RunError, match="newer wildgraph"):
        ResponseCache(path).get(KEY)


def test_a_damaged_page_is_an_error(tmp_path: Path):
    path = tmp_path / "c.sqlite"
    with ResponseCache(path) as cache:
        for n in range(500):
            cache.put(n.to_bytes(32, "big"), Stored("x" * 200))
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(RunError, match="damaged"), ResponseCache(path) as cache:
        cache.get_many(n.to_bytes(32, "big") for n in range(500))


def test_a_path_that_cannot_be_opened_is_an_error(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="cannot open the response cache"):
        ResponseCache(tmp_path / "file" / "c.sqlite").get(KEY)


def test_a_full_disk_is_said_to_whoever_waits_and_committed_answers_stay(tmp_path: Path):
    cache = ResponseCache(tmp_path / "c.sqlite", ballast=0)
    cache.put(KEY, FULL).wait()
    assert cache._writer is not None
    cache._writer._connection.execute("PRAGMA max_page_count = 4")
    ticket = cache.put(b"l" * 32, Stored("x" * 100_000))
    with pytest.raises(RunError, match=r"disk is full.*free some space"):
        ticket.wait()
    assert cache.failed() is not None
    assert cache.get(KEY) == FULL
    cache.close()
    with ResponseCache(tmp_path / "c.sqlite") as again:
        again.put(b"l" * 32, Stored("y")).wait()
        assert again.get(KEY) == FULL


def _limited(path: Path, results: multiprocessing.queues.Queue) -> None:
    cache = ResponseCache(path, ballast=0)
    cache.put(KEY, FULL).wait()
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    try:
        cache.put(b"l" * 32, Stored("x" * 1_000_000)).wait()
    except RunError as error:
        results.put(str(error))
    else:
        results.put("no error")


def test_a_file_size_limit_is_said(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=_limited, args=(tmp_path / "c.sqlite", results))
    process.start()
    assert "file-size limit" in results.get(timeout=30)
    process.join()
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        assert cache.get(KEY) == FULL


def test_a_disk_too_full_for_the_ballast_is_said_before_anything_is_paid_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RunError, match="the disk is full: 4 MB beside the response cache"), ResponseCache(tmp_path / "c.sqlite") as cache:
        cache.get(KEY)
    assert not (tmp_path / "c.sqlite.ballast").exists()
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: (_ for _ in ()).throw(OSError(errno.EOPNOTSUPP, "not here")))
    with ResponseCache(tmp_path / "c.sqlite") as cache:
        cache.put(KEY, FULL).wait()
        assert cache.get(KEY) == FULL


def test_the_ballast_lets_what_has_arrived_be_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cache = ResponseCache(tmp_path / "c.sqlite")
    cache.put(KEY, FULL).wait()
    writer = cache._writer
    assert writer is not None
    ballast = tmp_path / "c.sqlite.ballast"
    assert ballast.stat().st_size == 4 << 20
    writer._connection.execute("PRAGMA max_page_count = 4")
    unlink = Path.unlink

    def freed(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        if writer.error is not None:
            writer._connection.execute("PRAGMA max_page_count = 100000")  # what the system does when blocks are freed

    monkeypatch.setattr(Path, "unlink", freed)
    cache.put(b"l" * 32, Stored("x" * 100_000)).wait()
    assert cache.failed() is not None  # committed, yet the run must stop
    monkeypatch.undo()
    cache.close()
    with ResponseCache(tmp_path / "c.sqlite") as again:
        assert again.get(b"l" * 32) == Stored("x" * 100_000)
