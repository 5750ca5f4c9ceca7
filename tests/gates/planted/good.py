"""Good samples of every paradigm: made of what documents really say, in as many forms as answers come in."""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml
from gates.planted import material
from gates.planted.material import FIGURE, NAME, YEAR, chance, foreign

from wildgraph.gates.texts import PairTexts
from wildgraph.records import Checker, DocumentRef, Evidence, Message, Pair, Provenance, TokenCounts, canonical_json, content_hash
from wildgraph.text import approximate_tokens

WORDINGS = yaml.safe_load((Path(__file__).parent / "wordings.yaml").read_text(encoding="utf-8"))
STEPS = 250  # characters between the evidence of two steps, at least


@dataclass(frozen=True)
class Sample:
    """A pair with the texts of its documents; ``before`` are pairs that were accepted earlier, ``settings`` those of its gates."""

    pair: Pair
    texts: dict
    titles: dict = field(default_factory=dict)
    before: tuple = ()
    settings: dict = field(default_factory=dict)

    def seen(self):
        """The texts as the stage hands them to gates."""
        hashes = {document.id: document.hash for document in self.pair.documents}
        by_hash = {hashes[name]: text for name, text in self.texts.items()}
        return PairTexts(hashes, by_hash.__getitem__, titles={hashes[name]: title for name, title in self.titles.items()}.__getitem__)


class Maker:
    """Wordings of one part, drawn by seed."""

    def __init__(self, seed, *what, shared=None):
        self.seed, self.rng, self.shared = seed, chance(seed, *what), shared

    def word(self, which, language=None, /, **slots):
        listed = WORDINGS[which][language] if language else WORDINGS[which]
        return self.rng.choice(material.half(listed, self.seed) if len(listed) > 3 else listed).format(**slots)

    def source(self, wanted=lambda source: True):
        found = [one for one in material.documents(self.seed, self.shared) if wanted(one)]
        return self.rng.choice(found) if found else None

    def group(self, size, wanted=lambda source: True):
        found = [one for one in material.documents(self.seed, self.shared) if wanted(one)]
        return self.rng.sample(found, size) if len(found) >= size else None


def make(sources, turns, *, paradigm, roles=(), language="English", path=(("task", "task/extract-information"),), **more):
    """A sample from sources and messages."""
    texts = {source.id: source.text for source in sources}
    documents = tuple(
        DocumentRef(id=source.id, hash=source.hash, role=roles[order] if roles else "required", order=order)
        for order, source in enumerate(sources)
    )
    count = {role: sum(approximate_tokens(turn.content) for turn in turns if turn.role == role) for role in ("user", "assistant")}
    pair = Pair(
        id=content_hash(paradigm, [source.hash for source in sources], [turn.content for turn in turns]),
        index=0,
        paradigm=paradigm,
        document_type=sources[0].kind,
        split="train",
        language=language,
        documents=documents,
        turns=tuple(turns),
        path=path,
        provenance=Provenance(prompts={}, engine="planted", decoding={}, seed=0, graph="none"),
        n_tokens=TokenCounts(
            documents=sum(approximate_tokens(text) for text in texts.values()), instruction=count["user"], response=count["assistant"]
        ),
        **more,
    )
    return Sample(pair, texts, {source.id: source.title for source in sources})


def user(text):
    return Message(role="user", content=text)


def assistant(text, evidence=()):
    return Message(role="assistant", content=text, train=True, evidence=tuple(evidence))


def span(source, place):
    return Evidence(document_id=source.id, start=place[0], end=place[1], text=source.text[place[0] : place[1]])


def spread(maker, source, count):
    """Sentences from ``count`` different parts of a document, in text order."""
    places = source.sentences
    step = len(places) / count
    return [places[min(len(places) - 1, int(step * part + maker.rng.random() * step))] for part in range(count)]


def lower(text):
    first = text.split()[0]
    return text if first.isupper() or first[1:2].isupper() or re.match(r"[A-Z][a-z]+ [A-Z]", text) else text[0].lower() + text[1:]


def reworded(maker, text):
    """A sentence as an answer may give it: figures in another form, or as it is."""
    form = maker.rng.randrange(4)
    if form == 0:
        return re.sub(r"(?<=\d),(?=\d{3})", maker.rng.choice(["", "\u00a0", "."]), text)
    if form == 1:
        return re.sub(r"\b(\d{1,3}),(\d)00,000\b", r"\1.\2 million", text)
    return text


def framed(maker, text):
    frame = maker.rng.choice(WORDINGS["frame"])
    said = text if "“" in frame or '"' in frame else reworded(maker, text)
    if ("“" in frame and "”" in said) or ('"' in frame and "“" in said):
        frame = "{said}"
    return frame.format(said=said, lower=lower(said))


