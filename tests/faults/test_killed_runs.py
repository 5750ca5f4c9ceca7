"""Runs that are killed, interrupted or starved from outside, and continued."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_server import FakeServer

DRIVER = Path(__file__).with_name("network_driver.py")
COUNT = 300
CONCURRENCY = 16
LATENCY = 0.005


def start(server: FakeServer, folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(DRIVER), server.base_url, str(folder), "--count", str(COUNT), "--concurrency", str(CONCURRENCY), *more]
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root})


def wait_for(process: subprocess.Popen[str], line: int) -> None:
    """Read the process's progress up to ``line`` results."""
    assert process.stdout is not None
    for text in process.stdout:
        if int(text) >= line:
            return


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors


def undisturbed(fake_server: Callable[..., FakeServer], folder: Path) -> bytes:
    folder.mkdir()
    code, errors = finish(start(fake_server(), folder))
    assert code == 0, errors
    return (folder / "out.txt").read_bytes()


def cached(folder: Path) -> int:
    with sqlite3.connect(folder / "cache.sqlite") as connection:
        return int(connection.execute("SELECT count(*) FROM responses").fetchone()[0])


def settled(server: FakeServer) -> int:
    """Whole answers that the server gave, once it has noticed that its client is gone."""
    before, served = -1, sum(server.counted.served.values())
    while before != served or server.counted.in_flight:
        time.sleep(0.05)
        before, served = served, sum(server.counted.served.values())
    return served


def kill_and_continue(fake_server: Callable[..., FakeServer], tmp_path: Path, kills: int, seed: int) -> None:
    expected = undisturbed(fake_server, tmp_path / "clean")
    server, rng = fake_server(latency=LATENCY), random.Random(seed)
    folder = tmp_path / "killed"
    folder.mkdir()
    lost = 0
    for _ in range(kills):
        process = start(server, folder)
        wait_for(process, rng.randrange(1, COUNT))
        process.kill()
        finish(process)
        # What was in flight is lost, what was received within the 100 ms that a commit may take included, and nothing else.
        after = settled(server) - cached(folder)
        assert after - lost <= CONCURRENCY * (1 + 0.1 / LATENCY)
        lost = after
    code, errors = finish(start(server, folder))
    assert code == 0, errors
    assert (folder / "out.txt").read_bytes() == expected
    assert sum(times - 1 for times in server.counted.served.values()) == lost
    served = server.counted.requests
    assert finish(start(server, folder))[0] == 0
    assert server.counted.requests == served


def test_a_killed_run_continues_to_the_same_bytes_and_pays_nothing_twice(fake_server, tmp_path: Path):
    kill_and_continue(fake_server, tmp_path, 5, 0)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_a_run_killed_again_and_again(seed: int, fake_server, tmp_path: Path):
    kill_and_continue(fake_server, tmp_path, 5, 100 + seed)


def test_ctrl_c_ends_the_run_soon_with_everything_received_committed(fake_server, tmp_path: Path):
    server = fake_server(latency=lambda body: 30.0 if "Number 200," in body["messages"][0]["content"] else 0.005)
    process = start(server, tmp_path)
    wait_for(process, 100)
    process.send_signal(signal.SIGINT)
    code, errors = finish(process)
    assert code == 130
    assert "Traceback" not in errors
    assert sum(server.counted.served.values()) - cached(tmp_path) <= CONCURRENCY
    server.latency = 0.0
    assert finish(start(server, tmp_path))[0] == 0
    assert sum(times - 1 for times in server.counted.served.values()) <= CONCURRENCY


def test_a_file_that_may_not_grow_stops_the_run_with_one_line(fake_server, tmp_path: Path):
    server = fake_server()
    code, errors = finish(start(server, tmp_path, "--file-size", "120000"))
    assert code == 4
    assert "file-size limit" in errors
    assert len(errors.strip().splitlines()) == 1
    assert cached(tmp_path) == settled(server)  # the log begins again at its beginning, where it has room for what still arrives
    assert finish(start(server, tmp_path))[0] == 0
    assert set(server.counted.served.values()) == {1}
