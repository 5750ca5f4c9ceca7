import os
import subprocess
import sys

import numpy as np
import pytest

from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.embedders.sentence import SentenceEmbedder
from wildgraph.errors import UsageError


def test_the_bundled_model_knows_meaning(sentence_embedder):
    car, automobile, carpet = sentence_embedder.embed(["repair a car", "fixing automobiles", "a carpet"])
    assert car @ automobile > car @ carpet + 0.2
    assert sentence_embedder.dimension == 384


def test_its_identity_holds_a_hash_of_its_weights_and_needs_no_torch():
    code = (
        "import sys; from wildgraph.embedders.sentence import SentenceEmbedder; print(SentenceEmbedder().identity, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    identity, torch = done.stdout.split()
    assert identity == SentenceEmbedder().identity
    assert identity.startswith("sentence:all-MiniLM-L6-v2@")
    assert len(identity.partition("@")[2]) == 12
    assert torch == "False"


def test_the_batch_size_is_no_part_of_it(sentence_embedder):
    one_by_one = SentenceEmbedder(batch_size=1)
    one_by_one.__dict__["_loaded"] = sentence_embedder._loaded  # the same weights, not read twice
    texts = ["short", "a rather longer text that fills up with padding " * 5, "middle one"]
    np.testing.assert_allclose(one_by_one.embed(texts), sentence_embedder.embed(texts), atol=1e-5)
    assert one_by_one.identity == sentence_embedder.identity


def test_each_distinct_text_is_encoded_once(sentence_embedder, monkeypatch):
    encoded = []
    whole = sentence_embedder._loaded.encode

    def encode(texts, **settings):
        encoded.extend(texts)
        return whole(texts, **settings)

    monkeypatch.setattr(sentence_embedder._loaded, "encode", encode)
    assert sentence_embedder.embed(["b", "a", "b", "b"]).shape == (4, 384)
    assert sorted(encoded) == ["a", "b"]


@pytest.mark.parametrize("what", ["empty", "junk", "missing"])
def test_a_model_that_cannot_be_loaded_is_an_error_of_one_line(tmp_path, what):
    if what != "missing":
        (tmp_path / what).mkdir()
    if what == "junk":
        (tmp_path / "junk" / "config.json").write_text("{")
        (tmp_path / "junk" / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(UsageError, match="cannot load the embedding model") as caught:
        SentenceEmbedder(str(tmp_path / what)).embed(["x"])
    assert "\n" not in str(caught.value)


def test_other_weights_are_another_identity(tmp_path):
    folders = [tmp_path / "a" / "m", tmp_path / "b" / "m", tmp_path / "c" / "m"]
    for folder, weights in zip(folders, (b"1", b"2", b"1"), strict=True):
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(weights)
    first, second, third = (SentenceEmbedder(str(folder)).identity for folder in folders)
    assert first == third != second
    assert first.startswith("sentence:m@")


def test_the_hashed_one_knows_spelling_alone():
    embedder = HashedEmbedder(256)
    near, same, far = embedder.embed(["summarise", "summarize", "sum up"])
    assert near @ same > 0.6 > 0.4 > near @ far
    assert embedder.identity != HashedEmbedder(128).identity
    assert embedder.embed([""])[0, 0] == 1.0


def test_threads_that_wait_for_each_other_sleep():
    code = (
        "import os; from wildgraph.embedders.sentence import SentenceEmbedder; SentenceEmbedder().embed(['a']); "
        "print(os.environ['OMP_WAIT_POLICY'])"
    )
    for given, found in (({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")):
        clean = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**clean, **given})
        assert done.stdout.split() == [found]