def layout(maker, points):
    """Points as prose, bullets, numbers, a table or sections."""
    form = maker.rng.randrange(5)
    if form == 0:
        return " ".join(points)
    if form == 1:
        return "\n".join(f"- {point}" for point in points)
    if form == 2:
        return "\n".join(f"{number}. {point}" for number, point in enumerate(points, 1))
    if form == 3:
        rows = "\n".join(f"| {number} | {point.replace('|', '/')} |" for number, point in enumerate(points, 1))
        return f"| No. | Statement |\n|---|---|\n{rows}"
    heads = ["Key Points", "Further Details", "Background Information", "What Follows", "Main Findings", "Other Remarks"]
    return "\n\n".join(f"**{heads[number % len(heads)]}**\n{point}" for number, point in enumerate(points))


def answered(maker, source, places, heading=True):
    points = [framed(maker, source.said(place)) for place in places]
    slots = {"kind": source.kind, "count": len(points)}
    body = layout(maker, points)
    parts = [maker.word("intro", **slots), body, maker.word("outro", **slots)] if heading else [body]
    return "\n\n".join(part for part in parts if part)


def topic_of(maker, *sources):
    shared = [topic for topic in sources[0].topics if all(topic in other.topics for other in sources[1:])]
    return maker.rng.choice(shared or [topic for source in sources for topic in source.topics] or ["the main subject"])


def single_document(maker):
    source = maker.source()
    places = spread(maker, source, maker.rng.randint(2, 6))
    ask = maker.word("ask", kind=source.kind, title=source.title, topic=topic_of(maker, source))
    return make(
        [source],
        [user(ask), assistant(answered(maker, source, places), [span(source, place) for place in places])],
        paradigm="single_document",
    )


def in_other_language(maker):
    source = maker.rng.choice(material.half(foreign(), maker.seed, lambda one: one.id))
    if maker.rng.random() < 0.2:
        ask, said = WORDINGS["foreign_ask_missing"][source.language], maker.rng.choice(WORDINGS["foreign_decline"][source.language])
        return make([source], [user(ask), assistant(said)], paradigm="unanswerable", language=source.language)
    places = spread(maker, source, maker.rng.randint(3, 5))
    points = [source.said(place) for place in places]
    said = f"{maker.word('foreign_intro', source.language)}\n{layout(maker, points) if source.language != 'Chinese' else ''.join(points)}"
    if maker.rng.random() < 0.5:
        said = f"{maker.word('foreign_intro', source.language)}\n" + "\n".join(f"- {point}" for point in points)
    return make(
        [source],
        [user(maker.word("foreign_ask", source.language)), assistant(said, [span(source, place) for place in places])],
        paradigm="single_document",
        language=source.language,
    )


def over_several(paradigm, kind):
    def build(maker):
        sources = maker.group(maker.rng.randint(2, 3))
        ask = maker.word(kind, titles=" and ".join(f"“{source.title}”" for source in sources), topic=topic_of(maker, *sources))
        parts, evidence = [], []
        for number, source in enumerate(sources, 1):
            places = spread(maker, source, maker.rng.randint(1, 3))
            evidence += [span(source, place) for place in places]
            points = [framed(maker, source.said(place)) for place in places]
            head = maker.rng.choice(
                [
                    f"Document {number}:",
                    f"**{source.title}**",
                    f"### {source.title}",
                    f"[{number}]",
                    f"“{source.title}” says the following.",
                ]
            )
            parts.append(f"{head}\n" + ("\n".join(f"- {point}" for point in points) if maker.rng.random() < 0.5 else " ".join(points)))
        closing = maker.rng.choice(
            [
                "",
                "The documents overlap little: each adds points of its own.",
                f"Both sides matter; all {len(sources)} documents were used.",
                "",
            ]
        )
        return make(sources, [user(ask), assistant("\n\n".join([*parts, closing]).strip(), evidence)], paradigm=paradigm)

    return build


def conflict(maker):
    sources = maker.group(2, lambda source: source.with_pattern(FIGURE))
    places = [maker.rng.choice(source.with_pattern(FIGURE)) for source in sources]
    one, two = (source.said(place) for source, place in zip(sources, places, strict=True))
    said = maker.rng.choice(
        [
            f"Document 1 says: “{one}” Document 2, on the other hand, has this: “{two}” The two statements cannot both be taken as they stand.",
            f"They do not match.\n\n- In the first document: {one}\n- In the second document: {two}",
            f"“{sources[0].title}” holds that {lower(one)} “{sources[1].title}”, however, states something else: {two}",
        ]
    )
    ask = maker.word("ask_conflict", topic=topic_of(maker, *sources))
    return make(
        sources,
        [user(ask), assistant(said, [span(source, place) for source, place in zip(sources, places, strict=True)])],
        paradigm="conflict",
    )


