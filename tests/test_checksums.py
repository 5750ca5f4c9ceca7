"""Check digits."""

from wildgraph.checksums import luhn, valid_iban


def test_check_digits() -> None:
    assert luhn("79927398713")
    assert not luhn("79927398710")
    assert valid_iban("FR14 2004 1010 0505 0001 3M02 606")
    assert not valid_iban("FR14")
