"""A trainee's tokenizer in a local folder: byte-level BPE of its own, with a chat template."""

from pathlib import Path

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|start|>{{ message.role }}\n{{ message.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
STRICT = "{% for message in messages %}{% if message.role == 'system' %}{{ raise_exception('no system') }}{% endif %}<|start|>{{ message.role }}\n{{ message.content }}<|end|>\n{% endfor %}"
_TEXT = "The tenant pays the rent of 1,200 euros on the first day of every month. Grüße aus Köln, и комитет согласовал бюджет. " * 3


def make_trainee(folder: Path, template: str = TEMPLATE, text: str = _TEXT, size: int = 500) -> Path:
    """Save the tokenizer to a folder; without a template where it is empty. It learns ``size`` tokens from the text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<|start|>", "<|end|>"]
    made.train_from_iterator(
        text.splitlines(),
        trainers.BpeTrainer(
            vocab_size=size, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        ),
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", additional_special_tokens=special[2:])
    if template:
        fast.chat_template = template
    fast.save_pretrained(folder)
    return folder
