import pytest
import yaml

from wildgraph.exporters import licences
from wildgraph.exporters.licences import allowed, hub_licence, hub_licences, known, spdx


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MIT", "MIT"),
        ("mit", "MIT"),
        ("MIT License", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("apache 2.0", "Apache-2.0"),
        ("CC BY-SA 3.0", "CC-BY-SA-3.0"),
        ("cc-by-4.0", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        ("CC0", "CC0-1.0"),
        ("Public domain / CC0-1.0", "CC0-1.0"),
        ("Public Domain", "LicenseRef-public-domain"),
        ("Public domain (PEP copyright notice)", "LicenseRef-public-domain"),
        ("US Government work, public domain (17 USC 105)", "LicenseRef-public-domain"),
        ("odc-by", "ODC-By-1.0"),
        ("GPLv3", "GPL-3.0-only"),
        ("gpl-2.0 or later", "GPL-2.0-or-later"),
        ("mit OR apache-2.0", "MIT OR Apache-2.0"),
        ("", "unknown"),
        ("  ", "unknown"),
        ("Unknown", "unknown"),
        ("other", "unknown"),
        # what holds more than a licence is nobody's to simplify
        ("MIT (repo; upstream CC-BY-4.0)", "MIT (repo; upstream CC-BY-4.0)"),
        ("Public domain (but CC-BY-4.0 in parts)", "Public domain (but CC-BY-4.0 in parts)"),
        ("GPL-3.0 compilation; text: CUAD, CC-BY-4.0", "GPL-3.0 compilation; text: CUAD, CC-BY-4.0"),
        ("verbatim copying permitted", "verbatim copying permitted"),
        ("((((", "(((("),
        ("MIT AND", "MIT AND"),
    ],
)
def test_names_become_spdx_expressions_or_stay_as_they_are(name, expected):
    assert spdx(name) == expected
    assert spdx(spdx(name)) == expected


def test_what_spdx_does_not_know_is_unknown():
    assert [known(one) for one in ("MIT", "MIT OR Apache-2.0", "LicenseRef-public-domain")] == [True] * 3
    assert [known(one) for one in ("unknown", "Ask Bob", "MIT (repo)", "")] == [False] * 4


@pytest.mark.parametrize(
    ("licence", "allow", "expected"),
    [
        ("MIT", ["mit"], True),
        ("MIT", ["MIT License"], True),
        ("MIT", ["Apache-2.0"], False),
        ("MIT OR Apache-2.0", ["Apache-2.0"], True),
        ("MIT AND CC-BY-4.0", ["MIT"], False),
        ("MIT AND CC-BY-4.0", ["MIT", "CC-BY-4.0"], True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ["GPL-2.0-only"], False),
        ("(MIT OR ISC) AND CC0-1.0", ["MIT"], False),
        ("Ask Bob", ["ask bob"], True),
        ("Ask Bob", ["MIT"], False),
        ("unknown", ["MIT"], False),
        ("", ["unknown"], True),
        # words of a corpus that only look like an expression
        ("anything or mit", ["MIT"], False),
    ],
)
def test_which_licences_are_allowed(licence, allow, expected):
    assert allowed([licence], allow) is expected
    assert allowed([licence, "ISC"], [*allow, "ISC"]) is expected
    assert not allowed([licence, "BSD-3-Clause"], allow)


def test_names_of_the_hub():
    assert {one: hub_licence(one) for one in ("Apache-2.0", "CC-BY-4.0", "GPL-3.0-only", "ODC-By-1.0", "ODbL-1.0")} == {
        "Apache-2.0": "apache-2.0",
        "CC-BY-4.0": "cc-by-4.0",
        "GPL-3.0-only": "gpl-3.0",
        "ODC-By-1.0": "odc-by",
        "ODbL-1.0": "odbl",
    }
    assert hub_licence("LicenseRef-public-domain") is None
    assert all(name == name.lower() for name in hub_licences())


def test_every_line_of_the_table_leads_to_a_known_licence():
    rows = yaml.safe_load((licences.files("wildgraph.exporters") / "licences.yaml").read_text())
    for row in rows:
        for version in ("4.0", "2.1", "3.0", "2", "3"):
            expression = row["spdx"].format(version=version)
            if known(expression):
                break
        else:
            pytest.fail(f"{row['spdx']} is no SPDX expression in any version")
