"""Whole samples with a shape, a judge, worse answers and a trainee: against servers that answer as models might."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from fake_server import Body, FakeServer, fraction_of
from plausible_answers import plausible
from whole_runs import GRAPHS, Outcome, pairs, requests_of, rows, seed_documents, succeed, wildgraph, write_rows

from wildgraph import objectives, waves
from wildgraph.records import Checker, Pair

pytestmark = pytest.mark.usefixtures("remembered")

RUBRICS = ("faithful", "complete", "follows", "needs_documents", "natural")
SHAPE = ("--paradigm-share", "comparison=0.25", "--paradigm-share", "aggregation=0.25", "--type-share", "contract=0.5")


def said(body: Body) -> str:
    return body["messages"][-1]["content"]


def opinion(body: Body) -> str:
    """The answer of a judge: one pair in six is unfaithful; one request in eight is known by heart."""
    system = body["messages"][0]["content"]
    if "You have not been given the documents" in system:
        return json.dumps({"known": fraction_of(body, "known") < 1 / 8, "answer": "It is as everybody knows."})
    if "You compare two answers" in system:
        return json.dumps({"reason": "the same finding", "same": True})
    assert "# Your part: the examiner" in said(body)
    low = fraction_of(body, "judge") < 1 / 6
    return json.dumps(
        {"scores": [{"rubric": name, "reason": "looked up", "score": 2 if low and name == "faithful" else 5} for name in RUBRICS]}
    )


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "WILDGRAPH_JUDGE_KEY", "WILDGRAPH_TRAINEE_KEY"):
        monkeypatch.delenv(name, raising=False)
    return write_rows(tmp_path / "d.jsonl", seed_documents("contract", "news article"))


#: What this is about does not depend on the paradigm; these three share their prompts.
WRITTEN = ("--paradigm", "single_document", "--paradigm", "comparison", "--paradigm", "aggregation")


def drawn(inputs: Path, *more: object) -> Outcome:
    return wildgraph("sample", GRAPHS, "-d", inputs, "-q", *WRITTEN, *more)


def config(tmp_path: Path, **settings: object) -> tuple[str, Path]:
    file = tmp_path / f"config-{len(list(tmp_path.iterdir()))}.yaml"
    file.write_text(json.dumps(settings))
    return "--config", file


# --------------------------------------------------------------------------- the shape


def test_quotas_are_met_exactly_whatever_the_waves_and_smaller_samples_are_prefixes(inputs: Path, tmp_path: Path):
    run = tmp_path / "run"
    assert drawn(inputs, "-n", 32, "-o", run, *SHAPE).code == 0
    whole = (run / "pairs.jsonl").read_bytes()
    found = pairs(run)
    assert Counter(pair.paradigm for pair in found) == {"single_document": 16, "comparison": 8, "aggregation": 8}
    assert sum(pair.document_type == "contract" for pair in found) == 16
    assert len({pair.index for pair in found}) == 32
    shape = json.loads((run / "manifest.json").read_text())["stages"]["sample"]["shape"]
    assert shape["paradigm"] == {"aggregation": 8, "comparison": 8, "other": 16}
    asked = requests_of(run)
    assert drawn(inputs, "-n", 32, "-o", run, *SHAPE, *config(tmp_path, sample={"wave": 1})).code == 0
    assert (run / "pairs.jsonl").read_bytes() == whole
    assert drawn(inputs, "-n", 32, "-o", run, *SHAPE, *config(tmp_path, sample={"wave": 90})).code == 0
    assert (run / "pairs.jsonl").read_bytes() == whole
    assert drawn(inputs, "-n", 12, "-o", run, *SHAPE).code == 0
    assert whole.startswith((run / "pairs.jsonl").read_bytes())
    assert Counter(pair.paradigm for pair in pairs(run)) == {"single_document": 6, "comparison": 3, "aggregation": 3}
    assert requests_of(run) <= asked + 3 * 100


def test_a_quota_that_cannot_be_met_is_named_with_its_reason_and_the_rest_is_kept(inputs: Path, tmp_path: Path):
    one = write_rows(tmp_path / "one.jsonl", [*seed_documents("contract"), *seed_documents("news article")[:1]])
    settings = config(tmp_path, sample={"quotas": {"patience": 12}})
    shape = ("--paradigm-share", "comparison=0.5", "--type-share", "news article=0.5")
    outcome = drawn(one, "-n", 12, "-o", tmp_path / "run", *shape, "--compose", 0, *settings)
    # Two news articles in one split there are not: comparisons are all of contracts, what is on news is of one document.
    found = pairs(tmp_path / "run")
    assert all(pair.document_type != "news article" for pair in found if pair.paradigm == "comparison")
    if outcome.code == 0:
        assert Counter(pair.paradigm == "comparison" for pair in found) == {True: 6, False: 6}
    else:
        assert outcome.code == 7
    shape = ("--paradigm-share", "comparison=0.5", "--type-share", "news article=1")
    short = drawn(one, "-n", 12, "-o", tmp_path / "short", *shape, "--compose", 0, *settings)
    assert short.code == 7
    said = re.search(r"paradigm comparison 0 of 6 \(no_document_group (\d+), duplicate_spec (\d+)\)", short.error)
    # Nobody was asked about them: such candidates are tried ten times as patiently.
    assert said is not None, short.error
    assert sum(map(int, said.groups())) == 120
    assert str(tmp_path / "short/pairs.jsonl") in short.error
    kept = pairs(tmp_path / "short")
    assert 0 < len(kept) <= 6
    assert f"{len(kept)} of 12 pairs" in short.error


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--paradigm-share", "comparision=0.5"), "paradigm 'comparision', which is not there"),
        (("--type-share", "contract=0.7", "--type-share", "news article=0.7"), "add up to 1.4"),
        (("--language-share", "German=0.5"), "the offline engine writes English, not German"),
        (("--paradigm", "conflict"), "only a model can write tasks of the paradigm 'conflict'"),
        (("--paradigm-share", "synthesis=0.2"), "only a model can write tasks of the paradigm 'synthesis'"),
        (("--contrast", "better=1"), "contrast"),
        (("--contrast", "worst_of_several"), "no judge is named"),
        (("--contrast", "no_document"), "the embedded engine cannot write"),
        (("--closed-book", "judge"), "no judge is named"),
        (("--closed-book", "writer"), "knows nothing by heart"),
        (("--judge-model", "offline"), "the embedded engine cannot be the judge"),
        (("--judge-base-url", "http://127.0.0.1:1/v1"), "--judge-model NAME"),
        (("--model", "m", "--base-url", "http://127.0.0.1:1/v1", "--judge-model", "M"), "would judge what it wrote itself"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(inputs: Path, tmp_path: Path, flags: tuple[str, ...], says: str):
    outcome = drawn(inputs, "-n", 4, "-o", tmp_path / "run", *flags)
    assert outcome.code == 2
    assert says in outcome.error


def test_languages_have_their_shares(fake_server: Callable[..., FakeServer], inputs: Path, tmp_path: Path):
    server, run = fake_server(answer=plausible), tmp_path / "run"
    model = ("--model", "fake", "--base-url", server.base_url)
    # The fake model writes English whatever it is asked for, which the gate of languages would notice.
    gates = config(tmp_path, gate={"gates": ["length", "grounding", "duplicates"]})
    shares = ("--language-share", "German=0.4", "--language-share", "English=0.6")
    outcome = drawn(inputs, "-n", 10, "-o", run, *model, *shares, *gates)
    assert outcome.code == 0, outcome.err
    assert Counter(pair.language for pair in pairs(run)) == {"German": 4, "English": 6}
    asked = [said(body) for body in server.counted.bodies.values() if "# Your part: the user" in said(body)]
    assert any("short sentences, in German" in one for one in asked)
    assert any("short sentences, in English" in one for one in asked)


# --------------------------------------------------------------------------- judges


def test_a_judge_is_asked_about_what_passed_the_gates_and_its_verdicts_are_kept(
    fake_server: Callable[..., FakeServer], inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WILDGRAPH_JUDGE_KEY", "judge-key")
    writer, judge, run = fake_server(answer=plausible), fake_server(answer=opinion, key="judge-key"), tmp_path / "run"
    models = ("--model", "fake", "--base-url", writer.base_url, "--price", "input=1,output=4")
    models += ("--judge-model", "other", "--judge-base-url", judge.base_url, "--judge-price", "input=2,output=8")
    outcome = drawn(inputs, "-n", 12, "-o", run, *models)
    assert outcome.code == 0, outcome.err
    for pair in pairs(run):
        gates = [verdict.gate for verdict in pair.verdicts]
        assert gates[-7:] == ["closed_book", *(f"judge:{name}" for name in RUBRICS), "duplicates"]
        assert gates.index("grounding") < gates.index("closed_book")
        assert {verdict.status for verdict in pair.verdicts} == {"pass", "not_evaluated"}
        assert all(verdict.status == "pass" for verdict in pair.verdicts[-7:])
    stages = json.loads(succeed("status", run, "--json").out)["stages"]
    assert stages["sample"]["judge"].startswith("openai:other@")
    names = ("walk", "pair", "adapt", "gate", "closed_book", "judge")
    assert list(stages)[1:7] == list(names)
    for name in names:
        assert stages[name]["in"] == stages[name]["out"] + sum(sum(kind.values()) for kind in stages[name]["rejected"].values())
    assert stages["closed_book"]["in"] == stages["gate"]["out"]
    assert stages["judge"]["rejected"]["gated"].get("judged_poor", 0) + stages["closed_book"]["rejected"]["gated"].get(
        "known_without_documents", 0
    )
    # every request is on the bill of the stage that asked
    prompts = Counter("judge" if "examiner" in said(body) else "closed_book" for body in judge.counted.bodies.values())
    assert {name: stages[name]["requests"] for name in ("judge", "closed_book")} == prompts
    assert stages["adapt"]["requests"] == writer.counted.requests
    paid = stages["judge"]["cost"] + stages["closed_book"]["cost"]
    assert paid == pytest.approx((2 * judge.counted.prompt_tokens + 8 * judge.counted.completion_tokens) / 1e6)
    # those that were turned away can be looked at
    gated = [Pair.from_row(row) for row in rows(next(run.glob("samples/*/gated.jsonl")))]
    away = [verdict for pair in gated for verdict in pair.verdicts if verdict.gate.startswith(("judge:", "closed_book"))]
    assert away
    assert {verdict.reason for verdict in away} <= {"judged_poor", "known_without_documents"}
    # a sample without a judge leaves nothing of the judge's behind
    assert drawn(inputs, "-n", 12, "-o", run, *models[:6]).code == 0
    assert not any(verdict.gate.startswith("judge") for pair in pairs(run) for verdict in pair.verdicts)
    assert json.loads((run / "manifest.json").read_text())["stages"]["judge"]["in"] == 0


def test_the_key_of_one_server_is_not_shown_to_another(
    fake_server: Callable[..., FakeServer], inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "writers-secret")
    trainee = fake_server(answer=opinion)
    local = trainee.base_url.replace("127.0.0.1", "127.0.0.2")  # another host to the product, the same one to the system
    outcome = drawn(inputs, "-n", 2, "-o", tmp_path / "run", "--judge-model", "other", "--judge-base-url", local)
    assert "writers-secret" not in str(trainee.counted.headers) + outcome.out + outcome.err


# --------------------------------------------------------------------------- worse answers


def test_the_embedded_engine_makes_worse_answers_without_a_model(inputs: Path, tmp_path: Path):
    run = tmp_path / "run"
    documents = write_rows(tmp_path / "all.jsonl", seed_documents())
    both = ("--contrast", "constraint_broken=1", "--contrast", "wrong_document=3")
    assert drawn(documents, "-n", 30, "-o", run, *both).code == 0
    found = pairs(run)
    ways = Counter(other.made for pair in found for other in pair.alternatives)
    assert ways["constraint_broken"] >= 5
    assert ways["wrong_document"] >= 5
    types = {row["id"]: row["document_type"] for row in seed_documents()}
    for pair in found:
        assert len(pair.alternatives) <= 1
        for other in pair.alternatives:
            assert other.content != pair.response
            if other.matched:
                assert 0.75 < len(other.content) / len(pair.response) < 1.3
            if other.made == "wrong_document":
                taken = other.detail.removeprefix("answered from ").split(", ")
                assert not set(taken) & {one.id for one in pair.documents}
                assert {types[one] for one in taken} <= {types[one.id] for one in pair.documents}
    stages = json.loads(succeed("status", run, "--json").out)["stages"]
    with_one = sum(bool(pair.alternatives) for pair in found)
    assert (stages["contrast"]["in"], stages["contrast"]["out"]) == (30, with_one)
    none = tmp_path / "none"
    assert drawn(documents, "-n", 30, "-o", none, "--no-contrast").code == 0
    assert [pair.model_copy(update={"alternatives": ()}) for pair in found] == pairs(none)


def test_the_worst_of_several_is_chosen_by_the_judge(fake_server: Callable[..., FakeServer], inputs: Path, tmp_path: Path):
    def scoring(body: Body) -> str:
        score = 5 if fraction_of(body, "good") < 0.6 else 1
        return (
            json.dumps({"scores": [{"rubric": name, "reason": "", "score": score} for name in RUBRICS]})
            if "examiner" in said(body)
            else opinion(body)
        )

    def writing(body: Body) -> str:
        if body.get("temperature") == 1.0:  # a further answer: one sentence of the same answer is another one
            return plausible(body) + f" In all, {fraction_of(body, 'more') * 100:.0f} points were counted."
        return plausible(body)

    writer, judge, run = fake_server(answer=writing), fake_server(answer=scoring), tmp_path / "run"
    models = ("--model", "fake", "--base-url", writer.base_url, "--judge-model", "other", "--judge-base-url", judge.base_url)
    outcome = drawn(inputs, "-n", 6, "-o", run, *models, "--contrast", "worst_of_several", "--closed-book", "nobody")
    assert outcome.code == 0, outcome.err
    worst = [other for pair in pairs(run) for other in pair.alternatives]
    assert worst
    for other in worst:
        assert (other.made, other.margin) == ("worst_of_several", 4.0)
        assert "points were counted" in other.content


# --------------------------------------------------------------------------- pass rates


def test_a_trainee_that_cannot_be_reached_is_named_by_its_address(inputs, tmp_path):
    """And the hint does not send the reader to the model's own flag alone."""
    job = ("sample", GRAPHS, "-d", inputs, "-q", "--paradigm", "verifiable", "-n", 2, "-o", tmp_path / "run")
    outcome = wildgraph(*job, "--trainee-model", "small", "--trainee-base-url", "http://127.0.0.1:9/v1")
    assert outcome.code == 5
    assert "http://127.0.0.1:9/v1 cannot be reached" in outcome.error
    assert "trainee's own" in outcome.error


