"""Forgetting is as if the user had never been there: compared with a build of the same log without them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from made_graphs import record, run_of
from plausible_answers import mined, plausible
from whole_runs import chat, copied, rows, succeed, write_rows

from wildgraph.backends.openai_compatible import OpenAICompatible
from wildgraph.backends.scripted import ScriptedModel
from wildgraph.building import Build
from wildgraph.catalogue import empty_prior
from wildgraph.config import Config
from wildgraph.counts import read_counts, save_counts
from wildgraph.embedders.cached import CachedEmbedder
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.engines import Engines
from wildgraph.errors import InputError, RunError
from wildgraph.forgetting import forget, purge
from wildgraph.funnel import silent
from wildgraph.lifters.by_likeness import LikenessLifter
from wildgraph.lifters.by_model import ModelLifter
from wildgraph.lifters.kept import GROUPS
from wildgraph.llm import CachedModel, ResponseCache, Tally
from wildgraph.pseudonyms import keyed_user
from wildgraph.published import check_graphs
from wildgraph.readers import log_files, read_logs
from wildgraph.records import Conversation
from wildgraph.stages.graph import GraphConfig
from wildgraph.store import RunDirectory
from wildgraph.taskgraph import read_graphs
from wildgraph.uniting import merge_graphs

CONFIG = Config(graph=GraphConfig(min_support=2, min_type_records=3))
SECRET = "the zebra affair of Mill Street"


@pytest.fixture(autouse=True)
def one_key(monkeypatch):
    monkeypatch.setenv("WILDGRAPH_KEY", "the key of these tests")


def log(folder: Path, name: str = "log.jsonl", without: str = "") -> Path:
    """Forty queries of eight users; Ann's are about something that nobody else asks, and one is Bob's word for word."""
    said = [chat(f"Please summarize the attached contract number {n}", user=f"user {n % 7}") for n in range(36)]
    said += [chat(f"Sum up {SECRET}, part {n}, in the attached contract", user="Ann") for n in range(3)]
    said += [chat("Please list the dates in the attached contract", user=user) for user in ("Ann", "Bob")]
    said += [chat("Sum up", user="Ann", conversation_hash="toxic", toxic=True)]
    return write_rows(folder / name, [row for row in said if row["hashed_ip"] != without])


def answer(request):
    query = str(request.prompt.variables["instruction"])
    found = mined(query)
    if SECRET in query:
        found["task"] = [{"general": "explain the zebra affair", "specific": SECRET}]
    if query.endswith(("1", "2", "3")):
        found["task"].append(
            {"general": "explain the zebra affair", "specific": ""} if "number 13" in query else {"general": "explain", "specific": ""}
        )
    return json.dumps(found)


def lifted(request):
    """A scripted model that lifts as well."""
    if request.prompt.template.name.startswith("stages/"):
        return answer(request)
    return plausible({"messages": request.prompt.messages()})


def built(path: Path, file: Path, config: Config = CONFIG, model=None, *, lifts: bool = False) -> Path:
    with RunDirectory.write(path) as run, ResponseCache(run.private / "cache.sqlite", ballast=0) as cache:
        asked = model(cache) if model else CachedModel(ScriptedModel(answer), cache)
        prior, embedder = empty_prior(), CachedEmbedder(HashedEmbedder(), run.private / "vectors.sqlite")
        likeness = LikenessLifter(prior, embedder, config.canonicalize.likeness)
        lifter = ModelLifter(asked, likeness, config.canonicalize.by_model) if lifts else likeness
        try:
            job = Build(run, config, Engines(asked, embedder, prior, Tally(), likeness, lifter), silent)
            job.graph(job.canonicalize(job.mine(job.ingest(log_files([file]), read_logs([file])))))
        finally:
            if model:
                asked.close()
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forgetting")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WILDGRAPH_KEY", "the key of these tests")
        return built(folder / "run", log(folder))


@pytest.fixture
def run(whole, tmp_path):
    return copied(whole, tmp_path)


def answers(run):
    with closing(sqlite3.connect(run / "private/cache.sqlite")) as connection:
        return connection.execute("SELECT count(*) FROM responses").fetchone()[0]


def everything(run):
    """All bytes of a run, those of pages that parquet compressed included as rows."""
    text = b"".join(file.read_bytes() for file in sorted(run.rglob("*")) if file.is_file())
    return text + repr(read_counts(run).records).encode()


def test_nothing_of_the_user_is_left(run):
    assert b"zebra" in everything(run)
    assert b"Ann" in everything(run)
    before = answers(run)
    found = forget(run, "Ann")
    assert (found.conversations, found.records, found.answers, found.unsure) == (4, 4, 3, False)
    assert answers(run) == before - 3
    text = everything(run)
    assert b"Ann" not in text
    assert SECRET.encode() not in text
    assert not list((run / "private").glob("cache.sqlite-*"))


def test_vectors_of_private_texts_go_with_any_user(run):
    file = run / "private/vectors.sqlite"
    assert file.is_file()
    for end in ("-wal", "-shm"):  # as a killed command leaves them
        file.with_name(f"{file.name}{end}").touch()
    assert forget(run, "Ann").vectors
    assert not list((run / "private").glob("vectors*"))
    assert not forget(run, "user 6").vectors


def test_groups_of_values_are_found_anew_by_the_next_build(run):
    with RunDirectory.write(run) as directory:
        directory.write_rows(GROUPS, [{"of": "a mark"}, {"field": "task", "name": "sum up", "members": {"sum up the will of Ann": 1.0}}])
    forget(run, "Ann")
    assert (run / GROUPS).read_bytes() == b""


def test_vectors_are_made_again_by_the_next_build(run, tmp_path):
    forget(run, "Ann")
    built(run, log(tmp_path, without="user 3"))
    assert (run / "private/vectors.sqlite").is_file()


def test_answers_of_a_lifter_are_named_as_left(tmp_path):
    """They name concepts over many users' values, and nobody can be taken out of them."""
    run = built(tmp_path / "run", log(tmp_path), model=lambda cache: Closable(CachedModel(ScriptedModel(lifted), cache)), lifts=True)
    before = answers(run)
    found = forget(run, "Ann")
    assert found.kept_prompts == ("lifters/refine", "lifters/sort")
    assert found.answers == before - answers(run) == 3
    outcome = succeed("forget", run, "--user", "user 6")
    for prompt in found.kept_prompts:
        assert f"left     cached answers of {prompt}, each over values of many users" in outcome.out


