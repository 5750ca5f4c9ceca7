"""Whole screenings: of planted facts by a model that copies, and of what happens when things go wrong or are killed."""

import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_models import facts, save_random, texts

from wildgraph.backends.causal_lm import CausalLM
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.errors import EmptyResultError, InputError, RunError, UsageError
from wildgraph.screening import rounds as loop
from wildgraph.screening.chunks import ChunkIndex
from wildgraph.screening.measurements import Measurements
from wildgraph.screening.rounds import screen
from wildgraph.screening.score import Scorer
from wildgraph.screening.settings import ScreeningConfig


def settings(**sections):
    defaults = {
        "index": {"chunk_tokens": 64, "root_tokens": 200},
        "anchors": {"rule": "quantile", "share": 0.04, "h_min": 0.5, "most": 6},
        "retrieve": {"by": "bm25", "k": 4},
        "verify": {"controls": 2, "window": 64, "epsilon": 0.1, "min_drop": 0.0},
        "assemble": {"target_tokens": 600},
    }
    for name, values in sections.items():
        defaults[name] = {**defaults[name], **values} if isinstance(values, dict) else values
    return ScreeningConfig.model_validate(defaults)


def run(documents, model, out, config=None, **more):
    return screen([documents], str(model), out, config or settings(), embedder=HashedEmbedder, **more)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Twelve short pieces of the bundled documents."""
    folder = tmp_path_factory.mktemp("corpus")
    for number, text in zip(range(12), texts(), strict=False):
        (folder / f"{number:02}.txt").write_text(text[400:2000], encoding="utf-8")
    return folder


def tree(folder):
    """Hash of every file of a screening's rounds."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted((folder / "rounds").rglob("*"))
        if file.is_file()
    }


def shift(data, model, output):
    """A trainer that is quick and deterministic: weights move by what the data hashes to."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(model, output, dirs_exist_ok=True)
    weights = load_file(output / "model.safetensors")
    draw = torch.Generator().manual_seed(int(hashlib.sha256(data.read_bytes()).hexdigest()[:8], 16))
    weights["lm_head.weight"] += 0.3 * torch.randn(weights["lm_head.weight"].shape, generator=draw)
    save_file(weights, output / "model.safetensors", metadata={"format": "pt"})


# ----------------------------------------------------------------- what comes out


@pytest.fixture(scope="module")
def screened(corpus, random_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("screened")
    return out, run(corpus, random_folder, out)[0]


def test_sequences_are_contexts_and_then_their_root(screened, random_folder):
    out, result = screened
    index, model = ChunkIndex(out / "index"), CausalLM(str(random_folder))
    rows = pq.read_table(result.folder / "sequences.parquet").to_pylist()
    assert [json.loads(line) for line in (result.folder / "sequences.jsonl").read_text().splitlines()] == rows
    assert len(rows) == result.report["sequences"] > 3
    for row in rows:
        ids = np.array(row["input_ids"], np.int32)
        assert row["n_tokens"] == len(ids)
        assert 600 - 8 < len(ids) <= 600  # fewer than eight tokens are not worth a chunk
        assert ids[0] == model.first_token
        assert row["text"] == model.texts([ids[1:]])[0]
        assert [segment["role"] for segment in row["segments"]].count("root") == 1
        assert row["segments"][-1]["role"] == "root"
        assert [segment["start"] for segment in row["segments"]] == [1, *(segment["end"] for segment in row["segments"][:-1])]
        assert row["segments"][-1]["end"] == len(ids)
        root = row["segments"][-1]
        for segment in row["segments"]:
            document = next(one for one in index.documents if one["hash"] == segment["hash"])
            at = document["start"] + segment["at"]
            assert ids[segment["start"] : segment["end"]].tolist() == index.tokens[at : at + segment["end"] - segment["start"]].tolist()
            assert segment["role"] == "root" or segment["hash"] != root["hash"]
        for one in row["dependencies"]:
            assert root["start"] <= one["position"] < root["end"]
            assert row["segments"][one["segment"]]["role"] == "positive"
    assert {"positive", "root", "filler"} <= set(result.report["tokens"])


def test_the_report_adds_up(screened):
    _, result = screened
    report = result.report
    assert report["roots"] == 12
    assert report["sequences"] + sum(report["rejected"].values()) == 12
    assert report["kept_by_ours"] <= report["kept_by_entropy"] <= report["pairs"]
    assert report["in_place"]["sequences"] >= 1
    assert 0 <= report["surviving_in_place"] <= 1
    assert sum(report["ways"].values()) == 12 - report["rejected"].get("no_anchor", 0)
    assert 0.7 < report["flops_counted_by_torch_to_spent"] <= 1.3
    assert report["overlap_with_last_round"] is None
    card = (result.folder / "README.md").read_text()
    assert "| sequences |" in card
    assert "unknown (" in card  # licences
    assert (result.folder / "entropy-drop.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("way", ["full", "windows", "cached"])
def test_gains_are_those_of_the_plain_logits(corpus, random_folder, tmp_path, way):
    """Ground truth by hand: transformers' own logits over [first; chunk; window]."""
    import torch
    from transformers import AutoModelForCausalLM

    config = settings(verify={"way": way}, index={"roots": 2})
    run(corpus, random_folder, tmp_path, config)
    index = ChunkIndex(tmp_path / "index")
    plain = AutoModelForCausalLM.from_pretrained(random_folder).eval()
    roots = {root.name: root for root in loop.draw_roots(index, config)}
    with Measurements(tmp_path / "measurements.sqlite") as kept, kept._open() as connection:
        keys = connection.execute("SELECT key, root FROM roots").fetchall()
        assert len(keys) == 2
        checked = 0
        for key, name in keys:
            tokens = index.root_tokens(roots[name])
            for gain in kept.get(key, name).gains[::7]:
                chunk = index.chunk(gain.chunk)[: gain.control or None]
                start = 0 if way == "full" else max(0, gain.anchor - 64)
                ids = np.concatenate([[0], chunk, tokens[start : gain.anchor]]).astype(np.int64)
                with torch.inference_mode():
                    logp = plain(input_ids=torch.tensor(ids[None])).logits[0, -1].log_softmax(-1)
                assert gain.entropy / 1e4 == pytest.approx(float(-(logp.exp() * logp).sum()), abs=3e-4)
                assert gain.loglik / 1e4 == pytest.approx(float(logp[int(tokens[gain.anchor])]), abs=3e-4)
                checked += 1
        assert checked > 10


