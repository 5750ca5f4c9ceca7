"""Masking of personal data."""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from whole_runs import chat, wildgraph, write_rows

from wildgraph import masking
from wildgraph.errors import UsageError
from wildgraph.maskers import load_masker
from wildgraph.masking import Masked, mask, replaced
from wildgraph.registry import BUILT_IN, registered

KEY = "abcdefghijklmnopqrstuvwx012345"


EXAMPLES = pytest.mark.parametrize(
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
        ("4111 1111 1111 1111 12/27, 3782 822463 10005 01/26", "<CARD> 12/27, <CARD> 01/26"),
        ("1 4111 1111 1111 1111 and 378282246310005-01", "1 <CARD> and <CARD>-01"),
        ("ann@example.com密码, ann@example.org--please, ann@example.org2024_", "<EMAIL>密码, <EMAIL>--please, <EMAIL>2024_"),
        ("ann@exam\u200dple.org", "<EMAIL>"),
        (unicodedata.normalize("NFD", "rené@example.org, Herr Müller, Señor Peñaloza"), "<EMAIL>, Herr <PERSON>, Señor <PERSON>"),
        ("ip:203.0.113.7 addr:2001:db8::dead:beef 192.168.001.010", "ip:<IP> addr:<IP> <IP>"),
        ("from ::ffff:203.0.113.7", "from ::ffff:<IP>"),
        ("Prof. Dr. Müller, Frau Dr. Anna Weber, Professor Sir Ian McKellen", "Prof. Dr. <PERSON>, Frau Dr. <PERSON>, Professor Sir <PERSON>"),
        ("Dr. J. Smith and Mr. J. R. R. Tolkien wrote", "Dr. <PERSON> and Mr. <PERSON> wrote"),
        ("My password is: hunter22; password:\nhunter22", "My password is: <KEY>; password:\n<KEY>"),
        ("password: p4ss! password: http4ever", "password: <KEY> password: <KEY>"),
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
        ("Mr. NAME_1 Smith", "Mr. <PERSON_1> <PERSON>"),
        ("415 555 0143, 06 12 34 56 78, 612 34 56 78, 0049 171 5550129", "<PHONE>, <PHONE>, <PHONE>, <PHONE>"),
        ("+33\u202f6\u00a044\u00a055\u00a066\u00a077 or \u202a+91 98765\u201143210\u202c", "<PHONE> or <PHONE>"),
        ("+९१ ९८७६५ ४३२१० — ４１１１　１１１１　１１１１　１１１１", "<PHONE> — <CARD>"),
        ("ann\u200b@exam\u00adple.org", "<EMAIL>"),
        ("fr14 2004 1010 0505 0001 3m02 606 and then some", "<IBAN> and then some"),
        ("SSN 123-45-6789", "SSN <SSN>"),
        ("00:1B:44:11:3A:B7, 00-1b-44-11-3a-b7, 001b.4411.3ab7", "<MAC>, <MAC>, <MAC>"),
        ("/home/ann/x, file:///Users/ann.b, C:\\Users\\Ann Bell\\x, c:/users/ann/x", "/home/<USER>/x, file:///Users/<USER>, C:\\Users\\<USER>\\x, c:/users/<USER>/x"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOY\n-----END PGP PRIVATE KEY BLOCK-----\nend", "<KEY>\nend"),
        ("NAME_1_ID, FILENAME_1, <NAME_1>", "NAME_1_ID, FILENAME_1, <NAME_1>"),
    ],
)  # fmt: skip


@EXAMPLES
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
        "/home/user/x, C:\\Users\\Public\\x, /users/ann, example.org/home/ann",
        "at 10:20:30:40:50:60 or 10-20-30-40-50-60, 000-12-3456, 1 200 3000",
        "a – b — “c”，１２点",
        "token: 4096, max_token: 16384, token: http://x.y/z1, std::beef::cafe",
        "4111 1111 1111 1112 1111 2222",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert mask(text).text == text
    assert mask(text).counts == {}


@pytest.mark.parametrize(
    ("cut", "before", "after"),
    [
        (0, "", "call <PHONE>, <EMAIL>!"),
        (5, "call ", "<PHONE>, <EMAIL>!"),
        (9, "call <PHONE>", ", <EMAIL>!"),
        (17, "call <PHONE>", ", <EMAIL>!"),
        (18, "call <PHONE>,", " <EMAIL>!"),
        (25, "call <PHONE>, <EMAIL>", "!"),
        (35, "call <PHONE>, <EMAIL>!", ""),
    ],
)
def test_a_cut_is_never_inside_what_was_masked(cut: int, before: str, after: str) -> None:
    masked = mask("call 415-555-0143, ann@example.org!", (cut,))
    (place,) = masked.cuts
    assert (masked.text[:place], masked.text[place:]) == (before, after)


