"""The contract of every registered embedder: unit rows, equal texts alike, no memory, no crash on odd text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.embedders import Embedder
from wildgraph.registry import load, registered

#: Loaded once: a sentence model takes seconds.
_MADE: dict[str, Embedder] = {}

TEXTS = ["summarize the lease", "sum up the contract", "a whale at sea", "summarize the lease", "", " ", "x", "резюме договора", "合同"]


@pytest.fixture(params=list(registered("embedders")))
def embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "sentence":
        _MADE["sentence"] = request.getfixturevalue("sentence_embedder")
    if request.param not in _MADE:
        _MADE[request.param] = load("embedders", request.param)()  # type: ignore[operator]
    return _MADE[request.param]


def test_it_says_what_it_is(embedder):
    assert isinstance(embedder, Embedder)
    assert embedder.identity
    assert embedder.identity == embedder.identity
    assert embedder.dimension > 1
    assert len({found.identity for found in _MADE.values()}) == len(_MADE)


def test_rows_are_unit_vectors_in_order(embedder):
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[3])
    for place, text in enumerate(TEXTS):
        np.testing.assert_allclose(embedder.embed([text])[0], vectors[place], atol=1e-4)


def test_nothing_in_nothing_out(embedder):
    found = embedder.embed([])
    assert found.shape == (0, embedder.dimension)
    assert found.dtype == np.float32


def test_the_same_call_gives_the_same_bytes(embedder):
    assert embedder.embed(TEXTS).tobytes() == embedder.embed(TEXTS).tobytes()


def test_the_order_of_texts_decides_nothing_but_the_order_of_rows(embedder):
    forwards, backwards = embedder.embed(TEXTS), embedder.embed(TEXTS[::-1])
    np.testing.assert_allclose(backwards[::-1], forwards, atol=1e-5)


def test_likeness_of_words_shows(embedder):
    lease, leases, whale = embedder.embed(["the lease of the flat", "leases of flats", "a whale at sea"])
    assert lease @ leases > lease @ whale + 0.2


def test_what_is_given_is_not_kept(embedder):
    first = embedder.embed(["the lease"])
    kept = first.copy()
    first[:] = 0.0
    np.testing.assert_array_equal(embedder.embed(["the lease"]), kept)


@pytest.mark.parametrize("text", ["\x00\x01", "\u2028", "🙂" * 300, "\ufffd", "x" * 50_000, "word " * 20_000, "a\u0301" * 100, "<pad></s>"])
def test_odd_text_does_no_harm(embedder, text):
    vectors = embedder.embed([text, "plain"])
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in registered("embedders") if name != "sentence"])
@settings(deadline=None, max_examples=50)
@given(texts=st.lists(st.text(max_size=30), max_size=6))
def test_any_texts(name, texts):
    embedder = _MADE.setdefault(name, load("embedders", name)())
    vectors = embedder.embed(texts)
    assert vectors.shape == (len(texts), embedder.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    for left, one in enumerate(texts):
        for right, other in enumerate(texts):
            if one == other:
                np.testing.assert_array_equal(vectors[left], vectors[right])