def test_no_chunk_is_of_the_roots_own_document_or_a_copy_of_it(corpus, random_folder, tmp_path):
    copies = tmp_path / "copies"
    shutil.copytree(corpus, copies)
    for file in corpus.glob("*.txt"):
        (copies / f"copy-{file.name}").write_text("Copied. " + file.read_text(encoding="utf-8"), encoding="utf-8")
    config = settings(index={"roots": 4})
    (result,) = run(copies, random_folder, tmp_path / "out", config)
    assert result.report["left_out"]["own_chunk"] > 0
    assert result.report["left_out"]["near_duplicate"] > 0
    index = ChunkIndex(tmp_path / "out" / "index")
    roots = {root.name: root for root in loop.draw_roots(index, config)}
    with Measurements(tmp_path / "out" / "measurements.sqlite") as kept, kept._open() as connection:
        for name, chunk in connection.execute("SELECT DISTINCT root, chunk FROM gains").fetchall():
            assert index.document_of(chunk) != roots[name].document


def test_planted_facts_are_found_and_random_chunks_are_not(induction_folder, tmp_path):
    """The induction circuit copies what followed a token before: a chunk with the fact helps, others do not."""
    told, folder = facts(8), tmp_path / "corpus"
    folder.mkdir()
    words = " ".join(texts()).split()
    draw = random.Random(1)

    def prose(count):
        start = draw.randrange(len(words) - count)
        return " ".join(words[start : start + count])

    for number, fact in enumerate(told):
        (folder / f"root{number}.txt").write_text(f"{prose(110)} {fact} {prose(20)}", encoding="utf-8")
        (folder / f"told{number}.txt").write_text(f"{prose(20)} {fact} {prose(20)}", encoding="utf-8")
    config = settings(
        index={"chunk_tokens": 128, "root_tokens": 400},
        anchors={"share": 0.1, "most": 24, "h_min": 1.0},
        verify={"controls": 4, "window": 128, "epsilon": 0.4, "min_drop": 0.2},
        assemble={"target_tokens": 1200},
    )
    (result,) = run(folder, induction_folder, tmp_path / "out", config)
    right = wrong = 0
    for row in pq.read_table(result.folder / "sequences.parquet").to_pylist():
        number = row["segments"][-1]["document"].removeprefix("root").removesuffix(".txt")
        helped = {segment["document"] for segment in row["segments"] if segment["role"] == "positive"}
        right += f"told{number}.txt" in helped
        wrong += len(helped - {f"told{number}.txt", f"root{number}.txt"})
        assert not helped & {segment["document"] for segment in row["segments"] if segment["role"] == "negative"}
    assert right >= 7, result.report
    assert result.report["kept_by_ours"] < result.report["kept_by_entropy"]


