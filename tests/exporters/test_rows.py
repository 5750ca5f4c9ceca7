import json
import re

import pytest
from made_pairs import ANSWER, LEASE, MINUTES, dialogue, document, evidence, exact, pair, worse

from wildgraph.checkers import reward
from wildgraph.errors import UsageError
from wildgraph.exporters import Exporter
from wildgraph.exporters.sample import FACTS
from wildgraph.records import Checker, Message, Rejection, Twin, Verdict, content_hash
from wildgraph.registry import registered
from wildgraph.stages import export as stage
from wildgraph.stages.export import ExportConfig, export, make_exporter

MEETING = document("minutes", MINUTES, title="Minutes of the | committee", licence="unknown")
STORE = {one.hash: one for one in (document(), MEETING)}
#: Names that TRL passes to reward functions itself, or reads as something else.
TAKEN = {"prompts", "completions", "completion_ids", "trainer_state", "log_extra", "log_metric", "environments"}
SPECIAL = {"image", "images", "tools", "chat_template_kwargs", "text", "label", "labels", "input_ids"}


def found(items, to="sft", **settings):
    config = ExportConfig(to=(to,), **settings)
    return list(export(items, config, exporter=make_exporter(to, config), document=STORE.__getitem__))


def row(item, to="sft", **settings):
    (one,) = found([item], to, **settings)
    assert not isinstance(one, Rejection), one
    return one


def refused(item, to, **settings):
    (one,) = found([item], to, **settings)
    assert isinstance(one, Rejection)
    assert one.item == item.id
    return one.reason


def said(messages):
    return "\n".join(message["content"] for message in messages)


EVERYTHING = pair(alternatives=(worse(), worse("Nothing is due.", made="no_document", margin=2.5)), checkers=(exact(),), pass_rate=0.5)


@pytest.mark.parametrize("name", registered("exporters"))
def test_every_exporter_gives_the_columns_it_names(name):
    exporter = make_exporter(name)
    assert isinstance(exporter, Exporter)
    assert exporter.name == name
    for one in found([EVERYTHING], name):
        assert set(exporter.columns) | {"split", "id", "n_tokens"} <= set(one)
    assert not set(exporter.columns) & (TAKEN | SPECIAL)
    if exporter.suffix == "parquet":
        assert set(FACTS) <= set(exporter.columns)


@pytest.mark.parametrize("name", registered("exporters"))
def test_the_prompt_that_generated_is_in_no_row(name):
    for one in found([EVERYTHING], name):
        text = json.dumps(one, ensure_ascii=False)
        assert "<<<DOCUMENT" not in text
        assert "LEASE AGREEMENT" in text


def test_an_sft_row_is_prompt_completion_messages_and_where_it_came_from():
    sample = pair(documents=(document(), MEETING), spans=(evidence(MEETING, "five votes to two"),), paradigm="comparison")
    one = row(sample)
    assert [{key: value for key, value in message.items() if key != "train"} for message in one["messages"]] == (
        one["prompt"] + one["completion"]
    )
    assert [message["train"] for message in one["messages"]] == [False] * len(one["prompt"]) + [True]
    assert one["completion"] == [{"role": "assistant", "content": sample.response}]
    assert all(text in said(one["prompt"]) for text in (LEASE, MINUTES, sample.instruction))
    assert (one["document_ids"], one["licences"]) == (["lease", "minutes"], ["CC0-1.0", "unknown"])
    assert json.loads(one["path"]) == [list(step) for step in sample.path]
    (span,) = json.loads(one["evidence"])
    assert STORE[sample.documents[1].hash].text[span["start"] : span["end"]] == span["text"]
    assert (one["language"], one["origin"], one["instruction"]) == ("en", "wildgraph", sample.instruction)
    assert one["n_tokens"] > one["n_tokens_system"] + one["n_tokens_user"] + one["n_tokens_assistant"] > 100
    assert (one["n_tokens_estimated"], one["template"], one["evidence_tokens"]) == (True, "", "")


def test_a_row_can_be_traced_without_its_run():
    twin = Twin(id="another", document_id="lease", hash="0", answer="Secret", evidence=(evidence(document(), "rent"),))
    sample = pair(bucket=8192, twin=twin, verdicts=(Verdict(gate="grounding", status="pass", detail="may quote"),))
    one = row(sample)
    assert (one["bucket"], one["twin"]) == (8192, "another")
    assert "Secret" not in json.dumps(one), "what was taken out of the document is in no row"
    assert json.loads(one["verdicts"]) == [["grounding", "pass", ""]]
    found = json.loads(one["provenance"])
    assert (found["seed"], found["decoding"], found["prompts"]) == (1, {"temperature": 0.3}, {"stages/answer": "0" * 16})
    assert row(pair())["bucket"] is None


