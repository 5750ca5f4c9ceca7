"""Everything about screening that can be set, with where each default comes from.

``[paper]`` and ``[second]`` are EntropyLong's and PolicyLong's constants, read in the paper or in a summary of it; ``[ours]`` the literature leaves open.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

AnchorRule = Literal["mean+alpha*sd", "quantile"]
Criterion = Literal["ours", "entropy"]
Method = Literal["entropy", "similar", "random"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoreSettings(_Section):
    """How the model is asked.

    Attributes:
        device: ``auto`` for CUDA where there is one.
        dtype: ``auto`` for bfloat16 on CUDA and float32 elsewhere. [ours]
        batch_tokens: most tokens of a batch, padding included; halved for good when memory runs out. [ours]
        slice_bytes: most bytes of logits at a time; 0 for 32 MiB on a CPU and 512 MiB on CUDA. [ours]
    """

    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_tokens: int = Field(default=16_384, ge=1)
    slice_bytes: int = Field(default=0, ge=0)


class IndexSettings(_Section):
    """What is screened, and what for.

    Attributes:
        chunk_tokens: tokens of a context chunk. [ours]
        root_tokens: most tokens of a root, the document part that is to be read last. [ours]
        roots: roots to screen, drawn by seed; 0 for one of every document.
        root_ids: pattern of the ids of documents that may be roots, such as ``books/*``; empty for all. The others serve as context.
    """

    chunk_tokens: int = Field(default=512, ge=8)
    root_tokens: int = Field(default=4096, ge=32)
    roots: int = Field(default=0, ge=0)
    root_ids: str = ""


class AnchorSettings(_Section):
    """Where a root is uncertain.

    Attributes:
        rule: ``mean+alpha*sd`` of the root's entropies [paper], or ``quantile``, the most uncertain share of its positions. [ours]
        alpha: standard deviations above the mean. [second]
        share: of positions, under ``quantile``. [ours]
        h_min: least entropy of an anchor in nats; without it a better model never runs out of anchors. [ours]
        skip: first tokens of a root that are never anchors: they have nothing to be predicted from. [ours]
        most: anchors of one root, the most uncertain ones; what is left out is counted. [ours]
    """

    rule: AnchorRule = "mean+alpha*sd"
    alpha: float = Field(default=2.0, ge=0)
    share: float = Field(default=0.05, gt=0, le=1)
    h_min: float = Field(default=1.0, ge=0)
    skip: int = Field(default=64, ge=1)
    most: int = Field(default=64, ge=1)


class RetrieveSettings(_Section):
    """How context is looked for.

    Attributes:
        by: ``dense`` (cosine of embeddings) [second] or ``bm25``. [ours]
        width: tokens on each side of an anchor that make its query. [second]
        causal: take the left side alone: the right side tells what is to be predicted. [ours]
        k: chunks per anchor. [second]
        near_duplicate: share of a chunk's runs of eight tokens that are in the root, from which on the chunk is a copy and left out. [ours]
    """

    by: Literal["dense", "bm25"] = "dense"
    width: int = Field(default=16, ge=1)
    causal: bool = False
    k: int = Field(default=32, ge=1)
    near_duplicate: float = Field(default=0.5, gt=0, le=1)


class VerifySettings(_Section):
    """What counts as help.

    Attributes:
        criterion: ``entropy`` is the paper's: the relative drop of entropy exceeds ``epsilon`` [second]; ``ours`` wants more besides (see the fields below). [ours]
        epsilon: least relative drop of entropy. [second]
        min_drop: least drop in nats. [ours]
        controls: random chunks of the same length in the same place, whose mean gains must be exceeded; 0 for none. [ours]
        window: tokens of the root before an anchor that are read when anchors are asked one by one. [ours]
        window_error: most nats by which windows may differ from the root's own pass at its anchors (95th percentile) under ``way: auto``; the window of a root is doubled
            until they do not. [ours]
        way: ``auto`` for the cheapest, or ``full``, ``windows``, ``cached``.
        margin: a hard negative moves log-likelihood (nats) and entropy (relative) by at most this, at every anchor. [ours]
        negatives: most hard negatives of a root. [ours]
        hub_cap: roots that one chunk may serve as a positive. [ours]
    """

    criterion: Criterion = "ours"
    epsilon: float = Field(default=0.4, ge=0, lt=1)
    min_drop: float = Field(default=0.2, ge=0)
    controls: int = Field(default=4, ge=0)
    window: int = Field(default=256, ge=2)
    window_error: float = Field(default=0.05, ge=0)
    way: Literal["auto", "full", "windows", "cached"] = "auto"
    margin: float = Field(default=0.05, ge=0)
    negatives: int = Field(default=4, ge=0)
    hub_cap: int = Field(default=8, ge=1)


class AssembleSettings(_Section):
    """How sequences are put together.

    Attributes:
        target_tokens: length of a sequence in the model's tokens. [ours]
        overflow: what happens to the context that no longer fits: ``drop`` it, or ``truncate`` it at its front. [ours]
        underflow: what happens to a sequence that is too short: ``fill`` it with random chunks, ``keep`` it, or ``drop`` it. [ours]
        rescore: share of sequences whose anchors are asked again in place. [ours]
    """

    target_tokens: int = Field(default=32_768, ge=64)
    overflow: Literal["drop", "truncate"] = "drop"
    underflow: Literal["fill", "keep", "drop"] = "fill"
    rescore: float = Field(default=0.05, ge=0, le=1)


class PairSettings(_Section):
    """When a model's own likelihoods say that an answer needs its documents.

    Attributes:
        chunk_tokens: tokens of the parts whose gain is measured alone. [ours]
        min_gain: least gain of the answer from its documents, in nats per token of the answer; below it the answer is had without them. [ours]
        min_document_gain: least loss, in nats per token, when one required document is taken away; below it that document is not needed. [ours]
        local: share of the gain that one part alone may give; at or above it the length is not needed. [ours]
    """

    chunk_tokens: int = Field(default=512, ge=8)
    min_gain: float = Field(default=0.05, ge=0)
    min_document_gain: float = Field(default=0.01, ge=0)
    local: float = Field(default=0.9, gt=0, le=1)


class ScreeningConfig(_Section):
    """The second engine.

    Attributes:
        seed: of everything that is drawn.
        method: ``entropy`` verifies what is retrieved; ``similar`` takes what is similar unverified, as NExtLong does; ``random`` takes anything.
    """

    seed: int = Field(default=0, ge=0)
    method: Method = "entropy"
    score: ScoreSettings = ScoreSettings()
    index: IndexSettings = IndexSettings()
    anchors: AnchorSettings = AnchorSettings()
    retrieve: RetrieveSettings = RetrieveSettings()
    verify: VerifySettings = VerifySettings()
    assemble: AssembleSettings = AssembleSettings()
    pairs: PairSettings = PairSettings()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.index.root_tokens >= self.assemble.target_tokens:
            raise ValueError(
                f"a root of {self.index.root_tokens} tokens (index.root_tokens) leaves no room in a sequence of {self.assemble.target_tokens} "
                "(assemble.target_tokens)"
            )
        return self