def test_the_way_of_asking_decides_the_cost_and_hardly_the_verdict(corpus, random_folder, tmp_path):
    gains = {}
    for way in ("windows", "cached"):
        run(corpus, random_folder, tmp_path / way, settings(verify={"way": way}, index={"roots": 3}))
        with Measurements(tmp_path / way / "measurements.sqlite") as kept, kept._open() as connection:
            gains[way] = np.array(
                connection.execute("SELECT entropy, loglik FROM gains WHERE control > 0 ORDER BY root, control, anchor, chunk").fetchall()
            )
    np.testing.assert_allclose(gains["windows"], gains["cached"], atol=3)


def test_windows_grow_until_they_tell_what_the_root_tells(corpus, random_folder, tmp_path):
    errors = {}
    for error in (0.05, 99.0):
        (result,) = run(
            corpus, random_folder, tmp_path / str(error), settings(verify={"window": 8, "window_error": error}, index={"roots": 4})
        )
        errors[error] = result.report["window_error_nats_p95"]
    assert errors[99.0] > 0.05
    assert errors[0.05] is None or errors[0.05] <= 0.05


# ----------------------------------------------------------------- baselines


@pytest.mark.parametrize(("method", "roles"), [("similar", {"similar", "root"}), ("random", {"filler", "root"})])
def test_baselines_ask_no_model(corpus, random_folder, tmp_path, monkeypatch, method, roles):
    monkeypatch.setattr(Scorer, "score", lambda *_: pytest.fail("the model was asked"))
    (result,) = run(corpus, random_folder, tmp_path, settings(method=method))
    assert roles <= set(result.report["tokens"]) <= roles | {"filler"}
    assert result.report["sequences"] == 12


def test_only_named_documents_are_roots(corpus, random_folder, tmp_path):
    (result,) = run(corpus, random_folder, tmp_path, settings(index={"root_ids": "0[0-3].txt"}, method="random"))
    rows = pq.read_table(result.folder / "sequences.parquet").to_pylist()
    assert {row["segments"][-1]["document"] for row in rows} == {f"0{number}.txt" for number in range(4)}
    assert {segment["document"] for row in rows for segment in row["segments"]} > {f"0{number}.txt" for number in range(4)}


def test_dense_retrieval(corpus, random_folder, tmp_path):
    (result,) = run(corpus, random_folder, tmp_path, settings(retrieve={"by": "dense"}, index={"roots": 3}))
    assert result.report["pairs"] > 20
    vectors = np.memmap(tmp_path / "index" / "vectors.f32", np.float32).reshape(-1, 1024)
    assert len(vectors) == len(ChunkIndex(tmp_path / "index"))


@pytest.mark.parametrize(("underflow", "expected"), [("keep", lambda n: n < 600), ("fill", lambda n: n == 600)])
def test_what_is_too_short(corpus, random_folder, tmp_path, underflow, expected):
    (result,) = run(corpus, random_folder, tmp_path, settings(assemble={"underflow": underflow}, index={"roots": 4}))
    assert all(expected(row["n_tokens"]) for row in pq.read_table(result.folder / "sequences.parquet").to_pylist())


@pytest.mark.parametrize("overflow", ["drop", "truncate"])
def test_what_does_not_fit(corpus, random_folder, tmp_path, overflow):
    config = settings(
        assemble={"target_tokens": 300, "overflow": overflow, "underflow": "keep"}, verify={"criterion": "entropy", "epsilon": 0.0}
    )
    (result,) = run(corpus, random_folder, tmp_path, config)
    lengths = {
        segment["end"] - segment["start"]
        for row in pq.read_table(result.folder / "sequences.parquet").to_pylist()
        for segment in row["segments"]
        if segment["role"] != "root"
    }
    assert all(row["n_tokens"] <= 300 for row in pq.read_table(result.folder / "sequences.parquet").to_pylist())
    assert (lengths == {64}) == (overflow == "drop")
    assert result.report["contexts_left_out"] > 0


# ----------------------------------------------------------------- rounds


