import json

import pytest
from made_pairs import LEASE, document, pair, texts

from wildgraph.errors import InputError
from wildgraph.gates.contamination import ContaminationGate, known_benchmarks
from wildgraph.gates.named_sets import earlier_sample
from wildgraph.rows import Row

QUESTION = "Which of the two parties may bring the lease to an end before the summer, and on what notice in writing?"


def written(tmp_path, *rows, name="bench.jsonl"):
    file = tmp_path / name
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(file)


def gate(tmp_path, *rows, **settings):
    return ContaminationGate(sets=(written(tmp_path, *rows),), **settings)


def test_nothing_named_is_not_evaluated_and_opens_no_file():
    verdict = ContaminationGate().judge(pair(), texts())
    assert (verdict.status, verdict.reason) == ("not_evaluated", "no set was named to compare with")
    assert ContaminationGate().compared() == []


def test_thirteen_words_in_a_row_of_the_instruction(tmp_path):
    one = gate(tmp_path, {"input": QUESTION, "id": 1})
    assert one.judge(pair(f"Tell me: {QUESTION.upper()} Thanks!"), texts()).reason == "contaminated"
    assert one.judge(pair(" ".join(QUESTION.split()[:12])), texts()).status == "pass"
    assert "instruction" not in one.judge(pair(QUESTION), texts()).detail
    assert one.judge(pair(QUESTION), texts()).detail.startswith("the user turn: ")


def test_short_texts_are_compared_whole_and_the_shortest_not_at_all(tmp_path):
    one = gate(tmp_path, {"answers": ["three months' notice in writing, by registered letter", "yes"]})
    assert one.judge(pair(answer="Three months’ notice in writing by registered letter."), texts()).reason == "contaminated"
    assert one.judge(pair(answer="It takes three months' notice in writing, by registered letter or e-mail."), texts()).status == "pass"
    assert one.judge(pair(answer="Yes."), texts()).status == "pass"
    bare = pair(answer="So it is.").model_copy(update={"answer": "three months notice in writing by registered letter"})
    assert one.judge(bare, texts()).detail.startswith("the bare answer")


def test_documents_count_by_their_share(tmp_path):
    long = " ".join(f"word{number} is followed by number {number * 7} here" for number in range(400))
    shared = document("shared", f"{long} {LEASE}")
    quoted = gate(tmp_path, {"context": LEASE})
    sample = pair("What is in it, shortly put?", "Words and numbers.", documents=(shared,), spans=())
    assert quoted.judge(sample, texts(shared)).status == "pass"  # a small part of it
    whole = gate(tmp_path, {"context": long})
    verdict = whole.judge(sample, texts(shared))
    assert (verdict.reason, verdict.detail[:16]) == ("contaminated", "document shared:")


def test_only_the_columns_that_are_named(tmp_path):
    row = {"input": "something else altogether, of quite a few more words than that", "notes": QUESTION}
    assert gate(tmp_path, row).judge(pair(QUESTION), texts()).reason == "contaminated"
    assert gate(tmp_path, row, columns=("input",)).judge(pair(QUESTION), texts()).status == "pass"


def test_what_was_compared_has_its_hash_and_its_rows(tmp_path):
    import hashlib

    file = written(tmp_path, {"input": QUESTION}, {"input": "x"})
    with open(file, "ab") as handle:  # noqa: PTH123
        handle.write(b"{broken\n")
    one = ContaminationGate(sets=(file,))
    (found,) = one.compared()
    assert found.as_json() == {"file": "bench.jsonl", "sha256": hashlib.sha256(open(file, "rb").read()).hexdigest(), "rows": 2, "unread": 1}  # noqa: PTH123, SIM115


def test_a_set_that_cannot_be_read_is_an_error_and_not_a_pass(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.jsonl"):
        ContaminationGate(sets=(str(tmp_path / "nothing.jsonl"),)).compared()
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{\n{\n", encoding="utf-8")
    with pytest.raises(InputError, match="no row of"):
        ContaminationGate(sets=(str(broken),)).judge(pair(), texts())


def test_parquet_and_folders(tmp_path):
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"answers": [[QUESTION], ["no"]]}), tmp_path / "bench.parquet")
    (tmp_path / "README.md").write_text("no rows", encoding="utf-8")
    one = ContaminationGate(sets=(str(tmp_path),))
    assert one.judge(pair(QUESTION), texts()).reason == "contaminated"
    assert [file.rows for file in one.compared()] == [2]


def test_the_known_benchmarks_are_all_there_with_what_a_user_needs():
    known = {one.name: one for one in known_benchmarks()}
    asked = (
        "RULER",
        "LongBench",
        "LongBench v2",
        "HELMET",
        "∞Bench (InfiniteBench)",
        "L-Eval",
        "NoCha",
        "BABILong",
        "ZeroSCROLLS",
        "LooGLE",
    )
    assert {*asked, "NeedleBench", "MRCR", "Loong"} <= set(known)
    assert all(one.columns and one.source for one in known.values() if one.name != "Michelangelo")
    assert all(not one.revision for one in known.values())  # none was looked at; the manifest has the hashes of what was


@pytest.mark.parametrize(
    "values",
    [
        {"instruction": "What is due?", "output": "The rent of May."},
        {"prompt": "What is due?", "completion": "The rent of May."},
        {"messages": [{"role": "user", "content": "What is due?"}, {"role": "assistant", "content": "The rent of May."}]},
        {"conversations": [{"from": "human", "value": "What is due?"}, {"from": "gpt", "value": "The rent of May."}]},
        {"prompt": [{"role": "user", "content": "What is due?"}], "completion": [{"role": "assistant", "content": "The rent of May."}]},
        pair("What is due?", "The rent of May.").row(),
    ],
)
def test_rows_of_earlier_sets_in_any_layout(values):
    found = earlier_sample(Row(values, "some/where/old.jsonl", 7))
    assert (found.where, found.instructions[0], found.answer) == ("old.jsonl:7", "What is due?", "The rent of May.")
    if "documents" in values:
        assert found.documents == (document().hash,)


def test_an_instruction_among_pasted_documents_is_found_again(tmp_path):
    from wildgraph.gates.duplicates import DuplicatesGate

    ask = "List the payments that the tenant has to make under this lease, with their amounts and their dates."
    pasted = "\n\n".join([f"<document>\n{LEASE * 20}\n</document>", ask])
    earlier = written(tmp_path, {"messages": [{"role": "user", "content": pasted}, {"role": "assistant", "content": "The rent."}]})
    assert DuplicatesGate(earlier=(earlier,)).judge(pair(ask, "Something new."), texts()).reason == "near_duplicate"
    assert DuplicatesGate().judge(pair(ask, "Something new."), texts()).status == "pass"


def test_earlier_samples_about_other_documents_are_others(tmp_path):
    from wildgraph.gates.duplicates import DuplicatesGate

    ask = "List the payments that the tenant has to make under this lease, with their amounts and their dates."
    row = {"instruction": ask, "output": "The rent.", "document_hashes": ["f" * 16]}
    assert DuplicatesGate(earlier=(written(tmp_path, row),)).judge(pair(ask, "Something new."), texts()).status == "pass"
    row["document_hashes"] = [document().hash]
    one = DuplicatesGate(earlier=(written(tmp_path, row),))
    assert one.judge(pair(ask, "Something new."), texts()).reason == "near_duplicate"
    assert [file.name for file in one.compared()] == ["bench.jsonl"]
