import json
import re
from importlib.resources import files

import pytest

from wildgraph.gates import COLUMNS, ORDER, TABLE, Gate, skipped
from wildgraph.gates.table import REQUIRED
from wildgraph.paradigms import PARADIGMS
from wildgraph.registry import BUILT_IN, load


def test_every_gate_and_every_paradigm_has_its_cell():
    assert set(TABLE) == set(BUILT_IN["gates"]) == set(ORDER)
    for gate, row in TABLE.items():
        assert tuple(row) == COLUMNS, gate
        assert all(cell.strip() for cell in row.values())
    assert set(PARADIGMS) <= set(COLUMNS)


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


def test_honest_refusals_are_for_one_gate_and_one_paradigm():
    assert skipped("refusal", "unanswerable")
    assert not skipped("declines", "unanswerable")
    assert [column for column in COLUMNS if skipped("refusal", column)] == ["unanswerable"]


def test_nothing_that_needs_evidence_is_asked_where_there_is_no_answer():
    for gate in ("documents_used", "evidence_positions", "all_documents", "wrong_document", "answer_given"):
        assert skipped(gate, "unanswerable"), gate


def test_leave_one_out_is_for_tasks_over_several_documents():
    for paradigm in ("comparison", "aggregation", "conflict", "timeline", "synthesis"):
        assert TABLE["all_documents"][paradigm] == REQUIRED
    assert all(skipped("all_documents", paradigm) for paradigm in ("single_document", "choose_document", "dialogue"))
    assert TABLE["wrong_document"]["choose_document"] == REQUIRED


def test_what_remembers_judges_last():
    assert ORDER[-1] == "duplicates"