def test_pass_rates_are_measured_on_the_exported_prompt(
    fake_server: Callable[..., FakeServer], inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The paradigms that this sample has carry no checkers: they are put on, and what they say is scripted."""
    monkeypatch.setattr(objectives, "passes_checkers", lambda pair, text, prompt: len(text) % 3 == 0 and pair.instruction in prompt)
    judged = waves.Waves._judged

    def checked(self: waves.Waves, draft: waves.Draft) -> waves.Draft:
        found = judged(self, draft)
        if isinstance(found.item, Pair) and found.item.index % 2:
            return found._replace(item=found.item.model_copy(update={"checkers": (Checker(name="exact", args='{"answer":"x"}'),)}))
        return found

    monkeypatch.setattr(waves.Waves, "_judged", checked)
    trainee, run = fake_server(), tmp_path / "run"
    model = ("--trainee-model", "small", "--trainee-base-url", trainee.base_url)
    outcome = drawn(inputs, "-n", 8, "-o", run, *model)
    assert outcome.code == 0, outcome.err
    found = pairs(run)
    asked = [pair for pair in found if pair.checkers]
    assert asked
    assert all(pair.pass_rate is None for pair in found if not pair.checkers)
    assert all(pair.pass_rate is not None for pair in asked)
    assert {body["temperature"] for body in trainee.counted.bodies.values()} == {1.0}
    stages = json.loads(succeed("status", run, "--json").out)["stages"]
    assert stages["probe"]["in"] == len(asked)
    assert stages["probe"]["out"] == sum(0 < pair.pass_rate < 1 for pair in asked)
    succeed("export", run, "--to", "sft")
    tables = [pd.read_parquet(file) for file in (run / "export").rglob("*.parquet")]
    prompts = {json.dumps([dict(message) for message in prompt]) for table in tables for prompt in table["prompt"]}
    sent = {json.dumps(body["messages"]) for body in trainee.counted.bodies.values()}
    assert prompts
    assert sent <= prompts
    assert drawn(inputs, "-n", 8, "-o", run, *model).out.count("was there already") == 1


# --------------------------------------------------------------------------- spending


def test_a_budget_that_ends_keeps_what_there_is_and_says_so(fake_server: Callable[..., FakeServer], inputs: Path, tmp_path: Path):
    server, run = fake_server(answer=plausible), tmp_path / "run"
    model = ("--model", "fake", "--base-url", server.base_url)
    stopped = drawn(inputs, "-n", 30, "-o", run, *model, *SHAPE, "--max-requests", 130)
    assert stopped.code == 6
    kept = pairs(run)
    assert f"{len(kept)} of 30 pairs were accepted" in stopped.error
    assert "paradigm" in stopped.error
    assert str(run / "pairs.jsonl") in stopped.error
    assert 0 < len(kept) < 30
    assert server.counted.requests <= 130
    assert drawn(inputs, "-n", 30, "-o", run, *model, *SHAPE).code == 0
    assert pairs(run)[: len(kept)] == kept
    assert all(times == 1 for times in server.counted.served.values())


def test_the_judge_spends_from_the_same_budget(fake_server: Callable[..., FakeServer], inputs: Path, tmp_path: Path):
    writer, judge = fake_server(answer=plausible), fake_server(answer=opinion)
    models = ("--model", "fake", "--base-url", writer.base_url, "--judge-model", "other", "--judge-base-url", judge.base_url)
    assert drawn(inputs, "-n", 10, "-o", tmp_path / "run", *models[:4]).code == 0
    assert drawn(inputs, "-n", 10, "-o", tmp_path / "run", *models, "--max-requests", 7).code == 6
    assert 0 < judge.counted.requests <= 7
    outcome = drawn(inputs, "-n", 30, "-o", tmp_path / "two", *models, "--price", "input=1,output=1", "--max-cost", 1)
    assert outcome.code == 2
    assert "--judge-price" in outcome.error


def test_everything_that_is_asked_is_in_the_estimate(fake_server: Callable[..., FakeServer], inputs: Path, tmp_path: Path):
    writer, judge, run = fake_server(answer=plausible), fake_server(answer=opinion), tmp_path / "run"
    flags = ("--model", "fake", "--base-url", writer.base_url, "--price", "input=1,output=4", "--contrast", "wrong_document")
    flags += ("--judge-model", "other", "--judge-base-url", judge.base_url, "--judge-price", "input=2,output=8")
    job = ("sample", GRAPHS, "-d", inputs, "-n", 20, "-o", run, *flags, *WRITTEN)
    told = succeed("estimate", *job).out
    assert writer.counted.requests + judge.counted.requests == 0
    lines = {line.split()[0]: line for line in told.splitlines() if " expected " in line}
    assert {"stages/answer", "stages/closed_book", "stages/judge", "contrast/wrong_document", "together"} <= set(lines)
    succeed(*job, "-q")
    stages = json.loads(succeed("status", run, "--json").out)["stages"]
    asked = stages["contrast"]["requests"]  # pairs whose documents have no neighbour are not asked about
    assert 0 < asked <= 20
    assert int(lines["contrast/wrong_document"].split()[2]) == pytest.approx(asked, rel=0.4)
    assert stages["adapt"]["requests"] + asked == writer.counted.requests
    judged = Counter("judge" if "examiner" in said(body) else "closed_book" for body in judge.counted.bodies.values())
    assert judged["judge"] >= 20
    again = succeed("estimate", *job).out
    rest = next(line for line in again.splitlines() if line.startswith("together"))
    assert int(rest.split()[2].replace(",", "")) <= 0.2 * (writer.counted.requests + judge.counted.requests)
