"""How alike two mined values are: what they say, which words of it are operation, what they resemble, and what they are said of.

Subject words swamp the operation in a sentence embedding: 'summarize the debate on fishing' lies nearer to 'extract the fishing quotas'
than to 'summarize the report'. A prior catalogue knows the difference without knowing the values: its concepts' phrases vary in subject,
so words that recur within a concept are operation, words that do not are subject. Likeness is therefore the mean of four cosines [ours]:

* of the sentence embeddings,
* of the operation words, weighted by how few concepts share them, the first word of a phrase counted apart;
* of the profiles over the prior's concepts: half nearest phrases, half a multinomial logistic regression trained on the phrases
  and on their heads, what stands before the first preposition or conjunction and names the operation more often than the subject;
  as square roots of probabilities (Hellinger), so that values near to the same concepts are alike whatever they are about;
* of the embeddings of what their records are about.

For forms of answer a rough size ('one sentence', 'several paragraphs') counts beside them. All of it is one inner product, so that means
over groups, cuts of a dendrogram and nearest groups are plain linear algebra.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from wildgraph.catalogue import PriorConcept
from wildgraph.embedders import Embedder, Vectors
from wildgraph.fields import OUTPUT_FORMAT
from wildgraph.lifters import SeenValue

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?[#+]*|\d+")
_BREAK = re.compile(
    r"\b(?:of|on|about|for|with|in|into|to|from|by|at|as|under|between|against|using|that|which|who|whether|how|why|what|when|if|so|and|or)\b"
)
_LEXICAL_DIMENSIONS = 1024
_LEAST_CONCEPTS, _LEAST_PHRASES = 8, 3  # below, a profile over concepts says nothing
_BLOCK = 4096  # values whose likeness to every phrase of the prior is held at a time


class LikenessConfig(BaseModel):
    """What counts how much. All constants are ours, set on published gold labels as a whole, never on single values.

    Attributes:
        words: weight of the operation words beside the sentence embedding's 1, by field; ``""`` stands for all that are not named.
        profile: weight of the profile over the prior's concepts.
        context: weight of what a value's records are about, by field likewise.
        size: weight of the rough size, for forms of answer.
        nearest: phrases of a concept whose mean cosine makes its score.
        sharpness: temperature of the softmax over these scores.
        head: weight of the embedding of a phrase's head beside the whole phrase's 1 in the logistic regression, by field: for tasks and kinds
            of document, which name operation or kind first and the subject behind. In 'code with an explanation', 'researcher in law' or
            'no more than ten words' what comes behind counts as much.
        regularisation: inverse strength of the logistic regression's penalty, by field. For tasks it is that of the least log loss on
            held-out phrases of the prior: there are many concepts and few words decide among them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: Mapping[str, float] = Field(default_factory=lambda: {"": 0.0, "task": 0.5, "constraint": 0.4, "output_format": 0.15})
    profile: float = Field(default=2.0, ge=0.0)
    context: Mapping[str, float] = Field(default_factory=lambda: {"": 0.7, "task": 1.0, "constraint": 1.0})
    size: float = Field(default=0.8, ge=0.0)
    nearest: int = Field(default=3, ge=1)
    sharpness: float = Field(default=0.04, gt=0.0)
    head: Mapping[str, float] = Field(default_factory=lambda: {"": 0.0, "document_type": 1.0, "task": 1.0})
    regularisation: Mapping[str, Annotated[float, Field(gt=0.0)]] = Field(default_factory=lambda: {"": 10.0, "task": 30.0})


def by_field(settings: Mapping[str, float], name: str) -> float:
    """What is set for a field, else for all that are not named.

    Example:
        >>> by_field({"": 1.0, "task": 2.0}, "task"), by_field({"": 1.0}, "task")
        (2.0, 1.0)
    """
    return settings.get(name, settings.get("", 0.0))


def words(text: str) -> list[str]:
    """The words of a phrase, folded.

    Example:
        >>> words("Write C++ code, don't explain")
        ['write', 'c++', 'code', "don't", 'explain']
    """
    return _WORD.findall(text.casefold())


def head(text: str) -> str:
    """What stands before the first preposition or conjunction: the operation and what it is done to; the whole if nothing stands there.

    Example:
        >>> [head(text) for text in ("summarize the debate on fishing", "explain whether it rains", "for lawyers only")]
        ['summarize the debate', 'explain', 'for lawyers only']
    """
    return _BREAK.split(text, maxsplit=1)[0].strip() or text