def timeline(maker):
    sources = maker.group(2, lambda source: len(source.with_pattern(YEAR)) >= 2)
    events = [(source, place) for source in sources for place in maker.rng.sample(source.with_pattern(YEAR), 2)]
    events.sort(key=lambda event: YEAR.search(event[0].said(event[1])).group())
    lines = []
    for number, (source, place) in enumerate(events, 1):
        year = YEAR.search(source.said(place)).group()
        lines.append(
            maker.rng.choice(
                [f"{number}. {year}: {source.said(place)}", f"- {year} – {source.said(place)}", f"**{year}** {source.said(place)}"]
            )
        )
    return make(
        sources, [user(maker.word("ask_timeline")), assistant("\n".join(lines), [span(*event) for event in events])], paradigm="timeline"
    )


def choose_document(maker):
    sources = maker.group(maker.rng.randint(3, 5))
    right = maker.rng.randrange(len(sources))
    source = sources[right]
    places = spread(maker, source, maker.rng.randint(1, 3))
    body = answered(maker, source, places, heading=False)
    said = maker.rng.choice(
        [
            f"Document {right + 1} is the one to read.\n\n{body}",
            f"It is “{source.title}”.\n\n{body}",
            f"The answer is in document {right + 1}; the others do not mention it.\n\n{body}",
        ]
    )
    roles = ["required" if order == right else "distractor" for order in range(len(sources))]
    ask = maker.word("ask_choose", topic=topic_of(maker, source))
    return make(sources, [user(ask), assistant(said, [span(source, place) for place in places])], paradigm="choose_document", roles=roles)


def dialogue(maker):
    source = maker.source()
    turns = []
    for number, place in enumerate(spread(maker, source, maker.rng.randint(3, 4))):
        topic = topic_of(maker, source)
        ask = maker.word("ask", kind=source.kind, title=source.title, topic=topic) if not number else maker.word("ask_again", topic=topic)
        said = framed(maker, source.said(place))
        more = (
            maker.rng.choice(["", "That is the second place where it comes up. ", "This goes further than the earlier passage. "])
            if number
            else ""
        )
        turns += [user(ask), assistant(more + said, [span(source, place)])]
    return make([source], turns, paradigm="dialogue")


def verifiable(maker):
    source = maker.source(lambda one: one.with_pattern(FIGURE))
    place = maker.rng.choice(source.with_pattern(FIGURE))
    text = source.said(place)
    found = maker.rng.choice(list(FIGURE.finditer(text)))
    figure = found.group(1)
    blank = f"{text[: found.start(1)]}____{text[found.end(1) :]}"
    while figure in blank:
        blank = blank.replace(figure, "____")
    value = int(figure.replace(",", ""))
    form = maker.rng.randrange(3)
    said = [figure, f"The figure is {figure}.", f"It is {value}, as the text has it: “{text}”" if "“" not in text else f"It is {value}."][
        form
    ]
    checker = (
        Checker(name="exact", args=canonical_json({"answer": figure}))
        if form == 0
        else Checker(name="numeric", args=canonical_json({"answer": value}))
    )
    if form == 2 and (len(re.findall(r"\d+", text)) > 1 or re.search(r"illion|thousand|hundred", text)):
        said = f"It is {value}."
    ask = maker.word("ask_figure", kind=source.kind, blank=blank)
    return make([source], [user(ask), assistant(said, [span(source, place)])], paradigm="verifiable", answer=figure, checkers=(checker,))


def listed(maker):
    """A list that can be checked: the years of some statements, in order."""
    source = maker.source(lambda one: len(one.with_pattern(YEAR)) >= 3)
    if source is None:
        return verifiable(maker)
    places = sorted(maker.rng.sample(source.with_pattern(YEAR), 3))
    years = [YEAR.search(source.said(place)).group() for place in places]
    said = maker.rng.choice(["\n".join(f"- {year}" for year in years), ", ".join(years), json.dumps(years)])
    ask = "Name the first year in each of three statements, in text order: those that begin with " + "; ".join(
        f"“{' '.join(source.said(place).split()[:4])}”" for place in places
    )
    if any(year in ask for year in years):
        return verifiable(maker)
    checker = Checker(name="list", args=canonical_json({"answer": years}))
    return make(
        [source],
        [user(ask), assistant(said, [span(source, place) for place in places])],
        paradigm="verifiable",
        answer=json.dumps(years),
        checkers=(checker,),
    )


