"""Extractive answers: sentences of a document ranked in a sentence graph and chosen for centrality and diversity.

PageRank over a sentence-similarity graph is LexRank (Erkan & Radev 2004) and TextRank (Mihalcea & Tarau 2004); the choice among ranked
sentences is maximal marginal relevance (Carbonell & Goldstein 1998). Similarity is TF-IDF cosine, so that a document of a hundred
thousand tokens takes seconds on a CPU.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from wildgraph.text import UNDECIDED, YEAR, detect_language, sentences

#: Sentences beyond this many never enter the graph: the ones nearest to the document's centroid do.
GRAPH_SENTENCES = 400
_NEIGHBOURS = 8
_MIN_WORDS, _MAX_WORDS = 6, 60
_MIN_CONTENT = 4
_DATED = 40
_TOLD_BY = 4000  # characters
_WORD = re.compile(r"\w+")
_MARKUP = re.compile(r"</?[A-Za-z]|[{}|\\]|``|\w\(|==|::|https?://")
PROPER = re.compile(r"(?<![.!?:]\s)(?<!\d\s)(?<!^)\b([A-Z][\w'’-]+(?:\s+(?:of|the|de|and|for)\s+[A-Z][\w'’-]+|\s+[A-Z][\w'’-]+){0,3})")

#: Calendar words, and speakers' names in capitals: they recur, and nobody asks about them.
_NO_TOPIC = re.compile(
    r"^(?:January|February|March|April|May|June|July|August|September|October|November|December|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
    r"|Figure|Table|Section|Chapter|Article|Clause|Page|Note)\b|^[A-Z\W]+$"
)


_PAIR = re.compile(r"(?=\b([a-z]{4,})\s([a-z]{4,})\b)")
#: Words that recur everywhere and are no subject: adverbs, participles, light verbs and adjectives.
_LIGHT = re.compile(
    r"\b(?:\w+(?:ly|ing|ed)|just|want|like|know|think|make|made|take|took|given?|came|come|went|said|says?|saying|good|great|little|many|much|more"
    r"|most|thing|things|something|really|still|even|also|such|same|other|another|first|second|third|every|each|whole|very|well|would|could|should"
    r"|might|must|shall|will|have|been|were|about|above|after|again|before|below|between|during|under|until|while|upon|within|without|therefore"
    r"|however|called|used|using|different|certain|several|following|number|part|parts|form|kind|right|time|times|year|years|month|months|week|weeks"
    r"|days|people|person|place|point|fact|case|example|values?|default|return|returns|there|these|those|their|where|which|whose|because)\b"
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
        """Sentences that can stand alone and say something."""
        return [(span.start, span.end) for span in sentences(self.text) if self._stands_alone(span.start, span.end)]

    def _stands_alone(self, start: int, end: int) -> bool:
        """Whether a span is a whole statement in prose: 6–60 words, four of them content words, no markup, no question, no fragment."""
        piece = self.text[start:end]
        words = _WORD.findall(piece)
        if not _MIN_WORDS <= len(words) <= _MAX_WORDS or "\n\n" in piece or _MARKUP.search(piece):
            return False
        if sum(len(word) > 3 and word.casefold() not in _stop_words() for word in words) < _MIN_CONTENT:
            return False
        bare = piece.rstrip("\"'”’)»")
        if bare[-1:] not in tuple(".!。！") or piece[0].islower() or piece.count('"') % 2 or piece.count("“") != piece.count("”"):
            return False
        if sum(character.isalpha() or character.isspace() for character in piece) < 0.7 * len(piece):
            return False
        # Behind a single line break after an open line it is the rest of a hard-wrapped sentence.
        before = self.text[max(0, start - 200) : start]
        open_line = (
            before.rstrip(" \t").endswith("\n") and "\n\n" not in before[-3:] and before.rstrip()[-1:] not in tuple('.!?:;。！？"”)*#')
        )
        return not open_line

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
            # And some that name a year: they are few, and a task of their own asks for them.
            dated = [row for row, (start, end) in enumerate(self._spans) if YEAR.search(self.text, start, end)]
            named = (
                {dated[place] for place in np.linspace(0, len(dated) - 1, min(len(dated), _DATED)).astype(int).tolist()} if dated else set()
            )
            spread |= named
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
        """Names and subjects that recur in at least two sentences: names first, then word pairs, each most frequent first."""
        names: dict[str, set[int]] = {}
        pairs: dict[str, set[int]] = {}
        for sentence in self.sentences:
            for match in PROPER.finditer(sentence.text):
                name = match.group(1).strip("'’-")
                if self.is_name(name):
                    names.setdefault(name, set()).add(sentence.index)
            for match in _PAIR.finditer(sentence.text):
                first, second = match.group(1), match.group(2)
                if not ({first, second} & _stop_words()) and not _LIGHT.search(f"{first} {second}"):
                    pairs.setdefault(f"{first} {second}", set()).add(sentence.index)
        return [*_ranked(names), *_ranked(pairs)]

    def is_name(self, phrase: str) -> bool:
        """Whether a capitalised phrase is a name: several words on one line, or one that never stands in lower case and is no shouting."""
        if " ".join(phrase.split()) != phrase:  # a column's end, or two lines
            return False
        if _NO_TOPIC.search(phrase) or len(phrase) < 4 or "_" in phrase or phrase.endswith(("'s", "’s")):
            return False
        return " " in phrase or not re.search(rf"\b{re.escape(phrase.lower())}\b", self.text)

    @cached_property
    def first_mentions(self) -> dict[str, Sentence]:
        """Names that come up for the first time in a sentence, in the order of the text."""
        found: dict[str, Sentence] = {}
        for sentence in self.sentences:
            for match in PROPER.finditer(sentence.text):
                name = match.group(1).strip("'’-")
                if name not in found and self.is_name(name) and sentence.start <= self.text.find(name) < sentence.end:
                    found[name] = sentence
        return found

    @cached_property
    def english(self) -> bool:
        """Whether the document's beginning is English, as far as can be told: stop words and capitals mean nothing elsewhere."""
        return detect_language(self.text[:_TOLD_BY]) in ("en", UNDECIDED)

    @cached_property
    def subjects(self) -> list[str]:
        """Single content words that recur in at least three sentences, most frequent first: what several documents may share."""
        words: dict[str, set[int]] = {}
        for sentence in self.sentences:
            for word in _WORD.findall(sentence.text):
                if len(word) >= 5 and word.islower() and word not in _stop_words() and not _LIGHT.search(word):
                    words.setdefault(word, set()).add(sentence.index)
        return _ranked(words, least=3)

    def mentioning(self, topic: str) -> list[Sentence]:
        """Sentences that mention a topic word for word."""
        folded = topic.casefold()
        return [sentence for sentence in self.sentences if folded in sentence.text.casefold()]

    def about(self, topic: str) -> list[Sentence]:
        """Sentences that mention a topic, whole or by its longest word."""
        whole = self.mentioning(topic)
        if len(whole) >= 2:
            return whole
        longest = max(_WORD.findall(topic.casefold()) or [topic], key=len)
        stem = re.compile(rf"\b{re.escape(longest[: max(4, len(longest) - 2)])}", re.IGNORECASE)
        return [sentence for sentence in self.sentences if stem.search(sentence.text)]


def _ranked(where: dict[str, set[int]], least: int = 2) -> list[str]:
    """Phrases in at least ``least`` sentences, most frequent first, longer before shorter."""
    found = [
        (phrase, len(hits)) for phrase, hits in where.items() if len(hits) >= least and len(phrase) >= 4 and not _NO_TOPIC.search(phrase)
    ]
    return [phrase for phrase, _ in sorted(found, key=lambda item: (-item[1], -len(item[0]), item[0]))[:40]]


@cache
def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)
