"""Pushing, against as much of the hub as a push needs. The client runs in a process of its own: it reads the environment when it is imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_hub import FakeHub
from made_pairs import document, pair

from wildgraph.errors import UsageError
from wildgraph.exporters.hub import check_push
from wildgraph.exporting import write_datasets
from wildgraph.stages.export import ExportConfig

PUSH = """
import json, sys
from pathlib import Path
from wildgraph.errors import WildgraphError
from wildgraph.exporters.hub import push
folder = Path(sys.argv[1])
try:
    print("GAVE", push(folder, [folder / name for name in json.loads(sys.argv[3])], sys.argv[2]))
except WildgraphError as error:
    print("FAILED", type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    lease = document()
    written = write_datasets(lambda: (pair(index=index) for index in range(5)), folder, ExportConfig(), document=lambda _: lease)
    return folder, [file.relative_to(folder).as_posix() for file in written.files]


def push(exported, url, repo="me/leases", token="hf_right", **environment):
    folder, names = exported
    done = subprocess.run(
        [sys.executable, "-c", PUSH, folder, repo, json.dumps(names)],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
            "HF_ENDPOINT": url,
            "HF_HOME": str(folder / "hub-home"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **({"HF_TOKEN": token} if token else {}),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("large", [(), (".parquet",)], ids=["small files", "large files"])
def test_a_push_makes_a_private_repository_with_every_file(exported, large):
    folder, names = exported
    with FakeHub(large=large) as hub:
        assert push(exported, hub.url) == f"GAVE {hub.url}/datasets/me/leases"
        repo = hub.repos["me/leases"]
        assert repo["private"] is True
        assert repo["type"] == "dataset"
        assert repo["files"] == {name: (folder / name).read_bytes() for name in names}
        assert "left_out.jsonl" not in repo["files"]
        assert bool(hub.objects) == bool(large)
        assert {token for _, path, token in hub.seen if not path.startswith("/storage/")} == {"Bearer hf_right"}


def test_a_second_push_replaces_what_the_first_left(exported):
    _, names = exported
    with FakeHub() as hub:
        others = {".gitattributes": b"x", "LICENSE": b"mine", "notes/train.parquet": b"mine"}
        old = {
            "dpo/train-00000-of-00001.parquet": b"old",
            "sft/train-00001-of-00002.parquet": b"old",
            "trl_dpo.py": b"old",
            "README.md": b"old",
        }
        hub.repos["me/leases"] = {"private": True, "type": "dataset", "files": others | old}
        assert push(exported, hub.url).startswith("GAVE")
        assert sorted(hub.repos["me/leases"]["files"]) == sorted([*names, *others])
        assert len(hub.commits) == 1


def test_a_public_repository_is_left_alone(exported):
    with FakeHub() as hub:
        hub.repos["me/leases"] = {"private": False, "type": "dataset", "files": {}}
        assert push(exported, hub.url).startswith("FAILED UsageError me/leases is public")
        assert hub.repos["me/leases"]["files"] == {}


def test_a_wrong_token_a_dead_hub_and_no_network_are_one_line(exported):
    with FakeHub() as hub:
        said = push(exported, hub.url, token="hf_wrong")
        assert said.startswith("FAILED RunError the hub refuses me/leases")
        assert "hf_wrong" not in said
        assert hub.repos == {}
        url = hub.url
    assert push(exported, url).startswith("FAILED RunError cannot push me/leases")
    assert "HF_HUB_OFFLINE is set" in push(exported, url, HF_HUB_OFFLINE="1")


def test_the_token_comes_from_the_environment_alone(exported, monkeypatch):
    folder, _ = exported
    (folder / "hub-home").mkdir(exist_ok=True)
    (folder / "hub-home" / "token").write_text("hf_right")  # where `hf auth login` keeps one
    with FakeHub() as hub:
        assert push(exported, hub.url, token="").startswith("FAILED UsageError there is no token")
        assert hub.seen == []
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(UsageError, match="set HF_TOKEN"):
        check_push("me/leases")


@pytest.mark.parametrize("name", ["leases", "a/b/c", "me/", "/leases", "me/le ases", "https://hub/me/leases", ""])
def test_names_that_are_no_repositories(name, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    with pytest.raises(UsageError, match="is no name of a repository"):
        check_push(name)
