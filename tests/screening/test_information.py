"""What answers owe to their documents, measured by a model that copies from its context."""

import json
import shutil

import numpy as np
import pytest
from made_pairs import document, pair
from small_models import facts, save_random, texts
from whole_runs import succeed, wildgraph, write_rows

from wildgraph.backends.causal_lm import CausalLM
from wildgraph.corpus import DocumentStore
from wildgraph.records import Message
from wildgraph.screening.information import PairGain, PartGain, framed, pair_gains, verdicts
from wildgraph.screening.measurements import Measurements
from wildgraph.screening.score import Request, Scorer
from wildgraph.screening.settings import PairSettings
from wildgraph.store import RunDirectory, json_line

FACTS = facts(3, seed=5)
PROSE = " ".join(next(iter(texts())).split()[:400])


def told(name, *parts):
    return document(name, " ".join(parts))


def words(start, count=60):
    return " ".join(PROSE.split()[start : start + count])


ONE = told("one", words(0), FACTS[0], words(60), words(120))
TWO = told("two", words(180), FACTS[1], words(240))
PARTS = PairSettings(chunk_tokens=64)
NONE = told("none", words(300), words(0, 40))


@pytest.fixture(scope="module")
def scorer(induction_folder):
    return Scorer(CausalLM(str(induction_folder), device="cpu"), batch_tokens=4096)


def measured(scorer, tmp_path, one, *documents, config=PARTS):
    tmp_path.mkdir(exist_ok=True)
    with Measurements(tmp_path / "m.sqlite") as kept:
        (found,) = pair_gains([one], {each.hash: each.text for each in documents}.__getitem__, scorer, config, kept, "key")
        (again,) = pair_gains([one], {}.__getitem__, None, config, kept, "key")
    assert again == found
    return found, [verdict.status for verdict in verdicts(found, config)]


def test_an_answer_that_one_passage_gives(scorer, tmp_path):
    found, said = measured(scorer, tmp_path, pair("What is kept?", FACTS[0], documents=(ONE,), spans=()), ONE)
    assert said == ["pass", "not_evaluated", "fail"]
    assert found.gain > 1
    best = max(found.parts, key=lambda part: part.gain)
    ids = scorer.model.tokenizer(ONE.text)["input_ids"][best.start : best.end]
    assert FACTS[0].split()[0][:4] in scorer.model.tokenizer.decode(ids)


def test_an_answer_that_needs_two_documents(scorer, tmp_path):
    both = pair("What is kept?", f"{FACTS[0]} {FACTS[1]}", documents=(ONE, TWO), spans=())
    found, said = measured(scorer, tmp_path, both, ONE, TWO)
    assert said == ["pass", "pass", "pass"]
    assert set(found.documents) == {"one", "two"}


def test_a_document_that_is_not_needed(scorer, tmp_path):
    one = pair("What is kept?", FACTS[0], documents=(ONE, NONE), spans=())
    found, said = measured(scorer, tmp_path, one, ONE, NONE)
    assert said[1] == "fail"
    assert found.documents["one"] > 1 > 0.01 > found.documents["none"]
    distracting = pair("What is kept?", FACTS[0], documents=(ONE, NONE), spans=(), roles=("required", "distractor"), index=1)
    found, _ = measured(scorer, tmp_path, distracting, ONE, NONE)
    assert set(found.documents) == {"one"}


def test_an_answer_that_the_question_gives_away(scorer, tmp_path):
    _, said = measured(scorer, tmp_path, pair(f"Repeat: {FACTS[0]}", FACTS[0], documents=(NONE,), spans=()), NONE)
    assert said == ["fail", "not_evaluated", "not_evaluated"]


def test_gains_are_differences_of_log_likelihoods(scorer, tmp_path):
    one = pair("What is kept?", FACTS[0], documents=(ONE,), spans=())
    found, _ = measured(scorer, tmp_path, one, ONE)
    model = scorer.model

    def loglik(*shown):
        before = [token for text in shown for token in model.tokenizer(f"{text}")["input_ids"]]
        ids = np.array([0, *before, *model.tokenizer(FACTS[0])["input_ids"]], np.int32)
        (scores,) = scorer.score([Request(ids, np.arange(len(before) + 1, len(ids)))])
        return scores.loglik.mean()

    gap = "\n\n"
    assert found.gain == pytest.approx(loglik(ONE.text, gap, "What is kept?", gap) - loglik("What is kept?", gap), abs=1e-3)


def test_what_cannot_be_judged(scorer, tmp_path):
    long = told("long", *[PROSE] * 12)
    found, said = measured(scorer, tmp_path, pair(documents=(long,), spans=()), long)
    assert found.too_long
    assert said == ["not_evaluated"] * 3
    refusal = PairGain("p", "unanswerable", 100, 9, -1.0, 0.0, {}, (PartGain("d", 0, 9, 0.0),))
    assert [verdict.status for verdict in verdicts(refusal, PairSettings())] == ["not_evaluated"] * 3


# ----------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sampled") / "run"
    with RunDirectory.write(folder) as made, DocumentStore(folder / "documents.sqlite") as store:
        for one in (ONE, TWO):
            store.put(one)
        store.commit()
        rows = [
            pair("What is kept?", FACTS[0], documents=(ONE,), spans=()),
            pair("And?", f"{FACTS[0]} {FACTS[1]}", documents=(ONE, TWO), spans=()),
        ]
        made.write_text("pairs.jsonl", "".join(json_line(one.row()) for one in rows))
        entry = {"fingerprint": "f", "in": 2, "out": 2, "rejected": {}, "files": {}}
        made.write_text("manifest.json", json.dumps({"format": "wildgraph.run", "version": 1, "stages": {"sample": entry}}))
    return folder