def test_that_vectors_went_is_said(run):
    assert "gone     all vectors of private texts" in succeed("forget", run, "--user", "Ann").out


def test_what_another_version_asked_is_not_claimed_to_be_gone(run):
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["stages"]["mine"]["version"] -= 1  # masked otherwise, so that the same query made another prompt
    (run / "manifest.json").write_text(json.dumps(manifest))
    found = forget(run, "Ann")
    assert (found.answers, found.unsure) == (0, True)


def test_what_a_killed_command_left_half_written_goes_too(run):
    (run / "private/mined.jsonl.partial").write_text(SECRET)
    forget(run, "Ann")
    assert SECRET.encode() not in everything(run)


def without_likeness(found):
    """How like a value is to its concept was measured while the user's values were there."""
    return [{key: value for key, value in row.items() if key != "similarity"} for row in found]


def test_the_graphs_and_records_are_those_of_a_log_without_the_user(run, tmp_path):
    found = forget(run, "Ann")
    other = built(tmp_path / "other", log(tmp_path, without="Ann"))
    assert [graph.to_json() for graph in found.graphs] == [graph.to_json() for graph in read_graphs(other / "graphs")]
    for name in ("private/mined.jsonl", "private/catalogue.jsonl", "catalogue.jsonl", "graph.rejected.jsonl"):
        assert without_likeness(rows(run / name)) == without_likeness(rows(other / name)), name
    assert {row["query"] for row in rows(run / "private/conversations.jsonl")} == {
        row["query"] for row in rows(other / "private/conversations.jsonl")
    }
    assert read_counts(run).records == read_counts(other).records
    assert check_graphs(run) == []


def test_a_concept_in_the_users_words_gets_another_name(whole, run):
    """One other user's value was lifted to the concept that bore the forgotten user's."""
    mark = next(row for row in rows(run / "private/catalogue.jsonl") if row["value"] == "explain the zebra affair")
    lines = [row for row in rows(run / "private/catalogue.jsonl") if row["value"] not in ("explain", "explain the zebra affair")]
    # the induced concept holds both values, named by the one that only Ann and user 6 wrote
    both = [mark, {**mark, "value": "explain", "count": 9, "users": 5}]
    write_rows(run / "private/catalogue.jsonl", [*lines, *both])
    found = forget(run, "Ann")
    assert found.renamed == 0  # user 6 wrote it too
    found = forget(run, "user 6")
    assert found.renamed == 1
    text = (run / "private/catalogue.jsonl").read_text() + (run / "private/concepts.jsonl").read_text() + repr(read_counts(run).records)
    assert "zebra" not in text
    assert "task/explain" in text


