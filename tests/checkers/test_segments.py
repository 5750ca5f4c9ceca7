"""Words and sentences against uniseg's own loops, and in time that grows with the length alone."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uniseg.sentencebreak import sentence_break
from uniseg.sentencebreak import sentences as uniseg_sentences
from uniseg.wordbreak import word_break
from uniseg.wordbreak import words as uniseg_words

from wildgraph.checkers.segments import count_sentences, count_words, words

# one character at least of every class that the rules tell apart; emoji, which take a joiner before them, in counts only
WORD_CHARACTERS = "aB1.,:;'\"_ -\n\r\u2028\u0301\u200d\u00adאבア一あไ½*٣é·"
SENTENCE_CHARACTERS = "aB1.?!,;'\"- )(\n\r\u2028\u0301\u200dאア一あ।。\u00ad٣é"

LETTERS = ("ALetter", "Hebrew_Letter", "Numeric", "Katakana")


def is_word(segment):
    # uniseg knows letters of newer versions of Unicode than Python does
    return any(char.isalnum() or word_break(char).value in LETTERS for char in segment)


@settings(max_examples=500, deadline=None)
@given(st.text(WORD_CHARACTERS, max_size=16))
def test_words_are_uniseg_s_segments_with_a_letter_or_digit(text):
    assert words(text) == [segment for segment in uniseg_words(text) if is_word(segment)]


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=12) | st.text(WORD_CHARACTERS + "\U0001f600\U0001f1e6", max_size=16))
def test_words_are_counted_as_uniseg_parts_any_text(text):
    assert count_words(text) == len(words(text)) == sum(map(is_word, uniseg_words(text)))


@settings(max_examples=500, deadline=None)
@given(st.text(SENTENCE_CHARACTERS, max_size=16))
def test_sentences_are_counted_as_uniseg_parts_them(text):
    assert all(sentence_break(char).value != "Other" for char in SENTENCE_CHARACTERS)
    assert count_sentences(text) == sum(any(char.isalnum() for char in segment) for segment in uniseg_sentences(text))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("He paid 3.5 million. (Why?) Nobody knows…", 3),
        ("i.e. lower case goes on. e.g. here", 1),
        ("Dr. Lee came.", 2),
        ("U.S.Army", 1),
        # rule SB8 as the standard has it: any other characters may stand before the lower-case letter
        ("etc. * and so on", 1),
        ("½. ²", 2),
        ("!!! ??? ...", 0),
        ("Title\n\n- item", 2),
    ],
)
def test_sentences_by_the_rules_of_the_standard(text, count):
    assert count_sentences(text) == count


@pytest.mark.parametrize(
    "unit", ["The fox can't jump. ", ". ", ".)", "a.", "a\u0301", "\u0301", "_", "一", "\ud800", ". - ", "'", "\n", "\x00"]
)
def test_a_megabyte_takes_no_longer_than_its_length(unit):
    text = unit * (1_000_000 // len(unit))
    start = time.perf_counter()
    found = words(text)
    assert count_words(text) == len(found)
    assert count_sentences(text) <= len(text)
    # measured: half a second at most; what grows with the square takes an hour
    assert time.perf_counter() - start < 20
