"""Licences as SPDX identifiers, and which of them a data set may hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cache
from importlib.resources import files

import yaml

UNKNOWN = "unknown"
_SILENT = frozenset({"", UNKNOWN, "none", "n/a", "na", "unlicensed", "not specified", "unspecified", "other"})


@cache
def spdx(name: str) -> str:
    """The SPDX expression of a licence as a corpus names it; ``unknown`` where it says nothing, its own words where nobody knows them.

    Example:
        >>> spdx("apache 2.0"), spdx("cc-by-sa-4.0"), spdx("mit or gpl-2.0-only"), spdx(""), spdx("Ask Bob")
        ('Apache-2.0', 'CC-BY-SA-4.0', 'MIT OR GPL-2.0-only', 'unknown', 'Ask Bob')
    """
    words = " ".join(name.split())
    if words.casefold() in _SILENT:
        return UNKNOWN
    return _canonical(words) or _named(words.casefold()) or words


def known(licence: str) -> bool:
    """Whether this is an SPDX expression, and not a corpus's own words or nothing at all."""
    return _canonical(licence) is not None


def allowed(licences: Iterable[str], allow: Collection[str]) -> bool:
    """Whether every licence of a sample is among those that are allowed.

    Args:
        licences: SPDX expressions, or a corpus's own words.
        allow: the same. Of an ``OR`` one part is enough, of an ``AND`` every part is needed.

    Example:
        >>> allowed(["MIT OR GPL-2.0-only"], ["MIT"]), allowed(["MIT AND GPL-2.0-only"], ["MIT"]), allowed(["unknown"], ["unknown"])
        (True, False, True)
    """
    wanted = {spdx(one).casefold() for one in allow}
    return all(_granted(spdx(licence).casefold(), wanted) for licence in licences)


def _granted(licence: str, wanted: Collection[str]) -> bool:
    if licence in wanted:
        return True
    if "(" in licence or not known(licence):  # nested terms are allowed by name alone
        return False
    return any(all(part.strip() in wanted for part in option.split(" and ")) for option in licence.split(" or "))


@cache
def hub_licences() -> frozenset[str]:
    """Licences that the Hub knows by name, one a line of ``hub_licences.txt``."""
    return frozenset(files("wildgraph.exporters").joinpath("hub_licences.txt").read_text(encoding="utf-8").split())


def hub_licence(licence: str) -> str | None:
    """The Hub's name of an SPDX licence, if it has one.

    Example:
        >>> hub_licence("Apache-2.0"), hub_licence("ODC-By-1.0"), hub_licence("Ask Bob")
        ('apache-2.0', 'odc-by', None)
    """
    name = licence.casefold()
    shorter = re.sub(r"-only|-or-later", "", name)
    names = (name, shorter, re.sub(r"-1\.0\Z", "", shorter) if shorter.startswith("od") else name)
    return next((one for one in names if one in hub_licences()), None)


def _canonical(text: str) -> str | None:
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return str(canonicalize_license_expression(text))
    except (InvalidLicenseExpression, RecursionError):
        return None


def _named(text: str) -> str | None:
    for pattern, expression in _names():
        if found := pattern.fullmatch(text):
            return expression.format(**found.groupdict())
    return None


@cache
def _names() -> tuple[tuple[re.Pattern[str], str], ...]:
    rows = yaml.safe_load(files("wildgraph.exporters").joinpath("licences.yaml").read_text(encoding="utf-8"))
    return tuple((re.compile(row["name"]), row["spdx"]) for row in rows)
