"""Measure: how long each pair is as it will be trained on, in the trainee's tokens.

The sample is rendered as export renders it and counted as a whole: layout, system prompt and chat template take tokens that the texts alone do not show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from wildgraph.corpus import TokenCounter, of_sample
from wildgraph.exporters.layout import lay_out
from wildgraph.records import Document, Message, Pair, Rejection, TokenCounts

_KEPT_LENGTHS = 64  # texts whose lengths are remembered: neighbours in the sequence share documents
_FRAMES = 64  # layouts that are looked at for the longest frame


def measure(
    pairs: Iterable[Pair | Rejection], *, counter: TokenCounter, document: Callable[[str], Document], margin: float = 0.0
) -> Iterator[Pair | Rejection]:
    """Pairs with their lengths, in order; rejections pass through.

    Args:
        pairs: as they were written.
        counter: counts texts and chats.
        document: content hash -> document.
        margin: share that the length of the whole is raised by, for estimates.
    """
    count = lru_cache(maxsize=_KEPT_LENGTHS)(counter.count)
    for pair in pairs:
        if isinstance(pair, Rejection):
            yield pair
            continue
        documents = of_sample(pair.documents, document)
        chat = lay_out(pair.turns, documents, seed=pair.layout, language=pair.language)
        whole = math.ceil(counter.count_chat(chat) * (1 + margin))
        parts = {
            "documents": sum(count(one.text) for one in documents),
            "instruction": sum(counter.count(turn.content) for turn in pair.turns if turn.role != "assistant"),
            "response": sum(counter.count(turn.content) for turn in pair.turns if turn.role == "assistant"),
        }
        # A tokenizer may join what meets at a seam: then nothing was added.
        overhead = max(0, whole - sum(parts.values()))
        yield pair.model_copy(update={"n_tokens": TokenCounts(**parts, overhead=overhead, estimated=counter.estimated)})


def frame_tokens(counter: TokenCounter, language: str) -> tuple[int, int]:
    """What layout and chat template take of an empty sample: the fewest and most tokens over the layouts of this language.

    Args:
        counter: counts chats.
        language: of the samples, a name or code.
    """
    turns = (Message(role="user", content=""), Message(role="assistant", content=""))
    empty = Document(id="-", hash="0", text="")
    found = [counter.count_chat(lay_out(turns, [empty], seed=seed, language=language)) for seed in range(_FRAMES)]
    return min(found), max(found)