@given(st.text("ab", max_size=30), st.lists(st.integers(0, 30), max_size=6), st.lists(st.integers(0, 30), max_size=4))
def test_cuts_divide_a_changed_text_as_they_divided_it(text: str, places: list[int], cuts: list[int]) -> None:
    bounds = sorted({min(place, len(text)) for place in places})
    found = [(start, end, "<X>") for start, end in zip(bounds[::2], bounds[1::2], strict=False)]
    cuts = [min(cut, len(text)) for cut in cuts]
    changed, moved = replaced(text, found, cuts)
    assert changed.replace("<X>", "") == "".join(
        char for at, char in enumerate(text) if not any(start <= at < end for start, end, _ in found)
    )
    for cut, place in zip(cuts, moved, strict=True):
        inside = [end for start, end, _ in found if start < cut < end]
        assert changed[:place] == replaced(text[: max([cut, *inside])], [one for one in found if one[0] < cut])[0]


def test_counts_by_kind() -> None:
    assert mask("a@b.org, c@d.org, Mr. Smith, <PRESIDIO_ANONYMIZED_PERSON>").counts == {"EMAIL": 2, "PERSON": 1}


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


def searched_by_every_rule(text: str, cuts: tuple[int, ...]) -> Masked:
    """Masked as if no rule could be passed over."""
    plain = tuple(replace(rule, needs=frozenset()) for rule in masking._rules())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(masking, "_rules", lambda: plain)
        return mask(text, cuts)


#: What rules look for that other pieces do not hold, some without their digits or signs.
more_pieces = st.sampled_from(
    ["00:1B:44:11:3A:B7", "ab-cd-ef-ab-cd-ef", "2001:db8::1", "/home/", "C:\\Users\\", "Ann", " Bey", " Hanım", "씨", "先生", "李", "Bearer Abcdefghij-klmnopqrst",
     "secret is Qwert-zuiop", "AKIAABCDEFGHIJKLMNOP", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "٠٦١٢٣٤٥٦٧٨", "９１", "\u00ad", "SSN 123-45-6789", "PRESIDIO_", "NAME_"]
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(pieces | more_pieces | st.text(max_size=4), max_size=10).map("".join), st.lists(st.integers(0, 80), max_size=2).map(tuple))
def test_no_rule_is_passed_over_that_would_have_found_something(text: str, cuts: tuple[int, ...]) -> None:
    assert mask(text, cuts) == searched_by_every_rule(text, cuts)


@EXAMPLES
def test_no_rule_is_passed_over_in_what_is_known_to_be_masked(text: str, masked: str) -> None:
    assert searched_by_every_rule(text, ()).text == masked


def test_in_plain_forms_there_are_no_digits_but_ascii_ones() -> None:
    """Else a rule that needs one of the ten could be passed over wrongly."""
    digits = "".join(char for char in map(chr, range(sys.maxunicode + 1)) if re.match(r"\d", char))
    assert len(digits) > 600
    assert set(masking._plain(digits)) == set("0123456789")


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


# ----------------------------------------------------------------- maskers by name


def test_the_default_masker_is_the_patterns() -> None:
    assert load_masker("patterns") is mask


def test_an_extra_that_is_missing_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    monkeypatch.delitem(sys.modules, "wildgraph.maskers.presidio", raising=False)
    with pytest.raises(
        UsageError, match=r"masker 'presidio' cannot be loaded: .*presidio_analyzer.* — pip install 'wildgraph\[presidio\]'"
    ) as caught:
        load_masker("presidio")
    assert "\n" not in str(caught.value)


def test_a_missing_masker_is_said_before_a_log_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    monkeypatch.delitem(sys.modules, "wildgraph.maskers.presidio", raising=False)
    log = write_rows(tmp_path / "log.jsonl", [chat("Sum up")])
    (tmp_path / "config.yaml").write_text("mine: {masker: presidio}")
    outcome = wildgraph("build", log, "-o", tmp_path / "run", "--config", tmp_path / "config.yaml", "-q")
    assert (outcome.code, "wildgraph[presidio]" in outcome.error) == (2, True)
    assert not (tmp_path / "run").exists()
    (tmp_path / "config.yaml").write_text("mine: {masker: presido}")
    outcome = wildgraph("build", log, "-o", tmp_path / "run", "--config", tmp_path / "config.yaml", "-q")
    assert "no masker is called 'presido' — did you mean 'presidio'?" in outcome.error


def test_what_is_no_masker_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILT_IN["maskers"], "constant", "wildgraph.masking:_MAX_PASSES")
    registered.cache_clear()
    with pytest.raises(UsageError, match="masker 'constant' is no masker"):
        load_masker("constant")
    registered.cache_clear()
