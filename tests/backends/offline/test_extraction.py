import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.backends.offline.extraction import GRAPH_SENTENCES, SentenceGraph

SEEDS = Path(__file__).parents[3] / "seed_queries" / "documents.jsonl"
DOCUMENTS = [json.loads(line)["text"] for line in SEEDS.read_text(encoding="utf-8").split("\n") if line]

FERRY = (
    "The Tolvane Ferry carried ninety thousand passengers across the bay last winter. "
    "The board of the Tolvane Ferry approved a budget of two million pounds for repairs. "
    "Repairs to the northern slipway will begin in March and finish before the summer season. "
    "The harbour master warned that the northern slipway floods at every spring tide. "
    "Passengers complained about the long waiting times and the broken ticket machine."
)


def long_text(size, seed=0):
    """Prose of about ``size`` characters in which every sentence is another."""
    draw = random.Random(seed)
    nouns = ["harbour", "council", "engine", "ledger", "garden", "tribunal", "orchard", "turbine", "archive", "vessel"]
    verbs = ["inspected", "repaired", "abandoned", "measured", "described", "purchased", "flooded", "rebuilt"]
    parts, length = [], 0
    while length < size:
        one, two, three = (draw.choice(nouns) for _ in range(3))
        parts.append(f"Captain Maskell {draw.choice(verbs)} the {one} number {draw.randrange(10**6)} beside the {two} of the old {three}.")
        length += len(parts[-1]) + 1
    return " ".join(parts)


def check(graph):
    """What holds for every text."""
    places = [(sentence.start, sentence.end) for sentence in graph.sentences]
    assert places == sorted(set(places))
    for index, sentence in enumerate(graph.sentences):
        assert sentence.index == index
        assert sentence.text == graph.text[sentence.start : sentence.end] != ""
        assert sentence.rank > 0
    assert len(graph.sentences) <= GRAPH_SENTENCES
    assert sum(sentence.rank for sentence in graph.sentences) == pytest.approx(1.0 if graph.sentences else 0.0, abs=1e-3)


@pytest.mark.parametrize("text", ["", " \n\n ", "Hello.", "??!", "a b c", "1 2 3 4 5 6 7 8.", "\x00", "| a | b |\n| - | - |", "x" * 5000])
def test_a_text_that_says_nothing_has_no_sentences(text):
    graph = SentenceGraph(text)
    check(graph)
    assert graph.sentences == []
    assert graph.topics == []
    assert graph.subjects == []
    assert graph.choose(graph.sentences, 3) == []
    assert graph.about("anything at all") == []


def test_one_sentence_is_a_graph_of_one():
    graph = SentenceGraph("The harbour master warned that the northern slipway floods at every spring tide.")
    check(graph)
    assert [sentence.rank for sentence in graph.sentences] == [1.0]
    assert graph.choose(graph.sentences, 5) == graph.sentences


@pytest.mark.parametrize(
    "sentence",
    [
        "Who decided that the northern slipway should be closed for the winter?",  # a question says nothing
        "and the northern slipway was closed for the whole of the winter season.",  # a fragment
        "The northern slipway closed.",  # too short
        'He said "the northern slipway will be closed for the whole winter.',  # half a quotation
        "It was all that they could have done with it, and so they did it.",  # no content
        "The <b>northern</b> slipway was closed for the whole of the winter season.",  # markup
        "The slipway is described at https://example.org in the northern winter season.",
        "The northern slipway 1200 3400 5600 7800 9000 1200 3400 5600 7800 9000 closed winter.",  # mostly digits
        "The northern slipway was closed for the whole of the winter season",  # no end
        " ".join(["northern"] * 70) + ".",  # too long
    ],
)
def test_what_cannot_stand_alone_is_left_out(sentence):
    plain = "Passengers complained about the long waiting times and the broken ticket machine."
    graph = SentenceGraph(f"{plain}\n\n{sentence}\n\n{plain.replace('Passengers', 'Sailors')}")
    assert all("slipway" not in found.text and "did it" not in found.text for found in graph.sentences)
    assert len(graph.sentences) == 2


