"""Bad samples: good ones with one thing wrong, as models and hostile documents get it wrong."""

import json
import re
import string
from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml
from gates.planted import good as makers
from gates.planted import material
from gates.planted.good import WORDINGS, Maker, Sample, assistant, make, span, spread, topic_of, user
from gates.planted.material import FIGURE, NAME, Source

from wildgraph.gates.injection import planted_instructions
from wildgraph.records import Checker, Message, canonical_json, content_hash

WORDS = yaml.safe_load((Path(__file__).parent / "bad.yaml").read_text(encoding="utf-8"))
ANSWERED = ("single_document", "comparison", "aggregation", "synthesis", "dialogue", "choose_document", "timeline", "reasoning")


def pick(maker, kind):
    return maker.rng.choice(material.half(WORDS[kind] if kind in WORDS else WORDINGS[kind], maker.seed))


def base(maker, *paradigms):
    """A good sample in English, of any paradigm that has an answer unless some are named."""
    while True:
        builders = makers.BUILDERS[maker.rng.choice(paradigms or ANSWERED)]
        sample = maker.rng.choice(builders)(maker)
        if sample.pair.language == "English" and (sample.pair.paradigm in (paradigms or ANSWERED)):
            return sample


def with_turns(sample, turns, **more):
    turns = tuple(turns)
    return replace(
        sample, pair=sample.pair.model_copy(update={"turns": turns, "id": content_hash([turn.content for turn in turns]), **more})
    )


def with_answer(sample, text, evidence=None, **more):
    """The sample with another last answer."""
    last = sample.pair.turns[-1]
    evidence = last.evidence if evidence is None else tuple(evidence)
    return with_turns(sample, [*sample.pair.turns[:-1], last.model_copy(update={"content": text, "evidence": evidence})], **more)


def with_question(sample, text):
    """The sample with another last question."""
    turns = list(sample.pair.turns)
    turns[-2] = turns[-2].model_copy(update={"content": text})
    return with_turns(sample, turns)


def source_of(sample, name=None):
    document = next(one for one in sample.pair.documents if name is None or one.id == name)
    return Source(document.id, sample.pair.document_type, sample.titles[document.id], sample.texts[document.id])


def insert(maker, text, piece):
    """A piece put before, behind or between the lines of a text."""
    lines = text.split("\n")
    place = maker.rng.choice([0, len(lines)])
    if place == 0 and lines[0][:1] in "|-{[0123456789#*":
        place = len(lines)
    return "\n".join([*lines[:place], piece, *lines[place:]])


# --------------------------------------------------------------------------- what is said is not there


def invented_quote(maker):
    sample = base(maker)
    quote = pick(maker, "quotes")
    mark = maker.rng.choice(["It adds: “{}.”", '"{}", it says.', "> {}", "The author writes «{}»."])
    return with_answer(sample, insert(maker, sample.pair.response, mark.format(quote)))


def altered_quote(maker):
    source = maker.source()
    place = maker.rng.choice(
        [one for one in source.sentences if len(source.said(one).split()) >= 12 and not set("“”") & set(source.said(one))]
    )
    words = source.said(place).split()
    where = maker.rng.randrange(2, len(words) - 2)
    word = maker.rng.choice(["never", "seventeen", "purple", "reluctantly", "unanimously", "Tuesday", "not"])
    words[where : where + maker.rng.randint(0, 1)] = [word]
    topic = topic_of(maker, source)
    return make(
        [source],
        [
            user(maker.word("ask", kind=source.kind, title=source.title, topic=topic)),
            assistant(f"The text says: “{' '.join(words)}”", [span(source, place)]),
        ],
        paradigm="single_document",
    )


def evidence_not_there(maker):
    sample = base(maker)
    last = sample.pair.turns[-1]
    spans = list(last.evidence)
    one = spans[-1]
    wrong = maker.rng.choice(
        [
            one.model_copy(update={"start": one.start + 3, "end": one.end + 3}),
            one.model_copy(update={"text": one.text.replace(" the ", " every ", 1) if " the " in one.text else one.text + "!"}),
            one.model_copy(update={"start": 0, "end": 0}),
            one.model_copy(update={"document_id": "another-document"}),
            one.model_copy(update={"text": pick(maker, "quotes"), "start": 0, "end": 0}),
        ]
    )
    return with_answer(sample, last.content, [*spans[:-1], wrong])


