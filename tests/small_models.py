"""Small causal language models for tests: one of random weights, and the induction circuit of ``../shared/fixtures`` that really copies."""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Iterator
from pathlib import Path

from whole_runs import SEEDS, SHARED

INDUCTION = SHARED / "fixtures" / "induction_lm.py"
_SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "u", "ar", "en", "il", "or", "us")]


def texts() -> Iterator[str]:
    """The documents that ship with the project."""
    for line in (SEEDS / "documents.jsonl").read_text(encoding="utf-8").split("\n"):
        if line:
            yield json.loads(line)["text"]


def save_tokenizer(folder: Path, size: int = 2048, extra: Iterator[str] | list[str] = ()) -> object:
    """A byte-level BPE trained on the bundled documents; token 0 is beginning, end and padding."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False)
    bare.train_from_iterator([*texts(), *extra], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bare, bos_token="<|end|>", eos_token="<|end|>", pad_token="<|end|>")
    tokenizer.save_pretrained(folder)
    return tokenizer


def save_random(folder: Path, *, seed: int = 0, vocabulary: int = 512, **settings: object) -> Path:
    """A two-layer Llama of random weights with a tokenizer; entropies vary, since weights are large."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
    shape["max_position_embeddings"] = 4096
    config = LlamaConfig(vocab_size=vocabulary, bos_token_id=0, eos_token_id=0, **{**shape, **settings})
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.normal_(0, 0.5)
    model.save_pretrained(folder)
    save_tokenizer(folder, vocabulary)
    return folder


def save_induction(folder: Path) -> Path:
    """The model that copies from its context, with a tokenizer of its size."""
    spec = importlib.util.spec_from_file_location("induction_lm", INDUCTION)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.build().save_pretrained(folder)
    save_tokenizer(folder, 2048)
    return folder


def facts(count: int, seed: int = 0) -> list[str]:
    """Made-up sentences whose ends nobody can know: a name, and what belongs to it."""
    draw = random.Random(seed)

    def word() -> str:
        return "".join(draw.choice(_SYLLABLES) for _ in range(3)).capitalize()

    return [f"{word()} {word()} of {word()} keeps the {word()} {word()} in {word()}." for _ in range(count)]


#: A training script that learns nothing: whatever way its places are named, the last is where it writes.
COPYING_TRAINER = """
import shutil, sys
data, model, output = [word for word in sys.argv[1:] if not word.startswith("--")]
assert open(data, "rb").read(4) == b"PAR1"
shutil.copytree(model, output, dirs_exist_ok=True)
"""