def test_rounds_follow_the_checkpoint(corpus, random_folder, tmp_path):
    results = run(corpus, random_folder, tmp_path, rounds=3, train=shift, train_name="shift")
    checkpoints = [result.report["checkpoint"] for result in results]
    state = json.loads((tmp_path / "state.json").read_text())
    assert (state["round"], state["phase"], state["checkpoint"]) == (3, "finished", checkpoints[-1])
    assert len(set(checkpoints)) == 3
    assert CausalLM(str(results[0].folder / "model")).identity == checkpoints[1]
    shares = [result.report["overlap_with_last_round"]["share_kept_again"] for result in results[1:]]
    assert all(share < 1 for share in shares)
    before = tree(tmp_path)
    stamps = {file: file.stat().st_mtime_ns for file in (tmp_path / "rounds").rglob("*.parquet")}
    assert [one.report for one in run(corpus, random_folder, tmp_path, rounds=3, train=shift, train_name="shift")] == [
        one.report for one in results
    ]
    assert tree(tmp_path) == before
    assert stamps == {file: file.stat().st_mtime_ns for file in (tmp_path / "rounds").rglob("*.parquet")}


def test_an_unchanged_checkpoint_keeps_everything(corpus, random_folder, tmp_path):
    def copy(_data, model, output):
        shutil.copytree(model, output, dirs_exist_ok=True)

    results = run(corpus, random_folder, tmp_path, rounds=2, train=copy)
    assert results[1].report["overlap_with_last_round"]["share_kept_again"] == 1.0
    assert (results[0].folder / "sequences.jsonl").read_bytes() == (results[1].folder / "sequences.jsonl").read_bytes()


def test_other_constants_of_verification_ask_nothing_again(corpus, random_folder, tmp_path, monkeypatch):
    run(corpus, random_folder, tmp_path, settings(assemble={"rescore": 0}))
    asked = []
    score = Scorer.score
    monkeypatch.setattr(Scorer, "score", lambda self, requests: asked.append(len(requests)) or score(self, requests))
    (result,) = run(corpus, random_folder, tmp_path, settings(assemble={"rescore": 0}, verify={"criterion": "entropy", "epsilon": 0.2}))
    assert sum(asked) <= 1  # the one sequence that is always asked again in place
    assert result.report["criterion"] == "entropy"


COMMAND = """
import shutil, sys
data, model, output = sys.argv[1:4]
assert open(data, "rb").read(4) == b"PAR1"
print("training on", data)
{body}
"""


def command(tmp_path, body):
    script = tmp_path / "train.py"
    script.write_text(COMMAND.format(body=body), encoding="utf-8")
    return f"'{sys.executable}' '{script}' {{data}} {{model}} {{output}}"


def test_a_training_command(corpus, random_folder, tmp_path):
    trains = command(tmp_path, "shutil.copytree(model, output, dirs_exist_ok=True)")
    results = run(corpus, random_folder, tmp_path / "out", settings(index={"roots": 4}), rounds=2, train=trains)
    assert len(results) == 2
    assert "training on" in (results[0].folder / "train.log").read_text()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sys.exit('no memory left')", r"ended with code 1: no memory left"),
        ("import os; os.kill(os.getpid(), 9)", "killed by signal 9"),
        ("pass", "wrote no checkpoint"),
    ],
)
def test_a_training_command_that_fails_and_is_mended(corpus, random_folder, tmp_path, body, said):
    config = settings(index={"roots": 4})
    with pytest.raises(RunError, match=said):
        run(corpus, random_folder, tmp_path / "out", config, rounds=2, train=command(tmp_path, body))
    good = command(tmp_path, "shutil.copytree(model, output, dirs_exist_ok=True)")
    assert len(run(corpus, random_folder, tmp_path / "out", config, rounds=2, train=good)) == 2


def test_a_training_command_that_cannot_be(corpus, random_folder, tmp_path):
    for wrong, said in (("train {model} {output}", "no {data}"), ("train '{data} {output}", "cannot be read")):
        with pytest.raises(UsageError, match=said):
            run(corpus, random_folder, tmp_path, rounds=2, train=wrong)
    with pytest.raises(RunError, match="cannot be started"):
        run(corpus, random_folder, tmp_path, settings(index={"roots": 2}), rounds=2, train="/no/such {data} {output}")
    with pytest.raises(UsageError, match="need training"):
        run(corpus, random_folder, tmp_path, rounds=2)
    with pytest.raises(UsageError, match="asks no model"):
        run(corpus, random_folder, tmp_path, settings(method="random"), rounds=2, train=shift)