def false_number(maker, elsewhere=False):
    """A figure of a statement becomes one that no document has; or one that the document has ``elsewhere``."""
    sample = makers.single_document(maker) if maker.rng.random() < 0.6 else makers.over_several("comparison", "ask_several")(maker)
    text = re.sub(r"“|”|\"", "", sample.pair.response)
    titles, lines = " ".join(sample.titles.values()), [line for line in text.split("\n") if not line.startswith(("#", "**"))]
    spots = [one for line in lines for one in FIGURE.finditer(text, text.index(line), text.index(line) + len(line))]
    spots = [one for one in spots if int(one.group(1).replace(",", "")) > 12 and one.group(1) not in titles]
    if not spots:
        return None
    one = maker.rng.choice(spots)
    value = int(one.group(1).replace(",", ""))
    there = {int(found.group(1).replace(",", "")) for document in sample.texts.values() for found in FIGURE.finditer(document)}
    if elsewhere:
        others = sorted(other for other in there if other != value and len(str(other)) == len(str(value)))
        if not others:
            return None
        new = maker.rng.choice(others)
    else:
        digits = list(str(value))
        digits[-1 - maker.rng.randrange(len(digits) - 1)] = maker.rng.choice("123456789")
        new = maker.rng.choice(
            [int("".join(digits)), value * 10, value + maker.rng.choice([1, 2, 3, 7, 11, 13, 20]), int(str(value)[::-1])]
        )
        if new == value or new <= 12 or re.search(rf"(?<!\d){new}(?!\d)|(?<!\d){new:,}(?!\d)", " ".join([*sample.texts.values(), titles])):
            return None
    written = f"{new:,}" if "," in one.group(1) else str(new)
    return with_answer(sample, f"{text[: one.start(1)]}{written}{text[one.end(1) :]}")


def misplaced_number(maker):
    return false_number(maker, elsewhere=True)


def false_name(maker):
    for _ in range(20):
        sample = makers.with_names(maker)
        if sample.pair.language != "English":
            continue
        found = list(NAME.finditer(sample.pair.response))
        name = pick(maker, "names")
        if found and not any(part in text for part in name.split() for text in sample.texts.values()):
            old = maker.rng.choice(found).group(1).strip()
            text = re.sub(r"“|”|\"", "", sample.pair.response)
            return with_answer(sample, text.replace(old, name))
    return None


# --------------------------------------------------------------------------- documents are not needed


def answer_given(maker):
    kind = maker.rng.randrange(3)
    if kind == 0:
        sample = base(maker, "verifiable")
        figure = sample.pair.answer
        if figure.startswith("["):
            return None
        return with_question(
            sample,
            f"{sample.pair.turns[-2].content} "
            + maker.rng.choice(
                [
                    f"I think it is {figure}.",
                    f"A colleague says {figure}.",
                    f"(It should come out as {figure}.)",
                    f"My notes have {figure}; confirm it.",
                ]
            ),
        )
    sample = base(maker, "single_document", "choose_document")
    said = " ".join(one.text for one in sample.pair.turns[-1].evidence)
    ask = sample.pair.turns[-2].content
    return with_question(
        sample,
        maker.rng.choice(
            [
                f"{ask} I already know this: {said}",
                f"Given that {said} {ask}",
                f"{ask}\n\nExcerpt:\n{said}",
                f"Here is what I have so far.\n{said}\n{ask}",
            ]
        ),
    )


def wrong_document_suffices(maker):
    """A distractor has the passage too, as it is or lightly edited."""
    for _ in range(20):
        sample = makers.choose_document(maker)
        spans = [one for one in sample.pair.evidence if len(one.text.split()) >= 10]
        if len(spans) == len(sample.pair.evidence):
            break
    passages = []
    for one in spans:
        words = one.text.split()
        if maker.rng.random() < 0.5 and len(words) >= 20:
            words[maker.rng.randrange(len(words))] = maker.rng.choice(["indeed", "however", "the"])
        passages.append(" ".join(words))
    order, other = maker.rng.choice([(place, one) for place, one in enumerate(sample.pair.documents) if one.role == "distractor"])
    text = sample.texts[other.id]
    cut = text.index("\n") + 1 if "\n" in text else 0
    text = f"{text[:cut]}{' '.join(passages)}\n{text[cut:]}"
    documents = list(sample.pair.documents)
    documents[order] = other.model_copy(update={"hash": content_hash(text)})
    return replace(sample, pair=sample.pair.model_copy(update={"documents": tuple(documents)}), texts={**sample.texts, other.id: text})


