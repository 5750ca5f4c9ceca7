"""Whether preference pairs can be told apart without reading them: by length alone, or by style alone.

What such a classifier finds is what preference optimisation learns first (Singhal et al. 2023, arXiv 2310.03716, for length).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from wildgraph.intervals import wilson

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Matrix: TypeAlias = npt.NDArray[np.float64]

#: Fewer pairs say nothing. [ours]
LEAST = 20
_FOLDS = 5
_WORD = re.compile(r"\w+")
_STYLE: tuple[Callable[[str], float], ...] = (
    lambda text: _share(text, r"^\s*[-*•]\s"),
    lambda text: _share(text, r"^\s*\d+[.)]\s"),
    lambda text: _share(text, r"^#{1,6}\s"),
    lambda text: _share(text, r"^\s*\|"),
    lambda text: text.count("**") / len(text),
    lambda text: text.count("`") / len(text),
    lambda text: text.count("\n") / len(text),
    lambda text: text.count("\n\n") / len(text),
    lambda text: sum(char.isdigit() for char in text) / len(text),
    lambda text: sum(char.isupper() for char in text) / len(text),
    lambda text: text.count(",") / len(text),
    lambda text: (text.count('"') + text.count("“") + text.count("”")) / len(text),
    lambda text: (text.count("(") + text.count("[")) / len(text),
    lambda text: (text.count("?") + text.count("!")) / len(text),
    lambda text: text.count(":") / len(text),
    lambda text: (text.count(" I ") + text.count("I'")) / len(text),
    lambda text: float(text.rstrip()[-1:] in ".!?。！？"),
    lambda text: _mean([len(word) for word in _WORD.findall(text)]),
    lambda text: _mean([len(_WORD.findall(part)) for part in re.split(r"[.!?。！？]+", text) if part.strip()]),
)


class Told(NamedTuple):
    """How often a classifier tells the chosen answer from the rejected one: the share, and its Wilson interval."""

    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Shortcuts:
    """What can be told of pairs without reading them; ``None`` where there are too few to say."""

    pairs: int
    length: Told | None
    style: Told | None


class PreferenceFeatures:
    """Collects what the two classifiers look at, in a few numbers for each pair."""

    def __init__(self) -> None:
        self._groups: dict[str, int] = {}
        self._group = array("q")
        self._length = array("d")
        self._style = array("d")

    def add(self, group: str, chosen: str, rejected: str) -> None:
        """Take in a pair; pairs of one group are judged by a classifier that saw none of them."""
        import math

        self._group.append(self._groups.setdefault(group, len(self._groups)))
        self._length.append(math.log((1 + len(chosen)) / (1 + len(rejected))))
        self._style.extend(measure(chosen or " ") - measure(rejected or " ") for measure in _STYLE)

    def told(self) -> Shortcuts:
        """Cross-validated accuracy of both: logistic regression on differences, fitted on four fifths of the groups, tried on the rest."""
        import numpy as np

        count = len(self._group)
        if count < LEAST or len(self._groups) < LEAST:
            return Shortcuts(count, None, None)
        groups = np.frombuffer(self._group, dtype=np.int64)
        length = np.frombuffer(self._length, dtype=np.float64).reshape(count, 1)
        style = np.frombuffer(self._style, dtype=np.float64).reshape(count, len(_STYLE))
        return Shortcuts(count, _told(length, groups), _told(style, groups, without=length))


def _told(differences: Matrix, groups: npt.NDArray[np.int64], without: Matrix | None = None) -> Told:
    """Cross-validated accuracy.

    Args:
        differences: chosen minus rejected, shape (pairs, features).
        groups: shape (pairs,).
        without: what the features are freed of first, shape (pairs, 1): a rate of what occurs once is the length in disguise.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    right = 0.0
    for train, held in GroupKFold(_FOLDS).split(differences, groups=groups):
        features = differences
        if without is not None and (known := without[train]).any():
            features = differences - without @ ((known.T @ differences[train]) / (known.T @ known))
        scale = np.sqrt((features[train] ** 2).mean(axis=0))
        scale[scale == 0] = 1.0
        # Every pair both ways round, without an intercept: that the chosen answer is named first says nothing.
        seen = features[train] / scale
        model = LogisticRegression(fit_intercept=False, max_iter=1000)
        model.fit(np.concatenate([seen, -seen]), np.repeat([1, 0], len(seen)))
        # Rounded, so that a tie that arithmetic barely breaks counts as the coin flip it is.
        scores = ((features[held] / scale) @ model.coef_[0]).round(9)
        right += float((scores > 0).sum() + 0.5 * (scores == 0).sum())
    low, high = wilson(round(right), len(differences))
    return Told(right / len(differences), low, high)


def _share(text: str, pattern: str) -> float:
    """Share of lines that begin with a pattern."""
    lines = text.splitlines() or [""]
    return sum(bool(re.match(pattern, line)) for line in lines) / len(lines)


def _mean(numbers: list[int]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0