def test_the_pairs_of_a_run(run, induction_folder, tmp_path):
    said = succeed("screen", "--pairs", run, "--model", induction_folder, "-o", tmp_path).out
    assert said.startswith("2 pairs; median gain")
    rows = [json.loads(line) for line in (tmp_path / "gains.jsonl").read_text().splitlines()]
    assert [verdict["status"] for verdict in rows[0]["verdicts"]] == ["pass", "not_evaluated", "not_evaluated"]
    assert (tmp_path / "gain.svg").read_text().startswith("<svg")
    assert json.loads(succeed("screen", "--pairs", run, "--model", induction_folder, "-o", tmp_path, "--json").out)["pairs"] == 2


def test_pairs_that_the_model_cannot_take_in_are_said_to_be_unmeasured(run, tmp_path):
    short = save_random(tmp_path / "short", max_position_embeddings=16)
    said = succeed("screen", "--pairs", run, "--model", short, "-o", tmp_path / "gains").out
    assert said.startswith("2 pairs, 2 of them longer than the model takes in and not measured\n")
    assert "None" not in said


def test_documents_on_the_command_line(random_folder, tmp_path):
    table = write_rows(
        tmp_path / "documents.jsonl", [{"id": f"d{n}", "text": text[:6000]} for n, text in zip(range(6), texts(), strict=False)]
    )
    options = ["--model", random_folder, "-o", tmp_path / "out", "--target-tokens", "1k", "--root-tokens", 300, "--chunk-tokens", 64]
    settings = tmp_path / "few.yaml"
    settings.write_text("screening: {anchors: {most: 4, h_min: 0.5}, verify: {epsilon: 0.05, min_drop: 0.0, controls: 1, window: 64}}")
    options += ["--anchor-rule", "quantile", "--retriever", "bm25", "--k", 3, "--config", settings, "--roots", 4]
    said = succeed("screen", table, *options).out
    assert said.startswith("round 1: ")
    assert "kept" in said
    (report,) = json.loads(succeed("screen", table, *options, "--json").out)
    assert report["roots"] == 4
    assert (tmp_path / "out" / "rounds" / "0001" / "sequences.parquet").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["screen", "--model", "m", "-o", "out"], "name documents to screen, or --pairs RUN"),
        (["screen", "docs", "--model", "m", "-o", "out", "--target-tokens", "many"], "no length"),
        (["screen", "docs", "--model", "m", "-o", "out", "--target-tokens", "2k"], "leaves no room"),
        (["screen", "docs", "--model", "m", "-o", "out", "--rounds", "2"], "need training between them"),
        (["screen", "nowhere", "--model", "m", "-o", "out"], "nowhere"),
        (["screen", "--pairs", "norun", "--model", "m", "-o", "out"], "norun"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    outcome = wildgraph(*arguments)
    assert outcome.code in (2, 3, 4)
    assert said in outcome.error


# --------------------------------------------------------------------------- the checkpoint's own template

TEMPLATE = (
    "{% for message in messages %}[{{ message['role'] }}]{{ message['content'] }}[/]{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


@pytest.fixture(scope="module")
def chatting(induction_folder, tmp_path_factory):
    """The same model with a chat template."""
    folder = tmp_path_factory.mktemp("chatting") / "model"
    shutil.copytree(induction_folder, folder)
    model = CausalLM(str(folder), device="cpu")
    model.tokenizer.chat_template = TEMPLATE
    model.tokenizer.save_pretrained(folder)
    return Scorer(CausalLM(str(folder), device="cpu"), batch_tokens=4096)


def test_documents_stand_where_the_template_has_the_first_request(chatting):
    turns = pair("What is kept?", FACTS[0]).turns[:1]
    assert framed(chatting.model.tokenizer, turns) == ("[user]", "What is kept?[/][assistant]")


def test_later_turns_follow_in_the_template(chatting):
    turns = [Message(role=role, content=content) for role, content in (("user", "One?"), ("assistant", "One."), ("user", "Two?"))]
    assert framed(chatting.model.tokenizer, turns) == ("[user]", "One?[/][assistant]One.[/][user]Two?[/][assistant]")


@pytest.mark.parametrize("template", [None, "{{ raise_exception('no') }}", "{{ messages[0]['role'] }}"])
def test_without_a_template_that_takes_the_turns_prompts_are_plain(chatting, template):
    class Plain:
        chat_template = template

        def apply_chat_template(self, conversation, **settings):
            return chatting.model.tokenizer.apply_chat_template(conversation, chat_template=template, **settings)

    assert framed(Plain(), pair("What is kept?", FACTS[0]).turns[:1]) == ("", "What is kept?\n\n")


def test_an_answer_is_measured_in_the_template(chatting, scorer, tmp_path):
    both = pair("What is kept?", f"{FACTS[0]} {FACTS[1]}", documents=(ONE, TWO), spans=())
    found, said = measured(chatting, tmp_path, both, ONE, TWO)
    plain, _ = measured(scorer, tmp_path / "plain", both, ONE, TWO)
    assert said == ["pass", "pass", "pass"]
    assert found.tokens > plain.tokens
    assert found.without != plain.without