def wrong_document_has_bare_answer(maker):
    """A checkable question whose answer a distractor gives in its own words around it."""
    sample = base(maker, "verifiable")
    if sample.pair.answer.startswith("[") or len(sample.pair.documents) > 1:
        return None
    other = maker.source(lambda one: one.id not in sample.texts)
    line = re.split(r": |\n|\? ", sample.pair.turns[-2].content, maxsplit=1)[-1].replace("____", sample.pair.answer)
    words = line.split()
    maker.rng.shuffle(words)
    changed = Source(other.id, other.kind, other.title, f"{other.text}\n\n{' '.join(words)}.")
    ref = sample.pair.documents[0].model_copy(update={"id": changed.id, "hash": changed.hash, "role": "distractor", "order": 1})
    return replace(
        sample,
        pair=sample.pair.model_copy(update={"documents": (*sample.pair.documents, ref)}),
        texts={**sample.texts, changed.id: changed.text},
        titles={**sample.titles, changed.id: changed.title},
    )


def one_document_suffices(maker):
    paradigm = maker.rng.choice(["comparison", "aggregation", "synthesis"])
    sample = makers.over_several(paradigm, "ask_several")(maker)
    documents, texts = list(sample.pair.documents), dict(sample.texts)
    last = documents[-1]
    spans = [one for one in sample.pair.evidence if one.document_id == last.id]
    if maker.rng.random() < 0.5:
        # The first document quotes what the last one has to give.
        first = documents[0]
        text = texts[first.id] + "\n\n" + " ".join(one.text for one in spans)
        documents[0] = first.model_copy(update={"hash": content_hash(text)})
        return replace(sample, pair=sample.pair.model_copy(update={"documents": tuple(documents)}), texts={**texts, first.id: text})
    # The answer says nothing that the last document says, although it is cited.
    kept = [one for one in sample.pair.evidence if one.document_id != last.id]
    said = " ".join(one.text for one in kept)
    return with_answer(sample, said, [*kept, *spans])


def unused_document(maker):
    sample = makers.over_several("comparison", "ask_several")(maker)
    last = sample.pair.documents[-1].id
    kept = [] if maker.rng.random() < 0.3 else [one for one in sample.pair.evidence if one.document_id != last]
    return with_answer(sample, sample.pair.response, kept)


def close_together(maker):
    source = maker.source()
    if maker.rng.random() < 0.5:
        place = maker.rng.randrange(len(source.sentences) - 1)
        two = source.sentences[place : place + 2]
        if two[1][0] - two[0][1] > 150:
            return None
        said = f"Step 1: {source.said(two[0])}\nStep 2: {source.said(two[1])}\nBoth follow from each other."
        return make(
            [source],
            [
                user(maker.word("ask_steps", what=f"what follows for {topic_of(maker, source)}")),
                assistant(said, [span(source, one) for one in two]),
            ],
            paradigm="reasoning",
        )
    first = maker.rng.randrange(max(1, len(source.sentences) - 3))
    places = source.sentences[first : first + 3]
    if len(places) < 3 or (places[-1][1] - places[0][0]) > 0.12 * len(source.text):
        return None
    turns = []
    for number, place in enumerate(places):
        turns += [
            user(maker.word("ask_again" if number else "ask", kind=source.kind, title=source.title, topic=topic_of(maker, source))),
            assistant(source.said(place), [span(source, place)]),
        ]
    return make([source], turns, paradigm="dialogue")


# --------------------------------------------------------------------------- answers that are none


def refused(maker):
    return with_answer(base(maker), pick(maker, "refuse"), [] if maker.rng.random() < 0.5 else None)


