import json
import re
from importlib.resources import files

import pytest

from wildgraph.gates import ORDER, TABLE, Gate, skipped
from wildgraph.gates.table import REQUIRED
from wildgraph.paradigms import PARADIGMS
from wildgraph.registry import BUILT_IN, load


def test_every_gate_and_every_paradigm_has_its_cell():
    assert set(TABLE) == set(BUILT_IN["gates"]) == set(ORDER)
    for gate, row in TABLE.items():
        assert set(row) == set(PARADIGMS), gate
        assert all(cell.strip() for cell in row.values())


@pytest.mark.parametrize("name", list(TABLE))
def test_every_gate_is_a_gate_under_its_own_name(name):
    made = load("gates", name)()
    assert isinstance(made, Gate)
    assert made.name == name


def test_paradigms_that_need_evidence_require_the_gates_that_ask_for_it():
    for name, paradigm in PARADIGMS.items():
        assert paradigm.evidence == (TABLE["documents_used"][name] == REQUIRED)


def test_what_the_table_does_not_know_is_required():
    assert skipped("mine", "single_document") == skipped("length", "mine") == ""


def test_refusal_patterns_compile_alone():
    table = json.loads(files("wildgraph.gates").joinpath("refusals.json").read_text(encoding="utf-8"))
    for patterns in (patterns for languages in table.values() for patterns in languages.values()):
        for pattern in patterns:
            re.compile(pattern)
