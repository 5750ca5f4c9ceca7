"""What README and the how-to say of screening works as written, with a checkpoint of two layers and few roots."""

import json
import re
import shlex

import pytest
from made_pairs import LEASED, pair
from small_models import COPYING_TRAINER, texts
from whole_runs import ROOT, succeed

from wildgraph.corpus import DocumentStore
from wildgraph.store import RunDirectory, json_line

PAGES = (ROOT / "README.md", ROOT / "docs" / "how-to" / "screening.md")
FEW = "screening: {anchors: {most: 4, h_min: 0.5}, verify: {epsilon: 0.02, min_drop: 0.0, controls: 0, window: 64}, index: {root_tokens: 300, chunk_tokens: 64}, retrieve: {by: bm25, k: 3}}"
OPTIONS = ["--config", "few.yaml", "--roots", "4", "--anchor-rule", "quantile"]


def commands():
    for page in PAGES:
        for block in re.findall(r"^```console\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words[:2] == ["wildgraph", "screen"]:
                    yield words[1:]


@pytest.fixture
def place(tmp_path, monkeypatch, random_folder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    for name in ("CHECKPOINT", "checkpoints/base"):
        (tmp_path / name).symlink_to(random_folder)
    (tmp_path / "seed_queries").symlink_to(ROOT / "seed_queries")
    (tmp_path / "corpus").mkdir()
    for number, text in zip(range(8), texts(), strict=False):
        (tmp_path / "corpus" / f"{number}.txt").write_text(text[:4000], encoding="utf-8")
    (tmp_path / "train.py").write_text(COPYING_TRAINER, encoding="utf-8")
    (tmp_path / "few.yaml").write_text(FEW, encoding="utf-8")
    with RunDirectory.write(tmp_path / "RUN") as made, DocumentStore(tmp_path / "RUN" / "documents.sqlite") as store:
        store.put(LEASED)
        store.commit()
        made.write_text("pairs.jsonl", json_line(pair().row()))
        entry = {"fingerprint": "f", "in": 1, "out": 1, "rejected": {}, "files": {}}
        made.write_text("manifest.json", json.dumps({"format": "wildgraph.run", "version": 1, "stages": {"sample": entry}}))
    return tmp_path


def test_every_command_of_the_pages_works(place):
    tried = 0
    for words in commands():
        few = [] if "--pairs" in words else OPTIONS
        words = ["1k" if word in ("8k", "32k") else word for word in words]
        assert succeed(*words, *few, *([] if "--target-tokens" in words or not few else ["--target-tokens", "1k"])).out
        tried += 1
    assert tried >= 9
    assert (place / "SCREENED" / "rounds" / "0001" / "sequences.parquet").is_file()
    assert (place / "GAINS" / "gains.jsonl").is_file()
