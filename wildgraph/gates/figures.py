"""Figures in an answer that stand in no document and follow from none."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import product

from wildgraph.gates.numbers import Number, numbers
from wildgraph.gates.reading import Reading
from wildgraph.quotes import plain
from wildgraph.text import sentences

_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,}).*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_ENUMERATOR = re.compile(r"^[ \t>|]*(?:[-*+•#]{1,6}[ \t]+)?(?:\*\*)?\(?\d{1,3}(?:\.\d{1,2})*[.):\]|]", re.MULTILINE)
#: Words of a sentence in which a figure may have been worked out rather than read.
_WORKED_OUT = re.compile(
    r"\b(?:total\w*|sum\w*|combined|together|altogether|overall|differen\w+|average\w*|mean|median|increas\w+|decreas\w+|ris\w+|rose|f[ae]ll\w*"
    r"|grew|grow\w+|drop\w*|declin\w+|more|less|fewer|higher|lower|longer|shorter|times|twice|double\w*|half|halv\w+|ratio|percent\w*|per cent|share"
    r"|count\w*|how many|how much|how long|calculat\w+|comput\w+|remain\w*|left|net|gap|between|years?|months?|weeks?|days?|hours?|minutes?|span\w*"
    r"|insgesamt|zusammen|summe|unterschied|durchschnitt\w*|total\w*|somme|différence|moyenne|suma|diferencia|promedio|сумм\w+|итого|всего|разниц\w+|средн\w+)\b|%|[=+×÷]"
)
_HEDGED = re.compile(
    r"(?:about|around|roughly|nearly|approximately|approx\.?|over|under|almost|some|more than|less than|at least|up to|circa|ca\.?|etwa|rund|fast|über|environ|près de|cerca de|casi"
    r"|около|почти|более|~|≈|>|<)\s*(?:[$€£¥]|US\$|usd|eur)?\s*\Z",
    re.IGNORECASE,
)
_CONTENT = 4
_DRAWN, _DRAWN_FROM, _DRAWN_NEAR = 0.7, 4, 0.6
_NEAR = 400
_PLACES = 200
_DERIVED_FROM = 40


def unknown_figures(
    answer: str, documents: Sequence[Reading], others: Sequence[Reading], evidence: Sequence[str], least: float
) -> Iterator[str]:
    """Figures above ``least`` that are neither read nor worked out nor counted.

    A sentence whose words are nearly all in the evidence repeats it, and so must its figures.

    A figure is read where a document has the number, in whatever form, near words of the figure's own sentence; or where the evidence or
    ``others`` (instruction, titles) have it. It is rounded where a hedge or a scale ('about', 'million') says so. It is worked out where its sentence
    says so in words that the evidence does not have, and two numbers of the evidence, instruction or answer give it as sum, difference, product, quotient or change in per cent, or
    all of the evidence's as sum or mean. Counts of the answer's own items, and numbers of list items, are the answer's.

    Args:
        answer: a text.
        documents: readings of the documents.
        others: readings of what else may be repeated.
        evidence: passages that the answer rests on.
        least: smaller whole numbers are not looked at: they count things, and stand everywhere.

    Example:
        >>> from wildgraph.gates.reading import reading
        >>> text = "The rent is 1,200 euros a month and the deposit is 2,400 euros."
        >>> list(unknown_figures("The rent is €1200, together €3,600; the deposit is 2,500.", [reading(text)], [], [text], 10))
        ['2,500']
    """
    prose = _ENUMERATOR.sub(lambda match: " " * len(match.group()), _FENCED.sub("\n", answer))
    counts, cited = _counts(answer), _Cited(evidence)
    operands: list[float] | None = None
    results: set[float] = set()  # what was worked out may be said again
    for span in sentences(prose):
        sentence = prose[span.start : span.end]
        drawn = cited.gives(sentence)
        for number in numbers(sentence):
            if max(number.values) <= least and all(value == int(value) for value in number.values):
                continue
            if any(number.text in text.sections for text in documents):
                continue
            if any(_has(text, number) for text in (*others, cited.reading)) or not results.isdisjoint(number.values):
                continue
            if (not drawn and not counts.isdisjoint(number.values)) or reads(number, sentence, documents, _DRAWN_NEAR if drawn else 0.0):
                continue
            if _rounded(number, sentence, [cited.reading] if drawn else [*documents, *others]):
                continue
            if cited.adds(sentence, _WORKED_OUT) if drawn else _WORKED_OUT.search(sentence.casefold()):
                if operands is None:
                    operands = _operands(evidence, [text.text for text in others], prose, documents)
                if _worked_out(number, operands):
                    results.update(number.values)
                    continue
            yield number.text


class _Cited:
    """The passages that an answer rests on, together."""

    def __init__(self, evidence: Sequence[str]) -> None:
        self.reading = Reading("\n".join(evidence))

    def gives(self, sentence: str) -> bool:
        """Whether nearly all longer words of a sentence are the passages': then its figures must be theirs too."""
        content = _content(sentence)
        return len(content) >= _DRAWN_FROM and len(content & self.reading.words) >= _DRAWN * len(content)

    def adds(self, sentence: str, words: re.Pattern[str]) -> bool:
        """Whether a sentence has such words that the passages do not have: it says something of its own."""
        had, text = self.reading.words, self.reading.text.casefold()
        return any(
            not had.issuperset(plain(word).split()) if plain(word) else word not in text for word in words.findall(sentence.casefold())
        )