def reasoning(maker):
    source = maker.source(lambda one: len(one.with_pattern(FIGURE)) >= 2 and len(one.text) > 3000)
    places = source.with_pattern(FIGURE)
    pairs = [(one, two) for one in places for two in places if two[0] - one[1] > STEPS * 2]
    if not pairs:
        return reasoning(maker)
    one, two = maker.rng.choice(pairs)
    figures = [FIGURE.search(source.said(place)).group(1) for place in (one, two)]
    values = [int(figure.replace(",", "")) for figure in figures]
    what = maker.rng.choice(["difference", "sum"])
    result = abs(values[0] - values[1]) if what == "difference" else sum(values)
    ask = maker.word("ask_steps", what=f"the {what} of the two figures on {topic_of(maker, source)}")
    said = maker.rng.choice(
        [
            "Step 1: {one}\nStep 2: {two}\nStep 3: The {what} of {a} and {b} is {c}.\n\nAnswer: {c}",
            "First, the text says: {one} Later it says: {two} The {what} is therefore {c}.",
            "1. {one}\n2. {two}\n3. Taking {a} and {b} together gives a {what} of {c:,}.",
        ]
    ).format(one=source.said(one), two=source.said(two), what=what, a=figures[0], b=figures[1], c=result)
    return make([source], [user(ask), assistant(said, [span(source, one), span(source, two)])], paradigm="reasoning", answer=str(result))


def unanswerable(maker):
    source = maker.source()
    others = [topic for other in material.documents(maker.seed, maker.shared) if other is not source for topic in other.topics]
    folded = source.text.casefold()
    missing = maker.rng.choice([topic for topic in others if topic.casefold() not in folded])
    place = maker.rng.choice(source.sentences)
    quoted = source.said(place) if "“" not in source.said(place) else ""
    more = maker.word("decline_more", said=quoted) if quoted else ""
    said = f"{maker.word('decline', kind=source.kind, topic=missing)} {more}".strip()
    return make([source], [user(maker.word("ask_missing", kind=source.kind, topic=missing)), assistant(said)], paradigm="unanswerable")


def in_a_form(maker):
    """An instruction with limits that a program can read, kept by the answer."""
    source = maker.source()
    count = maker.rng.randint(2, 5)
    places = spread(maker, source, count)
    points = [source.said(place) for place in places]
    words = len(" ".join(points).split())
    form = maker.rng.randrange(5)
    ask, said, label = [
        (
            f"Give me exactly {count} bullet points on this {source.kind}.",
            "\n".join(f"- {point}" for point in points),
            "output_format/bullet-list",
        ),
        (f"Summarise it in no more than {words + 20} words.", " ".join(points), "output_format/prose"),
        (
            "Give me the main statements as a table.",
            "| no | statement |\n|---|---|\n"
            + "\n".join(f"| {number} | {point.replace('|', '')} |" for number, point in enumerate(points, 1)),
            "output_format/table",
        ),
        ("Return the main statements as JSON, a list of strings.", json.dumps(points, ensure_ascii=False, indent=1), "output_format/json"),
        (
            "Number the main statements, one after the other, at least two points.",
            "\n".join(f"{number}) {point}" for number, point in enumerate(points, 1)),
            "output_format/numbered-list",
        ),
    ][form]
    path = (("task", "task/list-the-key-points"), ("output_format", label))
    return make(
        [source],
        [user(f"{ask} The document is “{source.title}”."), assistant(said, [span(source, place) for place in places])],
        paradigm="single_document",
        path=path,
    )


def with_names(maker):
    """An answer about the people and bodies that a document names, in the answer's own words around the names."""
    source = maker.source(lambda one: one.with_pattern(NAME))
    if source is None:
        return single_document(maker)
    places = sorted(maker.rng.sample(source.with_pattern(NAME), min(3, len(source.with_pattern(NAME)))))
    names = [NAME.search(source.said(place)).group(1).strip() for place in places]
    said = " ".join(f"In one place the text speaks of {name}: {source.said(place)}" for name, place in zip(names, places, strict=True))
    return make(
        [source],
        [
            user(maker.word("ask", kind=source.kind, title=source.title, topic="the people and bodies it names")),
            assistant(said, [span(source, place) for place in places]),
        ],
        paradigm="single_document",
    )


BUILDERS = {
    "single_document": [single_document, in_a_form, with_names, in_other_language],
    "comparison": [over_several("comparison", "ask_several")],
    "aggregation": [over_several("aggregation", "ask_several")],
    "conflict": [conflict],
    "timeline": [timeline],
    "synthesis": [over_several("synthesis", "ask_several")],
    "choose_document": [choose_document],
    "dialogue": [dialogue],
    "verifiable": [verifiable, listed],
    "reasoning": [reasoning],
    "unanswerable": [unanswerable, unanswerable, in_other_language],
}


@cache
def good(seed, each=40, shared=None):
    """``each`` good samples of every paradigm."""
    found = []
    for paradigm, builders in BUILDERS.items():
        for number in range(each):
            sample = builders[number % len(builders)](Maker(seed, paradigm, number, shared=shared))
            found.append(sample)
    return tuple(found)
