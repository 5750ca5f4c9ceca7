import time
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from wildgraph.composing import composed


@given(st.text(st.characters(codec=None)))
def test_it_is_nfkc(text):
    assert composed(text) == unicodedata.normalize("NFKC", text)


def test_many_marks_in_a_row_are_parted_and_nothing_is_lost():
    marks = "a" + "\u0301\u0316" * 100_000
    start = time.perf_counter()
    form = composed(marks)
    # ordering them at once takes the square of their number: minutes
    assert time.perf_counter() - start < 10
    assert form.count("\u0316") == 100_000
    assert composed("a" + "\u0316" * 29 + "b") == "a" + "\u0316" * 29 + "b"
