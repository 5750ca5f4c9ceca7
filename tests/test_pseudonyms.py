import re

from hypothesis import given
from hypothesis import strategies as st

from wildgraph.pseudonyms import key_id, keyed_record, keyed_user

HASHES = (keyed_user, keyed_record)


@given(st.text(), st.binary(max_size=80))
def test_hashes_are_short_stable_and_of_two_families(name, key):
    for hashed in HASHES:
        assert re.fullmatch("[0-9a-f]{16}", hashed(key, name))
        assert hashed(key, name) == hashed(key, name)
    assert keyed_user(key, name) != keyed_record(key, name)


def test_key_and_name_both_matter():
    for hashed in HASHES:
        assert len({hashed(b"a", "x"), hashed(b"a", "y"), hashed(b"b", "x"), hashed(b"b", "y")}) == 4


def test_a_key_is_named_without_being_told():
    key = b"correct horse battery staple"
    assert key_id(key) == key_id(key) != key_id(b"other")
    assert key_id(key) not in {keyed_user(key, ""), keyed_record(key, ""), keyed_user(key, "id")}
