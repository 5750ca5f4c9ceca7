"""Scores are those of the model's own logits, whatever the batches, slices and ways of asking."""

import json
import shutil

import numpy as np
import pytest
import torch
from small_models import save_random
from transformers import AutoModelForCausalLM

from wildgraph.backends.causal_lm import CausalLM
from wildgraph.errors import InputError, ModelError, RunError, UsageError
from wildgraph.screening.planner import FlopModel, plan, truncation_error
from wildgraph.screening.score import Request, Scorer, counted_operations


@pytest.fixture(scope="module")
def model(random_folder):
    return CausalLM(str(random_folder), device="cpu", slice_bytes=4 * 512 * 7)


def tokens(count, seed=0):
    return np.random.default_rng(seed).integers(1, 512, count).astype(np.int32)


def request(count, seed=0, prefix=0):
    before = tokens(prefix, seed + 100) if prefix else np.zeros(0, np.int32)
    return Request(tokens(count, seed), np.arange(1, count), before)


def reference(folder, ids):
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        logp = plain(input_ids=torch.tensor(ids[None].astype(np.int64))).logits[0].double().log_softmax(-1)
    entropy = -(logp.exp() * logp).sum(-1)[:-1]
    return entropy.numpy(), logp[:-1].gather(1, torch.tensor(ids[1:].astype(np.int64))[:, None])[:, 0].numpy()


def test_entropy_and_log_likelihood_are_those_of_the_full_logits(random_folder, model):
    requests = [request(length, length) for length in (40, 3, 17, 40, 2)]
    found = Scorer(model, batch_tokens=90).score(requests)
    for asked, (entropy, loglik) in zip(requests, found, strict=True):
        expected = reference(random_folder, asked.tokens)
        np.testing.assert_allclose(entropy, expected[0], atol=2e-4)
        np.testing.assert_allclose(loglik, expected[1], atol=2e-4)
        assert entropy.dtype == np.float32


def test_a_cached_prefix_changes_nothing_but_the_cost(random_folder, model):
    asked = [request(20, 1, prefix=30), request(9, 1, prefix=30), request(20, 2, prefix=30)]
    asked = [Request(one.tokens, one.positions, asked[0].prefix) for one in asked]
    scorer = Scorer(model, batch_tokens=100)
    cached = scorer.score(asked)
    plain = Scorer(model, batch_tokens=100)
    whole = plain.score([Request(np.concatenate([one.prefix, one.tokens]), one.positions + len(one.prefix)) for one in asked])
    for ours, theirs in zip(cached, whole, strict=True):
        np.testing.assert_allclose(ours.entropy, theirs.entropy, atol=1e-4)
        np.testing.assert_allclose(ours.loglik, theirs.loglik, atol=1e-4)
    assert scorer.flops < plain.flops


def test_equal_requests_give_equal_bits(model):
    asked = [request(length, length) for length in (30, 12, 25)]
    first, second = (Scorer(model, batch_tokens=64).score(asked) for _ in range(2))
    assert all(np.array_equal(one.entropy, two.entropy) for one, two in zip(first, second, strict=True))


def test_memory_that_runs_out_halves_the_batches_and_says_so(model, monkeypatch):
    asked = [request(20, seed) for seed in range(6)]
    expected = Scorer(model, batch_tokens=10_000).score(asked)
    body = CausalLM.body

    def small(self, rows, prefix=None):
        if len(rows) * max(map(len, rows)) > 50:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte")
        return body(self, rows, prefix)

    monkeypatch.setattr(CausalLM, "body", small)
    told = []
    found = Scorer(model, batch_tokens=160, on_smaller=told.append).score(asked)
    assert told == [80, 40]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.entropy, theirs.entropy, atol=1e-4)
    with pytest.raises(RunError, match="one sequence of 51 tokens"):
        Scorer(model, batch_tokens=160).score([request(51)])


def test_other_errors_of_torch_are_not_taken_for_memory(model, monkeypatch):
    def broken(*_):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(CausalLM, "body", broken)
    with pytest.raises(RuntimeError, match="mat1"):
        Scorer(model, batch_tokens=160).score([request(5)])


def test_a_head_that_is_not_where_it_is_thought_to_be_is_asked_whole(random_folder, model):
    odd = CausalLM(str(random_folder), device="cpu")
    forward = odd._network.forward

    def scaled(*args, **kwargs):
        out = forward(*args, **kwargs)
        out.logits = out.logits * 0.5
        return out

    odd._network.forward = scaled
    assert odd._whole
    assert not model._whole
    asked = request(12)
    (found,) = Scorer(odd, batch_tokens=64).score([asked])
    with torch.inference_mode():
        logp = scaled(input_ids=torch.tensor(asked.tokens[None].astype(np.int64))).logits[0].log_softmax(-1)
    np.testing.assert_allclose(found.entropy, -(logp.exp() * logp).sum(-1)[:-1].numpy(), atol=1e-4)