def test_which_answers_of_a_dialogue_are_trained_on():
    marked, last, every = (row(dialogue(), train_on=how) for how in ("marked", "last", "all"))
    assert marked == every
    assert [message["role"] for message in every["completion"]] == ["assistant", "user", "assistant", "user", "assistant"]
    assert sum(message["train"] for message in every["messages"]) == 3
    assert [message["content"] for message in last["completion"]] == ["With three months' notice in writing."]
    assert sum(message["train"] for message in last["messages"]) == 1
    assert last["prompt"] + last["completion"] == every["prompt"] + every["completion"]
    assert said(every["prompt"]).count(LEASE) == 1


def test_only_answers_from_which_on_all_are_trained_are_completions():
    turns = dialogue().turns
    first_only = pair(turns=tuple(turn.model_copy(update={"train": place == 1}) for place, turn in enumerate(turns)), spans=())
    one = row(first_only)
    assert [message["train"] for message in one["messages"] if message["role"] == "assistant"] == [True, False, False]
    assert [message["content"] for message in one["completion"]] == [turns[-1].content]
    nothing_marked = pair(turns=tuple(turn.model_copy(update={"train": False}) for turn in turns), spans=())
    assert [message["train"] for message in row(nothing_marked)["messages"] if message["role"] == "assistant"] == [False, False, True]
    user_marked = pair(turns=tuple(turn.model_copy(update={"train": True}) for turn in turns), spans=())
    assert not any(message["train"] for message in row(user_marked)["messages"] if message["role"] == "user")


def test_a_pair_without_an_answer_is_an_error():
    with pytest.raises(ValueError, match="does not end with an assistant turn"):
        found([pair(turns=pair().turns[:1])])


def test_thinking_is_given_on_request_only():
    thought = pair(
        turns=(Message(role="user", content="Why?"), Message(role="assistant", content="So.", thinking="Let me see.\ud800")), spans=()
    )
    assert "Let me see" not in json.dumps(row(thought))
    one = row(thought, thinking=True)
    assert one["completion"] == [{"role": "assistant", "content": "So.", "thinking": "Let me see.\ufffd"}]
    assert one["messages"][-1]["thinking"] == "Let me see.\ufffd"
    assert all(message["thinking"] is None for message in one["prompt"])
    assert make_exporter("sft", ExportConfig(thinking=True)).columns["completion"] == "thoughtful"


def test_dpo_has_a_row_for_each_worse_answer():
    one, two = found([EVERYTHING], "dpo")
    assert one["prompt"] == two["prompt"] == row(EVERYTHING)["prompt"]
    assert one["chosen"] == two["chosen"] == [{"role": "assistant", "content": ANSWER}]
    assert [rows["rejected"][0]["content"] for rows in (one, two)] == [alternative.content for alternative in EVERYTHING.alternatives]
    assert [(rows["made"], rows["margin"], rows["matched"]) for rows in (one, two)] == [
        ("wrong_document", None, True),
        ("no_document", 2.5, True),
    ]
    assert one["id"] != two["id"]
    assert one["pair_id"] == two["pair_id"] == EVERYTHING.id
    assert one["detail"] == "another lease"
    assert one["n_tokens_rejected"] < one["n_tokens"]
    assert two["n_tokens_rejected"] < one["n_tokens_rejected"]


def test_dpo_leaves_out_what_has_no_worse_answer():
    assert refused(pair(), "dpo") == "no_alternative"
    assert refused(pair(alternatives=(worse(f"  {ANSWER}\n"),)), "dpo") == "no_alternative"  # the same answer is not worse


def test_dpo_of_a_dialogue_has_its_history_in_the_prompt():
    one = row(dialogue(alternatives=(worse("Nobody can end it."),)), "dpo")
    assert [message["role"] for message in one["prompt"]][-5:] == ["user", "assistant", "user", "assistant", "user"]
    assert one["chosen"][0]["content"] == "With three months' notice in writing."


def test_grpo_rows_earn_what_their_checks_say():
    sample = pair(
        "How much is due?", "1,200 euros", checkers=(exact(), Checker(name="exact", args='{"answer": ["1,200 EUROS", "x"]}')), spans=()
    )
    one = row(sample, "grpo")
    assert one["checker"] == "all"
    assert isinstance(one["checker_args"], str)
    assert one["prompt"] == row(sample)["prompt"]
    answers = [[{"role": "assistant", "content": text}] for text in (one["answer"], "900 euros")]
    columns = {name: [one[name]] * 2 for name in make_exporter("grpo").columns if name != "prompt"}
    assert reward([one["prompt"]] * 2, answers, [[1], [2]], **columns) == [1.0, 0.0]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, "unchecked"),
        ({"checkers": (exact(),), "pass_rate": 0.0}, "never_passed"),
        ({"checkers": (exact(),), "pass_rate": 1.0}, "always_passed"),
        ({"checkers": (Checker(name="exact", args="{"),)}, "bad_checker"),
        ({"checkers": (Checker(name="exact", args='{"unheard": 1}'),)}, "bad_checker"),
        ({"checkers": (Checker(name="os.system", args='{"answer": "x"}'),)}, "bad_checker"),
    ],
)
def test_grpo_leaves_out_what_teaches_nothing(more, reason):
    assert refused(pair(**more), "grpo") == reason


