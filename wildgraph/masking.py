"""Personal data is masked before any text goes into a prompt.

Patterns by default: what has a form (addresses, numbers, keys, account names in paths) and names behind a title. Names in running text are
not found by them; ``mine.masker: presidio`` finds many. All patterns are bounded, so that time is linear in the text's length.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import yaml

from wildgraph.checksums import card_length, valid_iban


@dataclass(frozen=True)
class Masked:
    """A masked text.

    Attributes:
        text: the text with ``<EMAIL>``, ``<PHONE>`` … in the place of what was found.
        counts: kind -> how many were found.
        cuts: where the places that were asked for are now. One inside what was masked is behind its mark.
    """

    text: str
    counts: Mapping[str, int] = field(default_factory=dict)
    cuts: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Rule:
    """A pattern whose group ``it`` (else the whole match) is masked, when a check finds that it is what it seems.

    Attributes:
        holds: how many of its characters are, from the first; 0 for none.
        needs: characters of which whatever is masked by the rule, or stands beside it, has at least one: a text without them is not searched.
            Empty where there are no such.
    """

    kind: str
    pattern: re.Pattern[str]
    holds: Callable[[str], int] = len
    needs: frozenset[str] = frozenset()


#: Masking one thing can lay another bare; real texts are stable after two passes.
_MAX_PASSES = 8

# --------------------------------------------------------------------------- characters

#: What shows nothing and can stand inside a number that was copied from a page: soft hyphens, zero-width and direction characters.
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
    # Joiners make letters of some scripts and signs of several people; inside an address or number they make nothing.
    "|(?<=[A-Za-z0-9.@_-])[\u200c\u200d]+(?=[A-Za-z0-9.@_-])"
)
#: Letters written as a base and marks, as some systems store them: a pattern would see two characters, of which the second is no letter.
_DECOMPOSED = re.compile("[^\\W\\d_][\u0300-\u036f\u3099\u309a]+")


@cache
def _plain_forms() -> tuple[re.Pattern[str], Mapping[str, str]]:
    """Digits, spaces, dashes and ASCII signs of other kinds as the patterns know them, one character for one."""
    digits = {char: str(unicodedata.decimal(char)) for char in map(chr, range(0x660, 0x1FC00)) if char.isdecimal()}
    wide = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    spaces = dict.fromkeys("\u00a0\u202f\u205f\u3000", " ") | dict.fromkeys(map(chr, range(0x2000, 0x200B)), " ")
    forms = {**wide, **digits, **spaces, **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")}
    return re.compile(f"[{''.join(map(re.escape, sorted(forms)))}]"), forms


def _plain(text: str) -> str:
    if text.isascii():
        return text
    odd, forms = _plain_forms()
    return odd.sub(lambda match: forms[match.group()], text)


# --------------------------------------------------------------------------- checks


def _digits(text: str) -> str:
    return "".join(char for char in text if char in "0123456789")


def _iban(text: str) -> int:
    """An account number, perhaps with words behind it."""
    while text:
        if valid_iban(text):
            return len(text)
        text = text.rpartition(" ")[0]
    return 0


def _account(text: str) -> int:
    """A folder below ``/home`` or ``Users`` that is somebody's."""
    return (
        0
        if text.casefold() in {"user", "users", "username", "public", "shared", "default", "all users", "you", "me", "name"}
        else len(text)
    )


def _address(text: str) -> int:
    """An IP address that could be somebody's: not loopback, unspecified or a netmask."""
    colons = text.count(":")
    if (0 < colons < 3 and not re.search(r"[0-9A-Fa-f]{3}", text)) or not any(char.isdigit() for char in text):
        return 0  # a::b is C++, 12:30:45 a time
    try:
        # Some programs pad the parts with zeros, which here would mean octal.
        address = ipaddress.ip_address(text if colons else ".".join(part.lstrip("0") or "0" for part in text.split(".")))
    except ValueError:
        return 0
    return 0 if address.is_loopback or address.is_unspecified or text.startswith("255.") else len(text)


def _hardware(text: str) -> int:
    """A hardware address, not a time, a date or a number in groups."""
    return len(text) if len(set(text)) > 2 and any(char.isalpha() for char in text) else 0


_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ]\d\d?[-./ ]\d\d?(?!\d)|\d\d?[-./ ]\d\d?[-./ ](?:19|20)\d\d(?!\d)|(?:19|20)\d\d ?[-–] ?(?:19|20)\d\d(?!\d)"
)


def _international(text: str) -> int:
    return len(text) if 8 <= len(_digits(text)) <= 15 else 0


