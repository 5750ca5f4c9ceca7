"""A Hugging Face causal language model in a local folder: entropies and log-likelihoods instead of words.

The network's body runs once over a batch; its head runs over slices of positions, so that a vocabulary of 150,000 tokens never
materialises for a whole sequence. Sums over the vocabulary are in float32 whatever the weights are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from wildgraph.bars import without_bars
from wildgraph.errors import InputError, ModelError, UsageError
from wildgraph.threads import wait_without_spinning

if TYPE_CHECKING:
    from torch import Tensor

Tokens = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

#: Files that decide what a checkpoint says: weights, configuration, tokenizer. Optimizer states and logs do not.
_DECIDING = (
    "config.json",
    "*.safetensors",
    "pytorch_model*.bin",
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "special_tokens_map.json",
    "*.model",
)


#: Bytes of float32 logits at a time: on a CPU as many as still make a good matrix product, and within them as many as stay in its second cache.
_GPU_SLICE, _CPU_SLICE, _CPU_CACHE = 512 << 20, 32 << 20, 512 << 10


class Uncertainty(NamedTuple):
    """Per position: entropy of the prediction and log-likelihood of the token that is there, in nats; each of shape (n,)."""

    entropy: Floats
    loglik: Floats


class CausalLM:
    """A causal language model with its tokenizer. Loads when first used.

    Args:
        name: local folder, or the hub's name of a model that is in the local cache or can be fetched.
        device: ``auto`` for CUDA where there is one.
        dtype: ``auto`` for bfloat16 on CUDA and float32 elsewhere: on CPUs bfloat16 is often slower, and gains of 0.01 nats drown in it.
        slice_bytes: most bytes of float32 logits at a time; 0 for 32 MiB on a CPU and 512 MiB on CUDA.
    """

    def __init__(
        self,
        name: str,
        *,
        device: str = "auto",
        dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
        slice_bytes: int = 0,
    ) -> None:
        self.name = name
        self._device = device
        self._dtype = dtype
        self._slice_bytes = slice_bytes

    # ------------------------------------------------------------------ what it is

    @cached_property
    def folder(self) -> Path:
        """Where the checkpoint lies.

        Raises:
            InputError: no such folder, and no model of that name that can be had.
        """
        local = Path(self.name).expanduser()
        if local.is_dir():
            if not (local / "config.json").is_file():
                raise InputError(f"{self.name} is no checkpoint: it has no config.json", "name the folder that save_pretrained wrote")
            return local
        if local.exists():
            raise InputError(f"{self.name} is a file", "name the folder that save_pretrained wrote")
        from huggingface_hub import snapshot_download

        try:
            return Path(snapshot_download(self.name))
        except Exception as error:  # whatever the hub's client raises: names, networks, permissions
            raise InputError(
                f"there is no folder {self.name}, and no model of that name can be fetched ({type(error).__name__})",
                "name a local folder with config.json, weights and tokenizer",
            ) from error

    @cached_property
    def identity(self) -> str:
        """Hash of the weights, configuration and tokenizer: 16 hex digits; a retrained checkpoint has another."""
        return _hash_of(self.folder, _DECIDING)

    @cached_property
    def tokenizer_identity(self) -> str:
        """Hash of the vocabulary as the tokenizer has it: 16 hex digits; the same for two checkpoints that read texts alike."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is None:
            state = repr(sorted(self.tokenizer.get_vocab().items()))
        else:
            # Trainers leave their padding and truncation in what they save; neither changes how a text is cut.
            parts = json.loads(backend.to_str())
            state = json.dumps({name: parts.get(name) for name in ("model", "normalizer", "pre_tokenizer", "decoder", "added_tokens")})
        return hashlib.sha256(state.encode()).hexdigest()[:16]

    @cached_property
    def tokenizer(self) -> Any:  # noqa: ANN401 - transformers' tokenizers share no useful type
        """The checkpoint's own tokenizer.

        Raises:
            InputError: there is no such checkpoint, or it has no tokenizer, or one that cannot be loaded.
        """
        from transformers import AutoTokenizer

        folder = self.folder  # its own errors say more than a missing tokenizer
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # transformers raises ValueError, OSError, TypeError, ImportError … for the same trouble
            raise self._no_tokenizer() from error
        if not len(tokenizer):  # what some versions make of a folder without one
            raise self._no_tokenizer()
        return tokenizer

    def _no_tokenizer(self) -> InputError:
        return InputError(f"checkpoint {self.name} has no tokenizer", "save it beside the weights: tokenizer.save_pretrained(FOLDER)")

    @cached_property
    def first_token(self) -> int | None:
        """The token that every scored sequence begins with: beginning of text, else end of text, else none."""
        for name in ("bos_token_id", "eos_token_id"):
            token = getattr(self.tokenizer, name, None)
            token = getattr(self._network.config, name, None) if token is None else token
            if isinstance(token, list):
                token = token[0] if token else None
            if isinstance(token, int) and 0 <= token < self.vocabulary:
                return token
        return None

    def texts(self, sequences: Sequence[Tokens]) -> list[str]:
        """Token sequences as texts, special tokens included."""
        found: list[str] = self.tokenizer.batch_decode([row.tolist() for row in sequences], clean_up_tokenization_spaces=False)
        return found

    @property
    def vocabulary(self) -> int:
        """Tokens that can be read: rows of the embedding."""
        return int(self._network.get_input_embeddings().weight.shape[0])

    @property
    def longest(self) -> int:
        """Tokens that a sequence may have."""
        return int(getattr(self._network.config, "max_position_embeddings", 0) or 1 << 30)

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self._network.device)

    @property
    def dtype(self) -> str:
        """What its weights are kept in."""
        return str(self._network.dtype).removeprefix("torch.")

    def sizes(self) -> tuple[int, int, int, int]:
        """What decides the cost of a pass: parameters of the body, layers × attention width, hidden size, size of the output vocabulary.

        Experts of a mixture all count, so that its cost is overestimated.
        """
        model = self._network
        head = model.get_output_embeddings().weight
        outside = {id(model.get_input_embeddings().weight), id(head)}
        body = sum(parameter.numel() for parameter in model.parameters() if id(parameter) not in outside)
        config = model.config.get_text_config()
        heads = int(getattr(config, "num_attention_heads", 1))
        width = heads * int(getattr(config, "head_dim", 0) or config.hidden_size // heads)
        return body, int(config.num_hidden_layers) * width, int(head.shape[1]), int(head.shape[0])

    # ------------------------------------------------------------------ loading

    @cached_property
    def _network(self) -> Any:  # noqa: ANN401 - one of transformers' hundreds of classes
        wait_without_spinning()
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        tokens = self.tokenizer  # first, since it is quick to load and often missing
        device = ("cuda" if torch.cuda.is_available() else "cpu") if self._device == "auto" else self._device
        dtype = ("bfloat16" if device.startswith("cuda") else "float32") if self._dtype == "auto" else self._dtype
        try:
            with without_bars(logging):
                model: Any = AutoModelForCausalLM.from_pretrained(self.folder, local_files_only=True, dtype=getattr(torch, dtype))
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            raise InputError(
                f"checkpoint {self.name} cannot be loaded: {text}", "it must be a causal language model of transformers"
            ) from error
        rows = int(model.get_input_embeddings().weight.shape[0])
        largest = max(tokens.get_vocab().values(), default=0)
        if largest >= rows:
            raise InputError(
                f"vocabulary mismatch in {self.name}: the tokenizer has token {largest}, the model knows {rows}",
                "tokenizer and weights are of different models, or model.resize_token_embeddings was forgotten",
            )
        if self._device not in ("auto", "cpu") and not self._device.startswith(("cuda", "mps", "xpu")):
            raise UsageError(f"there is no device {self._device!r}", "one of auto, cpu, cuda, cuda:1 …")
        try:
            return model.to(device).eval()
        except RuntimeError as error:
            raise UsageError(f"{self.name} cannot go to {device}: {' '.join(str(error).split())[:160]}", "try --device cpu") from error

    @cached_property
    def _whole(self) -> bool:
        """Whether the head must not be taken apart from the body, since this architecture does something between them that is not known here."""
        import torch

        ids = torch.arange(8, device=self._network.device)[None] % self.vocabulary
        with torch.inference_mode():
            expected = self._network(input_ids=ids, use_cache=False).logits[0].float()
            try:
                found = self._headed(self._network.base_model(input_ids=ids, use_cache=False).last_hidden_state[0])
            except (AttributeError, RuntimeError, TypeError):
                return True
        return found.shape != expected.shape or not torch.allclose(found, expected, rtol=1e-2, atol=1e-2, equal_nan=True)

    # ------------------------------------------------------------------ running

    def inference(self) -> AbstractContextManager[object]:
        """Without gradients."""
        import torch

        return torch.inference_mode()

    def free(self) -> None:
        """Give back what a GPU's allocator holds on to, after memory ran out."""
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def body(self, rows: Sequence[Tokens], prefix: Prefix | None = None) -> Tensor:
        """Hidden states of token sequences, padded on their right to the longest; shape (rows, longest, hidden).

        Padding needs no mask: nothing looks to its right.

        Args:
            rows: token ids.
            prefix: what stands before every one of them.
        """
        import torch

        longest = max(map(len, rows))
        padded = np.zeros((len(rows), longest), dtype=np.int64)
        for place, row in enumerate(rows):
            padded[place, : len(row)] = row
        ids = torch.from_numpy(padded).to(self._network.device)
        network = self._network if self._whole else self._network.base_model
        if prefix is None:
            out = network(input_ids=ids, use_cache=False)
        else:
            out = network(input_ids=ids, use_cache=True, **{self._cache_argument: prefix.repeated(len(rows))})
        found: Tensor = out.logits if self._whole else out.last_hidden_state
        return found

    @cached_property
    def _cache_argument(self) -> str:
        """What a pass calls the keys and values it is given; transformers is renaming it."""
        import inspect

        return "cache" if "cache" in inspect.signature(self._network.base_model.forward).parameters else "past_key_values"

    def prefix(self, tokens: Tokens) -> Prefix:
        """Keys and values of a sequence that several others continue."""
        import torch

        ids = torch.from_numpy(tokens.astype(np.int64))[None].to(self._network.device)
        out = self._network.base_model(input_ids=ids, use_cache=True)
        return Prefix(out.cache if "cache" in out else out.past_key_values, len(tokens))

    def _headed(self, rows: Tensor) -> Tensor:
        config = self._network.config.get_text_config()
        logits: Tensor = self._network.get_output_embeddings()(rows).float()
        if getattr(config, "logit_scale", None) is not None:  # Cohere
            logits = logits * config.logit_scale
        if getattr(config, "logits_scaling", None) is not None:  # Granite
            logits = logits / config.logits_scaling
        cap = getattr(config, "final_logit_softcapping", None)  # Gemma 2
        return logits if cap is None else (logits / cap).tanh() * cap

    def _logits(self, part: Tensor) -> Tensor:
        """Logits in float32 that may be overwritten."""
        return part.float().clone() if self._whole else self._headed(part)

    def uncertainty(self, hidden: Tensor, targets: Tokens) -> Uncertainty:
        """Entropy over the full vocabulary, and log-likelihood of the targets.

        Args:
            hidden: hidden states that predict; shape (n, hidden).
            targets: what they should predict; shape (n,).

        Raises:
            ModelError: the model's logits are not numbers.
        """
        import torch

        goal = torch.from_numpy(targets.astype(np.int64)).to(hidden.device)
        budget = self._slice_bytes or (_GPU_SLICE if hidden.is_cuda else _CPU_SLICE)
        step = max(1, budget // (4 * int(self._network.get_output_embeddings().weight.shape[0])))
        entropies, logliks = torch.empty(len(goal)), torch.empty(len(goal))
        for first in range(0, len(goal), step):
            part = hidden[first : first + step]
            entropy, loglik = _uncertain(self._logits(part), goal[first : first + step])
            if not bool(torch.isfinite(entropy).all() and torch.isfinite(loglik).all()):
                # A vocabulary that is masked with -inf in places is no trouble; anything else is.
                entropy, loglik = _uncertain(self._logits(part).clamp_(min=-1e30), goal[first : first + step])
                if not bool(torch.isfinite(entropy).all()):
                    raise ModelError(
                        f"checkpoint {self.name} gives logits that are not numbers",
                        "it has diverged, or its dtype is too small: try --dtype float32",
                    )
            entropies[first : first + step] = entropy
            logliks[first : first + step] = loglik
        return Uncertainty(entropies.numpy(), logliks.numpy())


class Prefix:
    """Keys and values of a shared beginning."""

    def __init__(self, cache: Any, length: int) -> None:  # noqa: ANN401 - transformers' cache
        self._cache = cache
        self.length = length

    def repeated(self, rows: int) -> Any:  # noqa: ANN401 - transformers' cache
        """A copy for so many continuations: a pass writes its own keys into what it is given."""
        import copy

        own = copy.deepcopy(self._cache)
        own.batch_repeat_interleave(rows)
        return own


def _uncertain(logits: Tensor, goal: Tensor) -> tuple[Tensor, Tensor]:
    """Entropy and log-likelihood of one slice, whose logits are overwritten: H = log Σe^z − Σ z e^z / Σe^z."""
    import torch

    step = len(goal) if logits.is_cuda else max(1, _CPU_CACHE // (4 * logits.shape[1]))
    entropies, logliks = [], []
    for first in range(0, len(goal), step):
        part = logits[first : first + step]
        part.sub_(part.amax(-1, keepdim=True))
        chosen = part.gather(1, goal[first : first + step, None])[:, 0]
        weights = part.exp()
        mass = weights.sum(-1)
        log_mass = mass.log()
        entropies.append(log_mass - part.mul_(weights).sum(-1) / mass)
        logliks.append(chosen - log_mass)
    return torch.cat(entropies), torch.cat(logliks)


def _hash_of(folder: Path, patterns: Sequence[str]) -> str:
    found = hashlib.sha256()
    for file in sorted({file for pattern in patterns for file in folder.glob(pattern) if file.is_file()}):
        found.update(file.name.encode())
        with file.open("rb") as handle:
            found.update(hashlib.file_digest(handle, "sha256").digest())
    return found.hexdigest()[:16]