def declined_without_need(maker):
    sample = base(maker, "single_document", "comparison", "aggregation", "choose_document")
    return with_answer(sample, pick(maker, "declined"), [])


def echoed(maker):
    sample = base(maker)
    ask = sample.pair.turns[-2].content
    return with_answer(sample, maker.rng.choice(WORDS["echo_before"]) + ask + maker.rng.choice(WORDS["echo_after"]))


def truncated(maker):
    kind = maker.rng.randrange(4)
    source = maker.source()
    places = spread(maker, source, 4)
    evidence = [span(source, place) for place in places]
    points = [source.said(place) for place in places]
    ask = user(maker.word("ask", kind=source.kind, title=source.title, topic=topic_of(maker, source)))
    if kind == 0:
        words = " ".join(points).split()
        text = " ".join(words[: len(words) - maker.rng.randint(3, 8)])
        if text[-1] in ".!?…”\"')":
            return None
    elif kind == 1:
        text = json.dumps(points, ensure_ascii=False)[: -maker.rng.randint(5, 40)]
    elif kind == 2:
        text = "```python\n" + "\n".join(f"statement_{number} = {point!r}" for number, point in enumerate(points))
    else:
        text = "| no | statement |\n|---|---|\n" + "\n".join(f"| {number} | {point} |" for number, point in enumerate(points))
        text = text[: -maker.rng.randint(8, 30)]
    return make([source], [ask, assistant(text, evidence)], paradigm="single_document")


def wrong_language(maker):
    sample = base(maker)
    other = maker.rng.choice(material.half(material.foreign(), maker.seed, lambda one: one.id))
    places = other.sentences[: maker.rng.randint(3, 6)]
    text = "".join(other.said(place) + ("" if other.language == "Chinese" else " ") for place in places)
    if maker.rng.random() < 0.3:
        return with_question(sample, text)
    return with_answer(sample, text.strip())


def answered_the_unanswerable(maker):
    sample = makers.unanswerable(maker)
    source = source_of(sample)
    place = maker.rng.choice(source.sentences)
    said = source.said(place)
    if re.search(r"\b(?:not|no|nothing|never|cannot|none|fail|lack|left|silent|nowhere|without)\b|n['’]t\b", said):
        return None
    return with_answer(sample, maker.rng.choice([said, f"As for {topic_of(maker, source)}, the text has this: {said}", f"Yes. {said}"]))


def vague_refusal(maker):
    return with_answer(makers.unanswerable(maker), pick(maker, "vague"))


def declined_and_answered(maker):
    sample = makers.unanswerable(maker)
    topic = re.sub(
        r".*(?:regards|part of|particulars of|How is|say on|responsible for|exactly did) | (?:given|dealt|begin|,).*|\?.*",
        "",
        sample.pair.turns[0].content,
    )
    more = maker.rng.choice(material.half(WORDINGS["anyway"], maker.seed)).format(number=maker.rng.choice([12, 45, 1987, 340, 2016]))
    return with_answer(sample, f"{maker.word('decline', kind='document', topic=topic)} {more}")


# --------------------------------------------------------------------------- the instruction is not followed


def broken_limit(maker):
    source = maker.source()
    count = maker.rng.randint(3, 6)
    places = spread(maker, source, count)
    points = [source.said(place) for place in places]
    words = len(" ".join(points).split())
    ask, said = maker.rng.choice(
        [
            (f"Summarise this in at most {words // 2} words.", " ".join(points)),
            (f"Give me no more than {count - 1} bullet points.", "\n".join(f"- {point}" for point in points)),
            (f"Write at least {words * 2} words on it.", " ".join(points)),
            (f"Name exactly {count - 1} points, numbered.", "\n".join(f"{number}. {point}" for number, point in enumerate(points, 1))),
            ("Return it as JSON.", " ".join(points)),
            ("Show it in a table.", "\n".join(f"- {point}" for point in points)),
            ("Put it as a bullet list please.", " ".join(points)),
            ("Answer in one sentence.", " ".join(points)),
            (f"Stay under {max(10, words // 3)} words.", "\n".join(f"{point}" for point in points)),
        ]
    )
    return make(
        [source],
        [user(f"{ask} It is about “{source.title}”."), assistant(said, [span(source, place) for place in places])],
        paradigm="single_document",
    )


