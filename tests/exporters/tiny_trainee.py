"""A trainee that fits into a test: a BPE tokenizer trained on the spot, a chat template, and a Llama of a few thousand weights."""

import json
from pathlib import Path

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}<|end|>{% endgeneration %}\n"
    "{% else %}{{ message['content'] }}<|end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
SPECIAL = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]


def tokenizer(texts, *, template=TEMPLATE, vocabulary=600):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=SPECIAL, initial_alphabet=alphabet))
    fast = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|end|>", pad_token="<|pad|>")
    fast.chat_template = template
    return fast


def save_tokenizer(folder: Path, texts, *, length=4096, template=TEMPLATE) -> Path:
    """A folder with a tokenizer and the configuration that says how long a row its model takes."""
    tokenizer(texts, template=template).save_pretrained(folder)
    if length:
        (folder / "config.json").write_text(json.dumps({"model_type": "llama", "max_position_embeddings": length}))
    return folder


def save_model(folder: Path, texts, *, length=4096, template=TEMPLATE) -> Path:
    """A folder with tokenizer and model, as a trainer takes it by its path."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    fast = tokenizer(texts, template=template)
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=length,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