def _national(text: str) -> int:
    while len(_digits(text)) > 11 and " " in text:  # a number of something else behind it
        text = text.rpartition(" ")[0]
    return len(text) if 9 <= len(_digits(text)) <= 11 and not _DATE.match(text) else 0


def _abroad(text: str) -> int:
    return len(text) if 10 <= len(_digits(text)) <= 17 else 0


def _secret(text: str) -> int:
    """A value that is neither a word nor code: it has a digit, or mixes cases and marks."""
    if text.startswith(("$", "process.", "os.", "env.", "self.", "this.", "config.", "http:", "https:")):
        return 0
    if len(text) < 6 and text.isalnum():
        return 0
    mixed = text.lower() != text != text.upper() and any(not char.isalnum() and char not in "._" for char in text)
    return len(text) if mixed or any(char.isdigit() for char in text) else 0


# --------------------------------------------------------------------------- patterns


#: What ``\\d`` finds in plain forms.
_DIGIT = frozenset("0123456789")


def _either(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


@cache
def _rules() -> tuple[_Rule, ...]:
    """The rules in the order in which they are tried."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    words = yaml.load(files("wildgraph").joinpath("masking.yaml").read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe loader
    titles = _either([title for names in words["titles"].values() for title in names])
    name = r"[^\W\d_a-zа-яёß][^\W\d_]{0,29}(?:[-’'][^\W\d_]{1,29})?"
    capitalised = rf"(?:(?:von|van|de|der|den|du|di|da|la|le|bin|ibn|al)[ ]){{0,2}}(?=[^\W\d_]){name}"
    surnames = words["chinese_surnames"]
    after = words["suffix_titles"]
    phone_words, secret_words = _either(words["phone_words"]), _either(words["secret_words"])
    word_start, word_end = r"(?<![\w.@/-])", r"(?![\w@])"
    return (
        _Rule(
            "KEY",
            re.compile(
                r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
                r"(?:(?:[A-Za-z0-9+/=\s:,.\\]|-(?!----)){0,20000}-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|(?:\s{1,4}[A-Za-z0-9+/=]{16,100}){0,300})"
            ),
            needs=frozenset("-"),
        ),
        _Rule("CREDENTIALS", re.compile(r"(?<=://)(?P<it>[^\s/:@<>\"']{1,128}:[^\s/@<>\"']{1,128})(?=@)"), needs=frozenset("@")),
        _Rule(
            "EMAIL",
            re.compile(
                r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}(?:[A-Za-z]{2,24}(?![A-Za-z])|[^\W\d_]{2,24}(?![\w-]))"
            ),
            needs=frozenset("@"),
        ),
        _Rule(
            "KEY",
            re.compile(
                r"(?<![A-Za-z0-9])(?:sk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{20,200}|(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,100}"
                r"|gh[pousr]_[A-Za-z0-9]{30,100}|github_pat_[A-Za-z0-9_]{30,100}|glpat-[A-Za-z0-9_-]{20,60}|npm_[A-Za-z0-9]{30,60}"
                r"|hf_[A-Za-z0-9]{30,60}|xox[abprs]-[A-Za-z0-9-]{10,100}|A[KS]IA[0-9A-Z]{16}|AIza[A-Za-z0-9_-]{35}"
                r"|SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}|\d{8,10}:AA[A-Za-z0-9_-]{33}"
                r"|eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{5,4000}\.[A-Za-z0-9_-]{5,1000})(?![A-Za-z0-9])"
            ),
        ),
        _Rule("KEY", re.compile(r"(?i:\bbearer)[ ]{1,3}(?P<it>[A-Za-z0-9._~+/-]{16,2000}={0,2})"), _secret),
        _Rule(
            "KEY",
            re.compile(
                rf"(?i:(?<![^\W_])(?:{secret_words}))[\"']?[ ]{{0,3}}(?:[:=：]\n?|=>|is:?|:=)[ ]{{0,3}}[\"'`]?(?P<it>[^\s\"'`,;<>(){{}}\[\]]{{5,200}})"
            ),
            _secret,
        ),
        _Rule(
            "IBAN", re.compile(r"(?i:(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?(?![A-Z0-9]))"), _iban, _DIGIT
        ),
        _Rule("CARD", re.compile(r"(?<![\d.,-])(?<!\d{4} )\d(?:[ -]?\d){12,18}(?![\d-]|[.,]\d)"), card_length, _DIGIT),
        _Rule(
            "MAC",
            re.compile(
                r"(?i:(?<![\w:.-])(?:[0-9A-F]{2}([:-])(?:[0-9A-F]{2}\1){4}[0-9A-F]{2}|[0-9A-F]{4}\.[0-9A-F]{4}\.[0-9A-F]{4})(?![\w:.-]))"
            ),
            _hardware,
            frozenset(":-."),
        ),
        _Rule("IP", re.compile(r"(?<![\w.])(?<![\d:]:)\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d|:\w*:)"), _address, _DIGIT),
        _Rule(
            "IP",
            re.compile(r"(?<![\w.])(?<![0-9A-Fa-f:]:)[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){1,6}:\d{1,3}(?:\.\d{1,3}){3}(?![\w:.])"),
            _address,
            frozenset(":"),
        ),
        _Rule(
            "IP", re.compile(r"(?<![\w.])(?<![0-9A-Fa-f:]:)[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])"), _address, frozenset(":")
        ),
        _Rule(
            "PHONE",
            re.compile(
                rf"(?i:(?<!\w)(?:{phone_words}))[ .:№#：-]{{0,4}}(?P<it>\+?\d{{6,15}}(?!\d)|\(?\+?\d{{1,5}}(?:[ ().-]{{1,2}}\d{{1,5}}){{1,6}}(?!\d))"
            ),
            needs=_DIGIT,
        ),
        _Rule("PHONE", re.compile(r"(?<![\w+])\+\(?\d(?:[ ().-]{0,3}\d){7,14}(?!\d)"), _international, _DIGIT),
        _Rule("SSN", re.compile(r"(?<![\w.,+-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-]|[.,]\d)"), needs=_DIGIT),
        _Rule("PHONE", re.compile(rf"{word_start}(?<!\d[ ])00[1-9](?:[ ()./-]{{0,3}}\d){{7,14}}(?!\d)"), _abroad, _DIGIT),
        _Rule(
            "PHONE",
            re.compile(
                rf"{word_start}(?<!\d[ ])(?:[2-9]\d\d[ ][2-9]\d\d[ ]\d{{4}}|0[1-9](?:([ .-])\d\d)(?:\1\d\d){{3}}|[6-9]\d\d(?:[ ]\d\d){{3}}){word_end}(?!\d|[ .,-]\d)"
            ),
            needs=_DIGIT,
        ),
        _Rule(
            "PHONE",
            re.compile(
                rf"{word_start}(?:[178][ .-]?)?(?:\(\d{{2,5}}\)[ .-]?\d{{2,4}}(?:[ .-]?\d{{2,4}}){{1,2}}"
                rf"|\d{{3}}([.-])\d{{3}}\1\d{{4}}|8[ -]?\d{{3}}[ -]\d{{3}}[ -]\d{{2}}[ -]\d{{2}}|0\d{{1,4}}([ /-])\d{{3,8}}(?:[ -]\d{{2,4}}){{0,2}}){word_end}(?!\d|[.,]\d)"
            ),
            _national,
            _DIGIT,
        ),
        _Rule("PHONE", re.compile(r"(?<![\w.,/=+-])(?:1[3-9]\d{9}|[78]9\d{9})(?![\w/=]|[.,]\d)"), needs=_DIGIT),
        _Rule(
            "PERSON",
            re.compile(
                rf"(?<![\w<])(?:(?:{titles})(?:\.[ ]{{0,2}}|[ ]{{1,2}})){{1,3}}(?:<PERSON(?:_\d{{1,4}})?>[ ])?(?!(?:{titles})(?:\.|[ ]))(?P<it>(?:[^\W\d_a-zа-яёß]\.[ ]?){{0,3}}{capitalised}(?:[ ]{capitalised}){{0,2}})"
            ),
        ),
        _Rule("USER", re.compile(r"(?:(?<![\w.~-])/home/|/Users/)(?P<it>[^\s/\\:*?\"'`<>|(){}\[\],;]{1,64})"), _account, frozenset("/")),
        _Rule(
            "USER",
            re.compile(
                r"(?i:\b[A-Z]:[\\/]{1,4}(?:Users|Documents and Settings)|(?<=\\)Users)[\\/]{1,4}"
                r"(?P<it>[^\\/:*?\"<>|\r\n]{1,64}(?=[\\/])|[^\s\\/:*?\"'<>|,;]{1,64})"
            ),
            _account,
            frozenset("\\/"),
        ),
        _Rule("PERSON", re.compile(rf"(?P<it>[{surnames}][\u4e00-\u9fff]{{0,2}})(?:{_either(after['zh'])})"), needs=frozenset(surnames)),
        _Rule(
            "PERSON",
            re.compile(rf"(?<![가-힣])(?P<it>[가-힣]{{2,4}})[ ]?(?:{_either(after['ko'])})(?![가-힣])"),
            needs=frozenset(word[0] for word in after["ko"]),
        ),
        _Rule(
            "PERSON",
            re.compile(rf"(?<!\w)(?P<it>[A-ZÇĞİÖŞÜ][a-zçğıöşü]{{1,20}})[ ](?:{_either(after['tr'])})(?!\w)"),
            needs=frozenset(word[0] for word in after["tr"]),
        ),
    )


#: Markers that logs were anonymised with before they came here, and what they become. Only ASCII bounds one: a script without spaces
#: writes NAME_1王先生.
_PRESIDIO = re.compile(r"<?PRESIDIO_ANONYMIZED_([A-Z]{2,20}(?:_[A-Z]{2,20}){0,3})>?")
_NUMBERED = re.compile(r"(?<![A-Za-z0-9_<])NAME_([0-9]{1,4})(?![A-Za-z0-9_])")
_KINDS = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "CREDIT_CARD": "CARD",
    "IP_ADDRESS": "IP",
    "IBAN_CODE": "IBAN",
    "URL": "URL",
    "PERSON": "PERSON",
}


def mask(text: str, cuts: Sequence[int] = ()) -> Masked:
    """``text`` without personal data that has a form.

    That is: e-mail, IP and MAC addresses, telephone, card, account and social security numbers, keys, credentials, account names in paths,
    and names behind titles. Invisible characters, which could keep one from being seen, go as well.

    Markers that a log was anonymised with (``<PRESIDIO_ANONYMIZED_PERSON>``, ``NAME_1``) stay, in this module's own form
    (``<PERSON>``, ``<PERSON_1>``), and are not counted. Masking a masked text changes nothing.

    Args:
        text: any text.
        cuts: places of it that are wanted in the masked text too, such as where a pasted document starts.

    Example:
        >>> mask("Write to ann@example.org or call +44 20 7946 0958, Mr. Jones").text
        'Write to <EMAIL> or call <PHONE>, Mr. <PERSON>'
    """
    counts: Counter[str] = Counter()
    if not text.isascii():
        text, cuts = replaced(text, ((match.start(), match.end(), "") for match in _INVISIBLE.finditer(text)), cuts)
        whole = ((match, unicodedata.normalize("NFC", match.group())) for match in _DECOMPOSED.finditer(text))
        text, cuts = replaced(text, ((match.start(), match.end(), new) for match, new in whole if new != match.group()), cuts)
    for _ in range(_MAX_PASSES):
        before = text
        # in every pass: what is masked beside a marker can be what kept it from being seen as one
        for sign, pattern, named in (("PRESIDIO_", _PRESIDIO, _known_kind), ("NAME_", _NUMBERED, _numbered)):
            if sign in text:
                text, cuts = replaced(text, ((match.start(), match.end(), named(match)) for match in pattern.finditer(text)), cuts)
        seen = _plain(text)
        signs = set(seen)
        for rule in _rules():
            if rule.needs and rule.needs.isdisjoint(signs):
                continue
            if found := list(_found(rule, seen)):
                counts[rule.kind] += len(found)
                text, cuts = replaced(text, ((start, end, f"<{rule.kind}>") for start, end in found), cuts)
                seen = _plain(text)
                signs = set(seen)
        if text == before:
            break
    return Masked(text, dict(sorted(counts.items())), tuple(cuts))


def _known_kind(match: re.Match[str]) -> str:
    return f"<{_KINDS.get(match.group(1), match.group(1))}>"


def _numbered(match: re.Match[str]) -> str:
    return f"<PERSON_{match.group(1)}>"


def _found(rule: _Rule, seen: str) -> Iterator[tuple[int, int]]:
    """Where there is something to mask. ``seen`` is the text in plain forms."""
    it = "it" if "it" in rule.pattern.groupindex else 0
    at = 0
    while match := rule.pattern.search(seen, at):
        start, end = match.span(it)
        held = rule.holds(seen[start:end])
        if held:
            yield start, start + held
        # What is no card from its first digit on may be one from a later one.
        at = max(start + held, match.start() + 1) if held or rule.kind == "CARD" else max(match.end(), match.start() + 1)


def replaced(text: str, found: Iterable[tuple[int, int, str]], cuts: Sequence[int] = ()) -> tuple[str, Sequence[int]]:
    """The text with ``(start, end, new)`` in order put into it, and where its cuts are then: one inside what went is behind what came.

    Example:
        >>> replaced("call ann@b.org now", [(5, 14, "<EMAIL>")], (5, 8, 15))
        ('call <EMAIL> now', (5, 12, 13))
    """
    parts: list[str] = []
    at, moved = 0, list(cuts)
    for start, end, new in found:
        parts += text[at:start], new
        at = end
        for place, cut in enumerate(cuts):
            if cut > start:
                moved[place] += len(new) - (min(cut, end) - start) if cut < end else len(new) - (end - start)
    return ("".join((*parts, text[at:])), tuple(moved)) if parts else (text, cuts)