def path_ignored(maker):
    source = maker.source()
    places = spread(maker, source, 3)
    label = maker.rng.choice(
        [
            "output_format/table",
            "output_format/json",
            "output_format/csv-or-other-markup",
            "output_format/numbered-list",
            "output_format/poem-or-song",
        ]
    )
    ask = maker.rng.choice(
        [
            f"What is “{source.title}” about?",
            f"What matters most in “{source.title}”?",
            f"Tell me about the {source.kind}.",
            f"Who is affected by what “{source.title}” describes?",
        ]
    )
    if re.search(r"list|number|step|order|column|row|object|key|comma|song|table|verse|rank|first", ask, re.IGNORECASE):
        return None
    said = " ".join(source.said(place) for place in places)
    return make(
        [source],
        [user(ask), assistant(said, [span(source, place) for place in places])],
        paradigm="single_document",
        path=(("task", "task/summarize-the-document"), ("output_format", label)),
    )


def fails_its_check(maker):
    sample = base(maker, "verifiable")
    kind = maker.rng.randrange(4)
    if kind == 0:
        return replace(sample, pair=sample.pair.model_copy(update={"checkers": ()}))
    if kind == 1:
        wrong = maker.rng.choice(
            [Checker(name="no-such-check"), Checker(name="exact", args='{"answer": 1, "x": 2}'), Checker(name="numeric", args="{")]
        )
        return replace(sample, pair=sample.pair.model_copy(update={"checkers": (wrong,)}))
    if sample.pair.answer.startswith("["):
        return None
    value = int(sample.pair.answer.replace(",", "")) + maker.rng.choice([1, 10, 100])
    return replace(
        sample, pair=sample.pair.model_copy(update={"checkers": (Checker(name="numeric", args=canonical_json({"answer": value})),)})
    )


def cites_what_is_not_there(maker):
    sample = base(maker)
    piece = pick(maker, "cite").format(
        n=len(sample.pair.documents) + maker.rng.randint(3, 30),
        title=pick(maker, "titles"),
        name=maker.rng.choice(["korzenko", "lantern", "harbour"]),
    )
    return with_answer(sample, insert(maker, sample.pair.response, piece))


# --------------------------------------------------------------------------- seen before


def near_copy(maker):
    sample = base(maker)
    ask = sample.pair.turns[0].content
    kind = maker.rng.randrange(3)
    if kind == 0 or len(ask.split()) < 12:
        changed = maker.rng.choice([ask, ask.upper(), f"  {ask} "])
        turns = [user(changed), *sample.pair.turns[1:]]
    elif kind == 1:
        turns = [user(maker.rng.choice([f"Please {ask}", f"{ask} Thanks", f"{ask.rstrip('?.')}!"])), *sample.pair.turns[1:]]
    else:
        words = sample.pair.response.split()
        if len(words) < 40:
            return None
        words[maker.rng.randrange(len(words))] = "indeed"
        turns = [
            user("Something quite different, asked in other words by somebody else."),
            *sample.pair.turns[1:-1],
            sample.pair.turns[-1].model_copy(update={"content": " ".join(words)}),
        ]
    return replace(with_turns(sample, turns), before=(sample.pair,))


def in_an_earlier_set(maker):
    sample = base(maker)
    if len(sample.pair.response.split()) < 25:
        return None
    pair = sample.pair
    row = maker.rng.choice(
        [
            {"instruction": pair.turns[0].content, "output": pair.response},
            {"messages": [{"role": turn.role, "content": turn.content} for turn in pair.turns]},
            {"conversations": [{"from": "human" if turn.role == "user" else "gpt", "value": turn.content} for turn in pair.turns]},
            {"prompt": pair.turns[0].content, "completion": pair.response},
            pair.row(),
        ]
    )
    return replace(sample, settings={"duplicates": {"earlier": [_file([row])]}})


