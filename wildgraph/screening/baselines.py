"""What verified contexts are compared with: similar chunks that nobody verified, and any chunks at all."""

from __future__ import annotations

from wildgraph.backends.causal_lm import CausalLM
from wildgraph.screening.chunks import ChunkIndex, Root, copied_share, runs_of
from wildgraph.screening.retrieve import Retriever
from wildgraph.screening.settings import ScreeningConfig
from wildgraph.screening.verify import Choice


def similar(root: Root, index: ChunkIndex, retriever: Retriever, model: CausalLM, config: ScreeningConfig) -> Choice:
    """The chunks most like the root's own parts, in the order of their ranks, the parts taking turns; as NExtLong does.

    References:
        NExtLong, arXiv 2501.12766: extends a document's chunks with similar ones from elsewhere. Its chunk sizes are not ours.
    """
    tokens, size = index.root_tokens(root), config.index.chunk_tokens
    parts = model.texts([tokens[start : start + size] for start in range(0, len(tokens), size)])
    most = config.retrieve.k + len(index.of_document(root.document))
    runs = runs_of(tokens)
    found: dict[int, None] = {}
    answers = retriever.search(parts, most)
    for rank in range(most):
        for answer in answers:
            if rank < len(answer):
                chunk = int(answer[rank])
                own = index.document_of(chunk) == root.document
                if not own and chunk not in found and copied_share(index.chunk(chunk), runs) < config.retrieve.near_duplicate:
                    found[chunk] = None
    return Choice(root.name, (), tuple(found), (), {}, 0)


def anything(root: Root) -> Choice:
    """No chunk in particular: assembling fills the sequence with random ones."""
    return Choice(root.name, (), (), (), {}, 0)
