import json

import pytest
from made_pairs import MINUTES, dialogue, document, exact, pair, worse
from whole_runs import succeed, wildgraph

from wildgraph.commands.dataset import _licences
from wildgraph.corpus import DocumentStore
from wildgraph.funnel import StageCount
from wildgraph.store import RunDirectory

MEETING = document("minutes", MINUTES, licence="Ask the clerk")


def made(index):
    return pair(
        f"What does clause {index} say?",
        f"Clause {index} says so.",
        index=index,
        split="test" if index == 3 else "train",
        alternatives=(worse(),),
        checkers=(exact(),),
        path=(("task", f"task/{index}"),),
    )


def run_of(folder, pairs):
    """A run whose latest sample holds these pairs."""
    with RunDirectory.write(folder) as run:
        run.write_rows("pairs.jsonl", (one.row() for one in pairs))
        with DocumentStore(folder / "documents.sqlite") as store:
            for one in (document(), MEETING):
                store.put(one)
        count = StageCount("sample", entered=len(pairs), passed=len(pairs))
        run.finish("sample", "f", count, {"pairs.jsonl": "shareable"}, {"seed": 0, "wanted": len(pairs), "settings": {}})
    return folder


@pytest.fixture
def run(tmp_path):
    return run_of(
        tmp_path / "run", [*(made(index) for index in range(6)), dialogue(index=8), pair(documents=(document(), MEETING), index=9)]
    )


def objectives(folder):
    return sorted(place.name for place in folder.iterdir() if place.is_dir())


def test_formats_are_named_one_by_one_or_with_commas(run):
    out = succeed("export", run, "--to", "sft", "--to", "dpo", "--to", "grpo").out
    assert objectives(run / "export") == ["dpo", "grpo", "sft"]
    assert "rows     8 sft, 6 dpo, 6 grpo, card in " in out
    assert "left out dpo: no_alternative 2\n" in out
    assert "left out grpo: unchecked 2\n" in out
    assert f"wrote    {run / 'export' / 'trl_dpo.py'}\n" in out
    out = succeed("export", run, "--to", "openai,alpaca").out
    assert objectives(run / "export") == ["alpaca", "openai"]
    assert "removed  sft, dpo, grpo, left by an earlier export" in out
    assert "rows     8 sft, card in" in succeed("export", run, "-o", run / "other").out


def test_the_configuration_file_names_what_flags_do_not(run, tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("export: {to: [dpo, sft], train_on: last}\n")
    assert "rows     6 dpo, 8 sft" in succeed("export", run, "--config", file).out
    assert '"train_on": "last"' in (run / "export/README.md").read_text()
    assert "rows     8 sft, card" in succeed("export", run, "--config", file, "--to", "sft").out


def test_the_version_is_printed_and_on_the_card(run):
    (version,) = (line.split()[1] for line in succeed("export", run).out.splitlines() if line.startswith("version"))
    assert f"`{version}`" in (run / "export/README.md").read_text()


def test_licences_exclusions_and_short_data(run, tmp_path):
    out = succeed("export", run, "--allow-licences", "CC0-1.0").out
    assert "left out sft: licence_not_allowed 1\n" in out
    succeed("export", run, "--allow-licences", "MIT,CC0-1.0,ask the clerk", "-o", tmp_path / "earlier")
    out = wildgraph("export", run, "--exclude", tmp_path / "earlier", "-o", tmp_path / "now")
    assert out.code == 7
    assert "none of 8 pairs makes a row for sft: 8 × in_earlier_dataset" in out.error
    chats = tmp_path / "a:b.jsonl"
    chats.write_text('{"prompt": "Hello?", "completion": "Hello."}\n' * 5)
    assert "rows     10 sft" in succeed("export", run, "--mix", f"{chats}:0.2").out


def test_a_licence_in_the_corpus_own_words_may_hold_a_comma_and_one_that_stands_in_the_way_is_named(run):
    error = wildgraph("export", run, "--allow-licences", "Unlicense").error
    assert "name more licences with --allow-licences; the most frequent here is 'CC0-1.0'" in error
    words = "A compilation; text: CUAD, CC0-1.0"
    assert wildgraph("export", run, "--allow-licences", words).code == 7, "part of a name is no licence that was allowed"
    assert _licences((words, "MIT, CC0-1.0", "unknown,ask the clerk")) == [words, "MIT", "CC0-1.0", "unknown", "ask the clerk"]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--to", "sfz"], "did you mean 'sft'?"),
        (["--to", ","], "no format is named"),
        (["--mix", "file"], "'file' is not written FILE:SHARE"),
        (["--mix", ":0.5"], "':0.5' names no file"),
        (["--mix", "x:1.5"], "lie between 0 and 1"),
        (["--thinking", "--to", "dpo"], "--thinking goes with --to sft"),
        (["--validate-with", "nowhere"], "there is no tokenizer folder nowhere"),
        (["--push-to-hub", "leases"], "'leases' is no name of a repository"),
        (["--push-to-hub", "me/leases"], "there is no token to push me/leases with"),
    ],
)
def test_what_cannot_be_done_is_one_line(run, monkeypatch, flags, says):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    out = wildgraph("export", run, *flags)
    assert out.code == 2
    assert says in out.error
    assert not (run / "export").exists()


def test_a_push_leaves_unknown_licences_out(run, monkeypatch):
    """The push itself is tried with a hub of its own; here it cannot be reached."""
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    out = wildgraph("export", run, "--push-to-hub", "me/leases")  # tests run with HF_HUB_OFFLINE
    assert out.code == 4
    assert "cannot push me/leases" in out.error
    assert "clerk" not in (run / "export/ATTRIBUTION.md").read_text()


def test_diff_of_exports_and_runs(run, tmp_path):
    other = run_of(tmp_path / "other", [made(index) for index in (1, 2, 3, 4, 7)])
    for one in (run, other):
        succeed("export", one, "--to", "sft,dpo")
    out = succeed("diff", run / "export", other / "export").out
    assert "sft        1 added, 4 removed, 0 changed, 4 the same\n" in out
    assert "  paradigm  dialogue: 1 → 0 (-1)\n" in out
    assert "dpo        1 added, 2 removed, 0 changed, 4 the same\n" in out
    found = json.loads(succeed("diff", run, other, "--json").out)
    assert found["added"] == {"pairs": [made(7).id]}
    assert found["same"] == {"pairs": 4}
    assert {"objective": "pairs", "value": "dialogue", "before": 1, "after": 0} in found["by_paradigm"]
    assert "the same rows" in succeed("diff", run, run).out
    assert wildgraph("diff", run, tmp_path / "nowhere").code == 3
