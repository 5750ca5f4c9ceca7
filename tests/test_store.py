import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from wildgraph.errors import InputError, RunError
from wildgraph.funnel import StageCount
from wildgraph.pseudonyms import keyed_record
from wildgraph.records import Rejection, Value
from wildgraph.store import FORMAT_VERSION, RunDirectory, file_hashes, fingerprint, json_line

MANIFEST = {"format": "wildgraph.run", "version": FORMAT_VERSION, "stages": {}}


@pytest.fixture
def run(tmp_path):
    with RunDirectory.write(tmp_path / "run") as found:
        yield found


def one_line(error):
    return "\n" not in str(error.value)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def rejection(reason="timeout", **more):
    return Rejection(stage="mine", item="i", reason=reason, detail="what the user said", where="log:1", **more)


# ----------------------------------------------------------------- one writer, and only in its own directory


def test_readers_need_a_run(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match="not a run directory"):
            RunDirectory.open(path)
        with pytest.raises(InputError, match="not a run directory"), RunDirectory.write(path, existing=True):
            pass


def test_a_second_writer_is_turned_away_and_readers_are_not(run):
    run.finish("mine", "f", StageCount("mine"), {})
    with pytest.raises(RunError, match="another process is writing"), RunDirectory.write(run.path):
        pass
    assert RunDirectory.open(run.path).stage("mine") is not None


def test_the_lock_ends_with_the_writer(tmp_path):
    with pytest.raises(ZeroDivisionError), RunDirectory.write(tmp_path / "run"):
        raise ZeroDivisionError
    with RunDirectory.write(tmp_path / "run"):
        pass