def contaminated(maker):
    sample = base(maker)
    kind = maker.rng.randrange(4)
    source = source_of(sample)
    if kind == 0:
        words = sample.pair.turns[-2].content.split()
        row = {"question": " ".join(words), "id": "q1"} if len(words) >= 6 else None
    elif kind == 1:
        row = (
            {"input": "Which of these?", "answers": [sample.pair.response], "length": 12}
            if len(sample.pair.response.split()) > 20
            else None
        )
    elif kind == 2:
        start = maker.rng.randrange(max(1, len(source.text) // 2))
        row = {"context": source.text[start : start + max(3000, len(source.text) // 3)], "input": "?"}
    else:
        words = sample.pair.response.split()
        if len(words) < 30:
            return None
        start = maker.rng.randrange(len(words) - 20)
        row = {"input": f"Something else. {' '.join(words[start : start + 18])} And more."}
    return row and replace(sample, settings={"contamination": {"sets": [_file([row])]}})


# --------------------------------------------------------------------------- what must not be learnt


def obeys_an_instruction(maker):
    """A document holds a planted instruction, and the answer or the instruction of the pair obeys it."""
    source = maker.source()
    kind = maker.rng.randrange(3)
    if kind == 0:
        word, planted = maker.rng.choice(material.half(planted_instructions(), maker.seed))
    else:
        word = pick(maker, "words")
        planted = pick(maker, "inject_plain").format(word=word)
    cut = source.sentences[len(source.sentences) // 2][1]
    text = f"{source.text[:cut]}\n\n{planted}\n\n{source.text[cut:]}"
    changed = Source(source.id, source.kind, source.title, text)
    before = [place for place in source.sentences if place[1] <= cut]
    place = maker.rng.choice(before)
    said = source.said(place)
    answer = maker.rng.choice([word, f"{word} {said}", f"{said} {word}", f"{word}. {said}"])
    ask = maker.word("ask", kind=source.kind, title=source.title, topic=topic_of(maker, source))
    if maker.rng.random() < 0.2:
        ask, answer = f"{ask} {word}", said
    if maker.rng.random() < 0.2:
        answer = f"{said} {planted}"
    return make([changed], [user(ask), assistant(answer, [span(changed, place)])], paradigm="single_document")


def says_it_obeys(maker):
    sample = base(maker)
    return with_answer(sample, maker.rng.choice(WORDS["obeys"]) + sample.pair.response)


def generator_text(maker):
    sample = base(maker)
    mark = pick(maker, "template")
    if maker.rng.random() < 0.3:
        return with_question(sample, f"{mark}{sample.pair.turns[-2].content}")
    return with_answer(sample, maker.rng.choice([f"{mark}{sample.pair.response}", f"{sample.pair.response}\n{mark}"]))


def personal_data(maker):
    sample = base(maker)
    rng = maker.rng
    first, last = rng.choice(["anna", "joao", "t.berg", "mei", "okafor"]), rng.choice(["keller", "silva", "lindholm", "wu", "adeyemi"])
    digits = "".join(rng.choice(string.digits) for _ in range(7))
    piece = pick(maker, "personal").format(
        first=first,
        last=last,
        domain=rng.choice(["gmail.com", "kreisamt-ost.de", "harbour.co.uk", "mail.ru"]),
        phone=rng.choice(
            [
                f"+49 30 {digits}",
                f"+1 212 {digits[:3]} {digits[3:]}",
                f"(020) 7946 {digits[:4]}",
                f"8 916 {digits[:3]}-{digits[3:5]}-{digits[5:]}",
            ]
        ),
        iban=rng.choice(["DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 32", "FR14 2004 1010 0505 0001 3M02 606"]),
        card=rng.choice(
            ["4111 1111 1111 1111", "5500 0055 5555 5559", "3714 496353 98431".replace("3714 496353 98431", "4012 8888 8888 1881")]
        ),
        ssn=f"{rng.randint(100, 665)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}",
        secret=rng.choice(["hunter2x9", "Tr0ub4dor&3", "s3cr3t-Pa55"]),
        ip=rng.choice(["84.23.117.9", "203.119.4.77", "151.101.1.140"]),
        key="sk-" + "".join(rng.choice(string.ascii_letters + string.digits) for _ in range(40)),
    )
    if rng.random() < 0.3:
        return with_question(sample, f"{sample.pair.turns[-2].content} {piece}")
    return with_answer(sample, insert(maker, sample.pair.response, piece))


def toxic(maker):
    sample = base(maker)
    return with_answer(sample, insert(maker, sample.pair.response, pick(maker, "toxic")))


def out_of_length(maker):
    sample = base(maker)
    if maker.rng.random() < 0.5:
        return with_answer(sample, maker.rng.choice(["Yes.", "", "It is.", "See above"]))
    return with_question(sample, maker.rng.choice(["Summarise", "?", "Go on", "word " * 1200]))


@cache
def _folder():
    import tempfile

    return Path(tempfile.mkdtemp(prefix="planted-"))


def _file(rows):
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    file = _folder() / f"{content_hash(text)}.jsonl"
    file.write_text(text, encoding="utf-8")
    return str(file)


#: kind -> how it is made, and the reasons of which one has to be given.
KINDS = {
    "invented quotation": (invented_quote, {"ungrounded"}),
    "altered quotation": (altered_quote, {"ungrounded"}),
    "evidence that is not there": (evidence_not_there, {"ungrounded"}),
    "false figure": (false_number, {"unknown_number"}),
    "figure from elsewhere in the document": (misplaced_number, {"unknown_number"}),
    "false name": (false_name, {"unknown_name"}),
    "answer in the instruction": (answer_given, {"answer_given"}),
    "a distractor has the passage": (wrong_document_suffices, {"wrong_document"}),
    "a distractor has the bare answer": (wrong_document_has_bare_answer, {"wrong_document"}),
    "one document suffices": (one_document_suffices, {"document_not_needed"}),
    "a document without evidence": (unused_document, {"document_unused", "no_evidence"}),
    "evidence close together": (close_together, {"evidence_too_close"}),
    "refused": (refused, {"refusal"}),
    "declined without need": (declined_without_need, {"declined"}),
    "instruction as answer": (echoed, {"instruction_echo"}),
    "truncated": (truncated, {"truncated"}),
    "wrong language": (wrong_language, {"wrong_language"}),
    "unanswerable, answered": (answered_the_unanswerable, {"not_declined"}),
    "unanswerable, vaguely declined": (vague_refusal, {"vague_refusal"}),
    # A figure that no document has is an answer too.
    "unanswerable, declined and answered": (declined_and_answered, {"answered_anyway", "unknown_number"}),
    "broken limit or form": (broken_limit, {"constraint_broken"}),
    "label of the path ignored": (path_ignored, {"path_not_followed"}),
    "fails its own check": (fails_its_check, {"check_failed", "no_checker", "bad_checker"}),
    "cites what is not there": (cites_what_is_not_there, {"no_such_document"}),
    "near-copy": (near_copy, {"near_duplicate", "exact_duplicate"}),
    "in an earlier data set": (in_an_earlier_set, {"near_duplicate"}),
    "contaminated": (contaminated, {"contaminated"}),
    "obeys a planted instruction": (obeys_an_instruction, {"injected"}),
    "says that it obeys": (says_it_obeys, {"injected"}),
    "generator's text": (generator_text, {"template_text"}),
    "personal data": (personal_data, {"personal_data"}),
    "slur or insult": (toxic, {"toxic_text"}),
    "too short or too long": (out_of_length, {"too_short", "instruction_too_long"}),
}

#: Kinds that a program catches in part; no share is promised.
IN_PART = frozenset({"figure from elsewhere in the document"})

#: What only a model can see.
FOR_A_MODEL = (
    "a figure or name of the same document in the wrong place, where the words around it fit",
    "a conclusion that does not follow from passages that are there",
    "a distractor that says the same in other words",
    "a document that adds nothing new to what the others imply",
    "an answer from general knowledge that happens to use the document's words",
    "tone, audience, style and completeness",
    "contempt or threats in plain words",
    "an instruction planted in words that name no instruction",
)


@cache
def bad(seed, kind, count=60, shared=None):
    """``count`` bad samples of a kind."""
    build, _ = KINDS[kind]
    found, number = [], 0
    while len(found) < count:
        number += 1
        assert number < 60 * count, f"{kind} cannot be made of these documents"
        sample = build(Maker(seed, kind, number, shared=shared))
        if sample is not None:
            assert isinstance(sample, Sample)
            found.append(sample)
    return tuple(found)


__all__ = ["FOR_A_MODEL", "IN_PART", "KINDS", "Message", "bad"]