def test_a_concept_does_not_get_another_users_words_for_a_name(run):
    """What is left of it is what one user wrote: it is cut before it quotes that user, as a build cuts names."""
    quoted = "explain the winding road to the old lighthouse"
    mined = rows(run / "private/mined.jsonl")
    other = next(row for row in mined if row["user"] not in {one["user"] for one in mined if "zebra" in json.dumps(one)})
    other["values"]["task"][0]["general"] = quoted
    write_rows(run / "private/mined.jsonl", mined)
    mark = next(row for row in rows(run / "private/catalogue.jsonl") if row["value"] == "explain the zebra affair")
    lines = [row for row in rows(run / "private/catalogue.jsonl") if row["value"] != "explain the zebra affair"]
    write_rows(run / "private/catalogue.jsonl", [*lines, mark, {**mark, "value": quoted, "count": 1, "users": 1}])
    (run / "private/merges.json").write_text(json.dumps({"task/known": mark["concept"], "task/other": "task/third"}))
    forget(run, "Ann")
    assert forget(run, "user 6").renamed == 1
    names = {row["concept"]: row["name"] for row in rows(run / "private/catalogue.jsonl") if row["value"] == quoted}
    assert names == {"task/explain-the-winding-road": "explain the winding road"}
    assert "lighthouse" not in (run / "private/concepts.jsonl").read_text()
    assert json.loads((run / "private/merges.json").read_text()) == {
        "task/known": "task/explain-the-winding-road",
        "task/other": "task/third",
    }


def test_the_funnel_still_adds_up(run):
    forget(run, "Ann")
    stages = RunDirectory.open(run).manifest()["stages"]
    for name, entry in stages.items():
        assert entry["in"] == entry["out"] + sum(sum(reasons.values()) for reasons in entry["rejected"].values()), name
    assert stages["ingest"]["rejected"]["filtered"]["forgotten"] == 4
    assert stages["ingest"]["out"] == stages["mine"]["in"] == 37


def test_a_later_build_of_the_same_log_leaves_the_user_out(run, tmp_path):
    forget(run, "Ann")
    graphs = [graph.to_json() for graph in read_graphs(run / "graphs")]
    built(run, log(tmp_path))
    assert b"Ann" not in everything(run)
    assert [graph.to_json() for graph in read_graphs(run / "graphs")] == graphs
    assert RunDirectory.open(run).stage("ingest")["rejected"]["filtered"] == {"forgotten": 5}


def test_an_answer_that_another_user_got_too_stays(run, tmp_path):
    forget(run, "Ann")
    asked = ScriptedModel(answer)
    built(run, log(tmp_path), model=lambda cache: Closable(CachedModel(asked, cache)))
    assert [request.prompt.variables["instruction"] for request in asked.seen] == []


class Closable:
    def __init__(self, inner):
        self.identity, self.map = inner.identity, inner.map

    def close(self):
        pass


def test_corrected_answers_of_a_server_are_found_too(fake_server, tmp_path):
    """The first answer is no JSON and is corrected: both are the user's."""
    server = fake_server(answer=plausible, fault=lambda body, nth: "invalid_content" if len(body["messages"]) == 2 else None)
    run = built(
        tmp_path / "run",
        log(tmp_path),
        model=lambda cache: OpenAICompatible("fake", server.base_url, cache=cache, concurrency=4),
    )
    before = answers(run)
    assert before > 40
    found = forget(run, "Ann")
    assert (found.conversations, found.unsure) == (4, False)
    assert found.answers == before - answers(run) >= 6


def test_forgetting_twice_changes_nothing_more(run):
    forget(run, "Ann")
    first = {
        file: file.read_bytes() for file in run.rglob("*") if file.is_file() and "cache" not in file.name and "manifest" not in file.name
    }
    found = forget(run, "Ann")
    assert (found.conversations, found.records, found.answers) == (0, 0, 0)
    assert {file: file.read_bytes() for file in first} == first


@pytest.mark.parametrize(
    "step", ["private/catalogue.jsonl", "private/mined.jsonl", "private/conversations.jsonl", "private/counts.parquet"]
)
def test_an_interrupted_call_is_ended_by_the_same_call(run, step, monkeypatch):
    clean = copied(run, run.parent / "clean")
    forget(clean, "Ann")
    for name in ("write_rows", "write_bytes"):
        write = getattr(RunDirectory, name)

        def stop(self, file, *rest, write=write, **more):
            if file == step:
                raise KeyboardInterrupt
            return write(self, file, *rest, **more)

        monkeypatch.setattr(RunDirectory, name, stop)
    with pytest.raises(KeyboardInterrupt):
        forget(run, "Ann")
    monkeypatch.undo()
    monkeypatch.setenv("WILDGRAPH_KEY", "the key of these tests")
    forget(run, "Ann")
    for name in ("mined.jsonl", "catalogue.jsonl", "conversations.jsonl", "concepts.jsonl"):
        assert rows(run / "private" / name) == rows(clean / "private" / name), name
    assert read_counts(run).records == read_counts(clean).records
    assert [graph.to_json() for graph in read_graphs(run / "graphs")] == [graph.to_json() for graph in read_graphs(clean / "graphs")]
    assert (run / "manifest.json").read_bytes() == (clean / "manifest.json").read_bytes()


