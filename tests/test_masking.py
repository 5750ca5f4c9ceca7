"""Masking of personal data."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wildgraph.masking import luhn, mask, valid_iban

KEY = "abcdefghijklmnopqrstuvwx012345"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail ann.b+c@mail.example.org, now", "mail <EMAIL>, now"),
        ("почта иван@пример.рф", "почта <EMAIL>"),
        ("call +44 20 7946 0958!", "call <PHONE>!"),
        ("(555) 123-4567 or 555-123-4567 or 555.123.4567", "<PHONE> or <PHONE> or <PHONE>"),
        ("8 (495) 123-45-67; 8-800-555-35-35; 89161234567", "<PHONE>; <PHONE>; <PHONE>"),
        ("Tel.: 123456, 0171-1234567", "Tel.: <PHONE>, <PHONE>"),
        ("手机13812345678。", "手机<PHONE>。"),
        ("card 4111 1111 1111 1111.", "card <CARD>."),
        ("IBAN DE89 3704 0044 0532 0130 00 AND GB82WEST12345698765432", "IBAN <IBAN> AND <IBAN>"),
        (f"key sk-{KEY} and ghp_{KEY}", "key <KEY> and <KEY>"),
        ("OPENAI_API_KEY=abcd1234efgh; пароль: Qwerty12345", "OPENAI_API_KEY=<KEY>; пароль: <KEY>"),
        ("Authorization: Bearer abcdefghijk1234567890", "Authorization: Bearer <KEY>"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----\nend", "<KEY>\nend"),
        ("http://joe:secret@host/x", "http://<CREDENTIALS>@host/x"),
        ("ping 10.20.123.115:9092 and 2001:db8::1", "ping <IP>:9092 and <IP>"),
        ("Mr. J Smith-Jones, Frau von der Leyen, Sra. García Márquez", "Mr. <PERSON>, Frau <PERSON>, Sra. <PERSON>"),
        ("г-н Иванов Петр и господин Сидоров", "г-н <PERSON> и господин <PERSON>"),
        ("王先生和李小明女士", "<PERSON>先生和<PERSON>女士"),
        ("김철수 씨가", "김철수 씨가"),
        ("김철수 씨", "<PERSON> 씨"),
        ("<PRESIDIO_ANONYMIZED_PERSON> at PRESIDIO_ANONYMIZED_EMAIL_ADDRESS", "<PERSON> at <EMAIL>"),
        ("NAME_1 met NAME_22", "<PERSON_1> met <PERSON_22>"),
        ("请问NAME_1王先生在吗", "请问<PERSON_1><PERSON>先生在吗"),
        ("NAME_1_ID, FILENAME_1, <NAME_1>", "NAME_1_ID, FILENAME_1, <NAME_1>"),
    ],
)  # fmt: skip
def test_what_is_masked(text: str, masked: str) -> None:
    assert mask(text).text == masked


@pytest.mark.parametrize(
    "text",
    [
        "On 2021-04-28 and 12.03.2020 we paid 1,234,567.89 for 3.14159265358979.",
        "127.0.0.1, 255.255.255.0, version 1.2.3.4.5, 12:30:45, std::vector<int> a::b",
        "4111111111111112 is no card, DE00 3704 0044 0532 0130 00 no account",
        "password: z.string().min(8); token = get_token(request)",
        "Miss you. The doctor said so. Mr. and Mrs. ate.",
        "2021-2022, 1990-2000, ISBN 978-3-16-148410-0",
        "user@localhost and @handle",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert mask(text).text == text
    assert mask(text).counts == {}


def test_counts_by_kind() -> None:
    assert mask("a@b.org, c@d.org, Mr. Smith, <PRESIDIO_ANONYMIZED_PERSON>").counts == {"EMAIL": 2, "PERSON": 1}


def test_check_digits() -> None:
    assert luhn("79927398713")
    assert not luhn("79927398710")
    assert valid_iban("FR14 2004 1010 0505 0001 3M02 606")
    assert not valid_iban("FR14")


pieces = st.sampled_from(
    ["ann@example.org", "+44 20 7946 0958", "555-123-4567", "4111 1111 1111 1111", "GB82WEST12345698765432", f"sk-{KEY}", "password: hunter22", "10.1.2.3",
     "Mr. ", "Smith", "王先生", "김철수 씨", "NAME_1", "<PRESIDIO_ANONYMIZED_PHONE_NUMBER>", "<EMAIL>", "http://a:b@", "тел. ", "123456", "-", " ", "\n", "<", ">", ".", "@"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(pieces | st.text(max_size=4), max_size=14).map("".join))
@example("Mr. NAME_1 Smith@x.org")
@example("NAME_1王先生")
@example("+44 20 7946 0958NAME_1")
@example("PRESIDIO_ANONYMIZED_PRESIDIO_ANONYMIZED_PERSON")
def test_masking_a_masked_text_changes_nothing(text: str) -> None:
    once = mask(text)
    again = mask(once.text)
    assert again.text == once.text
    assert again.counts == {}


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a@",
        "1",
        "1-",
        "(1",
        "1.",
        ":",
        "a:",
        "DE89 ",
        "password=",
        "tel 12345",
        "Mr A ",
        "eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "://a:",
        "+1 ",
        "a.",
        "sk-",
        "王",
    ],
)
def test_hostile_repetition_comes_to_an_end(unit: str) -> None:
    """A pattern that backtracks over the whole text would not come back from 100,000 characters in hours."""
    once = mask(unit * (100_000 // len(unit)))
    assert mask(once.text).text == once.text