def test_the_second_half_of_a_wrapped_sentence_is_no_sentence():
    graph = SentenceGraph(
        "1 The northern slipway which the harbour master closed\nPort Tolvane before the winter season began with heavy storms.\n"
    )
    assert all(not sentence.text.startswith("Port") for sentence in graph.sentences)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(FERRY.split(". ")) | st.text(max_size=40), max_size=8).map(". ".join))
def test_every_text_has_sentences_that_stand_in_it(text):
    graph = SentenceGraph(text)
    check(graph)
    for count in (1, 3):
        chosen = graph.choose(graph.sentences, count)
        assert len(chosen) <= count
        assert bool(chosen) == bool(graph.sentences)
        assert [one.index for one in chosen] == sorted({one.index for one in chosen})


@pytest.mark.parametrize("text", DOCUMENTS[::6])
def test_real_documents(text):
    graph = SentenceGraph(text)
    check(graph)
    assert len(graph.sentences) >= 10
    assert graph.topics
    for topic in graph.topics:
        assert len(graph.mentioning(topic)) >= 2, topic
    assert [one.rank for one in SentenceGraph(text).sentences] == [one.rank for one in graph.sentences]


@pytest.mark.parametrize(
    "text",
    [
        long_text(400_000),
        "The harbour flooded. " * 20_000,
        "word " * 80_000,
        "x" * 400_000,
        "- item\n" * 60_000,
        "A. b. " * 66_000,
        "«" * 400_000,
    ],
    ids=["prose", "one sentence again and again", "no stop", "no space", "list", "stops", "quotes"],
)
def test_four_hundred_kilobytes_are_no_trouble(text):
    graph = SentenceGraph(text)
    check(graph)
    assert len(graph.choose(graph.sentences, 5)) <= 5
    assert isinstance(graph.topics, list)


def test_no_part_of_a_long_document_is_invisible():
    # the last tenth speaks of other things than the rest, in rare words
    tail = " ".join(f"Zoologists photographed {n}{n} marmots near quiet alpine meadow {n * 7}." for n in range(300, 900))
    text = f"{long_text(9 * len(tail))} {tail}"
    found = SentenceGraph(text).sentences
    assert len(found) == GRAPH_SENTENCES
    for part in range(10):
        low, high = part * len(text) // 10, (part + 1) * len(text) // 10
        assert sum(low <= one.start < high for one in found) >= 10


def test_the_sentence_that_shares_most_ranks_first():
    texts = [
        "The northern slipway floods whenever the spring tide meets the western gale.",
        "A western gale damaged three wooden boats beside the chapel yesterday.",
        "The spring tide drowned several sheep below the orchard wall.",
        "Engineers surveyed the northern slipway using modern sonar equipment.",
        "Bakers in the upper village sell excellent almond biscuits daily.",
    ]
    ranked = sorted(SentenceGraph(" ".join(texts)).sentences, key=lambda one: -one.rank)
    assert ranked[0].text == texts[0]
    assert ranked[-1].text == texts[-1]


def test_what_is_chosen_is_central_and_diverse():
    again = FERRY.split(". ")[1]
    graph = SentenceGraph(f"{FERRY} {again}. {again}!")
    chosen = graph.choose(graph.sentences, 5)
    assert len(chosen) == 5
    assert sum(one.text.startswith(again) for one in chosen) == 1  # saying it again says nothing new
    assert graph.choose(graph.sentences, 1)[0].rank == max(one.rank for one in graph.sentences)
    assert len(graph.choose(graph.sentences, 99)) == 5


def test_topics_are_what_recurs():
    graph = SentenceGraph(FERRY)
    assert graph.topics[0] == "Tolvane Ferry"
    assert "northern slipway" in graph.topics
    assert "long waiting" not in graph.topics
    assert [one.index for one in graph.mentioning("NORTHERN slipway")] == [2, 3]
    assert [one.index for one in graph.about("northern slipway")] == [2, 3]
    assert [one.index for one in graph.about("the tickets")] == [4]
    assert graph.about("zebra crossing") == []


def test_subjects_are_words_of_three_sentences():
    graph = SentenceGraph(
        FERRY + " The northern slipway closed for passengers in the autumn. Few passengers used the second slipway at night."
    )
    assert {"slipway", "passengers"} <= set(graph.subjects)
    assert "northern" in graph.subjects
    assert "harbour" not in graph.subjects
