"""Extractive answers: sentences of a document ranked in a sentence graph and chosen for centrality and diversity.

PageRank over a sentence-similarity graph is LexRank (Erkan & Radev 2004) and TextRank (Mihalcea & Tarau 2004); the choice among ranked
sentences is maximal marginal relevance (Carbonell & Goldstein 1998). Similarity is TF-IDF cosine, so that a document of a hundred
thousand tokens takes seconds on a CPU.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from wildgraph.text import sentences

#: Sentences beyond this many never enter the graph: the ones nearest to the document's centroid do.
GRAPH_SENTENCES = 400
_NEIGHBOURS = 8
_MIN_WORDS, _MAX_WORDS = 6, 60
_WORD = re.compile(r"\w+")
_PROPER = re.compile(r"(?<![.!?:]\s)(?<!^)\b([A-Z][\w'’-]+(?:\s+(?:of|the|de|and|for)\s+[A-Z][\w'’-]+|\s+[A-Z][\w'’-]+){0,3})")

#: Calendar words, and speakers' names in capitals: they recur, and nobody asks about them.
_NO_TOPIC = re.compile(
    r"^(?:January|February|March|April|May|June|July|August|September|October|November|December|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
    r"|Figure|Table|Section|Chapter|Article|Clause|Page|Note)\b|^[A-Z\W]+$"
)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a document: ``text == document[start:end]``; ``rank`` is its PageRank among the document's sentences."""

    index: int
    start: int
    end: int
    text: str
    rank: float


class SentenceGraph:
    """A document's sentences and their similarity.

    Args:
        text: the document.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        """Sentences that can stand alone: 6–60 words, mostly letters, ending like a sentence."""
        found = []
        for span in sentences(self.text):
            piece = self.text[span.start : span.end]
            words = _WORD.findall(piece)
            letters = sum(character.isalpha() or character.isspace() for character in piece)
            closed = piece.rstrip("\"'”’)»")[-1:] in ".!?。！？"
            # Questions say nothing, and half a quotation cannot be told from a whole one.
            closed = (
                closed
                and not piece.rstrip("\"'”’)»").endswith(("?", "？"))
                and piece.count('"') % 2 == 0
                and piece.count("“") == piece.count("”")
            )
            if _MIN_WORDS <= len(words) <= _MAX_WORDS and letters >= 0.7 * len(piece) and closed and "\n\n" not in piece:
                found.append((span.start, span.end))
        return found

    @cached_property
    def _vectors(self) -> npt.NDArray[np.float32]:
        """TF-IDF rows of the sentences, dense and reduced to those that enter the graph (see ``_kept``)."""
        return self._analysed[0]

    @cached_property
    def _analysed(self) -> tuple[npt.NDArray[np.float32], list[int]]:
        from sklearn.feature_extraction.text import TfidfVectorizer

        texts = [self.text[start:end] for start, end in self._spans]
        if not texts:
            return np.zeros((0, 1), np.float32), []
        try:
            matrix = TfidfVectorizer(stop_words="english", sublinear_tf=True, max_features=20_000).fit_transform(texts)
        except ValueError:  # nothing but stop words
            return np.zeros((0, 1), np.float32), []
        kept = list(range(len(texts)))
        if len(kept) > GRAPH_SENTENCES:
            centroid = np.asarray(matrix.mean(axis=0)).ravel()
            closeness = np.asarray(matrix @ centroid).ravel()
            # Half by closeness to the whole, half evenly spread, so that no part of a long document is invisible.
            spread = set(np.linspace(0, len(texts) - 1, GRAPH_SENTENCES // 2).astype(int).tolist())
            close = (int(row) for row in np.lexsort((np.arange(len(texts)), -closeness)) if int(row) not in spread)
            kept = sorted(spread | {row for row, _ in zip(close, range(GRAPH_SENTENCES - len(spread)), strict=False)})
        dense = np.asarray(matrix[kept].todense(), dtype=np.float32)
        return dense, kept

    @cached_property
    def sentences(self) -> list[Sentence]:
        """The sentences that entered the graph, in text order, with their PageRank."""
        import networkx as nx

        vectors, kept = self._analysed
        if not kept:
            return []
        similarity = vectors @ vectors.T
        np.fill_diagonal(similarity, 0.0)
        graph: nx.Graph[int] = nx.Graph()
        graph.add_nodes_from(range(len(kept)))
        nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :_NEIGHBOURS]
        for row, neighbours in enumerate(nearest):
            for column in neighbours:
                if similarity[row, column] > 0:
                    graph.add_edge(row, int(column), weight=round(float(similarity[row, column]), 6))
        ranks = nx.pagerank(graph, weight="weight")
        return [
            Sentence(position, start, end, self.text[start:end], round(ranks[position], 9))
            for position, (start, end) in enumerate(self._spans[index] for index in kept)
        ]

    def choose(self, candidates: Sequence[Sentence], count: int, diversity: float = 0.6) -> list[Sentence]:
        """Up to ``count`` of the candidates by maximal marginal relevance of their PageRank, in text order.

        Args:
            candidates: sentences of this graph.
            count: how many at most.
            diversity: weight of the similarity to what is already chosen.
        """
        if not candidates:
            return []
        vectors = self._vectors
        top = max(sentence.rank for sentence in candidates) or 1.0
        chosen: list[Sentence] = []
        rest = list(candidates)
        while rest and len(chosen) < count:

            def merit(sentence: Sentence) -> float:
                near = max((float(vectors[sentence.index] @ vectors[other.index]) for other in chosen), default=0.0)
                return round((1 - diversity) * sentence.rank / top - diversity * near, 6)

            best = max(rest, key=lambda sentence: (merit(sentence), -sentence.index))
            if chosen and max(float(vectors[best.index] @ vectors[other.index]) for other in chosen) > 0.9:
                rest.remove(best)  # says the same as one that is already there
                continue
            chosen.append(best)
            rest.remove(best)
        return sorted(chosen, key=lambda sentence: sentence.index)

    @cached_property
    def topics(self) -> list[str]:
        """Names and subjects that recur: capitalised phrases and frequent word pairs in at least two sentences, most frequent first."""
        counts: dict[str, set[int]] = {}
        for sentence in self.sentences:
            for match in _PROPER.finditer(sentence.text):
                counts.setdefault(match.group(1).strip("'’-"), set()).add(sentence.index)
            words = [word for word in _WORD.findall(sentence.text) if not word[0].isupper()]
            for first, second in pairwise(words):
                if len(first) > 3 and len(second) > 3 and not ({first, second} & _stop_words()) and f"{first} {second}" in sentence.text:
                    counts.setdefault(f"{first} {second}", set()).add(sentence.index)
        found = [
            (phrase, len(where))
            for phrase, where in counts.items()
            if len(where) >= 2 and len(phrase) >= 4 and not _NO_TOPIC.search(phrase)
        ]
        return [phrase for phrase, _ in sorted(found, key=lambda item: (-item[1], -len(item[0]), item[0]))[:40]]

    def about(self, topic: str) -> list[Sentence]:
        """Sentences that mention a topic, whole or by its longest word."""
        folded = topic.casefold()
        whole = [sentence for sentence in self.sentences if folded in sentence.text.casefold()]
        if len(whole) >= 2:
            return whole
        longest = max(_WORD.findall(folded) or [folded], key=len)
        stem = re.compile(rf"\b{re.escape(longest[: max(4, len(longest) - 2)])}", re.IGNORECASE)
        return [sentence for sentence in self.sentences if stem.search(sentence.text)]


def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)
