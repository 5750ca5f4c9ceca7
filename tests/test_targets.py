"""Target lengths from the command line: filled, counted with the trainee's tokenizer, and explained where they cannot be."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from trainee import make_trainee
from whole_runs import GRAPHS, SEEDS, pairs, succeed, wildgraph

from wildgraph.exporters.layout import lay_out

pytestmark = pytest.mark.usefixtures("one_model")


@pytest.fixture(scope="module")
def trainee(tmp_path_factory) -> Path:
    text = "\n".join(json.loads(line)["text"] for line in (SEEDS / "documents.jsonl").read_text(encoding="utf-8").splitlines())
    return make_trainee(tmp_path_factory.mktemp("trainee"), text=text, size=6000)


@pytest.fixture(scope="module")
def run(tmp_path_factory, trainee, one_model) -> Path:
    """A sample in two target lengths, counted with a tokenizer of the documents' own words."""
    folder = tmp_path_factory.mktemp("targets") / "run"
    sampled(folder, trainee, "4k:0.5,8k:0.5", 8)
    return folder


def sampled(folder: Path, trainee: Path, targets: str, n: int):
    return succeed(
        "sample", GRAPHS, "-d", SEEDS / "documents.jsonl", "-o", folder, "-q", "-n", n, "--target-tokens", targets,
        "--trainee-tokenizer", trainee,
    )  # fmt: skip


def test_samples_fill_their_targets_as_the_trainee_counts_them(run, trainee):
    from transformers import AutoTokenizer

    from wildgraph.corpus import DocumentStore

    tokenizer = AutoTokenizer.from_pretrained(str(trainee))
    made = pairs(run)
    assert len(made) == 8
    assert Counter(pair.bucket for pair in made) == {4096: 4, 8192: 4}
    with DocumentStore(run / "documents.sqlite") as store:
        for pair in made:
            assert 0.9 * pair.bucket <= pair.n_tokens.total <= pair.bucket
            assert not pair.n_tokens.estimated
            documents = [store.get(document.hash) for document in pair.documents]
            chat = lay_out(pair.turns, documents, seed=pair.layout, language=pair.language)
            assert len(tokenizer.apply_chat_template(chat, tokenize=True, return_dict=False)) == pair.n_tokens.total
            assert "target" in {verdict.gate for verdict in pair.verdicts if verdict.status == "pass"}
    assert any(document.role == "distractor" for pair in made for document in pair.documents)


def test_no_file_that_is_passed_on_names_the_folder_of_the_tokenizer(run, trainee):
    shown = (run / "manifest.json").read_text()
    assert str(trainee) not in shown
    assert f"tokenizer:{trainee.name}@" in shown
    assert json.loads(shown)["stages"]["sample"]["settings"]["sample"]["quotas"]["buckets"] == {"4096": 0.5, "8192": 0.5}


def test_the_same_again_is_reused_and_another_tokenizer_counts_anew(run, trainee, tmp_path):
    before = json.loads((run / "manifest.json").read_text())["stages"]
    sampled(run, trainee, "4k:0.5,8k:0.5", 8)
    assert json.loads((run / "manifest.json").read_text())["stages"] == before
    other = make_trainee(tmp_path / "other", "")
    outcome = wildgraph(
        "sample", GRAPHS, "-d", SEEDS / "documents.jsonl", "-o", run, "-q", "-n", 1, "--trainee-tokenizer", other
    )  # fmt: skip
    assert outcome.code == 0
    assert json.loads((run / "manifest.json").read_text())["stages"]["documents"]["fingerprint"] != before["documents"]["fingerprint"]


def test_a_target_that_no_choice_fills_is_named_with_the_reason(run, trainee):
    outcome = wildgraph(
        "sample", GRAPHS, "-d", SEEDS / "documents.jsonl", "-o", run, "-q", "-n", 2, "--target-tokens", "4m", "--trainee-tokenizer", trainee
    )  # fmt: skip
    assert outcome.code == 7
    assert "do not fill the target lengths" in outcome.error
    assert "short of bucket 4m 0 of 2 (bucket_not_filled " in outcome.error
    assert "ask for shorter --target-tokens" in outcome.error
    assert "4m in train: no choice of related documents comes near enough: " in outcome.error


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--target-tokens", "8x"), "no length"),
        (("--target-tokens", "8k:0.5,32k"), "share, or none"),
        (("--trainee-tokenizer", "nowhere"), "no tokenizer folder nowhere"),
        (("--tokenizer", "nowhere"), "no tokenizer folder nowhere"),
    ],
)
def test_what_is_no_target_and_no_tokenizer_is_said_in_a_line(tmp_path, flags, says):
    outcome = wildgraph("sample", GRAPHS, "-d", SEEDS / "documents.jsonl", "-o", tmp_path / "run", "-q", *flags)
    assert outcome.code == 2
    assert says in outcome.error