def test_grpo_keeps_rows_whose_pass_rate_is_between_and_those_never_measured():
    assert row(pair(checkers=(exact(),), pass_rate=0.25), "grpo")["pass_rate"] == 0.25
    assert row(pair(checkers=(exact(),)), "grpo")["pass_rate"] is None


@pytest.mark.parametrize("index", range(24))
def test_the_other_formats_say_the_same_in_every_layout(index):
    sample = pair(index=index)
    sft = row(sample)
    share, alpaca, openai = (row(sample, name) for name in ("sharegpt", "alpaca", "openai"))
    assert [one["value"] for one in share["conversations"]] == [one["content"] for one in sft["messages"] if one["role"] != "system"]
    assert [one["from"] for one in share["conversations"]] == ["human", "gpt"]
    assert share["system"] == said(one for one in sft["messages"] if one["role"] == "system")
    assert openai["messages"] == sft["prompt"] + sft["completion"]
    assert alpaca["instruction"] == "\n\n".join(one["content"] for one in sft["prompt"])
    assert (alpaca["input"], alpaca["output"]) == ("", ANSWER)


def test_dialogues_in_the_other_formats():
    assert [one["from"] for one in row(dialogue(), "sharegpt")["conversations"]] == ["human", "gpt"] * 3
    assert refused(dialogue(), "alpaca") == "multi_turn"
    weights = [one.get("weight") for one in row(dialogue(), "openai", train_on="last")["messages"] if one["role"] == "assistant"]
    assert weights == [0, 0, None]
    assert all("weight" not in one for one in row(dialogue(), "openai")["messages"])


def test_documents_stand_in_their_own_order_under_the_names_the_pair_has():
    references = pair(documents=(document(), MEETING)).documents
    swapped = pair().model_copy(
        update={"documents": tuple(one.model_copy(update={"order": 1 - one.order, "id": f"renamed {one.id}"}) for one in references)}
    )
    assert row(swapped)["document_ids"] == ["renamed minutes", "renamed lease"]


def test_lone_surrogates_reach_no_row():
    broken = pair("What\ud800?", "So\udfff.", alternatives=(worse(detail="\ud800"),), checkers=(exact("a"),), spans=())
    for name in registered("exporters"):
        for one in found([broken], name):
            json.dumps(one, ensure_ascii=False).encode()


def test_licences_decide_what_is_left_out():
    two = pair(documents=(document(), MEETING))
    assert refused(two, "sft", allow_licences=("CC0-1.0",)) == "licence_not_allowed"
    (left_out,) = found([two], "sft", allow_licences=("CC0-1.0",))
    assert left_out.detail == "unknown", "what stands in the way is named"
    assert row(two, allow_licences=("cc0-1.0", "unknown"))["licences"] == ["CC0-1.0", "unknown"]

    def handed_on(**settings):
        config = ExportConfig(**settings)
        return next(export([two], config, exporter=make_exporter("sft"), document=STORE.__getitem__, handed_on=True))

    assert handed_on().reason == "licence_unknown"
    assert handed_on(allow_licences=("CC0-1.0", "unknown"))["id"] == two.id


def test_the_registry_leads_to_the_exporters(monkeypatch):
    assert make_exporter("sft").name == "sft"
    with pytest.raises(UsageError, match="did you mean 'sft'"):
        make_exporter("stf")
    monkeypatch.setattr(stage, "load", lambda kind, name: dict)
    with pytest.raises(UsageError, match="no exporter"):
        make_exporter("x")


def test_lazy_in_lazy_out():
    def endless():
        while True:
            yield pair()

    rows = export(endless(), ExportConfig(), exporter=make_exporter("sft"), document=STORE.__getitem__)
    assert next(rows)["paradigm"] == "single_document"


def test_rows_are_the_same_every_time_and_ids_are_hashes_of_content():
    assert found([EVERYTHING], "dpo") == found([EVERYTHING], "dpo")
    assert re.fullmatch("[0-9a-f]{16}", found([EVERYTHING], "dpo")[0]["id"])
    assert found([EVERYTHING], "dpo")[0]["id"] == content_hash(EVERYTHING.id, "wrong_document", worse().content)