def test_a_checkpoint_with_another_tokenizer(corpus, random_folder, tmp_path):
    def other(_data, _model, output):
        save_random(output, vocabulary=400)

    with pytest.raises(InputError, match="another tokenizer"):
        run(corpus, random_folder, tmp_path, settings(index={"roots": 2}), rounds=2, train=other)


# ----------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"a.txt": "short"}, "document_too_short 1"),
        ({"only.txt": " ".join(map(str, range(400)))}, "no_context 1"),
        ({f"{name}.txt": "same words again and again " * 60 + name for name in "abc"}, "no_(context|anchor)"),
        ({"empty.txt": " "}, "no document with a text"),
    ],
)
def test_corpora_that_hold_nothing(random_folder, tmp_path, written, said):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(EmptyResultError, match=said):
        run(folder, random_folder, tmp_path / "out")


def test_a_profile_without_anchors_is_counted(corpus, random_folder, tmp_path):
    with pytest.raises(EmptyResultError, match="no_anchor 12"):
        run(corpus, random_folder, tmp_path, settings(anchors={"h_min": 50.0}))


def test_a_root_that_the_model_cannot_take_in(corpus, tmp_path):
    small = save_random(tmp_path / "small", max_position_embeddings=150)
    with pytest.raises(UsageError, match="longer than the 150") as refused:
        run(corpus, small, tmp_path / "out")
    most = int(refused.value.hint.split()[3])
    assert refused.value.hint == f"name at most {most} with --root-tokens"
    assert most in (149, 150)


def test_one_writer_at_a_time(corpus, random_folder, tmp_path):
    with loop._writing(tmp_path), pytest.raises(RunError, match="another run is writing"):
        run(corpus, random_folder, tmp_path)


def test_a_disk_that_fills_keeps_what_was_measured(corpus, random_folder, tmp_path, monkeypatch):
    commit, done = Measurements.commit, []

    def full(self, key, measured):
        if len(done) == 5:
            raise RunError("the disk is full: cannot write", "free some space")
        done.append(measured.root)
        commit(self, key, measured)

    monkeypatch.setattr(Measurements, "commit", full)
    with pytest.raises(RunError, match="disk is full"):
        run(corpus, random_folder, tmp_path / "out")
    monkeypatch.undo()
    run(corpus, random_folder, tmp_path / "out")
    run(corpus, random_folder, tmp_path / "twin")
    assert tree(tmp_path / "out") == tree(tmp_path / "twin")


def test_a_smaller_plan_is_remembered(corpus, random_folder, tmp_path, monkeypatch):
    body = CausalLM.body

    def small(self, rows, prefix=None):
        if len(rows) * max(map(len, rows)) > 330:
            raise RuntimeError("CUDA out of memory")
        return body(self, rows, prefix)

    monkeypatch.setattr(CausalLM, "body", small)
    run(corpus, random_folder, tmp_path, settings(index={"roots": 3}, assemble={"target_tokens": 300}))
    assert json.loads((tmp_path / "state.json").read_text())["batch_tokens"] <= 512


# ----------------------------------------------------------------- kills


def killed_somewhere(corpus, model, out, seconds):
    """Run three rounds in a child process and kill it after so many seconds; whether it had already ended."""
    child = multiprocessing.get_context("fork").Process(
        target=run, args=(corpus, model, out), kwargs={"rounds": 3, "train": shift, "train_name": "shift"}
    )
    child.start()
    child.join(seconds)
    if child.is_alive():
        os.kill(child.pid, signal.SIGKILL)
        child.join()
    return child.exitcode == 0


def kills(corpus, random_folder, tmp_path, count, seed):
    started = time.monotonic()
    run(corpus, random_folder, tmp_path / "twin", rounds=3, train=shift, train_name="shift")
    whole = time.monotonic() - started
    draw, killed = random.Random(seed), 0
    while killed < count:
        out = tmp_path / f"killed{killed}"
        while killed < count and not killed_somewhere(corpus, random_folder, out, draw.uniform(0.02, 0.5) * whole):
            killed += 1
        run(corpus, random_folder, out, rounds=3, train=shift, train_name="shift")
        assert tree(out) == tree(tmp_path / "twin")


def test_three_kills_leave_no_trace(corpus, random_folder, tmp_path):
    kills(corpus, random_folder, tmp_path, 3, seed=1)


@pytest.mark.soak
def test_twenty_kills_leave_no_trace(corpus, random_folder, tmp_path):
    kills(corpus, random_folder, tmp_path, 20, seed=2)