_UNITS = {"word": 1, "words": 1, "phrase": 1, "name": 1, "number": 1, "sentence": 2, "line": 2, "sentences": 3, "lines": 3}
_UNITS |= {"paragraph": 4, "paragraphs": 5, "section": 5, "sections": 6, "page": 6, "pages": 6}
_SEVERAL = {"multi", "several", "few", "two", "three", "four", "five", "six", "some", "many"}


def rough_size(text: str) -> int:
    """How long an answer of this form is: 0 unsaid, 1 a word, 2 a sentence, 3 sentences, 4 a paragraph, 5 paragraphs, 6 more.

    Example:
        >>> [rough_size(form) for form in ("table", "one word", "two-sentence answer", "paragraph", "several paragraphs")]
        [0, 1, 3, 4, 5]
    """
    found = words(text)
    size = max((_UNITS.get(word, 0) for word in found), default=0)
    return size + 1 if size in (2, 4) and not _SEVERAL.isdisjoint(found) else size


@dataclass(frozen=True)
class Features:
    """Values of one field as vectors.

    Attributes:
        rows: shape (values, dimensions), unit rows: inner products are likenesses.
        profile: shape (values, concepts): probability that a value means each of the prior's concepts; no columns without a prior.
        scale: what a distance in plain likeness is multiplied by here, since the size adds a part of its own.
        about: mean of what the values' records are about, shape (1, dimensions) as :meth:`LikenessSpace.about` gives it.
    """

    rows: Vectors
    profile: npt.NDArray[np.float64]
    scale: float
    about: Vectors

    def some(self, places: Sequence[int]) -> Features:
        """Those of some of the values."""
        return replace(self, rows=self.rows[places], profile=self.profile[places])