# ----------------------------------------------------------------- bad checkpoints


def test_a_checkpoint_that_is_not_there(tmp_path):
    """The missing folder is what is wrong, whatever is looked for in it first."""
    with pytest.raises(InputError, match=r"there is no folder .*gone"):
        _ = CausalLM(str(tmp_path / "gone")).tokenizer
    with pytest.raises(InputError, match=r"is no checkpoint: it has no config\.json"):
        _ = CausalLM(str(tmp_path)).tokenizer


def test_a_checkpoint_without_a_tokenizer(random_folder, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(random_folder, bare, ignore=shutil.ignore_patterns("tokenizer*", "special*"))
    with pytest.raises(InputError, match="has no tokenizer"):
        _ = CausalLM(str(bare)).tokenizer


def test_a_tokenizer_of_another_model(random_folder, tmp_path):
    small = save_random(tmp_path / "small", vocabulary=300)
    for file in random_folder.glob("tokenizer*"):
        shutil.copy(file, small)
    with pytest.raises(InputError, match="token 511, the model knows 300"):
        _ = CausalLM(str(small)).vocabulary


def test_logits_that_are_not_numbers(random_folder, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(random_folder, broken)
    plain = AutoModelForCausalLM.from_pretrained(broken)
    with torch.no_grad():
        plain.lm_head.weight[3] = float("nan")
    plain.save_pretrained(broken)
    with pytest.raises(ModelError, match="not numbers"):
        Scorer(CausalLM(str(broken), device="cpu"), batch_tokens=64).score([request(5)])


def test_a_vocabulary_that_is_masked_in_places(random_folder):
    masked = CausalLM(str(random_folder), device="cpu")
    with torch.no_grad():
        masked._network.lm_head.bias = torch.nn.Parameter(torch.zeros(512))
        masked._network.lm_head.bias[400:] = -float("inf")
    ids = np.arange(1, 30, dtype=np.int32)
    (found,) = Scorer(masked, batch_tokens=64).score([Request(ids, np.arange(1, 29))])
    assert np.isfinite(found.entropy).all()
    assert np.isfinite(found.loglik).all()


@pytest.mark.parametrize(
    ("name", "said"), [("nowhere/at-all", "no model of that name"), ("file", "is a file"), ("empty", "no config.json")]
)
def test_folders_that_hold_no_model(tmp_path, name, said):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=said):
        _ = CausalLM(name if "/" in name else str(tmp_path / name)).folder


def test_a_damaged_checkpoint_and_an_unknown_device(random_folder, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(random_folder, broken)
    (broken / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(InputError, match="cannot be loaded"):
        _ = CausalLM(str(broken)).vocabulary
    with pytest.raises(UsageError, match="no device 'gpu'"):
        _ = CausalLM(str(random_folder), device="gpu").vocabulary


def test_identity_is_of_weights_and_tokenizer_and_of_nothing_else(random_folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(random_folder, copy)
    (copy / "trainer_state.json").write_text("{}")
    first = CausalLM(str(random_folder))
    assert CausalLM(str(copy)).identity == first.identity
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 1e-3}))
    again = CausalLM(str(copy))
    assert again.identity != first.identity
    assert again.tokenizer_identity == first.tokenizer_identity
    again.tokenizer(["a", "longer text"], padding=True, truncation=True, max_length=7)  # as trainers do before they save
    again.tokenizer.save_pretrained(copy)
    assert CausalLM(str(copy)).tokenizer_identity == first.tokenizer_identity
    assert CausalLM(str(save_random(tmp_path / "other", vocabulary=400))).tokenizer_identity != first.tokenizer_identity


# ----------------------------------------------------------------- cost


def test_the_plan_follows_the_cost(model):
    cost = FlopModel.of(model)
    body = sum(parameter.numel() for parameter in model._network.model.layers.parameters()) + 32
    assert cost == FlopModel(body, 2 * 32, 32, 512)
    shared = plan(cost, root=4000, candidates=[(100, [50] * 10)], longest=8192)
    assert shared.way == "cached"
    assert shared.flops["cached"] < shared.flops["windows"] < shared.flops["full"]
    assert "full" not in plan(cost, root=4000, candidates=[(100, [50])], longest=4096).flops
    with pytest.raises(UsageError, match="too few for a chunk before a window"):
        plan(cost, root=4000, candidates=[(100, [50])], longest=120)


def test_predicted_operations_are_what_torch_counts(model):
    scorer = Scorer(model, batch_tokens=1000)
    _ = model._whole
    with counted_operations() as count:
        scorer.score([request(200), request(50, 1, prefix=100)])
    assert 1 / 1.3 <= count() / scorer.flops <= 1.3


def test_truncation_error_is_the_95th_percentile():
    full = np.arange(101, dtype=np.float32)
    assert truncation_error(full, np.zeros(101, np.float32)) == pytest.approx(95)
    assert truncation_error(full[:0], full[:0]) == 0
