import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from wildgraph.buckets import length_of, normalised, parse_targets, spoken
from wildgraph.config import QuotaConfig


@given(st.integers(1024, 10**9))
def test_lengths_survive_being_spoken(length):
    assert length_of(spoken(length)) == length


@pytest.mark.parametrize("written", ["", "k", "8x", "-8k", "8.5k", "0", "1023", "8k 9k"])
def test_what_is_no_length_is_refused(written):
    with pytest.raises(ValueError, match=r"length|short"):
        length_of(written)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("8k,32k:0.5", "share, or none"),
        ("8k,8192", "named twice"),
        ("8k:x", "not written"),
        ("8k:0,32k:1", "above 0"),
        ("8k:nan", "above 0"),
        ("8k:inf", "above 0"),
        ("wide", "no length"),
    ],
)
def test_targets_that_make_no_sense_are_refused(written, says):
    with pytest.raises(ValueError, match=says):
        parse_targets(written)


def test_shares_add_up_to_one():
    assert parse_targets(" 8k:0.5 , 32K:0.3,128k:0.2,") == {8192: 0.5, 32768: 0.3, 131072: 0.2}
    assert normalised({32768: 3, 8192: 1}) == {8192: 0.25, 32768: 0.75}


def test_a_configuration_writes_lengths_as_people_do():
    assert QuotaConfig(buckets="8k:1,32k:3").buckets == {8192: 0.25, 32768: 0.75}
    assert QuotaConfig(buckets={"4k": 0.25, 8192: 0.5}).buckets == {4096: 0.25, 8192: 0.5}


@pytest.mark.parametrize("buckets", ["8q", {"8k": -1}, {100: 1}, 5, {"8k": 0.7, "4k": 0.7}])
def test_what_is_no_length_or_no_share_is_refused(buckets):
    with pytest.raises(ValidationError):
        QuotaConfig(buckets=buckets)