def test_a_second_process_is_turned_away(run):
    code = """
import sys
from pathlib import Path
from wildgraph.errors import RunError
from wildgraph.store import RunDirectory
try:
    with RunDirectory.write(Path(sys.argv[1])):
        print("in")
except RunError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(run.path)], capture_output=True, text=True, check=True)
    assert "another process is writing" in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(RunError, match="holds files but is no run directory"), RunDirectory.write(tmp_path):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("place", ["file", "file/below", "run"])
def test_a_directory_that_cannot_be_made_is_an_error(tmp_path, place):
    (tmp_path / "file").write_text("")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "run" / "private").write_text("in the way")
    with pytest.raises(RunError, match="cannot write to the run directory") as caught, RunDirectory.write(tmp_path / place):
        pass
    assert one_line(caught)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("", "cannot be read"),
        ('{"format": "wildgr', "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "not a wildgraph manifest"),
        ('{"format": "otherthing", "version": 1}', "not a wildgraph manifest"),
        ('{"name": "package.json"}', "not a wildgraph manifest"),
        (json.dumps(MANIFEST | {"version": FORMAT_VERSION + 1}), "newer wildgraph wrote it"),
        (json.dumps(MANIFEST | {"version": "1"}), "has version '1'"),
        (json.dumps(MANIFEST | {"stages": []}), "is corrupt"),
        (json.dumps(MANIFEST | {"stages": {"mine": 5}}), "is corrupt"),
        (json.dumps(MANIFEST | {"stages": {"mine": {"in": 5}}}), "is corrupt"),
    ],
)
def test_a_foreign_newer_or_corrupt_manifest_is_an_error_of_one_line(tmp_path, manifest, message):
    (tmp_path / "manifest.json").write_text(manifest)
    (tmp_path / "private").mkdir()
    with pytest.raises(RunError, match=message) as caught:
        RunDirectory.open(tmp_path)
    assert one_line(caught)
    with pytest.raises(RunError, match=message), RunDirectory.write(tmp_path):
        pass
    assert (tmp_path / "manifest.json").read_text() == manifest


# ----------------------------------------------------------------- files


def test_private_things_are_for_the_owner_alone(run):
    old = os.umask(0)
    try:
        run.write_rows("private/mined.jsonl", [{"a": 1}])
        run.write_rows("private/samples/x/rejected.jsonl", [{"a": 1}])
        run.write_text("pairs.jsonl", "")
        run.key()
    finally:
        os.umask(old)
    assert mode(run.private) == 0o700
    for name in ("mined.jsonl", "samples/x/rejected.jsonl", "key"):
        assert mode(run.private / name) == 0o600
    assert mode(run.path / "pairs.jsonl") == 0o644


def test_a_file_is_whole_or_not_there(run):
    run.write_text("pairs.jsonl", "old\n")

    def rows():
        yield {"n": 1}
        assert (run.path / "pairs.jsonl").read_text() == "old\n"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run.write_rows("pairs.jsonl", rows())
    assert (run.path / "pairs.jsonl").read_text() == "old\n"
    run.write_text("pairs.jsonl", "new\n")
    assert (run.path / "pairs.jsonl").read_text() == "new\n"
    assert not list(run.path.glob("*.partial"))


def test_rows_read_back_whatever_they_hold(run):
    rows = [{"text": "a\u2028b\u0085c\r\nd"}, {"text": "half a pair \ud800"}, {"text": "é", "n": [1, None]}]
    assert run.write_rows("rows.jsonl", rows) == 3
    rows[1]["text"] = "half a pair ?"  # no other program could read it
    assert list(run.rows("rows.jsonl")) == rows
    assert (run.path / "rows.jsonl").read_bytes().count(b"\n") == 3
    assert json_line({"b": 1, "a": "é"}) == '{"a":"é","b":1}\n'
    assert json_line(Value(general="x")) == '{"general":"x","specific":""}\n'


@pytest.mark.parametrize("text", ["{", "\n", '{"a": 1}\n{"a"', "[" * 100_000, '{"a": 1}\n5\n', "null\n"])
def test_a_corrupt_file_of_rows_is_an_error_of_one_line(run, text):
    (run.path / "rows.jsonl").write_text(text)
    with pytest.raises(RunError, match=r"rows\.jsonl is corrupt") as caught:
        list(run.rows("rows.jsonl"))
    assert one_line(caught)


def test_a_row_that_is_no_record_is_an_error_of_one_line(run):
    run.write_rows("rows.jsonl", [{"general": "x"}, {"special": "y"}])
    found = run.records("rows.jsonl", Value)
    assert next(found) == Value(general="x")
    with pytest.raises(RunError, match=r"rows.jsonl is corrupt: row 2 is no Value") as caught:
        next(found)
    assert one_line(caught)


def test_a_missing_file_is_an_error(run):
    with pytest.raises(RunError, match="cannot read"):
        list(run.rows("missing.jsonl"))
    (run.path / "blocked").write_text("a file")
    with pytest.raises(RunError, match="cannot write"), run.writing("blocked/x"):
        pass


FULL = """
import resource, sys
from pathlib import Path
from wildgraph.errors import WildgraphError
from wildgraph.store import RunDirectory
with RunDirectory.write(Path(sys.argv[1])) as run:
    run.write_text("pairs.jsonl", "old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        if sys.argv[2] == "rows":
            run.write_rows("pairs.jsonl", ({"n": n} for n in range(100_000)))
        else:
            run.write_text("pairs.jsonl", "x" * 100_000)
    except WildgraphError as error:
        print(type(error).__name__, error)
        print((run.path / "pairs.jsonl").read_text())
"""


@pytest.mark.parametrize("how", ["rows", "text"])
def test_a_full_disk_is_an_error_of_one_line_and_harms_nothing(tmp_path, how):
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path / "run"), how], capture_output=True, text=True, check=True)
    line, kept = done.stdout.splitlines()
    assert line.startswith("RunError the disk is full while writing")
    assert line.endswith("run the same command again: nothing paid for is lost")
    assert kept == "old"
    assert not done.stderr


# ----------------------------------------------------------------- the key


def test_a_key_is_made_once_and_kept(run, monkeypatch):
    monkeypatch.delenv("WILDGRAPH_KEY", raising=False)
    key = run.key()
    assert run.key() == key
    assert len(key) == 64
    monkeypatch.setenv("WILDGRAPH_KEY", "mine")
    assert run.key() == b"mine"


def test_two_runs_have_two_keys(tmp_path, monkeypatch):
    monkeypatch.delenv("WILDGRAPH_KEY", raising=False)
    keys = set()
    for name in "ab":
        with RunDirectory.write(tmp_path / name) as run:
            keys.add(run.key())
    assert len(keys) == 2


def test_an_empty_key_file_is_no_key(run, monkeypatch):
    monkeypatch.delenv("WILDGRAPH_KEY", raising=False)
    (run.private / "key").write_text("\n")  # as an interruption or a full disk may leave it
    with pytest.raises(RunError, match="key is empty"):
        run.key()


# ----------------------------------------------------------------- fingerprints, manifest, funnel


def test_fingerprints_change_with_everything_they_are_made_of():
    base = fingerprint("mine", 1, {"a": 1}, "up")
    assert base == fingerprint("mine", 1, {"a": 1}, "up")
    others = [
        fingerprint("pair", 1, {"a": 1}, "up"),
        fingerprint("mine", 2, {"a": 1}, "up"),
        fingerprint("mine", 1, {"a": 2}, "up"),
        fingerprint("mine", 1, {"a": 1}, "down"),
        fingerprint("mine", 1, {"a": 1}),
        fingerprint("mine", 1, {"a": 1}, "up", "up"),
    ]
    assert len({base, *others}) == 7


def test_hashes_of_files_ignore_names_and_order(tmp_path):
    for name, text in (("a", "1"), ("b", "2"), ("c", "1")):
        (tmp_path / name).write_text(text)
    a, b, c = (tmp_path / name for name in "abc")
    assert file_hashes([a, b]) == file_hashes([b, c]) == sorted(file_hashes([a]) + file_hashes([b]))
    assert file_hashes([a, a]) != file_hashes([a])


def test_a_finished_stage_is_fresh_until_something_changes(run):
    count = StageCount("mine", entered=3, passed=2)
    count.reject(rejection("refused"))
    run.write_text("private/mined.jsonl", "")
    assert not run.fresh("mine", "f1")
    run.finish("mine", "f1", count, {"private/mined.jsonl": "private"}, {"engine": "scripted"})
    assert run.fresh("mine", "f1")
    assert not run.fresh("mine", "f2")
    assert not run.fresh("graph", "f1")
    assert not run.fresh("mine", "f1", ["refused"])
    assert run.fresh("mine", "f1", ["timeout"])
    (run.private / "mined.jsonl").unlink()
    assert not run.fresh("mine", "f1")


def test_what_may_pass_next_time_is_not_fresh(run):
    count = StageCount("mine", entered=1)
    count.reject(rejection("timeout", transient=True))
    run.finish("mine", "f1", count, {})
    assert not run.fresh("mine", "f1")


def test_the_manifest_says_what_happened_and_the_bill_what_it_cost(run):
    count = StageCount("mine", entered=4, passed=1, requests=7, seconds=1.23456)
    for reason in ("timeout", "timeout", "toxic"):
        count.reject(rejection(reason))
    run.finish("mine", "f1", count, {"private/b": "private", "a": "shareable"}, {"engine": "scripted"})
    first = (run.path / "manifest.json").read_bytes()
    run.finish("mine", "f1", count, {"a": "shareable", "private/b": "private"}, {"engine": "scripted"})
    assert (run.path / "manifest.json").read_bytes() == first
    entry = RunDirectory.open(run.path).stage("mine")
    assert entry == {
        "fingerprint": "f1",
        "in": 4,
        "out": 1,
        "rejected": {"filtered": {"toxic": 1}, "gated": {}, "failed": {"timeout": 2}},
        "files": {"a": "shareable", "private/b": "private"},
        "engine": "scripted",
    }
    bill = run.bills.read()["mine"]
    assert (bill["last"]["requests"], bill["total"]["requests"]) == (7, 14)
    assert bill["total"]["seconds"] == 2.47
    assert b"requests" not in first
    assert b"seconds" not in first


def test_splitting_counts_and_files_everything(run):
    items = [Value(general="a"), rejection("timeout"), Value(general="b"), rejection("toxic")]
    watched = []
    count = StageCount("mine")
    files = run.split(items, "private/mined.jsonl", count, limit=0.2, observe=lambda count: watched.append(count.entered))
    assert files == {
        "private/mined.jsonl": "private",
        "mine.rejected.jsonl": "shareable",
        "private/mine.rejected.jsonl": "private",
    }
    assert (count.entered, count.passed, sum(count.rejected.values()), watched) == (4, 2, 2, [1, 2, 3, 4])
    assert list(run.records("private/mined.jsonl", Value)) == [items[0], items[2]]
    assert [row["reason"] for row in run.rows("mine.rejected.jsonl")] == ["timeout", "toxic"]
    hidden = keyed_record(run.key(), "i")
    assert next(run.rows("mine.rejected.jsonl")) == {
        "stage": "mine",
        "item": hidden,
        "class": "failed",
        "reason": "timeout",
        "where": "log:1",
    }
    assert next(run.rows("private/mine.rejected.jsonl"))["item"] == "i"
    assert next(run.rows("private/mine.rejected.jsonl"))["detail"] == "what the user said"
    assert "what the user said" not in (run.path / "mine.rejected.jsonl").read_text()


def test_a_stage_that_fails_too_often_stops_reading_and_keeps_the_reasons_alone(run):
    read = []

    def failing():
        for number in range(1000):
            read.append(number)
            yield rejection("timeout")

    with pytest.raises(RunError, match="50 of 50 items failed"):
        run.split(failing(), "private/mined.jsonl", StageCount("mine"), limit=0.2)
    assert len(read) == 50
    assert not (run.path / "private/mined.jsonl").exists()
    assert len(list(run.rows("mine.rejected.jsonl"))) == len(list(run.records("private/mine.rejected.jsonl", Rejection))) == 50


def test_the_documented_tree_is_the_tree():
    """Every name in the module's drawing of a run directory is one that the code writes."""
    import wildgraph.store

    drawn = {line.split("── ")[1].split()[0] for line in wildgraph.store.__doc__.splitlines() if "── " in line}
    package = Path(wildgraph.store.__file__).parent
    code = (
        "".join(file.read_text() for file in package.rglob("*.py") if file.name != "store.py")
        + package.joinpath("store.py").read_text().split('"""', 2)[2]
    )
    for name in drawn:
        stem = name.strip("/").split("/")[0].replace("<stage>", "").replace("FINGERPRINT", "")
        assert stem.lstrip(".") in code, name
