"""Documents of one sample bear names that set them apart."""

from hypothesis import given
from hypothesis import strategies as st

from wildgraph.corpus import of_sample
from wildgraph.records import Document, DocumentRef, content_hash


def store(*titles: str) -> tuple[list[DocumentRef], dict[str, Document]]:
    documents = {
        f"d{at}": Document(id="read-later", hash=content_hash(at), text=f"text {at}", title=title) for at, title in enumerate(titles)
    }
    references = [DocumentRef(id=name, hash=one.hash, order=at) for at, (name, one) in enumerate(documents.items())]
    return references, {one.hash: one for one in documents.values()}


def test_a_title_of_its_own_stays_and_one_that_is_shared_is_numbered():
    references, found = store("Introduction", "Lease", "introduction")
    assert [one.title for one in of_sample(references, found.__getitem__)] == ["Introduction (1)", "Lease", "introduction (2)"]


def test_a_document_without_a_title_bears_the_id_that_the_sample_knows_it_by():
    references, found = store("", "Lease \n of 2019")
    assert [(one.id, one.title) for one in of_sample(references, found.__getitem__)] == [("d0", "d0"), ("d1", "Lease of 2019")]


@given(st.lists(st.sampled_from(["", "A", "a", "B (1)", "d1"]), min_size=1, max_size=6), st.randoms())
def test_names_stay_with_their_documents_in_any_order(titles, random):
    references, found = store(*titles)
    before = {one.id: one.title for one in of_sample(references, found.__getitem__)}
    assert len({title.casefold() for title in before.values()}) == len(titles)
    places = list(range(len(references)))
    random.shuffle(places)
    moved = [one.model_copy(update={"order": place}) for one, place in zip(references, places, strict=True)]
    assert {one.id: one.title for one in of_sample(moved, found.__getitem__)} == before
