"""Check digits: what tells a card or account number from other rows of digits."""

from __future__ import annotations

import re


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others (ISO/IEC 7812-1).

    Example:
        >>> luhn("4111111111111111"), luhn("4111111111111112")
        (True, False)
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def valid_iban(text: str) -> bool:
    """Whether the check digits of an IBAN hold (ISO 13616, remainder 1 modulo 97).

    Example:
        >>> valid_iban("GB82 WEST 1234 5698 7654 32"), valid_iban("GB83 WEST 1234 5698 7654 32")
        (True, False)
    """
    plain = text.replace(" ", "").upper()
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def card_length(text: str) -> int:
    """How many characters of a text of digits, spaces and hyphens are a card's number: perhaps with other numbers behind it, such as when it expires.

    A row of numbers of four digits is none.
    """
    if _card_number(_digits_of(text)):
        return len(text)
    whole = text
    while (cut := max(text.rfind(" "), text.rfind("-"))) > 0:
        text = text[:cut].rstrip(" -")
        digits = _digits_of(text)
        if len(digits) in (15, 16) and _card_number(digits) and _GROUPED.fullmatch(text):
            return 0 if re.match(r"[ -]+\d{4}(?!\d)", whole[len(text) :]) else len(text)
    return 0


#: How cards are written: in one, or as they bear it.
_GROUPED = re.compile(r"\d{15,16}|\d{4}(?:[ -]\d{4}){3}|\d{4}[ -]\d{6}[ -]\d{5}")


def _card_number(digits: str) -> bool:
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and len(set(digits)) > 1 and luhn(digits)


def _digits_of(text: str) -> str:
    return "".join(char for char in text if char in "0123456789")
