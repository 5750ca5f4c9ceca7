import pytest
from made_pairs import LEASE, document, pair

from wildgraph.errors import ConfigError, InputError, UsageError
from wildgraph.gates import ORDER, TABLE
from wildgraph.gates.verdicts import failed, passed
from wildgraph.records import Rejection
from wildgraph.stages import gate as stage
from wildgraph.stages.gate import GateConfig, gate, make_gates

TEXTS = {document().hash: LEASE}


def test_good_pairs_pass_with_a_verdict_from_each_gate():
    (kept,) = gate([pair()], GateConfig(), texts=TEXTS.__getitem__)
    assert kept.model_copy(update={"verdicts": ()}) == pair()
    assert [verdict.gate for verdict in kept.verdicts] == list(ORDER)
    unjudged = {verdict.gate: verdict.reason for verdict in kept.verdicts if verdict.status == "not_evaluated"}
    assert set(unjudged) == {"follows_path", "checkable", "all_documents", "wrong_document", "target", "contamination"}
    assert all(unjudged.values())
    assert {verdict.status for verdict in kept.verdicts} == {"pass", "not_evaluated"}


def test_bad_pairs_become_rejections_in_their_places():
    before = Rejection(stage="adapt", item="1", reason="refused")
    found = list(
        gate(
            [pair(index=0), before, pair(index=2, answer="I'm sorry, but I can't help with that."), pair(index=3)],
            GateConfig(),
            texts=TEXTS.__getitem__,
        )
    )
    assert [getattr(item, "reason", "kept") for item in found] == ["kept", "refused", "refusal", "exact_duplicate"]
    assert found[1] is before
    assert (found[2].stage, found[2].item, found[2].kind) == ("gate", "2", "gated")
    assert found[2].detail.startswith("refusal: I'm sorry")


def test_lazy_in_lazy_out():
    def endless():
        index = 0
        while True:
            yield pair(f"What does clause number {index} say about the rent?", f"Clause {index} says it is due.", index=index)
            index += 1

    items = gate(endless(), GateConfig(), texts=TEXTS.__getitem__)
    assert [next(items).index for _ in range(3)] == [0, 1, 2]


def test_texts_are_fetched_only_when_they_are_needed():
    def fetch(digest):
        raise AssertionError("no text is needed to see that the answer is empty")

    (rejected,) = gate([pair(answer="")], GateConfig(), texts=fetch)
    assert rejected.reason == "too_short"


def test_memory_lasts_as_long_as_the_gates():
    config = GateConfig()
    gates = make_gates(config)
    first, second, third = (next(gate([pair()], config, texts=TEXTS.__getitem__, gates=one)) for one in (gates, gates, None))
    assert isinstance(second, Rejection)
    assert first == third


def test_a_pair_that_fails_elsewhere_is_not_a_duplicate_of_itself():
    bad = pair(spans=())
    found = list(gate([bad, pair(index=1)], GateConfig(), texts=TEXTS.__getitem__))
    assert [isinstance(item, Rejection) for item in found] == [True, False]


def test_settings_and_the_order_of_the_table():
    gates = make_gates(GateConfig(gates=("duplicates", "grounding", "length"), settings={"length": {"min_answer": 50}}))
    assert [one.name for one in gates] == ["length", "grounding", "duplicates"]
    (rejected,) = gate([pair()], GateConfig(gates=("length",), settings={"length": {"min_answer": 50}}), texts=TEXTS.__getitem__)
    assert rejected.reason == "too_short"


def test_skipped_gates_say_why(monkeypatch):
    monkeypatch.setitem(TABLE, "grounding", {"single_document": "quotes nothing"})
    (kept,) = gate([pair()], GateConfig(), texts=TEXTS.__getitem__)
    skipped = next(verdict for verdict in kept.verdicts if verdict.gate == "grounding")
    assert (skipped.status, skipped.reason) == ("not_evaluated", "quotes nothing")


@pytest.mark.parametrize(
    ("config", "error", "says"),
    [
        (GateConfig(gates=("lenght",)), UsageError, "did you mean 'length'"),
        (GateConfig(settings={"length": {"least": 1}}), ConfigError, "least"),
        (GateConfig(settings={"length": {"min_answer": -1}}), ConfigError, "min_answer"),
        (GateConfig(gates=("length",), settings={"refusal": {}}), ConfigError, "does not judge"),
        (GateConfig(require=("jugde",)), ConfigError, "'jugde' is required, but does not judge"),
    ],
)
def test_wrong_settings_name_what_is_wrong(config, error, says):
    with pytest.raises(error, match=says):
        make_gates(config)