class LikenessSpace:
    """The space of one field's values.

    Args:
        name: the field.
        prior: the field's concepts with their phrases.
        embedder: sentence embedder.
        config: weights.
    """

    def __init__(self, name: str, prior: Sequence[PriorConcept], embedder: Embedder, config: LikenessConfig) -> None:
        self.name = name
        self.prior = tuple(prior)
        self.embedder = embedder
        self.config = config
        self._phrases = [(phrase, index) for index, entry in enumerate(self.prior) for phrase in dict.fromkeys(entry.like)]
        self._owner = np.array([index for _, index in self._phrases], dtype=np.intp)
        self._weights = _operation_words([phrase for phrase, _ in self._phrases], self._owner)

    def about(self, values: Sequence[SeenValue]) -> Vectors:
        """The mean of what the values' records are about, shape (1, dimensions); without columns where it does not count or nothing is said."""
        return _mean_of(self._said(values)[1])

    def features(self, values: Sequence[SeenValue], about: Vectors | None = None) -> Features:
        """The values as vectors; a value's row depends on that value, and on the mean of what all the values are said of.

        Args:
            values: of the field.
            about: that mean, for values that are only some of all; by default theirs.
        """
        config = self.config
        texts = [value.text for value in values]
        spoken = self.embedder.embed(texts)
        lexical = self._lexical(texts)
        profile = self._profile(texts, spoken, lexical)
        weight = by_field(config.words, self.name) if lexical.any() else 0.0
        blocks = [(1.0 / (1.0 + weight), spoken), (weight / (1.0 + weight), lexical)]
        if profile.shape[1]:
            blocks.append((config.profile, np.sqrt(profile).astype(np.float32)))
        said, vectors = self._said(values)
        about = _mean_of(vectors) if about is None else about
        if about.shape[1]:
            blocks.append((by_field(config.context, self.name), _context(values, dict(zip(said, vectors, strict=True)), about)))
        base = sum(part for part, _ in blocks)
        if self.name == OUTPUT_FORMAT and config.size:
            sizes = np.zeros((len(values), 7), dtype=np.float32)
            sizes[np.arange(len(values)), [rough_size(text) for text in texts]] = 1.0
            blocks.append((config.size, sizes))
        rows = np.hstack([np.float32(part**0.5) * block for part, block in blocks])
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return Features(rows, profile, base / sum(part for part, _ in blocks), about)

    def _lexical(self, texts: Sequence[str]) -> Vectors:
        """Operation words as unit rows, projected by signs that are a hash of the word."""
        rows = np.zeros((len(texts), _LEXICAL_DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            found = words(text)
            for word in {*found, *(f"^{first}" for first in found[:1])}:
                if word in self._weights:
                    rows[row] += self._weights[word] * _signs(word)
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)

    def _said(self, values: Sequence[SeenValue]) -> tuple[list[str], Vectors]:
        """What the values' records are about, each once, and its vectors; nothing where it does not count."""
        counts = by_field(self.config.context, self.name)
        texts = sorted({context for value in values for context in value.contexts}) if counts else []
        return texts, self.embedder.embed(texts)

    def _profile(self, values: Sequence[str], spoken: Vectors, lexical: Vectors) -> npt.NDArray[np.float64]:
        """Probability of each concept of the prior, shape (values, concepts)."""
        if len(self.prior) < _LEAST_CONCEPTS or len(self._phrases) < _LEAST_PHRASES * len(self.prior):
            return np.zeros((len(spoken), 0))
        asked = [spoken, lexical]
        if by_head := self._by_head:
            asked.append(by_head * self.embedder.embed([head(text) for text in values]))
        blocks = [slice(start, start + _BLOCK) for start in range(0, len(spoken), _BLOCK)]
        return np.concatenate([self._probabilities(spoken[block], lexical[block], [part[block] for part in asked]) for block in blocks])

    @property
    def _by_head(self) -> np.float32:
        return np.float32(by_field(self.config.head, self.name))

    @cached_property
    def _known(self) -> tuple[Vectors, Vectors]:
        """The prior's phrases: what they say, and their operation words."""
        texts = [phrase for phrase, _ in self._phrases]
        return self.embedder.embed(texts), self._lexical(texts)

    @cached_property
    def _regression(self) -> LogisticRegression:
        """Multinomial logistic regression over the prior's phrases, classes in ascending order of their number; fitted once."""
        shown = list(self._known)
        if by_head := self._by_head:
            shown.append(by_head * self.embedder.embed([head(phrase) for phrase, _ in self._phrases]))
        return _fitted(np.hstack(shown), self._owner, by_field(self.config.regularisation, self.name))

    def _probabilities(self, spoken: Vectors, lexical: Vectors, asked: Sequence[Vectors]) -> npt.NDArray[np.float64]:
        known, known_words = self._known
        weight = by_field(self.config.words, self.name)
        cosines = (spoken @ known.T + weight * (lexical @ known_words.T)) / (1.0 + weight)
        scores = np.full((len(spoken), len(self.prior)), -1.0)
        for concept in range(len(self.prior)):
            mine = cosines[:, self._owner == concept]
            if mine.shape[1]:
                scores[:, concept] = np.sort(mine, axis=1)[:, -self.config.nearest :].mean(axis=1)
        near = _softmax(scores / self.config.sharpness)
        profile = np.zeros_like(near)
        profile[:, np.unique(self._owner)] = self._regression.predict_proba(np.hstack(asked))
        return (near + profile) / 2


def _mean_of(vectors: Vectors) -> Vectors:
    """Their mean, shape (1, dimensions); without columns if there is none."""
    return np.asarray(vectors.mean(axis=0, keepdims=True), dtype=np.float32) if len(vectors) else np.zeros((1, 0), dtype=np.float32)


def _context(values: Sequence[SeenValue], vectors: Mapping[str, Vectors], about: Vectors) -> Vectors:
    """What the values' records are about, less what all are about, as unit rows."""
    rows = np.zeros((len(values), about.shape[1]), dtype=np.float32)
    for row, value in enumerate(values):
        if value.contexts:
            rows[row] = np.mean([vectors[text] for text in sorted(value.contexts)], axis=0)
    rows -= about
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def _operation_words(phrases: Sequence[str], owner: npt.NDArray[np.intp]) -> dict[str, float]:
    """Weight of every operation word: one that recurs within a concept; ``^`` marks a phrase's first word."""
    concepts: dict[str, set[int]] = defaultdict(set)
    within: Counter[tuple[str, int]] = Counter()
    for phrase, concept in zip(phrases, owner.tolist(), strict=True):
        found = words(phrase)
        for word in set(found):
            concepts[word].add(concept)
            within[word, concept] += 1
        for first in found[:1]:
            concepts[f"^{first}"].add(concept)
            within[f"^{first}", concept] += 2
    total = len(set(owner.tolist()))
    return {
        word: float(np.log(1 + total / len(concepts[word]))) for word in sorted({word for (word, _), count in within.items() if count >= 2})
    }


def _signs(word: str) -> Vectors:
    """A direction for a word: ± 1/√dimensions, by a hash of the word."""
    import hashlib

    bits = np.frombuffer(hashlib.shake_128(word.encode()).digest(_LEXICAL_DIMENSIONS // 8), dtype=np.uint8)
    return (np.unpackbits(bits).astype(np.float32) * 2 - 1) / np.float32(_LEXICAL_DIMENSIONS**0.5)


def _softmax(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


def _fitted(known: Vectors, owner: npt.NDArray[np.intp], strength: float) -> LogisticRegression:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early on purpose: sixty steps decide the ranking
        return LogisticRegression(C=strength, max_iter=60, tol=1e-6).fit(known, owner)