def _has(text: Reading, number: Number) -> bool:
    if number.decade and any(number.values[0] <= value < number.values[0] + 10 for value in text.sorted_numbers):
        return True
    return any(value in text.numbers for value in number.values)


def _counts(answer: str) -> frozenset[float]:
    """What the answer may count of itself: lines, items, words, sentences."""
    lines = [line for line in answer.splitlines() if line.strip()]
    items = sum(bool(_ENUMERATOR.match(line)) or line.lstrip()[:2] in ("- ", "* ", "• ") for line in lines)
    return frozenset(float(count) for count in (len(lines), items, len(plain(answer).split()), len(sentences(answer))))


def _content(sentence: str) -> set[str]:
    return {word for word in plain(sentence).split() if len(word) >= _CONTENT and not word.isdigit()}


def reads(number: Number, sentence: str, documents: Sequence[Reading], share: float) -> bool:
    """Whether a document has the number near words of the sentence; without words to compare, whether it has it at all.

    Args:
        number: of the sentence.
        sentence: where the answer has it.
        documents: where it may stand.
        share: of the sentence's words that a document has, the share that must be near; two at least.
    """
    content = _content(sentence)
    # Whoever repeats '11 million' does not mean the eleven of another line.
    values = [max(number.values)] if share and number.scaled else number.values
    for text in documents:
        if not _has(text, number):
            continue
        shared = {word for word in content if word in text.words}
        if len(shared) < 3 or len(shared) * 4 < len(content):
            return True  # another language, or a table's cell: there is nothing to compare
        places = [place for value in values for place in text.numbers.get(value, ())]
        if (not places and not share) or len(places) > _PLACES:
            return True
        needed = max(2.0, share * len(shared))
        for place in places:
            if len(shared.intersection(plain(text.text[max(0, place - _NEAR) : place + _NEAR]).split())) >= needed:
                return True
    return False


def _rounded(number: Number, sentence: str, texts: Sequence[Reading]) -> bool:
    hedged = bool(_HEDGED.search(sentence[: number.start]))
    largest = max(number.values)
    unit = number.unit
    if not (hedged or len(number.values) > 1 or unit >= 100 or "." in number.text):
        return False
    # Without a hedge only what nobody would call another number.
    tolerance = max(unit / 2, 0.06 * largest if unit > 1 else 0.0) if hedged else min(unit / 2, 0.01 * largest)
    for text in texts:
        values = text.sorted_numbers
        place = bisect_left(values, largest - tolerance)
        while place < len(values) and values[place] <= largest + tolerance:
            if values[place] != largest and _finer(values[place], unit):
                return True
            place += 1
    return False


def _finer(value: float, unit: float) -> bool:
    """Whether a value says more than a number with this unit does: only then is the number its rounding."""
    return abs(value / unit - round(value / unit)) > 1e-9


def _operands(evidence: Sequence[str], others: Sequence[str], answer: str, documents: Sequence[Reading]) -> list[float]:
    found: dict[float, None] = {}
    for text in (*evidence, *others):
        for number in numbers(text):
            found |= dict.fromkeys(number.values)
    for number in numbers(answer):
        if any(_has(text, number) for text in documents):
            found |= dict.fromkeys(number.values)
    return list(found)[:_DERIVED_FROM]


def _worked_out(number: Number, operands: Sequence[float]) -> bool:
    places = len(re.split(r"[.,]", number.text)[-1])

    def meets(value: float) -> bool:
        return any(abs(abs(value) - one) <= (0.5 if one == int(one) else 0.5 * 10.0**-places) for one in number.values)

    if operands and (meets(sum(operands)) or meets(sum(operands) / len(operands))):
        return True
    for left, right in product(operands, repeat=2):
        if meets(left + right) or meets(left - right) or meets(left * right):
            return True
        if right and (meets(left / right) or meets(100 * left / right) or meets(100 * (left - right) / right)):
            return True
    return False