def test_plug_ins_judge_before_the_memory_and_must_be_gates(monkeypatch):
    class Mine:
        name = "mine"

        def judge(self, pair, texts):
            return failed("mine", "refusal", "x" * 900) if "rent" in texts["lease"] else passed("mine")

    monkeypatch.setattr(
        stage,
        "load",
        lambda kind, name: {"mine": Mine, "other": dict}.get(name) or __import__("wildgraph.registry").registry.load(kind, name),
    )
    config = GateConfig(gates=(*ORDER, "mine"))
    assert [one.name for one in make_gates(config)][-2:] == ["mine", "duplicates"]
    (rejected,) = gate([pair()], config, texts=TEXTS.__getitem__)
    assert (rejected.reason, len(rejected.detail)) == ("refusal", len("mine: ") + 300)
    with pytest.raises(ConfigError, match="no gate"):
        make_gates(GateConfig(gates=("other",)))


def test_a_required_gate_that_cannot_judge_turns_the_pair_away():
    (kept,) = gate([pair()], GateConfig(), texts=TEXTS.__getitem__)
    assert next(verdict for verdict in kept.verdicts if verdict.gate == "contamination").status == "not_evaluated"
    (rejected,) = gate([pair()], GateConfig(require=("contamination",)), texts=TEXTS.__getitem__)
    assert (rejected.reason, rejected.kind) == ("not_evaluated", "gated")
    assert rejected.detail == "contamination: no set was named to compare with"


def test_what_the_table_skips_is_not_required_even_when_it_is():
    (kept,) = gate([pair()], GateConfig(require=("all_documents",)), texts=TEXTS.__getitem__)
    assert next(verdict for verdict in kept.verdicts if verdict.gate == "all_documents").reason.startswith("one document is the task")


def test_titles_and_other_documents_reach_the_gates():
    quoted = pair(answer='It is called "An agreement between two parties about a flat in Harbour Street", no less.')
    (rejected,) = gate([quoted], GateConfig(), texts=TEXTS.__getitem__)
    assert rejected.reason == "ungrounded"
    title = "An agreement between two parties about a flat in Harbour Street"
    (kept,) = gate([quoted], GateConfig(), texts=TEXTS.__getitem__, titles=lambda digest: title)
    assert kept.id == quoted.id
    copied = {"other": "o" * 16}
    texts = {**TEXTS, "o" * 16: LEASE.replace("LEASE AGREEMENT", "ANOTHER LEASE")}
    (rejected,) = gate([pair()], GateConfig(), texts=texts.__getitem__, elsewhere=lambda _: copied)
    assert (rejected.reason, rejected.detail[:22]) == ("wrong_document", "wrong_document: other ")


def test_every_verdict_can_be_asked_for_also_behind_a_failure():
    config = GateConfig()
    found = list(stage.verdicts(pair(answer="I'm sorry, but I can't help with that."), make_gates(config), config, texts=TEXTS.__getitem__))
    assert [verdict.gate for verdict in found] == list(ORDER)
    assert {verdict.gate for verdict in found if verdict.status == "fail"} == {"refusal"}


def test_what_is_compared_with_is_known_beforehand_and_with_its_hash(tmp_path):
    file = tmp_path / "bench.jsonl"
    file.write_text('{"question": "Which of the harbour dues were raised in the year after the flood?"}\n', encoding="utf-8")
    config = GateConfig(settings={"contamination": {"sets": [str(file)]}})
    assert stage.compared_files(config) == [file]
    (found,) = stage.compared(make_gates(config))["contamination"]
    assert (found.name, found.rows, len(found.sha256)) == ("bench.jsonl", 1, 64)
    assert stage.compared(make_gates(GateConfig())) == {"contamination": [], "duplicates": []}
    missing = GateConfig(settings={"duplicates": {"earlier": [str(tmp_path / "none.jsonl")]}})
    with pytest.raises(InputError, match=r"none\.jsonl"):
        stage.compared_files(missing)
