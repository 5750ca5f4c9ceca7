import math

import numpy as np
import pytest
from made_graphs import catalogue
from pydantic import ValidationError

from wildgraph.catalogue import empty_prior, load_prior, parse_prior
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.records import Concept, Document, content_hash
from wildgraph.stages.classify import ClassifyConfig, TypeClassifier, coverage, uncovered

PRIOR = parse_prior(
    (
        """
version: 1
fields:
  document_type:
    - name: legal document
      concepts:
        - {name: contract, like: [lease, non-disclosure agreement]}
    - name: novel
  task: [{name: summarize}]
""",
        "test",
    )
)
EMBEDDER = HashedEmbedder()


def document(declared="", text="x"):
    return Document(id=content_hash(text, declared), hash=content_hash(text), text=text, declared_type=declared)


def typed(*documents, prior=PRIOR, concepts=None, embedder=EMBEDDER, vectors=None, **settings):
    classifier = TypeClassifier(prior, concepts or {}, embedder, ClassifyConfig(**settings))
    return classifier.assign(documents, embedder.embed([one.text for one in documents]) if vectors is None else vectors)


@pytest.mark.parametrize("declared", [-0.1, 1.1])
def test_settings_out_of_range_are_refused(declared):
    with pytest.raises(ValidationError):
        ClassifyConfig(declared=declared)


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        ("contract", "document_type/contract"),
        ("Contract", "document_type/contract"),
        ("LEASE", "document_type/contract"),
        ("legal_document", "document_type/legal-document"),
        ("Legal-Document", "document_type/legal-document"),
        ("non-disclosure agreement", "document_type/contract"),
        ("Non_Disclosure_Agreement", "document_type/contract"),
        ("novel ", "document_type/novel"),
    ],
)
def test_the_corpus_own_word_is_believed_where_it_is_known(declared, kind):
    assert typed(document(declared, "the novel of the contract")) == [kind]
    assert typed(document(declared, "the novel of the contract"), declared=1.0) == [kind]


def test_a_like_word_is_believed_and_an_unlike_one_is_not():
    like, unlike = document("contracts", "novel"), document("zzzz", "novel")
    assert typed(like, unlike) == ["document_type/contract", "document_type/novel"]
    assert typed(like, unlike, declared=1.0) == ["document_type/novel", "document_type/novel"]


def test_without_a_word_the_text_decides():
    assert typed(document(text="this contract, the lease"), document(text="a novel, novels")) == [
        "document_type/contract",
        "document_type/novel",
    ]


def test_the_words_of_induced_types_join_in():
    concept = Concept(id="document_type/recipe", field="document_type", name="recipe")
    other = Concept(id="task/cook", field="task", name="cook")
    concepts = {one.id: one for one in (concept, other)}
    assert typed(document("recipe"), document("cook", "novel"), concepts=concepts) == ["document_type/recipe", "document_type/novel"]


def test_without_any_type_every_document_is_a_document():
    assert typed(document("lease"), document(), prior=empty_prior()) == ["document_type/document"] * 2
    assert typed() == []
    assert typed(prior=empty_prior()) == []


def test_the_threshold_is_kept_to():
    class Planar:
        identity, dimension = "planar", 2

        def embed(self, texts):
            degrees = {"legal document": 90, "contract": 0, "lease": 0, "non-disclosure agreement": 0, "novel": 180, "word": 61}
            angles = [math.radians(degrees.get(text, 0)) for text in texts]
            return np.array([[math.cos(one), math.sin(one)] for one in angles], np.float32).reshape(len(texts), 2)

    said = document("word")  # 29° from 'legal document': cos 0.875
    novel = np.array([[-1.0, 0.0]], np.float32)
    assert typed(said, embedder=Planar(), vectors=novel, declared=0.87) == ["document_type/legal-document"]
    assert typed(said, embedder=Planar(), vectors=novel, declared=0.88) == ["document_type/novel"]


def test_real_documents_get_sensible_types(sentence_embedder):
    texts = {
        "contract": "This agreement is made between the landlord and the tenant. The tenant shall pay the rent on the first of each month.",
        "patent": "What is claimed is: 1. A valve comprising a housing and a spring, characterised in that the invention of claim 1 is sealed.",
        "meeting-transcript": "Minutes of the board meeting. Present: the chair, the treasurer. The motion was carried by four votes.",
    }
    documents = [document(text=text) for text in texts.values()]
    found = typed(*documents, prior=load_prior(), embedder=sentence_embedder)
    assert found == [f"document_type/{kind}" for kind in texts]


# ----------------------------------------------------------------- which graph takes which documents


def test_a_document_goes_to_the_nearest_ancestor_with_a_graph():
    types = ["document_type/contract", "document_type/verdict", "document_type/legal", "document_type/novel", "document_type/unheard-of"]
    anything = "document_type/document"
    covered = coverage(["document_type/contract", "document_type/legal", anything], types, catalogue(), anything)
    assert covered == {
        "document_type/contract": {"document_type/contract"},
        "document_type/legal": {"document_type/verdict", "document_type/legal"},
        anything: {"document_type/novel", "document_type/unheard-of"},
    }
    assert uncovered(covered) == []


def test_graphs_without_documents_are_named():
    covered = coverage(["document_type/novel", "document_type/contract"], ["document_type/verdict"], catalogue(), "document_type/document")
    assert covered == {"document_type/novel": frozenset(), "document_type/contract": frozenset()}
    assert uncovered(covered) == ["document_type/contract", "document_type/novel"]


def test_known_phrases_are_embedded_once_and_a_word_once_a_batch():
    asked = []

    class Counting(HashedEmbedder):
        def embed(self, texts):
            asked.append(list(texts))
            return super().embed(texts)

    classifier = TypeClassifier(PRIOR, {}, Counting(), ClassifyConfig())
    documents = [Document(id=str(one), hash=str(one), text="x", declared_type="unheard of word") for one in range(5)]
    vectors = HashedEmbedder().embed(["x"] * 5)
    first = classifier.assign(documents, vectors)
    assert classifier.assign(documents, vectors) == first
    assert sorted(map(len, asked))[:2] == [1, 1]
    assert len(asked) == 3
