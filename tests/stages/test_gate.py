import pytest
from made_pairs import LEASE, document, pair

from wildgraph.errors import ConfigError, UsageError
from wildgraph.gates import ORDER, TABLE
from wildgraph.gates.verdicts import failed, passed
from wildgraph.records import Rejection
from wildgraph.stages import gate as stage
from wildgraph.stages.gate import GateConfig, gate, make_gates

TEXTS = {document().hash: LEASE}


def test_good_pairs_pass_with_a_verdict_from_each_gate():
    (kept,) = gate([pair()], GateConfig(), texts=TEXTS.__getitem__)
    assert kept.model_copy(update={"verdicts": ()}) == pair()
    assert [(verdict.gate, verdict.status) for verdict in kept.verdicts] == [(name, "pass") for name in ORDER]


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