def test_where_the_prompt_has_changed_it_is_said_that_answers_may_be_left(run):
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["stages"]["mine"]["template"] = {"stages/mine": "older"}
    (run / "manifest.json").write_text(json.dumps(manifest))
    found = forget(run, "Ann")
    assert (found.answers, found.unsure) == (0, True)


def test_the_last_users_of_a_graph_take_it_with_them(tmp_path):
    run = run_of(
        tmp_path / "run", [record(n, ["task/translate"], f"u{n}") for n in range(3)], GraphConfig(min_support=3, min_type_records=1)
    )
    counts = read_counts(run)
    named = [one.model_copy(update={"user": keyed_user(b"the key of these tests", f"name {n}")}) for n, one in enumerate(counts.records)]
    save_counts(RunDirectory(run), replace(counts, records=named))
    found = forget(run, "name 1")
    assert (found.records, found.graphs) == (1, [])
    assert not list((run / "graphs").glob("*.json"))


def test_a_merged_run_forgets_too(whole, tmp_path):
    more = built(tmp_path / "more", write_rows(tmp_path / "more.jsonl", [chat(f"Explain contract {n}", user=f"m{n}") for n in range(12)]))
    merge_graphs([whole, more], tmp_path / "merged")
    before = len(read_counts(tmp_path / "merged").records)
    found = forget(tmp_path / "merged", "Ann")
    assert found.records == before - len(read_counts(tmp_path / "merged").records) == 4
    assert RunDirectory.open(tmp_path / "merged").stage("graph")["merged"] == 2
    assert check_graphs(tmp_path / "merged") == []


def test_who_was_never_there_and_another_key_are_errors(run, monkeypatch):
    with pytest.raises(InputError, match="no user of that name"):
        forget(run, "Nobody")
    assert not (run / "private/forgotten.jsonl").exists()
    monkeypatch.setenv("WILDGRAPH_KEY", "another")
    with pytest.raises(RunError, match="was counted with another key"):
        forget(run, "Ann")
    monkeypatch.delenv("WILDGRAPH_KEY")
    with pytest.raises(RunError, match="has no key"):
        forget(run, "Ann")
    assert not (run / "private/key").exists()


def test_a_build_with_another_key_would_bring_the_user_back_and_is_refused(run, tmp_path, monkeypatch):
    forget(run, "Ann")
    monkeypatch.setenv("WILDGRAPH_KEY", "another")
    with pytest.raises(RunError, match="forgotten under another key"):
        built(run, log(tmp_path))


def test_a_very_long_name_is_found_as_the_log_reader_shortened_it(tmp_path):
    name = "x" * 400
    said = [chat(f"Sum up contract {n}", user=name if n == 5 else f"u{n}") for n in range(9)]
    run = built(tmp_path / "run", write_rows(tmp_path / "log.jsonl", said))
    assert forget(run, name).conversations == 1
    assert all(Conversation.model_validate(row).query != "Sum up contract 5" for row in rows(run / "private/conversations.jsonl"))


# ----------------------------------------------------------------- purge


def test_purging_leaves_what_is_published(run):
    graphs = {file.name: file.read_bytes() for file in (run / "graphs").iterdir()}
    assert (run / "private/vectors.sqlite").is_file()
    found = purge(run)
    assert found.graphs
    assert found.files >= 6
    assert not (run / "private").exists()
    assert {file.name: file.read_bytes() for file in (run / "graphs").iterdir()} == graphs
    assert check_graphs(run) == []
    with pytest.raises(InputError, match="nothing private in which a user could be forgotten"):
        forget(run, "Ann")
    assert purge(run).files == 0


def test_a_run_in_use_is_not_purged(run):
    with RunDirectory.write(run), pytest.raises(RunError, match="another process is writing"):
        purge(run)
    assert (run / "private/counts.parquet").is_file()
    with pytest.raises(InputError, match="not a run directory"):
        purge(run / "graphs")
